//! Generation with receipt beside the raw loop on the same profile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::signer::{KeySigner, Signer};

use super::settle;
use crate::contestants::attested::{self, Policy};
use crate::contestants::raw::Raw;
use crate::plan::Plan;
use crate::protocol::DECODE_PROMPT;
use crate::report::{Section, Target};
use crate::stats::{count, digits, ms, spread};
use crate::{shapes, Result};

/// Tokens of one side before it is the other's turn. Both read the same weights, so none finds them in a
/// cache, and a machine that slows down slows both.
const BLOCK: usize = 8;

/// Measures.
///
/// # Errors
/// A failed answer.
pub fn run(plan: &Plan) -> Result<Vec<Section>> {
    let shape = &plan.main_shape;
    let model = Model::open(&plan.model(shape)?)?;
    let mut section = Section::new("Generation with receipt");
    section.paragraph(&format!(
        "{} tokens from a prompt of {DECODE_PROMPT} on {}, {} threads. Raw is decode and argmax on a context of the \
         same profile; the session draws, digests, commits and signs. Both take turns in one process, {BLOCK} \
         tokens each, A B B A; receipt and signature are in the last turn. Ratios are raw time by session time: of \
         whole answers, the median of {} rounds, and undisturbed, from the shortest time that each turn took in any \
         round. One percent drowns in what other machines on the same processor do to a round: the undisturbed ratio \
         decides.",
        plan.decoded, shape.name, plan.threads, plan.rounds
    ));
    let mut lines = Vec::new();
    for policy in Policy::ALL {
        eprintln!("overhead: {}", policy.name());
        let rounds: Vec<Round> =
            (0..plan.rounds).map(|_| round(plan, &model, policy)).collect::<Result<_>>()?;
        let ratios: Vec<f64> =
            rounds.iter().map(|r| ms(r.raw.iter().sum()) / ms(r.session.iter().sum())).collect();
        let raw = undisturbed(rounds.iter().map(|round| round.raw.as_slice())) / count(plan.decoded);
        let session = undisturbed(rounds.iter().map(|round| round.session.as_slice())) / count(plan.decoded);
        let s = spread(&ratios);
        lines.push(vec![
            policy.name().into(),
            digits(raw),
            digits(session),
            format!("{:.3}", raw / session),
            format!("{:.3} ({:.3} to {:.3})", s.median, s.least, s.most),
        ]);
        let bound = if policy == Policy::Temperature { 0.95 } else { 0.99 };
        let what = format!("generation with receipt / raw, {}", policy.name());
        section.targets.push(Target::at_least(what, raw / session, bound).because(format!(
            "A token takes {} ms more: the draw from and the digest of {} logits, of which \"Done once\" has the times.",
            digits(session - raw),
            shape.spec.vocabulary
        )));
    }
    section.table(
        &[
            "policy",
            "raw, ms a token",
            "session, ms a token",
            "raw / session, undisturbed",
            "whole answers (range)",
        ],
        &lines,
    );
    Ok(vec![section])
}

/// The times of each turn.
#[derive(Default)]
struct Round {
    raw: Vec<Duration>,
    session: Vec<Duration>,
}

/// Milliseconds of all turns, each as short as it was in any round.
fn undisturbed<'a>(rounds: impl Iterator<Item = &'a [Duration]> + Clone) -> f64 {
    let turns = rounds.clone().map(<[Duration]>::len).min().unwrap_or(0);
    (0..turns).filter_map(|turn| rounds.clone().map(|round| ms(round[turn])).reduce(f64::min)).sum()
}

/// One answer on both sides.
fn round(plan: &Plan, model: &Model, policy: Policy) -> Result<Round> {
    let context = u32::try_from((DECODE_PROMPT + plan.decoded + 1).next_multiple_of(256))?;
    let prompt = shapes::prompt(DECODE_PROMPT);
    let mut raw = Raw::new(model, Profile::Exact2, plan.threads, context)?;
    let mut session = attested::session(model, plan.threads, context, 1)?;
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::random()?);
    raw.read(&prompt)?;
    // The first token comes with the prompt, on both sides untimed.
    let tokens = u32::try_from(plan.decoded + 1)?;
    session.submit(&policy.request(&prompt, tokens, context), Some(signer))?;
    attested::step(&mut session)?;
    let mut round = Round::default();
    let mut documents = Vec::new();
    for block in 0..plan.decoded / BLOCK {
        for turn in 0..2 {
            settle();
            let begun = Instant::now();
            if (block + turn) % 2 == 0 {
                raw.generate(BLOCK)?;
                round.raw.push(begun.elapsed());
            } else {
                for _ in 0..BLOCK {
                    documents.extend(attested::step(&mut session)?);
                }
                round.session.push(begun.elapsed());
            }
        }
    }
    match documents.as_slice() {
        [document] if document.receipt.output_count == tokens => Ok(round),
        _ => Err("the answer did not end with its last turn".into()),
    }
}
