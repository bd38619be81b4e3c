//! Passes over a whole vocabulary of f32 logits. They are written in lanes so that the compiler
//! can turn them into vector instructions; with 150,000 logits these passes are the cost of
//! greedy sampling.

use super::token_at;
use crate::error::{Error, ErrorKind, Result};
use crate::Token;

const LANES: usize = 16;

/// The largest `|logit|`.
///
/// # Errors
/// [`ErrorKind::Logits`] naming the first token whose logit is NaN or infinite.
pub(super) fn finite_magnitude(logits: &[f32]) -> Result<f32> {
    // With the sign bit cleared, f32 bits order as integers like the magnitudes they stand for,
    // and infinity and NaN are the largest.
    let magnitude = |logit: f32| (logit.to_bits() & 0x7fff_ffff).cast_signed();
    let mut lanes = [0_i32; LANES];
    let (blocks, rest) = logits.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &logit) in lanes.iter_mut().zip(block) {
            *lane = (*lane).max(magnitude(logit));
        }
    }
    let largest = lanes.into_iter().chain(rest.iter().map(|&logit| magnitude(logit))).max().unwrap_or(0);
    let largest = f32::from_bits(largest.cast_unsigned());
    if largest.is_finite() {
        return Ok(largest);
    }
    let (token, logit) =
        logits.iter().enumerate().find(|(_, logit)| !logit.is_finite()).unwrap_or((0, &f32::NAN));
    Err(Error::new(
        ErrorKind::Logits,
        "logits",
        format!("the logit of token {token} is {logit}, not a finite number"),
    ))
}

/// The largest value and the first index that holds it; `None` if all are negative infinity.
/// No value may be NaN.
pub(super) fn first_max(values: &[f32]) -> Option<(f32, Token)> {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane = larger(*lane, value);
        }
    }
    let max = lanes.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, larger);
    if max == f32::NEG_INFINITY {
        return None;
    }
    // Block by block: a search with an exit at every element would not be vectorised.
    let start = blocks
        .iter()
        .position(|block| block.iter().fold(false, |found, &value| found | (value == max)))
        .unwrap_or(blocks.len())
        * LANES;
    let offset = values[start..].iter().position(|&value| value == max)?;
    Some((max, token_at(start + offset)))
}

/// Calls `found` for each token whose value is above the threshold, by rising token. What it
/// answers is the threshold from there on.
pub(super) fn for_each_above(values: &[f32], mut threshold: f32, mut found: impl FnMut(Token, f32) -> f32) {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut scan = |start: usize, values: &[f32], threshold: &mut f32| {
        for (i, &value) in values.iter().enumerate() {
            if value > *threshold {
                *threshold = found(token_at(start + i), value);
            }
        }
    };
    for (b, block) in blocks.iter().enumerate() {
        if block.iter().fold(false, |any, &value| any | (value > threshold)) {
            scan(b * LANES, block, &mut threshold);
        }
    }
    scan(blocks.len() * LANES, rest, &mut threshold);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn non_finite_logits_are_named() {
        for (bad, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            for at in [0, 15, 16, 40] {
                let mut logits = vec![1.0; 41];
                logits[at] = bad;
                let error = finite_magnitude(&logits).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Logits);
                assert_eq!(
                    error.message(),
                    format!("the logit of token {at} is {text}, not a finite number")
                );
            }
        }
        assert_eq!(finite_magnitude(&[-3.0, 2.0]).unwrap(), 3.0);
        assert_eq!(finite_magnitude(&[f32::MAX; 20]).unwrap(), f32::MAX);
    }

    #[test]
    fn zeros_of_either_sign_tie() {
        assert_eq!(first_max(&[-1.0, -0.0, 0.0]).unwrap().1, 1);
        assert_eq!(first_max(&[-1.0, 0.0, -0.0]).unwrap().1, 1);
        assert_eq!(first_max(&[f32::NEG_INFINITY; 33]), None);
        assert_eq!(first_max(&[]), None);
    }

    proptest! {
        #[test]
        fn first_max_is_the_first_maximum(values in prop::collection::vec(-4_i8..4, 1..100)) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let mut best = 0;
            for (i, value) in values.iter().enumerate() {
                if *value > values[best] {
                    best = i;
                }
            }
            prop_assert_eq!(first_max(&values).unwrap(), (values[best], token_at(best)));
        }

        #[test]
        fn magnitude_is_the_largest(values in prop::collection::vec(-1e30_f32..1e30, 1..100)) {
            let expected = values.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
            prop_assert_eq!(finite_magnitude(&values).unwrap(), expected);
        }
    }
}
