//! The cells of the matrix, and which of them cover every pair of circumstances.

use std::collections::BTreeSet;

/// One set of circumstances under which a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub lora: bool,
    pub threads: u32,
    pub ubatch: u32,
    /// Sequences live at once.
    pub sequences: u32,
    /// Whether the context crosses 1,024 tokens; otherwise it crosses 256.
    pub long: bool,
    /// Whether the cache holds a prefix, in one stream, that every prompt begins with.
    pub warm: bool,
}

pub const THREADS: [u32; 3] = [1, 2, 4];
pub const UBATCHES: [u32; 5] = [1, 7, 32, 128, 512];
pub const SEQUENCES: [u32; 3] = [1, 4, 8];

impl Cell {
    /// The full product, sorted: cells of one session are neighbours.
    pub fn all() -> Vec<Cell> {
        let mut cells = Vec::new();
        for lora in [false, true] {
            for threads in THREADS {
                for ubatch in UBATCHES {
                    for sequences in SEQUENCES {
                        for long in [false, true] {
                            for warm in [false, true] {
                                cells.push(Cell { lora, threads, ubatch, sequences, long, warm });
                            }
                        }
                    }
                }
            }
        }
        cells
    }

    /// The values of the six factors, as numbers.
    fn levels(&self) -> [u32; 6] {
        [
            u32::from(self.lora),
            self.threads,
            self.ubatch,
            self.sequences,
            u32::from(self.long),
            u32::from(self.warm),
        ]
    }
}

/// A pair of levels: two factors, each with a value.
type Pair = (usize, u32, usize, u32);

fn pairs(levels: &[u32]) -> impl Iterator<Item = Pair> + '_ {
    (0..levels.len()).flat_map(move |a| (a + 1..levels.len()).map(move |b| (a, levels[a], b, levels[b])))
}

/// Cells that cover every pair of levels of two factors, chosen greedily; `turn` decides between equally
/// good ones, so that different models get different cells.
pub fn pairwise(turn: usize) -> Vec<Cell> {
    let mut candidates = Cell::all();
    let shift = turn * 97 % candidates.len();
    candidates.rotate_left(shift);
    let mut cells = cover(&candidates, |cell| cell.levels().to_vec());
    cells.sort_unstable();
    cells
}

/// (family, weight type, cell) by index of the first two, covering every pair of levels of all eight factors.
pub fn pairwise_over(families: usize, types: usize) -> Vec<(usize, usize, Cell)> {
    let cells = Cell::all();
    let mut candidates = Vec::with_capacity(families * types * cells.len());
    for family in 0..families {
        for kind in 0..types {
            let shift = (family * types + kind) * 53 % cells.len();
            candidates.extend(cells[shift..].iter().chain(&cells[..shift]).map(|c| (family, kind, *c)));
        }
    }
    let mut chosen = cover(&candidates, |(family, kind, cell)| {
        let number = |n: usize| u32::try_from(n).expect("few families and types");
        let mut levels = vec![number(*family), number(*kind)];
        levels.extend(cell.levels());
        levels
    });
    chosen.sort_unstable();
    chosen
}

fn cover<T: Copy>(candidates: &[T], levels: impl Fn(&T) -> Vec<u32>) -> Vec<T> {
    let levels: Vec<Vec<u32>> = candidates.iter().map(levels).collect();
    let mut missing: BTreeSet<Pair> = levels.iter().flat_map(|l| pairs(l)).collect();
    let mut chosen = Vec::new();
    while !missing.is_empty() {
        // The first of the best: `max_by_key` would give the last.
        let gain = |l: &Vec<u32>| pairs(l).filter(|p| missing.contains(p)).count();
        let mut best = (0, 0);
        for (i, l) in levels.iter().enumerate() {
            let gain = gain(l);
            if gain > best.0 {
                best = (gain, i);
            }
        }
        pairs(&levels[best.1]).for_each(|p| {
            missing.remove(&p);
        });
        chosen.push(candidates[best.1]);
    }
    chosen
}
