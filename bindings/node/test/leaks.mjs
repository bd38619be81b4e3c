// 1,000 generations of two tokens, with receipts: memory stays what it was after the first 600. V8's young generation is
// kept small (--max-semi-space-size): it grows by itself, by more than what would be looked for here.
import { Model, Receipt, Signer } from 'attestlm';

const model = await Model.bundled();
const session = await model.createSession({ contextTokens: 128 });
const signer = Signer.random();
const { signal } = new AbortController();

/** Collects what is unreachable, and lets what is freed for it be freed. */
async function collect() {
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function round() {
  const { receipt } = await session.generate({ prompt: 'Tom has', maxTokens: 2 }, { signer });
  // What is small is made more often, to be seen. Half is closed, half is left to the garbage collector.
  const document = String(receipt);
  for (let copy = 0; copy < 20; copy++) {
    const other = Receipt.parse(document);
    String(other);
    if (copy === 0) {
      await other.verify({ terms: { signatureOnly: true }, signal, onProgress() {} });
      await other.verify({ model, signal: AbortSignal.abort() }).catch(() => {});
      const controller = new AbortController();
      const aborted = other.verify({ model, signal: controller.signal }).catch(() => {});
      controller.abort();
      await aborted;
    }
    if (copy % 2) {
      await other.close();
    }
  }
  for (let failure = 0; failure < 100; failure++) {
    try {
      Receipt.parse('{}');
      throw new Error('it should have failed');
    } catch (error) {
      if (error.codeName !== 'receipt') {
        throw error;
      }
    }
  }
  const refused = await session.generate({ prompt: 'Tom', nothing: 'x'.repeat(4096) }).catch((error) => error);
  if (refused.field !== 'nothing') {
    throw refused;
  }
}

async function rounds(count) {
  for (let done = 0; done < count; done++) {
    await round();
    if (done % 20 === 0) {
      await collect();
    }
  }
  await collect();
  return process.memoryUsage().rss;
}

const before = await rounds(600);
const after = await rounds(1000);
console.log(`resident: ${before >> 10} KiB after 600 generations, ${after >> 10} KiB after 1,000 more`);
process.exitCode = after > before * 1.05 ? 1 : 0;
