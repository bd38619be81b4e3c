// What the tests in a browser share.
import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

export const PAGE = process.env.VIEWER_PAGE ?? fileURLToPath(new URL('../../target/viewer/index.html', import.meta.url));

/** A Chromium of the system: on the PATH, under one of its names. */
function executable() {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // The next one.
      }
    }
  }
  throw new Error('no chromium, chromium-browser or google-chrome on the PATH: on Debian, apt-get install chromium');
}

export const launch = () => chromium.launch({
  executablePath: executable(),
  // Chromium has no sandbox for root.
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});

/** The text of a receipt of test/receipts. */
export const receipt = (name) => readFileSync(new URL(`receipts/${name}.json`, import.meta.url), 'utf8');

/** A receipt changed by `change`, as text. */
export function changed(name, change) {
  const document = JSON.parse(receipt(name));
  change(document);
  return JSON.stringify(document);
}

/**
 * Opens the viewer and notes all that it must not do: a request that leaves the page, an error on its console.
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 900 }, reducedMotion: 'reduce', ...options });
  const requests = [];
  const errors = [];
  const own = pathToFileURL(PAGE).href;
  context.on('request', (request) => {
    const url = request.url();
    if (url !== own && !/^(?:blob:null\/|data:image\/svg)/.test(url)) {
      requests.push(url);
    }
  });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      errors.push(message.text());
    }
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('dialog', (dialog) => {
    errors.push('a dialog');
    dialog.dismiss();
  });
  await page.goto(own);
  return {
    page,
    /** Ends the page; nothing may have left it, and nothing have failed in it. */
    async close({ allowed = () => false } = {}) {
      assert.deepEqual(requests.filter((url) => !allowed(url)), []);
      assert.deepEqual(errors, []);
      await context.close();
    },
  };
}

/** Hands texts to the page as files. */
export async function choose(page, ...texts) {
  // Of files that are none the page would decode the bytes, for the test and not for the viewer.
  const folder = mkdtempSync(join(tmpdir(), 'viewer-'));
  const paths = texts.map((text, at) => join(folder, `document-${at}.json`));
  try {
    texts.forEach((text, at) => writeFileSync(paths[at], text));
    await page.setInputFiles('#file', paths);
    return await settled(page);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Waits for the verdict: its heading. */
export async function settled(page, timeout = 45_000) {
  await page.waitForSelector('#verdict .banner h2', { timeout });
  return page.textContent('#verdict .banner h2');
}
