//! What this processor and this process may use: instruction set and threads.

use crate::error::{Error, ErrorKind, Result};

/// Checks for x86-64-v3, the instruction set the engine is built for.
///
/// # Errors
/// [`ErrorKind::Unsupported`], naming what is missing: a clear error instead of SIGILL.
pub fn check_instruction_set() -> Result<()> {
    let features = [
        ("sse4.2", std::is_x86_feature_detected!("sse4.2")),
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("bmi1", std::is_x86_feature_detected!("bmi1")),
        ("bmi2", std::is_x86_feature_detected!("bmi2")),
        ("f16c", std::is_x86_feature_detected!("f16c")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("lzcnt", std::is_x86_feature_detected!("lzcnt")),
        ("movbe", std::is_x86_feature_detected!("movbe")),
    ];
    let missing: Vec<&str> = features.iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::Unsupported,
            "cpu",
            format!("the engine needs an x86-64-v3 processor; this one lacks {}", missing.join(", ")),
        ))
    }
}

/// The processor's name as the system gives it, for display.
#[must_use]
pub fn name() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == "model name").then(|| value.trim().to_owned())
            })
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// How many threads this process may keep busy: affinity mask and cgroup quota, at least 1, and no more
/// than a session takes.
#[must_use]
pub fn available_threads() -> u32 {
    let threads = std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok());
    threads.unwrap_or(1).min(super::context::MAX_THREADS)
}

/// Whether others already keep this machine busy: the load of the last minute leaves no core idle.
/// Waiting workers then block instead of polling.
#[must_use]
pub fn machine_is_busy() -> bool {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split(' ').next().and_then(|load| load.parse::<f64>().ok()))
        .is_some_and(|load| load >= f64::from(available_threads()))
}
