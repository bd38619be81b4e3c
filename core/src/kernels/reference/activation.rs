//! Quantizing a unit of activations (`docs/spec/numerics-2.md` §4).

use crate::kernels::activation::{Quantized, Scaling};
use crate::kernels::UNIT;

/// Writes the integers of a unit.
pub fn quantize(unit: &[f32; UNIT], quants: &mut [i8; UNIT]) -> Quantized {
    // As bits: a NaN is larger than anything, and the order of a maximum does not matter.
    let largest = unit.iter().map(|value| value.to_bits() & 0x7fff_ffff).max().unwrap_or_default();
    let scaling = Scaling::of(f32::from_bits(largest));
    for (quant, value) in quants.iter_mut().zip(unit) {
        // A NaN becomes 0.
        #[allow(clippy::cast_possible_truncation)] // at most 127
        let rounded = (value * scaling.inverse).round_ties_even() as i8;
        *quant = rounded;
    }
    let (first, second) = quants.split_at(UNIT / 2);
    scaling.with([first, second].map(|half| half.iter().map(|quant| i32::from(*quant)).sum()))
}
