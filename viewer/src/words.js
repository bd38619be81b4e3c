// What the fields of a receipt mean, in plain words.

const FINISHES = new Map([
  [0, 'The model ended its answer (end-of-generation token).'],
  [1, 'A stop string appeared.'],
  [2, 'The limit of tokens was reached: the answer may be cut short.'],
  [3, 'The grammar was complete: nothing could follow.'],
  [4, 'The context was full: the answer may be cut short.'],
  [5, 'Cancelled: only this beginning is claimed.'],
  [255, 'Nothing was generated: the output was given, and scored.'],
]);
const CHAINS = new Map([[1, 'Ethereum'], [10, 'OP Mainnet'], [56, 'BNB Smart Chain'], [100, 'Gnosis'], [137, 'Polygon'], [8453, 'Base'], [42161, 'Arbitrum One'],
  [11155111, 'Sepolia, a test network']]);
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const SEED_RULES = [
  'The seed was chosen freely by whoever ran the model (rule 0).',
  'The seed follows from the client’s entropy and the provider’s secret (rule 1).',
  'The seed follows from the receipt’s context and a public beacon (rule 2).',
];

/** @param {number} finish */
export const finish = (finish) => FINISHES.get(finish) ?? `Unknown (${finish}).`;

/** @param {number} chainId */
export const chain = (chainId) => `chain ${chainId}${CHAINS.has(chainId) ? ` (${CHAINS.get(chainId)})` : ''}`;

/** @param {number | bigint} count */
export const grouped = (count) => String(count).replace(/\B(?=(?:[0-9]{3})+$)/g, ',');

/**
 * @param {number} count
 * @param {string} noun
 */
export const counted = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/**
 * The same everywhere, whatever the reader's time zone.
 * @param {bigint} seconds Unix time
 */
export function time(seconds) {
  if (seconds > 253_402_300_799n) {
    return `${grouped(seconds)} seconds after 1970: beyond the year 9999`;
  }
  const date = new Date(Number(seconds) * 1000);
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} UTC`;
}

/**
 * @param {bigint} millionths
 * @returns {string} as a document writes it
 */
export function decimal(millionths) {
  const digits = String(millionths < 0n ? -millionths : millionths).padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0+$/, '');
  return `${millionths < 0n ? '−' : ''}${digits.slice(0, -6)}${fraction && `.${fraction}`}`;
}

/**
 * How tokens were chosen.
 * @param {import('./sampler.js').Sampler} record
 * @param {number} stream
 * @returns {{ sentences: string[], texts: { label: string, text: string }[] }} `texts` come from the document
 */
export function sampler(record, stream) {
  const sentences = [];
  const texts = [];
  const one = 1_000_000n;
  const isGreedy = record.temperature === 0n;
  sentences.push(isGreedy
    ? 'Greedy: always the most likely token. Nothing was drawn at random.'
    : `Drawn at random, at temperature ${decimal(record.temperature)}.`);
  const filters = [];
  if (record.topK > 0) {
    filters.push(`the ${grouped(record.topK)} most likely tokens (top-k)`);
  }
  if (record.topP < one) {
    filters.push(`the most likely tokens that together have ${decimal(record.topP)} of the probability (top-p)`);
  }
  if (record.minP > 0n) {
    filters.push(`tokens at least ${decimal(record.minP)} times as likely as the likeliest (min-p)`);
  }
  if (filters.length) {
    sentences.push(`Only from ${filters.join(', and of these ')}.`);
  }
  const penalties = [];
  for (const [name, value, off] of /** @type {const} */ ([['repeat', record.repeatPenalty, one], ['presence', record.presencePenalty, 0n],
    ['frequency', record.frequencyPenalty, 0n]])) {
    if (value !== off) {
      penalties.push(`${name} ${decimal(value)}`);
    }
  }
  if (penalties.length && record.penaltyWindow > 0) {
    sentences.push(`Tokens among the last ${grouped(record.penaltyWindow)} were made less or more likely (penalties: ${penalties.join(', ')}).`);
  }
  if (record.logitBias.length) {
    sentences.push(`${counted(record.logitBias.length, 'token')} had a bias added: ${some(record.logitBias.map(({ token, bias }) => `token ${token} by ${decimal(bias)}`))}.`);
  }
  if (record.bans.length) {
    sentences.push(`${counted(record.bans.length, 'token')} could not be chosen: ${some(record.bans.map(String))}.`);
  }
  if (record.grammar) {
    sentences.push(`The output had to follow a ${record.grammar.kind === 'gbnf' ? 'GBNF grammar' : 'JSON schema'}.`);
    texts.push({ label: record.grammar.kind === 'gbnf' ? 'Grammar' : 'JSON schema', text: record.grammar.text }, { label: 'Grammar engine', text: record.grammar.engine });
  }
  if (record.ignoreEog) {
    sentences.push('The model could not end its answer by itself.');
  }
  record.stop.forEach((text) => texts.push({ label: 'Stop string', text }));
  sentences.push(`At most ${counted(record.maxTokens, 'token')} of output; prompt and output together at most ${grouped(record.contextTokens)}.`);
  if (record.choices > 1) {
    sentences.push(`Choice ${stream + 1} of ${record.choices}: the same request was answered ${record.choices} times.`);
  }
  if (!isGreedy) {
    sentences.push(SEED_RULES[record.seedRule]);
  }
  const { id, markers } = record.segmenter;
  if (id === 0) {
    sentences.push('Reasoning was not set apart: the whole output is the answer.');
  } else if (id > 2) {
    sentences.push(`Steps were cut by a rule that this page does not know (${id}).`);
  } else {
    sentences.push(id === 1 ? 'Reasoning stands between two markers.' : 'Reasoning begins with the output: the prompt had opened it.');
    markers.forEach((text, at) => texts.push({ label: at === 0 ? 'Reasoning begins at' : 'Reasoning ends at', text }));
  }
  return { sentences, texts };
}

/** @param {string[]} items */
const some = (items) => (items.length > 10 ? `${items.slice(0, 10).join(', ')} and ${grouped(items.length - 10)} more` : items.join(', '));
