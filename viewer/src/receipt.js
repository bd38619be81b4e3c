// The receipt: its fields, its form and its digest (section 2).
import { concatBytes } from '@noble/hashes/utils.js';
import { H, isZero, keccak256, textHash, words } from './hash.js';
import { require } from './refused.js';

export const FIELDS = /** @type {const} */ ([
  ['uint8', 'kind'], ['bytes32', 'model'], ['bytes32', 'adapter'], ['bytes32', 'profile'], ['bytes32', 'sampler'], ['bytes32', 'seed'],
  ['bytes32', 'request'], ['bytes32', 'prompt'], ['bytes32', 'output'], ['bytes32', 'trace'], ['bytes32', 'steps'],
  ['uint32', 'promptCount'], ['uint32', 'outputCount'], ['uint8', 'finish'], ['uint64', 'issuedAt'], ['bytes32', 'context'],
  ['address', 'signer'],
]);
export const DOMAIN_FIELDS = /** @type {const} */ ([
  ['string', 'name'], ['string', 'version'], ['uint256', 'chainId'], ['address', 'verifyingContract'],
]);

/**
 * @typedef {object} Message the 17 fields by name
 * @property {number} kind
 * @property {Uint8Array} model
 * @property {Uint8Array} adapter
 * @property {Uint8Array} profile
 * @property {Uint8Array} sampler
 * @property {Uint8Array} seed
 * @property {Uint8Array} request
 * @property {Uint8Array} prompt
 * @property {Uint8Array} output
 * @property {Uint8Array} trace
 * @property {Uint8Array} steps
 * @property {number} promptCount
 * @property {number} outputCount
 * @property {number} finish
 * @property {bigint} issuedAt
 * @property {Uint8Array} context
 * @property {Uint8Array} signer
 */

/** @typedef {{ chainId: number, verifyingContract: Uint8Array }} Contract the AttestLM verifier of a chain */

/**
 * @param {string} name
 * @param {readonly (readonly [string, string])[]} fields
 */
const typeHash = (name, fields) => textHash(`${name}(${fields.map((field) => field.join(' ')).join(',')})`);
const RECEIPT_TYPE = typeHash('Receipt', FIELDS);

/** @param {Message} message */
export function checkForm(message) {
  const { kind, promptCount, outputCount, finish } = message;
  require(kind === 0 || kind === 1, 'kind', 'it is neither 0 (generated) nor 1 (scored)');
  for (const name of /** @type {const} */ (['model', 'profile', 'request', 'prompt', 'output', 'trace', 'signer'])) {
    require(!isZero(message[name]), name, 'it is zero');
  }
  require(promptCount > 0, 'promptCount', 'it is 0');
  require(promptCount + outputCount < 2 ** 32, 'outputCount', 'with the prompt it is not below 2^32');
  if (kind === 0) {
    require(!isZero(message.sampler), 'sampler', 'it is zero in a generated receipt');
    require(!isZero(message.steps), 'steps', 'it is zero in a generated receipt');
    require(finish <= 5, 'finish', 'it is none of 0 to 5');
    require(outputCount > 0 || finish === 5, 'outputCount', 'it is 0, and the output was not cancelled');
  } else {
    for (const name of /** @type {const} */ (['sampler', 'seed', 'steps'])) {
      require(isZero(message[name]), name, 'it is not zero in a scored receipt');
    }
    require(finish === 255, 'finish', 'it is not 255 in a scored receipt');
    require(outputCount > 0, 'outputCount', 'it is 0');
  }
}

/** @param {Message} message */
export const abi = (message) => words(FIELDS.map(([, name]) => message[name]));

/** @param {Message} message */
export const structHash = (message) => keccak256(concatBytes(RECEIPT_TYPE, abi(message)));

/** @param {Contract | undefined} contract */
export function domainSeparator(contract) {
  const type = typeHash('EIP712Domain', DOMAIN_FIELDS.slice(0, contract ? 4 : 2));
  return H(type, textHash('AttestLM'), textHash('1'), ...(contract ? [contract.chainId, contract.verifyingContract] : []));
}

/**
 * @param {Contract | undefined} contract
 * @param {Message} message
 */
export const digest = (contract, message) => keccak256(concatBytes(Uint8Array.of(0x19, 0x01), domainSeparator(contract), structHash(message)));
