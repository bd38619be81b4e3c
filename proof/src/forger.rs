//! Somebody who forges receipts: it has the software, the signing key of its node and the whole document,
//! and leaves nothing stale that it could recompute. What it lacks is another way to the same logits.

use std::sync::Arc;

use attestlm::abi::{keccak256, Word};
use attestlm::engine::Vocab;
use attestlm::output::{Drawn, Output};
use attestlm::policy::SamplingPolicy;
use attestlm::receipt::{sampler_record, Disclosure, Document, Receipt, Signature};
use attestlm::signer::{KeySigner, Signer};
use attestlm::steps::{self, Step};
use attestlm::trace::{Trace, TraceLeaf};
use attestlm::{commitment, json, Token};

use crate::{signer, Failure};

/// Forges in the name of a key.
pub struct Forger {
    signer: Arc<dyn Signer>,
}

impl Default for Forger {
    /// The node whose answers the client asked for ([`crate::signer`]): the strongest one to have.
    fn default() -> Self {
        Forger { signer: signer() }
    }
}

impl Forger {
    /// A forger with another key than [`crate::KEY`].
    ///
    /// # Errors
    /// A key that is none.
    pub fn with_key(key: &[u8; 32]) -> Result<Self, Failure> {
        Ok(Forger { signer: Arc::new(KeySigner::from_bytes(key)?) })
    }

    /// Edits the openings and the fields that nothing opens, commits to whatever the openings then say, and
    /// signs. The trace is the edit's business: see [`put_output`].
    ///
    /// # Errors
    /// A document without disclosure or nonce, or the edit's own.
    pub fn restate(
        &self,
        document: &Document,
        edit: impl FnOnce(&mut Receipt, &mut Disclosure) -> Result<(), Failure>,
    ) -> Result<Document, Failure> {
        let mut document = document.clone();
        let disclosure = document.disclosure.as_mut().ok_or("nothing is disclosed")?;
        edit(&mut document.receipt, disclosure)?;
        recommit(&mut document.receipt, disclosure)?;
        document.receipt.signer = self.signer.address();
        self.sign(document)
    }

    /// Signs a document as it is, whichever signer it states.
    ///
    /// # Errors
    /// What the signer says.
    pub fn sign(&self, mut document: Document) -> Result<Document, Failure> {
        document.signature = Signature::Key(self.signer.sign_digest(&document.digest())?);
        Ok(document)
    }
}

/// Commits to everything that is disclosed; the trace, which a disclosure does not hold, apart.
fn recommit(receipt: &mut Receipt, disclosure: &Disclosure) -> Result<(), Failure> {
    let salts = disclosure.salts()?;
    if let Some(profile) = &disclosure.profile {
        receipt.profile = keccak256(profile.as_bytes());
    }
    if let Some(policy) = &disclosure.sampler {
        receipt.sampler = sampler_record::hash(policy);
    }
    receipt.seed = match (&disclosure.seed, &salts.seed) {
        (Some(seed), Some(salt)) => commitment::seed(salt, &seed.seed, disclosure.stream, &seed.inputs),
        (None, _) => [0; 32],
        (Some(_), None) => return Err("the salt of the seed is not disclosed".into()),
    };
    if let (Some(request), Some(salt)) = (&disclosure.request, &salts.request) {
        receipt.request = commitment::request(salt, &json::canonicalize(request)?);
    }
    if let (Some(tokens), Some(salt)) = (&disclosure.prompt_tokens, &salts.prompt) {
        receipt.prompt = commitment::prompt(salt, tokens);
        receipt.prompt_count = u32::try_from(tokens.len())?;
    }
    if let (Some(tokens), Some(salt)) = (&disclosure.output_tokens, &salts.output) {
        receipt.output = commitment::output(salt, tokens);
        receipt.output_count = u32::try_from(tokens.len())?;
    }
    if let (Some(list), Some(salt)) = (&disclosure.steps, &salts.steps) {
        receipt.steps = steps::root(salt, list)?;
    }
    Ok(())
}

/// Puts an output into the openings, with the text its tokens stand for and the trace of `digests`.
///
/// # Errors
/// As many digests as tokens are needed, a disclosed policy, and a nonce.
pub fn put_output(
    receipt: &mut Receipt,
    disclosure: &mut Disclosure,
    vocab: &Vocab,
    tokens: &[Token],
    digests: &[Word],
) -> Result<(), Failure> {
    if tokens.len() != digests.len() {
        return Err(format!("{} digests for {} tokens", digests.len(), tokens.len()).into());
    }
    let policy = disclosure.sampler.as_ref().ok_or("the policy is not disclosed")?;
    disclosure.steps = Some(steps_of(vocab, policy, receipt.prompt_count as usize, tokens)?);
    disclosure.output_tokens = Some(tokens.to_vec());
    put_trace(receipt, disclosure, digests)
}

/// Puts the trace of the disclosed output and `digests` into the receipt.
///
/// # Errors
/// No disclosed output, no nonce.
pub fn put_trace(receipt: &mut Receipt, disclosure: &Disclosure, digests: &[Word]) -> Result<(), Failure> {
    let tokens = disclosure.output_tokens.as_ref().ok_or("the output is not disclosed")?;
    let salt = disclosure.salts()?.trace.ok_or("the salt of the trace is not disclosed")?;
    let leaves =
        tokens.iter().zip(digests).map(|(token, digest)| TraceLeaf { token: *token, digest: *digest });
    receipt.trace = Trace::new(salt, leaves.collect())?.root();
    Ok(())
}

/// The steps of an output, as its policy cuts it.
fn steps_of(
    vocab: &Vocab,
    policy: &SamplingPolicy,
    prompt_count: usize,
    tokens: &[Token],
) -> Result<Vec<Step>, Failure> {
    let mut output = Output::default();
    for token in tokens {
        let is_eog = vocab.is_eog(*token);
        let drawn = Drawn { token: *token, piece: vocab.piece(*token), is_eog, grammar_ended: false };
        output.push(drawn, policy, prompt_count);
    }
    Ok(policy.segmenter.segment(output.text(), output.ends())?)
}
