//! IEEE 754 binary16: the scales of quantized weights, keys and values.

/// The value, which every `f32` type holds exactly. A NaN stays one.
#[must_use]
pub fn f32_of(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 31;
    let fraction = u32::from(bits) & 0x3ff;
    let magnitude = match (exponent, fraction) {
        (31, _) => 0x7f80_0000 | fraction << 13,
        (0, 0) => 0,
        (0, _) => {
            // Subnormal: the leading one moves to where it is implied.
            let shift = fraction.leading_zeros() - 21;
            (113 - shift) << 23 | (fraction << (13 + shift)) & 0x007f_ffff
        }
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The nearest binary16, ties to even; infinite from 65,520 on. A NaN stays one.
#[must_use]
pub fn f16_of(value: f32) -> u16 {
    let (bits, magnitude) = (value.to_bits(), value.to_bits() & 0x7fff_ffff);
    let rounded = if magnitude > 0x7f80_0000 {
        0x7e00
    } else if magnitude >= 0x4780_0000 {
        // 65,536 and beyond.
        0x7c00
    } else if magnitude < 0x3880_0000 {
        // Below 2^-14, in multiples of 2^-24: a sum with 1/2 rounds to such.
        (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits()
    } else {
        // The exponent's bias changes by 112; half of what is cut off, and one more if what is left is odd.
        (magnitude - (112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13
    };
    #[allow(clippy::cast_possible_truncation)] // 15 bits and the sign
    let half = (rounded | bits >> 16 & 0x8000) as u16;
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_and_what_lies_between_is_rounded_to_the_nearest() {
        for bits in 0..0x7c00u16 {
            let (value, next) = (f32_of(bits), if bits == 0x7bff { 65_536.0 } else { f32_of(bits + 1) });
            let middle = value + (next - value) / 2.0;
            let even = bits + bits % 2;
            let nearby = [f32::from_bits(middle.to_bits() - 1), f32::from_bits(middle.to_bits() + 1)];
            for (value, half) in [(value, bits), (middle, even), (nearby[0], bits), (nearby[1], bits + 1)] {
                assert_eq!(f16_of(value), half, "{value}");
                assert_eq!(f16_of(-value), half | 0x8000, "-{value}");
            }
        }
        for (value, half) in [(f32::INFINITY, 0x7c00), (f32::MAX, 0x7c00), (1e-45, 0), (65_519.99, 0x7bff)] {
            assert_eq!(f16_of(value), half);
        }
        assert!(f32_of(f16_of(f32::NAN)).is_nan() && f32_of(f16_of(-f32::NAN)).is_nan());
    }

    #[test]
    fn every_value_is_what_its_definition_says() {
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let value = f32_of(bits);
            match exponent {
                31 if fraction > 0.0 => assert!(value.is_nan()),
                31 => assert_eq!(f64::from(value), sign * f64::INFINITY),
                0 => assert_eq!(f64::from(value), sign * fraction * 2f64.powi(-24)),
                _ => assert_eq!(f64::from(value), sign * (1024.0 + fraction) * 2f64.powi(exponent - 25)),
            }
            assert_eq!(value.is_sign_negative(), bits >> 15 == 1);
        }
    }
}
