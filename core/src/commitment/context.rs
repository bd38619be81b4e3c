//! What a receipt is for: a job, and the receipt it follows.

use super::labels;
use crate::abi::{self, keccak_words, Word};
use crate::error::{Error, Result};
use crate::hex;
use crate::json::Object;

/// A receipt's `context`: zero, a hash whose inputs are somebody else's, or the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The field as it is; zero for nothing in particular.
    Hash(Word),
    /// What is hashed, disclosed beside the receipt.
    Inputs(ContextInputs),
}

impl Context {
    /// Of a receipt that is for nothing in particular.
    pub const NONE: Context = Context::Hash(abi::ZERO);

    /// The receipt's field.
    #[must_use]
    pub fn hash(&self) -> Word {
        match self {
            Context::Hash(hash) => *hash,
            Context::Inputs(inputs) => inputs.hash(),
        }
    }

    /// The inputs, where they are known.
    #[must_use]
    pub fn inputs(&self) -> Option<ContextInputs> {
        match self {
            Context::Hash(_) => None,
            Context::Inputs(inputs) => Some(*inputs),
        }
    }
}

/// What a receipt was made for; fields without use are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContextInputs {
    /// EIP-155 chain id, at most [`Self::MAX_CHAIN_ID`].
    pub chain_id: u64,
    /// The contract that settles the job.
    pub contract: [u8; 20],
    /// The job's id in that contract.
    pub job_id: Word,
    /// The EIP-712 digest of the receipt this one follows.
    pub previous_digest: Word,
}

impl ContextInputs {
    /// The largest chain id that a JSON number holds exactly.
    pub const MAX_CHAIN_ID: u64 = crate::receipt::Domain::MAX_CHAIN_ID;

    /// The receipt's `context` field.
    #[must_use]
    pub fn hash(&self) -> Word {
        keccak_words(&[
            labels::CONTEXT,
            abi::uint(self.chain_id),
            abi::address(&self.contract),
            self.job_id,
            self.previous_digest,
        ])
    }

    /// Whether both are for the same job, or both for none.
    #[must_use]
    pub fn same_job(&self, other: &ContextInputs) -> bool {
        ContextInputs { previous_digest: self.previous_digest, ..*other } == *self
    }

    /// # Errors
    /// Nothing but zeros, for which there is a context of its own, zero; a chain id beyond [`Self::MAX_CHAIN_ID`].
    pub(crate) fn check(&self, field: &str) -> Result<()> {
        if *self == ContextInputs::default() {
            return Err(Error::argument(field.to_owned(), "must name something, or be left out"));
        }
        match self.chain_id <= Self::MAX_CHAIN_ID {
            true => Ok(()),
            false => Err(Error::argument(
                format!("{field}.chainId"),
                format!("must be at most {}", Self::MAX_CHAIN_ID),
            )),
        }
    }

    /// Every member, in its one form.
    pub(crate) fn read(field: &str, mut object: Object) -> Result<Self> {
        let inputs = ContextInputs {
            chain_id: object.integer("chainId", Self::MAX_CHAIN_ID)?,
            contract: object.bytes("contract")?,
            job_id: object.bytes("jobId")?,
            previous_digest: object.bytes("previousDigest")?,
        };
        object.finish()?;
        inputs.check(field)?;
        Ok(inputs)
    }

    /// Name and text of each member but `chainId`, in order.
    pub(crate) fn words(&self) -> [(&'static str, String); 3] {
        [
            ("contract", hex::encode(&self.contract)),
            ("jobId", hex::encode(&self.job_id)),
            ("previousDigest", hex::encode(&self.previous_digest)),
        ]
    }
}
