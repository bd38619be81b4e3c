//! The vocabulary: text to tokens and back, byte for byte.

use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::weights::Weights;
use crate::error::{Error, ErrorKind, Result};
use crate::Token;

/// The longest text tokenized at once.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// How llama.cpp splits text before byte-pair encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// With `std::regex`, whose recursion grows with the text: such texts are shorter and get a stack
    /// of their own.
    pub recursive: bool,
    /// In time quadratic in a run of digits or white space: such runs are short.
    pub quadratic: bool,
}

/// Stack per byte of text for `std::regex`: three times the 323 that were measured with every one of
/// llama.cpp's patterns (libstdc++ 12, gcc, -O3).
const RECURSIVE_STACK_PER_BYTE: usize = 1024;
/// Stack for everything else the tokenizer does.
const RECURSIVE_STACK_BASE: usize = 1 << 20;
/// Up to this many bytes of text `std::regex` runs on the caller's stack, in about 40 KiB of it.
const RECURSIVE_ON_CALLER: usize = 128;
/// The longest text split recursively: 1 GiB of stack, of which a third is ever touched.
const RECURSIVE_MAX_TEXT_BYTES: usize = 1 << 20;
/// The longest run of digits or of white space where splitting is quadratic: a text of the longest
/// length then takes half a minute at worst, where one run of that length takes hours.
const QUADRATIC_MAX_RUN: usize = 512;

/// A model's vocabulary, with every token's bytes read once.
///
/// The bytes of a token are its piece, control tokens included: nothing a model produces is
/// invisible.
pub struct Vocab {
    weights: Arc<Weights>,
    /// The bytes of all tokens, one after the other, and where each ends: a vocabulary of boxes would take
    /// several times as much memory.
    pieces: Vec<u8>,
    ends: Vec<u32>,
    eog: Vec<Token>,
    control: Vec<Token>,
    bos: Option<Token>,
    eos: Option<Token>,
    add_bos: bool,
    split: Split,
}

impl Vocab {
    /// Reads the vocabulary, whose texts are split as `split` says.
    pub(crate) fn read(weights: &Arc<Weights>, split: Split) -> Result<Self> {
        let vocab = weights.vocab_ptr();
        // SAFETY: the vocabulary lives as long as the weights.
        let n = unsafe { sys::llama_vocab_n_tokens(vocab) };
        let (mut pieces, mut ends) = (Vec::new(), Vec::new());
        let (mut eog, mut control) = (Vec::new(), Vec::new());
        for id in 0..n {
            pieces.extend_from_slice(&piece(vocab, id)?);
            let too_long = |_| Error::new(ErrorKind::Model, "tokenizer.ggml.tokens", "longer than 4 GiB");
            ends.push(u32::try_from(pieces.len()).map_err(too_long)?);
            let token = Token::try_from(id).unwrap_or_default();
            // SAFETY: id is below n_tokens.
            unsafe {
                if sys::llama_vocab_is_eog(vocab, id) {
                    eog.push(token);
                }
                if sys::llama_vocab_is_control(vocab, id) {
                    control.push(token);
                }
            }
        }
        // SAFETY: plain queries; a missing token is LLAMA_TOKEN_NULL (-1).
        let (bos, eos, add_bos) = unsafe {
            (
                Token::try_from(sys::llama_vocab_bos(vocab)).ok(),
                Token::try_from(sys::llama_vocab_eos(vocab)).ok(),
                sys::llama_vocab_get_add_bos(vocab),
            )
        };
        pieces.shrink_to_fit();
        ends.shrink_to_fit();
        Ok(Vocab { weights: Arc::clone(weights), pieces, ends, eog, control, bos, eos, add_bos, split })
    }

    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the vocabulary is empty (it never is for a loaded model).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of a token; empty beyond the vocabulary.
    #[must_use]
    pub fn piece(&self, token: Token) -> &[u8] {
        let token = token as usize;
        let begin =
            token.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let end = self.ends.get(token).map_or(begin, |end| *end as usize);
        self.pieces.get(begin..end).unwrap_or_default()
    }

    /// The bytes of a list of tokens.
    #[must_use]
    pub fn detokenize(&self, tokens: &[Token]) -> Vec<u8> {
        tokens.iter().flat_map(|t| self.piece(*t)).copied().collect()
    }

    /// End-of-generation tokens, sorted.
    #[must_use]
    pub fn eog(&self) -> &[Token] {
        &self.eog
    }

    /// Whether the token ends the generation.
    #[must_use]
    pub fn is_eog(&self, token: Token) -> bool {
        self.eog.binary_search(&token).is_ok()
    }

    /// Control tokens, sorted.
    #[must_use]
    pub fn control(&self) -> &[Token] {
        &self.control
    }

    /// The beginning-of-sequence token.
    #[must_use]
    pub fn bos(&self) -> Option<Token> {
        self.bos
    }

    /// The text of the beginning-of-sequence token, or nothing.
    #[must_use]
    pub fn bos_text(&self) -> String {
        self.bos.map_or_else(String::new, |t| String::from_utf8_lossy(self.piece(t)).into_owned())
    }

    /// The text of the end-of-sequence token, or nothing.
    #[must_use]
    pub fn eos_text(&self) -> String {
        self.eos.map_or_else(String::new, |t| String::from_utf8_lossy(self.piece(t)).into_owned())
    }

    /// Rule `attestlm/tokenize-1`: the text's tokens, special-token text parsed as tokens; the
    /// beginning-of-sequence token is put in front if the vocabulary asks for it and the text does
    /// not already begin with it.
    ///
    /// # Errors
    /// A text above [`MAX_TEXT_BYTES`], or one llama.cpp cannot tokenize.
    pub fn tokenize(&self, text: &str) -> Result<Vec<Token>> {
        let mut tokens = self.tokenize_plain(text)?;
        if let (true, Some(bos)) = (self.add_bos, self.bos) {
            if tokens.first() != Some(&bos) {
                tokens.insert(0, bos);
            }
        }
        Ok(tokens)
    }

    /// The text's tokens with nothing put in front, special-token text parsed as tokens: how a
    /// continuation is read.
    ///
    /// # Errors
    /// As [`Self::tokenize`].
    pub fn tokenize_plain(&self, text: &str) -> Result<Vec<Token>> {
        let refused = |why: String| Error::argument("prompt", why);
        let limit = if self.split.recursive { RECURSIVE_MAX_TEXT_BYTES } else { MAX_TEXT_BYTES };
        if text.len() > limit {
            return Err(refused(format!("{} bytes, more than the limit of {limit}", text.len())));
        }
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if self.split.quadratic && has_long_run(text) {
            return Err(refused(format!(
                "more than {QUADRATIC_MAX_RUN} digits or spaces in a row, which this model's tokenizer cannot \
                 split in reasonable time"
            )));
        }
        if !self.split.recursive || text.len() <= RECURSIVE_ON_CALLER {
            return self.tokenize_here(text);
        }
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(RECURSIVE_STACK_BASE + text.len() * RECURSIVE_STACK_PER_BYTE)
                .spawn_scoped(scope, || self.tokenize_here(text))
                .map_err(|e| refused(format!("no stack for the tokenizer: {e}")))?
                .join()
                .map_err(|_| Error::new(ErrorKind::Internal, "prompt", "the tokenizer panicked"))?
        })
    }

    fn tokenize_here(&self, text: &str) -> Result<Vec<Token>> {
        let refused = |why: String| Error::argument("prompt", why);
        let length = i32::try_from(text.len()).map_err(|_| refused("too long".into()))?;
        // A token covers at least one byte, but normalizers may add a few of their own.
        let mut tokens = vec![0i32; text.len() + 16];
        for _ in 0..2 {
            let capacity = i32::try_from(tokens.len()).map_err(|_| refused("too long".into()))?;
            // SAFETY: pointer and length describe `text`; the buffer holds `capacity` tokens.
            let n = unsafe {
                sys::llama_tokenize(
                    self.weights.vocab_ptr(),
                    text.as_ptr().cast(),
                    length,
                    tokens.as_mut_ptr(),
                    capacity,
                    false,
                    true,
                )
            };
            match usize::try_from(n) {
                Ok(n) => {
                    return tokens
                        .iter()
                        .take(n)
                        .map(|t| {
                            Token::try_from(*t).map_err(|_| refused("text outside the vocabulary".into()))
                        })
                        .collect();
                }
                Err(_) if n == i32::MIN => return Err(refused("too many tokens".into())),
                // A negative answer is the size needed.
                Err(_) => tokens.resize(usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX), 0),
            }
        }
        Err(Error::new(ErrorKind::Internal, "prompt", "the tokenizer asked for more room twice"))
    }
}

/// Whether more than [`QUADRATIC_MAX_RUN`] digits, or white-space characters, follow each other.
fn has_long_run(text: &str) -> bool {
    let (mut digits, mut spaces) = (0, 0);
    text.chars().any(|c| {
        digits = if c.is_numeric() { digits + 1 } else { 0 };
        spaces = if c.is_whitespace() { spaces + 1 } else { 0 };
        digits.max(spaces) > QUADRATIC_MAX_RUN
    })
}

fn piece(vocab: *const sys::llama_vocab, token: i32) -> Result<Box<[u8]>> {
    let mut buffer = vec![0u8; 64];
    for _ in 0..2 {
        let capacity = i32::try_from(buffer.len()).unwrap_or(i32::MAX);
        // SAFETY: the buffer holds `capacity` bytes; lstrip 0 keeps every space.
        let n =
            unsafe { sys::llama_token_to_piece(vocab, token, buffer.as_mut_ptr().cast(), capacity, 0, true) };
        match usize::try_from(n) {
            Ok(n) => {
                buffer.truncate(n);
                return Ok(buffer.into_boxed_slice());
            }
            Err(_) => buffer.resize(usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX), 0),
        }
    }
    Err(Error::new(ErrorKind::Model, "tokenizer.ggml.tokens", format!("token {token} has no text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_are_found_wherever_they_stand() {
        let run = |c: &str, n: usize| format!("a{}b", c.repeat(n));
        for c in ["1", "٣", " ", "\n", "\u{3000}"] {
            assert!(!has_long_run(&run(c, QUADRATIC_MAX_RUN)), "{c:?}");
            assert!(has_long_run(&run(c, QUADRATIC_MAX_RUN + 1)), "{c:?}");
        }
        assert!(!has_long_run(&"1 ".repeat(QUADRATIC_MAX_RUN * 2)));
        assert!(!has_long_run(&run("x", QUADRATIC_MAX_RUN * 2)));
    }
}
