// Reads and checks documents beside the page, so that no document stops it: the page ends a worker that takes too long.
import { failure } from './check.js';
import { answer, isProof } from './report.js';

/**
 * `added` is sorted in: a proof goes beside the receipt that is there, a receipt takes its place.
 * @typedef {{ added: Uint8Array[], receipt?: Uint8Array, proof?: Uint8Array }} Work
 */

/** @param {MessageEvent<Work>} event */
self.onmessage = ({ data: { added, receipt, proof } }) => {
  /** @type {{ receipt?: Uint8Array, proof?: Uint8Array }} */
  const documents = { receipt, proof };
  // A receipt that comes alone has nothing to do with a proof that was shown with another.
  if (receipt) {
    documents.proof = undefined;
  }
  const counts = { receipt: 0, proof: 0 };
  for (const [at, bytes] of added.entries()) {
    /** @type {'proof' | 'receipt'} */
    let isOf;
    try {
      isOf = isProof(bytes) ? 'proof' : 'receipt';
    } catch (error) {
      self.postMessage({ answer: { refused: failure('read', error), what: 'document', place: added.length > 1 ? [at + 1, added.length] : undefined } });
      return;
    }
    documents[isOf] = bytes;
    counts[isOf] += 1;
  }
  // A verdict on one of them would be read as one on all.
  for (const what of /** @type {const} */ (['receipt', 'proof'])) {
    if (counts[what] > 1) {
      self.postMessage({ answer: { several: what, count: counts[what] } });
      return;
    }
  }
  self.postMessage({ answer: answer(documents), ...documents });
};
