//! AVX2 with FMA and F16C.

mod activation;
mod lanes;
mod matmul;
mod wide;

pub use activation::quantize;
pub use lanes::Avx2;
pub use matmul::Kernels;
