//! Random-weight GGUF models and GGUF mutations, for tests and benches.
//!
//! Sizes go from a quarter of a million weights to those of Llama 3.2 1B. With the feature `ggml` the weights
//! are rounded by ggml's own quantizer; such a program must link the library `attestlm` too, whose functions
//! the engine calls in place of the C library's.
//!
//! Everything is deterministic: the same [`ModelSpec`] gives the same bytes on every machine.
//!
//! ```
//! # use attestlm as _; // With the feature `ggml` it has to be linked.
//! let model = attestlm_testkit::ModelSpec::nano().to_bytes();
//! let broken = attestlm_testkit::mutate::mutant(&model, 7);
//! assert_ne!(model, broken);
//! ```

#[cfg(all(test, feature = "ggml"))]
use attestlm as _;

#[cfg(feature = "ggml")]
mod ggml;
mod lora;
mod model;
pub mod mutate;
mod overflow;
mod quantize;
mod rng;
mod tokenizer;
mod write;

pub use lora::LoraSpec;
pub use model::{Architecture, ModelSpec, RopeFactors};
pub use overflow::{overflowing, OVERFLOWING};
pub use quantize::{Quantizer, TensorType};
pub use rng::Rng;
pub use write::{Gguf, Tensor, Value};
