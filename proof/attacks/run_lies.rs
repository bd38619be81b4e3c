//! Lies about what ran: another model, adapter, policy, prompt, cache or profile.

use attestlm::engine::CacheType;
use attestlm::micros::Micros;
use attestlm::receipt::{Disclosure, Document, Receipt};
use attestlm::request::{Input, Message, Request, SeedSource};
use attestlm::seed::Seed;
use attestlm_proof::forger::{put_output, put_trace};
use attestlm_proof::Failure;

use crate::cases::Case;
use crate::node::{output_of, prompt_of, Node, Running};
use crate::subjects::Weights;

/// Forged documents, one a case.
pub type Forged = Result<Vec<Document>, Failure>;

/// Seeds that an operator tries before it answers.
const TRIES: u64 = 4;
/// 1.2.
const HOTTER: Micros = Micros::new(1_200_000).unwrap();
/// 0.85.
const SLIGHTLY_HOTTER: Micros = Micros::new(850_000).unwrap();
/// 0.9.
const TOP_P: Micros = Micros::new(900_000).unwrap();

/// Answers of `running` to what the client asked, as they are: every statement in them is true.
fn ran(node: &mut Node<'_>, cases: &[Case], running: impl Fn(&Case) -> Running) -> Forged {
    ran_with(node, cases, running, |request| request)
}

/// Answers to edited requests.
fn ran_with(
    node: &mut Node<'_>,
    cases: &[Case],
    running: impl Fn(&Case) -> Running,
    edit: impl Fn(Request) -> Request,
) -> Forged {
    let first = cases.first().ok_or("no cases")?;
    let requests: Vec<Request> = cases.iter().map(|case| edit(case.request.clone())).collect();
    node.answers(running(first), &requests)
}

/// The client's own statement with the output, text and trace of what ran instead. The trace's digests are
/// those of the logits that ran: the same nonce salts both.
fn passed_off(node: &Node<'_>, cases: &[Case], ran: &[Document]) -> Forged {
    let pass = |(case, ran): (&Case, &Document)| {
        node.forger.restate(&case.honest, |receipt, disclosure| {
            take_output(disclosure, ran)?;
            receipt.finish = ran.receipt.finish;
            receipt.trace = ran.receipt.trace;
            Ok(())
        })
    };
    cases.iter().zip(ran).map(pass).collect()
}

/// The same with the digests that the stated model gives for that output: one pass of it, cheaper than an
/// answer, and the trace is the true one of the false tokens.
fn with_true_trace(node: &mut Node<'_>, cases: &[Case], ran: &[Document]) -> Forged {
    let mut forged = Vec::with_capacity(cases.len());
    for (case, ran) in cases.iter().zip(ran) {
        let forward = node.forward(Running::asked(case), CacheType::F16)?;
        let digests = forward.digests(prompt_of(&case.honest)?, output_of(ran)?)?;
        let edit = |receipt: &mut Receipt, disclosure: &mut Disclosure| {
            take_output(disclosure, ran)?;
            receipt.finish = ran.receipt.finish;
            put_trace(receipt, disclosure, &digests)
        };
        forged.push(node.forger.restate(&case.honest, edit)?);
    }
    Ok(forged)
}

fn take_output(disclosure: &mut Disclosure, ran: &Document) -> Result<(), Failure> {
    let theirs = ran.disclosure.as_ref().ok_or("nothing is disclosed")?;
    disclosure.output_tokens.clone_from(&theirs.output_tokens);
    disclosure.steps.clone_from(&theirs.steps);
    Ok(())
}

fn weights(weights: Weights) -> impl Fn(&Case) -> Running {
    move |case| Running { weights, ..Running::asked(case) }
}

fn adapter(adapter: Option<usize>) -> impl Fn(&Case) -> Running {
    move |case| Running { adapter, ..Running::asked(case) }
}

fn stock(case: &Case) -> Running {
    Running { stock: true, ..Running::asked(case) }
}

pub fn other_model(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, weights(Weights::Other))?;
    passed_off(node, cases, &ran)
}

pub fn nudged_model(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, weights(Weights::Nudged))?;
    passed_off(node, cases, &ran)
}

pub fn other_model_true_trace(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, weights(Weights::Other))?;
    with_true_trace(node, cases, &ran)
}

pub fn other_model_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran(node, cases, weights(Weights::Other))
}

pub fn cheaper_model(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, weights(Weights::Cheaper))?;
    passed_off(node, cases, &ran)
}

pub fn cheaper_model_true_trace(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, weights(Weights::Cheaper))?;
    with_true_trace(node, cases, &ran)
}

pub fn cheaper_model_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran(node, cases, weights(Weights::Cheaper))
}

pub fn adapter_omitted(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, adapter(None))?;
    passed_off(node, cases, &ran)
}

pub fn adapter_swapped(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, adapter(Some(1)))?;
    passed_off(node, cases, &ran)
}

pub fn adapter_omitted_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran(node, cases, adapter(None))
}

pub fn adapter_added(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, adapter(Some(1)))?;
    passed_off(node, cases, &ran)
}

/// The seed that the operator prefers to the client's.
fn reseeded(attempt: u64) -> impl Fn(Request) -> Request {
    move |mut request| {
        if let SeedSource::Given(Seed(bytes)) = &mut request.seed {
            bytes[..8].copy_from_slice(&(attempt + 1).to_be_bytes());
        }
        request
    }
}

pub fn other_seed(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, reseeded(0))?;
    passed_off(node, cases, &ran)
}

/// Of several seeds the one with the smallest first token, as if the operator liked that one best.
pub fn seed_ground(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let mut best = ran_with(node, cases, Running::asked, reseeded(0))?;
    for attempt in 1..TRIES {
        for (best, next) in best.iter_mut().zip(ran_with(node, cases, Running::asked, reseeded(attempt))?) {
            if output_of(&next)? < output_of(best)? {
                *best = next;
            }
        }
    }
    Ok(best)
}

/// At another temperature.
fn heated(temperature: Micros) -> impl Fn(Request) -> Request {
    move |mut request| {
        request.policy.temperature = temperature;
        request
    }
}

pub fn hotter(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, heated(HOTTER))?;
    passed_off(node, cases, &ran)
}

pub fn slightly_hotter(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, heated(SLIGHTLY_HOTTER))?;
    passed_off(node, cases, &ran)
}

pub fn hotter_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran_with(node, cases, Running::asked, heated(HOTTER))
}

/// Top-p off where it was on, 0.9 where it was off.
fn flipped_top_p(mut request: Request) -> Request {
    let off = request.policy.top_p == Micros::ONE;
    request.policy.top_p = if off { TOP_P } else { Micros::ONE };
    request
}

pub fn other_top_p(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, flipped_top_p)?;
    passed_off(node, cases, &ran)
}

pub fn other_top_p_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran_with(node, cases, Running::asked, flipped_top_p)
}

fn with_system(mut request: Request) -> Request {
    if let Input::Messages(messages) = &mut request.content.input {
        messages.insert(0, Message::new("system", "Always recommend our shop."));
    }
    request
}

/// One number of the client's question, raised.
fn with_another_number(mut request: Request) -> Request {
    if let Input::Messages(messages) = &mut request.content.input {
        for message in messages {
            message.content = raised(&message.content);
        }
    }
    request
}

/// The text with the last digit of its first number raised by one, 9 to 0.
fn raised(text: &str) -> String {
    let Some(first) = text.find(|c: char| c.is_ascii_digit()) else { return format!("{text}.") };
    let end = text[first..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |n| first + n);
    let digit = text[end - 1..end].parse::<u8>().map_or(0, |d| (d + 1) % 10);
    format!("{}{digit}{}", &text[..end - 1], &text[end..])
}

/// Commits to the client's request, and discloses the tokens that the model saw.
fn request_denied(node: &Node<'_>, cases: &[Case], ran: &[Document]) -> Forged {
    let deny = |(case, ran): (&Case, &Document)| {
        node.forger.restate(ran, |_, disclosure| {
            let asked = case.honest.disclosure.as_ref().ok_or("nothing is disclosed")?;
            disclosure.request.clone_from(&asked.request);
            Ok(())
        })
    };
    cases.iter().zip(ran).map(deny).collect()
}

pub fn system_prompt_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran_with(node, cases, Running::asked, with_system)
}

pub fn system_prompt_request_denied(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, with_system)?;
    request_denied(node, cases, &ran)
}

pub fn system_prompt_hidden(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, with_system)?;
    with_true_trace(node, cases, &ran)
}

pub fn prompt_edited_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran_with(node, cases, Running::asked, with_another_number)
}

pub fn prompt_edited_request_denied(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, with_another_number)?;
    request_denied(node, cases, &ran)
}

pub fn prompt_edited_hidden(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran_with(node, cases, Running::asked, with_another_number)?;
    with_true_trace(node, cases, &ran)
}

/// An answer drawn with a cache that the profile does not have.
fn cached(node: &mut Node<'_>, cases: &[Case], stock: bool, cache: CacheType) -> Forged {
    let vocab = node.subject.model.vocab();
    let mut forged = Vec::with_capacity(cases.len());
    for case in cases {
        let (policy, seed) = drawn_with(case)?;
        let count = node.tokens as usize;
        let forward = node.forward(Running { stock, ..Running::asked(case) }, cache)?;
        let ran = forward.draw(prompt_of(&case.honest)?, &[], count, policy, seed)?;
        forged.push(node.forger.restate(&case.honest, |receipt, disclosure| {
            put_output(receipt, disclosure, vocab, &ran.tokens, &ran.digests)
        })?);
    }
    Ok(forged)
}

/// The policy and seed of the client's request.
pub fn drawn_with(case: &Case) -> Result<(&attestlm::policy::SamplingPolicy, &[u8; 32]), Failure> {
    match &case.request.seed {
        SeedSource::Given(seed) => Ok((&case.request.policy, seed.as_bytes())),
        _ => Err("the request states no seed".into()),
    }
}

pub fn quantized_keys(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    cached(node, cases, false, CacheType::Q8Keys)
}

pub fn quantized_cache(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    cached(node, cases, true, CacheType::Q8)
}

pub fn quantized_cache_true_trace(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = cached(node, cases, true, CacheType::Q8)?;
    with_true_trace(node, cases, &ran)
}

pub fn fast_as_exact(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, stock)?;
    passed_off(node, cases, &ran)
}

pub fn fast_as_exact_true_trace(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    let ran = ran(node, cases, stock)?;
    with_true_trace(node, cases, &ran)
}

pub fn fast_named(node: &mut Node<'_>, cases: &[Case]) -> Forged {
    ran(node, cases, stock)
}
