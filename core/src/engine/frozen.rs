//! The functions that `core/engine/frozen.h` puts in place of the C library's.
//!
//! Mathematics is the pinned `libm` crate (a port of FreeBSD msun, no instruction-set dispatch),
//! so that the numerics do not depend on the C library of the machine. `getenv` answers for
//! itself, so that no variable of the host (`GGML_*`, `LLAMA_*`) reaches the engine.

use std::ffi::{c_char, c_int, c_long, CStr};

macro_rules! frozen {
    ($($symbol:ident($($arg:ident: $t:ty),+) = $f:path;)*) => {
        $(
            #[no_mangle]
            extern "C" fn $symbol($($arg: $t),+) -> frozen!(@first $($t),+) {
                $f($($arg),+)
            }
        )*

        /// The address of every function above. Reading it makes the linker keep them: the
        /// engine's archives, which refer to them, come later on the command line.
        pub(super) fn addresses() -> Vec<usize> {
            vec![
                attestlm_getenv as *const () as usize,
                attestlm_lround as *const () as usize,
                attestlm_lroundf as *const () as usize,
                attestlm_sincos as *const () as usize,
                attestlm_sincosf as *const () as usize,
                $($symbol as *const () as usize),*
            ]
        }
    };
    (@first $t:ty $(, $rest:ty)*) => { $t };
}

frozen! {
    attestlm_sin(x: f64) = libm::sin;
    attestlm_sinf(x: f32) = libm::sinf;
    attestlm_cos(x: f64) = libm::cos;
    attestlm_cosf(x: f32) = libm::cosf;
    attestlm_tan(x: f64) = libm::tan;
    attestlm_tanf(x: f32) = libm::tanf;
    attestlm_asin(x: f64) = libm::asin;
    attestlm_asinf(x: f32) = libm::asinf;
    attestlm_acos(x: f64) = libm::acos;
    attestlm_acosf(x: f32) = libm::acosf;
    attestlm_atan(x: f64) = libm::atan;
    attestlm_atanf(x: f32) = libm::atanf;
    attestlm_sinh(x: f64) = libm::sinh;
    attestlm_sinhf(x: f32) = libm::sinhf;
    attestlm_cosh(x: f64) = libm::cosh;
    attestlm_coshf(x: f32) = libm::coshf;
    attestlm_tanh(x: f64) = libm::tanh;
    attestlm_tanhf(x: f32) = libm::tanhf;
    attestlm_exp(x: f64) = libm::exp;
    attestlm_expf(x: f32) = libm::expf;
    attestlm_exp2(x: f64) = libm::exp2;
    attestlm_exp2f(x: f32) = libm::exp2f;
    attestlm_expm1(x: f64) = libm::expm1;
    attestlm_expm1f(x: f32) = libm::expm1f;
    attestlm_log(x: f64) = libm::log;
    attestlm_logf(x: f32) = libm::logf;
    attestlm_log2(x: f64) = libm::log2;
    attestlm_log2f(x: f32) = libm::log2f;
    attestlm_log10(x: f64) = libm::log10;
    attestlm_log10f(x: f32) = libm::log10f;
    attestlm_log1p(x: f64) = libm::log1p;
    attestlm_log1pf(x: f32) = libm::log1pf;
    attestlm_erf(x: f64) = libm::erf;
    attestlm_erff(x: f32) = libm::erff;
    attestlm_cbrt(x: f64) = libm::cbrt;
    attestlm_cbrtf(x: f32) = libm::cbrtf;
    attestlm_pow(x: f64, y: f64) = libm::pow;
    attestlm_powf(x: f32, y: f32) = libm::powf;
    attestlm_atan2(y: f64, x: f64) = libm::atan2;
    attestlm_atan2f(y: f32, x: f32) = libm::atan2f;
    attestlm_fmod(x: f64, y: f64) = libm::fmod;
    attestlm_fmodf(x: f32, y: f32) = libm::fmodf;
    attestlm_hypot(x: f64, y: f64) = libm::hypot;
    attestlm_hypotf(x: f32, y: f32) = libm::hypotf;
    attestlm_round(x: f64) = libm::round;
    attestlm_roundf(x: f32) = libm::roundf;
    attestlm_fmax(x: f64, y: f64) = libm::fmax;
    attestlm_fmaxf(x: f32, y: f32) = libm::fmaxf;
    attestlm_fmin(x: f64, y: f64) = libm::fmin;
    attestlm_fminf(x: f32, y: f32) = libm::fminf;
    attestlm_ldexp(x: f64, n: c_int) = libm::ldexp;
    attestlm_ldexpf(x: f32, n: c_int) = libm::ldexpf;
}

/// `lround`: to the nearest integer, halves away from zero; saturates.
#[no_mangle]
#[allow(clippy::cast_possible_truncation)] // saturating by definition
extern "C" fn attestlm_lround(x: f64) -> c_long {
    libm::round(x) as c_long
}

/// `lroundf`, see [`attestlm_lround`].
#[no_mangle]
#[allow(clippy::cast_possible_truncation)] // saturating by definition
extern "C" fn attestlm_lroundf(x: f32) -> c_long {
    libm::roundf(x) as c_long
}

/// The sine and cosine of `x`, the same values as the single functions.
#[no_mangle]
unsafe extern "C" fn attestlm_sincos(x: f64, sin: *mut f64, cos: *mut f64) {
    // SAFETY: the compiler that emitted the call passes two valid pointers.
    unsafe {
        sin.write(libm::sin(x));
        cos.write(libm::cos(x));
    }
}

/// See [`attestlm_sincos`].
#[no_mangle]
unsafe extern "C" fn attestlm_sincosf(x: f32, sin: *mut f32, cos: *mut f32) {
    // SAFETY: the compiler that emitted the call passes two valid pointers.
    unsafe {
        sin.write(libm::sinf(x));
        cos.write(libm::cosf(x));
    }
}

/// The engine's `getenv`: no variable of the host's. One is always set, and changes no number: without it
/// ggml, before it aborts, starts the debugger it finds on the host's path, on a process that holds keys.
///
/// # Safety
/// `name` is NULL or NUL-terminated.
#[no_mangle]
unsafe extern "C" fn attestlm_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the engine asks as it would ask the C library.
    if !name.is_null() && unsafe { CStr::from_ptr(name) } == c"GGML_NO_BACKTRACE" {
        return c"1".as_ptr().cast_mut();
    }
    std::ptr::null_mut()
}
