'use strict';
// Objects of the library: freed when they are closed, or found unreachable, and no call uses them.
const { isMainThread } = require('node:worker_threads');
const { argumentError } = require('./error.js');
const { free, freeNow } = require('./library.js');

/** @typedef {import('./library.js').Pointer} Pointer */
/**
 * @typedef {object} State
 * @property {Pointer} pointer
 * @property {string} noun
 * @property {number} users calls that run
 * @property {boolean} closed
 * @property {() => void} freed
 * @property {Promise<void>} gone
 */

/** What only this package can construct with. */
const KEY = Symbol('attestlm');

/** What `util.inspect` shows of an object: what it is known by, and nothing of prompts and outputs. */
const ABOUT = Symbol('about');
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * @this {{ closed: boolean, [ABOUT](): object }}
 * @param {number} _depth
 * @param {import('node:util').InspectOptions} options
 * @param {typeof import('node:util').inspect} inspect
 */
function shown(_depth, options, inspect) {
  let about;
  try {
    about = this.closed ? { closed: true } : this[ABOUT]();
  } catch (error) {
    // It is a prototype, or broken: no reason to fail whoever looks.
    about = { error: String(error) };
  }
  return `${this.constructor.name} ${inspect(about, options)}`;
}

/** Whose freeing has not begun. @type {Set<State>} */
const live = new Set();

/**
 * @param {State} state
 * @returns {any}
 */
const freeing = ({ noun }) => `attestlm_${noun}_free`;

/** @param {State} state */
function release(state) {
  free(freeing(state), state.pointer, () => live.delete(state)).then(state.freed);
}

if (!isMainThread) {
  // A process that ends gives everything back, a worker nothing. No callback follows: what calls use that still run stays.
  process.on('exit', () => {
    for (const state of live) {
      state.closed = true;
      if (state.users === 0) {
        live.delete(state);
        freeNow(freeing(state), state.pointer);
      }
    }
  });
}

/** @type {FinalizationRegistry<State>} */
const unreachable = new FinalizationRegistry(release);

/** @type {WeakMap<object, State>} */
const states = new WeakMap();

class Resource {
  /**
   * @param {symbol} key
   * @param {string} noun
   * @param {Pointer} pointer
   */
  constructor(key, noun, pointer) {
    if (key !== KEY) {
      throw new TypeError(`Illegal constructor: a ${noun} is made by a function of this package`);
    }
    let freed = () => {};
    const gone = /** @type {Promise<void>} */ (new Promise((resolve) => (freed = () => resolve(undefined))));
    const state = { pointer, noun, users: 0, closed: false, freed, gone };
    states.set(this, state);
    live.add(state);
    unreachable.register(this, state, state);
  }

  /** @returns {object} */
  [ABOUT]() {
    return {};
  }

  /** Whether it was closed. */
  get closed() {
    return stateOf(this).closed;
  }

  /**
   * Ends its use, now; what it holds is freed when the calls that run have ended. May be called again.
   * @returns {Promise<void>} when it is freed
   */
  close() {
    const state = stateOf(this);
    if (!state.closed) {
      state.closed = true;
      unreachable.unregister(state);
      if (state.users === 0) {
        release(state);
      }
    }
    return state.gone;
  }

  [Symbol.dispose]() {
    this.close();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }
}
Object.defineProperty(Resource.prototype, INSPECT, { value: shown });

/**
 * A method may be called on whatever there is, and an object's prototype changed: only what was made here is of a noun.
 * @param {object} resource
 * @param {string} [noun] what it must be; any, if left out
 */
function stateOf(resource, noun) {
  const state = states.get(resource);
  if (!state || (noun !== undefined && state.noun !== noun)) {
    throw new TypeError(`Illegal invocation: ${noun ? `no ${noun}` : 'not an object'} of this package`);
  }
  return state;
}

/** @param {Record<string, Resource | null>} resources */
function lend(resources) {
  const lent = Object.entries(resources).map(([noun, resource]) => (resource === null ? null : stateOf(resource, noun)));
  for (const state of lent) {
    if (state?.closed) {
      throw argumentError(state.noun, 'was closed');
    }
  }
  for (const state of lent) {
    if (state) {
      state.users++;
    }
  }
  return lent;
}

/** @param {(State | null)[]} lent */
function giveBack(lent) {
  for (const state of lent) {
    if (state && --state.users === 0 && state.closed) {
      release(state);
    }
  }
}

/**
 * Does something with the pointers of resources, null for none, none of which is freed before it has ended.
 * @template T
 * @param {Record<string, Resource | null>} resources each under its noun
 * @param {(...pointers: any[]) => T} work
 * @returns {T}
 */
function using(resources, work) {
  const lent = lend(resources);
  try {
    return work(...lent.map((state) => state && state.pointer));
  } finally {
    giveBack(lent);
  }
}

/**
 * The same for what takes its time.
 * @template T
 * @param {Record<string, Resource | null>} resources each under its noun
 * @param {(...pointers: any[]) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function usingAsync(resources, work) {
  const lent = lend(resources);
  try {
    return await work(...lent.map((state) => state && state.pointer));
  } finally {
    giveBack(lent);
    // What is collected as garbage has no user: the callers hold their resources until here.
    void resources;
  }
}

/**
 * An argument that must be of a class, or nothing.
 * @template {Resource} T
 * @param {string} field
 * @param {unknown} value
 * @param {abstract new (...args: any[]) => T} type
 * @returns {T | null}
 */
function optional(field, value, type) {
  if (value === undefined || value === null) {
    return null;
  }
  if (!(value instanceof type)) {
    throw argumentError(field, `must be a ${type.name}`);
  }
  return value;
}

module.exports = { KEY, ABOUT, INSPECT, Resource, shown, using, usingAsync, optional };
