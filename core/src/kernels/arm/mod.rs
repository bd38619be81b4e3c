//! Kernels for 64-bit ARM.

pub mod neon;
