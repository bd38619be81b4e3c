//! The terms of a verification, from JSON: what is expected, and how to compare.

use serde_json::Value;

use super::Expectations;
use crate::error::{Error, Result};
use crate::hex::parse_address;
use crate::json::{self, Limits, Object};
#[cfg(feature = "engine")]
use crate::model::{Adapter, Model};
#[cfg(feature = "engine")]
use crate::operation::Operation;
use crate::profile::Profile;
use crate::receipt::{Document, Finish};
use crate::verdict::{Report, Verdict};

/// What terms may cost to read.
const LIMITS: Limits = Limits { max_bytes: 1 << 16, max_depth: 3, max_values: 64 };

/// What a client demands of a receipt, and how it is to be compared.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// What is expected, the client's own request aside.
    pub expectations: Expectations,
    /// Worker threads of the replay; `None`: as many as the process may keep busy.
    pub threads: Option<u32>,
    /// Compare with tolerance where bits cannot be compared.
    pub tolerant: bool,
    /// Replay nothing.
    pub signature_only: bool,
}

impl Terms {
    /// Reads terms, every field optional: `signer` (an address), `model`, `adapter` (all zero: none), `sampler`,
    /// `context` (bytes32), `profile` (a whole id, or `exact` or `fast` for this release's), `finish` (its name
    /// or number), `scored`, `allowPrefix`, `tolerant`, `signatureOnly`, `threads`. `null` is the same as
    /// absent. Empty text is no terms.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming the field.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let value = json::parse("terms", text, LIMITS)?;
        if !value.is_object() {
            return Err(Error::argument("terms", "must be a JSON object"));
        }
        let mut object = Object::new("", value)?.without_nulls();
        let terms = Terms {
            expectations: Expectations {
                signer: object
                    .take("signer", Object::string)?
                    .map(|text| parse_address("signer", &text))
                    .transpose()?,
                model: object.take("model", Object::bytes)?,
                adapter: object.take("adapter", Object::bytes)?,
                sampler: object.take("sampler", Object::bytes)?,
                profile: object.take("profile", Object::string)?.map(|text| profile_id(&text)).transpose()?,
                finish: object.optional("finish").map(|value| finish(&value)).transpose()?,
                context: object.take("context", Object::bytes)?,
                request: None,
                scored: object.take("scored", Object::boolean)?.unwrap_or_default(),
                allow_prefix: object.take("allowPrefix", Object::boolean)?.unwrap_or_default(),
            },
            threads: object.take("threads", Object::uint32)?.filter(|threads| *threads > 0),
            tolerant: object.take("tolerant", Object::boolean)?.unwrap_or_default(),
            signature_only: object.take("signatureOnly", Object::boolean)?.unwrap_or_default(),
        };
        object.finish()?;
        Ok(terms)
    }
}

impl Terms {
    /// Verifies a document on these terms: without a model, or where nothing is to be replayed, as far as that goes.
    ///
    /// # Errors
    /// As [`super::verify`].
    #[cfg(feature = "engine")]
    pub fn verify(
        &self,
        document: &Document,
        model: Option<&Model>,
        adapter: Option<&Adapter>,
    ) -> Result<Report> {
        self.verify_with(document, model, adapter, &Operation::new())
    }

    /// As [`Self::verify`]; the operation tells how far the replay is, in tokens, and stops it.
    ///
    /// # Errors
    /// As [`super::verify`].
    #[cfg(feature = "engine")]
    pub fn verify_with(
        &self,
        document: &Document,
        model: Option<&Model>,
        adapter: Option<&Adapter>,
        operation: &Operation,
    ) -> Result<Report> {
        if self.signature_only {
            return Ok(super::verify_signature(document, &self.expectations));
        }
        let options = super::VerifyOptions {
            model,
            adapter,
            threads: self.threads,
            tolerant: self.tolerant,
            operation: operation.clone(),
            ..super::VerifyOptions::default()
        };
        super::verify(document, &self.expectations, &options)
    }

    /// Verifies as far as that goes without an engine: `verified` only where nothing is to be replayed.
    #[must_use]
    pub fn verify_without_engine(&self, document: &Document) -> Report {
        let mut report = super::verify_signature(document, &self.expectations);
        if !self.signature_only && report.verdict.stands() {
            report.verdict =
                Verdict::Unverifiable { why: "this build has no engine: nothing was replayed".into() };
        }
        report
    }
}

/// A profile id; `exact` and `fast` stand for this release's.
///
/// # Errors
/// Any other text without a slash.
pub fn profile_id(text: &str) -> Result<String> {
    if text.contains('/') {
        return Ok(text.to_owned());
    }
    Profile::from_name(text).map(Profile::id).map_err(|_| {
        Error::argument(
            "profile",
            "expected `exact`, `fast`, or a whole profile id as `attestlm profile` prints it",
        )
    })
}

fn finish(value: &Value) -> Result<Finish> {
    match value {
        Value::String(name) => Finish::from_name(name),
        Value::Number(number) => Finish::from_name(&number.to_string()),
        _ => Err(Error::argument("finish", "must be a name or a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_strictly() {
        let word = format!("0x{}", "ab".repeat(32));
        let text = format!(
            r#"{{"signer":"0x{}","model":"{word}","profile":"exact","finish":"max-tokens","threads":2,
                "context":null,"scored":true,"tolerant":true}}"#,
            "11".repeat(20)
        );
        let terms = Terms::from_json(text.as_bytes()).unwrap();
        assert_eq!(terms.expectations.signer, Some([0x11; 20]));
        assert_eq!(terms.expectations.model, Some([0xab; 32]));
        assert_eq!(terms.expectations.profile, Some(Profile::Exact1.id()));
        assert_eq!(terms.expectations.finish, Some(Finish::MaxTokens));
        assert_eq!((terms.threads, terms.tolerant, terms.signature_only), (Some(2), true, false));
        assert!(terms.expectations.scored && !terms.expectations.allow_prefix);
        assert_eq!(Terms::from_json(b"").unwrap().expectations.signer, None);
        for (text, field) in [
            (r#"{"signed":"x"}"#, "signed"),
            (r#"{"signer":"0x11"}"#, "signer"),
            (r#"{"model":"0x11"}"#, "model"),
            (r#"{"profile":"exakt"}"#, "profile"),
            (r#"{"finish":"soon"}"#, "finish"),
            (r#"{"finish":255}"#, "finish"),
            (r#"{"finish":[]}"#, "finish"),
            (r#"{"scored":1}"#, "scored"),
        ] {
            let error = Terms::from_json(text.as_bytes()).expect_err(text);
            assert_eq!(error.field(), field, "{text}: {error}");
        }
    }

    #[test]
    fn finishes_by_number_and_name() {
        assert_eq!(Finish::from_name("0").unwrap(), Finish::EndOfGeneration);
        assert_eq!(Finish::from_name("max-tokens").unwrap(), Finish::MaxTokens);
        assert_eq!(Finish::from_name("stop string").unwrap(), Finish::StopString);
        for text in ["", "6", "255", "256", "-1", "soon", "scored"] {
            assert!(Finish::from_name(text).is_err(), "{text}");
        }
    }
}
