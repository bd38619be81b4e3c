//! NEON with dot products: 4 rows in the lanes, 8 rows by 6 columns at a time.

use super::wide::Wide4;
use crate::kernels::vectors::blocks::Blocks;
use crate::kernels::vectors::product::{Pack, Set, Tile};
use crate::kernels::vectors::{column, panel};

/// Kernels for NEON with dot products.
pub enum Kernels {}

impl Set for Kernels {
    type Wide = Wide4;
    const HEIGHT: usize = 2;
    // With two panels 12 sums of products, 12 of floats, two weights and what they are multiplied with are 27 of 32 registers.
    const WIDTH: usize = 6;
    const PANELS: usize = 16;

    fn pack<B: Blocks>() -> Pack {
        panel::pack::<B, Wide4>
    }

    fn few<B: Blocks>() -> [column::Run; 2] {
        [column::columns::<B, Wide4, 1>, column::columns::<B, Wide4, 2>]
    }

    fn tile<B: Blocks>(panels: usize, columns: usize) -> Tile {
        match (panels, columns) {
            (1, 1) => panel::tile::<B, Wide4, 1, 1>,
            (1, 2) => panel::tile::<B, Wide4, 1, 2>,
            (1, 3) => panel::tile::<B, Wide4, 1, 3>,
            (1, 4) => panel::tile::<B, Wide4, 1, 4>,
            (1, 5) => panel::tile::<B, Wide4, 1, 5>,
            (1, _) => panel::tile::<B, Wide4, 1, 6>,
            (_, 1) => panel::tile::<B, Wide4, 2, 1>,
            (_, 2) => panel::tile::<B, Wide4, 2, 2>,
            (_, 3) => panel::tile::<B, Wide4, 2, 3>,
            (_, 4) => panel::tile::<B, Wide4, 2, 4>,
            (_, 5) => panel::tile::<B, Wide4, 2, 5>,
            (_, _) => panel::tile::<B, Wide4, 2, 6>,
        }
    }
}
