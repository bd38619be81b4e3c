// What a token costs here and in C: the stream of bench/stream.c, by turns with it.
//
//     ATTESTLM_LIBRARY=…/libattestlm.so.0 node bench/stream.mjs
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Model, Signer } from 'attestlm';

const here = fileURLToPath(new URL('.', import.meta.url));
const library = dirname(process.env.ATTESTLM_LIBRARY);
const folder = mkdtempSync(join(tmpdir(), 'attestlm-'));
const program = join(folder, 'stream');
execFileSync('cc', ['-O2', `-I${here}../../../include`, '-o', program, `${here}stream.c`, `-L${library}`, '-l:libattestlm.so.0', `-Wl,-rpath,${library}`]);

const model = await Model.bundled();
const session = await model.createSession({ contextTokens: 512, threads: 1 });
const signer = Signer.random();
const request = { prompt: 'Tom has 12 apples.', ignoreEog: true, maxTokens: 256 };

/** Microseconds a token of the fastest of 40 rounds. */
async function best(round) {
  let least = Infinity;
  for (let count = 0; count < 40; count++) {
    const began = performance.now();
    await round();
    least = Math.min(least, ((performance.now() - began) * 1000) / 256);
  }
  return least;
}

const stream = async () => {
  const generation = session.stream(request, { signer });
  let events = 0;
  for await (const _event of generation) {
    events++;
  }
  await generation.close();
  if (events < 200) {
    throw new Error(`${events} events`);
  }
};
for (let turn = 1; turn <= 3; turn++) {
  const c = Number(execFileSync(program));
  const node = await best(stream);
  console.log(`${c.toFixed(1)} µs a token in C, ${node.toFixed(1)} µs here: ${(node - c).toFixed(1)} µs more`);
}
rmSync(folder, { recursive: true });
