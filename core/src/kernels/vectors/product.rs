//! A product of quantized weights and activations, by the kernels of an instruction set.

use std::ops::Range;

use super::blocks::{Blocks, Iq4Nl, Iq4Xs, Q3K, Q4K, Q4_0, Q4_1, Q5K, Q5_0, Q5_1, Q6K, Q8_0};
use super::panel::Ahead;
use super::wide::Wide;
use super::{column, panel, Columns, Rows};
use crate::kernels::matmul::Weights;
use crate::kernels::{Activations, Format, Scratch};

/// Columns from which on making panels pays.
const MANY: usize = 5;

/// [`panel::pack`], compiled for an instruction set.
pub type Pack = unsafe fn(Rows, usize, *mut u8);
/// [`panel::tile`], compiled for an instruction set.
pub type Tile = unsafe fn(*const u8, Columns, *mut f32, usize, usize, Ahead);

/// An instruction set: its vectors, and kernels compiled for it.
pub trait Set {
    type Wide: Wide;
    /// Panels of a tile.
    const HEIGHT: usize;
    /// Columns of a tile.
    const WIDTH: usize;
    /// Panels that are made before they are used for all columns: what the second cache holds beside the activations.
    const PANELS: usize;

    /// Makes a panel.
    fn pack<B: Blocks>() -> Pack;
    /// Rows without a panel: of one column, and of two.
    fn few<B: Blocks>() -> [column::Run; 2];
    /// A tile of so many panels and columns, or of as many as it may have.
    fn tile<B: Blocks>(panels: usize, columns: usize) -> Tile;
}

/// As [`crate::kernels::matmul_into`].
///
/// # Safety
/// As there; the machine has what `S` needs.
pub unsafe fn matmul<S: Set>(
    weights: &Weights<'_>,
    rows: Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
    scratch: &mut Scratch,
) {
    let run = match weights.format() {
        Format::Q8_0 => of::<S, Q8_0>,
        Format::Q4_0 => of::<S, Q4_0>,
        Format::Q4_1 => of::<S, Q4_1>,
        Format::Q5_0 => of::<S, Q5_0>,
        Format::Q5_1 => of::<S, Q5_1>,
        Format::IQ4_NL => of::<S, Iq4Nl>,
        Format::IQ4_XS => of::<S, Iq4Xs>,
        Format::Q3_K => of::<S, Q3K>,
        Format::Q4_K => of::<S, Q4K>,
        Format::Q5_K => of::<S, Q5K>,
        Format::Q6_K => of::<S, Q6K>,
    };
    // SAFETY: as ours.
    unsafe { run(weights, rows, activations, out, stride, scratch) }
}

/// As [`matmul`], of a format.
///
/// # Safety
/// As there.
unsafe fn of<S: Set, B: Blocks>(
    weights: &Weights<'_>,
    rows: Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
    scratch: &mut Scratch,
) {
    let height = S::Wide::ROWS;
    let (columns, count) = (Columns::of(activations), activations.columns());
    if count < MANY {
        // SAFETY: the caller has seen that `out` holds every row of every column, and that this machine has what `S` needs;
        // each row is as long as a column.
        unsafe { column::all_rows(S::few::<B>(), height, weights, rows, columns, count, out, stride) };
        return;
    }
    let panel = columns.units * panel::unit_bytes(B::FORMAT, height);
    let pack = S::pack::<B>();
    let mut spare = Vec::new();
    let panels = scratch.bytes(S::PANELS * panel);
    let row = weights.row(rows.start).len();
    let tiles = count.div_ceil(S::WIDTH) * S::PANELS.div_ceil(S::HEIGHT);
    let each = (S::PANELS * height * row).div_ceil(tiles * columns.units);
    for first in rows.clone().step_by(S::PANELS * height) {
        let left = (rows.end - first).min(S::PANELS * height);
        for (at, first) in (first..first + left).step_by(height).enumerate() {
            let rows = Rows::of(weights, first, height, &mut spare);
            // SAFETY: as above; a panel begins after a whole number of vectors.
            unsafe { pack(rows, columns.units, panels.add(at * panel)) };
        }
        // The memory rests while tiles are computed: what comes after these rows is asked for meanwhile.
        let mut ahead = weights.row(first).as_ptr().wrapping_add(left * row);
        for column in (0..count).step_by(S::WIDTH) {
            for at in (0..left.div_ceil(height)).step_by(S::HEIGHT) {
                let done = at * height;
                let tile = S::tile::<B>((left - done).div_ceil(height).min(S::HEIGHT), count - column);
                // SAFETY: as above; a tile has no more panels and columns than there are.
                unsafe {
                    let out = out.add(column * stride + first - rows.start + done);
                    let panel = panels.add(at * panel);
                    tile(panel, columns.from(column), out, left - done, stride, Ahead { from: ahead, each });
                }
                ahead = ahead.wrapping_add(each * columns.units);
            }
        }
    }
}
