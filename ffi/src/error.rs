//! Errors: what happened, to which argument or field, in one sentence.

use std::ffi::{c_char, CString};

use crate::status::{attestlm_status_t, ATTESTLM_ERR_ARGUMENT, ATTESTLM_OK};

/// An error. Owned by the caller; may be read from any thread.
pub struct attestlm_error_t {
    code: attestlm_status_t,
    field: CString,
    message: CString,
}

/// Why an entry point failed.
pub(crate) struct Failure {
    code: attestlm_status_t,
    field: String,
    message: String,
}

impl Failure {
    pub(crate) fn new(code: attestlm_status_t, field: impl Into<String>, message: impl Into<String>) -> Self {
        Failure { code, field: field.into(), message: message.into() }
    }

    pub(crate) fn argument(field: &str, message: impl Into<String>) -> Self {
        Self::new(ATTESTLM_ERR_ARGUMENT, field, message)
    }

    pub(crate) fn null(field: &str) -> Self {
        Self::argument(field, "it must not be NULL")
    }

    /// Of what needs inference or replay in a library without them.
    #[cfg(not(feature = "engine"))]
    pub(crate) fn no_engine() -> Self {
        Self::new(
            crate::status::ATTESTLM_ERR_UNSUPPORTED,
            "engine",
            "this library was built without inference: it checks signatures, commitments and proofs",
        )
    }

    /// Hands the error to the caller, and answers its code.
    ///
    /// # Safety
    /// `err` is null or writable.
    pub(crate) unsafe fn store(self, err: *mut *mut attestlm_error_t) -> attestlm_status_t {
        let code = self.code;
        if !err.is_null() {
            let error =
                attestlm_error_t { code, field: without_nul(self.field), message: without_nul(self.message) };
            // SAFETY: as the caller promises.
            unsafe { err.write(crate::handle::give(error)) };
        }
        code
    }
}

impl From<attestlm::Error> for Failure {
    fn from(error: attestlm::Error) -> Self {
        Failure::new(crate::status::of(error.kind()), error.field(), error.message())
    }
}

/// A C string; a stranger's NUL becomes a space.
fn without_nul(text: String) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// Clears the caller's error.
///
/// # Safety
/// `err` is null or writable.
pub(crate) unsafe fn clear(err: *mut *mut attestlm_error_t) {
    if !err.is_null() {
        // SAFETY: as the caller promises.
        unsafe { err.write(std::ptr::null_mut()) };
    }
}

/// attestlm_error_code: the status of the call that failed, below 0; `ATTESTLM_OK` for NULL.
///
/// Any thread. Since 0.1.0.
///
/// # Safety
/// `error` is NULL or a live error.
#[no_mangle]
pub unsafe extern "C" fn attestlm_error_code(error: *const attestlm_error_t) -> attestlm_status_t {
    // SAFETY: as the header says.
    unsafe { error.as_ref() }.map_or(ATTESTLM_OK, |error| error.code)
}

/// attestlm_error_field: the argument, field or file the error is about, UTF-8, NUL-terminated, may be empty.
/// Borrowed: valid until the error is freed. NULL for NULL.
///
/// Any thread. Since 0.1.0.
///
/// # Safety
/// `error` is NULL or a live error.
#[no_mangle]
pub unsafe extern "C" fn attestlm_error_field(error: *const attestlm_error_t) -> *const c_char {
    // SAFETY: as the header says.
    unsafe { error.as_ref() }.map_or(std::ptr::null(), |error| error.field.as_ptr())
}

/// attestlm_error_message: one sentence, without the field, UTF-8, NUL-terminated. It never holds a prompt,
/// an output, a password or a key. Borrowed: valid until the error is freed. NULL for NULL.
///
/// Any thread. Since 0.1.0.
///
/// # Safety
/// `error` is NULL or a live error.
#[no_mangle]
pub unsafe extern "C" fn attestlm_error_message(error: *const attestlm_error_t) -> *const c_char {
    // SAFETY: as the header says.
    unsafe { error.as_ref() }.map_or(std::ptr::null(), |error| error.message.as_ptr())
}

/// attestlm_error_free: frees an error. NULL is a no-op.
///
/// Since 0.1.0.
///
/// # Safety
/// `error` is NULL or a live error; it is not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn attestlm_error_free(error: *mut attestlm_error_t) {
    // SAFETY: as the header says.
    unsafe { crate::handle::free(error) };
}
