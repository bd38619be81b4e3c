// Reads and checks documents beside the page, so that no document stops it: the page ends a worker that takes too long.
import { failure } from './check.js';
import { Refused } from './refused.js';
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
  const taken = new Set();
  for (const bytes of added) {
    /** @type {'proof' | 'receipt'} */
    let isOf;
    try {
      isOf = isProof(bytes) ? 'proof' : 'receipt';
    } catch (error) {
      self.postMessage({ answer: { refused: failure('read', error), what: 'document' } });
      return;
    }
    if (taken.has(isOf)) {
      const reason = `these are several ${isOf}s: one at a time is checked, and none of these was`;
      self.postMessage({ answer: { refused: failure('read', new Refused('document', reason)), what: 'document' } });
      return;
    }
    taken.add(isOf);
    documents[isOf] = bytes;
  }
  self.postMessage({ answer: answer(documents), ...documents });
};
