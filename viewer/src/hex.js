// Bytes as hexadecimal digits.
import { bytesToHex } from '@noble/hashes/utils.js';

/** @param {Uint8Array} bytes */
export const toHex = (bytes) => `0x${bytesToHex(bytes)}`;

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export const equal = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
