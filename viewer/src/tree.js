// Positional Merkle trees (section 8).
import { concatBytes } from '@noble/hashes/utils.js';
import { ZERO, keccak256, labelled } from './hash.js';
import { require } from './refused.js';

/** @param {number} count of leaves */
export const depth = (count) => (count > 1 ? 32 - Math.clz32(count - 1) : 0);

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
const node = (left, right) => keccak256(concatBytes(left, right));

/**
 * @param {string} name of the tree
 * @param {Uint8Array[]} leaves
 */
export function root(name, leaves) {
  let level = leaves;
  // What stands for the leaves that are missing on the right, level by level.
  let padding = ZERO;
  for (let levels = depth(leaves.length); levels > 0; levels -= 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2) {
      above.push(node(level[at], level[at + 1] ?? padding));
    }
    level = above;
    padding = node(padding, padding);
  }
  return labelled(`${name}-root`, leaves.length, level[0] ?? ZERO);
}

/**
 * The root that a proof leads to.
 * @param {string} name of the tree
 * @param {Uint8Array} leaf
 * @param {number} index
 * @param {number} count
 * @param {Uint8Array[]} siblings from the leaf's level up
 */
export function rootFromProof(name, leaf, index, count, siblings) {
  require(index < count, 'index', 'it is not below the count');
  require(siblings.length === depth(count), 'siblings', `a tree of ${count} needs ${depth(count)} of them`);
  const top = siblings.reduce((below, sibling, level) => ((index >>> level) & 1 ? node(sibling, below) : node(below, sibling)), leaf);
  return labelled(`${name}-root`, count, top);
}
