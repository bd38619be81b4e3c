//! AVX2 with FMA: 8 rows in the lanes, 4 columns at a time.

use super::wide::Wide8;
use crate::kernels::vectors::blocks::Blocks;
use crate::kernels::vectors::panel::Ahead;
use crate::kernels::vectors::product::{Pack, Set, Tile};
use crate::kernels::vectors::{column, panel, Columns, Rows};

/// Kernels for AVX2, FMA and F16C.
pub enum Kernels {}

impl Set for Kernels {
    type Wide = Wide8;
    const HEIGHT: usize = 1;
    // 4 sums of products, 4 of floats and what they are made of fill the 16 registers.
    const WIDTH: usize = 4;
    const PANELS: usize = 8;

    fn pack<B: Blocks>() -> Pack {
        pack::<B>
    }

    fn few<B: Blocks>() -> [column::Run; 2] {
        [few::<B, 1>, few::<B, 2>]
    }

    fn tile<B: Blocks>(_panels: usize, columns: usize) -> Tile {
        match columns {
            1 => tile::<B, 1>,
            2 => tile::<B, 2>,
            3 => tile::<B, 3>,
            _ => tile::<B, 4>,
        }
    }
}

/// # Safety
/// As of [`panel::pack`]; the caller has AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn pack<B: Blocks>(rows: Rows, units: usize, to: *mut u8) {
    // SAFETY: as ours.
    unsafe { panel::pack::<B, Wide8>(rows, units, to) }
}

/// # Safety
/// As of [`column::columns`]; the caller has AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn few<B: Blocks, const N: usize>(
    rows: Rows,
    columns: Columns,
    out: *mut f32,
    count: usize,
    stride: usize,
) {
    // SAFETY: as ours.
    unsafe { column::columns::<B, Wide8, N>(rows, columns, out, count, stride) }
}

/// # Safety
/// As of [`panel::tile`]; the caller has AVX2.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile<B: Blocks, const N: usize>(
    panel: *const u8,
    columns: Columns,
    out: *mut f32,
    rows: usize,
    stride: usize,
    ahead: Ahead,
) {
    // SAFETY: as ours.
    unsafe { panel::tile::<B, Wide8, 1, N>(panel, columns, out, rows, stride, ahead) }
}
