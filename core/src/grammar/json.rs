//! JSON as schemas need it: members in the order written, numbers as written.
//!
//! [`crate::json`] reads into serde_json's values, which keep neither; and what those do keep
//! depends on cargo features that any other crate of a program may turn on (`preserve_order`,
//! `arbitrary_precision`). The language of a schema must not.

use std::collections::HashSet;

use super::{fault, Limits};
use crate::Result;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As written; RFC 8259 syntax.
    Number(String),
    String(String),
    Array(Vec<Json>),
    /// No name twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }
}

/// Reads one JSON document.
pub(super) fn parse(text: &str) -> Result<Json> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return reader.fail("text follows the JSON document");
    }
    Ok(value)
}

/// `text` as a JSON string, quotes included; escapes only what must be.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    out.push('"');
    out
}

pub(super) fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push(c),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, message: &str) -> Result<T> {
        let read = self.text.get(..self.at).unwrap_or("");
        let line = read.matches('\n').count() + 1;
        let column = read.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Err(fault(format!("line {line}, column {column}: {message}")))
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > Limits::JSON_DEPTH {
            return self.fail(&format!("the JSON is nested deeper than {} levels", Limits::JSON_DEPTH));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                self.space();
                if self.eat("]") {
                    return Ok(Json::Array(items));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    self.space();
                    if self.eat("]") {
                        return Ok(Json::Array(items));
                    }
                    if !self.eat(",") {
                        return self.fail("',' or ']' is expected");
                    }
                }
            }
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.eat("null") => Ok(Json::Null),
            _ if self.eat("true") => Ok(Json::Bool(true)),
            _ if self.eat("false") => Ok(Json::Bool(false)),
            _ => self.fail("a JSON value is expected"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        self.at += 1;
        let mut members = Vec::new();
        let mut names = HashSet::new();
        self.space();
        if self.eat("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fail("a member name is expected");
            }
            let name = self.string()?;
            if !names.insert(name.clone()) {
                return self.fail(&format!("the name {} occurs twice in one object", quote(&name)));
            }
            self.space();
            if !self.eat(":") {
                return self.fail("':' is expected");
            }
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.eat("}") {
                return Ok(Json::Object(members));
            }
            if !self.eat(",") {
                return self.fail("',' or '}' is expected");
            }
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<Json> {
        let from = self.at;
        self.eat("-");
        if !self.eat("0") && self.digits() == 0 {
            return self.fail("a digit is expected");
        }
        if self.eat(".") && self.digits() == 0 {
            return self.fail("a digit is expected after the decimal point");
        }
        if self.eat("e") || self.eat("E") {
            let _sign = self.eat("+") || self.eat("-");
            if self.digits() == 0 {
                return self.fail("a digit is expected in the exponent");
            }
        }
        Ok(Json::Number(self.text.get(from..self.at).unwrap_or("").to_owned()))
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else { return self.fail("the string is not closed") };
            if c < ' ' {
                return self.fail("a control character in a string must be escaped");
            }
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let Some(c) = self.rest().chars().next() else { return self.fail("the string is not closed") };
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.hex4()?;
                let code = if (0xD800..0xDC00).contains(&high) && self.eat("\\u") {
                    let low = self.hex4()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return self.fail("half of a surrogate pair");
                    }
                    0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
                } else {
                    high
                };
                match char::from_u32(code) {
                    Some(c) => c,
                    None => return self.fail("half of a surrogate pair"),
                }
            }
            _ => return self.fail("unknown escape in a string"),
        })
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|d| u32::from_str_radix(d, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.fail("four hex digits are expected after \\u"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(ours: &Json, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (Json::Null, serde_json::Value::Null) => true,
            (Json::Bool(a), serde_json::Value::Bool(b)) => a == b,
            (Json::Number(a), serde_json::Value::Number(b)) => a.parse::<f64>().ok() == b.as_f64(),
            (Json::String(a), serde_json::Value::String(b)) => a == b,
            (Json::Array(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Json::Object(a), serde_json::Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(n, v)| b.get(n).is_some_and(|w| same(v, w)))
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in "[\\[\\]{},:\"ab0-9.eE+\\\\ \\-ntrufalsd\u{1}é\u{1F600}]{0,24}") {
            match (parse(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{text}"),
                (Err(_), Err(_)) => {}
                // Ours alone refuses a name twice; serde_json alone refuses numbers beyond f64.
                (Err(e), Ok(_)) => prop_assert!(e.message().contains("twice"), "{text}: {e}"),
                (Ok(_), Err(e)) => prop_assert!(e.to_string().contains("out of range"), "{text}: {e}"),
            }
        }

        #[test]
        fn quoted_text_reads_back(text: String) {
            prop_assert_eq!(parse(&quote(&text)).unwrap(), Json::String(text.clone()));
            prop_assert_eq!(serde_json::from_str::<String>(&quote(&text)).unwrap(), text);
        }
    }

    #[test]
    fn order_is_kept_and_depth_bounded() {
        let Json::Object(members) = parse(r#"{"z":1,"a":-0.50,"m":[]}"#).unwrap() else { panic!() };
        assert_eq!(members.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(), ["z", "a", "m"]);
        assert_eq!(members[1].1, Json::Number("-0.50".into()));
        assert!(parse(&"[".repeat(200_000)).unwrap_err().message().contains("nested"));
        assert!(parse(r#""\ud83d\ude00""#).unwrap() == Json::String("😀".into()));
        assert!(parse(r#""\ud83d""#).is_err() && parse(r#""\ude00""#).is_err());
    }
}
