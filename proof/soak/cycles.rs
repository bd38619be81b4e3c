//! Generate and verify, over and over: memory flat, no descriptor and no thread left.

use std::time::Instant;

use attestlm::model::{Adapter, Model};
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{Continuation, Session, SessionOptions};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm::{ErrorKind, Token};
use attestlm_proof::{adapter, document, model, request, signer, tokens, Failure};
use attestlm_testkit::{LoraSpec, ModelSpec};
use serde_json::json;

use crate::process::{settle, Snapshot};
use crate::Scale;

/// Resident memory stays within this share of its median, up and down.
const RSS_SHARE: f64 = 0.02;
/// What the program holds from malloc grows by less than this in a cycle, in bytes.
const HEAP_PER_CYCLE: f64 = 256.0;
/// Ways to use the library, one cycle each.
const WAYS: usize = 9;
/// Cycles before anything is judged: caches of the allocator fill, slowly.
const WARM_UP: usize = 100;
/// Blocks from this size on are given back to the system when they are freed. By default glibc raises the
/// limit to the size of a session's buffers at the first one freed, and resident memory then tells which
/// holes later ones happened to fall into: it wandered by 10 % with nothing leaked. What is held is judged.
const MAPPED: libc::c_int = 128 * 1024;

/// What lives through all cycles.
struct Bench {
    model: Model,
    adapter: Adapter,
    /// Reused: one stream, and three.
    single: Session,
    many: Session,
    /// Files to open again and again.
    folder: tempfile::TempDir,
    verified: usize,
}

/// Runs the cycles.
///
/// # Errors
/// A receipt that is not verified, or something that grew.
pub fn run(scale: &Scale) -> Result<String, Failure> {
    // SAFETY: a setting of the allocator.
    if unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED) } != 1 {
        return Err("the allocator does not take its setting".into());
    }
    let mut bench = Bench::new()?;
    let begun = Instant::now();
    let mut snapshots = Vec::new();
    let mut cycles = 0;
    // Whole rounds through the ways: every snapshot sees the same things alive.
    while cycles < scale.cycles || begun.elapsed() < scale.cycles_at_least {
        for way in 0..WAYS {
            bench.cycle(way, cycles)?;
            cycles += 1;
        }
        if let Some(first) = snapshots.first().map(|first: &Snapshot| first.threads) {
            settle(first)?;
        }
        snapshots.push(Snapshot::take()?);
    }
    let verified = bench.verified;
    if verified < cycles {
        return Err(format!("{verified} receipts verified in {cycles} cycles").into());
    }
    let judged = judge(&snapshots)?;
    Ok(format!("{cycles} generate+verify cycles, {verified} receipts verified; {judged}"))
}

/// Looks at everything after the warm-up.
#[allow(clippy::cast_precision_loss)] // bytes of one process
fn judge(snapshots: &[Snapshot]) -> Result<String, Failure> {
    let later = snapshots.get(WARM_UP / WAYS..).unwrap_or_default();
    let (Some(first), Some(last)) = (later.first(), later.last()) else { return Err("no snapshot".into()) };
    if later.len() < 8 {
        return Err(format!("{} snapshots after the warm-up are too few to judge by", later.len()).into());
    }
    if let Some(other) =
        later.iter().find(|s| (s.descriptors, s.threads) != (first.descriptors, first.threads))
    {
        return Err(format!(
            "descriptors and threads changed from {} and {} to {} and {}",
            first.descriptors, first.threads, other.descriptors, other.threads
        )
        .into());
    }
    let mut rss: Vec<u64> = later.iter().map(|s| s.rss).collect();
    rss.sort_unstable();
    let (low, middle, high) = (rss[0], rss[rss.len() / 2], rss[rss.len() - 1]);
    let (down, up) = ((middle - low) as f64 / middle as f64, (high - middle) as f64 / middle as f64);
    // Of the first and of the last third: what a single snapshot happened to catch does not count.
    let third = |part: &[Snapshot]| {
        let mut heap: Vec<u64> = part.iter().map(|s| s.heap).collect();
        heap.sort_unstable();
        heap[heap.len() / 2] as f64
    };
    let n = later.len() / 3;
    let between = ((later.len() - n) * WAYS) as f64;
    let grew = (third(&later[later.len() - n..]) - third(&later[..n])) / between;
    let told = format!(
        "RSS {:.1} MB (-{:.2} %, +{:.2} %), heap {:.1} MB ({grew:+.1} bytes a cycle), {} descriptors and {} \
         threads throughout",
        middle as f64 / 1024.0,
        down * 100.0,
        up * 100.0,
        last.heap as f64 / 1e6,
        last.descriptors,
        last.threads
    );
    if down > RSS_SHARE || up > RSS_SHARE {
        return Err(format!("resident memory is not flat: {told}").into());
    }
    if grew > HEAP_PER_CYCLE {
        return Err(format!("memory leaks: {told}").into());
    }
    Ok(told)
}

impl Bench {
    fn new() -> Result<Self, Failure> {
        let spec = ModelSpec::tiny();
        let model = model(&spec)?;
        let adapter = adapter(&LoraSpec::default(), &spec, &model)?;
        let folder = tempfile::tempdir()?;
        let nano = ModelSpec::nano();
        let bytes = nano.to_bytes();
        std::fs::write(folder.path().join("nano.gguf"), &bytes)?;
        std::fs::write(folder.path().join("cut.gguf"), &bytes[..bytes.len() / 2])?;
        std::fs::write(folder.path().join("empty.gguf"), "")?;
        LoraSpec::default().to_gguf(&nano).write_to(&folder.path().join("lora.gguf"))?;
        Ok(Bench {
            single: Session::new(&model, &options(1, None))?,
            many: Session::new(&model, &options(3, None))?,
            model,
            adapter,
            folder,
            verified: 0,
        })
    }

    fn cycle(&mut self, way: usize, cycle: usize) -> Result<(), Failure> {
        // A prompt of its own for each cycle: the reused sessions find prefixes, and lose them.
        let seed = u32::try_from(cycle)?;
        let asked = |fields| drawn(seed, fields);
        match way {
            0 => {
                let mut fresh = Session::new(&self.model, &options(1, None))?;
                let receipts = receipts(&mut fresh, &asked(json!({}))?)?;
                drop(fresh);
                self.verified(&receipts, None)
            }
            1 => {
                let receipts = receipts(&mut self.single, &asked(json!({"temperature": 0.8, "topK": 40}))?)?;
                self.verified(&receipts, None)
            }
            2 => {
                let request = asked(json!({"temperature": 1, "choices": 4}))?;
                let receipts = receipts(&mut self.many, &request)?;
                self.verified(&receipts, None)
            }
            3 => {
                let adapter = self.adapter.clone();
                let mut fresh = Session::new(&self.model, &options(2, Some(&adapter)))?;
                let receipts = receipts(&mut fresh, &asked(json!({}))?)?;
                self.verified(&receipts, Some(&adapter))
            }
            4 => {
                let request = request(json!({
                    "prompt": format!("an object {cycle}: "), "maxTokens": 12, "contextTokens": 256,
                    "temperature": 0.7,
                    "schema": {"type": "object", "properties": {"n": {"type": "integer"}},
                               "required": ["n"], "additionalProperties": false}}))?;
                let receipts = receipts(&mut self.single, &request)?;
                self.verified(&receipts, None)
            }
            5 => self.opened_and_dropped(seed),
            6 => self.failures(seed),
            7 => {
                let continuation = Continuation::Tokens(tokens(12, seed));
                let score = self.single.score(&asked(json!({}))?, &continuation, Some(signer()))?;
                let receipt = score.receipt.ok_or("no receipt for a score")??;
                let expectations = Expectations { scored: true, ..Expectations::default() };
                verified(&receipt, &expectations, &self.model, None)?;
                self.verified += 1;
                Ok(())
            }
            _ => {
                // Dropped with jobs of every state in it, some of them cancelled.
                let mut session = Session::new(&self.model, &options(2, None))?;
                let mut jobs = session.submit(&asked(json!({"temperature": 1, "choices": 3}))?, None)?;
                jobs.extend(session.submit(&asked(json!({"maxTokens": 9}))?, Some(signer()))?);
                for _ in 0..cycle % 5 {
                    session.step()?;
                }
                jobs.iter().step_by(2).for_each(|job| session.cancel(*job));
                session.cancel_handle().cancel();
                drop(session);
                let receipts = receipts(&mut self.many, &asked(json!({}))?)?;
                self.verified(&receipts, None)
            }
        }
    }

    /// A model and an adapter of their own.
    fn opened_and_dropped(&mut self, seed: u32) -> Result<(), Failure> {
        let model = Model::open(&self.folder.path().join("nano.gguf"))?;
        let adapter = Adapter::open(&self.folder.path().join("lora.gguf"), &model)?;
        let mut with = Session::new(&model, &options(1, Some(&adapter)))?;
        let mut without = Session::new(&model, &options(1, None))?;
        for (session, adapter) in [(&mut with, Some(&adapter)), (&mut without, None)] {
            for receipt in receipts(session, &drawn(seed, json!({}))?)? {
                verified(&receipt, &Expectations::default(), &model, adapter)?;
                self.verified += 1;
            }
        }
        Ok(())
    }

    /// Everything here must fail, and leave nothing.
    fn failures(&mut self, seed: u32) -> Result<(), Failure> {
        for file in ["cut.gguf", "empty.gguf", "none.gguf", "lora.gguf"] {
            if Model::open(&self.folder.path().join(file)).is_ok() {
                return Err(format!("{file} was opened").into());
            }
        }
        // llama.cpp is cancelled in the middle of its load.
        let nano = self.folder.path().join("nano.gguf");
        let cancelled =
            Model::open_with(&nano, &mut |step| !matches!(step, attestlm::model::Progress::Loading(_)));
        if cancelled.err().map(|e| e.kind()) != Some(ErrorKind::Cancelled) {
            return Err("a load was not cancelled".into());
        }
        if Adapter::open(&nano, &self.model).is_ok()
            || Adapter::open(&self.folder.path().join("lora.gguf"), &self.model).is_ok()
        {
            return Err("a file that is no adapter of the model was opened as one".into());
        }
        let too_many = SessionOptions { streams: 1000, ..options(1, None) };
        let no_threads = SessionOptions { threads: Some(0), ..options(1, None) };
        if Session::new(&self.model, &too_many).is_ok() || Session::new(&self.model, &no_threads).is_ok() {
            return Err("a session out of range was made".into());
        }
        if self.single.submit(&drawn(seed, json!({"promptTokens": [4_000_000]}))?, None).is_ok() {
            return Err("a token outside the vocabulary was taken".into());
        }
        let receipts = receipts(&mut self.single, &drawn(seed, json!({}))?)?;
        self.verified(&receipts, None)
    }

    fn verified(&mut self, receipts: &[Document], adapter: Option<&Adapter>) -> Result<(), Failure> {
        for receipt in receipts {
            verified(receipt, &Expectations::default(), &self.model, adapter)?;
            self.verified += 1;
        }
        Ok(())
    }
}

fn options(streams: u32, adapter: Option<&Adapter>) -> SessionOptions {
    SessionOptions { context_tokens: 256, streams, adapter: adapter.cloned(), ..SessionOptions::default() }
}

/// A short request; half of the prompt is what others of another cycle have too.
fn drawn(seed: u32, fields: serde_json::Value) -> Result<Request, Failure> {
    let mut prompt: Vec<Token> = tokens(20, 1);
    prompt.extend(tokens(20, seed));
    let mut all = json!({"promptTokens": prompt, "maxTokens": 12, "contextTokens": 256, "ignoreEog": true});
    for (key, value) in fields.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    request(all)
}

fn receipts(session: &mut Session, request: &Request) -> Result<Vec<Document>, Failure> {
    let answers = session.generate(request, Some(signer()), &mut |_| true)?;
    answers.iter().map(|answer| Ok(document(answer)?.clone())).collect()
}

fn verified(
    receipt: &Document,
    expectations: &Expectations,
    model: &Model,
    adapter: Option<&Adapter>,
) -> Result<(), Failure> {
    let options = VerifyOptions { model: Some(model), adapter, ..VerifyOptions::default() };
    match verify(receipt, expectations, &options)?.verdict {
        Verdict::Verified { prefix_only: false } => Ok(()),
        other => Err(format!("an honest receipt is judged {other}").into()),
    }
}
