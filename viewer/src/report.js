// What the page shows of documents: plain data of bounded size, made beside the page (worker.js).
import { checksummed } from './address.js';
import { check, failure, read } from './check.js';
import { isZero } from './hash.js';
import { toHex } from './hex.js';
import { DOCUMENT, PROOF, parse } from './json.js';
import * as proof from './proof.js';
import { Refused } from './refused.js';
import { isUtf8 } from './value.js';
import { Marks, parts } from './visible.js';
import * as words from './words.js';

/** @typedef {import('./check.js').Checked} Checked */
/** @typedef {import('./check.js').Failure} Failure */
/** @typedef {import('./visible.js').Part} Part */
/** @typedef {'matches' | 'differs' | 'missing' | 'open' | 'withheld' | 'absent'} State `open`: there, and not to be judged here */
/** @typedef {{ name: string, state: State, says: string }} Comparison */
/** @typedef {{ index: number, kind: number, firstToken: number, endToken: number, text: Shown, hex?: Shown, proven: 'matches' | 'differs', reason?: string }} ShownStep */
/** @typedef {{ step: ShownStep } | { withheld: [number, number] }} StepRow `withheld`: from one index to another, both included */

/**
 * @typedef {object} Shown a text
 * @property {Part[]} parts
 * @property {number} first how much of it is shown at once
 * @property {number} cut how many of its characters are left out
 * @property {number} unnamed how many of its hidden characters are shown without their names
 */

/**
 * @typedef {object} Report
 * @property {'valid' | 'invalid' | 'unverifiable'} verdict
 * @property {Checked['signature']} signature
 * @property {Failure[]} failures
 * @property {{ field: string, reason: string }[]} unknown
 * @property {{ label: string, value: Part[], note?: string, code?: boolean }[]} facts
 * @property {string} digest
 * @property {number} [chainId] of the domain
 * @property {string} [signatureReason]
 * @property {{ sentences: string[], texts: { label: string, text: Shown }[] }} [sampler]
 * @property {{ label: Part[], text: Shown }[]} request
 * @property {number} requestRest messages that are not shown
 * @property {boolean} isRequestRefused it is disclosed, and neither what was signed nor one of receipt-1
 * @property {number} [later] the version of a sampling policy that is not known here
 * @property {Shown} [outputTokens] where there are no steps to show
 * @property {{ count: number | undefined, rows: StepRow[], rest: number, whole: boolean, reason?: string } | undefined} steps `whole`: all of them, not some with proofs
 * @property {boolean} isScored
 * @property {Comparison[]} comparisons
 * @property {string[]} notCompared
 * @property {{ count: number, step: ShownStep } | { trace: { index: number, count: number, token: string, digest: string, reason?: string } } | undefined} added the proof that was added
 */

/**
 * `place`: which one cannot be read, of how many that came together; `several`: of what more came together than are checked at a time.
 * @typedef {{ refused: Failure, what: 'document' | 'receipt' | 'proof', place?: [number, number] } | { several: 'receipt' | 'proof', count: number } | { proofAlone: true } | { report: Report }} Answer
 */

// Of what a document may hold (64 MiB) the page shows as much as a reader reads and a phone lays out.
const TEXT = 100_000;
const TEXTS = 1_000_000;
const ROWS = 500;
// What it lays out at once: of one text, and of all. A million letters of some scripts take seconds.
const AT_FIRST = 4_000;
const ALL_AT_FIRST = 40_000;

/** Counts what is shown of a document's texts. */
class Budget {
  left = TEXTS;
  first = ALL_AT_FIRST;
  marks = new Marks();

  /** @param {string} text that is short and stands in no box */
  label(text) {
    return parts(text, this.marks);
  }

  /**
   * @param {string} text
   * @returns {Shown}
   */
  show(text) {
    let end = Math.min(text.length, TEXT, this.left);
    // Not inside a character.
    if (end > 0 && end < text.length && /[\ud800-\udbff]/.test(text[end - 1])) {
      end -= 1;
    }
    this.left -= end;
    const { unnamed } = this.marks;
    const shown = parts(text.slice(0, end), this.marks);
    const first = Math.min(this.first, AT_FIRST);
    this.first -= Math.min(first, end);
    return { parts: shown, first, cut: text.length - end, unnamed: this.marks.unnamed - unnamed };
  }
}

/**
 * Which kind of document this is, from outside.
 * @param {Uint8Array} bytes
 */
export function isProof(bytes) {
  const tree = parse(bytes, DOCUMENT);
  return tree instanceof Map && typeof tree.get('type') === 'string';
}

/**
 * @param {{ receipt?: Uint8Array, proof?: Uint8Array }} documents
 * @returns {Answer}
 */
export function answer({ receipt, proof: added }) {
  let addedProof;
  if (added) {
    try {
      addedProof = proof.read(parse(added, PROOF));
    } catch (error) {
      return { refused: failure('read', error), what: 'proof' };
    }
  }
  if (!receipt) {
    return { proofAlone: true };
  }
  let document;
  try {
    document = read(receipt);
  } catch (error) {
    return { refused: failure('read', error), what: 'receipt' };
  }
  return { report: report(check(document), addedProof) };
}

/**
 * @param {Checked} checked
 * @param {ReturnType<typeof proof.read>} [addedProof]
 * @returns {Report}
 */
function report(checked, addedProof) {
  const { document, failures } = checked;
  const { message, disclosure, contract } = document;
  const budget = new Budget();
  const known = facts(checked, budget);
  const added = addedProof && addedReport(addedProof, document, failures, budget);
  const steps = stepsReport(checked, budget);
  const request = requestReport(checked, budget);
  const record = disclosure?.sampler;
  const isValid = failures.length === 0;
  return {
    verdict: !isValid ? 'invalid' : checked.signature === 'chain' || checked.unknown.length > 0 ? 'unverifiable' : 'valid',
    signature: checked.signature,
    unknown: checked.unknown,
    later: disclosure?.later,
    failures: failures.slice(0, 50),
    facts: known,
    digest: toHex(checked.digest),
    chainId: contract?.chainId,
    signatureReason: checked.signatureReason,
    sampler: record && samplerReport(record, disclosure.stream, budget),
    request: request.shown,
    requestRest: request.rest,
    isRequestRefused: disclosure?.request !== undefined && !checked.request && checked.unknownRequest === undefined,
    outputTokens: steps || !disclosure?.outputTokens ? undefined : budget.show(tokenList(disclosure.outputTokens)),
    steps,
    isScored: message.kind === 1,
    comparisons: comparisons(checked),
    notCompared: notCompared(checked),
    added,
  };
}

/**
 * @param {import('./sampler.js').Sampler} record
 * @param {number} stream
 * @param {Budget} budget
 */
function samplerReport(record, stream, budget) {
  const { sentences, texts } = words.sampler(record, stream);
  return { sentences, texts: texts.slice(0, ROWS).map(({ label, text }) => ({ label, text: budget.show(text) })) };
}

/**
 * @param {Checked} checked
 * @param {Budget} budget
 */
function facts({ document: { message, disclosure, contract }, compared, signature }, budget) {
  /** @type {Report['facts']} */
  const facts = [];
  const add = (/** @type {string} */ label, /** @type {string} */ value, /** @type {string | undefined} */ note = undefined, code = false) => facts.push({ label, value: budget.label(value), note, code });
  const [who, whose] = {
    good: ['Signed by', 'The account whose key made the signature. Who that is, you have to know.'],
    missing: ['To be signed by', 'There is no signature yet.'],
    bad: ['Claims to be signed by', 'The signature is not by the key of this account.'],
    chain: ['Claims to be signed by', 'The signature is not by the key of this account. If it is a contract, its chain can tell.'],
  }[signature];
  add(who, checksummed(message.signer), whose, true);
  add('Model', toHex(message.model).slice(2), 'SHA-256 of the GGUF file: what Hugging Face shows for it.', true);
  if (!isZero(message.adapter)) {
    add('Adapter', toHex(message.adapter).slice(2), 'SHA-256 of the LoRA file that changed the model.', true);
  }
  if (disclosure?.profile !== undefined && compared.has('profile')) {
    add('Profile', disclosure.profile.slice(0, 200), 'Which numerics computed the answer: only the same ones can replay it bit for bit.', true);
  } else {
    add('Profile', toHex(message.profile), disclosure?.profile === undefined ? 'Its readable name is not disclosed.' : 'The disclosed name is not what was signed.', true);
  }
  add('When', words.time(message.issuedAt), 'As the signer says.');
  if (contract) {
    add('For', `${words.chain(contract.chainId)}, contract ${checksummed(contract.verifyingContract)}`, 'The verifier that this receipt is signed for.');
  } else {
    add('For', 'no contract in particular');
  }
  add('Length', `${words.counted(message.promptCount, 'token')} of prompt, ${words.counted(message.outputCount, 'token')} of output`);
  add(message.kind === 1 ? 'Kind' : 'How it ended', words.finish(message.finish));
  if (!isZero(message.context)) {
    const inputs = disclosure?.contextInputs;
    add('Context', toHex(message.context), inputs ? compared.has('context') ? 'What the receipt is for: a hash of what follows.' : 'What is disclosed of it is not what was signed.' : 'What the receipt is for, as a hash. What is in it is not disclosed: neither a job, nor a receipt that this one follows.', true);
    if (inputs && compared.has('context')) {
      const isSettled = inputs.chainId !== 0 || !isZero(inputs.contract);
      if (isSettled || !isZero(inputs.jobId)) {
        add('Job', toHex(inputs.jobId), isSettled ? `On ${words.chain(inputs.chainId)}, contract ${checksummed(inputs.contract)}.` : undefined, true);
      }
      if (isZero(inputs.previousDigest)) {
        add('Follows', 'no other receipt');
      } else {
        add('Follows the receipt', toHex(inputs.previousDigest), 'Its digest. That receipt is another document, which is not looked at here.', true);
      }
    }
  }
  return facts;
}

/**
 * @param {Checked} checked
 * @param {Budget} budget
 */
function requestReport({ request, unknownRequest, document: { disclosure } }, budget) {
  /** @type {Report['request']} */
  const shown = [];
  const add = (/** @type {string} */ label, /** @type {string} */ text) => shown.push({ label: budget.label(label), text: budget.show(text) });
  let rest = 0;
  if (request) {
    const { messages = [] } = request;
    messages.slice(0, ROWS).forEach(({ role, content }) => add(role, content));
    rest = Math.max(0, messages.length - ROWS);
    if (request.prompt !== undefined) {
      add('prompt, as it is', request.prompt);
    }
    if (request.promptTokens) {
      add('prompt, as token ids', tokenList(request.promptTokens));
    }
    if (request.tools !== null) {
      add('tools', request.tools);
    }
    if (request.date !== null) {
      add('date for the template', request.date);
    }
  } else if (unknownRequest !== undefined) {
    add('as it was signed, in a form that this page does not know', unknownRequest);
  } else if (disclosure?.promptTokens) {
    add('prompt, as token ids', tokenList(disclosure.promptTokens));
  }
  return { shown, rest };
}

/** @param {number[]} tokens */
const tokenList = (tokens) => `${tokens.slice(0, ROWS).join(', ')}${tokens.length > ROWS ? `, … (${words.grouped(tokens.length)} in all)` : ''}`;

/**
 * @param {import('./step.js').Step} step
 * @param {string | undefined} reason why it is not what was signed
 * @param {Budget} budget
 * @param {boolean} differs
 * @returns {ShownStep}
 */
function shownStep({ index, kind, firstToken, endToken, text }, reason, budget, differs = reason !== undefined) {
  const readable = new TextDecoder('utf-8', { ignoreBOM: true }).decode(text);
  return {
    index, kind, firstToken, endToken, reason,
    text: budget.show(readable),
    hex: isUtf8(text) ? undefined : budget.show(toHex(text)),
    proven: differs ? 'differs' : 'matches',
  };
}

/**
 * Why a proof does not hold.
 * @param {() => void} work
 */
function reasonOf(work) {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Refused) {
      return error;
    }
    throw error;
  }
}

/**
 * @param {Checked} checked
 * @param {Budget} budget
 * @returns {Report['steps']}
 */
function stepsReport({ document: { message, disclosure }, failures, compared }, budget) {
  if (message.kind === 1 || !disclosure) {
    return undefined;
  }
  if (disclosure.steps) {
    const reason = compared.has('steps') ? undefined : failures.find(({ field }) => field === 'steps')?.reason ?? 'not compared';
    const { steps } = disclosure;
    return {
      count: steps.length,
      rows: steps.slice(0, ROWS).map((step) => ({ step: shownStep(step, undefined, budget, reason !== undefined) })),
      rest: Math.max(0, steps.length - ROWS),
      whole: true,
      reason,
    };
  }
  const proofs = (disclosure.stepProofs ?? []).map((item) => ({ item, refused: reasonOf(() => proof.checkStep(item, message)) }));
  if (proofs.length === 0) {
    return undefined;
  }
  const count = proofs.find(({ refused }) => !refused)?.item.count;
  /** @type {StepRow[]} */
  const rows = [];
  let next = 0;
  for (const { item, refused } of proofs.slice(0, ROWS)) {
    if (item.index > next && count !== undefined) {
      rows.push({ withheld: [next, item.index - 1] });
    }
    rows.push({ step: shownStep(item, refused && `${refused.field}: ${refused.message}`, budget) });
    next = item.index + 1;
  }
  const rest = Math.max(0, proofs.length - ROWS);
  if (count !== undefined && next < count && rest === 0) {
    rows.push({ withheld: [next, count - 1] });
  }
  return { count, rows, rest, whole: false };
}

/**
 * @param {ReturnType<typeof proof.read>} added
 * @param {import('./document.js').Document} document
 * @param {Failure[]} failures one is added where it does not hold
 * @param {Budget} budget
 * @returns {Report['added']}
 */
function addedReport(added, { message, disclosure }, failures, budget) {
  const beside = failures.length === 0 ? disclosure?.stepProofs ?? [] : [];
  const refused = reasonOf(() => {
    if ('step' in added) {
      proof.checkStep(added.step, message);
      proof.checkTogether([...beside.filter(({ index }) => index !== added.step.index), added.step].sort((a, b) => a.index - b.index));
    } else {
      proof.checkTrace(added.trace, message);
    }
  });
  const reason = refused && `${refused.field}: ${refused.message}`;
  if (refused) {
    failures.push({ step: 'proof', field: refused.field, reason: refused.message });
  }
  if ('step' in added) {
    return { count: added.step.count, step: shownStep(added.step, reason, budget) };
  }
  const { index, count, token, digest } = added.trace;
  return {
    trace: {
      index, count, reason,
      token: 'value' in token ? String(token.value) : 'withheld',
      digest: 'value' in digest ? toHex(/** @type {Uint8Array} */ (digest.value)) : 'withheld',
    },
  };
}

/**
 * Every commitment of the receipt, and what came of it.
 * @param {Checked} checked
 * @returns {Comparison[]}
 */
function comparisons({ document: { message, disclosure }, compared, failures, signature, unknown }) {
  /** @type {Comparison[]} */
  const list = [{
    name: 'Signature',
    .../** @type {Record<Checked['signature'], { state: State, says: string }>} */ ({
      good: { state: 'matches', says: 'made by the signer’s key over everything in the receipt' },
      bad: { state: 'differs', says: 'not made by the signer’s key' },
      chain: { state: 'open', says: 'unverifiable here: needs the chain (ERC-1271)' },
      missing: { state: 'missing', says: 'there is none yet: nobody stands behind the receipt' },
    })[signature],
  }];
  const add = (/** @type {string} */ name, /** @type {string} */ field, /** @type {boolean} */ isOpened, absent = '') => {
    const failed = failures.find((found) => found.step === 'commitments' && found.part === field);
    /** @type {Comparison} */
    const withheld = { name, state: 'withheld', says: 'not disclosed, so not compared' };
    const later = unknown.some((found) => found.field === field) || (field === 'seed' && disclosure?.later !== undefined && disclosure.seed);
    list.push(later && !failed
      ? { name, state: 'open', says: field === 'request' ? 'it is what was signed, in a form that this page does not know' : 'of a later version than this page knows' }
      : failed
      ? { name, state: 'differs', says: failed.reason }
      : absent
        ? { name, state: 'absent', says: absent }
        : !isOpened ? withheld : compared.has(field) ? { name, state: 'matches', says: field === 'policy' ? 'the policy allows such a length and such an end' : 'what is disclosed agrees with the receipt' } : withheld);
  };
  const scored = message.kind === 1 ? 'none in a scored receipt' : '';
  add('Profile', 'profile', disclosure?.profile !== undefined);
  add('Sampling policy', 'sampler', disclosure?.sampler !== undefined, scored);
  add('Seed', 'seed', disclosure?.seed !== undefined, scored || (isZero(message.seed) ? 'none: nothing was drawn' : ''));
  const isKept = compared.has('policy');
  if (isKept || failures.some(({ part }) => part === 'policy')) {
    add('Kept to the policy', 'policy', true);
  }
  add('Request', 'request', disclosure?.request !== undefined);
  add('Prompt tokens', 'prompt', disclosure?.promptTokens !== undefined);
  add('Output tokens', 'output', disclosure?.outputTokens !== undefined);
  const proofs = disclosure?.stepProofs;
  if (proofs && !failures.some(({ field }) => field === 'steps')) {
    list.push({ name: 'Steps', state: 'matches', says: `${words.counted(proofs.length, 'step')} shown, each with a proof of its place` });
  } else {
    add('Steps', 'steps', disclosure?.steps !== undefined, scored);
  }
  add('Context', 'context', disclosure?.contextInputs !== undefined, isZero(message.context) ? 'none' : '');
  list.push({ name: 'Logits', state: 'withheld', says: 'compared by a replay only: this page has no model' });
  return list;
}

/**
 * @param {Checked} checked
 * @returns {string[]}
 */
function notCompared({ document: { message, disclosure }, compared, signature, unknown }) {
  const list = ['No replay: whether this model, run again, gives this output. Run “attestlm verify” with the model.'];
  if (signature === 'chain') {
    list.push('The signature: its chain decides whether the account, if it is a contract, accepts it (ERC-1271).');
  }
  list.push('No expected request: a system prompt that you did not send would not show here.');
  list.push('No expected signer, model, policy, context or time: compare with what you know.');
  if (!disclosure) {
    list.push('The document discloses nothing: neither request nor output can be compared.');
    return list;
  }
  for (const { field, reason } of unknown) {
    list.push(`Of a later form than this page knows, so that nothing can be said of it: ${field} (${reason}).${field === 'sampler' ? ' So neither the seed nor how the output can have ended is compared.' : ''}`);
  }
  if (disclosure.contextInputs && !isZero(disclosure.contextInputs.previousDigest)) {
    list.push('The receipt that this one follows: it is another document. And that this is the only one that follows it.');
  }
  const unbound = unboundSecrets(disclosure);
  if (unbound.length) {
    list.push(`Of what is given to open commitments, ${unbound.join(' and ')}: nothing is disclosed here that shows whether ${unbound.length === 1 ? 'it is' : 'they are'} what was used.`);
  }
  const { sampler: record } = disclosure;
  if (record && record.choices > 1 && !compared.has('seed') && !(disclosure.nonce && (compared.has('output') || compared.has('steps')))) {
    list.push('Which of the choices this is: nothing that is disclosed binds its number.');
  }
  if (disclosure.request && !unknown.some(({ field }) => field === 'request')) {
    list.push('That the request leads to the prompt’s tokens: it takes the model’s template and tokenizer.');
  }
  if (message.kind === 0 && disclosure.steps) {
    list.push('That the output’s tokens spell the text of the steps: it takes the model’s vocabulary.');
  }
  const withheld = [];
  /** @type {[string, string, boolean][]} */
  const parts = [
    ['profile', 'the profile’s name', true],
    ['sampler', 'the sampling policy', message.kind === 0 && disclosure.later === undefined],
    ['seed', 'the seed', !isZero(message.seed)],
    ['request', 'the request', true],
    ['prompt', 'the prompt’s tokens', true],
    ['output', 'the output’s tokens', true],
    ['steps', 'the other steps', message.kind === 0],
    ['context', 'what the context is made of', !isZero(message.context)],
  ];
  const opened = { profile: disclosure.profile, sampler: disclosure.sampler, seed: disclosure.seed, request: disclosure.request, prompt: disclosure.promptTokens,
    output: disclosure.outputTokens, steps: disclosure.steps, context: disclosure.contextInputs };
  for (const [field, name, isThere] of parts) {
    if (isThere && !compared.has(field) && opened[/** @type {keyof typeof opened} */ (field)] === undefined) {
      withheld.push(field === 'steps' && !disclosure.stepProofs ? 'the steps' : name);
    }
  }
  if (withheld.length) {
    list.push(`Not disclosed: ${withheld.join(', ')}.`);
  }
  return list;
}

/**
 * The nonce and the salts beside which nothing is disclosed that they open. A trace is compared by a replay alone.
 * @param {import('./disclosure.js').Disclosure} disclosure
 */
function unboundSecrets(disclosure) {
  const opens = {
    request: disclosure.request, prompt: disclosure.promptTokens, output: disclosure.outputTokens, trace: undefined, steps: disclosure.steps,
    seed: disclosure.later === undefined ? disclosure.seed : undefined,
  };
  if (disclosure.nonce) {
    return Object.values(opens).some((opened) => opened !== undefined) ? [] : ['the nonce'];
  }
  return [...disclosure.salts?.keys() ?? []].filter((name) => opens[/** @type {keyof typeof opens} */ (name)] === undefined).map((name) => `the salt of ${name}`);
}
