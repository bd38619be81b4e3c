//! Sessions: one model under one profile, answering requests.

use crate::adapter::attestlm_adapter_t;
use crate::bytes::attestlm_bytes_t;
use crate::error::attestlm_error_t;
use crate::generation::attestlm_generation_t;
use crate::guard::{guard, with_engine};
#[cfg(feature = "engine")]
use crate::handle;
#[cfg(feature = "engine")]
use crate::input;
use crate::input::Out;
use crate::model::attestlm_model_t;
#[cfg(feature = "engine")]
use crate::operation;
use crate::operation::attestlm_operation_t;
use crate::receipt::attestlm_receipt_t;
use crate::signer::attestlm_signer_t;
use crate::status::attestlm_status_t;
#[cfg(feature = "engine")]
use crate::status::ATTESTLM_OK;

/// A session. Every call on it may run beside every other one, from any thread: what needs the model waits
/// until the step that runs has ended. Its worker threads sleep between steps; nothing runs on its own.
pub struct attestlm_session_t {
    #[cfg(feature = "engine")]
    pub(crate) session: attestlm::session::SharedSession,
    #[cfg(not(feature = "engine"))]
    _none: std::convert::Infallible,
}

/// attestlm_session_new: makes a session of a model. `options` is JSON, every field optional, or empty:
/// `profile` ("exact", the one that the model has, if left out; "exact-1", "exact-2" or "fast"), `threads` (at most
/// what affinity and cgroup quota allow), `contextTokens` (the longest prompt and output), `streams` (sequences live
/// at once), `ubatch` (prompt tokens computed at once), `oversubscribe`. An adapter is NULL or one opened for the same model.
///
/// If the model cannot be attested under the profile, the session still generates, and
/// `attestlm_session_info` says why (`unattested`).
///
/// `*session` is the caller's, to be freed with `attestlm_session_free`; NULL on failure. May run beside other
/// calls on model and adapter. Errors: `ATTESTLM_ERR_ARGUMENT`, `ATTESTLM_ERR_MODEL` (the file was changed),
/// `ATTESTLM_ERR_ENGINE`, `ATTESTLM_ERR_UNSUPPORTED`. Since 0.1.0.
///
/// # Safety
/// `model` is live; `adapter` is NULL or live; `options_len` bytes at `options` are readable; `session` is
/// writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_session_new(
    model: *const attestlm_model_t,
    adapter: *const attestlm_adapter_t,
    options: *const u8,
    options_len: usize,
    session: *mut *mut attestlm_session_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("session", session) }?;
        with_engine!((model, adapter, options, options_len, out) => {
            use attestlm::session::{Session, SessionOptions, SharedSession};
            // SAFETY: as the header says.
            let (model, adapter, options) = unsafe {
                (
                    handle::borrow("model", model)?,
                    handle::maybe(adapter),
                    input::bytes("options", options, options_len)?,
                )
            };
            let mut options = SessionOptions::from_json(options)?;
            options.adapter = adapter.map(|adapter| adapter.adapter.clone());
            let session = SharedSession::new(Session::new(&model.model, &options)?)?;
            out.give(attestlm_session_t { session });
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_session_info: what was made of the options, as JSON: `profile` (the id), `threads`,
/// `contextTokens`, `streams`, `ubatch`, `model`, `adapter`, and `unattested`: null, or why answers carry no
/// receipt.
///
/// `*info` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. Any thread. Errors: none but those
/// of every call. Since 0.1.0.
///
/// # Safety
/// `session` is live; `info` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_session_info(
    session: *const attestlm_session_t,
    info: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("info", info) }?;
        with_engine!((session, out) => {
            // SAFETY: as the header says.
            let session = unsafe { handle::borrow("session", session) }?;
            out.give(attestlm_bytes_t::new(session.session.to_json().to_string()));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_session_generate: queues a request, `request_len` bytes of JSON (`docs/request.md`). Nothing is
/// computed yet: `attestlm_generation_next` does, for every generation of the session at once. With a signer
/// every answer carries a receipt; NULL: none.
///
/// `*generation` is the caller's, to be freed with `attestlm_generation_free`; NULL on failure, when nothing is
/// queued. It keeps what it needs of session and signer. Any thread. Errors: `ATTESTLM_ERR_ARGUMENT` naming the field,
/// `ATTESTLM_ERR_TEMPLATE`, `ATTESTLM_ERR_GRAMMAR`, `ATTESTLM_ERR_ENGINE`; with a signer, what `attestlm_session_info`
/// calls `unattested`: no answer is computed whose receipt could not be made. Since 0.1.0.
///
/// # Safety
/// `session` is live; `request_len` bytes at `request` are readable; `signer` is NULL or live; `generation` is
/// writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_session_generate(
    session: *const attestlm_session_t,
    request: *const u8,
    request_len: usize,
    signer: *const attestlm_signer_t,
    generation: *mut *mut attestlm_generation_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("generation", generation) }?;
        with_engine!((session, request, request_len, signer, out) => {
            // SAFETY: as the header says.
            let (session, request, signer) = unsafe {
                (
                    handle::borrow("session", session)?,
                    input::bytes("request", request, request_len)?,
                    handle::maybe(signer),
                )
            };
            let request = attestlm::request::Request::from_json(request)?;
            let signer = signer.map(attestlm_signer_t::share);
            out.give(attestlm_generation_t::new(session.session.generate(&request, signer)?));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_session_score: how likely a continuation is after a request's prompt, in one pass. The continuation is
/// JSON: `{"text": …}` or `{"tokens": […]}`. `*score` is JSON: `tokens` (each `token`, `text`, `bytes`, `logprob`,
/// `greedy`), `logprob`, `greedy`, `promptCount`, `receipt`. With a signer the receipt of kind 1 is in the JSON, and, if
/// `receipt` is not NULL, at `*receipt` too.
///
/// Any thread; blocks until the pass has ended: `operation`, which may be NULL, tells how far it is and can end it.
/// While generations have every stream of the session, the call decodes for them, and is ended after the step
/// that runs. `*score` and `*receipt` are the caller's, to be freed with their
/// `_free` functions; NULL on failure, `*receipt` also without a signer. Errors: as `attestlm_session_generate`,
/// `ATTESTLM_ERR_CANCELLED`, and what kept the signer from signing. Since 0.1.0.
///
/// # Safety
/// `session` is live; the lengths bytes at `request` and `continuation` are readable; `signer` and `operation` are NULL
/// or live; `score` is writable; `receipt` and `err` are NULL or writable.
#[no_mangle]
#[allow(clippy::too_many_arguments)] // C has no other way to lend two texts
pub unsafe extern "C" fn attestlm_session_score(
    session: *const attestlm_session_t,
    request: *const u8,
    request_len: usize,
    continuation: *const u8,
    continuation_len: usize,
    signer: *const attestlm_signer_t,
    operation: *const attestlm_operation_t,
    score: *mut *mut attestlm_bytes_t,
    receipt: *mut *mut attestlm_receipt_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (receipt, out) = unsafe { (Out::maybe(receipt), Out::new("score", score)?) };
        with_engine!(
            (session, request, request_len, continuation, continuation_len, signer, operation, receipt, out) => {
                // SAFETY: as the header says.
                let (session, request, continuation, signer, operation) = unsafe {
                    (
                        handle::borrow("session", session)?,
                        input::bytes("request", request, request_len)?,
                        input::bytes("continuation", continuation, continuation_len)?,
                        handle::maybe(signer),
                        operation::of(operation),
                    )
                };
                let request = attestlm::request::Request::from_json(request)?;
                let continuation = attestlm::session::Continuation::from_json(continuation)?;
                let signer = signer.map(attestlm_signer_t::share);
                let scored = session.session.score_with(&request, &continuation, signer, &operation)?;
                let json = scored.to_json(session.session.model().vocab())?;
                if let (Some(receipt), Some(document)) = (receipt, scored.receipt) {
                    receipt.give(attestlm_receipt_t::new(document?));
                }
                out.give(attestlm_bytes_t::new(json.to_string()));
                Ok(ATTESTLM_OK)
            }
        )
    })
}

/// attestlm_session_forget: forgets every cached prefix that is not in use: the next prompt is read whole.
///
/// Any thread. Errors: `ATTESTLM_ERR_ENGINE`. Since 0.1.0.
///
/// # Safety
/// `session` is live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_session_forget(
    session: *const attestlm_session_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        with_engine!((session) => {
            // SAFETY: as the header says.
            unsafe { handle::borrow("session", session) }?.session.forget()?;
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_session_cancel: ends what runs now: every generation as cancelled, a score with an error. It does
/// not wait, and does not touch what comes later.
///
/// Any thread, at any time. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `session` is live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_session_cancel(
    session: *const attestlm_session_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        with_engine!((session) => {
            // SAFETY: as the header says.
            unsafe { handle::borrow("session", session) }?.session.cancel();
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_session_free: frees a session. NULL is a no-op. Generations made of it live on.
///
/// Since 0.1.0.
///
/// # Safety
/// `session` is NULL or live; it is not used afterwards, nor in a call that runs.
#[no_mangle]
pub unsafe extern "C" fn attestlm_session_free(session: *mut attestlm_session_t) {
    // SAFETY: as the header says.
    unsafe { crate::handle::free(session) };
}
