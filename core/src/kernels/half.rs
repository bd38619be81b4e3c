//! IEEE 754 binary16, the scales of quantized weights.

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

#[cfg(test)]
mod tests {
    use super::*;

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
