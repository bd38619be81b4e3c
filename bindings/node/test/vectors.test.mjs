// The cases of every implementation, through this package alone.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { getAddress } from 'ethers';
import { AttestLMError, Model, Receipt, Signer } from 'attestlm';
import { ROOT, failure } from './support.mjs';

const FOLDER = join(ROOT, 'vectors');
const manifest = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8'));
const temporary = mkdtempSync(join(tmpdir(), 'attestlm-'));
let model;

before(async () => {
  model = await Model.bundled();
});
after(() => rmSync(temporary, { recursive: true }));

const load = (area, file) => JSON.parse(readFileSync(join(FOLDER, area, file), 'utf8'));

/** That an operation came to what the case says. */
async function answers(expected, work) {
  assert.equal(typeof expected.code, 'number');
  if (expected.code === 0) {
    return work();
  }
  const error = await failure(work);
  assert.ok(error instanceof AttestLMError, error);
  assert.deepEqual({ code: error.code, name: error.codeName, field: error.field }, { code: expected.code, name: expected.name, field: expected.field });
  assert.ok(error.message.includes(expected.says ?? expected.field));
}

/** The report of a check without a model, which expects of the receipt what it is. */
async function reportOf(receipt) {
  const generated = await receipt.verify({ terms: { signatureOnly: true, allowPrefix: true } });
  return generated.kind === 0 ? generated : receipt.verify({ terms: { signatureOnly: true, scored: true } });
}

/** Whether a signature is refused. Of a receipt for a contract its chain decides. */
const isRefused = ({ verdict }) => verdict.name === 'invalid' || Boolean(verdict.why?.startsWith('erc1271: '));

const areas = {
  async generations(given) {
    const session = await model.createSession(given.options);
    const signer = Signer.fromKey(given.key);
    const documents = given.continuation
      ? [(await session.score(given.request, given.continuation, { signer })).receipt]
      : (await session.generateAll(given.request, { signer })).map((answer) => answer.receipt);
    assert.deepEqual(documents.map(String), given.receipts);
    await session.close();
  },

  async gguf(given) {
    const path = join(temporary, 'model.gguf');
    writeFileSync(path, Buffer.from(given.hex, 'hex'));
    await answers(given, () => Model.check(path));
    await answers(given, async () => (await Model.open(path)).close());
  },

  async keystore(given) {
    const keystore = typeof given.keystore === 'string' ? given.keystore : JSON.stringify(given.keystore);
    if (given.error === undefined) {
      const signer = await Signer.fromKeystore(keystore, given.password);
      assert.equal(signer.address, getAddress(given.address.toLowerCase()));
      assert.equal(Signer.fromKey(given.privateKey).address, signer.address);
    } else {
      const error = await failure(() => Signer.fromKeystore(keystore, given.password));
      assert.deepEqual([error.codeName, error.field], ['signer', given.error]);
    }
  },

  // Each proof is checked against a receipt that has the case's kind, count and root: more of it no proof looks at.
  merkle(given) {
    const { document } = load('receipts', 'undisclosed.json');
    const { kind, outputCount, root } = given.receipt;
    Object.assign(document.message, { kind, outputCount, trace: root, steps: root });
    const receipt = Receipt.parse(document);
    if (given.valid) {
      receipt.checkProof(given.proof);
    } else {
      assert.throws(() => receipt.checkProof(given.proof), (error) => error.codeName === 'receipt');
    }
  },

  async receipts(given) {
    const receipt = Receipt.parse(given.document);
    assert.equal(receipt.digest, given.expect.digest);
    assert.equal(receipt.signer, getAddress(given.expect.signer));
    assert.equal((await reportOf(receipt)).verdict.name, 'verified');
    assert.deepEqual(receipt.toJSON(), given.document);
    assert.equal(String(Receipt.parse(String(receipt))), String(receipt));
    // Signed at another time it was not.
    const other = structuredClone(given.document);
    other.message.issuedAt = '1';
    assert.ok(isRefused(await reportOf(Receipt.parse(other))));
  },

  async refused(given) {
    let receipt;
    try {
      receipt = Receipt.parse(given.text);
    } catch (error) {
      assert.deepEqual([error.codeName, given.step], ['receipt', 'read']);
      return;
    }
    const report = await reportOf(receipt);
    if (given.step === 'unverifiable') {
      assert.equal(report.verdict.name, 'unverifiable');
      assert.ok(report.verdict.why.startsWith(given.field));
      return;
    }
    assert.ok(isRefused(report));
    if (given.step === 'commitments') {
      assert.ok(report.verdict.what.startsWith(`${given.field}:`));
    } else {
      assert.equal(report.compared.length > 0, given.step === 'signature');
      assert.ok(!report.compared.includes('signature'));
    }
  },

  // What is accepted is queued, and dropped before anything is computed.
  async requests(given) {
    const session = await model.createSession(given.options);
    const generation = session.stream(Buffer.from(given.request));
    await answers(given, () => generation.queued);
    await generation.close();
    await session.close();
  },
};

const none = {
  commitments: 'hashes of parts, which only whole receipts show (receipts, refused)',
  numerics: 'operations inside a model, which only whole answers show (generations)',
  sampler: 'draws from given logits, which only whole answers show (generations)',
  steps: "outputs of no model; a model's own are cut in its answers (generations)",
  template: "templates of no model; a model's own shows in its answers (generations)",
};

test('every area of the manifest is read, or left out for a reason', () => {
  assert.deepEqual(Object.keys(manifest).sort(), [...Object.keys(areas), ...Object.keys(none)].sort());
});

for (const [area, reason] of Object.entries(none)) {
  test(area, { skip: reason }, () => {});
}

for (const [area, check] of Object.entries(areas)) {
  test(area, async () => {
    const { count, sha256 } = manifest[area];
    const files = readdirSync(join(FOLDER, area)).filter((file) => file.endsWith('.json')).sort();
    assert.deepEqual(files, Object.keys(sha256).sort());
    assert.equal(files.length, count);
    let ran = 0;
    for (const file of files) {
      const digest = createHash('sha256').update(readFileSync(join(FOLDER, area, file))).digest('hex');
      assert.equal(sha256[file].replace(/^0x/, ''), digest, file);
      const document = load(area, file);
      const cases = document.cases ?? [document];
      assert.equal(cases.length, document.count ?? 1);
      for (const given of cases) {
        try {
          await check(given);
        } catch (error) {
          error.message = `${area}/${file} ${given.name ?? ''}: ${error.message}`;
          throw error;
        }
        ran++;
      }
    }
    assert.ok(ran > 0);
  });
}
