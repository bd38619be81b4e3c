//! Account addresses, as people write them.

use attestlm::hex::{checksum_address, parse_address};

use crate::bytes::attestlm_bytes_t;
use crate::error::{attestlm_error_t, Failure};
use crate::guard::guard;
use crate::input::{self, Out, OutArray};
use crate::status::{attestlm_status_t, ATTESTLM_OK};

/// attestlm_address_parse: the 20 bytes of an address written as 0x and 40 hex digits, UTF-8: all of them in lower case,
/// or in the mixed case of EIP-55, whose checksum must be right.
///
/// `*address` is zeros on failure. Any thread. Errors: `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `text_len` bytes at `text` are readable; 20 bytes at `address` are writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_address_parse(
    text: *const u8,
    text_len: usize,
    address: *mut u8,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, text) =
            unsafe { (OutArray::<20>::new("address", address)?, input::bytes("text", text, text_len)?) };
        let text = std::str::from_utf8(text).map_err(|_| Failure::argument("address", "it is not UTF-8"))?;
        out.give(&parse_address("address", text)?);
        Ok(ATTESTLM_OK)
    })
}

/// attestlm_address_text: an address of 20 bytes as wallets show it: 0x and 40 hex digits in the mixed case of EIP-55.
///
/// `*text` is the caller's, to be freed with `attestlm_bytes_free`; NULL on failure. Any thread. Errors:
/// `ATTESTLM_ERR_ARGUMENT`. Since 0.1.0.
///
/// # Safety
/// `address_len` bytes at `address` are readable; `text` is writable; `err` is NULL or writable.
#[no_mangle]
pub unsafe extern "C" fn attestlm_address_text(
    address: *const u8,
    address_len: usize,
    text: *mut *mut attestlm_bytes_t,
    err: *mut *mut attestlm_error_t,
) -> attestlm_status_t {
    guard!(err, {
        // SAFETY: as the header says.
        let (out, address) =
            unsafe { (Out::new("text", text)?, input::array::<20>("address", address, address_len)?) };
        out.give(attestlm_bytes_t::new(checksum_address(&address)));
        Ok(ATTESTLM_OK)
    })
}
