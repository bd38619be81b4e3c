// JSON as receipt-1 reads it (section 11), and as RFC 8785 writes it. JSON.parse keeps the last of two members with one name and
// rounds numbers without a word: readers could differ on what was signed.
import { Refused } from './refused.js';

export const DOCUMENT = { bytes: 64 * 2 ** 20, depth: 128, values: 2 ** 22 };
export const PROOF = { bytes: 64 * 2 ** 20, depth: 4, values: 256 };

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const WORDS = new Map([['true', true], ['false', false], ['null', null]]);
const ESCAPES = new Map(Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }));

/** A number as it was written. */
export class Numeral {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * Objects are maps: no name of a member has a meaning of its own.
 * @typedef {null | boolean | string | Numeral | Json[] | Map<string, Json>} Json
 */

/**
 * @param {Uint8Array} bytes
 * @param {{ bytes: number, depth: number, values: number }} limits
 * @returns {Json}
 */
export function parse(bytes, limits = DOCUMENT) {
  if (bytes.length > limits.bytes) {
    throw new Refused('json', `it is larger than ${limits.bytes / 2 ** 20} MiB`);
  }
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused('json', 'it is not UTF-8 text');
  }
  return new Parser(text, limits).document();
}

class Parser {
  /**
   * @param {string} text
   * @param {{ depth: number, values: number }} limits
   */
  constructor(text, limits) {
    this.text = text;
    this.at = 0;
    this.limits = limits;
    this.values = 0;
  }

  /**
   * @param {string} reason
   * @returns {never}
   */
  refuse(reason) {
    throw new Refused('json', `${reason}, at character ${this.at + 1}`);
  }

  /** @param {RegExp} pattern */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) {
      this.at = pattern.lastIndex;
    }
    return found?.[0];
  }

  /** @param {string} token */
  take(token) {
    if (!this.text.startsWith(token, this.at)) {
      this.refuse(`it is not JSON: ${token} is missing`);
    }
    this.at += token.length;
  }

  document() {
    const value = this.value(0);
    this.match(SPACE);
    if (this.at !== this.text.length) {
      this.refuse('it is not JSON: something follows the document');
    }
    return value;
  }

  /**
   * @param {number} depth
   * @returns {Json}
   */
  value(depth) {
    this.values += 1;
    if (this.values > this.limits.values) {
      this.refuse(`it has more than ${this.limits.values} values`);
    }
    this.match(SPACE);
    const first = this.text[this.at];
    if (first === '{' || first === '[') {
      if (depth === this.limits.depth) {
        this.refuse(`arrays and objects are nested deeper than ${this.limits.depth}`);
      }
      return first === '{' ? this.object(depth + 1) : this.array(depth + 1);
    }
    if (first === '"') {
      return this.string();
    }
    for (const [word, meaning] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return meaning;
      }
    }
    const numeral = this.match(NUMBER);
    if (numeral === undefined) {
      this.refuse('it is not JSON');
    }
    numberText(numeral);
    return new Numeral(numeral);
  }

  /**
   * Stands before each member of an array or object, which the caller reads.
   * @param {string} end
   */
  *members(end) {
    this.at += 1;
    this.match(SPACE);
    if (this.text[this.at] === end) {
      this.at += 1;
      return;
    }
    for (;;) {
      yield;
      this.match(SPACE);
      if (this.text[this.at] === end) {
        this.at += 1;
        return;
      }
      this.take(',');
      this.match(SPACE);
    }
  }

  /** @param {number} depth */
  array(depth) {
    const result = [];
    for (const _ of this.members(']')) {
      result.push(this.value(depth));
    }
    return result;
  }

  /** @param {number} depth */
  object(depth) {
    const result = new Map();
    for (const _ of this.members('}')) {
      if (this.text[this.at] !== '"') {
        this.refuse('it is not JSON: a member needs a name');
      }
      const name = this.string();
      if (result.has(name)) {
        this.refuse('two members of an object have the same name');
      }
      this.match(SPACE);
      this.take(':');
      result.set(name, this.value(depth));
    }
    return result;
  }

  unit() {
    const digits = this.match(HEX4);
    if (digits === undefined) {
      this.refuse('it is not JSON: \\u needs four digits');
    }
    return parseInt(digits, 16);
  }

  string() {
    this.at += 1;
    const parts = [];
    for (;;) {
      parts.push(/** @type {string} */ (this.match(PLAIN)));
      const next = this.text[this.at];
      if (next === '"') {
        this.at += 1;
        return parts.join('');
      }
      if (next !== '\\') {
        this.refuse('it is not JSON: a string does not end, or has a control character');
      }
      this.at += 1;
      const letter = this.text[this.at];
      const meaning = ESCAPES.get(letter);
      this.at += 1;
      if (meaning !== undefined) {
        parts.push(meaning);
      } else if (letter === 'u') {
        parts.push(this.escaped());
      } else {
        this.refuse('it is not JSON: an escape is unknown');
      }
    }
  }

  escaped() {
    const high = this.unit();
    if (high < 0xd800 || high >= 0xe000) {
      return String.fromCharCode(high);
    }
    const low = high < 0xdc00 && this.text.startsWith('\\u', this.at) ? ((this.at += 2), this.unit()) : 0;
    if (low < 0xdc00 || low >= 0xe000) {
      this.refuse('half of a surrogate pair stands alone');
    }
    return String.fromCharCode(high, low);
  }
}

/**
 * A number as ECMAScript writes it, unless readers could differ on it (section 5).
 * @param {string} text
 */
export function numberText(text) {
  const value = Number(text);
  if (!Number.isFinite(value)) {
    throw new Refused('json', 'a number is too large');
  }
  const written = String(value);
  const isInteger = !/[.eE]/.test(text);
  // An integer of more than 17 characters is beyond 2^53.
  if (isInteger && written !== text && (text.length > 17 || magnitude(BigInt(text)) > 2n ** 53n)) {
    throw new Refused('json', 'a number is beyond 2^53 and not exact');
  }
  return written;
}

/** @param {bigint} value */
const magnitude = (value) => (value < 0n ? -value : value);

/**
 * The names of an object in the order of RFC 8785: by UTF-16 code units, which is how JavaScript compares.
 * @param {Map<string, Json>} object
 */
const sortedNames = (object) => [...object.keys()].sort((a, b) => (a < b ? -1 : 1));

/**
 * @param {Json} value
 * @returns {string} RFC 8785
 */
export function canonical(value) {
  if (value instanceof Map) {
    return `{${sortedNames(value).map((name) => `${JSON.stringify(name)}:${canonical(/** @type {Json} */ (value.get(name)))}`).join(',')}}`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(',')}]`;
  }
  // JSON.stringify escapes strings as RFC 8785 does, which was written after it.
  return value instanceof Numeral ? numberText(value.text) : JSON.stringify(value);
}
