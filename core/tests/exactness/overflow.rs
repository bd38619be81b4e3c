//! Values that overflow: they end the job that met them, and no other.

use std::collections::BTreeMap;

use attestlm::receipt::Finish;
use attestlm::session::{Continuation, Event, JobId, Session, SessionOptions};
use attestlm::ErrorKind;
use attestlm_testkit::{overflowing, OVERFLOWING};
use serde_json::{json, Value};

use crate::common::{document, model_of_bytes, options, request, session, signer, CONTEXT};
use crate::{alone, tokens};

#[test]
fn a_slot_that_saw_values_without_end() {
    let model = model_of_bytes(&overflowing());
    let with = |at: usize, length: usize| {
        let mut prompt = tokens(length, 1);
        prompt.iter_mut().for_each(|t| *t %= OVERFLOWING);
        if let Some(token) = prompt.get_mut(at) {
            *token = OVERFLOWING;
        }
        prompt
    };
    let never = usize::MAX;
    let good = |length, max_tokens| {
        request(json!({"promptTokens": with(never, length), "maxTokens": max_tokens, "temperature": 1,
                       "bans": [OVERFLOWING], "ignoreEog": true}))
    };
    let good = [good(20, 40), good(4, 8)];
    let expected = alone(&model, None, &good);
    for streams in [1, 2] {
        let options = SessionOptions { streams, ubatch: 8, ..options(CONTEXT) };
        let check_good = |session: &mut Session, after: &str| {
            for (request, expected) in good.iter().zip(&expected) {
                let answers = session.generate(request, Some(signer()), &mut |_| true);
                let answers = answers.unwrap_or_else(|e| panic!("after {after}, {streams} streams: {e}"));
                assert_eq!(document(&answers[0]).to_json().unwrap(), *expected, "after {after}");
            }
        };
        let fail = |session: &mut Session, fields: Value| {
            let error = session.generate(&request(fields), Some(signer()), &mut |_| true).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Logits, "{error}");
        };
        let mut session = session(&model, &options);
        fail(&mut session, json!({"promptTokens": with(15, 16), "maxTokens": 4}));
        check_good(&mut session, "an overflow at the end of the prompt");
        fail(&mut session, json!({"promptTokens": with(5, 30), "maxTokens": 4}));
        check_good(&mut session, "an overflow within the prompt");
        fail(
            &mut session,
            json!({"promptTokens": with(never, 30), "maxTokens": 4,
                   "logitBias": {OVERFLOWING.to_string(): 10_000}}),
        );
        check_good(&mut session, "an overflow in the output");
        // The overflow is in the cache, and no logits were looked at yet when the job is cancelled.
        let unfinished = request(json!({"promptTokens": with(5, 60), "maxTokens": 4}));
        let cancelled = session.generate(
            &unfinished,
            Some(signer()),
            &mut |event| !matches!(event, Event::Prefill { done, .. } if *done >= 16),
        );
        if let Ok(answers) = cancelled {
            assert_eq!((answers[0].finish, answers[0].tokens.len()), (Finish::Cancelled, 0));
        }
        check_good(&mut session, "an overflow in a prompt that was cancelled");
        let scored = session.score(
            &request(json!({"promptTokens": with(5, 30)})),
            &Continuation::Tokens(vec![1, 2]),
            Some(signer()),
        );
        assert_eq!(scored.unwrap_err().kind(), ErrorKind::Logits);
        check_good(&mut session, "an overflow in a score");
    }
    // Neighbours in the same batch do not notice.
    let mut session = session(&model, &SessionOptions { streams: 3, ubatch: 8, ..options(CONTEXT) });
    let ids: Vec<JobId> =
        [&good[0], &request(json!({"promptTokens": with(5, 12), "maxTokens": 4})), &good[1]]
            .into_iter()
            .map(|request| session.submit(request, Some(signer())).unwrap()[0])
            .collect();
    let mut done = BTreeMap::new();
    while session.pending() > 0 {
        for event in session.step().unwrap() {
            if let Event::Done { job, answer } = event {
                done.insert(job, *answer);
            }
        }
    }
    let json = |id: &JobId| document(done[id].as_ref().unwrap()).to_json().unwrap();
    assert_eq!([json(&ids[0]), json(&ids[2])], expected[..]);
    assert_eq!(done[&ids[1]].as_ref().unwrap_err().kind(), ErrorKind::Logits);
}
