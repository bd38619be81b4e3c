//! Log lines, to the caller's function or nowhere. They never hold prompts, outputs or secrets.

use std::ffi::c_void;
use std::fmt::{self, Write};
use std::sync::{PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::error::{attestlm_error_t, Failure};
use crate::guard::guard;
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// Takes one line of `len` bytes, UTF-8, without a line feed, borrowed for the call. `level` is 1 (error) to 5 (trace).
/// It may be called from any thread of the library, by several at once, and must not call the library.
pub type attestlm_log_fn =
    Option<unsafe extern "C" fn(env: *mut c_void, level: i32, line: *const u8, len: usize)>;

#[derive(Clone, Copy)]
struct Sink {
    log: unsafe extern "C" fn(*mut c_void, i32, *const u8, usize),
    env: *mut c_void,
    most: i32,
}

// SAFETY: the caller of `attestlm_log_set` lets its function be called from any thread, by several at once.
unsafe impl Send for Sink {}
// SAFETY: as above.
unsafe impl Sync for Sink {}

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// attestlm_log_set: sends log lines up to `level` (1 error, 2 warning, 3 information, 4 debug, 5 trace) to a function;
/// NULL: nowhere, which is how it begins. When the call returns, the function set before is not called any more.
///
/// Any thread; one setting for the process. Errors: `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `log` is sound to call as said until it is replaced; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_log_set(
    log: attestlm_log_fn,
    env: *mut c_void,
    level: i32,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        if !(1..=5).contains(&level) {
            return Err(Failure::argument("level", "it must be 1 (error) to 5 (trace)"));
        }
        // Fails where it was done before: there is one for the process.
        let _ = tracing::subscriber::set_global_default(Forward);
        // Waits for the calls that run.
        *SINK.write().unwrap_or_else(PoisonError::into_inner) = log.map(|log| Sink { log, env, most: level });
        tracing::callsite::rebuild_interest_cache();
        Ok(ATTESTLM_OK)
    })
}

/// Events to the sink; spans are none of its business.
struct Forward;

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        metadata.is_event() && sink.is_some_and(|sink| number(metadata.level()) <= sink.most)
    }

    fn event(&self, event: &Event<'_>) {
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = *sink else { return };
        let mut line = Line(String::new());
        event.record(&mut line);
        let text = format!("{}: {}", event.metadata().target(), line.0.replace('\n', " "));
        // SAFETY: as promised to `attestlm_log_set`; the lock keeps the function in place.
        unsafe { (sink.log)(sink.env, number(event.metadata().level()), text.as_ptr(), text.len()) };
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        let _ =
            if name == "message" { write!(self.0, "{value:?}") } else { write!(self.0, " {name}={value:?}") };
    }
}

fn number(level: &Level) -> i32 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}
