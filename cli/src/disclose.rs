//! `attestlm disclose`: a receipt of which only some steps are readable.

use attestlm::receipt::{Document, Shown};

use crate::args::Disclose;
use crate::fail::{Outcome, Status};
use crate::{files, terminal};

pub fn run(args: &Disclose) -> Outcome {
    let text =
        Document::parse(&files::read(&args.receipt)?)?.redacted(&Shown::steps(&args.steps))?.to_json()?;
    match &args.out {
        Some(path) => files::write_receipt(path, &text)?,
        None => terminal::print(&text)?,
    }
    Ok(Status::Done)
}
