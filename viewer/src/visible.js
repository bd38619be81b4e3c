// Characters that cannot be seen, and those that turn the order of others around, made visible.

// Unicode's own list of what is not to be drawn, and two that are drawn as nothing: the empty braille pattern, a null notehead.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/gu;
// A joiner between characters that are not ASCII makes one emoji or one syllable of them.
const JOINERS = new Set(['\u200c', '\u200d']);
// Behind one that is not ASCII, one of these says whether it is drawn as text or as an emoji. More of them hide what they like.
const SELECTORS = new Set(['\ufe0e', '\ufe0f']);
const NAMES = new Map(Object.entries({
  '\0': 'NUL', '\r': 'CR', '\u001b': 'ESC', '\u00ad': 'soft hyphen', '\u200b': 'zero-width space', '\u200c': 'non-joiner', '\u200d': 'joiner',
  '\u200e': 'left-to-right mark', '\u200f': 'right-to-left mark', '\u202a': 'left-to-right embedding', '\u202b': 'right-to-left embedding',
  '\u202c': 'end of direction', '\u202d': 'left-to-right override', '\u202e': 'right-to-left override', '\u2060': 'word joiner',
  '\u2066': 'left-to-right isolate', '\u2067': 'right-to-left isolate', '\u2068': 'first-strong isolate', '\u2069': 'end of isolate',
  '\u2800': 'empty braille pattern', '\ufe0e': 'variation selector', '\ufe0f': 'variation selector', '\ufeff': 'byte order mark',
}));

/**
 * @param {string} text
 * @returns {{ text: string, hidden: boolean }[]} the text in parts; `hidden`: the name of a character in place of it
 */
export function parts(text) {
  const result = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    const [character] = match;
    const at = /** @type {number} */ (match.index);
    const isJoined = JOINERS.has(character) && text.charCodeAt(at - 1) > 127 && text.charCodeAt(at + 1) > 127;
    const isSelected = SELECTORS.has(character) && at > from && text.charCodeAt(at - 1) > 127 && !SELECTORS.has(text[at - 1]);
    if (character === '\n' || character === '\t' || isJoined || isSelected) {
      continue;
    }
    if (at > from) {
      result.push({ text: text.slice(from, at), hidden: false });
    }
    const code = `U+${/** @type {number} */ (character.codePointAt(0)).toString(16).toUpperCase().padStart(4, '0')}`;
    result.push({ text: NAMES.has(character) ? `${code} ${NAMES.get(character)}` : code, hidden: true });
    from = at + character.length;
  }
  if (from < text.length) {
    result.push({ text: text.slice(from), hidden: false });
  }
  return result;
}
