//! The vocabulary as the matcher needs it: a trie over the tokens' bytes.

use super::Limits;
use crate::{Error, Result, Token};

/// A node of the trie; nodes lie in depth-first order.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrieNode {
    pub(super) byte: u8,
    /// Bytes from the root, >= 1.
    pub(super) depth: u16,
    /// Index of the first node behind this one's subtree.
    pub(super) skip: u32,
    /// The tokens that end here, a range of `GrammarVocab::ids`.
    pub(super) first: u32,
    pub(super) last: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Text,
    /// Ends the generation; allowed where the grammar may end.
    Eog,
    /// Never allowed: a control token, or one that spells nothing.
    Never,
}

/// A model's vocabulary, prepared once per model for any number of grammars.
pub struct GrammarVocab {
    pub(super) trie: Vec<TrieNode>,
    pub(super) ids: Vec<Token>,
    pub(super) max_depth: usize,
    pub(super) eog: Vec<Token>,
    roles: Vec<Role>,
    bytes: Vec<u8>,
    /// Where each token's bytes begin in `bytes`; one more entry than tokens.
    offsets: Vec<u32>,
}

impl GrammarVocab {
    /// Prepares the vocabulary whose token `i` spells `tokens[i]`.
    ///
    /// `eog` are the end-of-generation tokens: allowed where the grammar may end, and never as
    /// text. `control` tokens, and tokens that spell nothing, are never allowed, unless in `eog`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Argument`] if the vocabulary is empty or larger than 2^24 tokens or
    /// 2^30 bytes, a token is longer than 4,096 bytes, or an id lies outside the vocabulary.
    pub fn new(tokens: &[Vec<u8>], eog: &[Token], control: &[Token]) -> Result<GrammarVocab> {
        let field = "vocabulary";
        if tokens.is_empty() || tokens.len() > 1 << 24 {
            return Err(Error::argument(field, "a vocabulary has 1 to 2^24 tokens"));
        }
        let mut offsets = vec![0u32];
        let mut bytes = Vec::new();
        for token in tokens {
            if token.len() > Limits::TOKEN_BYTES || bytes.len() + token.len() > 1 << 30 {
                return Err(Error::argument(
                    field,
                    "a token is longer than 4,096 bytes, or all are longer than 2^30",
                ));
            }
            bytes.extend_from_slice(token);
            offsets.push(u32::try_from(bytes.len()).map_err(|_| Error::argument(field, "too many bytes"))?);
        }
        let mut roles: Vec<Role> =
            tokens.iter().map(|t| if t.is_empty() { Role::Never } else { Role::Text }).collect();
        for (list, role) in [(control, Role::Never), (eog, Role::Eog)] {
            for &id in list {
                match roles.get_mut(id as usize) {
                    Some(slot) => *slot = role,
                    None => {
                        return Err(Error::argument(field, format!("token {id} is outside the vocabulary")))
                    }
                }
            }
        }
        let mut eog = eog.to_vec();
        eog.sort_unstable();
        eog.dedup();

        let mut sorted: Vec<(&[u8], Token)> = (0..)
            .zip(tokens)
            .filter(|(id, _): &(Token, _)| roles.get(*id as usize) == Some(&Role::Text))
            .map(|(id, t)| (t.as_slice(), id))
            .collect();
        sorted.sort_unstable();
        let (trie, ids) = build_trie(&sorted).ok_or_else(|| Error::argument(field, "too many bytes"))?;
        let max_depth = sorted.iter().map(|t| t.0.len()).max().unwrap_or(0);
        Ok(GrammarVocab { trie, ids, max_depth, eog, roles, bytes, offsets })
    }

    /// Number of tokens.
    #[must_use]
    pub fn size(&self) -> usize {
        self.roles.len()
    }

    /// Number of `u32` words of a mask over this vocabulary.
    #[must_use]
    pub fn mask_words(&self) -> usize {
        self.size().div_ceil(32)
    }

    /// What the token is and the bytes it spells; `None` outside the vocabulary.
    pub(super) fn token(&self, id: Token) -> Option<(Role, &[u8])> {
        let id = id as usize;
        let (&from, &to) = (self.offsets.get(id)?, self.offsets.get(id + 1)?);
        Some((*self.roles.get(id)?, self.bytes.get(from as usize..to as usize)?))
    }
}

impl std::fmt::Debug for GrammarVocab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrammarVocab").field("size", &self.size()).field("nodes", &self.trie.len()).finish()
    }
}

/// `sorted` by bytes, then id. `None` if an index leaves 32 bits.
fn build_trie(sorted: &[(&[u8], Token)]) -> Option<(Vec<TrieNode>, Vec<Token>)> {
    let mut trie: Vec<TrieNode> = Vec::new();
    let mut ids = Vec::with_capacity(sorted.len());
    let mut path: Vec<usize> = Vec::new();
    let mut previous: &[u8] = &[];
    for &(bytes, id) in sorted {
        let shared = previous.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        let here = u32::try_from(trie.len()).ok()?;
        for closed in path.drain(shared.min(path.len())..) {
            trie.get_mut(closed)?.skip = here;
        }
        for (depth, &byte) in (1u16..).zip(bytes).skip(shared) {
            let at = u32::try_from(ids.len()).ok()?;
            path.push(trie.len());
            trie.push(TrieNode { byte, depth, skip: 0, first: at, last: at });
        }
        ids.push(id);
        trie.get_mut(*path.last()?)?.last = u32::try_from(ids.len()).ok()?;
        previous = bytes;
    }
    let end = u32::try_from(trie.len()).ok()?;
    for closed in path {
        trie.get_mut(closed)?.skip = end;
    }
    Some((trie, ids))
}
