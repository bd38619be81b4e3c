//! What a caller asks for: input, sampling, seed, and what the receipt is to be bound to.
//!
//! A request is one flat JSON object ([`Request::from_json`]); every binding sends the same
//! one. The part of it that decides the prompt is committed to ([`Content`], [`Canonical`]);
//! the sampling policy has its own field in the receipt.

mod canonical;
mod content;
mod print;
mod read;
mod special;

#[cfg(test)]
mod tests;

pub use canonical::Canonical;
pub use content::{limits, Content, Input, Message};
pub(crate) use read::domain;

use std::fmt;

use crate::commitment::Context;
use crate::error::{Error, Result};
use crate::policy::{GrammarKind, GrammarSpec, SamplingPolicy, SeedRule, SegmenterSpec};
use crate::receipt::Domain;
use crate::seed::Seed;

/// The grammar engine a request's schema or grammar is read by.
// `grammar::ENGINE_ID` by its text (a test compares them): a client without the engine's
// features makes and checks requests too.
const GRAMMAR_ENGINE: &str = "attestlm-grammar/1";

/// Where the seed comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SeedSource {
    /// Not said: random when the temperature is above 0, none otherwise.
    Unspecified,
    /// Random, and echoed in the disclosure.
    Random,
    /// Given (rule 0).
    Given(Seed),
    /// Rule 1: `keccak256(abi.encode(LABEL_SEED_RULE_1, clientEntropy, providerSecret))`.
    Commitment {
        /// The client's 32 random bytes.
        client_entropy: [u8; 32],
        /// The provider's 32 random bytes, whose keccak256 it published before.
        provider_secret: [u8; 32],
    },
    /// Rule 2: `keccak256(abi.encode(LABEL_SEED_RULE_2, context, beacon))`, with the request's context.
    Beacon {
        /// The beacon's value.
        beacon: [u8; 32],
    },
}

impl SeedSource {
    /// The rule of a policy with this seed.
    #[must_use]
    pub fn rule(&self) -> SeedRule {
        match self {
            SeedSource::Unspecified | SeedSource::Random | SeedSource::Given(_) => SeedRule::Given,
            SeedSource::Commitment { .. } => SeedRule::Commitment,
            SeedSource::Beacon { .. } => SeedRule::Beacon,
        }
    }
}

impl fmt::Debug for SeedSource {
    /// Without the values: a provider's secret is one until it is disclosed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SeedSource::Unspecified => "Unspecified",
            SeedSource::Random => "Random",
            SeedSource::Given(_) => "Given",
            SeedSource::Commitment { .. } => "Commitment",
            SeedSource::Beacon { .. } => "Beacon",
        })
    }
}

/// The contract a receipt is signed for (the second EIP-712 domain type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractDomain {
    /// EIP-155 chain id, not 0.
    pub chain_id: u64,
    /// The address of the AttestLM verifier on that chain.
    pub verifying_contract: [u8; 20],
}

impl ContractDomain {
    /// Checks the limits of the fields.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming the field.
    pub fn validate(&self) -> Result<()> {
        if !(1..=Domain::MAX_CHAIN_ID).contains(&self.chain_id) {
            return Err(Error::argument("domain.chainId", format!("must be 1 to {}", Domain::MAX_CHAIN_ID)));
        }
        if self.verifying_contract == [0; 20] {
            return Err(Error::argument("domain.verifyingContract", "must not be the zero address"));
        }
        Ok(())
    }
}

impl From<Option<ContractDomain>> for Domain {
    fn from(domain: Option<ContractDomain>) -> Self {
        match domain {
            Some(ContractDomain { chain_id, verifying_contract }) => {
                Domain::Contract { chain_id, verifying_contract }
            }
            None => Domain::None,
        }
    }
}

/// A request's `policy.context_tokens` where the caller leaves it to the session, whose capacity then
/// takes its place in the receipt.
pub const NOT_STATED: u32 = 0;

/// The most alternatives that an answer tells at each position.
pub const MAX_LOGPROBS: u32 = 20;

/// Everything a caller asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What the prompt is made of.
    pub content: Content,
    /// How tokens are drawn, and when the output ends. `context_tokens` may be [`NOT_STATED`].
    pub policy: SamplingPolicy,
    /// How the output is cut into steps; `None`: as the model does ([`crate::steps::of_template`]). In `policy` it has no
    /// place before that is known.
    pub steps: Option<SegmenterSpec>,
    /// Where the seed comes from; its rule is `policy.seed_rule`.
    pub seed: SeedSource,
    /// Salts every commitment, never all zero; `None`: random, and echoed.
    pub nonce: Option<[u8; 32]>,
    /// The receipt's `context`: a job, and the receipt it follows.
    pub context: Context,
    /// The contract the receipt is for; `None`: a receipt not meant for a contract.
    pub domain: Option<ContractDomain>,
    /// Unix seconds; `None`: the time of signing.
    pub issued_at: Option<u64>,
    /// How many of the likeliest tokens the answer tells at each position, with their log-probabilities and that of
    /// the token drawn; `None`: neither. No part of the receipt.
    pub logprobs: Option<u32>,
}

impl Request {
    /// A request with the default policy (greedy) for `input`.
    #[must_use]
    pub fn new(input: Input) -> Self {
        Request {
            content: Content { input, tools: None, date: None, parse_special: false },
            policy: SamplingPolicy { context_tokens: NOT_STATED, ..SamplingPolicy::default() },
            steps: None,
            seed: SeedSource::Unspecified,
            nonce: None,
            context: Context::NONE,
            domain: None,
            issued_at: None,
            logprobs: None,
        }
    }

    /// The policy, complete: `context_tokens` and segmenter where the request states none.
    #[must_use]
    pub fn policy_in(&self, context_tokens: u32, segmenter: SegmenterSpec) -> SamplingPolicy {
        let stated = self.policy.context_tokens != NOT_STATED;
        SamplingPolicy {
            context_tokens: if stated { self.policy.context_tokens } else { context_tokens },
            segmenter: self.steps.clone().unwrap_or(segmenter),
            ..self.policy.clone()
        }
    }

    /// Reads a request from its JSON text.
    ///
    /// Fields, all but the input optional: `messages` (array of `{role, content}`) or `prompt`
    /// (raw text) or `promptTokens` (array of token ids); `tools` (any JSON), `date`
    /// (`YYYY-MM-DD`), `parseSpecial`; `temperature`, `topK`, `topP`, `minP`, `repeatPenalty`,
    /// `presencePenalty`, `frequencyPenalty`, `penaltyWindow`, `logitBias` (object from token
    /// id to bias), `bans`, `stop`, `schema` (a JSON schema, or its text) or `grammar` (GBNF),
    /// `ignoreEog`, `maxTokens`, `contextTokens`, `choices`; `steps` (false, or what opens reasoning and what closes
    /// it); `seed` (0x hex, decimal, or
    /// `random`), or `seedRule` 1 with `clientEntropy` and `providerSecret`, or `seedRule` 2
    /// with `beacon`; `nonce`, `context` (bytes32, or its inputs: an object of `chainId`,
    /// `contract`, `jobId` and `previousDigest`, zero where absent), `domain` (`{chainId, verifyingContract}`),
    /// `issuedAt` (unix seconds); `logprobs` (likeliest tokens told). Real-valued parameters are JSON numbers or strings, read
    /// from their decimal text. `null` is the same as absent.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming the field: a syntax error, an
    /// unknown or duplicate field, a wrong type, a value out of its limits. No content is quoted.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        read::request(json)
    }

    /// The request as the JSON text [`Self::from_json`] reads, every field of the policy explicit.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn to_json(&self) -> Result<String> {
        self.validate()?;
        print::request(self)
    }

    /// Checks everything that needs no model; [`Self::from_json`] has done so.
    ///
    /// # Errors
    /// The first field out of its limits.
    pub fn validate(&self) -> Result<()> {
        self.content.validate()?;
        self.policy_in(1, SegmenterSpec::default()).validate(None).map_err(|e| self.as_written(e))?;
        if self.policy.seed_rule != self.seed.rule() {
            return Err(Error::argument("seedRule", "does not fit the seed given"));
        }
        if self.logprobs.is_some_and(|count| count > MAX_LOGPROBS) {
            return Err(Error::argument("logprobs", format!("must be at most {MAX_LOGPROBS}")));
        }
        if self.nonce == Some([0; 32]) {
            return Err(Error::argument("nonce", "must not be all zero: it salts every commitment"));
        }
        if matches!(self.seed, SeedSource::Beacon { .. }) && self.context == Context::NONE {
            return Err(Error::argument("context", "seedRule 2 derives the seed from it: it must be given"));
        }
        if let Some(inputs) = self.context.inputs() {
            inputs.check("context")?;
            if matches!(self.seed, SeedSource::Beacon { .. }) && inputs.previous_digest != [0; 32] {
                return Err(Error::argument(
                    "context.previousDigest",
                    "must be zero with seedRule 2: whoever signs the receipt before could choose the seed",
                ));
            }
        }
        self.domain.map_or(Ok(()), |domain| domain.validate())
    }
}

impl Request {
    /// An error of the policy's grammar, named by the field that gave it: a schema is a grammar to the policy.
    pub(crate) fn as_written(&self, error: Error) -> Error {
        let is_schema = |grammar: &GrammarSpec| grammar.kind == GrammarKind::JsonSchema;
        if error.field() == "segmenter" {
            return Error::new(error.kind(), "steps", error.message());
        }
        if error.field() == "grammar" && self.policy.grammar.as_ref().is_some_and(is_schema) {
            return Error::new(error.kind(), "schema", error.message());
        }
        error
    }
}

impl fmt::Debug for Request {
    /// Without prompts and secrets: requests end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("content", &self.content)
            .field("seed", &self.seed)
            .field("domain", &self.domain)
            .field("issued_at", &self.issued_at)
            .finish_non_exhaustive()
    }
}
