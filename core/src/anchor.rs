//! Anchoring on a chain: the Merkle root of many receipts' digests, and the proof of each.
//!
//! The tree is that of OpenZeppelin's `StandardMerkleTree` over values of type `bytes32`, which contracts know: leaves
//! hashed twice and sorted, pairs sorted. It shows that a digest was anchored, not where it stood; inside a receipt
//! trees are positional ([`crate::merkle`]).

use crate::abi::{keccak256, keccak_words, Word};
use crate::error::{Error, Result};

/// The most receipts in one batch.
pub const MAX_RECEIPTS: usize = 1 << 20;

/// Digests anchored by one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// A binary heap: the root first, the children of node `i` at `2i + 1` and `2i + 2`, leaves at the end in falling order.
    nodes: Vec<Word>,
}

impl Batch {
    /// A batch of these digests, in any order; one given twice counts once.
    ///
    /// # Errors
    /// None, or more than [`MAX_RECEIPTS`].
    pub fn new(digests: &[Word]) -> Result<Self> {
        let mut leaves: Vec<Word> = digests.iter().map(leaf).collect();
        leaves.sort_unstable();
        leaves.dedup();
        let count = leaves.len();
        if count == 0 || count > MAX_RECEIPTS {
            return Err(Error::argument(
                "receipts",
                format!("{count} of them; a batch has 1 to {MAX_RECEIPTS}"),
            ));
        }
        let mut nodes = vec![[0; 32]; count - 1];
        nodes.extend(leaves.into_iter().rev());
        for i in (0..count - 1).rev() {
            nodes[i] = node(&nodes[2 * i + 1], &nodes[2 * i + 2]);
        }
        Ok(Batch { nodes })
    }

    /// What is anchored.
    #[must_use]
    pub fn root(&self) -> Word {
        self.nodes[0]
    }

    /// How many digests it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// Never: a batch has a digest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The siblings that lead from a digest to the root, if it is in the batch.
    #[must_use]
    pub fn proof(&self, digest: &Word) -> Option<Vec<Word>> {
        let leaf = leaf(digest);
        let leaves = &self.nodes[self.len() - 1..];
        // They fall.
        let place = leaves.binary_search_by(|other| leaf.cmp(other)).ok()?;
        let mut at = self.len() - 1 + place;
        let mut siblings = Vec::new();
        while at > 0 {
            siblings.push(self.nodes[if at.is_multiple_of(2) { at - 1 } else { at + 1 }]);
            at = (at - 1) / 2;
        }
        Some(siblings)
    }
}

/// Whether `proof` leads from a receipt's digest to an anchored root.
#[must_use]
pub fn check(root: &Word, digest: &Word, proof: &[Word]) -> bool {
    proof.iter().fold(leaf(digest), |below, sibling| node(&below, sibling)) == *root
}

fn leaf(digest: &Word) -> Word {
    keccak256(&keccak256(digest))
}

fn node(a: &Word, b: &Word) -> Word {
    keccak_words(&[*a.min(b), *a.max(b)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_batch_has_a_receipt() {
        assert_eq!(Batch::new(&[]).unwrap_err().field(), "receipts");
        let one = Batch::new(&[[7; 32], [7; 32]]).unwrap();
        assert_eq!((one.root(), one.proof(&[7; 32])), (leaf(&[7; 32]), Some(Vec::new())));
        assert_eq!(one.proof(&[8; 32]), None);
    }

    proptest! {
        #[test]
        fn every_digest_and_no_other_leads_to_the_root(
            digests in proptest::collection::vec(any::<[u8; 32]>(), 1..70), other in any::<[u8; 32]>(), at in any::<usize>()
        ) {
            let batch = Batch::new(&digests).unwrap();
            for digest in &digests {
                let proof = batch.proof(digest).unwrap();
                prop_assert!(check(&batch.root(), digest, &proof));
                prop_assert!(digests.contains(&other) || !check(&batch.root(), &other, &proof));
            }
            let mut turned = digests.clone();
            turned.rotate_left(at % digests.len());
            prop_assert_eq!(batch, Batch::new(&turned).unwrap());
        }
    }
}
