//! A parsed object, read strictly.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::hex;

/// How the message about an unknown field begins; the fields there are follow.
pub const UNKNOWN: &str = "unknown field; known are";

/// A parsed object, taken apart field by field; what is left over at [`Object::finish`] is an
/// unknown field. Errors name the field by its path, for example `disclosure.sampler.topK`.
#[derive(Debug)]
pub struct Object {
    path: String,
    map: Map<String, Value>,
    /// Every key that was asked for: what an unknown field could have been.
    known: Vec<&'static str>,
}

impl Object {
    /// The object `value`, called `path` in errors (empty at the top).
    ///
    /// # Errors
    /// `value` is something else.
    pub fn new(path: impl Into<String>, value: Value) -> Result<Self> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Object { path, map, known: Vec::new() }),
            _ => Err(Error::argument(path, "must be a JSON object")),
        }
    }

    /// The path of the member `key`.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn error(&self, key: &str, why: &str) -> Error {
        Error::argument(self.path(key), why)
    }

    fn ask(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// Takes the member `key` if there is one (`null` counts as one).
    pub fn optional(&mut self, key: &'static str) -> Option<Value> {
        self.ask(key);
        self.map.remove(key)
    }

    /// The same object, in which a `null` counts as absent.
    #[must_use]
    pub fn without_nulls(mut self) -> Self {
        self.map.retain(|_, value| !value.is_null());
        self
    }

    /// Takes the member `key` with one of the typed takers below, if there is one.
    ///
    /// # Errors
    /// As that.
    pub fn take<T>(
        &mut self,
        key: &'static str,
        taker: impl FnOnce(&mut Self, &'static str) -> Result<T>,
    ) -> Result<Option<T>> {
        self.has(key).then(|| taker(self, key)).transpose()
    }

    /// Takes the member `key`.
    ///
    /// # Errors
    /// It is missing.
    pub fn required(&mut self, key: &'static str) -> Result<Value> {
        self.optional(key).ok_or_else(|| self.error(key, "missing field"))
    }

    /// Whether the member `key` is still there.
    #[must_use]
    pub fn has(&mut self, key: &'static str) -> bool {
        self.ask(key);
        self.map.contains_key(key)
    }

    /// Whether there is a member `key`, and it is an object.
    pub fn is_object(&mut self, key: &'static str) -> bool {
        self.has(key) && self.map.get(key).is_some_and(Value::is_object)
    }

    /// Takes a string.
    ///
    /// # Errors
    /// Missing, or another type. The same holds for the typed takers below.
    pub fn string(&mut self, key: &'static str) -> Result<String> {
        match self.required(key)? {
            Value::String(string) => Ok(string),
            _ => Err(self.error(key, "must be a string")),
        }
    }

    /// Takes a boolean.
    ///
    /// # Errors
    /// Missing, or another type.
    pub fn boolean(&mut self, key: &'static str) -> Result<bool> {
        self.required(key)?.as_bool().ok_or_else(|| self.error(key, "must be true or false"))
    }

    /// Takes an integer of 0 to `max`, written without point and exponent.
    ///
    /// # Errors
    /// Missing, another type, or out of range.
    pub fn integer(&mut self, key: &'static str, max: u64) -> Result<u64> {
        let value = self.required(key)?;
        value.as_u64().filter(|v| *v <= max).ok_or_else(|| {
            Error::argument(self.path(key), format!("must be an integer of 0 to {max}, as a JSON number"))
        })
    }

    /// Takes a `uint32`.
    ///
    /// # Errors
    /// As [`Object::integer`].
    pub fn uint32(&mut self, key: &'static str) -> Result<u32> {
        let value = self.integer(key, u32::MAX.into())?;
        u32::try_from(value).map_err(|_| self.error(key, "must be a uint32"))
    }

    /// Takes a `uint64`, as a JSON number or as its decimal text, which goes beyond 2^53.
    ///
    /// # Errors
    /// Missing, another type, out of range, or a text that is not the one form of its value.
    pub fn uint64(&mut self, key: &'static str) -> Result<u64> {
        let read = match self.required(key)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok().filter(|value: &u64| value.to_string() == text),
            _ => None,
        };
        read.ok_or_else(|| self.error(key, "must be a whole number below 2^64, as a JSON number or a string"))
    }

    /// Takes `N` bytes in canonical hex.
    ///
    /// # Errors
    /// Missing, another type, or not canonical.
    pub fn bytes<const N: usize>(&mut self, key: &'static str) -> Result<[u8; N]> {
        let text = self.string(key)?;
        hex::decode_array(&self.path(key), &text)
    }

    /// Takes an array.
    ///
    /// # Errors
    /// Missing, or another type.
    pub fn array(&mut self, key: &'static str) -> Result<Vec<Value>> {
        match self.required(key)? {
            Value::Array(items) => Ok(items),
            _ => Err(self.error(key, "must be an array")),
        }
    }

    /// Takes an array of `uint32`.
    ///
    /// # Errors
    /// Missing, or another type, or an element that is none.
    pub fn uint32_array(&mut self, key: &'static str) -> Result<Vec<u32>> {
        let number = |v: &Value| v.as_u64().and_then(|v| u32::try_from(v).ok());
        let items = self.array(key)?;
        items
            .iter()
            .map(|v| number(v).ok_or_else(|| self.error(key, "must hold only uint32 numbers")))
            .collect()
    }

    /// Takes an array of strings.
    ///
    /// # Errors
    /// Missing, or another type, or an element that is none.
    pub fn string_array(&mut self, key: &'static str) -> Result<Vec<String>> {
        let items = self.array(key)?;
        items
            .into_iter()
            .map(|v| match v {
                Value::String(string) => Ok(string),
                _ => Err(self.error(key, "must hold only strings")),
            })
            .collect()
    }

    /// Takes an object.
    ///
    /// # Errors
    /// Missing, or another type.
    pub fn object(&mut self, key: &'static str) -> Result<Object> {
        let value = self.required(key)?;
        Object::new(self.path(key), value)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// A member is left: an unknown field. The message says which were known.
    pub fn finish(self) -> Result<()> {
        match self.map.keys().next() {
            Some(key) => Err(self.error(&printable(key), &format!("{UNKNOWN} {}", self.known.join(", ")))),
            None => Ok(()),
        }
    }
}

/// A stranger's key, short and on one line, for an error message.
pub(super) fn printable(key: &str) -> String {
    const LONGEST: usize = 64;
    let mut text: String = key.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if key.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}
