//! A request as JSON text.

use serde_json::{json, Map, Value};

use super::{Input, Request, SeedSource, NOT_STATED};
use crate::commitment::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::hex;
use crate::policy::{GrammarKind, SegmenterSpec};

pub(super) fn request(request: &Request) -> Result<String> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| drop(map.insert(key.into(), value));
    let content = &request.content;
    match &content.input {
        Input::Messages(messages) => put(
            "messages",
            messages.iter().map(|m| json!({ "role": m.role, "content": m.content })).collect(),
        ),
        Input::Prompt(text) => put("prompt", text.as_str().into()),
        Input::Tokens(tokens) => put("promptTokens", tokens.iter().copied().collect()),
    }
    if let Some(tools) = &content.tools {
        put("tools", tools.clone());
    }
    if let Some(date) = &content.date {
        put("date", date.as_str().into());
    }
    put("parseSpecial", content.parse_special.into());

    let policy = &request.policy;
    put("temperature", policy.temperature.to_string().into());
    put("topK", policy.top_k.into());
    put("topP", policy.top_p.to_string().into());
    put("minP", policy.min_p.to_string().into());
    put("repeatPenalty", policy.repeat_penalty.to_string().into());
    put("presencePenalty", policy.presence_penalty.to_string().into());
    put("frequencyPenalty", policy.frequency_penalty.to_string().into());
    put("penaltyWindow", policy.penalty_window.into());
    let bias = policy.logit_bias.iter().map(|(token, bias)| (token.to_string(), bias.to_string().into()));
    put("logitBias", Value::Object(bias.collect()));
    put("bans", policy.bans.iter().copied().collect());
    put("stop", policy.stop.iter().map(String::as_str).collect());
    if let Some(grammar) = &policy.grammar {
        let key = match grammar.kind {
            GrammarKind::JsonSchema => "schema",
            GrammarKind::Gbnf => "grammar",
        };
        put(key, grammar.text.as_str().into());
    }
    put("ignoreEog", policy.ignore_eog.into());
    put("maxTokens", policy.max_tokens.into());
    if policy.context_tokens != NOT_STATED {
        put("contextTokens", policy.context_tokens.into());
    }
    put("choices", policy.choices.into());
    match &request.steps {
        None => {}
        Some(spec) if spec.id == SegmenterSpec::WHOLE => put("steps", false.into()),
        Some(spec) => put("steps", spec.markers.iter().map(String::as_str).collect()),
    }

    match &request.seed {
        SeedSource::Unspecified => {}
        SeedSource::Random => put("seed", "random".into()),
        SeedSource::Given(seed) => put("seed", seed.to_string().into()),
        SeedSource::Commitment { client_entropy, provider_secret } => {
            put("seedRule", 1.into());
            put("clientEntropy", hex::encode(client_entropy).into());
            put("providerSecret", hex::encode(provider_secret).into());
        }
        SeedSource::Beacon { beacon } => {
            put("seedRule", 2.into());
            put("beacon", hex::encode(beacon).into());
        }
    }
    if let Some(nonce) = &request.nonce {
        put("nonce", hex::encode(nonce).into());
    }
    match &request.context {
        &Context::NONE => {}
        Context::Hash(hash) => put("context", hex::encode(hash).into()),
        Context::Inputs(inputs) => {
            let mut members = serde_json::Map::from_iter([("chainId".to_owned(), inputs.chain_id.into())]);
            members.extend(inputs.words().map(|(name, text)| (name.to_owned(), text.into())));
            put("context", members.into());
        }
    }
    if let Some(domain) = &request.domain {
        put(
            "domain",
            json!({
                "chainId": domain.chain_id,
                "verifyingContract": hex::checksum_address(&domain.verifying_contract),
            }),
        );
    }
    if let Some(logprobs) = request.logprobs {
        put("logprobs", logprobs.into());
    }
    if let Some(issued_at) = request.issued_at {
        put("issuedAt", issued_at.to_string().into());
    }
    serde_json::to_string(&map)
        .map_err(|_| Error::new(ErrorKind::Internal, "request", "could not be written"))
}
