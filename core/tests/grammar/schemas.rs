//! JSON schemas: walks are instances, instances are accepted.

use super::*;

/// An instance check of its own: the few keywords used below, over serde_json's values.
fn valid(schema: &Value, value: &Value, root: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return schema.as_bool().unwrap() };
    schema.iter().all(|(keyword, want)| match keyword.as_str() {
        "type" => {
            let names: Vec<&str> = match want {
                Value::Array(names) => names.iter().map(|n| n.as_str().unwrap()).collect(),
                one => vec![one.as_str().unwrap()],
            };
            names.iter().any(|name| match *name {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "number" => value.is_number(),
                "integer" => value.as_f64().is_some_and(|v| v.fract() == 0.0),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                _ => panic!(),
            })
        }
        "properties" => value.as_object().is_none_or(|o| {
            want.as_object().unwrap().iter().all(|(n, s)| o.get(n).is_none_or(|v| valid(s, v, root)))
        }),
        "required" => value
            .as_object()
            .is_none_or(|o| want.as_array().unwrap().iter().all(|n| o.contains_key(n.as_str().unwrap()))),
        "additionalProperties" => value.as_object().is_none_or(|o| {
            let declared = schema.get("properties").and_then(Value::as_object);
            o.iter().all(|(n, v)| declared.is_some_and(|d| d.contains_key(n)) || valid(want, v, root))
        }),
        "items" => value.as_array().is_none_or(|a| {
            let skip = schema.get("prefixItems").map_or(0, |p| p.as_array().unwrap().len());
            a.iter().skip(skip).all(|v| valid(want, v, root))
        }),
        "prefixItems" => value
            .as_array()
            .is_none_or(|a| a.iter().zip(want.as_array().unwrap()).all(|(v, s)| valid(s, v, root))),
        "minItems" => value.as_array().is_none_or(|a| a.len() as u64 >= want.as_u64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|a| a.len() as u64 <= want.as_u64().unwrap()),
        "minLength" => value.as_str().is_none_or(|s| s.chars().count() as u64 >= want.as_u64().unwrap()),
        "maxLength" => value.as_str().is_none_or(|s| s.chars().count() as u64 <= want.as_u64().unwrap()),
        "pattern" => {
            value.as_str().is_none_or(|s| regex::Regex::new(want.as_str().unwrap()).unwrap().is_match(s))
        }
        "minimum" => value.as_f64().is_none_or(|v| v >= want.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|v| v <= want.as_f64().unwrap()),
        "exclusiveMinimum" => value.as_f64().is_none_or(|v| v > want.as_f64().unwrap()),
        "exclusiveMaximum" => value.as_f64().is_none_or(|v| v < want.as_f64().unwrap()),
        "enum" => want.as_array().unwrap().contains(value),
        "const" => want == value,
        "anyOf" => want.as_array().unwrap().iter().any(|s| valid(s, value, root)),
        "oneOf" => want.as_array().unwrap().iter().filter(|s| valid(s, value, root)).count() == 1,
        "allOf" => want.as_array().unwrap().iter().all(|s| valid(s, value, root)),
        "$ref" => {
            valid(root.pointer(want.as_str().unwrap().strip_prefix('#').unwrap()).unwrap(), value, root)
        }
        "$defs" | "title" | "description" | "default" => true,
        other => panic!("the check does not know {other}"),
    })
}

pub const SCHEMAS: [&str; 26] = [
    "true",
    "{}",
    r#"{"type":"object"}"#,
    r#"{"type":"array"}"#,
    r#"{"type":["string","null"]}"#,
    r#"{"type":"number"}"#,
    r#"{"type":"integer"}"#,
    r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"},"c":{"type":"null"}},"required":["b"]}"#,
    r#"{"properties":{"name":{"type":"string","minLength":1,"maxLength":4},"age":{"type":"integer","minimum":0,"maximum":150}},"required":["name","age"],"additionalProperties":false}"#,
    r#"{"type":"object","properties":{"ab":{"type":"integer"},"abc":{"type":"null"},"x\"":{"type":"null"}},"additionalProperties":{"type":"boolean"}}"#,
    r#"{"type":"object","properties":{"":{"type":"null"}},"additionalProperties":{"type":"integer"},"required":["zz","a\n"]}"#,
    r#"{"type":"object","additionalProperties":{"enum":["a","b",3]}}"#,
    r#"{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":4}"#,
    r#"{"type":"array","items":{"type":"null"},"maxItems":0}"#,
    r#"{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"},"minItems":1,"maxItems":3}"#,
    r#"{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}]}"#,
    r#"{"type":"string","pattern":"^[A-Z]{2,3}-\\d+(\\.[a-f]|x?)$"}"#,
    r#"{"type":"string","pattern":"^a[\"\\\\\\n]b$|^é.$"}"#,
    r#"{"type":"number","minimum":-1.5,"exclusiveMaximum":2.25}"#,
    r#"{"type":"integer","exclusiveMinimum":-12,"maximum":105}"#,
    r#"{"enum":["red","gr\u00e9en",null,[1,{"a":"\n"}],{"k":[true,{}]},-1.5]}"#,
    r#"{"const":{"z":1,"a":[]}}"#,
    r##"{"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"]}},"$ref":"#/$defs/node"}"##,
    r##"{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"n":{"type":"integer"}},"required":["kind","n"]},{"type":"object","properties":{"kind":{"enum":["b","c"]}},"required":["kind"]},{"type":"string","maxLength":2}]}"##,
    r##"{"title":"t","description":"d","type":"array","items":{"allOf":[{"type":["integer","boolean"],"default":1}]}}"##,
    r##"{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}},"tag":{"enum":["x","y"]}},"required":["tag"]}"##,
];

#[test]
fn walks_through_schemas_are_instances() {
    for text in SCHEMAS {
        let grammar = schema(text);
        let parsed: Value = serde_json::from_str(text).unwrap();
        let mut ended = 0;
        for seed in 1..400u64 {
            let Some(bytes) = walk(&grammar, seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), 600) else { continue };
            ended += 1;
            let output = String::from_utf8(bytes).unwrap();
            let value: Value =
                serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output:?} of {text}"));
            assert!(valid(&parsed, &value, &parsed), "{output} is no instance of {text}");
        }
        assert!(ended > 40, "only {ended} walks ended: {text}");
    }
}

#[test]
fn instances_and_what_is_none() {
    let person = SCHEMAS[8];
    let cases: [(&str, &[&str], &[&str]); 12] = [
        (
            "{}",
            &["null", "[1, {\"a\": \"\\u00e9\\n\"}]", "-0.5e-3", "{\n  \"a\": 1,\n  \"b\": {}\n}"],
            &["", " 1", "01", "nul", "[1,]", "\"\u{1}\"", "\"\\ud800\""],
        ),
        (
            person,
            &[r#"{"name":"Ada","age":36}"#, r#"{"name": "é😀", "age": 150}"#],
            &[
                r#"{"age":36,"name":"Ada"}"#,
                r#"{"name":"","age":3}"#,
                r#"{"name":"Adamo","age":3}"#,
                r#"{"name":"A","age":151}"#,
                r#"{"name":"A","age":-1}"#,
                r#"{"name":"A","age":036}"#,
                r#"{"name":"A"}"#,
                r#"{"name":"A","age":1,"x":1}"#,
            ],
        ),
        (
            SCHEMAS[7],
            &[
                r#"{"b":true}"#,
                r#"{"a":1,"b":true}"#,
                r#"{"b":false,"c":null}"#,
                r#"{"a":1,"b":true,"c":null}"#,
            ],
            &["{}", r#"{"a":1,}"#, r#"{,"b":true}"#, r#"{"b":true,"b":true}"#, r#"{"a":1 "b":true}"#],
        ),
        (
            SCHEMAS[9],
            &["{}", r#"{"ab":1}"#, r#"{"ab":1,"abc":null,"abcd":true}"#, r#"{"a":true,"":false,"b":true}"#],
            &[r#"{"ab":true}"#, r#"{"abc":true}"#, r#"{"\u0061b":true}"#, r#"{"x\"":true}"#, r#"{"a":1}"#],
        ),
        (
            r#"{"type":"string","format":"date"}"#,
            &["\"2024-02-29\"", "\"2000-02-29\"", "\"1999-12-31\"", "\"0004-02-29\""],
            &[
                "\"1900-02-29\"",
                "\"2023-02-29\"",
                "\"2023-04-31\"",
                "\"2023-13-01\"",
                "\"2023-00-10\"",
                "\"2023-1-1\"",
            ],
        ),
        (
            r#"{"type":"string","format":"date-time"}"#,
            &["\"2024-02-29T23:59:59Z\"", "\"2024-01-01T00:00:00.123+05:30\""],
            &["\"2024-01-01T24:00:00Z\"", "\"2024-01-01T00:00:00\"", "\"2024-01-01 00:00:00Z\""],
        ),
        (
            r#"{"type":"string","format":"uuid"}"#,
            &["\"123e4567-e89b-12d3-a456-426614174000\""],
            &["\"123e4567e89b12d3a456426614174000\""],
        ),
        (
            r#"{"type":"string","format":"ipv4"}"#,
            &["\"255.0.10.199\""],
            &["\"256.0.0.1\"", "\"1.2.3\"", "\"01.2.3.4\""],
        ),
        (r#"{"type":"string","pattern":"b"}"#, &["\"b\"", "\"abc\"", "\"\\nb\""], &["\"ac\"", "\"\""]),
        (r#"{"type":"string","pattern":"^a|c$"}"#, &["\"ab\"", "\"bc\"", "\"a\""], &["\"ba\"", "\"cb\""]),
        (
            SCHEMAS[14],
            &["[1]", "[1, \"a\"]", "[1,\"a\",null]"],
            &["[]", "[1,null]", "[1,\"a\",null,null]", "[\"a\"]"],
        ),
        (SCHEMAS[15], &["[1, \"a\"]"], &["[]", "[1]", "[1,\"a\",null]"]),
    ];
    for (text, good, bad) in cases {
        let grammar = schema(text);
        for output in good {
            assert!(matches(&grammar, output), "{output} of {text}");
        }
        for output in bad {
            assert!(!matches(&grammar, output), "{output} of {text}");
        }
    }
}

/// `text` in units of 10^-15, exactly.
fn scaled(text: &str) -> i128 {
    let digits = text.trim_start_matches('-');
    let (int, frac) = digits.split_once('.').unwrap_or((digits, ""));
    let value: i128 = format!("{int}{frac:0<15}").parse().unwrap();
    if text.starts_with('-') {
        -value
    } else {
        value
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn number_ranges_are_exact(
        lo in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?", hi in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?",
        texts in proptest::collection::vec("-?(0|[1-9][0-9]{0,4})(\\.[0-9]{1,4})?", 1..30),
        open_lo: bool, open_hi: bool, integer: bool,
    ) {
        let text = format!(
            "{{\"type\":\"{}\",\"{}\":{lo},\"{}\":{hi}}}",
            if integer { "integer" } else { "number" },
            if open_lo { "exclusiveMinimum" } else { "minimum" },
            if open_hi { "exclusiveMaximum" } else { "maximum" },
        );
        let grammar = compile(GrammarKind::JsonSchema, &text).ok();
        // The bounds themselves and their neighbours are where it goes wrong.
        let near = [lo.clone(), hi.clone(), format!("{}1", if lo.contains('.') { lo.clone() } else { format!("{lo}.0") })];
        for t in texts.iter().chain(&near) {
            let v = scaled(t);
            let inside = (if open_lo { v > scaled(&lo) } else { v >= scaled(&lo) })
                && (if open_hi { v < scaled(&hi) } else { v <= scaled(&hi) });
            let form = !(t.starts_with('-') && v == 0 || integer && t.contains('.'));
            let matched = grammar.as_ref().is_some_and(|g| matches(g, t));
            prop_assert_eq!(matched, inside && form, "{} in {}", t, &text);
        }
    }
}
