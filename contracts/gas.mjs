// Measures what the contracts cost on a real client, and writes docs/gas.md; with --check it measures again and fails if the
// page says otherwise. Fails, either way, where a target is missed.
//
//     node gas.mjs GETH [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { concat, encodeFunctionData, keccak256, numberToHex, stringToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { startChain } from './chain.mjs';

const PAGE = new URL('../docs/gas.md', import.meta.url);
const DEPTH = 20;
const BATCH = 1024;

// What is measured hangs on the bytes of the receipt, so that each of them is fixed; the key is nobody's.
const word = (name) => keccak256(stringToHex(`attestlm/gas/${name}`));
const signer = privateKeyToAccount(word('signer'));

const label = (name) => keccak256(stringToHex(`attestlm/receipt-1/${name}`));
const uint = (value) => numberToHex(value, { size: 32 });
const H = (name, ...words) => keccak256(concat([label(name), ...words]));

/** The root of a tree of 2^DEPTH leaves, of which one is known: all else in it is arbitrary. */
function treeAround(name, index, leaf) {
  const siblings = Array.from({ length: DEPTH }, (_, level) => word(`${name}/${level}`));
  const top = siblings.reduce((node, sibling, level) => keccak256(concat((index >> level) & 1 ? [sibling, node] : [node, sibling])), leaf);
  return { siblings, root: H(`${name}-root`, uint(2 ** DEPTH), top) };
}

/** A receipt of 2^20 output tokens, each a step of its own, with the proofs of one. */
async function receiptFor({ address, abi }, chainId) {
  const count = 2 ** DEPTH;
  const index = 0b1010_0110_1001_0110_0101;
  const step = { count, index, kind: 1, firstToken: index, endToken: index + 1, text: stringToHex('12 + 7 = 19'), salt: word('step-salt') };
  const stepLeaf = keccak256(
    H('step-leaf', uint(index), uint(step.kind), uint(step.firstToken), uint(step.endToken), H('step-text', step.salt, keccak256(step.text))),
  );
  const steps = treeAround('steps', index, stepLeaf);

  const token = { index, token: 29_889, tokenSalt: word('token-salt'), digestCommitment: word('digest-commitment') };
  const tokenLeaf = keccak256(H('trace-leaf', uint(index), H('trace-token', token.tokenSalt, uint(token.token)), token.digestCommitment));
  const trace = treeAround('trace', index, tokenLeaf);

  const receipt = {
    kind: 0,
    ...Object.fromEntries(['model', 'adapter', 'profile', 'sampler', 'seed', 'request', 'prompt', 'output'].map((name) => [name, word(name)])),
    trace: trace.root,
    steps: steps.root,
    promptCount: 100,
    outputCount: count,
    finish: 0,
    issuedAt: 1_800_000_000n,
    context: word('context'),
    signer: signer.address,
  };
  const fields = abi.find(({ name }) => name === 'check').inputs[0].components;
  const signature = await signer.signTypedData({
    domain: { name: 'AttestLM', version: '1', chainId, verifyingContract: address },
    types: { Receipt: fields.map(({ name, type }) => ({ name, type })) },
    primaryType: 'Receipt',
    message: receipt,
  });
  const { model, adapter, profile, sampler, context } = receipt;
  const terms = { signer: receipt.signer, model, adapter, profile, sampler, context, scored: false, allowPrefix: false };
  return {
    signed: [receipt, signature, terms],
    step: { ...step, siblings: steps.siblings },
    token: { ...token, siblings: trace.siblings },
  };
}

async function measure(chain) {
  const { reader, wallet, attestlm, registry } = chain;

  /** Gas of the code alone, from the client's own trace: without the transaction's 21,000 and its data. */
  async function execution({ address, abi }, functionName, args) {
    const call = { from: wallet.account.address, to: address, data: encodeFunctionData({ abi, functionName, args }) };
    const options = { disableStack: true, disableStorage: true };
    const { failed, structLogs } = await reader.request({ method: 'debug_traceCall', params: [call, 'latest', options] });
    const [first, last] = [structLogs[0], structLogs.at(-1)];
    if (failed || last.depth !== 1) {
      throw new Error(`${functionName} failed`);
    }
    return first.gas - last.gas + last.gasCost;
  }
  /** The same as a transaction of its own, which stays. */
  async function both(contract, functionName, args) {
    const gas = await execution(contract, functionName, args);
    return { execution: gas, transaction: Number((await chain.send(contract, functionName, args)).gasUsed) };
  }

  const { signed, step, token } = await receiptFor(attestlm, chain.chainId);
  const check = await both(attestlm, 'check', signed);
  const checkStep = await both(attestlm, 'checkStep', [...signed, step]);
  const checkToken = await both(attestlm, 'checkToken', [...signed, token]);

  const anchor = await both(registry, 'anchor', [word('digest')]);
  const again = await both(registry, 'anchor', [word('digest')]);
  const tree = StandardMerkleTree.of(Array.from({ length: BATCH }, (_, index) => [word(`batch/${index}`)]), ['bytes32']);
  const batch = await both(registry, 'anchor', [tree.root]);
  const anchorOf = await execution(registry, 'anchorOf', [word('digest')]);
  const anchorOfMember = await execution(registry, 'anchorOf', [tree.at(0)[0], tree.root, tree.getProof(0)]);

  return [
    ['`check`: form, signature, every term', check.execution, check.transaction, 8_000],
    [`a step among 2^${DEPTH}: \`checkStep\` less \`check\`, no signature`, checkStep.execution - check.execution, null, 12_000],
    ['`checkStep` as a whole, with signature and terms', checkStep.execution, checkStep.transaction, 12_000],
    [`a token among 2^${DEPTH}: \`checkToken\` less \`check\`, no signature`, checkToken.execution - check.execution, null, 12_000],
    ['`checkToken` as a whole, with signature and terms', checkToken.execution, checkToken.transaction, 12_000],
    [FIRST_ANCHOR, anchor.execution, anchor.transaction, null],
    ['`anchor` of the same once more', again.execution, again.transaction, null],
    [`\`anchor\` of a batch of ${number(BATCH)}, each`, each(batch.execution), each(batch.transaction), 60, 'transaction'],
    ['`anchorOf` a digest', anchorOf, null, null],
    [`\`anchorOf\` a member of the batch, with its proof of ${tree.getProof(0).length}`, anchorOfMember, null, null],
    ['deployment of AttestLM', null, Number(attestlm.receipt.gasUsed), null],
    ['deployment of ReceiptRegistry', null, Number(registry.receipt.gasUsed), null],
  ].map(([what, execution, transaction, target, of = 'execution']) => ({ what, execution, transaction, target, of }));
}

const each = (gas) => Math.round((gas * 100) / BATCH) / 100;
const FIRST_ANCHOR = '`anchor` of one digest, the first time';
const firstAnchor = (rows) => rows.find(({ what }) => what === FIRST_ANCHOR).transaction;
const ratio = (later, now) => (firstAnchor(later) / firstAnchor(now)).toFixed(1);
const number = (value) => value.toLocaleString('en-US');

function page(rows, later, client) {
  const cell = (value) => (value === null ? '' : number(value));
  const target = ({ target, of }) => (target === null ? '' : `${of} ≤ ${number(target)}`);
  return `# Gas

\`\`\`sh
make gas
\`\`\`

writes this page: measured on ${client} in \`--dev\` mode, under the rules that it knows of mainnet
([ADR 17](adr/0017-a-real-chain.md)); \`make test-chain\` measures again and fails on a difference. The receipt is
synthetic, of 2^${DEPTH} output tokens, each of them a step; a shorter answer has shorter proofs.

- **Execution** is the code's gas by \`debug_traceCall\`, with the signature's \`ecrecover\` (3,000) in it: what a contract that calls
  pays, beside its own call. Without a transaction's 21,000 and its data.
- **Transaction** is \`gasUsed\` of a transaction that does this and nothing else. For \`check\` it is mostly data, and not less
  than the floor of EIP-7623: 21,000 + 10 a zero byte + 40 any other.
- Of a batch both are divided by its members.

| | execution | transaction | target |
|---|---:|---:|---|
${rows.map((row) => `| ${row.what} | ${cell(row.execution)} | ${cell(row.transaction)} | ${target(row)} |`).join('\n')}

## After Amsterdam

The fork that geth has prepared, and that mainnet has no date for in this version, charges for new state by its bytes (EIP-8037) and more for
data: what checks executes for the same, a first anchor costs ${ratio(later, rows)} times as much, and the target of a batch is met from
${number(Math.ceil(firstAnchor(later) / 60))} members on. The same rows, on the same client with that fork:

| | execution | transaction |
|---|---:|---:|
${later.map((row) => `| ${row.what} | ${cell(row.execution)} | ${cell(row.transaction)} |`).join('\n')}

## Beside others

Published by others, not measured here. They prove other things: a Groth16 proof that a circuit was computed, a DCAP quote that a
certified enclave speaks. A receipt is a signer's claim that whoever has the model can replay (docs/spec/receipt-1.md).

| | gas | source |
|---|---:|---|
| Groth16 verification | about 207,000 + 7,160 a public input | [Orbiter Research](https://hackmd.io/Fa4A8lVKRM2TwVh1dhUb1Q) |
| DCAP quote (SGX, TDX), checked on chain | 4 to 5 million | [Automata](https://github.com/automata-network/automata-dcap-attestation), README at commit 009691d |
| the same, by a RISC Zero Groth16 proof | 351,000 | the same |
| the same, by an SP1 Groth16 proof | 325,000 | the same |
| the same, by an SP1 Plonk proof | 410,000 | the same |
`;
}

const [geth, mode] = process.argv.slice(2);
if (!geth || (mode !== undefined && mode !== '--check')) {
  console.error('usage: node gas.mjs GETH [--check]');
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(130));
}
/** The rows under mainnet's rules and those of `forks`, and the client's version. */
async function measured(forks) {
  const chain = await startChain(geth, { forks });
  try {
    const rows = await measure(chain);
    const [, version] = /^Geth\/v(\d+\.\d+\.\d+)/i.exec(await chain.reader.request({ method: 'web3_clientVersion' }));
    return { rows, client: `go-ethereum ${version}` };
  } finally {
    await chain.stop();
  }
}
const { rows, client } = await measured([]);
const text = page(rows, (await measured(['amsterdam'])).rows, client);
if (mode === '--check') {
  if (readFileSync(PAGE, 'utf8') !== text) {
    console.error(`docs/gas.md is not what is measured now; \`make gas\` writes this:\n\n${text}`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, text);
}
for (const row of rows) {
  const missed = row.target !== null && row[row.of] > row.target;
  console.log(`${row.what}: ${[row.execution, row.transaction].filter((gas) => gas !== null).map(number).join(', ')}${missed ? `, MISSES ${number(row.target)}` : ''}`);
  if (missed) {
    process.exitCode = 1;
  }
}
