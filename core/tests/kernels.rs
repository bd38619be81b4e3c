//! The weights that kernels read, beside what ggml reads of the same bytes.
#![cfg(feature = "engine")]

use attestlm::kernels::{Format, UNIT};
use llama_cpp_sys_2 as sys;

fn ggml_type(format: Format) -> sys::ggml_type {
    match format {
        Format::Q8_0 => sys::GGML_TYPE_Q8_0,
        Format::Q4_0 => sys::GGML_TYPE_Q4_0,
        Format::Q4_1 => sys::GGML_TYPE_Q4_1,
        Format::Q5_0 => sys::GGML_TYPE_Q5_0,
        Format::Q5_1 => sys::GGML_TYPE_Q5_1,
        Format::IQ4_NL => sys::GGML_TYPE_IQ4_NL,
        Format::IQ4_XS => sys::GGML_TYPE_IQ4_XS,
        Format::Q3_K => sys::GGML_TYPE_Q3_K,
        Format::Q4_K => sys::GGML_TYPE_Q4_K,
        Format::Q5_K => sys::GGML_TYPE_Q5_K,
        Format::Q6_K => sys::GGML_TYPE_Q6_K,
    }
}

#[test]
fn every_format_is_read_as_ggml_reads_it() {
    let mut state = 1u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    };
    for format in Format::ALL {
        // SAFETY: the table has every type.
        let traits = unsafe { &*sys::ggml_get_type_traits(ggml_type(format)) };
        assert_eq!(traits.type_size, format.block_bytes(), "{format:?}");
        assert_eq!(usize::try_from(traits.blck_size).unwrap(), format.block_units() * UNIT, "{format:?}");
        let read = traits.to_float.unwrap();
        for _ in 0..2_000 {
            let mut block: Vec<u8> = (0..format.block_bytes()).map(|_| byte()).collect();
            // No scale is NaN or infinite.
            for at in [1, 3, 109, 209] {
                block.get_mut(at).into_iter().for_each(|byte| *byte &= 0xbf);
            }
            let mut expected = vec![0.0f32; format.block_units() * UNIT];
            // SAFETY: a block in, its weights out.
            unsafe { read(block.as_ptr().cast(), expected.as_mut_ptr(), expected.len() as i64) };
            for (index, expected) in expected.chunks(UNIT).enumerate() {
                let unit = format.unit(&block, index);
                let weights = unit
                    .quants
                    .iter()
                    .zip(0..)
                    .map(|(quant, i)| unit.scale[i / 16] * f32::from(*quant) - unit.min);
                assert_eq!(weights.collect::<Vec<_>>(), expected, "{format:?}, unit {index}");
            }
        }
    }
}
