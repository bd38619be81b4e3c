// The event loop stays free, what is aborted ends at once, and much goes on side by side.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AbortError, Model, Signer } from 'attestlm';
import { MODEL, failure, grown, long, sleep } from './support.mjs';

const folder = mkdtempSync(join(tmpdir(), 'attestlm-'));
after(() => rmSync(folder, { recursive: true }));

let model;
let session;
before(async () => {
  model = await Model.bundled();
  session = await model.createSession({ contextTokens: 512, threads: 1 });
});

/** The longest time in milliseconds that the event loop was kept from a timer while some work went on. */
async function lagOf(work) {
  let last = performance.now();
  let longest = 0;
  const look = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(look, 1);
  await work();
  look();
  clearInterval(timer);
  return longest;
}

/** The least of at most five: a call that blocks would show in each, a busy machine does not. */
async function leastLagOf(work) {
  let least = Infinity;
  for (let round = 0; round < 5 && least >= 20; round++) {
    least = Math.min(least, await lagOf(work));
  }
  return least;
}

test('nothing blocks the event loop', async () => {
  const signer = Signer.random();
  const { receipt } = await session.generate(long(), { signer });
  const keystore = await signer.toKeystore('x');
  const large = grown(join(folder, 'large.gguf'), 256 << 20);
  const seen = () => {
    const values = [];
    return { values, onProgress: (progress) => values.push(progress) };
  };
  const works = {
    generation: () => session.generate(long(), { signer }),
    stream: async () => {
      for await (const event of session.stream(long(), { signer })) {
        assert.ok(event.event);
      }
    },
    score: () => session.score(long(), { text: ' has 12 apples.'.repeat(60) }, { signer }),
    verify: () => receipt.verify({ model }),
    'verify with progress': async () => {
      const { values, onProgress } = seen();
      await receipt.verify({ model, onProgress });
      assert.ok(values.length >= 2);
    },
    'a model opened with progress': async () => {
      const { values, onProgress } = seen();
      await (await Model.open(large, { onProgress })).close();
      assert.ok(values.length >= 3);
    },
    'a model checked with progress': async () => {
      const { values, onProgress } = seen();
      await Model.check(large, { onProgress });
      assert.ok(values.length >= 3);
    },
    'a keystore written': () => signer.toKeystore('x'),
    'a keystore read': () => Signer.fromKeystore(keystore, 'x'),
    'model and session': async () => {
      const other = await Model.bundled();
      await (await other.createSession()).close();
      await other.close();
    },
  };
  for (const [name, work] of Object.entries(works)) {
    const lag = await leastLagOf(work);
    console.log(`${name}: the event loop was kept for ${lag.toFixed(1)} ms at most`);
    assert.ok(lag < 20, `${name}: ${lag} ms`);
  }
});

test('an aborted generation rejects within 100 ms, and the session is free', async () => {
  // A score needs a free stream, and the slower profile to take its time.
  const scores = await model.createSession({ profile: 'exact-1', contextTokens: 512, threads: 1 });
  for (const delay of [0, 5, 20]) {
    for (const start of [
      (signal) => session.generate(long(), { signal, signer: Signer.random() }),
      (signal) => session.generateAll(long(), { signal }),
      async (signal) => {
        for await (const event of session.stream(long(), { signal })) {
          assert.ok(event.event);
        }
      },
      (signal) => scores.score(long(), { text: ' has 12 apples.'.repeat(60) }, { signal }),
    ]) {
      const controller = new AbortController();
      const failed = failure(() => start(controller.signal)).catch((ended) => ended);
      await sleep(delay);
      const began = performance.now();
      controller.abort('enough');
      const error = await failed;
      const took = performance.now() - began;
      // A short one may have ended before.
      if (error.message !== 'it should have failed' || delay === 0) {
        assert.ok(error instanceof AbortError && error.name === 'AbortError' && error.code === 'ABORT_ERR', error);
        assert.equal(error.cause, 'enough');
        assert.ok(took < 100, `${took} ms`);
      }
    }
  }
  const began = performance.now();
  assert.equal((await session.generate(long(3))).tokens.length, 3);
  assert.ok(performance.now() - began < 2000);
});

test('a signal that was aborted before begins nothing', async () => {
  const signal = AbortSignal.abort();
  const { receipt } = await session.generate(long(3), { signer: Signer.random() });
  for (const work of [
    () => session.generate(long(), { signal }),
    () => session.stream(long(), { signal }).queued,
    // What is wrong with these would show as soon as they began.
    () => session.score(long(2), { nothing: 1 }, { signal }),
    () => receipt.verify({ terms: { nothing: 1 }, signal }),
    () => Model.open('missing', { signal, onProgress: assert.fail }),
    () => Model.check('missing', { signal }),
  ]) {
    const error = await failure(work);
    assert.ok(error instanceof AbortError && error.cause === signal.reason, error);
  }
});

test('a signal keeps no listener of what has ended', async () => {
  const warnings = [];
  process.on('warning', (warning) => warnings.push(warning));
  const { signal } = new AbortController();
  const { receipt } = await session.generate(long(3), { signal, signer: Signer.random() });
  const rounds = Array.from({ length: 30 }, async () => {
    await session.generate(long(3), { signal });
    await session.score(long(3), { text: ' has' }, { signal });
    await receipt.verify({ model, signal });
    await Model.check(MODEL, { signal });
    await (await Model.open(MODEL, { signal })).close();
    await failure(() => Model.open('missing', { signal }));
    await failure(() => receipt.verify({ terms: { nothing: 1 }, signal }));
    await failure(() => session.score(long(3), { nothing: 1 }, { signal }));
    await failure(() => session.generate({ nothing: 1 }, { signal }));
    await failure(() => Model.open(MODEL, { signal, onProgress: () => { throw new Error('enough'); } }));
    for await (const _event of session.stream(long(3), { signal })) {
      break;
    }
  });
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  await Promise.all(rounds);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
  assert.deepEqual(warnings, []);
});

test('a cancelled generation answers what there is', async () => {
  const signer = Signer.random();
  const generation = session.stream(long(), { signer });
  const events = [];
  for await (const event of generation) {
    events.push(event);
    if (events.filter(({ event }) => event === 'text').length === 5) {
      generation.cancel();
    }
  }
  const { finish, tokens, text, receipt } = await generation.answer();
  assert.equal(finish, 'cancelled');
  assert.ok(tokens.length >= 5 && tokens.length < 400);
  assert.equal(events.map((event) => event.text ?? '').join(''), text);
  assert.deepEqual(await receipt.verify({ model, terms: { allowPrefix: true } }).then(({ verdict }) => verdict), { name: 'verified', prefixOnly: true });
  assert.equal((await receipt.verify({ model })).verdict.name, 'invalid');
});

test('session.cancel ends what runs', async () => {
  const [one, two] = [session.generate(long()), session.generate(long())];
  await sleep(10);
  session.cancel();
  assert.deepEqual((await Promise.all([one, two])).map(({ finish }) => finish), ['cancelled', 'cancelled']);
});

test('many generations on one session, and files read beside', async () => {
  const parallel = await model.createSession({ contextTokens: 128, streams: 4 });
  const signer = Signer.random();
  const request = (seed) => ({ ...long(40), seed, nonce: `0x${'5a'.repeat(32)}`, issuedAt: 1700000000 });
  const seeds = Array.from({ length: 12 }, (_, index) => index);
  const alone = [];
  for (const seed of seeds) {
    alone.push(String((await parallel.generate(request(seed), { signer })).receipt));
  }
  assert.equal(new Set(alone).size, seeds.length);
  const files = sleep(5).then(() => Promise.all(seeds.map(() => readFile(new URL(import.meta.url)))));
  const [together] = await Promise.all([
    Promise.all(seeds.map(async (seed) => String((await parallel.generate(request(seed), { signer })).receipt))),
    files,
  ]);
  assert.deepEqual(together, alone);
  await parallel.close();
});

test('an iteration and an answer side by side', async () => {
  const generation = session.stream(long(20), { signer: Signer.random() });
  const [events, answer, again] = await Promise.all([Array.fromAsync?.(generation) ?? collect(generation), generation.answer(), generation.answer()]);
  assert.ok(events.length <= 22);
  assert.equal(answer, again);
  assert.equal(answer.tokens.length, 20);
});

async function collect(iterable) {
  const all = [];
  for await (const one of iterable) {
    all.push(one);
  }
  return all;
}
