//! A byte-level BPE vocabulary of any size: the 256 bytes, merges of lower-case letters with or
//! without a leading space, and three special tokens at the end.

use crate::write::{Gguf, Value};

const BOS: &str = "<|begin|>";
const TURN: &str = "<|im_start|>";
const EOS: &str = "<|im_end|>";

/// ChatML in our own words.
const TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n\
{{ message.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

pub(crate) fn add(gguf: &mut Gguf, size: u32) {
    assert!(size >= 259, "a vocabulary needs 256 bytes and 3 special tokens");
    let mut tokens: Vec<String> = (0..=u8::MAX).map(|b| byte_char(b).to_string()).collect();
    let merges = merges(size as usize - 259);
    tokens.extend(merges.iter().map(|m| m.replace(' ', "")));
    let mut types = vec![1; tokens.len()];
    for special in [BOS, TURN, EOS] {
        tokens.push(special.to_owned());
        types.push(3);
    }
    gguf.set("tokenizer.ggml.model", "gpt2");
    gguf.set("tokenizer.ggml.pre", "qwen2");
    gguf.set("tokenizer.ggml.tokens", Value::Strings(tokens));
    gguf.set("tokenizer.ggml.token_type", Value::I32s(types));
    gguf.set("tokenizer.ggml.merges", Value::Strings(merges));
    gguf.set("tokenizer.ggml.bos_token_id", size - 3);
    gguf.set("tokenizer.ggml.eos_token_id", size - 1);
    gguf.set("tokenizer.ggml.add_bos_token", false);
    gguf.set("tokenizer.chat_template", TEMPLATE);
}

/// The first `n` merges of: space and a letter, two letters, a two-letter token (with or without
/// a space) and a letter, and so on. No string is made twice.
fn merges(n: usize) -> Vec<String> {
    let letters: Vec<String> = ('a'..='z').map(String::from).collect();
    let mut merges = Vec::new();
    let mut level: Vec<String> = std::iter::once("Ġ".to_owned()).chain(letters.iter().cloned()).collect();
    while merges.len() < n {
        let mut next = Vec::new();
        for left in &level {
            for right in &letters {
                if merges.len() == n {
                    return merges;
                }
                merges.push(format!("{left} {right}"));
                next.push(format!("{left}{right}"));
            }
        }
        level = next;
    }
    merges
}

/// The character that stands for a byte in GPT-2's byte-level BPE.
fn byte_char(byte: u8) -> char {
    let printable = |b: &u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if printable(&byte) {
        return byte.into();
    }
    let rank = (0..byte).filter(|b| !printable(b)).count();
    char::from_u32(256 + u32::try_from(rank).expect("below 256")).expect("a valid character")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn merges_build_on_tokens_already_made() {
        let merges = merges(40_000);
        let mut tokens: HashSet<String> = (0..=u8::MAX).map(|b| byte_char(b).to_string()).collect();
        assert_eq!(tokens.len(), 256);
        for merge in &merges {
            let (left, right) = merge.split_once(' ').expect("two parts");
            assert!(tokens.contains(left) && tokens.contains(right), "{merge}");
            assert!(tokens.insert(format!("{left}{right}")), "{merge} makes a token twice");
        }
    }
}
