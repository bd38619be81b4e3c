//! The answer of a job: its text, and the signed receipt over everything that made it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::job::{Job, State};
use super::prepare::Prepared;
use super::Settings;
use crate::commitment::{self, Salts};
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::model::{Adapter, Model};
use crate::output::Output;
use crate::receipt::{
    sampler_record, Disclosure, Document, Finish, Kind, Receipt, Secrets, SeedDisclosure, Signature,
};
use crate::signer::{Signer, UNSIGNED};
use crate::steps;
use crate::trace::{Show, Trace, TraceLeaf, TraceProof};
use crate::Token;

/// How likely an output token was, by the model's own logits, before penalties, bias, grammar and temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token drawn.
    pub token: Token,
    /// Natural logarithm of its probability.
    pub log_probability: f64,
    /// As many of the likeliest tokens as the request asked for, the likeliest first.
    pub likeliest: Vec<(Token, f64)>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Index of the choice, the sampler's stream.
    pub choice: u32,
    /// The text: without the end-of-generation token or a stop string, invalid UTF-8 replaced.
    pub text: String,
    /// Every token drawn.
    pub tokens: Vec<Token>,
    /// Number of tokens of the prompt.
    pub prompt_count: usize,
    /// How it ended.
    pub finish: Finish,
    /// BLAKE3 of the logits that chose each token: what the receipt's trace commits to.
    pub digests: Vec<[u8; 32]>,
    /// Of each token, if the request wanted them.
    pub logprobs: Option<Vec<TokenLogprob>>,
    /// The signed receipt with its disclosure, or why there is none; `None` without a signer.
    pub receipt: Option<Result<Document>>,
}

impl Job {
    pub(super) fn answer(
        mut self,
        model: &Model,
        settings: &Settings,
        unattested: Option<&Error>,
    ) -> Result<Answer> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        self.output.cancel();
        let finish = self.output.finish().unwrap_or(Finish::Cancelled);
        let receipt = self.signer.as_deref().map(|signer| match unattested {
            Some(why) => Err(why.clone()),
            None => {
                let made = Made { model, settings, choice: self.choice, output: &self.output, finish };
                self.prepared.attest(&made, &self.digests, signer)
            }
        });
        Ok(Answer {
            choice: self.choice,
            text: String::from_utf8_lossy(self.output.text()).into_owned(),
            tokens: self.output.tokens().to_vec(),
            digests: self.digests,
            logprobs: self.prepared.logprobs.map(|_| self.logprobs),
            prompt_count: self.prepared.prompt_tokens.len(),
            finish,
            receipt,
        })
    }
}

impl Answer {
    /// The proof of output token `index` under the receipt's trace.
    ///
    /// # Errors
    /// [`ErrorKind::Receipt`] without a receipt that discloses its nonce, [`ErrorKind::Argument`] if there is no
    /// such token.
    pub fn prove_token(&self, index: u32, show: Show) -> Result<TraceProof> {
        let missing = || Error::new(ErrorKind::Receipt, "receipt", "the answer has none with its nonce");
        let document = self.receipt.as_ref().ok_or_else(missing)?.as_ref().map_err(Clone::clone)?;
        let disclosure = document.disclosure.as_ref().ok_or_else(missing)?;
        let salt = disclosure.salts()?.trace.ok_or_else(missing)?;
        let leaves = self.tokens.iter().zip(&self.digests);
        let leaves = leaves.map(|(token, digest)| TraceLeaf { token: *token, digest: *digest });
        let proof = Trace::new(salt, leaves.collect())?.proof(index, show)?;
        proof.verify(&document.receipt)?;
        Ok(proof)
    }
}

/// What was made of a prepared request.
struct Made<'a> {
    model: &'a Model,
    settings: &'a Settings,
    choice: u32,
    output: &'a Output,
    finish: Finish,
}

impl Prepared {
    fn attest(&self, made: &Made<'_>, digests: &[[u8; 32]], signer: &dyn Signer) -> Result<Document> {
        let salts = Salts::derive(&self.nonce, made.choice)?;
        let greedy = self.policy.is_greedy();
        let steps = self.policy.segmenter.segment(made.output.text(), made.output.ends())?;
        let mut receipt =
            self.receipt(made.model, made.settings, &salts, made.output.tokens(), digests, signer)?;
        receipt.sampler = sampler_record::hash(&self.policy);
        receipt.seed = if greedy {
            [0; 32]
        } else {
            commitment::seed(&salts.seed, &self.seed, made.choice, &self.seed_inputs)
        };
        receipt.steps = steps::root(&salts.steps, &steps)?;
        receipt.finish = made.finish;
        let disclosure = Disclosure {
            sampler: Some(self.policy.clone()),
            seed: (!greedy).then_some(SeedDisclosure { seed: self.seed, inputs: self.seed_inputs }),
            stream: made.choice,
            steps: Some(steps),
            ..self.disclosure(made.settings, made.output.tokens())
        };
        self.sign(receipt, disclosure, signer)
    }

    /// A receipt for a scored output: it was given, only its logits are claimed.
    pub(super) fn attest_score(
        &self,
        model: &Model,
        settings: &Settings,
        continuation: &[Token],
        digests: &[[u8; 32]],
        signer: &dyn Signer,
    ) -> Result<Document> {
        let salts = Salts::derive(&self.nonce, 0)?;
        let mut receipt = self.receipt(model, settings, &salts, continuation, digests, signer)?;
        receipt.kind = Kind::Scored;
        receipt.finish = Finish::Scored;
        self.sign(receipt, self.disclosure(settings, continuation), signer)
    }

    /// The fields both kinds share; the others are zero.
    fn receipt(
        &self,
        model: &Model,
        settings: &Settings,
        salts: &Salts,
        output: &[Token],
        digests: &[[u8; 32]],
        signer: &dyn Signer,
    ) -> Result<Receipt> {
        // What computed must be what was hashed.
        model.check_unchanged()?;
        settings.adapter.as_ref().map_or(Ok(()), Adapter::check_unchanged)?;
        let leaves =
            output.iter().zip(digests).map(|(token, digest)| TraceLeaf { token: *token, digest: *digest });
        let issued_at = match self.issued_at {
            Some(at) => at,
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        };
        Ok(Receipt {
            kind: Kind::Generated,
            model: model.sha256(),
            adapter: settings.adapter.as_ref().map_or([0; 32], Adapter::sha256),
            profile: settings.profile.hash(),
            sampler: [0; 32],
            seed: [0; 32],
            request: commitment::request(&salts.request, &json::canonicalize(&self.request)?),
            prompt: commitment::prompt(&salts.prompt, &self.prompt_tokens),
            output: commitment::output(&salts.output, output),
            trace: Trace::new(salts.trace, leaves.collect())?.root(),
            steps: [0; 32],
            prompt_count: token_count("promptTokens", &self.prompt_tokens)?,
            output_count: token_count("outputTokens", output)?,
            finish: Finish::Cancelled,
            issued_at,
            context: self.context.hash(),
            signer: signer.address(),
        })
    }

    fn disclosure(&self, settings: &Settings, output: &[Token]) -> Disclosure {
        Disclosure {
            profile: Some(settings.profile.id()),
            sampler: None,
            later: None,
            seed: None,
            stream: 0,
            secrets: Secrets::Nonce(self.nonce),
            request: Some(self.request.clone()),
            prompt_tokens: Some(self.prompt_tokens.clone()),
            output_tokens: Some(output.to_vec()),
            steps: None,
            step_proofs: Vec::new(),
            context_inputs: self.context.inputs(),
        }
    }

    fn sign(&self, receipt: Receipt, disclosure: Disclosure, signer: &dyn Signer) -> Result<Document> {
        receipt.check_form()?;
        let signature = signer.sign_digest(&receipt.digest(&self.domain))?;
        Ok(Document {
            receipt,
            domain: self.domain,
            signature: match signature {
                UNSIGNED => Signature::Missing,
                made => Signature::Key(made),
            },
            disclosure: Some(disclosure),
        })
    }
}

fn token_count(field: &'static str, tokens: &[Token]) -> Result<u32> {
    u32::try_from(tokens.len()).map_err(|_| Error::new(ErrorKind::Argument, field, "more than 2^32 tokens"))
}
