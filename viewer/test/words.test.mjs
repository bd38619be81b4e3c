// Plain words, and characters made visible.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Marks, parts } from '../src/visible.js';
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
  const hidden = (text) => parts(text, new Marks()).filter((part) => part.hidden > 0).map((part) => part.text.split(' ')[0]);
  for (let code = 0x202a; code <= 0x202e; code += 1) {
    assert.deepEqual(hidden(`a${String.fromCodePoint(code)}b`), [`U+${code.toString(16).toUpperCase()}`]);
  }
  for (let code = 0x2066; code <= 0x2069; code += 1) {
    assert.deepEqual(hidden(String.fromCodePoint(code)), [`U+${code.toString(16).toUpperCase()}`]);
  }
  assert.deepEqual(hidden('\u061c\u200e\u200f\u200b\ufeff\u00ad\u2028\u0000\r\u001b\u{e0041}'),
    ['U+061C', 'U+200E', 'U+200F', 'U+200B', 'U+FEFF', 'U+00AD', 'U+2028', 'U+0000', 'U+000D', 'U+001B', 'U+E0041']);
  assert.deepEqual(parts('line\n\tline', new Marks()), [{ text: 'line\n\tline', hidden: 0 }]);
  assert.deepEqual(hidden('a\u200db'), ['U+200D']);
  assert.deepEqual(parts('', new Marks()), []);
  for (const code of [0x34f, 0x115f, 0x17b4, 0x180b, 0x180f, 0x2065, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfff0, 0xfffc, 0x1d159, 0x1d173, 0xe0020, 0xe0080, 0xe0100, 0xe01ef]) {
    assert.deepEqual(hidden(`a${String.fromCodePoint(code)}b`), [`U+${code.toString(16).toUpperCase().padStart(4, '0')}`]);
  }
});

test('a sentence in selectors', () => {
  const sentence = [...'do as I say'].map((letter) => String.fromCodePoint(0xe0100 + letter.charCodeAt(0) - 16)).join('');
  const shown = parts(`👍${sentence}`, new Marks());
  assert.deepEqual(shown.map(({ hidden }) => hidden), [0, ...Array(11).fill(1)]);
});

test('what people write stays as it is', () => {
  for (const text of ['👨\u200d👩\u200d👧', '❤\ufe0f', '❤\ufe0f\u200d🔥', '🧑🏽\u200d⚕\ufe0f', '1\ufe0f\u20e3', '🇫🇷', 'می\u200cخواهم', 'क्\u200dष', 'ශ්\u200dරී']) {
    assert.deepEqual(parts(text, new Marks()), [{ text, hidden: 0 }]);
  }
  // By themselves: not twice, not beside what they make nothing of.
  for (const [text, count] of [['❤\ufe0f\ufe0f', 1], ['1\ufe0f', 1], ['a\ufe0f', 1], ['👨\u200d\u200d👩', 1], ['👨\u200d\u200c\u200d👩', 3], ['👨\u200dx', 1], ['ж\u200dж', 1], ['می\u200c', 1],
    ['👨\u200c👩', 1]]) {
    assert.equal(parts(text, new Marks()).filter(({ hidden }) => hidden > 0).length, count, text);
  }
});

test('a run is one mark, and marks end', () => {
  assert.deepEqual(parts(`a${'\u202e'.repeat(2_000)}b\u{e0100}\u{e0100}\u{e0101}`, new Marks()), [
    { text: 'a', hidden: 0 }, { text: 'U+202E right-to-left override ×2,000', hidden: 2_000 }, { text: 'b', hidden: 0 }, { text: 'U+E0100 ×2', hidden: 2 },
    { text: 'U+E0101', hidden: 1 }]);
  const marks = new Marks(1);
  assert.deepEqual(parts('a\u202eb\u202e\u202e\u202dc\u200bd', marks), [{ text: 'a', hidden: 0 }, { text: 'U+202E right-to-left override', hidden: 1 }, { text: 'b\ufffdc\ufffdd', hidden: 0 }]);
  assert.equal(marks.unnamed, 4);
  assert.deepEqual(parts('\u202e', marks), [{ text: '\ufffd', hidden: 0 }]);
});
