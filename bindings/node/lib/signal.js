'use strict';
const { argumentError } = require('./error.js');

/** What waits for a signal: one listener serves all, since more than ten make Node warn of a leak. @type {WeakMap<AbortSignal, Set<() => void>>} */
const waiting = new WeakMap();

/**
 * @param {unknown} value
 * @returns {AbortSignal | undefined}
 */
function signalOf(value) {
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!(value instanceof AbortSignal)) {
    throw argumentError('signal', 'must be an AbortSignal');
  }
  return value;
}

/**
 * Calls back when a signal is aborted that was not yet.
 * @param {AbortSignal | undefined} signal
 * @param {() => void} callback
 * @returns {() => void} takes that back; may be called again
 */
function onAbort(signal, callback) {
  if (!signal) {
    return () => {};
  }
  let callbacks = waiting.get(signal);
  if (!callbacks) {
    callbacks = new Set();
    waiting.set(signal, callbacks);
    signal.addEventListener('abort', aborted, { once: true });
  }
  const callees = callbacks.add(callback);
  return () => {
    if (callees.delete(callback) && callees.size === 0) {
      waiting.delete(signal);
      signal.removeEventListener('abort', aborted);
    }
  };
}

/** @param {globalThis.Event} event */
function aborted({ target }) {
  const signal = /** @type {AbortSignal} */ (target);
  const callbacks = waiting.get(signal) ?? [];
  waiting.delete(signal);
  for (const callback of callbacks) {
    callback();
  }
}

module.exports = { signalOf, onAbort };
