// What head.js hands to page.js, and what build.mjs puts into head.js.
declare const ANCHOR_WORKER: string;
declare const CHECK_WORKER: string;
declare var attestlm: { anchor: Worker, startChecker: () => Worker, locked: Promise<void> } | undefined;
declare var trustedTypes: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string } } | undefined;
