// 1,000 generations of two tokens, with receipts: memory stays what it was after the first 600. V8's young generation is
// kept small (--max-semi-space-size): it grows by itself, by more than what would be looked for here.
import { Model, Signer } from 'attestlm';

const model = await Model.bundled();
const session = await model.createSession({ contextTokens: 128 });
const signer = Signer.random();

async function rounds(count) {
  for (let round = 0; round < count; round++) {
    const { receipt } = await session.generate({ prompt: 'Tom has', maxTokens: 2 }, { signer });
    await receipt.verify({ terms: { signatureOnly: true } });
    // Half are closed, half are left to the garbage collector.
    if (round % 2) {
      await receipt.close();
    }
  }
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().rss;
}

const before = await rounds(600);
const after = await rounds(1000);
console.log(`resident: ${before >> 10} KiB after 600 generations, ${after >> 10} KiB after 1,000 more`);
process.exitCode = after > before * 1.05 ? 1 : 0;
