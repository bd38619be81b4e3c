'use strict';
// Account addresses, as people write them.
const input = require('./input.js');
const { call, result, text } = require('./library.js');

/**
 * @param {unknown} value text, or the 20 bytes
 * @returns {[Buffer, number]}
 */
function bytesOf(value) {
  if (typeof value !== 'string') {
    return input.bytes('address', value);
  }
  const address = Buffer.alloc(20);
  call('attestlm_address_parse', ...input.bytes('address', value), address);
  return [address, address.length];
}

/**
 * @param {Buffer} address
 * @returns {import('../index.d.ts').Hex} in the mixed case of EIP-55
 */
function textOf(address) {
  const out = result();
  call('attestlm_address_text', address, address.length, out);
  return /** @type {import('../index.d.ts').Hex} */ (text(out));
}

module.exports = { bytesOf, textOf };
