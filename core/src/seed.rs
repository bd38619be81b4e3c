//! The 32-byte seed of the sampler's random numbers, and the operating system's randomness.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// The key of the sampler's ChaCha20 stream. It is disclosed with the receipt, so it is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// From the operating system's randomness.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the operating system has none to give.
    pub fn random() -> Result<Self> {
        random_bytes("seed").map(Seed)
    }

    /// Reads `0x` and 64 hex digits, or a decimal u64 (the last 8 bytes, big-endian), or the
    /// word `random`.
    ///
    /// # Errors
    /// Any other text, and see [`Self::random`].
    pub fn parse(text: &str) -> Result<Self> {
        if text == "random" {
            return Self::random();
        }
        if let Some(hex) = text.strip_prefix("0x") {
            return parse_hex(hex).map(Seed);
        }
        let bad = || {
            Error::argument("seed", "expected 0x and 64 hex digits, a decimal number below 2^64, or `random`")
        };
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        text.parse().map(Self::from_u64).map_err(|_| bad())
    }

    /// The seed a decimal number stands for: its 8 big-endian bytes after 24 zeros.
    #[must_use]
    pub fn from_u64(value: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&value.to_be_bytes());
        Seed(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Seed {
    fn from(bytes: [u8; 32]) -> Self {
        Seed(bytes)
    }
}

impl fmt::Display for Seed {
    /// `0x` and 64 lowercase hex digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed({self})")
    }
}

/// 32 bytes from the operating system, for seeds and nonces; `field` is named in the error.
///
/// # Errors
/// [`ErrorKind::Io`] if the operating system has none to give. There is no weaker fallback.
pub fn random_bytes(field: &'static str) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(ErrorKind::Io, field, format!("the operating system gave no randomness: {e}"))
    })?;
    Ok(bytes)
}

fn parse_hex(hex: &str) -> Result<[u8; 32]> {
    let bad =
        || Error::argument("seed", format!("expected 64 hex digits after 0x, got {} characters", hex.len()));
    let digits = hex.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(bad());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_seeds_fill_the_last_eight_bytes_big_endian() {
        assert_eq!(Seed::parse("0").unwrap(), Seed([0; 32]));
        let seed = Seed::parse("258").unwrap();
        assert_eq!(seed.0[30..], [1, 2]);
        assert_eq!(seed.0[..30], [0; 30]);
        assert_eq!(
            Seed::parse("18446744073709551615").unwrap().0[23..],
            [0, 255, 255, 255, 255, 255, 255, 255, 255]
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("0x{}", "0".repeat(65));
        for text in
            ["", " 1", "+1", "-1", "1.0", "18446744073709551616", "0x", "0x12", "0xzz", "Random", &long, "é"]
        {
            let error = Seed::parse(text).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Argument, "seed"), "{text}");
        }
        assert!(Seed::parse(&format!("0x{}", "é".repeat(32))).is_err());
    }

    #[test]
    fn random_seeds_differ() {
        assert_ne!(Seed::parse("random").unwrap(), Seed::random().unwrap());
    }

    proptest! {
        #[test]
        fn print_then_parse_is_the_identity(bytes: [u8; 32]) {
            prop_assert_eq!(Seed::parse(&Seed(bytes).to_string()).unwrap(), Seed(bytes));
        }

        #[test]
        fn any_text_parses_or_errs(text in ".{0,80}") {
            let _ = Seed::parse(&text);
        }
    }
}
