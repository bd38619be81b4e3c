//! Never more threads than affinity and quota allow: for sessions, and for a replay. (The known-answer test
//! computes on two threads wherever it runs, for it must: once per process, before anything here is counted.)
#![cfg(all(feature = "engine", feature = "bundled", target_os = "linux"))]

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use attestlm::engine::cpu;
use attestlm::profile;
use attestlm::session::{Session, SessionOptions};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm_testkit::ModelSpec;
use common::{answers, document, model, request};
use serde_json::json;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Threads that ended leave the list a moment later.
fn settled(at_most: usize) -> usize {
    let begun = Instant::now();
    while threads() > at_most && begun.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    threads()
}

/// Binds the calling thread, and those it starts, to so many of its cores.
fn bind(count: usize) {
    // SAFETY: an all-zero set is a valid value of this plain struct.
    let (mut all, mut few): (libc::cpu_set_t, libc::cpu_set_t) = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: the set is valid for writes of its size.
    assert_eq!(unsafe { libc::sched_getaffinity(0, size, &raw mut all) }, 0);
    // SAFETY: indices below the size of the set.
    let cores = (0..1024).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &all) });
    for cpu in cores.take(count) {
        // SAFETY: as above.
        unsafe { libc::CPU_SET(cpu, &mut few) };
    }
    // SAFETY: the set is valid for reads of its size.
    assert_eq!(unsafe { libc::sched_setaffinity(0, size, &raw const few) }, 0);
}

/// The most threads there were at once while `work` ran.
fn most<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let (done, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(threads(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    });
    (result, most.into_inner())
}

#[test]
fn never_more_than_affinity_allows() {
    profile::check_machine().unwrap();
    let model = model(&ModelSpec::tiny());
    let request = request(json!({"promptTokens": [5, 6, 7, 8], "maxTokens": 1900, "ignoreEog": true}));
    let before = settled(threads());
    let options = |threads, oversubscribe| SessionOptions {
        threads,
        oversubscribe,
        context_tokens: 2048,
        ..SessionOptions::default()
    };
    // What the count below can see: workers of a session that asks for more than there is.
    let greedy = Session::new(&model, &options(Some(5), true)).unwrap();
    assert_eq!(threads(), before + 4);
    drop(greedy);
    assert_eq!(settled(before), before);

    for cores in [1, 2] {
        if cores > cpu::available_threads() as usize {
            continue;
        }
        std::thread::scope(|scope| {
            let bound = scope.spawn(|| {
                bind(cores);
                assert_eq!(cpu::available_threads() as usize, cores);
                // This thread, and the one that counts in `most`.
                let others = before + 1;
                for wanted in [None, Some(1), Some(2), Some(512)] {
                    let workers = wanted.map_or(cores, |wanted: u32| cores.min(wanted as usize)) - 1;
                    let mut session = Session::new(&model, &options(wanted, false)).unwrap();
                    assert_eq!(threads(), others + workers, "a session of {wanted:?} on {cores}");
                    let receipt = document(&answers(&mut session, &request)[0]).clone();
                    assert_eq!(threads(), others + workers, "after an answer");
                    drop(session);
                    assert_eq!(settled(others), others);
                    let verify_options =
                        VerifyOptions { model: Some(&model), threads: wanted, ..VerifyOptions::default() };
                    let (report, seen) =
                        most(|| verify(&receipt, &Expectations::default(), &verify_options).unwrap());
                    assert_eq!(report.verdict, Verdict::Verified { prefix_only: false });
                    assert_eq!(seen, others + 1 + workers, "a replay of {wanted:?} on {cores}");
                    assert_eq!(settled(others), others);
                }
            });
            bound.join().unwrap();
        });
    }
}
