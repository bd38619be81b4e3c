// The C interface: all of it is used, or left out for a reason, and declared as the header says.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE, read, run } from './support.mjs';

const abi = createRequire(import.meta.url)('../lib/abi.js');

test('the declarations are what the header says', async () => {
  const { code, stderr } = await run(process.execPath, [join(PACKAGE, 'scripts/abi.js'), '--check']);
  assert.equal(code, 0, stderr);
});

test('every symbol is used, or left out for a reason', () => {
  const lines = read('ffi/abi/symbols.txt').split('\n').filter((line) => line && !line.startsWith('# '));
  const [functions, constants] = [[], []];
  const symbols = lines.map((line) => {
    const [, constant] = line.match(/^#define (\w+)/) ?? [];
    const name = constant ?? line.match(/(?:\(\*)?\b(attestlm_(?!\w+_t\b)\w+)\)?\(/)[1];
    (constant ? constants : functions).push(name);
    return name;
  });
  assert.equal(new Set(symbols).size, lines.length);
  assert.ok(functions.length > 50 && constants.length > 18);

  const code = readdirSync(join(PACKAGE, 'lib')).filter((file) => file !== 'abi.js')
    .map((file) => readFileSync(join(PACKAGE, 'lib', file), 'utf8')).join('\n');
  // What resources free is named by their noun.
  const nouns = [...code.matchAll(/super\((?:key|KEY), '(\w+)', pointer\)/g)].map(([, noun]) => `attestlm_${noun}_free`);
  assert.equal(nouns.length, 6);
  const used = new Set([...[...code.matchAll(/'(attestlm_\w+)'/g)].map(([, name]) => name), ...nouns]);
  // Every status has its name in the errors; the version of the interface is compared.
  for (const [name, value] of Object.entries(abi.statuses)) {
    assert.ok(lines.includes(`#define ATTESTLM_${name} ${value}`), name);
    used.add(`ATTESTLM_${name}`);
  }
  assert.ok(code.includes('abi.abiVersion') && lines.includes(`#define ATTESTLM_ABI_VERSION ${abi.abiVersion}`));
  used.add('ATTESTLM_ABI_VERSION');

  const unbound = readFileSync(join(PACKAGE, 'unbound.txt'), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
  const left = new Map(unbound.map((line) => line.split(/: (.*)/).slice(0, 2)));
  for (const symbol of symbols) {
    assert.notEqual(used.has(symbol), left.has(symbol), `${symbol} is ${used.has(symbol) ? 'used, and in' : 'neither used nor in'} unbound.txt`);
  }
  for (const [symbol, reason] of left) {
    assert.ok(symbols.includes(symbol) && reason, `unbound.txt: ${symbol}`);
  }
});
