//! Measures what a tolerant check sees of honest receipts that are replayed on other numerics, short ones
//! and those of a larger model among them. The numbers of `docs/tolerant.md` come from here; dishonest
//! receipts are measured by `make attacks` (`docs/attacks.md`).
//!
//! `cargo run --release -p attestlm --example tolerant -- [receipts a line] [output tokens] [m120]`: `m120`
//! takes a random model of 125 M weights instead of the small ones. One thread: it changes nothing, and
//! several measurements can share a machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::seed::Seed;
use attestlm::session::{Session, SessionOptions};
use attestlm::signer::KeySigner;
use attestlm::verify::{distances, VerifyOptions, DISTANCE_CLIP, TOLERANT_THRESHOLD};
use attestlm_testkit::{ModelSpec, TensorType};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// Temperature and whether top-k 40 and top-p 0.9 are on.
type Setting = (&'static str, bool);
const SETTINGS: [Setting; 4] = [("0", false), ("0.7", false), ("1", false), ("0.7", true)];
const CLIPS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
const CONTEXT: u32 = 512;

struct Subject {
    name: &'static str,
    model: Model,
}

/// The distances of every token, receipt by receipt.
type Sample = Vec<Vec<f64>>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: usize| arguments.get(at).map_or(Ok(or), |text| text.parse());
    let (receipts, tokens) = (number(0, 24)?, number(1, 96)?);
    let variant = arguments.get(2).map(String::as_str);
    let mut all: BTreeMap<&'static str, Sample> = BTreeMap::new();
    println!("clip {DISTANCE_CLIP}, threshold {TOLERANT_THRESHOLD}; {receipts} receipts a line, at most {tokens} tokens each");
    println!("{}", header());
    for subject in subjects(variant == Some("m120"))? {
        for setting in SETTINGS {
            let mut report = |what: &'static str, sample: Sample| {
                println!("{}", line(subject.name, setting, what, &sample));
                all.entry(what).or_default().extend(sample);
            };
            let made = |model: &Model, profile, setting| generate(model, profile, setting, receipts, tokens);
            let (exact, exact_1, fast) = (Profile::Exact2, Profile::Exact1, Profile::Fast1);
            for (what, here, there) in [
                ("honest fast-1 under exact-2", fast, exact),
                ("honest exact-2 under fast-1", exact, fast),
                ("honest exact-1 under exact-2", exact_1, exact),
            ] {
                report(what, judge(&made(&subject.model, here, setting)?, &subject.model, there)?);
            }
        }
    }
    println!("\nall of the above together\n{}", header());
    for (what, sample) in &all {
        println!("{}", line("all", ("all", false), what, sample));
    }
    Ok(())
}

fn subjects(large: bool) -> Result<Vec<Subject>, Failure> {
    let open = |name, spec: ModelSpec| -> Result<Subject, Failure> {
        let file = tempfile::NamedTempFile::new()?;
        spec.write_to(file.path())?;
        Ok(Subject { name, model: Model::open(file.path())? })
    };
    if large {
        return Ok(vec![open("m120 Q8_0", ModelSpec::m120())?]);
    }
    let tiny = |name, tensor_type| open(name, ModelSpec::tiny().with_type(tensor_type));
    Ok(vec![
        Subject { name: "abacus", model: Model::bundled()? },
        tiny("tiny Q8_0", TensorType::Q8_0)?,
        tiny("tiny Q4_0", TensorType::Q4_0)?,
        tiny("tiny F16", TensorType::F16)?,
        tiny("tiny Q4_K", TensorType::Q4_K)?,
    ])
}

fn generate(
    model: &Model,
    profile: Profile,
    (temperature, filtered): Setting,
    receipts: usize,
    tokens: usize,
) -> Result<Vec<Document>, Failure> {
    let options = SessionOptions {
        profile: Some(profile),
        threads: Some(1),
        context_tokens: CONTEXT,
        ..SessionOptions::default()
    };
    let mut session = Session::new(model, &options)?;
    let signer = Arc::new(KeySigner::from_bytes(&[7; 32])?);
    let mut documents = Vec::with_capacity(receipts);
    for i in 0..receipts {
        // The random-weight models read any text; `abacus` reads problems.
        let text = format!(
            "Tom has {} apples and buys {} more. He gives {} to Ann. How many apples does Tom have now?",
            10 + 7 * i % 60,
            2 + 5 * i % 40,
            1 + 3 * i % 9
        );
        let request = json!({
            "messages": [{ "role": "user", "content": text }],
            "maxTokens": tokens, "contextTokens": CONTEXT, "temperature": temperature,
            "topK": if filtered { 40 } else { 0 }, "topP": if filtered { "0.9" } else { "1" },
            "seed": Seed::from_u64(i as u64 + 1).to_string(), "issuedAt": "1700000000",
        });
        let request = Request::from_json(request.to_string().as_bytes())?;
        for answer in session.generate(&request, Some(signer.clone()), &mut |_| true)? {
            documents.push(answer.receipt.ok_or("no receipt")??);
        }
    }
    Ok(documents)
}

fn judge(documents: &[Document], model: &Model, profile: Profile) -> Result<Sample, Failure> {
    let options = VerifyOptions {
        model: Some(model),
        threads: Some(1),
        tolerant: true,
        profile: Some(profile),
        ..VerifyOptions::default()
    };
    Ok(documents.iter().map(|d| distances(d, &options)).collect::<attestlm::Result<_>>()?)
}

fn header() -> String {
    format!(
        "{:10} {:>5} {:24} {:>6} {:>7} {:>22}  mean distance clipped at {:?}, median / 99 % / largest receipt",
        "model", "T", "receipts", "tokens", "other %", "distance 99 / 99.9 / max", CLIPS
    )
}

#[allow(clippy::cast_precision_loss)] // counts
fn line(model: &str, (temperature, filtered): Setting, what: &str, sample: &Sample) -> String {
    let setting = format!("{temperature}{}", if filtered { "*" } else { "" });
    let mut tokens: Vec<f64> = sample.iter().flatten().copied().collect();
    tokens.sort_by(f64::total_cmp);
    let moved = tokens.iter().filter(|d| **d > 0.0).count() as f64 * 100.0 / tokens.len().max(1) as f64;
    let mut text = format!(
        "{model:10} {setting:>5} {what:24} {:>6} {moved:>7.2} {:>7.4} {:>7.4} {:>7.3} ",
        tokens.len(),
        quantile(&tokens, 0.99),
        quantile(&tokens, 0.999),
        quantile(&tokens, 1.0),
    );
    for clip in CLIPS {
        let mut scores: Vec<f64> = sample
            .iter()
            .map(|d| d.iter().map(|d| d.min(clip)).sum::<f64>() / d.len().max(1) as f64)
            .collect();
        scores.sort_by(f64::total_cmp);
        text += &format!(
            " | {:.4} {:.4} {:.4}",
            quantile(&scores, 0.5),
            quantile(&scores, 0.99),
            quantile(&scores, 1.0)
        );
        if clip == DISTANCE_CLIP {
            let standing = scores.iter().filter(|s| **s <= TOLERANT_THRESHOLD).count();
            text += &format!(" ({standing} of {} stand)", scores.len());
        }
    }
    text
}

/// The smallest value that at least the share `q` of `sorted` does not exceed.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within the list
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = ((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
