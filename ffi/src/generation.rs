//! Generations: events are pulled, by whoever wants them.

use crate::bytes::attestlm_bytes_t;
use crate::error::attestlm_error_t;
use crate::guard::{guard, with_engine};
#[cfg(feature = "engine")]
use crate::handle::{self, Handle};
use crate::input::Out;
use crate::receipt::attestlm_receipt_t;
use crate::status::attestlm_status_t;
#[cfg(feature = "engine")]
use crate::status::{ATTESTLM_END, ATTESTLM_OK, ATTESTLM_TIMEOUT};

/// One request at work. Freed before its end, it is cancelled, and nothing of it is signed.
pub struct attestlm_generation_t {
    #[cfg(feature = "engine")]
    running: Handle<Running>,
    #[cfg(feature = "engine")]
    cancel: attestlm::session::GenerationCancel,
    #[cfg(not(feature = "engine"))]
    _none: std::convert::Infallible,
}

#[cfg(feature = "engine")]
struct Running {
    generation: attestlm::session::Generation,
    /// By choice, as they end.
    answers: std::collections::BTreeMap<u32, attestlm::Result<attestlm::session::Answer>>,
}

#[cfg(feature = "engine")]
impl attestlm_generation_t {
    pub(crate) fn new(generation: attestlm::session::Generation) -> Self {
        let cancel = generation.cancel_handle();
        attestlm_generation_t {
            running: Handle::new(Running { generation, answers: Default::default() }),
            cancel,
        }
    }
}

/// attestlm_generation_next: waits for the next event, at most `timeout_ms` milliseconds (below 0: as long as it
/// takes; 0: one step at most), and decodes while no other thread does. `*event` is JSON: `event` is "prefill"
/// (`done`, `total`), "text" (`text`: whole characters), "done" (`finish`, `outputCount`) or "failed" (`error`), each
/// with `choice`.
///
/// Answers `ATTESTLM_OK` with an event, `ATTESTLM_END` after the last one, `ATTESTLM_TIMEOUT` if there was none in
/// time; a call that decodes ends with the step in which the time is up. `*event` is the caller's, to be freed with
/// `attestlm_bytes_free`; NULL without an event. One thread at a time: another gets `ATTESTLM_ERR_BUSY`. Errors:
/// `ATTESTLM_ERR_ENGINE`, `ATTESTLM_ERR_INTERNAL`: faults of the session, which end all of its generations.
/// Since 0.1.0.
///
/// # Safety
/// `generation` is live; `event` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_generation_next(
    generation: *mut attestlm_generation_t,
    timeout_ms: i32,
    event: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("event", event) }?;
        with_engine!((generation, timeout_ms, out) => {
            use attestlm::session::{GenerationEvent, Next};
            // SAFETY: as the header says.
            let generation = unsafe { handle::borrow("generation", generation) }?;
            let timeout = u64::try_from(timeout_ms).ok().map(std::time::Duration::from_millis);
            generation.running.alone(|running| match running.generation.next(timeout)? {
                Next::Ended => Ok(ATTESTLM_END),
                Next::TimedOut => Ok(ATTESTLM_TIMEOUT),
                Next::Event(event) => {
                    out.give(attestlm_bytes_t::new(event.to_json()?));
                    if let GenerationEvent::Done { choice, answer } = event {
                        running.answers.insert(choice, *answer);
                    }
                    Ok(ATTESTLM_OK)
                }
            })
        })
    })
}

/// attestlm_generation_cancel: ends every choice as cancelled; the last events follow. It does not wait. After the
/// end it does nothing.
///
/// Any thread, also while another waits in `attestlm_generation_next`. Errors: none but those of every call.
/// Since 0.1.0.
///
/// # Safety
/// `generation` is live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_generation_cancel(
    generation: *const attestlm_generation_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        with_engine!((generation) => {
            // SAFETY: as the header says.
            unsafe { handle::borrow("generation", generation) }?.cancel.cancel();
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_generation_answer: the answer of a choice whose event "done" was pulled, as JSON: `choice`, `text`,
/// `finish`, `tokens`, `promptCount`, `logprobs` (null unless the request asked), `receipt` (null without a signer; with an
/// external one its signature is zeros until `attestlm_receipt_sign`), `receiptError` (null, or why there is none).
///
/// `*answer` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. May run beside other `const`
/// calls; `ATTESTLM_ERR_BUSY` while a thread is in `attestlm_generation_next`. Errors: `ATTESTLM_ERR_ARGUMENT`
/// (no such choice, or it has not ended), the choice's own error. Since 0.1.0.
///
/// # Safety
/// `generation` is live; `answer` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_generation_answer(
    generation: *const attestlm_generation_t,
    choice: u32,
    answer: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("answer", answer) }?;
        with_engine!((generation, choice, out) => {
            // SAFETY: as the header says.
            let generation = unsafe { handle::borrow("generation", generation) }?;
            generation.running.shared(|running| {
                let json = running.answer(choice)?.to_json(running.generation.model().vocab())?;
                out.give(attestlm_bytes_t::new(json.to_string()));
                Ok(ATTESTLM_OK)
            })
        })
    })
}

/// attestlm_generation_receipt: the receipt of a choice whose event "done" was pulled. With an external signer it
/// is unsigned: `attestlm_receipt_sign` completes it.
///
/// `*receipt` is the caller's, to be freed with `attestlm_receipt_free`; NULL on failure. It lives on after the
/// generation. Concurrency and errors: as `attestlm_generation_answer`; `ATTESTLM_ERR_ARGUMENT` without a signer;
/// why there is no receipt (the signer failed, a file was changed).
/// Since 0.1.0.
///
/// # Safety
/// `generation` is live; `receipt` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_generation_receipt(
    generation: *const attestlm_generation_t,
    choice: u32,
    receipt: *mut *mut attestlm_receipt_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("receipt", receipt) }?;
        with_engine!((generation, choice, out) => {
            // SAFETY: as the header says.
            let generation = unsafe { handle::borrow("generation", generation) }?;
            generation.running.shared(|running| {
                let document = running.answer(choice)?.receipt.clone().ok_or_else(|| {
                    crate::error::Failure::argument("choice", "the generation was made without a signer")
                })??;
                out.give(attestlm_receipt_t::new(document));
                Ok(ATTESTLM_OK)
            })
        })
    })
}

/// attestlm_generation_prove_token: a proof that output token `index` of a choice is what the receipt's trace says, as
/// a JSON document. `with_digest` 0 hides the digest of its logits: with it, whoever has the model can confirm
/// guesses of all tokens before.
///
/// `*proof` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. Concurrency and errors: as
/// `attestlm_generation_answer`; `ATTESTLM_ERR_RECEIPT` without a receipt. Since 0.1.0.
///
/// # Safety
/// `generation` is live; `proof` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_generation_prove_token(
    generation: *const attestlm_generation_t,
    choice: u32,
    index: u32,
    with_digest: i32,
    proof: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("proof", proof) }?;
        with_engine!((generation, choice, index, with_digest, out) => {
            use attestlm::trace::Show;
            // SAFETY: as the header says.
            let generation = unsafe { handle::borrow("generation", generation) }?;
            let show = if with_digest == 0 { Show::Token } else { Show::TokenAndDigest };
            generation.running.shared(|running| {
                let proof = running.answer(choice)?.prove_token(index, show)?;
                out.give(attestlm_bytes_t::new(proof.to_json()?));
                Ok(ATTESTLM_OK)
            })
        })
    })
}

#[cfg(feature = "engine")]
impl Running {
    fn answer(&self, choice: u32) -> Result<&attestlm::session::Answer, crate::error::Failure> {
        match self.answers.get(&choice) {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(error.clone().into()),
            None => {
                Err(crate::error::Failure::argument("choice", "there is none of this number that has ended"))
            }
        }
    }
}

/// attestlm_generation_free: frees a generation; before its end, it is cancelled. NULL is a no-op.
///
/// Since 0.1.0.
///
/// # Safety
/// `generation` is NULL or live; it is not used afterwards, nor in a call that runs.
#[no_mangle]
pub unsafe extern "C" fn attestlm_generation_free(generation: *mut attestlm_generation_t) {
    // SAFETY: as the header says.
    unsafe { crate::handle::free(generation) };
}
