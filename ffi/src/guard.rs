//! What every fallible entry point goes through: no panic crosses the boundary, and after a fork nothing
//! works.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::error::{attestlm_error_t, Failure};
use crate::status::{attestlm_status_t, ATTESTLM_ERR_FORKED, ATTESTLM_ERR_PANIC};

/// What the body of an entry point answers.
pub(crate) type Outcome = Result<attestlm_status_t, Failure>;

/// Set in a child of a process that used the library.
static FORKED: AtomicBool = AtomicBool::new(false);
/// The process whose first call prepares, or has prepared; 0 before.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// Whether it has: a fork sets [`FORKED`] from then on.
static READY: AtomicBool = AtomicBool::new(false);

/// Runs an entry point's body: `guard!(err, { … })`, where `err` is its last argument and the body answers
/// an [`Outcome`].
macro_rules! guard {
    ($err:expr, $body:block) => {
        $crate::guard::run($err, || -> $crate::guard::Outcome { $body })
    };
}
pub(crate) use guard;

/// The part of a body that needs the engine: `with_engine!((arguments) => { … })`. Without it the function
/// exists, and says that it does nothing.
macro_rules! with_engine {
    (($($argument:expr),*) => $body:block) => {{
        #[cfg(feature = "engine")]
        $body
        #[cfg(not(feature = "engine"))]
        {
            let _ = ($($argument),*);
            Err($crate::error::Failure::no_engine())
        }
    }};
}
pub(crate) use with_engine;

pub(crate) fn run(err: *mut *mut attestlm_error_t, body: impl FnOnce() -> Outcome) -> attestlm_status_t {
    let outcome = catch(|| {
        // SAFETY: `err` is null or the caller's, as the header says.
        unsafe { crate::error::clear(err) };
        prepare();
        let outcome = body();
        // Every body begins with clearing a result or with an object, which end it here.
        check_process()?;
        outcome
    });
    let failure = match outcome {
        Ok(Ok(status)) => return status,
        Ok(Err(failure)) => failure,
        Err(()) => Failure::new(ATTESTLM_ERR_PANIC, "library", "a fault of its own: a panic was caught"),
    };
    // SAFETY: as above.
    unsafe { failure.store(err) }
}

/// Runs what cannot tell of an error (a free function): nothing in a fork, where its threads are missing.
pub(crate) fn quietly(body: impl FnOnce()) {
    if !forked() {
        let _ = catch(body);
    }
}

fn catch<T>(body: impl FnOnce() -> T) -> Result<T, ()> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload: Box<dyn Any + Send>| {
        // Its destructor may panic, too.
        std::mem::forget(payload);
    })
}

/// An error in a child of a process that used the library.
pub(crate) fn check_process() -> Result<(), Failure> {
    if !forked() {
        return Ok(());
    }
    Err(Failure::new(
        ATTESTLM_ERR_FORKED,
        "process",
        "it is a fork of one that used the library; start a new process instead",
    ))
}

pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
        // A fork beside the very first call: its thread is missing here, and will never be ready.
        || !READY.load(Ordering::Acquire)
            && ![0, std::process::id()].contains(&PROCESS.load(Ordering::Acquire))
}

/// Nobody waits for the first call to be ready: in a fork it never would be.
fn prepare() {
    if READY.load(Ordering::Acquire) {
        return;
    }
    let first = PROCESS.compare_exchange(0, std::process::id(), Ordering::AcqRel, Ordering::Acquire);
    if first.is_ok() {
        first_use();
        READY.store(true, Ordering::Release);
    }
}

fn first_use() {
    extern "C" fn in_the_child() {
        FORKED.store(true, Ordering::Relaxed);
    }
    // SAFETY: the function lives as long as the process; it only stores a flag.
    let _ = unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) };
    // Nothing is written to standard error; the panic is told as an error.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
        tracing::error!(target: "attestlm::ffi", "panic at {}", place.unwrap_or_default());
    }));
}
