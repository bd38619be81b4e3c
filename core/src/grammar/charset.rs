//! Sets of Unicode scalar values, and the UTF-8 byte ranges that spell them.

const LAST: u32 = 0x10_FFFF;
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);

/// A set of Unicode scalar values: sorted, disjoint, inclusive ranges without surrogates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CharSet(Vec<(u32, u32)>);

impl CharSet {
    /// The union of inclusive `ranges`, in any order; what is no scalar value is left out.
    pub(super) fn new(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (lo, hi) in ranges {
            match merged.last_mut() {
                Some(last) if lo <= last.1.saturating_add(1) => last.1 = last.1.max(hi),
                _ => merged.push((lo, hi)),
            }
        }
        let mut set = Vec::with_capacity(merged.len() + 1);
        for (lo, hi) in merged {
            let below = (lo, hi.min(SURROGATES.0 - 1));
            let above = (lo.max(SURROGATES.1 + 1), hi.min(LAST));
            set.extend([below, above].into_iter().filter(|(lo, hi)| lo <= hi));
        }
        CharSet(set)
    }

    pub(super) fn any() -> Self {
        Self::new(vec![(0, LAST)])
    }

    pub(super) fn single(c: char) -> Self {
        CharSet(vec![(c.into(), c.into())])
    }

    pub(super) fn negate(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = 0;
        for &(lo, hi) in &self.0 {
            if lo > next {
                gaps.push((next, lo - 1));
            }
            next = hi + 1;
        }
        if next <= LAST {
            gaps.push((next, LAST));
        }
        Self::new(gaps)
    }

    pub(super) fn minus(&self, other: &CharSet) -> Self {
        // A \ B = complement of (complement of A united with B).
        let mut ranges = self.negate().0;
        ranges.extend_from_slice(&other.0);
        Self::new(ranges).negate()
    }

    pub(super) fn contains(&self, c: char) -> bool {
        let c = u32::from(c);
        self.0.iter().any(|&(lo, hi)| (lo..=hi).contains(&c))
    }

    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The set as sequences of one to four inclusive byte ranges whose products are disjoint.
    pub(super) fn utf8(&self) -> Vec<Vec<(u8, u8)>> {
        let mut out = Vec::new();
        let mut work: Vec<(u32, u32)> = self.0.iter().rev().copied().collect();
        while let Some((lo, hi)) = work.pop() {
            if let Some((a, b)) = split(lo, hi) {
                work.push(b);
                work.push(a);
                continue;
            }
            let (Some(first), Some(last)) = (char::from_u32(lo), char::from_u32(hi)) else { continue };
            let (mut a, mut b) = ([0; 4], [0; 4]);
            let (first, last) = (first.encode_utf8(&mut a), last.encode_utf8(&mut b));
            out.push(first.bytes().zip(last.bytes()).collect());
        }
        out
    }
}

/// Cuts a range at the first place where its encodings are not a product of byte ranges:
/// where the length changes, or where a continuation byte would have to be both bounded and free.
fn split(lo: u32, hi: u32) -> Option<((u32, u32), (u32, u32))> {
    for last_of_length in [0x7F, 0x7FF, 0xFFFF] {
        if lo <= last_of_length && last_of_length < hi {
            return Some(((lo, last_of_length), (last_of_length + 1, hi)));
        }
    }
    if hi <= 0x7F {
        return None;
    }
    for shift in [6, 12, 18] {
        let tail = (1 << shift) - 1;
        if lo & !tail != hi & !tail {
            if lo & tail != 0 {
                return Some(((lo, lo | tail), ((lo | tail) + 1, hi)));
            }
            if hi & tail != tail {
                return Some(((lo, (hi & !tail) - 1), (hi & !tail, hi)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(set: &CharSet, bytes: &[u8]) -> usize {
        let hit = |seq: &Vec<(u8, u8)>| {
            seq.len() == bytes.len() && seq.iter().zip(bytes).all(|(&(lo, hi), b)| (lo..=hi).contains(b))
        };
        set.utf8().iter().filter(|s| hit(s)).count()
    }

    proptest! {
        #[test]
        fn utf8_spells_exactly_the_members_once(
            ranges in proptest::collection::vec((0u32..0x11_0000, 0u32..0x3000), 0..4), probes: Vec<char>,
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(lo, n)| (lo, lo + n)).collect();
            let set = CharSet::new(ranges.clone());
            let edges = ranges.iter().flat_map(|&(lo, hi)| [lo.saturating_sub(1), lo, hi, hi + 1]);
            for c in probes.into_iter().chain(edges.filter_map(char::from_u32)) {
                let member = ranges.iter().any(|&(lo, hi)| (lo..=hi).contains(&u32::from(c)));
                prop_assert_eq!(set.contains(c), member);
                prop_assert_eq!(set.negate().contains(c), !member);
                prop_assert_eq!(CharSet::any().minus(&set).contains(c), !member);
                let mut buffer = [0; 4];
                prop_assert_eq!(spelled(&set, c.encode_utf8(&mut buffer).as_bytes()), usize::from(member));
            }
        }
    }

    #[test]
    fn every_scalar_value_is_spelled_and_no_surrogate() {
        let any = CharSet::any();
        let count: u64 = any
            .utf8()
            .iter()
            .map(|seq| seq.iter().map(|&(lo, hi)| u64::from(hi - lo) + 1).product::<u64>())
            .sum();
        assert_eq!(count, 0x11_0000 - 0x800);
        assert_eq!(spelled(&any, &[0xED, 0xA0, 0x80]), 0);
    }
}
