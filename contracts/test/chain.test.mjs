// Receipts on a real client: made by the command line, anchored and checked by programs in three languages, which say the same.
//
//     node chain.test.mjs WORK
//
// scripts/test-chain.sh makes WORK (target/onchain), with the programs of examples/onchain in it.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { createPublicClient, hashTypedData, hexToString, http, keccak256, parseEther, stringToHex, zeroAddress, zeroHash } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { startChain } from '../chain.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tools = resolve(process.argv[2]);
const geth = process.env.GETH;
const attestlm = process.env.ATTESTLM;
const keystore = join(root, 'bindings/go/testdata/keystore.json');
const languages = {
  go: [join(tools, 'go/onchain')],
  python: [join(tools, 'python/bin/python'), join(root, 'examples/onchain/python/onchain.py')],
  node: [process.execPath, join(tools, 'node/onchain.mjs')],
};
// Ended from outside, too: the handler of `exit` in chain.mjs ends geth.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(1));
}

const work = mkdtempSync(join(tmpdir(), 'attestlm-onchain-'));
let chain;

/** A program's status and what it says. */
function ran(program, args, env = {}) {
  return new Promise((done, failed) => {
    execFile(program, args, { timeout: 120_000, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') {
        failed(error);
      } else {
        done({ status: error?.code ?? 0, stdout, stderr });
      }
    });
  });
}
/** What it says, if it succeeds. */
async function output(program, args, env) {
  const { status, stdout, stderr } = await ran(program, args, env);
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

const file = (name) => join(work, name);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
function write(name, value) {
  writeFileSync(file(name), JSON.stringify(value));
  return file(name);
}

/** A receipt document of the bundled model, for the verifier of a chain, in a file; with more choices NAME.1.json and so on. */
async function receipt(name, { chainId = chain.chainId, verifier = chain.attestlm.address, choices = 1, context } = {}) {
  const question = 'Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. He buys 3 apples. How many apples does Tom have now?';
  const options = ['--prompt', question, '--temperature', '0.7', '--seed', '7', '--choices', choices, '--key', keystore];
  if (context) {
    options.push('--context', context);
  }
  await output(attestlm, ['run', ...options, '--domain', `${chainId}:${verifier.toLowerCase()}`, '--receipt', file(name)].map(String), {
    ATTESTLM_PASSWORD: 'quickstart',
  });
  return file(name);
}
/** The document with one of its steps, and its proof, alone. */
async function showing(index, path, name) {
  writeFileSync(file(name), await output(attestlm, ['steps', 'prove', path, '--step', String(index)]));
  return file(name);
}
/** A document's digest, by viem. */
const digestOf = (path) => hashTypedData(read(path));

const environment = (key = chain.key) => ({
  ETH_RPC_URL: chain.url,
  ETH_PRIVATE_KEY: key,
  ATTESTLM_VERIFIER: chain.attestlm.address,
  ATTESTLM_REGISTRY: chain.registry.address,
  ATTESTLM_CONTRACTS: join(root, 'contracts/out'),
});
const onchain = ([program, ...before], args, key) => ran(program, [...before, ...args], environment(key));

async function anchor(language, path, key) {
  const { status, stdout, stderr } = await onchain(languages[language], ['anchor', path], key);
  assert.equal(stdout, `anchor    ${read(path).root ?? digestOf(path)} success\n`, stderr);
  assert.equal(status, 0);
}

/** What all three say of a receipt, by line; they say it with the same bytes and status. */
async function check(path, { signer = read(path).message.signer, model = read(path).message.model, batch } = {}) {
  const args = ['check', '--signer', signer, '--model', model, ...(batch ? ['--batch', batch] : []), path];
  const [go, python, node] = await Promise.all(Object.values(languages).map((program) => onchain(program, args)));
  for (const other of [python, node]) {
    assert.equal(other.stdout, go.stdout, other.stderr + go.stderr);
    assert.equal(other.status, go.status);
  }
  const said = Object.fromEntries(go.stdout.trimEnd().split('\n').map((line) => [line.slice(0, 9).trimEnd(), line.slice(10)]));
  assert.deepEqual(Object.keys(said).slice(0, 5), ['receipt', 'verdict', 'event', 'anchor', 'check'], go.stdout + go.stderr);
  return { status: go.status, said };
}
async function anchors(of) {
  return chain.reader.getContractEvents({ ...chain.registry, eventName: 'Anchored', args: { root: of }, fromBlock: 0n });
}
const payer = () => chain.account.address.toLowerCase();

let made;
before(
  async () => {
    chain = await startChain(geth);
    made = await showing(1, await receipt('receipt.json'), 'shown.json');
  },
  { timeout: 180_000 },
);
after(async () => {
  await chain?.stop();
  rmSync(work, { recursive: true, force: true });
});
const within = { timeout: 180_000 };

test('a receipt that nobody anchored is not anchored, whatever else holds', within, async () => {
  const { status, said } = await check(made);
  const digest = digestOf(made);
  assert.deepEqual(said, { receipt: digest, verdict: 'verified', event: 'none', anchor: 'none', check: digest, 'step 1': digest });
  assert.equal(status, 1);
});

test('anchored by one, found and verified by all; the first anchor stays', within, async () => {
  await anchor('go', made);
  const [event] = await anchors(digestOf(made));
  const { timestamp } = await chain.reader.getBlock({ blockNumber: event.blockNumber });
  const found = await check(made);
  assert.equal(found.said.event, `${payer()} in block ${event.blockNumber}`);
  assert.equal(found.said.anchor, `${payer()} at ${timestamp}`);
  assert.equal(found.said['step 1'], digestOf(made));
  assert.equal(found.status, 0);

  // Somebody else, later, with the other two.
  const other = generatePrivateKey();
  const hash = await chain.wallet.sendTransaction({ to: privateKeyToAccount(other).address, value: parseEther('1') });
  await chain.reader.waitForTransactionReceipt({ hash });
  await anchor('python', made, other);
  await anchor('node', made, other);
  assert.equal((await anchors(digestOf(made))).length, 1);
  assert.deepEqual(await check(made), found);
});

test('the viewer finds the anchor, and none of another receipt', within, async () => {
  const page = ['--test-reporter=tap', '--test-name-pattern=^a real node$', join(root, 'viewer/test/page.test.mjs')];
  const { status, stdout, stderr } = await ran(process.execPath, page, {
    VIEWER_RPC: chain.url,
    VIEWER_REGISTRY: chain.registry.address,
    VIEWER_RECEIPT: made,
    VIEWER_PAGE: process.env.VIEWER_PAGE,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^ok \d+ - a real node$/m);
});

test('of four steps one is shown, and the others nowhere in the document', within, async () => {
  const { steps } = read(file('receipt.json')).disclosure;
  assert.equal(steps.length, 4);
  const text = readFileSync(made, 'utf8');
  assert.ok(text.includes(JSON.stringify(steps[1].text)));
  // Whole, and by line; the digits of the answer alone are in every hash.
  const withheld = [0, 2, 3].flatMap((index) => [JSON.stringify(steps[index].text), ...steps[index].text.match(/.*=.*/g) ?? []]);
  assert.equal(withheld.length, 5);
  for (const part of withheld) {
    assert.ok(!text.includes(part), part);
  }
});

test('a step with one character changed is refused', within, async () => {
  const document = read(made);
  const [step] = document.disclosure.stepProofs;
  step.text = step.text.replace('=', '+');
  const { status, said } = await check(write('changed-step.json', document));
  assert.equal(said.verdict, 'invalid');
  assert.equal(said.check, digestOf(made));
  assert.equal(said['step 1'], 'refused: NotProven');
  assert.equal(status, 1);
});

test('a receipt with one field changed is refused', within, async () => {
  const document = read(made);
  for (const [name, change] of Object.entries({
    output: (value) => value.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
    outputCount: (value) => value + 1,
    issuedAt: (value) => String(BigInt(value) + 1n),
  })) {
    const message = { ...document.message, [name]: change(document.message[name]) };
    const { status, said } = await check(write('changed.json', { ...document, message }));
    assert.notEqual(said.verdict, 'verified', name);
    assert.equal(said.event, 'none', name);
    assert.equal(said.anchor, 'none', name);
    assert.equal(said.check, 'refused: NotSigned', name);
    assert.equal(said['step 1'], 'refused: NotSigned', name);
    assert.equal(status, 1);
  }
});

test('a receipt of another signer or model than wanted is refused', within, async () => {
  const signer = await check(made, { signer: chain.account.address.toLowerCase() });
  assert.deepEqual([signer.said.verdict, signer.said.check, signer.status], ['invalid', 'refused: Unexpected signer', 1]);
  const model = await check(made, { model: `0x${'11'.repeat(32)}` });
  assert.deepEqual([model.said.verdict, model.said.check, model.status], ['invalid', 'refused: Unexpected model', 1]);
});

test('a receipt for another chain or another verifier is refused', within, async () => {
  for (const domain of [{ chainId: chain.chainId + 1 }, { verifier: chain.registry.address }]) {
    const { status, said } = await check(await showing(1, await receipt('elsewhere.json', domain), 'elsewhere-shown.json'));
    // It is a good receipt, there.
    assert.equal(said.verdict, 'verified');
    assert.equal(said.check, 'refused: NotSigned');
    assert.equal(said['step 1'], 'refused: NotSigned');
    assert.equal(status, 1);
  }
});

/** What a batch of receipts is anchored by, with the proof of each: what OpenZeppelin's tree of them is. */
async function prepared(paths) {
  const folder = mkdtempSync(join(work, 'batch-'));
  paths.forEach((path, index) => copyFileSync(path, join(folder, `${index}.json`)));
  const contents = JSON.parse(await output(attestlm, ['anchor', 'prepare', folder]));
  const digests = paths.map(digestOf);
  const tree = StandardMerkleTree.of(digests.map((digest) => [digest]), ['bytes32']);
  const receipts = digests.map((digest, index) => ({ file: `${index}.json`, digest, proof: tree.getProof([digest]) }));
  assert.deepEqual(contents, { root: tree.root, receipts });
  return contents;
}

test('a batch is anchored by its root, and each of its receipts is found', within, async () => {
  const paths = [await receipt('batch.json', { choices: 5 }), ...[1, 2, 3, 4].map((choice) => file(`batch.${choice}.json`))];
  const contents = await prepared(paths);
  const batch = write('prepared.json', contents);
  const before = await check(paths[3], { batch });
  assert.deepEqual([before.said.event, before.said.anchor, before.status], ['none', 'none', 1]);

  await anchor('node', batch);
  const [event] = await anchors(contents.root);
  for (const path of paths) {
    const { status, said } = await check(await showing(2, path, 'member.json'), { batch });
    assert.equal(said.event, `${payer()} in block ${event.blockNumber}`);
    assert.match(said.anchor, new RegExp(`^${payer()} at \\d+$`));
    assert.equal(said['step 2'], digestOf(path));
    assert.equal(status, 0);
  }
  // Not by itself, with another's proof, or as one that is not in it.
  assert.equal((await check(paths[3])).said.anchor, 'none');
  const mixed = { ...contents, receipts: contents.receipts.map((entry, index) => ({ ...entry, proof: contents.receipts[(index + 1) % 5].proof })) };
  assert.equal((await check(paths[3], { batch: write('mixed.json', mixed) })).said.anchor, 'none');
  assert.equal((await check(made, { batch })).said.anchor, 'none');
});

test('a contract pays once for the answer to its job', within, async () => {
  const { message } = read(made);
  const any = { adapter: zeroHash, profile: zeroHash, sampler: zeroHash, context: zeroHash, scored: false, allowPrefix: false };
  const terms = { signer: message.signer, model: message.model, ...any };
  const deploy = (changes) => chain.deploy('AnswerBounty', [chain.attestlm.address, keccak256('0x01'), { ...terms, ...changes }], parseEther('2'));
  // Anybody could answer.
  await assert.rejects(deploy({ signer: zeroAddress }));
  const bounty = await deploy();
  const context = await chain.reader.readContract({ ...bounty, functionName: 'context' });

  const path = await receipt('job.json', { context: `${chain.chainId}:${bounty.address}:${keccak256('0x01')}` });
  assert.equal(read(path).message.context, context);
  const claim = async (path, step) => {
    const document = read(await showing(step, path, 'claim.json'));
    const [proof] = document.disclosure.stepProofs;
    return [{ ...document.message, issuedAt: BigInt(document.message.issuedAt) }, document.signature, { ...proof, text: stringToHex(proof.text) }];
  };
  const refused = async (path, step, name) => {
    const abi = [...bounty.abi, ...chain.attestlm.abi.filter(({ type }) => type === 'error')];
    const asked = { address: bounty.address, abi, functionName: 'claim', args: await claim(path, step), account: chain.account };
    await assert.rejects(chain.reader.simulateContract(asked), (error) => error.walk(({ data }) => data?.errorName)?.data.errorName === name);
  };
  const answer = read(path).disclosure.steps.length - 1;
  await refused(path, 0, 'NotTheAnswer');
  // A receipt that is not for this job.
  await refused(file('receipt.json'), answer, 'Unexpected');
  const before = await chain.reader.getBalance({ address: message.signer });
  await chain.send(bounty, 'claim', await claim(path, answer));
  assert.equal(await chain.reader.getBalance({ address: message.signer }), before + parseEther('2'));
  assert.equal(hexToString(await chain.reader.readContract({ ...bounty, functionName: 'answer' })), read(path).disclosure.steps[answer].text);
  const [event] = await chain.reader.getContractEvents({ ...bounty, eventName: 'Answered', fromBlock: 0n });
  assert.equal(event.args.receipt, digestOf(path));
  await refused(path, answer, 'NothingToPay');
});

test('`make chain` prints where it is, and leaves nothing when it is interrupted', within, async () => {
  const program = spawn(process.execPath, [join(root, 'contracts/chain.mjs'), geth, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let text = '';
    for await (const part of program.stdout.setEncoding('utf8')) {
      text += part;
      if (text.includes('ATTESTLM_REGISTRY')) {
        break;
      }
    }
    const named = Object.fromEntries([...text.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
    const reader = createPublicClient({ transport: http(named.ETH_RPC_URL, { retryCount: 0 }) });
    for (const name of ['ATTESTLM_VERIFIER', 'ATTESTLM_REGISTRY']) {
      assert.ok((await reader.getCode({ address: named[name] })).length > 1000, name);
    }
    // As documented: the same addresses each time.
    assert.deepEqual([named.ATTESTLM_VERIFIER, named.ATTESTLM_REGISTRY], [chain.attestlm.address, chain.registry.address]);
    program.kill('SIGINT');
    assert.deepEqual(await once(program, 'exit'), [0, null]);
    await assert.rejects(reader.getChainId());
  } finally {
    program.kill('SIGKILL');
  }
});
