// Both packages, installed in an empty project. What the quickstart writes there is compared by scripts/quickstarts.sh.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE, ROOT, run } from './support.mjs';

const library = dirname(process.env.ATTESTLM_LIBRARY);
const folder = mkdtempSync(join(tmpdir(), 'attestlm-'));
after(() => rmSync(folder, { recursive: true }));
// The library must come from the package.
const { ATTESTLM_LIBRARY: _, ...environment } = { ...process.env, ATTESTLM_PASSWORD: 'quickstart' };

async function must(command, args, options = {}) {
  const result = await run(command, args, { cwd: folder, env: environment, ...options });
  assert.deepEqual([result.code, result.signal], [0, null], `${command} ${args.join(' ')}: ${result.stdout}${result.stderr}`);
  return result;
}

before(async () => {
  writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true }\n');
  await must(join(PACKAGE, 'pack.sh'), [library, join(folder, 'packages')]);
  const packages = readdirSync(join(folder, 'packages')).map((file) => `./packages/${file}`);
  assert.deepEqual(packages.sort(), ['./packages/attestlm-0.1.0.tgz', './packages/attestlm-linux-x64-gnu-0.1.0.tgz']);
  await must('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', ...packages]);
  copyFileSync(join(ROOT, 'examples/quickstart.mjs'), join(folder, 'quickstart.mjs'));
});

test('the quickstart says what is wrong', async () => {
  writeFileSync(join(folder, 'wrong.json'), '{"prompt": "Tom", "temperature": -1}');
  for (const [args, says] of [[['wrong.json'], /^quickstart: temperature: /], [['missing.json'], /^quickstart: .*missing\.json/]]) {
    const { code, stdout, stderr } = await run(process.execPath, ['quickstart.mjs', ...args], { cwd: folder, env: environment });
    assert.deepEqual([code, stdout.length], [1, 0]);
    assert.match(stderr, says);
  }
});

test('the types of the package, and programs of both kinds', async () => {
  const programs = {
    'named.mts': "import { Model, type ModelInfo } from 'attestlm';\nconst model: Model = await Model.bundled();\nconst { sha256 }: ModelInfo = await model.info();\nconsole.log(sha256);\n",
    'all.mts': "import * as attestlm from 'attestlm';\nconst model: attestlm.Model = await attestlm.Model.bundled();\nconsole.log((await model.info()).sha256);\n",
    'required.cts': "import attestlm = require('attestlm');\nconst model: Promise<attestlm.Model> = attestlm.Model.bundled();\nmodel.then((model) => model.info()).then(({ sha256 }) => console.log(sha256));\n",
    'default.cts': "import attestlm from 'attestlm';\nattestlm.Model.bundled().then((model) => model.info()).then(({ sha256 }) => console.log(sha256));\n",
    'named.cts': "import { Model } from 'attestlm';\nModel.bundled().then((model) => model.info()).then(({ sha256 }) => console.log(sha256));\n",
  };
  const wrong = "import attestlm from 'attestlm';\nconsole.log(attestlm.version());\n";
  for (const [name, text] of Object.entries({ ...programs, 'default.mts': `// @ts-expect-error it has none\n${wrong}`, 'default.mjs': wrong })) {
    writeFileSync(join(folder, name), text);
  }
  const flags = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,esnext.disposable,dom', '--types', '', '--outDir', 'built'];
  writeFileSync(join(folder, 'console.d.ts'), 'declare const console: { log(...all: unknown[]): void };\n');
  await must(process.execPath, [join(PACKAGE, 'node_modules/typescript/bin/tsc'), ...flags, ...Object.keys(programs), 'default.mts']);
  for (const name of Object.keys(programs)) {
    const { stdout } = await must(process.execPath, [join('built', name.replace('ts', 'js'))]);
    assert.match(String(stdout), /^0x[0-9a-f]{64}\n$/);
  }
  // Both say the same of what there is not.
  const { code, stderr } = await run(process.execPath, ['default.mjs'], { cwd: folder, env: environment });
  assert.equal(code, 1);
  assert.match(stderr, /does not provide an export named 'default'/);
});
