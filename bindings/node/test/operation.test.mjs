// Calls that take long: how far they are, and their end while they run.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AbortError, Model, Signer } from 'attestlm';
import { MODEL, failure, grown, long, runModule, sleep } from './support.mjs';

const folder = mkdtempSync(join(tmpdir(), 'attestlm-'));
after(() => rmSync(folder, { recursive: true }));

/** A file that takes a quarter of a second to read, and one that takes ten. */
const large = grown(join(folder, 'large.gguf'), 1 << 28);
const huge = grown(join(folder, 'huge.gguf'), 2 ** 33);

let model;
let session;
let receipt;
/** Some thousand tokens take seconds. */
let scores;
const tokens = Array(3000).fill(5);
const prompt = { promptTokens: [5] };

before(async () => {
  model = await Model.bundled();
  // Of the slower profile, which takes its time to replay, too.
  session = await model.createSession({ profile: 'exact-1', contextTokens: 512, threads: 1 });
  ({ receipt } = await session.generate(long(480), { signer: Signer.random() }));
  scores = await model.createSession({ profile: 'fast', contextTokens: 4096, streams: 2, threads: 1 });
});

/** That values begin with nothing, rise, and end with all. */
function areProgress(values, total) {
  assert.deepEqual(values[0], { done: 0, total });
  assert.deepEqual(values.at(-1), { done: total, total });
  values.reduce((before, { done, total: whole }) => (assert.ok(done > before && whole === total), done), -1);
}

/** What work does with a function that takes progress. */
async function progressOf(work) {
  const values = [];
  const outcome = await work((value) => values.push(value));
  return { values, outcome };
}

test('progress of opening and checking a model, in bytes', async () => {
  for (const path of [MODEL, large]) {
    const opened = await progressOf((onProgress) => Model.open(path, { onProgress }));
    await opened.outcome.close();
    const checked = await progressOf((onProgress) => Model.check(path, { onProgress }));
    for (const { values } of [opened, checked]) {
      areProgress(values, statSync(path).size);
      assert.ok(path === MODEL ? values.length >= 2 : values.length >= 3, `${values.length} values`);
    }
  }
});

test('progress of a replay and a score, in tokens', async () => {
  const replay = await progressOf((onProgress) => receipt.verify({ model, onProgress }));
  assert.equal(replay.outcome.verdict.name, 'verified');
  const { promptCount, outputCount } = receipt.toJSON().message;
  // The last token is not read.
  areProgress(replay.values, Number(promptCount) + Number(outputCount) - 1);
  const score = await progressOf((onProgress) => scores.score(prompt, { tokens }, { onProgress }));
  areProgress(score.values, tokens.length);
  assert.ok(score.values.length >= 5, `${score.values.length} values`);
  // Without a replay there is none.
  assert.deepEqual((await progressOf((onProgress) => receipt.verify({ onProgress }))).values, []);
});

/** Calls that take seconds, the last one if there are many. */
const calls = {
  open: (options) => Model.open(huge, options),
  check: (options) => Model.check(huge, options),
  score: (options) => scores.score(prompt, { tokens }, options),
  verify: (options) => receipt.verify({ model, terms: { threads: 1 }, ...options }),
};

/** That nothing is computed any more: the time of processors in half a second. */
async function isIdle() {
  await sleep(50);
  const begin = process.cpuUsage();
  await sleep(500);
  const { user, system } = process.cpuUsage(begin);
  assert.ok((user + system) / 1000 < 150, `${(user + system) / 1000} ms`);
}

for (const [name, call] of Object.entries(calls)) {
  test(`${name}: aborted, it rejects at once and ends`, async () => {
    for (const delay of [0, 5, 300]) {
      const controller = new AbortController();
      const values = [];
      const options = { signal: controller.signal, onProgress: (value) => values.push(value) };
      const failed = failure(() => Promise.all(Array.from({ length: name === 'verify' ? 20 : 1 }, () => call(options))));
      await sleep(delay);
      const began = performance.now();
      controller.abort('enough');
      const error = await failed;
      assert.ok(error instanceof AbortError && error.cause === 'enough', error);
      assert.ok(performance.now() - began < 50);
      const told = values.length;
      await isIdle();
      assert.equal(values.length, told);
      assert.ok(delay < 300 || told > 0);
    }
    const error = await failure(() => call({ signal: AbortSignal.timeout(20) }));
    assert.ok(error instanceof AbortError && error.cause.name === 'TimeoutError', error);
    await isIdle();
  });

  test(`${name}: what onProgress throws is what it rejects with, and it ends`, async () => {
    for (const thrown of [new RangeError('enough'), 'enough', undefined]) {
      let count = 0;
      const reason = await call({ onProgress: () => { count++; throw thrown; } }).then(assert.fail, (reason) => reason);
      assert.equal(reason, thrown);
      await isIdle();
      assert.equal(count, 1);
    }
    // What it rejects with, too: a promise is not waited for, and the call still runs.
    const rejected = new RangeError('enough');
    assert.equal(await call({ onProgress: async () => { throw rejected; } }).then(assert.fail, (reason) => reason), rejected);
    await isIdle();
    // Aborted by it, too.
    const controller = new AbortController();
    let count = 0;
    const error = await failure(() => call({ signal: controller.signal, onProgress: () => { count++; controller.abort(); } }));
    assert.ok(error instanceof AbortError);
    assert.equal(count, 1);
    await isIdle();
  });
}

test('a rejection after the call ends nobody, and a promise that never settles keeps no call', async () => {
  for (const onProgress of [() => sleep(100).then(() => Promise.reject(new Error('late'))), () => new Promise(() => {})]) {
    await (await Model.open(MODEL, { onProgress })).close();
  }
  // The runner fails a test whose process has a rejection that nobody handled.
  await sleep(200);
});

test('what a call came to in spite of its end is freed', async () => {
  // Thrown at the last value: the model is open then, and its file mapped.
  const thrown = new Error('enough');
  const mappings = () => readFileSync('/proc/self/maps', 'utf8').split('\n').filter((line) => line.endsWith(MODEL)).length;
  const kept = await Model.open(MODEL);
  const before = mappings();
  assert.ok(before > 0);
  for (let round = 0; round < 50; round++) {
    const onProgress = ({ done, total }) => {
      if (done === total) {
        throw thrown;
      }
    };
    assert.equal(await failure(() => Model.open(MODEL, { onProgress })), thrown);
  }
  await sleep(100);
  assert.equal(mappings(), before);
  await kept.close();
});

test('an aborted score ends nothing else of its session', async () => {
  const request = { ...long(300), nonce: `0x${'5a'.repeat(32)}`, issuedAt: 1700000000 };
  const signer = Signer.random();
  const alone = await scores.generate(request, { signer });
  const controller = new AbortController();
  const together = scores.generate(request, { signer });
  const failed = failure(() => scores.score(prompt, { tokens }, { signal: controller.signal }));
  await sleep(100);
  controller.abort();
  assert.ok((await failed) instanceof AbortError);
  const { finish, receipt } = await together;
  assert.equal(finish, 'max tokens');
  assert.equal(String(receipt), String(alone.receipt));

  // One that waits for a stream, too.
  const generation = session.stream({ ...long(), maxTokens: 480 });
  await generation[Symbol.asyncIterator]().next();
  const waits = new AbortController();
  const waited = failure(() => session.score(long(), { text: ' has' }, { signal: waits.signal }));
  await sleep(20);
  waits.abort();
  assert.ok((await waited) instanceof AbortError);
  assert.equal((await generation.answer()).tokens.length, 480);
});

test('what waits to begin does not begin, and lets go of its objects', async () => {
  const controller = new AbortController();
  const busy = new AbortController();
  // More than run at once.
  const opening = Array.from({ length: 4 }, () => failure(() => Model.open(huge, { signal: busy.signal })));
  const other = await session.generate(long(3), { signer: Signer.random() });
  const failed = failure(() => other.receipt.verify({ model, signal: controller.signal }));
  await sleep(50);
  controller.abort();
  assert.ok((await failed) instanceof AbortError);
  const began = performance.now();
  await other.receipt.close();
  assert.ok(performance.now() - began < 100);
  busy.abort();
  assert.ok((await Promise.all(opening)).every((error) => error instanceof AbortError));
  assert.equal((await receipt.verify({ model })).verdict.name, 'verified');
});

const BEGIN = `
import { Model } from 'attestlm';
const huge = ${JSON.stringify(huge)};
const options = { onProgress() {} };
`;
const WORKER = (text) => `
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
const text = ${JSON.stringify(`const { Model } = await import('attestlm'); const { parentPort } = await import('node:worker_threads'); const huge = ${JSON.stringify(huge)};`)} + ${JSON.stringify(text)};
const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(text.replaceAll("'attestlm'", JSON.stringify(import.meta.resolve('attestlm'))))));
worker.on('error', (error) => { throw error; });
await once(worker, 'message');
`;

test('nothing keeps the process, or a worker, from its end', async () => {
  const endings = {
    'after an abort': [`${BEGIN} Model.open(huge, { ...options, signal: AbortSignal.timeout(100) }).catch(() => {}); setTimeout(() => {}, 200);`, 0],
    'after onProgress threw': [`${BEGIN} Model.check(huge, { onProgress() { throw new Error('enough'); } }).catch(() => {});`, 0],
    'while a call runs': [`${BEGIN} Model.open(huge, options).catch(() => {}); Model.check(huge).catch(() => {}); setTimeout(() => process.exit(7), 200);`, 7],
    'while calls wait': [`${BEGIN} for (let n = 0; n < 9; n++) Model.open(huge, options).catch(() => {}); setTimeout(() => process.exit(7), 200);`, 7],
    'at an uncaught error': [`${BEGIN} Model.open(huge, options); setTimeout(() => { throw new Error('on purpose'); }, 200);`, 1],
    'at a rejection that nobody handles': [`${BEGIN} Model.open(huge, options); Model.open(huge, { signal: AbortSignal.timeout(200) });`, 1],
    'in a worker that exits': [WORKER("Model.open(huge, { onProgress() {} }); parentPort.postMessage('up'); setTimeout(() => process.exit(), 200);"), 0],
  };
  for (const [name, [text, code]] of Object.entries(endings)) {
    const began = performance.now();
    const result = await runModule(text);
    assert.deepEqual([result.code, result.signal], [code, null], `${name}: ${result.stderr}`);
    assert.ok(performance.now() - began < 2000, `${name}: ${performance.now() - began} ms`);
  }
});

test('a worker is terminated while a call runs', async () => {
  const text = WORKER(`const { signal } = new AbortController();
    parentPort.postMessage('up');
    for (;;) await Promise.all([Model.open(${JSON.stringify(MODEL)}, { signal, onProgress() {} }), Model.check(${JSON.stringify(large)}, { signal: AbortSignal.timeout(5) }).catch(() => {})]);`);
  for (let round = 0; round < 10; round++) {
    const result = await runModule(`${text} setTimeout(async () => { await worker.terminate(); console.log('ended'); }, ${round * 20});`);
    assert.deepEqual([result.code, result.signal, String(result.stdout)], [0, null, 'ended\n'], result.stderr);
  }
});
