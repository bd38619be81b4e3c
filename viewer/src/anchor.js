// Asks a chain whether a receipt's digest is anchored. It is the only part of the viewer that may connect, and connects only to the address it is
// handed (page.html says how).
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { checksummed } from './address.js';
import { keccak256 } from './hash.js';
import { toHex } from './hex.js';
import * as words from './words.js';

/** @typedef {{ url: string, registry: string, digest: string, chainId?: number, doubt?: string }} Question `chainId`: of the receipt's domain; `doubt`: what an anchor does not mend */
/** @typedef {{ says: string, notes?: string[], state: 'found' | 'doubtful' | 'none' | 'failed' }} Reply */

const LONGEST = 64 * 1024;
const PATIENCE_MS = 15_000;
// How far a chain's clock and the reader's may be apart.
const APART = 15n * 60n;
const SELECTOR = toHex(keccak256(utf8ToBytes('anchorOf(bytes32)')).slice(0, 4));

/** What the node's side did wrong, in words for the reader. */
class NodeError extends Error {}

/**
 * The text of a response, if it is not too long.
 * @param {Response} response
 */
async function textOf(response) {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let read = 0; reader;) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    read += value.length;
    if (read > LONGEST) {
      await reader.cancel();
      throw new NodeError('its answer is too long');
    }
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

/**
 * @param {string} url
 * @param {string} method
 * @param {unknown[]} params
 * @param {AbortSignal} signal
 * @returns {Promise<string>} a hexadecimal result
 */
async function call(url, method, params, signal) {
  let text;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', signal,
    });
    text = await textOf(response);
  } catch (error) {
    if (error instanceof NodeError) {
      throw error;
    }
    throw new NodeError(signal.aborted ? 'it did not answer within 15 seconds' : 'it cannot be reached from a page (is it running, and does it allow other origins, CORS?)');
  }
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new NodeError('its answer is not JSON');
  }
  const { error, result } = answer ?? {};
  if (error !== undefined) {
    throw new NodeError(`it answered with an error${Number.isInteger(error?.code) ? ` (${error.code})` : ''}`);
  }
  if (typeof result !== 'string' || !/^0x[0-9a-fA-F]*$/.test(result)) {
    throw new NodeError('its answer is not one of JSON-RPC');
  }
  return result.toLowerCase();
}

/**
 * @param {Question} question
 * @returns {Promise<Reply>}
 */
export async function ask({ url, registry, digest, chainId, doubt }) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
  try {
    const answered = await call(url, 'eth_chainId', [], abort.signal);
    if (!/^0x[0-9a-f]{1,13}$/.test(answered)) {
      throw new NodeError('its chain id is none');
    }
    const chain = Number(answered);
    const result = await call(url, 'eth_call', [{ to: registry, data: SELECTOR + digest.slice(2) }, 'latest'], abort.signal);
    const other = chainId !== undefined && chainId !== chain ? [`The receipt is for ${words.chain(chainId)}.`] : [];
    const where = `on ${words.chain(chain)}`;
    // An address, then a uint64.
    const match = /^0x0{24}([0-9a-f]{40})0{48}([0-9a-f]{16})$/.exec(result);
    if (!match) {
      throw new NodeError(result === '0x' ? `there is no contract at this address ${where}` : 'the contract does not answer as a registry');
    }
    const seconds = BigInt(`0x${match[2]}`);
    const isNobody = /^0+$/.test(match[1]);
    if (isNobody !== (seconds === 0n)) {
      throw new NodeError(`the contract names ${isNobody ? 'a time, and the account zero' : 'an account, and no time'}, which cannot be right`);
    }
    if (seconds > BigInt(Math.floor(Date.now() / 1000)) + APART) {
      throw new NodeError(`the contract names a time that is yet to come, which cannot be right (${words.time(seconds)})`);
    }
    if (seconds === 0n) {
      return { state: 'none', says: `Not anchored by itself ${where}. It may be part of a batch: this page does not look for those.`, notes: other };
    }
    const by = checksummed(Uint8Array.from(match[1].match(/../g) ?? [], (byte) => parseInt(byte, 16)));
    const says = `${doubt === undefined ? 'Anchored' : 'A digest is anchored'} ${where} by ${by}, ${words.time(seconds)}.`;
    const caveat = `So says the node that you asked: the ${doubt === undefined ? 'receipt' : 'digest'} existed by then.`;
    return { state: doubt === undefined ? 'found' : 'doubtful', says, notes: [...(doubt === undefined ? [] : [doubt]), caveat, ...other] };
  } catch (error) {
    if (error instanceof NodeError) {
      return { state: 'failed', says: `No answer about the anchor: ${error.message}.` };
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
