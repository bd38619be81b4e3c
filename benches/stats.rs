//! Medians, and how numbers are printed.

use std::time::Duration;

/// The middle, the smallest and the largest of some measurements.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The middle one; of an even number the upper of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// The spread of `values`; all NaN if there are none.
pub fn spread(values: &[f64]) -> Spread {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    Spread { median: at(sorted.len() / 2), least: at(0), most: at(sorted.len().wrapping_sub(1)) }
}

/// The median of `values`.
pub fn median(values: &[f64]) -> f64 {
    spread(values).median
}

/// Milliseconds of a duration.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A count as a number to calculate with.
#[allow(clippy::cast_precision_loss)] // far below 2^52
pub fn count(n: usize) -> f64 {
    n as f64
}

/// Three significant digits, without an exponent.
pub fn digits(value: f64) -> String {
    match value.abs() {
        v if !v.is_finite() => "-".into(),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one() {
        let s = spread(&[3.0, 1.0, 2.0]);
        assert_eq!((s.median, s.least, s.most), (2.0, 1.0, 3.0));
        assert!(median(&[]).is_nan());
        assert_eq!(digits(1234.5), "1234");
        assert_eq!(digits(0.0123), "0.012");
    }
}
