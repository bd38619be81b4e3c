//! `attestlm disclose`: a receipt of which only some steps are readable.

use std::path::Path;

use attestlm::atomic_file::{write_new, Access};
use attestlm::receipt::{Document, Shown};
use attestlm::verify::refuse_invalid;
use attestlm::Result;

use crate::args::Disclose;
use crate::fail::{Outcome, Status};
use crate::{files, terminal};

pub fn run(args: &Disclose) -> Outcome {
    if let Some(path) = &args.out {
        files::check_new(path)?;
    }
    let text = redacted(&args.receipt, &args.steps)?;
    match &args.out {
        // What stands there may be the one receipt that discloses everything.
        Some(path) => write_new(path, text.as_bytes(), Access::Shared)?,
        None => terminal::print(&text)?,
    }
    Ok(Status::Done)
}

/// A receipt with some of its steps, and nothing else readable.
///
/// # Errors
/// It is invalid by itself, or has not all these steps.
pub fn redacted(receipt: &Path, steps: &[u32]) -> Result<String> {
    let document = Document::parse(&files::read(receipt)?)?;
    refuse_invalid(&document)?;
    document.redacted(&Shown::steps(steps))?.to_json()
}
