//! What must stand.

use attestlm::profile::Profile;
use attestlm::receipt::{Finish, Kind};
use attestlm::request::Request;
use attestlm::signer::Signer;
use attestlm::verdict::Verdict;
use attestlm::verify::{distances, verify_signature, Expectations};
use serde_json::json;

use crate::common;
use crate::forger::*;

#[test]
fn honest_receipts_stand() {
    let contract = json!({ "chainId": 8453, "verifyingContract": format!("0x{}", "ab".repeat(20)) });
    let context = format!("0x{}", "c0".repeat(32));
    let word = |byte: &str| format!("0x{}", byte.repeat(32));
    let requests = [
        json!({ "maxTokens": 12 }),
        json!({ "maxTokens": 12, "temperature": 0.7, "topK": 20, "topP": 0.9, "minP": 0.02 }),
        json!({ "maxTokens": 12, "temperature": 1.5, "choices": 3 }),
        json!({ "maxTokens": 12, "temperature": 1, "repeatPenalty": 1.2, "presencePenalty": 0.5,
                "frequencyPenalty": 0.25, "penaltyWindow": 8, "bans": [5, 9], "logitBias": { "70": -2 } }),
        json!({ "maxTokens": 200, "temperature": 1, "stop": ["a", "e"] }),
        json!({ "maxTokens": 50, "temperature": 1, "grammar": "root ::= \"yes\" | \"no\" [a-z]{3}" }),
        json!({ "maxTokens": 50, "temperature": 1, "schema": { "enum": ["left", "right"] } }),
        json!({ "maxTokens": 200, "contextTokens": 80, "ignoreEog": true }),
        json!({ "maxTokens": 6, "temperature": 1, "seed": null, "seedRule": 1, "clientEntropy": word("01"),
                "providerSecret": word("02") }),
        json!({ "maxTokens": 6, "temperature": 1, "seed": null, "seedRule": 2, "beacon": word("03"),
                "context": context }),
        json!({ "maxTokens": 6, "domain": contract, "context": context }),
        json!({ "maxTokens": 6, "prompt": "once upon a time" }),
        json!({ "maxTokens": 6, "promptTokens": [1, 2, 3, 319, 0] }),
        json!({ "maxTokens": 6, "date": "2024-02-29", "tools": [{ "name": "add", "cost": 1.5 }] }),
    ];
    let mut finishes = Vec::new();
    for fields in requests {
        let request = request(fields);
        for answer in common::answers(&mut session_of(model()), &request) {
            let document = common::document(&answer);
            finishes.push(answer.finish);
            let whole = report(document, &asked(request.clone()), &with(model()));
            assert_eq!(whole.verdict, VERIFIED, "{request:?} {whole:?}");
            assert!(whole.compared.iter().any(|c| c == "expected request"));
            // The same weights in other bytes of memory, and another ending of the file's life.
            assert_eq!(check(document), VERIFIED);
            assert!(distances(document, &with(model())).unwrap().iter().all(|d| *d == 0.0));
        }
    }
    for finish in [Finish::MaxTokens, Finish::StopString, Finish::GrammarEnd, Finish::ContextFull] {
        assert!(finishes.contains(&finish), "{finish:?} is not among {finishes:?}");
    }
    assert_eq!(check(&ended()), VERIFIED);
}

#[test]
fn a_report_lists_what_was_not_compared() {
    let document = hot();
    let bare = report(&document, &Expectations::default(), &with(model()));
    assert_eq!(bare.verdict, VERIFIED);
    assert_eq!(
        bare.not_compared,
        [
            "expected model (none given)",
            "expected adapter (none given)",
            "expected profile (none given)",
            "expected sampler (none given)",
            "expected context (none given)",
            "expected signer (none given)",
            "expected finish (none given)",
            "expected domain (none given)",
            "expected issuedAt (none given)",
            "expected seed (none given)",
            "expected nonce (none given)",
            "expected request (none given): a hidden system prompt would not show",
        ]
    );
    assert_eq!(bare.kind, Some(Kind::Generated));
    assert_eq!(bare.signer, Some(common::signer().address()));
    assert_eq!(bare.digest, Some(document.digest()));
    for what in
        ["form", "signature", "commitment seed", "rendering of the request", "text of the steps", "replay"]
    {
        assert!(bare.compared.iter().any(|c| c == what), "{what} is not in {:?}", bare.compared);
    }

    let receipt = &document.receipt;
    let asked = request(json!({
        "temperature": 0.8, "maxTokens": 24, "ignoreEog": true, "steps": ["<think>", "</think>"],
    }));
    let everything = Expectations {
        signer: Some(receipt.signer),
        model: Some(receipt.model),
        adapter: Some([0; 32]),
        sampler: Some(receipt.sampler),
        profile: Some(Profile::Exact2.id()),
        finish: Some(receipt.finish),
        context: Some([0; 32]),
        request: Some(asked.clone()),
        ..Expectations::default()
    };
    let full = report(&document, &everything, &with(model()));
    assert_eq!(full.verdict, VERIFIED);
    assert_eq!(full.not_compared, [""; 0]);
    for what in ["model", "adapter", "profile", "sampler", "context", "signer", "finish", "request"] {
        assert!(full.compared.contains(&format!("expected {what}")), "{what}");
    }

    // A request that leaves seed and nonce open is not compared in them, and that is said.
    let open = Request { seed: attestlm::request::SeedSource::Unspecified, nonce: None, ..asked };
    let open = report(&document, &Expectations { request: Some(open), ..everything.clone() }, &with(model()));
    assert_eq!(open.verdict, VERIFIED);
    assert_eq!(
        open.not_compared,
        [
            "expected seed (the expected request states none)",
            "expected nonce (the expected request states none)"
        ]
    );

    // Nor in the size of its context, where that is left to the session, and the segmenter, to the model.
    let asked =
        request(json!({ "temperature": 0.8, "maxTokens": 24, "ignoreEog": true, "contextTokens": null }));
    let unstated =
        report(&document, &Expectations { request: Some(asked), ..everything.clone() }, &with(model()));
    assert_eq!(unstated.verdict, VERIFIED);
    assert_eq!(
        unstated.not_compared,
        [
            "expected contextTokens (the expected request states none)",
            "expected steps (the expected request states none)"
        ]
    );

    // Signature alone: what is left open is the replay.
    let signed = verify_signature(&document, &Expectations::default());
    assert_eq!(signed.verdict, VERIFIED);
    assert!(signed.not_compared.iter().any(|c| c == "replay"));
}

#[test]
fn a_cancelled_answer_stands_for_its_prefix_only() {
    let mut session = session_of(model());
    let mut events = 0;
    let answers = session
        .generate(
            &request(json!({ "maxTokens": 60, "ignoreEog": true })),
            Some(common::signer()),
            &mut |_| {
                events += 1;
                events < 6
            },
        )
        .unwrap();
    assert_eq!(answers[0].finish, Finish::Cancelled);
    assert!(!answers[0].tokens.is_empty());
    let document = common::document(&answers[0]);
    invalid(&check(document), "finish: cancelled");
    let allowed = Expectations { allow_prefix: true, ..Expectations::default() };
    assert_eq!(expect(document, &allowed), Verdict::Verified { prefix_only: true });

    // Cancelled before the first token: nothing is claimed of the output, and that stands.
    let id = session.submit(&request(json!({ "maxTokens": 5 })), Some(common::signer())).unwrap()[0];
    session.cancel(id);
    let mut empty = None;
    while session.pending() > 0 {
        for event in session.step().unwrap() {
            if let attestlm::session::Event::Done { answer, .. } = event {
                empty = Some(common::document(answer.as_ref().as_ref().unwrap()).clone());
            }
        }
    }
    let empty = empty.unwrap();
    assert_eq!(empty.receipt.output_count, 0);
    assert_eq!(expect(&empty, &allowed), Verdict::Verified { prefix_only: true });

    // An output that ended by itself was not cancelled.
    let whole = ended();
    let last = u64::from(whole.receipt.output_count - 1);
    let passed_off = forge(&whole, |receipt, _| receipt.finish = Finish::Cancelled);
    diverges(&expect(&passed_off, &allowed), Some(last), "finish");
}
