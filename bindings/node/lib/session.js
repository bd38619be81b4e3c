'use strict';
const { Generation } = require('./generation.js');
const input = require('./input.js');
const { call, callAsync, callWatched, result, text } = require('./library.js');
const { operate } = require('./operation.js');
const { Receipt } = require('./receipt.js');
const { ABOUT, KEY, Resource, optional, using, usingAsync } = require('./resource.js');
const { signalOf } = require('./signal.js');
const { Signer, complete } = require('./signer.js');

/** What a request can be given besides. */
const OPTIONS = ['signer', 'signal'];

/** Sessions that would make the process wait at its end. */
const live = /** @type {Set<WeakRef<Session>>} */ (new Set());
/** @type {FinalizationRegistry<WeakRef<Session>>} */
const collected = new FinalizationRegistry((entry) => live.delete(entry));

// Node joins its pool before it exits: what still runs there is cancelled.
process.on('exit', () => {
  for (const entry of live) {
    const session = entry.deref();
    try {
      session?.cancel();
    } catch {
      // It was closed, or is broken: nothing of it runs.
    }
  }
});

/** A session: every call may run beside every other. */
class Session extends Resource {
  /**
   * @param {symbol} key
   * @param {bigint} pointer
   */
  constructor(key, pointer) {
    super(key, 'session', pointer);
    const entry = new WeakRef(this);
    live.add(entry);
    collected.register(this, entry);
  }

  [ABOUT]() {
    const { model, adapter, profile, contextTokens, streams } = this.#told();
    return { model, adapter, profile, contextTokens, streams };
  }

  /** @returns {import('../index.d.ts').SessionInfo} what was fixed when it was made: nothing to wait for */
  #told() {
    const out = result();
    using({ session: this }, (session) => call('attestlm_session_info', session, out));
    return JSON.parse(text(out));
  }

  async info() {
    return this.#told();
  }

  async forget() {
    await usingAsync({ session: this }, (session) => callAsync('attestlm_session_forget', session));
  }

  cancel() {
    using({ session: this }, (session) => call('attestlm_session_cancel', session));
  }

  /**
   * @param {unknown} request
   * @param {unknown} [options]
   */
  stream(request, options) {
    const given = input.options(options, OPTIONS);
    const signer = optional('signer', given.signer, Signer);
    const bytes = input.request(request);
    const queue = () =>
      usingAsync({ session: this, signer }, async (session, signs) => {
        const out = result();
        await callAsync('attestlm_session_generate', session, ...bytes, signs, out);
        return out[0];
      });
    return new Generation(KEY, signer, signalOf(given.signal), queue);
  }

  /**
   * @param {unknown} request
   * @param {unknown} [options]
   */
  async generate(request, options) {
    const generation = this.stream(request, options);
    try {
      return await generation.answer();
    } finally {
      generation.close();
    }
  }

  /**
   * @param {unknown} request
   * @param {unknown} [options]
   */
  async generateAll(request, options) {
    const generation = this.stream(request, options);
    try {
      return await generation.answers();
    } finally {
      generation.close();
    }
  }

  /**
   * @param {unknown} request
   * @param {unknown} continuation
   * @param {unknown} [options]
   */
  async score(request, continuation, options) {
    const given = input.options(options, [...OPTIONS, 'onProgress']);
    const signer = optional('signer', given.signer, Signer);
    const texts = [...input.request(request), ...input.continuation(continuation)];
    return operate(given, async (operation) => {
      const out = result();
      const document = result();
      await usingAsync({ session: this, signer }, (session, signs) =>
        callWatched(operation, 'attestlm_session_score', session, ...texts, signs, operation, out, signer ? document : null));
      const score = JSON.parse(text(out));
      score.receipt = null;
      if (signer) {
        score.receipt = new Receipt(KEY, document[0]);
        await complete(signer, score.receipt);
      }
      return score;
    });
  }
}

module.exports = { Session };
