//! AVX2 with FMA and F16C.

mod activation;
mod matmul;

pub use activation::quantize;
pub use matmul::matmul;
