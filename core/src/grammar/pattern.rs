//! `pattern`: the regular part of ECMA-262 expressions, over the characters of a JSON string.

use super::charset::CharSet;
use super::json::push_escaped;
use super::rules::Expr;
use super::Limits;

/// The inside of a JSON string (between the quotes) whose characters match `pattern` somewhere.
pub(super) fn compile(pattern: &str) -> Result<Expr, String> {
    let mut reader = Reader { rest: pattern };
    let expr = reader.alternatives(0)?;
    match reader.peek() {
        None => Ok(expr),
        Some(c) => Err(format!("unexpected {c:?}")),
    }
}

/// One character of a JSON string out of `set`, written plainly or, where it must be, escaped.
pub(super) fn string_char(set: &CharSet) -> Expr {
    let special =
        CharSet::new(vec![(0, 0x1F), (u32::from('"'), u32::from('"')), (u32::from('\\'), u32::from('\\'))]);
    let plain = set.minus(&special);
    let mut out = Vec::new();
    if !plain.is_empty() {
        out.push(Expr::Class(plain));
    }
    for c in ('\0'..=' ').chain(['"', '\\']).filter(|&c| special.contains(c) && set.contains(c)) {
        let mut text = String::new();
        push_escaped(&mut text, c);
        out.push(Expr::Literal(text));
    }
    match out.pop() {
        Some(only) if out.is_empty() => only,
        last => {
            out.extend(last);
            Expr::Alt(out)
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn alternatives(&mut self, depth: usize) -> Result<Expr, String> {
        if depth > Limits::DEPTH {
            return Err(format!("groups are nested deeper than {} levels", Limits::DEPTH));
        }
        let mut out = Vec::new();
        loop {
            out.push(self.sequence(depth)?);
            if !self.eat("|") {
                return Ok(Expr::Alt(out));
            }
        }
    }

    /// Outside of groups a sequence that is not anchored may have anything around it.
    fn sequence(&mut self, depth: usize) -> Result<Expr, String> {
        let anything = || string_char(&CharSet::any()).any_number();
        let mut items = Vec::new();
        if depth == 0 && !self.eat("^") {
            items.push(anything());
        }
        loop {
            let atom = match self.peek() {
                None | Some('|' | ')') => break,
                Some('$') if depth == 0 => {
                    self.next();
                    return match self.peek() {
                        None | Some('|') => Ok(Expr::Seq(items)),
                        _ => Err("'$' is supported at the end of an alternative only".to_owned()),
                    };
                }
                Some('^' | '$') => {
                    return Err("anchors are supported at the ends of the whole pattern's alternatives only"
                        .to_owned())
                }
                Some(c @ ('*' | '+' | '?' | '{')) => return Err(format!("{c:?} has nothing to repeat")),
                Some('(') => {
                    self.next();
                    if !self.eat("?:") && self.peek() == Some('?') {
                        return Err(
                            "only plain groups are supported: no look-around, names or flags".to_owned()
                        );
                    }
                    let group = self.alternatives(depth + 1)?;
                    if !self.eat(")") {
                        return Err("')' is expected".to_owned());
                    }
                    group
                }
                Some('[') => {
                    self.next();
                    string_char(&self.class()?)
                }
                Some('.') => {
                    self.next();
                    // ECMA-262: any character but a line terminator.
                    let ends = CharSet::new(vec![(0xA, 0xA), (0xD, 0xD), (0x2028, 0x2029)]);
                    string_char(&ends.negate())
                }
                Some('\\') => string_char(&self.escape(false)?),
                Some(c) => {
                    self.next();
                    string_char(&CharSet::single(c))
                }
            };
            items.push(self.repetition(atom)?);
        }
        if depth == 0 {
            items.push(anything());
        }
        Ok(Expr::Seq(items))
    }

    fn repetition(&mut self, atom: Expr) -> Result<Expr, String> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.next();
                let min = self.count()?;
                let max = match self.eat(",") {
                    false => Some(min),
                    true if self.peek() == Some('}') => None,
                    true => Some(self.count()?),
                };
                if self.peek() != Some('}') {
                    return Err("'}' is expected".to_owned());
                }
                if max.is_some_and(|max| max < min) {
                    return Err("a repetition's maximum is below its minimum".to_owned());
                }
                (min, max)
            }
            _ => return Ok(atom),
        };
        self.next();
        // A lazy repetition matches the same texts.
        self.eat("?");
        if matches!(self.peek(), Some('*' | '+' | '?' | '{')) {
            return Err("one repetition per item".to_owned());
        }
        Ok(Expr::Repeat(Box::new(atom), min, max))
    }

    fn count(&mut self) -> Result<u32, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        let count = digits.parse().ok().filter(|n| *n <= Limits::REPEAT);
        self.rest = rest;
        count.ok_or_else(|| format!("a repetition count of at most {} is expected", Limits::REPEAT))
    }

    fn class(&mut self) -> Result<CharSet, String> {
        let negated = self.eat("^");
        let mut ranges = Vec::new();
        loop {
            let lo = match self.peek() {
                None => return Err("a character class is not closed".to_owned()),
                Some(']') => {
                    self.next();
                    let set = CharSet::new(ranges);
                    return Ok(if negated { set.negate() } else { set });
                }
                Some(_) => self.class_item()?,
            };
            if self.peek() == Some('-') && !self.rest.starts_with("-]") {
                self.next();
                if self.peek().is_none() {
                    continue;
                }
                let hi = self.class_item()?;
                let ([(a, b)], [(c, d)]) = (lo.ranges(), hi.ranges()) else {
                    return Err("a range has one character at each end".to_owned());
                };
                if a != b || c != d || b > c {
                    return Err("a range has one character at each end, in order".to_owned());
                }
                ranges.push((*a, *d));
            } else {
                ranges.extend_from_slice(lo.ranges());
            }
        }
    }

    fn class_item(&mut self) -> Result<CharSet, String> {
        if self.peek() == Some('\\') {
            return self.escape(true);
        }
        self.next().map(CharSet::single).ok_or_else(|| "a character class is not closed".to_owned())
    }

    fn escape(&mut self, in_class: bool) -> Result<CharSet, String> {
        self.next();
        let Some(c) = self.next() else { return Err("the pattern ends with a backslash".to_owned()) };
        let of = |ranges: &[(char, char)]| {
            CharSet::new(ranges.iter().map(|&(a, b)| (u32::from(a), u32::from(b))).collect())
        };
        let digits = || of(&[('0', '9')]);
        let word = || of(&[('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]);
        // ECMA-262 WhiteSpace and LineTerminator.
        let space = || {
            of(&[
                ('\t', '\r'),
                (' ', ' '),
                ('\u{A0}', '\u{A0}'),
                ('\u{1680}', '\u{1680}'),
                ('\u{2000}', '\u{200A}'),
                ('\u{2028}', '\u{2029}'),
                ('\u{202F}', '\u{202F}'),
                ('\u{205F}', '\u{205F}'),
                ('\u{3000}', '\u{3000}'),
                ('\u{FEFF}', '\u{FEFF}'),
            ])
        };
        Ok(match c {
            'd' => digits(),
            'D' => digits().negate(),
            'w' => word(),
            'W' => word().negate(),
            's' => space(),
            'S' => space().negate(),
            't' => CharSet::single('\t'),
            'n' => CharSet::single('\n'),
            'r' => CharSet::single('\r'),
            'f' => CharSet::single('\u{C}'),
            'v' => CharSet::single('\u{B}'),
            'b' if in_class => CharSet::single('\u{8}'),
            'x' => CharSet::single(self.hex(2)?),
            'u' => CharSet::single(self.hex(4)?),
            '0' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => CharSet::single('\0'),
            c if c.is_ascii_alphanumeric() => return Err(format!("the escape \\{c} is not supported")),
            c => CharSet::single(c),
        })
    }

    fn hex(&mut self, digits: usize) -> Result<char, String> {
        let text = self.rest.get(..digits).filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
        let c = text.and_then(|t| u32::from_str_radix(t, 16).ok()).and_then(char::from_u32);
        self.rest = self.rest.get(digits..).unwrap_or("");
        c.ok_or_else(|| format!("{digits} hex digits of a Unicode scalar value are expected"))
    }
}
