//! The schemas against the library.

mod inputs;
mod outputs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jsonschema::{Registry, Validator};
use serde_json::Value;

use super::schemas;

/// Every schema with its validator, by name.
pub struct Schemas {
    texts: BTreeMap<String, Value>,
    validators: BTreeMap<String, Validator>,
}

impl Schemas {
    fn new() -> Self {
        let texts = schemas().unwrap();
        let uri = |id: &str| format!("json-schema:///{id}");
        let add = |registry: jsonschema::RegistryBuilder<'static>, (id, schema): (&String, &Value)| {
            registry.add(uri(id), schema.clone()).unwrap()
        };
        let registry = texts.iter().fold(Registry::new(), add).prepare().unwrap();
        let validator = |(id, schema): (&String, &Value)| {
            let options = jsonschema::options().with_base_uri(uri(id)).with_registry(&registry);
            (id.clone(), options.build(schema).unwrap_or_else(|e| panic!("{id}: {e}")))
        };
        let validators = texts.iter().map(validator).collect();
        Schemas { texts, validators }
    }

    fn text(&self, name: &str) -> &Value {
        &self.texts[&format!("{name}.schema.json")]
    }

    fn takes(&self, name: &str, value: &Value) -> bool {
        self.validators[&format!("{name}.schema.json")].is_valid(value)
    }

    #[track_caller]
    fn assert_takes(&self, name: &str, value: &Value) {
        if let Err(error) = self.validators[&format!("{name}.schema.json")].validate(value) {
            panic!("{name}: at `{}`: {error}", error.instance_path());
        }
    }

    /// What is said of the value at `path` of a document of schema `name`, through every reference.
    fn forms<'a>(&'a self, name: &str, path: &[Key]) -> Vec<&'a Value> {
        let root = self.text(name);
        let mut forms = self.meant(root, root);
        for key in path {
            let below = |(root, form): (&'a Value, &'a Value)| {
                let next = match key {
                    Key::Index(_) => form.get("items"),
                    Key::Name(name) => form
                        .get("properties")
                        .and_then(|all| all.get(name))
                        .or_else(|| form.get("additionalProperties").filter(|rest| rest.is_object())),
                };
                next.map_or_else(Vec::new, |next| self.meant(root, next))
            };
            forms = forms.into_iter().flat_map(below).collect();
        }
        forms.into_iter().map(|(_, form)| form).collect()
    }

    /// `form` and what it refers to or combines, each with the file it is in.
    fn meant<'a>(&'a self, root: &'a Value, form: &'a Value) -> Vec<(&'a Value, &'a Value)> {
        let mut all = vec![(root, form)];
        if let Some(reference) = form.get("$ref").and_then(Value::as_str) {
            let (root, target) = match reference.strip_prefix("#/$defs/") {
                Some(name) => (root, &root["$defs"][name]),
                None => (&self.texts[reference], &self.texts[reference]),
            };
            all.extend(self.meant(root, target));
        }
        for combined in ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| form.get(*key)?.as_array()) {
            all.extend(combined.iter().flat_map(|form| self.meant(root, form)));
        }
        for branch in ["then", "else"].iter().filter_map(|key| form.get(*key)) {
            all.extend(self.meant(root, branch));
        }
        all
    }

    /// The members of the closed object at `path`, if one can stand there.
    fn members(&self, name: &str, path: &[Key]) -> Option<BTreeSet<String>> {
        let forms = self.forms(name, path);
        let closed = forms.into_iter().filter(|form| form.get("additionalProperties") == Some(&false.into()));
        let members = closed.filter_map(|form| form["properties"].as_object());
        members.map(|members| members.keys().cloned().collect()).reduce(|a: BTreeSet<_>, b| &a | &b)
    }
}

/// A step into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A member.
    Name(String),
    /// An element.
    Index(usize),
}

/// A path as errors write it.
fn written(path: &[Key]) -> String {
    let mut text = String::new();
    for key in path {
        match key {
            Key::Index(at) => text.push_str(&format!("[{at}]")),
            Key::Name(name) if text.is_empty() => text.push_str(name),
            Key::Name(name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

/// A path whatever the index: the place in the schema.
fn place(path: &[Key]) -> Vec<Key> {
    let any = |key: &Key| match key {
        Key::Index(_) => Key::Index(0),
        name => name.clone(),
    };
    path.iter().map(any).collect()
}

/// Every path in `value`; of an array the first two elements.
fn paths(value: &Value) -> Vec<Vec<Key>> {
    let mut all = vec![Vec::new()];
    let below: Vec<(Key, &Value)> = match value {
        Value::Array(items) => {
            items.iter().take(2).enumerate().map(|(at, item)| (Key::Index(at), item)).collect()
        }
        Value::Object(map) => map.iter().map(|(name, item)| (Key::Name(name.clone()), item)).collect(),
        _ => Vec::new(),
    };
    for (key, item) in below {
        all.extend(paths(item).into_iter().map(|path| [vec![key.clone()], path].concat()));
    }
    all
}

fn at<'a>(value: &'a mut Value, path: &[Key]) -> &'a mut Value {
    path.iter().fold(value, |value, key| match key {
        Key::Name(name) => &mut value[name.as_str()],
        Key::Index(index) => &mut value[*index],
    })
}

/// Every case of a folder of `vectors/`, by name.
fn vectors(folder: &str) -> BTreeMap<String, Value> {
    let folder: PathBuf = crate::root().join("vectors").join(folder);
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let cases: BTreeMap<_, _> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "json")).map(read).collect();
    assert!(!cases.is_empty(), "{}", folder.display());
    cases
}

#[test]
fn every_schema_is_one_and_says_what_its_members_are() {
    fn check(id: &str, form: &Value) {
        if let Some(members) = form.get("properties").and_then(Value::as_object) {
            // A form that only narrows another one describes nothing.
            if form.get("type").is_some() {
                assert_eq!(form["additionalProperties"], false, "{id}: an open object: {form:#}");
                for (name, member) in members {
                    let said = member["description"].as_str().unwrap_or_default();
                    assert!(said.ends_with('.') && said.len() > 8, "{id}: {name} is not described");
                }
            }
        }
        match form {
            Value::Object(map) => map.values().for_each(|inner| check(id, inner)),
            Value::Array(items) => items.iter().for_each(|inner| check(id, inner)),
            _ => {}
        }
    }
    for (id, schema) in &Schemas::new().texts {
        jsonschema::meta::validate(schema).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(schema["$id"], id.as_str());
        assert!(schema["title"].is_string());
        check(id, schema);
    }
}
