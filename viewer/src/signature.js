// Signatures (section 2.2).
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { ofKey } from './address.js';
import { equal, toHex } from './hex.js';

const ORDER = secp256k1.Point.Fn.ORDER;

/**
 * Whether the key of `signer` made this signature, and if not, why it is not one.
 * @param {Uint8Array} digest
 * @param {Uint8Array} signature r, s, v, or what else a contract wallet takes for one
 * @param {Uint8Array} signer
 * @returns {string | undefined} undefined if it did
 */
export function whyNot(digest, signature, signer) {
  if (signature.length !== 65) {
    return `it has ${signature.length} bytes, a key’s has 65`;
  }
  const r = BigInt(toHex(signature.subarray(0, 32)));
  const s = BigInt(toHex(signature.subarray(32, 64)));
  const v = signature[64];
  if (v !== 27 && v !== 28) {
    return 'v is neither 27 nor 28';
  }
  if (r === 0n || r >= ORDER || s === 0n || s >= ORDER) {
    return 'r or s is out of range';
  }
  if (s > ORDER / 2n) {
    return 's is above half the group order';
  }
  let key;
  try {
    key = new secp256k1.Signature(r, s, v - 27).recoverPublicKey(digest).toBytes(false);
  } catch {
    return 'it leads to no key';
  }
  return equal(ofKey(key.subarray(1)), signer) ? undefined : 'it is not by the key of the signer, or something that was signed has been changed';
}
