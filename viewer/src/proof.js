// Proofs of a step and of a token (section 11.4).
import { keccak256, labelled } from './hash.js';
import { equal } from './hex.js';
import { Refused, require } from './refused.js';
import * as steps from './step.js';
import * as tree from './tree.js';
import { array, bytes32, members, textBytes, unsigned } from './value.js';

/** @typedef {import('./json.js').Json} Json */
/** @typedef {import('./step.js').Step & { count: number, salt: Uint8Array, siblings: Uint8Array[] }} StepProof */
/** @typedef {{ value: number | Uint8Array, salt: Uint8Array } | { commitment: Uint8Array }} Opening of a token or of its logits digest */
/** @typedef {{ index: number, count: number, token: Opening, digest: Opening, siblings: Uint8Array[] }} TraceProof */
/** @typedef {{ kind: number, outputCount: number, trace: Uint8Array, steps: Uint8Array }} Claims what a proof needs of a receipt */

export const STEP = 'attestlm/step-proof-1';
export const TRACE = 'attestlm/trace-proof-1';

/** @param {Map<string, Json>} source */
const siblings = (source) => array(source.get('siblings'), 'siblings').map((sibling) => bytes32(sibling, 'siblings'));

/**
 * The members of a step proof, without its type.
 * @param {Json} value
 * @param {string[]} more members it has besides
 * @returns {StepProof}
 */
export function readStep(value, more = []) {
  const source = members(value, 'proof', ['count', 'index', 'kind', 'firstToken', 'endToken', 'salt', 'siblings', ...more], ['text', 'textHex']);
  const number = (/** @type {string} */ name, /** @type {number | undefined} */ most = undefined) => unsigned(source.get(name), name, most);
  return {
    count: number('count'),
    index: number('index'),
    kind: number('kind', 1),
    firstToken: number('firstToken'),
    endToken: number('endToken'),
    text: textBytes(source, 'text'),
    salt: bytes32(source.get('salt'), 'salt'),
    siblings: siblings(source),
  };
}

/**
 * @param {Json | undefined} value
 * @param {'token' | 'digest'} name
 * @returns {Opening}
 */
function opening(value, name) {
  if (value instanceof Map && value.has('commitment')) {
    return { commitment: bytes32(members(value, name, ['commitment']).get('commitment'), name) };
  }
  const source = members(value, name, ['value', 'salt']);
  const opened = source.get('value');
  return { value: name === 'token' ? unsigned(opened, name) : bytes32(opened, name), salt: bytes32(source.get('salt'), name) };
}

/**
 * A proof document.
 * @param {Json} value
 * @returns {{ step: StepProof } | { trace: TraceProof }}
 */
export function read(value) {
  if (value instanceof Map && value.get('type') === STEP) {
    return { step: readStep(value, ['type']) };
  }
  const source = members(value, 'proof', ['type', 'index', 'count', 'token', 'digest', 'siblings']);
  require(source.get('type') === TRACE, 'type', 'it is neither a step proof nor a trace proof of receipt-1');
  const [token, digest] = [opening(source.get('token'), 'token'), opening(source.get('digest'), 'digest')];
  require('value' in token || 'value' in digest, 'token', 'neither it nor the digest is shown: that proves nothing');
  return {
    trace: {
      index: unsigned(source.get('index'), 'index'),
      count: unsigned(source.get('count'), 'count'),
      token,
      digest,
      siblings: siblings(source),
    },
  };
}

/**
 * @param {StepProof} proof
 * @param {Claims} receipt
 */
export function checkStep(proof, receipt) {
  const { count, index, kind, firstToken, endToken } = proof;
  require(receipt.kind === 0, 'receipt', 'a scored receipt has no steps');
  require(index < count, 'index', 'it is not below the count');
  require(kind === (index === count - 1 ? 0 : 1), 'kind', 'the last step, and no other, has to be the answer');
  require(kind === 0 ? firstToken <= endToken : firstToken < endToken, 'endToken', 'the step ends before it begins, or has no token');
  // Every reasoning step before and behind has a token.
  require(firstToken >= index && (firstToken === 0 || index > 0), 'firstToken', 'it does not fit the number of steps before');
  const fits = kind === 0 ? endToken === receipt.outputCount : endToken + (count - 2 - index) <= receipt.outputCount;
  require(fits, 'endToken', "it does not fit the output's length and the number of steps behind");
  const leaf = steps.leaf(proof, steps.textCommitment(proof.salt, proof.text));
  const root = tree.rootFromProof('steps', leaf, index, count, proof.siblings);
  require(equal(root, receipt.steps), 'steps', 'it does not lead to the steps that were signed');
}

/**
 * Whether steps that are shown without the others can stand beside each other.
 * @param {StepProof[]} proofs each of which holds, by rising index
 */
export function checkTogether(proofs) {
  proofs.slice(1).forEach((after, at) => {
    const before = proofs[at];
    const between = after.index - before.index - 1;
    const left = after.firstToken - before.endToken;
    require(between === 0 ? left === 0 : left >= between, 'firstToken', `step ${after.index + 1} does not fit beside step ${before.index + 1}`);
  });
}

/**
 * @param {'token' | 'digest'} name
 * @param {Opening} opened
 */
const openingHash = (name, opened) => ('commitment' in opened ? opened.commitment : labelled(`trace-${name}`, opened.salt, opened.value));

/**
 * @param {number} index
 * @param {Uint8Array} token its commitment
 * @param {Uint8Array} digest its commitment
 */
export const traceLeaf = (index, token, digest) => keccak256(labelled('trace-leaf', index, token, digest));

/**
 * @param {TraceProof} proof
 * @param {Claims} receipt
 */
export function checkTrace({ index, count, token, digest, siblings: path }, receipt) {
  const leaf = traceLeaf(index, openingHash('token', token), openingHash('digest', digest));
  require(count === receipt.outputCount, 'count', 'it is not the number of output tokens');
  if (!equal(tree.rootFromProof('trace', leaf, index, count, path), receipt.trace)) {
    throw new Refused('trace', 'it does not lead to the trace that was signed');
  }
}
