// Takes the pictures of docs/viewer.md.
//
//     node screenshots.mjs [FOLDER]
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { changed, choose, launch, open, receipt } from './test/browser.mjs';

const folder = process.argv[2] ?? fileURLToPath(new URL('../docs/viewer', import.meta.url));
mkdirSync(folder, { recursive: true });
const desktop = { viewport: { width: 900, height: 1000 } };
const phone = { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, isMobile: true };
const tampered = changed('greedy', ({ disclosure }) => {
  disclosure.steps[2].text = '15';
});

const vector = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
const later = vector('refused/record-version').text;
const history = JSON.stringify(vector('receipts/of-a-job').document);

const browser = await launch();
for (const [name, options, texts, at] of [
  ['valid', desktop, [receipt('greedy')], '#verdict'],
  ['steps', desktop, [receipt('greedy')], '#request'],
  ['redacted-dark', { ...desktop, colorScheme: 'dark' }, [receipt('redacted')], '#steps'],
  ['tampered', desktop, [tampered], '#verdict'],
  ['unverifiable', desktop, [later], '#verdict'],
  ['history', desktop, [history], '#facts'],
  ['phone', phone, [receipt('greedy')], '#verdict'],
  ['phone-dark', { ...phone, colorScheme: 'dark' }, [receipt('contract')], '#facts'],
]) {
  const { page, close } = await open(browser, options);
  await choose(page, ...texts);
  await page.evaluate((place) => window.scrollTo(0, document.querySelector(place).getBoundingClientRect().top + window.scrollY - 12), at);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await close();
}
await browser.close();
