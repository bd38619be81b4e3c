//! Constrained decoding: a JSON schema or GBNF grammar as a mask over the vocabulary.
//!
//! A [`Grammar`] is compiled once per text and [`GrammarVocab`]; a [`Matcher`] follows one
//! output. The mask is a pure function of the grammar's text, the vocabulary and the tokens so
//! far: no clock, no randomness, no dependence on earlier questions. `docs/grammar.md` says what
//! is supported and how outputs end; `docs/adr/0004-grammar-engine.md` why the engine is ours.

mod automaton;
mod charset;
mod gbnf;
mod json;
mod matcher;
mod number;
mod pattern;
mod rules;
mod schema;
mod states;
mod vocab;

pub use matcher::{Grammar, Matcher};
pub use vocab::GrammarVocab;

use crate::{Error, ErrorKind};

/// The engine and its version, as a policy names it. Any change of the language accepted for
/// some text, of a limit or of a mask is a new id.
pub const ENGINE_ID: &str = "attestlm-grammar/1";

/// Bounds on what a grammar may ask for; part of what [`ENGINE_ID`] names.
struct Limits;

impl Limits {
    /// Length of a grammar's text.
    const TEXT_BYTES: usize = 256 << 10;
    /// Nested groups of GBNF and of patterns.
    const DEPTH: usize = 64;
    /// Nested arrays and objects of a schema document.
    const JSON_DEPTH: usize = 128;
    /// A single repetition count, also of array items and string lengths.
    const REPEAT: u32 = 10_000;
    /// Nodes of the automaton.
    const NODES: usize = 1 << 18;
    /// Places (node and stack) the grammar may be in after some text.
    const PLACES: usize = 1 << 14;
    /// Work for one mask: over the distinct transitions it needs, the places visited to make each,
    /// plus one, plus the number of byte classes where it leads on.
    const WORK: usize = 1 << 22;
    /// Length of a token.
    const TOKEN_BYTES: usize = 4096;
    /// Memory kept for states and masks; changes no answer.
    const KEPT_BYTES: usize = 64 << 20;
}

fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Grammar, "grammar", message)
}

/// `name` fit for a message: escaped, and of bounded length.
fn short(name: &str) -> String {
    let cut = name.floor_char_boundary(64);
    let (shown, rest) = name.split_at_checked(cut).unwrap_or((name, ""));
    format!("{}{}", shown.escape_debug(), if rest.is_empty() { "" } else { "…" })
}

#[cfg(test)]
mod tests;
