//! Every seed, every seed damaged, and every input that once failed: all are answered.

use std::path::Path;

use attestlm_fuzz::{Target, TARGETS};
use attestlm_testkit::Rng;

fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap()
}

/// Runs what there is, and as many damaged copies of each seed.
fn answered(name: &str, damaged: u64) {
    let target = target(name);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(name);
    // A target without findings has no folder.
    for entry in std::fs::read_dir(&folder).into_iter().flatten() {
        (target.run)(&std::fs::read(entry.unwrap().path()).unwrap());
    }
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    for seed in &seeds {
        (target.run)(seed);
        for n in 0..damaged {
            (target.run)(&damaged_copy(seed, &mut Rng::new(n)));
        }
    }
}

/// Up to four bytes changed, taken out, or stretches doubled or cut off.
fn damaged_copy(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len());
        let end = (at + 1 + rng.below(64)).min(bytes.len());
        match rng.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.splice(at..end, [])),
            2 => {
                let stretch: Vec<u8> = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, stretch));
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            _ => {}
        }
    }
    bytes
}

#[test]
fn receipts() {
    answered("receipt", 20);
}

#[test]
fn requests() {
    answered("request", 100);
}

#[test]
fn model_files() {
    answered("gguf", 100);
}

#[test]
fn keystores() {
    answered("keystore", 20);
}

#[test]
fn adapters() {
    answered("adapter", 300);
}

#[test]
fn sequences_of_calls() {
    answered("calls", 10);
}

#[test]
fn every_target_is_run_here() {
    let here = ["receipt", "request", "gguf", "keystore", "adapter", "calls"];
    assert_eq!(TARGETS.map(|target| target.name), here);
}
