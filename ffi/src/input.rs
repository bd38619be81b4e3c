//! What the caller lends for the time of a call, and where results go.

use std::path::PathBuf;

use crate::error::Failure;

/// Bytes lent by the caller; null is allowed for none.
///
/// # Safety
/// `data` points to `len` readable bytes, or `len` is 0.
pub(crate) unsafe fn bytes<'a>(name: &'static str, data: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::null(name));
    }
    if isize::try_from(len).is_err() {
        return Err(Failure::argument(name, "its length is no possible length"));
    }
    // SAFETY: as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// Exactly `N` bytes.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn array<const N: usize>(
    name: &'static str,
    data: *const u8,
    len: usize,
) -> Result<[u8; N], Failure> {
    // SAFETY: as the caller promises.
    let bytes = unsafe { bytes(name, data, len) }?;
    bytes.try_into().map_err(|_| Failure::argument(name, format!("it must have {N} bytes, not {len}")))
}

/// A file's path: bytes as the operating system takes them, without NUL.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn path(name: &'static str, data: *const u8, len: usize) -> Result<PathBuf, Failure> {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: as the caller promises.
    let bytes = unsafe { bytes(name, data, len) }?;
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Failure::argument(name, "it must be a path: not empty, without NUL"));
    }
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

/// Where a result goes: cleared now, written on success.
pub(crate) struct Out<T>(*mut *mut T);

impl<T> Out<T> {
    /// A result that the caller may not want.
    ///
    /// # Safety
    /// As [`Self::new`].
    pub(crate) unsafe fn maybe(out: *mut *mut T) -> Option<Self> {
        // SAFETY: as the caller promises.
        unsafe { Self::new("", out) }.ok()
    }

    /// Clears it.
    ///
    /// # Safety
    /// `out` is null or writable until the end of the call.
    pub(crate) unsafe fn new(name: &'static str, out: *mut *mut T) -> Result<Self, Failure> {
        if out.is_null() {
            return Err(Failure::null(name));
        }
        // SAFETY: as the caller promises.
        unsafe { out.write(std::ptr::null_mut()) };
        crate::guard::check_process()?;
        Ok(Out(out))
    }

    /// Hands over the result.
    pub(crate) fn give(self, value: T) {
        // SAFETY: not null, and writable as was promised to `new`.
        unsafe { self.0.write(crate::handle::give(value)) };
    }
}

/// Clears a fixed-size result and writes it on success.
pub(crate) struct OutArray<const N: usize>(*mut u8);

impl<const N: usize> OutArray<N> {
    /// Clears it.
    ///
    /// # Safety
    /// `out` is null or `N` bytes at it are writable until the end of the call.
    pub(crate) unsafe fn new(name: &'static str, out: *mut u8) -> Result<Self, Failure> {
        if out.is_null() {
            return Err(Failure::null(name));
        }
        // SAFETY: as the caller promises.
        unsafe { out.write_bytes(0, N) };
        crate::guard::check_process()?;
        Ok(OutArray(out))
    }

    /// Writes the result.
    pub(crate) fn give(self, value: &[u8; N]) {
        // SAFETY: not null, and writable as was promised to `new`.
        unsafe { self.0.copy_from_nonoverlapping(value.as_ptr(), N) };
    }
}
