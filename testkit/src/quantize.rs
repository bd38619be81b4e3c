//! Tensor types, and rounding to the nearest representable weight, block by block.

use crate::Rng;

/// The tensor types that can be written.
///
/// Without ggml's quantizer (`Quantizer::Ggml`) the types from `Q4_1` on are random quants with a fixed
/// scale: the requested deviation is met, the values are not those that the other types would round.
#[allow(missing_docs, non_camel_case_types)] // the field's own names
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TensorType {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    IQ4_XS,
}

/// Who rounds the weights of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quantizer {
    /// This crate, without any other library.
    #[default]
    Own,
    /// ggml's `ggml_quantize_chunk`: every type rounds the same weights.
    #[cfg(feature = "ggml")]
    Ggml,
}

impl TensorType {
    /// All of them.
    pub const ALL: [TensorType; 15] = [
        TensorType::F32,
        TensorType::F16,
        TensorType::BF16,
        TensorType::Q8_0,
        TensorType::Q4_0,
        TensorType::Q4_1,
        TensorType::Q5_0,
        TensorType::Q5_1,
        TensorType::Q2_K,
        TensorType::Q3_K,
        TensorType::Q4_K,
        TensorType::Q5_K,
        TensorType::Q6_K,
        TensorType::IQ4_NL,
        TensorType::IQ4_XS,
    ];

    /// ggml's name of the type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TensorType::F32 => "F32",
            TensorType::F16 => "F16",
            TensorType::BF16 => "BF16",
            TensorType::Q8_0 => "Q8_0",
            TensorType::Q4_0 => "Q4_0",
            TensorType::Q4_1 => "Q4_1",
            TensorType::Q2_K => "Q2_K",
            TensorType::Q3_K => "Q3_K",
            TensorType::Q5_0 => "Q5_0",
            TensorType::Q5_1 => "Q5_1",
            TensorType::Q4_K => "Q4_K",
            TensorType::Q5_K => "Q5_K",
            TensorType::Q6_K => "Q6_K",
            TensorType::IQ4_NL => "IQ4_NL",
            TensorType::IQ4_XS => "IQ4_XS",
        }
    }

    pub(crate) fn id(self) -> u32 {
        match self {
            TensorType::F32 => 0,
            TensorType::F16 => 1,
            TensorType::Q4_0 => 2,
            TensorType::Q4_1 => 3,
            TensorType::Q5_0 => 6,
            TensorType::Q5_1 => 7,
            TensorType::Q8_0 => 8,
            TensorType::Q2_K => 10,
            TensorType::Q3_K => 11,
            TensorType::Q4_K => 12,
            TensorType::Q5_K => 13,
            TensorType::Q6_K => 14,
            TensorType::IQ4_NL => 20,
            TensorType::IQ4_XS => 23,
            TensorType::BF16 => 30,
        }
    }

    /// (elements, bytes) per block.
    pub(crate) fn block(self) -> (u64, u64) {
        match self {
            TensorType::F32 => (1, 4),
            TensorType::F16 | TensorType::BF16 => (1, 2),
            TensorType::Q4_0 | TensorType::IQ4_NL => (32, 18),
            TensorType::Q4_1 => (32, 20),
            TensorType::Q5_0 => (32, 22),
            TensorType::Q5_1 => (32, 24),
            TensorType::Q8_0 => (32, 34),
            TensorType::Q2_K => (256, 84),
            TensorType::Q3_K => (256, 110),
            TensorType::Q4_K => (256, 144),
            TensorType::Q5_K => (256, 176),
            TensorType::Q6_K => (256, 210),
            TensorType::IQ4_XS => (256, 136),
        }
    }

    /// What a matrix whose rows have `columns` weights is stored as where this type was asked for: rows
    /// that hold no whole block of 256 fall back to blocks of 32, as in files made by `llama-quantize`.
    #[must_use]
    pub fn for_columns(self, columns: u64) -> Self {
        if columns.is_multiple_of(self.block().0) {
            return self;
        }
        match self {
            TensorType::Q4_K => TensorType::Q5_0,
            TensorType::Q5_K => TensorType::Q5_1,
            TensorType::Q6_K => TensorType::Q8_0,
            TensorType::Q2_K | TensorType::Q3_K | TensorType::IQ4_XS => TensorType::IQ4_NL,
            other => other,
        }
    }
}

/// Appends `n` normal weights of deviation `deviation` around `mean`.
pub(crate) fn random(out: &mut Vec<u8>, ty: TensorType, n: u64, mean: f32, deviation: f32, rng: &mut Rng) {
    let (elements, bytes) = ty.block();
    assert_eq!(n % elements, 0, "{n} elements are not whole {ty:?} blocks");
    let mut left = n / elements;
    let mut next = || mean + rng.normal() * deviation;
    out.reserve(usize::try_from(left * bytes).expect("fits in memory"));
    match ty {
        TensorType::F32 => (0..n).for_each(|_| out.extend(next().to_le_bytes())),
        TensorType::F16 => (0..n).for_each(|_| out.extend(f16_bits(next()).to_le_bytes())),
        TensorType::BF16 => (0..n).for_each(|_| out.extend(bf16_bits(next()).to_le_bytes())),
        TensorType::Q8_0 | TensorType::Q4_0 => {
            while left > 0 {
                let mut block = [0.0; 32];
                block.iter_mut().for_each(|x| *x = next());
                if ty == TensorType::Q8_0 {
                    q8_0(out, &block);
                } else {
                    q4_0(out, &block);
                }
                left -= 1;
            }
        }
        TensorType::Q4_K => {
            // weight = d * scale * q - dmin * min with q in 0..16, all scales 32 and mins 15 * 16:
            // q is uniform, of mean 7.5 and variance 255 / 12.
            let d = f16_bits(deviation / (4.61 * 32.0));
            let dmin = f16_bits(deviation / 4.61 * 7.5 / 32.0);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                out.extend(dmin.to_le_bytes());
                // Six-bit scales and mins, all 32: the low four bits of the last four of each in
                // bytes 8..12, their top two bits at the top of the first four of each.
                out.extend([0x20 | 0x80; 8]);
                out.extend([0; 4]);
                (0..16).for_each(|_| out.extend(rng.next_u64().to_le_bytes()));
            }
        }
        TensorType::Q4_1 => {
            // weight = d * q + m with q in 0..16 uniform, of mean 7.5 and variance 255 / 12.
            let d = f16_bits(deviation / 4.61);
            let m = f16_bits(-7.5 * deviation / 4.61);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                out.extend(m.to_le_bytes());
                random_bytes(out, 16, rng);
            }
        }
        TensorType::Q2_K => {
            // weight = d * scale * q - dmin * min with q in 0..4 uniform, of mean 1.5 and variance 15 / 12, every
            // scale and min 1.
            let d = f16_bits(deviation / 1.118);
            let dmin = f16_bits(deviation / 1.118 * 1.5);
            for _ in 0..left {
                out.extend([0x11; 16]);
                random_bytes(out, 64, rng);
                out.extend(d.to_le_bytes());
                out.extend(dmin.to_le_bytes());
            }
        }
        TensorType::Q3_K => {
            // weight = d * (scale - 32) * q with q in -4..4 uniform, of variance 63 / 12, every six-bit scale 33:
            // the low four bits, then the top two.
            let d = f16_bits(deviation / 2.29);
            for _ in 0..left {
                random_bytes(out, 96, rng);
                out.extend([0x11; 8]);
                out.extend([0xaa; 4]);
                out.extend(d.to_le_bytes());
            }
        }
        TensorType::Q5_0 => {
            // weight = d * (q - 16) with q in 0..32 uniform, of variance 1023 / 12.
            let d = f16_bits(deviation / 9.23);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                random_bytes(out, 20, rng);
            }
        }
        TensorType::Q5_1 => {
            // weight = d * q + m with q in 0..32 uniform, of mean 15.5 and variance 1023 / 12.
            let d = f16_bits(deviation / 9.23);
            let m = f16_bits(-15.5 * deviation / 9.23);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                out.extend(m.to_le_bytes());
                random_bytes(out, 20, rng);
            }
        }
        TensorType::Q5_K => {
            // As Q4_K with one more bit: q in 0..32, of mean 15.5 and variance 1023 / 12.
            let d = f16_bits(deviation / (9.23 * 32.0));
            let dmin = f16_bits(deviation / 9.23 * 15.5 / 32.0);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                out.extend(dmin.to_le_bytes());
                out.extend([0x20 | 0x80; 8]);
                out.extend([0; 4]);
                random_bytes(out, 160, rng);
            }
        }
        TensorType::IQ4_NL => {
            // weight = d * value, the 16 values of ggml's table: deviation 70.
            let d = f16_bits(deviation / 70.0);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                random_bytes(out, 16, rng);
            }
        }
        TensorType::IQ4_XS => {
            // weight = d * (scale - 32) * value, every six-bit scale 33: the low four bits, then the top two.
            let d = f16_bits(deviation / 70.0);
            for _ in 0..left {
                out.extend(d.to_le_bytes());
                out.extend(0xaaaau16.to_le_bytes());
                out.extend([0x11; 4]);
                random_bytes(out, 128, rng);
            }
        }
        TensorType::Q6_K => {
            // weight = d * scale * (q - 32) with q in 0..64 uniform, of variance 4095 / 12.
            let d = f16_bits(deviation / (18.47 * 16.0));
            for _ in 0..left {
                (0..24).for_each(|_| out.extend(rng.next_u64().to_le_bytes()));
                out.extend([16; 16]);
                out.extend(d.to_le_bytes());
            }
        }
    }
}

fn random_bytes(out: &mut Vec<u8>, count: usize, rng: &mut Rng) {
    let end = out.len() + count;
    while out.len() < end {
        out.extend(rng.next_u64().to_le_bytes());
    }
    out.truncate(end);
}

fn q8_0(out: &mut Vec<u8>, block: &[f32; 32]) {
    let largest = block.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    let scale = largest / 127.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    out.extend(f16_bits(scale).to_le_bytes());
    let mut quants = [0; 32];
    for (q, x) in quants.iter_mut().zip(block) {
        *q = round(x * inverse).clamp(-127, 127).to_le_bytes()[0];
    }
    out.extend(quants);
}

fn q4_0(out: &mut Vec<u8>, block: &[f32; 32]) {
    // Quants run from -8 to 7: the largest weight, with its sign, becomes -8.
    let largest = block.iter().fold(0.0f32, |m, &x| if x.abs() > m.abs() { x } else { m });
    let scale = largest / -8.0;
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    out.extend(f16_bits(scale).to_le_bytes());
    let quant = |x: f32| (round(x * inverse) + 8).clamp(0, 15).to_le_bytes()[0];
    let (low, high) = block.split_at(16);
    out.extend(low.iter().zip(high).map(|(&l, &h)| quant(l) | quant(h) << 4));
}

/// To the nearest integer; a plain conversion is many times faster than `f32::round` on the
/// baseline instruction set.
#[inline]
#[allow(clippy::cast_possible_truncation)] // saturates
fn round(x: f32) -> i32 {
    (x + if x < 0.0 { -0.5 } else { 0.5 }) as i32
}

/// IEEE 754 binary16, to nearest even.
#[allow(clippy::cast_possible_truncation)] // all bits above the sixteenth are zero by then
pub(crate) fn f16_bits(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    if magnitude >= 0x4780_0000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Subnormal: 2^-24 per unit. Adding 0.5 aligns the unit with the lowest bit of the sum,
        // and rounds as the hardware does.
        let shifted = f32::from_bits(magnitude) + 0.5;
        return sign | (shifted.to_bits() - 0.5f32.to_bits()) as u16;
    }
    let odd = magnitude >> 13 & 1;
    let rounded = magnitude - 0x3800_0000 + 0xfff + odd;
    sign | (rounded >> 13) as u16
}

/// bfloat16, to nearest even; finite values only.
pub(crate) fn bf16_bits(x: f32) -> u16 {
    let bits = x.to_bits();
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_known_values() {
        // From IEEE 754-2019, table 3.5, and its rounding rule.
        for (x, bits) in [
            (0.0, 0x0000),
            (-0.0, 0x8000),
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65504.0, 0x7bff),
            (65519.0, 0x7bff),
            (65520.0, 0x7c00),
            (6.103_515_6e-5, 0x0400),
            (5.960_464_5e-8, 0x0001),
            (2.980_232_2e-8, 0x0000),
            (2.980_232_6e-8, 0x0001),
            (6.097_555e-5, 0x03ff),
            (0.333_333_34, 0x3555),
            (1.000_488_3, 0x3c00),
            (1.001_464_8, 0x3c02),
            (f32::INFINITY, 0x7c00),
        ] {
            assert_eq!(f16_bits(x), bits, "{x}");
        }
        assert_eq!(bf16_bits(1.0), 0x3f80);
        assert_eq!(bf16_bits(f32::from_bits(0x3f80_8000)), 0x3f80);
        assert_eq!(bf16_bits(f32::from_bits(0x3f81_8000)), 0x3f82);
    }

    fn half(bits: u16) -> f32 {
        let (exponent, mantissa) = (bits >> 10 & 31, f32::from(bits & 1023));
        assert!(exponent < 31);
        let x = if exponent == 0 {
            mantissa * 2f32.powi(-24)
        } else {
            (1024.0 + mantissa) * 2f32.powi(i32::from(exponent) - 25)
        };
        if bits >> 15 == 1 {
            -x
        } else {
            x
        }
    }

    #[test]
    fn f16_round_trips() {
        for bits in (0..=u16::MAX).filter(|b| b >> 10 & 31 != 31) {
            assert_eq!(f16_bits(half(bits)), bits);
        }
    }

    #[test]
    fn blocks_are_within_half_a_step() {
        let mut rng = Rng::new(5);
        for _ in 0..200 {
            let block: [f32; 32] = std::array::from_fn(|_| rng.normal());
            let mut out = Vec::new();
            q8_0(&mut out, &block);
            q4_0(&mut out, &block);
            let d8 = half(u16::from_le_bytes([out[0], out[1]]));
            let d4 = half(u16::from_le_bytes([out[34], out[35]]));
            for (i, &x) in block.iter().enumerate() {
                let q8 = f32::from(i8::from_le_bytes([out[2 + i]]));
                assert!((q8 * d8 - x).abs() <= d8 * 0.6, "{x}");
                let byte = out[36 + i % 16];
                let q4 = f32::from(if i < 16 { byte & 15 } else { byte >> 4 }) - 8.0;
                // 8 steps up is not representable, only 7.
                assert!((q4 * d4 - x).abs() <= d4.abs() * 1.01, "{x}");
            }
        }
    }

    #[test]
    fn every_type_has_its_size() {
        for ty in TensorType::ALL {
            let mut out = Vec::new();
            random(&mut out, ty, 512, 0.0, 0.1, &mut Rng::new(1));
            let (elements, bytes) = ty.block();
            assert_eq!(out.len() as u64, 512 / elements * bytes, "{ty:?}");
        }
    }
}
