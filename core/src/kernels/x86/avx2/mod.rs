//! AVX2 with FMA and F16C.

mod activation;
mod lanes;
mod matmul;

pub use activation::quantize;
pub use lanes::Avx2;
pub use matmul::matmul;
