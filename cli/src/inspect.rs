//! `attestlm inspect`: what a receipt states. Its signature and its disclosure are compared, nothing is
//! replayed.

use std::fmt::Write as _;

use attestlm::hex;
use attestlm::receipt::{check_commitments, Document, Domain, Kind, Mismatch};
use attestlm::signer::format_address;
use serde_json::{json, Value};

use crate::args::Inspect;
use crate::fail::{one_line, Outcome, Status};
use crate::{files, steps, terminal};

pub fn run(args: &Inspect, as_json: bool) -> Outcome {
    let document = Document::parse(&files::read(&args.receipt)?)?;
    let digest = document.digest();
    let signed = document.recover().is_ok_and(|by| by == document.receipt.signer);
    let disclosure = document.disclosure.as_ref();
    let steps = steps::shown(&document).ok();
    let profile = disclosure.and_then(|d| d.profile.clone());
    let matches = disclosed(&document);

    if as_json {
        let message: serde_json::Map<String, Value> =
            document.receipt.message().into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        terminal::print_json(&json!({
            "digest": hex::encode(&digest),
            "signatureValid": signed,
            "domain": domain(&document.domain),
            "message": message,
            "finishName": document.receipt.finish.name(),
            "profileId": profile,
            "disclosed": disclosure.is_some(),
            "disclosureMatches": matches.as_ref().map(Result::is_ok),
            "steps": steps.map(|steps| steps.into_iter().map(steps::to_json).collect::<Vec<_>>()),
        }))?;
        return Ok(Status::Done);
    }

    let mut out = String::new();
    let _ = writeln!(out, "{:14} {}", "digest", hex::encode(&digest));
    let _ = writeln!(
        out,
        "{:14} {}",
        "signature",
        if signed { "valid, by the signer" } else { "NOT by the signer" }
    );
    let _ = writeln!(out, "{:14} {}", "domain", domain(&document.domain));
    let opens = match &matches {
        None => "none: the prompt, the output and the seed are withheld".to_owned(),
        Some(Ok(())) => "matches the receipt (nothing was replayed)".to_owned(),
        Some(Err(mismatch)) => format!("does NOT match the receipt: {}", one_line(&mismatch.to_string())),
    };
    let _ = writeln!(out, "{:14} {opens}", "disclosure");
    for (key, value) in document.receipt.message() {
        let shown = match &value {
            _ if key == "signer" => format_address(&document.receipt.signer),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let note = match key {
            "kind" if document.receipt.kind == Kind::Generated => " (generated)",
            "kind" => " (scored: the output was given)",
            "finish" => &format!(" ({})", document.receipt.finish.name()),
            "profile" => &profile.as_ref().map(|id| format!(" ({})", one_line(id))).unwrap_or_default(),
            _ => "",
        };
        let _ = writeln!(out, "{key:14} {shown}{note}");
    }
    out.push_str(&steps::to_text(steps.as_deref().unwrap_or_default()));
    terminal::print(&out)?;
    Ok(Status::Done)
}

/// Whether the disclosure opens to what was signed, and in which field not; `None` without one.
fn disclosed(document: &Document) -> Option<Result<(), Mismatch>> {
    let disclosure = document.disclosure.as_ref()?;
    Some(check_commitments(&document.receipt, disclosure).map(drop))
}

fn domain(domain: &Domain) -> String {
    match domain {
        Domain::None => "AttestLM, not for a contract".to_owned(),
        Domain::Contract { chain_id, verifying_contract } => {
            format!("AttestLM, chain {chain_id}, contract {}", format_address(verifying_contract))
        }
    }
}
