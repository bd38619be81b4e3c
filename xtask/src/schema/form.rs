//! The forms that fields have: scalars, and objects that are closed.

use attestlm::json::MAX_INTEGER;
use serde_json::{json, Map, Value};

use crate::Failure;

/// A member of an object: its name, and its schema with a description.
pub type Field = (String, Value);

/// A member: what it is in one sentence, and its form.
pub fn field(name: &str, description: impl Into<String>, mut form: Value) -> Field {
    form["description"] = description.into().into();
    (name.to_owned(), form)
}

/// A member for which `null` is the same as absent.
pub fn optional(name: &str, description: impl Into<String>, form: Value) -> Field {
    field(name, description, nullable(form))
}

/// An object of these members and no other.
pub fn closed(required: &[&str], fields: impl IntoIterator<Item = Field>) -> Value {
    let mut object = json!({ "type": "object", "additionalProperties": false });
    object["properties"] = fields.into_iter().collect::<Map<_, _>>().into();
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// An object of exactly these members.
pub fn whole(fields: Vec<Field>) -> Value {
    let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    closed(&names.iter().map(String::as_str).collect::<Vec<_>>(), fields)
}

/// Of the object's members: these are there, those are not.
pub fn only(present: &[&str], absent: &[&str]) -> Value {
    let absent: Map<_, _> = absent.iter().map(|name| ((*name).to_owned(), false.into())).collect();
    json!({ "required": present, "properties": absent })
}

/// As [`only`], where `null` is the same as absent.
pub fn only_given(present: &[&str], absent: &[&str]) -> Value {
    let there = present.iter().map(|name| (name, json!({ "not": { "type": "null" } })));
    let not = absent.iter().map(|name| (name, json!({ "type": "null" })));
    let forms: Map<_, _> = there.chain(not).map(|(name, form)| ((*name).to_owned(), form)).collect();
    json!({ "required": present, "properties": forms })
}

/// `form`, or null.
pub fn nullable(form: Value) -> Value {
    match form {
        Value::Object(mut form) if form.get("type").is_some_and(Value::is_string) => {
            let kind = form["type"].clone();
            form.insert("type".into(), json!([kind, "null"]));
            form.into()
        }
        form => json!({ "anyOf": [form, { "type": "null" }] }),
    }
}

/// A form that stands in `$defs`.
fn def(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The `$defs` that `schema` refers to.
pub fn shared(schema: &Value) -> Value {
    let hex = |bytes: usize| json!({ "type": "string", "pattern": format!("^0x[0-9a-f]{{{}}}$", 2 * bytes) });
    let not_zero = |bytes: usize| {
        let mut form = hex(bytes);
        form["not"] = json!({ "const": attestlm::hex::encode(&vec![0; bytes]) });
        form
    };
    let all = [
        ("address", "20 bytes, in lower-case hex.", hex(20)),
        ("addressNotZero", "20 bytes, not all zero, in lower-case hex.", not_zero(20)),
        (
            "addressOfAPerson",
            "20 bytes in hex: all lower-case, or mixed case with a valid EIP-55 checksum.",
            json!({ "type": "string", "pattern": "^0x[0-9a-fA-F]{40}$" }),
        ),
        ("bytes32", "32 bytes, in lower-case hex.", hex(32)),
        ("bytes32NotZero", "32 bytes, not all zero, in lower-case hex.", not_zero(32)),
        ("signature", "65 bytes, in lower-case hex: r, s and v.", hex(65)),
        ("uint32", "A whole number below 2^32.", integer(0, u32::MAX.into())),
        ("uint64", "A whole number below 2^64, in decimal, without leading zeros.", decimal(u64::MAX)),
    ];
    let text = schema.to_string();
    let used = |(name, description, mut form): (&str, &str, Value)| {
        form["description"] = description.into();
        text.contains(&format!("\"#/$defs/{name}\"")).then(|| (name.to_owned(), form))
    };
    all.into_iter().filter_map(used).collect::<Map<_, _>>().into()
}

/// 20 bytes.
pub fn address() -> Value {
    def("address")
}

/// 20 bytes, not all zero.
pub fn address_not_zero() -> Value {
    def("addressNotZero")
}

/// 20 bytes as a person types them.
pub fn address_of_a_person() -> Value {
    def("addressOfAPerson")
}

/// 32 bytes.
pub fn bytes32() -> Value {
    def("bytes32")
}

/// 32 bytes, not all zero.
pub fn bytes32_not_zero() -> Value {
    def("bytes32NotZero")
}

/// 65 bytes.
pub fn signature() -> Value {
    def("signature")
}

/// A `uint32`.
pub fn uint32() -> Value {
    def("uint32")
}

/// A `uint64` as a string.
pub fn uint64() -> Value {
    def("uint64")
}

/// A `uint64` as a string or, up to 2^53, as a number.
pub fn uint64_or_number() -> Value {
    json!({ "anyOf": [uint64(), integer(0, MAX_INTEGER)] })
}

/// A JSON integer.
pub fn integer(low: u64, high: u64) -> Value {
    json!({ "type": "integer", "minimum": low, "maximum": high })
}

/// A count, of anything that fits the memory.
pub fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// `true` or `false`.
pub fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A text.
pub fn text() -> Value {
    json!({ "type": "string" })
}

/// A text that is not empty. A schema counts characters: bytes, which the library counts, are as many or more.
pub fn text_up_to(bytes: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": bytes })
}

/// One of these texts.
pub fn one_of<T: Into<Value>>(names: impl IntoIterator<Item = T>) -> Value {
    json!({ "enum": names.into_iter().map(Into::into).collect::<Vec<Value>>() })
}

/// An array.
pub fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An array of at most `most`.
pub fn list_up_to(most: usize, items: Value) -> Value {
    json!({ "type": "array", "items": items, "maxItems": most })
}

/// A whole number up to `most` in decimal, as a string.
pub fn decimal(most: u64) -> Value {
    json!({ "type": "string", "pattern": format!("^(?:{})$", up_to(most)) })
}

/// A real number as a person writes it: a number, or a decimal string of at most six places.
///
/// # Errors
/// Bounds that [`magnitude`] cannot tell.
pub fn real(low: i64, high: i64) -> Result<Value, Failure> {
    const ZERO: &str = r"0+(?:\.0{1,6})?";
    let magnitude = magnitude(high, r"\.[0-9]{1,6}", r"(?:\.0{1,6})?")?;
    let mut string = json!({ "type": "string" });
    string["pattern"] = match low {
        0 => format!("^(?:[+]?0*(?:{magnitude})|-{ZERO})$"),
        1 => format!("^[+]?0*(?:{magnitude})$"),
        _ => format!("^[+-]?0*(?:{magnitude})$"),
    }
    .into();
    if low == 1 {
        string["not"] = json!({ "pattern": format!("^[+]?{ZERO}$") });
    }
    let number = json!({ "type": "number", "minimum": whole_or_real(low), "maximum": whole_or_real(high) });
    bounded(low, high, json!({ "anyOf": [number, string] }))
}

/// A real number in its one form as a string.
///
/// # Errors
/// Bounds that [`magnitude`] cannot tell.
pub fn canonical_real(low: i64, high: i64) -> Result<Value, Failure> {
    let magnitude = magnitude(high, r"\.[0-9]{0,5}[1-9]", "")?;
    let sign = if low < 0 { "-?" } else { "" };
    let mut string = json!({ "type": "string", "pattern": format!("^{sign}(?:{magnitude})$") });
    match low {
        0 => {}
        1 => string["not"] = json!({ "const": "0" }),
        _ => string["not"] = json!({ "const": "-0" }),
    }
    bounded(low, high, string)
}

/// A lower bound is 0, a millionth, or the upper one's opposite.
fn bounded(low: i64, high: i64, form: Value) -> Result<Value, Failure> {
    match low {
        0 | 1 => Ok(form),
        _ if low == -high => Ok(form),
        _ => Err(format!("no pattern for {low} to {high} millionths").into()),
    }
}

/// A pattern of the magnitudes up to `high` millionths.
fn magnitude(high: i64, places: &str, no_places: &str) -> Result<String, Failure> {
    let whole = u64::try_from(high / 1_000_000)?;
    if high % 1_000_000 != 0 || whole == 0 {
        return Err(format!("no pattern for up to {high} millionths").into());
    }
    Ok(format!("(?:{})(?:{places})?|{whole}{no_places}", up_to(whole - 1)))
}

/// Millionths as a JSON number.
#[allow(clippy::cast_precision_loss)] // below 2^53
fn whole_or_real(millionths: i64) -> Value {
    match millionths % 1_000_000 {
        0 => (millionths / 1_000_000).into(),
        _ => (millionths as f64 / 1e6).into(),
    }
}

/// A pattern of the decimal numbers up to `most`, without leading zeros.
pub fn up_to(most: u64) -> String {
    let digits = most.to_string();
    if let [digit] = digits.as_bytes() {
        return format!("[0-{}]", char::from(*digit));
    }
    let mut forms = vec!["0".to_owned(), format!("[1-9][0-9]{{0,{}}}", digits.len() - 2)];
    for (at, digit) in digits.bytes().enumerate() {
        let low = if at == 0 { b'1' } else { b'0' };
        if digit > low {
            let (low, high, rest) = (char::from(low), char::from(digit - 1), digits.len() - 1 - at);
            let rest = if rest == 0 { String::new() } else { format!("[0-9]{{{rest}}}") };
            forms.push(format!("{}[{low}-{high}]{rest}", &digits[..at]));
        }
    }
    forms.push(digits);
    forms.join("|")
}
