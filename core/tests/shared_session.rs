//! One session, many threads: the same receipts, every event told once, nobody left waiting.
#![cfg(feature = "engine")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::receipt::Finish;
use attestlm::request::Request;
use attestlm::session::{
    Answer, Continuation, Generation, GenerationEvent, Next, Session, SessionOptions, SharedSession,
};
use attestlm::signer::{CallbackSigner, KeySigner, Signer};
use attestlm::ErrorKind;
use attestlm_testkit::ModelSpec;
use common::{document, options, request, session, signer, KEY};
use serde_json::json;

fn nano() -> Model {
    common::model(&ModelSpec::nano())
}

fn shared(model: &Model, streams: u32) -> SharedSession {
    let options = SessionOptions { streams, ubatch: 16, ..options(common::CONTEXT) };
    SharedSession::new(session(model, &options)).unwrap()
}

fn asked(number: usize, tokens: u32) -> Request {
    request(json!({
        "prompt": format!("question {number}"), "maxTokens": tokens, "ignoreEog": true, "temperature": 0.8,
    }))
}

/// Text told, and the answers, until the end.
fn drain(generation: &mut Generation) -> (String, Vec<Answer>) {
    let (mut text, mut answers) = (String::new(), Vec::new());
    loop {
        match generation.next(None).unwrap() {
            Next::Event(GenerationEvent::Text { text: more, .. }) => text.push_str(&more),
            Next::Event(GenerationEvent::Done { answer, .. }) => answers.push(answer.unwrap()),
            Next::Event(_) => {}
            Next::Ended => return (text, answers),
            Next::TimedOut => panic!("without a timeout"),
        }
    }
}

fn receipt_of(answer: &Answer) -> String {
    document(answer).to_json().unwrap()
}

#[test]
fn threads_get_the_receipts_of_one_alone() {
    let model = nano();
    let mut alone = session(&model, &options(common::CONTEXT));
    let expected: Vec<String> =
        (0..12).map(|number| common::receipt(&mut alone, &asked(number, 40))).collect();
    let shared = shared(&model, 4);
    std::thread::scope(|scope| {
        for (number, expected) in expected.iter().enumerate() {
            let shared = shared.clone();
            scope.spawn(move || {
                let mut generation = shared.generate(&asked(number, 40), Some(signer())).unwrap();
                let (text, answers) = drain(&mut generation);
                assert_eq!(answers[0].text, text);
                assert_eq!(&receipt_of(&answers[0]), expected);
                // The end stays the end.
                assert!(matches!(generation.next(None).unwrap(), Next::Ended));
            });
        }
    });
}

#[test]
fn a_score_waits_for_a_stream_and_decodes_meanwhile() {
    let model = nano();
    let mut alone = session(&model, &options(common::CONTEXT));
    let expected = common::receipt(&mut alone, &asked(1, 40));
    let continuation = Continuation::Text(" an answer".into());
    let scored = alone.score(&asked(5, 1), &continuation, None).unwrap().log_probability();

    // One stream, taken by a generation that nobody pulls meanwhile.
    let shared = shared(&model, 1);
    let mut generation = shared.generate(&asked(1, 40), Some(signer())).unwrap();
    generation.next(None).unwrap();
    assert_eq!(shared.score(&asked(5, 1), &continuation, None).unwrap().log_probability(), scored);
    assert_eq!(receipt_of(&drain(&mut generation).1[0]), expected);
}

/// Whoever steps next may take the session at once: what the step before told is in the inboxes by then.
#[test]
fn events_come_in_order_whoever_steps() {
    let model = nano();
    let shared = shared(&model, 4);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let shared = shared.clone();
            scope.spawn(move || {
                for round in 0..12 {
                    let mut generation = shared.generate(&asked(8 * round + number, 60), None).unwrap();
                    let (text, answers) = drain(&mut generation);
                    assert_eq!(answers[0].text, text);
                }
            });
        }
    });
}

#[test]
fn choices_are_told_apart() {
    let model = nano();
    let shared = shared(&model, 3);
    let mut request = asked(1, 20);
    request.policy.choices = 3;
    let mut generation = shared.generate(&request, Some(signer())).unwrap();
    let mut texts = vec![String::new(); 3];
    let mut done = Vec::new();
    loop {
        match generation.next(None).unwrap() {
            Next::Event(GenerationEvent::Text { choice, text }) => texts[choice as usize].push_str(&text),
            Next::Event(GenerationEvent::Done { choice, answer }) => {
                let answer = answer.unwrap();
                assert_eq!((answer.choice, &answer.text), (choice, &texts[choice as usize]));
                done.push(choice);
            }
            Next::Event(_) => {}
            Next::Ended => break,
            Next::TimedOut => panic!("without a timeout"),
        }
    }
    done.sort_unstable();
    assert_eq!(done, [0, 1, 2]);
}

#[test]
fn one_that_is_not_pulled_holds_nobody_up() {
    let model = nano();
    let shared = shared(&model, 2);
    let mut idle = shared.generate(&asked(1, 30), Some(signer())).unwrap();
    let mut busy = shared.generate(&asked(2, 60), Some(signer())).unwrap();
    drain(&mut busy);
    // Its events came meanwhile, text in one piece, and need no more steps.
    let began = Instant::now();
    let (text, answers) = drain(&mut idle);
    assert_eq!(answers[0].text, text);
    assert!(began.elapsed() < Duration::from_millis(100));
}

#[test]
fn a_poll_takes_one_step_at_most() {
    let model = nano();
    let shared = shared(&model, 1);
    let mut generation = shared.generate(&asked(1, 10), None).unwrap();
    let (mut polls, mut events) = (0, 0);
    loop {
        polls += 1;
        match generation.next(Some(Duration::ZERO)).unwrap() {
            Next::Event(GenerationEvent::Done { answer, .. }) => {
                assert_eq!(answer.unwrap().tokens.len(), 10);
                break;
            }
            Next::Event(_) => events += 1,
            Next::TimedOut => {}
            Next::Ended => panic!("before the answer"),
        }
        assert!(polls < 200, "polling does not get on");
    }
    assert!(events >= 1);
    // Beside somebody else's step, a poll does not wait.
    let mut other = shared.generate(&asked(2, 400), None).unwrap();
    let mut polled = shared.generate(&asked(3, 5), None).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drain(&mut other));
        let began = Instant::now();
        let next = polled.next(Some(Duration::from_millis(20))).unwrap();
        assert!(matches!(next, Next::TimedOut | Next::Event(_)));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    });
}

#[test]
fn cancelling_one_leaves_the_others() {
    let model = nano();
    let mut alone = session(&model, &options(common::CONTEXT));
    let expected = common::receipt(&mut alone, &asked(2, 60));
    let shared = shared(&model, 2);
    let mut first = shared.generate(&asked(1, 300), Some(signer())).unwrap();
    let mut second = shared.generate(&asked(2, 60), Some(signer())).unwrap();
    let cancel = first.cancel_handle();
    // Some of it is told before.
    while !matches!(first.next(None).unwrap(), Next::Event(GenerationEvent::Text { .. })) {}
    cancel.cancel();
    let (_, answers) = drain(&mut first);
    assert_eq!(answers[0].finish, Finish::Cancelled);
    assert!(answers[0].tokens.len() < 300);
    assert_eq!(receipt_of(&drain(&mut second).1[0]), expected);
    // A late cancel of what ended touches nothing that comes later.
    cancel.cancel();
    shared.cancel();
    let mut third = shared.generate(&asked(2, 60), Some(signer())).unwrap();
    cancel.cancel();
    assert_eq!(receipt_of(&drain(&mut third).1[0]), expected);
}

#[test]
fn cancelled_at_random_moments_the_next_receipt_is_unchanged() {
    let model = nano();
    let mut alone = session(&model, &options(common::CONTEXT));
    let expected = common::receipt(&mut alone, &asked(7, 30));
    let shared = shared(&model, 1);
    for round in 0..60u64 {
        let mut generation = shared.generate(&asked(1, 400), Some(signer())).unwrap();
        let cancel = generation.cancel_handle();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_micros(round * 97 % 6000));
                cancel.cancel();
            });
            drain(&mut generation);
        });
        let mut generation = shared.generate(&asked(7, 30), Some(signer())).unwrap();
        assert_eq!(receipt_of(&drain(&mut generation).1[0]), expected, "round {round}");
    }
}

#[test]
fn a_dropped_generation_is_not_signed_and_frees_its_place() {
    let model = nano();
    let shared = shared(&model, 1);
    let signed = Arc::new(AtomicUsize::new(0));
    let key = KeySigner::from_bytes(&KEY).unwrap();
    let counting: Arc<dyn Signer> = Arc::new(CallbackSigner::new(key.address(), {
        let signed = Arc::clone(&signed);
        move |digest: &[u8; 32]| {
            signed.fetch_add(1, Ordering::Relaxed);
            Ok(key.sign_digest(digest)?.to_vec())
        }
    }));
    for _ in 0..5 {
        let mut generation = shared.generate(&asked(1, 400), Some(Arc::clone(&counting))).unwrap();
        while !matches!(generation.next(None).unwrap(), Next::Event(GenerationEvent::Text { .. })) {}
        drop(generation);
        // Never asked for an event at all.
        drop(shared.generate(&asked(2, 400), Some(Arc::clone(&counting))).unwrap());
    }
    let mut last = shared.generate(&asked(3, 10), Some(Arc::clone(&counting))).unwrap();
    assert_eq!(drain(&mut last).1[0].tokens.len(), 10);
    assert_eq!(signed.load(Ordering::Relaxed), 1);
}

#[test]
fn a_signer_that_calls_the_session_gets_an_error() {
    let model = nano();
    let shared = shared(&model, 1);
    let key = KeySigner::from_bytes(&KEY).unwrap();
    let seen = Arc::new(Mutex::new(None));
    let calling: Arc<dyn Signer> = Arc::new(CallbackSigner::new(key.address(), {
        let (shared, seen) = (shared.clone(), Arc::clone(&seen));
        move |digest: &[u8; 32]| {
            *seen.lock().unwrap() = shared.forget().err();
            Ok(key.sign_digest(digest)?.to_vec())
        }
    }));
    let mut generation = shared.generate(&asked(1, 5), Some(calling)).unwrap();
    assert!(drain(&mut generation).1[0].receipt.as_ref().unwrap().is_ok());
    let error = seen.lock().unwrap().take().expect("the call succeeded");
    assert_eq!((error.kind(), error.field()), (ErrorKind::Argument, "session"));
}

#[test]
fn a_panic_in_a_signer_ends_the_session_and_nothing_else() {
    let model = nano();
    let shared = shared(&model, 2);
    let address = KeySigner::from_bytes(&KEY).unwrap().address();
    let panicking: Arc<dyn Signer> =
        Arc::new(CallbackSigner::new(address, |_: &[u8; 32]| -> attestlm::Result<Vec<u8>> {
            panic!("as a caller's code may")
        }));
    let mut other = shared.generate(&asked(1, 400), None).unwrap();
    let mut generation = shared.generate(&asked(2, 5), Some(panicking)).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drain(&mut generation)));
    assert!(outcome.is_err());
    let broken = loop {
        match other.next(None) {
            Ok(Next::Event(_)) => {}
            Ok(_) => panic!("it ended well"),
            Err(error) => break error,
        }
    };
    assert_eq!(broken.kind(), ErrorKind::Internal);
    assert_eq!(shared.generate(&asked(3, 5), None).err().map(|e| e.kind()), Some(ErrorKind::Internal));
    assert_eq!(shared.forget().err().map(|e| e.kind()), Some(ErrorKind::Internal));
}

#[test]
fn cancelling_a_generation_leaves_a_score_alone() {
    let model = nano();
    let shared = shared(&model, 2);
    let long = request(json!({ "promptTokens": vec![5; 400] }));
    let generation = shared.generate(&asked(1, 400), None).unwrap();
    let cancel = generation.cancel_handle();
    std::thread::scope(|scope| {
        let scores = scope.spawn(|| {
            (0..30).all(|_| {
                shared.forget().unwrap();
                shared.score(&long, &Continuation::Text(" an answer".into()), None).is_ok()
            })
        });
        while !scores.is_finished() {
            // It stays open: nobody pulls it.
            cancel.cancel();
            std::thread::sleep(Duration::from_micros(200));
        }
        assert!(scores.join().unwrap());
    });
}

#[test]
fn scores_and_requests_go_between_the_steps_of_others() {
    let model = nano();
    let mut alone = session(&model, &options(common::CONTEXT));
    let continuation = Continuation::Text(" an answer".into());
    let expected = alone.score(&asked(5, 1), &continuation, None).unwrap().log_probability();
    let shared = shared(&model, 2);
    std::thread::scope(|scope| {
        let long = shared.clone();
        let driver = scope.spawn(move || {
            let mut generation = long.generate(&asked(1, 450), Some(signer())).unwrap();
            drain(&mut generation).1[0].tokens.len()
        });
        for _ in 0..10 {
            let scored = shared.score(&asked(5, 1), &continuation, None).unwrap();
            assert_eq!(scored.log_probability(), expected);
            shared.forget().unwrap();
        }
        assert_eq!(driver.join().unwrap(), 450);
    });
}

#[test]
fn a_session_that_cannot_attest_names_what_computes() {
    let model = nano();
    let beyond = SessionOptions { context_tokens: model.max_context() + 1, ..options(common::CONTEXT) };
    let session = SharedSession::new(Session::new(&model, &beyond).unwrap()).unwrap();
    assert_eq!(session.unattested().unwrap().field(), "contextTokens");
    let told = session.to_json();
    assert_eq!(told["profile"], Profile::Fast1.id());
    assert_eq!(told["unattested"]["field"], "contextTokens");
    assert_eq!(shared(&model, 1).to_json()["profile"], Profile::Exact2.id());
}
