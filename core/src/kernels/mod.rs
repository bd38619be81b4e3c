//! Kernels that are exact by construction: the sequence of operations behind every output element is written down in
//! `docs/spec/numerics-2.md`, and no tile, batch, thread count or instruction set changes it.
//!
//! Inside a block a quantized dot product is integer arithmetic, exact in any order; the float rim around it (scales, and
//! the sum over blocks) has one order, which lets the lanes of a vector be different outputs. [`mod@reference`] is that order in
//! plain Rust; whatever is faster must equal it bit for bit.

// Lanes, rows and columns have numbers: what belongs together has the same one in several arrays.
#![allow(clippy::needless_range_loop)]

mod activation;
#[cfg(target_arch = "aarch64")]
mod arm;
pub mod attention;
mod dispatch;
pub mod dot;
pub mod floats;
mod format;
pub mod functions;
pub mod half;
mod isa;
pub mod lanes;
pub mod map;
mod matmul;
pub mod reference;
pub mod rope;
pub mod rows;
mod scratch;
#[cfg(test)]
mod testing;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vectors;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use activation::{Activations, Writer};
#[cfg(target_arch = "aarch64")]
pub use arm::neon::Neon;
pub use format::{Format, Unit};
pub use isa::Isa;
pub use matmul::{matmul, matmul_into, Weights};
pub use scratch::Scratch;
#[cfg(target_arch = "x86_64")]
pub use x86::{avx2::Avx2, avx512::Avx512};

/// Weights that share an activation scale, and are summed as integers.
pub const UNIT: usize = 32;
