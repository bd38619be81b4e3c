// What the tests share.
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, truncateSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

export const read = (path) => readFileSync(ROOT + path, 'utf8');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A request that takes long: nothing ends it before its last token. */
export const long = (maxTokens = 400) => ({ prompt: 'Tom has 12 apples.', ignoreEog: true, maxTokens, temperature: '0.7', seed: 7n });

/** The bundled model as a file. */
export const MODEL = ROOT + 'models/abacus/abacus-q8_0.gguf';

/** The same at `path` with as many zeros behind it as make it `bytes` long: no more space on the disk, more to read. */
export function grown(path, bytes) {
  copyFileSync(MODEL, path);
  truncateSync(path, bytes);
  return path;
}

/** Runs a program to its end: what it wrote, and how it ended. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const out = [];
    const err = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout: Buffer.concat(out), stderr: String(Buffer.concat(err)) }));
  });
}

/** Runs a module's text with this package at hand. */
export const runModule = (text, options = {}) => run(process.execPath, ['--input-type=module', '--eval', text], { cwd: PACKAGE, ...options });

/** Why an operation fails; a success is a failure of the test. */
export async function failure(work) {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('it should have failed');
}
