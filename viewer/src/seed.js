// The seed and the rules it may follow (section 6).
import { ZERO, labelled } from './hash.js';

/** @typedef {{ rule: number, first: Uint8Array, second: Uint8Array }} SeedInputs */

/** The names of a rule's two inputs. */
export const INPUTS = new Map([[1, ['clientEntropy', 'providerSecret']], [2, ['context', 'beacon']]]);

/** @param {SeedInputs} inputs */
export const fromInputs = ({ rule, first, second }) => labelled(`seed-rule-${rule}`, first, second);

/** @param {SeedInputs | undefined} inputs none under rule 0 */
export const inputsHash = (inputs) => (inputs ? labelled('seed-inputs', inputs.rule, inputs.first, inputs.second) : ZERO);

/**
 * @param {Uint8Array} salt
 * @param {Uint8Array} seed
 * @param {number} stream
 * @param {SeedInputs | undefined} inputs
 */
export const commitment = (salt, seed, stream, inputs) => labelled('seed', salt, seed, stream, inputsHash(inputs));
