// The sampler record (sections 7 and 11.3).
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { H, ZERO, keccak256, label, textHash, words } from './hash.js';
import { Numeral } from './json.js';
import { require } from './refused.js';
import { array, boolean, members, real, string, tokens, unsigned } from './value.js';

/** @typedef {import('./json.js').Json} Json */

/**
 * @typedef {object} Sampler reals are millionths
 * @property {number} version
 * @property {bigint} temperature
 * @property {number} topK
 * @property {bigint} topP
 * @property {bigint} minP
 * @property {bigint} repeatPenalty
 * @property {bigint} presencePenalty
 * @property {bigint} frequencyPenalty
 * @property {number} penaltyWindow
 * @property {{ token: number, bias: bigint }[]} logitBias
 * @property {number[]} bans
 * @property {{ kind: string, text: string, engine: string } | null} grammar
 * @property {boolean} ignoreEog
 * @property {string[]} stop
 * @property {number} maxTokens
 * @property {number} contextTokens
 * @property {number} choices
 * @property {number} seedRule
 * @property {{ id: number, markers: string[] }} segmenter
 */

const FIELD = 'sampler';
const GRAMMARS = new Map([['jsonSchema', 1], ['gbnf', 2]]);
const RECORD = ['version', 'temperature', 'topK', 'topP', 'minP', 'repeatPenalty', 'presencePenalty', 'frequencyPenalty', 'penaltyWindow', 'logitBias',
  'bans', 'grammar', 'ignoreEog', 'stop', 'maxTokens', 'contextTokens', 'choices', 'seedRule', 'segmenter'];

/** @param {number[]} listed */
const rises = (listed) => listed.every((token, at) => at === 0 || listed[at - 1] < token);

/**
 * The version of a record that is of a later specification than this one: whatever members it has.
 * @param {Json | undefined} tree
 */
export function laterVersion(tree) {
  const version = tree instanceof Map ? tree.get('version') : undefined;
  const number = version instanceof Numeral && /^[0-9]{1,10}$/.test(version.text) ? Number(version.text) : 0;
  return number > 1 && number < 2 ** 32 ? number : undefined;
}

/**
 * Its values are limited by `checkLimits`.
 * @param {Json} tree
 * @returns {Sampler}
 */
export function read(tree) {
  const source = members(tree, FIELD, RECORD);
  const get = (/** @type {string} */ name) => source.get(name);
  const uint = (/** @type {string} */ name) => unsigned(get(name), FIELD);
  const decimal = (/** @type {string} */ name) => real(get(name), FIELD);
  const strings = (/** @type {Json | undefined} */ value) => array(value, FIELD).map((text) => string(text, FIELD));
  const logitBias = array(get('logitBias'), FIELD).map((item) => {
    const entry = members(item, FIELD, ['token', 'bias']);
    return { token: unsigned(entry.get('token'), FIELD), bias: real(entry.get('bias'), FIELD) };
  });
  const bans = tokens(get('bans'), FIELD);
  require(rises(logitBias.map(({ token }) => token)) && rises(bans), FIELD, 'the tokens of logitBias or bans do not rise');
  const segmenter = members(get('segmenter'), FIELD, ['id', 'markers']);
  const record = {
    version: uint('version'),
    temperature: decimal('temperature'),
    topK: uint('topK'),
    topP: decimal('topP'),
    minP: decimal('minP'),
    repeatPenalty: decimal('repeatPenalty'),
    presencePenalty: decimal('presencePenalty'),
    frequencyPenalty: decimal('frequencyPenalty'),
    penaltyWindow: uint('penaltyWindow'),
    logitBias,
    bans,
    grammar: grammar(get('grammar')),
    ignoreEog: boolean(get('ignoreEog'), FIELD),
    stop: strings(get('stop')),
    maxTokens: uint('maxTokens'),
    contextTokens: uint('contextTokens'),
    choices: uint('choices'),
    seedRule: uint('seedRule'),
    segmenter: { id: unsigned(segmenter.get('id'), FIELD), markers: strings(segmenter.get('markers')) },
  };
  require(record.version === 1, FIELD, 'its version is not 1');
  require(record.seedRule <= 2, FIELD, 'its seedRule is above 2');
  return record;
}

/** @param {Json | undefined} tree */
function grammar(tree) {
  if (tree === null) {
    return null;
  }
  const source = members(tree, FIELD, ['kind', 'text', 'engine']);
  const kind = string(source.get('kind'), FIELD);
  require(GRAMMARS.has(kind), FIELD, 'its grammar is neither jsonSchema nor gbnf');
  return { kind, text: string(source.get('text'), FIELD), engine: string(source.get('engine'), FIELD) };
}

/** @param {Sampler} record */
export function checkLimits(record) {
  /**
   * @param {string} name
   * @param {bigint} value
   * @param {number} least
   * @param {number} most
   */
  const within = (name, value, least, most, above = false) => {
    const [low, high] = [BigInt(least) * 1_000_000n, BigInt(most) * 1_000_000n];
    require(value <= high && (above ? value > low : value >= low), FIELD, `its ${name} is out of its limits`);
  };
  within('temperature', record.temperature, 0, 100);
  within('topP', record.topP, 0, 1, true);
  within('minP', record.minP, 0, 1);
  within('repeatPenalty', record.repeatPenalty, 0, 100, true);
  within('presencePenalty', record.presencePenalty, -100, 100);
  within('frequencyPenalty', record.frequencyPenalty, -100, 100);
  require(record.logitBias.length <= 4096, FIELD, 'its logitBias has more than 4,096 entries');
  record.logitBias.forEach(({ bias }) => within('logitBias', bias, -10_000, 10_000));
  require(record.bans.length <= 65_536, FIELD, 'its bans are more than 65,536');
  require(record.penaltyWindow <= 2 ** 20, FIELD, 'its penaltyWindow is above 1,048,576');
  for (const name of /** @type {const} */ (['maxTokens', 'contextTokens'])) {
    require(record[name] >= 1 && record[name] <= 2 ** 24, FIELD, `its ${name} is 0 or above 16,777,216`);
  }
  require(record.choices >= 1 && record.choices <= 64, FIELD, 'its choices are none or more than 64');
  require(record.temperature > 0n || (record.choices === 1 && record.seedRule === 0), FIELD, 'at temperature 0 it has several choices or a seed rule');
  for (const [name, texts] of /** @type {const} */ ([['stop strings', record.stop], ['markers', record.segmenter.markers]])) {
    require(texts.length <= 16, FIELD, `its ${name} are more than 16`);
    require(texts.every((text) => isLong(text, 256)), FIELD, `one of its ${name} is empty or longer than 256 bytes`);
  }
  const { id, markers } = record.segmenter;
  require(id > 2 || markers.length === (id === 0 ? 0 : 2), FIELD, 'its segmenter has another number of markers');
  if (record.grammar) {
    require(isLong(record.grammar.text, 2 ** 20), FIELD, 'its grammar is empty or longer than 1 MiB');
    require(isLong(record.grammar.engine, 128), FIELD, "its grammar engine's id is empty or longer than 128 bytes");
  }
}

/**
 * Whether a text has a byte, and at most so many.
 * @param {string} text
 * @param {number} most
 */
const isLong = (text, most) => text.length >= 1 && text.length <= most && utf8ToBytes(text).length <= most;

/** @param {string[]} texts */
const listHash = (texts) => keccak256(concatBytes(...texts.map(textHash)));

/** @param {Sampler} record */
export function hash(record) {
  const { grammar: rules, segmenter } = record;
  return H(
    label('sampler'), record.version, record.temperature, record.topK, record.topP, record.minP, record.repeatPenalty, record.presencePenalty,
    record.frequencyPenalty, record.penaltyWindow,
    keccak256(words(record.logitBias.flatMap(({ token, bias }) => [token, bias]))),
    keccak256(words(record.bans)),
    rules ? /** @type {number} */ (GRAMMARS.get(rules.kind)) : 0,
    rules ? textHash(rules.text) : ZERO,
    rules ? textHash(rules.engine) : ZERO,
    Number(record.ignoreEog),
    listHash(record.stop),
    record.maxTokens, record.contextTokens, record.choices, record.seedRule, segmenter.id,
    listHash(segmenter.markers),
  );
}
