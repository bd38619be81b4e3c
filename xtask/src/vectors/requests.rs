//! Requests at the limits of every field: those beyond are refused, and the error names the field.
//!
//! What is expected is written here by hand, from `docs/request.md`.

use attestlm::ErrorKind::{self, Argument, Grammar, Template};
use serde_json::json;

use super::outcome::Statuses;
use super::{Cases, CONTEXT};
use crate::Failure;

/// Tokens of the bundled model.
const VOCABULARY: u32 = 768;

/// Each the text of a request, and what a session with the options answers.
///
/// # Errors
/// A class of errors without a status.
pub fn cases() -> Result<Cases, Failure> {
    let statuses = Statuses::read()?;
    let refused = refused().into_iter().map(|(name, text, kind, field)| (name, text, Some((kind, field))));
    let accepted = accepted().into_iter().map(|(name, text)| (name, text, None));
    refused
        .chain(accepted)
        .map(|(name, request, outcome)| {
            let mut case = json!({ "options": { "contextTokens": CONTEXT }, "request": request });
            statuses.add(outcome, &mut case)?;
            Ok((name.to_owned(), case))
        })
        .collect()
}

/// A request with a prompt and more fields.
fn with(fields: &str) -> String {
    format!(r#"{{"prompt": "Tom", {fields}}}"#)
}

/// The same, drawn.
fn drawn(fields: &str) -> String {
    with(&format!(r#""temperature": 1, {fields}"#))
}

fn chat(messages: &str) -> String {
    format!(r#"{{"messages": [{messages}]}}"#)
}

/// `n` items of an array or object.
fn list(n: u32, item: impl Fn(u32) -> String) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(",")
}

fn tokens(n: u32) -> String {
    format!(r#"{{"promptTokens": [{}]}}"#, list(n, |_| "70".to_owned()))
}

fn bytes(byte: &str, n: usize) -> String {
    format!("0x{}", byte.repeat(n))
}

/// Arrays inside each other as `tools`, which are themselves inside the request.
fn tools(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"messages": [{{"role": "user", "content": "Tom"}}], "tools": {open}{close}}}"#)
}

fn domain(fields: &str) -> String {
    with(&format!(r#""domain": {{{fields}}}"#))
}

type Refused = (&'static str, String, ErrorKind, &'static str);

fn refused() -> Vec<Refused> {
    [text(), input(), policy(), lists(), constraints(), seed(), receipt()].concat()
}

/// What is no request at all.
fn text() -> Vec<Refused> {
    let case = |name, text: &str, field| (name, text.to_owned(), Argument, field);
    vec![
        case("empty", "", "request"),
        case("space", " \n", "request"),
        case("not-json", "{", "request"),
        case("not-an-object", "[]", "request"),
        case("null", "null", "request"),
        case("byte-order-mark", "\u{feff}{\"prompt\": \"Tom\"}", "request"),
        case("text-after", "{\"prompt\": \"Tom\"} {}", "request"),
        case("trailing-comma", "{\"prompt\": \"Tom\",}", "request"),
        case("lone-surrogate", r#"{"prompt": "\ud800"}"#, "request"),
        case("lone-surrogate-low", r#"{"prompt": "\udc00\ud800"}"#, "request"),
        case("control-character", "{\"prompt\": \"a\nb\"}", "request"),
        case("number-too-large", &with(r#""temperature": 1e999"#), "request"),
        case("number-leading-zero", &with(r#""maxTokens": 01"#), "request"),
        case("integer-beyond-double", &with(r#""issuedAt": 9007199254740993"#), "request"),
        case("nested-too-deeply", &tools(50), "request"),
        case("duplicate-key", r#"{"prompt": "Tom", "prompt": "Tom"}"#, "prompt"),
        case("duplicate-key-escaped", r#"{"prompt": "Tom", "pr\u006fmpt": "Tom"}"#, "prompt"),
        case(
            "duplicate-key-inside",
            r#"{"messages": [{"role": "user", "role": "user", "content": "a"}]}"#,
            "role",
        ),
        case("unknown-field", &with(r#""temprature": 1"#), "temprature"),
        case("unknown-field-case", &with(r#""Temperature": 1"#), "Temperature"),
    ]
}

/// Messages, prompt and tokens, and what belongs to them.
fn input() -> Vec<Refused> {
    let case = |name, text: String, field| (name, text, Argument, field);
    let message = |role: &str, content: &str| format!(r#"{{"role": "{role}", "content": "{content}"}}"#);
    let user = message("user", "Tom");
    let mut cases = vec![
        case("input-missing", "{}".into(), "messages"),
        case("input-null", r#"{"prompt": null}"#.into(), "messages"),
        case("input-messages-and-prompt", format!(r#"{{"messages": [{user}], "prompt": "Tom"}}"#), "prompt"),
        case("input-prompt-and-tokens", with(r#""promptTokens": [70]"#), "promptTokens"),
        case("prompt-empty", r#"{"prompt": ""}"#.into(), "prompt"),
        case("prompt-number", r#"{"prompt": 7}"#.into(), "prompt"),
        case("prompt-control-token", r#"{"prompt": "Tom<|end|>"}"#.into(), "prompt"),
        case("prompt-beyond-context", format!(r#"{{"prompt": "{}"}}"#, "Tom 1 ".repeat(600)), "prompt"),
        case("tokens-none", r#"{"promptTokens": []}"#.into(), "promptTokens"),
        case("tokens-text", r#"{"promptTokens": ["70"]}"#.into(), "promptTokens"),
        case("tokens-negative", r#"{"promptTokens": [-1]}"#.into(), "promptTokens"),
        case(
            "tokens-beyond-vocabulary",
            format!(r#"{{"promptTokens": [70, {VOCABULARY}]}}"#),
            "promptTokens",
        ),
        case("tokens-beyond-uint32", r#"{"promptTokens": [4294967296]}"#.into(), "promptTokens"),
        case("tokens-fill-context", tokens(CONTEXT), "promptTokens"),
        case("messages-none", chat(""), "messages"),
        case("messages-text", r#"{"messages": "Tom"}"#.into(), "messages"),
        case("messages-1025", chat(&list(1025, |_| message("user", ""))), "messages"),
        case("messages-beyond-context", chat(&message("user", &"Tom 1 ".repeat(600))), "messages"),
        case("message-text", chat("\"Tom\""), "messages[0]"),
        case("message-role-missing", chat(r#"{"content": "Tom"}"#), "messages[0].role"),
        case("message-role-empty", chat(&message("", "Tom")), "messages[0].role"),
        case("message-role-65-bytes", chat(&message(&"r".repeat(65), "Tom")), "messages[0].role"),
        case("message-role-control", chat(&message("user\\n", "Tom")), "messages[0].role"),
        case("message-content-missing", chat(r#"{"role": "user"}"#), "messages[0].content"),
        case("message-content-array", chat(r#"{"role": "user", "content": []}"#), "messages[0].content"),
        case("message-name", chat(r#"{"role": "user", "content": "Tom", "name": "a"}"#), "messages[0].name"),
        case(
            "message-control-token",
            chat(&format!("{user},{}", message("user", "<|end|>"))),
            "messages[1].content",
        ),
        case("tools-without-messages", with(r#""tools": []"#), "tools"),
        case("tools-nested-49", tools(49), "tools"),
        case("date-without-messages", with(r#""date": "2026-01-02""#), "date"),
        case("date-no-such-day", format!(r#"{{"messages": [{user}], "date": "2026-02-30"}}"#), "date"),
        case("date-number", format!(r#"{{"messages": [{user}], "date": 20260102}}"#), "date"),
        case("parse-special-text", with(r#""parseSpecial": "true""#), "parseSpecial"),
        case(
            "parse-special-tokens",
            r#"{"promptTokens": [70], "parseSpecial": true}"#.into(),
            "parseSpecial",
        ),
    ];
    for (name, messages) in [
        ("template-unknown-role", message("robot", "Tom")),
        ("template-late-system", format!("{user},{}", message("system", "Tom"))),
    ] {
        cases.push((name, chat(&messages), Template, "chat template"));
    }
    cases
}

/// Numbers of the sampling policy, beyond both ends.
fn policy() -> Vec<Refused> {
    let case = |name, fields: &str, field| (name, with(fields), Argument, field);
    vec![
        case("temperature-below", r#""temperature": "-0.000001""#, "temperature"),
        case("temperature-beyond", r#""temperature": "100.000001""#, "temperature"),
        case("temperature-seven-places", r#""temperature": 0.1234567"#, "temperature"),
        case("temperature-exponent", r#""temperature": 1e0"#, "temperature"),
        case("temperature-nan", r#""temperature": "NaN""#, "temperature"),
        case("temperature-true", r#""temperature": true"#, "temperature"),
        case("top-k-below", r#""topK": -1"#, "topK"),
        case("top-k-beyond", r#""topK": 4294967296"#, "topK"),
        case("top-k-text", r#""topK": "40""#, "topK"),
        case("top-p-below", r#""topP": 0"#, "topP"),
        case("top-p-beyond", r#""topP": "1.000001""#, "topP"),
        case("min-p-below", r#""minP": "-0.000001""#, "minP"),
        case("min-p-beyond", r#""minP": "1.000001""#, "minP"),
        case("repeat-penalty-below", r#""repeatPenalty": 0"#, "repeatPenalty"),
        case("repeat-penalty-beyond", r#""repeatPenalty": "100.000001""#, "repeatPenalty"),
        case("presence-penalty-below", r#""presencePenalty": "-100.000001""#, "presencePenalty"),
        case("presence-penalty-beyond", r#""presencePenalty": "100.000001""#, "presencePenalty"),
        case("frequency-penalty-below", r#""frequencyPenalty": "-100.000001""#, "frequencyPenalty"),
        case("frequency-penalty-beyond", r#""frequencyPenalty": "100.000001""#, "frequencyPenalty"),
        case("penalty-window-beyond", r#""penaltyWindow": 1048577"#, "penaltyWindow"),
        case("ignore-eog-number", r#""ignoreEog": 1"#, "ignoreEog"),
        case("max-tokens-0", r#""maxTokens": 0"#, "maxTokens"),
        case("max-tokens-beyond", r#""maxTokens": 16777217"#, "maxTokens"),
        case("max-tokens-point", r#""maxTokens": 8.0"#, "maxTokens"),
        case("context-tokens-0", r#""contextTokens": 0"#, "contextTokens"),
        case("context-tokens-beyond", r#""contextTokens": 16777217"#, "contextTokens"),
        case(
            "context-tokens-beyond-session",
            &format!(r#""contextTokens": {}"#, CONTEXT + 1),
            "contextTokens",
        ),
        case("choices-0", r#""choices": 0"#, "choices"),
        case("choices-65", r#""temperature": 1, "choices": 65"#, "choices"),
        case("choices-greedy", r#""choices": 2"#, "choices"),
        case("steps-true", r#""steps": true"#, "steps"),
        case("steps-one-marker", r#""steps": ["<think>"]"#, "steps"),
        case("steps-three-markers", r#""steps": ["<", "=", ">"]"#, "steps"),
        case("steps-no-marker", r#""steps": []"#, "steps"),
        case("steps-empty-marker", r#""steps": ["<think>", ""]"#, "steps"),
        case("steps-number", r#""steps": ["<think>", 1]"#, "steps"),
        case("steps-257-bytes", &format!(r#""steps": ["<think>", "{}"]"#, "x".repeat(257)), "steps"),
    ]
}

/// Biases, bans and stop strings.
fn lists() -> Vec<Refused> {
    let case = |name, fields: &str, field| (name, with(fields), Argument, field);
    vec![
        case("logit-bias-array", r#""logitBias": [[70, 1]]"#, "logitBias"),
        case("logit-bias-word", r#""logitBias": {"Tom": 1}"#, "logitBias"),
        case("logit-bias-leading-zero", r#""logitBias": {"070": 1}"#, "logitBias"),
        case("logit-bias-below", r#""logitBias": {"70": "-10000.000001"}"#, "logitBias"),
        case("logit-bias-beyond", r#""logitBias": {"70": "10000.000001"}"#, "logitBias"),
        case("logit-bias-beyond-vocabulary", &format!(r#""logitBias": {{"{VOCABULARY}": 1}}"#), "logitBias"),
        case(
            "logit-bias-4097",
            &format!(r#""logitBias": {{{}}}"#, list(4097, |i| format!("\"{i}\":1"))),
            "logitBias",
        ),
        case("bans-twice", r#""bans": [70, 71, 70]"#, "bans"),
        case("bans-beyond-vocabulary", &format!(r#""bans": [{VOCABULARY}]"#), "bans"),
        case("bans-text", r#""bans": "70""#, "bans"),
        case("stop-text", r#""stop": "end""#, "stop"),
        case("stop-number", r#""stop": [7]"#, "stop"),
        case("stop-empty", r#""stop": [""]"#, "stop"),
        case("stop-17", &format!(r#""stop": [{}]"#, list(17, |i| format!("\"{i}\""))), "stop"),
        case("stop-257-bytes", &format!(r#""stop": ["{}"]"#, "s".repeat(257)), "stop"),
    ]
}

/// Schemas and grammars.
fn constraints() -> Vec<Refused> {
    let case = |name, fields: &str, kind, field| (name, with(fields), kind, field);
    vec![
        case("schema-number", r#""schema": 7"#, Argument, "schema"),
        case("schema-empty", r#""schema": """#, Argument, "schema"),
        case("schema-not-json", r#""schema": "{""#, Grammar, "schema"),
        case("schema-unknown-type", r#""schema": {"type": "nothing"}"#, Grammar, "schema"),
        case(
            "schema-unknown-keyword",
            r#""schema": {"type": "object", "minProperties": 1}"#,
            Grammar,
            "schema",
        ),
        case("schema-and-grammar", r#""schema": {}, "grammar": "root ::= \"a\"""#, Argument, "grammar"),
        case("grammar-object", r#""grammar": {}"#, Argument, "grammar"),
        case("grammar-empty", r#""grammar": """#, Argument, "grammar"),
        case("grammar-open", r#""grammar": "root ::= (""#, Grammar, "grammar"),
        case("grammar-no-root", r#""grammar": "other ::= \"a\"""#, Grammar, "grammar"),
        case("grammar-unknown-rule", r#""grammar": "root ::= other""#, Grammar, "grammar"),
        case("grammar-left-recursion", r#""grammar": "root ::= root \"a\" | \"a\"""#, Grammar, "grammar"),
        case("grammar-only-empty", r#""grammar": "root ::= \"\"""#, Grammar, "grammar"),
    ]
}

/// Seeds and seed rules.
fn seed() -> Vec<Refused> {
    let case = |name, text: String, field| (name, text, Argument, field);
    let entropy = bytes("11", 32);
    let rule_1 = format!(r#""seedRule": 1, "clientEntropy": "{entropy}""#);
    vec![
        case("seed-short", drawn(r#""seed": "0x12""#), "seed"),
        case("seed-beyond", drawn(r#""seed": "18446744073709551616""#), "seed"),
        case("seed-negative", drawn(r#""seed": -1"#), "seed"),
        case("seed-word", drawn(r#""seed": "Random""#), "seed"),
        case("seed-true", drawn(r#""seed": true"#), "seed"),
        case("seed-rule-3", drawn(r#""seedRule": 3"#), "seedRule"),
        case("seed-rule-greedy", with(&format!(r#"{rule_1}, "providerSecret": "{entropy}""#)), "seedRule"),
        case("seed-rule-1-no-secret", drawn(&rule_1), "providerSecret"),
        case("seed-rule-1-short", drawn(r#""seedRule": 1, "clientEntropy": "0x11""#), "clientEntropy"),
        case(
            "seed-rule-1-seed",
            drawn(&format!(r#"{rule_1}, "providerSecret": "{entropy}", "seed": 7"#)),
            "seed",
        ),
        case("seed-rule-0-entropy", drawn(&format!(r#""clientEntropy": "{entropy}""#)), "clientEntropy"),
        case("seed-rule-2-no-beacon", drawn(r#""seedRule": 2"#), "beacon"),
        case("seed-rule-2-no-context", drawn(&format!(r#""seedRule": 2, "beacon": "{entropy}""#)), "context"),
    ]
}

/// What the receipt is for.
fn receipt() -> Vec<Refused> {
    let case = |name, text: String, field| (name, text, Argument, field);
    let contract = bytes("11", 20);
    vec![
        case("nonce-zero", with(&format!(r#""nonce": "{}""#, bytes("00", 32))), "nonce"),
        case("nonce-short", with(&format!(r#""nonce": "{}""#, bytes("5a", 31))), "nonce"),
        case("nonce-upper-case", with(&format!(r#""nonce": "{}""#, bytes("5A", 32))), "nonce"),
        case("nonce-no-prefix", with(&format!(r#""nonce": "{}""#, "5a".repeat(33))), "nonce"),
        case("context-long", with(&format!(r#""context": "{}""#, bytes("ab", 33))), "context"),
        case("logprobs-beyond", with(r#""logprobs": 21"#), "logprobs"),
        case("logprobs-true", with(r#""logprobs": true"#), "logprobs"),
        case("domain-text", with(r#""domain": "1""#), "domain"),
        case("domain-no-chain", domain(&format!(r#""verifyingContract": "{contract}""#)), "domain.chainId"),
        case("domain-no-contract", domain(r#""chainId": 1"#), "domain.verifyingContract"),
        case(
            "domain-chain-0",
            domain(&format!(r#""chainId": 0, "verifyingContract": "{contract}""#)),
            "domain.chainId",
        ),
        case(
            "domain-contract-zero",
            domain(&format!(r#""chainId": 1, "verifyingContract": "{}""#, bytes("00", 20))),
            "domain.verifyingContract",
        ),
        case(
            "domain-contract-checksum",
            domain(r#""chainId": 1, "verifyingContract": "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed""#),
            "domain.verifyingContract",
        ),
        case(
            "domain-salt",
            domain(&format!(r#""chainId": 1, "verifyingContract": "{contract}", "salt": 1"#)),
            "domain.salt",
        ),
        case("issued-at-negative", with(r#""issuedAt": -1"#), "issuedAt"),
        case("issued-at-beyond", with(r#""issuedAt": "18446744073709551616""#), "issuedAt"),
        case("issued-at-leading-zero", with(r#""issuedAt": "01""#), "issuedAt"),
    ]
}

/// At the limits, not beyond: without these, who refuses everything would pass.
fn accepted() -> Vec<(&'static str, String)> {
    let entropy = bytes("11", 32);
    vec![
        ("valid-smallest", r#"{"prompt":"T"}"#.to_owned()),
        (
            "valid-nulls-are-absent",
            with(r#""temperature": null, "seed": null, "stop": null, "domain": null"#),
        ),
        ("valid-tokens-leave-room-for-one", tokens(CONTEXT - 1)),
        ("valid-last-token", format!(r#"{{"promptTokens": [{}]}}"#, VOCABULARY - 1)),
        ("valid-chat", chat(r#"{"role": "system", "content": "a"}, {"role": "user", "content": "Tom"}"#)),
        ("valid-control-token", with(r#""parseSpecial": true"#).replace("Tom", "<|user|>Tom<|end|>")),
        ("valid-surrogates", r#"{"prompt": "\ud83d\ude00"}"#.to_owned()),
        ("valid-tools-nested-48", tools(48)),
        (
            "valid-lowest",
            with(
                r#""temperature": 0, "topK": 0, "topP": "0.000001", "minP": 0, "repeatPenalty": "0.000001",
                "presencePenalty": -100, "frequencyPenalty": -100, "penaltyWindow": 0, "maxTokens": 1,
                "logitBias": {"0": -10000}, "issuedAt": 0"#,
            ),
        ),
        (
            "valid-highest",
            with(&format!(
                r#""temperature": 100, "topK": 4294967295, "topP": 1, "minP": 1, "repeatPenalty": 100,
                "presencePenalty": 100, "frequencyPenalty": 100, "penaltyWindow": 1048576, "maxTokens": 16777216,
                "contextTokens": {CONTEXT}, "logitBias": {{"{last}": 10000}}, "bans": [{last}, 0], "choices": 64,
                "seed": "18446744073709551615", "issuedAt": "18446744073709551615""#,
                last = VOCABULARY - 1
            )),
        ),
        ("valid-stop-16", with(&format!(r#""stop": [{}]"#, list(16, |i| format!("\"{i}\""))))),
        ("valid-stop-256-bytes", with(&format!(r#""stop": ["{}"]"#, "s".repeat(256)))),
        ("valid-steps-false", with(r#""steps": false"#)),
        ("valid-steps-markers", with(&format!(r#""steps": ["[", "{}"]"#, "]".repeat(256)))),
        ("valid-schema-text", with(r#""schema": "{\"type\": \"integer\"}""#)),
        ("valid-grammar", with(r#""grammar": "root ::= [0-9]+""#)),
        (
            "valid-seed-rule-1",
            drawn(&format!(r#""seedRule": 1, "clientEntropy": "{entropy}", "providerSecret": "{entropy}""#)),
        ),
        (
            "valid-seed-rule-2",
            drawn(&format!(r#""seedRule": 2, "beacon": "{entropy}", "context": "{entropy}""#)),
        ),
        (
            "valid-domain",
            domain(
                r#""chainId": "9007199254740991", "verifyingContract": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed""#,
            ),
        ),
    ]
}
