'use strict';
const addresses = require('./address.js');
const { argumentError } = require('./error.js');
const input = require('./input.js');
const { call, callLong, result, text } = require('./library.js');
const { ABOUT, KEY, Resource, using, usingAsync } = require('./resource.js');

/** @typedef {InstanceType<typeof import('./receipt.js').Receipt>} Receipt */

/** Something that signs in the name of one address. */
class Signer extends Resource {
  /** @type {((digest: Uint8Array, receipt: Receipt) => unknown) | undefined} */
  #sign;

  /**
   * @param {symbol} key
   * @param {bigint} pointer
   */
  constructor(key, pointer) {
    super(key, 'signer', pointer);
  }

  [ABOUT]() {
    return { address: this.address };
  }

  static random() {
    const out = result();
    call('attestlm_signer_random', out);
    return new Signer(KEY, out[0]);
  }

  /** @param {unknown} key */
  static fromKey(key) {
    const [bytes, length] = input.hex('key', key);
    const out = result();
    try {
      call('attestlm_signer_from_key', bytes, length, out);
    } finally {
      bytes.fill(0);
    }
    return new Signer(KEY, out[0]);
  }

  /**
   * @param {unknown} keystore
   * @param {unknown} password
   */
  static async fromKeystore(keystore, password) {
    const document = input.json('keystore', keystore);
    const secret = input.bytes('password', password);
    const out = result();
    try {
      await callLong('attestlm_signer_from_keystore', ...document, ...secret, out);
    } finally {
      secret[0].fill(0);
    }
    return new Signer(KEY, out[0]);
  }

  /** @param {unknown} address */
  static external(address) {
    const out = result();
    call('attestlm_signer_external', ...addresses.bytesOf(address), out);
    return new Signer(KEY, out[0]);
  }

  /**
   * @param {unknown} address
   * @param {(digest: Uint8Array, receipt: Receipt) => unknown} sign
   */
  static custom(address, sign) {
    if (typeof sign !== 'function') {
      throw argumentError('sign', 'must be a function');
    }
    const signer = Signer.external(address);
    signer.#sign = sign;
    return signer;
  }

  get address() {
    const bytes = Buffer.alloc(20);
    using({ signer: this }, (signer) => call('attestlm_signer_address', signer, bytes));
    return addresses.textOf(bytes);
  }

  /** @param {unknown} password */
  async toKeystore(password) {
    const secret = input.bytes('password', password);
    const out = result();
    try {
      await usingAsync({ signer: this }, (signer) => callLong('attestlm_signer_to_keystore', signer, ...secret, out));
    } finally {
      secret[0].fill(0);
    }
    return text(out);
  }

  /**
   * Completes a receipt, if this signer was made with a function.
   * @param {Signer} signer
   * @param {Receipt} receipt
   */
  static async complete(signer, receipt) {
    if (signer.#sign) {
      receipt.sign(await signer.#sign(Uint8Array.from(Buffer.from(receipt.digest.slice(2), 'hex')), receipt));
    }
  }
}

const complete = Signer.complete;
Reflect.deleteProperty(Signer, 'complete');

module.exports = { Signer, complete };
