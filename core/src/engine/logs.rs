//! llama.cpp's log lines go to `tracing` (target `attestlm::engine`); nothing goes to stderr.

use std::ffi::{c_char, c_void, CStr};

use llama_cpp_sys_2 as sys;

pub(super) fn install() {
    // SAFETY: the callback is a static function that touches only its arguments.
    unsafe {
        sys::llama_log_set(Some(forward), std::ptr::null_mut());
        sys::ggml_log_set(Some(forward), std::ptr::null_mut());
    }
}

unsafe extern "C" fn forward(level: sys::ggml_log_level, text: *const c_char, _user_data: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a NUL-terminated string that lives for the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let line = text.trim_end();
    if line.is_empty() {
        return;
    }
    // A panic in a subscriber must not unwind into C++.
    let _ = std::panic::catch_unwind(|| match level {
        sys::GGML_LOG_LEVEL_ERROR => tracing::error!(target: "attestlm::engine", "{line}"),
        sys::GGML_LOG_LEVEL_WARN => tracing::warn!(target: "attestlm::engine", "{line}"),
        sys::GGML_LOG_LEVEL_INFO => tracing::debug!(target: "attestlm::engine", "{line}"),
        _ => tracing::trace!(target: "attestlm::engine", "{line}"),
    });
}
