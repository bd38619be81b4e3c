// Puts the viewer into one file.
//
//     node build.mjs [OUT]
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = process.argv[2] ?? `${here}../target/viewer/index.html`;

/**
 * @param {string} name of a file in src/
 * @param {Record<string, string>} define
 */
async function bundle(name, define = {}) {
  const options = { bundle: true, minify: true, write: false, format: 'iife', target: ['chrome110', 'firefox115', 'safari16.4'], charset: 'ascii', legalComments: 'none' };
  const result = await build({ ...options, define, entryPoints: [`${here}src/${name}`] });
  const script = result.outputFiles[0].text.trim();
  // HTML would end the script there, wherever it stands. esbuild writes it otherwise.
  if (/<\/script|<!--/i.test(script)) {
    throw new Error(`${name}: what HTML would read in the script`);
  }
  return script;
}

const source = (/** @type {string} */ name) => readFileSync(`${here}src/${name}`, 'utf8');
const hash = (/** @type {string} */ text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const [anchor, check] = [await bundle('anchor-worker.js'), await bundle('worker.js')];
const head = await bundle('head.js', { ANCHOR_WORKER: JSON.stringify(anchor), CHECK_WORKER: JSON.stringify(check) });
const page = await bundle('page.js');
const style = (await transform(source('style.css'), { loader: 'css', minify: true })).code.trim();
const parts = { head, page, style, 'script-hashes': `${hash(head)} ${hash(page)}`, 'style-hash': hash(style) };
const html = source('page.html').replace(/\{\{([a-z-]+)\}\}/g, (_, name) => parts[/** @type {keyof typeof parts} */ (name)]);
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, html);
console.log(`viewer: ${out}, ${Math.ceil(html.length / 1024)} KiB`);
