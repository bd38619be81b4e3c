//! The JSON forms of what goes into a session and what comes out of it.

use serde::Serialize;
use serde_json::{json, Value};

use super::{Answer, Continuation, GenerationEvent, Score, SessionOptions, SharedSession, TokenLogprob};
use crate::engine::{self, Vocab, MAX_STREAMS, MAX_STREAM_TOKENS, MAX_UBATCH};
use crate::error::{Error, ErrorKind, Result};
use crate::hex;
use crate::json::{self, Limits, Object};
use crate::profile::Profile;
use crate::Token;

/// What options may cost to read.
const OPTIONS_LIMITS: Limits = Limits { max_bytes: 1 << 16, max_depth: 4, max_values: 64 };
/// What a continuation may cost to read.
const CONTINUATION_LIMITS: Limits = Limits { max_bytes: 64 << 20, max_depth: 3, max_values: 1 << 22 };

impl SessionOptions {
    /// Reads options, every field optional: `profile` (`exact`, the one that the model has; `exact-1`, `exact-2` or
    /// `fast`), `threads`, `oversubscribe`, `contextTokens`, `streams`, `ubatch`. `null` is the
    /// same as absent, empty text as `{}`. An adapter is no part of it.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] naming the field.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let value = json::parse("options", text, OPTIONS_LIMITS)?;
        if !value.is_object() {
            return Err(Error::argument("options", "must be a JSON object"));
        }
        let mut object = Object::new("", value)?.without_nulls();
        let default = SessionOptions::default();
        let options = SessionOptions {
            profile: match object.take("profile", Object::string)? {
                Some(name) => Profile::from_choice(&name)?,
                None => None,
            },
            threads: object.take("threads", Object::uint32)?.filter(|threads| *threads > 0),
            oversubscribe: object.take("oversubscribe", Object::boolean)?.unwrap_or_default(),
            context_tokens: object.take("contextTokens", Object::uint32)?.unwrap_or(default.context_tokens),
            streams: object.take("streams", Object::uint32)?.unwrap_or(default.streams),
            ubatch: object.take("ubatch", Object::uint32)?.unwrap_or(default.ubatch),
            adapter: None,
        };
        object.finish()?;
        engine::range("streams", options.streams, MAX_STREAMS)?;
        engine::range("ubatch", options.ubatch, MAX_UBATCH)?;
        // 0 leaves it to the model.
        engine::range("contextTokens", options.context_tokens.max(1), MAX_STREAM_TOKENS)?;
        Ok(options)
    }
}

impl SharedSession {
    /// What was made of the options: `profile` (the id of what computes: stock kernels where answers cannot be attested), `threads`, `contextTokens`, `streams`, `ubatch`,
    /// `model` and `adapter` (SHA-256; null without one), and `unattested`: null, or why answers carry no
    /// receipt.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let settings = self.settings();
        json!({
            "profile": settings.profile.id(),
            "threads": settings.threads,
            "contextTokens": settings.context_tokens,
            "streams": settings.streams,
            "ubatch": settings.ubatch,
            "model": hex::encode(&self.model().sha256()),
            "adapter": settings.adapter.as_ref().map(|adapter| hex::encode(&adapter.sha256())),
            "unattested": self.unattested().map(Error::to_json),
        })
    }
}

impl Continuation {
    /// Reads `{"text": …}` or `{"tokens": […]}`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] naming the field.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let mut object =
            Object::new("continuation", json::parse("continuation", text, CONTINUATION_LIMITS)?)?;
        let continuation = match (object.has("text"), object.has("tokens")) {
            (true, false) => Continuation::Text(object.string("text")?),
            (false, true) => Continuation::Tokens(object.uint32_array("tokens")?),
            _ => return Err(Error::argument("continuation", "must have one of `text` and `tokens`")),
        };
        object.finish()?;
        Ok(continuation)
    }
}

impl Answer {
    /// `choice`, `text`, `finish` (its name), `tokens`, `promptCount`, `logprobs`: null if the request wanted none,
    /// else of each token `token`, `logprob` and `likeliest` (each `token`, `logprob`), `receipt`: the document,
    /// null without a signer, and `receiptError`: why there is none though a signer was there. Where the signer signs
    /// elsewhere, the document's signature is zeros, to be replaced.
    ///
    /// # Errors
    /// None of the caller's making.
    pub fn to_json(&self, vocab: &Vocab) -> Result<Value> {
        let logprobs = self.logprobs.as_ref().map(|all| {
            let of_token = |one: &TokenLogprob| {
                let mut told = token_json(vocab, one.token, one.log_probability);
                let likeliest =
                    one.likeliest.iter().map(|(token, logprob)| token_json(vocab, *token, *logprob));
                told["likeliest"] = likeliest.collect();
                told
            };
            all.iter().map(of_token).collect::<Vec<_>>()
        });
        let (document, why_not) = match &self.receipt {
            Some(Err(why)) => (None, Some(why.to_json())),
            Some(Ok(document)) => (Some(document.to_value()?), None),
            None => (None, None),
        };
        Ok(json!({
            "choice": self.choice,
            "text": self.text,
            "finish": self.finish.name(),
            "tokens": self.tokens,
            "promptCount": self.prompt_count,
            "logprobs": logprobs,
            "receipt": document,
            "receiptError": why_not,
        }))
    }
}

impl GenerationEvent {
    /// `event` (`prefill`, `text`, `done` or `failed`), `choice`, and what belongs to it: `done` and
    /// `total`; `text`; `finish` (its name) and `outputCount`; `error` (`kind`, `field`, `message`).
    ///
    /// Text at once, without a tree of values: there is an event for every token.
    ///
    /// # Errors
    /// None of the caller's making.
    pub fn to_json(&self) -> Result<String> {
        let told = match self {
            GenerationEvent::Prefill { choice, done, total } => {
                Told::Prefill { choice: *choice, done: *done, total: *total }
            }
            GenerationEvent::Text { choice, text } => Told::Text { choice: *choice, text },
            GenerationEvent::Done { choice, answer } => match answer.as_ref() {
                Ok(answer) => Told::Done {
                    choice: *choice,
                    finish: answer.finish.name(),
                    output_count: answer.tokens.len(),
                },
                Err(error) => Told::Failed { choice: *choice, error: error.to_json() },
            },
        };
        serde_json::to_string(&told).map_err(|e| Error::new(ErrorKind::Internal, "event", e.to_string()))
    }
}

/// An event as JSON has it.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Told<'a> {
    Prefill { choice: u32, done: usize, total: usize },
    Text { choice: u32, text: &'a str },
    Done { choice: u32, finish: &'static str, output_count: usize },
    Failed { choice: u32, error: Value },
}

impl Score {
    /// `tokens` (each `token`, `text`, `bytes`, `logprob`, `greedy`), their sum `logprob`, whether all are `greedy`,
    /// `promptCount`, and `receipt`: the document, null without a signer.
    ///
    /// # Errors
    /// Why the score has no receipt though a signer was there.
    pub fn to_json(&self, vocab: &Vocab) -> Result<Value> {
        let document = match &self.receipt {
            Some(receipt) => Some(receipt.as_ref().map_err(Clone::clone)?.to_value()?),
            None => None,
        };
        let token = |t: &super::TokenScore| {
            let mut told = token_json(vocab, t.token, t.log_probability);
            told["greedy"] = t.is_greedy.into();
            told
        };
        Ok(json!({
            "tokens": self.tokens.iter().map(token).collect::<Vec<_>>(),
            "logprob": self.log_probability(),
            "greedy": self.is_greedy(),
            "promptCount": self.prompt_count,
            "receipt": document,
        }))
    }
}

/// `token`, `text` (bytes that are not UTF-8 are replaced), `bytes` in hex, and `logprob`.
fn token_json(vocab: &Vocab, token: Token, logprob: f64) -> Value {
    let piece = vocab.piece(token);
    json!({
        "token": token, "text": String::from_utf8_lossy(piece), "bytes": hex::encode(piece), "logprob": logprob,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_strictly() {
        let options = SessionOptions::from_json(
            br#"{"profile":"fast","threads":2,"contextTokens":64,"streams":3,"ubatch":7,"oversubscribe":true}"#,
        )
        .unwrap();
        assert_eq!(options.profile, Some(Profile::Fast1));
        assert_eq!((options.threads, options.context_tokens), (Some(2), 64));
        assert_eq!((options.streams, options.ubatch, options.oversubscribe), (3, 7, true));
        let default = SessionOptions::from_json(br#"{"threads":null}"#).unwrap();
        assert_eq!((default.threads, default.streams, default.ubatch), (None, 1, 512));
        for (text, field) in [
            (r#"{"thread":1}"#, "thread"),
            (r#"{"threads":-1}"#, "threads"),
            (r#"{"streams":4294967296}"#, "streams"),
            (r#"{"profile":"exact-3"}"#, "profile"),
            (r#"{"streams":0}"#, "streams"),
            (r#"{"contextTokens":1048577}"#, "contextTokens"),
            (r#"{"ubatch":"7"}"#, "ubatch"),
            (r#"{"oversubscribe":1}"#, "oversubscribe"),
            (r#"[]"#, "options"),
            (r#"{"threads":1,"threads":1}"#, "threads"),
        ] {
            let error = SessionOptions::from_json(text.as_bytes()).err().expect(text);
            assert_eq!(error.field(), field, "{text}: {error}");
        }
    }

    #[test]
    fn a_continuation_is_text_or_tokens() {
        let read = |text: &str| Continuation::from_json(text.as_bytes());
        assert_eq!(read(r#"{"text":"x"}"#).unwrap(), Continuation::Text("x".into()));
        assert_eq!(read(r#"{"tokens":[1,2]}"#).unwrap(), Continuation::Tokens(vec![1, 2]));
        for text in ["{}", r#"{"text":"x","tokens":[]}"#, r#"{"tokens":[-1]}"#, r#"{"text":"x","y":1}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
