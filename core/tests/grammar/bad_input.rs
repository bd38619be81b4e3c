//! What is refused, and where the error points.

use super::*;

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
