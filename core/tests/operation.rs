//! Calls that are stopped from another thread, at any moment, and what they leave behind.
#![cfg(feature = "engine")]

mod common;

use std::time::Duration;

use attestlm::operation::Operation;
use attestlm::request::Request;
use attestlm::session::{Continuation, Generation, GenerationEvent, Next, SessionOptions, SharedSession};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm::ErrorKind;
use attestlm_testkit::ModelSpec;
use common::{document, options, request, session, signer};
use serde_json::json;

/// The moments of a pass at which it is cancelled.
const MOMENTS: u64 = 60;

fn long() -> Request {
    request(json!({ "promptTokens": vec![5; 400] }))
}

/// Runs a call that is cancelled after `moment`: none of it, some, or after its end.
fn cancelled<T>(moment: Duration, call: impl FnOnce(&Operation) -> attestlm::Result<T>) -> Option<T> {
    let operation = Operation::new();
    std::thread::scope(|scope| {
        let watched = operation.clone();
        scope.spawn(move || {
            std::thread::sleep(moment);
            watched.cancel();
        });
        match call(&operation) {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
                let (done, total) = operation.progress();
                assert!(done <= total);
                None
            }
        }
    })
}

/// `MOMENTS` moments from the beginning of a call until after its end.
fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    (0..MOMENTS)
        .map(move |part| whole * u32::try_from(part).unwrap() * 5 / (4 * u32::try_from(MOMENTS).unwrap()))
}

/// The second of two calls: the first one finds everything cold.
fn time<T>(mut call: impl FnMut() -> T) -> (T, Duration) {
    call();
    let begun = std::time::Instant::now();
    (call(), begun.elapsed())
}

#[test]
fn a_score_ends_at_any_moment_and_touches_nothing_else() {
    let model = common::model(&ModelSpec::tiny());
    let continuation = Continuation::Text(" an answer".into());
    let generated = request(json!({
        "prompt": "question", "maxTokens": 300, "ignoreEog": true, "temperature": 0.8,
    }));
    let expected = common::receipt(&mut session(&model, &options(common::CONTEXT)), &generated);

    let of = SessionOptions { streams: 2, ..options(common::CONTEXT) };
    let shared = SharedSession::new(session(&model, &of)).unwrap();
    let (scored, whole) = time(|| {
        shared.forget().unwrap();
        shared.score(&long(), &continuation, None).unwrap()
    });
    std::thread::scope(|scope| {
        let mut generation = shared.generate(&generated, Some(signer())).unwrap();
        let receipt = scope.spawn(move || receipt_of(&mut generation));
        let mut ended = 0;
        for moment in moments(whole) {
            shared.forget().unwrap();
            let outcome = cancelled(moment, |operation| {
                shared.score_with(&long(), &continuation, Some(signer()), operation)
            });
            ended += u64::from(outcome.is_none());
            let again = shared.score(&long(), &continuation, None).unwrap();
            assert_eq!(
                again.log_probability(),
                scored.log_probability(),
                "what it left in the cache is right"
            );
        }
        assert!(ended > MOMENTS / 4, "{ended} of {MOMENTS} were cancelled");
        assert_eq!(receipt.join().unwrap(), expected);
    });
}

fn receipt_of(generation: &mut Generation) -> String {
    loop {
        match generation.next(None).unwrap() {
            Next::Event(GenerationEvent::Done { answer, .. }) => {
                return document(&answer.unwrap()).to_json().unwrap()
            }
            Next::Event(_) => {}
            ended => panic!("{ended:?} before the answer"),
        }
    }
}

#[test]
fn a_cancelled_score_does_not_wait_for_the_session() {
    let model = common::model(&ModelSpec::nano());
    let shared = SharedSession::new(session(&model, &options(common::CONTEXT))).unwrap();
    let operation = Operation::new();
    operation.cancel();
    let refused = shared.score_with(&long(), &Continuation::Text(" no".into()), None, &operation);
    assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::Cancelled));
    assert_eq!(operation.progress(), (0, 0));
}

#[test]
fn a_replay_ends_at_any_moment() {
    let model = common::model(&ModelSpec::tiny());
    let asked = request(json!({ "promptTokens": vec![5; 300], "maxTokens": 150, "ignoreEog": true }));
    let text = common::receipt(&mut session(&model, &options(common::CONTEXT)), &asked);
    let receipt = attestlm::receipt::Document::parse(text.as_bytes()).unwrap();
    let judge = |operation: &Operation| {
        let options = VerifyOptions {
            model: Some(&model),
            threads: Some(1),
            operation: operation.clone(),
            ..Default::default()
        };
        verify(&receipt, &Expectations::default(), &options).map(|report| report.verdict)
    };
    let operation = Operation::new();
    let (verdict, whole) = time(|| judge(&operation).unwrap());
    assert_eq!(verdict, Verdict::Verified { prefix_only: false });
    assert_eq!(operation.progress(), (449, 449), "the last token chose nothing");
    let outcomes: Vec<_> = moments(whole).map(|moment| cancelled(moment, judge)).collect();
    assert!(outcomes.iter().flatten().all(|found| *found == verdict));
    let ended = outcomes.iter().filter(|outcome| outcome.is_none()).count() as u64;
    assert!(ended > MOMENTS / 4, "{ended} of {MOMENTS} were cancelled");
}
