//! The tokenizer's metadata.

use super::meta::{missing, Meta};
use super::model_error;
use super::reader::first_duplicate;
use super::value::{Array, Value};
use crate::{Result, Token};
use std::borrow::Cow;
use std::collections::HashSet;

/// The tokenizer's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenizerKind {
    /// `gpt2`: byte-level byte-pair encoding.
    Bpe,
    /// `llama`: SentencePiece, merging by score.
    SentencePiece,
}

/// What a validated model says about its tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenizerHeader {
    /// Algorithm.
    pub kind: TokenizerKind,
    /// `tokenizer.ggml.pre`: how text is split before byte-pair encoding.
    pub pre: Option<String>,
    /// Number of tokens.
    pub vocabulary: u32,
    /// Beginning of sequence.
    pub bos: Option<Token>,
    /// End of sequence.
    pub eos: Token,
    /// End of turn, if the file names it.
    pub eot: Option<Token>,
    /// Whether a text begins with [`bos`](Self::bos).
    pub add_bos: bool,
    /// Whether a text ends with [`eos`](Self::eos).
    pub add_eos: bool,
    /// Whether llama.cpp splits text with `std::regex`, whose recursion grows with the length of
    /// a run of like characters: long texts must then be tokenized in pieces or on a large stack.
    pub recursive_split: bool,
    /// Whether that takes time quadratic in the length of a run of digits or white space.
    pub quadratic_split: bool,
}

const MAX_VOCABULARY: usize = 1 << 20;
const MAX_TOKEN_BYTES: usize = 65_536;

/// Pre-tokenizers with a hand-written splitter, or whose regular expressions hold no repetition
/// outside it. `true`: adds BOS unless told otherwise.
const PLAIN: [(&str, bool); 42] = [
    ("llama3", true),
    ("llama-v3", true),
    ("llama-bpe", true),
    ("falcon3", true),
    ("falcon-h1", true),
    ("pixtral", true),
    ("midm-2.0", true),
    ("lfm2", true),
    ("dbrx", false),
    ("smaug-bpe", false),
    ("gpt-2", false),
    ("phi-2", false),
    ("gigachat", false),
    ("a.x-4.0", false),
    ("mellum", false),
    ("exaone4", false),
    ("mpt", false),
    ("olmo", false),
    ("jais", false),
    ("trillion", false),
    ("granite-docling", false),
    ("stablelm2", false),
    ("qwen2", false),
    ("deepseek-r1-qwen", false),
    ("kormo", false),
    ("megrez", false),
    ("hunyuan", false),
    ("solar-open", false),
    ("qwen35", false),
    ("kimi-k2", false),
    ("starcoder", false),
    ("refact", false),
    ("command-r", false),
    ("smollm", false),
    ("codeshell", false),
    ("exaone", false),
    ("minerva-7b", false),
    ("mellum2", false),
    ("chatglm-bpe", false),
    ("glm4", false),
    ("glm5", false),
    ("grok-2", false),
];

/// Pre-tokenizers split with `std::regex`. `true`: adds BOS unless told otherwise.
const RECURSIVE: [(&str, bool); 29] = [
    ("default", false),
    ("minicpm5", false),
    ("deepseek-llm", false),
    ("deepseek-coder", false),
    ("deepseek-v3", false),
    ("spark2_5", false),
    ("youtu", false),
    ("falcon", false),
    ("poro-chat", false),
    ("viking", false),
    ("minimax-m2", false),
    ("jais-2", false),
    ("tekken", true),
    ("bloom", false),
    ("gpt3-finnish", false),
    ("exaone-moe", false),
    ("chameleon", true),
    ("gpt-4o", false),
    ("llama4", false),
    ("kanana2", false),
    ("superbpe", false),
    ("bailingmoe", false),
    ("bailingmoe2", false),
    ("seed-coder", false),
    ("hunyuan-dense", false),
    ("joyai-llm", false),
    ("afmoe", false),
    ("tiny_aya", false),
    ("talkie", false),
];

/// Those of [`RECURSIVE`] with a pattern that is tried, at every character of a run, up to the run's
/// end: `\s+$` (deepseek-llm), `\s*[\r\n]+` before 512 spaces at most (jais-2), and a lookahead over
/// all further digits (superbpe).
const QUADRATIC: [&str; 3] = ["deepseek-llm", "jais-2", "superbpe"];

pub(super) fn validate(meta: &Meta<'_>) -> Result<TokenizerHeader> {
    let model_key = "tokenizer.ggml.model";
    let kind = match meta.need_string(model_key)? {
        "gpt2" => TokenizerKind::Bpe,
        "llama" => TokenizerKind::SentencePiece,
        other => {
            let shown: String = other.chars().take(40).collect();
            let message = format!("tokenizer {shown:?} is not supported; supported are gpt2 and llama");
            return Err(model_error(model_key, message));
        }
    };
    let tokens = tokens(meta)?;
    check_scores(meta, kind, tokens.len())?;
    check_types(meta, &tokens)?;
    let set: HashSet<&str> = tokens.iter().map(AsRef::as_ref).collect();
    let pre = meta.string("tokenizer.ggml.pre")?;
    let (recursive_split, default_add_bos) = match kind {
        TokenizerKind::Bpe => {
            check_merges(meta, &set)?;
            check_bytes(&set, |byte| byte_level(byte).to_string())?;
            let key = "tokenizer.ggml.pre";
            let pre = pre.ok_or_else(|| missing(key))?;
            let find = |list: &[(&str, bool)]| list.iter().find(|(name, _)| *name == pre).map(|p| p.1);
            match (find(&PLAIN), find(&RECURSIVE)) {
                (Some(add_bos), _) => (false, add_bos),
                (None, Some(add_bos)) => (true, add_bos),
                (None, None) => return Err(model_error(key, "this pre-tokenizer is unknown")),
            }
        }
        TokenizerKind::SentencePiece => {
            // Without them, text outside the vocabulary throws an exception in C++.
            check_bytes(&set, |byte| format!("<0x{byte:02X}>"))?;
            (false, true)
        }
    };
    for key in ["add_space_prefix", "remove_extra_whitespaces", "add_sep_token"] {
        meta.bool(&format!("tokenizer.ggml.{key}"))?;
    }
    meta.u32("tokenizer.ggml.token_type_count", 0..=u32::MAX)?;

    let vocabulary = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    let special = |name: &str| {
        let key = format!("tokenizer.ggml.{name}_token_id");
        meta.u32(&key, 0..=vocabulary - 1)
    };
    for name in ["eom", "unknown", "seperator", "padding", "cls", "mask", "prefix", "suffix", "middle"] {
        special(name)?;
    }
    for name in ["pre", "suf", "mid", "pad", "rep", "sep"] {
        special(&format!("fim_{name}"))?;
    }
    let bos = special("bos")?;
    // llama.cpp would otherwise fall back to ids of some other model's vocabulary.
    let eos = special("eos")?.ok_or_else(|| missing("tokenizer.ggml.eos_token_id"))?;
    let add_bos = meta.bool("tokenizer.ggml.add_bos_token")?.unwrap_or(default_add_bos);
    if add_bos && bos.is_none() {
        let message = "missing, but texts must begin with this token";
        return Err(model_error("tokenizer.ggml.bos_token_id", message));
    }
    Ok(TokenizerHeader {
        kind,
        pre: pre.map(str::to_owned),
        vocabulary,
        bos,
        eos,
        eot: special("eot")?,
        add_bos,
        add_eos: meta.bool("tokenizer.ggml.add_eos_token")?.unwrap_or(false),
        recursive_split,
        quadratic_split: recursive_split && pre.is_some_and(|pre| QUADRATIC.contains(&pre)),
    })
}

/// The tokens as llama.cpp sees them: an empty one gets a name of its own. It asserts that no
/// two are equal.
fn tokens<'a>(meta: &Meta<'a>) -> Result<Vec<Cow<'a, str>>> {
    let key = "tokenizer.ggml.tokens";
    let raw = meta.strings(key)?.ok_or_else(|| missing(key))?;
    if raw.is_empty() || raw.len() > MAX_VOCABULARY {
        let message = format!("{} tokens; must be from 1 to {MAX_VOCABULARY}", raw.len());
        return Err(model_error(key, message));
    }
    let mut tokens = Vec::with_capacity(raw.len());
    for (i, token) in raw.iter().enumerate() {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(model_error(key, format!("token {i} is longer than {MAX_TOKEN_BYTES} bytes")));
        }
        if token.contains('\0') {
            return Err(model_error(key, format!("token {i} holds a NUL character")));
        }
        tokens.push(if token.is_empty() {
            Cow::Owned(format!("[EMPTY_{i}]"))
        } else {
            Cow::Borrowed(token.as_str())
        });
    }
    if let Some(i) = first_duplicate(tokens.iter().map(|t| t.as_bytes())) {
        return Err(model_error(key, format!("token {i} equals an earlier token")));
    }
    Ok(tokens)
}

fn check_scores(meta: &Meta<'_>, kind: TokenizerKind, n: usize) -> Result<()> {
    let key = "tokenizer.ggml.scores";
    let len = match meta.0.metadata(key) {
        None if kind == TokenizerKind::Bpe => return Ok(()),
        None => return Err(missing(key)),
        Some(Value::Array(Array::F32(scores))) => {
            if !scores.iter().all(|s| s.is_finite()) {
                return Err(model_error(key, "a score is not finite"));
            }
            scores.len()
        }
        Some(Value::Array(Array::I32(scores))) => scores.len(),
        Some(_) => return Err(model_error(key, "must be an array of float32 or int32")),
    };
    same_length(key, len, n)
}

fn same_length(key: &'static str, len: usize, n: usize) -> Result<()> {
    if len == n {
        Ok(())
    } else {
        Err(model_error(key, format!("{len} elements for {n} tokens")))
    }
}

/// Token types: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
fn check_types(meta: &Meta<'_>, tokens: &[Cow<'_, str>]) -> Result<()> {
    let key = "tokenizer.ggml.token_type";
    let types = match meta.0.metadata(key) {
        None => return Ok(()),
        Some(Value::Array(Array::I32(types))) => types,
        Some(_) => return Err(model_error(key, "must be an array of int32")),
    };
    same_length(key, types.len(), tokens.len())?;
    for (i, (&ty, token)) in types.iter().zip(tokens).enumerate() {
        if !(1..=6).contains(&ty) {
            return Err(model_error(key, format!("token {i} has type {ty}; must be from 1 to 6")));
        }
        if ty == 6 && !is_byte_token(token) {
            return Err(model_error(key, format!("token {i} is a byte token without the form <0xFF>")));
        }
    }
    Ok(())
}

fn is_byte_token(token: &str) -> bool {
    let hex = token.strip_prefix("<0x").and_then(|t| t.strip_suffix('>'));
    hex.is_some_and(|h| h.len() == 2 && h.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn check_bytes(tokens: &HashSet<&str>, form: impl Fn(u8) -> String) -> Result<()> {
    for byte in 0..=u8::MAX {
        if !tokens.contains(form(byte).as_str()) {
            let message = format!("no token stands for the byte 0x{byte:02x}: some text has no encoding");
            return Err(model_error("tokenizer.ggml.tokens", message));
        }
    }
    Ok(())
}

/// The character that stands for a byte in byte-level BPE: printable Latin-1 as it is, the rest
/// from U+0100 on, in order.
fn byte_level(byte: u8) -> char {
    let printable = |b: u8| matches!(b, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    if printable(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&b| !printable(b)).count();
    u32::try_from(before).ok().and_then(|n| char::from_u32(0x100 + n)).unwrap_or('\u{fffd}')
}

fn check_merges(meta: &Meta<'_>, tokens: &HashSet<&str>) -> Result<()> {
    let key = "tokenizer.ggml.merges";
    let merges = meta.strings(key)?.ok_or_else(|| missing(key))?;
    let mut merged = String::new();
    for (i, merge) in merges.iter().enumerate() {
        let fail = |message: &str| Err(model_error(key, format!("merge {i} {message}")));
        let Some((left, right)) = merge.split_once(' ') else {
            return fail("is not two parts separated by a space");
        };
        if left.is_empty() || right.is_empty() || right.contains(' ') || merge.contains('\0') {
            return fail("is not two parts separated by a space");
        }
        merged.clear();
        merged.push_str(left);
        merged.push_str(right);
        // The engine would silently drop what it merged into no token.
        if !tokens.contains(merged.as_str()) {
            return fail("makes something that is not a token");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_map_as_in_gpt2() {
        // From the vocabulary published with GPT-2: Ġ is the space, Ċ the newline.
        for (byte, c) in [(b' ', 'Ġ'), (b'\n', 'Ċ'), (0, 'Ā'), (b'!', '!'), (0x7f, 'ġ'), (0xad, 'Ń')] {
            assert_eq!(byte_level(byte), c);
        }
        let all: HashSet<char> = (0..=u8::MAX).map(byte_level).collect();
        assert_eq!(all.len(), 256);
    }

    #[test]
    fn byte_tokens_have_two_hex_digits() {
        assert!(is_byte_token("<0x0A>"));
        for token in ["<0xA>", "<0x0A", "0x0A", "<0x0AA>", "<0xZZ>", "<0x+A>", ""] {
            assert!(!is_byte_token(token), "{token}");
        }
    }

    #[test]
    fn pre_tokenizers_are_listed_once() {
        let all: HashSet<&str> = PLAIN.iter().chain(&RECURSIVE).map(|p| p.0).collect();
        assert_eq!(all.len(), PLAIN.len() + RECURSIVE.len());
        assert!(QUADRATIC.iter().all(|pre| RECURSIVE.iter().any(|(name, _)| name == pre)));
    }
}
