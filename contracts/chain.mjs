// A chain of its own on this machine: geth in --dev mode on loopback, under mainnet's rules, with AttestLM and ReceiptRegistry
// deployed. It is gone, with all that was on it, when this program ends.
//
//     node chain.mjs GETH [PORT]
//
// PORT: 8545 if absent; 0 takes a free one. The addresses are the same each time.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createPublicClient, createWalletClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

/** The key of geth's developer account, as geth publishes it: worth nothing on any other chain. */
const DEVELOPER_KEY = '0xb71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291';
const START_SECONDS = 60;

/** What compile.mjs made of a contract: its ABI and bytecode. */
export function compiled(name) {
  return JSON.parse(readFileSync(fileURLToPath(new URL(`out/${name}.json`, import.meta.url)), 'utf8'));
}

/**
 * Initializes a data folder. geth's own genesis of --dev has forks that no chain has yet, and their prices: this one has the forks
 * that geth knows of mainnet, all from the beginning, and those of `more`.
 */
function initialize(geth, folder, more) {
  const run = (...args) => execFileSync(geth, args, { encoding: 'utf8', timeout: START_SECONDS * 1000, stdio: ['ignore', 'pipe', 'ignore'] });
  const preset = join(folder, 'preset');
  run('--dev', '--datadir', preset, '--ipcdisable', '--authrpc.port', '0', 'console', '--exec', '1');
  const genesis = JSON.parse(run('dumpgenesis', '--datadir', preset));
  const mainnet = JSON.parse(run('dumpgenesis', '--mainnet')).config;
  const isFork = (name) => name.endsWith('Time');
  const forks = [...Object.keys(mainnet).filter(isFork), ...more.map((fork) => `${fork}Time`)];
  genesis.config = {
    ...Object.fromEntries(Object.entries(genesis.config).filter(([name]) => !isFork(name))),
    ...Object.fromEntries(forks.map((name) => [name, 0])),
    blobSchedule: mainnet.blobSchedule,
  };
  writeFileSync(join(folder, 'genesis.json'), JSON.stringify(genesis));
  run('init', '--datadir', join(folder, 'data'), join(folder, 'genesis.json'));
}

/** Starts geth, and resolves with where it answers. However this process ends on its own, geth ends with it. */
async function startGeth(geth, port, forks) {
  const folder = mkdtempSync(join(tmpdir(), 'attestlm-chain-'));
  const clean = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    initialize(geth, folder, forks);
  } catch (error) {
    clean();
    throw error;
  }
  const child = spawn(
    geth,
    [
      '--dev',
      ...['--datadir', join(folder, 'data'), '--ipcdisable', '--log.format', 'json'],
      ...['--http', '--http.addr', '127.0.0.1', '--http.port', port, '--http.api', 'eth,net,web3,debug'],
      // Pages may ask it, as they may ask a public node: the viewer does (docs/viewer.md).
      ...['--http.corsdomain', '*'],
      ...['--authrpc.addr', '127.0.0.1', '--authrpc.port', 0],
    ].map(String),
    // A group of its own: the terminal's Ctrl-C is for this process, which then ends geth.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const exited = new Promise((resolve) => {
    child.once('exit', resolve).once('error', resolve);
  });
  const kill = () => {
    child.kill('SIGKILL');
    clean();
  };
  process.once('exit', kill);
  const stop = async () => {
    child.kill('SIGINT');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(late);
    process.off('exit', kill);
    clean();
  };

  let log = '';
  const endpoint = await new Promise((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text) => {
      log = (log + text).slice(-100_000);
      const started = /"HTTP server started","endpoint":"([^"]+)","auth":false/.exec(log);
      if (started) {
        resolve(started[1]);
      }
    });
    exited.then(() => resolve());
    setTimeout(resolve, START_SECONDS * 1000).unref();
  });
  if (!endpoint) {
    await stop();
    throw new Error(`${geth} did not start:\n${log.split('\n').slice(-20).join('\n')}`);
  }
  return { url: `http://${endpoint}`, exited, stop };
}

/**
 * Starts a chain, under mainnet's rules and those of `forks`, and deploys the contracts.
 *
 * `reader` and `wallet` are viem's clients, `wallet` of the funded account; `deploy(name, args, value)` and `send(contract, name, args)` answer
 * with the transaction's receipt, `send` of a transaction that succeeded.
 */
export async function startChain(geth, { port = 0, forks = [] } = {}) {
  const { url, exited, stop } = await startGeth(geth, port, forks);
  try {
    const account = privateKeyToAccount(DEVELOPER_KEY);
    const options = { transport: http(url), pollingInterval: 20, cacheTime: 0 };
    const reader = createPublicClient(options);
    const chainId = await reader.getChainId();
    const chain = { id: chainId, name: 'geth --dev', nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 }, rpcUrls: { default: { http: [url] } } };
    const wallet = createWalletClient({ ...options, chain, account });

    const succeeded = async (hash) => {
      let receipt;
      // A geth that has just begun answers with an error while it does not know yet which transactions there are.
      for (const end = Date.now() + 30_000; !receipt; ) {
        try {
          receipt = await reader.waitForTransactionReceipt({ hash, timeout: 30_000 });
        } catch (error) {
          if (Date.now() > end || !/indexing is in progress/.test(String(error.details ?? error.message))) {
            throw error;
          }
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
      if (receipt.status !== 'success') {
        throw new Error(`transaction ${hash} was reverted`);
      }
      return receipt;
    };
    const send = async ({ address, abi }, functionName, args) => succeeded(await wallet.writeContract({ address, abi, functionName, args }));
    const deploy = async (name, args = [], value = 0n) => {
      const { abi, bytecode } = compiled(name);
      const receipt = await succeeded(await wallet.deployContract({ abi, bytecode, args, value }));
      return { address: receipt.contractAddress, abi, receipt };
    };
    const attestlm = await deploy('AttestLM');
    const registry = await deploy('ReceiptRegistry');
    return { url, chainId, account, key: DEVELOPER_KEY, reader, wallet, attestlm, registry, deploy, send, exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function main(geth, port = '8545') {
  if (!geth) {
    console.error('usage: node chain.mjs GETH [PORT]');
    process.exit(2);
  }
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, resolve);
    }
  });
  const chain = await Promise.race([startChain(geth, { port }), interrupted.then(() => undefined)]);
  if (!chain) {
    // Interrupted before it stands: the handler of `exit` ends geth.
    process.exit(130);
  }
  console.log(`# chain ${chain.chainId}: geth --dev, until Ctrl-C. The funded account ${chain.account.address}; its key is public.`);
  console.log(`export ETH_RPC_URL=${chain.url}`);
  console.log(`export ETH_PRIVATE_KEY=${chain.key}`);
  console.log(`export ATTESTLM_VERIFIER=${chain.attestlm.address}`);
  console.log(`export ATTESTLM_REGISTRY=${chain.registry.address}`);
  if ((await Promise.race([chain.exited.then(() => 'geth'), interrupted.then(() => 'signal')])) === 'geth') {
    throw new Error('geth ended by itself');
  }
  await chain.stop();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await main(...process.argv.slice(2));
  } catch (error) {
    console.error(`chain: ${error.message}`);
    process.exitCode = 1;
  }
}
