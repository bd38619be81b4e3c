//! The bundled model on problems it never saw, through our own engine.
#![cfg(all(feature = "engine", feature = "bundled"))]

use std::collections::BTreeMap;
use std::sync::Arc;

use attestlm::model::Model;
use attestlm::receipt::Finish;
use attestlm::request::{Input, Message, Request};
use attestlm::session::{Answer, Event, JobId, Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};

const HELD_OUT: &str = include_str!("../../models/abacus/heldout.jsonl");
const CONTEXT: u32 = 512;
/// The length of the model's longest answer is about half of it.
const MAX_TOKENS: u32 = 160;

#[derive(serde::Deserialize)]
struct Problem {
    problem: String,
    answer: String,
    steps: Vec<String>,
}

fn held_out() -> Vec<Problem> {
    let problems: Vec<Problem> =
        HELD_OUT.lines().map(|line| serde_json::from_str(line).expect("a problem per line")).collect();
    assert_eq!(problems.len(), 1000);
    problems
}

fn request(problem: &Problem) -> Request {
    let mut request = Request::new(Input::Messages(vec![Message::new("user", problem.problem.as_str())]));
    request.policy.max_tokens = MAX_TOKENS;
    request.policy.context_tokens = CONTEXT;
    request
}

/// Greedy answers to all problems, decoded together, in the order of the problems.
fn answers(session: &mut Session, problems: &[Problem], signer: Option<&Arc<dyn Signer>>) -> Vec<Answer> {
    let mut jobs: Vec<JobId> = Vec::new();
    for problem in problems {
        jobs.extend(session.submit(&request(problem), signer.cloned()).unwrap());
    }
    let mut answers = BTreeMap::new();
    while session.pending() > 0 {
        for event in session.step().unwrap() {
            if let Event::Done { job, answer } = event {
                answers.insert(job, answer.unwrap());
            }
        }
    }
    jobs.iter().map(|job| answers.remove(job).unwrap()).collect()
}

/// The reasoning, and what follows it; `None` for an answer of another shape.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (reasoning, result) = text.strip_prefix("<think>\n")?.split_once("\n</think>\n")?;
    (!result.contains("</think>")).then_some((reasoning, result))
}

fn session(model: &Model, streams: u32) -> Session {
    let options = SessionOptions { streams, context_tokens: CONTEXT, ..SessionOptions::default() };
    Session::new(model, &options).unwrap()
}

#[test]
fn at_least_95_percent_of_the_held_out_problems_are_answered_exactly() {
    let model = Model::bundled().unwrap();
    let problems = held_out();
    let answers = answers(&mut session(&model, 16), &problems, None);
    let mut by_steps: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let (mut exact, mut unwatched, mut shaped, mut ended) = (0, 0, 0, 0);
    for (number, (problem, answer)) in problems.iter().zip(&answers).enumerate() {
        assert!(answer.receipt.is_none());
        let parts = parts(&answer.text);
        let right = parts.is_some_and(|(_, result)| result == problem.answer);
        exact += usize::from(right);
        // The first 200 were watched while the model was trained (models/abacus/README.md).
        unwatched += usize::from(right && number >= 200);
        shaped +=
            usize::from(parts.is_some_and(|(reasoning, _)| reasoning.lines().all(|l| l.contains(" = "))));
        ended += usize::from(answer.finish == Finish::EndOfGeneration);
        let (of_steps, all) = by_steps.entry(problem.steps.len()).or_default();
        *of_steps += usize::from(right);
        *all += 1;
    }
    println!("exact: {exact} of 1000, {unwatched} of the last 800; by number of steps: {by_steps:?}");
    println!("with a think block of equations: {shaped}; ended by themselves: {ended}");
    assert!(shaped >= 990, "{shaped} of 1000 answers show their reasoning");
    assert!(ended >= 990, "{ended} of 1000 answers end by themselves");
    assert!(exact >= 950, "{exact} of 1000");
    assert!(unwatched >= 760, "{unwatched} of the 800 that were not watched in training");
}

#[test]
fn attested_answers_to_held_out_problems_verify() {
    let model = Model::bundled().unwrap();
    let problems = held_out();
    let problems: Vec<Problem> = problems.into_iter().step_by(50).collect();
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random().unwrap());
    let answers = answers(&mut session(&model, 8), &problems, Some(&signer));
    assert_eq!(answers.len(), 20);
    for (problem, answer) in problems.iter().zip(answers) {
        let document = answer.receipt.unwrap().unwrap();
        let expectations = Expectations {
            signer: Some(signer.address()),
            model: Some(model.sha256()),
            request: Some(request(problem)),
            ..Expectations::default()
        };
        let options = VerifyOptions { model: Some(&model), ..VerifyOptions::default() };
        let report = verify(&document, &expectations, &options).unwrap();
        assert_eq!(report.verdict, Verdict::Verified { prefix_only: false }, "{report:?}");
    }
}
