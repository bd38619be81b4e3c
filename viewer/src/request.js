// The canonical request (section 5).
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { Numeral, canonical, numberText } from './json.js';
import { require } from './refused.js';
import { array, boolean, bytes32, members, string, tokens } from './value.js';

/** @typedef {import('./json.js').Json} Json */

/**
 * @typedef {object} Request
 * @property {Uint8Array} bytes RFC 8785
 * @property {{ role: string, content: string }[]} [messages]
 * @property {string} [prompt]
 * @property {number[]} [promptTokens]
 * @property {string | null} tools RFC 8785
 * @property {string | null} date
 */

const REST = ['tools', 'templateDigest', 'renderer', 'tokenizer', 'date', 'parseSpecial'];

/**
 * The tree with its numbers as RFC 8785 writes them: 1e0 is the token 1.
 * @param {Json} value
 * @returns {Json}
 */
function normalised(value) {
  if (value instanceof Map) {
    return new Map([...value].map(([name, member]) => [name, normalised(member)]));
  }
  if (Array.isArray(value)) {
    return value.map(normalised);
  }
  return value instanceof Numeral ? new Numeral(numberText(value.text)) : value;
}

/**
 * How many arrays and objects are inside each other; the reader has bounded it.
 * @param {Json} value
 * @returns {number}
 */
function nesting(value) {
  if (!(value instanceof Map) && !Array.isArray(value)) {
    return 0;
  }
  let deepest = 0;
  for (const inner of value.values()) {
    deepest = Math.max(deepest, nesting(inner));
  }
  return 1 + deepest;
}

/** @param {string} text */
function isDate(text) {
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  if (!match) {
    return false;
  }
  const [year, month, day] = match.slice(1).map(Number);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/** @param {string} text */
const byteLength = (text) => utf8ToBytes(text).length;

/**
 * @param {Json} tree
 * @returns {Request}
 */
export function read(tree) {
  const field = 'request';
  const bytes = utf8ToBytes(canonical(tree));
  const source = /** @type {Map<string, Json>} */ (normalised(tree));
  const forms = ['messages', 'prompt', 'promptTokens'].filter((name) => source.has(name));
  require(forms.length === 1, field, 'it needs exactly one of messages, prompt and promptTokens');
  const [form] = forms;
  members(source, field, [form, ...REST]);
  const nullable = (/** @type {string} */ name) => (source.get(name) === null ? null : string(source.get(name), field));
  const [tools, date] = [/** @type {Json} */ (source.get('tools')), nullable('date')];
  /** @type {Request} */
  const request = { bytes, tools: tools === null ? null : canonical(tools), date };
  const parseSpecial = boolean(source.get('parseSpecial'), field);

  if (form === 'messages') {
    request.messages = messages(source.get('messages'), field);
    bytes32(source.get('templateDigest'), field);
    string(source.get('renderer'), field);
    require(date === null || isDate(date), field, 'its date is not a day of the calendar');
    if (request.tools !== null) {
      require(nesting(tools) <= 48, field, 'its tools are nested deeper than 48');
      require(byteLength(request.tools) <= 2 ** 18, field, 'its tools are longer than 262,144 bytes');
    }
  } else {
    for (const name of ['tools', 'templateDigest', 'renderer', 'date']) {
      require(source.get(name) === null, field, `without messages, ${name} has to be null`);
    }
  }
  if (form === 'prompt') {
    request.prompt = string(source.get('prompt'), field);
    const length = byteLength(request.prompt);
    require(length >= 1 && length <= 2 ** 22, field, 'its prompt is empty or longer than 4 MiB');
  }
  if (form === 'promptTokens') {
    request.promptTokens = tokens(source.get('promptTokens'), field);
    const { length } = request.promptTokens;
    require(length >= 1 && length <= 2 ** 20, field, 'its promptTokens are none or more than 1,048,576');
    require(source.get('tokenizer') === null && !parseSpecial, field, 'with promptTokens, tokenizer is null and parseSpecial false');
  } else {
    string(source.get('tokenizer'), field);
  }
  return request;
}

/**
 * @param {Json | undefined} value
 * @param {string} field
 */
function messages(value, field) {
  const listed = array(value, field);
  require(listed.length >= 1 && listed.length <= 1024, field, 'it has no message, or more than 1,024');
  let contentBytes = 0;
  return listed.map((item) => {
    const message = members(item, field, ['role', 'content']);
    const role = string(message.get('role'), field);
    const length = byteLength(role);
    require(length >= 1 && length <= 64, field, 'a role is empty or longer than 64 bytes');
    require(!/\p{Cc}/u.test(role), field, 'a role has a control character');
    const content = string(message.get('content'), field);
    contentBytes += byteLength(content);
    require(contentBytes <= 2 ** 22, field, 'its messages are longer than 4 MiB');
    return { role, content };
  });
}
