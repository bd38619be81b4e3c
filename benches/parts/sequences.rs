//! Several sequences at once in one session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attestlm::model::Model;
use attestlm::signer::{KeySigner, Signer};

use super::settle;
use crate::contestants::attested::{self, Policy};
use crate::plan::Plan;
use crate::report::{Section, Target};
use crate::stats::{count, digits, median, spread};
use crate::{shapes, Result};

/// Tokens of each sequence's prompt.
const PROMPT: usize = 16;
const CONTEXT: u32 = 256;

/// Measures.
///
/// # Errors
/// A failed answer.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let shape = &plan.main_shape;
    let model = Model::open(&plan.model(shape)?)?;
    let mut section = Section::new("Several sequences at once");
    section.paragraph(&format!(
        "{}, {} threads: one session that decodes for so many requests at once, prompts of {PROMPT} tokens, every \
         answer signed. Timed are the {} steps after the last prompt was read; the numbers of sequences take turns.",
        shape.name, plan.threads, plan.sequence_tokens
    ));
    let mut lines = Vec::new();
    for policy in [Policy::Greedy, Policy::TopK] {
        eprintln!("sequences: {}", policy.name());
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); plan.sequences.len()];
        let rounds = if policy == Policy::Greedy { plan.rounds } else { plan.few_rounds };
        for _ in 0..rounds {
            for (rates, sequences) in rates.iter_mut().zip(&plan.sequences) {
                rates.push(rate(plan, &model, policy, *sequences)?);
            }
        }
        for (many, sequences) in rates.iter().zip(&plan.sequences) {
            let ratios: Vec<f64> = many.iter().zip(&rates[0]).map(|(many, one)| many / one).collect();
            let s = spread(&ratios);
            lines.push(vec![
                format!("{sequences}, {}", policy.name()),
                digits(median(many)),
                format!("{:.2} ({:.2} to {:.2})", s.median, s.least, s.most),
            ]);
            if policy == Policy::Greedy && *sequences == plan.sequences_target {
                let because = "The products of the batch take it: \"Where the time goes\" ends with what they leave possible.";
                let what = format!("{sequences} sequences / one, tokens a second");
                section.targets.push(Target::at_least(what, s.median, 2.0).because(because));
            }
        }
    }
    section.table(&["sequences, policy", "tokens a second", "times one sequence (range)"], &lines);
    Ok(vec![section])
}

/// Tokens a second of `sequences` at once.
fn rate(plan: &Plan, model: &Model, policy: Policy, sequences: u32) -> Result<f64> {
    let mut session = attested::session(model, plan.threads, CONTEXT, sequences)?;
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random()?);
    // One prompt is read in each step, and those before it draw a token already: each sequence gets as
    // many tokens more as it is early, so that all have the same number left when the last has begun.
    for number in 0..sequences {
        let mut prompt = shapes::prompt(PROMPT);
        prompt[0] = number;
        let tokens = plan.sequence_tokens + sequences - number;
        session.submit(&policy.request(&prompt, tokens, CONTEXT), Some(Arc::clone(&signer)))?;
    }
    for _ in 0..sequences {
        attested::step(&mut session)?;
    }
    settle();
    let (mut time, mut steps, mut documents) = (Duration::ZERO, 0u32, 0usize);
    while session.pending() > 0 {
        let begun = Instant::now();
        documents += attested::step(&mut session)?.len();
        time += begun.elapsed();
        steps += 1;
    }
    if documents != sequences as usize || steps != plan.sequence_tokens {
        return Err(format!("{documents} answers of {sequences} in {steps} steps").into());
    }
    Ok(count(documents) * f64::from(steps) / time.as_secs_f64())
}
