//! Work shared among cores. What is computed does not depend on who computes it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use attestlm::engine::cpu;
use attestlm_proof::Failure;

/// Runs `work` on every item, the first items first, and gives the results in the items' order.
///
/// # Errors
/// The first item's that failed.
pub fn parallel<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<T, String>>>> = Mutex::new(items.iter().map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..cpu::available_threads() {
            scope.spawn(|| loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else { return };
                // A failure may hold what does not cross threads: its text does.
                let result = work(item).map_err(|failure| failure.to_string());
                results.lock().expect("no worker panics while it holds the lock")[at] = Some(result);
            });
        }
    });
    let results = results.into_inner().expect("no worker panics while it holds the lock");
    results.into_iter().map(|r| r.ok_or("a worker ended early")?.map_err(Failure::from)).collect()
}
