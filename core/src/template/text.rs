//! Values as text, the way Python writes them: templates were written against `str`, `repr`
//! and `json.dumps`, and models were trained on what those print.

use std::fmt::Write;

use minijinja::value::{ObjectRepr, ValueKind};
use minijinja::{Error, Value};

use super::meter::Meter;

/// How deep a value may be nested to be written or stored.
pub(super) const MAX_DEPTH: usize = 64;

/// `str(value)`: what `{{ value }}` writes.
pub(super) fn to_text(meter: &Meter, value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write_text(meter, &mut out, value)?;
    Ok(out)
}

/// Appends `str(value)` to `out`.
pub(super) fn write_text(meter: &Meter, out: &mut String, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => push(meter, out, text),
        None if value.is_undefined() => Ok(()),
        None => write_repr(meter, out, value, MAX_DEPTH),
    }
}

/// `repr(value)`.
fn write_repr(meter: &Meter, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or_else(|| meter.fail("a value is nested too deeply"))?;
    if let Some(text) = value.as_str() {
        return write_quoted(meter, out, text);
    }
    match value.kind() {
        ValueKind::Undefined => push(meter, out, "Undefined"),
        ValueKind::None => push(meter, out, "None"),
        ValueKind::Bool => push(meter, out, if value.is_true() { "True" } else { "False" }),
        ValueKind::Number => push(meter, out, &number(value)),
        _ => match value.as_object().map(|object| (object, object.repr())) {
            Some((object, ObjectRepr::Seq | ObjectRepr::Iterable)) => {
                push(meter, out, "[")?;
                for (i, item) in object.try_iter().into_iter().flatten().enumerate() {
                    push(meter, out, if i == 0 { "" } else { ", " })?;
                    write_repr(meter, out, &item, depth)?;
                }
                push(meter, out, "]")
            }
            Some((object, ObjectRepr::Map)) => {
                push(meter, out, "{")?;
                for (i, (key, item)) in object.try_iter_pairs().into_iter().flatten().enumerate() {
                    push(meter, out, if i == 0 { "" } else { ", " })?;
                    write_repr(meter, out, &key, depth)?;
                    push(meter, out, ": ")?;
                    write_repr(meter, out, &item, depth)?;
                }
                push(meter, out, "}")
            }
            _ => Err(meter.fail("the template writes something that has no text (a macro, bytes)")),
        },
    }
}

fn write_quoted(meter: &Meter, out: &mut String, text: &str) -> Result<(), Error> {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    meter.charge(text.len().saturating_mul(2))?;
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c < ' ' || c == '\u{7f}' => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    Ok(())
}

/// The layout of `json.dumps`.
pub(super) struct JsonStyle {
    pub(super) indent: Option<usize>,
    pub(super) item_separator: String,
    pub(super) key_separator: String,
    pub(super) ascii: bool,
    pub(super) sort_keys: bool,
}

/// `json.dumps(value, …)`.
pub(super) fn to_json(meter: &Meter, value: &Value, style: &JsonStyle) -> Result<String, Error> {
    let mut out = String::new();
    write_json(meter, &mut out, value, style, 0)?;
    Ok(out)
}

fn write_json(
    meter: &Meter,
    out: &mut String,
    value: &Value,
    style: &JsonStyle,
    level: usize,
) -> Result<(), Error> {
    if level >= MAX_DEPTH {
        return Err(meter.fail("a value is nested too deeply"));
    }
    if let Some(text) = value.as_str() {
        return write_json_string(meter, out, text, style.ascii);
    }
    match value.kind() {
        ValueKind::None => push(meter, out, "null"),
        ValueKind::Bool => push(meter, out, if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => push(meter, out, &number(value)),
        _ => match value.as_object().map(|object| (object, object.repr())) {
            Some((object, ObjectRepr::Seq | ObjectRepr::Iterable)) => {
                let mut empty = true;
                push(meter, out, "[")?;
                for item in object.try_iter().into_iter().flatten() {
                    separate(meter, out, style, level, std::mem::take(&mut empty))?;
                    write_json(meter, out, &item, style, level + 1)?;
                }
                close(meter, out, style, level, empty, "]")
            }
            Some((object, ObjectRepr::Map)) => {
                let mut empty = true;
                let mut pairs = Vec::new();
                for (key, item) in object.try_iter_pairs().into_iter().flatten() {
                    meter.charge_nodes(1)?;
                    let key = match key.as_str() {
                        Some(text) => text.to_string(),
                        None => return Err(meter.fail("tojson: a key is not a string")),
                    };
                    pairs.push((key, item));
                }
                if style.sort_keys {
                    pairs.sort_by(|a, b| a.0.cmp(&b.0));
                }
                push(meter, out, "{")?;
                for (key, item) in pairs {
                    separate(meter, out, style, level, std::mem::take(&mut empty))?;
                    write_json_string(meter, out, &key, style.ascii)?;
                    push(meter, out, &style.key_separator)?;
                    write_json(meter, out, &item, style, level + 1)?;
                }
                close(meter, out, style, level, empty, "}")
            }
            _ => Err(meter.fail("tojson: a value (undefined, a macro, bytes) has no JSON form")),
        },
    }
}

fn separate(
    meter: &Meter,
    out: &mut String,
    style: &JsonStyle,
    level: usize,
    first: bool,
) -> Result<(), Error> {
    if !first {
        push(meter, out, &style.item_separator)?;
    }
    new_line(meter, out, style, level + 1)
}

fn close(
    meter: &Meter,
    out: &mut String,
    style: &JsonStyle,
    level: usize,
    empty: bool,
    bracket: &str,
) -> Result<(), Error> {
    if !empty {
        new_line(meter, out, style, level)?;
    }
    push(meter, out, bracket)
}

fn new_line(meter: &Meter, out: &mut String, style: &JsonStyle, level: usize) -> Result<(), Error> {
    let Some(indent) = style.indent else { return Ok(()) };
    let width = indent.saturating_mul(level);
    meter.charge(width.saturating_add(1))?;
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', width));
    Ok(())
}

fn write_json_string(meter: &Meter, out: &mut String, text: &str, ascii: bool) -> Result<(), Error> {
    meter.charge(text.len().saturating_mul(2).saturating_add(2))?;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || (ascii && !c.is_ascii()) || (ascii && c == '\u{7f}') => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}

/// Python's `repr` of an int or float.
fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
}

/// The shortest text that reads back as the same double, in Python's layout.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        exponent if (-4..16).contains(&exponent) => {
            let plain = format!("{value}");
            if plain.contains('.') {
                plain
            } else {
                plain + ".0"
            }
        }
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

/// Appends text, charged by its length.
pub(super) fn push(meter: &Meter, out: &mut String, text: &str) -> Result<(), Error> {
    meter.charge(text.len())?;
    out.push_str(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn floats_as_python_prints_them() {
        // From CPython's repr().
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (123_456.789, "123456.789"),
        ] {
            assert_eq!(float(value), text);
        }
    }
}
