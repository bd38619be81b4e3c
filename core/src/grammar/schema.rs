//! JSON schemas (draft 2020-12, a subset) compiled to rules.
//!
//! Every text let through is an instance of the schema; not every instance is let through (see
//! `docs/grammar.md`). A keyword that cannot be honoured is an error that names its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::charset::CharSet;
use super::json::{self, Json};
use super::number::{self, Bound};
use super::pattern;
use super::rules::{Expr, RuleId, Rules};
use super::{fault, gbnf, short, Limits};
use crate::Result;

/// JSON itself, and the string formats supported.
const PRELUDE: &str = include_str!("json.gbnf");
const FORMATS: [&str; 5] = ["date", "time", "date-time", "uuid", "ipv4"];

/// Keywords that constrain nothing.
const ANNOTATIONS: [&str; 12] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];
const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

fn keywords_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "object" => &["properties", "required", "additionalProperties"],
        "array" => &["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
        "string" => &["minLength", "maxLength", "pattern", "format"],
        "number" | "integer" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        _ => &[],
    }
}

/// Alternatives of one `oneOf`, which are compared pair by pair.
const ONE_OF: usize = 64;

/// The rules of the schema `text`, and the one its instances begin with.
pub(super) fn compile(text: &str) -> Result<(Rules, Option<RuleId>)> {
    let document = json::parse(text)?;
    let (rules, _) = gbnf::parse(PRELUDE)?;
    let named = rules.0.iter().enumerate().map(|(id, r)| (r.label.clone(), id)).collect();
    let mut compiler = Compiler { document: &document, rules, named, refs: HashMap::new(), work: Vec::new() };
    let root = compiler.later(&document, "#".to_owned());
    while let Some((id, schema, place)) = compiler.work.pop() {
        let body = compiler.schema(schema, &place)?;
        compiler.rules.define(id, body);
        if compiler.rules.0.len() > Limits::NODES {
            return Err(fault(format!("the schema needs more than {} rules", Limits::NODES)));
        }
    }
    Ok((compiler.rules, Some(root)))
}

type Members = [(String, Json)];

struct Compiler<'a> {
    document: &'a Json,
    rules: Rules,
    /// Rules of the prelude.
    named: HashMap<String, RuleId>,
    /// Rules of `$ref` targets, by the target's address in `document`: one target, one rule,
    /// however many references lead to it.
    refs: HashMap<*const Json, RuleId>,
    /// Schemas still to be compiled: nesting costs no stack.
    work: Vec<(RuleId, &'a Json, String)>,
}

fn bad<T>(place: &str, message: impl std::fmt::Display) -> Result<T> {
    Err(fault(format!("schema {place}: {message}")))
}

/// `place` as a JSON pointer, one step deeper; long names and long paths are cut, for they are
/// kept with every rule.
fn below(place: &str, step: &str) -> String {
    let mut path = place.to_owned();
    if path.len() > 200 {
        path.truncate(path.floor_char_boundary(200));
        path.push('…');
        return path;
    }
    path.push('/');
    path.push_str(&short(step).replace('~', "~0").replace('/', "~1"));
    path
}

impl<'a> Compiler<'a> {
    fn named(&self, name: &str) -> Expr {
        self.named.get(name).map_or(Expr::NEVER, |id| Expr::Rule(*id))
    }

    fn later(&mut self, schema: &'a Json, place: String) -> RuleId {
        let id = self.rules.declare(place.clone());
        self.work.push((id, schema, place));
        id
    }

    fn schema(&mut self, schema: &'a Json, place: &str) -> Result<Expr> {
        let members = match schema {
            Json::Bool(true) => return Ok(self.named("value")),
            Json::Bool(false) => return Ok(Expr::NEVER),
            Json::Object(members) => members,
            _ => return bad(place, "a schema is an object or a boolean"),
        };
        for single in ["$ref", "allOf", "anyOf", "oneOf"] {
            if let Some(value) = schema.get(single) {
                only(members, &[single], place, &format!("beside {single:?}"))?;
                return self.combined(single, value, place);
            }
        }
        let types = types(schema, place)?;
        if let Some(values) = constants(schema, place)? {
            only(members, &["const", "enum", "type"], place, "beside \"const\" or \"enum\"")?;
            let fits = |value: &&Json| types.as_ref().is_none_or(|t| t.iter().any(|t| has_type(value, t)));
            return Ok(Expr::Alt(values.into_iter().filter(fits).map(|v| self.constant(v)).collect()));
        }
        let given = |kind: &str| members.iter().any(|(n, _)| keywords_of(kind).contains(&n.as_str()));
        let types = match types {
            Some(types) => types.to_vec(),
            // Keywords say what is meant; without any, every value is.
            None => TYPES.iter().copied().filter(|t| *t != "integer" && given(t)).collect(),
        };
        let known: Vec<&str> = types
            .iter()
            .chain(TYPES.iter().filter(|_| types.is_empty()))
            .flat_map(|t| keywords_of(t))
            .copied()
            .collect();
        let known = [known.as_slice(), &["type"]].concat();
        only(members, &known, place, &format!("with type {types:?}"))?;
        if types.is_empty() {
            return Ok(self.named("value"));
        }
        let mut alternatives = Vec::new();
        for kind in &types {
            alternatives.push(match *kind {
                "object" => self.object(schema, place)?,
                "array" => self.array(schema, place)?,
                "string" => self.string(schema, place)?,
                "integer" if types.contains(&"number") => continue,
                "number" | "integer" => self.number(schema, *kind == "integer", place)?,
                other => self.named(other),
            });
        }
        Ok(Expr::Alt(alternatives))
    }

    fn combined(&mut self, keyword: &str, value: &'a Json, place: &str) -> Result<Expr> {
        let place = below(place, keyword);
        if keyword == "$ref" {
            let Json::String(reference) = value else { return bad(&place, "a reference is a string") };
            let Some(target) = resolve(self.document, reference) else {
                return bad(&place, "only references into this document (#/...) that exist are supported");
            };
            if let Some(id) = self.refs.get(&std::ptr::from_ref(target)) {
                return Ok(Expr::Rule(*id));
            }
            let id = self.later(target, short(reference));
            self.refs.insert(target, id);
            return Ok(Expr::Rule(id));
        }
        let Json::Array(schemas) = value else { return bad(&place, "an array of schemas is expected") };
        if schemas.is_empty() {
            return bad(&place, "the array is empty");
        }
        if keyword == "allOf" && schemas.len() > 1 {
            return bad(&place, "more than one schema to be satisfied at once is not supported");
        }
        if keyword == "oneOf" {
            self.refuse_overlap(schemas, &place)?;
        }
        let rules =
            schemas.iter().enumerate().map(|(i, s)| Expr::Rule(self.later(s, below(&place, &i.to_string()))));
        Ok(Expr::Alt(rules.collect()))
    }

    /// `oneOf` demands that no other alternative matches, which a grammar cannot see: the
    /// alternatives must differ in type, or in the constants of a property they all require.
    fn refuse_overlap(&self, schemas: &'a [Json], place: &str) -> Result<()> {
        if schemas.len() > ONE_OF {
            return bad(place, format_args!("more than {ONE_OF} alternatives"));
        }
        let resolved: Vec<&Json> = schemas.iter().map(|s| self.target(s)).collect();
        for (i, a) in resolved.iter().enumerate() {
            for (j, b) in resolved.iter().enumerate().skip(i + 1) {
                if !disjoint(a, b) && !discriminated(self, a, b) {
                    return bad(
                        place,
                        format_args!("alternatives {i} and {j} may both match the same value; use anyOf, different types, or a required property with different constants"),
                    );
                }
            }
        }
        Ok(())
    }

    /// Follows a short chain of references.
    fn target(&self, schema: &'a Json) -> &'a Json {
        let mut at = schema;
        for _ in 0..8 {
            match at.get("$ref") {
                Some(Json::String(reference)) => match resolve(self.document, reference) {
                    Some(next) => at = next,
                    None => break,
                },
                _ => break,
            }
        }
        at
    }

    /// `value` itself, with the white space allowed everywhere. As deep as the document at most.
    fn constant(&self, value: &Json) -> Expr {
        match value {
            Json::Null => Expr::literal("null"),
            Json::Bool(b) => Expr::literal(if *b { "true" } else { "false" }),
            Json::Number(text) => Expr::Literal(text.clone()),
            Json::String(text) => Expr::Literal(json::quote(text)),
            Json::Array(items) => self.listed("[", items.iter().map(|v| self.constant(v)).collect(), "]"),
            Json::Object(members) => {
                let member = |(n, v): &(String, Json)| Expr::Seq(vec![self.name(n), self.constant(v)]);
                self.listed("{", members.iter().map(member).collect(), "}")
            }
        }
    }

    fn listed(&self, open: &str, items: Vec<Expr>, close: &str) -> Expr {
        let mut seq = vec![Expr::literal(open), self.named("ws")];
        let last = items.len();
        for (i, item) in items.into_iter().enumerate() {
            seq.push(item);
            if i + 1 < last {
                seq.push(self.comma());
            }
        }
        if last > 0 {
            seq.push(self.named("ws"));
        }
        seq.push(Expr::literal(close));
        Expr::Seq(seq)
    }

    fn comma(&self) -> Expr {
        Expr::Seq(vec![Expr::literal(","), self.named("ws")])
    }

    /// A member's name and the colon.
    fn name(&self, name: &str) -> Expr {
        Expr::Seq(vec![Expr::Literal(json::quote(name) + ":"), self.named("ws")])
    }

    fn object(&mut self, schema: &'a Json, place: &str) -> Result<Expr> {
        let properties: &'a Members = match schema.get("properties") {
            None => &[],
            Some(Json::Object(members)) => members,
            Some(_) => return bad(&below(place, "properties"), "an object of schemas is expected"),
        };
        let required = strings(schema.get("required"), &below(place, "required"))?;
        let additional: Option<&'a Json> = match schema.get("additionalProperties") {
            Some(Json::Bool(false)) => None,
            Some(other) => Some(other),
            // Declared properties close the object unless it says otherwise.
            None if schema.get("properties").is_some() => None,
            None => Some(&Json::Bool(true)),
        };
        let additional_rule = additional.map(|other| self.later(other, below(place, "additionalProperties")));

        // Members in the order declared, then those only required, then any others.
        let mut members: Vec<(&str, RuleId, bool)> = Vec::new();
        for (name, schema) in properties {
            let rule = self.later(schema, below(&below(place, "properties"), name));
            members.push((name, rule, required.contains(name.as_str())));
        }
        let declared: BTreeSet<&str> = properties.iter().map(|(n, _)| n.as_str()).collect();
        for name in required.iter().filter(|n| !declared.contains(*n)) {
            let Some(rule) = additional_rule else {
                return bad(
                    &below(place, "required"),
                    format_args!("\"{}\" is required but not allowed", short(name)),
                );
            };
            members.push((name, rule, true));
        }

        // `first` finishes an object without members so far, `rest` one with members.
        let end = Expr::Seq(vec![self.named("ws"), Expr::literal("}")]);
        let (mut first, mut rest) = (Expr::literal("}"), end.clone());
        if let Some(value) = additional_rule {
            let names: BTreeSet<&str> = members.iter().map(|m| m.0).collect();
            let name = self.other_name(&names, place);
            let member = Expr::Seq(vec![name, Expr::literal(":"), self.named("ws"), Expr::Rule(value)]);
            let member = Expr::Rule(self.rules.add(place, member));
            let more = Expr::Seq(vec![self.comma(), member.clone()]).any_number();
            rest = Expr::Rule(self.rules.add(place, Expr::Seq(vec![more, end])));
            first = Expr::Alt(vec![first, Expr::Seq(vec![member, rest.clone()])]);
        }
        for (name, value, needed) in members.into_iter().rev() {
            let member = Expr::Seq(vec![self.name(name), Expr::Rule(value), rest.clone()]);
            let member = Expr::Rule(self.rules.add(place, member));
            let with_comma = Expr::Seq(vec![self.comma(), member.clone()]);
            let optional =
                |with: Expr, without: Expr| if needed { with } else { Expr::Alt(vec![with, without]) };
            first = Expr::Rule(self.rules.add(place, optional(member, first)));
            rest = Expr::Rule(self.rules.add(place, optional(with_comma, rest)));
        }
        Ok(Expr::Seq(vec![Expr::literal("{"), self.named("ws"), first]))
    }

    /// A member name that is none of `names`. Names that a schema declares are matched as they
    /// are escaped in full, so that no other spelling of one gets past: other names are
    /// written without escapes.
    fn other_name(&mut self, names: &BTreeSet<&str>, place: &str) -> Expr {
        if names.is_empty() {
            return self.named("string");
        }
        // A tree over the names' characters; at each node any other character leads out of it.
        let mut children: Vec<BTreeMap<char, usize>> = vec![BTreeMap::new()];
        let mut taken = BTreeSet::new();
        for name in names {
            let mut at = 0;
            for c in name.chars() {
                let fresh = children.len();
                let next = children.get_mut(at).map_or(0, |node| *node.entry(c).or_insert(fresh));
                if next == fresh {
                    children.push(BTreeMap::new());
                }
                at = next;
            }
            taken.insert(at);
        }
        let plain = CharSet::new(vec![
            (0, 0x1F),
            (u32::from('"'), u32::from('"')),
            (u32::from('\\'), u32::from('\\')),
        ])
        .negate();
        let free = Expr::Seq(vec![Expr::Class(plain.clone()).any_number(), Expr::literal("\"")]);
        let free = Expr::Rule(self.rules.add(place, free));
        let ids: Vec<RuleId> = children.iter().map(|_| self.rules.declare(place)).collect();
        for (at, node) in children.iter().enumerate() {
            let mut out = Vec::new();
            let used = CharSet::new(node.keys().map(|&c| (u32::from(c), u32::from(c))).collect());
            out.push(Expr::Seq(vec![Expr::Class(plain.minus(&used)), free.clone()]));
            for (&c, &next) in node.iter().filter(|(c, _)| plain.contains(**c)) {
                let next = ids.get(next).map_or(Expr::NEVER, |id| Expr::Rule(*id));
                out.push(Expr::Seq(vec![Expr::Class(CharSet::single(c)), next]));
            }
            if !taken.contains(&at) {
                out.push(Expr::literal("\""));
            }
            if let Some(&id) = ids.get(at) {
                self.rules.define(id, Expr::Alt(out));
            }
        }
        let tree = ids.first().map_or(Expr::NEVER, |id| Expr::Rule(*id));
        Expr::Seq(vec![Expr::literal("\""), tree])
    }

    fn array(&mut self, schema: &'a Json, place: &str) -> Result<Expr> {
        match schema.get("uniqueItems") {
            None | Some(Json::Bool(false)) => {}
            Some(_) => return bad(&below(place, "uniqueItems"), "unique items are not supported"),
        }
        let prefix: &'a [Json] = match schema.get("prefixItems") {
            None => &[],
            Some(Json::Array(items)) if items.len() <= Limits::REPEAT as usize => items,
            Some(_) => {
                return bad(&below(place, "prefixItems"), "an array of at most 10,000 schemas is expected")
            }
        };
        let items = match schema.get("items") {
            Some(Json::Bool(false)) => None,
            Some(other) => Some(other),
            // A tuple ends with its last item unless it says otherwise.
            None if prefix.is_empty() => Some(&Json::Bool(true)),
            None => None,
        };
        let fixed = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
        let max = count(schema, "maxItems", place)?;
        // Likewise all of a tuple's items are written unless fewer are asked for.
        let min = count(schema, "minItems", place)?.unwrap_or(fixed.min(max.unwrap_or(fixed)));
        if max.is_some_and(|max| max < min) {
            return bad(place, "maxItems is below minItems");
        }

        // From the last place to the first: `rest` finishes an array with the items before it.
        let end = Expr::Seq(vec![self.named("ws"), Expr::literal("]")]);
        let no_items = || Expr::literal("]");
        let mut rest = match items {
            Some(items) => {
                let item = Expr::Rule(self.later(items, below(place, "items")));
                let more = Expr::Seq(vec![self.comma(), item.clone()]);
                let more = |min, max| Expr::Repeat(Box::new(more), min, max);
                if !prefix.is_empty() {
                    let max_more = max.map(|max| max.saturating_sub(fixed));
                    Expr::Seq(vec![more(min.saturating_sub(fixed), max_more), end.clone()])
                } else {
                    let mut ways = Vec::new();
                    if min == 0 {
                        ways.push(no_items());
                    }
                    if max != Some(0) {
                        // The first item has no comma.
                        let others = more(min.saturating_sub(1), max.map(|max| max - 1));
                        ways.push(Expr::Seq(vec![item, others, end.clone()]));
                    }
                    Expr::Alt(ways)
                }
            }
            None if min > fixed => Expr::NEVER,
            None if fixed == 0 => no_items(),
            None => end.clone(),
        };
        for (i, schema) in (0..fixed).zip(prefix).rev() {
            let item = Expr::Rule(self.later(schema, below(&below(place, "prefixItems"), &i.to_string())));
            let comma = if i == 0 { Expr::EMPTY } else { self.comma() };
            let mut ways = Vec::new();
            if max.is_none_or(|max| max > i) {
                ways.push(Expr::Seq(vec![comma, item, rest]));
            }
            if min <= i {
                ways.push(if i == 0 { no_items() } else { end.clone() });
            }
            rest = Expr::Rule(self.rules.add(place, Expr::Alt(ways)));
        }
        Ok(Expr::Seq(vec![Expr::literal("["), self.named("ws"), rest]))
    }

    fn string(&mut self, schema: &'a Json, place: &str) -> Result<Expr> {
        let min = count(schema, "minLength", place)?;
        let max = count(schema, "maxLength", place)?;
        let (pattern, format) = (schema.get("pattern"), schema.get("format"));
        let given = [min.is_some() || max.is_some(), pattern.is_some(), format.is_some()];
        if given.into_iter().filter(|g| *g).count() > 1 {
            return bad(place, "only one of pattern, format and length limits is supported at once");
        }
        let inside = match (pattern, format) {
            (Some(Json::String(text)), _) => match pattern::compile(text) {
                Ok(expr) => expr,
                Err(message) => return bad(&below(place, "pattern"), message),
            },
            (_, Some(Json::String(name))) if FORMATS.contains(&name.as_str()) => self.named(name),
            (Some(_), _) => return bad(&below(place, "pattern"), "a string is expected"),
            (_, Some(_)) => {
                return bad(&below(place, "format"), format_args!("the formats supported are {FORMATS:?}"))
            }
            (None, None) if given == [false; 3] => return Ok(self.named("string")),
            (None, None) => {
                if max.is_some_and(|max| max < min.unwrap_or(0)) {
                    return bad(place, "maxLength is below minLength");
                }
                Expr::Repeat(Box::new(self.named("char")), min.unwrap_or(0), max)
            }
        };
        Ok(Expr::Seq(vec![Expr::literal("\""), inside, Expr::literal("\"")]))
    }

    fn number(&mut self, schema: &'a Json, integer: bool, place: &str) -> Result<Expr> {
        match schema.get("multipleOf") {
            None => {}
            Some(Json::Number(n)) if integer && matches!(n.as_str(), "1" | "1.0") => {}
            Some(_) => {
                return bad(&below(place, "multipleOf"), "only integers with multipleOf 1 are supported")
            }
        }
        let bound = |inclusive: &str, exclusive: &str| {
            let (keyword, value, closed) = match (schema.get(inclusive), schema.get(exclusive)) {
                (None, None) => return Ok(None),
                (Some(value), None) => (inclusive, value, true),
                (None, Some(value)) => (exclusive, value, false),
                (Some(_), Some(_)) => {
                    return bad(place, format_args!("give only one of {inclusive} and {exclusive}"))
                }
            };
            match value {
                Json::Number(text) => match Bound::parse(text, closed) {
                    Ok(bound) => Ok(Some(bound)),
                    Err(message) => bad(&below(place, keyword), message),
                },
                _ => bad(&below(place, keyword), "a number is expected"),
            }
        };
        let lo = bound("minimum", "exclusiveMinimum")?;
        let hi = bound("maximum", "exclusiveMaximum")?;
        if lo.is_none() && hi.is_none() {
            return Ok(self.named(if integer { "integer" } else { "number" }));
        }
        Ok(number::range(lo.as_ref(), hi.as_ref(), !integer))
    }
}

/// Refuses every keyword but annotations and `known`.
fn only(members: &Members, known: &[&str], place: &str, context: &str) -> Result<()> {
    for (name, _) in members {
        if !known.contains(&name.as_str()) && !ANNOTATIONS.contains(&name.as_str()) {
            return bad(&below(place, name), format_args!("this keyword is not supported {context}"));
        }
    }
    Ok(())
}

/// The types a schema names; `None`: it names none. `integer` is dropped beside `number`.
fn types<'a>(schema: &'a Json, place: &str) -> Result<Option<Vec<&'static str>>> {
    let known = |value: &'a Json| match value {
        Json::String(name) => TYPES.iter().copied().find(|t| t == name),
        _ => None,
    };
    let named: Option<Vec<_>> = match schema.get("type") {
        None => return Ok(None),
        Some(Json::Array(names)) if !names.is_empty() && names.len() <= TYPES.len() => {
            names.iter().map(known).collect()
        }
        Some(one) => known(one).map(|t| vec![t]),
    };
    match named {
        Some(types) if types.iter().collect::<BTreeSet<_>>().len() == types.len() => Ok(Some(types)),
        _ => bad(&below(place, "type"), format_args!("one or several of {TYPES:?} are expected")),
    }
}

fn has_type(value: &Json, kind: &str) -> bool {
    match value {
        Json::Null => kind == "null",
        Json::Bool(_) => kind == "boolean",
        // 1.0 and 1e2 are integers too; not to allow them is on the safe side.
        Json::Number(n) => kind == "number" || kind == "integer" && !n.contains(['.', 'e', 'E']),
        Json::String(_) => kind == "string",
        Json::Array(_) => kind == "array",
        Json::Object(_) => kind == "object",
    }
}

/// The values of `const` or `enum`.
fn constants<'a>(schema: &'a Json, place: &str) -> Result<Option<Vec<&'a Json>>> {
    match (schema.get("const"), schema.get("enum")) {
        (None, None) => Ok(None),
        (Some(value), None) => Ok(Some(vec![value])),
        (None, Some(Json::Array(values))) if !values.is_empty() => Ok(Some(values.iter().collect())),
        (None, Some(_)) => bad(&below(place, "enum"), "an array of values is expected"),
        (Some(_), Some(_)) => bad(place, "give only one of const and enum"),
    }
}

/// `#`, or `#/` and a JSON pointer (RFC 6901), percent escapes aside.
fn resolve<'a>(document: &'a Json, reference: &str) -> Option<&'a Json> {
    let pointer = reference.strip_prefix('#')?;
    let mut at = document;
    if pointer.is_empty() {
        return Some(at);
    }
    for step in pointer.strip_prefix('/')?.split('/') {
        let step = step.replace("~1", "/").replace("~0", "~");
        at = match at {
            Json::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            _ => at.get(&step)?,
        };
    }
    Some(at)
}

fn strings<'a>(value: Option<&'a Json>, place: &str) -> Result<BTreeSet<&'a str>> {
    let mut out = BTreeSet::new();
    match value {
        None => {}
        Some(Json::Array(items)) => {
            for item in items {
                match item {
                    Json::String(text) if out.insert(text.as_str()) => {}
                    _ => return bad(place, "an array of different strings is expected"),
                }
            }
        }
        Some(_) => return bad(place, "an array of different strings is expected"),
    }
    Ok(out)
}

fn count(schema: &Json, keyword: &str, place: &str) -> Result<Option<u32>> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(Json::Number(n)) => match n.strip_suffix(".0").unwrap_or(n).parse::<u32>() {
            Ok(n) if n <= Limits::REPEAT => Ok(Some(n)),
            _ => {
                bad(&below(place, keyword), format_args!("a count from 0 to {} is expected", Limits::REPEAT))
            }
        },
        Some(_) => bad(&below(place, keyword), "a number is expected"),
    }
}

/// Whether no value can satisfy both, judged by types and string constants alone.
fn disjoint(a: &Json, b: &Json) -> bool {
    let kinds = |s: &Json| match constants(s, "") {
        Ok(Some(values)) => {
            Some(TYPES.iter().copied().filter(|t| values.iter().any(|v| has_type(v, t))).collect::<Vec<_>>())
        }
        _ => types(s, "").ok().flatten(),
    };
    let same =
        |a: &str, b: &str| a == b || [a, b] == ["integer", "number"] || [a, b] == ["number", "integer"];
    if let (Some(x), Some(y)) = (kinds(a), kinds(b)) {
        if !x.iter().any(|x| y.iter().any(|y| same(x, y))) {
            return true;
        }
    }
    let texts = |s: &Json| -> Option<BTreeSet<String>> {
        let text = |v: &Json| if let Json::String(t) = v { Some(t.clone()) } else { None };
        constants(s, "").ok().flatten()?.into_iter().map(text).collect()
    };
    matches!((texts(a), texts(b)), (Some(a), Some(b)) if a.is_disjoint(&b))
}

/// Whether both are objects that require a property which tells them apart.
fn discriminated<'a>(compiler: &Compiler<'a>, a: &'a Json, b: &'a Json) -> bool {
    let object = |s: &Json| matches!(types(s, ""), Ok(Some(t)) if t == ["object"]);
    let (Ok(in_a), Ok(in_b)) = (strings(a.get("required"), ""), strings(b.get("required"), "")) else {
        return false;
    };
    object(a)
        && object(b)
        && in_a.intersection(&in_b).any(|name| {
            let property =
                |s: &'a Json| s.get("properties").and_then(|p| p.get(name)).map(|p| compiler.target(p));
            matches!((property(a), property(b)), (Some(a), Some(b)) if disjoint(a, b))
        })
}
