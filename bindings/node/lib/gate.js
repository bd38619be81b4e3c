'use strict';

/** Lets a number of calls in at a time, in the order they came. */
class Gate {
  #free;
  /** @type {{ who: unknown, come: () => void, go: (failure: unknown) => void }[]} */
  #waiting = [];

  /** @param {number} places */
  constructor(places) {
    this.#free = places;
  }

  /**
   * @param {unknown} [who] whom `forsake` names
   * @returns {Promise<void> | undefined} nothing if there is a place at once
   */
  enter(who) {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((come, go) => this.#waiting.push({ who, come, go }));
  }

  leave() {
    const next = this.#waiting.shift();
    if (next) {
      next.come();
    } else {
      this.#free++;
    }
  }

  /**
   * Takes out who still waits: the promise rejects, and there is nothing to leave.
   * @param {unknown} who
   * @param {unknown} failure
   */
  forsake(who, failure) {
    const at = this.#waiting.findIndex((waiting) => waiting.who === who);
    if (at >= 0) {
      this.#waiting.splice(at, 1)[0].go(failure);
    }
  }
}

module.exports = { Gate };
