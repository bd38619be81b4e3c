//! Replay beside generation.

use std::sync::Arc;
use std::time::Instant;

use attestlm::model::Model;
use attestlm::signer::{KeySigner, Signer};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};

use super::settle;
use crate::contestants::attested::{self, Policy};
use crate::plan::Plan;
use crate::protocol::DECODE_PROMPT;
use crate::report::{Section, Target};
use crate::stats::{digits, median, ms, spread};
use crate::{shapes, Result};

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
                let because = "The products of the prefill take it: \"Where the time goes\" ends with what they leave possible.";
                let what = format!("replay / generation, {tokens} tokens");
                section.targets.push(Target::at_most(what, s.median, 0.40).because(because));
            }
        }
    }
    section
        .table(&["output tokens, policy", "generate, ms", "verify, ms", "verify / generate (range)"], &lines);
    Ok(vec![section])
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
    let context = (u32::try_from(DECODE_PROMPT)? + tokens).next_multiple_of(256);
    let mut session = attested::session(model, plan.threads, context, 1)?;
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random()?);
    let request = policy.request(&prompt, tokens, context);
    let options =
        VerifyOptions { model: Some(model), threads: Some(plan.threads), ..VerifyOptions::default() };
    let (mut generated, mut replayed) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        session.forget()?;
        settle();
        let (first, rest, document) = attested::answer(&mut session, &request, &signer)?;
        settle();
        let begun = Instant::now();
        let report = verify(&document, &Expectations::default(), &options)?;
        replayed.push(ms(begun.elapsed()));
        generated.push(ms(first + rest));
        if report.verdict != (Verdict::Verified { prefix_only: false }) {
            return Err(format!("the replay says {:?}", report.verdict).into());
        }
    }
    Ok((generated, replayed))
}
