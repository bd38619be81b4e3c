//! Grammars as a caller sees them: languages against independent oracles, bad input, masks.

use std::sync::Arc;

use attestlm::grammar::{Grammar, GrammarVocab, Matcher, ENGINE_ID};
use attestlm::policy::{GrammarKind, GrammarSpec};
use attestlm::{ErrorKind, Result, Token};
use proptest::prelude::*;
use serde_json::Value;

/// Every byte is the token of its number; then come an end-of-generation token, a control token
/// that spells `"x"`, one that spells nothing, and words that cross character boundaries.
const EOG: Token = 256;
const CONTROL: Token = 257;
const EMPTY: Token = 258;

fn vocab() -> Arc<GrammarVocab> {
    let mut tokens: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
    tokens.extend([b"</s>".to_vec(), b"\"x\"".to_vec(), Vec::new()]);
    for word in
        ["ab", "aab", "ba", "bb", "éa", "true", "\": ", "\",", "{\"", "}}", "null", "12", "-1", ".5", "😀"]
    {
        tokens.push(word.as_bytes().to_vec());
    }
    let emoji = "😀".as_bytes();
    tokens.extend([emoji[..2].to_vec(), emoji[2..].to_vec(), [b"a", &emoji[..1]].concat(), "ab".into()]);
    Arc::new(GrammarVocab::new(&tokens, &[EOG], &[CONTROL]).unwrap())
}

fn tokens_of(vocab: &GrammarVocab) -> Token {
    Token::try_from(vocab.size()).unwrap()
}

fn compile(kind: GrammarKind, text: &str) -> Result<Grammar> {
    let spec = GrammarSpec { kind, text: text.to_owned(), engine: ENGINE_ID.to_owned() };
    Grammar::compile(&spec, &vocab())
}

fn gbnf(text: &str) -> Grammar {
    compile(GrammarKind::Gbnf, text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn schema(text: &str) -> Grammar {
    compile(GrammarKind::JsonSchema, text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn mask(matcher: &mut Matcher, words: usize) -> Result<Vec<u32>> {
    let mut out = vec![u32::MAX; words];
    matcher.mask(&mut out).map(|()| out)
}

fn allows(mask: &[u32], token: Token) -> bool {
    mask[token as usize / 32] >> (token % 32) & 1 == 1
}

/// Whether the grammar matches `text`, byte by byte.
fn matches(grammar: &Grammar, text: &str) -> bool {
    let mut matcher = grammar.matcher();
    text.bytes().all(|b| matcher.accept(b.into()).is_ok()) && matcher.can_end()
}

/// Walks through the masks at random; the text if it came to an end within `steps`.
fn walk(grammar: &Grammar, seed: u64, steps: usize) -> Option<Vec<u8>> {
    let words = grammar.vocab().mask_words();
    let mut x = seed | 1;
    let mut random = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        usize::try_from(x >> 33).unwrap()
    };
    let mut text = Vec::new();
    let mut matcher = grammar.matcher();
    for _ in 0..steps {
        if matcher.is_complete() {
            return Some(text);
        }
        let mask = mask(&mut matcher, words).unwrap();
        let allowed: Vec<u8> = (0..=255u8).filter(|&b| allows(&mask, b.into())).collect();
        assert_eq!(allows(&mask, EOG), matcher.can_end());
        if matcher.can_end() && (allowed.is_empty() || random() % 3 == 0) {
            matcher.accept(EOG).unwrap();
            return Some(text);
        }
        assert!(!allowed.is_empty(), "a dead end behind {:?}", String::from_utf8_lossy(&text));
        // Half the time, what tends to close things; else a loop would seldom end.
        let closing: Vec<u8> = allowed.iter().copied().filter(|b| b"\"}]:,0ax".contains(b)).collect();
        let from = if closing.is_empty() || random() % 2 == 0 { &allowed } else { &closing };
        let byte = from[random() % from.len()];
        matcher.accept(byte.into()).unwrap();
        text.push(byte);
    }
    None
}

#[test]
fn engine_and_vocabulary_are_checked() {
    let spec =
        GrammarSpec { kind: GrammarKind::Gbnf, text: "root ::= \"a\"".into(), engine: "other/1".into() };
    let error = Grammar::compile(&spec, &vocab()).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, "grammar.engine"));
    assert!(GrammarVocab::new(&[], &[], &[]).is_err());
    assert!(GrammarVocab::new(&[vec![1]], &[1], &[]).is_err());
    assert!(GrammarVocab::new(&[vec![1]], &[], &[7]).is_err());
    assert!(GrammarVocab::new(&[vec![1; 5000]], &[], &[]).is_err());
    let mut matcher = gbnf("root ::= \"a\"").matcher();
    assert_eq!(matcher.mask(&mut [0; 3]).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(matcher.accept(100_000).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(matcher.accept(u32::from(b'b')).unwrap_err().kind(), ErrorKind::Grammar);
    // After an error it stands where it stood.
    matcher.accept(u32::from(b'a')).unwrap();
    assert!(matcher.is_complete());
}

#[test]
fn bad_gbnf_is_an_error_with_its_place() {
    let deep_groups = format!("root ::= {}\"a\"{}", "(".repeat(100_000), ")".repeat(100_000));
    let long_chain: String = (0..12_000).map(|i| format!("r{i} ::= r{}\n", i + 1)).collect();
    let nested_counts = format!("root ::= {}\"a\"{}", "(".repeat(60), "{1,9999})".repeat(60));
    let many_rules = format!("root ::= {}", "[^a] ".repeat(50_000));
    let long = format!("root ::= \"{}\"", "a".repeat(300_000));
    let stars = format!("root ::= \"a\"{}", "*".repeat(200_000));
    for (text, needle) in [
        ("", "no rule is named \"root\""),
        ("# nothing\n", "no rule is named \"root\""),
        ("a ::= \"a\"", "no rule is named \"root\""),
        ("root", "'::=' is expected"),
        ("root :: \"a\"", "'::=' is expected"),
        ("root ::= \"a", "line 1, column 10: the literal is not closed"),
        ("root ::= \"a\\", "ends inside"),
        ("root ::= \"\\q\"", "unknown escape"),
        ("root ::= \"\\x4\"", "2 hex digits"),
        ("root ::= \"\\xg0\"", "2 hex digits"),
        ("root ::= \"\\u12\"", "4 hex digits"),
        ("root ::= \"\\ud800\"", "no Unicode scalar value"),
        ("root ::= \"\\U00110000\"", "no Unicode scalar value"),
        ("root ::= \"\\Uffffffff\"", "no Unicode scalar value"),
        ("root ::= [a-z", "the character class is not closed"),
        ("root ::= [", "the character class is not closed"),
        ("root ::= [a-", "the character class is not closed"),
        ("root ::= []", "the character class is empty"),
        ("root ::= [^]", "the character class is empty"),
        ("root ::= [z-a]", "ends before it begins"),
        ("root ::= [\\ud800-\\udfff]", "no Unicode scalar value"),
        ("root ::= x", "line 1, column 10: no rule is named \"x\""),
        ("root ::= \"a\"\nb ::= c\nc ::= d", "line 3, column 7: no rule is named \"d\""),
        ("root ::= (\"a\"", "')' is expected"),
        ("root ::= \"a\")", "unexpected ')'"),
        ("root ::= * \"a\"", "nothing to repeat"),
        ("root ::= {2}", "nothing to repeat"),
        ("root ::= \"a\"{", "a repetition count is expected"),
        ("root ::= \"a\"{}", "a repetition count is expected"),
        ("root ::= \"a\"{,3}", "a repetition count is expected"),
        ("root ::= \"a\"{2", "'}' is expected"),
        ("root ::= \"a\"{3,2}", "below its minimum"),
        ("root ::= \"a\"{99999999999999999999}", "above 10000"),
        ("root ::= \"a\"{0,10001}", "above 10000"),
        ("root ::= \"a\"**", "one repetition per item"),
        ("root ::= \"a\" | | * ", "nothing to repeat"),
        ("root ::= \"a\" ::= \"b\"", "unexpected ':'"),
        ("root ::= \"a\"\nroot ::= \"b\"", "defined twice"),
        ("root ::= <think>", "token references"),
        ("root ::= !<[12]>", "token references"),
        ("root ::= root", "left-recursive"),
        ("root ::= root \"a\" | \"a\"", "left-recursive"),
        ("root ::= a\na ::= \"x\"? b\nb ::= a \"y\" | \"z\"", "left-recursive"),
        ("root ::= (\"\" root)* \"a\"", "left-recursive"),
        ("root ::= \"a\" root", "no text satisfies"),
        ("root ::= a b\na ::= \"x\"\nb ::= \"y\" b", "no text satisfies"),
        ("root ::= [^\\x00-\\U0010ffff]", "no text satisfies"),
        ("root ::= \"\"", "only the empty text"),
        ("root ::= \"a\"{0}", "only the empty text"),
        ("root ::=", "only the empty text"),
        ("root ::= \"a\" § \"b\"", "column 14: unexpected '§'"),
        ("§ ::= \"a\"", "a rule name is expected"),
        ("root ::= \"a\"\n | \"b\"", "a rule name is expected"),
        (&deep_groups, "nested deeper"),
        (&long_chain, "no rule is named \"r12000\""),
        (&stars, "one repetition per item"),
        (&long, "longer than 262144 bytes"),
        (&many_rules, "automaton nodes"),
    ] {
        let error = compile(GrammarKind::Gbnf, text).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Grammar);
        let shown: String = text.chars().take(80).collect();
        assert!(error.message().contains(needle), "{shown}: {error}");
    }
    // A long name above many places is not copied to each of them.
    let properties: Vec<String> = (0..2_000).map(|i| format!("\"{i}\":{{}}")).collect();
    let wide = format!(
        r#"{{"properties":{{"{}":{{"properties":{{{}}}}}}}}}"#,
        "n".repeat(100_000),
        properties.join(",")
    );
    assert!(compile(GrammarKind::JsonSchema, &wide).is_ok());
    // Counts of nested groups add up instead of multiplying: large, but no bomb.
    if let Err(error) = compile(GrammarKind::Gbnf, &nested_counts) {
        assert!(error.message().contains("automaton nodes"), "{error}");
    }
}

#[test]
fn bad_schemas_are_errors_with_their_place() {
    let deep = "[".repeat(200_000);
    let deep_schema = format!("{}{{}}{}", r#"{"items":"#.repeat(5_000), "}".repeat(5_000));
    for (text, needle) in [
        ("", "line 1, column 1: a JSON value is expected"),
        ("{", "a member name"),
        (r#"{"type":"string",}"#, "a member name"),
        (r#"{"type":"string"} x"#, "text follows"),
        (r#"{"type":"string","type":"null"}"#, "the name \"type\" occurs twice"),
        ("17", "a schema is an object or a boolean"),
        ("false", "no text satisfies"),
        (r#"{"type":"text"}"#, "schema #/type"),
        (r#"{"type":[]}"#, "schema #/type"),
        (r#"{"type":["null","null"]}"#, "schema #/type"),
        (r#"{"properties":{"a/b":{"type":1}}}"#, "schema #/properties/a~1b/type"),
        (r#"{"type":"object","patternProperties":{}}"#, "#/patternProperties: this keyword is not supported"),
        (r#"{"type":"string","minimum":3}"#, "#/minimum: this keyword is not supported"),
        (r#"{"not":{}}"#, "#/not"),
        (r#"{"if":{},"then":{}}"#, "#/if"),
        (r#"{"type":"array","contains":{}}"#, "#/contains"),
        (r#"{"type":"array","uniqueItems":true}"#, "unique items"),
        (r#"{"type":"array","items":[{}]}"#, "#/items: a schema is an object or a boolean"),
        (r#"{"type":"array","minItems":-1}"#, "#/minItems"),
        (r#"{"type":"array","maxItems":1000000}"#, "#/maxItems"),
        (r#"{"type":"array","minItems":3,"maxItems":2}"#, "below minItems"),
        (r#"{"type":"array","items":false,"minItems":1}"#, "no text satisfies"),
        (r#"{"type":"string","format":"email"}"#, "#/format"),
        (r#"{"type":"string","pattern":"(?=a)"}"#, "#/pattern"),
        (r#"{"type":"string","pattern":"(a"}"#, "')' is expected"),
        (r#"{"type":"string","pattern":"a)"}"#, "unexpected ')'"),
        (r#"{"type":"string","pattern":"\\1"}"#, "escape \\1"),
        (r#"{"type":"string","pattern":"a$b"}"#, "end of an alternative"),
        (r#"{"type":"string","pattern":"[z-a]"}"#, "in order"),
        (r#"{"type":"string","pattern":"[\\w-z]"}"#, "one character at each end"),
        (r#"{"type":"string","pattern":"a{99999}"}"#, "at most 10000"),
        (r#"{"type":"string","pattern":"a","minLength":1}"#, "only one of pattern"),
        (r#"{"type":"string","minLength":2,"maxLength":1}"#, "below minLength"),
        (r#"{"type":"integer","minimum":1e3}"#, "without an exponent"),
        (r#"{"type":"integer","minimum":"1"}"#, "a number is expected"),
        (r#"{"type":"integer","minimum":1,"exclusiveMinimum":1}"#, "only one of"),
        (r#"{"type":"integer","minimum":5,"maximum":4}"#, "no text satisfies"),
        (r#"{"type":"integer","exclusiveMinimum":4,"exclusiveMaximum":5}"#, "no text satisfies"),
        (r#"{"type":"integer","minimum":1234567890123456}"#, "15 digits"),
        (r#"{"type":"number","multipleOf":0.01}"#, "#/multipleOf"),
        (r#"{"enum":[]}"#, "#/enum"),
        (r#"{"enum":[1],"const":1}"#, "only one of const and enum"),
        (r#"{"enum":["a"],"type":"integer"}"#, "no text satisfies"),
        (r#"{"const":1,"minimum":0}"#, "#/minimum"),
        (r#"{"anyOf":[]}"#, "#/anyOf: the array is empty"),
        (r#"{"anyOf":{}}"#, "an array of schemas"),
        (r#"{"anyOf":[{}],"properties":{}}"#, "#/properties"),
        (r#"{"allOf":[{},{}]}"#, "#/allOf"),
        (r#"{"oneOf":[{"type":"number"},{"type":"integer"}]}"#, "alternatives 0 and 1"),
        (r#"{"oneOf":[{},{"type":"null"}]}"#, "alternatives 0 and 1"),
        (r##"{"$ref":"#"}"##, "left-recursive"),
        (r##"{"$ref":"#/$defs/x"}"##, "#/$ref"),
        (r#"{"$ref":"https://example.org/s.json"}"#, "#/$ref"),
        (
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##,
            "left-recursive",
        ),
        (
            r##"{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}"##,
            "no text satisfies",
        ),
        (r#"{"type":"object","properties":{},"required":["a"]}"#, "\"a\" is required but not allowed"),
        (r#"{"type":"object","required":["a","a"]}"#, "#/required"),
        (r#"{"type":"object","properties":[]}"#, "#/properties"),
        (&deep, "nested deeper"),
        (&deep_schema, "nested deeper"),
    ] {
        let error = compile(GrammarKind::JsonSchema, text).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Grammar);
        let shown: String = text.chars().take(80).collect();
        assert!(error.message().contains(needle), "{shown}: {error}");
    }
}

#[test]
fn gbnf_of_every_construct() {
    let grammar = gbnf(concat!(
        "# a comment\n",
        "root ::= greeting (\",\" ws name)? [!.]{1,2} # behind a rule\r\n",
        "greeting ::= \"h\\x69\" | \"\\u0048\\U00000069\" |\n   \"\\\"\\\\[\\]\\t\\n\\r\"\n",
        "ws ::= [ \\t]*\n\nname-2 ::= . .\n",
        "name ::= (\n  [^\\x00-\\x7f\\]a-c-]+\n  | name-2\n)",
    ));
    for text in
        ["hi!", "Hi..", "\"\\[]\t\n\r.", "hi,é!", "hi,  \té😀!", "hi,ab!", "hi,😀]!", "hi,!!!", "hi,!.!!"]
    {
        assert!(matches(&grammar, text), "{text:?}");
    }
    for text in ["", "hi", "hi!!!", "HI!", "hi,a!", "hi,é]é!", "hi,abc!"] {
        assert!(!matches(&grammar, text), "{text:?}");
    }
    let counts = gbnf("root ::= \"a\"{2} (\"b\" | \"cd\"){1,3} [ef]{2,} \"g\"{0,1} \"h\"{0}");
    for (text, fits) in [
        ("aabee", true),
        ("aacdbcdeffg", true),
        ("abee", false),
        ("aaee", false),
        ("aabe", false),
        ("aabbbbee", false),
        ("aabeegg", false),
        ("aabeeh", false),
    ] {
        assert_eq!(matches(&counts, text), fits, "{text}");
    }
}

#[test]
fn context_free_languages() {
    let nested =
        gbnf("root ::= a | \"[\" root \"]\" root2\nroot2 ::= | root\na ::= \"a\" | \"(\" root \")\"");
    assert!(matches(&nested, "[[(a)]a]"));
    assert!(!matches(&nested, "[[(a]a]") && !matches(&nested, "[a"));
    let deep = "[".repeat(3000) + "a" + &"]".repeat(3000);
    assert!(matches(&nested, &deep) && !matches(&nested, &deep[1..]));
    // Palindromes: no deterministic pushdown automaton knows them.
    let palindrome =
        gbnf("root ::= \"a\" p \"a\" | \"b\" p \"b\"\np ::= | [ab] | \"a\" p \"a\" | \"b\" p \"b\"");
    for (text, fits) in [("abba", true), ("abbba", true), ("aabbabbaa", true), ("abab", false), ("a", false)]
    {
        assert_eq!(matches(&palindrome, text), fits, "{text}");
    }
    // Right recursion needs no stack, and nullable loops end.
    let list = gbnf("root ::= \"a\" root | (\"\" | \"b\"?)* \"c\"");
    assert!(matches(&list, &("a".repeat(10_000) + "bbc")));
}

#[test]
fn ambiguity_beyond_the_limit_is_an_error_not_a_hang() {
    let grammar = gbnf("root ::= \"a\" root \"b\"? | \"a\" root \"c\"? | \"a\" root \"d\"? | \"e\"");
    let mut matcher = grammar.matcher();
    let failed = (0..64).find_map(|_| matcher.accept(u32::from(b'a')).err()).unwrap();
    assert_eq!(failed.kind(), ErrorKind::Grammar);
    assert!(failed.message().contains("ambiguous"), "{failed}");
}

#[test]
fn how_outputs_end() {
    let words = vocab().mask_words();
    // May end or go on: the end-of-generation token is offered, and taking it ends.
    let mut matcher = gbnf("root ::= \"a\"+").matcher();
    assert!(!matcher.can_end() && !allows(&mask(&mut matcher, words).unwrap(), EOG));
    assert!(matcher.clone().accept(EOG).is_err());
    matcher.accept(u32::from(b'a')).unwrap();
    assert!(matcher.can_end() && !matcher.is_complete());
    assert!(allows(&mask(&mut matcher, words).unwrap(), EOG));
    let fork = matcher.clone();
    matcher.accept(EOG).unwrap();
    assert!(
        matcher.is_complete()
            && matcher.accept(u32::from(b'a')).is_err()
            && mask(&mut matcher, words).is_err()
    );
    assert!(!fork.is_complete());
    // Can only end: complete without any further token.
    let mut matcher = gbnf("root ::= \"ab\"").matcher();
    matcher.accept(u32::from(b'a')).unwrap();
    assert!(!matcher.can_end());
    matcher.accept(u32::from(b'b')).unwrap();
    assert!(matcher.can_end() && matcher.is_complete());
    let last = mask(&mut matcher, words).unwrap();
    assert_eq!((0..tokens_of(&vocab())).filter(|&t| allows(&last, t)).collect::<Vec<_>>(), [EOG]);
}

#[test]
fn control_and_empty_tokens_are_never_text() {
    let grammar = gbnf("root ::= \"\\\"\" [x]+ \"\\\"\" | \"</s>\"");
    let mut matcher = grammar.matcher();
    let mask = mask(&mut matcher, grammar.vocab().mask_words()).unwrap();
    assert!(allows(&mask, u32::from(b'"')) && allows(&mask, u32::from(b'<')));
    assert!(!allows(&mask, EOG) && !allows(&mask, CONTROL) && !allows(&mask, EMPTY));
    assert!(matcher.accept(CONTROL).is_err() && matcher.accept(EMPTY).is_err());
}

#[test]
fn a_vocabulary_that_cannot_spell_the_grammar_is_an_error() {
    let tokens: Vec<Vec<u8>> = vec![b"a".to_vec(), b"b".to_vec(), b"end".to_vec()];
    let vocab = Arc::new(GrammarVocab::new(&tokens, &[2], &[]).unwrap());
    let spec =
        GrammarSpec { kind: GrammarKind::Gbnf, text: "root ::= \"ac\"".into(), engine: ENGINE_ID.into() };
    let mut matcher = Grammar::compile(&spec, &vocab).unwrap().matcher();
    matcher.accept(0).unwrap();
    let mut out = [u32::MAX];
    let error = matcher.mask(&mut out).unwrap_err();
    assert!(error.message().contains("no token of the vocabulary"), "{error}");
    assert_eq!(out, [0]);
}

#[test]
fn characters_split_across_tokens() {
    // 😀 = F0 9F 98 80; the vocabulary holds it whole, in halves, and with an `a` before its first byte.
    let grammar = gbnf("root ::= \"a\" [😀-😂] \"!\"");
    let words = grammar.vocab().mask_words();
    let whole = (256..).find(|&t| grammar.matcher().accept(t).is_ok()).unwrap();
    let mut matcher = grammar.matcher();
    matcher.accept(whole).unwrap(); // `a` and F0
    let next = mask(&mut matcher, words).unwrap();
    assert_eq!((0..256).filter(|&t| allows(&next, t)).collect::<Vec<_>>(), [0x9F]);
    matcher.accept(0x9F).unwrap();
    let next = mask(&mut matcher, words).unwrap();
    assert_eq!((0..256).filter(|&t| allows(&next, t)).collect::<Vec<_>>(), [0x98]);
    let half = (256..tokens_of(grammar.vocab())).find(|&t| allows(&next, t)).unwrap();
    let mut fork = matcher.clone();
    fork.accept(half).unwrap();
    fork.accept(u32::from(b'!')).unwrap();
    assert!(fork.is_complete());
    matcher.accept(0x98).unwrap();
    let next = mask(&mut matcher, words).unwrap();
    assert_eq!((0..256).filter(|&t| allows(&next, t)).collect::<Vec<_>>(), [0x80, 0x81, 0x82]);
}

// --- GBNF against the regex crate ---

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

// --- JSON schemas ---

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

const SCHEMAS: [&str; 26] = [
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

// --- Determinism ---

/// A digest over the masks along fixed walks through several grammars.
fn digest() -> String {
    let mut hasher = blake3::Hasher::new();
    for text in SCHEMAS {
        let grammar = schema(text);
        let words = grammar.vocab().mask_words();
        for seed in 1..12u64 {
            let Some(bytes) = walk(&grammar, seed * 977, 200) else { continue };
            let mut matcher = grammar.matcher();
            for byte in bytes {
                for word in mask(&mut matcher, words).unwrap() {
                    hasher.update(&word.to_le_bytes());
                }
                matcher.accept(byte.into()).unwrap();
            }
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[test]
fn masks_are_the_same_in_other_threads_and_processes() {
    let here = digest();
    if std::env::var_os("ATTESTLM_TEST_DIGEST").is_some() {
        println!("digest={here}");
        return;
    }
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(digest)).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), here);
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "masks_are_the_same_in_other_threads_and_processes", "--nocapture"])
        .env("ATTESTLM_TEST_DIGEST", "1")
        .output()
        .unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    assert!(output.contains(&format!("digest={here}")), "{output}");
}

#[test]
fn matchers_of_one_grammar_do_not_disturb_each_other() {
    let grammar = schema(SCHEMAS[22]);
    let words = grammar.vocab().mask_words();
    let texts: Vec<Vec<u8>> = (1..200).filter_map(|s| walk(&grammar, s * 31, 300)).take(8).collect();
    assert!(texts.len() > 3);
    std::thread::scope(|scope| {
        for text in &texts {
            let mut shared = grammar.matcher();
            scope.spawn(move || {
                let mut alone = schema(SCHEMAS[22]).matcher();
                for &byte in text {
                    assert_eq!(mask(&mut shared, words).unwrap(), mask(&mut alone, words).unwrap());
                    shared.accept(byte.into()).unwrap();
                    alone.accept(byte.into()).unwrap();
                }
                assert!(shared.is_complete());
            });
        }
    });
}
