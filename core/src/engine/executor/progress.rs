//! Which tasks of each phase are taken, and how many are done.
//!
//! Each thread has a run of neighbours to begin with: kernels ask memory for what comes after their task, and that is to be
//! this thread's next one. Whoever has no more takes from the others.

use std::sync::atomic::{AtomicU32, Ordering};

/// Of one phase.
#[repr(align(64))]
struct Count {
    tasks: u32,
    done: AtomicU32,
}

/// Of every phase of a computation.
pub(super) struct Progress {
    phases: Vec<Count>,
    /// By thread and phase, how many were taken of the thread's own.
    taken: Vec<Vec<AtomicU32>>,
}

impl Progress {
    /// Of phases with so many tasks, for so many threads.
    pub fn new(tasks: impl Iterator<Item = u32>, threads: usize) -> Self {
        let phases: Vec<Count> = tasks.map(|tasks| Count { tasks, done: AtomicU32::new(0) }).collect();
        let none = || phases.iter().map(|_| AtomicU32::new(0)).collect();
        let taken = (0..threads).map(|_| none()).collect();
        Progress { phases, taken }
    }

    /// Takes a task for thread `thread`. None: all are taken.
    pub fn take(&self, phase: usize, thread: usize) -> Option<u32> {
        let threads = self.taken.len();
        (thread..threads).chain(0..thread).find_map(|owner| {
            let (first, end) = (self.first(phase, owner), self.first(phase, owner + 1));
            let taken = &self.taken[owner][phase];
            // Looked at before it is written: every thread comes by here once more after the last task.
            if taken.load(Ordering::Relaxed) >= end - first {
                return None;
            }
            let task = taken.fetch_add(1, Ordering::Relaxed);
            (task < end - first).then(|| first + task)
        })
    }

    /// The first task of a thread's own.
    fn first(&self, phase: usize, thread: usize) -> u32 {
        let (tasks, threads) = (u64::from(self.phases[phase].tasks), self.taken.len() as u64);
        u32::try_from(tasks * thread as u64 / threads).unwrap_or(u32::MAX)
    }

    /// One more is done: what it wrote is seen by whoever sees all of the phase done.
    pub fn finish(&self, phase: usize) {
        self.phases[phase].done.fetch_add(1, Ordering::Release);
    }

    /// Whether all are done.
    pub fn is_done(&self, phase: usize) -> bool {
        let count = &self.phases[phase];
        count.done.load(Ordering::Acquire) >= count.tasks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_taken_once_and_a_thread_begins_with_neighbours() {
        for (tasks, threads) in [(0, 1), (1, 3), (7, 2), (100, 3), (5, 64)] {
            let progress = Progress::new([9, tasks].into_iter(), threads);
            // One thread that is alone takes all, its own first.
            let alone = threads / 2;
            let all: Vec<u32> = std::iter::from_fn(|| progress.take(1, alone)).collect();
            let own = progress.first(1, alone)..progress.first(1, alone + 1);
            assert!(all.iter().copied().take(own.len()).eq(own), "{tasks} of {threads}: {all:?}");
            let mut sorted = all.clone();
            sorted.sort_unstable();
            assert!(sorted.iter().copied().eq(0..tasks), "{tasks} of {threads}: {all:?}");
            (0..tasks).for_each(|done| {
                assert!(!progress.is_done(1), "{done}");
                progress.finish(1);
            });
            assert!(progress.is_done(1) && !progress.is_done(0));
        }
    }

    #[test]
    fn threads_at_once_take_each_task_once() {
        const TASKS: u32 = 20_000;
        let progress = Progress::new(std::iter::once(TASKS), 3);
        let taken: Vec<AtomicU32> = (0..TASKS).map(|_| AtomicU32::new(0)).collect();
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (progress, taken) = (&progress, &taken);
                scope.spawn(move || {
                    while let Some(task) = progress.take(0, thread) {
                        taken[task as usize].fetch_add(1, Ordering::Relaxed);
                        progress.finish(0);
                    }
                });
            }
        });
        assert!(progress.is_done(0) && taken.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }
}
