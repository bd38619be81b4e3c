//! The families of models: an architecture in a small shape that has everything the large ones have.

use attestlm_testkit::{Architecture, ModelSpec, RopeFactors, TensorType};

/// A kind of graph: an architecture, or the mixture of experts that shares its name with the dense one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Llama,
    Qwen2,
    Qwen3,
    Gemma2,
    Gemma3,
    Phi3,
    Mixtral,
}

impl Family {
    pub const ALL: [Family; 7] = [
        Family::Llama,
        Family::Qwen2,
        Family::Qwen3,
        Family::Gemma2,
        Family::Gemma3,
        Family::Phi3,
        Family::Mixtral,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Family::Mixtral => "mixtral",
            other => other.architecture().name(),
        }
    }

    pub fn architecture(self) -> Architecture {
        match self {
            Family::Llama | Family::Mixtral => Architecture::Llama,
            Family::Qwen2 => Architecture::Qwen2,
            Family::Qwen3 => Architecture::Qwen3,
            Family::Gemma2 => Architecture::Gemma2,
            Family::Gemma3 => Architecture::Gemma3,
            Family::Phi3 => Architecture::Phi3,
        }
    }

    /// Tokens of the sliding window, where there is one.
    pub fn window(self) -> Option<u32> {
        matches!(self, Family::Gemma2 | Family::Gemma3).then_some(WINDOW)
    }

    /// Two layers, grouped queries, a context of [`CONTEXT`]; Gemma's layers are one sliding and one full.
    pub fn spec(self, tensor_type: TensorType) -> ModelSpec {
        ModelSpec {
            layers: 2,
            feed_forward: 256,
            vocabulary: 320,
            context: CONTEXT,
            experts: (self == Family::Mixtral).then_some((4, 2)),
            // Qwen 3 has heads wider than its residual stream divided by their number.
            head_width: (self == Family::Qwen3).then_some(128),
            sliding_window: self.window(),
            sliding_pattern: self.window().map(|_| 2),
            rope_factors: match self {
                Family::Llama => RopeFactors::One,
                Family::Phi3 => RopeFactors::LongShort(CONTEXT),
                _ => RopeFactors::None,
            },
            ..ModelSpec::tiny_of(self.architecture())
        }
        .with_type(tensor_type)
        .with_ggml()
    }
}

/// Trained context of every model here.
pub const CONTEXT: u32 = 8192;

const WINDOW: u32 = 128;
