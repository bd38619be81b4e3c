// Why a document, or a part of it, is not accepted.

export class Refused extends Error {
  /**
   * @param {string} field the member of the document or the field of the receipt
   * @param {string} reason in one sentence, without a text of the document
   */
  constructor(field, reason) {
    super(reason);
    this.name = 'Refused';
    this.field = field;
  }
}

/**
 * @param {unknown} condition
 * @param {string} field
 * @param {string} reason
 */
export function require(condition, field, reason) {
  if (!condition) {
    throw new Refused(field, reason);
  }
}
