'use strict';
const { AbortError, argumentError } = require('./error.js');

/**
 * The result of some work, or an AbortError as soon as the signal is aborted: then `cancel` is called, and what the
 * work still comes to is nobody's.
 * @template T
 * @param {AbortSignal | null | undefined} signal
 * @param {() => Promise<T>} work
 * @param {() => void} [cancel]
 * @returns {Promise<T>}
 */
function abortable(signal, work, cancel) {
  if (signal === undefined || signal === null) {
    return work();
  }
  if (!(signal instanceof AbortSignal)) {
    return Promise.reject(argumentError('signal', 'must be an AbortSignal'));
  }
  if (signal.aborted) {
    return Promise.reject(new AbortError(signal.reason));
  }
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(new AbortError(signal.reason));
      cancel?.();
    };
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

module.exports = { abortable };
