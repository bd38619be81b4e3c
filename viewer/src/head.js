// Runs between the page's two content security policies (page.html): what starts here may connect, what starts later may not.

/** @type {{ createScriptURL(url: string): any }} */
const policy = globalThis.trustedTypes?.createPolicy('attestlm', { createScriptURL: (/** @type {string} */ url) => url }) ?? { createScriptURL: (url) => url };

/**
 * The start of a worker whose source is the page's own.
 * @param {string} source
 */
function worker(source) {
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return () => new Worker(policy.createScriptURL(url));
}

// The sources are put in by build.mjs.
globalThis.attestlm = { anchor: worker(ANCHOR_WORKER)(), startChecker: worker(CHECK_WORKER) };
