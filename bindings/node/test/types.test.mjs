// lib/ is what index.d.ts declares, and a program with `using` compiles and runs.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE, run } from './support.mjs';

const tsc = join(PACKAGE, 'node_modules/typescript/bin/tsc');
const build = join(PACKAGE, 'test/build');
after(() => rmSync(build, { recursive: true, force: true }));

test('tsc --strict', async () => {
  const { code, stdout } = await run(process.execPath, [tsc, '--project', PACKAGE]);
  assert.equal(code, 0, String(stdout));
});

test('a program in TypeScript', async () => {
  const flags = ['--ignoreConfig', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable,dom', '--types', 'node', '--rootDir', PACKAGE, '--outDir', build];
  const compiled = await run(process.execPath, [tsc, ...flags, join(PACKAGE, 'test/types.mts')], { cwd: PACKAGE });
  assert.equal(compiled.code, 0, String(compiled.stdout));
  const { code, stdout, stderr } = await run(process.execPath, [join(build, 'test/types.mjs')]);
  assert.deepEqual([code, String(stdout)], [0, 'types: ok\n'], stderr);
});
