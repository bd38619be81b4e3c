//! The end of the process, which may come while other threads are in a call.

use std::ffi::{c_int, c_void};

/// Where `scripts/libraries.sh` sends every registration of a static C++ object's destructor: nowhere. The engine's
/// global tables stay as they are until the process is gone, for threads that still compute when `exit` runs.
#[no_mangle]
extern "C" fn __wrap___cxa_atexit(
    _destructor: extern "C" fn(*mut c_void),
    _object: *mut c_void,
    _library: *mut c_void,
) -> c_int {
    0
}
