// How the library is found and checked; both kinds of modules.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as module from 'attestlm';
import { PACKAGE, run, runModule } from './support.mjs';

const folder = mkdtempSync(join(tmpdir(), 'attestlm-'));
after(() => rmSync(folder, { recursive: true }));

test('import and require give the same', () => {
  const required = createRequire(import.meta.url)('attestlm');
  assert.deepEqual(Object.keys(module).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(required)) {
    assert.equal(module[name], value, name);
  }
});

test('require alone', async () => {
  const text = `const { Model } = require('attestlm');
    Model.bundled().then((model) => model.createSession()).then((session) => session.generate({ prompt: 'Tom', maxTokens: 2 }))
      .then(({ tokens }) => console.log(tokens.length));`;
  const { code, stdout, stderr } = await run(process.execPath, ['--eval', text], { cwd: PACKAGE });
  assert.deepEqual([code, String(stdout)], [0, '2\n'], stderr);
});

test('what the library says of itself', async () => {
  assert.equal(module.version(), createRequire(import.meta.url)('../package.json').version);
  assert.ok(module.hasFeature('engine') && module.hasFeature('bundled') && !module.hasFeature('nothing'));
  const { profiles, knownAnswerTest } = await module.profiles();
  assert.deepEqual(profiles.map(({ name }) => name), ['exact-1', 'exact-2', 'fast']);
  assert.equal(knownAnswerTest, null);
});

/** What a program that loads this package says with another library. */
async function loaded(environment, before = '') {
  const { ATTESTLM_LIBRARY: _, ...others } = process.env;
  const { code, stderr } = await runModule(`${before} try { await import('attestlm'); } catch (error) { console.error(error.message); process.exit(9); }`, { env: { ...others, ...environment } });
  assert.equal(code, 9, stderr);
  return stderr.trim();
}

async function compile(name, text) {
  writeFileSync(join(folder, `${name}.c`), text);
  const path = join(folder, `${name}.so`);
  const { code, stderr } = await run('cc', ['-shared', '-fPIC', '-o', path, join(folder, `${name}.c`)]);
  assert.equal(code, 0, stderr);
  return path;
}

test('errors that say what is wrong with the library', async () => {
  const other = await compile('other', '#include <stdint.h>\nuint32_t attestlm_abi_version(void) { return 41; }\nconst char *attestlm_version(void) { return "9.9.9"; }\n');
  assert.equal(await loaded({ ATTESTLM_LIBRARY: other }), `attestlm: ${other} is version 9.9.9 with interface 41; this package needs version 0.1.0 with interface 0`);
  const none = await compile('none', 'int nothing(void) { return 0; }\n');
  assert.match(await loaded({ ATTESTLM_LIBRARY: none }), /none\.so is not a libattestlm/);
  assert.match(await loaded({ ATTESTLM_LIBRARY: join(folder, 'missing.so') }), /cannot load .*missing\.so/);
  assert.match(await loaded({}), /the package @attestlm\/linux-x64-gnu is not installed .* ATTESTLM_LIBRARY/);
  const platform = "Object.defineProperty(process, 'platform', { value: 'plan9' });";
  assert.match(await loaded({}, platform), /no package for plan9 x64: set ATTESTLM_LIBRARY/);
});

test('koffi in use by somebody else before', async () => {
  const small = `import koffi from 'koffi'; koffi.load('libc.so.6');`;
  assert.match(await loaded({ ATTESTLM_LIBRARY: process.env.ATTESTLM_LIBRARY }, small), /stacks of 128 KiB.*load attestlm before/);
  const large = `import koffi from 'koffi'; koffi.config({ async_stack_size: 1 << 20 }); koffi.load('libc.so.6');
    const { Model } = await import('attestlm');
    console.log((await (await (await Model.bundled()).createSession()).generate({ prompt: 'Tom', maxTokens: 2 })).tokens.length);`;
  const { code, stdout, stderr } = await runModule(large);
  assert.deepEqual([code, String(stdout)], [0, '2\n'], stderr);
});
