//! Verification: form, signature, expectations and commitments here, in pure Rust; the replay
//! with the model in `replayed`.
//!
//! A receipt proves what ran, not that nothing else ran, and not that the answer is true.

mod expectations;
#[cfg(feature = "engine")]
mod replayed;
mod terms;
#[cfg(feature = "engine")]
pub use replayed::{distances, verify, Verifier, VerifyOptions, DISTANCE_CLIP, TOLERANT_THRESHOLD};

pub use expectations::{Expectations, ExpectedSeed};
pub use terms::{profile_id, Terms};

use std::collections::BTreeSet;

use serde_json::Value;

use crate::abi::Word;
use crate::commitment::{Context, Salts, SeedRuleInputs};
use crate::error::{Error, ErrorKind};
use crate::hex::checksum_address;
use crate::policy::{SamplingPolicy, SegmenterSpec};
use crate::receipt::{
    check_commitments, sampler_record, Disclosure, Document, Domain, Finish, Kind, SomeSalts,
};
use crate::request::{Canonical, Request, SeedSource, NOT_STATED};
use crate::verdict::{Report, Verdict};

/// Checks what needs neither model nor chain: form, signature, expectations, commitments.
/// The verdict is `verified` if all of it holds; the report says that nothing was replayed.
#[must_use]
pub fn verify_signature(document: &Document, expectations: &Expectations) -> Report {
    let mut check = Check::new(document);
    let outcome = check.document(expectations);
    check.report.not_compared.push("replay".into());
    check.finish(outcome.map(|()| Verdict::Verified { prefix_only: check_prefix(document) }))
}

/// Refuses a receipt that is invalid by itself, whoever asks: nothing is expected, and a wallet's signature may stand.
///
/// # Errors
/// [`ErrorKind::Receipt`], what is wrong.
pub fn refuse_invalid(document: &Document) -> crate::Result<()> {
    let anything = Expectations {
        scored: document.receipt.kind == Kind::Scored,
        allow_prefix: true,
        ..Expectations::default()
    };
    match verify_signature(document, &anything).verdict {
        Verdict::Invalid { what } => Err(Error::new(ErrorKind::Receipt, "receipt", what)),
        _ => Ok(()),
    }
}

fn check_prefix(document: &Document) -> bool {
    document.receipt.finish == Finish::Cancelled
}

/// A check under way: the report so far.
struct Check<'a> {
    document: &'a Document,
    report: Report,
}

impl<'a> Check<'a> {
    fn new(document: &'a Document) -> Self {
        let report = Report {
            verdict: Verdict::Unverifiable { why: String::new() },
            kind: Some(document.receipt.kind),
            signer: None,
            digest: Some(document.digest()),
            compared: Vec::new(),
            not_compared: Vec::new(),
        };
        Check { document, report }
    }

    fn finish(mut self, outcome: Result<Verdict, Verdict>) -> Report {
        let (Ok(verdict) | Err(verdict)) = outcome;
        self.report.verdict = verdict;
        self.report
    }

    fn compared(&mut self, what: &str) {
        self.report.compared.push(what.to_owned());
    }

    fn not_compared(&mut self, what: impl Into<String>) {
        self.report.not_compared.push(what.into());
    }

    /// Everything that needs no model; `Err` is the final verdict.
    fn document(&mut self, expectations: &Expectations) -> Result<(), Verdict> {
        let receipt = &self.document.receipt;
        receipt.check_form().map_err(|e| invalid(e.to_string()))?;
        self.document.domain.check_form().map_err(|e| invalid(e.to_string()))?;
        self.compared("form");
        let left_to_the_chain = self.signature()?;
        self.all_but_the_signature(expectations)?;
        // Whatever else is wrong says more.
        left_to_the_chain.map_or(Ok(()), Err)
    }

    fn all_but_the_signature(&mut self, expectations: &Expectations) -> Result<(), Verdict> {
        let receipt = &self.document.receipt;
        match (receipt.kind, expectations.scored) {
            (Kind::Scored, false) => {
                return Err(invalid("kind: a scored receipt, whose output was given and not generated"));
            }
            (Kind::Generated, true) => return Err(invalid("kind: a scored receipt was expected")),
            _ => {}
        }
        if receipt.finish == Finish::Cancelled && !expectations.allow_prefix {
            return Err(invalid("finish: cancelled, only a prefix of the output is claimed"));
        }
        self.expectations(expectations)?;
        let Some(disclosure) = &self.document.disclosure else {
            self.not_compared("disclosure (the document has none)");
            self.opened(expectations, &[])?;
            return self.request(expectations);
        };
        let compared = check_commitments(receipt, disclosure).map_err(|m| invalid(m.to_string()))?;
        for field in compared.equal {
            self.compared(&format!("commitment {field}"));
        }
        for index in compared.steps {
            self.compared(&format!("step {index}"));
        }
        for field in compared.not_compared {
            if field != "trace" {
                self.not_compared(format!("commitment {field} (not disclosed)"));
            }
        }
        for name in &compared.unbound {
            let what = if *name == "nonce" { "nonce".to_owned() } else { format!("salt of {name}") };
            self.not_compared(format!("{what} (nothing that is disclosed binds it)"));
        }
        if let Some(what) = compared.unknown.first() {
            return Err(unverifiable(format!("{what}, which is not of a form known to this release")));
        }
        self.opened(expectations, &compared.unbound)?;
        self.request(expectations)
    }

    /// The verdict if only the signer's chain can say whether it is one.
    fn signature(&mut self) -> Result<Option<Verdict>, Verdict> {
        let receipt = &self.document.receipt;
        if !self.document.is_signed() {
            return Err(invalid("signature: the receipt is not signed yet"));
        }
        match (self.document.recover(), self.document.domain) {
            (Ok(address), _) if address == receipt.signer => {
                self.report.signer = Some(address);
                self.compared("signature");
                Ok(None)
            }
            // The signer may be a contract wallet.
            (_, Domain::Contract { .. }) => Ok(Some(unverifiable(format!(
                "erc1271: the signature is not one by the key of {}; if that is a contract, only its chain can \
                 check it",
                checksum_address(&receipt.signer)
            )))),
            (Ok(address), Domain::None) => Err(invalid(format!(
                "signature: made by {}, the receipt states {}",
                checksum_address(&address),
                checksum_address(&receipt.signer)
            ))),
            (Err(error), Domain::None) => Err(invalid(error.to_string())),
        }
    }

    /// The client's own request against what the receipt commits to.
    fn request(&mut self, expectations: &Expectations) -> Result<(), Verdict> {
        let Some(expected) = &expectations.request else {
            self.not_compared("expected request (none given): a hidden system prompt would not show");
            return Ok(());
        };
        let disclosed = self.document.disclosure.as_ref();
        let (Some(disclosure), Some(request)) = (disclosed, disclosed.and_then(|d| d.request.as_ref()))
        else {
            return Err(unverifiable("the request is not disclosed"));
        };
        let theirs = Canonical::from_json("disclosure.request", request.clone())
            .map_err(|e| invalid(e.to_string()))?;
        // The template is the model's, which the receipt binds already: what is compared is what the
        // client asked.
        let ours = expected.content.canonical(theirs.template_digest).map_err(|e| invalid(e.to_string()))?;
        if let Some(field) = different_field(&ours.to_json(), request) {
            return Err(invalid(format!("request.{field}: not what the expected request says")));
        }
        self.stated(expected, expectations, disclosure)?;
        self.compared("expected request");
        Ok(())
    }

    /// Policy, seed, nonce, context, domain and time, where the expected request states them, or nothing else does.
    fn stated(
        &mut self,
        expected: &Request,
        others: &Expectations,
        disclosure: &Disclosure,
    ) -> Result<(), Verdict> {
        let receipt = self.document.receipt;
        let differs = |what: &str| Err(invalid(format!("{what}: not that of the expected request")));
        if receipt.kind == Kind::Generated {
            let mut policy = expected.policy.clone();
            if policy.context_tokens == NOT_STATED {
                policy.context_tokens = disclosed_policy(disclosure)?.context_tokens;
                self.not_compared("expected contextTokens (the expected request states none)");
            }
            match &expected.steps {
                None => {
                    policy.segmenter = disclosed_policy(disclosure)?.segmenter.clone();
                    self.not_compared("expected steps (the expected request states none)");
                }
                Some(stated) => {
                    let found = disclosure.sampler.as_ref().map(|policy| &policy.segmenter);
                    // Whether the prompt opens the reasoning is for the replay to say.
                    let same = found
                        .filter(|found| found.id != SegmenterSpec::WHOLE && found.markers == stated.markers);
                    policy.segmenter = same.unwrap_or(stated).clone();
                }
            }
            if sampler_record::hash(&policy) != receipt.sampler {
                let field = disclosure.sampler.as_ref().and_then(|found| different_parameter(&policy, found));
                let field = field.map_or(String::new(), |field| format!(".{field}"));
                return Err(invalid(format!("sampler{field}: not the policy of the expected request")));
            }
            match (stated_seed(expected), &disclosure.seed) {
                _ if expected.policy.is_greedy() => {}
                (None, _) if others.seed.is_given() => {}
                (None, _) => self.not_compared("expected seed (the expected request states none)"),
                (Some(_), None) => return Err(unverifiable("the seed is not disclosed")),
                (Some(wanted), Some(found)) if wanted != found.seed => return differs("seed"),
                _ => {}
            }
        }
        match &expected.nonce {
            Some(nonce) => {
                let wanted: SomeSalts =
                    Salts::derive(nonce, disclosure.stream).map_err(|e| invalid(e.to_string()))?.into();
                if wanted.contradicts(&disclosure.salts().unwrap_or_default()) {
                    return differs("nonce");
                }
            }
            None if others.nonce.is_some() => {}
            None => self.not_compared("expected nonce (the expected request states none)"),
        }
        if expected.context != Context::NONE && expected.context.hash() != receipt.context {
            return differs("context");
        }
        match (expected.domain, self.document.domain) {
            (None, _) if others.domain.is_some() => {}
            (None, Domain::Contract { .. }) => {
                return Err(invalid(
                    "domain: the receipt is for a contract, the expected request states no domain",
                ));
            }
            (domain, found) if Domain::from(domain) != found => return differs("domain"),
            _ => {}
        }
        match expected.issued_at {
            Some(at) if at != receipt.issued_at => return differs("issuedAt"),
            Some(_) => {}
            None if others.has_time() => {}
            None => self.not_compared("expected issuedAt (the expected request states none)"),
        }
        Ok(())
    }
}

fn disclosed_policy(disclosure: &Disclosure) -> Result<&SamplingPolicy, Verdict> {
    disclosure.sampler.as_ref().ok_or_else(|| unverifiable("the sampling policy is not disclosed"))
}

/// The seed that a request leads to, if it leaves no choice.
fn stated_seed(request: &Request) -> Option<Word> {
    match request.seed {
        SeedSource::Given(seed) => Some(*seed.as_bytes()),
        SeedSource::Commitment { client_entropy, provider_secret } => {
            SeedRuleInputs::Commitment { client_entropy, provider_secret }.seed()
        }
        SeedSource::Beacon { beacon } => {
            SeedRuleInputs::Beacon { context: request.context.hash(), beacon }.seed()
        }
        SeedSource::Unspecified | SeedSource::Random => None,
    }
}

/// The first field, in order, in which two canonical requests differ.
fn different_field(ours: &Value, theirs: &Value) -> Option<String> {
    let (ours, theirs) = (ours.as_object()?, theirs.as_object()?);
    let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    // Another release's renderer is not another request; the replay says so if it matters.
    keys.into_iter()
        .filter(|key| !matches!(key.as_str(), "renderer" | "tokenizer" | "templateDigest"))
        .find(|key| ours.get(*key) != theirs.get(*key))
        .cloned()
}

/// The first parameter in which two policies differ, by its name in the record.
fn different_parameter(ours: &SamplingPolicy, theirs: &SamplingPolicy) -> Option<String> {
    let json = |policy| {
        let text = sampler_record::to_json(policy).to_text().ok()?;
        serde_json::from_str::<Value>(&text).ok()
    };
    different_field(&json(ours)?, &json(theirs)?)
}

fn invalid(what: impl Into<String>) -> Verdict {
    Verdict::Invalid { what: what.into() }
}

fn unverifiable(why: impl Into<String>) -> Verdict {
    Verdict::Unverifiable { why: why.into() }
}
