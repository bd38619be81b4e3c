// The receipt document (section 11.1).
import * as disclosure from './disclosure.js';
import { isZero } from './hash.js';
import { equal } from './hex.js';
import { DOMAIN_FIELDS, FIELDS } from './receipt.js';
import { require } from './refused.js';
import { array, hexadecimal, members, uint64, unsigned } from './value.js';

/** @typedef {import('./json.js').Json} Json */

const LONGEST_SIGNATURE = 8192;

/**
 * @typedef {object} Document
 * @property {import('./receipt.js').Contract} [contract]
 * @property {import('./receipt.js').Message} message
 * @property {Uint8Array} [signature] absent while it is still to be made
 * @property {import('./disclosure.js').Disclosure} [disclosure]
 */

/**
 * @param {string} type
 * @param {Json | undefined} value
 * @param {string} name
 */
function scalar(type, value, name) {
  if (type === 'uint64') {
    return uint64(value, name);
  }
  return type.startsWith('uint') ? unsigned(value, name, 2 ** Number(type.slice(4)) - 1) : hexadecimal(value, name, type === 'address' ? 20 : 32);
}

/** @param {Map<string, Json>} source */
function contractOf(source) {
  const domain = members(source.get('domain'), 'domain', ['name', 'version'], ['chainId', 'verifyingContract']);
  require(domain.get('name') === 'AttestLM' && domain.get('version') === '1', 'domain', 'it is not AttestLM, version 1');
  require(domain.has('chainId') === domain.has('verifyingContract'), 'domain', 'it has one of chainId and verifyingContract alone');
  if (!domain.has('chainId')) {
    return undefined;
  }
  const chainId = unsigned(domain.get('chainId'), 'domain', 2 ** 53 - 1);
  const verifyingContract = hexadecimal(domain.get('verifyingContract'), 'domain', 20);
  require(chainId > 0 && !isZero(verifyingContract), 'domain', 'its chainId or verifyingContract is zero');
  return { chainId, verifyingContract };
}

/**
 * They are compared, never used.
 * @param {Json | undefined} value
 * @param {boolean} hasContract
 */
function checkTypes(value, hasContract) {
  const types = members(value, 'types', ['EIP712Domain', 'Receipt']);
  for (const [name, fields] of /** @type {const} */ ([['EIP712Domain', DOMAIN_FIELDS.slice(0, hasContract ? 4 : 2)], ['Receipt', FIELDS]])) {
    const listed = array(types.get(name), 'types');
    const isSame = listed.length === fields.length && fields.every(([type, field], at) => {
      const item = members(listed[at], 'types', ['name', 'type']);
      return item.get('name') === field && item.get('type') === type;
    });
    require(isSame, 'types', 'they are not those of receipt-1');
  }
}

/**
 * A key's has 65 bytes; what a contract wallet takes for one is checked on a chain alone, so under the domain of a contract.
 * @param {Json} value
 * @param {boolean} hasContract
 */
function signatureOf(value, hasContract) {
  const bytes = hexadecimal(value, 'signature', hasContract ? undefined : 65);
  require(bytes.length <= LONGEST_SIGNATURE, 'signature', 'it is longer than 8,192 bytes');
  return bytes;
}

/**
 * @param {Json} tree
 * @returns {Document}
 */
export function read(tree) {
  const source = members(tree, 'document', ['types', 'primaryType', 'domain', 'message', 'signer'], ['signature', 'disclosure']);
  require(source.get('primaryType') === 'Receipt', 'primaryType', 'it is not Receipt');
  const contract = contractOf(source);
  checkTypes(source.get('types'), contract !== undefined);
  const fields = members(source.get('message'), 'message', FIELDS.map(([, name]) => name));
  const message = /** @type {import('./receipt.js').Message} */ (/** @type {unknown} */ (
    Object.fromEntries(FIELDS.map(([type, name]) => [name, scalar(type, fields.get(name), name)]))));
  const signed = source.get('signature');
  const signature = signed === undefined ? undefined : signatureOf(signed, contract !== undefined);
  require(equal(hexadecimal(source.get('signer'), 'signer', 20), message.signer), 'signer', 'the document names two signers');
  const disclosed = source.get('disclosure');
  return { contract, message, signature, disclosure: disclosed === undefined ? undefined : disclosure.read(disclosed) };
}
