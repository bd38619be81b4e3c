//! Attention as a step: which queries and heads make a task, and which positions each query sees.

use std::sync::Arc;

use super::phase::Shared;
use super::tensor::Tensor;
use crate::kernels::attention::{attend, Cells, Heads, Query, Scratch};
use crate::kernels::Isa;

/// The first position that each query of each stream sees, and the one after the last.
pub(super) type Seen = Arc<Shared<Vec<(usize, usize)>>>;

/// Attention of all heads and streams.
pub(super) struct Attention {
    pub heads: Heads,
    pub q: Tensor,
    pub k: Tensor,
    pub v: Tensor,
    pub seen: Seen,
    pub out: Tensor,
    /// Queries of a task.
    pub queries: usize,
    /// Heads of a task, of those that share keys.
    pub group: usize,
}

impl Attention {
    fn blocks(&self) -> usize {
        self.q.ne[1].div_ceil(self.queries)
    }

    fn shared_by(&self) -> usize {
        self.q.ne[2] / self.k.ne[2]
    }

    fn groups(&self) -> usize {
        self.shared_by().div_ceil(self.group)
    }

    /// Into how many tasks it is divided.
    pub fn tasks(&self) -> usize {
        self.q.ne[3] * self.k.ne[2] * self.groups() * self.blocks()
    }

    /// Does a task.
    ///
    /// # Safety
    /// As of [`super::phase::Work::run`].
    pub unsafe fn run(&self, isa: Isa, task: usize, scratch: &mut Scratch) {
        let (block, rest) = (task % self.blocks(), task / self.blocks());
        let (group, rest) = (rest % self.groups(), rest / self.groups());
        let (key_head, stream) = (rest % self.k.ne[2], rest / self.k.ne[2]);
        let count = self.q.ne[1];
        // The last blocks see the most: they come first, so that no thread ends with one.
        let first = (self.blocks() - 1 - block) * self.queries;
        // SAFETY: filled by an earlier phase.
        let seen = unsafe { self.seen.get() };
        let shared_by = self.shared_by();
        let heads = group * self.group..shared_by.min((group + 1) * self.group);
        let mut queries = Vec::with_capacity(self.queries * heads.len());
        for query in first..count.min(first + self.queries) {
            let (begin, end) = seen[stream * count + query];
            for head in heads.clone() {
                let head = key_head * shared_by + head;
                queries.push(Query {
                    start: self.q.at([query, head, stream]).cast(),
                    out: self.out.at([head, query, stream]).cast(),
                    first: begin,
                    end,
                });
            }
        }
        let cells = |of: &Tensor| Cells { start: of.at([0, key_head, stream]).cast(), stride: of.nb[1] / 2 };
        // SAFETY: the plan looked at the shapes; `Seen` at what is seen, which is below the number of cells and not empty.
        unsafe { attend(isa, &self.heads, &queries, cells(&self.k), cells(&self.v), scratch) };
    }
}

/// The positions that a row of a mask lets see: a range, as the attention of numerics-2 has it.
pub(super) fn seen(mask: &[u16]) -> Option<(usize, usize)> {
    const HIDDEN: u16 = 0xfc00;
    let first = mask.iter().position(|value| *value == 0)?;
    let length = mask[first..].iter().position(|value| *value != 0).unwrap_or(mask.len() - first);
    let hidden = |values: &[u16]| values.iter().fold(true, |all, value| all & (*value == HIDDEN));
    (hidden(&mask[..first]) && hidden(&mask[first + length..])).then_some((first, first + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: u16 = 0xfc00;

    #[test]
    fn a_mask_is_a_range_or_nothing() {
        let mask = |text: &str| -> Vec<u16> {
            text.bytes().map(|byte| if byte == b'.' { HIDDEN } else { u16::from(byte - b'0') }).collect()
        };
        assert_eq!(seen(&mask("00..")), Some((0, 2)));
        assert_eq!(seen(&mask("..00.")), Some((2, 4)));
        assert_eq!(seen(&mask("...0")), Some((3, 4)));
        assert_eq!(seen(&mask("0")), Some((0, 1)));
        // Nothing seen, two ranges, and what is neither seen nor hidden.
        for bad in ["", "...", "0.0", ".0.00", "01", "1..", ".01."] {
            assert_eq!(seen(&mask(bad)), None, "{bad}");
        }
    }
}
