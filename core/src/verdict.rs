//! Verdicts and reports: what a check found, and what it did not look at.

use std::fmt;

use crate::hex::checksum_address;
use crate::receipt::Kind;
use crate::signer::Address;

/// The outcome of a check; never a bare yes or no.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// Everything that was compared agrees, bit for bit.
    Verified {
        /// The output was cancelled: only its prefix is claimed, and verified.
        prefix_only: bool,
    },
    /// The replay computed something else than the receipt claims.
    Diverged {
        /// Index of the first output token that differs; `None` where only roots can be compared.
        position: Option<u64>,
        /// What differs: `token`, `trace`, `finish`, `steps`, …
        what: String,
    },
    /// The document contradicts itself, its signature or an expectation.
    Invalid {
        /// What is wrong, by field.
        what: String,
    },
    /// It cannot be checked here.
    Unverifiable {
        /// Why not.
        why: String,
    },
    /// Tolerant mode: as close as honest machines are.
    Consistent {
        /// The mean clipped distance of the claimed tokens from being drawn.
        score: f64,
    },
    /// Tolerant mode: further off than honest machines are.
    Inconsistent {
        /// As in [`Verdict::Consistent`]; infinite if a token could never have been drawn.
        score: f64,
    },
}

impl Verdict {
    /// The verdict's name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Verified { .. } => "verified",
            Verdict::Diverged { .. } => "diverged",
            Verdict::Invalid { .. } => "invalid",
            Verdict::Unverifiable { .. } => "unverifiable",
            Verdict::Consistent { .. } => "consistent",
            Verdict::Inconsistent { .. } => "inconsistent",
        }
    }

    /// Whether the receipt stands: verified or consistent.
    #[must_use]
    pub fn stands(&self) -> bool {
        matches!(self, Verdict::Verified { .. } | Verdict::Consistent { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Verified { prefix_only: false } => f.write_str("verified"),
            Verdict::Verified { prefix_only: true } => f.write_str("verified (prefix only)"),
            Verdict::Diverged { position: Some(at), what } => write!(f, "diverged at token {at}: {what}"),
            Verdict::Diverged { position: None, what } => write!(f, "diverged: {what}"),
            Verdict::Invalid { what } => write!(f, "invalid: {what}"),
            Verdict::Unverifiable { why } => write!(f, "unverifiable: {why}"),
            Verdict::Consistent { score } => write!(f, "consistent (score {score:.6})"),
            Verdict::Inconsistent { score } => write!(f, "inconsistent (score {score:.6})"),
        }
    }
}

/// A verdict with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Kind of the receipt, once it could be read.
    pub kind: Option<Kind>,
    /// The signer, once the signature was checked.
    pub signer: Option<Address>,
    /// The receipt's EIP-712 digest.
    pub digest: Option<[u8; 32]>,
    /// What was compared, in order.
    pub compared: Vec<String>,
    /// What was not: a receipt that honestly commits to a hidden system prompt replays perfectly;
    /// only the client's own request shows it.
    pub not_compared: Vec<String>,
}

impl Report {
    /// Canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{json, Map, Value};
        let mut verdict = Map::new();
        verdict.insert("name".into(), self.verdict.name().into());
        match &self.verdict {
            Verdict::Verified { prefix_only } => {
                verdict.insert("prefixOnly".into(), (*prefix_only).into());
            }
            Verdict::Diverged { position, what } => {
                verdict.insert("position".into(), json!(position));
                verdict.insert("what".into(), what.as_str().into());
            }
            Verdict::Invalid { what } => {
                verdict.insert("what".into(), what.as_str().into());
            }
            Verdict::Unverifiable { why } => {
                verdict.insert("why".into(), why.as_str().into());
            }
            Verdict::Consistent { score } | Verdict::Inconsistent { score } => {
                // JSON has no infinity.
                verdict.insert("score".into(), if score.is_finite() { json!(score) } else { Value::Null });
            }
        }
        json!({
            "verdict": verdict,
            "kind": self.kind.map(|k| k as u8),
            "signer": self.signer.as_ref().map(checksum_address),
            "digest": self.digest.map(|d| crate::hex::encode(&d)),
            "compared": self.compared,
            "notCompared": self.not_compared,
        })
    }
}
