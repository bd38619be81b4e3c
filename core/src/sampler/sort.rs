//! A radix sort of f32 logits, for top-p over a whole vocabulary: its sums are taken in falling
//! order, and comparing 150,000 candidates costs ten times as much.

use crate::Token;

/// A logit's sort key and its token.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    key: u32,
    pub(super) token: Token,
}

impl Entry {
    /// Keys rise as finite logits fall; zeros of either sign have one key.
    pub(super) fn new(token: Token, logit: f32) -> Self {
        let bits = (logit + 0.0).to_bits();
        // Positive floats order as their bits, negative ones against them.
        let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
        Entry { key: !rising, token }
    }

    /// The logit; a zero has lost its sign.
    pub(super) fn logit(self) -> f32 {
        let rising = !self.key;
        f32::from_bits(if rising >> 31 == 1 { rising & !(1 << 31) } else { !rising })
    }
}

const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 3;
const BUCKETS: usize = 1 << DIGIT_BITS;

/// Sorts `entries`, which stand by rising token, by falling logit, then rising token. `spare` has
/// the same length; its content is lost.
pub(super) fn sort(entries: &mut Vec<Entry>, spare: &mut Vec<Entry>) {
    let digit = |entry: &Entry, n: usize| (entry.key >> (DIGIT_BITS * [0, 1, 2][n])) as usize % BUCKETS;
    let mut starts = [[0_u32; BUCKETS]; DIGITS];
    for entry in entries.iter() {
        for (n, starts) in starts.iter_mut().enumerate() {
            starts[digit(entry, n)] += 1;
        }
    }
    for (n, starts) in starts.iter_mut().enumerate() {
        let mut start = 0;
        for count in starts.iter_mut() {
            start += std::mem::replace(count, start);
        }
        for entry in entries.iter() {
            let place = &mut starts[digit(entry, n)];
            spare[*place as usize] = *entry;
            *place += 1;
        }
        std::mem::swap(entries, spare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_a_comparison_would(
            logits in prop::collection::vec(prop_oneof![-3_f32..3.0, Just(0.0), Just(-0.0), Just(f32::MAX), Just(-1e-45), any::<i8>().prop_map(f32::from)], 0..200),
        ) {
            let mut entries: Vec<Entry> = logits.iter().zip(0..).map(|(l, token)| Entry::new(token, *l)).collect();
            for (entry, logit) in entries.iter().zip(&logits) {
                prop_assert_eq!(entry.logit(), *logit);
            }
            let mut spare = entries.clone();
            sort(&mut entries, &mut spare);
            let mut expected: Vec<Token> = (0..).take(logits.len()).collect();
            expected.sort_by(|a, b| logits[*b as usize].partial_cmp(&logits[*a as usize]).unwrap());
            prop_assert_eq!(entries.iter().map(|e| e.token).collect::<Vec<_>>(), expected);
        }
    }
}
