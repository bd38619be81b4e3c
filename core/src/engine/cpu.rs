//! What this processor and this process may use: instruction set and threads.

use super::quota;
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

/// How many threads this process may keep busy: what affinity mask and cgroup quota allow, at least 1, and
/// no more than a session takes.
#[must_use]
pub fn available_threads() -> u32 {
    // The standard library looks at both too, at quotas only where they are usually mounted.
    let cores = std::thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok());
    let quota = quota::processors(&|path| std::fs::read_to_string(path).ok());
    cores.unwrap_or(1).min(quota.unwrap_or(u32::MAX)).min(super::context::MAX_THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_bound_to_one_core_may_keep_one_busy() {
        // In a thread of its own: affinity ends with it.
        let inside = std::thread::spawn(|| {
            // SAFETY: an all-zero set is a valid value of this plain struct.
            let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
            let size = size_of::<libc::cpu_set_t>();
            // SAFETY: the set is valid for writes of its size.
            assert_eq!(unsafe { libc::sched_getaffinity(0, size, &raw mut set) }, 0);
            // SAFETY: the index is below the size of the set.
            let first = (0..1024).find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).unwrap();
            // SAFETY: a plain set, and an index below its size.
            unsafe {
                libc::CPU_ZERO(&mut set);
                libc::CPU_SET(first, &mut set);
            }
            // SAFETY: the set is valid for reads of its size.
            assert_eq!(unsafe { libc::sched_setaffinity(0, size, &raw const set) }, 0);
            available_threads()
        });
        assert_eq!(inside.join().unwrap(), 1);
        assert!((1..=crate::engine::context::MAX_THREADS).contains(&available_threads()));
    }
}
