use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_depth: 16, max_values: 1000 };

fn canonical(text: &str) -> Result<String> {
    Ok(String::from_utf8(canonicalize(&parse("t", text.as_bytes(), LIMITS)?)?).unwrap())
}

#[test]
fn rfc8785_section_3_2_2_example() {
    let input = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical(input).unwrap(), expected);
}

#[test]
fn rfc8785_section_3_2_3_key_order() {
    let input = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
        "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let text = canonical(input).unwrap();
    let places: Vec<_> = ["Carriage Return", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
        .iter()
        .map(|name| text.find(name).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn rfc8785_appendix_b_numbers() {
    for (bits, text) in [
        (0x0000000000000000u64, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7fefffffffffffff, "1.7976931348623157e+308"),
        (0xffefffffffffffff, "-1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xc340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44b52d02c7e14af5, "9.999999999999997e+22"),
        (0x44b52d02c7e14af6, "1e+23"),
        (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
        (0x444b1ae4d6e2ef4e, "999999999999999700000"),
        (0x444b1ae4d6e2ef4f, "999999999999999900000"),
        (0x444b1ae4d6e2ef50, "1e+21"),
        (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
        (0x3eb0c6f7a0b5ed8d, "0.000001"),
        (0x41b3de4355555553, "333333333.3333332"),
        (0x41b3de4355555554, "333333333.33333325"),
        (0x41b3de4355555555, "333333333.3333333"),
        (0x41b3de4355555556, "333333333.3333334"),
        (0x41b3de4355555557, "333333333.33333343"),
        (0xbecbf647612f3696, "-0.0000033333333333333333"),
        (0x43143ff3c1cb0959, "1424953923781206.2"),
    ] {
        assert_eq!(ecmascript_number(f64::from_bits(bits)), text, "{bits:016x}");
    }
    let beyond = Value::from(f64::NAN);
    assert!(beyond.is_null(), "serde_json itself holds no NaN");
}

#[test]
fn integers_beyond_double_precision_are_refused() {
    assert_eq!(canonical("9007199254740992").unwrap(), "9007199254740992");
    assert_eq!(canonical("-9007199254740992").unwrap(), "-9007199254740992");
    assert_eq!(canonical("295147905179352830000").unwrap(), "295147905179352830000");
    assert_eq!(canonical("-0").unwrap(), "0");
    assert_eq!(canonical("-0.0").unwrap(), "0");
    assert_eq!(canonical("1.0").unwrap(), "1");
    for text in
        ["9007199254740993", "-9007199254740993", "18446744073709551615", "295147905179352825856", "1e400"]
    {
        assert!(canonical(text).is_err(), "{text}");
    }
    assert_eq!(parse("t", b"-0", LIMITS).unwrap().as_u64(), None, "a uint32 has no sign");
    assert!(canonicalize(&Value::from(u64::MAX)).is_err());
    assert!(canonicalize(&Value::from(i64::MIN)).is_err());
}

#[test]
fn strict_reading_refuses() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "- 1",
        "nul",
        "NaN",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\t\"",
        "1 2",
        "[1 2]",
        "\u{feff}1",
        "// 1",
        "\u{a0}1",
    ] {
        assert!(parse("t", text.as_bytes(), LIMITS).is_err(), "{text:?}");
    }
    assert!(parse("t", b"\"\xff\"", LIMITS).is_err());
    let error = parse("t", br#"{"a":{"b":1,"\u0062":2}}"#, LIMITS).unwrap_err();
    assert_eq!((error.field(), error.message()), ("b", "duplicate key"));
    assert!(parse("t", br#"[{"a":1},{"a":1}]"#, LIMITS).is_ok());
}

#[test]
fn limits_hold() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse("t", nested(16).as_bytes(), LIMITS).is_ok());
    assert!(parse("t", nested(17).as_bytes(), LIMITS).is_err());
    assert!(parse("t", nested(100_000).as_bytes(), Limits { max_depth: usize::MAX, ..LIMITS }).is_err());
    let many = format!("[{}0]", "0,".repeat(998));
    assert!(parse("t", many.as_bytes(), LIMITS).is_ok());
    assert!(parse("t", format!("[0,{}", &many[1..]).as_bytes(), LIMITS).is_err());
    assert!(parse("t", b"[1]", Limits { max_bytes: 2, ..LIMITS }).is_err());
    let mut deep = Value::Null;
    for _ in 0..=MAX_DEPTH {
        deep = Value::Array(vec![deep]);
    }
    assert!(canonicalize(&deep).is_err());
    assert!(Ordered::Plain(deep).to_text().is_err());
}

#[test]
fn objects_name_what_is_wrong() {
    let value = parse("t", br#"{"a":1,"b":"0x00","c":{"d":true},"e":[1,-1],"f":1.0}"#, LIMITS).unwrap();
    let mut object = Object::new("top", value).unwrap();
    assert_eq!(object.uint32("a").unwrap(), 1);
    assert_eq!(object.bytes::<1>("b").unwrap(), [0]);
    let mut inner = object.object("c").unwrap();
    assert_eq!(inner.string("d").unwrap_err().field(), "top.c.d");
    assert_eq!(object.uint32_array("e").unwrap_err().field(), "top.e");
    assert_eq!(object.required("missing").unwrap_err().field(), "top.missing");
    let error = object.finish().unwrap_err();
    assert_eq!((error.field(), error.message()), ("top.f", "unknown field; known are a, b, c, e, missing"));
}

#[test]
fn documents_are_written_in_their_own_order() {
    let document = Ordered::Object(vec![
        ("z", Ordered::list([1, 2])),
        ("a", Ordered::Array(vec![Ordered::Object(vec![]), Value::Null.into()])),
        ("m", serde_json::json!({"b": [], "a": [[1]]}).into()),
    ]);
    let text = document.to_text().unwrap();
    assert_eq!(
        text,
        "{\n  \"z\": [1, 2],\n  \"a\": [\n    {},\n    null\n  ],\n  \"m\": {\n    \"a\": [\n      [1]\n    ],\n    \"b\": []\n  }\n}\n"
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1i64 << 53)..=1 << 53).prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |v| Number::from_f64(v).map(Value::Number)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_text_is_a_fixed_point(value in any_value()) {
        let text = canonicalize(&value).unwrap();
        let normal = normalize(&value).unwrap();
        prop_assert_eq!(canonicalize(&normal).unwrap(), text.clone());
        prop_assert_eq!(normalize(&normal).unwrap(), normal.clone());
        let pretty = Ordered::Plain(normal.clone()).to_text().unwrap();
        prop_assert_eq!(parse("t", pretty.as_bytes(), LIMITS).unwrap(), normal);
        prop_assert!(serde_json::from_slice::<Value>(&text).is_ok());
    }

    /// Another printer of shortest digits, that of serde_json, finds the same digits.
    #[test]
    fn shortest_digits_agree(bits in any::<u64>(), quarters in 1u64 << 52..1 << 54) {
        let digits = |text: &str| {
            let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
            digits.trim_matches('0').to_owned()
        };
        #[allow(clippy::cast_precision_loss)]
        for value in [f64::from_bits(bits), quarters as f64 / 4.0] {
            if let Some(number) = Number::from_f64(value) {
                let text = ecmascript_number(value);
                prop_assert_eq!(digits(&text), digits(&number.to_string()));
                prop_assert_eq!(text.parse::<f64>().unwrap(), value);
            }
        }
    }

    #[test]
    fn no_text_panics(text in any::<Vec<u8>>(), json in "[\\[\\]{}:,\"0-9a-z\\\\ .+-]{0,64}") {
        let _ = parse("t", &text, LIMITS);
        let ours = parse("t", json.as_bytes(), LIMITS);
        // What we accept, everybody accepts.
        if ours.is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&json).is_ok());
        }
    }
}
