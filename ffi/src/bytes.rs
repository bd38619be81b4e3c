//! Results of any length.

/// Bytes that a call returned, often UTF-8 text. Owned by the caller; may be read from any thread.
pub struct attestlm_bytes_t(Vec<u8>);

impl attestlm_bytes_t {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let mut bytes = bytes.into();
        // Not counted: text can be used as a C string.
        bytes.push(0);
        attestlm_bytes_t(bytes)
    }
}

/// attestlm_bytes_data: the bytes, never NULL for live bytes. Behind the last one there is a NUL that does not
/// count. Borrowed: valid until the bytes are freed. NULL for NULL.
///
/// Any thread. Since 0.1.0.
///
/// # Safety
/// `bytes` is NULL or live.
#[no_mangle]
pub unsafe extern "C" fn attestlm_bytes_data(bytes: *const attestlm_bytes_t) -> *const u8 {
    // SAFETY: as the header says.
    unsafe { bytes.as_ref() }.map_or(std::ptr::null(), |bytes| bytes.0.as_ptr())
}

/// attestlm_bytes_len: how many bytes there are; 0 for NULL.
///
/// Any thread. Since 0.1.0.
///
/// # Safety
/// `bytes` is NULL or live.
#[no_mangle]
pub unsafe extern "C" fn attestlm_bytes_len(bytes: *const attestlm_bytes_t) -> usize {
    // SAFETY: as the header says.
    unsafe { bytes.as_ref() }.map_or(0, |bytes| bytes.0.len().saturating_sub(1))
}

/// attestlm_bytes_free: frees bytes. NULL is a no-op.
///
/// Since 0.1.0.
///
/// # Safety
/// `bytes` is NULL or live; it is not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn attestlm_bytes_free(bytes: *mut attestlm_bytes_t) {
    // SAFETY: as the header says.
    unsafe { crate::handle::free(bytes) };
}
