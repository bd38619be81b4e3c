//! What the system and the allocator say about this process.

use std::time::{Duration, Instant};

use attestlm_proof::Failure;

/// The process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Resident memory, in KiB.
    pub rss: u64,
    /// Bytes that the program holds from malloc, wherever malloc keeps them.
    pub heap: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Snapshot {
    /// Now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take() -> Result<Self, Failure> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let rss = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
            .ok_or("no VmRSS in /proc/self/status")?;
        // One of the descriptors reads the folder.
        let descriptors = std::fs::read_dir("/proc/self/fd")?.count() - 1;
        Ok(Snapshot { rss, heap: heap(), descriptors, threads: threads()? })
    }
}

fn heap() -> u64 {
    // SAFETY: a plain query.
    let info = unsafe { libc::mallinfo2() };
    (info.uordblks + info.hblkhd) as u64
}

fn threads() -> Result<usize, Failure> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Waits until there are `wanted` threads, at most a second: a joined thread leaves the list a moment later.
///
/// # Errors
/// What the file system says.
pub fn settle(wanted: usize) -> Result<(), Failure> {
    let begun = Instant::now();
    while threads()? != wanted && begun.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
