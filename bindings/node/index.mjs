import attestlm from './lib/index.js';

export const { AbortError, Adapter, AttestLMError, Generation, Model, Receipt, Session, Signer, hasFeature, profiles, version } = attestlm;
