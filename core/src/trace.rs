//! The trace: one leaf per output token, binding the token to a digest of the logits that
//! chose it. A replay recomputes the whole tree; a single leaf can be opened alone.

use serde_json::Value;

use crate::abi::{self, keccak_words, Word};
use crate::commitment::labels;
use crate::error::{Error, Result};
use crate::json::{self, Object, Ordered};
use crate::merkle::{self, Tree};
use crate::receipt::{Receipt, PROOF_LIMITS};
use crate::{ErrorKind, Token};

/// The digest of one position's logits: BLAKE3 of the raw `f32` values in vocabulary order,
/// each as 4 bytes little-endian.
#[must_use]
pub fn logits_digest(logits: &[f32]) -> Word {
    // Large enough that BLAKE3 hashes several of its 1 KiB chunks at once.
    const BLOCK: usize = 4096;
    let mut hasher = blake3::Hasher::new();
    let mut bytes = [0u8; BLOCK * 4];
    for block in logits.chunks(BLOCK) {
        for (four, logit) in bytes.chunks_exact_mut(4).zip(block) {
            four.copy_from_slice(&logit.to_le_bytes());
        }
        hasher.update(&bytes[..block.len() * 4]);
    }
    hasher.finalize().into()
}

/// One output token and the logits it was drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceLeaf {
    /// The token.
    pub token: Token,
    /// [`logits_digest`] of the logits at position promptCount + index - 1.
    pub digest: Word,
}

/// The salt of leaf `index`'s token under the trace salt.
#[must_use]
pub fn token_salt(trace_salt: &Word, index: u32) -> Word {
    keccak_words(&[labels::TRACE_TOKEN_SALT, *trace_salt, abi::uint(index)])
}

/// The salt of leaf `index`'s logits digest under the trace salt.
#[must_use]
pub fn digest_salt(trace_salt: &Word, index: u32) -> Word {
    keccak_words(&[labels::TRACE_DIGEST_SALT, *trace_salt, abi::uint(index)])
}

fn token_commitment(salt: &Word, token: Token) -> Word {
    keccak_words(&[labels::TRACE_TOKEN, *salt, abi::uint(token)])
}

fn digest_commitment(salt: &Word, digest: &Word) -> Word {
    keccak_words(&[labels::TRACE_DIGEST, *salt, *digest])
}

fn leaf_hash(index: u32, token_commitment: &Word, digest_commitment: &Word) -> Word {
    merkle::leaf(&[labels::TRACE_LEAF, abi::uint(index), *token_commitment, *digest_commitment])
}

/// The tree over an output's leaves.
#[derive(Debug, Clone)]
pub struct Trace {
    salt: Word,
    leaves: Vec<TraceLeaf>,
    tree: Tree,
}

/// What of a trace leaf a proof shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// The token. The digest stays hidden: with it, whoever has the model could confirm
    /// guesses of everything before the token.
    Token,
    /// The token and the logits digest.
    TokenAndDigest,
}

impl Trace {
    /// The tree over `leaves`, output token 0 first, under the trace salt
    /// ([`crate::commitment::Salts::trace`]).
    ///
    /// # Errors
    /// More than 2^32 - 1 leaves.
    pub fn new(trace_salt: Word, leaves: Vec<TraceLeaf>) -> Result<Self> {
        let hashes = (0u32..)
            .zip(&leaves)
            .map(|(index, leaf)| {
                let token = token_commitment(&token_salt(&trace_salt, index), leaf.token);
                let digest = digest_commitment(&digest_salt(&trace_salt, index), &leaf.digest);
                leaf_hash(index, &token, &digest)
            })
            .collect();
        Ok(Trace { salt: trace_salt, leaves, tree: Tree::new(labels::TRACE_ROOT, hashes)? })
    }

    /// The receipt's `trace` field.
    #[must_use]
    pub fn root(&self) -> Word {
        self.tree.root()
    }

    /// The proof of leaf `index`.
    ///
    /// # Errors
    /// `index` is not below the number of leaves.
    pub fn proof(&self, index: u32, show: Show) -> Result<TraceProof> {
        let siblings = self.tree.proof(index)?;
        let leaf = self.leaves.get(index as usize).ok_or_else(|| Error::argument("index", "no such leaf"))?;
        let digest = Opening::Open { value: leaf.digest, salt: digest_salt(&self.salt, index) };
        Ok(TraceProof {
            index,
            count: self.tree.count(),
            token: Opening::Open { value: leaf.token, salt: token_salt(&self.salt, index) },
            digest: match show {
                Show::Token => Opening::Closed(digest.commitment()),
                Show::TokenAndDigest => digest,
            },
            siblings,
        })
    }
}

/// A committed value, shown with its salt or not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening<T> {
    /// The value and its salt.
    Open {
        /// The value.
        value: T,
        /// Its salt.
        salt: Word,
    },
    /// The commitment alone.
    Closed(Word),
}

impl<T> Opening<T> {
    /// The value, if shown.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Opening::Open { value, .. } => Some(value),
            Opening::Closed(_) => None,
        }
    }
}

impl Opening<Token> {
    /// The token's commitment.
    #[must_use]
    pub fn commitment(&self) -> Word {
        match self {
            Opening::Open { value, salt } => token_commitment(salt, *value),
            Opening::Closed(commitment) => *commitment,
        }
    }
}

impl Opening<Word> {
    /// The logits digest's commitment.
    #[must_use]
    pub fn commitment(&self) -> Word {
        match self {
            Opening::Open { value, salt } => digest_commitment(salt, value),
            Opening::Closed(commitment) => *commitment,
        }
    }
}

/// That output token `index` of a receipt is what it is: a claim of the receipt's signer,
/// checked without a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceProof {
    /// Which output token, from 0.
    pub index: u32,
    /// How many leaves the tree has: the receipt's `outputCount`.
    pub count: u32,
    /// The token.
    pub token: Opening<Token>,
    /// The digest of the logits that chose it.
    pub digest: Opening<Word>,
    /// The siblings on the way to the root, lowest first.
    pub siblings: Vec<Word>,
}

/// The `type` of a [`TraceProof`] document.
pub const TRACE_PROOF_TYPE: &str = "attestlm/trace-proof-1";

impl TraceProof {
    /// Whether the proof leads to `receipt`'s trace root. The receipt's signature is not
    /// looked at here.
    ///
    /// # Errors
    /// What is wrong, [`ErrorKind::Receipt`].
    pub fn verify(&self, receipt: &Receipt) -> Result<()> {
        if self.count != receipt.output_count {
            return Err(Error::new(ErrorKind::Receipt, "count", "must be the receipt's outputCount"));
        }
        let leaf = leaf_hash(self.index, &self.token.commitment(), &self.digest.commitment());
        merkle::verify(&labels::TRACE_ROOT, &receipt.trace, self.count, self.index, &leaf, &self.siblings)
    }

    /// Reads a proof document.
    ///
    /// # Errors
    /// Anything but the one form of it, [`ErrorKind::Receipt`].
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::read(text).map_err(crate::receipt::malformed)
    }

    fn read(text: &[u8]) -> Result<Self> {
        let mut object = Object::new("", json::parse("trace proof", text, PROOF_LIMITS)?)?;
        crate::receipt::expect_text(&mut object, "type", TRACE_PROOF_TYPE)?;
        let index = object.uint32("index")?;
        let count = object.uint32("count")?;
        let mut token = object.object("token")?;
        let mut digest = object.object("digest")?;
        let proof = TraceProof {
            index,
            count,
            token: match closed(&mut token)? {
                Some(commitment) => Opening::Closed(commitment),
                None => Opening::Open { value: token.uint32("value")?, salt: token.bytes("salt")? },
            },
            digest: match closed(&mut digest)? {
                Some(commitment) => Opening::Closed(commitment),
                None => Opening::Open { value: digest.bytes("value")?, salt: digest.bytes("salt")? },
            },
            siblings: crate::receipt::words(&mut object, "siblings")?,
        };
        token.finish()?;
        digest.finish()?;
        object.finish()?;
        if proof.token.value().is_none() && proof.digest.value().is_none() {
            return Err(Error::argument("token", "neither it nor the digest is shown: that proves nothing"));
        }
        Ok(proof)
    }

    /// The proof document, canonical.
    ///
    /// # Errors
    /// None in practice; the writer's depth limit is never met.
    pub fn to_json(&self) -> Result<String> {
        let word = |word: &Word| Ordered::from(crate::hex::encode(word));
        fn member<T>(opening: &Opening<T>, print: impl Fn(&T) -> Ordered) -> Ordered {
            Ordered::Object(match opening {
                Opening::Open { value, salt } => {
                    vec![("value", print(value)), ("salt", crate::hex::encode(salt).into())]
                }
                Opening::Closed(commitment) => vec![("commitment", crate::hex::encode(commitment).into())],
            })
        }
        Ordered::Object(vec![
            ("type", TRACE_PROOF_TYPE.into()),
            ("index", self.index.into()),
            ("count", self.count.into()),
            ("token", member(&self.token, |token| Value::from(*token).into())),
            ("digest", member(&self.digest, word)),
            ("siblings", crate::receipt::word_list(&self.siblings)),
        ])
        .to_text()
    }
}

fn closed(object: &mut Object) -> Result<Option<Word>> {
    if object.has("commitment") {
        object.bytes("commitment").map(Some)
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_blake3_of_little_endian_floats() {
        for count in [0usize, 1, 4095, 4096, 4097, 10_000] {
            #[allow(clippy::cast_precision_loss)]
            let logits: Vec<f32> = (0..count).map(|i| i as f32 * -0.37).collect();
            let bytes: Vec<u8> = logits.iter().flat_map(|l| l.to_le_bytes()).collect();
            assert_eq!(logits_digest(&logits), *blake3::hash(&bytes).as_bytes());
        }
        // The sign of zero and the payload of a NaN are bits like any other.
        assert_ne!(logits_digest(&[0.0]), logits_digest(&[-0.0]));
    }

    #[test]
    fn proofs_open_what_they_are_asked_to() {
        let leaves: Vec<_> =
            (0..5u8).map(|i| TraceLeaf { token: 100 + u32::from(i), digest: [i; 32] }).collect();
        let trace = Trace::new([3; 32], leaves).unwrap();
        let receipt = Receipt { trace: trace.root(), output_count: 5, ..crate::receipt::tests::example() };
        for index in 0..5 {
            for show in [Show::Token, Show::TokenAndDigest] {
                let proof = trace.proof(index, show).unwrap();
                proof.verify(&receipt).unwrap();
                assert_eq!(proof.digest.value().is_some(), show == Show::TokenAndDigest);
                let text = proof.to_json().unwrap();
                assert_eq!(TraceProof::parse(text.as_bytes()).unwrap(), proof);

                let mut wrong = proof.clone();
                wrong.token = Opening::Open { value: 99, salt: [0; 32] };
                assert_eq!(wrong.verify(&receipt).unwrap_err().field(), "root");
                let mut wrong = proof.clone();
                wrong.count = 6;
                assert_eq!(wrong.verify(&receipt).unwrap_err().field(), "count");
                let mut wrong = proof.clone();
                wrong.index ^= 1;
                assert!(wrong.verify(&receipt).is_err());
            }
        }
        assert!(trace.proof(5, Show::Token).is_err());
    }

    #[test]
    fn documents_are_read_strictly() {
        let trace = Trace::new([3; 32], vec![TraceLeaf { token: 1, digest: [2; 32] }; 2]).unwrap();
        let text = trace.proof(1, Show::Token).unwrap().to_json().unwrap();
        for (from, to, field) in [
            ("\"count\": 2", "\"count\": -1", "count"),
            ("\"count\": 2", "\"count\": 2, \"extra\": 0", "extra"),
            ("\"commitment\"", "\"salt\": 0, \"commitment\"", "digest.salt"),
            ("trace-proof-1", "trace-proof-2", "type"),
            ("\"siblings\": [\"0x", "\"siblings\": [\"0X", "siblings"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = TraceProof::parse(text.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Receipt, field));
        }
    }
}
