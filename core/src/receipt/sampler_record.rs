//! The sampler record: the sampling policy without its seed, in a form of which there is
//! exactly one. Its hash is the receipt's `sampler` field, which a contract or a client can
//! pin.

use serde_json::Value;

use crate::abi::{self, keccak256, keccak_words, Word};
use crate::commitment::labels;
use crate::error::{Error, Result};
use crate::json::{self, Object, Ordered};
use crate::micros::Micros;
use crate::policy::{GrammarKind, GrammarSpec, SamplingPolicy, SeedRule, SegmenterSpec};

/// The record's version: `docs/spec/sampler-1.md`.
pub const VERSION: u32 = 1;

/// keccak256 of the record's 23 words. Lists enter through the keccak256 of their elements,
/// which all have one width.
#[must_use]
pub fn hash(policy: &SamplingPolicy) -> Word {
    let micros = |value: Micros| abi::int(value.get());
    let biases: Vec<Word> =
        policy.logit_bias.iter().flat_map(|(token, bias)| [abi::uint(*token), micros(*bias)]).collect();
    let bans: Vec<Word> = policy.bans.iter().map(|token| abi::uint(*token)).collect();
    let texts = |texts: &[String]| {
        let hashes: Vec<Word> = texts.iter().map(|text| keccak256(text.as_bytes())).collect();
        keccak_words(&hashes)
    };
    let (kind, text, engine) = match &policy.grammar {
        Some(grammar) => {
            (grammar.kind as u8, keccak256(grammar.text.as_bytes()), keccak256(grammar.engine.as_bytes()))
        }
        None => (0, abi::ZERO, abi::ZERO),
    };
    keccak_words(&[
        labels::SAMPLER,
        abi::uint(VERSION),
        micros(policy.temperature),
        abi::uint(policy.top_k),
        micros(policy.top_p),
        micros(policy.min_p),
        micros(policy.repeat_penalty),
        micros(policy.presence_penalty),
        micros(policy.frequency_penalty),
        abi::uint(policy.penalty_window),
        keccak_words(&biases),
        keccak_words(&bans),
        abi::uint(kind),
        text,
        engine,
        abi::uint(u8::from(policy.ignore_eog)),
        texts(&policy.stop),
        abi::uint(policy.max_tokens),
        abi::uint(policy.context_tokens),
        abi::uint(policy.choices),
        abi::uint(policy.seed_rule as u8),
        abi::uint(policy.segmenter.id),
        texts(&policy.segmenter.markers),
    ])
}

/// The record as it stands in a disclosure.
#[must_use]
pub fn to_json(policy: &SamplingPolicy) -> Ordered {
    let micros = |value: Micros| Ordered::from(value.to_string());
    let bias = |(token, bias): &(u32, Micros)| {
        Ordered::Object(vec![("token", (*token).into()), ("bias", micros(*bias))])
    };
    Ordered::Object(vec![
        ("version", VERSION.into()),
        ("temperature", micros(policy.temperature)),
        ("topK", policy.top_k.into()),
        ("topP", micros(policy.top_p)),
        ("minP", micros(policy.min_p)),
        ("repeatPenalty", micros(policy.repeat_penalty)),
        ("presencePenalty", micros(policy.presence_penalty)),
        ("frequencyPenalty", micros(policy.frequency_penalty)),
        ("penaltyWindow", policy.penalty_window.into()),
        ("logitBias", Ordered::Array(policy.logit_bias.iter().map(bias).collect())),
        ("bans", Ordered::list(policy.bans.iter().copied())),
        (
            "grammar",
            match &policy.grammar {
                None => Value::Null.into(),
                Some(grammar) => Ordered::Object(vec![
                    ("kind", grammar_name(grammar.kind).into()),
                    ("text", grammar.text.as_str().into()),
                    ("engine", grammar.engine.as_str().into()),
                ]),
            },
        ),
        ("ignoreEog", policy.ignore_eog.into()),
        ("stop", Ordered::list(policy.stop.iter().map(String::as_str))),
        ("maxTokens", policy.max_tokens.into()),
        ("contextTokens", policy.context_tokens.into()),
        ("choices", policy.choices.into()),
        ("seedRule", (policy.seed_rule as u8).into()),
        (
            "segmenter",
            Ordered::Object(vec![
                ("id", policy.segmenter.id.into()),
                ("markers", Ordered::list(policy.segmenter.markers.iter().map(String::as_str))),
            ]),
        ),
    ])
}

/// The version of a record that is later than this one's.
pub(super) fn later_version(record: &Value) -> Option<u32> {
    let version = record.get("version")?.as_u64()?;
    u32::try_from(version).ok().filter(|version| *version > VERSION)
}

/// Reads a record called `path` in errors. Every field must be there, decimals as
/// [`Micros`] prints them, biases and bans in rising order: one policy has one record.
///
/// # Errors
/// Any other form. Whether the values make sense together is not judged here.
pub fn from_json(path: &str, value: Value) -> Result<SamplingPolicy> {
    let mut record = Object::new(path, value)?;
    if record.uint32("version")? != VERSION {
        return Err(Error::argument(record.path("version"), format!("must be {VERSION}")));
    }
    let policy = SamplingPolicy {
        temperature: micros(&mut record, "temperature")?,
        top_k: record.uint32("topK")?,
        top_p: micros(&mut record, "topP")?,
        min_p: micros(&mut record, "minP")?,
        repeat_penalty: micros(&mut record, "repeatPenalty")?,
        presence_penalty: micros(&mut record, "presencePenalty")?,
        frequency_penalty: micros(&mut record, "frequencyPenalty")?,
        penalty_window: record.uint32("penaltyWindow")?,
        logit_bias: logit_bias(&mut record)?,
        bans: record.uint32_array("bans")?,
        grammar: grammar(&mut record)?,
        ignore_eog: record.boolean("ignoreEog")?,
        stop: record.string_array("stop")?,
        max_tokens: record.uint32("maxTokens")?,
        context_tokens: record.uint32("contextTokens")?,
        choices: record.uint32("choices")?,
        seed_rule: match record.uint32("seedRule")? {
            0 => SeedRule::Given,
            1 => SeedRule::Commitment,
            2 => SeedRule::Beacon,
            _ => return Err(Error::argument(record.path("seedRule"), "must be 0, 1 or 2")),
        },
        segmenter: {
            let mut segmenter = record.object("segmenter")?;
            let spec =
                SegmenterSpec { id: segmenter.uint32("id")?, markers: segmenter.string_array("markers")? };
            segmenter.finish()?;
            spec
        },
    };
    if !policy.bans.is_sorted_by(|a, b| a < b) {
        return Err(Error::argument(record.path("bans"), "must rise strictly"));
    }
    record.finish()?;
    Ok(policy)
}

fn grammar_name(kind: GrammarKind) -> &'static str {
    match kind {
        GrammarKind::JsonSchema => "jsonSchema",
        GrammarKind::Gbnf => "gbnf",
    }
}

fn micros(object: &mut Object, key: &'static str) -> Result<Micros> {
    let text = object.string(key)?;
    let value =
        Micros::parse("decimal", &text).map_err(|e| Error::argument(object.path(key), e.message()))?;
    if value.to_string() == text {
        Ok(value)
    } else {
        Err(Error::argument(object.path(key), "must be a decimal number without + and superfluous zeros"))
    }
}

fn logit_bias(record: &mut Object) -> Result<Vec<(u32, Micros)>> {
    let path = record.path("logitBias");
    let mut biases = Vec::new();
    for (i, item) in record.array("logitBias")?.into_iter().enumerate() {
        let mut entry = Object::new(format!("{path}[{i}]"), item)?;
        biases.push((entry.uint32("token")?, micros(&mut entry, "bias")?));
        entry.finish()?;
    }
    if !biases.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(Error::argument(path, "tokens must rise strictly"));
    }
    Ok(biases)
}

fn grammar(record: &mut Object) -> Result<Option<GrammarSpec>> {
    let path = record.path("grammar");
    let value = record.required("grammar")?;
    if value.is_null() {
        return Ok(None);
    }
    let mut object = Object::new(path.as_str(), value)?;
    let kind = match object.string("kind")?.as_str() {
        "jsonSchema" => GrammarKind::JsonSchema,
        "gbnf" => GrammarKind::Gbnf,
        _ => return Err(Error::argument(object.path("kind"), "must be \"jsonSchema\" or \"gbnf\"")),
    };
    let grammar = GrammarSpec { kind, text: object.string("text")?, engine: object.string("engine")? };
    object.finish()?;
    Ok(Some(grammar))
}

/// Reads a record from its text, for example a file a client pins.
///
/// # Errors
/// As [`from_json`], and what [`json::parse`] refuses.
pub fn parse(text: &[u8]) -> Result<SamplingPolicy> {
    from_json("sampler", json::parse("sampler", text, super::DOCUMENT_LIMITS)?)
}
