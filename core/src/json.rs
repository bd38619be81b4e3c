//! JSON of strangers, read strictly, and JSON to be hashed, written canonically.
//!
//! [`parse`] bounds size, depth and the number of values, refuses duplicate keys and numbers
//! that two readers could take for two values. [`canonicalize`] writes the RFC 8785 form.
//! [`Object`] takes a parsed object apart field by field and refuses what is left over.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

mod object;
mod ordered;

pub use object::{Object, UNKNOWN};
pub use ordered::Ordered;

use object::printable;

/// What a text may cost before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub max_bytes: usize,
    /// Arrays and objects inside each other; at most [`MAX_DEPTH`] is used.
    pub max_depth: usize,
    /// Values altogether: a value of two bytes of text takes 32 bytes of memory.
    pub max_values: usize,
}

/// The deepest nesting read or written, whatever the limits say: the reader recurses.
pub const MAX_DEPTH: usize = 128;

/// The largest integer whose neighbours a double can tell apart, 2^53.
pub const MAX_INTEGER: u64 = 1 << 53;

/// Reads one JSON text (RFC 8259, UTF-8 without a byte order mark). Errors name `what` or the
/// key at fault, never a value.
///
/// Integers outside ±2^53 are accepted only as ECMAScript writes the nearest double
/// (`295147905179352830000`), so that nobody reads another number than was meant.
///
/// # Errors
/// A limit passed, a syntax error, a duplicate key, an unpaired surrogate, a number beyond
/// the range of a double.
pub fn parse(what: &str, text: &[u8], limits: Limits) -> Result<Value> {
    if text.len() > limits.max_bytes {
        return Err(Error::argument(what.to_owned(), format!("longer than {} bytes", limits.max_bytes)));
    }
    let text = std::str::from_utf8(text)
        .map_err(|_| Error::argument(what.to_owned(), "JSON must be valid UTF-8"))?;
    let mut reader = Reader { what, text, at: 0, depth: limits.max_depth.min(MAX_DEPTH), limits, values: 0 };
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fail("text after the JSON value"));
    }
    Ok(value)
}

struct Reader<'a> {
    what: &'a str,
    text: &'a str,
    at: usize,
    depth: usize,
    limits: Limits,
    values: usize,
}

impl Reader<'_> {
    fn fail(&self, why: &str) -> Error {
        Error::argument(self.what.to_owned(), format!("{why} (byte {})", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Value> {
        self.values += 1;
        if self.values > self.limits.max_values {
            return Err(self.fail(&format!("more than {} JSON values", self.limits.max_values)));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.fail("not the beginning of a JSON value")),
            None => Err(self.fail("the JSON text ends too early")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.fail("not a JSON value"))
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        if self.depth == 0 {
            return Err(self.fail("nested too deeply"));
        }
        self.depth -= 1;
        self.at += 1;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.fail("expected , or ] in an array"));
            }
        }
    }

    fn object(&mut self) -> Result<Value> {
        let mut map = Map::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.fail("expected a key in an object"));
            }
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(self.fail("expected : after a key"));
            }
            if map.contains_key(&key) {
                return Err(Error::argument(printable(&key), "duplicate key"));
            }
            let value = self.value()?;
            map.insert(key, value);
            self.space();
            if self.eat(b'}') {
                return Ok(Value::Object(map));
            }
            if !self.eat(b',') {
                return Err(self.fail("expected , or } in an object"));
            }
        }
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            // Every byte looked for is ASCII, so the cut is at a character boundary.
            let Some(plain) = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20) else {
                return Err(self.fail("a string does not end"));
            };
            string.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Ok(string),
                b'\\' => {
                    let escape = self.peek().ok_or_else(|| self.fail("a string does not end"))?;
                    self.at += 1;
                    string.push(match escape {
                        b'"' => '"',
                        b'\\' => '\\',
                        b'/' => '/',
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.unicode_escape()?,
                        _ => return Err(self.fail("unknown escape in a string")),
                    });
                }
                _ => return Err(self.fail("a control character in a string must be escaped")),
            }
        }
    }

    fn unicode_escape(&mut self) -> Result<char> {
        let high = self.four_digits()?;
        let code = match high {
            0xd800..=0xdbff => {
                if !(self.eat(b'\\') && self.eat(b'u')) {
                    return Err(self.fail("unpaired surrogate in a string"));
                }
                let low = self.four_digits()?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(self.fail("unpaired surrogate in a string"));
                }
                0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => high,
        };
        char::from_u32(code).ok_or_else(|| self.fail("unpaired surrogate in a string"))
    }

    fn four_digits(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            code = code << 4 | digit.ok_or_else(|| self.fail("\\u needs four hex digits"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn digits(&mut self) -> Result<()> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.fail("a number lacks digits"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        self.eat(b'-');
        if self.eat(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.fail("a number has a leading zero"));
            }
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.eat(b'.') {
            integer = false;
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            integer = false;
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        // `-0` is a double: a member that is an unsigned integer has one form.
        let integer = integer && text != "-0";
        if integer {
            if let Ok(value) = text.parse::<i64>() {
                if value.unsigned_abs() <= MAX_INTEGER {
                    return Ok(Value::Number(value.into()));
                }
            }
        }
        // `str::parse` rounds correctly; a number too large becomes infinite.
        let value: f64 = text.parse().map_err(|_| self.fail("not a number"))?;
        let number = Number::from_f64(value).ok_or_else(|| self.fail("a number is too large"))?;
        if integer && ecmascript_number(value) != text {
            return Err(self.fail("an integer beyond 2^53 is not exact as a double: write it as a string"));
        }
        Ok(Value::Number(number))
    }
}

/// The RFC 8785 (JCS) form of `value`, UTF-8.
///
/// # Errors
/// An integer outside ±2^53, nesting deeper than [`MAX_DEPTH`].
pub fn canonicalize(value: &Value) -> Result<Vec<u8>> {
    let mut out = String::new();
    write_canonical(&mut out, value, MAX_DEPTH)?;
    Ok(out.into_bytes())
}

/// `value` with every number in the form that [`parse`] gives its canonical text, so that
/// equal canonical bytes mean equal values.
///
/// # Errors
/// As [`canonicalize`].
pub fn normalize(value: &Value) -> Result<Value> {
    let text = canonicalize(value)?;
    let limits = Limits { max_bytes: text.len(), max_depth: MAX_DEPTH, max_values: usize::MAX };
    parse("value", &text, limits)
}

fn write_canonical(out: &mut String, value: &Value, depth: usize) -> Result<()> {
    let nested = || depth.checked_sub(1).ok_or_else(|| Error::argument("value", "nested too deeply"));
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number_text(number)?),
        Value::String(string) => write_string(out, string),
        Value::Array(items) => {
            let depth = nested()?;
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(out, item, depth)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let depth = nested()?;
            out.push('{');
            for (i, (key, item)) in sorted(map).into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write_canonical(out, item, depth)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// The members by UTF-16 code units of their keys; UTF-8 order differs above U+FFFF.
fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = map.iter().collect();
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    members
}

fn number_text(number: &Number) -> Result<String> {
    let integer = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
    match (integer, number.as_f64()) {
        (Some(magnitude), _) if magnitude <= MAX_INTEGER => Ok(number.to_string()),
        (None, Some(value)) if value.is_finite() => Ok(ecmascript_number(value)),
        _ => Err(Error::argument("value", "an integer is outside ±2^53")),
    }
}

/// ECMAScript's `Number::toString(value)` for a finite value.
fn ecmascript_number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned(); // both zeros
    }
    // `{:e}` prints as few digits as read back; printing just as many correctly rounded gives
    // the closest such number and, of two equally close, the even one: RFC 8785's choice.
    let shortest = format!("{:e}", value.abs());
    let places = shortest.find('e').unwrap_or(0).saturating_sub(2); // without "d."
    let text = format!("{:.places$e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point = exponent.parse::<i32>().unwrap_or(0) + 1; // the value is 0.digits x 10^point
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    if (1..=21).contains(&point) {
        if count <= point {
            out.push_str(&digits);
            out.push_str(&zeros(point - count));
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
    } else if (-5..=0).contains(&point) {
        out.push_str("0.");
        out.push_str(&zeros(-point));
        out.push_str(&digits);
    } else {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let exponent = point - 1;
        let _ = write!(out, "e{}{}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    out
}

fn write_string(out: &mut String, string: &str) {
    out.push('"');
    for c in string.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{9}' => out.push_str("\\t"),
            '\u{a}' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\u{d}' => out.push_str("\\r"),
            '\u{0}'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
#[cfg(test)]
mod tests;
