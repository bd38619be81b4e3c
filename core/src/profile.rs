//! Execution profiles: what makes two runs the same.
//!
//! An *exact* profile promises that two machines with the same profile id compute the same logits,
//! bit for bit. The *tolerant* profile `fast-1` promises closeness only, on any machine: a replay
//! under it, or of it, never says `verified` or `diverged`.
//!
//! `exact-1` is ggml's batch-invariant reference path on x86-64-v3, behind a device of ours, with
//! compiler, C library and environment taken out (`core/engine/`): flash attention off, KV cache
//! f16, one stream for each sequence, full-size sliding-window cache, every numeric parameter left
//! to the model. Its id ends with the first 8 hex digits of the known-answer digest.
//!
//! `exact-2` is kernels of our own behind the same device (`docs/spec/numerics-2.md`), on whatever processor: its id names no
//! instruction set. It is what a model has that asks for no other, where there are kernels for its graph.

use crate::error::{Error, Result};

/// The version of the sys crate that carries the pinned llama.cpp.
pub const ENGINE: &str = "llama-cpp-sys-2-0.1.161";

/// The instruction set the engine is built for.
pub const INSTRUCTION_SET: &str = "x86-64-v3";

/// The short name of whichever exact profile a model has.
pub const EXACT: &str = "exact";

/// Whether this build was made so that exact profiles can be attested.
pub const CAN_ATTEST_EXACT: bool = cfg!(attestlm_exact);

/// The digest of every operation of the profile on synthetic tensors.
pub(crate) const KNOWN_OPERATIONS: [u8; 32] = [
    0x42, 0x81, 0x2c, 0x13, 0x71, 0xae, 0x03, 0xba, 0xb0, 0x8c, 0x64, 0x16, 0x56, 0x2d, 0x4f, 0xb6, 0xa8,
    0xbf, 0x0e, 0x92, 0x07, 0x19, 0x10, 0x4d, 0xcb, 0x47, 0xe1, 0x80, 0x71, 0x8c, 0x91, 0xb1,
];

/// The digest of the bundled model's logits over 300 positions.
pub(crate) const KNOWN_MODEL: [u8; 32] = [
    0xb2, 0xa7, 0x2a, 0x0f, 0x3f, 0xcf, 0x38, 0xfe, 0x16, 0x08, 0x0d, 0x04, 0x9b, 0xb2, 0xa4, 0x2c, 0x2e,
    0x23, 0x1c, 0x34, 0x91, 0xf5, 0x6f, 0x95, 0x75, 0x00, 0x46, 0x55, 0xe6, 0xa0, 0x15, 0x6b,
];

/// The digest of every operation of `exact-2` on synthetic tensors.
pub(crate) const KNOWN_OPERATIONS_2: [u8; 32] = [
    0x7c, 0xf9, 0x82, 0x4d, 0x3b, 0xab, 0xc1, 0xd3, 0xd4, 0x2b, 0x9d, 0xbf, 0x81, 0x9c, 0xb7, 0xa1, 0xcb,
    0x32, 0xd5, 0xee, 0x3f, 0x60, 0xde, 0x31, 0x75, 0x3a, 0xfc, 0x83, 0xd1, 0xf6, 0x38, 0xe4,
];

/// The digest of the bundled model's logits over 300 positions under `exact-2`.
pub(crate) const KNOWN_MODEL_2: [u8; 32] = [
    0x73, 0x37, 0x80, 0xb7, 0xea, 0x7c, 0xea, 0x0e, 0x99, 0x2f, 0x89, 0x5c, 0xe8, 0x59, 0x84, 0xf7, 0xa5,
    0x7e, 0x60, 0x8a, 0x05, 0xeb, 0x63, 0x9a, 0x13, 0xf3, 0x03, 0x5b, 0xf6, 0xfb, 0x6e, 0x55,
];

/// An execution profile this release can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Bit-exact on x86-64-v3, by ggml's reference path.
    Exact1,
    /// Bit-exact on every machine, by kernels of our own.
    Exact2,
    /// Stock kernels, at stock speed; close, not equal.
    Fast1,
}

impl Profile {
    /// Every profile of this release.
    pub const ALL: [Profile; 3] = [Profile::Exact1, Profile::Exact2, Profile::Fast1];

    /// The exact ones, the preferred first.
    pub const EXACT: [Profile; 2] = [Profile::Exact2, Profile::Exact1];

    /// The profile's short name: `exact-1`, `exact-2` or `fast`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Profile::Exact2 => "exact-2",
            Profile::Exact1 => "exact-1",
            Profile::Fast1 => "fast",
        }
    }

    /// Reads one of [`Self::choices`]; `None` is [`EXACT`].
    ///
    /// # Errors
    /// Any other text.
    pub fn from_choice(name: &str) -> Result<Option<Self>> {
        let named = Self::ALL.into_iter().find(|profile| profile.name() == name);
        if named.is_none() && name != EXACT {
            return Err(Error::argument("profile", "it must be `exact`, `exact-1`, `exact-2` or `fast`"));
        }
        Ok(named)
    }

    /// What options and terms may say: every short name, and [`EXACT`] for whichever exact profile it is.
    #[must_use]
    pub fn choices() -> [&'static str; 4] {
        let [a, b, c] = Self::ALL.map(Profile::name);
        [EXACT, a, b, c]
    }

    /// The readable id; the receipt carries its keccak256.
    #[must_use]
    pub fn id(self) -> String {
        match self {
            Profile::Exact2 => format!("{ENGINE}/exact-2/{}", tail(&KNOWN_OPERATIONS_2, &KNOWN_MODEL_2)),
            Profile::Exact1 => {
                format!("{ENGINE}/{INSTRUCTION_SET}/exact-1/{}", tail(&KNOWN_OPERATIONS, &KNOWN_MODEL))
            }
            Profile::Fast1 => format!("{ENGINE}/{INSTRUCTION_SET}/fast-1"),
        }
    }

    /// keccak256 of the id: the receipt's `profile`.
    #[must_use]
    pub fn hash(self) -> [u8; 32] {
        crate::abi::keccak256(self.id().as_bytes())
    }

    /// Whether the profile promises equal bits.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self != Profile::Fast1
    }
}

/// Under which profile to compute.
#[cfg(feature = "engine")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The one to take.
    pub first: Profile,
    /// The one to take where the first has no kernel for an operation of the graph.
    pub otherwise: Option<Profile>,
}

#[cfg(feature = "engine")]
impl From<Profile> for Choice {
    fn from(only: Profile) -> Self {
        Choice { first: only, otherwise: None }
    }
}

/// What an exact profile's id ends with: 8 hex digits of its known answers.
fn tail(operations: &[u8; 32], model: &[u8; 32]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(operations);
    hasher.update(model);
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// `profiles` (each `name`, `id`, `hash`) and `knownAnswerTest`: null if this machine passes it, or why not.
#[must_use]
pub fn to_json() -> serde_json::Value {
    use serde_json::json;
    let profiles: Vec<_> = Profile::ALL
        .into_iter()
        .map(|p| json!({ "name": p.name(), "id": p.id(), "hash": crate::hex::encode(&p.hash()) }))
        .collect();
    json!({ "profiles": profiles, "knownAnswerTest": check_machine().err().as_ref().map(Error::to_json) })
}

/// Whether this machine computes what the exact profiles promise.
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): a processor or a build that cannot, or a failed
/// known-answer test.
pub fn check_machine() -> Result<()> {
    #[cfg(feature = "engine")]
    {
        use crate::engine::{cpu, known_answer};
        // Without the instructions the engine is built for, the test would end the process.
        cpu::check_instruction_set()?;
        Profile::EXACT.into_iter().try_for_each(known_answer::check)
    }
    #[cfg(not(feature = "engine"))]
    Err(Error::new(crate::ErrorKind::Unsupported, "engine", "this build has none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receipts carry the hash of the id: another one is another profile (docs/adr/0008-what-is-frozen.md).
    #[test]
    fn the_exact_profiles_are_frozen() {
        assert_eq!(Profile::Exact1.id(), "llama-cpp-sys-2-0.1.161/x86-64-v3/exact-1/47a037c2");
        assert_eq!(Profile::Exact2.id(), "llama-cpp-sys-2-0.1.161/exact-2/8525a8fc");
    }
}
