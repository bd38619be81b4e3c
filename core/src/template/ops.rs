//! The operators, filters, tests, methods and functions a template may use. Each charges the
//! meter before it works, and each answers with settled data.

use std::sync::Arc;

use minijinja::value::{from_args, Kwargs, ObjectRepr, Rest, ValueKind};
use minijinja::{filters, functions, Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;
use once_cell::sync::Lazy;

use super::date::Date;
use super::meter::Meter;
use super::text::{push, to_json, to_text, write_text, JsonStyle};

/// Names no template can write: its operators are compiled to filters of these names.
pub(super) mod operator {
    pub(in super::super) const ADD: &str = "\u{1}add";
    pub(in super::super) const MUL: &str = "\u{1}mul";
    pub(in super::super) const CONCAT: &str = "\u{1}concat";
    pub(in super::super) const EQ: &str = "\u{1}eq";
    pub(in super::super) const NE: &str = "\u{1}ne";
    pub(in super::super) const LT: &str = "\u{1}lt";
    pub(in super::super) const LE: &str = "\u{1}le";
    pub(in super::super) const GT: &str = "\u{1}gt";
    pub(in super::super) const GE: &str = "\u{1}ge";
    pub(in super::super) const IN: &str = "\u{1}in";
    pub(in super::super) const ITEM: &str = "\u{1}item";
    pub(in super::super) const SLICE: &str = "\u{1}slice";
    pub(in super::super) const LIST: &str = "\u{1}list";
    pub(in super::super) const MAP: &str = "\u{1}map";
    pub(in super::super) const STORE: &str = "\u{1}store";
    pub(in super::super) const ITERATE: &str = "\u{1}iterate";
}

/// The engine's own filters and tests, called one at a time behind the meter.
static BUILTINS: Lazy<Environment<'static>> = Lazy::new(Environment::new);

/// Filters that read their operand once, or a part of it.
const FILTERS: [&str; 21] = [
    "upper",
    "lower",
    "title",
    "capitalize",
    "int",
    "float",
    "abs",
    "round",
    "items",
    "dictsort",
    "unique",
    "sort",
    "reverse",
    "min",
    "max",
    "split",
    "lines",
    "attr",
    "list",
    "escape",
    "e",
];

/// Filters that do not walk into their operand.
const SHALLOW_FILTERS: [&str; 8] = ["length", "count", "first", "last", "default", "d", "bool", "safe"];

/// Tests that look at a value's kind alone.
const KIND_TESTS: [&str; 21] = [
    "defined",
    "undefined",
    "none",
    "string",
    "mapping",
    "sequence",
    "iterable",
    "number",
    "integer",
    "int",
    "float",
    "boolean",
    "true",
    "false",
    "odd",
    "even",
    "divisibleby",
    "lower",
    "upper",
    "safe",
    "sameas",
];

/// Tests that compare values.
const COMPARING_TESTS: [&str; 18] = [
    "eq",
    "equalto",
    "==",
    "ne",
    "!=",
    "lt",
    "lessthan",
    "<",
    "le",
    "<=",
    "gt",
    "greaterthan",
    ">",
    "ge",
    ">=",
    "in",
    "startingwith",
    "endingwith",
];

/// The environment of one render.
pub(super) fn environment(meter: &Arc<Meter>, source: Arc<str>, date: Option<Date>) -> Environment<'static> {
    let mut env = Environment::empty();
    operators(&mut env, meter);
    builtins(&mut env, meter);
    own_filters(&mut env, meter);
    own_functions(&mut env, meter, source, date);
    let m = Arc::clone(meter);
    env.set_unknown_method_callback(move |state, value, name, args| method(&m, state, value, name, args));
    let m = Arc::clone(meter);
    env.set_formatter(move |out, _, value| {
        let text = to_text(&m, value)?;
        out.write_str(&text).map_err(Error::from)
    });
    env
}

fn filter<F>(env: &mut Environment<'static>, meter: &Arc<Meter>, name: &'static str, f: F)
where
    F: Fn(&Meter, &State, &[Value]) -> Result<Value, Error> + Send + Sync + 'static,
{
    let meter = Arc::clone(meter);
    env.add_filter(name, move |state: &State, args: Rest<Value>| f(&meter, state, &args));
}

fn walk_all(meter: &Meter, args: &[Value]) -> Result<(), Error> {
    args.iter().try_for_each(|value| meter.walk(value))
}

fn operators(env: &mut Environment<'static>, meter: &Arc<Meter>) {
    fn binary<F>(env: &mut Environment<'static>, meter: &Arc<Meter>, name: &'static str, f: F)
    where
        F: Fn(&Meter, &Value, &Value) -> Result<Value, Error> + Send + Sync + 'static,
    {
        filter(env, meter, name, move |m, _, args| match args {
            [a, b] => f(m, a, b),
            _ => Err(Error::from(ErrorKind::MissingArgument)),
        });
    }
    fn compare<F>(env: &mut Environment<'static>, meter: &Arc<Meter>, name: &'static str, f: F)
    where
        F: Fn(&Value, &Value) -> bool + Send + Sync + 'static,
    {
        binary(env, meter, name, move |m, a, b| {
            m.walk(a)?;
            m.walk(b)?;
            Ok(Value::from(f(a, b)))
        });
    }
    binary(env, meter, operator::ADD, add);
    binary(env, meter, operator::MUL, multiply);
    binary(env, meter, operator::CONCAT, |m, a, b| {
        let mut out = String::new();
        write_text(m, &mut out, a)?;
        write_text(m, &mut out, b)?;
        Ok(Value::from(out))
    });
    compare(env, meter, operator::EQ, |a, b| a == b);
    compare(env, meter, operator::NE, |a, b| a != b);
    compare(env, meter, operator::LT, |a, b| a < b);
    compare(env, meter, operator::LE, |a, b| a <= b);
    compare(env, meter, operator::GT, |a, b| a > b);
    compare(env, meter, operator::GE, |a, b| a >= b);
    binary(env, meter, operator::IN, contains);
    binary(env, meter, operator::ITEM, |m, container, key| {
        if let Some(text) = container.as_str() {
            m.charge(text.len())?;
        }
        m.walk(key)?;
        if container.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        container.get_item(key)
    });
    filter(env, meter, operator::SLICE, |m, _, args| match args {
        [value, start, stop, step] => slice(m, value, start, stop, step),
        _ => Err(Error::from(ErrorKind::MissingArgument)),
    });
    filter(env, meter, operator::LIST, |m, _, args| {
        args.iter().try_for_each(|item| m.storable(item))?;
        Ok(Value::from_object(args.to_vec()))
    });
    filter(env, meter, operator::MAP, |m, _, args| {
        args.iter().try_for_each(|item| m.storable(item))?;
        let pairs = args.chunks_exact(2).filter_map(|pair| match pair {
            [key, value] => Some((key.clone(), value.clone())),
            _ => None,
        });
        Ok(pairs.collect())
    });
    filter(env, meter, operator::STORE, |m, _, args| {
        let value = args.first().cloned().unwrap_or_default();
        m.storable(&value)?;
        Ok(value)
    });
    filter(env, meter, operator::ITERATE, |m, _, args| {
        let value = args.first().cloned().unwrap_or_default();
        match value.as_str() {
            Some(text) => m.charge_nodes(text.len())?,
            None => m.charge_nodes(value.len().unwrap_or(1))?,
        }
        m.settle(value)
    });
}

fn add(m: &Meter, a: &Value, b: &Value) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (a.as_str(), b.as_str()) {
        let mut out = String::new();
        push(m, &mut out, left)?;
        push(m, &mut out, right)?;
        return Ok(Value::from(out));
    }
    if let (Some(left), Some(right)) = (sequence(a), sequence(b)) {
        let mut items = Vec::new();
        for item in left.try_iter()?.chain(right.try_iter()?) {
            m.charge_nodes(1)?;
            items.push(item);
        }
        return Ok(Value::from_object(items));
    }
    arithmetic(m, "+", a, b, i128::checked_add, |x, y| x + y)
}

fn multiply(m: &Meter, a: &Value, b: &Value) -> Result<Value, Error> {
    let (repeated, times) = if a.is_number() { (b, a) } else { (a, b) };
    // As in Python, a negative count repeats nothing.
    let count = || times.as_i64().map(|n| usize::try_from(n).unwrap_or(0));
    if let (Some(text), Some(count)) = (repeated.as_str(), count()) {
        m.charge(text.len().saturating_mul(count))?;
        return Ok(Value::from(text.repeat(count)));
    }
    if let (Some(list), Some(count)) = (sequence(repeated), count()) {
        let items: Vec<Value> = list.try_iter()?.collect();
        m.charge_nodes(items.len().saturating_mul(count))?;
        // Repeating nothing costs nothing, but would still count to `count`.
        let count = if items.is_empty() { 0 } else { count };
        return Ok(Value::from_object(std::iter::repeat_n(items, count).flatten().collect::<Vec<_>>()));
    }
    arithmetic(m, "*", a, b, i128::checked_mul, |x, y| x * y)
}

fn arithmetic(
    m: &Meter,
    symbol: &str,
    a: &Value,
    b: &Value,
    whole: impl Fn(i128, i128) -> Option<i128>,
    real: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let unsupported = || m.fail(format!("{symbol} is not defined for {} and {}", a.kind(), b.kind()));
    if !a.is_number() || !b.is_number() {
        return Err(unsupported());
    }
    if let (true, true) = (a.is_integer(), b.is_integer()) {
        let (x, y) = (i128::try_from(a.clone())?, i128::try_from(b.clone())?);
        let sum = whole(x, y).and_then(|v| i64::try_from(v).ok());
        return sum.map(Value::from).ok_or_else(|| m.fail("an integer is out of range"));
    }
    let (x, y) = (f64::try_from(a.clone()), f64::try_from(b.clone()));
    Ok(Value::from(real(x.map_err(|_| unsupported())?, y.map_err(|_| unsupported())?)))
}

fn sequence(value: &Value) -> Option<&Value> {
    matches!(value.as_object()?.repr(), ObjectRepr::Seq | ObjectRepr::Iterable).then_some(value)
}

fn contains(m: &Meter, needle: &Value, container: &Value) -> Result<Value, Error> {
    m.walk(needle)?;
    m.walk(container)?;
    if container.is_undefined() {
        return Ok(Value::from(false));
    }
    let found = match (container.as_str(), needle.as_str()) {
        (Some(text), Some(part)) => text.contains(part),
        (Some(_), None) if needle.is_undefined() => false,
        (Some(_), None) => return Err(m.fail("`in`: only a string can be in a string")),
        (None, _) => match container.as_object().map(|object| (object, object.repr())) {
            Some((object, ObjectRepr::Map)) => object.get_value(needle).is_some(),
            Some((object, ObjectRepr::Seq | ObjectRepr::Iterable)) => {
                object.try_iter().into_iter().flatten().any(|item| item == *needle)
            }
            _ => return Err(m.fail(format!("`in`: a {} contains nothing", container.kind()))),
        },
    };
    Ok(Value::from(found))
}

/// Python's `value[start:stop:step]`.
fn slice(m: &Meter, value: &Value, start: &Value, stop: &Value, step: &Value) -> Result<Value, Error> {
    let index = |v: &Value| match v.is_none() || v.is_undefined() {
        true => Ok(None),
        false => v.as_i64().map(Some).ok_or_else(|| m.fail("a slice's bounds must be integers")),
    };
    let (start, stop, step) = (index(start)?, index(stop)?, index(step)?.unwrap_or(1));
    if step == 0 {
        return Err(m.fail("a slice's step must not be 0"));
    }
    if let Some(text) = value.as_str() {
        m.charge_nodes(text.len() / 4 + 1)?;
        let chars: Vec<char> = text.chars().collect();
        let picked = picked(chars.len(), start, stop, step);
        return Ok(Value::from(picked.filter_map(|i| chars.get(i)).collect::<String>()));
    }
    if value.is_undefined() || value.is_none() {
        return Ok(Value::from_object(Vec::<Value>::new()));
    }
    let list = sequence(value).ok_or_else(|| m.fail(format!("a {} cannot be sliced", value.kind())))?;
    let mut items = Vec::new();
    for item in list.try_iter()? {
        m.charge_nodes(1)?;
        items.push(item);
    }
    let picked: Vec<Value> =
        picked(items.len(), start, stop, step).filter_map(|i| items.get(i).cloned()).collect();
    Ok(Value::from_object(picked))
}

/// The indices of a Python slice of `length` items.
fn picked(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    // For a falling slice the bounds lie one lower: -1 stands for "before the first".
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |index: i64| {
        let index = if index < 0 { index.saturating_add(length) } else { index };
        index.clamp(lowest, highest)
    };
    let first = start.map_or(if step > 0 { lowest } else { highest }, bound);
    let end = stop.map_or(if step > 0 { highest } else { lowest }, bound);
    std::iter::successors(Some(first), move |i| i.checked_add(step))
        .take_while(move |i| if step > 0 { *i < end } else { *i > end })
        .filter_map(|i| usize::try_from(i).ok())
}

fn builtins(env: &mut Environment<'static>, meter: &Arc<Meter>) {
    for name in FILTERS {
        filter(env, meter, name, move |m, _, args| {
            // `sort(attribute=…)` and its like follow a path for each item.
            match args.first().and_then(sequence) {
                Some(_) => each(m, args)?,
                None => walk_all(m, args)?,
            }
            m.settle(BUILTINS.empty_state().apply_filter(name, args)?)
        });
    }
    for name in SHALLOW_FILTERS {
        filter(env, meter, name, move |m, _, args| {
            if let Some(text) = args.first().and_then(Value::as_str) {
                m.charge(text.len())?;
            }
            m.settle(BUILTINS.empty_state().apply_filter(name, args)?)
        });
    }
    for (names, deep) in [(KIND_TESTS.as_slice(), false), (COMPARING_TESTS.as_slice(), true)] {
        for name in names {
            let m = Arc::clone(meter);
            env.add_test(*name, move |_: &State, args: Rest<Value>| -> Result<bool, Error> {
                if deep {
                    walk_all(&m, &args)?;
                } else if let Some(text) = args.first().and_then(Value::as_str) {
                    m.charge(text.len())?;
                }
                BUILTINS.empty_state().perform_test(name, &args)
            });
        }
    }
    // These call other filters and tests by name: they must find the guarded ones, so they get
    // the render's own state.
    type Picker =
        fn(&State, Value, Option<std::borrow::Cow<'_, str>>, Rest<Value>) -> Result<Vec<Value>, Error>;
    for (name, pick) in [("select", filters::select as Picker), ("reject", filters::reject as Picker)] {
        filter(env, meter, name, move |m, state, args| {
            each(m, args)?;
            let (value, test, rest) = from_args(args)?;
            m.settle(Value::from_object(pick(state, value, test, rest)?))
        });
    }
    type AttrPicker = fn(
        &State,
        Value,
        std::borrow::Cow<'_, str>,
        Option<std::borrow::Cow<'_, str>>,
        Rest<Value>,
    ) -> Result<Vec<Value>, Error>;
    for (name, pick) in
        [("selectattr", filters::selectattr as AttrPicker), ("rejectattr", filters::rejectattr as AttrPicker)]
    {
        filter(env, meter, name, move |m, state, args| {
            each(m, args)?;
            let (value, attribute, test, rest) = from_args(args)?;
            m.settle(Value::from_object(pick(state, value, attribute, test, rest)?))
        });
    }
    filter(env, meter, "map", |m, state, args| {
        each(m, args)?;
        let (value, rest) = from_args(args)?;
        m.settle(Value::from_object(filters::map(state, value, rest)?))
    });
}

/// What a filter costs that does something with its arguments for each item of its operand.
fn each(m: &Meter, args: &[Value]) -> Result<(), Error> {
    walk_all(m, args)?;
    let items = args.first().and_then(Value::len).unwrap_or(1);
    let arguments: usize = args.iter().skip(1).map(|arg| longest_text(arg, 3)).sum();
    m.charge(items.saturating_mul(arguments.saturating_add(64)))
}

/// A bound on the text in an argument (kwargs hold it one level down).
fn longest_text(value: &Value, depth: usize) -> usize {
    if let Some(text) = value.as_str() {
        return text.len();
    }
    match (value.as_object(), depth.checked_sub(1)) {
        (Some(object), Some(depth)) => object
            .try_iter_pairs()
            .into_iter()
            .flatten()
            .map(|(key, item)| longest_text(&key, depth).saturating_add(longest_text(&item, depth)))
            .fold(0, usize::saturating_add),
        _ => 0,
    }
}

fn own_filters(env: &mut Environment<'static>, meter: &Arc<Meter>) {
    filter(env, meter, "string", |m, _, args| match args {
        [value] => Ok(Value::from(to_text(m, value)?)),
        _ => Err(Error::from(ErrorKind::TooManyArguments)),
    });
    filter(env, meter, "trim", |m, _, args| {
        let (text, chars): (&Value, Option<&str>) = from_args(args)?;
        let text = to_text(m, text)?;
        trim(m, &text, chars, true, true)
    });
    filter(env, meter, "replace", |m, _, args| {
        let (text, old, new, count): (&Value, &str, &str, Option<i64>) = from_args(args)?;
        let text = to_text(m, text)?;
        replace(m, &text, old, new, count)
    });
    filter(env, meter, "join", |m, _, args| {
        let (items, separator, kwargs): (&Value, Option<&Value>, Kwargs) = from_args(args)?;
        let attribute: Option<String> = kwargs.get("attribute")?;
        kwargs.assert_all_used()?;
        let separator = separator.map(|s| to_text(m, s)).transpose()?.unwrap_or_default();
        join(m, items, &separator, attribute.as_deref())
    });
    filter(env, meter, "sum", |m, _, args| {
        let (items,): (&Value,) = from_args(args)?;
        items.try_iter()?.try_fold(Value::from(0), |sum, item| {
            m.charge_nodes(1)?;
            arithmetic(m, "sum", &sum, &item, i128::checked_add, |x, y| x + y)
        })
    });
    filter(env, meter, "indent", |m, _, args| {
        let (text, width, first, blank, kwargs): (&Value, Option<i64>, Option<bool>, Option<bool>, Kwargs) =
            from_args(args)?;
        let width = width.or(kwargs.get("width")?).unwrap_or(4);
        let first = first.or(kwargs.get("first")?).unwrap_or(false);
        let blank = blank.or(kwargs.get("blank")?).unwrap_or(false);
        kwargs.assert_all_used()?;
        indent(m, &to_text(m, text)?, width, first, blank)
    });
    filter(env, meter, "tojson", |m, _, args| {
        let (value, indent, kwargs): (&Value, Option<Value>, Kwargs) = from_args(args)?;
        let indent = indent.or(kwargs.get("indent")?);
        let separators: Option<Vec<String>> = kwargs.get("separators")?;
        let ascii = kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
        let sort_keys = kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
        kwargs.assert_all_used()?;
        let indent = match indent {
            Some(value) if !value.is_none() => {
                let width = value.as_usize().filter(|width| *width <= 16);
                Some(width.ok_or_else(|| m.fail("tojson: indent must be 0 to 16"))?)
            }
            _ => None,
        };
        let (item_separator, key_separator) = match separators.as_deref() {
            None if indent.is_some() => (",".into(), ": ".into()),
            None => (", ".into(), ": ".into()),
            Some([item, key]) => (item.clone(), key.clone()),
            Some(_) => return Err(m.fail("tojson: separators must be two strings")),
        };
        let style = JsonStyle { indent, item_separator, key_separator, ascii, sort_keys };
        Ok(Value::from(to_json(m, value, &style)?))
    });
}

fn trim(m: &Meter, text: &str, chars: Option<&str>, left: bool, right: bool) -> Result<Value, Error> {
    let set: Option<Vec<char>> = chars.map(|chars| chars.chars().collect());
    let width = set.as_ref().map_or(1, |set| set.len() / 8 + 1);
    m.charge(text.len().saturating_mul(width))?;
    let strip = |c: char| set.as_ref().map_or(c.is_whitespace(), |set| set.contains(&c));
    let text = if left { text.trim_start_matches(strip) } else { text };
    let text = if right { text.trim_end_matches(strip) } else { text };
    Ok(Value::from(text))
}

fn replace(m: &Meter, text: &str, old: &str, new: &str, count: Option<i64>) -> Result<Value, Error> {
    m.charge(text.len())?;
    let limit = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let found = text.matches(old).count().min(limit);
    m.charge(found.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::from(text.replacen(old, new, limit)))
}

fn join(m: &Meter, items: &Value, separator: &str, attribute: Option<&str>) -> Result<Value, Error> {
    let mut out = String::new();
    for (i, item) in items.try_iter()?.enumerate() {
        m.charge_nodes(1)?;
        if i > 0 {
            push(m, &mut out, separator)?;
        }
        match attribute {
            Some(name) => write_text(m, &mut out, &item.get_attr(name)?)?,
            None => write_text(m, &mut out, &item)?,
        }
    }
    Ok(Value::from(out))
}

fn indent(m: &Meter, text: &str, width: i64, first: bool, blank: bool) -> Result<Value, Error> {
    let width = usize::try_from(width)
        .ok()
        .filter(|width| *width <= 256)
        .ok_or_else(|| m.fail("indent: the width must be 0 to 256"))?;
    let margin = " ".repeat(width);
    let mut out = String::new();
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            push(m, &mut out, "\n")?;
        }
        if (i > 0 || first) && (blank || !line.is_empty()) {
            push(m, &mut out, &margin)?;
        }
        push(m, &mut out, line)?;
    }
    Ok(Value::from(out))
}

fn own_functions(env: &mut Environment<'static>, meter: &Arc<Meter>, source: Arc<str>, date: Option<Date>) {
    let m = Arc::clone(meter);
    env.add_function("range", move |args: Rest<Value>| {
        let (lower, upper, step): (i32, Option<i32>, Option<i32>) = from_args(&args)?;
        let range = functions::range(lower as isize, upper.map(|v| v as isize), step.map(|v| v as isize))?;
        m.settle(range)
    });
    let m = Arc::clone(meter);
    env.add_function("namespace", move |args: Rest<Value>| {
        args.iter().try_for_each(|value| m.storable(value))?;
        let (defaults,) = from_args(&args)?;
        functions::namespace(defaults)
    });
    let m = Arc::clone(meter);
    env.add_function("dict", move |args: Rest<Value>| {
        args.iter().try_for_each(|value| m.storable(value))?;
        let (value, kwargs) = from_args(&args)?;
        functions::dict(value, kwargs)
    });
    let m = Arc::clone(meter);
    env.add_function("raise_exception", move |args: Rest<Value>| -> Result<Value, Error> {
        // A text the template holds as it is cannot leak a message's content.
        Err(match args.first().and_then(Value::as_str) {
            Some(text) if text.len() <= 500 && source.contains(text) => {
                m.fail(format!("the template refused the messages: {text}"))
            }
            _ => m.fail("the template refused the messages (its reason may quote them and is not shown)"),
        })
    });
    let m = Arc::clone(meter);
    env.add_function("strftime_now", move |args: Rest<Value>| -> Result<Value, Error> {
        let (format,): (&str,) = from_args(&args)?;
        let date = date.ok_or_else(|| m.fail(super::DATE_MISSING))?;
        m.charge(format.len().saturating_mul(9))?;
        date.format(format).map(Value::from).map_err(|_| {
            m.fail("strftime_now: the template asks for more than a date (only %Y %y %m %d %e %b %B %a %A %j %F %D)")
        })
    });
}

/// Python's methods on strings, dicts and lists.
fn method(m: &Meter, state: &State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    walk_all(m, args)?;
    let Some(text) = value.as_str() else {
        if matches!(value.kind(), ValueKind::Map | ValueKind::Seq) {
            m.charge_nodes(value.len().unwrap_or(1))?;
            if name == "count" {
                m.walk(value)?;
            }
        }
        return m.settle(pycompat::unknown_method_callback(state, value, name, args)?);
    };
    m.charge(text.len())?;
    match name {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            trim(m, text, chars, name != "rstrip", name != "lstrip")
        }
        "replace" => {
            let (old, new, count): (&str, &str, Option<i64>) = from_args(args)?;
            replace(m, text, old, new, count)
        }
        "join" => {
            let (items,): (&Value,) = from_args(args)?;
            join(m, items, text, None)
        }
        "format" => Err(m.fail("str.format is not supported in chat templates")),
        "split" | "splitlines" => {
            // One value per piece, at worst one per byte.
            m.charge_nodes(text.len() / 4)?;
            m.settle(pycompat::unknown_method_callback(state, value, name, args)?)
        }
        _ => m.settle(pycompat::unknown_method_callback(state, value, name, args)?),
    }
}

#[cfg(test)]
mod tests {
    use super::picked;

    #[test]
    fn slices_as_python_does() {
        let pick = |length, start, stop, step| picked(length, start, stop, step).collect::<Vec<_>>();
        // From CPython: list(range(5))[start:stop:step].
        assert_eq!(pick(5, None, None, 1), [0, 1, 2, 3, 4]);
        assert_eq!(pick(5, Some(1), None, 1), [1, 2, 3, 4]);
        assert_eq!(pick(5, None, Some(-1), 1), [0, 1, 2, 3]);
        assert_eq!(pick(5, Some(-2), None, 1), [3, 4]);
        assert_eq!(pick(5, Some(-9), Some(9), 2), [0, 2, 4]);
        assert_eq!(pick(5, None, None, -1), [4, 3, 2, 1, 0]);
        assert_eq!(pick(5, Some(3), Some(0), -1), [3, 2, 1]);
        assert_eq!(pick(5, Some(-1), Some(-9), -2), [4, 2, 0]);
        assert_eq!(pick(5, Some(0), Some(2), -1), [0; 0]);
        assert_eq!(pick(0, None, None, -1), [0; 0]);
        assert_eq!(pick(5, Some(i64::MIN), Some(i64::MAX), i64::MAX), [0]);
        assert_eq!(pick(5, Some(i64::MAX), Some(i64::MIN), i64::MIN), [4]);
    }
}
