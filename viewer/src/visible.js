// Characters that cannot be seen, and those that turn the order of others around, made visible.
import { grouped } from './words.js';

/** @typedef {{ text: string, hidden: number }} Part `hidden`: how many hidden characters its text names; 0 where it is the text itself */

// A run of one such character. Beside what Unicode calls ignorable, three that are drawn as nothing: the Braille blank, the null notehead, and the place of
// an object. Spaces of other widths are no more hidden than a space.
const HIDDEN = /(?![\n\t])([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}])\1*/gu;
const NAMES = new Map(Object.entries({
  '\0': 'NUL', '\r': 'CR', '\u001b': 'ESC', '\u00ad': 'soft hyphen', '\u200b': 'zero-width space', '\u200c': 'non-joiner', '\u200d': 'joiner',
  '\u200e': 'left-to-right mark', '\u200f': 'right-to-left mark', '\u202a': 'left-to-right embedding', '\u202b': 'right-to-left embedding',
  '\u202c': 'end of direction', '\u202d': 'left-to-right override', '\u202e': 'right-to-left override', '\u2060': 'word joiner',
  '\u2066': 'left-to-right isolate', '\u2067': 'right-to-left isolate', '\u2068': 'first-strong isolate', '\u2069': 'end of isolate',
  '\u2800': 'Braille blank', '\ufffc': 'object replacement', '\ufeff': 'byte order mark',
}));

// A single one of three of them stays as it is where people write it: in an emoji (a selector of its coloured form, a joiner of two), and a joiner or
// non-joiner inside a word of a script whose letters join. A reader cannot see whether it is there, so one bit fits beside each of these characters.
const EMOJI = /\p{Emoji}$/u;
const KEY = /[0-9#*]$/;
const JOINED_BEFORE = /(?:\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})$/u;
const JOINED_AFTER = /^\p{Extended_Pictographic}/u;
const JOINING = ['Arab', 'Syrc', 'Nkoo', 'Mong', 'Adlm', 'Deva', 'Beng', 'Guru', 'Gujr', 'Orya', 'Taml', 'Telu', 'Knda', 'Mlym', 'Sinh', 'Khmr', 'Mymr'];
const LETTER = `(?=[\\p{L}\\p{M}])[${JOINING.map((script) => `\\p{Script_Extensions=${script}}`).join('')}]`;
const LETTER_BEFORE = new RegExp(`${LETTER}$`, 'u');
const LETTER_AFTER = new RegExp(`^${LETTER}`, 'u');

/**
 * Whether a hidden character, by itself between these two texts, is how people write.
 * @param {string} character
 * @param {string} before
 * @param {string} after
 */
function isUsual(character, before, after) {
  if (character === '\ufe0f') {
    // A digit has such a form only as a keycap.
    return EMOJI.test(before) && (!KEY.test(before) || after.startsWith('\u20e3'));
  }
  if (character !== '\u200c' && character !== '\u200d') {
    return false;
  }
  return (character === '\u200d' && JOINED_BEFORE.test(before) && JOINED_AFTER.test(after)) || (LETTER_BEFORE.test(before) && LETTER_AFTER.test(after));
}

/** Of how many marks there are names in one document, at most. */
export const MARKS = 2_000;

/** How many marks may still be made of hidden characters: a page lays out each as slowly as many letters. */
export class Marks {
  /** How many hidden characters have a replacement character in place of a mark. */
  unnamed = 0;

  constructor(left = MARKS) {
    this.left = left;
  }
}

/**
 * @param {string} text
 * @param {Marks} marks
 * @returns {Part[]} the text in parts. A run of one hidden character is one mark; where no mark is left, a run of any is U+FFFD.
 */
export function parts(text, marks) {
  /** @type {Part[]} */
  const result = [];
  let plain = '';
  let from = 0;
  let unnamedTo = -1;
  for (const match of text.matchAll(HIDDEN)) {
    const [run, character] = match;
    const at = /** @type {number} */ (match.index);
    const next = at + run.length;
    if (run === character && isUsual(character, text.slice(Math.max(0, at - 3), at), text.slice(next, next + 2))) {
      continue;
    }
    const count = run.length / character.length;
    plain += text.slice(from, at);
    from = next;
    if (marks.left === 0) {
      marks.unnamed += count;
      plain += unnamedTo === at ? '' : '\ufffd';
      unnamedTo = next;
      continue;
    }
    marks.left -= 1;
    if (plain !== '') {
      result.push({ text: plain, hidden: 0 });
      plain = '';
    }
    const code = `U+${/** @type {number} */ (character.codePointAt(0)).toString(16).toUpperCase().padStart(4, '0')}`;
    const name = NAMES.has(character) ? `${code} ${NAMES.get(character)}` : code;
    result.push({ text: count > 1 ? `${name} ×${grouped(count)}` : name, hidden: count });
  }
  plain += text.slice(from);
  if (plain !== '') {
    result.push({ text: plain, hidden: 0 });
  }
  return result;
}
