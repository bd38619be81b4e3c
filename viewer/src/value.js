// Values of a document in their one form (section 11).
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { Numeral } from './json.js';
import { Refused, require } from './refused.js';

/** @typedef {import('./json.js').Json} Json */

/**
 * @param {Json | undefined} value
 * @param {string} field
 * @param {readonly string[]} needed
 * @param {readonly string[]} optional
 * @returns {Map<string, Json>}
 */
export function members(value, field, needed, optional = []) {
  if (!(value instanceof Map)) {
    throw new Refused(field, 'it is not an object');
  }
  for (const name of needed) {
    require(value.has(name), field, `the member ${name} is missing`);
  }
  for (const name of value.keys()) {
    require(needed.includes(name) || optional.includes(name), field, 'it has a member that receipt-1 does not know');
  }
  return value;
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
export function array(value, field) {
  if (!Array.isArray(value)) {
    throw new Refused(field, 'it is not an array');
  }
  return value;
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
export function string(value, field) {
  if (typeof value !== 'string') {
    throw new Refused(field, 'it is not a string');
  }
  return value;
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
export function boolean(value, field) {
  if (typeof value !== 'boolean') {
    throw new Refused(field, 'it is neither true nor false');
  }
  return value;
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 * @param {number} [length] in bytes
 */
export function hexadecimal(value, field, length) {
  if (typeof value !== 'string' || !/^0x(?:[0-9a-f]{2})*$/.test(value) || (length !== undefined && value.length !== 2 + 2 * length)) {
    throw new Refused(field, `it is not 0x and ${length === undefined ? '' : `${2 * length} `}lower-case hexadecimal digits`);
  }
  return hexToBytes(value.slice(2));
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
export const bytes32 = (value, field) => hexadecimal(value, field, 32);

/**
 * @param {Json | undefined} value
 * @param {string} field
 * @param {number} most
 */
export function unsigned(value, field, most = 2 ** 32 - 1) {
  if (!(value instanceof Numeral) || !/^[0-9]{1,16}$/.test(value.text) || Number(value.text) > most) {
    throw new Refused(field, `it is not a whole number from 0 to ${most}`);
  }
  return Number(value.text);
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
export function uint64(value, field) {
  if (typeof value !== 'string' || !/^(?:0|[1-9][0-9]{0,19})$/.test(value) || BigInt(value) >= 2n ** 64n) {
    throw new Refused(field, 'it is not a string of a whole number below 2^64');
  }
  return BigInt(value);
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 * @returns {bigint} millionths
 */
export function real(value, field) {
  const match = typeof value === 'string' ? /^(-?)(0|[1-9][0-9]{0,15})(?:\.([0-9]{0,5}[1-9]))?$/.exec(value) : null;
  const millionths = match && BigInt(match[2]) * 1_000_000n + BigInt((match[3] ?? '').padEnd(6, '0'));
  if (!match || millionths === null || value === '-0' || millionths > 2n ** 53n) {
    throw new Refused(field, 'it is not a string of a decimal number with at most six places');
  }
  return match[1] ? -millionths : millionths;
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
export const tokens = (value, field) => array(value, field).map((token) => unsigned(token, field));

/**
 * The bytes of `text`, or of `textHex` if and only if they are not UTF-8.
 * @param {Map<string, Json>} object
 * @param {string} field
 */
export function textBytes(object, field) {
  require(object.has('text') !== object.has('textHex'), field, 'it needs either text or textHex');
  if (object.has('text')) {
    return utf8ToBytes(string(object.get('text'), field));
  }
  const bytes = hexadecimal(object.get('textHex'), field);
  require(!isUtf8(bytes), field, 'textHex is valid UTF-8, so it has to be text');
  return bytes;
}

/** @param {Uint8Array} bytes */
export function isUtf8(bytes) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
