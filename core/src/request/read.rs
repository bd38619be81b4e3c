//! A request from its JSON text.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::Value;

use super::canonical::read_input;
use super::{limits, Content, ContractDomain, Request, SeedSource, GRAMMAR_ENGINE, NOT_STATED};
use crate::commitment::{Context, ContextInputs};
use crate::error::{Error, Result};
use crate::json::{self, Limits, Object};
use crate::micros::Micros;
use crate::policy::{GrammarKind, GrammarSpec, SamplingPolicy, SegmenterSpec};
use crate::seed::Seed;
use crate::{hex, Token};

pub(super) fn request(text: &[u8]) -> Result<Request> {
    let bounds = Limits {
        max_bytes: limits::JSON_BYTES,
        max_depth: limits::TOOLS_DEPTH + 2,
        max_values: limits::PROMPT_TOKENS + (1 << 16),
    };
    let value = json::parse("request", text, bounds)?;
    if !value.is_object() {
        return Err(Error::argument("request", "must be a JSON object"));
    }
    let mut object = Object::new("", value)?.without_nulls();
    // A second reading for the texts of numbers and of a schema: a parsed number has lost its
    // own. The strict reading has seen to size, depth and duplicate keys.
    let raw: BTreeMap<String, &RawValue> =
        serde_json::from_slice(text).map_err(|_| Error::argument("request", "not a JSON object"))?;

    let mut content = Content {
        input: read_input(&mut object)?,
        tools: object.optional("tools"),
        date: object.take("date", Object::string)?,
        parse_special: object.take("parseSpecial", Object::boolean)?.unwrap_or(false),
    };
    // Validated before it is normalized: the depth is bounded by then.
    content.validate()?;
    content.tools = content.tools.as_ref().map(json::normalize).transpose()?;

    let mut policy = policy(&mut object, &raw)?;
    let seed = seed(&mut object, &raw)?;
    policy.seed_rule = seed.rule();
    let request = Request {
        content,
        policy,
        seed,
        nonce: object.take("nonce", Object::bytes)?,
        context: context(&mut object)?,
        domain: object.take("domain", Object::object)?.map(domain).transpose()?,
        issued_at: object.take("issuedAt", Object::uint64)?,
        logprobs: object.take("logprobs", Object::uint32)?,
        steps: steps(&mut object)?,
    };
    object.finish()?;
    request.validate()?;
    Ok(request)
}

fn policy(object: &mut Object, raw: &BTreeMap<String, &RawValue>) -> Result<SamplingPolicy> {
    let default = SamplingPolicy::default();
    let mut real = |key: &'static str, or: Micros| -> Result<Micros> {
        object.optional(key).map_or(Ok(or), |value| micros(key, &value, raw.get(key).copied()))
    };
    let temperature = real("temperature", default.temperature)?;
    let top_p = real("topP", default.top_p)?;
    let min_p = real("minP", default.min_p)?;
    let repeat_penalty = real("repeatPenalty", default.repeat_penalty)?;
    let presence_penalty = real("presencePenalty", default.presence_penalty)?;
    let frequency_penalty = real("frequencyPenalty", default.frequency_penalty)?;
    let bias = object.take("logitBias", |object, key| logit_bias(object, key, raw))?;
    let bans = object.take("bans", Object::uint32_array)?.unwrap_or_default();
    let context_tokens = match object.take("contextTokens", Object::uint32)? {
        // What stands for "not stated" cannot be stated.
        Some(NOT_STATED) => return Err(Error::argument("contextTokens", "must be at least 1")),
        stated => stated.unwrap_or(NOT_STATED),
    };
    let mut count = |key, or| Ok::<u32, Error>(object.take(key, Object::uint32)?.unwrap_or(or));
    SamplingPolicy {
        temperature,
        top_k: count("topK", default.top_k)?,
        top_p,
        min_p,
        repeat_penalty,
        presence_penalty,
        frequency_penalty,
        penalty_window: count("penaltyWindow", default.penalty_window)?,
        max_tokens: count("maxTokens", default.max_tokens)?,
        context_tokens,
        choices: count("choices", default.choices)?,
        grammar: grammar(object, raw)?,
        ignore_eog: object.take("ignoreEog", Object::boolean)?.unwrap_or(default.ignore_eog),
        stop: object.take("stop", Object::string_array)?.unwrap_or_default(),
        ..SamplingPolicy::default()
    }
    .with_logit_bias(bias.unwrap_or_default())?
    .with_bans(bans)
}

/// `false`: none; two markers.
fn steps(object: &mut Object) -> Result<Option<SegmenterSpec>> {
    match object.optional("steps") {
        None => Ok(None),
        Some(Value::Bool(false)) => Ok(Some(SegmenterSpec::default())),
        Some(Value::Array(markers)) => {
            let markers =
                markers.into_iter().map(|marker| marker.as_str().map(str::to_owned)).collect::<Option<_>>();
            let markers = markers.ok_or_else(|| Error::argument("steps", "its markers must be texts"))?;
            Ok(Some(SegmenterSpec { id: SegmenterSpec::MARKED, markers }))
        }
        Some(_) => Err(Error::argument(
            "steps",
            "must be false, or two markers: what opens reasoning and what closes it",
        )),
    }
}

/// A decimal number from its own text: a JSON number's, or a string's.
fn micros(field: &'static str, value: &Value, raw: Option<&RawValue>) -> Result<Micros> {
    match (value, raw) {
        (Value::String(text), _) => Micros::parse(field, text),
        (Value::Number(_), Some(raw)) => Micros::parse(field, raw.get()),
        _ => Err(Error::argument(field, "must be a decimal number, as a JSON number or a string")),
    }
}

fn logit_bias(
    object: &mut Object,
    key: &'static str,
    raw: &BTreeMap<String, &RawValue>,
) -> Result<Vec<(Token, Micros)>> {
    let bad = |why: &str| Error::argument("logitBias", why);
    let Some(Value::Object(map)) = object.optional(key) else {
        return Err(bad("must be an object from token ids to decimal numbers"));
    };
    let texts: BTreeMap<String, &RawValue> = raw
        .get(key)
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .ok_or_else(|| bad("must be an object from token ids to decimal numbers"))?;
    let entry = |(id, value): (&String, &Value)| {
        // Only the canonical text of a token id: "01" and "1" would be one token given twice.
        let token: Token = id.parse().map_err(|_| bad("its keys must be token ids"))?;
        if token.to_string() != *id {
            return Err(bad("its keys must be token ids"));
        }
        Ok((token, micros("logitBias", value, texts.get(id).copied())?))
    };
    map.iter().map(entry).collect()
}

fn grammar(object: &mut Object, raw: &BTreeMap<String, &RawValue>) -> Result<Option<GrammarSpec>> {
    let engine = GRAMMAR_ENGINE.to_string();
    let schema = match (object.optional("schema"), raw.get("schema")) {
        (Some(Value::String(text)), _) => Some(text),
        // Its own text, not a canonical one: the order of its properties has a meaning.
        (Some(Value::Object(_) | Value::Bool(_)), Some(raw)) => Some(raw.get().to_string()),
        (Some(_), _) => {
            return Err(Error::argument("schema", "must be a JSON schema (an object), or the text of one"));
        }
        (None, _) => None,
    };
    let gbnf = object.take("grammar", Object::string)?;
    match (schema, gbnf) {
        (Some(_), Some(_)) => Err(Error::argument("grammar", "cannot be given together with schema")),
        (Some(text), None) => Ok(Some(GrammarSpec { kind: GrammarKind::JsonSchema, text, engine })),
        (None, Some(text)) => Ok(Some(GrammarSpec { kind: GrammarKind::Gbnf, text, engine })),
        (None, None) => Ok(None),
    }
}

fn seed(object: &mut Object, raw: &BTreeMap<String, &RawValue>) -> Result<SeedSource> {
    let rule = object.take("seedRule", |object, key| object.integer(key, 2))?.unwrap_or(0);
    let given = match (object.optional("seed"), raw.get("seed")) {
        (None, _) => SeedSource::Unspecified,
        (Some(Value::String(text)), _) if text == "random" => SeedSource::Random,
        (Some(Value::String(text)), _) => SeedSource::Given(Seed::parse(&text)?),
        (Some(Value::Number(_)), Some(raw)) => SeedSource::Given(Seed::parse(raw.get())?),
        _ => return Err(Error::argument("seed", "must be a string (0x hex, decimal, random) or a number")),
    };
    let source = match rule {
        0 => return Ok(given),
        1 => SeedSource::Commitment {
            client_entropy: object.bytes("clientEntropy")?,
            provider_secret: object.bytes("providerSecret")?,
        },
        _ => SeedSource::Beacon { beacon: object.bytes("beacon")? },
    };
    if given != SeedSource::Unspecified {
        return Err(Error::argument("seed", format!("cannot be given: seedRule {rule} derives it")));
    }
    Ok(source)
}

/// The field itself, or what is hashed to it.
fn context(object: &mut Object) -> Result<Context> {
    if !object.is_object("context") {
        return Ok(object.take("context", Object::bytes)?.map_or(Context::NONE, Context::Hash));
    }
    let mut inputs = object.object("context")?.without_nulls();
    let read = ContextInputs {
        chain_id: inputs.take("chainId", Object::uint64)?.unwrap_or_default(),
        contract: match inputs.take("contract", Object::string)? {
            Some(text) => hex::parse_address("context.contract", &text)?,
            None => [0; 20],
        },
        job_id: inputs.take("jobId", Object::bytes)?.unwrap_or_default(),
        previous_digest: inputs.take("previousDigest", Object::bytes)?.unwrap_or_default(),
    };
    inputs.finish()?;
    Ok(Context::Inputs(read))
}

/// A contract's domain, as requests and terms state it.
pub(crate) fn domain(mut object: Object) -> Result<ContractDomain> {
    let chain_id = object.uint64("chainId")?;
    let contract = object.string("verifyingContract")?;
    object.finish()?;
    let domain = ContractDomain {
        chain_id,
        verifying_contract: hex::parse_address("domain.verifyingContract", &contract)?,
    };
    domain.validate()?;
    Ok(domain)
}
