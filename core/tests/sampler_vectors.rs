//! The sampler against `vectors/sampler/`, whose expectations come from another implementation of
//! the specification, `vectors/tools/sampler_reference.py`.

#[path = "common/vectors.rs"]
mod vectors;

use attestlm::micros::Micros;
use attestlm::policy::SamplingPolicy;
use attestlm::sampler::{greedy_token, log_probability, Sampler, TokenMask};
use attestlm::seed::Seed;
use attestlm::{ErrorKind, Result, Token};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
enum Vector {
    Sample(Box<Sample>),
    LogProbability {
        #[serde(rename = "note")]
        _note: String,
        logits: Vec<String>,
        expect: LogProbabilities,
    },
    Exp {
        #[serde(rename = "note")]
        _note: String,
        pairs: Vec<[String; 2]>,
    },
    Ln {
        #[serde(rename = "note")]
        _note: String,
        pairs: Vec<[String; 2]>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(rename = "note")]
    _note: String,
    policy: Policy,
    seed: String,
    stream: u32,
    index: String,
    history: Vec<Token>,
    eog: Vec<Token>,
    mask: Option<Vec<String>>,
    logits: Vec<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Policy {
    temperature: String,
    top_k: u32,
    top_p: String,
    min_p: String,
    repeat_penalty: String,
    presence_penalty: String,
    frequency_penalty: String,
    penalty_window: u32,
    logit_bias: Vec<(Token, String)>,
    bans: Vec<Token>,
    ignore_eog: bool,
    choices: u32,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expect {
    Error { error: String },
    Token { token: Token, judgements: Vec<Judged> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    token: Token,
    excluded: bool,
    margin: Option<String>,
    survived: Option<bool>,
    #[serde(rename = "cutoffGap")]
    cutoff_gap: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum LogProbabilities {
    Error { error: String },
    Pairs { pairs: Vec<(Token, String)> },
}

fn hex(text: &str) -> u64 {
    u64::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap()
}

fn f64_of(text: &str) -> f64 {
    f64::from_bits(hex(text))
}

fn words(texts: &[String]) -> Vec<u32> {
    texts.iter().map(|text| u32::try_from(hex(text)).unwrap()).collect()
}

fn logits(texts: &[String]) -> Vec<f32> {
    words(texts).into_iter().map(f32::from_bits).collect()
}

#[track_caller]
fn assert_error<T: std::fmt::Debug>(name: &str, result: Result<T>, kind: &str) {
    let kind = match kind {
        "logits" => ErrorKind::Logits,
        "argument" => ErrorKind::Argument,
        other => panic!("{name}: unknown error kind {other}"),
    };
    assert_eq!(result.unwrap_err().kind(), kind, "{name}");
}

fn policy(p: &Policy) -> SamplingPolicy {
    let micros = |text: &str| Micros::parse("vector", text).unwrap();
    SamplingPolicy {
        temperature: micros(&p.temperature),
        top_k: p.top_k,
        top_p: micros(&p.top_p),
        min_p: micros(&p.min_p),
        repeat_penalty: micros(&p.repeat_penalty),
        presence_penalty: micros(&p.presence_penalty),
        frequency_penalty: micros(&p.frequency_penalty),
        penalty_window: p.penalty_window,
        logit_bias: p.logit_bias.iter().map(|(token, bias)| (*token, micros(bias))).collect(),
        bans: p.bans.clone(),
        ignore_eog: p.ignore_eog,
        choices: p.choices,
        ..SamplingPolicy::default()
    }
}

fn check_sample(name: &str, vector: &Sample) {
    let logits = logits(&vector.logits);
    let mask = vector.mask.as_ref().map(|m| TokenMask::from_words(logits.len(), words(m)).unwrap());
    let seed = Seed::parse(&vector.seed).unwrap();
    let index = vector.index.parse().unwrap();
    let policy = policy(&vector.policy);
    let mut sampler =
        Sampler::new(&policy, seed.as_bytes(), vector.stream, logits.len(), &vector.eog).unwrap();
    let drawn = sampler.sample(index, &logits, &vector.history, mask.as_ref());
    let (token, judgements) = match &vector.expect {
        Expect::Error { error } => return assert_error(name, drawn, error),
        Expect::Token { token, judgements } => (*token, judgements),
    };
    assert_eq!(drawn.unwrap(), token, "{name}");
    assert!(!judgements.is_empty(), "{name}");
    for expected in judgements {
        let judged = sampler.judge(index, &logits, &vector.history, mask.as_ref(), expected.token).unwrap();
        let at = format!("{name}, token {}", expected.token);
        assert_eq!((judged.expected, judged.excluded), (token, expected.excluded), "{at}");
        let margin = expected.margin.as_deref().map_or(f64::INFINITY, f64_of);
        assert_eq!(judged.margin.to_bits(), margin.to_bits(), "{at}: {} is not {margin}", judged.margin);
        assert_eq!(judged.survived, expected.survived.unwrap_or(false), "{at}");
        let gap = expected.cutoff_gap.as_deref().map_or(f64::INFINITY, f64_of);
        assert_eq!(judged.cutoff_gap.to_bits(), gap.to_bits(), "{at}: {} is not {gap}", judged.cutoff_gap);
    }
}

fn check_log_probability(name: &str, logits: &[f32], expect: &LogProbabilities) {
    match expect {
        LogProbabilities::Error { error } => {
            assert_error(name, log_probability(logits, 0), error);
            assert_error(name, greedy_token(logits), error);
        }
        LogProbabilities::Pairs { pairs } => {
            assert!(!pairs.is_empty(), "{name}");
            for (token, expected) in pairs {
                let value = log_probability(logits, *token).unwrap();
                assert_eq!(value.to_bits(), hex(expected), "{name}, token {token}: {value}");
            }
        }
    }
}

fn check_function(name: &str, pairs: &[[String; 2]], function: fn(f64) -> f64) {
    assert!(pairs.len() > 50, "{name}");
    for [x, y] in pairs {
        let (value, expected) = (function(f64_of(x)), f64_of(y));
        assert_eq!(value.to_bits(), expected.to_bits(), "{name} of {x}: {value} is not {expected}");
    }
}

#[test]
fn every_vector_agrees() {
    let mut samples = 0;
    let mut others = Vec::new();
    for (name, text) in vectors::files("sampler") {
        let vector: Result<Vector, _> = serde_json::from_slice(&text);
        match vector.unwrap_or_else(|error| panic!("{name}: {error}")) {
            Vector::Sample(vector) => {
                samples += 1;
                check_sample(&name, &vector);
                continue;
            }
            Vector::Exp { pairs, .. } => check_function(&name, &pairs, libm::exp),
            Vector::Ln { pairs, .. } => check_function(&name, &pairs, libm::log),
            Vector::LogProbability { logits: texts, expect, .. } => {
                check_log_probability(&name, &logits(&texts), &expect);
            }
        }
        others.push(name);
    }
    assert!(samples >= 30, "only {samples} sampler cases were found");
    for name in ["exp", "ln", "log-probability"] {
        assert!(others.iter().any(|other| other == name), "{name} is missing");
    }
}
