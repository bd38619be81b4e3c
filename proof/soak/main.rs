//! Long runs: does a process that answers and verifies for ever stay what it was?
//!
//! `soak [--short] [cycles] [cancels] [kills]`; without names all of them. The command `attestlm` must lie
//! beside this program.

mod cancels;
mod cycles;
mod kills;
mod process;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use attestlm_proof::Failure;
use attestlm_testkit::ModelSpec;

/// How much is run.
struct Scale {
    /// Generate+verify cycles, at least.
    cycles: usize,
    /// Cycles go on so long, at least.
    cycles_at_least: Duration,
    /// Cancels from another thread.
    cancels: usize,
    /// The model they are made on.
    cancelled: ModelSpec,
    /// Cancels of single jobs.
    job_cancels: usize,
    /// Kills of the command.
    kills: usize,
}

impl Scale {
    fn new(short: bool) -> Self {
        let (cycles, seconds, job_cancels, kills) =
            if short { (198, 0, 40, 24) } else { (1000, 60, 200, 240) };
        Scale {
            cycles,
            cycles_at_least: Duration::from_secs(seconds),
            cancels: 500,
            cancelled: cancels::spec(!short),
            job_cancels,
            kills,
        }
    }
}

type Part = fn(&Scale) -> Result<String, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = arguments.iter().any(|argument| argument == "--short");
    let scale = Scale::new(short);
    let parts: [(&str, Part); 3] =
        [("cycles", cycles::run), ("cancels", cancels::run), ("kills", kills::run)];
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| *a != "--short").collect();
    if let Some(unknown) = names.iter().find(|name| parts.iter().all(|(part, _)| part != *name)) {
        eprintln!("soak: {unknown} is none of cycles, cancels, kills");
        return ExitCode::from(2);
    }
    let (mut ran, mut failed) = (Vec::new(), Vec::new());
    let all = Instant::now();
    for (name, part) in parts {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let begun = Instant::now();
        let outcome = part(&scale);
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(told) => println!("{name} ({seconds:.0} s): {told}"),
            Err(why) => {
                println!("{name} ({seconds:.0} s): FAILED: {why}");
                failed.push(name);
            }
        }
        ran.push(name);
    }
    let form = if short { "short form" } else { "full form" };
    let seconds = all.elapsed().as_secs_f64();
    if failed.is_empty() {
        println!("soak passed: {} ({form}, {seconds:.0} s)", ran.join(", "));
        ExitCode::SUCCESS
    } else {
        println!("soak FAILED: {} of {} ({form}, {seconds:.0} s)", failed.join(", "), ran.join(", "));
        ExitCode::FAILURE
    }
}
