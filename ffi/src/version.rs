//! What this library is.

use std::ffi::c_char;

/// The version of the interface: a program built against another one must not call this library.
pub const ATTESTLM_ABI_VERSION: u32 = 0;

/// attestlm_version: the library's version, for example "0.1.0". A static string.
///
/// Compare it with `ATTESTLM_VERSION`, the header's. Any thread, also in a fork. Since 0.1.0.
#[no_mangle]
pub extern "C" fn attestlm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// attestlm_abi_version: the interface of this library. It must equal `ATTESTLM_ABI_VERSION`, the header's.
///
/// Any thread, also in a fork. Since 0.1.0.
#[no_mangle]
pub extern "C" fn attestlm_abi_version() -> u32 {
    ATTESTLM_ABI_VERSION
}

/// attestlm_has_feature: 1 if this library has the feature named by `len` bytes at `key`, else 0: `engine`
/// (inference and replay), `bundled` (the model abacus), `exact` (built so that the exact profile can be
/// attested), `testing` (faults on purpose). Functions whose feature is missing exist, and fail with
/// `ATTESTLM_ERR_UNSUPPORTED`.
///
/// Any thread, also in a fork. Since 0.1.0.
///
/// # Safety
/// `len` bytes at `key` are readable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_has_feature(key: *const u8, len: usize) -> i32 {
    // SAFETY: as the header says.
    let Ok(key) = (unsafe { crate::input::bytes("key", key, len) }) else { return 0 };
    i32::from(match key {
        b"engine" => cfg!(feature = "engine"),
        b"bundled" => cfg!(feature = "bundled"),
        b"exact" => attestlm::profile::CAN_ATTEST_EXACT,
        b"testing" => cfg!(feature = "testing"),
        _ => false,
    })
}
