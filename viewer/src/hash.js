// The hashes of receipt-1 (sections 1 and 3).
import { keccak_256 } from '@noble/hashes/sha3.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** @typedef {Uint8Array | number | bigint} Word */

export const keccak256 = keccak_256;
export const ZERO = new Uint8Array(32);

/** @param {Uint8Array} bytes */
export const isZero = (bytes) => bytes.every((byte) => byte === 0);

/**
 * One word of abi.encode: 20 bytes are an address, a negative number is in two's complement.
 * @param {Word} value
 */
export function word(value) {
  const bytes = new Uint8Array(32);
  if (value instanceof Uint8Array) {
    bytes.set(value, 32 - value.length);
    return bytes;
  }
  let rest = BigInt.asUintN(256, BigInt(value));
  for (let at = 31; rest > 0n; at -= 1, rest >>= 8n) {
    bytes[at] = Number(rest & 255n);
  }
  return bytes;
}

/** @param {Word[]} values as many as a document holds: more than a call takes arguments */
export function words(values) {
  const bytes = new Uint8Array(32 * values.length);
  values.forEach((value, at) => bytes.set(word(value), 32 * at));
  return bytes;
}

/** @param {...Word} values */
export const H = (...values) => keccak256(words(values));

/** @param {string} text */
export const textHash = (text) => keccak256(utf8ToBytes(text));

/** @type {Map<string, Uint8Array>} */
const labels = new Map();

/** @param {string} name */
export function label(name) {
  let hash = labels.get(name);
  if (hash === undefined) {
    hash = textHash(`attestlm/receipt-1/${name}`);
    labels.set(name, hash);
  }
  return hash;
}

/**
 * @param {string} name of a label
 * @param {...Word} values
 */
export const labelled = (name, ...values) => H(label(name), ...values);
