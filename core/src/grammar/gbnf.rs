//! GBNF, the grammar notation of llama.cpp.
//! Source: `grammars/README.md` of the llama.cpp repository.

use std::collections::HashMap;

use super::charset::CharSet;
use super::rules::{Expr, RuleId, Rules};
use super::{fault, short, Limits};
use crate::Result;

/// The rules of `text`, and the one named `root` if there is one.
pub(super) fn parse(text: &str) -> Result<(Rules, Option<RuleId>)> {
    let mut parser =
        Parser { rest: text, line: 1, column: 1, rules: Rules::default(), names: HashMap::new() };
    parser.space(true)?;
    while !parser.rest.is_empty() {
        parser.rule()?;
    }
    let mut undefined: Vec<_> = parser
        .names
        .values()
        .filter(|(id, _)| parser.rules.0.get(*id).is_some_and(|r| r.body.is_none()))
        .collect();
    undefined.sort_by_key(|(_, at)| *at);
    if let Some((id, (line, column))) = undefined.first() {
        let label = parser.rules.0.get(*id).map_or_else(String::new, |r| short(&r.label));
        return Err(fault(format!("line {line}, column {column}: no rule is named \"{label}\"")));
    }
    let root = parser.names.get("root").map(|(id, _)| *id);
    Ok((parser.rules, root))
}

struct Parser<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
    rules: Rules,
    /// Name to rule, and where it was met first.
    names: HashMap<String, (RuleId, (usize, usize))>,
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, message: impl std::fmt::Display) -> Result<T> {
        Err(fault(format!("line {}, column {}: {message}", self.line, self.column)))
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        if !self.rest.starts_with(text) {
            return false;
        }
        for _ in text.chars() {
            self.next();
        }
        true
    }

    /// Skips blanks and comments, and line ends where they do not end a rule.
    fn space(&mut self, lines: bool) -> Result<()> {
        loop {
            match self.peek() {
                Some(' ' | '\t') => {
                    self.next();
                }
                Some('\n' | '\r') if lines => {
                    self.next();
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
                        self.next();
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !is_name(c)).unwrap_or(self.rest.len());
        let (name, _) = self.rest.split_at_checked(end)?;
        if name.is_empty() {
            return None;
        }
        for _ in name.chars() {
            self.next();
        }
        Some(name)
    }

    fn rule_id(&mut self, name: &str, at: (usize, usize)) -> RuleId {
        if let Some((id, _)) = self.names.get(name) {
            return *id;
        }
        let id = self.rules.declare(name);
        self.names.insert(name.to_owned(), (id, at));
        id
    }

    fn rule(&mut self) -> Result<()> {
        let at = (self.line, self.column);
        let Some(name) = self.name() else { return self.fail("a rule name is expected") };
        let id = self.rule_id(name, at);
        if self.rules.0.get(id).is_some_and(|r| r.body.is_some()) {
            return self.fail(format_args!("the rule \"{}\" is defined twice", short(name)));
        }
        self.space(false)?;
        if !self.eat("::=") {
            return self.fail(format_args!("'::=' is expected after the rule name \"{}\"", short(name)));
        }
        self.space(true)?;
        let body = self.alternates(0)?;
        self.rules.define(id, body);
        match self.peek() {
            None | Some('\n' | '\r') => self.space(true),
            Some(c) => self.fail(format_args!("unexpected {c:?}")),
        }
    }

    /// `depth` counts open parentheses: inside them a line end does not end the rule.
    fn alternates(&mut self, depth: usize) -> Result<Expr> {
        if depth > Limits::DEPTH {
            return self.fail(format_args!("groups are nested deeper than {} levels", Limits::DEPTH));
        }
        let mut alternatives = vec![self.sequence(depth)?];
        while self.eat("|") {
            self.space(true)?;
            alternatives.push(self.sequence(depth)?);
        }
        Ok(match alternatives.pop() {
            Some(only) if alternatives.is_empty() => only,
            last => {
                alternatives.extend(last);
                Expr::Alt(alternatives)
            }
        })
    }

    fn sequence(&mut self, depth: usize) -> Result<Expr> {
        let mut items = Vec::new();
        loop {
            let at = (self.line, self.column);
            let item = match self.peek() {
                Some('"') => self.literal()?,
                Some('[') => self.class()?,
                Some('.') => {
                    self.next();
                    Expr::Class(CharSet::any())
                }
                Some('(') => {
                    self.next();
                    self.space(true)?;
                    let group = self.alternates(depth + 1)?;
                    if !self.eat(")") {
                        return self.fail("')' is expected");
                    }
                    group
                }
                Some('<' | '!') => return self.fail("token references (<...>) are not supported"),
                Some(c) if is_name(c) => {
                    // At the top level `name ::=` begins the next rule only after a line end,
                    // which has already ended this sequence.
                    let Some(name) = self.name() else { return self.fail("a rule name is expected") };
                    Expr::Rule(self.rule_id(name, at))
                }
                Some(c @ ('*' | '+' | '?' | '{')) => {
                    return self.fail(format_args!("{c:?} has nothing to repeat"));
                }
                _ => return Ok(Expr::Seq(items)),
            };
            let item = self.repetition(item)?;
            self.space(depth > 0)?;
            items.push(item);
        }
    }

    fn repetition(&mut self, item: Expr) -> Result<Expr> {
        self.space(false)?;
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.next();
                self.space(false)?;
                let min = self.count()?;
                self.space(false)?;
                let max = if self.eat(",") {
                    self.space(false)?;
                    if self.peek() == Some('}') {
                        None
                    } else {
                        Some(self.count()?)
                    }
                } else {
                    Some(min)
                };
                self.space(false)?;
                if self.peek() != Some('}') {
                    return self.fail("'}' is expected");
                }
                if max.is_some_and(|max| max < min) {
                    return self.fail("the repetition's maximum is below its minimum");
                }
                (min, max)
            }
            _ => return Ok(item),
        };
        self.next();
        self.space(false)?;
        if matches!(self.peek(), Some('*' | '+' | '?' | '{')) {
            return self.fail("one repetition per item: put the repeated item in parentheses");
        }
        Ok(Expr::Repeat(Box::new(item), min, max))
    }

    fn count(&mut self) -> Result<u32> {
        let mut value: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            let next = value.unwrap_or(0).saturating_mul(10).saturating_add(digit);
            if next > Limits::REPEAT {
                return self.fail(format_args!("a repetition count is above {}", Limits::REPEAT));
            }
            value = Some(next);
            self.next();
        }
        match value {
            Some(value) => Ok(value),
            None => self.fail("a repetition count is expected"),
        }
    }

    fn literal(&mut self) -> Result<Expr> {
        let open = (self.line, self.column);
        self.next();
        let mut text = String::new();
        loop {
            match self.peek() {
                None => {
                    return Err(fault(format!(
                        "line {}, column {}: the literal is not closed",
                        open.0, open.1
                    )))
                }
                Some('"') => {
                    self.next();
                    return Ok(Expr::Literal(text));
                }
                Some(_) => text.push(self.character()?),
            }
        }
    }

    fn class(&mut self) -> Result<Expr> {
        let open = (self.line, self.column);
        self.next();
        let negated = self.eat("^");
        let mut ranges = Vec::new();
        loop {
            match self.peek() {
                None => {
                    return Err(fault(format!(
                        "line {}, column {}: the character class is not closed",
                        open.0, open.1
                    )))
                }
                Some(']') => {
                    if ranges.is_empty() {
                        return self.fail("the character class is empty");
                    }
                    self.next();
                    break;
                }
                Some(_) => {
                    let lo = self.character()?;
                    let mut hi = lo;
                    // A '-' right before the closing bracket stands for itself.
                    if self.peek() == Some('-') && !self.rest.starts_with("-]") {
                        self.next();
                        if self.peek().is_none() {
                            continue;
                        }
                        hi = self.character()?;
                    }
                    if hi < lo {
                        return self.fail("the character range ends before it begins");
                    }
                    ranges.push((lo.into(), hi.into()));
                }
            }
        }
        let set = CharSet::new(ranges);
        Ok(Expr::Class(if negated { set.negate() } else { set }))
    }

    /// One character of a literal or class, escapes resolved.
    fn character(&mut self) -> Result<char> {
        let escaped = self.eat("\\");
        let Some(c) = self.peek() else { return self.fail("the text ends inside a literal or class") };
        if !escaped {
            self.next();
            return Ok(c);
        }
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => {
                let c = match c {
                    't' => '\t',
                    'r' => '\r',
                    'n' => '\n',
                    '\\' | '"' | '[' | ']' => c,
                    _ => return self.fail(format_args!("unknown escape \\{}", c.escape_debug())),
                };
                self.next();
                return Ok(c);
            }
        };
        self.next();
        let mut code = 0u32;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return self.fail(format_args!("{digits} hex digits are expected after \\{c}"));
            };
            code = code << 4 | digit;
            self.next();
        }
        match char::from_u32(code) {
            Some(c) => Ok(c),
            None => self.fail(format_args!("\\{c} names no Unicode scalar value")),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}
