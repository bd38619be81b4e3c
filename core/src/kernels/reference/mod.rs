//! The order of operations, in plain Rust: `docs/spec/numerics-2.md` in code. What it computes is what every kernel computes.

mod activation;
mod matmul;

pub(super) use activation::quantize;
pub(super) use matmul::matmul;
