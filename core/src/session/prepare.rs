//! From a request to everything a job needs, with nothing left to a default: prompt tokens, policy,
//! seed, nonce.

use serde_json::Value;

use super::Settings;
use crate::commitment::{Context, SeedRuleInputs};
use crate::error::{Error, Result};
use crate::grammar::Grammar;
use crate::model::Model;
use crate::policy::SamplingPolicy;
use crate::receipt::Domain;
use crate::request::{Content, Input, Request, SeedSource};
use crate::seed::{random_bytes, Seed};
use crate::Token;

/// A request made ready for one model.
pub struct Prepared {
    /// Every token from position 0 to the first output token.
    pub prompt_tokens: Vec<Token>,
    /// The policy, complete.
    pub policy: SamplingPolicy,
    /// The seed; zero when greedy.
    pub seed: [u8; 32],
    pub(super) seed_inputs: SeedRuleInputs,
    /// Salts every commitment; random unless the request gave one.
    pub nonce: [u8; 32],
    /// The canonical request.
    pub(super) request: Value,
    pub(super) context: Context,
    pub(super) domain: Domain,
    pub(super) issued_at: Option<u64>,
    pub(super) logprobs: Option<u32>,
    pub(super) grammar: Option<Grammar>,
}

impl Prepared {
    /// Renders, tokenizes and checks a request.
    ///
    /// # Errors
    /// The field at fault: a prompt that does not fit the context, a template that fails, a grammar
    /// that does not parse, a token outside the vocabulary, …
    pub fn new(request: &Request, model: &Model, settings: &Settings) -> Result<Self> {
        let mut prepared = Self::for_scoring(request, model)?;
        prepared.policy = request.policy_in(settings.context_tokens, model.segmenter());
        let prompt: Vec<u8> = model.vocab().detokenize(&prepared.prompt_tokens);
        prepared.policy.segmenter = prepared.policy.segmenter.clone().after_prompt(&prompt);
        prepared
            .policy
            .validate(u32::try_from(model.vocab().len()).ok())
            .map_err(|e| request.as_written(e))?;
        let policy = &prepared.policy;
        if policy.context_tokens > settings.context_tokens {
            return Err(Error::argument(
                "contextTokens",
                format!("{} is above the session's {}", policy.context_tokens, settings.context_tokens),
            ));
        }
        let count = prepared.prompt_tokens.len();
        if count >= policy.context_tokens as usize {
            return Err(Error::argument(
                request.content.input.field(),
                format!("{count} tokens leave no room in a context of {}", policy.context_tokens),
            ));
        }
        prepared.grammar = match &policy.grammar {
            Some(spec) => {
                let grammar = Grammar::compile(spec, model.grammar_vocab()?);
                Some(grammar.map_err(|e| request.as_written(e))?)
            }
            None => None,
        };
        (prepared.seed, prepared.seed_inputs) = if policy.is_greedy() {
            ([0; 32], SeedRuleInputs::Given)
        } else {
            seed_of(&request.seed, request.context.hash())?
        };
        Ok(prepared)
    }

    /// As far as scoring needs it: no seed, no grammar, no limits of sampling.
    pub(super) fn for_scoring(request: &Request, model: &Model) -> Result<Self> {
        request.validate()?;
        check_special(&request.content, model)?;
        let template = match &request.content.input {
            Input::Messages(_) => Some(model.template()?.digest()),
            _ => None,
        };
        Ok(Prepared {
            prompt_tokens: prompt_tokens(&request.content, model)?,
            policy: request.policy.clone(),
            seed: [0; 32],
            seed_inputs: SeedRuleInputs::Given,
            nonce: match request.nonce {
                Some(nonce) => nonce,
                None => random_bytes("nonce")?,
            },
            request: request.content.canonical(template)?.to_json(),
            context: request.context,
            domain: request.domain.into(),
            issued_at: request.issued_at,
            logprobs: request.logprobs,
            grammar: None,
        })
    }
}

/// What `content` renders and tokenizes to on `model`: the tokens from position 0 to the first
/// output token. Generation and verification both come here.
///
/// # Errors
/// A template that is missing or fails, a text that cannot be tokenized, an empty result, a token
/// outside the vocabulary.
pub(crate) fn prompt_tokens(content: &Content, model: &Model) -> Result<Vec<Token>> {
    let vocab = model.vocab();
    let tokens = match &content.input {
        Input::Messages(messages) => {
            let text =
                model.template()?.render(messages, content.tools.as_ref(), content.date.as_deref(), true)?;
            vocab.tokenize(&text)?
        }
        Input::Prompt(text) => vocab.tokenize(text)?,
        Input::Tokens(tokens) => {
            if let Some(token) = tokens.iter().find(|t| **t as usize >= vocab.len()) {
                return Err(Error::argument(
                    "promptTokens",
                    format!("{token} is outside the vocabulary of {} tokens", vocab.len()),
                ));
            }
            tokens.clone()
        }
    };
    if tokens.is_empty() {
        return Err(Error::argument(content.input.field(), "it has no tokens"));
    }
    Ok(tokens)
}

/// Refuses contents that hold the text of a control token, unless that is meant.
pub(crate) fn check_special(content: &Content, model: &Model) -> Result<()> {
    let vocab = model.vocab();
    let texts = vocab.control().iter().filter_map(|token| std::str::from_utf8(vocab.piece(*token)).ok());
    content.check_special(texts)
}

fn seed_of(source: &SeedSource, context: [u8; 32]) -> Result<([u8; 32], SeedRuleInputs)> {
    let inputs = match source {
        SeedSource::Given(seed) => return Ok((*seed.as_bytes(), SeedRuleInputs::Given)),
        SeedSource::Unspecified | SeedSource::Random => {
            return Ok((*Seed::random()?.as_bytes(), SeedRuleInputs::Given));
        }
        SeedSource::Commitment { client_entropy, provider_secret } => {
            SeedRuleInputs::Commitment { client_entropy: *client_entropy, provider_secret: *provider_secret }
        }
        SeedSource::Beacon { beacon } => SeedRuleInputs::Beacon { context, beacon: *beacon },
    };
    let seed = inputs.seed().ok_or_else(|| Error::argument("seedRule", "it makes no seed"))?;
    Ok((seed, inputs))
}
