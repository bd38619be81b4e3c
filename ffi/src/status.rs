//! What a call answers. Numbers are never reused; a retired one stays here as a comment.
#![cfg_attr(not(feature = "engine"), allow(dead_code))] // one header for every build

use attestlm::ErrorKind;

/// The outcome of a call: 0 is success, above 0 a documented outcome that is no error, below 0 an error.
pub type attestlm_status_t = i32;

/// Success.
pub const ATTESTLM_OK: attestlm_status_t = 0;
/// Nothing more will come.
pub const ATTESTLM_END: attestlm_status_t = 1;
/// Nothing came in time.
pub const ATTESTLM_TIMEOUT: attestlm_status_t = 2;

/// A value given by the caller is wrong: a range, a form, an unknown field, a null pointer.
pub const ATTESTLM_ERR_ARGUMENT: attestlm_status_t = -1;
/// The operating system refused: a file is missing, unreadable, unwritable.
pub const ATTESTLM_ERR_IO: attestlm_status_t = -2;
/// A model or adapter file is malformed, unsupported, or was changed while in use.
pub const ATTESTLM_ERR_MODEL: attestlm_status_t = -3;
/// The chat template is missing or failed.
pub const ATTESTLM_ERR_TEMPLATE: attestlm_status_t = -4;
/// A grammar or JSON schema is malformed, or cannot be continued.
pub const ATTESTLM_ERR_GRAMMAR: attestlm_status_t = -5;
/// The logits cannot be sampled from: NaN, infinite, or every token masked.
pub const ATTESTLM_ERR_LOGITS: attestlm_status_t = -6;
/// A receipt, disclosure or proof is malformed or contradicts itself.
pub const ATTESTLM_ERR_RECEIPT: attestlm_status_t = -7;
/// A key, keystore, password or signature callback failed.
pub const ATTESTLM_ERR_SIGNER: attestlm_status_t = -8;
/// The engine refused or failed: out of memory, a graph outside the profile.
pub const ATTESTLM_ERR_ENGINE: attestlm_status_t = -9;
/// This build, machine or model cannot do what was asked for.
pub const ATTESTLM_ERR_UNSUPPORTED: attestlm_status_t = -10;
/// The operation was cancelled by the caller.
pub const ATTESTLM_ERR_CANCELLED: attestlm_status_t = -11;
/// A fault of this library.
pub const ATTESTLM_ERR_INTERNAL: attestlm_status_t = -12;
/// The object is in use by another call, and one of the two needs it alone. Nothing happened.
pub const ATTESTLM_ERR_BUSY: attestlm_status_t = -13;
/// A panic was caught, now or in an earlier call on this object, which can only be freed.
pub const ATTESTLM_ERR_PANIC: attestlm_status_t = -14;
/// This process is a fork of one that used the library. Nothing works here; freeing does nothing.
pub const ATTESTLM_ERR_FORKED: attestlm_status_t = -15;

/// The status of an error's class.
pub(crate) fn of(kind: ErrorKind) -> attestlm_status_t {
    match kind {
        ErrorKind::Argument => ATTESTLM_ERR_ARGUMENT,
        ErrorKind::Io => ATTESTLM_ERR_IO,
        ErrorKind::Model => ATTESTLM_ERR_MODEL,
        ErrorKind::Template => ATTESTLM_ERR_TEMPLATE,
        ErrorKind::Grammar => ATTESTLM_ERR_GRAMMAR,
        ErrorKind::Logits => ATTESTLM_ERR_LOGITS,
        ErrorKind::Receipt => ATTESTLM_ERR_RECEIPT,
        ErrorKind::Signer => ATTESTLM_ERR_SIGNER,
        ErrorKind::Engine => ATTESTLM_ERR_ENGINE,
        ErrorKind::Unsupported => ATTESTLM_ERR_UNSUPPORTED,
        ErrorKind::Cancelled => ATTESTLM_ERR_CANCELLED,
        _ => ATTESTLM_ERR_INTERNAL,
    }
}
