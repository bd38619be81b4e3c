'use strict';
const { callLong, result, text } = require('./library.js');

/** The execution profiles of this library, and whether this machine computes what every exact one promises. */
async function profiles() {
  const out = result();
  await callLong('attestlm_profile_info', out);
  return JSON.parse(text(out));
}

module.exports = { profiles };
