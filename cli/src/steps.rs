//! `attestlm steps`: the reasoning and the answer of a receipt, step by step.

use std::fmt::Write as _;

use attestlm::receipt::Document;
use attestlm::signer::parse_address;
use attestlm::steps::{Step, StepKind};
use attestlm::verdict::Verdict;
use attestlm::verify::{refuse_invalid, verify_signature, Expectations};
use attestlm::{Error, ErrorKind, Result};
use serde_json::{json, Value};

use crate::args::{Steps, StepsCommand};
use crate::disclose::redacted;
use crate::fail::{one_line, Outcome, Status};
use crate::{files, terminal};

pub fn run(args: &Steps, as_json: bool) -> Outcome {
    match (&args.command, &args.receipt) {
        (Some(StepsCommand::Prove { receipt, step }), _) => {
            terminal::print(&redacted(receipt, &[*step])?)?;
            Ok(Status::Done)
        }
        (Some(StepsCommand::Verify { proof, expect_signer, allow_prefix }), _) => {
            verify(proof, expect_signer, *allow_prefix, as_json)
        }
        (None, Some(receipt)) => {
            let document = Document::parse(&files::read(receipt)?)?;
            // What is shown is what was signed.
            refuse_invalid(&document)?;
            let steps = shown(&document)?;
            if as_json {
                terminal::print_json(
                    &json!({ "steps": steps.into_iter().map(to_json).collect::<Vec<_>>() }),
                )?;
            } else {
                terminal::print(&to_text(&steps))?;
            }
            Ok(Status::Done)
        }
        (None, None) => Err(Error::argument("usage", "a receipt is needed").into()),
    }
}

/// A step is its signer's claim: without the signature, and a signer that somebody expects, it says nothing.
fn verify(proof: &std::path::Path, expect_signer: &str, allow_prefix: bool, as_json: bool) -> Outcome {
    let signer = parse_address("expectSigner", expect_signer)?;
    let document = Document::parse(&files::read(proof)?)?;
    let steps = shown(&document)?;
    let report = verify_signature(
        &document,
        &Expectations { signer: Some(signer), allow_prefix, ..Expectations::default() },
    );
    let stands = report.verdict.stands();
    if as_json {
        let mut value = report.to_json();
        value["steps"] = match stands {
            true => steps.into_iter().map(to_json).collect(),
            false => Value::Null,
        };
        terminal::print_json(&value)?;
    } else if stands {
        let claim = "the signer's claim: nothing was replayed";
        terminal::print(&format!("verified ({claim})\n{}", to_text(&steps)))?;
    } else {
        terminal::print(&format!("{}\n", one_line(&report.verdict.to_string())))?;
    }
    Ok(match report.verdict {
        _ if stands => Status::Done,
        Verdict::Unverifiable { .. } => Status::Unsupported,
        _ => Status::Failed,
    })
}

/// The steps that a document shows, all or some.
///
/// # Errors
/// [`ErrorKind::Receipt`] if it shows none.
pub fn shown(document: &Document) -> Result<Vec<&Step>> {
    let disclosure = document.disclosure.as_ref();
    let all = disclosure.iter().flat_map(|disclosure| disclosure.steps.iter().flatten());
    let some =
        disclosure.iter().flat_map(|disclosure| disclosure.step_proofs.iter().map(|proof| &proof.step));
    let steps: Vec<&Step> = all.chain(some).collect();
    if steps.is_empty() {
        return Err(Error::new(ErrorKind::Receipt, "disclosure", "it shows no step"));
    }
    Ok(steps)
}

fn kind(step: &Step) -> &'static str {
    match step.kind {
        StepKind::Answer => "answer",
        StepKind::Reasoning => "reasoning",
    }
}

/// As JSON.
pub fn to_json(step: &Step) -> Value {
    json!({
        "index": step.index, "kind": kind(step), "firstToken": step.first_token, "endToken": step.end_token,
        "text": String::from_utf8_lossy(&step.text),
    })
}

/// As text: a line about each, its own lines indented.
pub fn to_text(steps: &[&Step]) -> String {
    let mut out = String::new();
    for step in steps {
        let _ = writeln!(
            out,
            "step {} ({}, tokens {} to {})",
            step.index,
            kind(step),
            step.first_token,
            step.end_token
        );
        for line in String::from_utf8_lossy(&step.text).lines() {
            let _ = writeln!(out, "    {}", one_line(line));
        }
    }
    out
}
