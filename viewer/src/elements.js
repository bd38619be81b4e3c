// Elements of the page. Texts become text nodes, whatever is in them: nothing is ever read as HTML or as an address.
import { parts } from './visible.js';

/** @typedef {Node | string | undefined} Child */

const AT_FIRST = 4_000;
const EACH_TIME = 20_000;
// Of all texts of a document: a page lays out no more without delay. Beyond, a text shows less at first, and a hidden character
// is named without a frame.
const ALL_AT_FIRST = 60_000;
const LITTLE = 100;
const FRAMES = 1_000;
let room = ALL_AT_FIRST;
let frames = FRAMES;

/** What follows is another document. */
export function turnPage() {
  room = ALL_AT_FIRST;
  frames = FRAMES;
}

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

/**
 * A text of a document, its hidden characters made visible.
 * @param {string} text
 */
export function visible(text) {
  const fragment = document.createDocumentFragment();
  let plain = '';
  for (const part of parts(text)) {
    if (part.hidden && frames > 0) {
      frames -= 1;
      fragment.append(plain, element('span', { class: 'hidden-character' }, part.text));
      plain = '';
    } else {
      plain += part.hidden ? `[${part.text.split(' ', 1)}]` : part.text;
    }
  }
  fragment.append(plain);
  return fragment;
}

/**
 * A text of a document in a box of its own, as much of it at a time as a page lays out without delay.
 * @param {import('./report.js').Shown} shown
 */
export function textBox({ text, cut }) {
  const box = element('div', { class: 'text', dir: 'auto' });
  const whole = element('div', {}, box);
  let at = 0;
  const more = element('button', { type: 'button', class: 'more' });
  const show = (/** @type {number} */ characters) => {
    let end = Math.min(text.length, at + characters);
    if (end < text.length && /[\ud800-\udbff]/.test(text[end - 1])) {
      end += 1;
    }
    box.append(visible(text.slice(at, end)));
    at = end;
    more.textContent = `Show more (${text.length - at} characters)`;
    if (at === text.length) {
      more.remove();
      if (cut > 0) {
        whole.append(element('p', { class: 'note' }, `${cut} more characters are not shown here. They were checked, too.`));
      }
    }
  };
  whole.append(more);
  more.addEventListener('click', () => show(EACH_TIME));
  const first = Math.min(AT_FIRST, Math.max(LITTLE, room));
  room -= first;
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
