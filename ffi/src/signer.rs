//! Signers: an in-memory key, a keystore's, a caller's function, or one that signs later.

use std::ffi::c_void;
use std::sync::Arc;

use attestlm::signer::{keystore, CallbackSigner, ExternalSigner, KeySigner, Signer};

use crate::bytes::attestlm_bytes_t;
use crate::error::{attestlm_error_t, Failure};
use crate::guard::guard;
use crate::handle;
use crate::input::{self, Out, OutArray};
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// Something that signs in the name of one address. Read-only; generations keep what they need.
pub struct attestlm_signer_t {
    signer: Arc<dyn Signer>,
    /// The key, where it is ours to write to a keystore.
    key: Option<Arc<KeySigner>>,
}

impl attestlm_signer_t {
    fn of_key(key: KeySigner) -> Self {
        let key = Arc::new(key);
        attestlm_signer_t { signer: Arc::clone(&key) as Arc<dyn Signer>, key: Some(key) }
    }

    #[cfg(feature = "engine")]
    pub(crate) fn share(&self) -> Arc<dyn Signer> {
        Arc::clone(&self.signer)
    }
}

/// Signs a 32-byte digest: writes r, s and v (65 bytes) to `signature`, and answers 0; anything else is a
/// failure, whose message ends with "it answered " and the number: so a caller finds its own reason again. It is called in a thread that is in `attestlm_generation_next` or `attestlm_session_score` of the same
/// session, not always of the same generation, and must not call the session it signs for.
pub type attestlm_sign_fn =
    Option<unsafe extern "C" fn(env: *mut c_void, digest: *const u8, signature: *mut u8) -> i32>;

/// Frees what `env` points to, once, when no call can come any more.
pub type attestlm_finalizer_fn = Option<unsafe extern "C" fn(env: *mut c_void)>;

/// attestlm_signer_random: a signer with a fresh key.
///
/// `*signer` is the caller's, to be freed with `attestlm_signer_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_IO` (no random numbers). Since 0.1.0.
///
/// # Safety
/// `signer` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_random(
    signer: *mut *mut attestlm_signer_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let out = unsafe { Out::new("signer", signer) }?;
        out.give(attestlm_signer_t::of_key(KeySigner::random()?));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_signer_from_key: a signer with a secp256k1 key of 32 bytes, big-endian. The copy kept is wiped when the
/// signer is freed; wipe yours.
///
/// `*signer` is the caller's, to be freed with `attestlm_signer_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_ARGUMENT`, `ATTESTLM_ERR_SIGNER` (zero, or not below the group order). Since 0.1.0.
///
/// # Safety
/// `key_len` bytes at `key` are readable; `signer` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_from_key(
    key: *const u8,
    key_len: usize,
    signer: *mut *mut attestlm_signer_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, key) = unsafe { (Out::new("signer", signer)?, input::bytes("key", key, key_len)?) };
        let key: &[u8; 32] = key
            .try_into()
            .map_err(|_| Failure::argument("key", format!("it must have 32 bytes, not {key_len}")))?;
        out.give(attestlm_signer_t::of_key(KeySigner::from_bytes(key)?));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_signer_from_keystore: a signer with the key of a keystore V3 document (its text, not its path) under
/// its password, UTF-8. Takes the time that the keystore's parameters ask for, up to seconds.
///
/// `*signer` is the caller's, to be freed with `attestlm_signer_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_SIGNER`: no keystore, a parameter out of bounds, a wrong password. Since 0.1.0.
///
/// # Safety
/// The lengths bytes at `keystore` and `password` are readable; `signer` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_from_keystore(
    keystore: *const u8,
    keystore_len: usize,
    password: *const u8,
    password_len: usize,
    signer: *mut *mut attestlm_signer_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, text, password) = unsafe {
            (
                Out::new("signer", signer)?,
                input::bytes("keystore", keystore, keystore_len)?,
                input::bytes("password", password, password_len)?,
            )
        };
        out.give(attestlm_signer_t::of_key(keystore::decrypt(text, utf8(password)?)?));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_signer_to_keystore: the signer's key, encrypted under a password, UTF-8, as the text of a keystore V3
/// document (scrypt, n = 2^18: about a second). Write it to a file that nobody else may read.
///
/// `*text` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. May run beside other calls on
/// the signer. Errors: `ATTESTLM_ERR_SIGNER` (the key is not here: a callback or external signer), `ATTESTLM_ERR_IO`.
/// Since 0.1.0.
///
/// # Safety
/// `signer` is live; `password_len` bytes at `password` are readable; `text` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_to_keystore(
    signer: *const attestlm_signer_t,
    password: *const u8,
    password_len: usize,
    text: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, signer, password) = unsafe {
            (
                Out::new("text", text)?,
                handle::borrow("signer", signer)?,
                input::bytes("password", password, password_len)?,
            )
        };
        let key = signer.key.as_ref().ok_or_else(|| {
            Failure::new(crate::status::ATTESTLM_ERR_SIGNER, "signer", "its key is not in this process")
        })?;
        let cost = keystore::KeystoreCost::STANDARD;
        out.give(attestlm_bytes_t::new(keystore::encrypt(key, utf8(password)?, cost)?));
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_signer_callback: a signer that calls the caller's function: a wallet, an HSM, a KMS. Every signature it
/// makes is checked to be by `address` (20 bytes).
///
/// `*signer` is the caller's, to be freed with `attestlm_signer_free`; NULL on failure, when `finalizer` is not
/// called. `sign` may be called from every thread that generates, by several at once. `finalizer`, which may be
/// NULL, is called with `env` once, when the signer and all generations that use it are gone. Where a callback is
/// awkward, `attestlm_signer_external` needs none. Any thread. Errors: `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `address_len` bytes at `address` are readable; `sign` and `finalizer` are sound to call as said; `signer` is
/// writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_callback(
    address: *const u8,
    address_len: usize,
    sign: attestlm_sign_fn,
    env: *mut c_void,
    finalizer: attestlm_finalizer_fn,
    signer: *mut *mut attestlm_signer_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, address) =
            unsafe { (Out::new("signer", signer)?, input::array::<20>("address", address, address_len)?) };
        let sign = sign.ok_or_else(|| Failure::null("sign"))?;
        let callback = Callback { env, finalizer };
        let call = move |digest: &[u8; 32]| {
            // The whole of it is captured, and freed with the closure.
            let callback = &callback;
            let mut signature = [0; 65];
            // SAFETY: as the caller of this function promised.
            match unsafe { sign(callback.env, digest.as_ptr(), signature.as_mut_ptr()) } {
                0 => Ok(signature.to_vec()),
                code => Err(attestlm::Error::new(
                    attestlm::ErrorKind::Signer,
                    "signer callback",
                    format!("it answered {code}"),
                )),
            }
        };
        out.give(attestlm_signer_t { signer: Arc::new(CallbackSigner::new(address, call)), key: None });
        Ok(ATTESTLM_OK)
    })
}

struct Callback {
    env: *mut c_void,
    finalizer: attestlm_finalizer_fn,
}

// SAFETY: the caller of `attestlm_signer_callback` lets its function be called from any thread, by several at once.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            // SAFETY: as promised; this is the last use of `env`.
            unsafe { finalizer(self.env) };
        }
    }
}

/// attestlm_signer_external: a signer that signs nothing. Receipts come out unsigned, in the name of `address`
/// (20 bytes); have `attestlm_receipt_digest` signed wherever you like and call `attestlm_receipt_sign`.
///
/// `*signer` is the caller's, to be freed with `attestlm_signer_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `address_len` bytes at `address` are readable; `signer` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_external(
    address: *const u8,
    address_len: usize,
    signer: *mut *mut attestlm_signer_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, address) =
            unsafe { (Out::new("signer", signer)?, input::array::<20>("address", address, address_len)?) };
        out.give(attestlm_signer_t { signer: Arc::new(ExternalSigner::new(address)), key: None });
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_signer_address: the address, 20 bytes to `address`; zeros on failure.
///
/// May run beside other calls on the signer. Errors: `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `signer` is live; 20 bytes at `address` are writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_address(
    signer: *const attestlm_signer_t,
    address: *mut u8,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, signer) =
            unsafe { (OutArray::<20>::new("address", address)?, handle::borrow("signer", signer)?) };
        out.give(&signer.signer.address());
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_signer_free: frees a signer; its key is wiped when no generation uses it any more. NULL is a no-op.
///
/// Since 0.1.0.
///
/// # Safety
/// `signer` is NULL or live; it is not used afterwards, nor in a call that runs.
#[no_mangle]
pub unsafe extern "C" fn attestlm_signer_free(signer: *mut attestlm_signer_t) {
    // SAFETY: as the header says.
    unsafe { handle::free(signer) };
}

fn utf8(password: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(password).map_err(|_| Failure::argument("password", "it is not UTF-8"))
}
