//! The exactness matrix: one request makes one receipt, byte for byte, under every circumstance, for every
//! family of models and weight type that the exact profile attests.
//!
//! `exactness` runs the full product of circumstances on two families, covers every pair of circumstances for
//! every other family and weight type, and the further rows for every family, under `exact-1`, or `exact-2` with
//! `--exact-2`. `exactness --short` covers every pair of levels over all eight factors at once. `--digests` prints the digests of this build,
//! `--write-digests` pins them.

mod cell;
mod digests;
mod family;
mod matrix;
mod profile;
mod rows;
mod tally;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Instant;

use attestlm::engine::cpu;
use attestlm::kernels::Isa;
use attestlm::model::PROVEN_ARCHITECTURES;
use attestlm::profile::Profile;
use attestlm_proof::Failure;
use attestlm_testkit::TensorType;

use cell::Cell;
use family::Family;
use matrix::Subject;
use rows::ROWS;
use tally::Tally;

/// Families on which the whole product is run: grouped queries alone; and sliding window, soft caps, tied
/// embeddings.
const FULL: [Family; 2] = [Family::Llama, Family::Gemma2];
/// Weight types of the whole product; those that only stand in for others in narrow rows are covered by pairs.
const FULL_TYPES: [TensorType; 8] = [
    TensorType::F16,
    TensorType::BF16,
    TensorType::Q8_0,
    TensorType::Q4_0,
    TensorType::Q4_K,
    TensorType::Q5_K,
    TensorType::Q6_K,
    TensorType::IQ4_XS,
];

/// One piece of work, done by one thread.
enum Work {
    Cells(Family, TensorType, Vec<Cell>),
    Row(usize, Family),
    NonFinite,
}

impl Work {
    /// The line of the printed table it belongs to.
    fn line(&self) -> String {
        match self {
            Work::Cells(family, _, _) => format!("{}, every weight type", family.name()),
            Work::Row(row, _) => ROWS[*row].name.to_owned(),
            Work::NonFinite => "a slot that saw non-finite values before".to_owned(),
        }
    }

    fn name(&self) -> String {
        match self {
            Work::Cells(family, kind, cells) => {
                format!("{} {}, {} cells", family.name(), kind.name(), cells.len())
            }
            Work::Row(_, family) => format!("{}, {}", self.line(), family.name()),
            Work::NonFinite => self.line(),
        }
    }

    fn run(&self) -> Result<Tally, Failure> {
        match self {
            Work::Cells(family, kind, cells) => {
                let mut tally = Tally::default();
                Subject::new(&family.spec(*kind))
                    .and_then(|mut subject| subject.run(cells, &mut tally))
                    .map_err(|e| format!("{}: {e}", self.name()))?;
                tally.examples.iter_mut().for_each(|e| *e = format!("{}: {e}", self.name()));
                Ok(tally)
            }
            Work::Row(row, family) => ROWS[*row].run(*family),
            Work::NonFinite => rows::non_finite(),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (named, arguments): (Vec<String>, Vec<String>) =
        arguments.into_iter().partition(|argument| argument == "--exact-2");
    profile::prove(if named.is_empty() { Profile::Exact1 } else { Profile::Exact2 });
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run(false),
        ["--short"] => run(true),
        ["--digests"] => digests::compute().map(|d| {
            print!("{}", digests::to_text(&d));
            true
        }),
        ["--write-digests"] => write_digests().map(|()| true),
        _ => Err("usage: exactness [--exact-2] [--short | --digests | --write-digests]".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("exactness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_digests() -> Result<(), Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("exactness").join(profile::pinned_digests().0);
    Ok(std::fs::write(path, digests::to_text(&digests::compute()?))?)
}

/// What is to be run, the longest first.
fn plan(short: bool) -> Vec<Work> {
    let mut work = Vec::new();
    let (families, types) = (Family::ALL.to_vec(), profile::types());
    if short {
        let mut cells: std::collections::BTreeMap<(usize, usize), Vec<Cell>> = Default::default();
        for (family, kind, cell) in cell::pairwise_over(families.len(), types.len()) {
            cells.entry((family, kind)).or_default().push(cell);
        }
        work.extend(cells.into_iter().map(|((f, k), cells)| Work::Cells(families[f], types[k], cells)));
    } else {
        for family in FULL {
            let full = FULL_TYPES.into_iter().filter(|kind| types.contains(kind));
            work.extend(full.map(|kind| Work::Cells(family, kind, Cell::all())));
        }
        for (f, family) in families.iter().enumerate() {
            for (k, kind) in types.iter().copied().enumerate() {
                if !(FULL.contains(family) && FULL_TYPES.contains(&kind)) {
                    work.push(Work::Cells(*family, kind, cell::pairwise(f * types.len() + k)));
                }
            }
        }
    }
    for (r, row) in ROWS.iter().enumerate() {
        // The short form takes one family a row, another for each, one the row concerns.
        let concerned: Vec<Family> = families.iter().copied().filter(|f| (row.applies)(*f)).collect();
        let taken = if short { vec![concerned[r % concerned.len()]] } else { concerned };
        work.extend(taken.into_iter().map(|family| Work::Row(r, family)));
    }
    work.push(Work::NonFinite);
    work
}

/// Whether everything planned was run, nothing differed, and the profile's lists hold what was proven.
fn run(short: bool) -> Result<bool, Failure> {
    let begun = Instant::now();
    println!("{}; profile {}", cpu::name(), profile::proven().id());
    let mut sound = lists_are_covered();
    sound &= digests_agree()?;

    let work = plan(short);
    let planned: usize = work
        .iter()
        .map(|w| match w {
            Work::Cells(_, _, cells) => cells.len(),
            Work::Row(..) | Work::NonFinite => 0,
        })
        .sum();
    let rows = work.iter().filter(|w| !matches!(w, Work::Cells(..))).count();
    println!("planned: {planned} cells and {rows} further rows\n");

    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..cpu::available_threads() {
            scope.spawn(|| loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(piece) = work.get(i) else { break };
                let begun = Instant::now();
                let outcome = piece.run().map_err(|e| e.to_string());
                let mut results = results.lock().expect("no worker panics while holding it");
                results.push((i, outcome));
                let seconds = begun.elapsed().as_secs();
                eprintln!("{} of {}: {}, {seconds} s", results.len(), work.len(), piece.name());
            });
        }
    });
    let mut results = results.into_inner()?;
    results.sort_by_key(|(i, _)| *i);

    let (mut lines, mut errors): (Vec<(String, Tally)>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut cells_run, mut rows_run) = (0, 0);
    for (i, outcome) in results {
        match outcome {
            Ok(tally) => {
                match &work[i] {
                    Work::Cells(..) => cells_run += tally.cells,
                    Work::Row(..) | Work::NonFinite => rows_run += usize::from(tally.cells > 0),
                }
                let line = work[i].line();
                match lines.iter_mut().find(|(name, _)| *name == line) {
                    Some((_, sum)) => sum.add(tally),
                    None => lines.push((line, tally)),
                }
            }
            Err(error) => errors.push(error),
        }
    }
    println!(
        "| row | cells | receipts compared | differing | replays | not verified |\n|---|---|---|---|---|---|"
    );
    let mut sum = Tally::default();
    for (name, t) in lines {
        println!(
            "| {name} | {} | {} | {} | {} | {} |",
            t.cells, t.receipts, t.differing, t.replays, t.not_verified
        );
        sum.add(t);
    }
    println!();
    for line in sum.examples.iter().chain(&errors) {
        println!("{line}");
    }
    let ran_all = cells_run == planned && rows_run == rows && errors.is_empty();
    sound &= ran_all && sum.is_clean();
    println!(
        "{}: {cells_run} of {planned} cells and {rows_run} of {rows} further rows; {} of {} receipts differ; {} of {} replays not verified; {} s",
        if sound { "exact" } else { "NOT EXACT" },
        sum.differing,
        sum.receipts,
        sum.not_verified,
        sum.replays,
        begun.elapsed().as_secs()
    );
    Ok(sound)
}

/// Everything the profile attests has a row here.
fn lists_are_covered() -> bool {
    let mut sound = true;
    let architectures: Vec<&str> = Family::ALL.iter().map(|f| f.architecture().name()).collect();
    let types: Vec<&str> = TensorType::ALL.iter().map(|t| t.name()).collect();
    for name in PROVEN_ARCHITECTURES.iter().filter(|a| !architectures.contains(a)) {
        println!("architecture {name} is on the profile's list and has no row");
        sound = false;
    }
    for name in profile::listed().iter().filter(|t| !types.contains(t)) {
        println!("weight type {name} is on the profile's list and has no row");
        sound = false;
    }
    sound
}

/// Every family and weight type, under `exact-2` by every instruction set that is here.
fn digests_agree() -> Result<bool, Failure> {
    let pinned = digests::pinned()?;
    let mut sound = !pinned.is_empty();
    let mut compare = |by: &str| -> Result<(), Failure> {
        let found = digests::compute()?;
        for (name, digest) in found.iter().filter(|(name, digest)| pinned.get(*name) != Some(*digest)) {
            println!("{by}: {name}: {digest} is not the pinned digest");
        }
        let agree = found.iter().filter(|(name, digest)| pinned.get(*name) == Some(*digest)).count();
        println!("{by}: {agree} of {} pinned digests agree", pinned.len());
        sound &= found == pinned;
        Ok(())
    };
    if profile::proven() == Profile::Exact2 {
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
            isa.choose()?;
            compare(isa.name())?;
        }
    } else {
        compare("ggml's reference path")?;
    }
    Ok(sound)
}
