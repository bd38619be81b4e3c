//! Random-weight GGUF models and GGUF mutations, for tests and benches.
//!
//! Everything is deterministic: the same [`ModelSpec`] gives the same bytes on every machine.
//!
//! ```
//! let model = attestlm_testkit::ModelSpec::nano().to_bytes();
//! let broken = attestlm_testkit::mutate::mutant(&model, 7);
//! assert_ne!(model, broken);
//! ```

mod lora;
mod model;
pub mod mutate;
mod quantize;
mod rng;
mod tokenizer;
mod write;

pub use lora::LoraSpec;
pub use model::{Architecture, ModelSpec};
pub use quantize::TensorType;
pub use rng::Rng;
pub use write::{Gguf, Tensor, Value};
