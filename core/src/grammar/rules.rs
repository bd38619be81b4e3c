//! Grammar rules as expressions: what both notations are read into.

use super::charset::CharSet;

pub(super) type RuleId = usize;

/// What one place of a rule matches.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// One code point of a set.
    Class(CharSet),
    Literal(String),
    Rule(RuleId),
    /// In order; empty: the empty text.
    Seq(Vec<Expr>),
    /// Any one; empty: nothing, not even the empty text.
    Alt(Vec<Expr>),
    /// At least so many, at most so many times; `None`: without limit.
    Repeat(Box<Expr>, u32, Option<u32>),
}

impl Expr {
    pub(super) const EMPTY: Expr = Expr::Seq(Vec::new());
    pub(super) const NEVER: Expr = Expr::Alt(Vec::new());

    pub(super) fn literal(text: &str) -> Expr {
        Expr::Literal(text.to_owned())
    }

    pub(super) fn any_number(self) -> Expr {
        Expr::Repeat(Box::new(self), 0, None)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Its name in the source, for messages.
    pub(super) label: String,
    /// `None`: mentioned, not (yet) defined.
    pub(super) body: Option<Expr>,
}

/// Rules that refer to each other by index.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(pub(super) Vec<Rule>);

impl Rules {
    pub(super) fn declare(&mut self, label: impl Into<String>) -> RuleId {
        self.0.push(Rule { label: label.into(), body: None });
        self.0.len() - 1
    }

    pub(super) fn define(&mut self, id: RuleId, body: Expr) {
        if let Some(rule) = self.0.get_mut(id) {
            rule.body = Some(body);
        }
    }

    pub(super) fn add(&mut self, label: impl Into<String>, body: Expr) -> RuleId {
        let id = self.declare(label);
        self.define(id, body);
        id
    }
}
