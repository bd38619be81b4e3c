'use strict';
const { statuses } = require('./abi.js');

/** @type {Map<number, any>} */
const NAMES = new Map(Object.entries(statuses).map(([name, code]) => [code, name.replace(/^ERR_/, '').toLowerCase()]));

/** A call that failed. */
class AttestLMError extends Error {
  /**
   * @param {number} code the status of the C interface, below 0
   * @param {string} field the argument, field or file it is about; may be empty
   * @param {string} says one sentence, without the field
   */
  constructor(code, field, says) {
    super(field ? `${field}: ${says}` : says);
    /** @type {'AttestLMError'} */
    this.name = 'AttestLMError';
    this.code = code;
    /** @type {import('../index.d.ts').AttestLMError['codeName']} */
    this.codeName = NAMES.get(code) ?? 'unknown';
    this.field = field;
  }
}

/** What an operation rejects with when its AbortSignal is aborted. */
class AbortError extends Error {
  /** @param {unknown} cause the signal's reason */
  constructor(cause) {
    super('The operation was aborted', { cause });
    /** @type {'AbortError'} */
    this.name = 'AbortError';
    /** @type {'ABORT_ERR'} */
    this.code = 'ABORT_ERR';
  }
}

/**
 * @param {string} field
 * @param {string} says
 */
function argumentError(field, says) {
  return new AttestLMError(statuses.ERR_ARGUMENT, field, says);
}

/**
 * Adds who called to what a call fails with that took its time: that is made in another turn, whose stack says nothing of it.
 * @param {Function} callee the first frames, up to its, are left out
 * @returns {<T>(failure: T) => T}
 */
function tracing(callee) {
  const caller = { stack: '' };
  Error.captureStackTrace(caller, callee);
  return (failure) => {
    if (failure instanceof AttestLMError || failure instanceof AbortError) {
      const { stack = '' } = failure;
      const frames = caller.stack.split('\n').slice(1).filter((frame) => !stack.includes(frame));
      failure.stack = [stack, ...frames].join('\n');
    }
    return failure;
  };
}

module.exports = { AttestLMError, AbortError, argumentError, tracing };
