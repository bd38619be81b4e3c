//! Models.

use attestlm::gguf::ModelFile;

use crate::bytes::attestlm_bytes_t;
use crate::error::attestlm_error_t;
use crate::guard::{guard, with_engine};
#[cfg(feature = "engine")]
use crate::handle;
use crate::input::{self, Out};
use crate::operation::{self, attestlm_operation_t};
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// A model's weights and vocabulary, read-only. Sessions keep what they need: it may be freed before them.
pub struct attestlm_model_t {
    #[cfg(feature = "engine")]
    pub(crate) model: attestlm::model::Model,
    #[cfg(not(feature = "engine"))]
    _none: std::convert::Infallible,
}

/// attestlm_model_open: opens the GGUF file at a path of `path_len` bytes. It is hashed, validated and mapped,
/// which takes about a second a gigabyte: `operation`, which may be NULL, tells how far it is and can end it.
///
/// `*model` is the caller's, to be freed with `attestlm_model_free`; NULL on failure. Errors:
/// `ATTESTLM_ERR_IO`, `ATTESTLM_ERR_MODEL` (malformed, not supported, split), `ATTESTLM_ERR_ENGINE`,
/// `ATTESTLM_ERR_UNSUPPORTED` (no such processor, no engine in this library), `ATTESTLM_ERR_CANCELLED`. Any thread.
/// Since 0.1.0.
///
/// # Safety
/// `path_len` bytes at `path` are readable; `operation` is NULL or live; `model` is writable; `err` is NULL or
/// writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_model_open(
    path: *const u8,
    path_len: usize,
    operation: *const attestlm_operation_t,
    model: *mut *mut attestlm_model_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("model", model) }?;
        with_engine!((path, path_len, operation, out) => {
            // SAFETY: as the header says.
            let (path, operation) =
                unsafe { (input::path("path", path, path_len)?, operation::of(operation)) };
            let model = attestlm::model::Model::open_with(&path, &mut |progress| operation.opening(progress))?;
            out.give(attestlm_model_t { model });
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_model_bundled: the model abacus, which is part of the library (feature `bundled`). It does grade
/// school arithmetic; it is there to try things out.
///
/// `*model` is the caller's, to be freed with `attestlm_model_free`; NULL on failure. Errors:
/// `ATTESTLM_ERR_UNSUPPORTED`, `ATTESTLM_ERR_ENGINE`. Any thread. Since 0.1.0.
///
/// # Safety
/// `model` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_model_bundled(
    model: *mut *mut attestlm_model_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("model", model) }?;
        with_engine!((out) => {
            out.give(attestlm_model_t { model: attestlm::model::Model::bundled()? });
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_model_check: whether the GGUF file at a path is a model that can be opened, without loading it: its header
/// is validated, every byte read. `*info` is JSON: `sha256`, `architecture`, `parameters`, `contextTokens`,
/// `vocabulary`, `tensorTypes`, …. `operation` is NULL or as in `attestlm_model_open`. A library without an engine can
/// do it, too.
///
/// `*info` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_IO`, `ATTESTLM_ERR_MODEL` (malformed, not supported, split), `ATTESTLM_ERR_CANCELLED`. Since 0.1.0.
///
/// # Safety
/// `path_len` bytes at `path` are readable; `operation` is NULL or live; `info` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_model_check(
    path: *const u8,
    path_len: usize,
    operation: *const attestlm_operation_t,
    info: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("info", info) }?;
        // SAFETY: as the header says.
        let (path, operation) = unsafe { (input::path("path", path, path_len)?, operation::of(operation)) };
        let rows = ModelFile::check(&path, &mut |done, total| operation.advance(done, total))?.describe();
        let object: serde_json::Value =
            rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        out.give(attestlm_bytes_t::new(object.to_string()));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_model_info: what the model is, as JSON: `sha256`, `architecture`, `parameters`, `contextTokens`,
/// `vocabulary`, `tensorTypes`, …, and `attestable`: under each profile null, or why not. The first call in a
/// process may run the known-answer test, a few hundred milliseconds.
///
/// `*info` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. May run beside other
/// calls on the model. Errors: `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `model` is live; `info` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_model_info(
    model: *const attestlm_model_t,
    info: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("info", info) }?;
        with_engine!((model, out) => {
            // SAFETY: as the header says.
            let model = unsafe { handle::borrow("model", model) }?;
            out.give(attestlm_bytes_t::new(model.model.to_json().to_string()));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_model_free: frees a model. NULL is a no-op. Sessions and adapters made of it live on.
///
/// Since 0.1.0.
///
/// # Safety
/// `model` is NULL or live; it is not used afterwards, nor in a call that runs.
#[no_mangle]
pub unsafe extern "C" fn attestlm_model_free(model: *mut attestlm_model_t) {
    // SAFETY: as the header says.
    unsafe { crate::handle::free(model) };
}
