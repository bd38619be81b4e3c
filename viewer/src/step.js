// The steps of an output (section 10).
import * as commitment from './commitment.js';
import { keccak256, labelled } from './hash.js';
import { require } from './refused.js';
import * as tree from './tree.js';
import { array, members, textBytes, unsigned } from './value.js';

/** @typedef {{ index: number, kind: number, firstToken: number, endToken: number, text: Uint8Array }} Step kind 0 answer, 1 reasoning */

const FIELD = 'steps';
const NUMBERS = ['index', 'kind', 'firstToken', 'endToken'];

/**
 * @param {import('./json.js').Json} value
 * @returns {Step[]}
 */
export const read = (value) => array(value, FIELD).map((item) => {
  const source = members(item, FIELD, NUMBERS, ['text', 'textHex']);
  const [index, kind, firstToken, endToken] = NUMBERS.map((name) => unsigned(source.get(name), FIELD, name === 'kind' ? 1 : undefined));
  return { index, kind, firstToken, endToken, text: textBytes(source, FIELD) };
});

/**
 * @param {Step[]} steps
 * @param {number} outputCount
 */
export function checkTiling(steps, outputCount) {
  require(steps.length > 0, FIELD, 'there is no step');
  let begin = 0;
  steps.forEach(({ index, kind, firstToken, endToken }, place) => {
    const isLast = place === steps.length - 1;
    require(index === place, FIELD, `the one at place ${place} says that its index is ${index}`);
    require(firstToken === begin, FIELD, `${index} does not begin where the one before ends`);
    require(kind === (isLast ? 0 : 1), FIELD, 'the last one, and no other, has to be the answer');
    require(isLast ? firstToken <= endToken : firstToken < endToken, FIELD, `${index} ends before it begins, or has no token`);
    begin = endToken;
  });
  require(begin === outputCount, FIELD, 'they do not end with the output');
}

/**
 * @param {Omit<Step, 'text'>} step
 * @param {Uint8Array} textCommitment
 */
export const leaf = ({ index, kind, firstToken, endToken }, textCommitment) =>
  keccak256(labelled('step-leaf', index, kind, firstToken, endToken, textCommitment));

/**
 * @param {Uint8Array} salt of a step's text
 * @param {Uint8Array} text
 */
export const textCommitment = (salt, text) => commitment.ofBytes('step-text', salt, text);

/**
 * @param {Uint8Array} salt of the steps
 * @param {Step[]} steps
 */
export const root = (salt, steps) =>
  tree.root('steps', steps.map((step) => leaf(step, textCommitment(labelled('step-text-salt', salt, step.index), step.text))));
