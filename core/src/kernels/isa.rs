//! Which instructions kernels may use.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::{Error, ErrorKind, Result};

/// What was chosen; none at first.
static CHOSEN: AtomicU8 = AtomicU8::new(u8::MAX);

/// A set of instructions for which there are kernels. All of them compute the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// What Rust compiles for the machine: the reference.
    Scalar,
    /// 64-bit ARM with NEON and its dot products.
    Neon,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
}

impl Isa {
    /// Every set, of each kind of processor the slowest first.
    pub const ALL: [Isa; 4] = [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Neon => "neon",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// What a processor must have for it.
    const fn needs(self) -> &'static str {
        match self {
            Isa::Scalar => "nothing",
            Isa::Neon => "64-bit ARM with the dot products of NEON",
            Isa::Avx2 => "x86-64 with AVX2, FMA and F16C",
            Isa::Avx512 => "x86-64 with AVX-512 F, BW, DQ, VL and VNNI",
        }
    }

    /// Whether this machine has it.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            Isa::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_here()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("dotprod"),
            _ => false,
        }
    }

    /// What graphs are computed by: the fastest set, or the one that [`Self::choose`] was told.
    #[must_use]
    pub fn chosen() -> Self {
        let chosen = CHOSEN.load(Ordering::Relaxed);
        Self::ALL.into_iter().find(|isa| *isa as u8 == chosen).unwrap_or_else(Self::best)
    }

    /// Lets every context that is made from now on compute by this set. What is computed does not depend on it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): this machine does not have it.
    pub fn choose(self) -> Result<()> {
        if !self.is_here() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "isa",
                format!("this machine has not what `{}` needs: {}", self.name(), self.needs()),
            ));
        }
        CHOSEN.store(self as u8, Ordering::Relaxed);
        Ok(())
    }

    /// The set of a name.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument): there is none.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|isa| isa.name() == name);
        found.ok_or_else(|| Error::argument("isa", "it must be `scalar`, `neon`, `avx2` or `avx512`"))
    }

    /// The fastest that this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().rfind(|isa| isa.is_here()).unwrap_or(Isa::Scalar)
    }
}
