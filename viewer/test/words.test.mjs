// Plain words, and characters made visible.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parts } from '../src/visible.js';
import * as words from '../src/words.js';

test('times', () => {
  assert.equal(words.time(0n), '1 January 1970, 00:00:00 UTC');
  assert.equal(words.time(1_709_210_096n), '29 February 2024, 12:34:56 UTC');
  assert.equal(words.time(253_402_300_799n), '31 December 9999, 23:59:59 UTC');
  assert.equal(words.time(2n ** 64n - 1n), '18,446,744,073,709,551,615 seconds after 1970: beyond the year 9999');
});

test('decimals', () => {
  for (const [millionths, text] of [[0n, '0'], [1n, '0.000001'], [700_000n, '0.7'], [1_000_000n, '1'], [-1_500_000n, '−1.5'], [100_000_000n, '100']]) {
    assert.equal(words.decimal(millionths), text);
  }
});

test('counts', () => {
  assert.equal(words.counted(1, 'token'), '1 token');
  assert.equal(words.counted(1_234_567, 'token'), '1,234,567 tokens');
});

test('every reason to end has words', () => {
  for (const finish of [0, 1, 2, 3, 4, 5, 255]) {
    assert.doesNotMatch(words.finish(finish), /Unknown/);
  }
});

test('hidden characters', () => {
  const hidden = (text) => parts(text).filter((part) => part.hidden).map((part) => part.text.split(' ')[0]);
  for (let code = 0x202a; code <= 0x202e; code += 1) {
    assert.deepEqual(hidden(`a${String.fromCodePoint(code)}b`), [`U+${code.toString(16).toUpperCase()}`]);
  }
  for (let code = 0x2066; code <= 0x2069; code += 1) {
    assert.deepEqual(hidden(String.fromCodePoint(code)), [`U+${code.toString(16).toUpperCase()}`]);
  }
  assert.deepEqual(hidden('\u061c\u200e\u200f\u200b\ufeff\u00ad\u2028\u0000\r\u001b\u{e0041}'),
    ['U+061C', 'U+200E', 'U+200F', 'U+200B', 'U+FEFF', 'U+00AD', 'U+2028', 'U+0000', 'U+000D', 'U+001B', 'U+E0041']);
  assert.deepEqual(parts('line\n\tline'), [{ text: 'line\n\tline', hidden: false }]);
  assert.deepEqual(hidden('a\u200db'), ['U+200D']);
  assert.deepEqual(hidden('👨\u200d👩'), []);
  for (const code of [0x2065, 0xfff0, 0xe0080, 0x180b, 0x180f, 0x17b4, 0x2800, 0x1d159, 0xe0100, 0xe01ef]) {
    assert.deepEqual(hidden(`❤${String.fromCodePoint(code)}`), [`U+${code.toString(16).toUpperCase()}`]);
  }
  // One selector belongs to an emoji; behind it, and behind a letter, they hide something.
  assert.deepEqual(hidden('❤\ufe0f b'), []);
  assert.deepEqual(hidden('❤\ufe0f\ufe0f'), ['U+FE0F']);
  assert.deepEqual(hidden('a\ufe0f'), ['U+FE0F']);
  assert.deepEqual(parts(''), []);
});
