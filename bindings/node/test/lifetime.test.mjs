// Objects live as long as they are used, and no longer, whatever their holders do.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Adapter, AttestLMError, Generation, Model, Receipt, Session, Signer } from 'attestlm';
import { failure, long, run, runModule } from './support.mjs';

const wasClosed = (noun) => (error) => error instanceof AttestLMError && error.codeName === 'argument' && error.field === noun && /was closed/.test(error.message);

test('after close every call fails, and close may be called again', async () => {
  const model = await Model.bundled();
  const session = await model.createSession({ contextTokens: 256 });
  const signer = Signer.random();
  const { receipt } = await session.generate(long(2), { signer });
  const generation = session.stream(long(2));
  for (const object of [model, session, signer, receipt, generation]) {
    assert.equal(object.closed, false);
    await Promise.all([object.close(), object.close()]);
    await object.close();
    object[Symbol.dispose]();
    await object[Symbol.asyncDispose]();
    assert.equal(object.closed, true);
  }
  await assert.rejects(model.info(), wasClosed('model'));
  await assert.rejects(model.createSession(), wasClosed('model'));
  await assert.rejects(model.openAdapter('x'), wasClosed('model'));
  await assert.rejects(session.info(), wasClosed('session'));
  await assert.rejects(session.forget(), wasClosed('session'));
  await assert.rejects(session.generate(long(2)), wasClosed('session'));
  await assert.rejects(session.score(long(2), { text: ' a' }), wasClosed('session'));
  await assert.rejects(session.stream(long(2)).queued, wasClosed('session'));
  assert.throws(() => session.cancel(), wasClosed('session'));
  assert.throws(() => signer.address, wasClosed('signer'));
  await assert.rejects(signer.toKeystore('x'), wasClosed('signer'));
  assert.throws(() => receipt.digest, wasClosed('receipt'));
  assert.throws(() => receipt.signer, wasClosed('receipt'));
  assert.throws(() => receipt.sign(new Uint8Array(65)), wasClosed('receipt'));
  assert.throws(() => receipt.checkProof({}), wasClosed('receipt'));
  assert.throws(() => receipt.proveStep(0), wasClosed('receipt'));
  assert.throws(() => receipt.typedData(), wasClosed('receipt'));
  assert.throws(() => JSON.stringify(receipt), wasClosed('receipt'));
  await assert.rejects(receipt.verify(), wasClosed('receipt'));
  await assert.rejects(generation.answer(), wasClosed('generation'));
  await assert.rejects(generation.answers(), wasClosed('generation'));
  await assert.rejects(generation.proveToken(0, 0), wasClosed('generation'));
  await assert.rejects(generation[Symbol.asyncIterator]().next(), wasClosed('generation'));
  generation.cancel();
});

test('every object can be declared with using and await using', () => {
  // Node 20 has no such declarations, but what they call; test/types.mts has them compiled.
  assert.ok(typeof Symbol.dispose === 'symbol' && typeof Symbol.asyncDispose === 'symbol');
  for (const type of [Adapter, Generation, Model, Receipt, Session, Signer]) {
    assert.ok([Symbol.dispose, Symbol.asyncDispose].every((name) => typeof type.prototype[name] === 'function'), type.name);
  }
});

test('what was made of closed objects lives on', async () => {
  const model = await Model.bundled();
  const session = await model.createSession({ contextTokens: 256 });
  const signer = Signer.random();
  const { address } = signer;
  await model.close();
  const generation = session.stream(long(20), { signer });
  await generation.queued;
  await Promise.all([session.close(), signer.close()]);
  const { receipt, tokens } = await generation.answer();
  assert.equal(tokens.length, 20);
  await generation.close();
  assert.equal(receipt.signer, address);
});

test('closing while calls run', async () => {
  for (let round = 0; round < 10; round++) {
    const model = await Model.bundled();
    const session = await model.createSession({ contextTokens: 512 });
    const signer = Signer.random();
    const { receipt } = await session.generate(long(20), { signer });
    const generation = session.stream(long(), { signer });
    const running = [
      generation.answer(),
      generation[Symbol.asyncIterator]().next(),
      session.generate(long(5), { signer }),
      session.score(long(5), { text: ' has 12 apples.' }, { signer }),
      receipt.verify({ model }),
      session.info(),
      model.info(),
      model.createSession(),
    ];
    const closing = [generation.close(), session.close(), model.close(), receipt.close(), signer.close()];
    const ends = await Promise.allSettled(running);
    await Promise.all(closing);
    // What ran when its objects were closed came to its end; what had to wait for a generation was told.
    assert.deepEqual(ends.map(({ status }) => status), ['rejected', 'rejected', ...Array(6).fill('fulfilled')]);
    assert.ok(wasClosed('generation')(ends[0].reason) && wasClosed('generation')(ends[1].reason));
  }
});

test('leaving an iteration ends the generation', async () => {
  const model = await Model.bundled();
  const session = await model.createSession({ contextTokens: 512 });
  const generation = session.stream(long());
  for await (const event of generation) {
    if (event.event === 'text') {
      break;
    }
  }
  assert.ok(generation.closed);
  // The session's one stream is free again.
  assert.equal((await session.generate(long(3))).tokens.length, 3);
});

test('nothing can be constructed or forged', async () => {
  for (const type of [Model, Session, Generation, Receipt, Signer]) {
    assert.throws(() => new type(), TypeError);
    assert.throws(() => new type(Symbol('attestlm'), 1n, 1n), TypeError);
  }
  assert.throws(() => Receipt.prototype.digest, TypeError);
  assert.throws(() => Object.create(Signer.prototype).address, TypeError);
  const model = await Model.bundled();
  const session = await model.createSession({ contextTokens: 256 });
  for (const signer of [{}, 7, model, Object.create(Signer.prototype)]) {
    const error = await failure(() => session.generate(long(2), { signer }));
    assert.ok(error instanceof TypeError || error.field === 'signer', error);
  }
});

test('what is called on, or made to look like, an object of another class is no pointer to the library', async () => {
  const text = `import { Adapter, Model, Receipt, Session, Signer } from 'attestlm';
    const model = await Model.bundled();
    const session = await model.createSession({ contextTokens: 256 });
    const signer = Signer.random();
    const request = { prompt: 'Tom', maxTokens: 2 };
    const { receipt } = await session.generate(request, { signer });
    const calls = {
      Adapter: [(other) => other.sha256],
      Model: [(other) => other.info(), (other) => other.createSession(), (other) => other.openAdapter('x'),
        (other) => receipt.verify({ model: other })],
      Receipt: [(other) => String(other), (other) => JSON.stringify(other), (other) => other.typedData(), (other) => other.digest, (other) => other.signer,
        (other) => other.sign(new Uint8Array(65)), (other) => other.verify(), (other) => other.proveStep(0), (other) => other.checkProof({})],
      Session: [(other) => other.info(), (other) => other.forget(), (other) => other.cancel(), (other) => other.generate(request),
        (other) => other.score(request, { text: 'a' })],
      Signer: [(other) => other.address, (other) => other.toKeystore('x'), (other) => session.generate(request, { signer: other })],
    };
    const others = [await Model.bundled(), await model.createSession(), Signer.random(), Receipt.parse(String(receipt))];
    const types = { Adapter, Model, Receipt, Session, Signer };
    let refused = 0;
    for (const [name, works] of Object.entries(calls)) {
      for (const object of others) {
        if (object instanceof types[name]) continue;
        // What has the members of the class, and is another object of the library.
        const was = Object.getPrototypeOf(object);
        Object.setPrototypeOf(object, types[name].prototype);
        for (const work of works) {
          let error;
          try { await work(object); } catch (failure) { error = failure; }
          if (!(error instanceof TypeError) || !/Illegal invocation|Receiver must be/.test(error.message)) { console.log(String(work), error); process.exit(1); }
          refused++;
        }
        Object.setPrototypeOf(object, was);
      }
    }
    console.log(refused, (await session.generate(request)).tokens.length);`;
  const { code, signal, stdout, stderr } = await runModule(text);
  assert.deepEqual([code, signal, String(stdout)], [0, null, '67 2\n'], stderr);
});

test('arguments of other types are errors that name them', async () => {
  const model = await Model.bundled();
  const session = await model.createSession({ contextTokens: 256 });
  const { receipt } = await session.generate(long(2), { signer: Signer.random() });
  const fields = [
    [() => session.generate(7n), 'request'],
    [() => session.generate(() => {}), 'request'],
    [() => session.generate(long(2), { singer: 1 }), 'singer'],
    [() => session.generate(long(2), 7), 'options'],
    [() => session.generate(long(2), { signal: {} }), 'signal'],
    [() => session.score(long(2), { text: 'a' }, { signal: 7 }), 'signal'],
    [() => session.stream(long(2)).answer(-1), 'choice'],
    [() => session.stream(long(2)).answer(1), 'choice'],
    [() => receipt.proveStep(1.5), 'index'],
    [() => receipt.proveStep(99), 'index'],
    [() => receipt.sign('0x123'), 'signature'],
    [() => receipt.verify({ terms: { nothing: 1 } }), 'nothing'],
    [() => receipt.verify({ model: {} }), 'model'],
    [() => Receipt.parse(undefined), 'document'],
    [() => Model.open(7), 'path'],
    [() => Model.open('x', 7), 'options'],
    [() => Model.open('x', { progress: () => {} }), 'progress'],
    [() => Model.open('x', { onProgress: 7 }), 'onProgress'],
    [() => Model.check('x', { signal: {} }), 'signal'],
    [() => receipt.verify({ model, onProgress: {} }), 'onProgress'],
    [() => receipt.verify({ model, signal: 7 }), 'signal'],
    [() => session.generate(long(2), { onProgress: () => {} }), 'onProgress'],
    [() => session.score(long(2), { text: 'a' }, { onProgress: 'x' }), 'onProgress'],
    [() => model.createSession({ thread: 1 }), 'thread'],
    [() => model.createSession(5), 'options'],
    [() => model.createSession(true), 'options'],
    [() => model.createSession('x'), 'options'],
    [() => model.createSession(''), 'options'],
    [() => model.createSession([]), 'options'],
    [() => session.generate(long(2), []), 'options'],
    [() => model.createSession({ adapter: {} }), 'adapter'],
    [() => Signer.fromKey('0x00'), 'key'],
    [() => Signer.external(new Uint8Array(19)), 'address'],
    [() => Signer.custom(new Uint8Array(20)), 'sign'],
    [() => Signer.fromKeystore('{}', undefined), 'password'],
  ];
  for (const [work, field] of fields) {
    const error = await failure(async () => work());
    assert.ok(error instanceof AttestLMError, `${work}: ${error}`);
    assert.ok(error.field.includes(field) || field === 'document', `${work}: ${error.field}: ${error.message}`);
    assert.notEqual(error.codeName, 'internal');
  }
});

test('1,000 generations leave nothing behind', async () => {
  const result = await run(process.execPath, ['--expose-gc', '--max-semi-space-size=2', fileURLToPath(new URL('leaks.mjs', import.meta.url))]);
  assert.equal(result.code, 0, result.stderr);
  console.log(String(result.stdout).trim());
});

const BEGIN = `
import { Model, Signer } from 'attestlm';
const model = await Model.bundled();
const session = await model.createSession({ contextTokens: 512, streams: 2 });
const signer = Signer.random();
const request = { prompt: 'Tom has 12 apples.', ignoreEog: true, maxTokens: 480 };
const { receipt } = await session.generate({ ...request, maxTokens: 300 }, { signer });
const generation = session.stream(request, { signer });
const events = generation[Symbol.asyncIterator]();
await events.next();
`;

test('the process ends with live handles, also while calls run', async () => {
  const endings = {
    'by itself': [`${BEGIN}`, 0],
    'while calls run': [`${BEGIN} generation.answer().catch(() => {}); receipt.verify({ model }); setTimeout(() => process.exit(7), 5);`, 7],
    'at an uncaught error': [`${BEGIN} generation.answer().catch(() => {}); receipt.verify({ model }); throw new Error('on purpose');`, 1],
    'after a close without waiting': [`${BEGIN} events.next().catch(() => {}); generation.close(); session.close(); model.close(); process.exit(3);`, 3],
  };
  for (const [name, [text, code]] of Object.entries(endings)) {
    const began = Date.now();
    const result = await runModule(text);
    assert.deepEqual([result.code, result.signal], [code, null], `${name}: ${result.stderr}`);
    assert.ok(Date.now() - began < 20_000, name);
  }
});

test('a worker ends with live handles, also while calls run', async () => {
  const worker = `${BEGIN.replace("import { Model, Signer } from 'attestlm';", "const { Model, Signer } = await import('attestlm'); const { parentPort } = await import('node:worker_threads');")}
    const busy = [generation.answer(), receipt.verify({ model }), session.generate(request)];
    busy.forEach((promise) => promise.catch(() => {}));
    parentPort.postMessage('running');
    await Promise.all(busy);
    parentPort.postMessage('ended');`;
  const text = `import { Worker } from 'node:worker_threads';
    import { once } from 'node:events';
    import { Model } from 'attestlm';
    const model = await Model.bundled();
    const session = await model.createSession({ contextTokens: 256 });
    for (let round = 0; round < 10; round++) {
      const workers = [0, 1].map(() => new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)}.replaceAll("'attestlm'", JSON.stringify(import.meta.resolve('attestlm')))))));
      await Promise.all(workers.map(async (worker) => {
        worker.on('error', (error) => { throw error; });
        const [message] = await once(worker, 'message');
        if (message !== 'running') throw new Error(message);
      }));
      await Promise.all([session.generate({ prompt: 'Tom', maxTokens: 5 }), ...workers.map((worker) => worker.terminate())]);
    }
    // The library serves the others as before.
    const { text } = await session.generate({ prompt: 'Tom', maxTokens: 5 });
    console.log(text.length > 0 ? 'alive' : 'dead');`;
  const result = await runModule(text);
  assert.deepEqual([result.code, result.signal, String(result.stdout)], [0, null, 'alive\n'], result.stderr);
});

test('a worker that ends gives back what it made', async () => {
  const endings = { 'by itself': '', 'by process.exit': 'process.exit();', 'by an error': "throw new Error('on purpose');", 'before what it closed is freed': 'session.close(); model.close(); process.exit();' };
  for (const [name, end] of Object.entries(endings)) {
    const worker = `const { Model, Receipt, Signer } = await import('attestlm');
      const model = await Model.bundled();
      const session = await model.createSession({ contextTokens: 256, threads: 3, oversubscribe: true });
      const { receipt } = await session.generate({ prompt: 'Tom', maxTokens: 2 }, { signer: Signer.random() });
      const generation = session.stream({ prompt: 'Tom', maxTokens: 200 });
      await generation[Symbol.asyncIterator]().next();
      // An object that is freed says so, and is not used.
      process.on('exit', () => { try { receipt.digest; } catch (error) { if (!/was closed/.test(error.message)) process._rawDebug(error); } });
      ${end}`;
    const text = `import { readdirSync } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(worker)}.replaceAll("'attestlm'", JSON.stringify(import.meta.resolve('attestlm')))));
      const threads = () => readdirSync('/proc/self/task').length;
      async function work() {
        const worker = new Worker(url);
        worker.on('error', (error) => { if (error.message !== 'on purpose') throw error; });
        await new Promise((resolve) => worker.once('exit', resolve));
      }
      // Libuv's own threads are there after the first.
      await work();
      const before = threads();
      for (let round = 0; round < 5; round++) await work();
      console.log(threads() - before);`;
    const { code, stdout, stderr } = await runModule(text);
    assert.deepEqual([code, String(stdout), stderr], [0, '0\n', ''], name);
  }
});
