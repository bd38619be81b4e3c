//! What is done once for each token or answer: run by criterion, read from its results.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::plan::Plan;
use crate::report::{Section, Target};
use crate::stats::digits;
use crate::Result;

/// Runs criterion and reads its medians.
///
/// # Errors
/// If cargo or a benchmark fails.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let root = plan.models.with_file_name("criterion");
    // Results of benchmarks that no longer exist must not be read.
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    eprintln!("micro: criterion");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["bench", "--quiet", "--locked", "--package", "attestlm-benches", "--bench", "micro"])
        .args(["--", "--quiet"])
        .env("CRITERION_HOME", &root)
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err("criterion failed".into());
    }
    let mut found = Vec::new();
    collect(&root, &mut found)?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    if found.is_empty() {
        return Err(format!("criterion left nothing in {}", root.display()).into());
    }
    let mut section = Section::new("Done once");
    section.paragraph(
        "Each alone on one thread, by criterion: medians. The logits are random, of deviation 3; a number in a name \
         is that of logits or of leaves.",
    );
    let lines: Vec<Vec<String>> = found.iter().map(|(name, us)| vec![name.clone(), digits(*us)]).collect();
    section.table(&["what", "us"], &lines);
    let of = |name: &str| found.iter().find(|(found, _)| found == name).map_or(f64::NAN, |(_, us)| *us);
    section.targets.push(
        Target::at_most("signature check", of("receipt/check the signature"), 200.0)
            .in_unit(" us")
            .because("It is the recovery of the public key, in `k256`."),
    );
    section.targets.push(
        Target::at_most("empty call of the C interface", of("C interface/an empty call") * 1e3, 100.0)
            .in_unit(" ns")
            .because("It is the guard: a catch, a look at the fork flag, and clearing the results."),
    );
    Ok(vec![section])
}

/// Names and medians, in microseconds, of every benchmark under `folder`.
fn collect(folder: &Path, found: &mut Vec<(String, f64)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let (estimates, benchmark) = (path.join("new/estimates.json"), path.join("new/benchmark.json"));
        if estimates.exists() {
            let estimates: Value = serde_json::from_slice(&std::fs::read(estimates)?)?;
            let benchmark: Value = serde_json::from_slice(&std::fs::read(benchmark)?)?;
            let nanoseconds = estimates["median"]["point_estimate"].as_f64().ok_or("no median")?;
            let name = benchmark["full_id"].as_str().ok_or("no name")?;
            found.push((name.to_owned(), nanoseconds / 1e3));
        } else {
            collect(&path, found)?;
        }
    }
    Ok(())
}
