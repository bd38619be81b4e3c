// The page in Chromium, opened from a file.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PAGE, changed, choose, launch, open, receipt, settled } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// keccak256('anchorOf(bytes32)'), its first four bytes, by vectors/tools/independent/keccak256.py.
const SELECTOR = 'cf4ff901';
const SIGNED = 'Signed, and everything disclosed is what was signed';
const INVALID = 'This receipt is invalid';

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** A test with a page of its own, which must not have connected nor complained. */
const onPage = (name, work, options) => test(name, async () => {
  const opened = await open(browser, options);
  const closing = await work(opened.page);
  await opened.close(closing);
});

const failures = (page) => page.$$eval('#verdict .banner.bad li', (items) => items.map((item) => item.textContent));
const textOf = (page, selector) => page.textContent(selector);
const facts = (page) => page.$$eval('#facts dl > div', (rows) => Object.fromEntries(rows.map((row) => [row.querySelector('dt').textContent, row.querySelector('dd span').textContent])));
const comparisons = (page) => page.$$eval('#comparisons tbody tr', (rows) => Object.fromEntries(rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent])));

onPage('a valid receipt', async (page) => {
  assert.equal(await choose(page, receipt('greedy')), SIGNED);
  const found = await facts(page);
  assert.match(found['Signed by'], /^0x[0-9a-fA-F]{40}$/);
  assert.equal(found['Signed by'].toLowerCase(), JSON.parse(receipt('greedy')).signer);
  assert.equal(`0x${found.Model}`, JSON.parse(receipt('greedy')).message.model);
  assert.match(found.Profile, /^llama-cpp/);
  assert.match(found.When, /^\d+ [A-Z][a-z]+ 20\d\d, \d\d:\d\d:\d\d UTC$/);
  assert.equal(found.Length, '36 tokens of prompt, 27 tokens of output');
  assert.match(await textOf(page, '#request'), /Tom has 12 apples\./);
  assert.deepEqual(await page.$$eval('.steps h3', (heads) => heads.map((head) => head.textContent)),
    ['Reasoning: step 1 of 3', 'Reasoning: step 2 of 3', 'Answer: step 3 of 3']);
  assert.deepEqual(await comparisons(page), {
    Signature: 'agrees', Profile: 'agrees', 'Sampling policy': 'agrees', Seed: 'none', 'Kept to the policy': 'agrees', Request: 'agrees', 'Prompt tokens': 'agrees', 'Output tokens': 'agrees',
    Steps: 'agrees', Context: 'none', Logits: 'not compared',
  });
  assert.match(await textOf(page, '#not-compared'), /No replay/);
  assert.match(await textOf(page, '#not-compared'), /No expected request/);
  assert.match(await textOf(page, '#limits'), /does not prove that the answer is true/);
});

onPage('the sampler in words', async (page) => {
  assert.equal(await choose(page, receipt('drawn')), SIGNED);
  const words = await textOf(page, '#sampler');
  for (const expected of ['Drawn at random, at temperature 0.7.', 'the 40 most likely tokens (top-k)', 'together have 0.95', 'at least 0.02 times', 'repeat 1.1',
    'token 9 by −1.5', '1 token could not be chosen: 5.', 'At most 200 tokens', '(rule 1)', 'apples left.']) {
    assert.ok(words.includes(expected), expected);
  }
});

onPage('a receipt for a contract, with the inputs of its context', async (page) => {
  assert.equal(await choose(page, receipt('contract')), SIGNED);
  const found = await facts(page);
  assert.match(found.For, /^chain 11155111 \(Sepolia, a test network\), contract 0xC0FFEE254729296a45a3885639AC7E10F9d54979$/i);
  assert.equal(found.Job, `0x${'4a'.repeat(32)}`);
  assert.equal((await comparisons(page)).Context, 'agrees');
  const other = changed('contract', ({ disclosure }) => {
    disclosure.contextInputs.chainId = 1;
  });
  assert.equal(await choose(page, other), INVALID);
  assert.deepEqual(await failures(page), ['context: what is disclosed is not what was signed']);
});

onPage('a scored receipt', async (page) => {
  assert.equal(await choose(page, receipt('scored')), SIGNED);
  assert.match((await facts(page)).Kind, /the output was given, and scored/);
  assert.match(await textOf(page, '#steps'), /There are no steps.*228, 24, 27/);
});

onPage('a receipt that discloses nothing', async (page) => {
  assert.equal(await choose(page, receipt('undisclosed')), SIGNED);
  assert.match(await textOf(page, '#not-compared'), /discloses nothing/);
  assert.match(await textOf(page, '#steps'), /Withheld/);
});

onPage('tampered receipts', async (page) => {
  for (const [change, expected] of [
    [({ disclosure }) => { disclosure.steps[2].text = '15'; }, /^steps: what is disclosed is not what was signed$/],
    [({ disclosure }) => { disclosure.request.messages[0].content += ' '; }, /^request: what is disclosed/],
    [({ disclosure }) => { disclosure.outputTokens.pop(); }, /^outputCount: there are 26 disclosed tokens, 27 were signed$/],
    [({ disclosure }) => { disclosure.profile += 'x'; }, /^profile: what is disclosed/],
    [({ disclosure }) => { disclosure.sampler.maxTokens = 7; }, /^sampler: what is disclosed/],
    [(document) => { document.signature = `0x${'11'.repeat(64)}1b`; }, /^signature: /],
    [({ message }) => { message.issuedAt = '1'; }, /^signature: it is not by the key/],
    [({ message }) => { message.model = `0x${'00'.repeat(32)}`; }, /^model: it is zero$/],
    [({ message }) => { message.model = message.model.toUpperCase(); }, /^model: it is not 0x and 64 lower-case/],
    [(document) => { document.extra = 1; }, /^document: it has a member/],
  ]) {
    assert.equal(await choose(page, changed('greedy', change)), INVALID);
    const [first] = await failures(page);
    assert.match(first, expected);
  }
  const tampered = changed('greedy', ({ disclosure }) => { disclosure.steps[2].text = '15'; });
  await choose(page, tampered);
  assert.deepEqual([...new Set(await page.$$eval('.steps .tag', (tags) => tags.map((tag) => tag.textContent)))], ['not what was signed']);
  for (const [section, change] of [
    ['#request', ({ disclosure }) => { disclosure.request.messages[0].content = 'x'; }],
    ['#request', ({ disclosure }) => { disclosure.request.date = '2026-02-30'; }],
    ['#sampler', ({ disclosure }) => { disclosure.sampler.topK = 1; }],
  ]) {
    await choose(page, changed('greedy', change));
    assert.deepEqual(await page.$$eval('#report section:has(p > .tag.bad)', (sections) => sections.map(({ id }) => `#${id}`)), [section]);
  }
  const twice = receipt('greedy').replace('"stream": 0', '"stream": 0, "str\\u0065am": 0');
  assert.equal(await choose(page, twice), 'This document is invalid');
  assert.match((await failures(page))[0], /^json: two members of an object have the same name/);
});

onPage("a contract's signature", async (page) => {
  const text = changed('contract', (document) => {
    document.signature = `0x${'11'.repeat(64)}1b`;
  });
  assert.equal(await choose(page, text), 'The signature is unverifiable here');
  assert.match(await textOf(page, '#comparisons'), /unverifiable here: needs the chain \(ERC-1271\)/);
  assert.equal(await page.$('#facts .tag'), null);
});

/** The document of a case of vectors/refused. */
const refusedCase = (name) => JSON.parse(readFileSync(new URL(`../../vectors/refused/${name}.json`, import.meta.url), 'utf8')).text;

/** The document of a case of vectors/receipts. */
const receiptCase = (name) => JSON.stringify(JSON.parse(readFileSync(new URL(`../../vectors/receipts/${name}.json`, import.meta.url), 'utf8')).document);

const LATER = 'A part of this receipt is unverifiable here';
const banner = (page) => page.$eval('#verdict .banner', ({ classList }) => [...classList].filter((name) => name !== 'banner'));

onPage("a contract wallet's signature of another length", async (page) => {
  for (const name of ['signature-of-a-wallet', 'signature-empty']) {
    assert.equal(await choose(page, refusedCase(name)), 'The signature is unverifiable here');
    assert.deepEqual(await banner(page), ['unknown']);
    assert.equal((await comparisons(page)).Signature, 'not known here');
  }
  assert.match(await textOf(page, '#verdict'), /it has 0 bytes, a key’s has 65/);
});

onPage('a receipt that is not signed yet', async (page) => {
  for (const name of ['greedy', 'contract']) {
    assert.equal(await choose(page, changed(name, (document) => { delete document.signature; })), 'This receipt is not signed');
    assert.deepEqual(await banner(page), ['bad']);
    assert.ok('To be signed by' in await facts(page));
    assert.equal((await comparisons(page)).Signature, 'missing');
    assert.doesNotMatch(await textOf(page, '#steps'), /as signed/);
  }
});

onPage('what is of a later form', async (page) => {
  assert.equal(await choose(page, refusedCase('record-and-inputs-of-later-members')), LATER);
  assert.deepEqual(await banner(page), ['unknown']);
  assert.match(await textOf(page, '#verdict li'), /^sampler: its record is of version \d+$/);
  assert.match(await textOf(page, '#sampler'), /record of version \d+: this page knows version 1/);
  const found = await comparisons(page);
  assert.deepEqual([found['Sampling policy'], found.Seed, found.Request], ['not known here', 'not known here', 'agrees']);
  assert.match(await textOf(page, '#not-compared'), /nothing can be said of it: sampler/);

  assert.equal(await choose(page, refusedCase('request-unknown-member')), LATER);
  assert.deepEqual(await banner(page), ['unknown']);
  assert.equal((await comparisons(page)).Request, 'not known here');
  assert.match(await textOf(page, '#request'), /in a form that this page does not know/);
  assert.doesNotMatch(await textOf(page, '#not-compared'), /That the request leads/);
});

onPage('an end that the policy does not leave', async (page) => {
  for (const [name, expected] of [['finish-1-no-stop', /^finish: /], ['output-banned', /^output: it has a token that the sampling policy bans/],
    ['prompt-fills-context', /^promptCount: /], ['output-beyond-max-tokens', /^outputCount: /]]) {
    assert.equal(await choose(page, refusedCase(name)), INVALID);
    assert.match((await failures(page))[0], expected);
    const found = await comparisons(page);
    assert.deepEqual([found['Kept to the policy'], found['Prompt tokens'], found['Output tokens']], ['does not agree', 'agrees', 'agrees']);
    assert.deepEqual(await page.$$eval('#report section:has(p > .tag.bad)', (sections) => sections.map(({ id }) => id)), ['sampler']);
  }
});

onPage('a history', async (page) => {
  const first = receiptCase('first-of-a-history');
  assert.equal(await choose(page, first), SIGNED);
  assert.equal((await facts(page)).Follows, 'no other receipt');
  const next = receiptCase('of-a-job');
  const { previousDigest } = JSON.parse(next).disclosure.contextInputs;
  assert.equal(await choose(page, next), SIGNED);
  assert.equal((await facts(page))['Follows the receipt'], previousDigest);
  assert.match(await textOf(page, '#not-compared'), /The receipt that this one follows: it is another document/);
});

onPage('salts that open nothing', async (page) => {
  assert.equal(await choose(page, changed('undisclosed', (document) => { document.disclosure = { stream: 0, nonce: `0x${'11'.repeat(32)}` }; })), SIGNED);
  assert.match(await textOf(page, '#not-compared'), /the nonce: nothing is disclosed here that shows whether it is what was used/);
  const salts = { trace: `0x${'11'.repeat(32)}`, seed: `0x${'22'.repeat(32)}` };
  assert.equal(await choose(page, changed('undisclosed', (document) => { document.disclosure = { stream: 0, salts }; })), SIGNED);
  assert.match(await textOf(page, '#not-compared'), /the salt of trace and the salt of seed: nothing/);
  assert.equal(await choose(page, receipt('greedy')), SIGNED);
  assert.doesNotMatch(await textOf(page, '#not-compared'), /nothing is disclosed here that shows/);
});

onPage('steps that do not fit beside each other, a proof that shows nothing', async (page) => {
  assert.equal(await choose(page, refusedCase('step-proofs-overlap')), INVALID);
  assert.match((await failures(page))[0], /^steps: firstToken: step 4 does not fit beside step 1$/);
  const { proof } = JSON.parse(readFileSync(new URL('../../vectors/merkle/trace-invalid-nothing-shown.json', import.meta.url), 'utf8'));
  assert.equal(await choose(page, JSON.stringify(proof)), 'This proof is invalid');
});

onPage('a redacted receipt', async (page) => {
  assert.equal(await choose(page, receipt('redacted')), SIGNED);
  assert.deepEqual(await page.$$eval('.steps > li', (items) => items.map((item) => [item.querySelector('h3').textContent, item.querySelector('.tag').textContent])),
    [['Step 1', 'withheld'], ['Reasoning: step 2 of 3', 'proof holds'], ['Step 3', 'withheld']]);
  assert.match(await textOf(page, '#not-compared'), /Not disclosed: the sampling policy, the request/);
  assert.equal(await choose(page, changed('redacted', ({ disclosure }) => { disclosure.stepProofs[0].text = 'x'; })), INVALID);
  assert.deepEqual(await failures(page), ['steps: it does not lead to the steps that were signed']);
});

onPage('a step proof and its receipt', async (page) => {
  assert.equal(await choose(page, receipt('step-proof')), 'A proof needs its receipt');
  assert.equal(await choose(page, receipt('undisclosed')), SIGNED);
  assert.match(await textOf(page, '#added'), /Answer: step 3 of 3proof holds/);
  // Another receipt has nothing to do with it.
  assert.equal(await choose(page, receipt('drawn')), SIGNED);
  assert.equal(await page.$('#added'), null);
  assert.equal(await choose(page, receipt('step-proof')), 'The proof does not belong to this receipt');
  assert.match((await failures(page))[0], /^steps: /);
  // Both at once, whichever comes first.
  assert.equal(await choose(page, receipt('step-proof'), receipt('greedy')), SIGNED);
  assert.match(await textOf(page, '#added'), /proof holds/);
  const wrong = changed('step-proof', (proof) => { proof.siblings.reverse(); });
  assert.equal(await choose(page, receipt('greedy'), wrong), 'The proof does not belong to this receipt');
  assert.match(await textOf(page, '#added'), /not what was signed/);
});

onPage('hostile texts stay texts', async (page) => {
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>\u202eevil\u202c\u200b\u0007javascript:alert(3)';
  const text = changed('greedy', ({ disclosure }) => {
    disclosure.steps[1].text = hostile;
    disclosure.request.messages[0] = { role: '<b>user</b>', content: hostile };
    disclosure.profile = hostile;
    disclosure.sampler.stop = [hostile];
  });
  assert.equal(await choose(page, text), INVALID);
  assert.equal(await page.$('#report :is(img, script, b, a, iframe)'), null);
  const shown = await textOf(page, '#steps');
  assert.ok(shown.includes('<img src=x onerror=alert(1)><script>alert(2)</script>'));
  assert.ok(shown.includes('U+202E right-to-left overrideevil'));
  assert.ok(shown.includes('U+200B zero-width space') && shown.includes('U+0007'));
  assert.doesNotMatch(await page.textContent('#report'), /[\u202a-\u202e\u200b\u0007]/);
  assert.match(await textOf(page, '#request h3'), /^<b>user<\/b>$/);
});

/** How long the page does not answer at most, while `work` runs. What else the machine does adds to it: the shortest of three tries is the page's. */
async function longestPause(page, work) {
  let shortest = Infinity;
  for (let tries = 0; tries < 3 && shortest >= 1_000; tries += 1) {
    shortest = Math.min(shortest, await longestPauseOnce(page, work));
  }
  return shortest;
}

async function longestPauseOnce(page, work) {
  await page.evaluate(() => {
    let last = performance.now();
    window.longest = 0;
    window.ticker = setInterval(() => {
      const now = performance.now();
      window.longest = Math.max(window.longest, now - last);
      last = now;
    }, 10);
  });
  await work();
  return page.evaluate(() => (clearInterval(window.ticker), window.longest));
}

onPage('junk of 5 MB', async (page) => {
  const random = 'abcdefghijklmnopqrstuvwxyz{}[]":,0123456789 '.split('');
  let state = 1;
  const junk = Array.from({ length: 5_000_000 }, () => random[(state = (state * 48_271) % 2_147_483_647) % random.length]).join('');
  for (const [text, title, reason] of [
    [junk, 'This document is invalid', /^json: it is not JSON/],
    ['['.repeat(5_000_000), 'This document is invalid', /^json: arrays and objects are nested deeper than 128/],
    [`[${'0,'.repeat(4_300_000)}0]`, 'This document is invalid', /^json: it has more than 4194304 values/],
    [`"${'\\u0041'.repeat(800_000)}"`, 'This receipt is invalid', /^document: it is not an object/],
    [`${'9'.repeat(5_000_000)}`, 'This document is invalid', /^json: a number is too large/],
    [`{"type":"attestlm/step-proof-1","text":"${'x'.repeat(5_000_000)}"}`, 'This proof is invalid', /^proof: the member count is missing/],
  ]) {
    const pause = await longestPause(page, async () => assert.equal(await choose(page, text), title));
    assert.match((await failures(page))[0], reason);
    assert.ok(pause < 1_000, `the page stood still for ${pause} ms`);
  }
});

onPage('a verdict does not stand beside another document', async (page) => {
  assert.equal(await choose(page, receipt('greedy')), SIGNED);
  // A file that is never read to its end.
  const left = await page.evaluate(() => {
    const slow = new File(['{'], 'slow.json');
    Object.defineProperty(slow, 'arrayBuffer', { value: () => new Promise(() => {}) });
    const event = new Event('drop');
    Object.defineProperty(event, 'dataTransfer', { value: { files: [slow], getData: () => '' } });
    document.dispatchEvent(event);
    return [document.querySelector('#verdict').textContent, document.querySelector('#report').childElementCount];
  });
  assert.deepEqual(left, ['Checking …', 0]);
});

onPage('a document that takes long', async (page) => {
  const text = changed('greedy', ({ message, disclosure }) => {
    const count = 350_000;
    message.outputCount = count;
    delete disclosure.sampler;
    disclosure.steps = Array.from({ length: count }, (_, index) => ({ index, kind: Number(index < count - 1), firstToken: index, endToken: index + 1, text: '' }));
  });
  // A file of 25 MB.
  const folder = mkdtempSync(join(tmpdir(), 'viewer-'));
  const path = join(folder, 'long.json');
  writeFileSync(path, text);
  const started = Date.now();
  // All of it is hashed, or the check is ended: which one is a question of the machine.
  const pause = await longestPauseOnce(page, async () => {
    await page.setInputFiles('#file', path);
    assert.ok([INVALID, 'This could not be checked'].includes(await settled(page)));
  });
  rmSync(folder, { recursive: true });
  assert.ok(Date.now() - started < 45_000);
  assert.ok(pause < 1_000, `the page stood still for ${pause} ms`);
  assert.ok(await page.$$eval('.steps > li', (rows) => rows.length) <= 500);
  assert.equal(await choose(page, receipt('greedy')), SIGNED);
});

onPage('long texts are shown in part', async (page) => {
  const text = changed('greedy', ({ disclosure }) => {
    disclosure.steps[0].text = '\u202e'.repeat(50_000) + 'x'.repeat(5_000_000);
  });
  const pause = await longestPause(page, async () => assert.equal(await choose(page, text), INVALID));
  assert.ok(pause < 1_000, `the page stood still for ${pause} ms`);
  const box = '.steps li:first-child .text';
  const mark = 'U+202E right-to-left override ×50,000';
  assert.equal(await textOf(page, box), mark + 'x'.repeat(3_999));
  assert.equal(await textOf(page, '.steps li:first-child .more'), 'Show more (46001 characters)');
  await page.click('.steps li:first-child .more');
  assert.equal(await textOf(page, box), mark + 'x'.repeat(23_999));
});

onPage('many texts, each as slow to lay out as it can be', async (page) => {
  for (const [text, marked] of [['\u202e', 20], ['\u202e\u202d', 2_000], ['a\u200b', 2_000], ['\u{e0100}\u{e0101}', 2_000], ['a\u0301\u0301\u0301', 0], ['س', 0], ['\n', 0],
    ['👩\u200d👩 ', 0]]) {
    const many = changed('greedy', ({ disclosure }) => {
      disclosure.steps = Array.from({ length: 500 }, (_, index) => ({ index, kind: 1, firstToken: index, endToken: index + 1, text: text.repeat(2_000 / text.length) }));
    });
    const pause = await longestPause(page, async () => {
      assert.equal(await choose(page, many), INVALID);
      // Until it is laid out.
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve, 20)); }));
    });
    assert.ok(pause < 1_000, `${escape(text)}: the page stood still for ${pause} ms`);
    assert.equal(await page.$$eval('.steps .hidden-character', (marks) => marks.length), marked, escape(text));
    assert.ok(await page.$$eval('*', (all) => all.length) < 12_000);
    assert.match(await textOf(page, '.steps li:last-child .more'), /^Show the text \(\d+ characters\)$/);
    assert.equal(await page.isVisible('.steps li:last-child .text'), false);
  }
});

onPage('hidden characters beyond those that are named', async (page) => {
  await choose(page, changed('greedy', ({ disclosure }) => {
    disclosure.steps[0].text = 'a\u202e'.repeat(2_000);
    disclosure.steps[1].text = 'b\u202e\u202dc';
  }));
  assert.equal(await textOf(page, '.steps li:nth-child(2) .text'), 'b\ufffdc');
  assert.match(await textOf(page, '.steps li:nth-child(2)'), /2 hidden characters of this text are shown as \ufffd.*this page names 2,000 of a document/);
});

onPage('a file beyond 64 MiB, too many files', async (page) => {
  // A length alone: the page must not read it.
  await page.evaluate((size) => {
    const large = new File(['x'], 'large.json');
    Object.defineProperty(large, 'size', { value: size });
    Object.defineProperty(large, 'arrayBuffer', { value: () => { throw new Error('it was read'); } });
    const event = new Event('drop');
    Object.defineProperty(event, 'dataTransfer', { value: { files: [large], getData: () => '' } });
    document.dispatchEvent(event);
  }, 64 * 2 ** 20 + 1);
  assert.equal(await settled(page), 'This could not be checked');
  assert.match(await textOf(page, '#verdict'), /larger than 64 MiB/);
  assert.equal(await choose(page, ...Array(9).fill('{}')), 'This could not be checked');
});

/** Drops files with these texts on the page. */
const drop = (page, ...texts) => page.evaluate((contents) => {
  const dataTransfer = new DataTransfer();
  contents.forEach((text, at) => dataTransfer.items.add(new File([text], `${at}.json`)));
  const over = new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true });
  const dropped = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(over);
  document.body.dispatchEvent(dropped);
  return over.defaultPrevented && dropped.defaultPrevented;
}, texts);

onPage('several receipts or proofs at once', async (page) => {
  const tampered = changed('greedy', ({ message }) => { message.issuedAt = '1'; });
  const none = async (title, expected) => {
    assert.equal(await settled(page), title);
    assert.deepEqual(await banner(page), ['warn']);
    assert.match(await textOf(page, '#verdict'), expected);
    assert.equal(await page.$eval('#report', ({ childElementCount }) => childElementCount), 0);
  };
  for (const receipts of [[tampered, receipt('drawn')], [receipt('drawn'), tampered], [receipt('greedy'), receipt('greedy')]]) {
    await choose(page, ...receipts);
    await none('One receipt is checked at a time', /These are 2 receipts\. None of them was judged/);
    await drop(page, ...receipts);
    await none('One receipt is checked at a time', /These are 2 receipts/);
  }
  await choose(page, receipt('greedy'), receipt('step-proof'), tampered);
  await none('One receipt is checked at a time', /These are 2 receipts/);
  await choose(page, receipt('step-proof'), receipt('greedy'), receipt('step-proof'));
  await none('One proof is checked at a time', /These are 2 proofs\. None of them was judged/);
  // None has taken the place of what was there.
  assert.equal(await choose(page, receipt('greedy')), SIGNED);
  await choose(page, receipt('drawn'), tampered);
  assert.equal(await choose(page, receipt('step-proof')), SIGNED);
  assert.equal(await choose(page, receipt('greedy'), '{'), 'This document is invalid');
  assert.match(await textOf(page, '#verdict'), /number 2 of the 2 that came together\. None of the others was judged/);
  assert.equal(await choose(page, '{'), 'This document is invalid');
  assert.doesNotMatch(await textOf(page, '#verdict'), /came together/);
});

onPage('a drop', async (page) => {
  assert.equal(await drop(page, receipt('redacted'), receipt('step-proof')), true);
  assert.equal(await settled(page), SIGNED);
  assert.match(await textOf(page, '#added'), /Answer: step 3 of 3/);
});

/** Puts a text on the clipboard's event, as a paste does. */
const paste = (page, selector, text) => page.evaluate(([target, pasted]) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', pasted);
  return document.querySelector(target).dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}, [selector, text]);

onPage('a paste anywhere, and one of 5 MB', async (page) => {
  await paste(page, 'body', receipt('greedy'));
  assert.equal(await settled(page), SIGNED);
  await page.click('#clear');
  assert.equal(await page.$('#verdict .banner'), null);
  assert.equal(await paste(page, '#text', `{${' '.repeat(5_000_000)}`), false);
  assert.equal(await settled(page), 'This document is invalid');
  assert.equal(await page.inputValue('#text'), '');
});

onPage('a paste from the clipboard by the keyboard', async (page) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.focus('#text');
  await page.evaluate((text) => {
    const field = document.querySelector('#text');
    field.value = text;
    field.select();
  }, receipt('redacted'));
  await page.keyboard.press('Control+X');
  await page.keyboard.press('Control+V');
  assert.equal(await settled(page), SIGNED);
  assert.equal(await page.inputValue('#text'), receipt('redacted'));
});

onPage('by the keyboard alone', async (page) => {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  const order = [];
  for (let at = 0; at < 4; at += 1) {
    await page.keyboard.press('Tab');
    order.push(await focused());
  }
  assert.deepEqual(order, ['file', 'text', 'Check the text', 'clear']);
  // What has the focus is seen to have it: the field of files through its label.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.insertText(receipt('greedy'));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await settled(page), SIGNED);
  const next = [];
  for (let at = 0; at < 4; at += 1) {
    await page.keyboard.press('Tab');
    next.push(await focused());
  }
  assert.deepEqual(next, ['clear', 'rpc', 'registry', 'Ask the chain']);
  await page.keyboard.press('Enter');
  assert.match(await textOf(page, '#anchor-reply'), /has to begin with https/);
  assert.equal(await focused(), 'rpc');
  await page.focus('#file');
  assert.notEqual(await page.$eval('#file + .button', (label) => getComputedStyle(label).outlineStyle), 'none');
});

for (const [name, options] of Object.entries({
  light: {},
  dark: { colorScheme: 'dark' },
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  'phone, dark': { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, colorScheme: 'dark' },
})) {
  test(`accessible and within its width: ${name}`, async () => {
    const opened = await open(browser, options);
    const { page } = opened;
    const look = async (what) => {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, `${what}: wider than the window`);
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
      assert.ok(passes.length > 10);
      assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map((node) => node.html).join(' ')}`), []);
    };
    await look('start');
    for (const document of ['greedy', 'drawn', 'contract', 'redacted', 'scored']) {
      assert.equal(await choose(page, receipt(document)), SIGNED);
      await look(document);
    }
    await choose(page, receipt('greedy'), receipt('step-proof'));
    await look('with a proof');
    await choose(page, changed('greedy', ({ disclosure }) => { disclosure.steps[0].text = `\u202e${'W'.repeat(3_000)}`; }));
    await look('tampered');
    await choose(page, receipt('step-proof'));
    await page.click('text=Start over');
    await choose(page, receipt('step-proof'));
    await look('a proof alone');
    for (const name of ['signature-of-a-wallet', 'record-version', 'request-unknown-member', 'signature-missing', 'finish-1-no-stop']) {
      await choose(page, refusedCase(name));
      await look(name);
    }
    await choose(page, receiptCase('of-a-job'));
    await look('of a job');
    await choose(page, '{');
    await look('refused');
    await opened.close();
  });
}

test('the page can connect to nothing', async (t) => {
  // What is blocked is told on the console: of this page nothing else is asked.
  const context = await browser.newContext();
  const page = await context.newPage();
  const requests = [];
  const server = createServer((_, response) => {
    requests.push('a request');
    response.setHeader('access-control-allow-origin', '*');
    response.end('{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.close(), server.closeAllConnections()));
  await page.goto(pathToFileURL(PAGE).href);
  // The second policy.
  await page.waitForFunction(() => document.querySelectorAll('meta[http-equiv]').length === 2);
  const url = `http://127.0.0.1:${server.address().port}/`;
  const results = await page.evaluate(async (target) => {
    const blocked = async (work) => {
      try {
        await work();
        return 'done';
      } catch {
        return 'blocked';
      }
    };
    const load = (name, attribute) => new Promise((resolve, reject) => {
      const made = document.createElement(name);
      made[attribute] = target;
      made.onload = resolve;
      made.onerror = reject;
      document.body.append(made);
      setTimeout(reject, 500);
    });
    const socket = () => new Promise((resolve, reject) => {
      const made = new WebSocket(target.replace('http', 'ws'));
      made.onopen = resolve;
      made.onerror = reject;
    });
    return {
      fetch: await blocked(() => fetch(target, { mode: 'no-cors' })),
      image: await blocked(() => load('img', 'src')),
      frame: await blocked(() => load('iframe', 'src')),
      socket: await blocked(socket),
      beacon: navigator.sendBeacon(target) ? 'sent' : 'blocked',
      html: await blocked(() => { document.body.innerHTML = '<p>x</p>'; }),
      policy: await blocked(() => trustedTypes.createPolicy('attestlm', {})),
      eval: await blocked(() => eval('1')),
      global: typeof globalThis.attestlm,
      loosened: await blocked(() => {
        document.querySelectorAll('meta[http-equiv]').forEach((meta) => meta.remove());
        return fetch(target, { mode: 'no-cors' });
      }),
    };
  }, url);
  // A beacon and a frame say nothing of being blocked; that nothing came does.
  const { beacon, frame, ...others } = results;
  assert.deepEqual(others, {
    fetch: 'blocked', image: 'blocked', socket: 'blocked', html: 'blocked', policy: 'blocked', eval: 'blocked', global: 'undefined', loosened: 'blocked' });
  assert.ok(beacon && frame);
  assert.deepEqual(requests, []);
  await context.close();
});

/** A node that answers `answers[method](params)`, and what it was asked. */
async function node(t, answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'content-type');
    let body = '';
    for await (const chunk of request) {
      body += chunk;
    }
    if (request.method === 'OPTIONS') {
      response.end();
      return;
    }
    const { id, method, params } = JSON.parse(body);
    asked.push({ method, params, cookie: request.headers.cookie, referer: request.headers.referer });
    const answer = answers[method](params);
    response.end(typeof answer === 'string' && !answer.startsWith('0x') ? answer : JSON.stringify({ jsonrpc: '2.0', id, ...(typeof answer === 'string' ? { result: answer } : answer) }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.close(), server.closeAllConnections()));
  return { url: `http://127.0.0.1:${server.address().port}/`, asked };
}

// By an account, in 2023.
const ANCHORED = `0x${'12'.repeat(20).padStart(64, '0')}${(1_700_000_000).toString(16).padStart(64, '0')}`;
const REGISTRY = '0x00000000000000000000000000000000000000aB';

/** What the page says about an anchor. */
async function ask(page, url, registry = REGISTRY) {
  await page.fill('#rpc', url);
  await page.fill('#registry', registry);
  await page.click('text=Ask the chain');
  await page.waitForSelector('#anchor-reply p:not(.none)');
  return page.$$eval('#anchor-reply p', (lines) => lines.map((line) => line.textContent));
}

test('an anchor is asked for when the button is pressed', async (t) => {
  const word = (digits) => digits.padStart(64, '0');
  let answer = `0x${word('5aaeb6053f3e94c9b9a09f33669435e7ef1beaed')}${word((1_700_000_000).toString(16))}`;
  const chain = await node(t, { eth_chainId: () => '0xaa36a7', eth_call: () => answer });
  const opened = await open(browser);
  const { page } = opened;
  await choose(page, receipt('contract'));
  const digest = await textOf(page, '#anchor .code');
  await page.waitForTimeout(300);
  assert.deepEqual(chain.asked, []);
  assert.deepEqual(await ask(page, chain.url),
    ['Anchored on chain 11155111 (Sepolia, a test network) by 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed, 14 November 2023, 22:13:20 UTC.',
      'So says the node that you asked: the receipt existed by then.']);
  assert.deepEqual(chain.asked, [
    { method: 'eth_chainId', params: [], cookie: undefined, referer: undefined },
    { method: 'eth_call', params: [{ to: REGISTRY, data: `0x${SELECTOR}${digest.slice(2)}` }, 'latest'], cookie: undefined, referer: undefined },
  ]);
  for (const [given, expected] of [
    [`0x${word('')}${word('')}`, /^Not anchored by itself/],
    ['0x', /there is no contract at this address/],
    ['0x1234', /does not answer as a registry/],
    [`0x${'f'.repeat(128)}`, /does not answer as a registry/],
    [`0x${word('')}${word((1_700_000_000).toString(16))}`, /^No answer about the anchor: the contract names a time, and the account zero, which cannot be right/],
    [`0x${word('1234')}${word('')}`, /^No answer about the anchor: the contract names an account, and no time/],
    [`0x${word('1234')}${word((4_102_444_800).toString(16))}`, /^No answer about the anchor: the contract names a time that is yet to come.*\(1 January 2100/],
    [`0x${word('1234')}${word('f'.repeat(16))}`, /^No answer about the anchor: the contract names a time that is yet to come/],
    [`0x${word('1234')}${word((Math.floor(Date.now() / 1000) + 3_600).toString(16))}`, /yet to come/],
    [{ error: { code: -32000, message: '<b>no</b>' } }, /it answered with an error \(-32000\)/],
    [{ result: 7 }, /is not one of JSON-RPC/],
    ['<html>', /is not JSON/],
    ['x'.repeat(200_000), /is too long/],
  ]) {
    answer = given;
    assert.match((await ask(page, chain.url))[0], expected);
    assert.equal(await page.$('#anchor-reply .good'), null);
  }
  // Clocks are some minutes apart.
  answer = `0x${word('1234')}${word((Math.floor(Date.now() / 1000) + 300).toString(16))}`;
  assert.match((await ask(page, chain.url))[0], /^Anchored on chain/);
  await choose(page, receipt('greedy'));
  answer = `0x${word('')}${word('')}`;
  assert.equal((await ask(page, chain.url)).length, 1);
  for (const [url, registry, expected] of [
    ['http://example.com/', REGISTRY, /has to begin with https/],
    ['javascript:alert(1)', REGISTRY, /has to begin with https/],
    ['https://user:secret@example.com/', REGISTRY, /has to begin with https/],
    [chain.url, '0x12', /40 hexadecimal digits/],
  ]) {
    assert.match((await ask(page, url, registry))[0], expected);
  }
  await opened.close({ allowed: (url) => url === chain.url });
});

test('an anchor of a receipt for another chain is noted', async (t) => {
  let answer = `0x${'0'.repeat(128)}`;
  const chain = await node(t, { eth_chainId: () => '0x1', eth_call: () => answer });
  const opened = await open(browser);
  await choose(opened.page, receipt('contract'));
  assert.deepEqual((await ask(opened.page, chain.url))[1], 'The receipt is for chain 11155111 (Sepolia, a test network).');
  answer = ANCHORED;
  assert.deepEqual((await ask(opened.page, chain.url)).slice(1),
    ['So says the node that you asked: the receipt existed by then.', 'The receipt is for chain 11155111 (Sepolia, a test network).']);
  await opened.close({ allowed: (url) => url === chain.url });
});

test('an anchor mends nothing', async (t) => {
  const chain = await node(t, { eth_chainId: () => '0x1', eth_call: () => ANCHORED });
  const opened = await open(browser);
  const { page } = opened;
  const wrong = changed('step-proof', (proof) => { proof.siblings.reverse(); });
  const badlySigned = changed('greedy', ({ message }) => { message.issuedAt = '1'; });
  const otherwise = changed('greedy', ({ disclosure }) => { disclosure.steps[2].text = '15'; });
  const unsigned = changed('greedy', (document) => { delete document.signature; });
  for (const [texts, title, rest] of [
    [[badlySigned], INVALID, 'The receipt is invalid all the same.'],
    [[otherwise], INVALID, 'The receipt is invalid all the same.'],
    [[unsigned], 'This receipt is not signed', 'The receipt is not signed all the same.'],
    [[receipt('greedy'), wrong], 'The proof does not belong to this receipt', 'The proof does not belong to the receipt all the same.'],
    [[refusedCase('request-unknown-member')], LATER, 'What is unverifiable here stays so all the same.'],
  ]) {
    assert.equal(await choose(page, ...texts), title);
    const [says, doubt, caveat] = await ask(page, chain.url);
    assert.match(says, /^A digest is anchored on chain 1 \(Ethereum\) by 0x/);
    assert.equal(doubt, `What is anchored is a digest, which anybody can have done. ${rest}`);
    assert.equal(caveat, 'So says the node that you asked: the digest existed by then.');
    assert.equal(await page.$('#anchor-reply .good'), null);
    assert.ok(await page.$('#anchor-reply .warn'));
  }
  await page.click('#clear');
  assert.equal(await choose(page, receipt('greedy')), SIGNED);
  assert.match((await ask(page, chain.url))[0], /^Anchored on chain 1/);
  assert.ok(await page.$('#anchor-reply .good'));
  await opened.close({ allowed: (url) => url === chain.url });
});

test('a real node', { skip: process.env.VIEWER_RPC ? false : 'VIEWER_RPC names none' }, async () => {
  // VIEWER_RPC: its address, VIEWER_REGISTRY: of a ReceiptRegistry there in which VIEWER_RECEIPT, a file, is anchored.
  const { VIEWER_RPC: url, VIEWER_REGISTRY: registry, VIEWER_RECEIPT: path } = process.env;
  const opened = await open(browser);
  await choose(opened.page, readFileSync(path, 'utf8'));
  assert.match((await ask(opened.page, url, registry))[0], /^Anchored on chain/);
  await choose(opened.page, receipt('contract'));
  assert.match((await ask(opened.page, url, registry))[0], /^Not anchored/);
  await opened.close({ allowed: (asked) => asked === new URL(url).href });
});

test('the page is one file, and small', () => {
  const html = readFileSync(PAGE, 'utf8').replace(/<(script|style)>.*?<\/\1>/gs, '');
  assert.ok(statSync(PAGE).size < 200_000);
  assert.deepEqual([...html.matchAll(/ (?:src|href)="([^"]*)"/g)].map(([, address]) => address.slice(0, 5)), ['data:']);
});
