//! `attestlm verify`.

use std::fmt::Write as _;

use attestlm::hex;
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::signer::parse_address;
use attestlm::verdict::{Report, Verdict};
use attestlm::verify::{verify, verify_signature, Expectations, VerifyOptions};
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
            cancel: Some(interrupt.flag()),
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
        profile: args.expect_profile.as_deref().map(profile).transpose()?,
        finish: args.expect_finish.as_deref().map(finish).transpose()?,
        context: word("expectContext", &args.expect_context)?,
        request,
        scored: args.scored,
        allow_prefix: args.allow_prefix,
    })
}

/// A profile id; `exact` and `fast` stand for this release's.
fn profile(text: &str) -> Result<String> {
    if text.contains('/') {
        return Ok(text.to_owned());
    }
    Profile::from_name(text).map(Profile::id).map_err(|_| {
        Error::argument(
            "expectProfile",
            "expected `exact`, `fast`, or a whole profile id as `attestlm profile` prints it",
        )
    })
}

/// A finish by its number or its name, `end-of-generation` or `end of generation`.
fn finish(text: &str) -> Result<Finish> {
    let by_number = text.parse::<u8>().ok().and_then(|number| Finish::try_from(number).ok());
    let name = text.replace('-', " ");
    let mut known = (0..=u8::MAX).filter_map(|number| Finish::try_from(number).ok());
    by_number.or_else(|| known.find(|finish| finish.name() == name)).ok_or_else(|| {
        Error::argument("expectFinish", 
            "expected 0 to 5, or end-of-generation, stop-string, max-tokens, grammar-end, context-full or cancelled",
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finishes_by_number_and_name() {
        assert_eq!(finish("0").unwrap(), Finish::EndOfGeneration);
        assert_eq!(finish("max-tokens").unwrap(), Finish::MaxTokens);
        assert_eq!(finish("stop string").unwrap(), Finish::StopString);
        for text in ["", "6", "256", "-1", "soon"] {
            assert!(finish(text).is_err(), "{text}");
        }
    }
}
