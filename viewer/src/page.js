// The page: takes documents in, has them checked beside it, shows what came of it.
import { banner, element, section } from './elements.js';
import { DOCUMENT } from './json.js';
import { doubt, sections, verdict } from './show.js';

const PATIENCE_MS = 20_000;
// Longer texts are not laid out in the field they are pasted into.
const LONGEST_SHOWN = 200_000;
const MOST_FILES = 8;

const { anchor, startChecker, locked } = /** @type {NonNullable<typeof attestlm>} */ (globalThis.attestlm);
globalThis.attestlm = undefined;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const [verdictPlace, reportPlace] = [byId('verdict'), byId('report')];
const file = /** @type {HTMLInputElement} */ (byId('file'));
const text = /** @type {HTMLTextAreaElement} */ (byId('text'));

/** @type {{ receipt?: Uint8Array, proof?: Uint8Array }} */
let documents = {};
/** @type {Worker | undefined} */
let checker;
/** Counts what the reader began, so that an answer to something earlier is dropped. */
let turn = 0;
/** Counts what chains were asked. */
let questions = 0;

/** @param {HTMLElement} shown */
function showVerdict(shown) {
  verdictPlace.replaceChildren(shown);
  shown.scrollIntoView({ block: 'start' });
}

/** @param {string} reason */
function fail(reason) {
  reportPlace.replaceChildren();
  showVerdict(banner('bad', 'This could not be checked', element('p', {}, reason)));
}

function stop() {
  turn += 1;
  checker?.terminate();
  checker = undefined;
  return turn;
}

/** Ends what runs, and takes what it said away. */
function begin() {
  const mine = stop();
  reportPlace.replaceChildren();
  verdictPlace.replaceChildren(element('p', { class: 'working' }, 'Checking …'));
  return mine;
}

/** @param {Uint8Array[]} added */
async function check(added) {
  const mine = begin();
  await locked;
  if (mine !== turn) {
    return;
  }
  const worker = startChecker();
  checker = worker;
  const timer = setTimeout(() => {
    if (mine === turn) {
      stop();
      fail('It took longer than 20 seconds, so the check was ended. Nothing is known of this document.');
    }
  }, PATIENCE_MS);
  const settle = (/** @type {() => void} */ show) => {
    clearTimeout(timer);
    if (mine === turn) {
      stop();
      show();
    }
  };
  worker.onerror = (/** @type {ErrorEvent} */ event) => {
    event.preventDefault();
    settle(() => fail('The check ended with a fault of this page. Nothing is known of this document.'));
  };
  worker.onmessage = (/** @type {MessageEvent} */ { data }) => settle(() => {
    // What is refused, or too many at once, does not take the place of what was there.
    if (!('refused' in data.answer || 'several' in data.answer)) {
      documents = { receipt: data.receipt, proof: data.proof };
    }
    showVerdict(verdict(data.answer));
    if ('report' in data.answer) {
      reportPlace.replaceChildren(...sections(data.answer.report), anchorForm(data.answer.report));
    }
  });
  worker.postMessage({ added, ...documents });
}

/** @param {File[]} files */
async function checkFiles(files) {
  // Before they are read: what was said of others is not to stand beside them.
  const mine = begin();
  if (files.length > MOST_FILES) {
    fail(`These are ${files.length} files. A receipt, or a proof and its receipt, are one or two.`);
    return;
  }
  if (files.some(({ size }) => size > DOCUMENT.bytes)) {
    fail('It is larger than 64 MiB: no receipt is.');
    return;
  }
  let read;
  try {
    read = await Promise.all(files.map(async (one) => new Uint8Array(await one.arrayBuffer())));
  } catch {
    if (mine === turn) {
      fail('The browser could not read it. If it is a folder, choose the files in it.');
    }
    return;
  }
  if (mine === turn) {
    check(read);
  }
}

/** @param {string} pasted */
function checkText(pasted) {
  if (pasted.trim() === '') {
    stop();
    fail('There is no text.');
  } else if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(pasted)) {
    stop();
    fail('The text has half of a surrogate pair: it is not UTF-8.');
  } else {
    check([new TextEncoder().encode(pasted)]);
  }
}

/** @param {string} typed */
function addressOf(typed) {
  try {
    return new URL(typed);
  } catch {
    return undefined;
  }
}

/** @param {import('./report.js').Report} report */
function anchorForm(report) {
  const { digest, chainId } = report;
  const url = /** @type {HTMLInputElement} */ (element('input', { type: 'url', id: 'rpc', placeholder: 'https://…', spellcheck: 'false', autocomplete: 'off', required: '' }));
  const registry = /** @type {HTMLInputElement} */ (element('input', {
    type: 'text', id: 'registry', placeholder: '0x…', spellcheck: 'false', autocomplete: 'off', required: '' }));
  const button = /** @type {HTMLButtonElement} */ (element('button', { type: 'submit' }, 'Ask the chain'));
  const reply = element('div', { id: 'anchor-reply', role: 'status', 'aria-live': 'polite' });
  const say = (/** @type {string} */ state, /** @type {string} */ says, /** @type {string[]} */ notes = []) =>
    reply.replaceChildren(element('p', { class: state }, says), ...notes.map((note) => element('p', { class: 'note' }, note)));
  const form = element('form', { novalidate: '' },
    element('div', { class: 'field' }, element('label', { for: 'rpc' }, 'JSON-RPC address of a node'), url),
    element('div', { class: 'field' }, element('label', { for: 'registry' }, 'Address of the ReceiptRegistry contract'), registry),
    button, reply);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const node = addressOf(url.value);
    const isLocal = node?.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(node.hostname);
    if (!node || node.username || node.password || (node.protocol !== 'https:' && !isLocal)) {
      say('bad', 'The address of the node has to begin with https://, or with http:// on this machine (127.0.0.1 or localhost).');
      url.focus();
    } else if (!/^0x[0-9a-fA-F]{40}$/.test(registry.value.trim())) {
      say('bad', 'The address of the contract is 0x and 40 hexadecimal digits.');
      registry.focus();
    } else {
      button.disabled = true;
      say('none', 'Asking …');
      questions += 1;
      const number = questions;
      anchor.onmessage = (/** @type {MessageEvent} */ { data }) => {
        // Not what was asked about another receipt.
        if (data.number === number) {
          button.disabled = false;
          say({ found: 'good', doubtful: 'warn', none: 'warn', failed: 'bad' }[/** @type {import('./anchor.js').Reply} */ (data).state], data.says, data.notes);
        }
      };
      anchor.postMessage({ number, url: node.href, registry: registry.value.trim(), digest, chainId, doubt: doubt(report) });
    }
  });
  return section('anchor', 'Was it anchored on a chain?',
    element('p', {}, 'A registry on a chain may show that this receipt existed at a certain time. Nothing is asked until you press the button; the node that you name then '
      + 'learns your network address and the digest of the receipt, and nothing else.'),
    element('dl', {}, element('div', {}, element('dt', {}, 'Digest'), element('dd', {}, element('span', { class: 'code' }, digest)))),
    form);
}

file.addEventListener('change', () => {
  const chosen = [...(file.files ?? [])];
  file.value = '';
  if (chosen.length) {
    checkFiles(chosen);
  }
});
byId('paste').addEventListener('submit', (event) => {
  event.preventDefault();
  checkText(text.value);
});
byId('clear').addEventListener('click', () => {
  stop();
  documents = {};
  text.value = '';
  verdictPlace.replaceChildren();
  reportPlace.replaceChildren();
  file.focus();
});
document.addEventListener('paste', (event) => {
  const isElsewhere = event.target instanceof HTMLInputElement && event.target !== file;
  const data = event.clipboardData;
  if (isElsewhere || !data) {
    return;
  }
  const files = [...data.files];
  const pasted = data.getData('text/plain');
  if (files.length) {
    event.preventDefault();
    checkFiles(files);
  } else if (event.target !== text || pasted.length > LONGEST_SHOWN) {
    event.preventDefault();
    text.value = pasted.length > LONGEST_SHOWN ? '' : pasted;
    checkText(pasted);
  } else {
    // When the field has it.
    setTimeout(() => checkText(text.value));
  }
});
for (const name of ['dragenter', 'dragover']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
}
document.addEventListener('dragleave', (event) => {
  if (/** @type {DragEvent} */ (event).relatedTarget === null) {
    document.body.classList.remove('dragging');
  }
});
document.addEventListener('drop', (event) => {
  // A browser would go to what is dropped beside the field.
  event.preventDefault();
  document.body.classList.remove('dragging');
  const files = [...(event.dataTransfer?.files ?? [])];
  const dropped = event.dataTransfer?.getData('text/plain') ?? '';
  if (files.length) {
    checkFiles(files);
  } else if (dropped !== '') {
    checkText(dropped);
  }
});
