//! Deterministic damage to a GGUF file.
//!
//! Half of the mutants are blunt (bytes flipped, truncated, moved); the other half know the
//! layout and lie in one field: counts, lengths, types, dimensions, offsets, values. Those pass
//! a parser and reach what lies behind it.

use crate::Rng;
use std::ops::Range;

/// The `n`th mutant of `base`, a well-formed GGUF file (as this crate writes them).
///
/// # Panics
/// If `base` is not well-formed.
#[must_use]
pub fn mutant(base: &[u8], n: u64) -> Vec<u8> {
    let layout = Layout::of(base);
    let mut rng = Rng::new(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6d75_7461_6e74);
    let mut out = base.to_vec();
    match n % 16 {
        0 => flip_bits(&mut out, 0..layout.data, 1, &mut rng),
        1 => flip_bits(&mut out, 0..layout.data, 8, &mut rng),
        // The first kilobytes hold the hyperparameters.
        2 => flip_bits(&mut out, 0..layout.data.min(2048), 2, &mut rng),
        3 => flip_bits(&mut out, layout.data..base.len(), 4, &mut rng),
        4 => out.truncate(rng.below(base.len())),
        5 => out.truncate(rng.below(layout.data)),
        6 => overwrite(&mut out, layout.data, &mut rng),
        7 => insert_or_delete(&mut out, layout.data, &mut rng),
        8 => lie(&mut out, &layout.counts, &mut rng),
        9 => lie(&mut out, &layout.lengths, &mut rng),
        10 => lie(&mut out, &layout.types, &mut rng),
        11 => lie(&mut out, &layout.dims, &mut rng),
        12 => lie(&mut out, &layout.offsets, &mut rng),
        13 | 14 => lie(&mut out, &layout.values, &mut rng),
        _ => out = rearrange(base, &layout, &mut rng),
    }
    out
}

/// `base` with `block_count` 600: more layers than llama.cpp can hold, on which it aborts.
///
/// # Panics
/// If `base` is not well-formed, or has no such key.
#[must_use]
pub fn too_many_layers(base: &[u8]) -> Vec<u8> {
    let layout = Layout::of(base);
    let mut out = base.to_vec();
    let key = b".block_count";
    let at = out.windows(key.len()).position(|w| w == key).expect("the key block_count") + key.len() + 4;
    assert!(layout.values.contains(&(at..at + 4)));
    out[at..at + 4].copy_from_slice(&600u32.to_le_bytes());
    out
}

/// Where the fields of a header lie.
#[derive(Default)]
struct Layout {
    counts: Vec<Range<usize>>,
    lengths: Vec<Range<usize>>,
    types: Vec<Range<usize>>,
    dims: Vec<Range<usize>>,
    offsets: Vec<Range<usize>>,
    values: Vec<Range<usize>>,
    /// Whole key-value pairs, and whole tensor infos.
    pairs: Vec<Range<usize>>,
    infos: Vec<Range<usize>>,
    /// Start of the tensor data.
    data: usize,
}

struct Walk<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Walk<'_> {
    fn field(&mut self, size: usize) -> Range<usize> {
        self.pos += size;
        self.pos - size..self.pos
    }

    fn number(&mut self, size: usize) -> (Range<usize>, usize) {
        let range = self.field(size);
        let mut word = [0; 8];
        word[..size].copy_from_slice(&self.bytes[range.clone()]);
        (range, usize::try_from(u64::from_le_bytes(word)).expect("a well-formed file"))
    }
}

fn type_size(ty: usize) -> usize {
    match ty {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => panic!("type {ty} in a well-formed file"),
    }
}

impl Layout {
    fn of(bytes: &[u8]) -> Self {
        let mut layout = Layout::default();
        let mut walk = Walk { bytes, pos: 4 };
        layout.counts.push(walk.field(4));
        let (field, n_tensors) = walk.number(8);
        layout.counts.push(field);
        let (field, n_pairs) = walk.number(8);
        layout.counts.push(field);
        for _ in 0..n_pairs {
            let start = walk.pos;
            layout.string(&mut walk);
            let (field, ty) = walk.number(4);
            layout.types.push(field);
            match ty {
                8 => layout.string(&mut walk),
                9 => {
                    let (field, element) = walk.number(4);
                    layout.types.push(field);
                    let (field, n) = walk.number(8);
                    layout.lengths.push(field);
                    for i in 0..n {
                        match (element, i < 64) {
                            // Long arrays would otherwise crowd out everything else.
                            (8, true) => layout.string(&mut walk),
                            (8, false) => {
                                let (_, n) = walk.number(8);
                                walk.field(n);
                            }
                            (_, true) => {
                                let field = walk.field(type_size(element));
                                if i < 4 {
                                    layout.values.push(field);
                                }
                            }
                            (_, false) => drop(walk.field(type_size(element))),
                        }
                    }
                }
                scalar => {
                    let field = walk.field(type_size(scalar));
                    layout.values.push(field);
                }
            }
            layout.pairs.push(start..walk.pos);
        }
        for _ in 0..n_tensors {
            let start = walk.pos;
            layout.string(&mut walk);
            let (field, n_dims) = walk.number(4);
            layout.dims.push(field);
            for _ in 0..n_dims {
                layout.dims.push(walk.field(8));
            }
            layout.types.push(walk.field(4));
            layout.offsets.push(walk.field(8));
            layout.infos.push(start..walk.pos);
        }
        layout.data = walk.pos.next_multiple_of(32).min(bytes.len());
        layout
    }

    fn string(&mut self, walk: &mut Walk<'_>) {
        let (field, n) = walk.number(8);
        self.lengths.push(field);
        walk.field(n);
    }
}

fn flip_bits(out: &mut [u8], range: Range<usize>, n: usize, rng: &mut Rng) {
    for _ in 0..n {
        let at = range.start + rng.below(range.len());
        if let Some(byte) = out.get_mut(at) {
            *byte ^= 1 << rng.below(8);
        }
    }
}

fn overwrite(out: &mut [u8], header: usize, rng: &mut Rng) {
    let at = rng.below(header.saturating_sub(16));
    let fill = [0x00, 0xff, 0x7f, 0x80, b' '][rng.below(5)];
    let n = 1 + rng.below(16);
    out[at..at + n].fill(fill);
}

fn insert_or_delete(out: &mut Vec<u8>, header: usize, rng: &mut Rng) {
    let at = rng.below(header);
    if rng.below(2) == 0 {
        out.insert(at, rng.below(256).to_le_bytes()[0]);
    } else {
        out.remove(at);
    }
}

const HOSTILE: [u64; 24] = [
    0,
    1,
    2,
    3,
    5,
    7,
    31,
    33,
    255,
    513,
    600,
    1025,
    65_537,
    0x7f80_0000,
    0x7fc0_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xff80_0000,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// Puts a hostile number, or one near the true one, into one of `fields`.
fn lie(out: &mut [u8], fields: &[Range<usize>], rng: &mut Rng) {
    let Some(field) = fields.get(rng.below(fields.len())) else { return };
    let size = field.len();
    let mut word = [0; 8];
    word[..size].copy_from_slice(&out[field.clone()]);
    let truth = u64::from_le_bytes(word);
    let lie = match rng.below(4) {
        0 => truth.wrapping_add(1),
        1 => truth.wrapping_sub(1),
        2 => [truth.wrapping_mul(2), truth / 2, truth ^ 0x8000_0000, truth.wrapping_add(32)][rng.below(4)],
        _ => HOSTILE[rng.below(HOSTILE.len())],
    };
    out[field.clone()].copy_from_slice(&lie.to_le_bytes()[..size]);
}

/// Drops, repeats or swaps a key-value pair or a tensor info, with counts and padding put right.
fn rearrange(base: &[u8], layout: &Layout, rng: &mut Rng) -> Vec<u8> {
    let mut pairs = layout.pairs.clone();
    let mut infos = layout.infos.clone();
    let list = if rng.below(3) < 2 { &mut pairs } else { &mut infos };
    let (i, j) = (rng.below(list.len()), rng.below(list.len()));
    match rng.below(4) {
        0 | 1 => drop(list.remove(i)),
        2 => list.push(list[i].clone()),
        _ => list.swap(i, j),
    }
    let mut out = base[..8].to_vec();
    out.extend((infos.len() as u64).to_le_bytes());
    out.extend((pairs.len() as u64).to_le_bytes());
    for part in pairs.into_iter().chain(infos) {
        out.extend(&base[part]);
    }
    out.resize(out.len().next_multiple_of(32), 0);
    out.extend(&base[layout.data..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelSpec;
    use std::collections::HashSet;

    #[test]
    fn mutants_are_deterministic_and_nearly_all_different() {
        let base = ModelSpec::nano().to_bytes();
        assert!(base.len() < 1 << 20);
        let mut seen = HashSet::new();
        for n in 0..512 {
            let one = mutant(&base, n);
            assert_eq!(one, mutant(&base, n));
            seen.insert(one);
        }
        assert!(seen.len() > 450, "{}", seen.len());
    }

    #[test]
    fn layout_covers_the_header() {
        let base = ModelSpec::nano().to_bytes();
        let layout = Layout::of(&base);
        assert_eq!(layout.pairs.first().map(|p| p.start), Some(24));
        for pair in layout.pairs.iter().chain(&layout.infos).collect::<Vec<_>>().windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        assert_eq!(too_many_layers(&base).len(), base.len());
    }
}
