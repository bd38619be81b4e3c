//! The attack matrix: what an operator can try, and what a verification makes of it.
//!
//! `attacks` runs all of it and writes `docs/attacks.md`; `attacks --short` runs less of everything, with the
//! same requirements, and writes nothing. Either ends with one line, its verdict, and fails if a lie was not
//! caught, an honest receipt was refused, or less was run than planned.

mod cases;
mod catalogue;
mod exact;
mod honest;
mod node;
mod paper_lies;
mod pool;
mod report;
mod roc;
mod run_lies;
mod subjects;
mod tolerant;

use std::path::Path;
use std::process::ExitCode;

use attestlm_proof::Failure;

use crate::report::{grouped, models, sums, Measured};
use crate::roc::PREFIXES;
use crate::subjects::Subject;
use crate::tolerant::DIRECTIONS;

/// How much is run.
struct Plan {
    exact: exact::Plan,
    /// Honest receipts of each direction.
    honest: [usize; 2],
    tolerant: tolerant::Plan,
    /// Subjects of the tolerant part.
    tolerant_subjects: usize,
}

/// The kinds of attack that there must be.
const ATTACKS: usize = 14;

/// Models on which each lie of an attack must have changed something.
const LIE_MODELS: usize = 2;

const FULL: Plan = Plan {
    exact: exact::Plan { runs: 200, models: 3 },
    honest: [4000, 5000],
    tolerant: tolerant::Plan { scored: 52, checked: 8 },
    tolerant_subjects: usize::MAX,
};

const SHORT: Plan = Plan {
    exact: exact::Plan { runs: 16, models: 3 },
    honest: [128, 256],
    tolerant: tolerant::Plan { scored: 8, checked: 8 },
    tolerant_subjects: 1,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let short = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--short"] => true,
        _ => {
            eprintln!("usage: attacks [--short]");
            return ExitCode::from(2);
        }
    };
    match run(short) {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            missed.iter().for_each(|what| eprintln!("attacks: missed: {what}"));
            println!("attacks: FAILED, {} requirements missed", missed.len());
            ExitCode::FAILURE
        }
        Err(failure) => {
            println!("attacks: FAILED, could not be run: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything; answers what was missed.
fn run(short: bool) -> Result<Vec<String>, Failure> {
    let plan = if short { SHORT } else { FULL };
    let subjects = subjects::all()?;
    let attacks = catalogue::all();
    println!("attacks: {} attacks on {} models", attacks.len(), subjects.len());
    let exact = exact::matrix(&subjects, &attacks, plan.exact)?;
    println!("attacks: exact mode is done");
    let longest = u32::try_from(PREFIXES[PREFIXES.len() - 1])?;
    let honest_in = |at: usize| honest::replays(&subjects, DIRECTIONS[at].made, plan.honest[at], longest);
    let honest = [honest_in(0)?, honest_in(1)?];
    println!("attacks: honest receipts are done");
    let some = &subjects[..subjects.len().min(plan.tolerant_subjects)];
    let tolerant_in = |at: usize| tolerant::measure(some, &attacks, DIRECTIONS[at], plan.tolerant);
    let tolerant = [tolerant_in(0)?, tolerant_in(1)?];
    let measured = Measured { subjects: &subjects, attacks: &attacks, exact, honest, tolerant };
    let missed = missed(&plan, &measured, some);
    if !short {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/attacks.md"));
        std::fs::write(path, report::document(&measured))?;
    }
    let [alone, client] = sums(measured.exact.iter().flatten().flatten());
    let verdict = format!(
        "attacks: passed, {} attacks, {} forged receipts: {} caught alone, {} with the client's knowledge; {} honest replays, \
         {} false alarms",
        attacks.len(),
        grouped(client.runs() as u64),
        grouped(alone.caught() as u64),
        grouped(client.caught() as u64),
        grouped(measured.honest[1].replays as u64),
        measured.honest[1].alarms.len()
    );
    if missed.is_empty() {
        println!("{verdict}");
    }
    Ok(missed)
}

/// Every requirement that was not met.
fn missed(plan: &Plan, measured: &Measured<'_>, tolerant_subjects: &[Subject]) -> Vec<String> {
    let mut missed = Vec::new();
    let mut require = |met: bool, what: String| {
        if !met {
            missed.push(what);
        }
    };
    require(measured.attacks.len() >= ATTACKS, format!("{} attacks", measured.attacks.len()));
    for (attack, lies) in measured.attacks.iter().zip(&measured.exact) {
        let [_, client] = sums(lies.iter().flatten());
        let name = attack.name;
        require(client.runs() >= plan.exact.runs, format!("{name}: only {} runs", client.runs()));
        require(models(lies) >= plan.exact.models, format!("{name}: only {} models", models(lies)));
        require(client.caught() == client.runs(), format!("{name}: {client}"));
        let escaped = lies.iter().flatten().flat_map(|outcome| &outcome.missed);
        escaped.for_each(|what| require(false, format!("{name}: {what}")));
        for (lie, outcomes) in attack.lies.iter().zip(lies) {
            let runs: usize = outcomes.iter().map(|o| o.client.runs()).sum();
            require(runs > 0, format!("{name}: {}: no run", lie.what));
            let tokens = outcomes.iter().map(|o| o.shortest).min().unwrap_or(0);
            require(tokens >= paper_lies::SHORTEST, format!("{name}: an answer of {tokens} tokens"));
        }
    }
    for (honest, planned) in measured.honest.iter().zip(plan.honest) {
        require(honest.replays >= planned, format!("only {} honest replays", honest.replays));
        honest.alarms.iter().for_each(|what| require(false, format!("honest: {what}")));
    }
    for (attack, lies) in measured.attacks.iter().zip(&measured.exact) {
        for (lie, outcomes) in attack.lies.iter().zip(lies) {
            let models = outcomes.iter().filter(|o| o.client.runs() > 0).count();
            // Fewer than of an attack: a lie that changes nothing on a model has no run there.
            require(models >= LIE_MODELS, format!("{}: {}: on {models} models", attack.name, lie.what));
        }
    }
    for (direction, lies) in DIRECTIONS.iter().zip(&measured.tolerant) {
        for (attack, lies) in measured.attacks.iter().zip(lies) {
            for (lie, outcome) in attack.lies.iter().zip(lies) {
                let Some(outcome) = outcome else { continue };
                let planned =
                    if outcome.distances.is_empty() { plan.tolerant.checked } else { plan.tolerant.scored };
                let planned = planned * tolerant_subjects.len();
                let measured = outcome.distances.iter().map(Vec::len).max().unwrap_or(0);
                let runs = measured + outcome.verdicts.runs() + outcome.same_output;
                require(
                    runs >= planned,
                    format!(
                        "{} under {}: {}: only {runs} runs",
                        direction.made.name(),
                        direction.judged.name(),
                        lie.what
                    ),
                );
            }
        }
    }
    missed
}
