// What is seen of objects and errors, by people who look for a mistake.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Model, Receipt, Signer } from 'attestlm';
import { failure, long } from './support.mjs';

const model = await Model.bundled();
const untold = inspect(model);
const session = await model.createSession({ contextTokens: 512 });
const { sha256 } = await model.info();

test('objects show what they are known by, and no prompt and no output', async () => {
  assert.equal(untold, 'Model {}');
  const signer = Signer.random();
  const generation = session.stream({ prompt: 'Tom', maxTokens: 3, ignoreEog: true }, { signer });
  const shows = (object, text) => assert.equal(inspect(object, { breakLength: Infinity }), text);
  shows(generation, "Generation { state: 'queued', choicesEnded: 0 }");
  await generation.queued;
  shows(generation, "Generation { state: 'running', choicesEnded: 0 }");
  await generation.answers();
  shows(generation, "Generation { state: 'ended', choicesEnded: 1 }");
  const { receipt } = await generation.answer();
  const { profile } = await session.info();
  shows(model, `Model { sha256: '${sha256}' }`);
  shows(session, `Session { model: '${sha256}', adapter: null, profile: '${profile}', contextTokens: 512, streams: 1 }`);
  shows(signer, `Signer { address: '${signer.address}' }`);
  shows(receipt, `Receipt { digest: '${receipt.digest}', signer: '${signer.address}' }`);
  shows({ one: [receipt] }, `{ one: [ Receipt { digest: '${receipt.digest}', signer: '${signer.address}' } ] }`);
  for (const object of [generation, receipt, signer]) {
    await object.close();
    shows(object, `${object.constructor.name} { closed: true }`);
  }
  assert.doesNotThrow(() => inspect(Receipt.prototype, { showHidden: true, depth: 9 }));
});

test('the stack of what a call fails with names its caller', async () => {
  const { receipt } = await session.generate(long(2), { signer: Signer.random() });
  const works = [
    function whoGenerates() { return session.generate(Buffer.from('{')); },
    function whoGeneratesAll() { return session.generateAll({ prompt: 'Tom', nothing: 1 }); },
    function whoStreams() { return session.stream({ nothing: 1 }).queued; },
    async function whoPulls() { for await (const event of session.stream({ nothing: 1 })) { assert.fail(event); } },
    function whoScores() { return session.score('Tom', { nothing: 1 }); },
    function whoOpens() { return Model.open('missing.gguf'); },
    function whoVerifies() { return receipt.verify({ terms: { nothing: 1 } }); },
    function whoAborts() { return session.generate(long(), { signal: AbortSignal.timeout(5) }); },
    function whoEnds() { return receipt.verify({ model, signal: AbortSignal.abort() }); },
  ];
  for (const work of works) {
    const { name, message, stack } = await failure(work);
    assert.ok(stack.startsWith(`${name}: ${message}\n`) || stack.startsWith(`Error: ${message}\n`), stack);
    assert.equal(stack.split(work.name).length, 2, stack);
  }
});

test('what a function of the caller throws keeps its stack', async () => {
  const thrown = new Error('no wallet');
  const { stack } = thrown;
  const error = await failure(() => session.generate(long(2), { signer: Signer.custom(new Uint8Array(20).fill(1), () => { throw thrown; }) }));
  assert.equal(error, thrown);
  assert.equal(error.stack, stack);
});
