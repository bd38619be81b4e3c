//! Under the exact profile one request makes one receipt, byte for byte: whatever the threads, the
//! batches, the caches, the neighbours, the host's floating-point mode and its environment.
#![cfg(all(feature = "engine", feature = "bundled"))]

mod common;
#[path = "exactness/host.rs"]
mod host;
#[path = "exactness/overflow.rs"]
mod overflow;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};

use attestlm::model::{Adapter, Model};
use attestlm::profile::Profile;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::session::{Answer, Continuation, Event, JobId, Session, SessionOptions};
use attestlm::signer::KeySigner;
use attestlm::verdict::Verdict;
use attestlm::verify::Expectations;
use attestlm::{ErrorKind, Token};
use attestlm_testkit::{LoraSpec, ModelSpec, TensorType};
use common::{
    adapter, answers, check, check_against, document, model, options, receipt, receipts, request, session,
    signer, CONTEXT,
};
use serde_json::{json, Value};

/// Token ids that look like nothing, below the smallest vocabulary.
fn tokens(count: usize, seed: u32) -> Vec<Token> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % 250
    };
    (0..count).map(|_| next()).collect()
}

/// A prompt of `shared` tokens (at most 246) that others begin with too, and `own` ones. The cache is
/// looked at 256 cells at a time: the longest prompts end shortly before that.
fn prompt(shared: usize, own: usize, seed: u32) -> Vec<Token> {
    let mut all = tokens(246, 1);
    all.truncate(shared);
    all.extend(tokens(own, seed));
    all
}

/// One request for each way a token is chosen and an output ends. Prompts share long prefixes;
/// the first two cross 256 positions.
fn requests() -> Vec<Request> {
    [
        json!({"promptTokens": prompt(246, 3, 2), "maxTokens": 12}),
        json!({"promptTokens": prompt(240, 10, 3), "maxTokens": 14, "temperature": 0.9, "topK": 40,
               "topP": 0.95, "minP": 0.01, "repeatPenalty": 1.1, "presencePenalty": 0.3,
               "frequencyPenalty": 0.2, "penaltyWindow": 32}),
        json!({"prompt": "a number: ", "maxTokens": 10, "temperature": 1,
               "grammar": "root ::= [a-z] [a-z] \"-\" [0-9] [0-9]"}),
        json!({"prompt": "an object: ", "maxTokens": 16, "temperature": 0.7,
               "schema": {"type": "object", "properties": {"n": {"type": "integer"}},
                          "required": ["n"], "additionalProperties": false}}),
        json!({"promptTokens": prompt(30, 0, 0), "maxTokens": 30, "temperature": 1.5,
               "logitBias": {"5": 2.5, "17": -4}, "bans": [101, 32], "stop": ["e", "zz"]}),
        json!({"promptTokens": [9], "maxTokens": 9, "temperature": "0.000001", "ignoreEog": true}),
    ]
    .into_iter()
    .map(request)
    .collect()
}

/// Each request's receipt, from a session that has answered nothing else.
fn alone(model: &Model, adapter: Option<&Adapter>, requests: &[Request]) -> Vec<String> {
    let options = SessionOptions { adapter: adapter.cloned(), ..options(CONTEXT) };
    requests.iter().map(|request| receipt(&mut session(model, &options), request)).collect()
}

/// The receipts of requests answered together, in their order, and how many sequences were live at
/// once at most.
fn together(session: &mut Session, requests: &[Request]) -> (Vec<String>, usize) {
    let mut order = BTreeMap::new();
    for (i, request) in requests.iter().enumerate() {
        for id in session.submit(request, Some(signer())).unwrap() {
            order.insert(id, i);
        }
    }
    let mut receipts = vec![String::new(); requests.len()];
    let (mut live, mut most) = (BTreeSet::new(), 0);
    while session.pending() > 0 {
        for event in session.step().unwrap() {
            match event {
                Event::Prefill { job, done, total } if done == total => {
                    live.insert(job);
                    most = most.max(live.len());
                }
                Event::Done { job, answer } => {
                    live.remove(&job);
                    receipts[order[&job]] = document(answer.as_ref().as_ref().unwrap()).to_json().unwrap();
                }
                _ => {}
            }
        }
    }
    (receipts, most)
}

/// Runs the requests in every way the session allows; all receipts must be those of `alone`.
fn same_in_every_way(
    model: &Model,
    adapter: Option<&Adapter>,
    requests: &[Request],
    ways: &[(u32, u32)],
) -> Vec<String> {
    let expected = alone(model, adapter, requests);
    for (json, request) in expected.iter().zip(requests) {
        let report = check(json, model, adapter);
        assert_eq!(report.verdict, Verdict::Verified { prefix_only: false }, "{request:?}");
    }
    for (threads, ubatch) in ways {
        let options = SessionOptions {
            threads: Some(*threads),
            oversubscribe: true,
            ubatch: *ubatch,
            adapter: adapter.cloned(),
            ..options(CONTEXT)
        };
        // One stream: from the second request on, the cache is warm with another's prefix.
        let mut session = session(model, &options);
        for (request, expected) in requests.iter().zip(&expected) {
            assert_eq!(receipt(&mut session, request), *expected, "{threads} threads, ubatch {ubatch}");
        }
    }
    // Fewer streams than jobs: every slot is reused, prefixes are copied between streams.
    let options = SessionOptions { streams: 3, ubatch: 64, adapter: adapter.cloned(), ..options(CONTEXT) };
    let (receipts, most) = together(&mut session(model, &options), requests);
    assert!(receipts == expected, "together");
    assert_eq!(most, requests.len().min(3));
    expected
}

fn parse(json: &str) -> Document {
    Document::parse(json.as_bytes()).unwrap()
}

#[test]
fn threads_and_batch_size() {
    let model = model(&ModelSpec::tiny());
    let ways = [(1, 1), (1, 64), (2, 7), (2, 512), (4, 64), (4, 512)];
    let receipts = same_in_every_way(&model, None, &requests(), &ways);
    let finishes: BTreeSet<u8> = receipts.iter().map(|json| parse(json).receipt.finish as u8).collect();
    let wanted = [Finish::StopString, Finish::MaxTokens, Finish::GrammarEnd].map(|finish| finish as u8);
    assert!(wanted.iter().all(|finish| finishes.contains(finish)), "{finishes:?}");
}

#[test]
fn every_weight_type_and_a_mixture_of_experts() {
    let specs = [
        ("Q4_0", ModelSpec::tiny().with_type(TensorType::Q4_0)),
        ("Q4_K", ModelSpec::tiny().with_type(TensorType::Q4_K)),
        ("Q6_K", ModelSpec::tiny().with_type(TensorType::Q6_K)),
        ("F16", ModelSpec::tiny().with_type(TensorType::F16)),
        ("experts", ModelSpec::moe_tiny()),
    ];
    let requests = &requests()[..3];
    for (name, spec) in specs {
        eprintln!("{name}");
        same_in_every_way(&model(&spec), None, requests, &[(1, 7), (2, 64)]);
    }
}

#[test]
fn the_bundled_model() {
    let question = "Tom has 12 apples and buys 7 more. He gives 5 to Ann. How many apples does Tom have now?";
    let requests: Vec<Request> = [
        json!({"messages": [{"role": "user", "content": question}], "maxTokens": 60}),
        json!({"messages": [{"role": "user", "content": question}], "maxTokens": 40,
               "temperature": 0.8, "topP": 0.9}),
        json!({"promptTokens": tokens(246, 8).iter().map(|t| t % 64 + 10).collect::<Vec<_>>(),
               "maxTokens": 40, "temperature": 1, "repeatPenalty": 1.2, "ignoreEog": true}),
    ]
    .into_iter()
    .map(request)
    .collect();
    let receipts =
        same_in_every_way(&Model::bundled().unwrap(), None, &requests, &[(1, 7), (2, 64), (4, 512)]);
    let receipt = parse(&receipts[2]).receipt;
    assert!(receipt.prompt_count < 256 && receipt.prompt_count + receipt.output_count > 256, "{receipt:?}");
}

#[test]
fn cold_and_warm_prefix_cache() {
    let model = model(&ModelSpec::tiny());
    let requests = requests();
    let expected = alone(&model, None, &requests);
    let options = SessionOptions { streams: 2, ubatch: 32, ..options(CONTEXT) };
    let mut session = session(&model, &options);
    let mut read = |forget: bool, i: usize| {
        if forget {
            session.forget().unwrap();
        }
        let mut chunks = 0;
        let answers = session
            .generate(&requests[i], Some(signer()), &mut |event| {
                chunks += usize::from(matches!(event, Event::Prefill { .. }));
                true
            })
            .unwrap();
        assert_eq!(document(&answers[0]).to_json().unwrap(), expected[i], "request {i}, forget {forget}");
        chunks
    };
    // 249 and 250 tokens of which 240 are shared, 32 at a time.
    assert_eq!(read(false, 0), 8, "cold");
    assert_eq!(read(false, 0), 1, "warm: the same prompt");
    assert_eq!(read(false, 1), 1, "warm: a shared prefix");
    assert_eq!(read(true, 1), 8, "cold again");
    assert_eq!(read(false, 0), 1, "warm: the prefix the other way round");
    // Shorter than what the stream holds: the tail is cut off and grown again.
    assert_eq!(read(false, 4), 1);
    assert_eq!(read(false, 0), 7, "all but 30 of 249 tokens");
}

#[test]
fn among_eight_sequences_that_end_and_make_room() {
    let model = model(&ModelSpec::tiny());
    let requests: Vec<Request> = (0..13u32)
        .map(|i| {
            let prompt = prompt(if i % 3 == 0 { 230 } else { 40 }, 3 + i as usize % 5, i + 10);
            json!({"promptTokens": prompt, "maxTokens": 9 + 7 * (i % 4), "seed": i.to_string(),
                   "temperature": if i % 2 == 0 { 0.8 } else { 0.0 }, "ignoreEog": true})
        })
        .map(request)
        .collect();
    let expected = alone(&model, None, &requests);
    for (threads, ubatch) in [(1, 512), (2, 16)] {
        let options = SessionOptions {
            streams: 8,
            threads: Some(threads),
            ubatch,
            oversubscribe: true,
            ..options(CONTEXT)
        };
        let mut session = session(&model, &options);
        let (receipts, most) = together(&mut session, &requests);
        assert!(receipts == expected, "{threads} threads, ubatch {ubatch}");
        assert!(most >= 6, "only {most} sequences were live at once");
        // In another order, over what the first round left in the slots.
        let reversed: Vec<Request> = requests.iter().rev().cloned().collect();
        let (receipts, _) = together(&mut session, &reversed);
        assert!(receipts.iter().rev().eq(&expected), "reversed: {threads} threads, ubatch {ubatch}");
    }
}

/// What must hold for the receipt of a job that was cancelled.
fn assert_prefix_only(answer: &Answer, model: &Model) {
    assert_eq!(answer.finish, Finish::Cancelled);
    let json = document(answer).to_json().unwrap();
    assert_eq!(parse(&json).receipt.finish as u8, 5);
    assert!(
        matches!(check(&json, model, None).verdict, Verdict::Invalid { what } if what.contains("finish"))
    );
    let expectations = Expectations { allow_prefix: true, ..Expectations::default() };
    let verdict = check_against(&json, &expectations, model, None).verdict;
    assert_eq!(verdict, Verdict::Verified { prefix_only: true });
    assert_eq!(verdict.to_string(), "verified (prefix only)");
}

#[test]
fn after_a_cancel_during_prefill_from_another_thread() {
    let model = model(&ModelSpec::tiny());
    let requests = requests();
    let expected = alone(&model, None, &requests[..2]);
    let mut session = session(&model, &SessionOptions { ubatch: 48, ..options(CONTEXT) });
    let handle = session.cancel_handle();
    std::thread::scope(|scope| {
        let (begun, begin) = mpsc::channel();
        let (ended, end) = mpsc::channel();
        scope.spawn(move || {
            begin.recv().unwrap();
            handle.cancel();
            ended.send(()).unwrap();
        });
        let answers = session
            .generate(&requests[0], Some(signer()), &mut |event| {
                // Told after the first chunk, the other thread raises the flag while later ones are
                // computed; before the last one it has done so.
                if let Event::Prefill { done, total, .. } = event {
                    if *done == 48 {
                        begun.send(()).unwrap();
                    } else if total - done <= 48 {
                        let _ = end.recv();
                    }
                }
                true
            })
            .unwrap();
        assert!(answers[0].tokens.is_empty());
        assert_prefix_only(&answers[0], &model);
    });
    for (request, expected) in requests.iter().zip(&expected) {
        assert_eq!(receipt(&mut session, request), *expected);
    }
}

#[test]
fn after_a_cancel_between_steps() {
    let model = model(&ModelSpec::tiny());
    let requests = requests();
    let expected = alone(&model, None, &requests[..2]);
    let mut session = session(&model, &SessionOptions { streams: 2, ..options(CONTEXT) });
    let handle = session.cancel_handle();
    let full = parse(&expected[1]).disclosure.unwrap().output_tokens.unwrap();
    for _ in 0..2 {
        session.submit(&requests[1], Some(signer())).unwrap();
        for _ in 0..5 {
            session.step().unwrap();
        }
        handle.cancel();
        let mut done = Vec::new();
        while session.pending() > 0 {
            done.extend(session.step().unwrap().into_iter().filter_map(|event| match event {
                Event::Done { answer, .. } => Some(answer.unwrap()),
                _ => None,
            }));
        }
        assert_prefix_only(&done[0], &model);
        assert_eq!(done[0].tokens, full[..5]);
        for (request, expected) in requests.iter().zip(&expected) {
            assert_eq!(receipt(&mut session, request), *expected);
        }
    }
}

#[test]
fn one_cancelled_job_leaves_the_others_alone() {
    let model = model(&ModelSpec::tiny());
    let requests = requests();
    let expected = alone(&model, None, &requests[..3]);
    let mut session = session(&model, &SessionOptions { streams: 3, ubatch: 100, ..options(CONTEXT) });
    let submit = |session: &mut Session, i: usize| session.submit(&requests[i], Some(signer())).unwrap()[0];
    let first = submit(&mut session, 0);
    let cancelled_early = submit(&mut session, 1);
    let other = submit(&mut session, 2);
    let (mut done, mut prefilled): (BTreeMap<JobId, Answer>, Vec<JobId>) = (BTreeMap::new(), Vec::new());
    let mut again = None;
    while session.pending() > 0 {
        for event in session.step().unwrap() {
            match event {
                // In the middle of its prompt, of which it shares a prefix with the first.
                Event::Prefill { job, .. } if job == cancelled_early => session.cancel(job),
                Event::Prefill { job, done, total } if done == total => prefilled.push(job),
                Event::Done { job, answer } => {
                    done.insert(job, answer.unwrap());
                    if job == cancelled_early {
                        // Into the slot that has just become free.
                        again = Some(submit(&mut session, 1));
                    }
                }
                _ => {}
            }
        }
    }
    assert_prefix_only(&done[&cancelled_early], &model);
    for (job, expected) in [(first, &expected[0]), (again.unwrap(), &expected[1]), (other, &expected[2])] {
        assert_eq!(document(&done[&job]).to_json().unwrap(), *expected);
    }
}

#[test]
fn any_order_of_submits_steps_and_cancels() {
    let model = model(&ModelSpec::nano());
    let requests: Vec<Request> = (0..7u32)
        .map(|i| {
            let prompt = prompt(30 * (i as usize % 3), 1 + 20 * (i as usize % 2), i + 40);
            json!({"promptTokens": prompt, "maxTokens": 3 + 5 * i, "temperature": 1, "seed": i.to_string()})
        })
        .map(request)
        .collect();
    let expected = alone(&model, None, &requests);
    let full: Vec<Vec<Token>> =
        expected.iter().map(|json| parse(json).disclosure.unwrap().output_tokens.unwrap()).collect();
    let (mut whole, mut cut) = (0, 0);
    for seed in 0..6 {
        let options = SessionOptions { streams: 4, ubatch: 16, ..options(CONTEXT) };
        let mut session = session(&model, &options);
        let handle = session.cancel_handle();
        let mut live: BTreeMap<JobId, usize> = BTreeMap::new();
        for action in tokens(250, seed).into_iter().map(|t| t as usize) {
            match action % 25 {
                0..=3 => {
                    let i = action / 25 % requests.len();
                    live.insert(session.submit(&requests[i], Some(signer())).unwrap()[0], i);
                }
                4 => {
                    if let Some(id) = live.keys().nth(action / 25 % live.len().max(1)) {
                        session.cancel(*id);
                    }
                }
                5 if action < 50 => handle.cancel(),
                6 => session.forget().unwrap(),
                _ => {
                    for event in session.step().unwrap() {
                        let Event::Done { job, answer } = event else { continue };
                        let (answer, i) = (answer.unwrap(), live.remove(&job).unwrap());
                        if answer.finish == Finish::Cancelled {
                            assert!(full[i].starts_with(&answer.tokens), "seed {seed}");
                            cut += 1;
                        } else {
                            assert_eq!(document(&answer).to_json().unwrap(), expected[i], "seed {seed}");
                            whole += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(whole > 50 && cut > 50, "{whole} whole, {cut} cancelled");
}

#[test]
fn a_cancel_that_meets_a_score_ends_it_alone() {
    let model = model(&ModelSpec::nano());
    let mut session = session(&model, &options(64));
    let request = request(json!({"promptTokens": tokens(20, 3), "contextTokens": 64}));
    let continuation = Continuation::Tokens(tokens(5, 4));
    let score = |session: &mut Session| session.score(&request, &continuation, Some(signer()));
    let expected = score(&mut session).unwrap().receipt.unwrap().unwrap().to_json().unwrap();
    session.forget().unwrap();
    session.cancel_handle().cancel();
    assert_eq!(score(&mut session).unwrap_err().kind(), ErrorKind::Cancelled);
    let again = score(&mut session).unwrap().receipt.unwrap().unwrap().to_json().unwrap();
    assert_eq!(again, expected);
}

#[test]
fn choices() {
    let model = model(&ModelSpec::tiny());
    let request = request(json!({"promptTokens": prompt(246, 2, 5), "maxTokens": 14, "temperature": 1,
                                 "choices": 4, "ignoreEog": true}));
    let session_of = |streams| session(&model, &SessionOptions { streams, ..options(CONTEXT) });
    let one_by_one = receipts(&mut session_of(1), &request);
    assert_eq!(one_by_one.len(), 4);
    let mut outputs = BTreeSet::new();
    for (stream, json) in (0u32..).zip(&one_by_one) {
        assert_eq!(check(json, &model, None).verdict, Verdict::Verified { prefix_only: false });
        let disclosure = parse(json).disclosure.unwrap();
        assert_eq!(disclosure.stream, stream);
        outputs.insert(disclosure.output_tokens.unwrap());
    }
    assert_eq!(outputs.len(), 4, "the streams draw different numbers");
    for streams in [2, 4] {
        assert!(receipts(&mut session_of(streams), &request) == one_by_one, "{streams} streams");
    }
}

#[test]
fn an_adapter() {
    let spec = ModelSpec::tiny();
    let model = model(&spec);
    let ours = adapter(&LoraSpec::default(), &spec, &model);
    let other = adapter(&LoraSpec { seed: 2, ..LoraSpec::default() }, &spec, &model);
    let requests = &requests()[..2];
    let base = alone(&model, None, requests);
    let adapted = same_in_every_way(&model, Some(&ours), requests, &[(1, 7), (2, 64)]);
    // Side by side in one process, step by step.
    let mut plain = session(&model, &options(CONTEXT));
    let mut with = session(&model, &SessionOptions { adapter: Some(ours.clone()), ..options(CONTEXT) });
    for (i, request) in requests.iter().enumerate() {
        assert_eq!(receipt(&mut plain, request), base[i]);
        assert_eq!(receipt(&mut with, request), adapted[i]);
    }
    for (base, adapted) in base.iter().zip(&adapted) {
        let (b, a) = (parse(base).receipt, parse(adapted).receipt);
        assert_eq!((b.adapter, a.adapter), ([0; 32], ours.sha256()));
        assert_eq!((b.model, b.prompt), (a.model, a.prompt));
        assert_ne!(b.trace, a.trace);
        let verdict = |json: &str, adapter| check(json, &model, adapter).verdict;
        assert_eq!(verdict(adapted, Some(&ours)), Verdict::Verified { prefix_only: false });
        for (json, with) in [(adapted, None), (adapted, Some(&other)), (base, Some(&ours))] {
            assert!(
                matches!(verdict(json, with), Verdict::Unverifiable { why } if why.contains("adapter")),
                "only the adapter named can verify"
            );
        }
    }
}

#[test]
fn two_nodes_differ_in_who_and_when_alone() {
    let model = model(&ModelSpec::tiny());
    let make = |key: u8, issued_at: &str| {
        let request = request(json!({"promptTokens": prompt(20, 4, 9), "maxTokens": 12, "temperature": 0.9,
                                     "issuedAt": issued_at}));
        let key = Arc::new(KeySigner::from_bytes(&[key; 32]).unwrap());
        let mut session = session(&model, &options(CONTEXT));
        let answers = session.generate(&request, Some(key), &mut |_| true).unwrap();
        document(&answers[0]).to_json().unwrap()
    };
    let (a, b) = (make(1, "1700000000"), make(2, "1700000777"));
    let flat = |json: &str| {
        let mut fields = BTreeMap::new();
        flatten("", &serde_json::from_str(json).unwrap(), &mut fields);
        fields
    };
    let (fields_a, fields_b) = (flat(&a), flat(&b));
    let keys: BTreeSet<&String> = fields_a.keys().chain(fields_b.keys()).collect();
    let differing: Vec<&str> =
        keys.into_iter().filter(|k| fields_a.get(*k) != fields_b.get(*k)).map(String::as_str).collect();
    assert_eq!(differing, ["/message/issuedAt", "/message/signer", "/signature", "/signer"]);
    for json in [a, b] {
        assert_eq!(check(&json, &model, None).verdict, Verdict::Verified { prefix_only: false });
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| flatten(&format!("{path}/{k}"), v, into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| flatten(&format!("{path}/{i}"), v, into));
        }
        leaf => {
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

#[test]
fn an_exact_and_a_fast_session_at_once() {
    let model = model(&ModelSpec::tiny());
    let requests = &requests()[..3];
    let expected = alone(&model, None, requests);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (ready, wait) = mpsc::channel();
        let fast = scope.spawn(|| {
            let ready = ready;
            let options = SessionOptions { profile: Some(Profile::Fast1), ..options(CONTEXT) };
            let mut session = session(&model, &options);
            let mut documents = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                session.forget().unwrap();
                documents = receipts(&mut session, &requests[0]);
                let _ = ready.send(());
            }
            documents.remove(0)
        });
        wait.recv().unwrap();
        let outcome = std::panic::catch_unwind(|| {
            for threads in [1, 2] {
                let options = SessionOptions { threads: Some(threads), ubatch: 32, ..options(CONTEXT) };
                let mut session = session(&model, &options);
                for (request, expected) in requests.iter().zip(&expected) {
                    assert_eq!(receipt(&mut session, request), *expected);
                }
            }
        });
        stop.store(true, Ordering::Relaxed);
        let fast = fast.join().unwrap();
        outcome.unwrap();
        // The comparison means something: the other profile's kernels do compute other bits.
        let (fast, exact) = (parse(&fast), parse(&expected[0]));
        assert_eq!(fast.disclosure.as_ref().unwrap().profile, Some(Profile::Fast1.id()));
        assert_eq!(fast.receipt.prompt, exact.receipt.prompt);
        assert_ne!(fast.receipt.trace, exact.receipt.trace);
    });
}

/// Trace roots, as they came out of one build on one machine: no independent source exists for a
/// random model's logits, but every other build, in debug or release, on any processor, must agree.
#[test]
fn every_build_computes_the_pinned_traces() {
    // Under exact-1 and under exact-2.
    let specs = [
        (
            "Q8_0",
            ModelSpec::tiny(),
            [
                "0x27f5d6387fe72defc3f4ac889cd321674c9ad88058bb6d9d1be612153ba0d98b",
                "0x5709d9632bb3d9cc9ecef49f67c6966d9e5de2b80dd0b21eb006628ede8154c9",
            ],
        ),
        (
            "Q4_0",
            ModelSpec::tiny().with_type(TensorType::Q4_0),
            [
                "0x156b8a700cc2e005bdf32bf871b5c4da7d456c737592a58d8f6056ce297ac8b1",
                "0xe3ddc6f5694406904183ace843508b9677a6bac672db1cbaa1522389031f502d",
            ],
        ),
        (
            "Q4_K",
            ModelSpec::tiny().with_type(TensorType::Q4_K),
            [
                "0x9679c4f4f33199cfeb62c1ae4be37868ca6effea89eb6fbdde4f599a0fc1ced7",
                "0xa4bb50d15c2c484d6c2ffce87b8b584e2f5490980f5e9120bd37a9cfc19a8e3f",
            ],
        ),
        (
            "Q6_K",
            ModelSpec::tiny().with_type(TensorType::Q6_K),
            [
                "0xb1a03664fe30c9fed9aac7215421ab8042f22f465d8edb45a03abd013e89cf4a",
                "0xdbc9bce87fc7a8757956712c188681e70f5b915efb99db1ce557893fac59bee6",
            ],
        ),
        (
            "F16",
            ModelSpec::tiny().with_type(TensorType::F16),
            [
                "0x16e858d01790bbdfa918225d5cd8bb97efd57f8f678f68fa052c5741cd1f6b0c",
                "0x53ab0504019749f78df4f70999b9e2e5ac97632392f12c9f9d5cf08dd4bb5327",
            ],
        ),
        (
            "experts",
            ModelSpec::moe_tiny(),
            [
                "0x0af1498e7b3d8049b0f1d8fac44bac5bc1462273c1977c11f0d094328068ddb8",
                "0x2c0623a5a4be6a89de717ee0991bd6d9f59ecf791db68193ea980fdb1b60ea28",
            ],
        ),
    ];
    let request = request(json!({"promptTokens": tokens(40, 6), "maxTokens": 16, "temperature": 0.8,
                                 "topP": 0.95, "ignoreEog": true}));
    let mut wrong = Vec::new();
    for (name, spec, pinned) in specs {
        let model = model(&spec);
        for (profile, pinned) in [Profile::Exact1, Profile::Exact2].into_iter().zip(pinned) {
            let options = SessionOptions { profile: Some(profile), ..options(CONTEXT) };
            let mut session = session(&model, &options);
            let trace = document(&answers(&mut session, &request)[0]).receipt.trace;
            let trace = attestlm::hex::encode(&trace);
            if trace != pinned {
                wrong.push(format!("{name}, {}: {trace}", profile.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
