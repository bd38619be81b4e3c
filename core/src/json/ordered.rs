//! JSON to be written in a given order.

use serde_json::Value;

use super::{sorted, write_canonical, write_string, MAX_DEPTH};
use crate::error::{Error, Result};

/// A JSON tree whose objects keep the order in which their members were given: documents are
/// written in the order their specification lists the fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Ordered {
    /// `null`, a boolean, a number or a string; or a whole value, its keys in canonical order.
    Plain(Value),
    /// An array.
    Array(Vec<Ordered>),
    /// An object.
    Object(Vec<(&'static str, Ordered)>),
}

impl<T: Into<Value>> From<T> for Ordered {
    fn from(value: T) -> Self {
        Ordered::Plain(value.into())
    }
}

impl Ordered {
    /// An array of plain values.
    pub fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Self {
        Ordered::Array(items.into_iter().map(Ordered::from).collect())
    }

    /// The text: two spaces a level, arrays of scalars on one line, a newline at the end;
    /// strings and numbers as in RFC 8785.
    ///
    /// # Errors
    /// As [`canonicalize`](super::canonicalize).
    pub fn to_text(&self) -> Result<String> {
        let mut out = String::new();
        self.write(&mut out, 0)?;
        out.push('\n');
        Ok(out)
    }

    fn write(&self, out: &mut String, level: usize) -> Result<()> {
        match self {
            Ordered::Plain(Value::Array(items)) => {
                let items: Vec<&Value> = items.iter().collect();
                let scalars = !items.iter().any(|v| v.is_array() || v.is_object());
                block(out, level, '[', ']', scalars, &items, |out, item| write_plain(out, item, level + 1))
            }
            Ordered::Plain(value) => write_plain(out, value, level),
            Ordered::Array(items) => {
                let scalars =
                    !items.iter().any(|v| !matches!(v, Ordered::Plain(v) if !v.is_array() && !v.is_object()));
                block(out, level, '[', ']', scalars, items, |out, item| item.write(out, level + 1))
            }
            Ordered::Object(members) => {
                block(out, level, '{', '}', members.is_empty(), members, |out, (key, item)| {
                    write_string(out, key);
                    out.push_str(": ");
                    item.write(out, level + 1)
                })
            }
        }
    }
}

fn write_plain(out: &mut String, value: &Value, level: usize) -> Result<()> {
    match value {
        Value::Array(items) => {
            let scalars = !items.iter().any(|v| v.is_array() || v.is_object());
            block(out, level, '[', ']', scalars, items, |out, item| write_plain(out, item, level + 1))
        }
        Value::Object(map) => {
            block(out, level, '{', '}', map.is_empty(), &sorted(map), |out, (key, item)| {
                write_string(out, key);
                out.push_str(": ");
                write_plain(out, item, level + 1)
            })
        }
        scalar => write_canonical(out, scalar, 0),
    }
}

fn block<T>(
    out: &mut String,
    level: usize,
    open: char,
    close: char,
    one_line: bool,
    items: &[T],
    mut write: impl FnMut(&mut String, &T) -> Result<()>,
) -> Result<()> {
    if level >= MAX_DEPTH {
        return Err(Error::argument("value", "nested too deeply"));
    }
    let newline = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    };
    out.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(if one_line { ", " } else { "," });
        }
        if !one_line {
            newline(out, level + 1);
        }
        write(out, item)?;
    }
    if !one_line {
        newline(out, level);
    }
    out.push(close);
    Ok(())
}
