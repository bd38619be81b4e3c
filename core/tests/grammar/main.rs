//! Grammars as a caller sees them: languages against independent oracles, bad input, masks.

use std::sync::Arc;

use attestlm::grammar::{Grammar, GrammarVocab, Matcher, ENGINE_ID};
use attestlm::policy::{GrammarKind, GrammarSpec};
use attestlm::{ErrorKind, Result, Token};
use proptest::prelude::*;
use serde_json::Value;

/// Every byte is the token of its number; then come an end-of-generation token, a control token
/// that spells `"x"`, one that spells nothing, and words that cross character boundaries.
const EOG: Token = 256;
const CONTROL: Token = 257;
const EMPTY: Token = 258;

fn vocab() -> Arc<GrammarVocab> {
    let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
    tokens.extend([b"</s>".to_vec(), b"\"x\"".to_vec(), Vec::new()]);
    for word in
        ["ab", "aab", "ba", "bb", "éa", "true", "\": ", "\",", "{\"", "}}", "null", "12", "-1", ".5", "😀"]
    {
        tokens.push(word.as_bytes().to_vec());
    }
    let emoji = "😀".as_bytes();
    tokens.extend([emoji[..2].to_vec(), emoji[2..].to_vec(), [b"a", &emoji[..1]].concat(), "ab".into()]);
    Arc::new(GrammarVocab::new(&tokens, &[EOG], &[CONTROL]).unwrap())
}

fn tokens_of(vocab: &GrammarVocab) -> Token {
    Token::try_from(vocab.size()).unwrap()
}

fn compile(kind: GrammarKind, text: &str) -> Result<Grammar> {
    let spec = GrammarSpec { kind, text: text.to_owned(), engine: ENGINE_ID.to_owned() };
    Grammar::compile(&spec, &vocab())
}

fn gbnf(text: &str) -> Grammar {
    compile(GrammarKind::Gbnf, text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn schema(text: &str) -> Grammar {
    compile(GrammarKind::JsonSchema, text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn mask(matcher: &mut Matcher, words: usize) -> Result<Vec<u32>> {
    let mut out = vec![u32::MAX; words];
    matcher.mask(&mut out).map(|()| out)
}

fn allows(mask: &[u32], token: Token) -> bool {
    mask[token as usize / 32] >> (token % 32) & 1 == 1
}

/// Whether the grammar matches `text`, byte by byte.
fn matches(grammar: &Grammar, text: &str) -> bool {
    let mut matcher = grammar.matcher();
    text.bytes().all(|b| matcher.accept(b.into()).is_ok()) && matcher.can_end()
}

/// Walks through the masks at random; the text if it came to an end within `steps`.
fn walk(grammar: &Grammar, seed: u64, steps: usize) -> Option<Vec<u8>> {
    let words = grammar.vocab().mask_words();
    let mut x = seed | 1;
    let mut random = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        usize::try_from(x >> 33).unwrap()
    };
    let mut text = Vec::new();
    let mut matcher = grammar.matcher();
    for _ in 0..steps {
        if matcher.is_complete() {
            return Some(text);
        }
        let mask = mask(&mut matcher, words).unwrap();
        let allowed: Vec<u8> = (0..=255u8).filter(|&b| allows(&mask, b.into())).collect();
        assert_eq!(allows(&mask, EOG), matcher.can_end());
        if matcher.can_end() && (allowed.is_empty() || random() % 3 == 0) {
            matcher.accept(EOG).unwrap();
            return Some(text);
        }
        assert!(!allowed.is_empty(), "a dead end behind {:?}", String::from_utf8_lossy(&text));
        // Half the time, what tends to close things; else a loop would seldom end.
        let closing: Vec<u8> = allowed.iter().copied().filter(|b| b"\"}]:,0ax".contains(b)).collect();
        let from = if closing.is_empty() || random() % 2 == 0 { &allowed } else { &closing };
        let byte = from[random() % from.len()];
        matcher.accept(byte.into()).unwrap();
        text.push(byte);
    }
    None
}

mod bad_input;
mod determinism;
mod languages;
mod regular;
mod schemas;
