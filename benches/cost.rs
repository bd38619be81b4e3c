//! What an attested answer costs beside the bare computation, and what its replay costs.
//!
//! `cargo bench -p attestlm-benches --bench cost`. Every comparison interleaves its variants in
//! rounds, turning their order each time, and gives the median of the rounds' own ratios, so that a
//! machine that slows down for a while slows all of them. What a session adds to each token is measured
//! once more on a model with the same vocabulary and hardly any layers, as a difference of undisturbed
//! times: each token's shortest over all rounds. Without cargo's `--bench` it makes one
//! short round on a small model, to see that it works.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attestlm::commitment::{self, Salts};
use attestlm::engine::float_env::FloatEnv;
use attestlm::engine::{cpu, known_answer, Context, ContextOptions, DecodeItem};
use attestlm::json;
use attestlm::micros::Micros;
use attestlm::model::{Model, Progress};
use attestlm::policy::SamplingPolicy;
use attestlm::profile::Profile;
use attestlm::receipt::Document;
use attestlm::request::{Input, Request, SeedSource};
use attestlm::sampler::{greedy_token, Sampler};
use attestlm::seed::Seed;
use attestlm::session::{Event, Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use attestlm::steps;
use attestlm::trace::{logits_digest, Trace, TraceLeaf};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm::Token;
use attestlm_testkit::ModelSpec;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const THREADS: u32 = 2;
const CONTEXT: u32 = 512;
const UBATCH: u32 = 512;
const PROMPT: usize = 32;

/// How much is measured.
struct Scale {
    spec: ModelSpec,
    rounds: usize,
    /// Tokens of an answer where overhead is measured.
    tokens: u32,
    /// Tokens of an answer where replay is measured.
    replayed: u32,
}

impl Scale {
    fn of_arguments() -> Self {
        if std::env::args().any(|argument| argument == "--bench") {
            Scale { spec: ModelSpec::m120(), rounds: 9, tokens: 128, replayed: 256 }
        } else {
            Scale { spec: ModelSpec::tiny(), rounds: 1, tokens: 16, replayed: 32 }
        }
    }
}

fn main() -> Result<()> {
    let scale = Scale::of_arguments();
    println!("{}, {THREADS} threads of {} available", cpu::name(), cpu::available_threads());
    print_load("load before");

    let begun = Instant::now();
    known_answer::check()?;
    let known_answers = begun.elapsed();

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("m120.gguf");
    scale.spec.write_to(&path)?;
    let model = open(&path, scale.rounds)?;
    println!("| known-answer test, once per process | {} |", ms(known_answers));

    println!("\n## Overhead of sampling, digests, receipts and signature\n");
    // The overhead depends on the vocabulary, not on the layers: beside a short computation it can be
    // told from the noise of a long one.
    let narrow = ModelSpec { layers: 1, vocabulary: scale.spec.vocabulary, ..ModelSpec::nano() };
    let path = folder.path().join("narrow.gguf");
    narrow.write_to(&path)?;
    overhead(&model, &Model::open(&path)?, &scale)?;
    println!("\n## Replay\n");
    println!("| model, policy | generate | verify | ratio: median (range) | ratio of the shortest times |");
    println!("|---|---|---|---|---|");
    let bundled = Model::bundled()?;
    for (name, model) in [("random weights", &model), ("abacus", &bundled)] {
        for variant in [Variant::Greedy, Variant::TopK, Variant::Temperature] {
            replay(name, model, variant, &scale)?;
        }
    }
    println!();
    print_load("load after");
    Ok(())
}

fn print_load(when: &str) {
    if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
        println!("{when}: {}", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn us(duration: Duration) -> String {
    format!("{:.1} us", duration.as_secs_f64() * 1e6)
}

/// The middle value, the smallest and the largest.
fn spread<T: Copy + PartialOrd>(values: &[T]) -> (T, T, T) {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
}

fn median<T: Copy + PartialOrd>(values: &[T]) -> T {
    spread(values).0
}

fn open(path: &Path, rounds: usize) -> Result<Model> {
    let (mut scans, mut loads) = (Vec::new(), Vec::new());
    let mut opened: Option<Model> = None;
    for _ in 0..rounds {
        drop(opened.take());
        let begun = Instant::now();
        let mut scanned = begun;
        let model = Model::open_with(path, &mut |progress| {
            if let Progress::Hashing(..) = progress {
                scanned = Instant::now();
            }
            true
        })?;
        scans.push(scanned - begun);
        loads.push(scanned.elapsed());
        opened = Some(model);
    }
    let bytes = std::fs::metadata(path)?.len();
    println!("\n## Start\n\n| what | time |\n|---|---|");
    println!(
        "| validate, hash and scan the weights, {} MB in the page cache | {} |",
        bytes / 1_000_000,
        ms(median(&scans))
    );
    println!("| load | {} |", ms(median(&loads)));
    opened.ok_or_else(|| "no round".into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// Decode and argmax, nothing else.
    Raw,
    Greedy,
    TopK,
    Temperature,
}

impl Variant {
    const ALL: [Variant; 4] = [Variant::Raw, Variant::Greedy, Variant::TopK, Variant::Temperature];

    fn name(self) -> &'static str {
        match self {
            Variant::Raw => "decode and argmax alone",
            Variant::Greedy => "greedy",
            Variant::TopK => "temperature 0.8, top-k 40",
            Variant::Temperature => "temperature 0.8, whole vocabulary",
        }
    }

    fn request(self, prompt: &[Token], tokens: u32) -> Request {
        let mut request = Request::new(Input::Tokens(prompt.to_vec()));
        request.policy = SamplingPolicy {
            max_tokens: tokens,
            context_tokens: CONTEXT,
            ignore_eog: true,
            ..SamplingPolicy::default()
        };
        if self != Variant::Greedy {
            request.policy.temperature = Micros::new(800_000).expect("in range");
            request.seed = SeedSource::Given(Seed::from_u64(7));
        }
        if self == Variant::TopK {
            request.policy.top_k = 40;
        }
        request
    }
}

fn prompt(model: &Model) -> Vec<Token> {
    (0u32..).map(|i| (i * 37 + 11) % 256).take(PROMPT.min(model.vocab().len())).collect()
}

fn session(model: &Model) -> Result<Session> {
    let options = SessionOptions {
        profile: Profile::Exact1,
        threads: Some(THREADS),
        context_tokens: CONTEXT,
        ubatch: UBATCH,
        ..SessionOptions::default()
    };
    let session = Session::new(model, &options)?;
    match session.unattested() {
        Some(why) => Err(why.to_string().into()),
        None => Ok(session),
    }
}

/// The bare loop: a prompt, then token by token the most likely one. Answers the time of each token;
/// keeps the logits if asked.
fn raw(
    context: &mut Context,
    prompt: &[Token],
    tokens: u32,
    mut keep: Option<&mut Vec<Vec<f32>>>,
) -> Result<Vec<Duration>> {
    let _env = FloatEnv::enter();
    context.truncate(0, 0)?;
    let mut items: Vec<DecodeItem> = prompt
        .iter()
        .enumerate()
        .map(|(i, token)| DecodeItem { stream: 0, token: *token, logits: i + 1 == prompt.len() })
        .collect();
    let mut times = Vec::new();
    for _ in 0..tokens {
        let begun = Instant::now();
        context.decode(&items)?;
        let logits = context.logits(items.len() - 1)?;
        let token = greedy_token(logits)?;
        times.push(begun.elapsed());
        if let Some(keep) = keep.as_deref_mut() {
            keep.push(logits.to_vec());
        }
        items.clear();
        items.push(DecodeItem { stream: 0, token, logits: true });
    }
    Ok(times)
}

/// An attested answer and the time of each step: the first reads the request and the prompt, the last
/// makes the receipt and signs it.
fn attested(
    session: &mut Session,
    request: &Request,
    signer: &Arc<dyn Signer>,
) -> Result<(Vec<Duration>, Document)> {
    session.forget()?;
    let mut begun = Instant::now();
    session.submit(request, Some(Arc::clone(signer)))?;
    let (mut times, mut document) = (Vec::new(), None);
    while session.pending() > 0 {
        let events = session.step()?;
        times.push(begun.elapsed());
        begun = Instant::now();
        for event in events {
            if let Event::Done { answer, .. } = event {
                document = Some((*answer)?.receipt.ok_or("no receipt")??);
            }
        }
    }
    let document = document.ok_or("no answer")?;
    assert_eq!(document.receipt.output_count, request.policy.max_tokens);
    Ok((times, document))
}

/// Times of each token, by variant, round and position.
type Times = [Vec<Vec<Duration>>; 4];

/// Interleaved rounds of every variant, and the logits of one answer.
fn rounds(model: &Model, scale: &Scale, rounds: usize) -> Result<(Times, Vec<Vec<f32>>)> {
    let prompt = prompt(model);
    let options =
        ContextOptions { exact: true, threads: THREADS, stream_tokens: CONTEXT, streams: 1, ubatch: UBATCH };
    let mut context = Context::for_model(model, &options)?;
    let mut session = session(model)?;
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random()?);
    let mut logits = Vec::new();
    raw(&mut context, &prompt, scale.tokens, Some(&mut logits))?; // Also warms up.
    let mut times = Times::default();
    for round in 0..rounds {
        for turn in 0..4 {
            let index = (round + turn) % 4;
            let took = match Variant::ALL[index] {
                Variant::Raw => raw(&mut context, &prompt, scale.tokens, None)?,
                variant => attested(&mut session, &variant.request(&prompt, scale.tokens), &signer)?.0,
            };
            assert_eq!(took.len(), scale.tokens as usize);
            times[index].push(took);
        }
    }
    Ok((times, logits))
}

fn overhead(model: &Model, narrow: &Model, scale: &Scale) -> Result<()> {
    let (times, logits) = rounds(model, scale, scale.rounds)?;
    let (short, _) = rounds(narrow, scale, scale.rounds * 3)?;
    let per_token = undisturbed(&times[0]) / scale.tokens;
    println!(
        "| {} tokens from a prompt of {PROMPT} | whole answer, median | longer by: median (range) | per token | \
         of the bare {} |",
        scale.tokens,
        ms(per_token)
    );
    println!("|---|---|---|---|---|");
    let whole = |index: usize| -> Vec<Duration> { times[index].iter().map(|t| t.iter().sum()).collect() };
    for (index, variant) in Variant::ALL.into_iter().enumerate() {
        let ratios: Vec<f64> = whole(index)
            .iter()
            .zip(whole(0))
            .map(|(a, b)| (a.as_secs_f64() / b.as_secs_f64() - 1.0) * 100.0)
            .collect();
        let (middle, least, most) = spread(&ratios);
        let more = undisturbed(&short[index]).as_secs_f64() - undisturbed(&short[0]).as_secs_f64();
        let more = more / f64::from(scale.tokens);
        println!(
            "| {} | {} | {middle:+.1} % ({least:+.1} to {most:+.1}) | {:.0} us | {:.2} % |",
            variant.name(),
            ms(median(&whole(index))),
            more * 1e6,
            more / per_token.as_secs_f64() * 100.0
        );
    }
    println!("\n| part alone | per token | of the bare {} |\n|---|---|---|", ms(per_token));
    parts(model, &prompt(model), &logits, per_token)
}

/// The sum over an answer's tokens of the shortest time each took in any round: what is left when
/// another process disturbs some rounds here and others there.
fn undisturbed(rounds: &[Vec<Duration>]) -> Duration {
    let tokens = rounds.first().map_or(0, Vec::len);
    (0..tokens).map(|i| rounds.iter().map(|round| round[i]).min().unwrap_or_default()).sum()
}

/// What each part of the overhead takes by itself, on the logits of a real answer.
fn parts(model: &Model, prompt: &[Token], logits: &[Vec<f32>], per_token: Duration) -> Result<()> {
    let _env = FloatEnv::enter();
    let count = u32::try_from(logits.len())?;
    let row = |name: &str, whole: Duration| {
        let each = whole / count;
        let share = each.as_secs_f64() / per_token.as_secs_f64() * 100.0;
        println!("| {name} | {} | {share:.2} % |", us(each));
    };
    let best = |mut run: Box<dyn FnMut() -> Result<()> + '_>| -> Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            run()?;
            times.push(begun.elapsed());
        }
        Ok(median(&times))
    };
    row(
        "argmax (in the bare loop too)",
        best(Box::new(|| {
            for logits in logits {
                black_box(greedy_token(logits)?);
            }
            Ok(())
        }))?,
    );
    for variant in [Variant::Greedy, Variant::TopK, Variant::Temperature] {
        let policy = variant.request(prompt, count).policy;
        let mut sampler = Sampler::new(&policy, &[7; 32], 0, model.vocab().len(), model.vocab().eog())?;
        let whole = best(Box::new(move || {
            for (index, logits) in (0u64..).zip(logits) {
                black_box(sampler.sample(index, logits, prompt, None)?);
            }
            Ok(())
        }))?;
        row(&format!("sampling: {}", variant.name()), whole);
    }
    row(
        "digest of the logits (BLAKE3)",
        best(Box::new(|| {
            for logits in logits {
                black_box(logits_digest(logits));
            }
            Ok(())
        }))?,
    );
    let leaves: Vec<TraceLeaf> = logits
        .iter()
        .map(|l| Ok(TraceLeaf { token: greedy_token(l)?, digest: logits_digest(l) }))
        .collect::<Result<_>>()?;
    let tokens: Vec<Token> = leaves.iter().map(|leaf| leaf.token).collect();
    let text = model.vocab().detokenize(&tokens);
    let request = Variant::Greedy.request(prompt, count).content.canonical(None)?.to_json();
    row(
        "commitments (trace tree, steps, tokens, request)",
        best(Box::new(|| {
            let salts = Salts::derive(&[9; 32], 0)?;
            black_box(Trace::new(salts.trace, leaves.clone())?.root());
            black_box(steps::root(&salts.steps, &steps::whole_output(count, text.clone()))?);
            black_box(commitment::output(&salts.output, &tokens));
            black_box(commitment::prompt(&salts.prompt, prompt));
            black_box(commitment::request(&salts.request, &json::canonicalize(&request)?));
            Ok(())
        }))?,
    );
    let signer = KeySigner::random()?;
    row(
        "signature",
        best(Box::new(|| {
            black_box(signer.sign_digest(&[5; 32])?);
            Ok(())
        }))?,
    );
    Ok(())
}

fn replay(name: &str, model: &Model, variant: Variant, scale: &Scale) -> Result<()> {
    let prompt = prompt(model);
    let mut session = session(model)?;
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random()?);
    let request = variant.request(&prompt, scale.replayed);
    let options = VerifyOptions { model: Some(model), threads: Some(THREADS), ..VerifyOptions::default() };
    let (mut generations, mut replays, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let (generated, document) = attested(&mut session, &request, &signer)?;
        let begun = Instant::now();
        let report = verify(&document, &Expectations::default(), &options)?;
        let replayed = begun.elapsed();
        assert_eq!(report.verdict, Verdict::Verified { prefix_only: false });
        let generated: Duration = generated.iter().sum();
        generations.push(generated);
        replays.push(replayed);
        ratios.push(replayed.as_secs_f64() / generated.as_secs_f64());
    }
    let (middle, least, most) = spread(&ratios);
    println!(
        "| {name}, {}, {} tokens | {} | {} | {middle:.2} ({least:.2} to {most:.2}) | {:.2} |",
        variant.name(),
        scale.replayed,
        ms(median(&generations)),
        ms(median(&replays)),
        spread(&replays).1.as_secs_f64() / spread(&generations).1.as_secs_f64()
    );
    Ok(())
}
