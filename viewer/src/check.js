// The checks of receipt-1 that need no model (section 12: 1 to 3 and 5), in their order.
import { utf8ToBytes } from '@noble/hashes/utils.js';
import * as commitment from './commitment.js';
import * as document from './document.js';
import { isZero, textHash } from './hash.js';
import { equal } from './hex.js';
import { DOCUMENT, canonical, parse } from './json.js';
import * as proof from './proof.js';
import { checkForm, digest } from './receipt.js';
import { Refused, require } from './refused.js';
import * as request from './request.js';
import * as sampler from './sampler.js';
import * as seed from './seed.js';
import { whyNot } from './signature.js';
import * as step from './step.js';

/** @typedef {{ step: 'read' | 'signature' | 'commitments' | 'proof', field: string, reason: string, part?: string }} Failure `part`: of the check, where it is not the field */

/**
 * @typedef {object} Checked
 * @property {import('./document.js').Document} document
 * @property {Uint8Array} digest
 * @property {'good' | 'bad' | 'chain' | 'missing'} signature `chain`: an ERC-1271 contract may have signed, which its chain decides
 * @property {string} [signatureReason] why it is not the key's
 * @property {Failure[]} failures the first one is the verdict's
 * @property {Set<string>} compared the commitments that were computed again and agree, by field; and `policy`, where the receipt keeps to it
 * @property {{ field: string, reason: string }[]} unknown what is of a later form: nothing can be said of it here
 * @property {string} [unknownRequest] RFC 8785, as it was signed
 * @property {import('./request.js').Request} [request]
 */

// What a check of several fields names itself; in the others the part of the document is the field.
const OWN = ['promptCount', 'outputCount', 'finish', 'output'];

/**
 * What a check throws as a failure; another error is a mistake of ours and goes on.
 * @param {Failure['step']} at
 * @param {unknown} error
 * @param {string} [field] in place of the error's own
 * @returns {Failure}
 */
export function failure(at, error, field) {
  if (!(error instanceof Refused)) {
    throw error;
  }
  const reason = field && field !== error.field ? `${error.field}: ${error.message}` : error.message;
  return { step: at, field: field ?? error.field, reason };
}

/**
 * Steps 1 and 2: throws Refused.
 * @param {Uint8Array} bytes
 */
export function read(bytes) {
  const result = document.read(parse(bytes, DOCUMENT));
  checkForm(result.message);
  return result;
}

/**
 * Steps 3 and 5.
 * @param {import('./document.js').Document} source
 * @returns {Checked}
 */
export function check(source) {
  /** @type {Checked} */
  const checked = { document: source, digest: digest(source.contract, source.message), signature: 'good', failures: [], compared: new Set(), unknown: [] };
  const { signature, contract } = source;
  const reason = signature ? whyNot(checked.digest, signature, source.message.signer) : 'there is none: the receipt is not signed yet';
  if (reason !== undefined) {
    checked.signature = !signature ? 'missing' : contract ? 'chain' : 'bad';
    checked.signatureReason = reason;
  }
  if (reason !== undefined && checked.signature !== 'chain') {
    checked.failures.push({ step: 'signature', field: 'signature', reason });
  }
  if (source.disclosure) {
    checkDisclosure(checked, source.disclosure);
  }
  return checked;
}

/**
 * Goes on after a failure: a reader wants to know what else is not what was signed.
 * @param {Checked} checked
 * @param {import('./disclosure.js').Disclosure} disclosure
 */
function checkDisclosure(checked, disclosure) {
  const { message } = checked.document;
  const { stream, sampler: record } = disclosure;
  const salts = disclosure.salts ?? (disclosure.nonce ? commitment.salts(disclosure.nonce, stream) : new Map());
  const failed = new Set();
  const attempt = (/** @type {string} */ field, /** @type {() => void} */ work) => {
    try {
      work();
    } catch (error) {
      const found = failure('commitments', error);
      checked.failures.push({ ...(OWN.includes(found.field) ? found : failure('commitments', error, field)), part: field });
      failed.add(field);
    }
  };
  const saltOf = (/** @type {string} */ field) => {
    const salt = salts.get(field);
    require(salt, field, 'it is disclosed without its salt: nothing binds it to the receipt');
    return salt;
  };
  const same = (/** @type {'profile' | 'sampler' | 'seed' | 'request' | 'prompt' | 'output' | 'steps' | 'context'} */ field, /** @type {Uint8Array} */ computed) => {
    require(equal(computed, message[field]), field, 'what is disclosed is not what was signed');
    checked.compared.add(field);
  };

  if (disclosure.later !== undefined) {
    checked.unknown.push({ field: 'sampler', reason: `its record is of version ${disclosure.later}` });
  }
  if (message.kind === 1) {
    attempt('sampler', () => require(disclosure.later === undefined, 'sampler', 'a scored receipt has none'));
    for (const [member, field] of /** @type {const} */ ([['sampler', 'sampler'], ['seed', 'seed'], ['steps', 'steps'], ['stepProofs', 'steps']])) {
      attempt(field, () => require(disclosure[member] === undefined, field, 'a scored receipt has none'));
    }
    attempt('seed', () => require(stream === 0, 'seed', 'the stream of a scored receipt is not 0'));
  }
  if (disclosure.profile !== undefined) {
    attempt('profile', () => same('profile', textHash(/** @type {string} */ (disclosure.profile))));
  }
  if (record) {
    attempt('sampler', () => {
      sampler.checkLimits(record);
      same('sampler', sampler.hash(record));
    });
    attempt('seed', () => {
      require(stream < record.choices, 'seed', 'the stream is not below the number of choices');
      require((record.temperature === 0n) === isZero(message.seed), 'seed', 'it has to be zero exactly at temperature 0');
    });
  }
  if (message.kind === 0 && disclosure.later === undefined) {
    attempt('seed', () => checkSeedRule(message, disclosure));
  }
  if (disclosure.seed && disclosure.later !== undefined) {
    attempt('seed', () => saltOf('seed'));
  } else if (disclosure.seed) {
    attempt('seed', () => {
      checkSeed(message, disclosure);
      same('seed', seed.commitment(saltOf('seed'), /** @type {Uint8Array} */ (disclosure.seed), stream, disclosure.seedInputs));
    });
  }
  if (disclosure.request) {
    attempt('request', () => {
      const salt = saltOf('request');
      const tree = /** @type {import('./json.js').Json} */ (disclosure.request);
      const text = canonical(tree);
      let other;
      try {
        checked.request = request.read(tree);
      } catch (error) {
        other = failure('commitments', error).reason;
      }
      same('request', commitment.ofBytes('request', salt, utf8ToBytes(text)));
      if (other !== undefined) {
        checked.unknown.push({ field: 'request', reason: other });
        checked.unknownRequest = text;
      }
    });
  }
  for (const [member, count, field] of /** @type {const} */ ([['promptTokens', 'promptCount', 'prompt'], ['outputTokens', 'outputCount', 'output']])) {
    const tokens = disclosure[member];
    if (tokens) {
      attempt(field, () => {
        const asked = checked.request?.promptTokens;
        const isAsked = field === 'output' || !asked || (asked.length === tokens.length && asked.every((token, at) => token === tokens[at]));
        require(isAsked, field, 'the tokens are not those of the request');
        require(tokens.length === message[count], count, `there are ${tokens.length} disclosed tokens, ${message[count]} were signed`);
        same(field, commitment.ofTokens(field, saltOf(field), tokens));
      });
    }
  }
  const { steps } = disclosure;
  if (steps) {
    attempt('steps', () => {
      const salt = saltOf('steps');
      step.checkTiling(steps, message.outputCount);
      require(record?.segmenter.id !== 0 || steps.length === 1, 'steps', 'under segmenter 0 there is one step');
      same('steps', step.root(salt, steps));
    });
  }
  const proofs = disclosure.stepProofs ?? [];
  for (const item of proofs) {
    attempt('steps', () => proof.checkStep(item, message));
  }
  if (!failed.has('steps')) {
    attempt('steps', () => proof.checkTogether(proofs));
  }
  // A record that is not what was signed says nothing.
  if (record && message.kind === 0 && checked.compared.has('sampler')) {
    attempt('policy', () => {
      checkPolicy(message, record, disclosure.outputTokens ?? []);
      checked.compared.add('policy');
    });
  }
  if (disclosure.contextInputs) {
    const { chainId, contract, jobId, previousDigest } = disclosure.contextInputs;
    attempt('context', () => same('context', commitment.context(chainId, contract, jobId, previousDigest)));
  }
  failed.forEach((field) => checked.compared.delete(field));
}

/**
 * The seed's rule: what does not need its salt.
 * @param {import('./receipt.js').Message} message
 * @param {import('./disclosure.js').Disclosure} disclosure
 */
function checkSeed(message, disclosure) {
  const { sampler: record, seedInputs: inputs } = disclosure;
  require(!isZero(message.seed), 'seed', 'one is disclosed, and none was signed');
  require(!record || (inputs?.rule ?? 0) === record.seedRule, 'seed', 'its inputs are not those of the rule in the sampler record');
  if (inputs) {
    require(equal(seed.fromInputs(inputs), /** @type {Uint8Array} */ (disclosure.seed)), 'seed', 'it does not follow from its inputs');
    require(inputs.rule !== 2 || (equal(inputs.first, message.context) && !isZero(message.context)), 'seed', "its context is not the receipt's own");
  }
}

/**
 * What seed, stream and context are together, whether or not the seed is disclosed.
 * @param {import('./receipt.js').Message} message
 * @param {import('./disclosure.js').Disclosure} disclosure
 */
function checkSeedRule(message, { stream, sampler: record, seedInputs, contextInputs }) {
  require(stream === 0 || !isZero(message.seed), 'seed', 'the stream of a receipt without one is not 0');
  if (record?.seedRule === 2 || seedInputs?.rule === 2) {
    require(!isZero(message.context), 'seed', 'under rule 2 the receipt needs a context');
    require(!contextInputs || isZero(contextInputs.previousDigest), 'seed',
      'under rule 2 the context names a receipt before, whose signer could have chosen the seed');
  }
}

/**
 * What the sampler record alone says of how the output can have ended.
 * @param {import('./receipt.js').Message} message
 * @param {import('./sampler.js').Sampler} record
 * @param {number[]} output
 */
function checkPolicy({ promptCount, outputCount, finish }, record, output) {
  const { maxTokens, contextTokens } = record;
  const total = promptCount + outputCount;
  require(promptCount < contextTokens, 'promptCount', 'the prompt leaves no room in the contextTokens of the sampling policy');
  require(outputCount <= maxTokens && total <= contextTokens, 'outputCount', 'it is beyond the maxTokens or contextTokens of the sampling policy');
  const [isMost, isFull] = [outputCount === maxTokens, total === contextTokens];
  const can = [!record.ignoreEog, record.stop.length > 0, isMost && !isFull, record.grammar !== null, isFull, !isMost && !isFull];
  require(can[finish], 'finish', 'the sampling policy and the counts leave no such end');
  const bans = new Set(record.bans);
  require(!output.some((token) => bans.has(token)), 'output', 'it has a token that the sampling policy bans');
}
