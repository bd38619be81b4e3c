//! Computes graphs by the project's own kernels (`docs/spec/numerics-2.md`): what the profile `exact-2` is.
//!
//! A graph becomes phases, each of tasks that may be done in any order by any thread; a phase begins when all tasks of the
//! one before are done. A thread that comes late finds them done: nobody waits for one that has no task.

mod attention;
mod phase;
mod plan;
mod progress;
mod schedule;
mod tensor;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;

use self::phase::{Failure, Lane};
use self::plan::{Plan, Step};
use self::progress::Progress;
pub(super) use self::tensor::{has_kernels, name_of, source};
use super::waiting;
use crate::kernels::Isa;

/// A task that was taken. It is done in the end, also by a panic: others wait for it.
struct Taken<'a> {
    progress: &'a Progress,
    phase: usize,
    failure: &'a Failure,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failure.raise("a kernel panicked");
        }
        self.progress.finish(self.phase);
    }
}

/// What each thread keeps, by its number.
pub(super) struct Lanes(Vec<UnsafeCell<Lane>>);

// SAFETY: each thread uses the place of its own number.
unsafe impl Sync for Lanes {}
// SAFETY: what is in there may be used by any thread.
unsafe impl Send for Lanes {}

impl Lanes {
    pub fn new(threads: usize) -> Self {
        Lanes((0..threads).map(|_| UnsafeCell::default()).collect())
    }
}

/// Each node of a graph that is computed, with why the profile does not have it, if it does not.
///
/// # Safety
/// `graph` is a valid graph, for as long as the answer is used.
pub(super) unsafe fn outside<'a>(
    graph: *mut sys::ggml_cgraph,
) -> Vec<(&'a sys::ggml_tensor, Option<&'static str>)> {
    // SAFETY: as ours.
    unsafe { Plan::outside(graph) }
}

/// Steps that may be done at the same time, each with the number of its tasks.
#[derive(Default)]
struct Phase {
    steps: Vec<(Step, u32)>,
    /// Of all its steps.
    tasks: u32,
}

impl Phase {
    /// Phases of steps; if `each`, every step is one. None: one has more tasks than can be counted.
    fn of(steps: Vec<Step>, each: bool) -> Option<Vec<Self>> {
        let levels = if each { (0..).take(steps.len()).collect() } else { schedule::levels(&steps) };
        let mut phases: Vec<Phase> = Vec::new();
        for (step, level) in steps.into_iter().zip(levels) {
            let tasks = u32::try_from(step.work.tasks()).ok()?;
            phases.resize_with(phases.len().max(level as usize + 1), Phase::default);
            let phase = &mut phases[level as usize];
            phase.tasks = phase.tasks.checked_add(tasks)?;
            phase.steps.push((step, tasks));
        }
        Some(phases)
    }

    /// Does a task.
    ///
    /// # Safety
    /// As of [`Step::run`].
    unsafe fn run(&self, isa: Isa, mut task: u32, lane: &mut Lane, failure: &Failure) {
        for (step, tasks) in &self.steps {
            if task < *tasks {
                // SAFETY: as ours.
                unsafe { step.run(isa, task as usize, lane, failure) };
                return;
            }
            task -= tasks;
        }
    }
}

/// How a computation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Stopped,
    /// What the plan could not see.
    Failed(&'static str),
}

/// A graph that is being computed.
pub(super) struct Computation<'a> {
    isa: Isa,
    /// Steps that may be done at the same time, phase by phase.
    phases: Vec<Phase>,
    progress: Progress,
    lanes: &'a Lanes,
    /// Whether to stop, asked between phases.
    stop: &'a (dyn Fn() -> bool + Sync),
    stopped: AtomicBool,
    failure: Failure,
    /// When each phase ended, if that is wanted.
    ends: Option<UnsafeCell<Vec<Instant>>>,
}

// SAFETY: nodes are only read; the ends are written by thread 0 alone.
unsafe impl Sync for Computation<'_> {}

impl<'a> Computation<'a> {
    /// Of a graph, for at most as many threads as there are lanes.
    ///
    /// # Safety
    /// `graph` is a valid graph whose nodes and sources are valid for as long as this is used; this machine has `isa`.
    ///
    /// # Errors
    /// The first node that is outside the profile, described.
    pub unsafe fn of(
        graph: *mut sys::ggml_cgraph,
        isa: Isa,
        lanes: &'a Lanes,
        stop: &'a (dyn Fn() -> bool + Sync),
        is_timed: bool,
    ) -> Result<Self, String> {
        // SAFETY: by the contract.
        let steps = unsafe { Plan::of(graph, lanes.0.len()) }?.steps;
        let phases = Phase::of(steps, is_timed).ok_or("more tasks at a time than can be counted")?;
        let progress = Progress::new(phases.iter().map(|phase| phase.tasks), lanes.0.len());
        Ok(Computation {
            isa,
            phases,
            progress,
            lanes,
            stop,
            stopped: AtomicBool::new(false),
            failure: Failure::default(),
            ends: is_timed.then(|| UnsafeCell::new(Vec::new())),
        })
    }

    /// What thread `number` does: every thread calls it once. When one returns, everything is computed, or nothing more is.
    pub fn run(&self, number: usize) {
        let Some(lane) = self.lanes.0.get(number) else { return };
        // SAFETY: this thread's own.
        let lane = unsafe { &mut *lane.get() };
        for (at, phase) in self.phases.iter().enumerate() {
            if number == 0 && (self.stop)() {
                self.stopped.store(true, Ordering::Relaxed);
            }
            while let Some(task) = self.progress.take(at, number) {
                let _taken = Taken { progress: &self.progress, phase: at, failure: &self.failure };
                if !self.has_ended() {
                    // SAFETY: earlier phases are done, and the task is this thread's.
                    unsafe { phase.run(self.isa, task, lane, &self.failure) };
                }
            }
            while !self.progress.is_done(at) {
                waiting::pause();
            }
            if self.has_ended() {
                return;
            }
            if let Some(ends) = self.ends.as_ref().filter(|_| number == 0) {
                // SAFETY: thread 0 alone does.
                unsafe { (*ends.get()).push(Instant::now()) };
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.failure.is_raised()
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        if let Some(what) = self.failure.what() {
            Outcome::Failed(what)
        } else if self.stopped.load(Ordering::Relaxed) {
            Outcome::Stopped
        } else {
            Outcome::Done
        }
    }

    /// The time that each step took from `begun` on, with its node: timed, each is a phase by itself.
    pub fn times(self, begun: Instant) -> Vec<(*const sys::ggml_tensor, Duration)> {
        let ends = self.ends.map(UnsafeCell::into_inner).unwrap_or_default();
        let begins = std::iter::once(begun).chain(ends.iter().copied());
        let took = ends.iter().zip(begins).map(|(end, begin)| end.duration_since(begin));
        self.phases.iter().flat_map(|phase| &phase.steps).map(|(step, _)| step.node).zip(took).collect()
    }
}
