//! Salted commitments: what a receipt says about texts, tokens and seeds without showing
//! them. `docs/spec/receipt-1.md` gives every layout.
//!
//! All salts come from one nonce of 32 bytes. Whoever has the nonce can check every
//! commitment, and two nodes given the same request and nonce make the same ones; whoever
//! lacks it cannot even confirm a guess.

use sha3::{Digest, Keccak256};

use crate::abi::{self, keccak256, keccak_words, Word};
use crate::error::{Error, Result};
use crate::policy::SeedRule;
use crate::Token;

mod context;
pub mod labels;

pub use context::{Context, ContextInputs};

/// The salts of one output of a request, each of which can be disclosed alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salts {
    /// Of the request's bytes; the same for every stream.
    pub request: Word,
    /// Of the prompt's tokens; the same for every stream.
    pub prompt: Word,
    /// Of the output's tokens.
    pub output: Word,
    /// Of the trace; the salts of its leaves derive from it.
    pub trace: Word,
    /// Of the steps; the salts of their texts derive from it.
    pub steps: Word,
    /// Of the seed.
    pub seed: Word,
}

impl Salts {
    /// The salts of stream `stream` (the choice's index when n > 1, else 0).
    ///
    /// # Errors
    /// An all-zero `nonce`: a value everybody guesses hides nothing.
    pub fn derive(nonce: &Word, stream: u32) -> Result<Self> {
        check_nonce(nonce)?;
        let key = keccak_words(&[labels::STREAM, *nonce, abi::uint(stream)]);
        Ok(Salts {
            request: keccak_words(&[labels::REQUEST_SALT, *nonce]),
            prompt: keccak_words(&[labels::PROMPT_SALT, *nonce]),
            output: keccak_words(&[labels::OUTPUT_SALT, key]),
            trace: keccak_words(&[labels::TRACE_SALT, key]),
            steps: keccak_words(&[labels::STEPS_SALT, key]),
            seed: keccak_words(&[labels::SEED_SALT, key]),
        })
    }
}

/// The nonce of item `item` of a batch whose request carries `nonce`.
///
/// # Errors
/// An all-zero `nonce`.
pub fn item_nonce(nonce: &Word, item: u64) -> Result<Word> {
    check_nonce(nonce)?;
    Ok(keccak_words(&[labels::ITEM, *nonce, abi::uint(item)]))
}

fn check_nonce(nonce: &Word) -> Result<()> {
    if *nonce == abi::ZERO {
        return Err(Error::argument("nonce", "must not be all zero"));
    }
    Ok(())
}

/// The commitment to the canonical request, RFC 8785 bytes
/// ([`crate::json::canonicalize`]).
#[must_use]
pub fn request(salt: &Word, canonical: &[u8]) -> Word {
    bytes(labels::REQUEST, salt, canonical)
}

/// The commitment to the prompt's tokens.
#[must_use]
pub fn prompt(salt: &Word, tokens: &[Token]) -> Word {
    token_list(labels::PROMPT, salt, tokens)
}

/// The commitment to the output's tokens.
#[must_use]
pub fn output(salt: &Word, tokens: &[Token]) -> Word {
    token_list(labels::OUTPUT, salt, tokens)
}

/// `keccak256(abi.encode(label, salt, keccak256(bytes)))`.
#[must_use]
pub fn bytes(label: Word, salt: &Word, bytes: &[u8]) -> Word {
    keccak_words(&[label, *salt, keccak256(bytes)])
}

/// `keccak256(abi.encode(label, salt, uint256 count, keccak256(tokens)))`, the tokens as
/// 4-byte big-endian integers, packed.
#[must_use]
pub fn token_list(label: Word, salt: &Word, tokens: &[Token]) -> Word {
    let mut hasher = Keccak256::new();
    for token in tokens {
        hasher.update(token.to_be_bytes());
    }
    keccak_words(&[label, *salt, abi::uint(tokens.len() as u64), hasher.finalize().into()])
}

/// The commitment to a seed, its stream and what its rule was fed.
#[must_use]
pub fn seed(salt: &Word, seed: &Word, stream: u32, inputs: &SeedRuleInputs) -> Word {
    keccak_words(&[labels::SEED, *salt, *seed, abi::uint(stream), inputs.hash()])
}

/// What the rule that made a seed was fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedRuleInputs {
    /// Rule 0: the seed was given.
    Given,
    /// Rule 1: entropy of the client, and a secret to whose hash the provider had committed.
    Commitment {
        /// The client's 32 random bytes, sent after it saw `keccak256(provider_secret)`.
        client_entropy: Word,
        /// The provider's 32 random bytes, used for one request only.
        provider_secret: Word,
    },
    /// Rule 2: a public beacon; every node that has the job draws the same seed.
    Beacon {
        /// The receipt's `context`, which names the job.
        context: Word,
        /// The beacon's value.
        beacon: Word,
    },
}

impl SeedRuleInputs {
    /// The rule these are inputs of.
    #[must_use]
    pub fn rule(&self) -> SeedRule {
        match self {
            SeedRuleInputs::Given => SeedRule::Given,
            SeedRuleInputs::Commitment { .. } => SeedRule::Commitment,
            SeedRuleInputs::Beacon { .. } => SeedRule::Beacon,
        }
    }

    /// The seed that the rule makes of them; none for rule 0, whose seed is free.
    #[must_use]
    pub fn seed(&self) -> Option<Word> {
        match self {
            SeedRuleInputs::Given => None,
            SeedRuleInputs::Commitment { client_entropy, provider_secret } => {
                Some(keccak_words(&[labels::SEED_RULE_1, *client_entropy, *provider_secret]))
            }
            SeedRuleInputs::Beacon { context, beacon } => {
                Some(keccak_words(&[labels::SEED_RULE_2, *context, *beacon]))
            }
        }
    }

    /// `ruleInputsHash`: zero for rule 0.
    #[must_use]
    pub fn hash(&self) -> Word {
        let (a, b) = match self {
            SeedRuleInputs::Given => return abi::ZERO,
            SeedRuleInputs::Commitment { client_entropy, provider_secret } => {
                (client_entropy, provider_secret)
            }
            SeedRuleInputs::Beacon { context, beacon } => (context, beacon),
        };
        keccak_words(&[labels::SEED_INPUTS, abi::uint(self.rule() as u8), *a, *b])
    }
}

/// What a provider, who signs as `signer`, publishes before it sees the client's entropy (seed rule 1). In another's name it
/// is no promise: whoever copied it would know the secret only once it is spent.
#[must_use]
pub fn provider_commitment(signer: &[u8; 20], provider_secret: &Word) -> Word {
    keccak_words(&[labels::PROVIDER, abi::address(signer), *provider_secret])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_all_zero_nonce_is_refused() {
        assert_eq!(Salts::derive(&[0; 32], 0).unwrap_err().field(), "nonce");
        assert_eq!(item_nonce(&[0; 32], 0).unwrap_err().field(), "nonce");
        assert_ne!(item_nonce(&[1; 32], 0).unwrap(), item_nonce(&[1; 32], 1).unwrap());
    }

    #[test]
    fn streams_share_request_and_prompt_salts_only() {
        let (a, b) = (Salts::derive(&[1; 32], 0).unwrap(), Salts::derive(&[1; 32], 1).unwrap());
        assert_eq!((a.request, a.prompt), (b.request, b.prompt));
        let all =
            [a.request, a.prompt, a.output, a.trace, a.steps, a.seed, b.output, b.trace, b.steps, b.seed];
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
    }

    proptest! {
        #[test]
        fn another_list_or_salt_is_another_commitment(
            mut tokens in proptest::collection::vec(any::<u32>(), 1..20), at in any::<usize>(), salt in any::<[u8; 32]>()
        ) {
            let whole = prompt(&salt, &tokens);
            prop_assert_ne!(whole, output(&salt, &tokens));
            let mut other = salt;
            other[at % 32] ^= 1;
            prop_assert_ne!(whole, prompt(&other, &tokens));
            let at = at % tokens.len();
            tokens[at] ^= 1;
            prop_assert_ne!(whole, prompt(&salt, &tokens));
            tokens[at] ^= 1;
            tokens.push(0);
            prop_assert_ne!(whole, prompt(&salt, &tokens));
        }

        #[test]
        fn rules_bind_every_input(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
            prop_assume!(a != b);
            let one = SeedRuleInputs::Commitment { client_entropy: a, provider_secret: b };
            let swapped = SeedRuleInputs::Commitment { client_entropy: b, provider_secret: a };
            let two = SeedRuleInputs::Beacon { context: a, beacon: b };
            for (x, y) in [(one, swapped), (one, two)] {
                prop_assert_ne!(x.seed(), y.seed());
                prop_assert_ne!(x.hash(), y.hash());
            }
            let (one, two) = ([1; 20], [2; 20]);
            prop_assert_eq!(provider_commitment(&one, &a) == provider_commitment(&one, &b), a == b);
            prop_assert_ne!(provider_commitment(&one, &a), provider_commitment(&two, &a));
        }
    }
}
