//! Receipts that follow one another: a run of many turns as one history (`docs/spec/receipt-1.md` §4.3).

use super::Document;
use crate::abi::{self, Word};
use crate::commitment::ContextInputs;
use crate::error::{Error, ErrorKind, Result};
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
    inputs: Option<ContextInputs>,
}

impl History {
    /// Adds to the report of the next receipt whether it follows the one before: if not, a report that stood is
    /// `invalid` now.
    pub fn add(&mut self, document: &Document, report: &mut Report) {
        match &self.last {
            Some(last) => match last.followed_by(document) {
                Ok(()) => report.compared.push("the receipt before it".into()),
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
        self.last = Some(Link::of(document));
    }
}

/// Whether a document is known to follow no other.
fn begins(document: &Document) -> bool {
    let inputs = document.disclosure.as_ref().and_then(|disclosure| disclosure.context_inputs);
    document.receipt.context == abi::ZERO || inputs.is_some_and(|inputs| inputs.previous_digest == abi::ZERO)
}

impl Link {
    fn of(document: &Document) -> Self {
        Link {
            digest: document.digest(),
            inputs: document.disclosure.as_ref().and_then(|disclosure| disclosure.context_inputs),
        }
    }

    fn followed_by(&self, document: &Document) -> Result<()> {
        let wrong = |why| Err(Error::new(ErrorKind::Receipt, "context", why));
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
            true => Ok(()),
            false => wrong("it does not name the receipt before it, as far as its context is disclosed"),
        }
    }
}

impl Document {
    /// Checks that this receipt follows `previous`: its context names the other's digest, and both are for one job. Neither
    /// signature is looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Receipt`], field `context`.
    pub fn check_follows(&self, previous: &Document) -> Result<()> {
        Link::of(previous).followed_by(self)
    }

    /// The context of a receipt that follows this one, for the same job.
    #[must_use]
    pub fn next_context(&self) -> ContextInputs {
        let link = Link::of(self);
        ContextInputs { previous_digest: link.digest, ..link.inputs.unwrap_or_default() }
    }
}
