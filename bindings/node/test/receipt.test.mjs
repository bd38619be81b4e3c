// Receipts, proofs, and verifiers that share no code with the library.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { TypedDataEncoder, getAddress, verifyTypedData } from 'ethers';
import { hashTypedData, isAddress, recoverTypedDataAddress } from 'viem';
import { Model, Receipt, Signer } from 'attestlm';
import { failure, long } from './support.mjs';

const DOMAIN = { chainId: 1, verifyingContract: `0x${'ab'.repeat(20)}` };
let model;
let session;
before(async () => {
  model = await Model.bundled();
  session = await model.createSession({ contextTokens: 512 });
});

for (const [name, domain] of Object.entries({ 'without a contract': undefined, 'for a contract': DOMAIN })) {
  test(`viem and ethers recover the signer of a receipt ${name}`, async () => {
    const signer = Signer.random();
    const { receipt } = await session.generate({ ...long(5), domain }, { signer });
    const document = JSON.parse(JSON.stringify(receipt));
    assert.ok(isAddress(signer.address, { strict: true }));
    assert.equal(receipt.signer, signer.address);
    assert.equal((await receipt.verify({ model })).signer, signer.address);
    // The document has one form, which is not for people.
    assert.equal(document.signer, signer.address.toLowerCase());
    assert.equal(getAddress(document.signer), signer.address);

    assert.equal(await recoverTypedDataAddress(document), signer.address);
    assert.equal(hashTypedData(document), receipt.digest);
    assert.equal(hashTypedData(receipt.typedData()), receipt.digest);

    const { EIP712Domain, ...types } = document.types;
    assert.ok(EIP712Domain.length >= 2);
    assert.equal(verifyTypedData(document.domain, types, document.message, document.signature), signer.address);
    assert.equal(TypedDataEncoder.hash(document.domain, types, document.message), receipt.digest);

    document.message.outputCount += 1;
    assert.notEqual(await recoverTypedDataAddress(document), signer.address);
  });
}

test('a receipt is read, written and judged', async () => {
  const signer = Signer.random();
  const request = { messages: [{ role: 'user', content: 'Tom has 12 apples and eats 5. How many are left?' }], temperature: '0.7', seed: 7n };
  const { receipt, tokens, text } = await session.generate(request, { signer });
  const written = String(receipt);
  for (const document of [written, Buffer.from(written), JSON.parse(written)]) {
    assert.equal(String(Receipt.parse(document)), written);
  }
  assert.deepEqual(receipt.toJSON(), JSON.parse(written));
  assert.deepEqual(receipt.toJSON().disclosure.outputTokens, tokens);
  assert.equal(receipt.signer, signer.address);

  const bare = Receipt.parse(receipt.toString({ disclosure: false }));
  assert.equal(bare.toJSON().disclosure, undefined);
  assert.equal(bare.digest, receipt.digest);

  const report = await receipt.verify({ model, request, terms: { signer: signer.address } });
  assert.equal(report.verdict.name, 'verified');
  assert.equal(report.digest, receipt.digest);
  assert.ok(report.compared.includes('replay'));
  const { issuedAt } = receipt.toJSON().message;
  const known = { domain: 'none', seed: 7n, issuedFrom: issuedAt, issuedUntil: BigInt(issuedAt), nonce: receipt.toJSON().disclosure.nonce };
  const { verdict, compared } = await receipt.verify({ terms: { ...known, signatureOnly: true } });
  assert.equal(verdict.name, 'verified');
  for (const name of ['domain', 'seed', 'issuedAt', 'nonce']) assert.ok(compared.includes(`expected ${name}`), name);
  const word = `0x${'ab'.repeat(32)}`;
  for (const other of [
    { domain: { chainId: 1, verifyingContract: signer.address } }, { seed: 8 }, { issuedFrom: BigInt(issuedAt) + 1n }, { issuedUntil: 1 },
    { nonce: word }, { clientEntropy: word }, { providerCommitment: word }, { beacon: word },
  ]) {
    const report = await receipt.verify({ terms: { ...other, signatureOnly: true } });
    assert.equal(report.verdict.name, 'invalid', JSON.stringify(Object.keys(other)));
  }
  assert.equal((await receipt.verify()).verdict.name, 'unverifiable');
  assert.equal((await receipt.verify({ terms: { signatureOnly: true } })).verdict.name, 'verified');
  assert.equal((await receipt.verify({ model, request: { ...request, seed: 8 } })).verdict.name, 'invalid');
  assert.equal((await receipt.verify({ model, terms: JSON.stringify({ signer: `0x${'00'.repeat(19)}01` }) })).verdict.name, 'invalid');

  const forged = JSON.parse(written);
  forged.disclosure.outputTokens[0] += 1;
  assert.equal((await Receipt.parse(forged).verify({ model })).verdict.name, 'invalid');
  assert.throws(() => Receipt.parse(written.slice(1)), (error) => error.codeName === 'receipt');
  assert.ok(text.length > 0);
});

test('proofs of steps and tokens', async () => {
  const generation = session.stream(long(20), { signer: Signer.random() });
  const { receipt } = await generation.answer();
  const { receipt: other } = await session.generate(long(20), { signer: Signer.random() });
  const proofs = [receipt.proveStep(0), await generation.proveToken(0, 19), await generation.proveToken(0, 3, { digest: true })];
  assert.ok(proofs[2].digest.value && proofs[1].digest.commitment);
  for (const proof of proofs) {
    receipt.checkProof(proof);
    receipt.checkProof(JSON.stringify(proof));
    assert.throws(() => other.checkProof(proof), (error) => error.codeName === 'receipt');
  }
  assert.equal((await failure(() => generation.proveToken(0, 20))).codeName, 'argument');
  assert.equal((await failure(() => session.stream(long(2)).proveToken(0, 0))).codeName, 'argument');
});

test('how likely the tokens were', async () => {
  const signer = Signer.random();
  const { logprobs, tokens, receipt } = await session.generate({ ...long(8), logprobs: 3n }, { signer });
  assert.deepEqual(logprobs.map(({ token }) => token), tokens);
  for (const { token, logprob, likeliest } of logprobs) {
    assert.equal(likeliest.length, 3);
    assert.deepEqual(likeliest, likeliest.toSorted((a, b) => b.logprob - a.logprob));
    const sum = likeliest.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    assert.ok(logprob <= likeliest[0].logprob && sum > 0 && sum <= 1 + 1e-9);
    assert.equal(logprob, likeliest.find((other) => other.token === token)?.logprob ?? logprob);
  }
  // A score of the same tokens says the same.
  const score = await session.score({ prompt: long().prompt }, { tokens });
  assert.ok(score.tokens.every(({ logprob }, index) => Math.abs(logprob - logprobs[index].logprob) < 1e-9));
  // No part of the receipt.
  assert.equal((await receipt.verify({ model, request: long(8) })).verdict.name, 'verified');
  assert.deepEqual((await session.generate({ ...long(3), logprobs: 0 })).logprobs.map(({ likeliest }) => likeliest), [[], [], []]);
  assert.equal((await session.generate(long(3))).logprobs, null);
  assert.equal((await failure(() => session.generate({ ...long(3), logprobs: 21 }))).field, 'logprobs');
});

test('whole numbers may be bigints', async () => {
  const request = { ...long(3), topK: 5n, penaltyWindow: 64n, contextTokens: 256n, choices: 2n, maxTokens: 3n, seedRule: 0n, seed: 2n ** 64n - 1n, issuedAt: 1700000000n, domain: { ...DOMAIN, chainId: 2n ** 52n } };
  const [, { tokens, receipt }] = await session.generateAll(request, { signer: Signer.random() });
  assert.equal(tokens.length, 3);
  assert.equal(receipt.toJSON().message.issuedAt, '1700000000');
  assert.equal((await receipt.verify({ model, request })).verdict.name, 'verified');
  assert.equal((await receipt.verify({ model, request: { ...request, maxTokens: 4n } })).verdict.name, 'invalid');
});

test('a string is a prompt or a continuation, bytes are JSON', async () => {
  for (const prompt of ['Tom has', '{"prompt": "Anna"}', '"', 'Tom\n\u{1f34e}']) {
    const answer = await session.generate({ prompt });
    const json = Buffer.from(JSON.stringify({ prompt }));
    assert.deepEqual(await session.generate(prompt), answer);
    assert.deepEqual(await session.generateAll(json), [answer]);
    assert.deepEqual(await session.stream(prompt).answer(), answer);
    const text = ` 5 ${prompt}`;
    const score = await session.score({ prompt }, { text });
    assert.deepEqual(await session.score(prompt, text), score);
    assert.deepEqual(await session.score(json, Buffer.from(JSON.stringify({ text }))), score);
  }
  const { receipt } = await session.generate('Tom has', { signer: Signer.random() });
  assert.equal((await receipt.verify({ model, request: 'Tom has' })).verdict.name, 'verified');
  assert.equal((await receipt.verify({ model, request: 'Tom' })).verdict.name, 'invalid');
  for (const work of [() => session.generate(''), () => receipt.verify({ model, request: '' })]) {
    assert.deepEqual(await failure(work).then(({ codeName, field }) => [codeName, field]), ['argument', 'prompt']);
  }
  assert.equal((await failure(() => session.generate(Buffer.from('Tom has')))).field, 'request');
});

test('tokens may be typed arrays', async () => {
  const tokens = [59, 100, 99];
  const answer = await session.generate({ promptTokens: tokens, maxTokens: 4, bans: [7, 8] });
  const score = await session.score({ promptTokens: tokens }, { tokens });
  for (const type of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float64Array, Buffer]) {
    const typed = type.from(tokens);
    assert.deepEqual(await session.generate({ promptTokens: typed, maxTokens: 4, bans: type.from([7, 8]) }), answer);
    assert.deepEqual(await session.score({ promptTokens: typed }, { tokens: typed }), score);
  }
  const whole = BigUint64Array.from(tokens.map(BigInt));
  assert.deepEqual(await session.score({ promptTokens: whole }, { tokens: whole }), score);
  assert.equal((await failure(() => session.generate({ promptTokens: Float32Array.of(0.5) }))).field, 'promptTokens');
  assert.equal((await failure(() => session.generate({ promptTokens: new DataView(new ArrayBuffer(4)) }))).field, 'promptTokens');
});

test('scores', async () => {
  const signer = Signer.random();
  const score = await session.score({ prompt: 'Tom has 12 apples.' }, { text: ' Anna has 5.' }, { signer });
  assert.equal(score.tokens.map(({ text }) => text).join(''), ' Anna has 5.');
  assert.ok(Math.abs(score.tokens.reduce((sum, { logprob }) => sum + logprob, 0) - score.logprob) < 1e-9);
  assert.equal((await score.receipt.verify({ model, terms: { scored: true } })).verdict.name, 'verified');
  assert.equal((await score.receipt.verify({ model })).verdict.name, 'invalid');
  const plain = await session.score({ prompt: 'Tom has 12 apples.' }, { tokens: score.tokens.map(({ token }) => token) });
  assert.equal(plain.receipt, null);
  assert.equal(plain.logprob, score.logprob);
});

test('one step is shown, with its proof, and nothing else', async () => {
  const question =
    'Ruth has 6 boxes. Each one holds 8 balls. Later, she drops 26 balls and cannot find them. She hands 2 balls to Vera. How many balls are left with Ruth?';
  const request = { messages: [{ role: 'user', content: question }] };
  const signer = Signer.random();
  const { receipt } = await session.generate(request, { signer });
  const redacted = receipt.redacted({ steps: [1] });
  const text = redacted.toString();
  assert.match(text, /48 - 26 = 22/);
  assert.doesNotMatch(text, /6 \* 8|22 - 2|Ruth|nonce/);
  const report = await Receipt.parse(text).verify({ terms: { signatureOnly: true, signer: signer.address } });
  assert.equal(report.verdict.name, 'verified');
  assert.ok(report.compared.includes('step 1'));
  assert.equal((await failure(() => receipt.redacted({ steps: [] }))).field, 'steps');
  assert.equal((await failure(() => receipt.redacted({ steps: [4] }))).field, 'index');
  assert.equal((await failure(() => redacted.redacted({ steps: [1] }))).codeName, 'receipt');
  const whole = await session.generate({ ...request, steps: false }, { signer });
  assert.equal(whole.receipt.toJSON().disclosure.steps.length, 1);
  const marked = await session.generate({ ...request, steps: ['<think>', '</think>'] }, { signer });
  assert.equal(marked.receipt.toJSON().disclosure.steps.length, 4);
});

test("a wallet's signature is kept as it is, and left to its chain", async () => {
  const domain = { chainId: 1, verifyingContract: `0x${'11'.repeat(20)}` };
  const { receipt } = await session.generate({ prompt: 'Tom', maxTokens: 2, ignoreEog: true, domain }, { signer: Signer.random() });
  for (const signature of ['0x', '0x1234', `0x${'ab'.repeat(8192)}`]) {
    receipt.signAsWallet(signature);
    assert.equal(receipt.toJSON().signature, signature);
    const { verdict } = await Receipt.parse(String(receipt)).verify({ terms: { signatureOnly: true } });
    assert.ok(verdict.name === 'unverifiable' && verdict.why.startsWith('erc1271: '));
  }
  assert.equal((await failure(() => receipt.signAsWallet(`0x${'00'.repeat(8193)}`))).field, 'signature');
  const { receipt: free } = await session.generate({ prompt: 'Tom', maxTokens: 1 }, { signer: Signer.random() });
  assert.equal((await failure(() => free.signAsWallet('0x1234'))).field, 'domain');
});

test('a receipt follows another', async () => {
  const signer = Signer.random();
  const ask = async (context) => (await session.generate({ prompt: 'Tom', maxTokens: 2, ignoreEog: true, context }, { signer })).receipt;
  const job = { chainId: 5, jobId: `0x${'01'.repeat(32)}` };
  const first = await ask(job);
  const second = await ask({ ...job, previousDigest: first.digest });
  second.checkFollows(first);
  assert.equal(second.toJSON().disclosure.contextInputs.previousDigest, first.digest);
  const other = await ask({ previousDigest: first.digest });
  for (const work of [() => first.checkFollows(second), () => second.checkFollows(second), () => other.checkFollows(first)]) {
    const { codeName, field } = await failure(work);
    assert.deepEqual([codeName, field], ['receipt', 'context']);
  }
  assert.throws(() => second.checkFollows({}), TypeError);
});

test('texts that UTF-8 has not are refused, by the name of their field alone', async () => {
  const signer = Signer.random();
  const keystore = await signer.toKeystore('pässword');
  const { receipt } = await session.generate({ prompt: 'Tom', maxTokens: 1 }, { signer });
  const ill = 'secret\ud800';
  const works = [
    [() => session.generate(ill), 'prompt'],
    [() => session.generate({ prompt: ill }), 'prompt'],
    [() => session.generate({ prompt: '\udc00\ud800' }), 'prompt'],
    [() => session.generate({ prompt: new String(ill) }), 'prompt'],
    [() => session.generate({ prompt: { toJSON: () => ill } }), 'prompt'],
    [() => session.generate({ messages: [{ role: 'user', content: 'x' }, { role: 'user', content: ill }] }), 'messages[1].content'],
    [() => session.generate({ prompt: 'x', stop: ['y', ill] }), 'stop[1]'],
    [() => session.generate({ prompt: 'x', schema: { properties: { [ill]: {} } } }), 'schema.properties'],
    [() => session.generate({ [ill]: 1 }), 'request'],
    [() => session.stream(ill), 'prompt'],
    [() => session.score('x', ill), 'text'],
    [() => session.score(ill, 'x'), 'prompt'],
    [() => receipt.verify({ model, request: ill }), 'prompt'],
    [() => receipt.verify({ model, terms: { profile: ill } }), 'profile'],
    [() => receipt.verify({ model, terms: JSON.stringify({ profile: 1 }) + ill }), 'terms'],
    [() => receipt.checkProof(ill), 'proof'],
    [() => Receipt.parse(`{"${ill}":1}`), 'receipt'],
    [() => model.createSession({ profile: ill }), 'profile'],
    [() => signer.toKeystore(ill), 'password'],
    [() => Signer.fromKeystore(keystore, ill), 'password'],
    [() => Signer.fromKeystore(keystore + ill, 'x'), 'keystore'],
    [() => Signer.external(ill), 'address'],
    [() => Model.open(ill), 'path'],
    [() => Model.check(ill), 'path'],
    [() => model.openAdapter(ill), 'path'],
  ];
  for (const [work, field] of works) {
    const { codeName, field: found, message } = await failure(work);
    assert.deepEqual([codeName, found, message], ['argument', field, `${field}: has an unpaired surrogate`], String(work));
  }
  // A pair is a character like others.
  const { receipt: paired } = await session.generate({ prompt: 'Tom \ud83c\udf4e', maxTokens: 1 }, { signer });
  assert.equal((await paired.verify({ model, request: { prompt: 'Tom \u{1f34e}', maxTokens: 1 } })).verdict.name, 'verified');
});

test('no bytes are read but those that are there', async () => {
  const written = String((await session.generate({ prompt: 'Tom', maxTokens: 1 }, { signer: Signer.random() })).receipt);
  // Whatever it says of itself, at whichever time.
  for (const length of [0, 1, written.length - 1, 67e6, 2 ** 53, -1, 'x']) {
    for (let truths = 0; truths < 8; truths++) {
      const bytes = new Uint8Array(Buffer.from(written));
      let asked = 0;
      Object.defineProperty(bytes, 'length', { get: () => (asked++ < truths ? written.length : length) });
      assert.equal(String(Receipt.parse(bytes)), written, `${length} after ${truths}`);
    }
  }
  const shared = new Uint8Array(new SharedArrayBuffer(written.length + 2), 1, written.length);
  shared.set(Buffer.from(written));
  assert.equal(String(Receipt.parse(shared)), written);
  for (const not of [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(8), {})]) {
    assert.equal((await failure(() => session.generate('x', { signer: Signer.external(not) }))).field, 'address');
  }
});
