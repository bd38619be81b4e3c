//! What weights are multiplied with, as integers of 8 bits (`docs/spec/numerics-2.md` §4).

use super::UNIT;

/// Columns of activations, each in units of 32.
#[derive(Debug, Clone, Default)]
pub struct Activations {
    /// Units of a column.
    units: usize,
    quants: Vec<i8>,
    scales: Vec<f32>,
    sums: Vec<[i32; 2]>,
    scaled_sums: Vec<f32>,
}

/// Smaller magnitudes count as zero: 127 divided by the largest must be finite.
const SMALLEST: f32 = f32::from_bits((127 - 119) << 23);

impl Activations {
    /// Quantizes columns of `units` units, which lie one after the other.
    ///
    /// # Panics
    /// `values` is no whole number of columns.
    #[must_use]
    pub fn quantize(values: &[f32], units: usize) -> Self {
        assert!(units > 0 && values.len().is_multiple_of(units * UNIT), "columns of {units} units");
        let count = values.len() / UNIT;
        let mut made = Activations {
            units,
            quants: Vec::with_capacity(values.len()),
            scales: Vec::with_capacity(count),
            sums: Vec::with_capacity(count),
            scaled_sums: Vec::with_capacity(count),
        };
        for unit in values.chunks_exact(UNIT) {
            made.push(unit);
        }
        made
    }

    fn push(&mut self, unit: &[f32]) {
        // As bits: a NaN is larger than anything, and the order of a maximum does not matter.
        let largest = unit.iter().map(|value| value.to_bits() & 0x7fff_ffff).max().unwrap_or_default();
        let largest = f32::from_bits(largest);
        let (inverse, scale) = match largest {
            _ if !largest.is_finite() => (0.0, f32::NAN),
            _ if largest < SMALLEST => (0.0, 0.0),
            _ => (127.0 / largest, largest / 127.0),
        };
        let first = self.quants.len();
        // A NaN or an infinity becomes 0: `as` says so, and the scale tells.
        #[allow(clippy::cast_possible_truncation)] // |value| <= 127
        self.quants.extend(unit.iter().map(|value| (value * inverse).round_ties_even() as i8));
        let halves = self.quants[first..].chunks(UNIT / 2);
        let mut sums = halves.map(|half| half.iter().map(|quant| i32::from(*quant)).sum());
        let sums: [i32; 2] = std::array::from_fn(|_| sums.next().unwrap_or_default());
        self.scales.push(scale);
        self.sums.push(sums);
        #[allow(clippy::cast_precision_loss)] // at most 32 * 127
        self.scaled_sums.push((sums[0] + sums[1]) as f32 * scale);
    }

    /// Units of a column.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.scales.len().checked_div(self.units).unwrap_or_default()
    }

    /// The integers, column by column.
    #[must_use]
    pub fn quants(&self) -> &[i8] {
        &self.quants
    }

    /// The scale of each unit, column by column; NaN where a value was not finite.
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The sum of the integers of either half of each unit.
    #[must_use]
    pub fn sums(&self) -> &[[i32; 2]] {
        &self.sums
    }

    /// The sum of each unit by its scale.
    #[must_use]
    pub fn scaled_sums(&self) -> &[f32] {
        &self.scaled_sums
    }
}
