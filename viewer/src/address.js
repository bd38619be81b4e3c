// Account addresses.
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { keccak256 } from './hash.js';

/** @param {Uint8Array} publicKey x and y, 64 bytes */
export const ofKey = (publicKey) => keccak256(publicKey).slice(12);

/**
 * @param {Uint8Array} address
 * @returns {string} in the mixed case of EIP-55
 */
export function checksummed(address) {
  const digits = bytesToHex(address);
  const hash = bytesToHex(keccak256(utf8ToBytes(digits)));
  return `0x${[...digits].map((digit, at) => (hash[at] >= '8' ? digit.toUpperCase() : digit)).join('')}`;
}
