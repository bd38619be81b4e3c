//! Which steps may be done at the same time: those that neither read nor write what another one writes.

use std::sync::Arc;

use super::phase::{Shared, Work};
use super::plan::Step;
use super::tensor::Tensor;

/// A stretch of memory, or a place that stands for something else than a tensor.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(tensor: &Tensor) -> Self {
        let start = tensor.data as usize;
        let reach: usize = tensor.ne.iter().zip(tensor.nb).map(|(n, b)| n.saturating_sub(1) * b).sum();
        Span { start, end: start + reach + 4 }
    }

    fn place(address: usize) -> Self {
        Span { start: address, end: address + 1 }
    }

    fn shared<T>(of: &Arc<Shared<T>>) -> Self {
        Span::place(Arc::as_ptr(of).cast::<u8>() as usize)
    }

    fn meets(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// What a step reads, weights aside, which nobody writes; and what it writes.
struct Access {
    reads: [Span; 4],
    writes: [Span; 2],
}

impl Access {
    fn of(step: &Step) -> Self {
        let none = Span::default();
        let t = Span::of;
        let (reads, write) = match &step.work {
            Work::Unary { x, out, .. }
            | Work::OfRow { x, out, .. }
            | Work::ScaledNorm { x, out, .. }
            | Work::Copy { x, out }
            | Work::FloatProduct { x, out, .. } => ([t(x), none, none, none], t(out)),
            Work::Binary { a, b, out, .. } => ([t(a), t(b), none, none], t(out)),
            Work::GetRows { from, ids, out, .. } => ([t(from), t(ids), none, none], t(out)),
            Work::SetRows { x, ids, out } => ([t(x), t(ids), none, none], t(out)),
            Work::Quantize { x, to } => ([t(x), none, none, none], Span::place(to.address())),
            Work::Product { activations, out, .. } => ([quants(activations), none, none, none], t(out)),
            Work::Choose { ids, to, .. } => ([t(ids), none, none, none], Span::shared(to)),
            Work::ProductOfChosen { x, activations, chosen, out, .. } => {
                let quants = activations.as_ref().map_or(none, quants);
                ([t(x), quants, Span::shared(chosen), none], t(out))
            }
            Work::Angles { positions, to, .. } => ([t(positions), none, none, none], Span::shared(to)),
            Work::Rotate { angles, x, out, .. } => ([t(x), Span::shared(angles), none, none], t(out)),
            Work::Seen { mask, to, .. } => ([t(mask), none, none, none], Span::shared(to)),
            Work::Attention(a) => ([t(&a.q), t(&a.k), t(&a.v), Span::shared(&a.seen)], t(&a.out)),
        };
        let also = step.then.as_ref().map_or(none, |(_, to)| Span::place(to.address()));
        Access { reads, writes: [write, also] }
    }

    /// Whether this must wait for an earlier step.
    fn follows(&self, earlier: &Access) -> bool {
        let written = |span: &Span| earlier.writes.iter().any(|write| write.meets(*span));
        let is_read = |span: &Span| earlier.reads.iter().any(|read| read.meets(*span));
        self.reads.iter().any(written) || self.writes.iter().any(|span| written(span) || is_read(span))
    }
}

fn quants(activations: &Arc<Shared<crate::kernels::Activations>>) -> Span {
    // SAFETY: nobody computes yet.
    Span::place(unsafe { activations.get() }.quants().as_ptr() as usize)
}

/// Steps that are compared one by one; those before them count as one.
const WINDOW: usize = 32;

/// The steps by level: those of one level may be done in any order once the levels before are done.
pub(super) fn levels(steps: &[Step]) -> Vec<u32> {
    let accesses: Vec<Access> = steps.iter().map(Access::of).collect();
    let mut levels = Vec::with_capacity(steps.len());
    // The highest level of all steps before the window.
    let mut before = 0;
    for (at, access) in accesses.iter().enumerate() {
        let first = at.saturating_sub(WINDOW);
        if let Some(left) = first.checked_sub(1) {
            before = before.max(levels[left] + 1);
        }
        let level = (first..at).filter(|earlier| access.follows(&accesses[*earlier]));
        levels.push(level.map(|earlier| levels[earlier] + 1).max().unwrap_or(0).max(before));
    }
    levels
}
