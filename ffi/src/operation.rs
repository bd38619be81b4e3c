//! Operations: what another thread sees of a call that takes long, and how it stops it.

use attestlm::operation::Operation;

use crate::error::{attestlm_error_t, Failure};
use crate::guard::guard;
use crate::handle;
use crate::input::Out;
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// A call that takes long, seen and stopped from another thread: opening or checking a model, scoring, verifying.
/// Read-only; a call keeps what it needs of it.
pub struct attestlm_operation_t(pub(crate) Operation);

/// attestlm_operation_new: an operation, to be handed to a call as its argument `operation`. One serves for one
/// call; handed to several, it tells of the one that spoke last, and a cancel ends them all.
///
/// `*operation` is the caller's, to be freed with `attestlm_operation_free`; NULL on failure. Any thread. Errors: none
/// but those of every call. Since 0.1.0.
///
/// # Safety
/// `operation` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_operation_new(
    operation: *mut *mut attestlm_operation_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("operation", operation) }?;
        out.give(attestlm_operation_t(Operation::new()));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_operation_cancel: ends the call that was given the operation, with `ATTESTLM_ERR_CANCELLED`, within a few
/// milliseconds of its next operation on a tensor. It does not wait. It is for good: a later call with the same
/// operation fails at once. After the end it does nothing.
///
/// Any thread, at any time. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `operation` is live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_operation_cancel(
    operation: *const attestlm_operation_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        unsafe { handle::borrow("operation", operation) }?.0.cancel();
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_operation_progress: how much is done and of how much: bytes of a model's file, tokens of a score or a
/// replay. 0 of 0 until that is known. A model whose bytes are all read is loaded then, which takes less time.
///
/// `*done` and `*total` are 0 on failure. Any thread, at any time. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `operation` is live; `done` and `total` are writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_operation_progress(
    operation: *const attestlm_operation_t,
    done: *mut u64,
    total: *mut u64,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        for (name, out) in [("done", done), ("total", total)] {
            // SAFETY: as the header says.
            unsafe { out.as_mut() }.map(|out| *out = 0).ok_or_else(|| Failure::null(name))?;
        }
        // SAFETY: as the header says.
        let progress = unsafe { handle::borrow("operation", operation) }?.0.progress();
        // SAFETY: as the header says.
        unsafe { (*done, *total) = progress };
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_operation_free: frees an operation. NULL is a no-op. A call that was given it runs on.
///
/// Since 0.1.0.
///
/// # Safety
/// `operation` is NULL or live; it is not used afterwards, nor handed to a call that begins.
#[no_mangle]
pub unsafe extern "C" fn attestlm_operation_free(operation: *mut attestlm_operation_t) {
    // SAFETY: as the header says.
    unsafe { handle::free(operation) };
}

/// The operation of a call, or one that nobody watches.
///
/// # Safety
/// `operation` is NULL or live.
pub(crate) unsafe fn of(operation: *const attestlm_operation_t) -> Operation {
    // SAFETY: as the caller promises.
    unsafe { handle::maybe(operation) }.map_or_else(Operation::new, |operation| operation.0.clone())
}
