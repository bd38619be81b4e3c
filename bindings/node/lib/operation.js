'use strict';
// Calls that take long: watched, and ended, while they run.
const { AbortError, argumentError, tracing } = require('./error.js');
const { call, freeNow, forsake, result } = require('./library.js');
const { onAbort, signalOf } = require('./signal.js');

/** @typedef {import('./library.js').Pointer} Pointer */
/** @typedef {import('../index.d.ts').Progress} Progress */

/** How often a call is asked how far it is, in milliseconds. */
const INTERVAL = 50;

/** Those of calls that run. @type {Set<Operation>} */
const running = new Set();

// Node joins its pool before it exits: what still runs there is ended.
process.on('exit', () => {
  for (const operation of running) {
    operation.cancel();
  }
});

/** The library's object, of one call. */
class Operation {
  /** How much was done when it was last asked; below 0: it was not. */
  #told = -1;

  constructor() {
    const out = result();
    call('attestlm_operation_new', out);
    /** @type {Pointer} */
    this.pointer = out[0];
    running.add(this);
  }

  cancel() {
    call('attestlm_operation_cancel', this.pointer);
  }

  /**
   * How far the call is, if that is not what was answered last. The first answer is that nothing is done.
   * @returns {Progress[]}
   */
  news() {
    const [done, total] = [[0], [0]];
    call('attestlm_operation_progress', this.pointer, done, total);
    const told = this.#told;
    if (total[0] === 0 || done[0] === told) {
      return [];
    }
    this.#told = done[0];
    const now = { done: done[0], total: total[0] };
    return told < 0 && now.done > 0 ? [{ done: 0, total: now.total }, now] : [now];
  }

  free() {
    running.delete(this);
    freeNow('attestlm_operation_free', this.pointer);
  }
}

/**
 * What a call comes to that is handed an operation; an AbortError when the signal is aborted, or what `onProgress` throws or
 * its promise rejects with, as soon as that happens: the call is ended then, and nobody gets what it comes to. No promise is
 * waited for: one that rejects after the call is passed over.
 * @template T
 * @param {{ signal?: AbortSignal | null, onProgress?: ((progress: Progress) => unknown) | null }} options
 * @param {(operation: Pointer) => Promise<T>} work it is `callWatched` that makes the call
 * @returns {Promise<T>}
 */
async function operate({ signal: given, onProgress }, work) {
  const signal = signalOf(given);
  if (onProgress !== undefined && onProgress !== null && typeof onProgress !== 'function') {
    throw argumentError('onProgress', 'must be a function');
  }
  if (signal?.aborted) {
    throw new AbortError(signal.reason);
  }
  const operation = new Operation();
  const trace = tracing(operate);
  return new Promise((resolve, reject) => {
    let over = false;
    /** @param {() => void} settle */
    const end = (settle) => {
      over = true;
      clearInterval(timer);
      hushed();
      settle();
    };
    /** @param {unknown} failure */
    const stop = (failure) => {
      end(() => reject(trace(failure)));
      operation.cancel();
      forsake(operation.pointer, failure);
    };
    const tell = () => {
      try {
        for (const progress of operation.news()) {
          // The function may have aborted the call itself.
          if (!over) {
            Promise.resolve(onProgress?.(progress)).catch((failure) => over || stop(failure));
          }
        }
      } catch (failure) {
        stop(failure);
      }
    };
    const timer = onProgress ? setInterval(tell, INTERVAL).unref() : undefined;
    const hushed = onAbort(signal, () => stop(new AbortError(signal?.reason)));
    work(operation.pointer)
      .then(
        (value) => {
          if (!over && onProgress) {
            tell();
          }
          if (over) {
            /** @type {any} */ (value)?.[Symbol.dispose]?.();
          } else {
            end(() => resolve(value));
          }
        },
        (failure) => over || end(() => reject(trace(failure))),
      )
      .finally(() => operation.free());
  });
}

module.exports = { operate };
