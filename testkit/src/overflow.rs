//! A model whose values overflow for one token alone.

use crate::{ModelSpec, TensorType};

/// The token whose values overflow the cache of [`overflowing`].
pub const OVERFLOWING: u32 = 200;

/// The file of a model of finite weights whose values of one token alone overflow f16, which makes every
/// logit after it NaN: that token's embedding is one large number in a dimension the others leave empty, and
/// the first layer's values read that dimension with a large factor.
///
/// # Panics
/// Never: the shape is fixed.
#[must_use]
pub fn overflowing() -> Vec<u8> {
    let gguf = ModelSpec { tensor_type: TensorType::F32, ..ModelSpec::nano() }.to_gguf();
    let mut bytes = gguf.to_bytes();
    let mut set_column_0 = |name: &str, value: &dyn Fn(u64) -> f32| {
        let tensor = gguf.tensors.iter().find(|t| t.name == name).expect("the shape has it");
        let start = gguf.data_offset(name);
        for row in 0..tensor.dims[1] {
            let at = usize::try_from(start + row * tensor.dims[0] * 4).expect("a small file");
            bytes[at..at + 4].copy_from_slice(&value(row).to_le_bytes());
        }
    };
    set_column_0("token_embd.weight", &|row| if row == u64::from(OVERFLOWING) { 1e6 } else { 0.0 });
    set_column_0("blk.0.attn_v.weight", &|_| 1e6);
    bytes
}
