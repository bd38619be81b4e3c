//! GBNF against the regex crate.

use super::*;

#[derive(Debug, Clone)]
enum Rx {
    Text(String),
    Class(bool, Vec<(char, char)>),
    Any,
    Seq(Vec<Rx>),
    Alt(Vec<Rx>),
    Repeat(Box<Rx>, u32, Option<u32>),
}

impl Rx {
    fn gbnf(&self, rules: &mut Vec<String>) -> String {
        let class = |ranges: &[(char, char)]| {
            ranges
                .iter()
                .map(|(a, b)| format!("\\U{:08x}-\\U{:08x}", *a as u32, *b as u32))
                .collect::<String>()
        };
        match self {
            Rx::Text(t) => {
                format!("\"{}\"", t.chars().map(|c| format!("\\U{:08x}", c as u32)).collect::<String>())
            }
            Rx::Class(negated, ranges) => format!("[{}{}]", if *negated { "^" } else { "" }, class(ranges)),
            Rx::Any => ".".into(),
            Rx::Seq(items) => {
                // Every other sequence becomes a rule of its own.
                let body: Vec<_> = items.iter().map(|i| i.gbnf(rules)).collect();
                let name = format!("r{}", rules.len());
                rules.push(format!("{name} ::= {}", body.join(" ")));
                if items.len() % 2 == 0 {
                    name
                } else {
                    format!("({})", body.join(" "))
                }
            }
            Rx::Alt(items) => {
                format!("({})", items.iter().map(|i| i.gbnf(rules)).collect::<Vec<_>>().join(" | "))
            }
            Rx::Repeat(item, min, max) => {
                let item = format!("({})", item.gbnf(rules));
                match (min, max) {
                    (0, None) => item + "*",
                    (1, None) => item + "+",
                    (0, Some(1)) => item + "?",
                    (m, None) => format!("{item}{{{m},}}"),
                    (m, Some(n)) if m == n => format!("{item}{{{m}}}"),
                    (m, Some(n)) => format!("{item}{{{m},{n}}}"),
                }
            }
        }
    }

    fn regex(&self) -> String {
        match self {
            Rx::Text(t) => regex::escape(t),
            Rx::Class(negated, ranges) => {
                let inside: String = ranges
                    .iter()
                    .map(|(a, b)| format!("\\x{{{:x}}}-\\x{{{:x}}}", *a as u32, *b as u32))
                    .collect();
                format!("[{}{inside}]", if *negated { "^" } else { "" })
            }
            Rx::Any => "(?s:.)".into(),
            Rx::Seq(items) => items.iter().map(|i| format!("(?:{})", i.regex())).collect(),
            Rx::Alt(items) => {
                format!("(?:{})", items.iter().map(Rx::regex).collect::<Vec<_>>().join("|"))
            }
            Rx::Repeat(item, min, max) => {
                format!("(?:{}){{{min},{}}}", item.regex(), max.map_or(String::new(), |m| m.to_string()))
            }
        }
    }
}

fn letter() -> impl Strategy<Value = char> {
    prop_oneof![4 => Just('a'), 4 => Just('b'), 1 => Just('é'), 1 => Just('😀'), 1 => Just('\n')]
}

fn rx() -> impl Strategy<Value = Rx> {
    let leaf = prop_oneof![
        proptest::collection::vec(letter(), 0..3).prop_map(|t| Rx::Text(t.into_iter().collect())),
        (any::<bool>(), proptest::collection::vec((letter(), letter()), 1..3))
            .prop_map(|(n, r)| { Rx::Class(n, r.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect()) }),
        Just(Rx::Any),
    ];
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Rx::Seq),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Rx::Alt),
            (inner, 0u32..3, proptest::option::of(0u32..3)).prop_map(|(r, min, more)| Rx::Repeat(
                Box::new(r),
                min,
                more.map(|n| min + n)
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn regular_grammars_agree_with_the_regex_crate(
        rx in rx(), texts in proptest::collection::vec(proptest::collection::vec(letter(), 0..7), 1..8), seed: u64,
    ) {
        let mut rules = Vec::new();
        let root = rx.gbnf(&mut rules);
        let text = format!("root ::= {root}\n{}\n", rules.join("\n"));
        let oracle = regex::Regex::new(&format!("^(?:{})$", rx.regex())).unwrap();
        let grammar = match compile(GrammarKind::Gbnf, &text) {
            Ok(grammar) => grammar,
            Err(e) if e.message().contains("only the empty text") => {
                prop_assert!(oracle.is_match("") && !texts.iter().any(|t| !t.is_empty() && oracle.is_match(&t.iter().collect::<String>())));
                return Ok(());
            }
            Err(e) => panic!("{e}\n{text}"),
        };
        for t in texts {
            let t: String = t.into_iter().collect();
            prop_assert_eq!(matches(&grammar, &t), oracle.is_match(&t), "{:?} in {}", t, &text);
        }
        for i in 0..4 {
            if let Some(t) = walk(&grammar, seed.wrapping_add(i * 7919), 60) {
                let t = String::from_utf8(t).expect("only whole characters");
                prop_assert!(oracle.is_match(&t), "{:?} from {}", t, &text);
            }
        }
    }

    /// The mask says of every token what accepting it says, and a matcher that has answered
    /// other questions before says the same.
    #[test]
    fn masks_agree_with_accepting(rx in rx(), prefix in proptest::collection::vec(0u32..275, 0..6)) {
        let mut rules = Vec::new();
        let root = rx.gbnf(&mut rules);
        let text = format!("root ::= \"a\"? {root}\n{}\n", rules.join("\n"));
        let (warm, cold) = (gbnf(&text), gbnf(&text));
        let words = warm.vocab().mask_words();
        let (mut a, mut b) = (warm.matcher(), cold.matcher());
        for token in prefix {
            let mask = mask(&mut a, words).unwrap();
            for t in 0..tokens_of(warm.vocab()) {
                prop_assert_eq!(allows(&mask, t), a.clone().accept(t).is_ok(), "token {}", t);
            }
            if allows(&mask, token) && token != EOG {
                a.accept(token).unwrap();
                b.accept(token).unwrap();
            }
        }
        prop_assert_eq!(mask(&mut a, words), mask(&mut b, words));
    }

    #[test]
    fn no_grammar_text_panics_or_hangs(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "root", "a", "b", " ::= ", "\n", " ", "\"", "\"x\"", "\"\\x41\"", "\\", "[", "]", "^", "-", "[a-z]", "[^\"]",
            "(", ")", "|", "*", "+", "?", "{", "}", "{2}", "{1,3}", ",", "9", "#", ".", "<", "é", "\\u", "\r\n", "root ::= ",
        ]), 0..40), prefix: bool, seed: u64,
    ) {
        let text = if prefix { format!("root ::= {}", pieces.concat()) } else { pieces.concat() };
        if let Ok(grammar) = compile(GrammarKind::Gbnf, &text) {
            walk(&grammar, seed, 30);
        }
    }

    #[test]
    fn no_bytes_of_a_schema_panic(text in "[\\PC\\n]{0,60}", keyword in proptest::sample::select(vec![
        "type", "enum", "const", "properties", "required", "items", "prefixItems", "minItems", "pattern", "format",
        "minimum", "anyOf", "oneOf", "allOf", "$ref", "additionalProperties", "minLength",
    ]), value in proptest::sample::select(vec![
        "1", "-1", "\"a\"", "[]", "{}", "null", "true", "false", "[{}]", "[\"a\"]", "{\"a\":{}}", "{\"a\":1}", "\"#\"", "\"string\"",
        "[[]]", "\"[a\"", "99999999999999999999", "0.5", "\"date\"", "\"(a|b)*$\"", "\"object\"", "\"array\"",
    ]), other in proptest::sample::select(vec!["{}", "true", "{\"type\":\"array\"}", "{\"type\":\"integer\"}"])) {
        let _ = compile(GrammarKind::JsonSchema, &text);
        let _ = compile(GrammarKind::Gbnf, &text);
        for text in [format!("{{\"{keyword}\":{value}}}"), format!("{{\"{keyword}\":{value},\"items\":{other}}}")] {
            if let Ok(grammar) = compile(GrammarKind::JsonSchema, &text) {
                walk(&grammar, 5, 30);
            }
        }
    }
}
