//! Steps through the command: shown, disclosed one by one, and checked by somebody without the model.

mod common;

use common::Sandbox;

/// Three operations, and the answer.
const QUESTION: &str =
    "Ruth has 6 boxes. Each one holds 8 balls. Later, she drops 26 balls and cannot find them. \
                        She hands 2 balls to Vera. How many balls are left with Ruth?";
const LINES: [&str; 4] = ["6 * 8 = 48", "48 - 26 = 22", "22 - 2 = 20", "20"];

#[test]
fn a_step_is_disclosed_and_checked() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run", "--prompt", QUESTION, "--receipt", "r.json"]).succeeded();
    let signer = sandbox.read_json("r.json")["signer"].as_str().unwrap().to_owned();

    let shown = sandbox.run(&["steps", "r.json"]).succeeded();
    for (index, line) in LINES.iter().enumerate() {
        assert!(
            shown.stdout.contains(&format!("step {index} (")) && shown.stdout.contains(line),
            "{shown:?}"
        );
    }
    let json = sandbox.run(&["steps", "r.json", "--json"]).succeeded().json();
    assert_eq!(json["steps"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["steps"][3]["kind"], "answer");

    let proof = sandbox.run(&["steps", "prove", "r.json", "--step", "1"]).succeeded().stdout;
    sandbox.write("proof.json", &proof);
    sandbox.run(&["disclose", "r.json", "--steps", "1", "--out", "one.json"]).succeeded();
    assert_eq!(std::fs::read_to_string(sandbox.path("one.json")).unwrap(), proof);
    for hidden in [LINES[0], LINES[2], "Ruth", "balls", "nonce"] {
        assert!(!proof.contains(hidden), "{hidden}");
    }

    let verify = |file: &str, signer: &str| {
        sandbox.run(&["steps", "verify", file, "--expect-signer", signer, "--json"])
    };
    let report = verify("proof.json", &signer).succeeded().json();
    assert_eq!(report["verdict"]["name"], "verified");
    assert_eq!(report["steps"][0]["text"], "48 - 26 = 22\n");
    let text = sandbox.run(&["steps", "verify", "proof.json", "--expect-signer", &signer]).succeeded().stdout;
    assert!(text.starts_with("verified (the signer's claim: nothing was replayed)\n"), "{text}");

    // Another signer, one character, and a proof under another receipt.
    let other = verify("proof.json", &format!("0x{}", "11".repeat(20)));
    assert_eq!((other.status, other.json()["steps"].is_null()), (1, true));
    sandbox.write("edited.json", proof.replace(LINES[1], "48 - 26 = 23"));
    assert_eq!(verify("edited.json", &signer).status, 1);
    sandbox.run(&["run", "--prompt", QUESTION, "--receipt", "again.json"]).succeeded();
    let again = sandbox.run(&["steps", "prove", "again.json", "--step", "1"]).succeeded().stdout;
    let moved = again.split("\"stepProofs\"").nth(1).unwrap();
    sandbox.write(
        "moved.json",
        format!("{}\"stepProofs\"{moved}", proof.split("\"stepProofs\"").next().unwrap()),
    );
    assert_eq!(verify("moved.json", &signer).status, 1);

    // A redacted receipt cannot be replayed, and shows no more than it shows.
    assert_eq!(sandbox.run(&["verify", "one.json"]).status, 3);
    assert_eq!(
        sandbox.run(&["steps", "one.json", "--json"]).succeeded().json()["steps"].as_array().map(Vec::len),
        Some(1)
    );
    sandbox.run(&["inspect", "one.json"]).succeeded();
}

#[test]
fn markers_and_none() {
    let sandbox = Sandbox::new();
    let steps = |flags: &[&str]| {
        let mut args = vec!["run", "--prompt", QUESTION, "--receipt", "r.json"];
        args.extend(flags);
        sandbox.run(&args).succeeded();
        sandbox.run(&["verify", "r.json"]).succeeded();
        let disclosure = &sandbox.read_json("r.json")["disclosure"];
        (disclosure["sampler"]["segmenter"]["id"].clone(), disclosure["steps"].as_array().map(Vec::len))
    };
    assert_eq!(steps(&[]), (1.into(), Some(4)));
    assert_eq!(steps(&["--no-steps"]), (0.into(), Some(1)));
    assert_eq!(steps(&["--markers", "<think>", "20"]), (1.into(), Some(4)));
    assert_eq!(steps(&["--markers", "<other>", "</other>"]), (1.into(), Some(1)));
    let ended = sandbox.run(&["run", "--prompt", QUESTION, "--markers", "<think>", ""]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("steps: "), "{ended:?}");
}

#[test]
fn what_steps_refuse() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run", "--prompt", QUESTION, "--receipt", "r.json"]).succeeded();
    let refused = |args: &[&str], status: i32, says: &str| {
        let ended = sandbox.run(args);
        assert_eq!(ended.status, status, "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says) && ended.stderr.lines().count() == 1, "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
    };
    refused(&["steps"], 2, "<RECEIPT>");
    refused(&["steps", "none.json"], 2, "none.json");
    refused(&["steps", "prove", "r.json", "--step", "4"], 2, "below the count, 4");
    refused(&["steps", "prove", "r.json", "--step", "-1"], 2, "usage");
    refused(&["steps", "verify", "r.json"], 2, "--expect-signer");
    refused(&["steps", "verify", "r.json", "--expect-signer", "0x12"], 2, "expectSigner");
    refused(&["disclose", "r.json", "--steps", "0,9"], 2, "below the count, 4");
    refused(&["disclose", "r.json"], 2, "--steps");
    sandbox.run(&["disclose", "r.json", "--steps", "0,3,0", "--out", "two.json"]).succeeded();
    refused(&["disclose", "two.json", "--steps", "0"], 2, "disclosed");
    // Never over something that is no receipt.
    sandbox.write("precious.txt", "x");
    refused(&["disclose", "r.json", "--steps", "0", "--out", "precious.txt"], 2, "precious.txt");
}
