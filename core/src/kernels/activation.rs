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

impl Activations {
    /// Quantizes columns of `units` units, which lie one after the other. What comes of it does not depend on `isa`; one that
    /// this machine does not have counts as scalar.
    ///
    /// # Panics
    /// `values` is no whole number of columns.
    #[must_use]
    pub fn quantize(isa: Isa, values: &[f32], units: usize) -> Self {
        assert!(units > 0 && values.len().is_multiple_of(units * UNIT), "columns of {units} units");
        let run = match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if isa.is_here() => super::x86::avx512::quantize,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 if isa.is_here() => super::x86::avx2::quantize,
            _ => reference::quantize,
        };
        let count = values.len() / UNIT;
        let mut made = Activations {
            units,
            quants: vec![0; values.len()],
            scales: Vec::with_capacity(count),
            sums: Vec::with_capacity(count),
            scaled_sums: Vec::with_capacity(count),
        };
        let (values, _) = values.as_chunks();
        let (quants, _) = made.quants.as_chunks_mut();
        for (unit, quants) in values.iter().zip(quants) {
            let Quantized { scale, sums } = run(unit, quants);
            made.scales.push(scale);
            made.sums.push(sums);
            #[allow(clippy::cast_precision_loss)] // at most 32 * 127
            made.scaled_sums.push((sums[0] + sums[1]) as f32 * scale);
        }
        made
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
