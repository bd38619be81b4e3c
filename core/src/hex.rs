//! Canonical hex: `0x`, then lower-case digits, two per byte. Nothing else is read, so that
//! one value has one text.

use crate::abi::keccak256;
use crate::error::{Error, Result};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// `0x` and two lower-case digits per byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("0x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads canonical hex of any length.
///
/// # Errors
/// A missing `0x`, an upper-case or other non-digit, an odd number of digits; the error
/// names `field`.
pub fn decode(field: &str, text: &str) -> Result<Vec<u8>> {
    let bad = |why: &str| Error::argument(field.to_owned(), why);
    let digits = text.strip_prefix("0x").ok_or_else(|| bad("hex must begin with 0x"))?.as_bytes();
    if digits.len() % 2 != 0 {
        return Err(bad("hex must have two digits per byte"));
    }
    let digit = |b: u8| match b {
        b'0'..=b'9' => Ok(b - b'0'),
        b'a'..=b'f' => Ok(b - b'a' + 10),
        _ => Err(bad("hex must be lower-case digits 0-9 and a-f")),
    };
    digits.chunks_exact(2).map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Reads canonical hex of exactly `N` bytes.
///
/// # Errors
/// As [`decode`], and any other length.
pub fn decode_array<const N: usize>(field: &str, text: &str) -> Result<[u8; N]> {
    // Checked first, so that a wrong text of any size costs no allocation of its size.
    if text.len() != 2 + 2 * N {
        return Err(Error::argument(field.to_owned(), format!("must be 0x and {} hex digits", 2 * N)));
    }
    decode(field, text)?
        .try_into()
        .map_err(|_| Error::argument(field.to_owned(), format!("must be 0x and {} hex digits", 2 * N)))
}

/// Reads an account address as a person types it: all lower-case, or mixed case with a valid
/// EIP-55 checksum. Documents use [`decode_array`], which takes lower-case only.
///
/// # Errors
/// Anything else, a wrong checksum included; the error names `field`.
pub fn parse_address(field: &str, text: &str) -> Result<[u8; 20]> {
    let lower = text.to_ascii_lowercase();
    let address: [u8; 20] = decode_array(field, &lower)?;
    if text == lower || text == checksum_address(&address) {
        Ok(address)
    } else {
        Err(Error::argument(field.to_owned(), "mixed-case address with a wrong EIP-55 checksum"))
    }
}

/// The EIP-55 mixed-case form of an address.
#[must_use]
pub fn checksum_address(address: &[u8; 20]) -> String {
    let lower = encode(address);
    let hash = keccak256(&lower.as_bytes()[2..]);
    let mut text = String::with_capacity(42);
    text.push_str("0x");
    for (i, c) in lower.chars().skip(2).enumerate() {
        let nibble = if i % 2 == 0 { hash[i / 2] >> 4 } else { hash[i / 2] & 15 };
        text.push(if nibble >= 8 { c.to_ascii_uppercase() } else { c });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_text() {
        assert_eq!(encode(&[0, 0xab, 0xff]), "0x00abff");
        assert_eq!(decode("f", "0x00abff").unwrap(), [0, 0xab, 0xff]);
        assert_eq!(decode_array::<2>("f", "0x00ab").unwrap(), [0, 0xab]);
        for text in
            ["", "0", "00ab", "0X00ab", "0x00aB", "0x0ab", "0x00a", "0x00 b", "0x00abc", "0x00a\u{e9}"]
        {
            assert!(decode_array::<2>("f", text).is_err(), "{text}");
        }
        assert_eq!(decode_array::<2>("domain.x", "0x").unwrap_err().field(), "domain.x");
    }

    #[test]
    fn eip55_published_addresses() {
        // The test cases of EIP-55.
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let address = parse_address("a", text).unwrap();
            assert_eq!(checksum_address(&address), text);
            assert_eq!(parse_address("a", &text.to_ascii_lowercase()).unwrap(), address);
            let flipped = text.replacen('A', "a", 1);
            assert!(flipped == text || parse_address("a", &flipped).is_err(), "{flipped}");
        }
    }
}
