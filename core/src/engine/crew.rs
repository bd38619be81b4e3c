//! The threads of a context's pool, lent for other work between two decodes: digests and draws.
//!
//! ggml's workers run nothing but graphs, so the work is a graph: one node, a custom operation that
//! calls back. No thread is started, and never more are busy than the session was allowed.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::float_env::FloatEnv;
use super::sharing::Sharing;
use crate::error::{Error, ErrorKind, Result};

/// Fewer logits than this are looked at faster than a second thread wakes up.
pub(crate) const WORTH_SHARING: usize = 1 << 15;

/// What a lane does; called once on each thread with its number.
type Work<'a> = dyn Fn(usize) + Sync + 'a;

/// Where the callback finds the work of the call in progress.
struct Slot {
    work: Cell<Option<*const Work<'static>>>,
    busy: AtomicBool,
    panicked: AtomicBool,
}

/// The threads of one pool.
pub(crate) struct Crew {
    threads: usize,
    /// None for one thread: it needs no graph.
    graph: Option<Graph>,
    /// Where graphs are not worth sharing, this is not either.
    sharing: Arc<Sharing>,
    slot: Box<Slot>,
}

// SAFETY: one call at a time uses slot and graph: `run_all` sees to it.
unsafe impl Send for Crew {}
// SAFETY: as above.
unsafe impl Sync for Crew {}

struct Graph {
    memory: *mut sys::ggml_context,
    graph: *mut sys::ggml_cgraph,
    plan: sys::ggml_cplan,
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made by `Crew::new`, freed once; graph and tensor lie in it.
        unsafe { sys::ggml_free(self.memory) };
    }
}

impl Crew {
    /// The crew of `pool`, which has `threads` threads and outlives the crew.
    pub(super) fn new(pool: sys::ggml_threadpool_t, threads: c_int, sharing: &Arc<Sharing>) -> Result<Self> {
        let slot = Box::new(Slot {
            work: Cell::new(None),
            busy: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let graph = if threads > 1 { Some(Graph::new(pool, threads, &slot)?) } else { None };
        Ok(Crew {
            threads: usize::try_from(threads).unwrap_or(1).max(1),
            graph,
            sharing: Arc::clone(sharing),
            slot,
        })
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` once on each of at most `lanes` threads, the caller's among them, with numbers from
    /// 0 up, and waits for all. `work` must not decode: the pool is busy.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if `work` panicked on any thread, [`ErrorKind::Engine`] if ggml failed.
    pub(crate) fn run(&self, lanes: usize, work: &Work<'_>) -> Result<()> {
        if lanes < 2 || self.sharing.is_alone() {
            work(0);
            return Ok(());
        }
        let lanes = lanes.min(self.threads);
        let limited = |lane: usize| {
            if lane < lanes {
                work(lane);
            }
        };
        self.run_all(&limited)
    }

    /// Calls `work` once on each thread, as [`Self::run`] does.
    ///
    /// # Errors
    /// As there.
    pub(super) fn run_all(&self, work: &Work<'_>) -> Result<()> {
        let Some(graph) = &self.graph else {
            work(0);
            return Ok(());
        };
        if self.slot.busy.swap(true, Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Internal, "engine", "the pool works for another call"));
        }
        // SAFETY: only the lifetime changes; the slot is emptied before this call returns, and nobody
        // looks into it afterwards: ggml waits for its workers.
        let pointer: *const Work<'static> = unsafe { std::mem::transmute(std::ptr::from_ref(work)) };
        self.slot.work.set(Some(pointer));
        let mut plan = graph.plan;
        // SAFETY: graph and plan were made for this pool, which computes nothing else now: decoding
        // needs the context mutably.
        let status = unsafe { sys::ggml_graph_compute(graph.graph, &raw mut plan) };
        self.slot.work.set(None);
        self.slot.busy.store(false, Ordering::Release);
        if self.slot.panicked.swap(false, Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Internal, "engine", "a worker panicked"));
        }
        if status == sys::GGML_STATUS_SUCCESS {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Engine, "threads", "the pool did not run"))
        }
    }
}

impl Graph {
    fn new(pool: sys::ggml_threadpool_t, threads: c_int, slot: &Slot) -> Result<Self> {
        // SAFETY: plain constructors of ggml; every result is checked before it is used. The memory
        // holds one graph of one node and two tensors at most.
        unsafe {
            let memory = sys::ggml_init(sys::ggml_init_params {
                mem_size: sys::ggml_graph_overhead_custom(1, false) + 2 * sys::ggml_tensor_overhead(),
                mem_buffer: std::ptr::null_mut(),
                no_alloc: true,
            });
            if memory.is_null() {
                return Err(Error::new(ErrorKind::Engine, "threads", "out of memory"));
            }
            let mut this = Graph {
                memory,
                graph: std::ptr::null_mut(),
                plan: sys::ggml_cplan {
                    work_size: 0,
                    work_data: std::ptr::null_mut(),
                    n_threads: threads,
                    threadpool: pool,
                    abort_callback: None,
                    abort_callback_data: std::ptr::null_mut(),
                    use_ref: true,
                },
            };
            // Nothing reads or writes the node's value: it has no memory.
            let node = sys::ggml_custom_4d(
                memory,
                sys::GGML_TYPE_F32,
                1,
                1,
                1,
                1,
                std::ptr::null_mut(),
                0,
                Some(on_thread),
                threads,
                std::ptr::from_ref(slot).cast_mut().cast(),
            );
            this.graph = sys::ggml_new_graph_custom(memory, 1, false);
            if node.is_null() || this.graph.is_null() {
                return Err(Error::new(ErrorKind::Engine, "threads", "out of memory"));
            }
            sys::ggml_build_forward_expand(this.graph, node);
            Ok(this)
        }
    }
}

unsafe extern "C" fn on_thread(
    _node: *mut sys::ggml_tensor,
    thread: c_int,
    _threads: c_int,
    data: *mut c_void,
) {
    // SAFETY: `data` is the slot of the crew whose graph this is. The caller of `run` wrote `work`
    // before it woke this thread and writes it again after all threads are done.
    let slot = unsafe { &*data.cast::<Slot>() };
    let Some(work) = slot.work.get() else { return };
    let lane = usize::try_from(thread).unwrap_or(usize::MAX);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _env = FloatEnv::enter();
        // SAFETY: `run` keeps the closure alive until every thread is done.
        unsafe { (*work)(lane) };
    }));
    if outcome.is_err() {
        slot.panicked.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn with_crew(threads: c_int, test: impl FnOnce(&Crew)) {
        super::super::start().unwrap();
        // SAFETY: a pool with default parameters, freed after the crew.
        unsafe {
            let mut params = sys::ggml_threadpool_params_default(threads);
            let pool = sys::ggml_threadpool_new(&raw mut params);
            let crew = Crew::new(pool, threads, &Arc::new(Sharing::new(2))).unwrap();
            test(&crew);
            drop(crew);
            sys::ggml_threadpool_free(pool);
        }
    }

    #[test]
    fn every_lane_runs_once_and_no_more_than_asked() {
        for threads in [1, 2, 4] {
            with_crew(threads, |crew| {
                for lanes in 1..6 {
                    let calls: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
                    crew.run(lanes, &|lane| {
                        calls[lane].fetch_add(1, Ordering::Relaxed);
                    })
                    .unwrap();
                    let expected = lanes.min(crew.threads());
                    for (lane, calls) in calls.iter().enumerate() {
                        assert_eq!(calls.load(Ordering::Relaxed), usize::from(lane < expected));
                    }
                }
            });
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_crew_goes_on() {
        with_crew(2, |crew| {
            let error = crew.run(2, &|lane| assert_eq!(lane, 0)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
            crew.run(2, &|_| ()).unwrap();
        });
    }

    #[test]
    fn lanes_compute_in_the_default_floating_point_environment() {
        use crate::engine::float_env::{read_mxcsr, write_mxcsr};
        let original = read_mxcsr();
        with_crew(2, |crew| {
            write_mxcsr(0x9FC0 | 0x6000);
            let seen = [AtomicUsize::new(0), AtomicUsize::new(0)];
            let ran = crew.run(2, &|lane| seen[lane].store(read_mxcsr() as usize & !0x3F, Ordering::Relaxed));
            write_mxcsr(original);
            ran.unwrap();
            assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 0x1F80));
        });
    }
}
