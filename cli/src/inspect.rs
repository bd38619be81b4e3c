//! `attestlm inspect`: what a receipt states. Only its signature is checked.

use std::fmt::Write as _;

use attestlm::hex;
use attestlm::receipt::{Document, Domain, Kind, Receipt};
use attestlm::signer::{self, format_address};
use serde_json::{json, Value};

use crate::args::Inspect;
use crate::fail::{one_line, Outcome, Status};
use crate::{files, terminal};

pub fn run(args: &Inspect, as_json: bool) -> Outcome {
    let document = Document::parse(&files::read(&args.receipt)?)?;
    let digest = document.digest();
    let signed =
        signer::recover(&digest, &document.signature.0).is_ok_and(|by| by == document.receipt.signer);
    let disclosure = document.disclosure.as_ref();
    let texts: Option<Vec<String>> = disclosure
        .and_then(|d| d.steps.as_ref())
        .map(|steps| steps.iter().map(|step| String::from_utf8_lossy(&step.text).into_owned()).collect());
    let profile = disclosure.and_then(|d| d.profile.clone());

    if as_json {
        let fields: serde_json::Map<String, Value> =
            fields(&document.receipt).into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        terminal::print_json(&json!({
            "digest": hex::encode(&digest),
            "signatureValid": signed,
            "domain": domain(&document.domain),
            "message": fields,
            "finishName": document.receipt.finish.name(),
            "profileId": profile,
            "disclosed": disclosure.is_some(),
            "steps": texts,
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
    for (key, value) in fields(&document.receipt) {
        let shown = match &value {
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
    match (disclosure, texts) {
        (None, _) => out.push_str("no disclosure: the prompt, the output and the seed are withheld\n"),
        (Some(_), None) => {}
        (Some(_), Some(texts)) => {
            for (i, text) in texts.iter().enumerate() {
                let _ = writeln!(out, "step {i}:");
                for line in text.lines() {
                    let _ = writeln!(out, "    {}", one_line(line));
                }
            }
        }
    }
    terminal::print(&out)?;
    Ok(Status::Done)
}

/// The signed fields, in the order of the EIP-712 type.
fn fields(receipt: &Receipt) -> Vec<(&'static str, Value)> {
    let word = |word: &[u8; 32]| Value::from(hex::encode(word));
    vec![
        ("kind", (receipt.kind as u8).into()),
        ("model", word(&receipt.model)),
        ("adapter", word(&receipt.adapter)),
        ("profile", word(&receipt.profile)),
        ("sampler", word(&receipt.sampler)),
        ("seed", word(&receipt.seed)),
        ("request", word(&receipt.request)),
        ("prompt", word(&receipt.prompt)),
        ("output", word(&receipt.output)),
        ("trace", word(&receipt.trace)),
        ("steps", word(&receipt.steps)),
        ("promptCount", receipt.prompt_count.into()),
        ("outputCount", receipt.output_count.into()),
        ("finish", (receipt.finish as u8).into()),
        ("issuedAt", receipt.issued_at.into()),
        ("context", word(&receipt.context)),
        ("signer", format_address(&receipt.signer).into()),
    ]
}

fn domain(domain: &Domain) -> String {
    match domain {
        Domain::None => "AttestLM, not for a contract".to_owned(),
        Domain::Contract { chain_id, verifying_contract } => {
            format!("AttestLM, chain {chain_id}, contract {}", format_address(verifying_contract))
        }
    }
}
