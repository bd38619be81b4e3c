// Starts what may connect, then takes the right to connect from everything else (page.html).

const policy = globalThis.trustedTypes?.createPolicy('attestlm', { createScriptURL: (/** @type {string} */ url) => url }) ?? { createScriptURL: (/** @type {string} */ url) => url };

/**
 * The start of a worker whose source is the page's own.
 * @param {string} source
 */
function worker(source) {
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return () => new Worker(policy.createScriptURL(url));
}

/**
 * Takes the right to connect from the page, once the worker runs that keeps it: a worker is under the policies that hold when it begins to run, not
 * when it is made. A policy that is there cannot be taken away. Documents wait for this.
 * @param {Worker} kept
 * @returns {Promise<void>}
 */
const lock = (kept) => new Promise((resolve) => {
  let isLocked = false;
  const begun = () => {
    if (!isLocked) {
      isLocked = true;
      const meta = document.createElement('meta');
      meta.httpEquiv = 'Content-Security-Policy';
      meta.content = "connect-src 'none'";
      document.head.append(meta);
      resolve();
    }
  };
  kept.addEventListener('message', begun, { once: true });
  // Without the worker there is no asking, and the rest works.
  kept.addEventListener('error', begun, { once: true });
  setTimeout(begun, 5_000);
});

// The sources are put in by build.mjs.
const anchor = worker(ANCHOR_WORKER)();
globalThis.attestlm = { anchor, startChecker: worker(CHECK_WORKER), locked: lock(anchor) };
