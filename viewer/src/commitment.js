// Salts and commitments (sections 4 to 6).
import { keccak256, labelled } from './hash.js';

export const SALTS = /** @type {const} */ (['request', 'prompt', 'output', 'trace', 'steps', 'seed']);

/**
 * @param {Uint8Array} nonce
 * @param {number} item of a batch
 */
export const itemNonce = (nonce, item) => labelled('item', nonce, item);

/**
 * @param {Uint8Array} nonce
 * @param {number} stream
 * @returns {Map<string, Uint8Array>} the six salts by name
 */
export function salts(nonce, stream) {
  const key = labelled('stream', nonce, stream);
  return new Map(SALTS.map((name) => [name, labelled(`${name}-salt`, name === 'request' || name === 'prompt' ? nonce : key)]));
}

/**
 * @param {string} name
 * @param {Uint8Array} salt
 * @param {Uint8Array} bytes
 */
export const ofBytes = (name, salt, bytes) => labelled(name, salt, keccak256(bytes));

/**
 * @param {string} name
 * @param {Uint8Array} salt
 * @param {number[]} tokens
 */
export function ofTokens(name, salt, tokens) {
  const bytes = new Uint8Array(4 * tokens.length);
  const view = new DataView(bytes.buffer);
  tokens.forEach((token, at) => view.setUint32(4 * at, token));
  return labelled(name, salt, tokens.length, keccak256(bytes));
}

/**
 * @param {number | bigint} chainId
 * @param {Uint8Array} contract
 * @param {Uint8Array} jobId
 * @param {Uint8Array} previousDigest
 */
export const context = (chainId, contract, jobId, previousDigest) => labelled('context', chainId, contract, jobId, previousDigest);
