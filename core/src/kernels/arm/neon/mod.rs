//! NEON with the dot products of Armv8.4 (`FEAT_DotProd`).

mod activation;
mod lanes;
mod matmul;
mod wide;

pub use activation::quantize;
pub use lanes::Neon;
pub use matmul::Kernels;
