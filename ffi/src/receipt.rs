//! Receipts: reading, writing, judging, proving.

use attestlm::receipt::Document;
use attestlm::steps::{StepProof, STEP_PROOF_TYPE};
use attestlm::trace::TraceProof;

use crate::adapter::attestlm_adapter_t;
use crate::bytes::attestlm_bytes_t;
use crate::error::{attestlm_error_t, Failure};
use crate::guard::guard;
use crate::handle::{self, Handle};
use crate::input::{self, Out, OutArray};
use crate::model::attestlm_model_t;
use crate::operation::{self, attestlm_operation_t};
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// A receipt with its disclosure, or without.
pub struct attestlm_receipt_t(Handle<Document>);

impl attestlm_receipt_t {
    pub(crate) fn new(document: Document) -> Self {
        attestlm_receipt_t(Handle::new(document))
    }
}

/// attestlm_receipt_parse: reads a receipt document, `json_len` bytes of JSON, strictly. Form alone is looked at:
/// signature and commitments are `attestlm_receipt_verify`'s.
///
/// `*receipt` is the caller's, to be freed with `attestlm_receipt_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_RECEIPT`. Since 0.1.0.
///
/// # Safety
/// `json_len` bytes at `json` are readable; `receipt` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_parse(
    json: *const u8,
    json_len: usize,
    receipt: *mut *mut attestlm_receipt_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, json) = unsafe { (Out::new("receipt", receipt)?, input::bytes("json", json, json_len)?) };
        out.give(attestlm_receipt_t::new(Document::parse(json)?));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_receipt_to_json: the receipt document, the same bytes in every language. `with_disclosure` 0 leaves out
/// prompt, output and seed: what is left can still be checked for its signature and anchored. One that waits for its
/// signature has none, and no verifier takes it: `attestlm_receipt_parse` and `attestlm_receipt_sign`
/// complete it, in this process or another.
///
/// `*json` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. May run beside other `const`
/// calls on the receipt. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `json` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_to_json(
    receipt: *const attestlm_receipt_t,
    with_disclosure: i32,
    json: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt) = unsafe { (Out::new("json", json)?, handle::borrow("receipt", receipt)?) };
        receipt.0.shared(|document| {
            let text = match with_disclosure {
                0 => Document { disclosure: None, ..document.clone() }.to_json()?,
                _ => document.to_json()?,
            };
            out.give(attestlm_bytes_t::new(text));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_typed_data: what a wallet's `eth_signTypedData_v4` takes: the statement, before it is signed or
/// after.
///
/// `*json` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. May run beside other `const`
/// calls on the receipt. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `json` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_typed_data(
    receipt: *const attestlm_receipt_t,
    json: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt) = unsafe { (Out::new("json", json)?, handle::borrow("receipt", receipt)?) };
        receipt.0.shared(|document| {
            out.give(attestlm_bytes_t::new(document.receipt.to_typed_data(&document.domain)?));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_digest: the EIP-712 digest that is signed, 32 bytes to `digest`; zeros on failure.
///
/// May run beside other `const` calls on the receipt. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `receipt` is live; 32 bytes at `digest` are writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_digest(
    receipt: *const attestlm_receipt_t,
    digest: *mut u8,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt) =
            unsafe { (OutArray::<32>::new("digest", digest)?, handle::borrow("receipt", receipt)?) };
        receipt.0.shared(|document| {
            out.give(&document.digest());
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_signer: the stated signer's address, 20 bytes to `address`; zeros on failure. Whether the
/// signature is that signer's is `attestlm_receipt_verify`'s to say.
///
/// May run beside other `const` calls on the receipt. Errors: none but those of every call. Since 0.1.0.
///
/// # Safety
/// `receipt` is live; 20 bytes at `address` are writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_signer(
    receipt: *const attestlm_receipt_t,
    address: *mut u8,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt) =
            unsafe { (OutArray::<20>::new("address", address)?, handle::borrow("receipt", receipt)?) };
        receipt.0.shared(|document| {
            out.give(&document.receipt.signer);
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_sign: adds the stated signer's signature over `attestlm_receipt_digest`: r, s and v, 65 bytes.
/// A high s, and v as 0 or 1, are brought to the one valid form.
///
/// Exclusive: `ATTESTLM_ERR_BUSY` beside any other call on the receipt. On failure the receipt is unchanged. Errors:
/// `ATTESTLM_ERR_SIGNER` (no signature, or somebody else's). Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `signature_len` bytes at `signature` are readable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_sign(
    receipt: *mut attestlm_receipt_t,
    signature: *const u8,
    signature_len: usize,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (receipt, signature) = unsafe {
            (handle::borrow("receipt", receipt)?, input::bytes("signature", signature, signature_len)?)
        };
        receipt.0.alone(|document| {
            document.add_signature(signature)?;
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_sign_as_wallet: adds what a contract wallet, the stated signer, takes for its signature of
/// `attestlm_receipt_digest` (ERC-1271): at most 8,192 bytes, as they are. Nobody but its chain can check them, so that
/// `attestlm_receipt_verify` answers "unverifiable". Only for a receipt with a contract domain.
///
/// Exclusive: `ATTESTLM_ERR_BUSY` beside any other call on the receipt. On failure the receipt is unchanged. Errors:
/// `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `signature_len` bytes at `signature` are readable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_sign_as_wallet(
    receipt: *mut attestlm_receipt_t,
    signature: *const u8,
    signature_len: usize,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (receipt, signature) = unsafe {
            (handle::borrow("receipt", receipt)?, input::bytes("signature", signature, signature_len)?)
        };
        receipt.0.alone(|document| {
            document.add_wallet_signature(signature)?;
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_verify: judges a receipt. `*report` is JSON: `verdict` (`name`: "verified", "diverged",
/// "invalid", "unverifiable", "consistent" or "inconsistent", and what belongs to it), `kind`, `signer`, `digest`,
/// `compared`, `notCompared` (`docs/verify.md`). `ATTESTLM_OK` says that there is a report, not that the receipt
/// stands.
///
/// `terms` is JSON, or empty: what is expected (`signer`, `model`, `adapter`, `sampler`, `profile`, `finish`,
/// `context`, `domain`, `issuedFrom`, `issuedUntil`, `seed`, `clientEntropy`, `providerCommitment`, `beacon`, `nonce`)
/// and how to compare (`scored`, `allowPrefix`, `tolerant`, `signatureOnly`, `threads`). `request` is the client's own
/// request (`docs/request.md`), or empty: a hidden system prompt would not show. `model` is NULL or the model to
/// replay with, `adapter` NULL or one opened for it; without a model the verdict is at best "unverifiable", but for
/// `signatureOnly`.
///
/// `*report` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. Blocks for the
/// replay: `operation`, which may be NULL, tells how far it is and can end it. May run beside other `const` calls.
/// Errors: `ATTESTLM_ERR_ARGUMENT` (terms, request), `ATTESTLM_ERR_MODEL` (the file was changed),
/// `ATTESTLM_ERR_ENGINE`, `ATTESTLM_ERR_UNSUPPORTED` (a model, but no engine here), `ATTESTLM_ERR_CANCELLED`. Since
/// 0.1.0.
///
/// # Safety
/// `receipt` is live; `model`, `adapter` and `operation` are NULL or live; the lengths bytes at `terms` and `request` are readable;
/// `report` is writable; `err` is NULL or writable.
#[no_mangle]
#[allow(clippy::too_many_arguments)] // C has no other way to lend two texts
pub unsafe extern "C" fn attestlm_receipt_verify(
    receipt: *const attestlm_receipt_t,
    model: *const attestlm_model_t,
    adapter: *const attestlm_adapter_t,
    terms: *const u8,
    terms_len: usize,
    request: *const u8,
    request_len: usize,
    operation: *const attestlm_operation_t,
    report: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt, terms, request) = unsafe {
            (
                Out::new("report", report)?,
                handle::borrow("receipt", receipt)?,
                input::bytes("terms", terms, terms_len)?,
                input::bytes("request", request, request_len)?,
            )
        };
        let mut terms = attestlm::verify::Terms::from_json(terms)?;
        if !request.is_empty() {
            terms.expectations.request = Some(attestlm::request::Request::from_json(request)?);
        }
        // SAFETY: as the header says.
        let (model, adapter, operation) =
            unsafe { (handle::maybe(model), handle::maybe(adapter), operation::of(operation)) };
        receipt.0.shared(|document| {
            let report = judge(document, &terms, model, adapter, &operation)?;
            out.give(attestlm_bytes_t::new(report.to_json().to_string()));
            Ok(ATTESTLM_OK)
        })
    })
}

#[cfg(feature = "engine")]
fn judge(
    document: &Document,
    terms: &attestlm::verify::Terms,
    model: Option<&attestlm_model_t>,
    adapter: Option<&attestlm_adapter_t>,
    operation: &attestlm::operation::Operation,
) -> Result<attestlm::verdict::Report, Failure> {
    Ok(terms.verify_with(
        document,
        model.map(|model| &model.model),
        adapter.map(|adapter| &adapter.adapter),
        operation,
    )?)
}

#[cfg(not(feature = "engine"))]
fn judge(
    document: &Document,
    terms: &attestlm::verify::Terms,
    model: Option<&attestlm_model_t>,
    _adapter: Option<&attestlm_adapter_t>,
    _operation: &attestlm::operation::Operation,
) -> Result<attestlm::verdict::Report, Failure> {
    match model {
        Some(_) => Err(Failure::no_engine()),
        None => Ok(terms.verify_without_engine(document)),
    }
}

/// attestlm_receipt_prove_step: a proof that step `index` is part of the output, from what the receipt discloses, as
/// a JSON document. It is the signer's claim, not a replay.
///
/// `*proof` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. May run beside other `const`
/// calls on the receipt. Errors: `ATTESTLM_ERR_ARGUMENT` (no such step), `ATTESTLM_ERR_RECEIPT` (not disclosed).
/// Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `proof` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_prove_step(
    receipt: *const attestlm_receipt_t,
    index: u32,
    proof: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt) = unsafe { (Out::new("proof", proof)?, handle::borrow("receipt", receipt)?) };
        receipt.0.shared(|document| {
            out.give(attestlm_bytes_t::new(document.prove_step(index)?.to_json()?));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_redact: a receipt of which only some steps are readable: `shown` is JSON, `{"steps": [0, 2]}`, their
/// indices. Each comes with its proof; request, prompt, policy, tokens, other steps, seed and nonce are withheld, and no
/// guess of them can be checked. `attestlm_receipt_verify` with the term `signatureOnly` compares each ("step 2").
///
/// `*redacted` is the caller's, to be freed with `attestlm_receipt_free`; NULL on failure. May run beside other `const`
/// calls on the receipt. Errors: `ATTESTLM_ERR_ARGUMENT` (no such step), `ATTESTLM_ERR_RECEIPT` (not disclosed).
/// Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `shown_len` bytes at `shown` are readable; `redacted` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_redact(
    receipt: *const attestlm_receipt_t,
    shown: *const u8,
    shown_len: usize,
    redacted: *mut *mut attestlm_receipt_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, receipt, shown) = unsafe {
            (
                Out::new("redacted", redacted)?,
                handle::borrow("receipt", receipt)?,
                input::bytes("shown", shown, shown_len)?,
            )
        };
        let shown = attestlm::receipt::Shown::from_json(shown)?;
        receipt.0.shared(|document| {
            out.give(attestlm_receipt_t::new(document.redacted(&shown)?));
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_check_follows: whether a receipt follows another, so that both are of one history: its context names
/// the digest of `previous`, for the same job (`docs/spec/receipt-1.md`, section 4.3). A receipt that is to follow another
/// is asked for with the request's `context`. Neither signature is looked at. A `previous` that withholds what it is for is
/// an error: whether both are for one job cannot be told of two alone.
///
/// May run beside other `const` calls on the receipts. Errors: `ATTESTLM_ERR_RECEIPT`: it does not, and why.
/// Since 0.1.0.
///
/// # Safety
/// `receipt` and `previous` are live; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_check_follows(
    receipt: *const attestlm_receipt_t,
    previous: *const attestlm_receipt_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (receipt, previous) =
            unsafe { (handle::borrow("receipt", receipt)?, handle::borrow("previous", previous)?) };
        receipt.0.shared(|document| {
            previous.0.shared(|previous| {
                document.check_follows(previous)?;
                Ok(ATTESTLM_OK)
            })
        })
    })
}

/// attestlm_receipt_check_proof: whether a proof document of a step or an output token leads to this receipt's
/// roots. The receipt's signature is not looked at.
///
/// May run beside other `const` calls on the receipt. Errors: `ATTESTLM_ERR_RECEIPT`: it does not, and why.
/// Since 0.1.0.
///
/// # Safety
/// `receipt` is live; `proof_len` bytes at `proof` are readable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_check_proof(
    receipt: *const attestlm_receipt_t,
    proof: *const u8,
    proof_len: usize,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (receipt, proof) =
            unsafe { (handle::borrow("receipt", receipt)?, input::bytes("proof", proof, proof_len)?) };
        receipt.0.shared(|document| {
            // Its own `type` says what it is; either reader refuses the other's.
            let is_step = proof.windows(STEP_PROOF_TYPE.len()).any(|w| w == STEP_PROOF_TYPE.as_bytes());
            match is_step {
                true => StepProof::parse(proof)?.verify(&document.receipt)?,
                false => TraceProof::parse(proof)?.verify(&document.receipt)?,
            }
            Ok(ATTESTLM_OK)
        })
    })
}

/// attestlm_receipt_free: frees a receipt. NULL is a no-op.
///
/// Since 0.1.0.
///
/// # Safety
/// `receipt` is NULL or live; it is not used afterwards, nor in a call that runs.
#[no_mangle]
pub unsafe extern "C" fn attestlm_receipt_free(receipt: *mut attestlm_receipt_t) {
    // SAFETY: as the header says.
    unsafe { handle::free(receipt) };
}
