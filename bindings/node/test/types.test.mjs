// lib/ is what index.d.ts declares, and a program with `using` compiles and runs.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE, read, run } from './support.mjs';

const tsc = join(PACKAGE, 'node_modules/typescript/bin/tsc');
const build = join(PACKAGE, 'test/build');
after(() => rmSync(build, { recursive: true, force: true }));

test('tsc --strict', async () => {
  const { code, stdout } = await run(process.execPath, [tsc, '--project', PACKAGE]);
  assert.equal(code, 0, String(stdout));
});

test('the types have the members of the schemas', () => {
  const types = readFileSync(join(PACKAGE, 'index.d.ts'), 'utf8');
  const membersOf = (name) => {
    const [, parent, body] = types.match(new RegExp(`^export interface ${name}(?: extends (\\w+))? \\{\\n([^]*?)^\\}`, 'm'));
    return [...(parent ? membersOf(parent) : []), ...[...body.matchAll(/^  (\w+)\??:/gm)].map(([, member]) => member)];
  };
  const schemas = {
    Answer: ['answer', ['receiptError']], // the call fails with it
    ErrorInfo: ['error'],
    ModelFile: ['model-file'],
    ModelInfo: ['model-info'],
    Profiles: ['profile-info'],
    ReceiptDocument: ['receipt'],
    Report: ['report'],
    Request: ['request'],
    Score: ['score'],
    SessionInfo: ['session-info'],
    SessionOptions: ['options'],
    Terms: ['terms'],
    TypedData: ['typed-data'],
  };
  for (const [name, [file, without = []]] of Object.entries(schemas)) {
    const { properties } = JSON.parse(read(`docs/schema/${file}.schema.json`));
    assert.deepEqual(membersOf(name).sort(), Object.keys(properties).filter((member) => !without.includes(member)).sort(), name);
  }
});

for (const name of ['types', 'viem']) {
  test(`a program in TypeScript: ${name}`, async () => {
    const flags = ['--ignoreConfig', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable,dom', '--types', 'node', '--rootDir', PACKAGE, '--outDir', build];
    const compiled = await run(process.execPath, [tsc, ...flags, join(PACKAGE, `test/${name}.mts`)], { cwd: PACKAGE });
    assert.equal(compiled.code, 0, String(compiled.stdout));
    const { code, stdout, stderr } = await run(process.execPath, [join(build, `test/${name}.mjs`)]);
    assert.deepEqual([code, String(stdout)], [0, `${name}: ok\n`], stderr);
  });
}
