'use strict';
// What callers hand in, as the C interface takes it. Bytes are copied: whoever lent them may change or
// transfer them while a call runs.
const { isUint8Array } = require('node:util').types;
const { argumentError } = require('./error.js');

/**
 * @param {string} field
 * @param {unknown} value
 * @returns {[Buffer, number]} UTF-8 and its length
 */
function bytes(field, value) {
  if (typeof value === 'string') {
    const copy = Buffer.from(wellFormed(field, value));
    return [copy, copy.length];
  }
  if (isUint8Array(value)) {
    // Its own `length` may say anything, and Buffer.from would ask it; this constructor does not.
    const copy = Buffer.from(new Uint8Array(value).buffer);
    return [copy, copy.length];
  }
  throw argumentError(field, 'must be a string or a Uint8Array');
}

/**
 * A text without unpaired surrogates: UTF-8 has none, and one replaced would be another text, or password.
 * @param {string} field
 * @param {string} value
 */
function wellFormed(field, value) {
  if (/\p{Surrogate}/u.test(value)) {
    throw argumentError(field, 'has an unpaired surrogate');
  }
  return value;
}

/**
 * JSON: a text as it is, or an object. A bigint becomes a decimal string, as documents have them, a typed array an array.
 * @param {string} field
 * @param {unknown} value nothing: an empty text
 * @param {(whole: bigint) => unknown} [write] what becomes of a bigint
 * @returns {[Buffer, number]}
 */
function json(field, value, write = String) {
  if (value === undefined || value === null) {
    return bytes(field, '');
  }
  if (typeof value === 'string' || value instanceof Uint8Array) {
    return bytes(field, value);
  }
  /** What objects in the value are called, for errors. @type {WeakMap<object, string>} */
  const names = new WeakMap();
  const written = JSON.stringify(value, /** @this {any} */ function (key, member) {
    if (!Array.isArray(this)) {
      wellFormed(names.get(this) || field, key);
    }
    // A Buffer has made something of itself before.
    const given = this[key];
    if (ArrayBuffer.isView(given) && !(given instanceof DataView)) {
      return Array.from(/** @type {any} */ (given));
    }
    if (typeof member === 'bigint') {
      return write(member);
    }
    if (typeof member === 'string' || (typeof member === 'object' && member !== null)) {
      const parent = names.get(this) ?? '';
      const name = Array.isArray(this) ? `${parent}[${key}]` : parent && key ? `${parent}.${key}` : parent + key;
      if (typeof member === 'string' || member instanceof String) {
        return wellFormed(name || field, String(member));
      }
      names.set(member, name);
    }
    return member;
  });
  if (written === undefined) {
    throw argumentError(field, 'must be JSON');
  }
  return bytes(field, written);
}

/**
 * A number, which counts must be, unless only a decimal string can hold it.
 * @param {bigint} whole
 */
function count(whole) {
  return BigInt.asIntN(53, whole) === whole ? Number(whole) : String(whole);
}

/**
 * A request: a string is a prompt; JSON is handed in as bytes.
 * @param {unknown} value
 */
function request(value) {
  return json('request', typeof value === 'string' ? { prompt: value } : value, count);
}

/**
 * A continuation: a string is its text; JSON is handed in as bytes.
 * @param {unknown} value
 */
function continuation(value) {
  return json('continuation', typeof value === 'string' ? { text: value } : value, count);
}

/**
 * Bytes as such or as hex.
 * @param {string} field
 * @param {unknown} value
 * @returns {[Buffer, number]}
 */
function hex(field, value) {
  if (typeof value !== 'string') {
    return bytes(field, value);
  }
  if (!/^0x([0-9a-fA-F]{2})*$/.test(value)) {
    throw argumentError(field, 'must be 0x and hex digits, two for each byte');
  }
  return bytes(field, Buffer.from(value.slice(2), 'hex'));
}

/**
 * @param {unknown} value a string, a Buffer or a file: URL
 * @returns {[Buffer, number]}
 */
function path(value) {
  return bytes('path', value instanceof URL ? require('node:url').fileURLToPath(value) : value);
}

/**
 * @param {string} field
 * @param {unknown} value
 */
function index(field, value) {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw argumentError(field, 'must be a whole number from 0, below 2^32');
  }
  return value;
}

/**
 * The known members of an options object; another one is an error that names it.
 * @param {unknown} options
 * @param {string[]} [known] if left out, the library knows them
 * @returns {any}
 */
function options(options, known) {
  if (options === undefined || options === null) {
    return {};
  }
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw argumentError('options', 'must be an object');
  }
  for (const key of Object.keys(options)) {
    if (known && !known.includes(key)) {
      throw argumentError(key, 'is no option of this call');
    }
  }
  return options;
}

module.exports = { bytes, json, request, continuation, hex, path, index, options };
