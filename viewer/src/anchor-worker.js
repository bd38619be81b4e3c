// Answers one question at a time.
import { ask } from './anchor.js';

/** @param {MessageEvent<import('./anchor.js').Question>} event */
self.onmessage = async ({ data }) => self.postMessage(await ask(data));
