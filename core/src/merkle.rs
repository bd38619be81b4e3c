//! Positional Merkle trees: a proof shows not only that a leaf is in the tree, but where.
//!
//! Leaves are padded on the right with zero words to a power of two, nodes are
//! `keccak256(left || right)` without sorting, and the root binds label and count:
//! `keccak256(abi.encode(label, count, top))`. In a tree of sorted pairs two leaves with the
//! same index could both be proven; here the index decides every turn.

use crate::abi::{self, keccak_words, Word};
use crate::error::{Error, Result};

/// `keccak256(bytes.concat(keccak256(abi.encode(words…))))`. Hashed twice, so that no leaf of
/// two words can pass for an inner node.
#[must_use]
pub fn leaf(words: &[Word]) -> Word {
    keccak_words(&[keccak_words(words)])
}

fn node(left: &Word, right: &Word) -> Word {
    keccak_words(&[*left, *right])
}

/// ceil(log2(count)); 0 for one leaf and for none.
#[must_use]
pub fn depth(count: u32) -> u32 {
    u32::BITS - count.saturating_sub(1).leading_zeros()
}

/// The root of `count` leaves under `top`: the one leaf itself if there is one, zero if there
/// is none.
#[must_use]
pub fn root(label: &Word, count: u32, top: &Word) -> Word {
    keccak_words(&[*label, abi::uint(count), *top])
}

/// A tree, kept level by level so that proofs cost no hashing.
#[derive(Debug, Clone)]
pub struct Tree {
    label: Word,
    count: u32,
    /// From the leaves to the top; each level without its padding.
    levels: Vec<Vec<Word>>,
    /// The padding of each level: zero, and the hashes of pairs of it.
    padding: Vec<Word>,
}

impl Tree {
    /// The tree over `leaves`, its root under `label`.
    ///
    /// # Errors
    /// More than 2^32 - 1 leaves.
    pub fn new(label: Word, leaves: Vec<Word>) -> Result<Self> {
        let count = u32::try_from(leaves.len())
            .map_err(|_| Error::argument("leaves", "a tree has at most 2^32 - 1 leaves"))?;
        let mut levels = vec![leaves];
        let mut padding = vec![abi::ZERO];
        for k in 0..depth(count) as usize {
            let pad = padding[k];
            let up = levels[k].chunks(2).map(|pair| node(&pair[0], pair.get(1).unwrap_or(&pad))).collect();
            levels.push(up);
            padding.push(node(&pad, &pad));
        }
        Ok(Tree { label, count, levels, padding })
    }

    /// The number of leaves.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Word {
        let top = self.levels.last().and_then(|level| level.first()).unwrap_or(&abi::ZERO);
        root(&self.label, self.count, top)
    }

    /// The siblings of leaf `index`, lowest first: exactly [`depth`] of them.
    ///
    /// # Errors
    /// `index` is not below the count.
    pub fn proof(&self, index: u32) -> Result<Vec<Word>> {
        if index >= self.count {
            return Err(Error::argument("index", format!("must be below the count, {}", self.count)));
        }
        let below_top = self.levels.iter().zip(&self.padding).take(depth(self.count) as usize);
        Ok(below_top
            .enumerate()
            .map(|(k, (level, pad))| *level.get((index as usize >> k) ^ 1).unwrap_or(pad))
            .collect())
    }
}

/// Whether `leaf` is leaf `index` of the `count` leaves under `root`.
///
/// # Errors
/// What is wrong: the index is not below the count, the number of siblings is not the depth,
/// or they lead to another root.
pub fn verify(
    label: &Word,
    root: &Word,
    count: u32,
    index: u32,
    leaf: &Word,
    siblings: &[Word],
) -> Result<()> {
    let refuse = |field: &'static str, why: String| Err(Error::new(crate::ErrorKind::Receipt, field, why));
    if index >= count {
        return refuse("index", format!("must be below the count, {count}"));
    }
    let depth = depth(count);
    if siblings.len() != depth as usize {
        return refuse("siblings", format!("must be {depth} for {count} leaves, not {}", siblings.len()));
    }
    let mut top = *leaf;
    for (k, sibling) in siblings.iter().enumerate() {
        top = if index >> k & 1 == 1 { node(sibling, &top) } else { node(&top, sibling) };
    }
    if self::root(label, count, &top) == *root {
        Ok(())
    } else {
        refuse("root", "the proof leads to another root".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word for word: pad to the power of two, then hash pairs.
    fn naive_root(label: &Word, leaves: &[Word]) -> Word {
        let mut level = leaves.to_vec();
        level.resize(leaves.len().next_power_of_two(), abi::ZERO);
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
        }
        root(label, u32::try_from(leaves.len()).unwrap(), &level[0])
    }

    fn leaves(count: u32) -> Vec<Word> {
        (0..count).map(|i| leaf(&[abi::uint(i)])).collect()
    }

    #[test]
    fn depths() {
        let cases = [
            (0, 0),
            (1, 0),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 3),
            (1 << 31, 31),
            ((1 << 31) + 1, 32),
            (u32::MAX, 32),
        ];
        for (count, expected) in cases {
            assert_eq!(depth(count), expected, "{count}");
        }
    }

    #[test]
    fn small_trees() {
        let label = [9; 32];
        assert_eq!(Tree::new(label, vec![]).unwrap().root(), root(&label, 0, &abi::ZERO));
        assert_eq!(Tree::new(label, vec![[1; 32]]).unwrap().root(), root(&label, 1, &[1; 32]));
        assert!(Tree::new(label, vec![]).unwrap().proof(0).is_err());
        for count in 0..70 {
            let tree = Tree::new(label, leaves(count)).unwrap();
            assert_eq!(tree.root(), naive_root(&label, &leaves(count)), "{count}");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_proves_its_place_and_no_other(
            count in 1u32..70, label in any::<Word>(), at in any::<usize>(), bit in 0usize..256
        ) {
            let leaves = leaves(count);
            let tree = Tree::new(label, leaves.clone()).unwrap();
            let root = tree.root();
            let flip = |mut word: Word| { word[bit / 8] ^= 1 << (bit % 8); word };
            for index in 0..count {
                let siblings = tree.proof(index).unwrap();
                let leaf = leaves[index as usize];
                prop_assert!(verify(&label, &root, count, index, &leaf, &siblings).is_ok());
                for other in (0..count + 2).filter(|i| *i != index) {
                    prop_assert!(verify(&label, &root, count, other, &leaf, &siblings).is_err());
                }
                for other in (0..140).chain([u32::MAX]).filter(|c| *c != count) {
                    prop_assert!(verify(&label, &root, other, index, &leaf, &siblings).is_err());
                }
                prop_assert!(verify(&label, &root, count, index, &flip(leaf), &siblings).is_err());
                prop_assert!(verify(&flip(label), &root, count, index, &leaf, &siblings).is_err());
                prop_assert!(verify(&label, &flip(root), count, index, &leaf, &siblings).is_err());
                let mut longer = siblings.clone();
                longer.push(abi::ZERO);
                prop_assert!(verify(&label, &root, count, index, &leaf, &longer).is_err());
                if !siblings.is_empty() {
                    prop_assert!(verify(&label, &root, count, index, &leaf, &siblings[1..]).is_err());
                    let mut changed = siblings.clone();
                    let k = at % changed.len();
                    changed[k] = flip(changed[k]);
                    prop_assert!(verify(&label, &root, count, index, &leaf, &changed).is_err());
                }
            }
        }
    }
}
