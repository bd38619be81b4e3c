//! Wrong inputs: a clear line each, the right exit status, and nothing half-written.

mod common;

use attestlm_testkit::ModelSpec;
use common::{Sandbox, PASSWORD, QUESTION};

#[test]
fn a_wrong_command_line_is_one_line() {
    let sandbox = Sandbox::new();
    for args in [
        &[][..],
        &["fly"],
        &["run", "--fly"],
        &["run", "--top-k", "many", "--prompt", "x"],
        &["run", "--prompt", "x", "--prompt-tokens", "1"],
        &["run", "--raw", "--messages", "m.json"],
        &["verify"],
        &["key"],
        &["verify", "r.json", "--signature-only", "--model", "m.gguf"],
    ] {
        sandbox.run(args).refused(2, &["usage: "]);
    }
    assert_eq!(sandbox.run(&["--help"]).status, 0);
    assert_eq!(sandbox.run(&["run", "--help"]).status, 0);
    assert!(sandbox.run(&["--version"]).stdout.starts_with("attestlm "));
}

#[test]
fn model_files_that_are_none() {
    let sandbox = Sandbox::new();
    let ask = |model: &str| sandbox.run(&["run", "--prompt", "x", "--model", model, "--receipt", "r.json"]);
    ask("no.gguf").refused(2, &["no.gguf"]);
    ask(".").refused(2, &[]);
    sandbox.write("text.gguf", "This is no model at all, only text of some length.");
    ask("text.gguf").refused(2, &[]);
    sandbox.write("empty.gguf", "");
    ask("empty.gguf").refused(2, &[]);
    let model = ModelSpec::nano().to_bytes();
    sandbox.write("cut.gguf", &model[..model.len() / 2]);
    ask("cut.gguf").refused(2, &[]);
    sandbox.write("layers.gguf", attestlm_testkit::mutate::too_many_layers(&model));
    ask("layers.gguf").refused(2, &["block_count"]);
    for command in [["model", "info", "cut.gguf"], ["model", "check", "cut.gguf"]] {
        sandbox.run(&command).refused(2, &[]);
    }
    let files = sandbox.files();
    assert_eq!(files, ["cut.gguf", "empty.gguf", "layers.gguf", "text.gguf"]);
}

#[test]
fn prompts() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run"]).refused(2, &["prompt"]);
    sandbox.run(&["run", "--prompt", ""]).refused(2, &["prompt", "empty"]);
    sandbox.run(&["run", "--prompt", "", "--raw"]).refused(2, &["prompt", "empty"]);
    sandbox.run(&["run", "--prompt-tokens", ""]).refused(2, &["promptTokens"]);
    sandbox.run(&["run", "--prompt-tokens", "1,x"]).refused(2, &["promptTokens"]);
    sandbox.run(&["run", "--prompt-tokens", "1,-2"]).refused(2, &["promptTokens"]);
    sandbox.run(&["run", "--prompt-tokens", "4000000000"]).refused(2, &["promptTokens"]);
    let long = "7 + 6 ".repeat(4000);
    sandbox.run(&["run", "--prompt", &long]).refused(2, &["context"]);
    sandbox.run(&["run", "--prompt", QUESTION, "--context-tokens", "8"]).refused(2, &["context"]);
}

#[test]
fn messages() {
    let sandbox = Sandbox::new();
    let ask = |json: &str| {
        sandbox.write("m.json", json);
        sandbox.run(&["run", "--messages", "m.json"])
    };
    sandbox.run(&["run", "--messages", "no.json"]).refused(2, &["no.json"]);
    sandbox.run(&["run", "--messages", "."]).refused(2, &["directory"]);
    ask("").refused(2, &["messages"]);
    ask("{").refused(2, &["messages"]);
    ask("[]").refused(2, &["messages"]);
    ask("{}").refused(2, &["messages"]);
    ask(r#"[{"role": "user", "content": "x", "colour": "red"}]"#).refused(2, &["messages", "colour"]);
    ask(r#"[{"role": "user", "role": "system", "content": "x"}]"#).refused(2, &["role"]);
    ask(r#"[{"content": "x"}]"#).refused(2, &["role"]);
    // No way out of the field.
    ask(r#"[{"role": "user", "content": "x"}], "seed": "1""#).refused(2, &["messages"]);
    let deep = "[".repeat(100_000);
    ask(&deep).refused(2, &["messages"]);
    ask(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))).refused(2, &[]);
}

#[test]
fn sampling() {
    let sandbox = Sandbox::new();
    let ask = |flags: &[&str]| sandbox.run(&[&["run", "--prompt", QUESTION], flags].concat());
    ask(&["--temperature", "-1"]).refused(2, &["temperature", "-1"]);
    ask(&["--temperature", "1e3"]).refused(2, &["temperature"]);
    ask(&["--temperature", "0.1234567"]).refused(2, &["temperature", "6 places"]);
    ask(&["--temperature", "NaN"]).refused(2, &["temperature"]);
    ask(&["--top-p", "0"]).refused(2, &["topP"]);
    ask(&["--min-p", "2"]).refused(2, &["minP"]);
    ask(&["--max-tokens", "0"]).refused(2, &["maxTokens"]);
    ask(&["--choices", "2"]).refused(2, &["choices"]);
    ask(&["--choices", "4000000000", "--temperature", "1"]).refused(2, &["choices"]);
    ask(&["--logit-bias", "5"]).refused(2, &["logitBias"]);
    ask(&["--logit-bias", "5=1", "--logit-bias", "5=2"]).refused(2, &["logitBias", "twice"]);
    ask(&["--ban", "999999"]).refused(2, &["bans", "vocabulary"]);
    ask(&["--stop", ""]).refused(2, &["stop"]);
    ask(&["--seed", "0x12", "--temperature", "1"]).refused(2, &["seed"]);
    ask(&["--seed", "-1", "--temperature", "1"]).refused(2, &["seed"]);
    ask(&["--seed-rule", "fair", "--temperature", "1"]).refused(2, &["seedRule"]);
    ask(&["--nonce", "0x00"]).refused(2, &["nonce"]);
    ask(&["--nonce", &format!("0x{}", "0".repeat(64))]).refused(2, &["nonce"]);
    ask(&["--context", "7"]).refused(2, &["context"]);
    ask(&["--domain", "1"]).refused(2, &["domain"]);
    ask(&["--domain", "1:0x12"]).refused(2, &["verifyingContract"]);
    ask(&["--date", "yesterday"]).refused(2, &["date"]);
    ask(&["--schema", "no.json"]).refused(2, &["no.json"]);
    sandbox.write("bad.gbnf", "root ::= (");
    ask(&["--grammar", "bad.gbnf"]).refused(2, &["grammar"]);
    sandbox.write("bad.json", r#"{"type": "nothing"}"#);
    ask(&["--schema", "bad.json"]).refused(2, &["schema: "]);
}

#[test]
fn continuations() {
    let sandbox = Sandbox::new();
    let ask = |flags: &[&str]| sandbox.run(&[&["score", "--prompt", QUESTION], flags].concat());
    ask(&[]).refused(2, &["continuation"]);
    ask(&["--continuation", ""]).refused(2, &["continuation"]);
    ask(&["--continuation-tokens", "1,999999"]).refused(2, &["continuation", "vocabulary"]);
    ask(&["--continuation", &"7 + 6 ".repeat(4000)]).refused(2, &["continuation", "context"]);
    ask(&["--continuation", "13", "--receipt", "no/s.json"]).refused(2, &["no/s.json"]);
    ask(&["--continuation", "13", "--key", "no.json"]).refused(2, &["key"]);
    assert!(sandbox.files().is_empty());
}

#[test]
fn keys() {
    let sandbox = Sandbox::new();
    sandbox.key("key.json");
    let wrong = sandbox
        .run_with_password(&["run", "--prompt", "x", "--key", "key.json", "--receipt", "r.json"], "wrong");
    wrong.refused(2, &["password", "wrong"]);
    assert!(!wrong.stderr.contains(PASSWORD));
    sandbox.run_with_password(&["key", "address", "key.json"], "").refused(2, &["password"]);
    sandbox.run_with_password(&["key", "address", "no.json"], PASSWORD).refused(2, &["no.json"]);
    sandbox.run_with_password(&["key", "address", "."], PASSWORD).refused(2, &["directory"]);
    sandbox.write("text.json", "no keystore");
    sandbox.run_with_password(&["key", "address", "text.json"], PASSWORD).refused(2, &["keystore"]);
    // An existing key is never overwritten; an empty password never protects one.
    let before = std::fs::read(sandbox.path("key.json")).unwrap();
    sandbox
        .run_with_password(&["key", "new", "key.json", "--light"], PASSWORD)
        .refused(2, &["key.json", "exists"]);
    assert_eq!(std::fs::read(sandbox.path("key.json")).unwrap(), before);
    sandbox.run_with_password(&["key", "new", "new.json", "--light"], "").refused(2, &["password", "empty"]);
    sandbox.run_with_password(&["run", "--prompt", "x", "--key", "key.json"], PASSWORD).refused(2, &["key"]);
    assert_eq!(sandbox.files(), ["key.json", "text.json"]);
}

#[test]
fn receipt_paths_that_cannot_be_written() {
    let sandbox = Sandbox::new();
    let ask = |path: &str| sandbox.run(&["run", "--prompt", QUESTION, "--receipt", path]);
    ask("no/r.json").refused(2, &["no/r.json"]);
    ask(".").refused(2, &[]);
    ask("/").refused(2, &[]);
    ask("/proc/r.json").refused(2, &["/proc/r.json"]);
    assert!(sandbox.files().is_empty());
}

#[test]
fn receipts_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    for command in ["verify", "inspect"] {
        sandbox.run(&[command, "no.json"]).refused(2, &["no.json"]);
        sandbox.run(&[command, "."]).refused(2, &["directory"]);
    }
}
