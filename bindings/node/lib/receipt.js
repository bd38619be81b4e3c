'use strict';
const address = require('./address.js');
const input = require('./input.js');
const { call, callWatched, result, text } = require('./library.js');
const { operate } = require('./operation.js');
const { ABOUT, KEY, Resource, optional, using, usingAsync } = require('./resource.js');

/** A receipt with its disclosure, or without. */
class Receipt extends Resource {
  /**
   * @param {symbol} key
   * @param {bigint} pointer
   */
  constructor(key, pointer) {
    super(key, 'receipt', pointer);
  }

  [ABOUT]() {
    return { digest: this.digest, signer: this.signer };
  }

  /** @param {unknown} document */
  static parse(document) {
    const out = result();
    call('attestlm_receipt_parse', ...input.json('receipt', document), out);
    return new Receipt(KEY, out[0]);
  }

  /** @param {{ disclosure?: boolean }} [options] */
  toString(options) {
    const { disclosure = true } = input.options(options, ['disclosure']);
    const out = result();
    using({ receipt: this }, (receipt) => call('attestlm_receipt_to_json', receipt, disclosure ? 1 : 0, out));
    return text(out);
  }

  toJSON() {
    return JSON.parse(this.toString());
  }

  typedData() {
    const out = result();
    using({ receipt: this }, (receipt) => call('attestlm_receipt_typed_data', receipt, out));
    return JSON.parse(text(out));
  }

  /** @returns {import('../index.d.ts').Hex} */
  get digest() {
    const bytes = Buffer.alloc(32);
    using({ receipt: this }, (receipt) => call('attestlm_receipt_digest', receipt, bytes));
    return `0x${bytes.toString('hex')}`;
  }

  get signer() {
    const bytes = Buffer.alloc(20);
    using({ receipt: this }, (receipt) => call('attestlm_receipt_signer', receipt, bytes));
    return address.textOf(bytes);
  }

  /** @param {unknown} signature */
  sign(signature) {
    const bytes = input.hex('signature', signature);
    using({ receipt: this }, (receipt) => call('attestlm_receipt_sign', receipt, ...bytes));
  }

  /** @param {unknown} signature */
  signAsWallet(signature) {
    const bytes = input.hex('signature', signature);
    using({ receipt: this }, (receipt) => call('attestlm_receipt_sign_as_wallet', receipt, ...bytes));
  }

  /** @param {unknown} [options] */
  async verify(options) {
    const given = input.options(options, ['model', 'adapter', 'terms', 'request', 'signal', 'onProgress']);
    const model = optional('model', given.model, require('./model.js').Model);
    const adapter = optional('adapter', given.adapter, require('./adapter.js').Adapter);
    const terms = input.json('terms', given.terms);
    const request = input.request(given.request);
    return operate(given, (operation) =>
      usingAsync({ receipt: this, model, adapter }, async (...objects) => {
        const out = result();
        await callWatched(operation, 'attestlm_receipt_verify', ...objects, ...terms, ...request, operation, out);
        return JSON.parse(text(out));
      }));
  }

  /** @param {number} index */
  proveStep(index) {
    const out = result();
    using({ receipt: this }, (receipt) => call('attestlm_receipt_prove_step', receipt, input.index('index', index), out));
    return JSON.parse(text(out));
  }

  /** @param {{ steps: number[] }} shown */
  redacted(shown) {
    const bytes = input.json('shown', shown);
    const out = result();
    using({ receipt: this }, (receipt) => call('attestlm_receipt_redact', receipt, ...bytes, out));
    return new Receipt(KEY, out[0]);
  }

  /** @param {unknown} proof */
  checkProof(proof) {
    const bytes = input.json('proof', proof);
    using({ receipt: this }, (receipt) => call('attestlm_receipt_check_proof', receipt, ...bytes));
  }

  /** @param {Receipt} previous */
  checkFollows(previous) {
    using({ receipt: this }, (receipt) =>
      using({ receipt: previous }, (before) => call('attestlm_receipt_check_follows', receipt, before)),
    );
  }
}

module.exports = { Receipt };
