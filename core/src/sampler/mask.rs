//! Which tokens a grammar lets through, as a bit set.

use crate::error::{Error, Result};
use crate::Token;

/// A set of allowed tokens: bit `token % 32` of word `token / 32` is 1 where `token` is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMask {
    words: Vec<u32>,
    n_vocab: usize,
}

impl TokenMask {
    /// Allows every token below `n_vocab`.
    #[must_use]
    pub fn allow_all(n_vocab: usize) -> Self {
        TokenMask { words: vec![u32::MAX; n_vocab.div_ceil(32)], n_vocab }
    }

    /// Denies every token below `n_vocab`.
    #[must_use]
    pub fn deny_all(n_vocab: usize) -> Self {
        TokenMask { words: vec![0; n_vocab.div_ceil(32)], n_vocab }
    }

    /// Takes over the words of a bit set. Bits at and above `n_vocab` are of no account.
    ///
    /// # Errors
    /// A number of words other than `n_vocab / 32`, rounded up.
    pub fn from_words(n_vocab: usize, words: Vec<u32>) -> Result<Self> {
        check_words(n_vocab, &words)?;
        Ok(TokenMask { words, n_vocab })
    }

    /// Copies the words of a bit set over this one, without allocating.
    ///
    /// # Errors
    /// A number of words other than `n_vocab / 32`, rounded up; the mask is unchanged.
    pub fn copy_from_words(&mut self, words: &[u32]) -> Result<()> {
        check_words(self.n_vocab, words)?;
        self.words.copy_from_slice(words);
        Ok(())
    }

    /// Allows `token`; one outside the vocabulary cannot be drawn and stays denied.
    pub fn allow(&mut self, token: Token) {
        if let Some((word, bit)) = self.position(token) {
            self.words[word] |= bit;
        }
    }

    /// Denies `token`.
    pub fn deny(&mut self, token: Token) {
        if let Some((word, bit)) = self.position(token) {
            self.words[word] &= !bit;
        }
    }

    /// Whether `token` is allowed; false outside the vocabulary.
    #[must_use]
    pub fn is_allowed(&self, token: Token) -> bool {
        self.position(token).is_some_and(|(word, bit)| self.words[word] & bit != 0)
    }

    /// Size of the vocabulary, in tokens.
    #[must_use]
    pub fn n_vocab(&self) -> usize {
        self.n_vocab
    }

    /// The words of the bit set, `n_vocab / 32` of them, rounded up.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    fn position(&self, token: Token) -> Option<(usize, u32)> {
        let token = token as usize;
        (token < self.n_vocab).then_some((token / 32, 1 << (token % 32)))
    }
}

fn check_words(n_vocab: usize, words: &[u32]) -> Result<()> {
    if words.len() == n_vocab.div_ceil(32) {
        return Ok(());
    }
    Err(Error::argument(
        "mask",
        format!("{} words of 32 bits cannot cover {n_vocab} tokens exactly", words.len()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_where_the_doc_says() {
        let mut mask = TokenMask::deny_all(40);
        mask.allow(0);
        mask.allow(33);
        mask.allow(40);
        assert_eq!(mask.words(), [1, 2]);
        assert!(mask.is_allowed(33) && !mask.is_allowed(34) && !mask.is_allowed(40));
        mask.deny(33);
        mask.deny(4000);
        assert_eq!(mask.words(), [1, 0]);
        assert!(!TokenMask::allow_all(40).is_allowed(40));
    }

    #[test]
    fn words_must_fit_the_vocabulary() {
        assert!(TokenMask::from_words(33, vec![0]).is_err());
        let mut mask = TokenMask::from_words(33, vec![0, u32::MAX]).unwrap();
        assert!(mask.is_allowed(32) && !mask.is_allowed(33));
        assert!(mask.copy_from_words(&[1, 2, 3]).is_err());
        mask.copy_from_words(&[1, 0]).unwrap();
        assert!(mask.is_allowed(0) && !mask.is_allowed(32));
    }
}
