//! Execution profiles.

use crate::bytes::attestlm_bytes_t;
use crate::error::attestlm_error_t;
use crate::guard::guard;
use crate::input::Out;
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// attestlm_profile_info: the profiles of this library as JSON: `profiles` (each `name`, `id`, `hash`) and
/// `knownAnswerTest`: null if this machine computes what every exact profile promises, or why not. The first call in
/// a process runs the test, a few hundred milliseconds.
///
/// `*info` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. Any thread. Errors: none but those
/// of every call. Since 0.1.0.
///
/// # Safety
/// `info` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_profile_info(
    info: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("info", info) }?;
        out.give(attestlm_bytes_t::new(attestlm::profile::to_json().to_string()));
        Ok(ATTESTLM_OK)
    })
}
