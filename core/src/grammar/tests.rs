use super::automaton::Automaton;
use super::rules::Expr;
use super::states::States;
use super::*;
use crate::policy::{GrammarKind, GrammarSpec};
use std::sync::Arc;

fn bytes_vocab() -> Arc<GrammarVocab> {
    let tokens: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![b]).collect();
    Arc::new(GrammarVocab::new(&tokens, &[], &[]).unwrap())
}

/// What a matcher does when its states have outgrown the memory kept for them.
#[test]
fn states_begun_anew_answer_the_same() {
    let (rules, root) =
        gbnf::parse("root ::= (\"(\" root \")\" | \"[\" root \"]\" | [a-c]{1,3} | \"x\" root \"y\"?) \"!\"?")
            .unwrap();
    let automaton = Automaton::new(&rules, root.unwrap()).unwrap();
    let vocab = bytes_vocab();
    let mut old = States::new(&automaton);
    let mut at = old.start(&automaton).unwrap();
    for byte in b"(x[(xxab)!" {
        at = old.advance(&automaton, at, &[*byte]).unwrap();
        let mut new = States::new(&automaton);
        new.start(&automaton).unwrap();
        let mut here = new.import(&old, at);
        assert_eq!(new.mask(&automaton, &vocab, here), old.mask(&automaton, &vocab, at));
        assert_eq!((new.can_end(here), new.is_complete(here)), (old.can_end(at), old.is_complete(at)));
        let mut there = at;
        for byte in b"]y)!" {
            (here, there) = match (
                new.advance(&automaton, here, &[*byte]).unwrap(),
                old.advance(&automaton, there, &[*byte]).unwrap(),
            ) {
                (a, b) if a == states::DEAD || b == states::DEAD => {
                    assert_eq!(a, b);
                    break;
                }
                both => both,
            };
            assert_eq!(new.mask(&automaton, &vocab, here), old.mask(&automaton, &vocab, there));
        }
    }
}

/// A matcher outgrows the shared states and goes on with its own; the others stay as they were.
#[test]
fn memory_kept_is_bounded() {
    let text = "root ::= \"a\" root \"b\" | \"c\"".to_owned();
    let spec = GrammarSpec { kind: GrammarKind::Gbnf, text, engine: ENGINE_ID.to_owned() };
    let grammar = Grammar::compile(&spec, &bytes_vocab()).unwrap();
    let (mut deep, mut other) = (grammar.matcher(), grammar.matcher());
    other.accept(u32::from(b'a')).unwrap();
    let depth = 400_000;
    for _ in 0..depth {
        deep.accept(u32::from(b'a')).unwrap();
    }
    deep.accept(u32::from(b'c')).unwrap();
    other.accept(u32::from(b'c')).unwrap();
    other.accept(u32::from(b'b')).unwrap();
    assert!(other.is_complete());
    let mut mask = [0; 8];
    deep.mask(&mut mask).unwrap();
    assert_eq!(mask, [0, 0, 0, 1 << (b'b' - 96), 0, 0, 0, 0]);
}

/// The prelude is ours; a rule that could never match would be a slip.
#[test]
fn every_rule_of_the_prelude_matches_something() {
    let (rules, _) = gbnf::parse(include_str!("json.gbnf")).unwrap();
    for (id, rule) in rules.0.iter().enumerate() {
        Automaton::new(&rules, id).unwrap_or_else(|e| panic!("{}: {e}", rule.label));
    }
}

/// Work for a mask is counted on what the mask needs, whatever was asked before.
#[test]
fn the_work_limit_does_not_depend_on_earlier_questions() {
    // After n times `a` the grammar is in about n places, and all words of twelve `a` or `b`
    // lead to different sets of them.
    let (rules, root) = gbnf::parse("root ::= [ab]* \"a\" [ab]{3000} \"!\"").unwrap();
    let automaton = Automaton::new(&rules, root.unwrap()).unwrap();
    let tokens: Vec<Vec<u8>> =
        (0..4096u32).map(|i| (0..12).map(|k| if i >> k & 1 == 0 { b'a' } else { b'b' }).collect()).collect();
    let vocab = GrammarVocab::new(&tokens, &[], &[]).unwrap();
    let ask = |lengths: &[usize]| {
        let mut states = States::new(&automaton);
        let start = states.start(&automaton).unwrap();
        let mut answer = |&n: &usize| {
            let at = states.advance(&automaton, start, &vec![b'a'; n]).unwrap();
            states.mask(&automaton, &vocab, at)
        };
        lengths.iter().map(&mut answer).last().unwrap()
    };
    assert!(ask(&[200]).is_ok());
    let cold = ask(&[1000]).unwrap_err();
    assert!(cold.message().contains("work limit"), "{cold}");
    // The shorter texts share transitions with the longest.
    assert_eq!(ask(&[200, 998, 999, 988, 1000]), Err(cold));
    assert_eq!(ask(&[1000, 999, 200]), ask(&[200]));
}

#[test]
fn string_characters_are_escaped_where_they_must_be() {
    let all = pattern::string_char(&charset::CharSet::any());
    let Expr::Alt(ways) = all else { panic!("several ways") };
    // One class of plain characters, 32 controls, the quote and the backslash.
    assert_eq!(ways.len(), 1 + 32 + 2);
    for way in ways {
        if let Expr::Literal(text) = way {
            assert_eq!(serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap().chars().count(), 1);
        }
    }
}
