//! The vocabulary: text to tokens and back, byte for byte.

use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::weights::Weights;
use crate::error::{Error, ErrorKind, Result};
use crate::Token;

/// The longest text tokenized at once.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// Stack for tokenizers that recurse once per character (see [`Vocab::read`]).
const RECURSIVE_STACK: usize = 1 << 30;
/// The longest text for them: 1,024 bytes of stack a character.
const RECURSIVE_MAX_TEXT_BYTES: usize = 1 << 20;

/// A model's vocabulary, with every token's bytes read once.
///
/// The bytes of a token are its piece, control tokens included: nothing a model produces is
/// invisible.
pub struct Vocab {
    weights: Arc<Weights>,
    pieces: Vec<Box<[u8]>>,
    eog: Vec<Token>,
    control: Vec<Token>,
    bos: Option<Token>,
    eos: Option<Token>,
    add_bos: bool,
    recursive_split: bool,
}

impl Vocab {
    /// Reads the vocabulary. `recursive_split`: llama.cpp splits text for this tokenizer with
    /// `std::regex`, whose recursion grows with the text; such texts are shorter and get a stack of
    /// their own.
    pub(crate) fn read(weights: &Arc<Weights>, recursive_split: bool) -> Result<Self> {
        let vocab = weights.vocab_ptr();
        // SAFETY: the vocabulary lives as long as the weights.
        let n = unsafe { sys::llama_vocab_n_tokens(vocab) };
        let (mut pieces, mut eog, mut control) = (Vec::new(), Vec::new(), Vec::new());
        for id in 0..n {
            pieces.push(piece(vocab, id)?);
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
        Ok(Vocab { weights: Arc::clone(weights), pieces, eog, control, bos, eos, add_bos, recursive_split })
    }

    /// Number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether the vocabulary is empty (it never is for a loaded model).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The bytes of a token; empty beyond the vocabulary.
    #[must_use]
    pub fn piece(&self, token: Token) -> &[u8] {
        self.pieces.get(token as usize).map_or(&[], |p| p)
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
        let limit = if self.recursive_split { RECURSIVE_MAX_TEXT_BYTES } else { MAX_TEXT_BYTES };
        if text.len() > limit {
            return Err(refused(format!("{} bytes, more than the limit of {limit}", text.len())));
        }
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if !self.recursive_split || text.len() < 4096 {
            return self.tokenize_here(text);
        }
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .stack_size(RECURSIVE_STACK)
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
