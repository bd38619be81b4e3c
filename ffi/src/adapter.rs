//! LoRA adapters.

use crate::error::attestlm_error_t;
use crate::guard::{guard, with_engine};
#[cfg(feature = "engine")]
use crate::handle;
#[cfg(feature = "engine")]
use crate::input;
use crate::input::Out;
use crate::model::attestlm_model_t;
use crate::status::attestlm_status_t;
#[cfg(feature = "engine")]
use crate::status::ATTESTLM_OK;

/// A LoRA adapter for one model, read-only, applied at scale 1. Sessions keep what they need.
pub struct attestlm_adapter_t {
    #[cfg(feature = "engine")]
    pub(crate) adapter: attestlm::model::Adapter,
    #[cfg(not(feature = "engine"))]
    _none: std::convert::Infallible,
}

/// attestlm_adapter_open: opens the LoRA GGUF at a path of `path_len` bytes, for `model`.
///
/// `*adapter` is the caller's, to be freed with `attestlm_adapter_free`; NULL on failure. May run beside other
/// calls on the model. Errors: `ATTESTLM_ERR_IO`, `ATTESTLM_ERR_MODEL` (malformed, or of another model's
/// shape), `ATTESTLM_ERR_ENGINE`, `ATTESTLM_ERR_UNSUPPORTED`. Since 0.1.0.
///
/// # Safety
/// `model` is live; `path_len` bytes at `path` are readable; `adapter` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_adapter_open(
    model: *const attestlm_model_t,
    path: *const u8,
    path_len: usize,
    adapter: *mut *mut attestlm_adapter_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("adapter", adapter) }?;
        with_engine!((model, path, path_len, out) => {
            // SAFETY: as the header says.
            let (model, path) =
                unsafe { (handle::borrow("model", model)?, input::path("path", path, path_len)?) };
            let adapter = attestlm::model::Adapter::open(&path, &model.model)?;
            out.give(attestlm_adapter_t { adapter });
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_adapter_sha256: the SHA-256 of the adapter's file, 32 bytes to `sha256`; zeros on failure.
///
/// May run beside other calls on the adapter. Errors: `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `adapter` is live; 32 bytes at `sha256` are writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_adapter_sha256(
    adapter: *const attestlm_adapter_t,
    sha256: *mut u8,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { crate::input::OutArray::<32>::new("sha256", sha256) }?;
        with_engine!((adapter, out) => {
            // SAFETY: as the header says.
            let adapter = unsafe { handle::borrow("adapter", adapter) }?;
            out.give(&adapter.adapter.sha256());
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_adapter_free: frees an adapter. NULL is a no-op. Sessions made with it live on.
///
/// Since 0.1.0.
///
/// # Safety
/// `adapter` is NULL or live; it is not used afterwards, nor in a call that runs.
#[no_mangle]
pub unsafe extern "C" fn attestlm_adapter_free(adapter: *mut attestlm_adapter_t) {
    // SAFETY: as the header says.
    unsafe { crate::handle::free(adapter) };
}
