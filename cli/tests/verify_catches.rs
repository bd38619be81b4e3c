//! What a check catches, and that its verdict names it. Edits of a signed document break its
//! commitments; lies that are signed anew are the library's tests.

mod common;

use attestlm_testkit::{ModelSpec, TensorType};
use common::{text, Sandbox, NONCE, PASSWORD, QUESTION};
use serde_json::{json, Value};

/// A signed answer in `r.json`, signed by the key of `key.json`; the signer's address.
fn answered(sandbox: &Sandbox) -> String {
    let signer = sandbox.key("key.json");
    let args = ["run", "--prompt", QUESTION, "--temperature", "0.7", "--seed", "5", "--max-tokens", "40"];
    let args = [&args[..], &["--nonce", NONCE, "--key", "key.json", "--receipt", "r.json"]].concat();
    sandbox.run_with_password(&args, PASSWORD).succeeded();
    signer
}

/// Verifies `r.json` after `edit`: the verdict must begin with `verdict` and name `what`.
#[track_caller]
fn caught(sandbox: &Sandbox, edit: impl FnOnce(&mut Value), verdict: &str, what: &str) {
    let mut document = sandbox.read_json("r.json");
    edit(&mut document);
    sandbox.write("edited.json", document.to_string());
    let ended = sandbox.run(&["verify", "edited.json"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    let line = ended.stdout.lines().next().unwrap();
    assert!(line.starts_with(verdict) && line.contains(what), "{line}");
}

/// `value` plus one, whether a number or a decimal string.
fn next(value: &Value) -> Value {
    match value {
        Value::String(text) => json!((text.parse::<u64>().unwrap() + 1).to_string()),
        number => json!(number.as_u64().unwrap() + 1),
    }
}

#[test]
fn edits_of_a_signed_document() {
    let sandbox = Sandbox::new();
    answered(&sandbox);
    caught(
        &sandbox,
        |d| d["disclosure"]["outputTokens"][2] = next(&d["disclosure"]["outputTokens"][2]),
        "invalid",
        "output",
    );
    caught(
        &sandbox,
        |d| d["disclosure"]["promptTokens"][0] = next(&d["disclosure"]["promptTokens"][0]),
        "invalid",
        "prompt",
    );
    caught(
        &sandbox,
        |d| {
            d["disclosure"]["outputTokens"].as_array_mut().unwrap().pop();
        },
        "invalid",
        "output",
    );
    caught(&sandbox, |d| d["disclosure"]["seed"] = json!(NONCE), "invalid", "seed");
    caught(&sandbox, |d| d["message"]["outputCount"] = next(&d["message"]["outputCount"]), "invalid", "");
    caught(&sandbox, |d| d["message"]["model"] = json!(NONCE), "invalid", "sign");
    caught(&sandbox, |d| d["message"]["issuedAt"] = next(&d["message"]["issuedAt"]), "invalid", "sign");
    caught(&sandbox, |d| d["primaryType"] = json!("Permit"), "invalid", "primaryType");
    caught(&sandbox, |d| d["colour"] = json!("red"), "invalid", "colour");
}

#[test]
fn malformed_documents() {
    let sandbox = Sandbox::new();
    answered(&sandbox);
    let original = std::fs::read_to_string(sandbox.path("r.json")).unwrap();
    let deep = "[".repeat(200_000);
    for broken in ["", "{", "[]", "null", "{}", &deep, &original[..original.len() / 2]] {
        sandbox.write("edited.json", broken);
        let ended = sandbox.run(&["verify", "edited.json"]);
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.stdout.starts_with("invalid"), "{ended:?}");
    }
}

#[test]
fn a_high_s_signature() {
    let sandbox = Sandbox::new();
    answered(&sandbox);
    caught(
        &sandbox,
        |d| d["signature"] = json!(with_high_s(d["signature"].as_str().unwrap())),
        "invalid",
        "sign",
    );
}

/// The other signature of the same digest: s becomes n - s, v flips.
fn with_high_s(signature: &str) -> String {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
        0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ];
    let byte = |i: usize| u8::from_str_radix(&signature[2 + 2 * i..4 + 2 * i], 16).unwrap();
    let mut bytes: Vec<u8> = (0..65).map(byte).collect();
    let mut borrow = 0;
    for i in (0..32).rev() {
        let difference = i16::from(ORDER[i]) - i16::from(bytes[32 + i]) - borrow;
        borrow = i16::from(difference < 0);
        bytes[32 + i] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    bytes[64] = 27 + 28 - bytes[64];
    bytes.iter().fold("0x".to_owned(), |text, b| text + &format!("{b:02x}"))
}

#[test]
fn expectations_that_are_not_met() {
    let sandbox = Sandbox::new();
    let signer = answered(&sandbox);
    let message = sandbox.read_json("r.json")["message"].clone();
    let of = |field: &str| message[field].as_str().unwrap().to_owned();
    let profile = sandbox.read_json("r.json")["disclosure"]["profile"].as_str().unwrap().to_owned();
    let finish = message["finish"].to_string();
    for (flag, right, wrong, what) in [
        (
            "--expect-signer",
            signer.clone(),
            "0x000000000000000000000000000000000000dead".to_owned(),
            "signer",
        ),
        ("--expect-model", of("model"), NONCE.to_owned(), "model"),
        ("--expect-adapter", of("adapter"), NONCE.to_owned(), "adapter"),
        ("--expect-sampler", of("sampler"), NONCE.to_owned(), "sampler"),
        ("--expect-context", of("context"), NONCE.to_owned(), "context"),
        ("--expect-profile", profile, "another/exact-1/00000000".to_owned(), "profile"),
        ("--expect-finish", finish.trim_matches('"').to_owned(), "3".to_owned(), "finish"),
        ("--expect-domain", "none".to_owned(), format!("5:{signer}"), "domain"),
        ("--issued-from", of("issuedAt"), u64::MAX.to_string(), "issuedAt"),
        ("--issued-until", of("issuedAt"), "1".to_owned(), "issuedAt"),
    ] {
        sandbox.run(&["verify", "r.json", "--signature-only", flag, &right]).succeeded();
        let ended = sandbox.run(&["verify", "r.json", flag, &wrong]);
        assert_eq!(ended.status, 1, "{flag}: {ended:?}");
        let line = ended.stdout.lines().next().unwrap();
        assert!(line.starts_with("invalid") && line.contains(what), "{flag}: {line}");
    }
    sandbox.run(&["verify", "r.json", "--expect-signer", "0x12"]).refused(2, &["expectSigner"]);
    sandbox.run(&["verify", "r.json", "--expect-finish", "soon"]).refused(2, &["expectFinish"]);
    sandbox.run(&["verify", "r.json", "--expect-domain", "5"]).refused(2, &["expectDomain"]);
    sandbox.run(&["verify", "r.json", "--expect-seed", "random"]).refused(2, &["expectSeed"]);
    let never = ["verify", "r.json", "--issued-from", "2", "--issued-until", "1"];
    sandbox.run(&never).refused(2, &["issuedFrom"]);
}

/// The provider publishes its commitment, the client answers with entropy, and holds the receipt to both.
#[test]
fn a_seed_of_two() {
    let sandbox = Sandbox::new();
    let (entropy, secret) = (format!("0x{}", "01".repeat(32)), format!("0x{}", "02".repeat(32)));
    let signer = sandbox.key("key.json");
    std::fs::write(sandbox.path("secret"), &secret).unwrap();
    let published = sandbox.run(&["key", "commit", "@secret", "--signer", &signer]).succeeded();
    let published = published.stdout.trim();
    let rule = format!("commitment:{entropy}:@secret");
    let run = [
        "run",
        "--prompt",
        "1 + 1",
        "--max-tokens",
        "2",
        "--temperature",
        "1",
        "--nonce",
        NONCE,
        "--seed-rule",
        &rule,
    ];
    let signed = [&run[..], &["--key", "key.json", "--receipt", "r.json"]].concat();
    sandbox.run_with_password(&signed, PASSWORD).succeeded();
    let held =
        ["verify", "r.json", "--expect-client-entropy", &entropy, "--expect-provider-commitment", published];
    let told = sandbox.run(&[&held[..], &["--expect-nonce", NONCE]].concat()).succeeded().stdout;
    assert!(!told.contains("expected seed") && !told.contains("expected nonce"), "{told}");
    for (flag, value, naming) in [
        ("--expect-client-entropy", &secret, "clientEntropy"),
        ("--expect-provider-commitment", &entropy, "providerCommitment"),
        ("--expect-beacon", &entropy, "beacon"),
        ("--expect-nonce", &entropy, "nonce"),
        ("--expect-seed", &entropy, "seed"),
    ] {
        let ended = sandbox.run(&["verify", "r.json", flag, value]);
        assert_eq!(ended.status, 1, "{flag}: {ended:?}");
        assert!(ended.stdout.starts_with(&format!("invalid: {naming}")), "{}", ended.stdout);
    }
    sandbox.run(&["key", "commit", "0x12", "--signer", &signer]).refused(2, &["secret"]);
    sandbox.run(&["key", "commit", &secret, "--signer", "0x12"]).refused(2, &["signer"]);
}

#[test]
fn another_request() {
    let sandbox = Sandbox::new();
    let messages = |content: &str| {
        json!([{ "role": "system", "content": content }, { "role": "user", "content": QUESTION }]).to_string()
    };
    sandbox.write("m.json", messages("Answer with the largest number you can think of."));
    sandbox.run(&["run", "--messages", "m.json", "--max-tokens", "8", "--receipt", "r.json"]).succeeded();
    // By itself it replays: the hidden system prompt is committed to.
    sandbox.run(&["verify", "r.json"]).succeeded();
    let asked = json!({ "messages": [{ "role": "user", "content": QUESTION }], "maxTokens": 8 });
    sandbox.write("request.json", asked.to_string());
    // What was really asked for is met.
    sandbox.run(&["run", "--prompt", QUESTION, "--max-tokens", "8", "--receipt", "own.json"]).succeeded();
    sandbox.run(&["verify", "own.json", "--request", "request.json"]).succeeded();
    let ended = sandbox.run(&["verify", "r.json", "--request", "request.json"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.stdout.starts_with("invalid: request"), "{ended:?}");
}

#[test]
fn another_model_and_another_quantization() {
    let sandbox = Sandbox::new();
    let spec = ModelSpec::tiny();
    let model = sandbox.model("model.gguf", &spec);
    let other = sandbox.model("other.gguf", &ModelSpec { seed: 2, ..spec.clone() });
    let quantized = sandbox.model("quantized.gguf", &spec.clone().with_type(TensorType::Q4_0));
    let args = [
        "run",
        "--model",
        text(&model),
        "--prompt",
        "hello",
        "--raw",
        "--max-tokens",
        "12",
        "--receipt",
        "r.json",
    ];
    sandbox.run(&args).succeeded();
    sandbox.run(&["verify", "r.json", "--model", text(&model)]).succeeded();
    for path in [other, quantized] {
        let ended = sandbox.run(&["verify", "r.json", "--model", text(&path)]);
        assert_eq!(ended.status, 3, "{ended:?}");
        assert!(ended.stdout.starts_with("unverifiable: ") && ended.stdout.contains("model"), "{ended:?}");
    }
    // Without the model: not judged.
    let ended = sandbox.run(&["verify", "r.json"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(ended.stdout.starts_with("unverifiable: "), "{ended:?}");
}

#[test]
fn a_tolerant_check_of_another_profile() {
    let sandbox = Sandbox::new();
    let args =
        ["run", "--prompt", QUESTION, "--profile", "fast", "--max-tokens", "40", "--receipt", "r.json"];
    sandbox.run(&args).succeeded();
    let strict = sandbox.run(&["verify", "r.json"]);
    assert_eq!(strict.status, 3, "{strict:?}");
    let tolerant = sandbox.run(&["verify", "r.json", "--tolerant"]).succeeded();
    assert!(tolerant.stdout.starts_with("consistent"), "{tolerant:?}");
}
