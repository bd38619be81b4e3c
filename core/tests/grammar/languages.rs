//! Small languages, how outputs end, and what is never text.

use super::*;

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
