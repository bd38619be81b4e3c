'use strict';
// The native library: where it is, whether it is the right one, and how it is called.
const abi = require('./abi.js');
const { AttestLMError } = require('./error.js');
const { Gate } = require('./gate.js');

/** @typedef {bigint} Pointer */
/** @typedef {{ (...args: any[]): any, async: (...args: any[]) => void }} Native */

const PLATFORMS = /** @type {Record<string, string>} */ ({ 'linux x64': '@attestlm/linux-x64-gnu' });

// koffi runs the library on stacks of its own. Its 128 KiB for asynchronous calls are less than the engine, a
// grammar or scrypt may take; only pages that are touched cost memory.
const STACKS = { sync_stack_size: 8 << 20, async_stack_size: 8 << 20 };

/** The path of the library: ATTESTLM_LIBRARY, or the package of this platform. */
function find() {
  if (process.env.ATTESTLM_LIBRARY) {
    return process.env.ATTESTLM_LIBRARY;
  }
  const name = PLATFORMS[`${process.platform} ${process.arch}`];
  if (!name) {
    throw new Error(`attestlm: there is no package for ${process.platform} ${process.arch}: set ATTESTLM_LIBRARY to the path of a libattestlm built for it`);
  }
  try {
    return require.resolve(name);
  } catch (cause) {
    throw new Error(`attestlm: the package ${name} is not installed (npm leaves optional packages out with --omit=optional): install it, or set ATTESTLM_LIBRARY to the path of libattestlm.so.0`, { cause });
  }
}

const path = find();
const koffi = require('koffi');

/** Opens and checks the library. */
function load() {
  try {
    koffi.config(STACKS);
  } catch (cause) {
    // Somebody loaded a library before.
    const { sync_stack_size: sync = 0, async_stack_size: async = 0 } = koffi.config();
    if (sync < 1 << 20 || async < 1 << 20) {
      throw new Error(`attestlm: koffi was used before with stacks of ${Math.min(sync, async) >> 10} KiB, too small for an engine: load attestlm before other users of koffi, or call koffi.config(${JSON.stringify(STACKS)}) first`, { cause });
    }
  }
  /** @type {import('koffi').LibraryHandle} */
  let library;
  try {
    library = koffi.load(path);
  } catch (cause) {
    throw new Error(`attestlm: cannot load ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  koffi.alias('attestlm_status_t', 'int32_t');
  for (const name of abi.objects) {
    koffi.opaque(name);
  }
  /** @type {(name: keyof typeof abi.functions) => Native} */
  const bind = (name) => {
    try {
      return /** @type {Native} */ (library.func(abi.functions[name]));
    } catch (cause) {
      throw new Error(`attestlm: ${path} is not a libattestlm: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  };
  const found = bind('attestlm_abi_version')();
  const version = bind('attestlm_version')();
  if (found !== abi.abiVersion || version !== abi.version) {
    throw new Error(`attestlm: ${path} is version ${version} with interface ${found}; this package needs version ${abi.version} with interface ${abi.abiVersion}`);
  }
  // All at once: koffi ends the process if a worker is terminated while it reads a declaration, which can only happen here
  // then. What takes callbacks is not used (unbound.txt).
  const names = /** @type {(keyof typeof abi.functions)[]} */ (Object.keys(abi.functions));
  const bound = new Map(names.filter((name) => !/_fn /.test(abi.functions[name])).map((name) => [name, bind(name)]));
  /** @type {(name: keyof typeof abi.functions) => Native} */
  return (name) => /** @type {Native} */ (bound.get(name));
}

const native = load();

// Every asynchronous call holds a thread of libuv's pool, which the whole process shares: one is left to others
// (files, names), and one more to generations, whose calls are short, beside those that may take minutes.
const POOL = Math.max(1, Number(process.env.UV_THREADPOOL_SIZE) || 4);
const calls = new Gate(Math.max(1, POOL - 1));
const longCalls = new Gate(Math.max(1, POOL - 2));

/**
 * Takes an error's contents, and frees it.
 * @param {number} status
 * @param {Pointer | null} error
 */
function taken(status, error) {
  const code = native('attestlm_error_code')(error) || status;
  const field = native('attestlm_error_field')(error) ?? '';
  const says = native('attestlm_error_message')(error) ?? `status ${status}`;
  native('attestlm_error_free')(error);
  return new AttestLMError(code, field, says);
}

/**
 * Calls a function that answers a status: the arguments, then the error.
 * @param {keyof typeof abi.functions} name
 * @param {...unknown} args
 * @returns {number} the status, not below 0
 */
function call(name, ...args) {
  const error = [null];
  const status = native(name)(...args, error);
  if (status < 0) {
    throw taken(status, error[0]);
  }
  return status;
}

/**
 * @param {Native} callee
 * @param {unknown[]} args
 * @returns {Promise<any>} its result
 */
function queued(callee, args) {
  return new Promise((resolve, reject) => {
    // The arguments live as long as this function: koffi holds only their addresses.
    callee.async(...args, (/** @type {Error | null} */ failure, /** @type {unknown} */ result) => (failure ? reject(failure) : resolve(args && result)));
  });
}

/**
 * The same in a thread of libuv's pool.
 * @param {keyof typeof abi.functions} name
 * @param {...unknown} args
 * @returns {Promise<number>} the status, not below 0
 */
async function callAsync(name, ...args) {
  const error = [null];
  const entered = calls.enter();
  if (entered) {
    await entered;
  }
  try {
    const status = await queued(native(name), [...args, error]);
    if (status < 0) {
      throw taken(status, error[0]);
    }
    return status;
  } finally {
    calls.leave();
  }
}

/**
 * The same for a call that may take long.
 * @param {keyof typeof abi.functions} name
 * @param {...unknown} args
 * @returns {Promise<number>} the status, not below 0
 */
function callLong(name, ...args) {
  return callWatched(undefined, name, ...args);
}

/**
 * The same for one that has an operation, which must be among the arguments, too.
 * @param {Pointer | undefined} operation
 * @param {keyof typeof abi.functions} name
 * @param {...unknown} args
 * @returns {Promise<number>} the status, not below 0
 */
async function callWatched(operation, name, ...args) {
  await longCalls.enter(operation);
  try {
    return await callAsync(name, ...args);
  } finally {
    longCalls.leave();
  }
}

/**
 * Fails an operation's call that waits to be made: it is not made.
 * @param {Pointer} operation
 * @param {unknown} failure
 */
function forsake(operation, failure) {
  longCalls.forsake(operation, failure);
}

/**
 * Frees an object in a thread of the pool: a step that runs may have to end first.
 * @param {keyof typeof abi.functions} name
 * @param {Pointer} pointer
 * @param {() => boolean} isDue asked when a thread is free: whether nobody freed it meanwhile
 */
async function free(name, pointer, isDue) {
  await calls.enter();
  try {
    if (isDue()) {
      await queued(native(name), [pointer]);
    }
  } finally {
    calls.leave();
  }
}

/**
 * Frees an object in this thread: what no step keeps, or where nothing else is to be done.
 * @param {keyof typeof abi.functions} name
 * @param {Pointer} pointer
 */
function freeNow(name, pointer) {
  native(name)(pointer);
}

/**
 * Bytes that a call returned, as text; frees them.
 * @param {[Pointer | null]} out
 * @returns {string}
 */
function text([bytes]) {
  const length = native('attestlm_bytes_len')(bytes);
  const found = length === 0 ? '' : koffi.decode.string(native('attestlm_bytes_data')(bytes), length);
  native('attestlm_bytes_free')(bytes);
  return found;
}

/**
 * @template T
 * @returns {[T]} where a call writes a pointer
 */
function result() {
  return /** @type {[any]} */ ([null]);
}

/** The library's version. */
function version() {
  return /** @type {string} */ (native('attestlm_version')());
}

/** @param {string} key */
function hasFeature(key) {
  const bytes = Buffer.from(String(key));
  return native('attestlm_has_feature')(bytes, bytes.length) === 1;
}

module.exports = { call, callAsync, callLong, callWatched, forsake, free, freeNow, text, result, version, hasFeature };
