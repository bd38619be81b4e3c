//! Receipts that follow one another: a run of many turns as one history (`docs/spec/receipt-1.md` §4.3).

use super::Document;
use crate::abi::{self, Word};
use crate::commitment::ContextInputs;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::SeedRule;
use crate::verdict::{Report, Verdict};

/// A history under way: receipts are given in their order, each beside its report.
#[derive(Debug, Default)]
pub struct History {
    last: Option<Link>,
}

/// What the next receipt has to follow.
#[derive(Debug)]
struct Link {
    digest: Word,
    /// What it is for: it says so, or was shown to follow a receipt of that job. None of a receipt for nothing, too.
    inputs: Option<ContextInputs>,
    /// It is for something, but does not say for what.
    is_withheld: bool,
}

impl History {
    /// Adds to the report of the next receipt whether it follows the one before: if not, a report that stood is
    /// `invalid` now.
    pub fn add(&mut self, document: &Document, report: &mut Report) {
        let mut link = Link::of(document);
        match &self.last {
            Some(last) => match last.followed_by(document) {
                Ok(inputs) => {
                    report.compared.push("the receipt before it".into());
                    if last.is_withheld {
                        report
                            .not_compared
                            .push("the job of the receipts before (they do not disclose it)".into());
                    }
                    link = Link { inputs: Some(inputs), is_withheld: false, ..link };
                }
                Err(error) if report.verdict.stands() => {
                    report.verdict = Verdict::Invalid { what: error.to_string() };
                }
                // What was found wrong first stays.
                Err(_) => {}
            },
            None if !begins(document) => {
                report
                    .not_compared
                    .push("the receipt before the first (its context is not known to name none)".into());
            }
            None => {}
        }
        self.last = Some(link);
    }
}

/// Whether a document is known to follow no other.
fn begins(document: &Document) -> bool {
    let inputs = document.disclosure.as_ref().and_then(|disclosure| disclosure.context_inputs);
    document.receipt.context == abi::ZERO || inputs.is_some_and(|inputs| inputs.previous_digest == abi::ZERO)
}

impl Link {
    fn of(document: &Document) -> Self {
        let inputs = document.disclosure.as_ref().and_then(|disclosure| disclosure.context_inputs);
        let is_withheld = inputs.is_none() && document.receipt.context != abi::ZERO;
        Link { digest: document.digest(), inputs, is_withheld }
    }

    /// # Errors
    /// What it is for is withheld.
    fn job(&self) -> Result<ContextInputs> {
        if self.is_withheld {
            let why = "the receipt before does not disclose what it is for: whether both are for one job cannot be told";
            return Err(Error::new(ErrorKind::Receipt, "context", why));
        }
        Ok(self.inputs.unwrap_or_default())
    }

    /// What a document that follows is for.
    fn followed_by(&self, document: &Document) -> Result<ContextInputs> {
        let wrong = |why| Err(Error::new(ErrorKind::Receipt, "context", why));
        let policy = document.disclosure.as_ref().and_then(|disclosure| disclosure.sampler.as_ref());
        if policy.is_some_and(|policy| policy.seed_rule == SeedRule::Beacon) {
            let why = "is made by rule 2, after a receipt whose signer could choose it";
            return Err(Error::new(ErrorKind::Receipt, "seed", why));
        }
        let inputs = match Link::of(document).inputs {
            Some(inputs) if inputs.previous_digest != self.digest => {
                return wrong("it follows another receipt than the one before it");
            }
            Some(inputs) if self.inputs.is_some_and(|before| !before.same_job(&inputs)) => {
                return wrong("it is for another job than the receipt before it");
            }
            Some(inputs) => inputs,
            // Not disclosed: the job can only be that of the receipt before.
            None => ContextInputs { previous_digest: self.digest, ..self.inputs.unwrap_or_default() },
        };
        match inputs.hash() == document.receipt.context {
            true => Ok(inputs),
            false => wrong("it does not name the receipt before it, as far as its context is disclosed"),
        }
    }
}

impl Document {
    /// Checks that this receipt follows `previous`: its context names the other's digest, and both are for one job. Neither
    /// signature is looked at, nor what is disclosed but for that.
    ///
    /// # Errors
    /// [`ErrorKind::Receipt`], field `context`, also if `previous` does not disclose what it is for; field `seed`, of a seed by
    /// rule 2, which follows no receipt.
    pub fn check_follows(&self, previous: &Document) -> Result<()> {
        let link = Link::of(previous);
        link.job()?;
        link.followed_by(self).map(drop)
    }

    /// The context of a receipt that follows this one, for the same job. Whether this one stands is not looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Receipt`], field `context`: this one does not disclose what it is for.
    pub fn next_context(&self) -> Result<ContextInputs> {
        let link = Link::of(self);
        Ok(ContextInputs { previous_digest: link.digest, ..link.job()? })
    }
}
