//! What weights are multiplied with, as integers of 8 bits (`docs/spec/numerics-2.md` §4).

use super::{reference, Isa, UNIT};

/// Columns of activations, each in units of 32.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activations {
    units: usize,
    quants: Vec<i8>,
    scales: Vec<f32>,
    sums: Vec<[i32; 2]>,
    scaled_sums: Vec<f32>,
}

/// Smaller magnitudes count as zero: 127 divided by the largest must be finite.
const SMALLEST: f32 = f32::from_bits((127 - 119) << 23);

/// How a unit becomes integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scaling {
    /// What values are multiplied with; 0: all become 0.
    pub inverse: f32,
    scale: f32,
}

/// What a unit became, besides its integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantized {
    scale: f32,
    sums: [i32; 2],
}

impl Scaling {
    /// Of the largest magnitude.
    pub fn of(largest: f32) -> Self {
        match largest {
            _ if !largest.is_finite() => Scaling { inverse: 0.0, scale: f32::NAN },
            _ if largest < SMALLEST => Scaling { inverse: 0.0, scale: 0.0 },
            _ => Scaling { inverse: 127.0 / largest, scale: largest / 127.0 },
        }
    }

    /// With the sums of the integers of either half.
    pub fn with(self, sums: [i32; 2]) -> Quantized {
        Quantized { scale: self.scale, sums }
    }
}

/// Where the columns of some [`Activations`] are written, by several threads at once if each has its own columns.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    units: usize,
    quants: *mut [i8; UNIT],
    scales: *mut f32,
    sums: *mut [i32; 2],
    scaled_sums: *mut f32,
}

// SAFETY: who writes through it promises to do so alone.
unsafe impl Send for Writer {}
// SAFETY: as above.
unsafe impl Sync for Writer {}

impl Writer {
    /// Where the activations are, as a number.
    #[must_use]
    pub fn address(&self) -> usize {
        self.quants as usize
    }

    /// Quantizes a column. What comes of it does not depend on `isa`; one that this machine does not have counts as scalar.
    ///
    /// # Safety
    /// The activations live and have this column, which nobody else uses meanwhile; a column of values lies at `values`.
    pub unsafe fn write(&self, isa: Isa, column: usize, values: *const f32) {
        let at = column * self.units;
        // SAFETY: by the contract.
        unsafe {
            let to = Writer {
                units: self.units,
                quants: self.quants.add(at),
                scales: self.scales.add(at),
                sums: self.sums.add(at),
                scaled_sums: self.scaled_sums.add(at),
            };
            match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 if isa.is_here() => super::x86::avx512::quantize(values.cast(), &to),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 if isa.is_here() => super::x86::avx2::quantize(values.cast(), &to),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => super::arm::neon::quantize(values.cast(), &to),
                _ => to.each(values.cast(), reference::quantize),
            }
        }
    }

    /// Every unit of a column.
    ///
    /// # Safety
    /// As of [`Self::write`].
    #[inline(always)]
    pub(super) unsafe fn each(
        &self,
        values: *const [f32; UNIT],
        run: impl Fn(&[f32; UNIT], &mut [i8; UNIT]) -> Quantized,
    ) {
        for unit in 0..self.units {
            // SAFETY: by the contract.
            unsafe {
                let Quantized { scale, sums } = run(&*values.add(unit), &mut *self.quants.add(unit));
                *self.scales.add(unit) = scale;
                *self.sums.add(unit) = sums;
                #[allow(clippy::cast_precision_loss)] // at most 32 * 127
                let sum = (sums[0] + sums[1]) as f32;
                *self.scaled_sums.add(unit) = sum * scale;
            }
        }
    }
}

impl Activations {
    /// Room for `columns` columns of `units` units, all 0.
    #[must_use]
    pub fn new(units: usize, columns: usize) -> Self {
        let count = units * columns;
        Activations {
            units,
            quants: vec![0; count * UNIT],
            scales: vec![0.0; count],
            sums: vec![[0; 2]; count],
            scaled_sums: vec![0.0; count],
        }
    }

    /// Quantizes columns of `units` units, which lie one after the other.
    ///
    /// # Panics
    /// `values` is no whole number of columns.
    #[must_use]
    pub fn quantize(isa: Isa, values: &[f32], units: usize) -> Self {
        assert!(units > 0 && values.len().is_multiple_of(units * UNIT), "columns of {units} units");
        let mut made = Activations::new(units, values.len() / (units * UNIT));
        let writer = made.writer();
        for (column, values) in values.chunks_exact(units * UNIT).enumerate() {
            // SAFETY: there are so many columns, and nobody else knows them yet.
            unsafe { writer.write(isa, column, values.as_ptr()) };
        }
        made
    }

    /// Where the columns are written.
    pub fn writer(&mut self) -> Writer {
        Writer {
            units: self.units,
            quants: self.quants.as_mut_ptr().cast(),
            scales: self.scales.as_mut_ptr(),
            sums: self.sums.as_mut_ptr(),
            scaled_sums: self.scaled_sums.as_mut_ptr(),
        }
    }

    /// Becomes a copy of some columns of `from`.
    ///
    /// # Panics
    /// There is no such column.
    pub fn gather(&mut self, from: &Activations, columns: impl Iterator<Item = usize>) {
        self.units = from.units;
        self.quants.clear();
        self.scales.clear();
        self.sums.clear();
        self.scaled_sums.clear();
        for column in columns {
            let units = column * from.units..(column + 1) * from.units;
            self.quants.extend_from_slice(&from.quants[units.start * UNIT..units.end * UNIT]);
            self.scales.extend_from_slice(&from.scales[units.clone()]);
            self.sums.extend_from_slice(&from.sums[units.clone()]);
            self.scaled_sums.extend_from_slice(&from.scaled_sums[units]);
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any bits at all: NaN, infinities, subnormals; most units of ordinary values.
    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![60 => -4.0f32..4.0, 1 => any::<u32>().prop_map(f32::from_bits), 1 => (0u32..1 << 27).prop_map(f32::from_bits)]
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() }).collect()
    }

    proptest! {
        #[test]
        fn every_kernel_quantizes_as_the_reference(values in prop::collection::vec(value(), UNIT * 12), scale in -140i32..126) {
            let scaled: Vec<f32> = values.iter().map(|value| value * 2f32.powi(scale)).collect();
            for values in [values, scaled] {
                let expected = Activations::quantize(Isa::Scalar, &values, 3);
                for isa in Isa::ALL {
                    let made = Activations::quantize(isa, &values, 3);
                    prop_assert_eq!(&made.quants, &expected.quants);
                    prop_assert_eq!(&made.sums, &expected.sums);
                    prop_assert_eq!(bits(&made.scales), bits(&expected.scales));
                    prop_assert_eq!(bits(&made.scaled_sums), bits(&expected.scaled_sums));
                }
                // As near as eight bits are.
                let units = values.chunks(UNIT).zip(expected.quants.chunks(UNIT)).zip(&expected.scales);
                for ((unit, quants), scale) in units.filter(|(_, scale)| scale.is_finite()) {
                    for (value, quant) in unit.iter().zip(quants) {
                        let near = match *scale {
                            0.0 => value.abs() < SMALLEST,
                            scale => (value / scale - f32::from(*quant)).abs() <= 0.501,
                        };
                        prop_assert!(near, "{} becomes {} by {}", value, quant, scale);
                    }
                }
            }
        }
    }
}
