// Compiled by tsc, and run as it comes out: the types, and the declarations `using` and `await using`.
import assert from 'node:assert/strict';
import { AttestLMError, Model, Receipt, Signer, type Answer, type Event, type Progress, type Report, type TokenLogprob } from 'attestlm';

let closed: Model;
{
  await using model: Model = await Model.bundled();
  closed = model;
  await using session = await model.createSession({ contextTokens: 256, profile: 'exact' });
  using signer = Signer.random();
  const events: Event[] = [];
  await using generation = session.stream({ prompt: 'Tom', maxTokens: 2, seed: 7n, logprobs: 1 }, { signer });
  const progress: Progress[] = [];
  for await (const event of generation) {
    events.push(event);
    if (event.event === 'text') {
      const text: string = event.text;
      assert.ok(text.length > 0);
    }
  }
  const answer: Answer = await generation.answer();
  assert.equal(answer.tokens.length, 2);
  const logprobs: TokenLogprob[] | null = answer.logprobs;
  assert.equal(logprobs?.[1]?.likeliest.length, 1);
  const receipt: Receipt | null = answer.receipt;
  assert.ok(receipt);
  const report: Report = await receipt.verify({ model, terms: { signer: signer.address }, signal: AbortSignal.timeout(60_000), onProgress: (value) => progress.push(value) });
  assert.equal(progress.at(-1)?.done, progress.at(-1)?.total);
  // @ts-expect-error events tell of a generation's progress
  await assert.rejects(session.generate({ prompt: 'Tom' }, { onProgress() {} }), (error) => error instanceof AttestLMError && error.field === 'onProgress');
  if (report.verdict.name === 'diverged') {
    const position: number | null = report.verdict.position;
    assert.fail(`at ${position}`);
  }
  assert.equal(report.verdict.name, 'verified');
  await using fast = await model.createSession({ contextTokens: 256, profile: 'fast' });
  const other = await fast.generate({ promptTokens: Uint32Array.of(59), maxTokens: 2 }, { signer });
  const { verdict } = await other.receipt!.verify({ model, terms: { tolerant: true } });
  assert.ok(verdict.name === 'consistent' || verdict.name === 'inconsistent', verdict.name);
  const score: number | null = verdict.score;
  assert.ok(score === null || score >= 0);
  assert.equal(verdict.name === 'consistent', score !== null && score <= 0.05);
  // @ts-expect-error a member that there is not
  await assert.rejects(session.generate({ prompt: 'Tom', promt: 'Tom' }), (error) => error instanceof AttestLMError && error.field === 'promt');
  // @ts-expect-error it cannot be constructed
  assert.throws(() => new Receipt());
}
assert.ok(closed.closed);
console.log('types: ok');
