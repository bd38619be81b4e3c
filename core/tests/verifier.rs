//! One verifier for many receipts says of each what a verification alone says.
#![cfg(feature = "engine")]

mod common;

use std::sync::Arc;

use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::receipt::Document;
use attestlm::session::SessionOptions;
use attestlm::signer::KeySigner;
use attestlm::verify::{verify, Expectations, Verifier, VerifyOptions};
use attestlm_testkit::ModelSpec;
use common::{document, options, request, session};
use serde_json::json;

/// An answer of `tokens` tokens, with a key that `key` makes.
fn answer(model: &Model, profile: Profile, tokens: u32, temperature: f64, key: u8) -> Document {
    let mut session = session(model, &SessionOptions { profile: Some(profile), ..options(common::CONTEXT) });
    let fields = json!({ "promptTokens": [1, 2, 3, 4, 5], "maxTokens": tokens, "temperature": temperature, "ignoreEog": true });
    let signer = Arc::new(KeySigner::from_bytes(&[key; 32]).unwrap());
    let answers = session.generate(&request(fields), Some(signer), &mut |_| true).unwrap();
    document(&answers[0]).clone()
}

#[test]
fn what_was_verified_before_does_not_matter() {
    let model = common::model(&ModelSpec::nano());
    let exact_2 = |tokens, temperature, key| answer(&model, Profile::Exact2, tokens, temperature, key);
    let mut another_trace = exact_2(40, 0.0, 1);
    another_trace.receipt.trace = [7; 32];
    let other_model = common::model(&ModelSpec { seed: 99, ..ModelSpec::nano() });
    let documents = [
        exact_2(40, 0.0, 1),
        // Longer than the memory of the first, and shorter again.
        exact_2(300, 0.0, 1),
        exact_2(3, 0.8, 1),
        // The same answer by another node, and the same tokens drawn otherwise.
        exact_2(40, 0.0, 2),
        exact_2(40, 0.8, 1),
        answer(&model, Profile::Exact1, 40, 0.0, 1),
        // Invalid, and of a model that is not at hand.
        another_trace,
        answer(&other_model, Profile::Exact2, 40, 0.0, 1),
        exact_2(40, 0.0, 1),
    ];
    let options = VerifyOptions { model: Some(&model), threads: Some(1), ..VerifyOptions::default() };
    let mut verifier = Verifier::new(options.clone());
    let mut names = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let alone = verify(document, &Expectations::default(), &options).unwrap();
        let report = verifier.verify(document, &Expectations::default()).unwrap();
        assert_eq!(report.to_json(), alone.to_json(), "document {at}");
        names.push(report.verdict.name());
    }
    let stands = "verified";
    let expected = [stands, stands, stands, stands, stands, stands, "invalid", "unverifiable", stands];
    assert_eq!(names, expected);
}

/// Of a claim that has tokens in common with the last one, nothing is taken from that.
#[test]
fn only_the_same_claim_is_not_computed_again() {
    let model = common::model(&ModelSpec::nano());
    let options = VerifyOptions { model: Some(&model), threads: Some(1), ..VerifyOptions::default() };
    let mut verifier = Verifier::new(options.clone());
    let first = answer(&model, Profile::Exact2, 40, 0.0, 1);
    // A greedy answer of one token more begins with the same tokens, and a warm one is drawn by other rules.
    for other in [answer(&model, Profile::Exact2, 41, 0.0, 1), answer(&model, Profile::Exact2, 40, 0.1, 1)] {
        for document in [&first, &other, &first] {
            let report = verifier.verify(document, &Expectations::default()).unwrap();
            assert_eq!(report.verdict.name(), "verified", "{report:?}");
        }
    }
}

#[test]
fn a_cancel_is_for_good_also_where_nothing_is_computed() {
    let model = common::model(&ModelSpec::nano());
    let options = VerifyOptions { model: Some(&model), threads: Some(1), ..VerifyOptions::default() };
    let operation = options.operation.clone();
    let mut verifier = Verifier::new(options);
    let document = answer(&model, Profile::Exact2, 20, 0.0, 1);
    for _ in 0..2 {
        let report = verifier.verify(&document, &Expectations::default()).unwrap();
        assert_eq!(report.verdict.name(), "verified");
        assert_eq!(operation.progress(), (24, 24));
    }
    operation.cancel();
    let error = verifier.verify(&document, &Expectations::default()).unwrap_err();
    assert_eq!(error.kind(), attestlm::ErrorKind::Cancelled);
}
