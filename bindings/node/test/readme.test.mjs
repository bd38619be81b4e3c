// The programs of README.md do what they say.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODEL, PACKAGE, runModule } from './support.mjs';

const readme = readFileSync(join(PACKAGE, 'README.md'), 'utf8');
const programs = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, text]) => text);
const expected = [
  /\nverified \[/, /^\S+\/exact-2\/[0-9a-f]{8} null verified$/m, /12/, /^(\d+) of \1 bytes$/m, /^-\d+\.\d+ (true|false) verified$/m, /"primaryType":"Receipt"/, /^verified$/m,
  /^viem: true\noutput: true\nethers: true$/m,
];

test('README.md has its headings and programs', () => {
  assert.deepEqual([...readme.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading), ['Installation', 'Usage', 'Development', 'Testing']);
  assert.equal(programs.length, expected.length);
});

programs.forEach((text, index) =>
  test(`program ${index + 1}`, async () => {
    const { code, stdout, stderr } = await runModule(text.replace('model.gguf', MODEL));
    assert.equal(code, 0, stderr);
    assert.match(String(stdout), expected[index]);
  }));
