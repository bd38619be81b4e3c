//! Faults on purpose (feature `testing`): every binding asserts that a panic arrives as its exception.

use crate::error::attestlm_error_t;
use crate::guard::guard;
use crate::handle::{self, Handle};
use crate::input::Out;
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// An object to break.
pub struct attestlm_testing_object_t(Handle<u64>);

/// attestlm_testing_panic: panics inside, answers `ATTESTLM_ERR_PANIC`.
///
/// # Safety
/// `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_testing_panic(err: *mut *mut attestlm_error_t) -> attestlm_status_t {
    guard!(err, { panic!("on purpose") })
}

/// attestlm_testing_object_new: an object.
///
/// # Safety
/// `object` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_testing_object_new(
    object: *mut *mut attestlm_testing_object_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("object", object) }?;
        out.give(attestlm_testing_object_t(Handle::new(0)));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_testing_object_hold: shares the object for `ms` milliseconds.
///
/// # Safety
/// `object` is live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_testing_object_hold(
    object: *const attestlm_testing_object_t,
    ms: u32,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        unsafe { handle::borrow("object", object) }?.0.shared(|_| {
            std::thread::sleep(std::time::Duration::from_millis(ms.into()));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_testing_object_add: adds to the object, alone; `*sum` is what it came to.
///
/// # Safety
/// `object` is live; `sum` and `err` are NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_testing_object_add(
    object: *mut attestlm_testing_object_t,
    number: u64,
    sum: *mut u64,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        unsafe { handle::borrow("object", object) }?.0.alone(|value| {
            *value += number;
            if !sum.is_null() {
                // SAFETY: as the header says.
                unsafe { sum.write(*value) };
            }
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_testing_object_panic: panics while it has the object alone.
///
/// # Safety
/// `object` is live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_testing_object_panic(
    object: *mut attestlm_testing_object_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        unsafe { handle::borrow("object", object) }?.0.alone(|_| panic!("on purpose"))
    })
}

/// attestlm_testing_object_free: frees the object. NULL is a no-op.
///
/// # Safety
/// `object` is NULL or live; it is not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn attestlm_testing_object_free(object: *mut attestlm_testing_object_t) {
    // SAFETY: as the header says.
    unsafe { handle::free(object) };
}
