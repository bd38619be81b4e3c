// The cases of every implementation, through the viewer's own code.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { checksummed } from '../src/address.js';
import { check, failure, read } from '../src/check.js';
import * as commitment from '../src/commitment.js';
import { keccak256, label, labelled } from '../src/hash.js';
import { toHex } from '../src/hex.js';
import { PROOF, Numeral, canonical, parse } from '../src/json.js';
import * as proof from '../src/proof.js';
import { abi, domainSeparator, structHash } from '../src/receipt.js';
import { Refused } from '../src/refused.js';
import * as request from '../src/request.js';
import * as sampler from '../src/sampler.js';
import * as seed from '../src/seed.js';
import * as step from '../src/step.js';
import * as tree from '../src/tree.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = `${ROOT}vectors/`;
const manifest = JSON.parse(readFileSync(`${FOLDER}manifest.json`, 'utf8'));
const bytes = (text) => hexToBytes(text.slice(2));

/** A value of a case as the viewer's own reader gives it. */
const asTree = (value) => parse(utf8ToBytes(JSON.stringify(value)));

/** What the viewer says of a document: the step and field of section 12, or undefined. */
function verdict(document) {
  let checked;
  try {
    checked = check(read(document));
  } catch (error) {
    const { field } = failure('read', error);
    return { step: 'read', field };
  }
  const [first] = checked.failures;
  if (checked.signature === 'chain') {
    return { step: 'signature', field: 'signature' };
  }
  const [unknown] = checked.unknown;
  return first ? { step: first.step, field: first.field } : unknown && { step: 'unverifiable', field: unknown.field };
}

const commitments = {
  salts(given) {
    const salts = commitment.salts(bytes(given.nonce), given.stream);
    return Object.fromEntries([...salts].map(([name, salt]) => [name, toHex(salt)]));
  },
  tokens(given) {
    return Object.fromEntries(['prompt', 'output'].map((name) => [name, toHex(commitment.ofTokens(name, bytes(given.salt), given.tokens))]));
  },
  bytes: (given) => ({ request: toHex(commitment.ofBytes('request', bytes(given.salt), bytes(given.bytes))) }),
  seed(given) {
    const { rule, ...inputs } = given.inputs ?? {};
    const [first, second] = (seed.INPUTS.get(rule) ?? []).map((name) => bytes(inputs[name]));
    const rules = rule && { rule, first, second };
    const value = rules ? seed.fromInputs(rules) : bytes(given.seed);
    return {
      seed: toHex(value),
      inputsHash: toHex(seed.inputsHash(rules)),
      commitment: toHex(seed.commitment(bytes(given.salt), value, given.stream, rules)),
      ...(rule === 1 && { providerCommitment: toHex(labelled('provider', bytes(given.signer), second)) }),
    };
  },
  context(given) {
    return toHex(commitment.context(BigInt(given.chainId), ...['contract', 'jobId', 'previousDigest'].map((name) => bytes(given[name]))));
  },
  item: (given) => toHex(commitment.itemNonce(bytes(given.nonce), given.item)),
  sampler: (given) => toHex(sampler.hash(sampler.read(asTree(given.record)))),
  canonical(given, raw) {
    const written = request.read(raw.get('value')).bytes;
    return { text: new TextDecoder().decode(written), keccak: toHex(keccak256(written)) };
  },
  steps(given) {
    const steps = step.read(asTree(given.steps));
    step.checkTiling(steps, steps.at(-1).endToken);
    return toHex(step.root(bytes(given.salt), steps));
  },
  trace(given) {
    const salt = bytes(given.salt);
    assert.equal(given.tokens.length, given.digests.length);
    return toHex(tree.root('trace', given.tokens.map((token, index) => proof.traceLeaf(
      index,
      labelled('trace-token', labelled('trace-token-salt', salt, index), token),
      labelled('trace-digest', labelled('trace-digest-salt', salt, index), bytes(given.digests[index])),
    ))));
  },
};

const areas = {
  commitments(given, raw) {
    if (given.kind === 'logits') {
      return 'the viewer sees no logits';
    }
    assert.deepEqual(commitments[given.kind](given, raw), given.expect);
    return undefined;
  },

  merkle(given, raw) {
    const { kind, outputCount, root } = given.receipt;
    const receipt = { kind, outputCount, trace: bytes(root), steps: bytes(root) };
    let valid = true;
    try {
      const opened = proof.read(parse(utf8ToBytes(canonical(raw.get('proof'))), PROOF));
      // A tree's proof is of its own type.
      if ('step' in opened && given.tree === 'steps') {
        proof.checkStep(opened.step, receipt);
      } else if ('trace' in opened && given.tree === 'trace') {
        proof.checkTrace(opened.trace, receipt);
      } else {
        valid = false;
      }
    } catch (error) {
      assert.ok(error instanceof Refused, error);
      valid = false;
    }
    assert.equal(valid, given.valid);
  },

  receipts(given) {
    const source = read(utf8ToBytes(JSON.stringify(given.document)));
    const checked = check(source);
    assert.deepEqual([checked.signature, checked.failures, checked.unknown], ['good', [], []]);
    // How a document is written (documentKeccak) and packed is not the viewer's.
    const { domainSeparator: separator, structHash: struct, digest, abi: encoded, signer } = given.expect;
    assert.deepEqual(
      [domainSeparator(source.contract), structHash(source.message), checked.digest, abi(source.message), source.message.signer].map(toHex),
      [separator, struct, digest, encoded, signer],
    );
    const disclosed = Object.keys(given.document.disclosure ?? {});
    const fields = { promptTokens: 'prompt', outputTokens: 'output', contextInputs: 'context' };
    const expected = disclosed.filter((name) => ['profile', 'sampler', 'seed', 'request', 'promptTokens', 'outputTokens', 'steps', 'contextInputs'].includes(name));
    const policy = disclosed.includes('sampler') ? ['policy'] : [];
    assert.deepEqual([...checked.compared].sort(), [...expected.map((name) => fields[name] ?? name), ...policy].sort());
  },

  refused(given) {
    const found = verdict(utf8ToBytes(given.text));
    assert.equal(found?.step, given.step);
    if (given.field !== undefined) {
      assert.equal(found.field, given.field);
    }
  },

  generations(given) {
    for (const receipt of given.receipts) {
      const checked = check(read(utf8ToBytes(receipt)));
      assert.deepEqual([checked.signature, checked.failures, checked.unknown], ['good', [], []]);
    }
  },
};

/** Areas of what the viewer does not do. */
const LEFT_OUT = {
  gguf: 'it opens no model',
  keystore: 'it signs nothing',
  numerics: 'it computes nothing',
  requests: 'it generates nothing',
  sampler: 'it draws nothing',
  steps: 'it shows the cuts that were signed, and cuts nothing',
  template: 'it renders nothing',
};

test('every area is read or left out for a reason', () => {
  assert.deepEqual(Object.keys(manifest).sort(), [...Object.keys(areas), ...Object.keys(LEFT_OUT)].sort());
});

for (const [area, run] of Object.entries(areas)) {
  test(area, async (t) => {
    const files = readdirSync(FOLDER + area).filter((name) => name.endsWith('.json')).sort();
    assert.ok(manifest[area].count > 0);
    assert.equal(files.length, manifest[area].count);
    assert.deepEqual(files, Object.keys(manifest[area].sha256).sort());
    let done = 0;
    const skipped = [];
    for (const file of files) {
      await t.test(file, () => {
        const source = readFileSync(`${FOLDER}${area}/${file}`);
        assert.equal(createHash('sha256').update(source).digest('hex'), manifest[area].sha256[file]);
        const why = run(JSON.parse(String(source)), parse(source));
        done += 1;
        if (why !== undefined) {
          skipped.push(file);
        }
      });
    }
    assert.equal(done, manifest[area].count);
    assert.equal(skipped.length, area === 'commitments' ? files.filter((name) => name.startsWith('logits-')).length : 0);
  });
}

test('the labels are those of the specification', () => {
  const text = readFileSync(`${ROOT}docs/spec/receipt-1.md`, 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` \| `(0x[0-9a-f]{64})` \|/gm)];
  assert.equal(rows.length, 28);
  for (const [, name, hash] of rows) {
    assert.equal(toHex(label(name)), hash, name);
  }
});

test('addresses are in the mixed case of EIP-55', () => {
  for (const address of ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB', '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb']) {
    assert.equal(checksummed(bytes(address.toLowerCase())), address);
  }
});

test('numbers are written as ECMAScript writes them', () => {
  for (const [given, written] of [['1e0', '1'], ['-0', '0'], ['1E21', '1e+21'], ['9007199254740992', '9007199254740992'], ['0.000001', '0.000001'],
    ['1e-7', '1e-7'], ['100000000000000000000', '100000000000000000000']]) {
    assert.equal(canonical(new Numeral(given)), written);
  }
  for (const refused of ['9007199254740993', '1e999', '123456789012345678']) {
    assert.throws(() => canonical(new Numeral(refused)), Refused);
  }
});
