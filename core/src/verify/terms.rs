//! The terms of a verification, from JSON: what is expected, and how to compare.

use serde_json::Value;

use super::{Expectations, ExpectedSeed};
use crate::abi::Word;
use crate::error::{Error, Result};
use crate::hex::{decode_array, parse_address};
use crate::json::{self, Limits, Object};
#[cfg(feature = "engine")]
use crate::model::{Adapter, Model};
#[cfg(feature = "engine")]
use crate::operation::Operation;
use crate::profile::{self, Profile};
use crate::receipt::{Document, Domain, Finish};
use crate::request;
use crate::seed::Seed;
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
    /// `context`, `nonce`, `clientEntropy`, `providerCommitment`, `beacon` (bytes32), `seed` (0x hex, or a decimal number),
    /// `profile` (a whole id, or `exact` or `fast` for this release's), `finish` (its name or number), `domain` (`{chainId, verifyingContract}`, or
    /// `"none"`), `issuedFrom`, `issuedUntil` (Unix seconds, both included), `scored`, `allowPrefix`, `tolerant`,
    /// `signatureOnly`, `threads`. `null` is the same as absent. Empty text is no terms.
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
                domain: object.optional("domain").map(domain).transpose()?,
                issued_from: object.take("issuedFrom", Object::uint64)?,
                issued_until: object.take("issuedUntil", Object::uint64)?,
                seed: ExpectedSeed {
                    seed: object.optional("seed").map(|value| seed(&value)).transpose()?,
                    client_entropy: object.take("clientEntropy", Object::bytes)?,
                    provider_commitment: object.take("providerCommitment", Object::bytes)?,
                    beacon: object.take("beacon", Object::bytes)?,
                },
                nonce: object.take("nonce", Object::bytes)?,
                request: None,
                scored: object.take("scored", Object::boolean)?.unwrap_or_default(),
                allow_prefix: object.take("allowPrefix", Object::boolean)?.unwrap_or_default(),
            },
            threads: object.take("threads", Object::uint32)?.filter(|threads| *threads > 0),
            tolerant: object.take("tolerant", Object::boolean)?.unwrap_or_default(),
            signature_only: object.take("signatureOnly", Object::boolean)?.unwrap_or_default(),
        };
        object.finish()?;
        terms.expectations.validate()?;
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

/// A profile id, or its hash; `exact-1`, `exact-2` and `fast` stand for this release's, `exact` for either of the exact ones.
///
/// # Errors
/// Any other text without a slash.
pub fn profile_id(text: &str) -> Result<String> {
    if text.contains('/') || decode_array::<32>("profile", text).is_ok() {
        return Ok(text.to_owned());
    }
    let choice = Profile::from_choice(text).map_err(|_| {
        Error::argument(
            "profile",
            "expected `exact`, `exact-1`, `exact-2`, `fast`, or a whole profile id or its hash",
        )
    })?;
    Ok(choice.map_or_else(|| profile::EXACT.to_owned(), Profile::id))
}

fn domain(value: Value) -> Result<Domain> {
    match value {
        Value::String(text) if text == "none" => Ok(Domain::None),
        Value::Object(_) => request::domain(Object::new("domain", value)?).map(|domain| Some(domain).into()),
        _ => {
            Err(Error::argument("domain", "must be an object of chainId and verifyingContract, or \"none\""))
        }
    }
}

fn seed(value: &Value) -> Result<Word> {
    let seed = match value {
        Value::String(text) if text != "random" => Some(Seed::parse(text)?),
        Value::Number(number) => number.as_u64().map(Seed::from_u64),
        _ => None,
    };
    let seed =
        seed.ok_or_else(|| Error::argument("seed", "must be a string (0x hex, decimal) or a number"))?;
    Ok(*seed.as_bytes())
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
        assert_eq!(terms.expectations.profile.as_deref(), Some("exact"));
        let named = Terms::from_json(br#"{"profile":"exact-1"}"#).unwrap();
        assert_eq!(named.expectations.profile, Some(Profile::Exact1.id()));
        assert_eq!(terms.expectations.finish, Some(Finish::MaxTokens));
        assert_eq!((terms.threads, terms.tolerant, terms.signature_only), (Some(2), true, false));
        assert!(terms.expectations.scored && !terms.expectations.allow_prefix);
        let others = Terms::from_json(
            br#"{"domain":{"chainId":"5","verifyingContract":"0x1111111111111111111111111111111111111111"},
                "issuedFrom":1,"issuedUntil":"18446744073709551615","seed":258}"#,
        )
        .unwrap()
        .expectations;
        assert_eq!(others.domain, Some(Domain::Contract { chain_id: 5, verifying_contract: [0x11; 20] }));
        assert_eq!((others.issued_from, others.issued_until), (Some(1), Some(u64::MAX)));
        assert_eq!(others.seed.seed, Some(*Seed::from_u64(258).as_bytes()));
        assert_eq!(
            Terms::from_json(br#"{"domain":"none"}"#).unwrap().expectations.domain,
            Some(Domain::None)
        );
        assert_eq!(Terms::from_json(b"").unwrap().expectations.signer, None);
        let zero_nonce = format!(r#"{{"nonce":"0x{}"}}"#, "0".repeat(64));
        for (text, field) in [
            (r#"{"signed":"x"}"#, "signed"),
            (r#"{"signer":"0x11"}"#, "signer"),
            (r#"{"model":"0x11"}"#, "model"),
            (r#"{"profile":"exakt"}"#, "profile"),
            (r#"{"finish":"soon"}"#, "finish"),
            (r#"{"finish":255}"#, "finish"),
            (r#"{"finish":[]}"#, "finish"),
            (r#"{"scored":1}"#, "scored"),
            (r#"{"domain":"any"}"#, "domain"),
            (r#"{"domain":{"chainId":1}}"#, "domain.verifyingContract"),
            (
                r#"{"domain":{"chainId":0,"verifyingContract":"0x1111111111111111111111111111111111111111"}}"#,
                "domain.chainId",
            ),
            (r#"{"issuedFrom":-1}"#, "issuedFrom"),
            (r#"{"issuedUntil":"01"}"#, "issuedUntil"),
            (r#"{"issuedFrom":2,"issuedUntil":"1"}"#, "issuedFrom"),
            (r#"{"beacon":7}"#, "beacon"),
            (r#"{"seed":"random"}"#, "seed"),
            (r#"{"seed":1.5}"#, "seed"),
            (&zero_nonce, "nonce"),
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
