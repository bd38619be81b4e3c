//! AVX-512 with VNNI.

mod activation;
mod lanes;
mod matmul;
mod wide;

pub use activation::quantize;
pub use lanes::Avx512;
pub use matmul::Kernels;
