//! What the library reads. A schema refuses nothing that the library takes; what the library refuses beyond a
//! schema is listed in `KNOWS_MORE`.

use std::collections::{BTreeMap, BTreeSet};

use attestlm::json::UNKNOWN;
use attestlm::receipt::{Document, Shown};
use attestlm::request::{Canonical, Request};
use attestlm::session::{Continuation, SessionOptions};
use attestlm::steps::StepProof;
use attestlm::trace::TraceProof;
use attestlm::verify::Terms;
use attestlm::Error;
use serde_json::{json, Value};

use super::{at, paths, place, vectors, written, Key, Schemas};

/// A form, how the library reads it, and examples that hold every member between them.
struct Input {
    schema: &'static str,
    read: fn(&[u8]) -> Result<(), Error>,
    examples: Vec<Value>,
}

/// Whether the refusal of a changed value is one of a kind.
type IsOne = fn(&Value, &Error) -> bool;

/// What no schema says, or ours does not: why, and how such a refusal is known.
const KNOWS_MORE: [(&str, IsOne); 22] = [
    ("a whole number has no point and no exponent", |value, _| {
        value.is_f64() && value.as_f64().is_some_and(|number| number.fract() == 0.0)
    }),
    ("a real number has no exponent, and six places", |value, error| {
        value.is_f64() && error.message().contains("at most 6 places")
    }),
    ("bytes are counted, not characters", |value, error| {
        value.as_str().is_some_and(|text| !text.is_ascii()) && error.message().contains(" bytes, at most")
    }),
    ("bytes of all contents together", |_, error| error.message().contains("bytes of content")),
    ("bytes of a schema's text", |_, error| {
        error.field() == "schema" && error.message().contains("bytes, at most")
    }),
    ("nesting", |_, error| error.message().contains("nested")),
    ("the size of the whole text", |_, error| error.message().contains("JSON values")),
    ("the calendar", |_, error| error.message().contains("calendar")),
    ("a checksum", |_, error| error.message().contains("EIP-55")),
    ("choices and temperature", |_, error| error.message().contains("must be 1 at temperature 0")),
    ("seedRule and temperature", |_, error| error.message().contains("must be 0 at temperature 0")),
    ("seedRule 2 and context", |_, error| error.message().contains("seedRule 2 derives the seed from it")),
    ("a context of zeros", |_, error| error.message().contains("must name something")),
    ("seedRule 2 and a receipt before", |_, error| {
        error.message().contains("whoever signs the receipt before")
    }),
    ("types and domain", |_, error| error.field() == "types"),
    ("the two signers", |_, error| error.message().contains("must be the same as message.signer")),
    ("strictly rising tokens", |_, error| error.message().contains("must rise strictly")),
    ("rising steps", |_, error| error.message().contains("must rise in the steps' indices")),
    ("a time that ends before it begins", |_, error| {
        error.message().contains("must not be after issuedUntil")
    }),
    ("segmenter 0", |_, error| error.message().contains("segmenter 0 takes no markers")),
    ("two markers", |_, error| error.message().contains("needs two markers")),
    ("bytes that are UTF-8", |_, error| error.message().contains("bytes that are UTF-8")),
];

fn inputs(schemas: &Schemas) -> Vec<Input> {
    let word = |byte: &str| format!("0x{}", byte.repeat(32));
    let address = format!("0x{}", "11".repeat(20));
    let sampling = json!({
        "temperature": "0.7", "topK": 40, "topP": 0.9, "minP": "0.05", "repeatPenalty": 1.5, "presencePenalty": "-0.5",
        "frequencyPenalty": "0.25", "penaltyWindow": 16, "logitBias": { "70": "1.5", "71": -2 }, "bans": [65, 66],
        "stop": ["a", "b"], "ignoreEog": true, "maxTokens": 40, "contextTokens": 128, "choices": 2, "nonce": word("5a"),
        "context": word("ab"), "domain": { "chainId": 5, "verifyingContract": address }, "issuedAt": "1700000000",
        "logprobs": 3, "steps": ["<a>", "</a>"],
    });
    let with = |fields: Value| {
        let mut request = sampling.clone();
        request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        request
    };
    let requests = vec![
        with(json!({
            "messages": [{ "role": "system", "content": "x" }, { "role": "user", "content": "y" }], "tools": [{ "name": "t" }],
            "date": "2026-01-02", "parseSpecial": true, "seed": "7", "seedRule": 0, "schema": { "type": "object" },
        })),
        with(json!({ "prompt": "x", "context": { "chainId": 5, "contract": address, "jobId": word("02"),
            "previousDigest": word("03") } })),
        with(json!({ "prompt": "x", "context": { "chainId": "5", "jobId": null } })),
        with(json!({ "prompt": "x", "grammar": "root ::= \"a\"", "seedRule": 1, "clientEntropy": word("01"),
            "providerSecret": word("02"), "schema": null })),
        with(json!({ "promptTokens": [1, 2], "parseSpecial": false, "seedRule": 2, "beacon": word("03"),
            "context": { "chainId": 5 } })),
    ];
    let terms = json!({ "signer": address, "model": word("01"), "adapter": word("00"), "sampler": word("02"),
        "context": word("03"), "profile": "exact", "finish": "max-tokens", "scored": false, "allowPrefix": true,
        "tolerant": true, "signatureOnly": false, "threads": 2, "domain": { "chainId": 5, "verifyingContract": address },
        "issuedFrom": 1_700_000_000, "issuedUntil": "1700000001", "seed": "7", "clientEntropy": word("04"),
        "providerCommitment": word("05"), "beacon": word("06"), "nonce": word("07") });
    let anywhere = json!({ "domain": "none", "seed": 7 });
    let options = json!({ "profile": "fast", "threads": 2, "oversubscribe": true, "contextTokens": 64, "streams": 3,
        "ubatch": 7 });
    let mut documents: Vec<Value> =
        vectors("receipts").into_values().map(|case| case["document"].clone()).collect();
    let mut salted = documents[0].clone();
    salted["disclosure"]["sampler"]["segmenter"] = json!({ "id": 1, "markers": ["a", "b"] });
    let disclosure = salted["disclosure"].as_object_mut().unwrap();
    disclosure.remove("nonce");
    let salts = ["request", "prompt", "output", "trace", "steps", "seed"];
    disclosure.insert(
        "salts".into(),
        salts.into_iter().map(|salt| (salt.to_owned(), Value::from(word("0a")))).collect(),
    );
    documents.push(salted);
    let mut proofs: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for case in vectors("merkle").into_values().filter(|case| case["valid"] == true) {
        proofs
            .entry(if case["tree"] == "trace" { "trace" } else { "steps" })
            .or_default()
            .push(case["proof"].clone());
    }
    let (mut steps, traces) = (proofs["steps"].clone(), proofs["trace"].clone());
    let mut cut = steps[0].clone();
    cut.as_object_mut().unwrap().remove("text");
    cut["textHex"] = "0xe282".into();
    steps.push(cut);
    vec![
        Input { schema: "request", read: |text| Request::from_json(text).map(drop), examples: requests },
        Input {
            schema: "options",
            read: |text| SessionOptions::from_json(text).map(drop),
            examples: vec![options],
        },
        Input {
            schema: "continuation",
            read: |text| Continuation::from_json(text).map(drop),
            examples: vec![json!({ "text": "x" }), json!({ "tokens": [1, 2] })],
        },
        Input {
            schema: "shown",
            read: |text| Shown::from_json(text).map(drop),
            examples: vec![json!({ "steps": [2, 0] })],
        },
        Input {
            schema: "terms",
            read: |text| Terms::from_json(text).map(drop),
            examples: vec![terms, anywhere],
        },
        Input { schema: "receipt", read: read_receipt, examples: enough(schemas, "receipt", documents) },
        Input {
            schema: "step-proof",
            read: |text| StepProof::parse(text).map(drop),
            examples: enough(schemas, "step-proof", steps),
        },
        Input {
            schema: "token-proof",
            read: |text| TraceProof::parse(text).map(drop),
            examples: enough(schemas, "token-proof", traces),
        },
    ]
}

/// A document, and what of its disclosure has a form of its own.
fn read_receipt(text: &[u8]) -> Result<(), Error> {
    let disclosure = Document::parse(text)?.disclosure.unwrap_or_default();
    if let Some(policy) = disclosure.sampler {
        let inside = |e: Error| Error::argument(format!("disclosure.sampler.{}", e.field()), e.message());
        policy.validate(None).map_err(inside)?;
    }
    disclosure.request.map_or(Ok(()), |request| Canonical::from_json("disclosure.request", request).map(drop))
}

/// As many of `examples` as it takes to have every member that any of them has.
fn enough(schemas: &Schemas, name: &str, examples: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    examples
        .into_iter()
        .filter(|example| {
            let known = seen.len();
            let closed = |path: &Vec<Key>| {
                !path.is_empty() && schemas.members(name, &path[..path.len() - 1]).is_some()
            };
            seen.extend(paths(example).into_iter().filter(closed).map(|path| place(&path)));
            seen.len() > known
        })
        .collect()
}

fn read(input: &Input, value: &Value) -> Result<(), Error> {
    (input.read)(&serde_json::to_vec(value).unwrap())
}

#[test]
fn what_the_vectors_hold_is_taken() {
    let schemas = Schemas::new();
    for (name, case) in vectors("generations") {
        schemas.assert_takes("request", &case["request"]);
        schemas.assert_takes("options", &case["options"]);
        if let Some(continuation) = case.get("continuation") {
            schemas.assert_takes("continuation", continuation);
        }
        let receipts = case["receipts"].as_array().unwrap();
        assert!(!receipts.is_empty(), "{name}");
        for receipt in receipts {
            schemas.assert_takes("receipt", &serde_json::from_str(receipt.as_str().unwrap()).unwrap());
        }
    }
    for case in vectors("receipts").into_values() {
        schemas.assert_takes("receipt", &case["document"]);
    }
    for case in vectors("merkle").into_values().filter(|case| case["valid"] == true) {
        let name = if case["tree"] == "trace" { "token-proof" } else { "step-proof" };
        schemas.assert_takes(name, &case["proof"]);
    }
}

/// An unknown member is refused everywhere by both, and the parser's list of the known ones is the schema's.
#[test]
fn schema_and_parser_know_the_same_members() {
    const STRANGE: &str = "strange";
    let schemas = Schemas::new();
    for input in inputs(&schemas) {
        let name = input.schema;
        let (mut known, mut held): (BTreeMap<_, BTreeSet<String>>, BTreeMap<_, BTreeSet<String>>) =
            Default::default();
        let mut open = Vec::new();
        for example in &input.examples {
            for path in paths(example) {
                let mut changed = example.clone();
                let Some(object) = at(&mut changed, &path).as_object_mut() else { continue };
                let Some(members) = schemas.members(name, &path) else {
                    open.push(written(&place(&path)));
                    continue;
                };
                let names: BTreeSet<String> = object.keys().cloned().collect();
                assert!(names.is_subset(&members), "{name}: {}", written(&path));
                held.entry(place(&path)).or_default().extend(names);
                object.insert(STRANGE.to_owned(), 1.into());
                assert!(
                    !schemas.takes(name, &changed),
                    "{name} takes a strange member of `{}`",
                    written(&path)
                );
                let error = read(&input, &changed).expect_err(&written(&path));
                let strange = written(&[path.clone(), vec![Key::Name(STRANGE.into())]].concat());
                // A continuation is an argument beside another one: its fields are called by their whole path.
                let field = error.field().strip_prefix("continuation.").unwrap_or(error.field());
                assert_eq!(field, strange, "{name}: {error}");
                let list = error.message().strip_prefix(UNKNOWN).unwrap_or_else(|| panic!("{name}: {error}"));
                known.entry(place(&path)).or_default().extend(list.trim().split(", ").map(str::to_owned));
            }
        }
        open.sort();
        open.dedup();
        let free: &[&str] = match name {
            // Token ids, and JSON of others. `types` is one of two constants.
            "request" => &["logitBias", "schema", "tools[0]"],
            "receipt" => {
                &["disclosure.request.tools[0]", "types", "types.EIP712Domain[0]", "types.Receipt[0]"]
            }
            _ => &[],
        };
        let open: Vec<&str> =
            open.iter().map(String::as_str).filter(|path| !path.contains("tools[0].")).collect();
        assert_eq!(open, free, "{name}: objects without a list of members");
        for (path, known) in known {
            let members = schemas.members(name, &path).unwrap();
            assert_eq!(known, members, "{name}: what the parser and the schema know of `{}`", written(&path));
            assert_eq!(held[&path], members, "{name}: what the examples hold of `{}`", written(&path));
        }
    }
}

#[test]
fn schema_and_parser_judge_alike() {
    let schemas = Schemas::new();
    let mut used = [false; KNOWS_MORE.len()];
    let (mut taken, mut refused) = (0, 0);
    for input in inputs(&schemas) {
        let name = input.schema;
        let donors = donors(&input.examples);
        let mut probed = BTreeSet::new();
        for example in &input.examples {
            schemas.assert_takes(name, example);
            read(&input, example).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut judge = |path: &[Key], value: &Value, changed: &Value| {
                let outcome = read(&input, changed);
                let shown: String = value.to_string().chars().take(80).collect();
                match (schemas.takes(name, changed), outcome) {
                    (true, Ok(())) => taken += 1,
                    (false, Err(_)) => refused += 1,
                    (false, Ok(())) => {
                        panic!("the schema of {name} refuses, the parser takes: {} = {shown}", written(path))
                    }
                    (true, Err(error)) => {
                        let more = KNOWS_MORE.iter().position(|(_, holds)| holds(value, &error));
                        let more = more.unwrap_or_else(|| {
                            panic!(
                                "the schema of {name} takes, the parser refuses: {} = {shown}: {error}",
                                written(path)
                            )
                        });
                        used[more] = true;
                    }
                }
            };
            for path in paths(example).into_iter().filter(|path| !written(path).starts_with("types.")) {
                if let Some((last, above)) = path.split_last() {
                    let mut changed = example.clone();
                    match (at(&mut changed, above), last) {
                        (Value::Object(map), Key::Name(member)) => drop(map.remove(member)),
                        (Value::Array(items), Key::Index(index)) => drop(items.remove(*index)),
                        _ => unreachable!(),
                    }
                    judge(&path, &Value::Null, &changed);
                }
                // What other examples have in this place.
                for (member, value) in donors.get(&place(&path)).into_iter().flatten() {
                    let mut changed = example.clone();
                    let Some(object) = at(&mut changed, &path).as_object_mut() else { continue };
                    if object.insert(member.clone(), value.clone()).as_ref() != Some(value) {
                        judge(&path, value, &changed);
                    }
                }
                // One statement is like another.
                let statement = path.first().is_some_and(|key| *key != Key::Name("disclosure".into()));
                if name == "receipt" && statement && !probed.insert(path.clone()) {
                    continue;
                }
                let mut changed = example.clone();
                let mut original = at(&mut changed, &path).take();
                for value in probes(&schemas, name, &path, &original) {
                    *at(&mut changed, &path) = value;
                    let value = at(&mut changed, &path).take();
                    *at(&mut changed, &path) = value.clone();
                    judge(&path, &value, &changed);
                }
                *at(&mut changed, &path) = original.take();
            }
        }
    }
    eprintln!("{taken} taken and {refused} refused by both");
    for ((why, _), used) in KNOWS_MORE.iter().zip(used) {
        assert!(used, "nothing was refused for this: {why}");
    }
}

/// Members that examples have, by the place of the object.
fn donors(examples: &[Value]) -> BTreeMap<Vec<Key>, BTreeMap<String, Value>> {
    let mut donors: BTreeMap<_, BTreeMap<String, Value>> = BTreeMap::new();
    for example in examples {
        for path in paths(example) {
            if let Some(object) = at(&mut example.clone(), &path).as_object() {
                donors.entry(place(&path)).or_default().extend(object.clone());
            }
        }
    }
    donors
}

/// Values to put in the place of `original`: of every type, around the limits that the schema states there and around
/// those that it might have forgotten.
fn probes(schemas: &Schemas, name: &str, path: &[Key], original: &Value) -> Vec<Value> {
    let forms = schemas.forms(name, path);
    let limits = |key: &str| forms.iter().filter_map(|form| form.get(key)?.as_f64()).collect::<Vec<_>>();
    let mut values =
        vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!([[]]), json!({ "a": 1 })];
    values.extend([1.0, -1.0, 0.5, 1e-6, 1e-7, 0.0, -0.0, 1e300, 1.5].map(Value::from));
    // Whole numbers, and decimal texts.
    #[allow(clippy::cast_possible_truncation)]
    let stated = ["minimum", "maximum"].iter().flat_map(|key| limits(key)).map(|limit| limit as i64);
    let stated =
        stated.filter(|limit| limit.abs() <= 1 << 53).flat_map(|limit| [limit - 1, limit, limit + 1]);
    let tens = [10_i64, 100, 1000, 10_000].into_iter().flat_map(|ten| [ten, ten + 1, -ten, -ten - 1]);
    let numbers: BTreeSet<i64> = (-2..=6).chain(tens).chain(stated).collect();
    let usual = [8, 16, 20, 24, 31, 32, 53].into_iter().map(|power| 1_i64 << power);
    let usual = usual.flat_map(|number| [number - 1, number, number + 1]);
    // Beyond 2^53 a reader of doubles sees another number: as texts only.
    let exact = |number: &i64| number.abs() <= 1 << 53;
    values.extend(numbers.iter().copied().chain(usual.clone()).filter(exact).map(Value::from));
    let wide = [u64::MAX.to_string(), "18446744073709551616".into()];
    values.extend(usual.map(|number| number.to_string()).chain(wide).map(Value::from));
    for number in numbers {
        for before in ["", "0", "+", "-"] {
            values.push(format!("{before}{number}").into());
        }
        for after in [".0", ".5", ".000001", ".0000001", ".", "e1"] {
            values.push(format!("{number}{after}").into());
        }
    }
    values.extend(
        [".5", "-0", "-0.0", "0.000001", "-0.000001", "0.0000001", "999.9", "99.999999", "0.50"]
            .map(Value::from),
    );
    // Texts with a meaning somewhere.
    for bytes in [20, 32, 65] {
        for digits in ["00", "0a", "0A", "zz"] {
            values.push(format!("0x{}", digits.repeat(bytes)).into());
        }
        values.push("0a".repeat(bytes).into());
        values.push(format!("0X{}", "0a".repeat(bytes)).into());
        values.push(format!("0x{}\n", "0a".repeat(bytes)).into());
        values.push(format!("0x{}", "0a".repeat(bytes - 1)).into());
        values.push(format!("0x{}a", "0a".repeat(bytes)).into());
    }
    values.extend(
        [
            "random",
            "exact",
            "fast",
            "exact-1",
            "exact-2",
            "exact-3",
            "a/b",
            "stop string",
            "stop-string",
            "end of-generation",
            "scored",
            "cancelled",
            "2026-02-30",
            "2024-02-29",
            "2026-13-01",
            "2026-1-01",
            "0000-01-01",
            "2026-00-01",
            "2026-01-32",
            "gbnf",
            "jsonSchema",
            "0x",
            "0xff",
            "0x41",
            "é",
            "a\u{7}",
            "a\u{85}",
            "a\nb",
            "AttestLM",
            "Receipt",
            "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        ]
        .map(Value::from),
    );
    // Lengths, stated or forgotten.
    let around = |keys: [&str; 3], usual: &[usize]| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let stated = keys.iter().flat_map(|key| limits(key)).map(|limit| limit as usize);
        let all: BTreeSet<usize> = stated
            .chain(usual.iter().copied())
            .flat_map(|limit| [limit.saturating_sub(1), limit, limit + 1])
            .collect();
        all
    };
    match original {
        Value::String(_) => {
            for length in around(["minLength", "maxLength", ""], &[0, 64, 128, 256, 1024]) {
                values.push("x".repeat(length).into());
                values.push("é".repeat(length).into());
            }
        }
        Value::Array(items) => {
            for length in around(["minItems", "maxItems", ""], &[0, 2, 16, 64, 1024]) {
                values.push((0..length).map(|at| element(items.first(), at)).collect());
            }
            if let Some(first) = items.first() {
                values.push(json!([first, first]));
                values.push(items.iter().rev().cloned().collect());
            }
        }
        Value::Object(map) => {
            if schemas.members(name, path).is_none() {
                let nested = |levels| (1..levels).fold(json!([]), |inner, _| json!([inner]));
                values.extend([47, 48, 60].map(nested));
            }
            // A schema as an object has a text too.
            values.extend(
                around(["maxLength", "", ""], &[])
                    .into_iter()
                    .map(|length| json!({ "a": "x".repeat(length) })),
            );
            if let Some(member) = map.values().next().filter(|_| schemas.members(name, path).is_none()) {
                for length in around(["minProperties", "maxProperties", ""], &[0, 64]) {
                    let members = (0..length).map(|at| (at.to_string(), member.clone()));
                    values.push(Value::Object(members.collect()));
                }
                for key in ["01", "-1", "4294967295", "4294967296", "a", ""] {
                    values.push(json!({ key: member }));
                }
            }
        }
        _ => {}
    }
    values
}

/// Element `at` of an array like one that begins with `first`.
fn element(first: Option<&Value>, at: usize) -> Value {
    match first {
        Some(Value::Number(_)) | None => at.into(),
        Some(Value::Object(map)) if map.contains_key("token") => {
            json!({ "token": at, "bias": map["bias"] })
        }
        Some(other) => other.clone(),
    }
}
