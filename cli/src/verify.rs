//! `attestlm verify`.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use attestlm::hex;
use attestlm::model::{Adapter, Model};
use attestlm::receipt::{Document, Domain, Finish, History};
use attestlm::request::Request;
use attestlm::seed::Seed;
use attestlm::signer::parse_address;
use attestlm::verdict::{Report, Verdict};
use attestlm::verify::{profile_id, verify_signature, Expectations, ExpectedSeed, Verifier, VerifyOptions};
use attestlm::{Error, Result};
use serde_json::json;

use crate::args::Verify;
use crate::fail::{one_line, Failure, Outcome, Status};
use crate::interrupt::Interrupt;
use crate::{files, load, request, terminal};

pub fn run(args: &Verify, as_json: bool) -> Outcome {
    let opened = OnceCell::new();
    let mut judge = Judge {
        args,
        interrupt: Interrupt::listen()?,
        expectations: expectations(args)?,
        opened: &opened,
        verifier: None,
    };
    if args.chain {
        return chain(&mut judge, as_json);
    }
    let [receipt] = args.receipts.as_slice() else {
        return Err(
            Error::argument("receipts", "one at a time, or with --chain receipts in their order").into()
        );
    };
    let (report, _) = judge.report(receipt)?;
    print(&report, as_json, args.signature_only)?;
    Ok(status(&report))
}

/// Receipts that follow one another, as far as they stand.
fn chain(judge: &mut Judge<'_>, as_json: bool) -> Outcome {
    let mut history = History::default();
    let mut reports: Vec<(&Path, Report)> = Vec::new();
    for receipt in &judge.args.receipts {
        let (mut report, document) = judge.report(receipt)?;
        if let Some(document) = document {
            history.add(&document, &mut report);
        }
        let stands = report.verdict.stands();
        reports.push((receipt, report));
        if !stands {
            break;
        }
    }
    let Some((_, last)) = reports.last() else {
        return Err(Error::argument("receipts", "there is none").into());
    };
    if as_json {
        let named = reports.iter().map(|(path, report)| {
            let mut object = report.to_json();
            object["file"] = path.display().to_string().into();
            object
        });
        terminal::print_json(&json!({
            "verdict": last.verdict.name(), "given": judge.args.receipts.len(), "receipts": named.collect::<Vec<_>>(),
        }))?;
        return Ok(status(last));
    }
    let mut text = String::new();
    for (path, report) in &reports {
        let _ = writeln!(
            text,
            "{}: {}",
            one_line(&path.display().to_string()),
            one_line(&report.verdict.to_string())
        );
    }
    let (of, scope) = (judge.args.receipts.len(), scope(last, judge.args.signature_only));
    let _ = match last.verdict.stands() {
        true => writeln!(text, "{}: {of} receipts, each after the one before{scope}", last.verdict.name()),
        false => writeln!(text, "{} at receipt {} of {of}", last.verdict.name(), reports.len()),
    };
    let mut told = BTreeSet::new();
    for what in reports.iter().flat_map(|(_, report)| &report.not_compared).filter(|what| told.insert(*what))
    {
        let _ = writeln!(text, "not compared: {}", one_line(what));
    }
    terminal::print(&text)?;
    Ok(status(last))
}

fn status(report: &Report) -> Status {
    match report.verdict {
        _ if report.verdict.stands() => Status::Done,
        Verdict::Unverifiable { .. } => Status::Unsupported,
        _ => Status::Failed,
    }
}

/// What judges receipts, with the model it opened for the first that needed it.
struct Judge<'a> {
    args: &'a Verify,
    interrupt: Interrupt,
    expectations: Expectations,
    opened: &'a OnceCell<(Model, Option<Adapter>)>,
    /// What verifies with that model.
    verifier: Option<Verifier<'a>>,
}

impl Judge<'_> {
    /// The report of one receipt, and the receipt if it could be read.
    fn report(&mut self, receipt: &Path) -> Result<(Report, Option<Document>)> {
        match Document::parse(&files::read(receipt)?) {
            Ok(document) => Ok((self.check(&document)?, Some(document))),
            // Unlike a file that cannot be read, this is a judgement of what was handed over.
            Err(error) => {
                let report = Report {
                    verdict: Verdict::Invalid { what: error.to_string() },
                    kind: None,
                    signer: None,
                    digest: None,
                    compared: Vec::new(),
                    not_compared: vec!["anything: the document is malformed".into()],
                };
                Ok((report, None))
            }
        }
    }

    fn check(&mut self, document: &Document) -> Result<Report> {
        // What is already known to be wrong needs no model.
        let report = verify_signature(document, &self.expectations);
        if self.args.signature_only || !report.verdict.stands() {
            return Ok(report);
        }
        if self.opened.get().is_none() {
            if let Some(opened) = self.open(document)? {
                self.opened.get_or_init(|| opened);
            }
        }
        let (model, adapter) = match self.opened.get() {
            Some((model, adapter)) => (Some(model), adapter.as_ref()),
            None => (None, None),
        };
        let mut verifier = match self.verifier.take() {
            Some(verifier) => verifier,
            None => Verifier::new(VerifyOptions {
                model,
                adapter,
                threads: self.args.threads,
                tolerant: self.args.tolerant,
                operation: self.interrupt.operation(),
                ..VerifyOptions::default()
            }),
        };
        let report = verifier.verify(document, &self.expectations);
        // Without a model it is of no use to the next.
        self.verifier = Some(verifier).filter(|_| model.is_some());
        report
    }

    /// The model that was named, or the bundled one if the receipt is of it.
    fn open(&self, document: &Document) -> Result<Option<(Model, Option<Adapter>)>> {
        let model = match &self.args.model {
            Some(path) => load::model(Some(path), &self.interrupt)?,
            None => match Model::bundled()? {
                bundled if bundled.sha256() == document.receipt.model => bundled,
                _ => return Ok(None),
            },
        };
        let adapter = load::adapter(self.args.adapter.as_deref(), &model)?;
        Ok(Some((model, adapter)))
    }
}

fn expectations(args: &Verify) -> Result<Expectations> {
    let word = |field: &'static str, text: &Option<String>| {
        text.as_deref().map(|text| hex::decode_array(field, &text.to_ascii_lowercase())).transpose()
    };
    let request = match &args.request {
        Some(path) => Some(Request::from_json(&files::read(path)?)?),
        None => None,
    };
    let expectations = Expectations {
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
        domain: args.expect_domain.as_deref().map(domain).transpose()?,
        issued_from: args.issued_from,
        issued_until: args.issued_until,
        seed: ExpectedSeed {
            seed: args.expect_seed.as_deref().map(seed).transpose()?,
            client_entropy: word("expectClientEntropy", &args.expect_client_entropy)?,
            provider_commitment: word("expectProviderCommitment", &args.expect_provider_commitment)?,
            beacon: word("expectBeacon", &args.expect_beacon)?,
        },
        nonce: word("expectNonce", &args.expect_nonce)?,
        request,
        scored: args.scored,
        allow_prefix: args.allow_prefix,
    };
    expectations.validate()?;
    Ok(expectations)
}

fn seed(text: &str) -> Result<[u8; 32]> {
    if text == "random" {
        return Err(Error::argument("expectSeed", "a random one cannot be expected"));
    }
    Seed::parse(text).map(|seed| *seed.as_bytes()).map_err(named("expectSeed"))
}

fn domain(text: &str) -> Result<Domain> {
    match text {
        "none" => Ok(Domain::None),
        text => request::domain(text).and_then(|domain| {
            let contract = parse_address("contract", &domain.verifying_contract)?;
            Domain::contract(domain.chain_id, contract)
        }),
    }
    .map_err(named("expectDomain"))
}

/// The error of a field under its flag's name.
fn named(flag: &'static str) -> impl Fn(Error) -> Error {
    move |error| Error::argument(flag, error.message())
}

fn scope(report: &Report, signature_only: bool) -> &'static str {
    if signature_only && report.verdict.stands() {
        " (signature only)"
    } else {
        ""
    }
}

fn print(report: &Report, as_json: bool, signature_only: bool) -> Result<(), Failure> {
    if as_json {
        return terminal::print_json(&report.to_json());
    }
    let mut text = format!("{}{}\n", one_line(&report.verdict.to_string()), scope(report, signature_only));
    for what in &report.not_compared {
        let _ = writeln!(text, "not compared: {}", one_line(what));
    }
    terminal::print(&text)
}
