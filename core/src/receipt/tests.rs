use super::*;
use crate::commitment::{self, ContextInputs, Salts, SeedRuleInputs};
use crate::micros::Micros;
use crate::policy::{GrammarKind, GrammarSpec, SamplingPolicy, SeedRule, SegmenterSpec};
use crate::steps::{self, whole_output};
use crate::trace::{Trace, TraceLeaf};
use proptest::prelude::*;
use serde_json::json;

/// A receipt of good form; its commitments open to nothing.
pub(crate) fn example() -> Receipt {
    Receipt {
        kind: Kind::Generated,
        model: [1; 32],
        adapter: [0; 32],
        profile: [3; 32],
        sampler: [4; 32],
        seed: [5; 32],
        request: [6; 32],
        prompt: [7; 32],
        output: [8; 32],
        trace: [9; 32],
        steps: [10; 32],
        prompt_count: 11,
        output_count: 12,
        finish: Finish::EndOfGeneration,
        issued_at: u64::MAX,
        context: [15; 32],
        signer: [16; 20],
    }
}

fn policy() -> SamplingPolicy {
    let micros = |v| Micros::new(v).unwrap();
    SamplingPolicy {
        temperature: micros(700_000),
        top_k: 40,
        top_p: micros(950_000),
        min_p: micros(0),
        repeat_penalty: micros(1_100_000),
        presence_penalty: micros(-500_001),
        frequency_penalty: micros(0),
        penalty_window: 64,
        logit_bias: vec![(3, micros(-1)), (9, micros(10_000_000_000))],
        bans: vec![0, 7, u32::MAX],
        grammar: Some(GrammarSpec {
            kind: GrammarKind::Gbnf,
            text: "root ::= \"\\u00e9\"".into(),
            engine: "engine/1".into(),
        }),
        ignore_eog: false,
        stop: vec!["\n\n".into(), "Q:".into()],
        max_tokens: 20,
        context_tokens: 100,
        choices: 3,
        seed_rule: SeedRule::Given,
        segmenter: SegmenterSpec::default(),
    }
}

/// A canonical request of one message.
fn request(content: &str) -> Value {
    json!({
        "messages": [{"role": "user", "content": content}], "tools": [0.5, 1], "templateDigest": hex::encode(&[7; 32]),
        "renderer": "renderer/1", "tokenizer": "tokenizer/1", "date": null, "parseSpecial": false,
    })
}

/// A receipt and a disclosure that opens all of it.
fn opened() -> (Receipt, Disclosure) {
    let disclosure = Disclosure {
        profile: Some("ggml-x/x86-64-v3/exact-1/00000000".into()),
        sampler: Some(policy()),
        later: None,
        seed: Some(SeedDisclosure { seed: [0x5e; 32], inputs: SeedRuleInputs::Given }),
        stream: 2,
        secrets: Secrets::Nonce([0x11; 32]),
        request: Some(request("4 + 38?")),
        prompt_tokens: Some(vec![1, 5, 9]),
        output_tokens: Some(vec![42, 2]),
        steps: Some(whole_output(2, b"42".to_vec())),
        step_proofs: Vec::new(),
        context_inputs: Some(ContextInputs { chain_id: 5, job_id: [9; 32], ..ContextInputs::default() }),
    };
    (receipt_of(&disclosure), disclosure)
}

fn receipt_of(d: &Disclosure) -> Receipt {
    let Secrets::Nonce(nonce) = d.secrets else { panic!("a nonce") };
    let salts = Salts::derive(&nonce, d.stream).unwrap();
    let output = d.output_tokens.as_ref().unwrap();
    let leaves = output.iter().map(|token| TraceLeaf { token: *token, digest: [7; 32] }).collect();
    let zero = [0; 32];
    Receipt {
        profile: abi::keccak256(d.profile.as_ref().unwrap().as_bytes()),
        sampler: d.sampler.as_ref().map_or(zero, sampler_record::hash),
        seed: d.seed.map_or(zero, |s| commitment::seed(&salts.seed, &s.seed, d.stream, &s.inputs)),
        request: commitment::request(
            &salts.request,
            &crate::json::canonicalize(d.request.as_ref().unwrap()).unwrap(),
        ),
        prompt: commitment::prompt(&salts.prompt, d.prompt_tokens.as_ref().unwrap()),
        output: commitment::output(&salts.output, output),
        trace: Trace::new(salts.trace, leaves).unwrap().root(),
        steps: d.steps.as_ref().map_or(zero, |s| steps::root(&salts.steps, s).unwrap()),
        prompt_count: u32::try_from(d.prompt_tokens.as_ref().unwrap().len()).unwrap(),
        output_count: u32::try_from(output.len()).unwrap(),
        context: d.context_inputs.map_or(zero, |inputs| inputs.hash()),
        ..example()
    }
}

fn document() -> Document {
    let (receipt, disclosure) = opened();
    let domain = Domain::contract(1, [0xcc; 20]).unwrap();
    Document { receipt, domain, signature: Signature::Key([0x1b; 65]), disclosure: Some(disclosure) }
}

#[test]
fn form() {
    example().check_form().unwrap();
    let scored = Receipt {
        kind: Kind::Scored,
        sampler: [0; 32],
        seed: [0; 32],
        steps: [0; 32],
        finish: Finish::Scored,
        ..example()
    };
    scored.check_form().unwrap();
    Receipt { output_count: 0, finish: Finish::Cancelled, ..example() }.check_form().unwrap();
    let broken: Vec<(&str, Receipt)> = vec![
        ("model", Receipt { model: [0; 32], ..example() }),
        ("profile", Receipt { profile: [0; 32], ..example() }),
        ("request", Receipt { request: [0; 32], ..example() }),
        ("prompt", Receipt { prompt: [0; 32], ..example() }),
        ("output", Receipt { output: [0; 32], ..example() }),
        ("trace", Receipt { trace: [0; 32], ..example() }),
        ("signer", Receipt { signer: [0; 20], ..example() }),
        ("sampler", Receipt { sampler: [0; 32], ..example() }),
        ("steps", Receipt { steps: [0; 32], ..example() }),
        ("promptCount", Receipt { prompt_count: 0, ..example() }),
        ("outputCount", Receipt { output_count: 0, ..example() }),
        ("outputCount", Receipt { output_count: 0, finish: Finish::GrammarEnd, ..example() }),
        ("outputCount", Receipt { output_count: 0, finish: Finish::ContextFull, ..example() }),
        ("outputCount", Receipt { output_count: u32::MAX, ..example() }),
        ("finish", Receipt { finish: Finish::Scored, ..example() }),
        ("finish", Receipt { finish: Finish::EndOfGeneration, ..scored }),
        ("sampler", Receipt { sampler: [1; 32], ..scored }),
        ("seed", Receipt { seed: [1; 32], ..scored }),
        ("steps", Receipt { steps: [1; 32], ..scored }),
        ("outputCount", Receipt { output_count: 0, ..scored }),
        ("sampler", Receipt { kind: Kind::Scored, ..example() }),
    ];
    for (field, receipt) in broken {
        let error = receipt.check_form().unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Receipt, field));
    }
    assert!(example().fills_context(23) && !example().fills_context(24));
    assert!(Domain::contract(0, [1; 20]).is_err());
    assert!(Domain::contract(1 << 53, [1; 20]).is_err());
    assert!(Domain::contract(1, [0; 20]).is_err());
}

#[test]
fn every_commitment_is_compared() {
    let (receipt, disclosure) = opened();
    receipt.check_form().unwrap();
    let compared = check_commitments(&receipt, &disclosure).unwrap();
    assert_eq!(compared.not_compared, ["trace"]);
    assert_eq!(
        compared.equal,
        [
            "profile",
            "sampler",
            "seed",
            "request",
            "prompt",
            "output",
            "steps",
            "promptCount",
            "outputCount",
            "context"
        ]
    );
    type Change = fn(&mut Disclosure);
    let changes: Vec<(&str, Change)> = vec![
        ("profile", |d| d.profile.as_mut().unwrap().push('x')),
        ("sampler", |d| d.sampler.as_mut().unwrap().top_k = 41),
        ("seed", |d| d.seed.as_mut().unwrap().seed[31] ^= 1),
        ("seed", |d| d.stream = 1),
        ("seed", |d| d.stream = 3),
        ("nonce", |d| d.secrets = Secrets::Nonce([0; 32])),
        ("seed", |d| d.secrets = Secrets::Nonce([0x12; 32])),
        ("request", |d| d.request = Some(request("4 + 39?"))),
        ("request", |d| d.request.as_mut().unwrap()["seed"] = json!(1)),
        ("prompt", |d| d.prompt_tokens.as_mut().unwrap()[0] = 2),
        ("promptCount", |d| d.prompt_tokens.as_mut().unwrap().push(2)),
        ("output", |d| d.output_tokens.as_mut().unwrap()[1] = 3),
        ("outputCount", |d| d.output_tokens.as_mut().unwrap().truncate(1)),
        ("steps", |d| d.steps.as_mut().unwrap()[0].text[0] ^= 1),
        ("steps", |d| d.steps.as_mut().unwrap()[0].end_token = 1),
        ("steps", |d| d.steps = Some(vec![])),
        ("context", |d| d.context_inputs.as_mut().unwrap().previous_digest[0] ^= 1),
        ("context", |d| d.context_inputs = Some(ContextInputs::default())),
    ];
    for (i, (field, change)) in changes.into_iter().enumerate() {
        let mut changed = disclosure.clone();
        change(&mut changed);
        assert_eq!(check_commitments(&receipt, &changed).unwrap_err().field, field, "change {i}");
    }
}

#[test]
fn what_is_withheld_is_not_compared() {
    let (receipt, mut disclosure) = opened();
    let all = disclosure.salts().unwrap();
    disclosure.secrets =
        Secrets::Salts(SomeSalts { output: all.output, steps: all.steps, ..Default::default() });
    for field in ["seed", "request", "prompt"] {
        let error = check_commitments(&receipt, &disclosure).unwrap_err();
        assert_eq!(error.field, field, "shown without its salt");
        match field {
            "seed" => disclosure.seed = None,
            "request" => disclosure.request = None,
            _ => disclosure.prompt_tokens = None,
        }
    }
    disclosure.context_inputs = None;
    let compared = check_commitments(&receipt, &disclosure).unwrap();
    assert_eq!(compared.equal, ["profile", "sampler", "output", "steps", "outputCount"]);
    assert_eq!(compared.not_compared, ["seed", "request", "prompt", "trace", "promptCount", "context"]);
    let nothing = check_commitments(&receipt, &Disclosure::default()).unwrap();
    assert_eq!(nothing.equal.len(), 0);
    assert_eq!(nothing.not_compared.len(), 11);
    // Where there is none, there is nothing to withhold.
    let free = Receipt { context: [0; 32], ..receipt };
    assert_eq!(check_commitments(&free, &Disclosure::default()).unwrap().not_compared.len(), 10);
}

#[test]
fn greedy_and_scored_have_no_seed() {
    let (_, mut disclosure) = opened();
    let seed = disclosure.seed.take();
    disclosure.stream = 0;
    let sampler = disclosure.sampler.as_mut().unwrap();
    sampler.temperature = Micros::ZERO;
    sampler.choices = 1;
    let receipt = receipt_of(&disclosure);
    assert!(check_commitments(&receipt, &disclosure).unwrap().equal.contains(&"seed"));
    let with_seed = Disclosure { seed, ..disclosure.clone() };
    assert_eq!(check_commitments(&receipt, &with_seed).unwrap_err().field, "seed");
    let drawn = Receipt { seed: [1; 32], ..receipt };
    assert_eq!(check_commitments(&drawn, &disclosure).unwrap_err().field, "seed");
    disclosure.sampler.as_mut().unwrap().choices = 2;
    assert_eq!(check_commitments(&receipt_of(&disclosure), &disclosure).unwrap_err().field, "sampler");

    let scored = Receipt {
        kind: Kind::Scored,
        sampler: [0; 32],
        steps: [0; 32],
        finish: Finish::Scored,
        ..receipt_of(&disclosure)
    };
    assert_eq!(check_commitments(&scored, &disclosure).unwrap_err().field, "sampler");
    disclosure.sampler = None;
    assert_eq!(check_commitments(&scored, &disclosure).unwrap_err().field, "steps");
    disclosure.steps = None;
    let compared = check_commitments(&scored, &disclosure).unwrap();
    assert_eq!(
        compared.equal,
        ["profile", "request", "prompt", "output", "promptCount", "outputCount", "context"]
    );
}

#[test]
fn seed_rules_bind_the_seed() {
    let (base, mut disclosure) = opened();
    let one = SeedRuleInputs::Commitment { client_entropy: [1; 32], provider_secret: [2; 32] };
    let two = SeedRuleInputs::Beacon { context: base.context, beacon: [3; 32] };
    // Whoever signs the receipt before would choose the seed.
    let after = ContextInputs { previous_digest: [9; 32], ..disclosure.context_inputs.unwrap() };
    let chosen = SeedRuleInputs::Beacon { context: after.hash(), beacon: [3; 32] };
    let mut steered = Disclosure { context_inputs: Some(after), ..disclosure.clone() };
    steered.sampler.as_mut().unwrap().seed_rule = SeedRule::Beacon;
    steered.seed = Some(SeedDisclosure { seed: chosen.seed().unwrap(), inputs: chosen });
    assert_eq!(check_commitments(&receipt_of(&steered), &steered).unwrap_err().field, "seed");
    for (rule, inputs) in [(SeedRule::Commitment, one), (SeedRule::Beacon, two)] {
        disclosure.sampler.as_mut().unwrap().seed_rule = rule;
        disclosure.seed = Some(SeedDisclosure { seed: inputs.seed().unwrap(), inputs });
        let receipt = receipt_of(&disclosure);
        check_commitments(&receipt, &disclosure).unwrap();
        let text =
            Document { disclosure: Some(disclosure.clone()), receipt, ..document() }.to_json().unwrap();
        assert_eq!(Document::parse(text.as_bytes()).unwrap().disclosure.unwrap(), disclosure);

        let mut other = disclosure.clone();
        other.seed.as_mut().unwrap().seed[0] ^= 1;
        assert_eq!(check_commitments(&receipt_of(&other), &other).unwrap_err().field, "seed");
        let mut given = disclosure.clone();
        given.seed.as_mut().unwrap().inputs = SeedRuleInputs::Given;
        assert_eq!(check_commitments(&receipt_of(&given), &given).unwrap_err().field, "seed");
        if rule == SeedRule::Beacon {
            for context in [[0; 32], [9; 32]] {
                let elsewhere = Receipt { context, ..receipt };
                assert_eq!(check_commitments(&elsewhere, &disclosure).unwrap_err().field, "seed");
            }
        }
    }
}

#[test]
fn documents_are_read_strictly() {
    let document = document();
    let text = document.to_json().unwrap();
    assert_eq!(Document::parse(text.as_bytes()).unwrap(), document);
    for (from, to, field) in [
        ("\"primaryType\": \"Receipt\"", "\"primaryType\": \"Mail\"", "primaryType"),
        ("\"version\": \"1\"", "\"version\": \"2\"", "domain.version"),
        ("\"name\": \"AttestLM\"", "\"name\": \"attestlm\"", "domain.name"),
        ("\"chainId\": 1,", "", "domain.chainId"),
        ("\"chainId\": 1,", "\"chainId\": \"1\",", "domain.chainId"),
        ("\"chainId\": 1,", "\"chainId\": 1.0,", "domain.chainId"),
        ("\"chainId\": 1,", "\"chainId\": 1, \"salt\": 0,", "domain.salt"),
        ("\"chainId\": 1,", "\"chainId\": 1, \"chainId\": 1,", "chainId"),
        ("\"type\": \"uint64\"", "\"type\": \"uint256\"", "types"),
        ("\"kind\": 0,\n    \"model\"", "\"kind\": 2,\n    \"model\"", "message.kind"),
        ("\"finish\": 0", "\"finish\": 6", "message.finish"),
        ("\"finish\": 0", "\"finish\": 256", "message.finish"),
        ("\"promptCount\": 3", "\"promptCount\": \"3\"", "message.promptCount"),
        ("\"promptCount\": 3", "\"promptCount\": 4294967296", "message.promptCount"),
        ("\"18446744073709551615\"", "18446744073709551615", "receipt document"),
        ("\"18446744073709551615\"", "1", "message.issuedAt"),
        ("\"18446744073709551615\"", "\"18446744073709551616\"", "message.issuedAt"),
        ("\"18446744073709551615\"", "\"01\"", "message.issuedAt"),
        ("\"18446744073709551615\"", "\"+1\"", "message.issuedAt"),
        ("\"18446744073709551615\"", "\" 1\"", "message.issuedAt"),
        ("\"18446744073709551615\"", "\"\"", "message.issuedAt"),
        ("\"model\": \"0x01", "\"model\": \"0x0", "message.model"),
        ("\"adapter\": \"0x00", "\"adapter\": \"0x0A", "message.adapter"),
        ("\"signature\": \"0x1b", "\"signature\": \"0x1", "signature"),
        ("\"signer\": \"0x1010", "\"signer\": \"0x1110", "signer"),
        ("\"disclosure\": {", "\"disclosure\": {\"temperature\": 0,", "disclosure.temperature"),
        ("\"stream\": 2", "\"stream\": null", "disclosure.stream"),
        ("\"nonce\": \"0x11", "\"salts\": {}, \"nonce\": \"0x11", "disclosure.salts"),
        ("\"temperature\": \"0.7\"", "\"temperature\": \"0.70\"", "disclosure.sampler.temperature"),
        ("\"temperature\": \"0.7\"", "\"temperature\": 0.7", "disclosure.sampler.temperature"),
        ("\"minP\": \"0\"", "\"minP\": \"-0\"", "disclosure.sampler.minP"),
        ("\"repeatPenalty\"", "\"repetitionPenalty\"", "disclosure.sampler.repeatPenalty"),
        ("\"bans\": [0, 7", "\"bans\": [0, 0", "disclosure.sampler.bans"),
        ("\"token\": 9", "\"token\": 2", "disclosure.sampler.logitBias"),
        ("\"gbnf\"", "\"regex\"", "disclosure.sampler.grammar.kind"),
        ("\"promptTokens\": [1,", "\"promptTokens\": [-1,", "disclosure.promptTokens"),
        ("\"endToken\": 2", "\"endToken\": 2, \"note\": 1", "disclosure.steps[0].note"),
    ] {
        let at = text.rfind(from).unwrap_or_else(|| panic!("{from}"));
        let changed = format!("{}{to}{}", &text[..at], &text[at + from.len()..]);
        let error = Document::parse(changed.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Receipt, field), "{from} -> {to}");
    }
    // Types of the other domain.
    let plain = Document { domain: Domain::None, ..document.clone() }.to_json().unwrap();
    let mixed = plain.replace("\"version\": \"1\"", "\"version\": \"1\", \"chainId\": 1, \"verifyingContract\": \"0xcccccccccccccccccccccccccccccccccccccccc\"");
    assert_ne!(plain, mixed);
    assert_eq!(Document::parse(mixed.as_bytes()).unwrap_err().field(), "types");
    // The order of keys and the white space are free; what is printed is not.
    let value: Value = serde_json::from_str(&text).unwrap();
    let compact = Document::parse(value.to_string().as_bytes()).unwrap();
    assert_eq!(compact.to_json().unwrap(), text);
}

#[test]
fn texts_that_are_no_utf8_have_a_form() {
    let mut document = document();
    let steps = whole_output(2, vec![0xe2, 0x82]);
    document.disclosure.as_mut().unwrap().steps = Some(steps);
    let text = document.to_json().unwrap();
    assert!(text.contains("\"textHex\": \"0xe282\""));
    assert_eq!(Document::parse(text.as_bytes()).unwrap(), document);
}

#[test]
fn sampler_records_tell_every_parameter_apart() {
    let changes: Vec<fn(&mut SamplingPolicy)> = vec![
        |p| p.temperature = Micros::ONE,
        |p| p.top_k = 0,
        |p| p.top_p = Micros::ONE,
        |p| p.min_p = Micros::ONE,
        |p| p.repeat_penalty = Micros::ONE,
        |p| p.presence_penalty = Micros::ONE,
        |p| p.frequency_penalty = Micros::ONE,
        |p| p.penalty_window = 0,
        |p| p.logit_bias.truncate(1),
        |p| p.logit_bias[0].1 = Micros::ONE,
        |p| p.bans.truncate(1),
        |p| p.grammar = None,
        |p| p.grammar.as_mut().unwrap().kind = GrammarKind::JsonSchema,
        |p| p.grammar.as_mut().unwrap().text.push('a'),
        |p| p.grammar.as_mut().unwrap().engine.push('a'),
        |p| p.ignore_eog = true,
        |p| p.stop.reverse(),
        |p| p.stop = vec!["\n\nQ:".into()],
        |p| p.max_tokens += 1,
        |p| p.context_tokens += 1,
        |p| p.choices += 1,
        |p| p.seed_rule = SeedRule::Beacon,
        |p| p.segmenter.id = 1,
        |p| p.segmenter.markers = vec!["<think>".into()],
    ];
    let mut hashes = std::collections::HashSet::from([sampler_record::hash(&policy())]);
    for (i, change) in changes.into_iter().enumerate() {
        let mut changed = policy();
        change(&mut changed);
        assert!(hashes.insert(sampler_record::hash(&changed)), "change {i}");
        let text = sampler_record::to_json(&changed).to_text().unwrap();
        assert_eq!(sampler_record::parse(text.as_bytes()).unwrap(), changed, "change {i}");
    }
}

pub(crate) fn any_receipt() -> impl Strategy<Value = Receipt> {
    let words = proptest::array::uniform12(any::<Word>());
    let finishes = prop::sample::select(vec![0u8, 1, 2, 3, 4, 5, 255]);
    (words, any::<(bool, u32, u32, u64)>(), finishes).prop_map(|(w, (scored, p, o, at), finish)| Receipt {
        kind: if scored { Kind::Scored } else { Kind::Generated },
        model: w[0],
        adapter: w[1],
        profile: w[2],
        sampler: w[3],
        seed: w[4],
        request: w[5],
        prompt: w[6],
        output: w[7],
        trace: w[8],
        steps: w[9],
        prompt_count: p,
        output_count: o,
        finish: Finish::try_from(finish).unwrap(),
        issued_at: at,
        context: w[10],
        signer: w[11][..20].try_into().unwrap(),
    })
}

fn any_domain() -> impl Strategy<Value = Domain> {
    prop_oneof![
        Just(Domain::None),
        (1..=Domain::MAX_CHAIN_ID, 1u8..).prop_map(|(id, b)| Domain::contract(id, [b; 20]).unwrap()),
    ]
}

fn any_disclosure() -> impl Strategy<Value = Disclosure> {
    let tokens = || proptest::option::of(proptest::collection::vec(any::<u32>(), 0..9));
    let (_, full) = opened();
    let steps = proptest::collection::vec(any::<Vec<u8>>(), 0..3).prop_map(|texts| {
        let step = |(i, text)| steps::Step { index: i, text, ..whole_output(2, vec![]).remove(0) };
        (0u32..).zip(texts).map(step).collect::<Vec<_>>()
    });
    (
        any::<(Option<String>, bool, u32, Word, [bool; 7])>(),
        (tokens(), tokens(), proptest::option::of(steps)),
        (any::<String>(), any::<f64>(), -(1i64 << 53)..1 << 53),
    )
        .prop_map(move |((profile, sampler, stream, word, flags), (prompt, output, steps), (text, float, integer))| {
            let salt = |i: usize| flags[i].then_some(word);
            Disclosure {
                profile,
                sampler: sampler.then(|| full.sampler.clone().unwrap()),
                later: None,
                seed: flags[6].then(|| full.seed.unwrap()),
                stream,
                secrets: if flags[0] && word != [0; 32] {
                    Secrets::Nonce(word)
                } else {
                    Secrets::Salts(SomeSalts { prompt: salt(1), output: salt(2), seed: salt(3), ..Default::default() })
                },
                request: flags[4]
                    .then(|| json!({ text.clone(): [text, integer, if float.is_finite() { float } else { 0.5 }] }))
                    .map(|request| crate::json::normalize(&request).unwrap()),
                prompt_tokens: prompt,
                output_tokens: output,
                // All steps, or some with their proofs.
                step_proofs: match &steps {
                    Some(list) if flags[5] => (0u32..)
                        .zip(list)
                        .step_by(2)
                        .map(|(index, _)| steps::proof(&word, list, index).unwrap())
                        .collect(),
                    _ => Vec::new(),
                },
                steps: steps.filter(|_| !flags[5]),
                context_inputs: flags[0].then(|| ContextInputs {
                    chain_id: stream.into(),
                    contract: word[..20].try_into().unwrap(),
                    job_id: word,
                    previous_digest: word,
                }),
            }
        })
}

proptest! {
    #[test]
    fn binary_forms_round_trip(receipt in any_receipt(), at in any::<usize>(), byte in 1u8..) {
        prop_assert_eq!(Receipt::from_abi(&receipt.abi_encode()).unwrap(), receipt);
        prop_assert_eq!(Receipt::from_packed(&receipt.packed()).unwrap(), receipt);
        // No other bytes read as the same receipt.
        let mut bytes = receipt.abi_encode();
        bytes[at % ABI_BYTES] ^= byte;
        prop_assert_ne!(Receipt::from_abi(&bytes).ok(), Some(receipt));
        prop_assert!(Receipt::from_abi(&bytes[1..]).is_err());
        prop_assert!(Receipt::from_packed(&bytes).is_err());
    }

    #[test]
    fn documents_round_trip(receipt in any_receipt(), domain in any_domain(), disclosure in proptest::option::of(any_disclosure())) {
        let document = Document { receipt, domain, signature: Signature::Key([7; 65]), disclosure };
        let text = document.to_json().unwrap();
        let read = Document::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &document);
        prop_assert_eq!(read.to_json().unwrap(), text);
    }

    #[test]
    fn no_disclosure_panics(receipt in any_receipt(), disclosure in any_disclosure()) {
        let _ = receipt.check_form();
        let _ = check_commitments(&receipt, &disclosure);
    }

    #[test]
    fn no_mutated_document_panics(at in any::<usize>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut text = document().to_json().unwrap().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if cut { text.truncate(at); }
        if let Ok(read) = Document::parse(&text) {
            // What still reads prints as a document of its own.
            let again = read.to_json().unwrap();
            prop_assert_eq!(Document::parse(again.as_bytes()).unwrap(), read.clone());
            if let Some(disclosure) = &read.disclosure {
                let _ = check_commitments(&read.receipt, disclosure);
            }
        }
    }

    #[test]
    fn no_mutated_proof_panics(at in any::<usize>(), byte in any::<u8>(), cut in any::<bool>()) {
        let trace = Trace::new([1; 32], vec![TraceLeaf { token: 1, digest: [2; 32] }; 3]).unwrap();
        let list = whole_output(3, b"text".to_vec());
        let receipt = Receipt { trace: trace.root(), steps: steps::root(&[1; 32], &list).unwrap(), output_count: 3, ..example() };
        let proof = trace.proof(1, crate::trace::Show::TokenAndDigest).unwrap();
        let step = steps::proof(&[1; 32], &list, 0).unwrap();
        for text in [proof.to_json().unwrap(), step.to_json().unwrap()] {
            let mut text = text.into_bytes();
            let at = at % text.len();
            text[at] = byte;
            if cut { text.truncate(at); }
            // A change that still verifies says the same thing in other white space or escapes.
            if let Ok(read) = crate::trace::TraceProof::parse(&text) {
                prop_assert!(read == proof || read.verify(&receipt).is_err());
            }
            if let Ok(read) = steps::StepProof::parse(&text) {
                prop_assert!(read == step || read.verify(&receipt).is_err());
            }
        }
    }
}
