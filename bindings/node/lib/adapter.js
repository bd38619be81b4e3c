'use strict';
const { call } = require('./library.js');
const { ABOUT, Resource, using } = require('./resource.js');

/** A LoRA adapter for one model. */
class Adapter extends Resource {
  /**
   * @param {symbol} key
   * @param {bigint} pointer
   */
  constructor(key, pointer) {
    super(key, 'adapter', pointer);
  }

  [ABOUT]() {
    return { sha256: this.sha256 };
  }

  /** @returns {import('../index.d.ts').Hex} */
  get sha256() {
    const bytes = Buffer.alloc(32);
    using({ adapter: this }, (adapter) => call('attestlm_adapter_sha256', adapter, bytes));
    return `0x${bytes.toString('hex')}`;
  }
}

module.exports = { Adapter };
