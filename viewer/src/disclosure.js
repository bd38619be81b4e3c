// What a document discloses (section 11.2).
import { SALTS } from './commitment.js';
import { isZero } from './hash.js';
import * as proof from './proof.js';
import { Refused, require } from './refused.js';
import * as sampler from './sampler.js';
import { INPUTS } from './seed.js';
import * as step from './step.js';
import { array, bytes32, hexadecimal, members, string, tokens, unsigned } from './value.js';

/** @typedef {import('./json.js').Json} Json */
/** @typedef {{ chainId: number, contract: Uint8Array, jobId: Uint8Array, previousDigest: Uint8Array }} ContextInputs */

/**
 * @typedef {object} Disclosure
 * @property {number} stream
 * @property {string} [profile]
 * @property {import('./sampler.js').Sampler} [sampler]
 * @property {number} [later] the version of a sampler record that is not known here; neither it nor `seedInputs` is read then
 * @property {Uint8Array} [seed]
 * @property {import('./seed.js').SeedInputs} [seedInputs]
 * @property {Uint8Array} [nonce]
 * @property {Map<string, Uint8Array>} [salts]
 * @property {Map<string, Json>} [request]
 * @property {number[]} [promptTokens]
 * @property {number[]} [outputTokens]
 * @property {import('./step.js').Step[]} [steps]
 * @property {import('./proof.js').StepProof[]} [stepProofs]
 * @property {ContextInputs} [contextInputs]
 */

/** @type {[Exclude<keyof Disclosure, 'stream' | 'later'>, (value: Json) => any][]} */
const READERS = [
  ['profile', (value) => string(value, 'profile')],
  ['sampler', sampler.read],
  ['seed', (value) => bytes32(value, 'seed')],
  ['seedInputs', seedInputs],
  ['nonce', (value) => bytes32(value, 'nonce')],
  ['salts', salts],
  ['request', object],
  ['promptTokens', (value) => tokens(value, 'promptTokens')],
  ['outputTokens', (value) => tokens(value, 'outputTokens')],
  ['steps', step.read],
  ['stepProofs', stepProofs],
  ['contextInputs', contextInputs],
];

/**
 * @param {Json} tree
 * @returns {Disclosure}
 */
export function read(tree) {
  const source = members(tree, 'disclosure', ['stream'], READERS.map(([name]) => name));
  /** @type {Disclosure} */
  const result = { stream: unsigned(source.get('stream'), 'stream') };
  const later = sampler.laterVersion(source.get('sampler'));
  if (later !== undefined) {
    result.later = later;
  }
  for (const [name, reader] of READERS) {
    const value = source.get(name);
    const isRead = later === undefined || !(name === 'sampler' || name === 'seedInputs');
    if (value !== undefined && isRead) {
      result[name] = reader(value);
    }
  }
  require(!(result.nonce && result.salts), 'salts', 'the nonce and salts are both there');
  require(!result.nonce || !isZero(result.nonce), 'nonce', 'it is zero');
  require(!result.seedInputs || result.seed, 'seedInputs', 'they are there without the seed');
  require(!(result.steps && result.stepProofs), 'stepProofs', 'they and the steps are both there');
  return result;
}

/** @param {Json} value */
function object(value) {
  if (!(value instanceof Map)) {
    throw new Refused('request', 'it is not an object');
  }
  return value;
}

/** @param {Json} value */
function salts(value) {
  const source = members(value, 'salts', [], SALTS);
  require(source.size > 0, 'salts', 'there is none');
  return new Map([...source].map(([name, salt]) => [name, bytes32(salt, 'salts')]));
}

/** @param {Json} value */
function seedInputs(value) {
  const rule = unsigned(value instanceof Map ? value.get('rule') : undefined, 'seedInputs');
  const names = INPUTS.get(rule);
  if (!names) {
    throw new Refused('seedInputs', 'its rule is neither 1 nor 2');
  }
  const source = members(value, 'seedInputs', ['rule', ...names]);
  const [first, second] = names.map((name) => bytes32(source.get(name), 'seedInputs'));
  return { rule, first, second };
}

/** @param {Json} value */
function stepProofs(value) {
  const proofs = array(value, 'stepProofs').map((item) => proof.readStep(item));
  require(proofs.length > 0, 'stepProofs', 'there is none');
  require(proofs.every(({ index }, at) => at === 0 || proofs[at - 1].index < index), 'stepProofs', 'their indices do not rise');
  return proofs;
}

/** @param {Json} value */
function contextInputs(value) {
  const field = 'contextInputs';
  const source = members(value, field, ['chainId', 'contract', 'jobId', 'previousDigest']);
  const inputs = {
    chainId: unsigned(source.get('chainId'), field, 2 ** 53 - 1),
    contract: hexadecimal(source.get('contract'), field, 20),
    jobId: bytes32(source.get('jobId'), field),
    previousDigest: bytes32(source.get('previousDigest'), field),
  };
  const { chainId, ...words } = inputs;
  require(chainId > 0 || !Object.values(words).every(isZero), field, 'all of it is zero: that is a context of its own, zero');
  return inputs;
}
