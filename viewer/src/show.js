// A report as elements of the page.
import { banner, element, section, textBox, visible } from './elements.js';
import * as words from './words.js';

/** @typedef {import('./report.js').Answer} Answer */
/** @typedef {import('./report.js').Report} Report */

const WHAT = { document: 'document', receipt: 'receipt', proof: 'proof' };
const STATES = { matches: ['agrees', 'good'], differs: ['does not agree', 'bad'], missing: ['missing', 'bad'], open: ['not known here', 'warn'], withheld: ['not compared', 'none'], absent: ['none', 'none'] };

/** @param {{ field: string, reason: string }[]} failures */
const listed = (failures) => element('ul', {}, ...failures.map(({ field, reason }) => element('li', {}, element('code', {}, field), `: ${reason}`)));

/**
 * @param {Answer} answer
 * @returns {HTMLElement}
 */
export function verdict(answer) {
  if ('refused' in answer) {
    return banner('bad', `This ${WHAT[answer.what]} is invalid`, element('p', {}, 'It is refused as it is read, so nothing of it is shown:'), listed([answer.refused]),
      answer.place && element('p', {}, `It is number ${answer.place[0]} of the ${answer.place[1]} that came together. None of the others was judged.`));
  }
  if ('several' in answer) {
    return banner('warn', `One ${answer.several} is checked at a time`, element('p', {}, `These are ${answer.count} ${answer.several}s. None of them was judged: choose one receipt, `
      + 'alone or with one proof that belongs to it.'));
  }
  if ('proofAlone' in answer) {
    return banner('warn', 'A proof needs its receipt', element('p', {}, 'This is a proof of one part of a receipt. Alone it says nothing: add the receipt that it belongs to.'));
  }
  const { verdict: found, failures, signature, signatureReason, unknown } = answer.report;
  if (signature === 'missing') {
    return banner('bad', 'This receipt is not signed', listed(failures), element('p', {}, 'Nobody stands behind what is shown below until it is. Do not rely on it.'));
  }
  if (found === 'invalid') {
    const isProofAlone = failures.every(({ step }) => step === 'proof');
    const isUnsigned = failures.some(({ step }) => step === 'signature');
    return banner('bad', isProofAlone ? 'The proof does not belong to this receipt' : 'This receipt is invalid',
      listed(failures),
      element('p', {}, isUnsigned ? 'Nobody is known to have signed what is shown below. Do not rely on it.' : 'What is marked below is not what was signed, or contradicts it. Do not rely on it.'));
  }
  if (found === 'unverifiable' && signature === 'good') {
    return banner('unknown', 'A part of this receipt is unverifiable here', element('p', {}, 'The signature is the signer’s. But this is of a later version than this page '
      + 'knows, and nothing can be said of it here:'), listed(unknown), element('p', {}, 'Everything else that is disclosed is what was signed. A newer reader may tell more.'));
  }
  if (found === 'unverifiable') {
    return banner('unknown', 'The signature is unverifiable here', element('p', {}, 'It needs the chain (ERC-1271): the receipt is for a contract, and if the signer is a contract, too, only '
      + 'its chain knows whether it accepts the signature. If the signer is a person’s key, this receipt is invalid: ', signatureReason, '.'),
      ...(unknown.length ? [element('p', {}, 'And this is of a later version than this page knows:'), listed(unknown)] : []));
  }
  return banner('good', 'Signed, and everything disclosed is what was signed',
    element('p', {}, 'Nothing was replayed: whether the model wrote this, only a replay tells.'));
}

/**
 * What is wrong or open in what is shown, and stays so if the digest is anchored: anybody may anchor any.
 * @param {Report} report
 */
export function doubt({ verdict: found, failures, signature }) {
  if (found === 'valid') {
    return undefined;
  }
  const rest = signature === 'missing' ? 'The receipt is not signed all the same.'
    : found === 'unverifiable' ? 'What is unverifiable here stays so all the same.'
    : failures.every(({ step }) => step === 'proof') ? 'The proof does not belong to the receipt all the same.' : 'The receipt is invalid all the same.';
  return `What is anchored is a digest, which anybody can have done. ${rest}`;
}

/**
 * A line that says that what follows is not what was signed, where it is not.
 * @param {Report} report
 * @param {...string} parts
 */
function warning({ failures }, ...parts) {
  const failed = failures.find(({ step, part }) => step === 'commitments' && part !== undefined && parts.includes(part));
  return failed && element('p', {}, element('span', { class: 'tag bad' }, failed.part === 'policy' ? 'the output does not keep to it' : 'not what was signed'));
}

/** @param {Report} report */
function facts(report) {
  return section('facts', 'The receipt', element('dl', {}, ...report.facts.map(({ label, value, note, code }) => element('div', {},
    element('dt', {}, label),
    element('dd', {}, element('span', code ? { class: 'code' } : {}, visible(value)), note === undefined ? undefined : element('span', { class: 'note' }, note))))));
}

/**
 * @param {'matches' | 'differs'} proven
 * @param {boolean} isSigned
 * @param {boolean} [isProof] whether a proof says so, not the whole
 */
function proofTag(proven, isSigned, isProof = true) {
  if (proven === 'differs') {
    return element('span', { class: 'tag bad' }, 'not what was signed');
  }
  return isSigned ? element('span', { class: 'tag good' }, isProof ? 'proof holds' : 'as signed') : element('span', { class: 'tag warn' }, 'agrees with the receipt');
}

/**
 * @param {import('./report.js').ShownStep} step
 * @param {number | undefined} count
 * @param {boolean} isSigned
 * @param {boolean} [isProof]
 */
function shownStep(step, count, isSigned, isProof) {
  const number = step.index + 1;
  const kind = step.kind === 1 ? 'Reasoning' : 'Answer';
  const tokens = step.endToken > step.firstToken ? `tokens ${words.grouped(step.firstToken)} to ${words.grouped(step.endToken - 1)}` : 'no token';
  return element('li', { class: `${step.kind === 0 ? 'answer' : 'reasoning'} ${step.proven}` },
    element('span', { class: 'number', 'aria-hidden': 'true' }, number > 999 ? '…' : String(number)),
    element('div', { class: 'step-head' },
      element('h3', {}, `${kind}: step ${words.grouped(number)}${count === undefined ? '' : ` of ${words.grouped(count)}`}`),
      proofTag(step.proven, isSigned, isProof), element('span', { class: 'note' }, tokens)),
    step.reason === undefined ? undefined : element('p', { class: 'note' }, step.reason),
    textBox(step.text),
    step.hex && element('p', { class: 'note' }, 'Its bytes are not all UTF-8. In hexadecimal digits:'),
    step.hex && textBox(step.hex));
}

/** @param {[number, number]} range */
function withheldSteps([from, to]) {
  const title = from === to ? `Step ${words.grouped(from + 1)}` : `Steps ${words.grouped(from + 1)} to ${words.grouped(to + 1)}`;
  return element('li', { class: 'withheld' }, element('span', { class: 'number', 'aria-hidden': 'true' }, from > 998 ? '…' : String(from + 1)),
    element('div', { class: 'step-head' }, element('h3', {}, title), element('span', { class: 'tag none' }, 'withheld')),
    element('p', { class: 'veil' }, 'There, and signed, but not shown in this document.'));
}

/**
 * @param {Report} report
 * @param {boolean} isSigned
 */
function steps(report, isSigned) {
  const { steps: shown, isScored, outputTokens } = report;
  const tokens = outputTokens && element('div', { class: 'said' }, element('h3', {}, 'output, as token ids'), textBox(outputTokens));
  if (isScored) {
    return section('steps', 'The output', warning(report, 'output'),
      element('p', { class: 'quietly' }, 'A scored receipt claims only how likely the model holds a text that was given to it. There are no steps.'), tokens);
  }
  if (!shown) {
    return section('steps', 'Reasoning and answer', warning(report, 'output'),
      element('p', { class: 'veil' }, 'Withheld: this document shows no step of the output.'), tokens);
  }
  return section('steps', 'Reasoning and answer',
    shown.reason === undefined ? undefined : element('p', { class: 'note' },
      'These are not the steps that were signed. The receipt holds one hash of them all, so which one differs cannot be told.'),
    element('ol', { class: 'steps' }, ...shown.rows.map((row) => ('step' in row ? shownStep(row.step, shown.count, isSigned, !shown.whole) : withheldSteps(row.withheld)))),
    shown.rest > 0 ? element('p', { class: 'note' }, `${words.grouped(shown.rest)} more are not shown here. They were checked, too.`) : undefined);
}

/**
 * @param {Report} report
 * @param {boolean} isSigned
 */
function added({ added: proof }, isSigned) {
  if (!proof) {
    return undefined;
  }
  if ('step' in proof) {
    return section('added', 'The step proof that you added', element('ol', { class: 'steps' }, shownStep(proof.step, proof.count, isSigned)));
  }
  const { index, count, token, digest, reason } = proof.trace;
  return section('added', 'The token proof that you added',
    element('p', {}, `Output token ${words.grouped(index + 1)} of ${words.grouped(count)} `, proofTag(reason === undefined ? 'matches' : 'differs', isSigned)),
    reason === undefined ? undefined : element('p', { class: 'note' }, reason),
    element('dl', {},
      element('div', {}, element('dt', {}, 'Token id'), element('dd', {}, token)),
      element('div', {}, element('dt', {}, 'Logits digest'), element('dd', {}, element('span', { class: 'code' }, digest)))));
}

/** @param {Report} report */
function request(report) {
  const { request: said, requestRest, isRequestRefused } = report;
  if (said.length === 0) {
    return section('request', 'What was asked', warning(report, 'request', 'prompt'),
      element('p', { class: 'veil' }, isRequestRefused ? 'Not shown: what is disclosed is not a request.' : 'Withheld: this document does not show the request.'));
  }
  return section('request', 'What was asked', warning(report, 'request', 'prompt'),
    ...said.map(({ label, text }) => element('div', { class: 'said' }, element('h3', { dir: 'auto' }, visible(label)), textBox(text))),
    requestRest > 0 ? element('p', { class: 'note' }, `${words.grouped(requestRest)} more messages are not shown here. They were checked, too.`) : undefined);
}

/** @param {Report} report */
function sampler(report) {
  const { sampler: policy, isScored } = report;
  if (isScored) {
    return undefined;
  }
  if (!policy) {
    return section('sampler', 'How tokens were chosen', element('p', { class: 'veil' }, report.later === undefined ? 'Withheld: this document does not show the sampling policy.'
      : `It is disclosed, in a record of version ${report.later}: this page knows version 1, and reads nothing of it.`));
  }
  return section('sampler', 'How tokens were chosen', warning(report, 'sampler', 'seed', 'policy'),
    element('ul', {}, ...policy.sentences.map((sentence) => element('li', {}, sentence))),
    ...policy.texts.map(({ label, text }) => element('div', { class: text.parts.some((part) => part.text.length > 200) || text.parts.length > 9 ? 'said' : 'said aside' }, element('h3', {}, label), textBox(text))));
}

/** @param {Report} report */
function comparisons({ comparisons: list, notCompared }) {
  const rows = list.map(({ name, state, says }) => {
    const [word, style] = STATES[state];
    return element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, element('span', { class: `tag ${style}` }, word)), element('td', {}, says));
  });
  const head = element('thead', { class: 'visually-hidden' }, element('tr', {}, ...['Part', 'Result', 'Meaning'].map((title) => element('th', { scope: 'col' }, title))));
  return [
    section('comparisons', 'What was checked here', element('table', {}, element('caption', { class: 'visually-hidden' }, 'Each part of the receipt, and what its check found'),
      head, element('tbody', {}, ...rows))),
    section('not-compared', 'What was not compared', element('ul', {}, ...notCompared.map((line) => element('li', {}, line)))),
  ];
}

/**
 * @param {Report} report
 * @returns {HTMLElement[]}
 */
export function sections(report) {
  const isSigned = report.signature === 'good';
  return /** @type {HTMLElement[]} */ ([added(report, isSigned), facts(report), request(report), steps(report, isSigned), sampler(report), ...comparisons(report)]
    .filter((part) => part !== undefined));
}
