//! The receipt against `vectors/`, whose expectations come from another implementation of the
//! specification, `vectors/tools/receipt_reference.py`, and whose signatures eth_account makes
//! bit for bit.

#[path = "common/vectors.rs"]
mod vectors;

use attestlm::commitment::{self, ContextInputs, Salts, SeedRuleInputs};
use attestlm::receipt::{check_commitments, sampler_record, Document, Finish, Kind, Receipt};
use attestlm::steps::{self, Step, StepKind, StepProof};
use attestlm::trace::{self, Trace, TraceLeaf, TraceProof};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify_signature, Expectations};
use attestlm::{abi, hex, json};
use serde_json::Value;

/// Name and content of every case in a folder.
fn cases(folder: &str) -> Vec<(String, Value)> {
    let limits = json::Limits { max_bytes: 1 << 20, max_depth: 32, max_values: 10_000 };
    vectors::files(folder)
        .into_iter()
        .map(|(name, text)| (name, json::parse("vector", &text, limits).unwrap()))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

fn word(value: &Value) -> [u8; 32] {
    hex::decode_array("word", text(value)).unwrap()
}

fn uint32(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn list<T>(value: &Value, read: fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(read).collect()
}

#[test]
fn receipts() {
    let cases = cases("receipts");
    assert!(cases.len() >= 10, "only {} receipts", cases.len());
    let mut opened = 0;
    for (name, case) in &cases {
        let expect = &case["expect"];
        let document = Document::parse(case["document"].to_string().as_bytes()).unwrap();
        let receipt = &document.receipt;
        receipt.check_form().unwrap();
        assert_eq!(document.domain.separator(), word(&expect["domainSeparator"]), "{name}");
        assert_eq!(receipt.struct_hash(), word(&expect["structHash"]), "{name}");
        assert_eq!(document.digest(), word(&expect["digest"]), "{name}");
        assert_eq!(hex::encode(&receipt.abi_encode()), text(&expect["abi"]), "{name}");
        assert_eq!(hex::encode(&receipt.packed()), text(&expect["packed"]), "{name}");
        assert_eq!(Receipt::from_abi(&receipt.abi_encode()).unwrap(), *receipt, "{name}");
        let printed = document.to_json().unwrap();
        assert_eq!(abi::keccak256(printed.as_bytes()), word(&expect["documentKeccak"]), "{name}");
        assert_eq!(Document::parse(printed.as_bytes()).unwrap(), document, "{name}");

        let signer = document.recover().unwrap();
        assert_eq!(hex::encode(&signer), text(&expect["signer"]), "{name}");
        assert_eq!(signer, receipt.signer, "{name}");
        let mut altered = *receipt;
        altered.issued_at ^= 1;
        let other = Document { receipt: altered, ..document.clone() }.recover();
        assert_ne!(other.ok(), Some(signer), "{name}");

        if let Some(disclosure) = &document.disclosure {
            let compared = check_commitments(receipt, disclosure).unwrap();
            if !name.starts_with("redacted") {
                // Some receipts are for a job of which only the hash is known.
                let hidden = receipt.context != abi::ZERO && disclosure.context_inputs.is_none();
                let open: &[&str] = if hidden { &["trace", "context"] } else { &["trace"] };
                assert_eq!(compared.not_compared, open, "{name}");
                opened += 1;
            }
        }
    }
    assert!(opened >= 10, "only {opened} receipts with everything disclosed");
}

/// Documents that are refused, each for one reason: where, and by which field.
#[test]
fn refusals() {
    let cases = cases("refused");
    assert!(cases.len() >= 100, "only {} refusals", cases.len());
    for (name, case) in &cases {
        let (step, field) = refusal(text(&case["text"]).as_bytes());
        assert_eq!(step, text(&case["step"]), "{name}: {field}");
        if matches!(step, "commitments" | "unverifiable") {
            assert_eq!(field, text(&case["field"]), "{name}");
        }
    }
}

fn refusal(document: &[u8]) -> (&'static str, String) {
    let document = match Document::parse(document).and_then(|d| d.receipt.check_form().map(|()| d)) {
        Ok(document) => document,
        Err(error) => return ("read", error.to_string()),
    };
    if document.recover().ok() != Some(document.receipt.signer) {
        return ("signature", String::new());
    }
    match document.disclosure.as_ref().map(|disclosure| check_commitments(&document.receipt, disclosure)) {
        Some(Err(mismatch)) => ("commitments", mismatch.field.to_owned()),
        Some(Ok(compared)) if !compared.unknown.is_empty() => {
            let report = verify_signature(
                &document,
                &Expectations { scored: document.receipt.kind == Kind::Scored, ..Expectations::default() },
            );
            let Verdict::Unverifiable { why } = report.verdict else { panic!("{:?}", report.verdict) };
            ("unverifiable", why.split(['.', ':']).next().unwrap_or_default().to_owned())
        }
        _ => ("none", String::new()),
    }
}

#[test]
fn proofs() {
    let cases = cases("merkle");
    let (mut valid, mut invalid) = (0, 0);
    for (name, case) in &cases {
        let claimed = &case["receipt"];
        let root = word(&claimed["root"]);
        let receipt = Receipt {
            kind: Kind::try_from(u8::try_from(uint32(&claimed["kind"])).unwrap()).unwrap(),
            output_count: uint32(&claimed["outputCount"]),
            trace: root,
            steps: root,
            ..blank()
        };
        let proof = case["proof"].to_string();
        let verified = match text(&case["tree"]) {
            "trace" => TraceProof::parse(proof.as_bytes()).and_then(|proof| {
                assert_eq!(TraceProof::parse(proof.to_json().unwrap().as_bytes()).unwrap(), proof);
                proof.verify(&receipt)
            }),
            "steps" => {
                let proof = StepProof::parse(proof.as_bytes()).unwrap();
                assert_eq!(StepProof::parse(proof.to_json().unwrap().as_bytes()).unwrap(), proof);
                proof.verify(&receipt)
            }
            other => panic!("{name}: unknown tree {other}"),
        };
        assert_eq!(verified.is_ok(), case["valid"].as_bool().unwrap(), "{name}: {verified:?}");
        if verified.is_ok() {
            valid += 1;
        } else {
            invalid += 1;
        }
    }
    assert!(valid >= 10 && invalid >= 10, "only {valid} valid and {invalid} invalid proofs");
}

/// Proofs look at kind, output count and root alone.
fn blank() -> Receipt {
    Receipt {
        kind: Kind::Generated,
        model: [0; 32],
        adapter: [0; 32],
        profile: [0; 32],
        sampler: [0; 32],
        seed: [0; 32],
        request: [0; 32],
        prompt: [0; 32],
        output: [0; 32],
        trace: [0; 32],
        steps: [0; 32],
        prompt_count: 1,
        output_count: 0,
        finish: Finish::MaxTokens,
        issued_at: 0,
        context: [0; 32],
        signer: [0; 20],
    }
}

#[test]
fn commitments() {
    let cases = cases("commitments");
    assert!(cases.len() >= 20, "only {} commitments", cases.len());
    for (name, case) in &cases {
        let expect = &case["expect"];
        match text(&case["kind"]) {
            "salts" => {
                let salts = Salts::derive(&word(&case["nonce"]), uint32(&case["stream"])).unwrap();
                for (part, salt) in [
                    ("request", salts.request),
                    ("prompt", salts.prompt),
                    ("output", salts.output),
                    ("trace", salts.trace),
                    ("steps", salts.steps),
                    ("seed", salts.seed),
                ] {
                    assert_eq!(salt, word(&expect[part]), "{name}: {part}");
                }
            }
            "tokens" => {
                let (salt, tokens) = (word(&case["salt"]), list(&case["tokens"], uint32));
                assert_eq!(commitment::prompt(&salt, &tokens), word(&expect["prompt"]), "{name}");
                assert_eq!(commitment::output(&salt, &tokens), word(&expect["output"]), "{name}");
            }
            "bytes" => {
                let bytes = hex::decode("bytes", text(&case["bytes"])).unwrap();
                assert_eq!(
                    commitment::request(&word(&case["salt"]), &bytes),
                    word(&expect["request"]),
                    "{name}"
                );
            }
            "seed" => seed(name, case),
            "context" => {
                let inputs = ContextInputs {
                    chain_id: text(&case["chainId"]).parse().unwrap(),
                    contract: hex::decode_array("contract", text(&case["contract"])).unwrap(),
                    job_id: word(&case["jobId"]),
                    previous_digest: word(&case["previousDigest"]),
                };
                assert_eq!(inputs.hash(), word(expect), "{name}");
            }
            "item" => {
                let item = commitment::item_nonce(&word(&case["nonce"]), case["item"].as_u64().unwrap());
                assert_eq!(item.unwrap(), word(expect), "{name}");
            }
            "sampler" => {
                let record = sampler_record::from_json("record", case["record"].clone()).unwrap();
                assert_eq!(sampler_record::hash(&record), word(expect), "{name}");
            }
            "canonical" => {
                let canonical = json::canonicalize(&case["value"]).unwrap();
                assert_eq!(std::str::from_utf8(&canonical).unwrap(), text(&expect["text"]), "{name}");
                assert_eq!(abi::keccak256(&canonical), word(&expect["keccak"]), "{name}");
            }
            "logits" => {
                let logits = list(&case["logits"], |value| {
                    f32::from_bits(u32::from_str_radix(&text(value)[2..], 16).unwrap())
                });
                assert_eq!(trace::logits_digest(&logits), word(expect), "{name}");
            }
            "trace" => {
                let (tokens, digests) = (list(&case["tokens"], uint32), list(&case["digests"], word));
                let leaves =
                    tokens.into_iter().zip(digests).map(|(token, digest)| TraceLeaf { token, digest });
                let trace = Trace::new(word(&case["salt"]), leaves.collect()).unwrap();
                assert_eq!(trace.root(), word(expect), "{name}");
            }
            "steps" => {
                let steps = list(&case["steps"], step);
                let end = steps.last().unwrap().end_token;
                steps::check_tiling(&steps, end).unwrap();
                assert_eq!(steps::root(&word(&case["salt"]), &steps).unwrap(), word(expect), "{name}");
            }
            other => panic!("{name}: unknown kind {other}"),
        }
    }
}

fn seed(name: &str, case: &Value) {
    let (expect, inputs) = (&case["expect"], &case["inputs"]);
    let inputs = match inputs["rule"].as_u64() {
        None => SeedRuleInputs::Given,
        Some(1) => SeedRuleInputs::Commitment {
            client_entropy: word(&inputs["clientEntropy"]),
            provider_secret: word(&inputs["providerSecret"]),
        },
        Some(_) => {
            SeedRuleInputs::Beacon { context: word(&inputs["context"]), beacon: word(&inputs["beacon"]) }
        }
    };
    let seed = word(&case["seed"]);
    assert_eq!(inputs.seed().unwrap_or(seed), word(&expect["seed"]), "{name}");
    assert_eq!(inputs.hash(), word(&expect["inputsHash"]), "{name}");
    let commitment = commitment::seed(&word(&case["salt"]), &seed, uint32(&case["stream"]), &inputs);
    assert_eq!(commitment, word(&expect["commitment"]), "{name}");
    if let SeedRuleInputs::Commitment { provider_secret, .. } = &inputs {
        let signer: [u8; 20] = hex::decode_array("signer", text(&case["signer"])).unwrap();
        let published = commitment::provider_commitment(&signer, provider_secret);
        assert_eq!(published, word(&expect["providerCommitment"]), "{name}");
    }
}

fn step(value: &Value) -> Step {
    Step {
        index: uint32(&value["index"]),
        kind: StepKind::try_from(value["kind"].as_u64().unwrap()).unwrap(),
        first_token: uint32(&value["firstToken"]),
        end_token: uint32(&value["endToken"]),
        text: match value["textHex"].as_str() {
            Some(digits) => hex::decode("textHex", digits).unwrap(),
            None => text(&value["text"]).as_bytes().to_vec(),
        },
    }
}
