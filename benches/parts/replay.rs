//! Replay beside generation.

use std::sync::Arc;
use std::time::Instant;

use attestlm::model::Model;
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::Session;
use attestlm::signer::{KeySigner, Signer};
use attestlm::verdict::{Report, Verdict};
use attestlm::verify::{verify, Expectations, Verifier, VerifyOptions};

use super::settle;
use crate::contestants::attested::{self, Policy};
use crate::plan::Plan;
use crate::protocol::DECODE_PROMPT;
use crate::report::{Section, Target};
use crate::stats::{count, digits, median, ms, spread};
use crate::{shapes, Result};

/// Receipts of a batch.
const BATCH: usize = 8;

/// Measures.
///
/// # Errors
/// A failed answer, or a replay that does not verify.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let shape = &plan.main_shape;
    let model = Model::open(&plan.model(shape)?)?;
    let mut section = Section::new("Replay");
    section.paragraph(&format!(
        "An answer to a prompt of {DECODE_PROMPT} tokens with its receipt, then `verify`: signature, commitments, a \
         new context, one prefill, the digest and the draw of every position. {}, {} threads; both take turns.",
        shape.name, plan.threads
    ));
    let mut lines = Vec::new();
    for tokens in &plan.replayed {
        let decides = *tokens == plan.replayed_target;
        for policy in Policy::ALL {
            if policy != Policy::Greedy && !decides {
                continue;
            }
            eprintln!("replay: {tokens} tokens, {}", policy.name());
            // The longest answer takes longest and only shows how the ratio grows.
            let rounds = match policy {
                _ if *tokens > plan.replayed_target => 1,
                Policy::Greedy if decides => plan.rounds,
                _ => plan.few_rounds,
            };
            let (generated, replayed) = measure(plan, &model, policy, *tokens, rounds)?;
            let ratios: Vec<f64> = replayed.iter().zip(&generated).map(|(r, g)| r / g).collect();
            let s = spread(&ratios);
            lines.push(vec![
                format!("{tokens}, {}", policy.name()),
                digits(median(&generated)),
                digits(median(&replayed)),
                format!("{:.3} ({:.3} to {:.3})", s.median, s.least, s.most),
            ]);
            if decides && policy == Policy::Greedy {
                let what = format!("replay / generation, {tokens} tokens");
                section.targets.push(Target::at_most(what, s.median, 0.2));
            }
        }
    }
    section
        .table(&["output tokens, policy", "generate, ms", "verify, ms", "verify / generate (range)"], &lines);
    batch(plan, &model, &mut section)?;
    Ok(vec![section])
}

/// Answers to different prompts, verified one after another by one verifier.
fn batch(plan: &Plan, model: &Model, section: &mut Section) -> Result<()> {
    let tokens = plan.replayed_target;
    eprintln!("replay: {BATCH} of {tokens} tokens");
    let mut setting = Setting::new(plan, model, tokens)?;
    let (mut generated, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..plan.few_rounds {
        let mut answers = Vec::new();
        let mut took = 0.0;
        for at in 0..BATCH {
            // No two have a prefix in common.
            let mut prompt = shapes::prompt(DECODE_PROMPT);
            prompt.rotate_left(1 + at + BATCH * round);
            let (ms, document) = setting.answer(&Policy::Greedy.request(&prompt, tokens, setting.context))?;
            took += ms;
            answers.push(document);
        }
        settle();
        let begun = Instant::now();
        let mut verifier = Verifier::new(setting.options.clone());
        for document in &answers {
            is_verified(&verifier.verify(document, &Expectations::default())?)?;
        }
        generated.push(took / count(BATCH));
        ratios.push(ms(begun.elapsed()) / took);
    }
    let s = spread(&ratios);
    section.paragraph(&format!(
        "{BATCH} such receipts of different prompts, {tokens} tokens each, greedy, one after another by one `Verifier`, which \
         keeps its context: {} ms each to generate, {:.3} ({:.3} to {:.3}) of it to verify. A receipt that claims the \
         same answer as the one before costs no replay.",
        digits(median(&generated)),
        s.median,
        s.least,
        s.most
    ));
    let what = format!("replay / generation, each of {BATCH} of {tokens} tokens in one batch");
    section.targets.push(Target::at_most(what, s.median, 0.1));
    Ok(())
}

/// A session that answers, and with what answers are verified.
struct Setting<'a> {
    session: Session,
    signer: Arc<dyn Signer>,
    context: u32,
    options: VerifyOptions<'a>,
}

impl<'a> Setting<'a> {
    fn new(plan: &Plan, model: &'a Model, tokens: u32) -> Result<Self> {
        let context = (u32::try_from(DECODE_PROMPT)? + tokens).next_multiple_of(256);
        Ok(Setting {
            session: attested::session(model, plan.threads, context, 1)?,
            signer: Arc::new(KeySigner::random()?),
            context,
            options: VerifyOptions {
                model: Some(model),
                threads: Some(plan.threads),
                ..VerifyOptions::default()
            },
        })
    }

    /// An answer, and the milliseconds it took.
    fn answer(&mut self, request: &Request) -> Result<(f64, Document)> {
        self.session.forget()?;
        settle();
        let (first, rest, document) = attested::answer(&mut self.session, request, &self.signer)?;
        settle();
        Ok((ms(first + rest), document))
    }
}

fn is_verified(report: &Report) -> Result<()> {
    match report.verdict {
        Verdict::Verified { prefix_only: false } => Ok(()),
        ref verdict => Err(format!("the replay says {verdict:?}").into()),
    }
}

/// Milliseconds of generation and of replay in each round.
fn measure(
    plan: &Plan,
    model: &Model,
    policy: Policy,
    tokens: u32,
    rounds: usize,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let prompt = shapes::prompt(DECODE_PROMPT);
    let mut setting = Setting::new(plan, model, tokens)?;
    let request = policy.request(&prompt, tokens, setting.context);
    let (mut generated, mut replayed) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (took, document) = setting.answer(&request)?;
        let begun = Instant::now();
        let report = verify(&document, &Expectations::default(), &setting.options)?;
        replayed.push(ms(begun.elapsed()));
        generated.push(took);
        is_verified(&report)?;
    }
    Ok((generated, replayed))
}
