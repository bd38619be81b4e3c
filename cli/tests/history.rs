//! Receipts that follow one another, and a folder of them made ready for its anchor.

mod common;

use attestlm::anchor;
use attestlm::hex;
use common::Sandbox;
use serde_json::Value;

/// Three receipts, each after the one before.
fn three(sandbox: &Sandbox) {
    let run = |after: &[&str], receipt: &str| {
        let asked = ["run", "--prompt", "Tom has 2 apples.", "--max-tokens", "4", "--receipt", receipt];
        sandbox.run(&[&asked[..], after].concat()).succeeded();
    };
    run(&[], "1.json");
    run(&["--after", "1.json"], "2.json");
    run(&["--after", "2.json"], "3.json");
}

#[test]
fn a_history_is_verified_in_its_order() {
    let sandbox = Sandbox::new();
    three(&sandbox);
    let whole = sandbox.run(&["verify", "--chain", "1.json", "2.json", "3.json"]).succeeded().stdout;
    assert!(
        whole.starts_with("1.json: verified\n2.json: verified\n3.json: verified\nverified: 3 receipts"),
        "{whole}"
    );
    assert!(!whole.contains("the receipt before the first"), "{whole}");
    let signed = ["verify", "--signature-only", "--chain"];
    let one = sandbox.run(&[&signed[..], &["2.json", "3.json"]].concat()).succeeded().stdout;
    assert!(one.contains("each after the one before (signature only)"), "{one}");
    assert!(one.contains("not compared: the receipt before the first"), "{one}");

    // Redacted receipts keep their places.
    sandbox.run(&["disclose", "2.json", "--steps", "0", "--out", "shown.json"]).succeeded();
    sandbox.run(&[&signed[..], &["1.json", "shown.json", "3.json"]].concat()).succeeded();

    for (order, broken, what) in [
        (&["2.json", "1.json"][..], 2, "context: "),
        (&["1.json", "3.json"], 2, "it follows another receipt"),
        (&["1.json", "2.json", "2.json", "3.json"], 3, "it follows another receipt"),
    ] {
        let judged = sandbox.run(&[&signed[..], order].concat());
        assert_eq!(judged.status, 1);
        let last = format!("invalid at receipt {broken} of {}\n", order.len());
        assert!(judged.stdout.contains(&last) && judged.stdout.contains(what), "{judged:?}");
    }

    // What is after a receipt that does not stand is not judged.
    let edited =
        std::fs::read_to_string(sandbox.path("2.json")).unwrap().replace("\"stream\": 0", "\"stream\": 1");
    sandbox.write("edited.json", edited);
    sandbox.write("junk.json", "{");
    for (second, verdict) in [("edited.json", "invalid"), ("junk.json", "invalid")] {
        let judged = sandbox.run(&[&signed[..], &["1.json", second, "3.json", "--json"]].concat());
        let report = judged.json();
        assert_eq!((judged.status, &report["verdict"]), (1, &Value::from(verdict)));
        assert_eq!(
            (&report["given"], report["receipts"].as_array().map(Vec::len)),
            (&Value::from(3), Some(2))
        );
        assert_eq!(report["receipts"][1]["file"], second);
    }
    for wrong in [&["verify", "1.json", "2.json"][..], &["verify"], &["verify", "--chain"]] {
        assert_eq!(sandbox.run(wrong).status, 2, "{wrong:?}");
    }
    let missing = sandbox.run(&["verify", "--chain", "1.json", "absent.json"]);
    assert!(missing.status == 2 && missing.stderr.contains("absent.json"), "{missing:?}");
    let both = ["run", "--prompt", "x", "--after", "1.json", "--context", "0x00"];
    assert_eq!(sandbox.run(&both).status, 2);
    assert_eq!(sandbox.run(&["run", "--prompt", "x", "--after", "junk.json"]).status, 2);
}

#[test]
fn a_history_of_a_job() {
    let sandbox = Sandbox::new();
    let (contract, job) = (format!("0x{}", "11".repeat(20)), format!("0x{}", "07".repeat(32)));
    let run = ["run", "--prompt", "x", "--max-tokens", "2", "--receipt"];
    let context = format!("1337:{contract}:{job}");
    sandbox.run(&[&run[..], &["1.json", "--context", &context]].concat()).succeeded();
    sandbox.run(&[&run[..], &["2.json", "--after", "1.json"]].concat()).succeeded();
    let inputs = sandbox.read_json("2.json")["disclosure"]["contextInputs"].clone();
    assert_eq!(inputs["jobId"], job);
    assert_eq!((inputs["chainId"].as_u64(), &inputs["contract"]), (Some(1337), &Value::from(contract)));
    sandbox.run(&["verify", "--chain", "1.json", "2.json"]).succeeded();
    for wrong in ["1337:0x11", "x:y:z", "1337:0x12:0x34"] {
        sandbox.run(&[&run[..], &["3.json", "--context", wrong]].concat()).refused(2, &["context"]);
    }
}

#[test]
fn what_does_not_stand_is_not_followed() {
    let sandbox = Sandbox::new();
    let job = format!("0x{}", "07".repeat(32));
    let run = ["run", "--prompt", "x", "--max-tokens", "2", "--receipt"];
    sandbox.run(&[&run[..], &["1.json", "--context", &job]].concat()).succeeded();
    let follow = |previous: &str| sandbox.run(&[&run[..], &["o.json", "--after", previous]].concat());
    let refused = follow("1.json");
    assert!(refused.status == 1 || refused.status == 2, "{refused:?}");
    assert!(
        refused.stderr.contains("after: ") && refused.stderr.contains("does not disclose"),
        "{refused:?}"
    );

    sandbox.run(&[&run[..], &["2.json"]].concat()).succeeded();
    let whole = std::fs::read_to_string(sandbox.path("2.json")).unwrap();
    let signature = sandbox.read_json("2.json")["signature"].as_str().unwrap().to_owned();
    let forged = whole.replace(&signature, &format!("0x{}1b", "11".repeat(64)));
    sandbox.write("forged.json", &forged);
    let edited = whole.replace("\"finish\": 2", "\"finish\": 0");
    sandbox.write("edited.json", &edited);
    for previous in ["forged.json", "edited.json"] {
        let refused = follow(previous);
        assert!(refused.status != 0 && refused.stderr.contains("after: "), "{refused:?}");
        // Nor are its steps shown to anybody.
        for command in [
            &["steps", previous][..],
            &["disclose", previous, "--steps", "0"],
            &["steps", "prove", previous, "--step", "0"],
        ] {
            assert_ne!(sandbox.run(command).status, 0, "{command:?}");
        }
    }
    assert!(!sandbox.path("o.json").exists());

    // What discloses everything is not replaced by what discloses little.
    let lost = sandbox.run(&["disclose", "2.json", "--steps", "0", "--out", "2.json"]);
    assert!(lost.status == 2 && lost.stderr.contains("never overwritten"), "{lost:?}");
    assert_eq!(std::fs::read_to_string(sandbox.path("2.json")).unwrap(), whole);
}

#[test]
fn a_folder_of_receipts_has_one_root() {
    let sandbox = Sandbox::new();
    three(&sandbox);
    std::fs::create_dir(sandbox.path("batch")).unwrap();
    for name in ["1.json", "2.json", "3.json"] {
        std::fs::copy(sandbox.path(name), sandbox.path("batch").join(name)).unwrap();
    }
    std::fs::copy(sandbox.path("1.json"), sandbox.path("batch/again.json")).unwrap();
    sandbox.write("batch/notes.txt", "not a receipt");
    let batch = sandbox.run(&["anchor", "prepare", "batch"]).succeeded().json();
    let receipts = batch["receipts"].as_array().unwrap();
    let files: Vec<&str> = receipts.iter().map(|receipt| receipt["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["1.json", "2.json", "3.json", "again.json"]);
    assert_eq!(receipts[0]["digest"], receipts[3]["digest"]);
    let word = |value: &Value| hex::decode_array::<32>("word", value.as_str().unwrap()).unwrap();
    let root = word(&batch["root"]);
    for receipt in receipts {
        let proof: Vec<[u8; 32]> = receipt["proof"].as_array().unwrap().iter().map(word).collect();
        assert!(anchor::check(&root, &word(&receipt["digest"]), &proof));
        let inspected =
            sandbox.run(&["inspect", &format!("batch/{}", receipt["file"].as_str().unwrap()), "--json"]);
        assert_eq!(inspected.succeeded().json()["digest"], receipt["digest"]);
    }
    let prepare = ["anchor", "prepare", "batch", "--out", "anchor.json"];
    sandbox.run(&prepare).succeeded();
    assert_eq!(sandbox.read_json("anchor.json"), batch);
    let again = sandbox.run(&prepare);
    assert!(again.status == 2 && again.stderr.contains("never overwritten"), "{again:?}");

    // One receipt that is none, or does not stand, and nothing is written.
    let edited =
        std::fs::read_to_string(sandbox.path("3.json")).unwrap().replace("\"finish\": 2", "\"finish\": 0");
    for (content, why) in [("{}".to_owned(), "types"), (edited, "signature")] {
        sandbox.write("batch/bad.json", content);
        let refused = sandbox.run(&["anchor", "prepare", "batch", "--out", "other.json"]);
        assert!(
            refused.status == 2 && refused.stderr.contains("bad.json") && refused.stderr.contains(why),
            "{refused:?}"
        );
        assert!(!sandbox.path("other.json").exists());
    }
    std::fs::remove_file(sandbox.path("batch/bad.json")).unwrap();
    let inside = sandbox.run(&["anchor", "prepare", "batch", "--out", "batch/anchor.json"]);
    assert!(inside.status == 2 && inside.stderr.contains("must not be a file of the folder"), "{inside:?}");
    // Nothing waits for what a pipe may bring.
    assert!(std::process::Command::new("mkfifo")
        .arg(sandbox.path("batch/pipe.json"))
        .status()
        .unwrap()
        .success());
    let pipe = sandbox.run(&["anchor", "prepare", "batch"]);
    assert!(pipe.status == 2 && pipe.stderr.contains("not a regular file"), "{pipe:?}");
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    for (folder, why) in [("empty", "no file named *.json"), ("absent", "absent"), ("1.json", "1.json")] {
        let refused = sandbox.run(&["anchor", "prepare", folder]);
        assert!(refused.status == 2 && refused.stderr.contains(why), "{refused:?}");
    }
}
