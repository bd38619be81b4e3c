//! How many threads the next graph is worth: all of a session's, or the caller's alone.
//!
//! Sharing a graph among n threads divides its work by n, and adds what they wait for each other. Where the
//! first thread waits for more than half of a graph, two would have been faster as one. So it is beside a
//! busy neighbour, whose time slices are longer than all the work between two barriers: then the next graphs
//! are computed by one thread, and now and then one by all, to see whether the neighbour is gone. The
//! numerics do not depend on the number of threads.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Graphs computed alone after the first that was not worth sharing; doubled while sharing stays slow.
const FIRST: u32 = 4;
/// At most so many, some seconds of decoding.
const MOST: u32 = 256;

/// Decides for one session, which computes one graph at a time.
pub(super) struct Sharing {
    /// Threads of the session.
    threads: u32,
    /// Whether a graph may be computed alone: not where a caller wants that many threads, as tests do.
    adapts: AtomicBool,
    /// Graphs still to be computed alone.
    alone: AtomicU32,
    /// The length of the last spell alone; 0 if sharing was worth it since.
    spell: AtomicU32,
}

impl Sharing {
    pub(super) fn new(threads: u32) -> Self {
        Sharing {
            threads,
            adapts: AtomicBool::new(false),
            alone: AtomicU32::new(0),
            spell: AtomicU32::new(0),
        }
    }

    /// From now on graphs are shared only while that pays.
    pub(super) fn adapt(&self) {
        self.adapts.store(true, Ordering::Relaxed);
    }

    /// Whether the next graph is shared among all threads.
    pub(super) fn shares(&self) -> bool {
        if self.threads < 2 {
            return false;
        }
        let alone = self.alone.load(Ordering::Relaxed);
        self.alone.store(alone.saturating_sub(1), Ordering::Relaxed);
        alone == 0
    }

    /// Whether graphs are computed alone at present.
    pub(super) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed) > 0
    }

    /// Learns from a shared graph: how long it took, and how much of that the first thread waited.
    pub(super) fn learn(&self, took: u64, waited: u64) {
        if !self.adapts.load(Ordering::Relaxed) {
            return;
        }
        let spell = self.spell.load(Ordering::Relaxed);
        let next = if waited > took / 2 { (spell * 2).clamp(FIRST, MOST) } else { 0 };
        self.spell.store(next, Ordering::Relaxed);
        self.alone.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapting() -> Sharing {
        let sharing = Sharing::new(2);
        sharing.adapt();
        sharing
    }

    /// Which of the next `count` graphs are shared, where sharing costs the first thread `waited` of 100.
    fn shared(sharing: &Sharing, count: usize, waited: u64) -> Vec<usize> {
        let mut shared = Vec::new();
        for i in 0..count {
            if sharing.shares() {
                shared.push(i);
                sharing.learn(100, waited);
            }
        }
        shared
    }

    #[test]
    fn sharing_that_pays_goes_on() {
        let sharing = adapting();
        assert_eq!(shared(&sharing, 50, 50).len(), 50);
    }

    #[test]
    fn sharing_that_does_not_pay_is_tried_ever_more_rarely_and_comes_back() {
        let sharing = adapting();
        assert_eq!(shared(&sharing, 40, 51), [0, 5, 14, 31]);
        let tries = shared(&sharing, 10_000, 99).len();
        assert!((35..50).contains(&tries), "{tries}");
        // One graph that pays is enough.
        let back = shared(&sharing, 600, 10);
        assert!(back[0] <= MOST as usize && back.len() == 600 - back[0], "{back:?}");
        assert_eq!(shared(&sharing, 14, 99), [0, 5]);
    }

    #[test]
    fn a_wish_for_threads_is_literal() {
        assert_eq!(shared(&Sharing::new(2), 50, 99).len(), 50);
    }

    #[test]
    fn one_thread_shares_nothing() {
        assert!(!Sharing::new(1).shares());
    }
}
