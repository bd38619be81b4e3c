//! Log-probabilities beside an answer: those of a score, and no part of the receipt.
#![cfg(feature = "engine")]

mod common;

use attestlm::request::Request;
use attestlm::session::Continuation;
use attestlm::ErrorKind;
use attestlm_testkit::ModelSpec;
use common::{document, options, request, session, signer};
use serde_json::json;

fn asked(more: serde_json::Value) -> Request {
    let mut fields = json!({ "prompt": "abc", "maxTokens": 12, "ignoreEog": true, "temperature": 1.5, "topK": 30, "seed": 5,
        "repeatPenalty": 1.4 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request(fields)
}

#[test]
fn they_are_those_of_a_score_and_leave_the_receipt_alone() {
    let model = common::model(&ModelSpec::tiny());
    let mut session = session(&model, &options(common::CONTEXT));
    let mut answer = |more| session.generate(&asked(more), Some(signer()), &mut |_| true).unwrap().remove(0);
    let without = answer(json!({}));
    let with = answer(json!({ "logprobs": 4 }));
    assert_eq!(without.logprobs, None);
    assert_eq!(document(&with).to_json().unwrap(), document(&without).to_json().unwrap());

    let told = with.logprobs.unwrap();
    let score = session.score(&asked(json!({})), &Continuation::Tokens(with.tokens.clone()), None).unwrap();
    assert_eq!(told.len(), score.tokens.len());
    for (told, scored) in told.iter().zip(&score.tokens) {
        assert_eq!((told.token, told.log_probability), (scored.token, scored.log_probability));
        assert_eq!(told.likeliest.len(), 4);
        assert!(told.likeliest.is_sorted_by(|a, b| a.1 >= b.1));
        assert_eq!(told.likeliest[0].0 == told.token, scored.is_greedy);
    }
    // Without alternatives, the token's own.
    let alone = session.generate(&asked(json!({ "logprobs": 0 })), None, &mut |_| true).unwrap().remove(0);
    let alone = alone.logprobs.unwrap();
    assert!(alone.iter().all(|one| one.likeliest.is_empty()));
    assert!(alone.iter().zip(&told).all(|(a, b)| a.log_probability == b.log_probability));
}

#[test]
fn there_is_a_limit() {
    let error = Request::from_json(br#"{"prompt":"a","logprobs":21}"#).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Argument, "logprobs"));
}
