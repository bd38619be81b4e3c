// Faults on purpose, in a library that has them (ATTESTLM_TESTING_LIBRARY): a panic is an error, and nothing else breaks.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { failure, sleep } from './support.mjs';

assert.ok(process.env.ATTESTLM_TESTING_LIBRARY, 'ATTESTLM_TESTING_LIBRARY is the path of a library built with faults');
process.env.ATTESTLM_LIBRARY = process.env.ATTESTLM_TESTING_LIBRARY;

const require = createRequire(import.meta.url);
const abi = require('../lib/abi.js');
abi.objects.push('attestlm_testing_object_t');
Object.assign(abi.functions, {
  attestlm_testing_panic: 'attestlm_status_t attestlm_testing_panic(_Out_ attestlm_error_t **err)',
  attestlm_testing_object_new: 'attestlm_status_t attestlm_testing_object_new(_Out_ attestlm_testing_object_t **object, _Out_ attestlm_error_t **err)',
  attestlm_testing_object_hold: 'attestlm_status_t attestlm_testing_object_hold(const attestlm_testing_object_t *object, uint32_t ms, _Out_ attestlm_error_t **err)',
  attestlm_testing_object_add: 'attestlm_status_t attestlm_testing_object_add(attestlm_testing_object_t *object, uint64_t number, _Out_ uint64_t *sum, _Out_ attestlm_error_t **err)',
  attestlm_testing_object_panic: 'attestlm_status_t attestlm_testing_object_panic(attestlm_testing_object_t *object, _Out_ attestlm_error_t **err)',
  attestlm_testing_object_free: 'void attestlm_testing_object_free(attestlm_testing_object_t *object)',
});
const { AttestLMError, Model, hasFeature } = require('../lib/index.js');
const { call, callAsync, callLong, result } = require('../lib/library.js');
const { KEY, Resource, using, usingAsync } = require('../lib/resource.js');

class Broken extends Resource {
  static make() {
    const out = result();
    call('attestlm_testing_object_new', out);
    return new Broken(KEY, 'testing_object', out[0]);
  }
}

function isPanic(error) {
  assert.ok(error instanceof AttestLMError, error);
  assert.deepEqual([error.code, error.codeName], [-14, 'panic']);
  assert.match(error.field, /^(library|object)$/);
  assert.match(error.message, /panic/i);
  return true;
}

test('a panic is an error with code and message', async () => {
  assert.ok(hasFeature('testing'));
  assert.throws(() => call('attestlm_testing_panic'), isPanic);
  isPanic(await failure(() => callAsync('attestlm_testing_panic')));
  isPanic(await failure(() => callLong('attestlm_testing_panic')));
  const many = await Promise.allSettled(Array.from({ length: 500 }, () => callAsync('attestlm_testing_panic')));
  assert.ok(many.every(({ reason }) => isPanic(reason)));
});

test('a panic breaks its object, and no other', async () => {
  const object = Broken.make();
  const other = Broken.make();
  const sum = [0];
  using({ testing_object: object }, (pointer) => call('attestlm_testing_object_add', pointer, 5, sum));
  assert.equal(sum[0], 5);
  isPanic(await failure(() => usingAsync({ testing_object: object }, (pointer) => callAsync('attestlm_testing_object_panic', pointer))));
  assert.throws(() => using({ testing_object: object }, (pointer) => call('attestlm_testing_object_add', pointer, 5, sum)), isPanic);
  using({ testing_object: other }, (pointer) => call('attestlm_testing_object_add', pointer, 1, sum));
  assert.equal(sum[0], 1);
  await Promise.all([object.close(), other.close()]);
  const session = await (await Model.bundled()).createSession({ contextTokens: 64 });
  assert.equal((await session.generate({ prompt: 'Tom', maxTokens: 2 })).tokens.length, 2);
});

test('who needs an object alone is told that it is in use', async () => {
  const object = Broken.make();
  const held = usingAsync({ testing_object: object }, (pointer) => callLong('attestlm_testing_object_hold', pointer, 300));
  await sleep(100);
  assert.throws(() => using({ testing_object: object }, (pointer) => call('attestlm_testing_object_add', pointer, 5, [0])), (error) => error.code === -13 && error.codeName === 'busy');
  // Closed while it is held, it is freed afterwards.
  let freed = false;
  const closing = object.close().then(() => (freed = true));
  await sleep(20);
  assert.equal(freed, false);
  await held;
  await closing;
});
