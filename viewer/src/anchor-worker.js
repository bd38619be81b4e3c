// Answers questions about anchors; a reply has the number of its question.
import { ask } from './anchor.js';

/** @param {MessageEvent<import('./anchor.js').Question & { number: number }>} event */
self.onmessage = async ({ data: { number, ...question } }) => self.postMessage({ number, ...(await ask(question)) });

self.postMessage('begun');
