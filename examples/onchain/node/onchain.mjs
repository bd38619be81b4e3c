// A receipt on a chain: anchors it, or finds its anchor and has AttestLM check it and the steps it shows.
//
//     node onchain.mjs anchor RECEIPT.json|BATCH.json
//     node onchain.mjs check --signer ADDRESS --model HASH [--batch BATCH.json] RECEIPT.json
//
// RECEIPT.json may show steps (`attestlm steps prove`, `attestlm disclose`). BATCH.json: {"root", "receipts": [{"file", "digest",
// "proof"}]}. The chain is in ETH_RPC_URL, ATTESTLM_VERIFIER and ATTESTLM_REGISTRY, the compiled contracts are in
// ATTESTLM_CONTRACTS, and who pays for an anchor in ETH_PRIVATE_KEY. Exit status: 0 if everything holds, 1 if something does not,
// 2 for wrong usage.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Receipt } from 'attestlm';
import { BaseError, ContractFunctionRevertedError, createPublicClient, createWalletClient, http } from 'viem';
import { hexToString, stringToHex, zeroAddress, zeroHash } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const { ETH_RPC_URL, ETH_PRIVATE_KEY, ATTESTLM_VERIFIER, ATTESTLM_REGISTRY, ATTESTLM_CONTRACTS } = process.env;
for (const name of ['ETH_RPC_URL', 'ATTESTLM_VERIFIER', 'ATTESTLM_REGISTRY', 'ATTESTLM_CONTRACTS']) {
  if (!process.env[name]) {
    console.error(`onchain: ${name} is not set`);
    process.exit(2);
  }
}
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const contract = (address, name) => ({ address, abi: read(join(ATTESTLM_CONTRACTS, `${name}.json`)).abi });

const transport = http(ETH_RPC_URL);
const reader = createPublicClient({ transport });
const attestlm = contract(ATTESTLM_VERIFIER, 'AttestLM');
const registry = contract(ATTESTLM_REGISTRY, 'ReceiptRegistry');

async function anchor(path) {
  if (!ETH_PRIVATE_KEY) {
    throw new Error('ETH_PRIVATE_KEY is not set');
  }
  const root = read(path).root ?? Receipt.parse(readFileSync(path)).digest;
  const wallet = createWalletClient({ transport, account: privateKeyToAccount(ETH_PRIVATE_KEY) });
  const hash = await wallet.writeContract({ ...registry, functionName: 'anchor', args: [root], chain: null });
  const { status } = await reader.waitForTransactionReceipt({ hash });
  console.log(`anchor    ${root} ${status}`);
  return status === 'success';
}

async function check(path, { signer, model, batch: batchPath }) {
  const document = read(path);
  const receipt = Receipt.parse(document);
  let sound = true;
  const say = (name, good, text) => {
    sound &&= good;
    console.log(`${name.padEnd(9)} ${text}`);
  };

  // Without a chain: form, signature, what we expect, and the steps.
  const { verdict } = await receipt.verify({ terms: { signatureOnly: true, signer, model } });
  say('receipt', true, receipt.digest);
  say('verdict', verdict.name === 'verified', verdict.name);

  // Its anchor: its own digest's, or that of a batch it is in.
  const batch = batchPath ? read(batchPath) : { root: receipt.digest };
  const member = batch.receipts?.find(({ digest }) => digest === receipt.digest);
  const [event] = await reader.getContractEvents({ ...registry, eventName: 'Anchored', args: { root: batch.root }, fromBlock: 0n });
  say('event', event !== undefined, event ? `${event.args.by.toLowerCase()} in block ${event.blockNumber}` : 'none');
  const args = batchPath ? [receipt.digest, batch.root, member?.proof ?? []] : [receipt.digest];
  const [by, time] = await reader.readContract({ ...registry, functionName: 'anchorOf', args });
  say('anchor', by !== zeroAddress, by !== zeroAddress ? `${by.toLowerCase()} at ${time}` : 'none');

  // What a contract would ask. Zero demands nothing.
  const message = { ...document.message, issuedAt: BigInt(document.message.issuedAt) };
  const any = { adapter: zeroHash, profile: zeroHash, sampler: zeroHash, context: zeroHash };
  const terms = { signer, model, ...any, scored: false, allowPrefix: false };
  say('check', ...(await asked('check', [message, document.signature, terms])));
  for (const step of document.disclosure?.stepProofs ?? []) {
    const proof = { ...step, text: step.textHex ?? stringToHex(step.text) };
    say(`step ${step.index}`, ...(await asked('checkStep', [message, document.signature, terms, proof])));
  }
  return sound;
}

async function asked(functionName, args) {
  try {
    return [true, await reader.readContract({ ...attestlm, functionName, args })];
  } catch (error) {
    const reverted = error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (!reverted?.data) {
      throw error;
    }
    const { errorName, args: [field] = [] } = reverted.data;
    return [false, `refused: ${errorName}${field ? ` ${hexToString(field, { size: 32 })}` : ''}`];
  }
}

const [command, ...rest] = process.argv.slice(2);
const options = { signer: { type: 'string' }, model: { type: 'string' }, batch: { type: 'string' } };
const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: true });
try {
  if (command === 'anchor' && positionals.length === 1) {
    process.exitCode = (await anchor(positionals[0])) ? 0 : 1;
  } else if (command === 'check' && positionals.length === 1 && values.signer && values.model) {
    process.exitCode = (await check(positionals[0], values)) ? 0 : 1;
  } else {
    console.error('usage: onchain anchor FILE | onchain check --signer ADDRESS --model HASH [--batch FILE] RECEIPT');
    process.exitCode = 2;
  }
} catch (error) {
  console.error(`onchain: ${error.shortMessage ?? error.message}`);
  process.exitCode = 1;
}
