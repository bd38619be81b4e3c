'use strict';
const { Adapter } = require('./adapter.js');
const input = require('./input.js');
const { callLong, callWatched, result, text } = require('./library.js');
const { operate } = require('./operation.js');
const { ABOUT, KEY, Resource, optional, usingAsync } = require('./resource.js');
const { Session } = require('./session.js');

/** How a call is watched and ended. */
const WATCH = ['signal', 'onProgress'];

/** A model's weights and vocabulary. */
class Model extends Resource {
  /** Its file's hash, once it was told: the first telling in a process takes its time. @type {string | undefined} */
  #sha256;

  /**
   * @param {symbol} key
   * @param {bigint} pointer
   */
  constructor(key, pointer) {
    super(key, 'model', pointer);
  }

  [ABOUT]() {
    return this.#sha256 ? { sha256: this.#sha256 } : {};
  }

  static async bundled() {
    const out = result();
    await callLong('attestlm_model_bundled', out);
    return new Model(KEY, out[0]);
  }

  /**
   * @param {unknown} path
   * @param {unknown} [options]
   */
  static async open(path, options) {
    const bytes = input.path(path);
    return operate(input.options(options, WATCH), async (operation) => {
      const out = result();
      await callWatched(operation, 'attestlm_model_open', ...bytes, operation, out);
      return new Model(KEY, out[0]);
    });
  }

  /**
   * @param {unknown} path
   * @param {unknown} [options]
   */
  static async check(path, options) {
    const bytes = input.path(path);
    return operate(input.options(options, WATCH), async (operation) => {
      const out = result();
      await callWatched(operation, 'attestlm_model_check', ...bytes, operation, out);
      return JSON.parse(text(out));
    });
  }

  async info() {
    const out = result();
    await usingAsync({ model: this }, (model) => callLong('attestlm_model_info', model, out));
    const info = JSON.parse(text(out));
    this.#sha256 = info.sha256;
    return info;
  }

  /** @param {unknown} path */
  async openAdapter(path) {
    const out = result();
    await usingAsync({ model: this }, (model) => callLong('attestlm_adapter_open', model, ...input.path(path), out));
    return new Adapter(KEY, out[0]);
  }

  /** @param {unknown} [options] */
  async createSession(options) {
    const { adapter: given, ...rest } = input.options(options);
    const adapter = optional('adapter', given, Adapter);
    const out = result();
    await usingAsync({ model: this, adapter }, (...objects) =>
      callLong('attestlm_session_new', ...objects, ...input.json('options', rest), out));
    const session = new Session(KEY, out[0]);
    this.#sha256 ??= (await session.info()).model;
    return session;
  }
}

module.exports = { Model };
