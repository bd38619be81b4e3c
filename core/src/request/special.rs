//! Control tokens written as text: a content that holds `<|im_end|>` could end its own turn
//! and begin another. Unless the caller says that it is meant, it is refused.

use std::collections::{HashMap, HashSet};

use super::{limits, Content};
use crate::error::{Error, Result};

impl Content {
    /// Refuses contents that hold the text of a control token, unless `parse_special` is set.
    /// `control_tokens` are the texts of the vocabulary's control tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming `messages[i].content`,
    /// `messages[i].role`, `tools` or `prompt`.
    pub fn check_special<'a>(&self, control_tokens: impl IntoIterator<Item = &'a str>) -> Result<()> {
        if self.parse_special {
            return Ok(());
        }
        let finder = Finder::new(control_tokens);
        for (field, text) in self.texts() {
            if finder.finds(text) {
                return Err(Error::argument(
                    field,
                    "holds the text of a control token: set parseSpecial if it is to be parsed as one",
                ));
            }
        }
        Ok(())
    }
}

/// Finds any of many short texts. A vocabulary is untrusted too, so the cost of a byte of text
/// is bounded by the number of different lengths, not of tokens.
struct Finder<'a> {
    tokens: HashSet<&'a [u8]>,
    /// For each first byte, the lengths of the tokens that begin with it.
    lengths: HashMap<u8, Vec<usize>>,
}

impl<'a> Finder<'a> {
    fn new(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        let mut finder = Finder { tokens: HashSet::new(), lengths: HashMap::new() };
        for token in tokens {
            // What is longer is no control token in earnest, and stands for itself by its start.
            let token = token.as_bytes();
            let token = token.get(..limits::CONTROL_TOKEN_BYTES).unwrap_or(token);
            let Some(first) = token.first() else { continue };
            let lengths = finder.lengths.entry(*first).or_default();
            if !lengths.contains(&token.len()) {
                lengths.push(token.len());
            }
            finder.tokens.insert(token);
        }
        finder
    }

    fn finds(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        bytes.iter().enumerate().any(|(at, first)| {
            let lengths = self.lengths.get(first).into_iter().flatten();
            lengths
                .filter_map(|length| bytes.get(at..at.checked_add(*length)?))
                .any(|part| self.tokens.contains(part))
        })
    }
}
