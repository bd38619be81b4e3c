use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::commitment::ContextInputs;
use crate::micros::Micros;
use crate::policy::{GrammarKind, GrammarSpec};
use crate::template::ChatTemplate;
use crate::{hex, json as strict, ErrorKind};

fn parse(text: &str) -> Result<Request> {
    Request::from_json(text.as_bytes())
}

/// The error's text, without the list of the fields there are.
fn without_known(error: &crate::Error) -> String {
    let text = error.to_string();
    text.split_once("; known are").map_or(text.clone(), |(said, _)| said.to_owned())
}

/// A request with a prompt and the fields of `fields`, for example `"topK": 3`.
fn with(fields: &str) -> Result<Request> {
    parse(&format!("{{\"prompt\":\"x\",{fields}}}"))
}

#[test]
fn the_smallest_request_has_the_default_policy() {
    let request = parse(r#"{"messages":[{"role":"user","content":"hi"}]}"#).unwrap();
    assert_eq!(request, Request::new(Input::Messages(vec![Message::new("user", "hi")])));
    let request = parse(r#"{"promptTokens":[1,2,4294967295]}"#).unwrap();
    assert_eq!(request, Request::new(Input::Tokens(vec![1, 2, u32::MAX])));
    assert_eq!(with(r#""date":null,"seed":null"#).unwrap(), Request::new(Input::Prompt("x".into())));
}

#[cfg(feature = "grammar")]
#[test]
fn grammars_are_for_the_engine_that_is_built_in() {
    assert_eq!(GRAMMAR_ENGINE, crate::grammar::ENGINE_ID);
}

#[test]
fn every_field_is_read() {
    let bytes32 = |b: u8| hex::encode(&[b; 32]);
    let text = format!(
        r#"{{
        "messages": [{{"role": "user", "content": "hi"}}],
        "tools": [{{"b": 1.0, "a": 2}}], "date": "2026-01-02", "parseSpecial": true,
        "temperature": 0.7, "topK": 40, "topP": "0.95", "minP": 0.050000, "repeatPenalty": 1.1,
        "presencePenalty": -0.5, "frequencyPenalty": "0.25", "penaltyWindow": 32,
        "logitBias": {{"7": -1.5, "3": "2"}}, "bans": [9, 2], "stop": ["\n\n", "END"],
        "schema": {{"type": "object", "properties": {{"z": {{}}, "a": {{}}}}}},
        "ignoreEog": true, "maxTokens": 64, "contextTokens": 512, "choices": 3,
        "seed": 12, "nonce": "{}", "context": "{}",
        "domain": {{"chainId": 11155111, "verifyingContract": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}},
        "issuedAt": 1700000000
    }}"#,
        bytes32(1),
        bytes32(2)
    );
    let request = parse(&text).unwrap();
    let micros = |text| Micros::parse("", text).unwrap();
    assert_eq!(request.content.tools, Some(json!([{"a": 2, "b": 1}])), "numbers in canonical form");
    assert_eq!(request.content.date.as_deref(), Some("2026-01-02"));
    assert!(request.content.parse_special);
    let expected = SamplingPolicy {
        temperature: micros("0.7"),
        top_k: 40,
        top_p: micros("0.95"),
        min_p: micros("0.05"),
        repeat_penalty: micros("1.1"),
        presence_penalty: micros("-0.5"),
        frequency_penalty: micros("0.25"),
        penalty_window: 32,
        logit_bias: vec![(3, micros("2")), (7, micros("-1.5"))],
        bans: vec![2, 9],
        grammar: Some(GrammarSpec {
            kind: GrammarKind::JsonSchema,
            // As it was written: the order of its properties has a meaning.
            text: r#"{"type": "object", "properties": {"z": {}, "a": {}}}"#.into(),
            engine: GRAMMAR_ENGINE.into(),
        }),
        ignore_eog: true,
        stop: vec!["\n\n".into(), "END".into()],
        max_tokens: 64,
        context_tokens: 512,
        choices: 3,
        ..SamplingPolicy::default()
    };
    assert_eq!(request.policy, expected);
    assert_eq!(request.seed, SeedSource::Given(Seed::from_u64(12)));
    assert_eq!((request.nonce, request.context), (Some([1; 32]), Context::Hash([2; 32])));
    let domain = request.domain.unwrap();
    assert_eq!(domain.chain_id, 11_155_111);
    assert_eq!(hex::encode(&domain.verifying_contract), "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed");
    assert_eq!(request.issued_at, Some(1_700_000_000));
    assert_eq!(parse(&request.to_json().unwrap()).unwrap(), request);
}

#[test]
fn a_context_is_a_hash_or_its_inputs() {
    let word = |b: u8| hex::encode(&[b; 32]);
    let with = |context: &str| parse(&format!(r#"{{"prompt": "x", "context": {context}}}"#));
    let job = ContextInputs { chain_id: 5, contract: [0x11; 20], job_id: [2; 32], previous_digest: [3; 32] };
    let contract = format!("0x{}", "11".repeat(20));
    let whole = format!(
        r#"{{"chainId": "5", "contract": "{contract}", "jobId": "{}", "previousDigest": "{}"}}"#,
        word(2),
        word(3)
    );
    let request = with(&whole).unwrap();
    assert_eq!(request.context, Context::Inputs(job));
    assert_eq!(parse(&request.to_json().unwrap()).unwrap(), request);
    let after = ContextInputs { previous_digest: [3; 32], ..ContextInputs::default() };
    let short = with(&format!(r#"{{"previousDigest": "{}", "jobId": null}}"#, word(3))).unwrap();
    assert_eq!(short.context.inputs(), Some(after));
    assert_eq!(with("null").unwrap().context, Context::NONE);
    for (context, field) in [
        (r#"{"jobs": 1}"#.to_owned(), "context.jobs"),
        ("{}".to_owned(), "context"),
        (format!(r#"{{"chainId": 0, "jobId": "{}"}}"#, word(0)), "context"),
        (r#"{"chainId": 9007199254740992}"#.to_owned(), "context.chainId"),
        (r#"{"chainId": -1}"#.to_owned(), "context.chainId"),
        (r#"{"contract": "0x11"}"#.to_owned(), "context.contract"),
        (format!(r#"{{"jobId": "{}00"}}"#, word(1)), "context.jobId"),
        ("[]".to_owned(), "context"),
        ("7".to_owned(), "context"),
    ] {
        assert_eq!(with(&context).unwrap_err().field(), field, "{context}");
    }
}

#[test]
fn seeds_and_their_rules() {
    let b = hex::encode(&[7; 32]);
    let hot = |fields: &str| with(&format!(r#""temperature":1,{fields}"#)).unwrap().seed;
    assert_eq!(hot(r#""seed":"random""#), SeedSource::Random);
    assert_eq!(hot(r#""seed":"18446744073709551615""#), SeedSource::Given(Seed::from_u64(u64::MAX)));
    assert_eq!(hot(&format!(r#""seed":"{b}""#)), SeedSource::Given(Seed([7; 32])));
    let rule_1 = format!(r#""seedRule":1,"clientEntropy":"{b}","providerSecret":"{b}""#);
    assert_eq!(hot(&rule_1), SeedSource::Commitment { client_entropy: [7; 32], provider_secret: [7; 32] });
    let rule_2 = format!(r#""seedRule":2,"context":"{b}","beacon":"{b}""#);
    assert_eq!(hot(&rule_2), SeedSource::Beacon { beacon: [7; 32] });
    let request = with(&format!(r#""temperature":1,{rule_2}"#)).unwrap();
    assert_eq!(request.policy.seed_rule, SeedRule::Beacon);
    assert_eq!(parse(&request.to_json().unwrap()).unwrap(), request);
}

#[test]
fn wrong_fields_are_named_with_their_limit() {
    let b = hex::encode(&[7; 32]);
    let zero = hex::encode(&[0; 32]);
    let rule_1 = format!(r#""temperature":1,"seedRule":1,"clientEntropy":"{b}""#);
    let seeded_rule = format!(r#"{rule_1},"providerSecret":"{b}","seed":1"#);
    let rule_2 = format!(r#""temperature":1,"seedRule":2,"beacon":"{b}""#);
    let zero_nonce = format!(r#""nonce":"{zero}""#);
    for (fields, error) in [
        (r#""topk":1"#, "topk: unknown field"),
        (r#""topK":1,"topK":2"#, "topK: duplicate key"),
        (r#""messages":[]"#, "prompt: cannot be given together with messages"),
        (r#""promptTokens":[1]"#, "promptTokens: cannot be given together with prompt"),
        (r#""temperature":-1"#, "temperature: -1 is not within 0 and 100"),
        (
            r#""temperature":0.70000000000000001"#,
            "temperature: not a decimal number with at most 6 places: more than 6 places",
        ),
        (
            r#""temperature":7e-1"#,
            "temperature: not a decimal number with at most 6 places: only digits, one sign and one point are allowed",
        ),
        (r#""temperature":true"#, "temperature: must be a decimal number, as a JSON number or a string"),
        (r#""topP":0"#, "topP: 0 is not within 0.000001 and 1"),
        (r#""topK":-1"#, "topK: must be an integer of 0 to 4294967295, as a JSON number"),
        (r#""topK":1.5"#, "topK: must be an integer of 0 to 4294967295, as a JSON number"),
        (r#""maxTokens":0"#, "maxTokens: 0 is not within 1 and 16777216"),
        (r#""choices":2"#, "choices: must be 1 at temperature 0: greedy choices are all the same"),
        (r#""logitBias":[[1,2]]"#, "logitBias: must be an object from token ids to decimal numbers"),
        (r#""logitBias":{"x":1}"#, "logitBias: its keys must be token ids"),
        (r#""logitBias":{"01":1}"#, "logitBias: its keys must be token ids"),
        (r#""logitBias":{"1":1,"1":2}"#, "1: duplicate key"),
        (r#""bans":[1,1]"#, "bans: token 1 is given twice"),
        (r#""bans":[-1]"#, "bans: must hold only uint32 numbers"),
        (r#""stop":[""]"#, "stop: an empty text is not allowed"),
        (r#""stop":"x""#, "stop: must be an array"),
        (r#""schema":{},"grammar":"root ::= \"a\"""#, "grammar: cannot be given together with schema"),
        (r#""schema":3"#, "schema: must be a JSON schema (an object), or the text of one"),
        (r#""grammar":"""#, "grammar: an empty text is not allowed"),
        (r#""schema":"""#, "schema: an empty text is not allowed"),
        (r#""seed":-1"#, "seed: expected 0x and 64 hex digits, a decimal number below 2^64, or `random`"),
        (r#""seed":[]"#, "seed: must be a string (0x hex, decimal, random) or a number"),
        (r#""seedRule":3"#, "seedRule: must be an integer of 0 to 2, as a JSON number"),
        (rule_1.as_str(), "providerSecret: missing field"),
        (seeded_rule.as_str(), "seed: cannot be given: seedRule 1 derives it"),
        (rule_2.as_str(), "context: seedRule 2 derives the seed from it: it must be given"),
        (zero_nonce.as_str(), "nonce: must not be all zero: it salts every commitment"),
        (r#""nonce":"0x12""#, "nonce: must be 0x and 64 hex digits"),
        (r#""domain":{"chainId":1}"#, "domain.verifyingContract: missing field"),
        (
            r#""domain":{"chainId":0,"verifyingContract":"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}"#,
            "domain.chainId: must be 1 to 9007199254740991",
        ),
        (
            r#""domain":{"chainId":1,"verifyingContract":"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"}"#,
            "domain.verifyingContract: mixed-case address with a wrong EIP-55 checksum",
        ),
        (r#""issuedAt":-1"#, "issuedAt: must be a whole number below 2^64, as a JSON number or a string"),
        (r#""issuedAt":"01""#, "issuedAt: must be a whole number below 2^64, as a JSON number or a string"),
        (r#""date":"2026-01-02""#, "date: only a chat template uses it: give messages"),
        (r#""tools":[]"#, "tools: only a chat template uses it: give messages"),
        (r#""schema":"""#, "schema: an empty text is not allowed"),
        (r#""grammar":"""#, "grammar: an empty text is not allowed"),
        (r#""parseSpecial":1"#, "parseSpecial: must be true or false"),
        // The receipt's signer decides the time, the provider its secret: neither is a list.
        (r#""threads":2"#, "threads: unknown field"),
    ] {
        let e = with(fields).expect_err(fields);
        assert_eq!((without_known(&e).as_str(), e.kind()), (error, ErrorKind::Argument), "{fields}");
    }
}

#[test]
fn wrong_inputs_are_named() {
    let many = format!(
        r#"{{"messages":[{}]}}"#,
        vec![r#"{"role":"user","content":""}"#; limits::MESSAGES + 1].join(",")
    );
    let long = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(limits::TEXT_BYTES + 1));
    let deep = format!(
        r#"{{"messages":[{{"role":"user","content":""}}],"tools":{}{}}}"#,
        "[".repeat(limits::TOOLS_DEPTH + 1),
        "]".repeat(limits::TOOLS_DEPTH + 1)
    );
    for (text, error) in [
        ("{}", "messages: one of messages, prompt and promptTokens is needed"),
        (r#"{"prompt":""}"#, "prompt: an empty prompt is not allowed"),
        (r#"{"promptTokens":[]}"#, "promptTokens: an empty prompt is not allowed"),
        (r#"{"promptTokens":[4294967296]}"#, "promptTokens: must hold only uint32 numbers"),
        (
            r#"{"promptTokens":[1],"parseSpecial":true}"#,
            "parseSpecial: tokens are not parsed: give messages or a prompt",
        ),
        (r#"{"messages":[]}"#, "messages: at least one message is needed"),
        (r#"{"messages":{}}"#, "messages: must be an array"),
        (r#"{"messages":["hi"]}"#, "messages[0]: must be a JSON object"),
        (r#"{"messages":[{"role":"user"}]}"#, "messages[0].content: missing field"),
        (r#"{"messages":[{"role":"user","content":[]}]}"#, "messages[0].content: must be a string"),
        (r#"{"messages":[{"role":"","content":"x"}]}"#, "messages[0].role: must not be empty"),
        (
            r#"{"messages":[{"role":"a\nb","content":"x"}]}"#,
            "messages[0].role: control characters are not allowed",
        ),
        (r#"{"messages":[{"role":"user","content":"x","name":"n"}]}"#, "messages[0].name: unknown field"),
        (
            r#"{"messages":[{"role":"user","content":"x"}],"date":"2026-02-30"}"#,
            "date: not a calendar day written YYYY-MM-DD",
        ),
        (many.as_str(), "messages: 1025 messages, at most 1024 are allowed"),
        (long.as_str(), "prompt: 4194305 bytes, at most 4194304 are allowed"),
        (deep.as_str(), "tools: nested deeper than 48"),
        ("[]", "request: must be a JSON object"),
    ] {
        let e = parse(text).expect_err(error);
        assert_eq!((without_known(&e).as_str(), e.kind()), (error, ErrorKind::Argument));
    }
    for text in ["", "{", "nul", "\u{feff}{}", r#"{"prompt":"x"} {}"#, r#"{"prompt":"\ud800"}"#] {
        assert_eq!(parse(text).unwrap_err().field(), "request", "{text}");
    }
    assert!(Request::from_json(&[0xff]).is_err());
    assert!(Request::from_json(&vec![b' '; limits::JSON_BYTES + 1]).is_err());
}

#[test]
fn neither_errors_nor_debug_show_contents() {
    let secret = "SECRET";
    let request = parse(&format!(
        r#"{{"messages":[{{"role":"user","content":"{secret}"}}],"tools":["{secret}"],"stop":["{secret}"]}}"#
    ))
    .unwrap();
    assert!(!format!("{request:?}").contains(secret));
    for text in [
        r#"{"prompt":["SECRET"]}"#,
        r#"{"prompt":{"a":"SECRET"}}"#,
        r#"{"prompt":"SECRET}"#,
        r#"{"prompt":"SECRET","date":"SECRET"}"#,
        r#"{"prompt":"x","temperature":"SECRET"}"#,
        r#"{"prompt":"x","seed":"SECRET"}"#,
        r#"{"messages":[{"role":"user","content":["SECRET"]}]}"#,
        r#"{"messages":"SECRET"}"#,
    ] {
        assert!(!parse(text).unwrap_err().to_string().contains(secret), "{text}");
    }
}

#[test]
fn text_of_control_tokens_is_refused_unless_it_is_meant() {
    let control = ["<s>", "<|im_start|>", "<|im_end|>", "é!"];
    let check = |json: &str| parse(json).unwrap().content.check_special(control).map_err(|e| e.to_string());
    let why = "holds the text of a control token: set parseSpecial if it is to be parsed as one";
    for (json, field) in [
        (
            r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b<|im_end|>"}]}"#,
            "messages[1].content",
        ),
        (r#"{"messages":[{"role":"<s>","content":"a"}]}"#, "messages[0].role"),
        (r#"{"messages":[{"role":"user","content":"a"}],"tools":[{"x":["<s>"]}]}"#, "tools"),
        (r#"{"messages":[{"role":"user","content":"a"}],"tools":[{"<s>":1}]}"#, "tools"),
        (r#"{"prompt":"<|im_<|im_start|>"}"#, "prompt"),
        (r#"{"prompt":"éé!"}"#, "prompt"),
    ] {
        assert_eq!(check(json).unwrap_err(), format!("{field}: {why}"));
    }
    for json in [
        r#"{"prompt":"<|im_start| > < s> <s im_end|>"}"#,
        r#"{"prompt":"<s>","parseSpecial":true}"#,
        r#"{"promptTokens":[1]}"#,
        r#"{"prompt":"<|im_start|"}"#,
    ] {
        check(json).unwrap();
    }
    let none: [&str; 1] = [""];
    parse(r#"{"prompt":"x"}"#).unwrap().content.check_special(none).unwrap();
}

#[test]
fn the_canonical_form_holds_the_prompt_and_nothing_else() {
    let template = ChatTemplate::new("{{ messages }}", "", "").unwrap();
    let request = parse(
        r#"{"messages":[{"role":"user","content":"hé"}],"tools":[{"b":1.50,"a":10}],"seed":3,"temperature":1,"issuedAt":5}"#,
    )
    .unwrap();
    let canonical = request.content.canonical(Some(template.digest())).unwrap();
    assert_eq!(
        String::from_utf8(canonical.to_bytes().unwrap()).unwrap(),
        format!(
            r#"{{"date":null,"messages":[{{"content":"hé","role":"user"}}],"parseSpecial":false,"renderer":"minijinja/2.24.0+attestlm-1","templateDigest":"{}","tokenizer":"attestlm/tokenize-1","tools":[{{"a":10,"b":1.5}}]}}"#,
            hex::encode(&template.digest())
        )
    );
    assert_eq!(Canonical::from_json("request", canonical.to_json()).unwrap(), canonical);

    let prompt = parse(r#"{"prompt":"x"}"#).unwrap().content.canonical(Some([1; 32])).unwrap();
    assert_eq!(
        String::from_utf8(prompt.to_bytes().unwrap()).unwrap(),
        r#"{"date":null,"parseSpecial":false,"prompt":"x","renderer":null,"templateDigest":null,"tokenizer":"attestlm/tokenize-1","tools":null}"#
    );
    let tokens = parse(r#"{"promptTokens":[1,2]}"#).unwrap().content.canonical(None).unwrap();
    assert_eq!(
        String::from_utf8(tokens.to_bytes().unwrap()).unwrap(),
        r#"{"date":null,"parseSpecial":false,"promptTokens":[1,2],"renderer":null,"templateDigest":null,"tokenizer":null,"tools":null}"#
    );
    let missing = request.content.canonical(None).unwrap_err();
    assert_eq!(missing.to_string(), "messages: the model has no chat template");
}

#[test]
fn a_disclosed_canonical_form_is_read_strictly() {
    let good = parse(r#"{"prompt":"x"}"#).unwrap().content.canonical(None).unwrap().to_json();
    let changed = |key: &str, value: serde_json::Value| {
        let mut json = good.clone();
        json[key] = value;
        without_known(&Canonical::from_json("disclosure.request", json).unwrap_err())
    };
    assert_eq!(changed("seed", json!(1)), "disclosure.request.seed: unknown field");
    assert_eq!(changed("prompt", json!("")), "disclosure.request.prompt: an empty prompt is not allowed");
    assert_eq!(
        changed("tokenizer", json!(null)),
        "disclosure.request.tokenizer: must not be null for this input"
    );
    assert_eq!(changed("renderer", json!("r")), "disclosure.request.renderer: must be null for this input");
    assert_eq!(changed("date", json!(1)), "disclosure.request.date: must be a string or null");
    assert_eq!(
        changed("parseSpecial", json!(null)),
        "disclosure.request.parseSpecial: must be true or false"
    );
    let mut other = good.clone();
    other["tokenizer"] = json!("attestlm/tokenize-2");
    assert!(Canonical::from_json("r", other).is_ok(), "replay compares versions, the reader does not");
    let mut missing = good;
    missing.as_object_mut().unwrap().remove("tools");
    assert_eq!(Canonical::from_json("r", missing).unwrap_err().to_string(), "r.tools: missing field");
}

#[test]
fn what_is_committed_to_decides_the_prompt() {
    // Two writings of one request: other order, other spelling of numbers and strings.
    let one = r#"{"messages":[{"role":"user","content":"h\u00e9"}],"tools":[{"x":1,"y":{"b":2.0,"a":1e2}}]}"#;
    let two = r#"{"tools":[{"y":{"a":100,"b":2},"x":1.0}],"messages":[{"content":"hé","role":"user"}]}"#;
    let template = ChatTemplate::new("{{ messages[0].content }}{{ tools|tojson }}", "", "").unwrap();
    let run = |text: &str| {
        let content = parse(text).unwrap().content;
        let canonical = content.canonical(Some(template.digest())).unwrap().to_bytes().unwrap();
        let Input::Messages(messages) = &content.input else { panic!("messages") };
        (canonical, template.render(messages, content.tools.as_ref(), None, true).unwrap())
    };
    assert_eq!(run(one), run(two));
    assert_eq!(run(one).1, r#"hé[{"x": 1, "y": {"a": 100, "b": 2}}]"#);
}

prop_compose! {
    fn any_request()(
        input in prop_oneof![
            proptest::collection::vec(("[a-z]{1,8}", any::<String>()), 1..4).prop_map(|messages| Input::Messages(
                messages.into_iter().map(|(role, content)| Message { role, content }).collect()
            )),
            any::<String>().prop_filter("not empty", |s| !s.is_empty()).prop_map(Input::Prompt),
            proptest::collection::vec(any::<u32>(), 1..9).prop_map(Input::Tokens),
        ],
        tools in proptest::option::of((any::<String>(), -1e9f64..1e9, any::<bool>())),
        date in proptest::option::of(Just("2024-02-29".to_string())),
        flags in any::<(bool, bool)>(),
        hot in any::<bool>(),
        micros in proptest::collection::vec(1i64..=1_000_000, 7),
        bias in proptest::collection::btree_map(any::<u32>(), -1_000_000i64..1_000_000, 0..4),
        bans in proptest::collection::btree_set(any::<u32>(), 0..4),
        stop in proptest::collection::vec("[^\u{0}]{1,5}", 0..3),
        grammar in proptest::option::of((any::<bool>(), "[^\u{0}]{1,20}")),
        steps in proptest::option::of(prop_oneof![
            Just(SegmenterSpec::default()),
            proptest::array::uniform2("[^\u{0}]{1,9}")
                .prop_map(|markers| SegmenterSpec { id: SegmenterSpec::MARKED, markers: markers.to_vec() }),
        ]),
        counts in (any::<u32>(), 0u32..1000, 1u32..1000, 1u32..1000, 1u32..8),
        seed in any::<([u8; 32], [u8; 32], u8)>(),
        rest in any::<(Option<[u8; 32]>, [u8; 32], Option<(u64, [u8; 20])>, Option<u64>)>(),
    ) -> Request {
        let conversation = matches!(input, Input::Messages(_));
        let tokens = matches!(input, Input::Tokens(_));
        let m = |i: usize| Micros::new(micros[i]).unwrap();
        let seed = match (hot, seed.2 % 5) {
            (true, 3) => SeedSource::Commitment { client_entropy: seed.0, provider_secret: seed.1 },
            (true, 4) if rest.1 != [0; 32] => SeedSource::Beacon { beacon: seed.0 },
            (_, 0) => SeedSource::Unspecified,
            (_, 1) => SeedSource::Random,
            _ => SeedSource::Given(Seed(seed.0)),
        };
        Request {
            steps,
            content: Content {
                tools: tools
                    .filter(|_| conversation)
                    .map(|(key, number, flag)| strict::normalize(&json!([{ key: number, "x": [flag] }])).unwrap()),
                date: date.filter(|_| conversation),
                parse_special: flags.0 && !tokens,
                input,
            },
            policy: SamplingPolicy {
                temperature: if hot { m(0) } else { Micros::ZERO },
                top_k: counts.0,
                top_p: m(1),
                min_p: m(2),
                repeat_penalty: m(3),
                presence_penalty: m(4),
                frequency_penalty: m(5),
                penalty_window: counts.1,
                logit_bias: bias.into_iter().map(|(t, b)| (t, Micros::new(b).unwrap())).collect(),
                bans: bans.into_iter().collect(),
                grammar: grammar.map(|(schema, text)| GrammarSpec {
                    kind: if schema { GrammarKind::JsonSchema } else { GrammarKind::Gbnf },
                    text,
                    engine: GRAMMAR_ENGINE.into(),
                }),
                ignore_eog: flags.1,
                stop,
                max_tokens: counts.2,
                context_tokens: counts.3,
                choices: if hot { counts.4 } else { 1 },
                seed_rule: seed.rule(),
                ..SamplingPolicy::default()
            },
            seed,
            nonce: rest.0.filter(|nonce| *nonce != [0; 32]),
            // Of an even first byte, the inputs: without the others of the tuple they would all be hashes.
            context: match rest.1[0] % 2 {
                0 if !matches!(seed, SeedSource::Beacon { .. }) => Context::Inputs(ContextInputs {
                    chain_id: rest.1[1].into(),
                    contract: rest.1[2..22].try_into().unwrap(),
                    job_id: rest.1,
                    previous_digest: [rest.1[3]; 32],
                }),
                _ => Context::Hash(rest.1),
            },
            domain: rest
                .2
                .filter(|(_, contract)| *contract != [0; 20])
                .map(|(chain, verifying_contract)| ContractDomain {
                    chain_id: chain % Domain::MAX_CHAIN_ID + 1,
                    verifying_contract,
                }),
            issued_at: rest.3,
            logprobs: (counts.0 % 2 == 0).then_some(counts.0 % 21),
        }
    }
}

proptest! {
    #[test]
    fn print_then_parse_is_the_identity(request in any_request()) {
        let text = request.to_json().unwrap();
        prop_assert_eq!(parse(&text).unwrap(), request);
    }

    #[test]
    fn canonical_forms_read_back(request in any_request()) {
        let canonical = request.content.canonical(Some([5; 32])).unwrap();
        let bytes = canonical.to_bytes().unwrap();
        let limits = strict::Limits { max_bytes: bytes.len(), max_depth: 64, max_values: 1000 };
        let value = strict::parse("request", &bytes, limits).unwrap();
        let read = Canonical::from_json("request", value).unwrap();
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        prop_assert_eq!(read, canonical);
    }

    #[test]
    fn any_text_parses_or_errs(text in "(\\{|\\}|\\[|\\]|:|,|\"prompt\"|\"seed\"|\"tools\"|\"x\"|1|-|e|\\.|null|true){0,30}") {
        let _ = parse(&text);
    }
}
