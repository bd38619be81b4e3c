//! Two threads beside a busy neighbour: a barrier between threads waits for the one that is off the
//! machine, and must not make two threads slower than half of one.
//!
//! `cargo bench -p attestlm-benches --bench neighbour`. Decode and prefill of a model of 125 M random
//! weights with one and with two threads, beside processes of their own that do nothing but spin. Rounds
//! interleave the variants and turn their order; the table holds medians. It fails if the ratio of the
//! medians is below one half anywhere. Without cargo's `--bench` it makes one short round on a small
//! model. Either way every pass must make the same receipt.

use std::error::Error;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attestlm::engine::cpu;
use attestlm::model::Model;
use attestlm::request::Request;
use attestlm::session::{Event, Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use attestlm::Token;
use attestlm_testkit::ModelSpec;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Two threads do at least this share of the work that one does in the same time.
const LEAST: f64 = 0.5;
/// The argument that makes this program the neighbour.
const SPIN: &str = "--spin";

struct Scale {
    spec: ModelSpec,
    rounds: usize,
    /// Tokens of a prefill.
    prefill: usize,
    /// Tokens decoded one by one.
    decode: usize,
    /// How long neighbours run before anything is measured: the scheduler has spread them by then.
    settle: Duration,
    judged: bool,
}

impl Scale {
    fn of_arguments() -> Self {
        if std::env::args().any(|argument| argument == "--bench") {
            let settle = Duration::from_millis(300);
            Scale { spec: ModelSpec::m120(), rounds: 9, prefill: 96, decode: 33, settle, judged: true }
        } else {
            // Milliseconds of work are no measurement: only that it runs, and the receipts.
            let settle = Duration::from_millis(10);
            Scale { spec: ModelSpec::tiny(), rounds: 1, prefill: 48, decode: 8, settle, judged: false }
        }
    }
}

/// Who else is on the machine.
#[derive(Clone, Copy)]
enum Load {
    Nobody,
    /// So many spinning processes, wherever the scheduler puts them.
    Free(usize),
    /// One spinning process that never leaves our first core.
    Pinned,
}

impl Load {
    const ALL: [Load; 4] = [Load::Nobody, Load::Free(1), Load::Free(2), Load::Pinned];

    fn name(self) -> &'static str {
        match self {
            Load::Nobody => "nobody",
            Load::Free(1) => "one spinning process",
            Load::Free(_) => "two spinning processes",
            Load::Pinned => "one, pinned to one of our cores",
        }
    }

    fn start(self) -> Result<Vec<Neighbour>> {
        match self {
            Load::Nobody => Ok(Vec::new()),
            Load::Free(count) => (0..count).map(|_| Neighbour::start(None)).collect(),
            Load::Pinned => Ok(vec![Neighbour::start(Some(first_core()?))?]),
        }
    }
}

/// A spinning process, ended when dropped.
struct Neighbour(Child);

impl Neighbour {
    fn start(core: Option<usize>) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SPIN).args(core.map(|core| core.to_string())).stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Neighbour(command.spawn()?))
    }

    /// Processor time used so far, in ticks.
    fn ticks(&self) -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let field = |n: usize| fields.split_whitespace().nth(n).and_then(|f| f.parse::<u64>().ok());
        Ok(field(11).ok_or("utime")? + field(12).ok_or("stime")?)
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first core this process may run on.
fn first_core() -> Result<usize> {
    // SAFETY: an all-zero set is a valid value of this plain struct.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid for writes of its size.
    let status = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if status != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: the index is below the size of the set.
    (0..1024).find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).ok_or_else(|| "no core".into())
}

/// Spins until the parent is gone.
fn spin(core: Option<usize>) -> Result<()> {
    // SAFETY: a plain request to the kernel: a neighbour does not outlive a bench that was killed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    if let Some(core) = core {
        // SAFETY: as in `first_core`.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the core is one of `first_core`, below the size of the set.
        unsafe { libc::CPU_SET(core, &mut set) };
        // SAFETY: the set is valid for reads of its size.
        if unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) } != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
    }
    let mut x = 1u64;
    loop {
        x = std::hint::black_box(x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    }
}

/// A session, and what it is asked.
struct Worker {
    session: Session,
    request: Request,
    signer: Arc<dyn Signer>,
}

/// Seconds per token, and the receipt.
struct Pass {
    prefill: f64,
    decode: f64,
    receipt: String,
}

impl Worker {
    fn new(model: &Model, threads: u32, scale: &Scale) -> Result<Self> {
        let options = SessionOptions { threads: Some(threads), ..SessionOptions::default() };
        let prompt: Vec<Token> = (0u32..).map(|i| (i * 37 + 11) % 256).take(scale.prefill).collect();
        // Everything that could differ is fixed: a receipt over the same logits is the same bytes.
        let request = format!(
            r#"{{"promptTokens": {prompt:?}, "maxTokens": {}, "ignoreEog": true, "issuedAt": "1700000000",
                "nonce": "0x{}"}}"#,
            scale.decode,
            "5a".repeat(32)
        );
        Ok(Worker {
            session: Session::new(model, &options)?,
            request: Request::from_json(request.as_bytes())?,
            signer: Arc::new(KeySigner::from_bytes(&[0x46; 32])?),
        })
    }

    #[allow(clippy::cast_precision_loss)] // counts of tokens
    fn pass(&mut self) -> Result<Pass> {
        self.session.forget()?;
        let begun = Instant::now();
        let mut read = None;
        let answers = self.session.generate(&self.request, Some(Arc::clone(&self.signer)), &mut |event| {
            match event {
                Event::Prefill { done, total, .. } if done == total => read = Some(Instant::now()),
                _ => {}
            }
            true
        })?;
        let (read, ended) = (read.ok_or("no prefill")?, Instant::now());
        let answer = answers.first().ok_or("no answer")?;
        let receipt = answer.receipt.as_ref().ok_or("no receipt")?.as_ref().map_err(|e| e.to_string())?;
        Ok(Pass {
            prefill: (read - begun).as_secs_f64() / answer.prompt_count as f64,
            // The first token comes with the prefill.
            decode: (ended - read).as_secs_f64() / (answer.tokens.len() - 1) as f64,
            receipt: receipt.to_json()?,
        })
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure(load: Load, workers: &mut [Worker; 2], scale: &Scale, receipt: &mut String) -> Result<bool> {
    let neighbours = load.start()?;
    std::thread::sleep(scale.settle);
    let ticks = |n: &[Neighbour]| n.iter().map(Neighbour::ticks).collect::<Result<Vec<_>>>();
    let (before, begun) = (ticks(&neighbours)?, Instant::now());
    // Of one thread, of two.
    let mut prefill = [Vec::new(), Vec::new()];
    let mut decode = [Vec::new(), Vec::new()];
    for round in 0..scale.rounds {
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let pass = workers[which].pass()?;
            prefill[which].push(pass.prefill);
            decode[which].push(pass.decode);
            if receipt.is_empty() {
                *receipt = pass.receipt;
            } else if *receipt != pass.receipt {
                return Err(
                    format!("another receipt with {} threads beside {}", which + 1, load.name()).into()
                );
            }
        }
    }
    let spent = begun.elapsed().as_secs_f64();
    let used: Vec<u64> = ticks(&neighbours)?.iter().zip(before).map(|(now, then)| now - then).collect();
    let mut good = true;
    for (what, times) in [("decode", &mut decode), ("prefill", &mut prefill)] {
        let worst = times[0].iter().zip(&times[1]).map(|(one, two)| one / two).fold(f64::INFINITY, f64::min);
        let (one, two) = (median(&mut times[0]), median(&mut times[1]));
        let ratio = one / two;
        good &= ratio >= LEAST;
        println!(
            "| {} | {what} | {:.1} | {:.1} | {ratio:.2} | {worst:.2} |",
            load.name(),
            1.0 / one,
            1.0 / two
        );
    }
    // A neighbour that did not run is no neighbour.
    #[allow(clippy::cast_precision_loss)]
    if scale.judged && used.iter().any(|ticks| (*ticks as f64) < 10.0 * spent) {
        return Err(format!("neighbours were idle: {used:?} ticks in {spent:.1} s").into());
    }
    Ok(good)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == SPIN) {
        return spin(arguments.get(at + 1).map(|core| core.parse()).transpose()?);
    }
    let scale = Scale::of_arguments();
    let loadavg = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned();
    println!("{}, {} threads available, load before: {}\n", cpu::name(), cpu::available_threads(), loadavg());
    let file = tempfile::NamedTempFile::new()?;
    scale.spec.write_to(file.path())?;
    let model = Model::open(file.path())?;
    let mut workers = [Worker::new(&model, 1, &scale)?, Worker::new(&model, 2, &scale)?];
    println!(
        "| neighbours | what | 1 thread, tokens/s | 2 threads, tokens/s | 2 to 1: medians | worst round |"
    );
    println!("|---|---|---|---|---|---|");
    let mut receipt = String::new();
    let mut good = true;
    for load in Load::ALL {
        good &= measure(load, &mut workers, &scale, &mut receipt)?;
    }
    println!("\n{} rounds each; every pass made the same receipt.", scale.rounds);
    if scale.judged && !good {
        return Err(format!("two threads are slower than {LEAST} of one").into());
    }
    Ok(())
}
