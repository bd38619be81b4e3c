'use strict';
const { statuses } = require('./abi.js');
const { AbortError, argumentError, tracing } = require('./error.js');
const input = require('./input.js');
const { call, callAsync, result, text } = require('./library.js');
const { Receipt } = require('./receipt.js');
const { ABOUT, INSPECT, KEY, Resource, shown, using, usingAsync } = require('./resource.js');
const { onAbort } = require('./signal.js');
const { complete } = require('./signer.js');

/** @typedef {InstanceType<typeof import('./signer.js').Signer>} Signer */

/** How long one call waits for an event, in milliseconds: so long a thread of the pool is held at most, or one step. */
const PATIENCE = 50;

/** The library's object. */
class Running extends Resource {
  /** @param {bigint} pointer */
  constructor(pointer) {
    super(KEY, 'generation', pointer);
  }
}

/** One request at work: its events, its answers. */
class Generation {
  #signer;
  /** @type {Promise<Running>} */
  #opened;
  /** @type {Running | undefined} */
  #running;
  /** What comes first, comes first: the library lets one call pull at a time. @type {Promise<unknown>} */
  #turn = Promise.resolve();
  /** Why nothing more can be had. @type {Error | undefined} */
  #failure;
  /** @type {Set<(failure: Error) => void>} */
  #waiting = new Set();
  #ended = false;
  #cancelled = false;
  /** Choices that have ended. @type {Set<number>} */
  #choices = new Set();
  /** @type {Map<number, Promise<import('../index.d.ts').Answer>>} */
  #answers = new Map();
  /** Takes the listener off the signal. @type {() => void} */
  #over;

  /**
   * @param {symbol} key
   * @param {Signer | null} signer
   * @param {AbortSignal | undefined} signal
   * @param {() => Promise<bigint>} open
   */
  constructor(key, signer, signal, open) {
    if (key !== KEY) {
      throw new TypeError('Illegal constructor: a generation is made by a session');
    }
    this.#signer = signer;
    // A signal that lives long does not keep what nobody else holds.
    const weak = new WeakRef(this);
    const abort = () => {
      const generation = weak.deref();
      if (generation) {
        generation.#fail(new AbortError(signal?.reason));
      }
    };
    this.#over = onAbort(signal, abort);
    this.#opened = signal?.aborted ? Promise.reject(new AbortError(signal.reason)) : this.#open(open);
    this.#opened.catch(() => this.#over());
    if (signal?.aborted) {
      abort();
    }
  }

  /** @param {() => Promise<bigint>} open */
  async #open(open) {
    const running = (this.#running = new Running(await open()));
    if (this.#cancelled) {
      this.cancel();
    }
    return running;
  }

  /**
   * Ends every wait, and the generation.
   * @param {Error} failure
   */
  #fail(failure) {
    this.#failure ??= failure;
    try {
      this.cancel();
    } catch {
      // It is freed below, which cancels it, too.
    }
    for (const reject of this.#waiting) {
      reject(this.#failure);
    }
    this.#waiting.clear();
    this.#over();
    return this.#opened.then((running) => running.close(), () => {});
  }

  /**
   * The result of some work, unless the generation is aborted or closed before.
   * @template T
   * @param {() => Promise<T>} work
   * @param {<F>(failure: F) => F} [trace]
   * @returns {Promise<T>}
   */
  #unlessFailed(work, trace = tracing(this.#unlessFailed)) {
    return new Promise((resolve, refuse) => {
      /** @param {unknown} failure */
      const reject = (failure) => refuse(trace(failure));
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#waiting.add(reject);
      work().then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /**
   * Does something with the library's object, after what was asked for before.
   * @template T
   * @param {(generation: bigint) => Promise<T>} work
   * @returns {Promise<T>}
   */
  #alone(work) {
    const done = this.#turn.then(async () => usingAsync({ generation: await this.#opened }, work));
    this.#turn = done.catch(() => {});
    return done;
  }

  /**
   * The next event; null after the last.
   * @returns {Promise<import('../index.d.ts').Event | null>}
   */
  #pull() {
    return this.#alone(async (generation) => {
      while (!this.#ended && !this.#failure) {
        const out = result();
        const status = await callAsync('attestlm_generation_next', generation, PATIENCE, out);
        if (status === statuses.OK) {
          const event = JSON.parse(text(out));
          if (event.event === 'done' || event.event === 'failed') {
            this.#choices.add(event.choice);
          }
          return event;
        }
        if (status === statuses.END) {
          this.#ended = true;
          this.#over();
        }
      }
      if (this.#failure) {
        throw this.#failure;
      }
      return null;
    });
  }

  get queued() {
    return this.#unlessFailed(async () => {
      await this.#opened;
    });
  }

  [Symbol.asyncIterator]() {
    // Once, and not for each event: it takes 5 µs.
    const trace = tracing(this[Symbol.asyncIterator]);
    return {
      next: async () => {
        const value = await this.#unlessFailed(() => this.#pull(), trace);
        return value ? { done: /** @type {const} */ (false), value } : { done: /** @type {const} */ (true), value: undefined };
      },
      return: async () => {
        this.close();
        return { done: /** @type {const} */ (true), value: undefined };
      },
    };
  }

  /** @param {number} [choice] */
  answer(choice = 0) {
    return this.#unlessFailed(async () => {
      input.index('choice', choice);
      while (!this.#choices.has(choice) && (await this.#pull())) {
        // The events before it are for nobody.
      }
      let answer = this.#answers.get(choice);
      if (!answer) {
        answer = this.#take(choice);
        this.#answers.set(choice, answer);
      }
      return answer;
    });
  }

  answers() {
    return this.#unlessFailed(async () => {
      while (await this.#pull()) {
        // To the end.
      }
      return Promise.all([...this.#choices].sort((a, b) => a - b).map((choice) => this.answer(choice)));
    });
  }

  /** @param {number} choice */
  async #take(choice) {
    const out = result();
    const document = result();
    await this.#alone(async (generation) => {
      await callAsync('attestlm_generation_answer', generation, choice, out);
      if (this.#signer) {
        await callAsync('attestlm_generation_receipt', generation, choice, document);
      }
    });
    const answer = JSON.parse(text(out));
    // Why there is no receipt, the call above has said.
    delete answer.receiptError;
    answer.receipt = null;
    if (this.#signer) {
      answer.receipt = new Receipt(KEY, document[0]);
      await complete(this.#signer, answer.receipt);
    }
    return answer;
  }

  /**
   * @param {number} choice
   * @param {number} index
   * @param {{ digest?: boolean }} [options]
   */
  proveToken(choice, index, options) {
    return this.#unlessFailed(async () => {
      const { digest = false } = input.options(options, ['digest']);
      const out = result();
      await this.#alone((generation) =>
        callAsync('attestlm_generation_prove_token', generation, input.index('choice', choice), input.index('index', index), digest ? 1 : 0, out));
      return JSON.parse(text(out));
    });
  }

  cancel() {
    this.#cancelled = true;
    if (this.#running && !this.#running.closed) {
      using({ generation: this.#running }, (generation) => call('attestlm_generation_cancel', generation));
    }
  }

  get closed() {
    return this.#failure !== undefined;
  }

  close() {
    return this.#fail(argumentError('generation', 'was closed'));
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }

  [ABOUT]() {
    return { state: this.#ended ? 'ended' : this.#running ? 'running' : 'queued', choicesEnded: this.#choices.size };
  }
}
Object.defineProperty(Generation.prototype, INSPECT, { value: shown });

module.exports = { Generation };
