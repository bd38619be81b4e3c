//! Answer, sign, replay: the whole way through the command.

mod common;

use std::io::Read;
use std::process::Stdio;

use attestlm::kernels::Isa;
use attestlm::profile::Profile;
use common::{Ended, Sandbox, NONCE, PASSWORD, QUESTION};
use serde_json::Value;

/// A drawn answer with everything fixed that two receipts may differ in.
fn fixed<'a>(receipt: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "run",
        "--prompt",
        QUESTION,
        "--temperature",
        "0.8",
        "--top-k",
        "40",
        "--seed",
        "7",
        "--max-tokens",
        "48",
    ];
    args.extend(["--nonce", NONCE, "--issued-at", "1700000000", "--key", "key.json", "--receipt", receipt]);
    args.extend(extra);
    args
}

#[test]
fn an_answer_is_signed_and_verified() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["run", "--prompt", QUESTION, "--receipt", "r.json"]).succeeded();
    assert!(ended.stdout.ends_with('\n') && ended.stdout.len() > 1);
    assert_eq!(ended.stderr.lines().count(), 1);
    assert!(ended.stderr.contains("fresh key"), "{ended:?}");
    let verified = sandbox.run(&["verify", "r.json"]).succeeded();
    assert!(verified.stdout.starts_with("verified\n"), "{verified:?}");
    assert!(verified.stdout.contains("not compared"), "{verified:?}");
    let report = sandbox.run(&["verify", "r.json", "--json"]).succeeded().json();
    assert_eq!(report["verdict"]["name"], "verified");
    assert!(!report["notCompared"].as_array().unwrap().is_empty());
    sandbox.run(&["verify", "r.json", "--signature-only"]).succeeded();
    let shown = sandbox.run(&["inspect", "r.json"]).succeeded();
    assert!(shown.stdout.contains(ended.stderr.trim().rsplit(' ').next().unwrap()), "{shown:?}");
    sandbox.run(&["inspect", "r.json", "--json"]).succeeded().json();
    assert_eq!(sandbox.files(), ["r.json"]);
}

#[test]
fn one_request_gives_one_receipt() {
    let sandbox = Sandbox::new();
    let signer = sandbox.key("key.json");
    for (name, extra) in
        [("1.json", &["--threads", "1"][..]), ("2.json", &["--threads", "2"]), ("3.json", &[])]
    {
        sandbox.run_with_password(&fixed(name, extra), PASSWORD).succeeded();
    }
    let bytes = |name: &str| std::fs::read(sandbox.path(name)).unwrap();
    assert_eq!(bytes("1.json"), bytes("2.json"));
    assert_eq!(bytes("1.json"), bytes("3.json"));
    sandbox.run(&["verify", "1.json", "--expect-signer", &signer]).succeeded();
    // Another node, another key: nothing else differs.
    sandbox.key("other.json");
    let mut args = fixed("4.json", &[]);
    for arg in &mut args {
        if *arg == "key.json" {
            *arg = "other.json";
        }
    }
    sandbox.run_with_password(&args, PASSWORD).succeeded();
    let (mut a, mut b) = (sandbox.read_json("1.json"), sandbox.read_json("4.json"));
    assert_ne!(a["signer"], b["signer"]);
    for document in [&mut a, &mut b] {
        for field in ["signer", "signature"] {
            document.as_object_mut().unwrap().remove(field).unwrap();
        }
        document["message"].as_object_mut().unwrap().remove("signer").unwrap();
    }
    assert_eq!(a, b);
}

#[test]
fn as_json_standard_output_is_one_object() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["run", "--prompt", QUESTION, "--json"]).succeeded();
    let object = ended.json();
    assert!(object["text"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(!object["tokens"].as_array().unwrap().is_empty());
    sandbox.write("r.json", object["receipt"].to_string());
    sandbox.run(&["verify", "r.json"]).succeeded();
    let streamed = sandbox.run(&["run", "--prompt", QUESTION]).succeeded();
    assert_eq!(streamed.stdout.trim_end(), object["text"].as_str().unwrap().trim_end());
    assert_eq!(streamed.stderr, "");
}

#[test]
fn choices_have_a_receipt_each() {
    let sandbox = Sandbox::new();
    let ended = sandbox
        .run(
            &[
                "run",
                "--prompt",
                QUESTION,
                "--temperature",
                "1",
                "--seed",
                "1",
                "--choices",
                "3",
                "--max-tokens",
                "12",
            ]
            .iter()
            .chain(&["--receipt", "r.json"])
            .copied()
            .collect::<Vec<_>>(),
        )
        .succeeded();
    for i in 0..3 {
        assert!(ended.stdout.contains(&format!("--- answer {i} ---\n")), "{ended:?}");
    }
    assert_eq!(sandbox.files(), ["r.1.json", "r.2.json", "r.json"]);
    for name in sandbox.files() {
        sandbox.run(&["verify", &name]).succeeded();
    }
}

fn prompt(object: &Value) -> &Value {
    &object["receipt"]["disclosure"]["promptTokens"]
}

#[test]
fn messages_raw_text_and_tokens() {
    let sandbox = Sandbox::new();
    sandbox.write("m.json", format!(r#"[{{"role": "user", "content": "{QUESTION}"}}]"#));
    let tokens = |args: &[&str]| -> Value {
        let args = [&["run", "--max-tokens", "8", "--json"], args].concat();
        sandbox.run(&args).succeeded().json()
    };
    let by_messages = tokens(&["--messages", "m.json"]);
    let by_prompt = tokens(&["--prompt", QUESTION]);
    assert_eq!(prompt(&by_messages), prompt(&by_prompt));
    let list: Vec<String> = prompt(&by_prompt).as_array().unwrap().iter().map(ToString::to_string).collect();
    let by_tokens = tokens(&["--prompt-tokens", &list.join(",")]);
    assert_eq!(prompt(&by_tokens), prompt(&by_prompt));
    assert_eq!(by_tokens["tokens"], by_prompt["tokens"]);
    assert_ne!(*prompt(&tokens(&["--prompt", QUESTION, "--raw"])), *prompt(&by_prompt));
}

#[test]
fn seeds_made_by_a_rule() {
    let sandbox = Sandbox::new();
    let other = NONCE.replace("01", "02");
    sandbox.write("secret", format!("{other}\n"));
    let answer = |rule: &str, receipt: &str| {
        let args =
            ["run", "--prompt", QUESTION, "--temperature", "1", "--max-tokens", "16", "--context", NONCE];
        sandbox.run(&[&args[..], &["--seed-rule", rule, "--receipt", receipt]].concat()).succeeded();
        sandbox.run(&["verify", receipt]).succeeded();
        sandbox.read_json(receipt)["disclosure"].clone()
    };
    let commitment = format!("commitment:{NONCE}:@secret");
    let rule_1 = answer(&commitment, "1.json");
    assert_eq!(rule_1["sampler"]["seedRule"], 1);
    assert!(rule_1.to_string().contains(&other));
    let rule_2 = answer(&format!("beacon:{other}"), "2.json");
    assert_eq!(rule_2["sampler"]["seedRule"], 2);
    assert_ne!(rule_1["seed"], rule_2["seed"]);
}

#[test]
fn an_adapter_is_part_of_the_receipt() {
    let sandbox = Sandbox::new();
    let spec = attestlm_testkit::ModelSpec::tiny();
    let model = sandbox.model("model.gguf", &spec);
    let lora = sandbox.path("lora.gguf");
    attestlm_testkit::LoraSpec::default().to_gguf(&spec).write_to(&lora).unwrap();
    let (model, lora) = (common::text(&model), common::text(&lora));
    let args = ["--model", model, "--prompt", "once", "--raw", "--max-tokens", "12", "--json"];
    let plain = sandbox.run(&[&["run"], &args[..]].concat()).succeeded().json();
    let adapted = sandbox
        .run(&[&["run", "--adapter", lora, "--receipt", "r.json"], &args[..]].concat())
        .succeeded()
        .json();
    assert_ne!(plain["receipt"]["message"]["trace"], adapted["receipt"]["message"]["trace"]);
    assert_eq!(sandbox.run(&["verify", "r.json", "--model", model]).status, 3);
    sandbox.run(&["verify", "r.json", "--model", model, "--adapter", lora]).succeeded();
}

#[test]
fn a_schema_shapes_the_answer() {
    let sandbox = Sandbox::new();
    sandbox.write("schema.json", r#"{"enum": ["yes", "no"]}"#);
    let ended = sandbox
        .run(&["run", "--prompt", QUESTION, "--schema", "schema.json", "--receipt", "r.json"])
        .succeeded();
    assert!(["\"yes\"", "\"no\""].contains(&ended.stdout.trim()), "{ended:?}");
    sandbox.run(&["verify", "r.json"]).succeeded();
}

#[test]
fn a_receipt_for_a_contract() {
    let sandbox = Sandbox::new();
    let contract = "0x000000000000000000000000000000000000dead";
    let domain = format!("8453:{contract}");
    sandbox.run(&["run", "--prompt", QUESTION, "--domain", &domain, "--receipt", "r.json"]).succeeded();
    let domain = &sandbox.read_json("r.json")["domain"];
    assert_eq!(domain["verifyingContract"], contract);
    assert_eq!(domain["chainId"].to_string().trim_matches('"'), "8453");
    sandbox.run(&["verify", "r.json"]).succeeded();
}

#[test]
fn scores_are_of_the_given_text() {
    let sandbox = Sandbox::new();
    let ended = sandbox
        .run(&[
            "score",
            "--prompt",
            QUESTION,
            "--continuation",
            "7 + 6 = 13",
            "--json",
            "--receipt",
            "s.json",
        ])
        .succeeded();
    let object = ended.json();
    let tokens = object["tokens"].as_array().unwrap();
    assert!(!tokens.is_empty());
    assert!(tokens
        .iter()
        .all(|t| t["logprob"].as_f64().is_some_and(|l| l <= 0.0) && t["greedy"].is_boolean()));
    // Passed off as generated it is refused.
    let refused = sandbox.run(&["verify", "s.json"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stdout.starts_with("invalid: kind"), "{refused:?}");
    sandbox.run(&["verify", "s.json", "--scored"]).succeeded();
}

/// Starts an answer that would take long, and interrupts it once text comes.
#[cfg(unix)]
fn interrupted(sandbox: &Sandbox, args: &[&str]) -> Ended {
    let mut child = sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    Ended::from(child.wait_with_output().unwrap())
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_the_receipt_of_the_prefix() {
    let sandbox = Sandbox::new();
    // Thousands of tokens: seconds, of which the interrupt leaves a few hundredths.
    let spec = attestlm_testkit::ModelSpec { context: 16_384, ..attestlm_testkit::ModelSpec::tiny() };
    let model = sandbox.model("model.gguf", &spec);
    let mut args = vec!["run", "--model", common::text(&model), "--prompt", "once", "--raw", "--ignore-eog"];
    args.extend(["--context-tokens", "16384", "--max-tokens", "16000", "--receipt", "r.json"]);
    let ended = interrupted(&sandbox, &args);
    assert_eq!(ended.status, 130, "{ended:?}");
    assert!(ended.stderr.contains("cancelled"), "{ended:?}");
    assert_eq!(sandbox.files(), ["model.gguf", "r.json"]);
    assert_eq!(sandbox.read_json("r.json")["message"]["finish"].to_string().trim_matches('"'), "5");
    let verify = |extra: &[&str]| {
        sandbox.run(&[&["verify", "r.json", "--model", common::text(&model)], extra].concat())
    };
    let refused = verify(&[]);
    assert_eq!(refused.status, 1, "{refused:?}");
    let verified = verify(&["--allow-prefix"]).succeeded();
    assert!(verified.stdout.starts_with("verified (prefix only)"), "{verified:?}");
}

/// Two answers more than are decoded together: those wait, and are cancelled before their first token.
#[cfg(unix)]
#[test]
fn an_interrupt_writes_nothing_for_answers_that_never_began() {
    let sandbox = Sandbox::new();
    let spec = attestlm_testkit::ModelSpec { context: 4096, ..attestlm_testkit::ModelSpec::tiny() };
    let model = sandbox.model("model.gguf", &spec);
    let mut args = vec!["run", "--model", common::text(&model), "--prompt", "once", "--raw", "--ignore-eog"];
    args.extend([
        "--context-tokens",
        "4096",
        "--max-tokens",
        "4000",
        "--temperature",
        "1",
        "--choices",
        "10",
    ]);
    let ended = interrupted(&sandbox, &[&args[..], &["--receipt", "r.json"]].concat());
    assert_eq!(ended.status, 130, "{ended:?}");
    assert!(!ended.stdout.contains("--- answer 8 ---"), "{ended:?}");
    let receipts: Vec<_> = sandbox.files().into_iter().filter(|name| name.ends_with("json")).collect();
    assert!(receipts.contains(&"r.json".to_owned()) && receipts.len() <= 8, "{receipts:?}");
    for name in receipts {
        assert_ne!(sandbox.read_json(&name)["message"]["outputCount"].to_string().trim_matches('"'), "0");
        sandbox.run(&["verify", &name, "--model", common::text(&model), "--allow-prefix"]).succeeded();
    }
}

#[cfg(unix)]
#[test]
fn a_closed_reader_is_no_crash() {
    let sandbox = Sandbox::new();
    for args in [
        &["run", "--prompt", QUESTION, "--receipt", "r.json"][..],
        &["run", "--prompt", QUESTION],
        &["profile"],
    ] {
        let mut child = sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("internal"), "{ended:?}");
    }
    // Whoever asked for the receipt gets it whole.
    sandbox.run(&["verify", "r.json"]).succeeded();
}

fn text_of(sandbox: &Sandbox, receipt: &str) -> String {
    std::fs::read_to_string(sandbox.path(receipt)).unwrap()
}

#[test]
fn every_set_of_kernels_gives_the_same_receipt() {
    let sandbox = Sandbox::new();
    sandbox.key("key.json");
    let sets = Isa::ALL.into_iter().filter(|isa| isa.is_here()).map(Isa::name);
    let made: Vec<String> = sets
        .map(|set| {
            let name = format!("{set}.json");
            let args = fixed(&name, &[]);
            let mut command = sandbox.command(&args);
            command.env("ATTESTLM_PASSWORD", PASSWORD).env("ATTESTLM_ISA", set);
            Ended::from(command.output().unwrap()).succeeded();
            // By whichever set is the fastest here, without being told the profile.
            sandbox.run(&["verify", &name]).succeeded();
            text_of(&sandbox, &name)
        })
        .collect();
    assert!(made.len() > 1 && made.iter().all(|bytes| *bytes == made[0]));
    sandbox.run_with_password(&fixed("named.json", &["--profile", "exact-2"]), PASSWORD).succeeded();
    assert_eq!(text_of(&sandbox, "named.json"), made[0], "what the model has needs no naming");
    sandbox.run_with_password(&fixed("exact-1.json", &["--profile", "exact-1"]), PASSWORD).succeeded();
    assert_ne!(text_of(&sandbox, "exact-1.json"), made[0]);
    sandbox.run(&["verify", "exact-1.json"]).succeeded();
    let ended = Ended::from(sandbox.command(&["profile"]).env("ATTESTLM_ISA", "mmx").output().unwrap());
    assert_eq!(
        ended.stderr.trim(),
        "attestlm: ATTESTLM_ISA: it must be `scalar`, `neon`, `avx2` or `avx512`"
    );
}

#[test]
fn a_model_without_kernels_has_the_other_exact_profile() {
    let sandbox = Sandbox::new();
    let spec = attestlm_testkit::ModelSpec::tiny().with_type(attestlm_testkit::TensorType::Q2_K);
    let model = sandbox.model("part.gguf", &spec);
    let model = common::text(&model);
    let asked = ["run", "--model", model, "--prompt", "7", "--max-tokens", "4", "--receipt"];
    sandbox.run(&[&asked[..], &["r.json"]].concat()).succeeded();
    assert!(text_of(&sandbox, "r.json").contains("/exact-1/"));
    let hashes = Profile::EXACT.map(|profile| attestlm::hex::encode(&profile.hash()));
    let verify = |profile| sandbox.run(&["verify", "r.json", "--model", model, "--expect-profile", profile]);
    verify("exact").succeeded();
    verify("exact-1").succeeded();
    let refused = verify("exact-2");
    let ids = Profile::EXACT.map(Profile::id);
    let why = format!("profile: {} was expected, the receipt has {}", ids[0], ids[1]);
    assert!(refused.status == 1 && refused.stdout.contains(&why), "{refused:?}");
    verify(&hashes[1]).succeeded();
    let refused = verify(&hashes[0]);
    assert!(refused.status == 1 && refused.stdout.contains("profile: 0x"), "{refused:?}");
    let answered = sandbox.run(&[&asked[..asked.len() - 1], &["--json", "--profile", "exact-2"]].concat());
    let answer = answered.succeeded().json();
    assert!(
        answer["receipt"].is_null() && answer["receiptError"]["message"].as_str().unwrap().contains("Q2_K"),
        "{answer}"
    );
    let refused = sandbox.run(&[&asked[..], &["s.json", "--profile", "exact-2"]].concat());
    assert!(refused.status == 3 && refused.stderr.contains("Q2_K"), "{refused:?}");
    let scored = sandbox.run(&[
        "score",
        "--model",
        model,
        "--prompt",
        "7",
        "--continuation",
        "8",
        "--profile",
        "exact-2",
    ]);
    assert!(scored.status == 0 && scored.stderr.contains("stock kernels"), "{scored:?}");
}

#[test]
fn the_operations_of_a_model_are_listed() {
    use attestlm_testkit::{ModelSpec, TensorType};
    let sandbox = Sandbox::new();
    let whole = sandbox.model("whole.gguf", &ModelSpec::tiny());
    let listed = sandbox.run(&["profile", "--ops", common::text(&whole), "--json"]).succeeded().json();
    assert_eq!(listed["exact2"], true, "{listed}");
    let operations = listed["operations"].as_array().unwrap();
    let named =
        |name: &str| operations.iter().find(|op| op["name"] == name).unwrap_or_else(|| panic!("{name}"));
    assert_eq!(named("FLASH_ATTN_EXT")["outside"], serde_json::Value::Null);
    let part = sandbox.model("part.gguf", &ModelSpec::tiny().with_type(TensorType::Q2_K));
    let listed = sandbox.run(&["profile", "--ops", common::text(&part)]);
    assert_eq!(listed.status, 3, "{listed:?}");
    assert!(listed.stdout.contains("no kernel for this type of weights"), "{listed:?}");
    assert!(listed.stdout.ends_with("this model runs under exact-1 only\n"), "{listed:?}");
}

#[test]
fn keys_models_and_profiles_describe_themselves() {
    let sandbox = Sandbox::new();
    let address = sandbox.key("key.json");
    let shown = sandbox.run_with_password(&["key", "address", "key.json", "--json"], PASSWORD).succeeded();
    assert_eq!(shown.json()["address"], address.as_str());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(sandbox.path("key.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let info = sandbox.run(&["model", "info", "--json"]).succeeded().json();
    assert_eq!(info["architecture"], "llama");
    let check = sandbox.run(&["model", "check", "--json"]).succeeded().json();
    assert_eq!(check["attestable"], serde_json::json!({ "exact-1": null, "exact-2": null, "fast": null }));
    let shown = sandbox.run(&["model", "check"]).succeeded();
    assert!(shown.stdout.contains("attested, exact-1  yes"), "{shown:?}");
    assert_eq!(check["sha256"], info["sha256"]);
    let path = sandbox.model("tiny.gguf", &attestlm_testkit::ModelSpec::tiny());
    let info = sandbox.run(&["model", "info", common::text(&path)]).succeeded();
    assert!(info.stdout.contains("Q8_0"), "{info:?}");
    let profile = sandbox.run(&["profile", "--json"]).succeeded().json();
    assert_eq!(profile["knownAnswerTest"], "passed");
    assert!(profile["profiles"][0]["id"].as_str().unwrap().contains("/exact-1/"));
}
