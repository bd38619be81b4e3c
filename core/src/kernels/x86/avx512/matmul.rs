//! AVX-512 with VNNI: 16 rows in the lanes, 32 rows by 6 columns at a time.

use super::wide::Wide16;
use crate::kernels::vectors::blocks::Blocks;
use crate::kernels::vectors::panel::Ahead;
use crate::kernels::vectors::product::{Pack, Set, Tile};
use crate::kernels::vectors::{column, panel, Columns, Rows};

/// Kernels for AVX-512 F, BW, DQ, VL and VNNI.
pub enum Kernels {}

impl Set for Kernels {
    type Wide = Wide16;
    const HEIGHT: usize = 2;
    // With two panels 24 sums, two weights and what they are multiplied with fill the 32 registers.
    const WIDTH: usize = 6;
    const PANELS: usize = 4;

    fn pack<B: Blocks>() -> Pack {
        pack::<B>
    }

    fn few<B: Blocks>() -> [column::Run; 2] {
        [few::<B, 1>, few::<B, 2>]
    }

    fn tile<B: Blocks>(panels: usize, columns: usize) -> Tile {
        match (panels, columns) {
            (1, 1) => tile::<B, 1, 1>,
            (1, 2) => tile::<B, 1, 2>,
            (1, 3) => tile::<B, 1, 3>,
            (1, 4) => tile::<B, 1, 4>,
            (1, 5) => tile::<B, 1, 5>,
            (1, _) => tile::<B, 1, 6>,
            (_, 1) => tile::<B, 2, 1>,
            (_, 2) => tile::<B, 2, 2>,
            (_, 3) => tile::<B, 2, 3>,
            (_, 4) => tile::<B, 2, 4>,
            (_, 5) => tile::<B, 2, 5>,
            (_, _) => tile::<B, 2, 6>,
        }
    }
}

/// # Safety
/// As of [`panel::pack`]; the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn pack<B: Blocks>(rows: Rows, units: usize, to: *mut u8) {
    // SAFETY: as ours.
    unsafe { panel::pack::<B, Wide16>(rows, units, to) }
}

/// # Safety
/// As of [`column::columns`]; the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn few<B: Blocks, const N: usize>(
    rows: Rows,
    columns: Columns,
    out: *mut f32,
    count: usize,
    stride: usize,
) {
    // SAFETY: as ours.
    unsafe { column::columns::<B, Wide16, N>(rows, columns, out, count, stride) }
}

/// # Safety
/// As of [`panel::tile`]; the caller has AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
unsafe fn tile<B: Blocks, const P: usize, const N: usize>(
    panel: *const u8,
    columns: Columns,
    out: *mut f32,
    rows: usize,
    stride: usize,
    ahead: Ahead,
) {
    // SAFETY: as ours.
    unsafe { panel::tile::<B, Wide16, P, N>(panel, columns, out, rows, stride, ahead) }
}
