// Elements of the page. Texts become text nodes, whatever is in them: nothing is ever read as HTML or as an address.
import { MARKS } from './visible.js';
import { grouped } from './words.js';

/** @typedef {Node | string | undefined} Child */

const EACH_TIME = 20_000;

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...Child} children
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** @param {import('./visible.js').Part} part */
const shownPart = ({ text, hidden }) => (hidden > 0 ? element('span', { class: 'hidden-character' }, text) : text);

/**
 * A text of a document, its hidden characters made visible.
 * @param {import('./visible.js').Part[]} parts
 */
export function visible(parts) {
  const fragment = document.createDocumentFragment();
  fragment.append(...parts.map(shownPart));
  return fragment;
}

/**
 * A text of a document in a box of its own, as much of it at a time as a page lays out without delay.
 * @param {import('./report.js').Shown} shown
 */
export function textBox({ parts, first, cut, unnamed }) {
  const box = element('div', { class: 'text', dir: 'auto' });
  const whole = element('div', {}, box);
  // The part that is next, how much of it is shown, and how many characters are left.
  let [at, from] = [0, 0];
  let left = parts.reduce((sum, { text, hidden }) => sum + (hidden || text.length), 0);
  const more = element('button', { type: 'button', class: 'more' });
  const show = (/** @type {number} */ characters) => {
    const fragment = document.createDocumentFragment();
    for (let room = characters; at < parts.length && room > 0;) {
      const { text, hidden } = parts[at];
      let end = hidden > 0 ? text.length : Math.min(text.length, from + room);
      if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1])) {
        end += 1;
      }
      fragment.append(shownPart({ text: text.slice(from, end), hidden }));
      room -= hidden > 0 ? 1 : end - from;
      left -= hidden || end - from;
      [at, from] = end === text.length ? [at + 1, 0] : [at, end];
    }
    box.append(fragment);
    // An empty box says that the text is empty.
    box.hidden = at + from === 0 && left + cut > 0;
    more.textContent = box.hidden ? `Show the text (${left} characters)` : `Show more (${left} characters)`;
    if (left === 0) {
      more.remove();
      if (cut > 0) {
        whole.append(element('p', { class: 'note' }, `${cut} more characters are not shown here. They were checked, too.`));
      }
    }
  };
  whole.append(more);
  if (unnamed > 0) {
    whole.append(element('p', { class: 'note' }, `${grouped(unnamed)} hidden characters of this text are shown as \ufffd, those beside each other as one: this page `
      + `names ${grouped(MARKS)} of a document.`));
  }
  more.addEventListener('click', () => show(EACH_TIME));
  show(first);
  return whole;
}

/**
 * A section with a heading.
 * @param {string} id
 * @param {string} title
 * @param {...Child} children
 */
export const section = (id, title, ...children) =>
  element('section', { id, 'aria-labelledby': `${id}-title` }, element('h2', { id: `${id}-title` }, title), ...children);

const SIGNS = { good: 'M5 12.5l4.5 4.5L19 7', bad: 'M6 6l12 12M18 6L6 18', warn: 'M12 5v8M12 18.2v.1', unknown: 'M8.6 9.2a3.5 3.5 0 1 1 5.3 3c-1.3.8-1.9 1.4-1.9 2.6M12 18.6v.1' };

/**
 * @param {'good' | 'bad' | 'warn' | 'unknown'} state
 * @param {string} title
 * @param {...Child} children
 */
export function banner(state, title, ...children) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', SIGNS[state]);
  svg.append(path);
  return element('div', { class: `banner ${state}` }, element('span', { class: 'sign', 'aria-hidden': 'true' }, svg), element('div', {}, element('h2', {}, title), ...children));
}
