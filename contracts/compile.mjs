// Compiles src/ and the example of a contract that calls it into out/NAME.json: ABI and bytecode, with every warning an error.
//
//     node compile.mjs [OUT]
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = process.argv[2] ?? join(here, 'out');
const require = createRequire(import.meta.url);

const sources = Object.fromEntries(
  [join(here, 'src'), join(here, '../examples/onchain/solidity')].flatMap((folder) =>
    readdirSync(folder).map((name) => [name, { content: readFileSync(join(folder, name), 'utf8') }]),
  ),
);
const settings = {
  // As others import it.
  remappings: ['attestlm/='],
  optimizer: { enabled: true, runs: 1_000_000 },
  evmVersion: 'cancun',
  viaIR: true,
  // The bytecode is of the code alone.
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'devdoc', 'userdoc'] } },
};
const imported = (path) => {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') };
  } catch (error) {
    return { error: error.message };
  }
};
const result = JSON.parse(solc.compile(JSON.stringify({ language: 'Solidity', sources, settings }), { import: imported }));
for (const { formattedMessage } of result.errors ?? []) {
  console.error(formattedMessage);
}
if (result.errors?.length) {
  process.exit(1);
}
mkdirSync(out, { recursive: true });
for (const name of Object.keys(sources)) {
  for (const [contract, { abi, evm }] of Object.entries(result.contracts[name] ?? {})) {
    if (evm.bytecode.object) {
      writeFileSync(
        join(out, `${contract}.json`),
        `${JSON.stringify({ abi, bytecode: `0x${evm.bytecode.object}`, deployedBytecode: `0x${evm.deployedBytecode.object}` }, null, 1)}\n`,
      );
      console.log(`${contract}: ${evm.deployedBytecode.object.length / 2} bytes`);
    }
  }
}
