//! `attestlm verify`.

use std::fmt::Write as _;

use attestlm::hex;
use attestlm::model::Model;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::signer::parse_address;
use attestlm::verdict::{Report, Verdict};
use attestlm::verify::{profile_id, verify, verify_signature, Expectations, VerifyOptions};
use attestlm::{Error, Result};

use crate::args::Verify;
use crate::fail::{one_line, Failure, Outcome, Status};
use crate::interrupt::Interrupt;
use crate::{files, load, terminal};

pub fn run(args: &Verify, as_json: bool) -> Outcome {
    let interrupt = Interrupt::listen()?;
    let expectations = expectations(args)?;
    let report = match Document::parse(&files::read(&args.receipt)?) {
        Ok(document) => check(&document, &expectations, args, &interrupt)?,
        // Unlike a file that cannot be read, this is a judgement of what was handed over.
        Err(error) => Report {
            verdict: Verdict::Invalid { what: error.to_string() },
            kind: None,
            signer: None,
            digest: None,
            compared: Vec::new(),
            not_compared: vec!["anything: the document is malformed".into()],
        },
    };
    print(&report, as_json, args.signature_only)?;
    Ok(match report.verdict {
        _ if report.verdict.stands() => Status::Done,
        Verdict::Unverifiable { .. } => Status::Unsupported,
        _ => Status::Failed,
    })
}

fn check(
    document: &Document,
    expectations: &Expectations,
    args: &Verify,
    interrupt: &Interrupt,
) -> Result<Report> {
    // What is already known to be wrong needs no model.
    let report = verify_signature(document, expectations);
    if args.signature_only || !report.verdict.stands() {
        return Ok(report);
    }
    let model = match &args.model {
        Some(path) => Some(load::model(Some(path), interrupt)?),
        None => Some(Model::bundled()?).filter(|model| model.sha256() == document.receipt.model),
    };
    let adapter = match &model {
        Some(model) => load::adapter(args.adapter.as_deref(), model)?,
        None => None,
    };
    verify(
        document,
        expectations,
        &VerifyOptions {
            model: model.as_ref(),
            adapter: adapter.as_ref(),
            threads: args.threads,
            tolerant: args.tolerant,
            operation: interrupt.operation(),
            ..VerifyOptions::default()
        },
    )
}

fn expectations(args: &Verify) -> Result<Expectations> {
    let word = |field: &'static str, text: &Option<String>| {
        text.as_deref().map(|text| hex::decode_array(field, &text.to_ascii_lowercase())).transpose()
    };
    let request = match &args.request {
        Some(path) => Some(Request::from_json(&files::read(path)?)?),
        None => None,
    };
    Ok(Expectations {
        signer: args.expect_signer.as_deref().map(|text| parse_address("expectSigner", text)).transpose()?,
        model: word("expectModel", &args.expect_model)?,
        adapter: word("expectAdapter", &args.expect_adapter)?,
        sampler: word("expectSampler", &args.expect_sampler)?,
        profile: args
            .expect_profile
            .as_deref()
            .map(|text| profile_id(text).map_err(named("expectProfile")))
            .transpose()?,
        finish: args
            .expect_finish
            .as_deref()
            .map(|text| Finish::from_name(text).map_err(named("expectFinish")))
            .transpose()?,
        context: word("expectContext", &args.expect_context)?,
        request,
        scored: args.scored,
        allow_prefix: args.allow_prefix,
    })
}

/// The error of a field under its flag's name.
fn named(flag: &'static str) -> impl Fn(Error) -> Error {
    move |error| Error::argument(flag, error.message())
}

fn print(report: &Report, as_json: bool, signature_only: bool) -> Result<(), Failure> {
    if as_json {
        return terminal::print_json(&report.to_json());
    }
    let scope = if signature_only && report.verdict.stands() { " (signature only)" } else { "" };
    let mut text = format!("{}{scope}\n", one_line(&report.verdict.to_string()));
    for what in &report.not_compared {
        let _ = writeln!(text, "not compared: {}", one_line(what));
    }
    terminal::print(&text)
}
