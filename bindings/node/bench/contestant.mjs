// The contestant `Node` of `bench --only bindings`: the stream of ffi/bench/contestant.c through the package. Speaks the
// protocol of benches/protocol.rs.
//
//     node contestant.mjs MODEL THREADS CONTEXT_TOKENS REQUEST      an empty MODEL is the bundled one
import readline from 'node:readline';
import { Model, Signer } from 'attestlm';

const SESSIONS = 2;

const [path, threads, contextTokens, json] = process.argv.slice(2);
const request = Buffer.from(json);
const model = path ? await Model.open(path) : await Model.bundled();
const signer = Signer.fromKey(new Uint8Array(32).fill(0x46));
const sessions = [];
while (sessions.length < SESSIONS) {
  sessions.push(await model.createSession({ threads: Number(threads), contextTokens: Number(contextTokens) }));
}

/**
 * The request, from its queueing to its answer and receipt: milliseconds from the beginning to each event and to the
 * end, and the receipt.
 */
async function stream(session) {
  const begun = performance.now();
  const times = [];
  const generation = session.stream(request, { signer });
  for await (const _event of generation) {
    times.push(performance.now() - begun);
  }
  const { receipt } = await generation.answer();
  await generation.close();
  times.push(performance.now() - begun);
  return { times, receipt };
}

/** One stream, or several at once. */
async function answer(command) {
  if (command.do !== 'stream' || !(command.sessions >= 1 && command.sessions <= SESSIONS)) {
    throw new Error('no such command');
  }
  const asked = sessions.slice(0, command.sessions);
  if (command.forget) { // read the prompt anew
    await Promise.all(asked.map((session) => session.forget()));
  }
  const begun = performance.now();
  const outcomes = await Promise.all(asked.map(stream));
  const ms = performance.now() - begun;
  return { ms, times: outcomes[0].times, receipts: outcomes.map(({ receipt }) => receipt.toString()) };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === 'quit') {
    break;
  }
  let reply;
  try {
    reply = await answer(command);
  } catch (error) {
    reply = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(reply) + '\n');
}
// Standard input, which stays open, would keep the process alive.
process.exit(0);
