'use strict';

/** Lets a number of calls in at a time, in the order they came. */
class Gate {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} places */
  constructor(places) {
    this.#free = places;
  }

  /** @returns {Promise<void> | undefined} nothing if there is a place at once */
  enter() {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  leave() {
    const next = this.#waiting.shift();
    if (next) {
      next();
    } else {
      this.#free++;
    }
  }
}

module.exports = { Gate };
