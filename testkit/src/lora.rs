//! Random LoRA adapters.

use crate::model::fnv;
use crate::{Gguf, ModelSpec, Tensor, TensorType};

/// A random LoRA adapter for a model's attention and dense feed-forward matrices.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraSpec {
    /// Rank of every pair.
    pub rank: u32,
    /// `adapter.lora.alpha`.
    pub alpha: f32,
    /// Deviation of the weights of B; those of A have 1 / sqrt(inputs).
    pub strength: f32,
    /// Type of A and B (F32, F16 or BF16: the rank holds no whole block).
    pub tensor_type: TensorType,
    /// Seed of the weights.
    pub seed: u64,
}

impl Default for LoraSpec {
    fn default() -> Self {
        LoraSpec { rank: 8, alpha: 16.0, strength: 0.05, tensor_type: TensorType::F32, seed: 1 }
    }
}

impl LoraSpec {
    /// The adapter's file for `model`.
    #[must_use]
    pub fn to_gguf(&self, model: &ModelSpec) -> Gguf {
        let mut gguf = Gguf::default();
        gguf.set("general.architecture", model.architecture.name());
        gguf.set("general.type", "adapter");
        gguf.set("adapter.type", "lora");
        gguf.set("adapter.lora.alpha", self.alpha);
        let rank = u64::from(self.rank);
        for target in model.to_gguf().tensors {
            let [inputs, outputs] = target.dims[..] else { continue };
            if !target.name.starts_with("blk.") || target.name.contains("ffn_gate_inp") {
                continue;
            }
            #[allow(clippy::cast_precision_loss)] // widths are far below 2^24
            let scale = 1.0 / (inputs as f32).sqrt();
            for (half, dims, deviation) in
                [("a", [inputs, rank], scale), ("b", [rank, outputs], self.strength)]
            {
                let name = format!("{}.lora_{half}", target.name);
                gguf.tensors.push(Tensor {
                    seed: self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ fnv(&name),
                    name,
                    dims: dims.to_vec(),
                    tensor_type: self.tensor_type,
                    mean: 0.0,
                    deviation,
                });
            }
        }
        gguf
    }
}
