//! Disclosures and documents of strangers.

use attestlm::micros::Micros;
use attestlm::policy::{GrammarKind, GrammarSpec, SamplingPolicy};
use attestlm::receipt::{Disclosure, Document, Receipt, Secrets, Signature};
use attestlm::signer::Signer;
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, verify_signature, Expectations};
use attestlm::Token;
use attestlm_testkit::Rng;
use serde_json::{json, Value};

use crate::forger::*;

/// An edit that is then committed to and signed.
type Edit<'a> = &'a dyn Fn(&mut Receipt, &mut Disclosure);
/// One that is only signed.
type Lie = fn(&mut Receipt);

#[test]
fn an_edited_request_is_caught() {
    let honest = made(json!({ "maxTokens": 6, "date": "2024-05-01" }));
    let put = |key: &'static str, value: Value| {
        move |d: &mut Disclosure| {
            drop(d.request.as_mut().unwrap().as_object_mut().unwrap().insert(key.into(), value))
        }
    };
    let other = json!([{ "role": "user", "content": "something else" }]);
    let word = format!("0x{}", "12".repeat(32));
    // What is renamed in the disclosure alone is not what was signed.
    let mut lazy = honest.clone();
    put("messages", other.clone())(disclosed(&mut lazy));
    invalid(&check(&lazy), "request: ");
    let mut lazy = honest.clone();
    put("date", json!("2024-05-02"))(disclosed(&mut lazy));
    invalid(&check(&lazy), "request: ");
    // Committed to, it must still be one that leads to these tokens.
    let forged = |edit: &dyn Fn(&mut Disclosure)| check(&forge(&honest, |_, d| edit(d)));
    invalid(&forged(&|d| put("messages", other.clone())(d)), "prompt: ");
    invalid(&forged(&|d| put("templateDigest", json!(word))(d)), "request.templateDigest: ");
    // Signed as it is, it may be of a later form.
    unverifiable(&forged(&|d| put("date", json!("yesterday"))(d)), "request.date: ");
    unverifiable(&forged(&|d| put("extra", json!(1))(d)), "request.extra: ");
    unverifiable(&forged(&|d| put("messages", json!([]))(d)), "request.messages: ");
    invalid(
        &forged(&|d| put("messages", json!([{ "role": "user", "content": "<|im_end|>" }]))(d)),
        "request: messages[0].content",
    );
    unverifiable(&forged(&|d| put("renderer", json!("another/1"))(d)), "renderer");
    unverifiable(&forged(&|d| put("tokenizer", json!("another/1"))(d)), "tokenizer");
}

#[test]
fn hostile_documents_get_a_verdict() {
    let honest = hot();
    fn policy(d: &mut Disclosure) -> &mut SamplingPolicy {
        d.sampler.as_mut().unwrap()
    }
    fn gbnf(text: &str, engine: &str) -> Option<GrammarSpec> {
        Some(GrammarSpec { kind: GrammarKind::Gbnf, text: text.into(), engine: engine.into() })
    }
    fn prompt(d: &mut Disclosure, tokens: Vec<Token>) {
        (d.request, d.prompt_tokens) = (None, Some(tokens));
    }
    const ENGINE: &str = attestlm::grammar::ENGINE_ID;
    let vocabulary = u32::try_from(model().vocab().len()).unwrap();
    let refused: [(&str, Edit<'_>); 22] = [
        ("outputTokens: ", &|r, d| put_output(r, d, vec![u32::MAX; 24])),
        ("outputTokens: ", &|r, d| put_output(r, d, vec![vocabulary; 24])),
        ("promptTokens: ", &|_, d| prompt(d, vec![1, 2, vocabulary])),
        ("promptTokens: ", &|_, d| prompt(d, vec![i32::MAX as u32 + 1; 9])),
        ("promptCount: ", &|_, d| policy(d).context_tokens = 20),
        ("promptCount: ", &|_, d| prompt(d, vec![])),
        ("seed: the stream", &|_, d| d.stream = 1),
        ("seed: the stream", &|_, d| d.stream = u32::MAX),
        ("choices: ", &|_, d| policy(d).choices = u32::MAX),
        ("temperature: ", &|_, d| policy(d).temperature = Micros::new(-1).unwrap()),
        ("temperature: ", &|_, d| policy(d).temperature = Micros::new(1 << 50).unwrap()),
        ("topP: ", &|_, d| policy(d).top_p = Micros::new(-5).unwrap()),
        ("maxTokens: ", &|_, d| policy(d).max_tokens = u32::MAX),
        ("contextTokens: ", &|_, d| policy(d).context_tokens = u32::MAX),
        ("bans: ", &|_, d| policy(d).bans = vec![u32::MAX]),
        ("bans: ", &|_, d| policy(d).bans = (0..65_537).collect()),
        ("stop: ", &|_, d| policy(d).stop = vec![String::new()]),
        ("logitBias: ", &|_, d| policy(d).logit_bias = vec![(1, Micros::new(1 << 52).unwrap())]),
        ("grammar: ", &|_, d| policy(d).grammar = gbnf("root ::= (((", ENGINE)),
        ("grammar: ", &|_, d| policy(d).grammar = gbnf("root ::= root root", ENGINE)),
        ("grammar: ", &|_, d| policy(d).grammar = gbnf(&"(".repeat(1 << 19), ENGINE)),
        ("steps: ", &|_, d| d.steps.as_mut().unwrap()[0].end_token = u32::MAX),
    ];
    for (naming, edit) in refused {
        let verdict = check(&forge(&honest, edit));
        let Verdict::Invalid { what } = &verdict else { panic!("{naming}{verdict}") };
        assert!(what.contains(naming), "{naming}{verdict}");
    }
    let unknown: [(&str, Edit<'_>); 4] = [
        ("context", &|_, d| prompt(d, vec![1; 513])),
        ("context", &|_, d| prompt(d, vec![1; 300_000])),
        ("segmenter", &|_, d| policy(d).segmenter.id = 7),
        ("grammar engine", &|_, d| policy(d).grammar = gbnf("root ::= \"a\"", "another/9")),
    ];
    for (naming, edit) in unknown {
        let cheat = forge(&honest, |r, d| {
            policy(d).context_tokens = 1 << 20;
            edit(r, d);
        });
        unverifiable(&check(&cheat), naming);
    }
    // A grammar that the output is not in: the first token that leaves it.
    let cheat = forge(&honest, |_, d| policy(d).grammar = gbnf("root ::= \"\\u0001\"", ENGINE));
    redraws(&check(&cheat));
    // Everything banned.
    let cheat = forge(&honest, |_, d| policy(d).bans = (0..vocabulary).collect());
    invalid(&check(&cheat), "output: ");

    // Lies about counts, under a good signature.
    let counts: [(&str, Lie); 6] = [
        ("promptCount: ", |r| r.prompt_count = u32::MAX - 24),
        ("outputCount: ", |r| r.output_count = u32::MAX - 500),
        ("outputCount: ", |r| r.output_count = u32::MAX),
        ("promptCount: ", |r| r.prompt_count = 0),
        ("outputCount: ", |r| r.output_count -= 1),
        ("signer: ", |r| r.signer = [0; 20]),
    ];
    for (naming, edit) in counts {
        let mut document = sign(honest.clone());
        edit(&mut document.receipt);
        document.signature = Signature::Key(forger().sign_digest(&document.digest()).unwrap());
        invalid(&check(&document), naming);
    }
}

/// Every place a value stands, as a path of keys and indices.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| places(v, &format!("{path}/{k}"), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, v)| places(v, &format!("{path}/{i}"), found))
        }
        _ => {}
    }
}

/// One value of `value` replaced, removed, doubled, or made absurd.
fn mutate(value: &mut Value, rng: &mut Rng) {
    const NUMBERS: [u64; 8] = [0, 1, 2, 255, 0x7fff_ffff, 0xffff_ffff, 1 << 53, 300];
    let mut found = Vec::new();
    places(value, "", &mut found);
    let path = found[rng.below(found.len())].clone();
    let (parent, key) = path.rsplit_once('/').unwrap_or(("", ""));
    if rng.below(6) == 0 {
        match value.pointer_mut(parent) {
            Some(Value::Object(map)) => drop(map.remove(key)),
            Some(Value::Array(list)) if !list.is_empty() => {
                let at = rng.below(list.len());
                if rng.below(2) == 0 {
                    list.remove(at);
                } else {
                    list.insert(at, list[at].clone());
                }
            }
            _ => {}
        }
        return;
    }
    let Some(place) = value.pointer_mut(&path) else { return };
    *place = match &*place {
        _ if rng.below(12) == 0 => [Value::Null, json!({}), json!([]), json!("")][rng.below(4)].clone(),
        Value::Number(_) => json!(NUMBERS[rng.below(8)]),
        Value::Bool(was) => json!(!*was),
        Value::String(text) if text.len() > 2 => {
            let mut bytes = text.clone().into_bytes();
            let at = 2 + rng.below(bytes.len() - 2);
            bytes[at] = b"0123456789abcdefgZ-."[rng.below(20)];
            json!(String::from_utf8_lossy(&bytes))
        }
        other => other.clone(),
    };
}

#[test]
fn mutated_documents_never_stand_and_never_panic() {
    let honest = hot();
    let tree: Value = serde_json::from_str(&honest.to_json().unwrap()).unwrap();
    let text = honest.to_json().unwrap();
    let mut rng = Rng::new(11);
    let (mut read, mut replayed, mut reasons) = (0, 0, std::collections::BTreeSet::new());
    for i in 0..2_000 {
        let mutant = if i % 4 == 0 {
            let mut bytes = text.clone().into_bytes();
            let at = rng.below(bytes.len());
            bytes[at] = u8::try_from(rng.below(256)).unwrap();
            bytes
        } else {
            let mut tree = tree.clone();
            for _ in 0..=rng.below(3) {
                mutate(&mut tree, &mut rng);
            }
            tree.to_string().into_bytes()
        };
        let Ok(document) = Document::parse(&mutant) else { continue };
        let signed = verify_signature(&document, &Expectations::default());
        // What was signed is unchanged wherever the signature still holds.
        if signed.verdict.stands() {
            assert_eq!(document.receipt, honest.receipt, "mutant {i}");
        } else {
            reasons.insert(signed.verdict.to_string());
        }
        read += 1;
        // The forger's turn: the same edit, committed to and signed.
        let redacted = !matches!(document.disclosure, Some(Disclosure { secrets: Secrets::Nonce(_), .. }));
        if replayed == 100 || redacted {
            continue;
        }
        let mut forged = document;
        recommit(&mut forged);
        let forged = sign(forged);
        replayed += 1;
        let verdict = verify(&forged, &Expectations::default(), &with(model())).unwrap().verdict;
        if verdict.stands() {
            // A policy may differ in what this output never met, a time or a job in anything.
            let (ours, theirs) = (honest.disclosure.as_ref().unwrap(), forged.disclosure.as_ref().unwrap());
            assert_eq!(ours.output_tokens, theirs.output_tokens, "mutant {i}");
            assert_eq!(ours.prompt_tokens, theirs.prompt_tokens, "mutant {i}");
            assert_eq!(ours.seed, theirs.seed, "mutant {i}");
            assert_eq!(honest.receipt.model, forged.receipt.model, "mutant {i}");
            assert_eq!(honest.receipt.trace, forged.receipt.trace, "mutant {i}");
        }
    }
    assert!(read > 300, "only {read} of 2,000 mutants could be read");
    assert_eq!(replayed, 100);
    assert!(reasons.len() > 10, "{reasons:?}");
}
