//! AVX-512 with VNNI.

mod activation;
mod matmul;

pub use activation::quantize;
pub use matmul::matmul;
