//! Products of quantized weights and activations, by the kernels of an instruction set.

#[cfg(target_arch = "aarch64")]
use super::{arm::neon, vectors::product};
use super::{reference, Activations, Format, Isa, Scratch};
#[cfg(target_arch = "x86_64")]
use super::{vectors::product, x86};
use crate::{Error, Result};

/// A matrix of quantized weights, row by row, as it lies in a GGUF file.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    format: Format,
    bytes: &'a [u8],
    row_bytes: usize,
    units: usize,
    rows: usize,
}

impl<'a> Weights<'a> {
    /// `rows` rows of `units` units of 32 weights.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument): `bytes` are not that many, or a row is no whole number of blocks.
    pub fn new(format: Format, bytes: &'a [u8], rows: usize, units: usize) -> Result<Self> {
        let row_bytes = format.row_bytes(units).filter(|bytes| *bytes > 0);
        let row_bytes =
            row_bytes.ok_or_else(|| Error::argument("units", "must fill blocks of the format"))?;
        if row_bytes.checked_mul(rows) != Some(bytes.len()) {
            return Err(Error::argument("bytes", format!("must be {rows} rows of {row_bytes} bytes")));
        }
        Ok(Weights { format, bytes, row_bytes, units, rows })
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Units of a row.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// The bytes of a row.
    ///
    /// # Panics
    /// There is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &'a [u8] {
        &self.bytes[row * self.row_bytes..][..self.row_bytes]
    }
}

/// Rows `rows` of the product, at `out[column * stride + row - rows.start]`. What is computed does not depend on `isa`,
/// nor on how rows and columns are split over calls.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::ErrorKind::Argument): rows or units that the other side does not have, an `out` that does
/// not hold the product; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): this machine does not have `isa`.
pub fn matmul(
    isa: Isa,
    weights: &Weights<'_>,
    rows: std::ops::Range<usize>,
    activations: &Activations,
    out: &mut [f32],
    stride: usize,
) -> Result<()> {
    if rows.start > rows.end || rows.end > weights.rows {
        return Err(Error::argument("rows", format!("must lie in 0..{}", weights.rows)));
    }
    if activations.units() != weights.units {
        return Err(Error::argument("activations", format!("must have {} units a column", weights.units)));
    }
    let columns = activations.columns();
    if rows.is_empty() || columns == 0 {
        return Ok(());
    }
    let needed = stride.checked_mul(columns - 1).and_then(|before| before.checked_add(rows.len()));
    if stride < rows.len() || needed.is_none_or(|needed| needed > out.len()) {
        return Err(Error::argument("out", "must hold every row of every column"));
    }
    if !isa.is_here() {
        let message = format!("this machine has no {}", isa.name());
        return Err(Error::new(crate::ErrorKind::Unsupported, "isa", message));
    }
    // SAFETY: as looked at above.
    unsafe {
        matmul_into(isa, weights, rows, activations, out.as_mut_ptr(), stride, &mut Scratch::default())
    };
    Ok(())
}

/// As [`matmul`], unchecked, so that threads may compute rows of one product at the same time.
///
/// # Safety
/// This machine has `isa`; the weights have these rows, and as many units as the activations; `out` may be written wherever
/// the product goes, and nobody else uses these places meanwhile.
pub unsafe fn matmul_into(
    isa: Isa,
    weights: &Weights<'_>,
    rows: std::ops::Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
    scratch: &mut Scratch,
) {
    // SAFETY: as ours.
    unsafe {
        match isa {
            Isa::Scalar => reference::matmul(weights, rows, activations, out, stride),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                product::matmul::<x86::avx2::Kernels>(weights, rows, activations, out, stride, scratch)
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                product::matmul::<x86::avx512::Kernels>(weights, rows, activations, out, stride, scratch)
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => product::matmul::<neon::Kernels>(weights, rows, activations, out, stride, scratch),
            // Of another kind of processor.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::UNIT;

    /// Weights of random bits, with scales that are finite.
    fn random_weights(format: Format, rows: usize, units: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        let bytes = (0..format.row_bytes(units).unwrap() * rows).map(|_| byte()).collect();
        finite(format, bytes)
    }

    /// With scales that are numbers.
    fn finite(format: Format, mut bytes: Vec<u8>) -> Vec<u8> {
        for block in bytes.chunks_mut(format.block_bytes()) {
            let scales: &[usize] = match format {
                Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::IQ4_NL | Format::IQ4_XS => &[1],
                Format::Q4_1 | Format::Q5_1 | Format::Q4_K | Format::Q5_K => &[1, 3],
                Format::Q3_K => &[109],
                Format::Q6_K => &[209],
            };
            for at in scales {
                // An exponent of all ones is no number.
                if block[*at] & 0x7c == 0x7c {
                    block[*at] ^= 0x40;
                }
            }
        }
        bytes
    }

    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![
            8 => -4.0f32..4.0,
            1 => Just(0.0f32),
            1 => any::<f32>().prop_filter("finite", |value| value.is_finite()),
            1 => (0u32..0x80_0000).prop_map(f32::from_bits),
        ]
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        // Which NaN it is, is not told.
        values.iter().map(|value| if value.is_nan() { u32::MAX } else { value.to_bits() }).collect()
    }

    #[test]
    fn the_greatest_products_fit() {
        for (format, fill) in
            Format::ALL.into_iter().flat_map(|format| [0, 0x7f, 0x80, 0xff].map(|fill| (format, fill)))
        {
            let (rows, units) = (17, 8);
            let bytes = finite(format, vec![fill; format.row_bytes(units).unwrap() * rows]);
            let weights = Weights::new(format, &bytes, rows, units).unwrap();
            for columns in [1, 2, 9] {
                for signs in [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]] {
                    let values: Vec<f32> = signs.into_iter().cycle().take(columns * units * UNIT).collect();
                    let activations = Activations::quantize(Isa::Scalar, &values, units);
                    let product = |isa| {
                        let mut out = vec![0.0; rows * columns];
                        matmul(isa, &weights, 0..rows, &activations, &mut out, rows).unwrap();
                        bits(&out)
                    };
                    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                        assert_eq!(
                            product(isa),
                            product(Isa::Scalar),
                            "{isa:?} {format:?} {fill:#x} {signs:?}"
                        );
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn every_kernel_computes_the_reference(
            (format, blocks, rows, columns) in (0..Format::ALL.len(), 1usize..4, 1usize..80, 1usize..20),
            seed in any::<u64>(), values in prop::collection::vec(value(), 4096), split in any::<usize>(),
        ) {
            let format = Format::ALL[format];
            let units = blocks * format.block_units();
            let bytes = random_weights(format, rows, units, seed);
            let weights = Weights::new(format, &bytes, rows, units).unwrap();
            let columns: Vec<f32> = values.iter().copied().cycle().take(columns * units * UNIT).collect();
            let activations = Activations::quantize(Isa::Scalar, &columns, units);
            let stride = rows + 3;
            let product = |isa, ranges: &[(usize, usize)]| {
                let mut out = vec![7.0; stride * activations.columns()];
                for (first, end) in ranges {
                    matmul(isa, &weights, *first..*end, &activations, &mut out[*first..], stride).unwrap();
                }
                bits(&out)
            };
            let split = split % (rows + 1);
            let expected = product(Isa::Scalar, &[(0, rows)]);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                prop_assert_eq!(&product(isa, &[(0, rows)]), &expected, "{:?} {:?}", isa, format);
                prop_assert_eq!(&product(isa, &[(split, rows), (0, split)]), &expected, "{:?} {:?}", isa, format);
            }
        }
    }
}
