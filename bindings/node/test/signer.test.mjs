// Keys, keystores, and signatures made elsewhere.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { SigningKey, computeAddress } from 'ethers';
import { AttestLMError, Model, Receipt, Signer } from 'attestlm';
import { failure, long } from './support.mjs';

const KEY = `0x${'11'.repeat(32)}`;
const wallet = new SigningKey(KEY);
const address = computeAddress(KEY);
let model;
let session;
before(async () => {
  model = await Model.bundled();
  session = await model.createSession({ contextTokens: 256 });
});

const verdict = async (receipt) => (await Receipt.parse(String(receipt)).verify({ model, terms: { signer: address } })).verdict.name;

test('a key, as hex and as bytes', () => {
  for (const key of [KEY, Buffer.from(KEY.slice(2), 'hex'), new Uint8Array(32).fill(0x11)]) {
    assert.equal(Signer.fromKey(key).address, address);
  }
  assert.throws(() => Signer.fromKey(new Uint8Array(32)), (error) => error.codeName === 'signer');
  assert.notEqual(Signer.random().address, Signer.random().address);
});

test('addresses, as text and as bytes', () => {
  // EIP-55's examples.
  for (const text of ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB']) {
    for (const given of [text, text.toLowerCase(), Buffer.from(text.slice(2), 'hex')]) {
      assert.equal(Signer.external(given).address, text);
      assert.equal(Signer.custom(given, () => {}).address, text);
    }
    const wrong = [text.replace(/[A-F]/, (digit) => digit.toLowerCase()), text.slice(2), text.slice(0, -1), `${text}00`, text.toUpperCase(), text.replace(/.$/, 'g'), '', '0x\u00e4'];
    for (const given of [...wrong, Buffer.alloc(19), Buffer.alloc(21), 7, null]) {
      for (const make of [() => Signer.external(given), () => Signer.custom(given, () => {})]) {
        assert.throws(make, (error) => error instanceof AttestLMError && error.codeName === 'argument' && error.field === 'address', String(given));
      }
    }
  }
});

test('a keystore, there and back', async () => {
  const text = await Signer.fromKey(KEY).toKeystore('pässword');
  assert.equal((await Signer.fromKeystore(text, 'pässword')).address, address);
  assert.equal((await Signer.fromKeystore(JSON.parse(text), Buffer.from('pässword'))).address, address);
  assert.equal((await failure(() => Signer.fromKeystore(text, 'password'))).field, 'password');
  assert.equal((await failure(() => Signer.external(address).toKeystore('x'))).codeName, 'signer');
});

test('an external signer: the receipt is completed later', async () => {
  const { receipt } = await session.generate(long(3), { signer: Signer.external(address) });
  assert.equal(receipt.typedData().primaryType, 'Receipt');
  // Written, it waits; somebody else reads and signs it.
  assert.deepEqual(receipt.toJSON(), JSON.parse(String(receipt)));
  assert.equal(receipt.toJSON().signature, undefined);
  assert.equal(await verdict(receipt), 'invalid');
  for (const written of [String(receipt), JSON.stringify(receipt), receipt.toString({ disclosure: false })]) {
    const other = Receipt.parse(written);
    assert.equal(other.digest, receipt.digest);
    other.sign(wallet.sign(other.digest).serialized);
    assert.equal((await other.verify({ terms: { signatureOnly: true, signer: address } })).verdict.name, 'verified');
  }
  assert.throws(() => receipt.sign(new SigningKey(`0x${'22'.repeat(32)}`).sign(receipt.digest).serialized), (error) => error.codeName === 'signer');
  assert.throws(() => receipt.sign('0x1234'), (error) => error.codeName === 'signer');
  receipt.sign(wallet.sign(receipt.digest).serialized);
  assert.equal(await verdict(receipt), 'verified');
});

test('a function that signs, at once or later', async () => {
  const seen = [];
  const signer = Signer.custom(address, async (digest, receipt) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(digest instanceof Uint8Array && digest.length === 32);
    assert.equal(receipt.digest, `0x${Buffer.from(digest).toString('hex')}`);
    seen.push(receipt.digest);
    return wallet.sign(digest).serialized;
  });
  const answers = await session.generateAll({ ...long(3), choices: 2 }, { signer });
  for (const { receipt } of answers) {
    assert.equal(await verdict(receipt), 'verified');
  }
  const { receipt } = await session.score(long(3), { text: ' has' }, { signer });
  assert.equal((await receipt.verify({ model, terms: { scored: true } })).verdict.name, 'verified');
  assert.deepEqual(seen.sort(), [...answers.map((answer) => answer.receipt.digest), receipt.digest].sort());
  const bytes = Signer.custom(address, (digest) => Buffer.from(wallet.sign(digest).serialized.slice(2), 'hex'));
  assert.equal(await verdict((await session.generate(long(3), { signer: bytes })).receipt), 'verified');
});

test('what a function throws is what the answer or the score rejects with', async () => {
  class WalletError extends Error {}
  for (const thrown of [new WalletError('no wallet', { cause: 'locked' }), 'no wallet', undefined]) {
    for (const sign of [() => Promise.reject(thrown), () => { throw thrown; }]) {
      const signer = Signer.custom(address, sign);
      const ends = await Promise.allSettled([
        session.generate(long(3), { signer }),
        session.generateAll({ ...long(3), choices: 2 }, { signer }),
        session.stream(long(3), { signer }).answer(),
        session.score(long(3), { text: ' has' }, { signer }),
      ]);
      for (const { status, reason } of ends) {
        assert.equal(status, 'rejected');
        assert.equal(reason, thrown);
      }
    }
  }
  assert.equal((await session.generate(long(3))).tokens.length, 3);
});

test('a function that signs for somebody else, or for ever', async () => {
  for (const wrong of [new SigningKey(`0x${'22'.repeat(32)}`).sign(`0x${'00'.repeat(32)}`).serialized, undefined, '0x', 7]) {
    const error = await failure(() => session.generate(long(3), { signer: Signer.custom(address, () => wrong) }));
    assert.ok(['signer', 'argument'].includes(error.codeName), error);
  }
  // Abort does not wait for it.
  const never = Signer.custom(address, () => new Promise(() => {}));
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 200);
  const error = await failure(() => session.generate(long(3), { signer: never, signal: controller.signal }));
  assert.equal(error.name, 'AbortError');
});
