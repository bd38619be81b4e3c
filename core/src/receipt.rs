//! The receipt: a flat EIP-712 struct that binds model, numerics, sampler, prompt and output.
//!
//! [`Receipt`] is what is signed, [`Document`] the JSON that travels, [`Disclosure`] what a
//! verifier needs besides. `docs/spec/receipt-1.md` is the whole format.

use serde_json::Value;

use crate::abi::{self, Word};
use crate::error::{Error, Result};
use crate::hex;
use crate::json::{Limits, Object, Ordered};
use crate::ErrorKind;

mod check;
mod disclosure;
mod document;
mod eip712;
mod history;
pub mod sampler_record;
mod shown;

pub use check::{check_commitments, Compared, Mismatch};
pub use disclosure::{Disclosure, LaterSampler, Secrets, SeedDisclosure, SomeSalts};
pub use document::{Document, Signature, DOCUMENT_LIMITS, MAX_SIGNATURE};
pub use eip712::{Domain, DOMAIN_NAME, DOMAIN_VERSION};
pub use history::History;
pub use shown::Shown;

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The output was generated under a sampling policy.
    Generated = 0,
    /// The output was given; only its logits are claimed.
    Scored = 1,
}

/// Why the output ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Finish {
    /// An end-of-generation token, the output's last.
    EndOfGeneration = 0,
    /// A stop string, whose tokens are part of the output.
    StopString = 1,
    /// `maxTokens` was reached.
    MaxTokens = 2,
    /// The grammar allows nothing more.
    GrammarEnd = 3,
    /// Prompt and output fill the context.
    ContextFull = 4,
    /// The caller cancelled: only the prefix is claimed.
    Cancelled = 5,
    /// A scored output does not end by itself.
    Scored = 255,
}

impl Finish {
    /// The name used in texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Finish::EndOfGeneration => "end of generation",
            Finish::StopString => "stop string",
            Finish::MaxTokens => "max tokens",
            Finish::GrammarEnd => "grammar end",
            Finish::ContextFull => "context full",
            Finish::Cancelled => "cancelled",
            Finish::Scored => "scored",
        }
    }

    /// A finish of a generated receipt by its name, written with spaces or hyphens, or by its number.
    ///
    /// # Errors
    /// Any other text.
    pub fn from_name(text: &str) -> Result<Self> {
        let by_number = text.parse::<u8>().ok().and_then(|number| Finish::try_from(number).ok());
        let name = text.replace('-', " ");
        let mut known = (0..=u8::MAX).filter_map(|number| Finish::try_from(number).ok());
        by_number
            .or_else(|| known.find(|finish| finish.name() == name))
            .filter(|finish| *finish != Finish::Scored)
            .ok_or_else(|| {
                Error::argument(
                    "finish",
                    "expected 0 to 5, or end-of-generation, stop-string, max-tokens, grammar-end, context-full \
                     or cancelled",
                )
            })
    }
}

impl TryFrom<u8> for Kind {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self> {
        match value {
            0 => Ok(Kind::Generated),
            1 => Ok(Kind::Scored),
            _ => Err(Error::new(ErrorKind::Receipt, "kind", "must be 0 (generated) or 1 (scored)")),
        }
    }
}

impl TryFrom<u8> for Finish {
    type Error = Error;

    fn try_from(value: u8) -> Result<Self> {
        Ok(match value {
            0 => Finish::EndOfGeneration,
            1 => Finish::StopString,
            2 => Finish::MaxTokens,
            3 => Finish::GrammarEnd,
            4 => Finish::ContextFull,
            5 => Finish::Cancelled,
            255 => Finish::Scored,
            _ => return Err(Error::new(ErrorKind::Receipt, "finish", "must be 0 to 5, or 255 when scored")),
        })
    }
}

/// The signed statement, in the order of its EIP-712 type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// What is claimed.
    pub kind: Kind,
    /// SHA-256 of the GGUF file.
    pub model: Word,
    /// SHA-256 of the LoRA GGUF, or zero.
    pub adapter: Word,
    /// keccak256 of the execution profile's id.
    pub profile: Word,
    /// [`sampler_record::hash`] of the sampling policy; zero when scored.
    pub sampler: Word,
    /// [`crate::commitment::seed`]; zero when greedy or scored.
    pub seed: Word,
    /// [`crate::commitment::request`].
    pub request: Word,
    /// [`crate::commitment::prompt`], over every token from position 0 to the first output
    /// token.
    pub prompt: Word,
    /// [`crate::commitment::output`].
    pub output: Word,
    /// Root of the [`crate::trace::Trace`].
    pub trace: Word,
    /// [`crate::steps::root`]; zero when scored.
    pub steps: Word,
    /// Number of prompt tokens.
    pub prompt_count: u32,
    /// Number of output tokens.
    pub output_count: u32,
    /// Why the output ended.
    pub finish: Finish,
    /// Unix time in seconds.
    pub issued_at: u64,
    /// [`crate::commitment::ContextInputs::hash`], or zero.
    pub context: Word,
    /// The account whose signature counts.
    pub signer: [u8; 20],
}

/// Bytes of [`Receipt::abi_encode`].
pub const ABI_BYTES: usize = 17 * 32;
/// Bytes of [`Receipt::packed`].
pub const PACKED_BYTES: usize = 390;

impl Receipt {
    /// The 17 words, as `abi.encode` gives them.
    #[must_use]
    pub fn words(&self) -> [Word; 17] {
        [
            abi::uint(self.kind as u8),
            self.model,
            self.adapter,
            self.profile,
            self.sampler,
            self.seed,
            self.request,
            self.prompt,
            self.output,
            self.trace,
            self.steps,
            abi::uint(self.prompt_count),
            abi::uint(self.output_count),
            abi::uint(self.finish as u8),
            abi::uint(self.issued_at),
            self.context,
            abi::address(&self.signer),
        ]
    }

    /// `abi.encode` of the struct.
    #[must_use]
    pub fn abi_encode(&self) -> [u8; ABI_BYTES] {
        let mut bytes = [0; ABI_BYTES];
        for (place, word) in bytes.chunks_exact_mut(32).zip(self.words()) {
            place.copy_from_slice(&word);
        }
        bytes
    }

    /// Every field at its own width, without padding (`abi.encodePacked` of the fields).
    #[must_use]
    pub fn packed(&self) -> [u8; PACKED_BYTES] {
        let mut bytes = [0; PACKED_BYTES];
        let mut rest = bytes.as_mut_slice();
        for (word, width) in self.words().iter().zip(WIDTHS) {
            let (place, tail) = rest.split_at_mut(width);
            place.copy_from_slice(&word[32 - width..]);
            rest = tail;
        }
        bytes
    }

    /// Reads [`Receipt::abi_encode`]'s bytes.
    ///
    /// # Errors
    /// Another length, a value too wide for its field, an unknown kind or finish.
    pub fn from_abi(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != ABI_BYTES {
            return Err(Error::new(ErrorKind::Receipt, "receipt", format!("must be {ABI_BYTES} bytes")));
        }
        let mut words = [abi::ZERO; 17];
        for (word, place) in words.iter_mut().zip(bytes.chunks_exact(32)) {
            word.copy_from_slice(place);
        }
        for ((word, width), (_, name)) in words.iter().zip(WIDTHS).zip(eip712::RECEIPT_FIELDS) {
            if word[..32 - width].iter().any(|b| *b != 0) {
                return Err(Error::new(ErrorKind::Receipt, *name, "the value is too wide for the field"));
            }
        }
        Self::from_words(&words)
    }

    /// Reads [`Receipt::packed`]'s bytes.
    ///
    /// # Errors
    /// Another length, an unknown kind or finish.
    pub fn from_packed(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != PACKED_BYTES {
            return Err(Error::new(ErrorKind::Receipt, "receipt", format!("must be {PACKED_BYTES} bytes")));
        }
        let mut words = [abi::ZERO; 17];
        let mut rest = bytes;
        for (word, width) in words.iter_mut().zip(WIDTHS) {
            let (place, tail) = rest.split_at(width);
            word[32 - width..].copy_from_slice(place);
            rest = tail;
        }
        Self::from_words(&words)
    }

    /// `words` must already be no wider than their fields.
    fn from_words(words: &[Word; 17]) -> Result<Self> {
        fn tail<const N: usize>(word: &Word) -> [u8; N] {
            let mut bytes = [0; N];
            bytes.copy_from_slice(&word[32 - N..]);
            bytes
        }
        let w = words;
        Ok(Receipt {
            kind: Kind::try_from(w[0][31])?,
            model: w[1],
            adapter: w[2],
            profile: w[3],
            sampler: w[4],
            seed: w[5],
            request: w[6],
            prompt: w[7],
            output: w[8],
            trace: w[9],
            steps: w[10],
            prompt_count: u32::from_be_bytes(tail(&w[11])),
            output_count: u32::from_be_bytes(tail(&w[12])),
            finish: Finish::try_from(w[13][31])?,
            issued_at: u64::from_be_bytes(tail(&w[14])),
            context: w[15],
            signer: tail(&w[16]),
        })
    }

    /// The rules that need nothing but the receipt: which fields must be zero, which must not,
    /// and how kind, finish and counts go together.
    ///
    /// # Errors
    /// The first field at fault, [`ErrorKind::Receipt`]; the verdict is `invalid`.
    pub fn check_form(&self) -> Result<()> {
        let refuse = |field: &'static str, why: &str| Err(Error::new(ErrorKind::Receipt, field, why));
        let never_zero = [
            ("model", &self.model),
            ("profile", &self.profile),
            ("request", &self.request),
            ("prompt", &self.prompt),
            ("output", &self.output),
            ("trace", &self.trace),
        ];
        for (field, word) in never_zero {
            if *word == abi::ZERO {
                return refuse(field, "must not be zero");
            }
        }
        if self.signer == [0; 20] {
            return refuse("signer", "must not be zero");
        }
        if self.prompt_count == 0 {
            return refuse("promptCount", "must not be 0: the first output token needs a position before it");
        }
        if self.prompt_count.checked_add(self.output_count).is_none() {
            return refuse("outputCount", "promptCount + outputCount must fit a uint32");
        }
        match self.kind {
            Kind::Generated => {
                if self.sampler == abi::ZERO {
                    return refuse("sampler", "must not be zero for a generated output");
                }
                if self.steps == abi::ZERO {
                    return refuse("steps", "must not be zero for a generated output");
                }
                match self.finish {
                    Finish::Scored => refuse("finish", "must be 0 to 5 for a generated output"),
                    Finish::Cancelled => Ok(()),
                    _ if self.output_count == 0 => {
                        refuse("outputCount", "must not be 0 unless the output was cancelled")
                    }
                    _ => Ok(()),
                }
            }
            Kind::Scored => {
                for (field, word) in
                    [("sampler", &self.sampler), ("seed", &self.seed), ("steps", &self.steps)]
                {
                    if *word != abi::ZERO {
                        return refuse(field, "must be zero for a scored output");
                    }
                }
                if self.finish != Finish::Scored {
                    return refuse("finish", "must be 255 for a scored output");
                }
                if self.output_count == 0 {
                    return refuse("outputCount", "must not be 0 for a scored output");
                }
                Ok(())
            }
        }
    }

    /// Whether prompt and output fill a context of `context_tokens`. With
    /// [`Finish::ContextFull`] they do; where they do, nothing of lower rank
    /// ([`Finish::MaxTokens`], [`Finish::Cancelled`]) is the finish.
    #[must_use]
    pub fn fills_context(&self, context_tokens: u32) -> bool {
        u64::from(self.prompt_count) + u64::from(self.output_count) == u64::from(context_tokens)
    }
}

/// Bytes of each field, in order.
const WIDTHS: [usize; 17] = [1, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 4, 4, 1, 8, 32, 20];

/// What a proof document may cost to read. A step may hold a whole long answer.
pub const PROOF_LIMITS: Limits = Limits { max_bytes: 64 << 20, max_depth: 4, max_values: 256 };

/// An error of reading, as one about a receipt, disclosure or proof.
pub(crate) fn malformed(error: Error) -> Error {
    Error::new(ErrorKind::Receipt, error.field().to_owned(), error.message())
}

/// Takes the member `key`, which must be the string `text`.
pub(crate) fn expect_text(object: &mut Object, key: &'static str, text: &str) -> Result<()> {
    if object.string(key)? == text {
        Ok(())
    } else {
        Err(Error::argument(object.path(key), format!("must be {text:?}")))
    }
}

/// Takes an array of 32-byte words.
pub(crate) fn words(object: &mut Object, key: &'static str) -> Result<Vec<Word>> {
    let path = object.path(key);
    object.string_array(key)?.iter().map(|text| hex::decode_array(&path, text)).collect()
}

/// An array of 32-byte words, one a line.
pub(crate) fn word_list(words: &[Word]) -> Ordered {
    Ordered::Plain(Value::from(words.iter().map(|word| hex::encode(word)).collect::<Vec<_>>()))
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
pub(crate) mod tests;
