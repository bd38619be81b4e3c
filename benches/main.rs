//! `bench`: what AttestLM costs, measured beside what it is built on and beside its peers.
//!
//! `make bench` runs all of it and writes `docs/benchmarks.md`; `--only PART` prints one part. Contestants
//! take turns (A B A B), which criterion cannot do; what is measured alone is criterion's (`micro.rs`).

mod contestants;
mod machine;
mod parts;
mod peak;
mod plan;
mod protocol;
mod report;
mod shapes;
mod stats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use attestlm::engine::cpu;
use clap::{Parser, ValueEnum};

use contestants::{native, peers, NODE, XLLAMACPP};
use plan::Plan;
use report::Section;
use shapes::Shape;

/// What can go wrong is always the end of the run.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Measures what AttestLM costs and writes docs/benchmarks.md.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds on tiny models, without the native build, peers and criterion: shows that it all works.
    #[arg(long)]
    short: bool,
    /// These parts alone; the report is printed and not written.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Rounds of what decides a target, and of the rest if it has more.
    #[arg(long)]
    rounds: Option<usize>,
    /// These shapes alone, by the beginning of their file's name; the first takes the place of the 0.5 B
    /// one. The report is printed and not written.
    #[arg(long)]
    shape: Vec<String>,
    /// Threads; if not given, as many as this process may use, at most 2.
    #[arg(long)]
    threads: Option<u32>,
    /// Without the native build and peers.
    #[arg(long)]
    ours: bool,
    /// Where the report is written.
    #[arg(long, default_value = "docs/benchmarks.md")]
    output: PathBuf,
    /// Runs as a contestant of this name.
    #[arg(long, hide = true)]
    contestant: Option<String>,
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Session beside raw loop, in turns of a few tokens.
    Overhead,
    /// Replay beside generation.
    Replay,
    /// Several sequences at once.
    Sequences,
    /// Every contestant on every shape, and memory.
    Speed,
    /// The kernels beside a native build, by type of the weights.
    Kernels,
    /// Growth with the context.
    Growth,
    /// The C functions beside the core.
    Interface,
    /// Go, Python and Node beside C.
    Bindings,
    /// What is done once for each token or answer.
    Micro,
    /// Times by operation.
    Operations,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.contestant {
        Some(name) => contestants::serve(name),
        None => bench(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The build folder this binary lies in: models, the native build and peers go there.
fn target() -> Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let target = binary.parent().and_then(Path::parent).ok_or("the binary lies in no build folder")?;
    Ok(target.to_owned())
}

fn plan(arguments: &Arguments, parts: &[Part]) -> Result<Plan> {
    let target = target()?;
    let models = target.join("bench-models");
    std::fs::create_dir_all(&models)?;
    let threads = arguments.threads.unwrap_or_else(|| cpu::available_threads().min(2));
    let mut plan = if arguments.short { Plan::short(models, threads) } else { Plan::full(models, threads) };
    if let Some(rounds) = arguments.rounds {
        plan.rounds = rounds.max(1);
        plan.few_rounds = plan.few_rounds.min(plan.rounds);
    }
    if !arguments.shape.is_empty() {
        let is_asked = |shape: &Shape| arguments.shape.iter().any(|name| shape.file.starts_with(name));
        plan.shapes.retain(is_asked);
        plan.kernel_shapes.retain(is_asked);
        plan.main_shape =
            plan.shapes.first().or(plan.kernel_shapes.first()).ok_or("no shape has such a name")?.clone();
    }
    let is_beside = |part| parts.contains(&part);
    if arguments.short
        || arguments.ours
        || ![Part::Speed, Part::Kernels, Part::Operations].into_iter().any(is_beside)
    {
        return Ok(plan);
    }
    eprintln!("building llama.cpp for this processor");
    plan.others.push(native::build(&target.join("bench-native"))?);
    if !is_beside(Part::Speed) {
        return Ok(plan);
    }
    let folder = target.join("bench-peers");
    std::fs::create_dir_all(&folder)?;
    for (name, install) in [(XLLAMACPP, peers::xllamacpp as fn(&Path) -> Result<_>), (NODE, peers::node)] {
        eprintln!("installing {name}");
        match install(&folder) {
            Ok(peer) => plan.others.push(peer),
            Err(why) => plan.missing.push((name, why.to_string())),
        }
    }
    Ok(plan)
}

fn bench(arguments: &Arguments) -> Result<()> {
    let begun = Instant::now();
    let load = machine::load();
    let mut parts = arguments.only.clone();
    if parts.is_empty() {
        parts = Part::value_variants().to_vec();
        // A short run is a test among others: what criterion measures has tests of its own.
        parts.retain(|part| !(arguments.short && *part == Part::Micro));
    }
    let plan = plan(arguments, &parts)?;
    let mut sections: Vec<Section> = Vec::new();
    for part in parts {
        let since = Instant::now();
        sections.extend(match part {
            Part::Overhead => parts::overhead::run(&plan)?,
            Part::Replay => parts::replay::run(&plan)?,
            Part::Sequences => parts::sequences::run(&plan)?,
            Part::Speed => parts::speed::run(&plan)?,
            Part::Kernels => parts::kernels::run(&plan)?,
            Part::Growth => parts::growth::run(&plan)?,
            Part::Interface => parts::interface::run(&plan)?,
            Part::Bindings => parts::bindings::run(&plan, &target()?)?,
            Part::Micro => parts::micro::run(&plan)?,
            Part::Operations => parts::operations::run(&plan)?,
        });
        eprintln!("{part:?}: {:.0} s", since.elapsed().as_secs_f64());
    }
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let text = report::markdown("make bench", &about(&plan, &load, minutes), &sections);
    println!("{text}");
    if arguments.short {
        println!("verdict: none, a short run on tiny models decides no target");
        return Ok(());
    }
    if arguments.only.is_empty() && arguments.shape.is_empty() {
        std::fs::write(&arguments.output, &text)?;
        println!("written to {}", arguments.output.display());
    }
    println!("{}", report::verdict(&sections));
    Ok(())
}

fn about(plan: &Plan, load: &str, minutes: f64) -> Section {
    let mut about = Section::default();
    about.paragraph(&format!("**Machine.** {}.", machine::sentence()));
    about.paragraph(&format!("**Versions.** {}.", machine::versions()));
    about.paragraph(&format!(
        "**Method.** Random weights in the shapes of real models, written once; every contestant gets the same file, \
         the same number of threads, the same tokens. Contestants take turns in each round (A B A B), beginning with \
         another one each round; the threads of the idle ones sleep. Numbers are medians of {} rounds, of {} for \
         peers, for one thread and where a table decides no target, of {} for prompts of {} tokens on other shapes than \
         {}. Load averages before and after \
         the run: {load}, {}. It took {minutes:.0} minutes. Times on a shared machine come and go with its \
         neighbours: read the ratios.",
        plan.rounds,
        plan.few_rounds,
        plan.long_rounds,
        plan.first,
        plan.main_shape.name,
        machine::load()
    ));
    about.paragraph(
        "**Contestants.** `attestlm`: a session, answers signed. `raw loop, exact-2`: decode and argmax on a context of \
         the same profile; `raw loop, exact-1`: on one of that. `raw loop, stock`: libllama alone on the same static \
         libraries (x86-64-v3), its own kernels and defaults. `native build`: the same llama.cpp built for this processor, everything as it comes. `xllamacpp` \
         and `node-llama-cpp`: as their registries ship them, pinned in `benches/peers/`.",
    );
    let shapes: Vec<String> = plan.shapes.iter().map(shapes::Shape::dimensions).collect();
    about.paragraph(&format!("**Shapes.** {}.", shapes.join(". ")));
    about
}
