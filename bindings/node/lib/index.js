'use strict';
const { Adapter } = require('./adapter.js');
const { AbortError, AttestLMError } = require('./error.js');
const { Generation } = require('./generation.js');
const { hasFeature, version } = require('./library.js');
const { Model } = require('./model.js');
const { profiles } = require('./profile.js');
const { Receipt } = require('./receipt.js');
const { Session } = require('./session.js');
const { Signer } = require('./signer.js');

/** @typedef {typeof import('../index.d.ts')} Declared */
/**
 * A class without its constructor, which is this package's own.
 * @template T
 * @typedef {T extends (...args: any[]) => any ? T : { [Member in keyof T]: T[Member] }} Members
 */
/** @type {{ [Name in keyof Declared]: Members<Declared[Name]> }} */
module.exports = { AbortError, Adapter, AttestLMError, Generation, Model, Receipt, Session, Signer, hasFeature, profiles, version };
