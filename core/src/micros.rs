//! Real-valued parameters as fixed-point millionths, so that no two machines can read one
//! decimal text as two numbers.

use crate::error::{Error, Result};

/// A number of millionths; its value is `f64(self.0) / 1e6`, `|self.0| <= 2^53`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(i64);

impl Micros {
    /// 0.
    pub const ZERO: Micros = Micros(0);
    /// 1.
    pub const ONE: Micros = Micros(1_000_000);
    /// The largest magnitude, 2^53 millionths: every value is exact in an f64.
    pub const MAX_MAGNITUDE: i64 = 1 << 53;

    /// From a number of millionths; `None` beyond [`Self::MAX_MAGNITUDE`].
    #[must_use]
    pub const fn new(millionths: i64) -> Option<Self> {
        if millionths >= -Self::MAX_MAGNITUDE && millionths <= Self::MAX_MAGNITUDE {
            Some(Micros(millionths))
        } else {
            None
        }
    }

    /// The number of millionths.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The value, one correctly rounded division.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // |self.0| <= 2^53
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Reads decimal text: optional sign, digits, optionally a point and at most 6 digits.
    ///
    /// # Errors
    /// Anything else (exponents, NaN, a seventh digit), or a magnitude above 2^53 millionths;
    /// the error names `field`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        let bad =
            |why: &str| Error::argument(field, format!("not a decimal number with at most 6 places: {why}"));
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((w, f)) => (w, f),
            None => (digits, ""),
        };
        if whole.is_empty() || (digits.contains('.') && fraction.is_empty()) {
            return Err(bad("digits are missing"));
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(bad("only digits, one sign and one point are allowed"));
        }
        if fraction.len() > 6 {
            return Err(bad("more than 6 places"));
        }
        let mut value: i64 = 0;
        for b in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', 6 - fraction.len())) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i64::from(b - b'0')))
                .ok_or_else(|| bad("magnitude above 2^53 millionths"))?;
        }
        Self::new(if negative { -value } else { value }).ok_or_else(|| bad("magnitude above 2^53 millionths"))
    }
}

impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / 1_000_000, magnitude % 1_000_000);
        if fraction == 0 {
            write!(f, "{sign}{whole}")
        } else {
            let text = format!("{fraction:06}");
            write!(f, "{sign}{whole}.{}", text.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_refuses() {
        for (text, millionths) in [
            ("0", 0),
            ("1", 1_000_000),
            ("-0.000001", -1),
            ("0.7", 700_000),
            ("+2.50", 2_500_000),
            ("9007199254.740992", 1 << 53),
        ] {
            assert_eq!(Micros::parse("t", text).unwrap().get(), millionths, "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1e3",
            "NaN",
            "inf",
            "--1",
            "1.0000001",
            "9007199254.740993",
            "99999999999999999999",
            "１",
        ] {
            assert!(Micros::parse("t", text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_is_the_identity(v in -Micros::MAX_MAGNITUDE..=Micros::MAX_MAGNITUDE) {
            let m = Micros::new(v).unwrap();
            prop_assert_eq!(Micros::parse("t", &m.to_string()).unwrap(), m);
        }
    }
}
