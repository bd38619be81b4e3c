//! The draws of one step, on the session's threads: for each job its token and the digest of its logits,
//! which do not need each other.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::job::Job;
use crate::engine::crew::{Crew, WORTH_SHARING};
use crate::error::{Error, ErrorKind, Result};
use crate::trace;
use crate::Token;

/// A token, and the digest of the logits that gave it.
pub(super) type Drawn = (Token, [u8; 32]);

/// One draw.
struct Draw<'a> {
    logits: &'a [f32],
    /// Held by the one thread that draws.
    job: Mutex<&'a mut Job>,
    token: OnceLock<Result<Token>>,
    digest: OnceLock<[u8; 32]>,
}

/// Draws a token for each job from its logits. Answers in the order of the jobs; the jobs have not taken
/// the tokens yet.
///
/// # Errors
/// Only if the threads failed; each draw has its own result.
pub(super) fn draw(crew: &Crew, mut jobs: Vec<(&mut Job, &[f32])>) -> Result<Vec<Result<Drawn>>> {
    let worth = jobs.iter().map(|(_, logits)| logits.len()).sum::<usize>() >= WORTH_SHARING;
    if let ([(job, logits)], true) = (jobs.as_mut_slice(), worth && crew.threads() > 1) {
        if job.draws_from_all() {
            return Ok(vec![draw_together(crew, job, logits)]);
        }
    }
    let draws: Vec<Draw<'_>> = jobs
        .into_iter()
        .map(|(job, logits)| Draw {
            logits,
            job: Mutex::new(job),
            token: OnceLock::new(),
            digest: OnceLock::new(),
        })
        .collect();
    let next = AtomicUsize::new(0);
    // The draws first: they take longer, as a rule.
    let work = |_lane: usize| loop {
        let task = next.fetch_add(1, Ordering::Relaxed);
        if let Some(draw) = draws.get(task) {
            let mut job = draw.job.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = draw.token.set(job.choose(draw.logits));
        } else if let Some(draw) = draws.get(task - draws.len()) {
            let _ = draw.digest.set(trace::logits_digest(draw.logits));
        } else {
            return;
        }
    };
    crew.run(if worth { 2 * draws.len() } else { 1 }, &work)?;
    let unfinished = || Error::new(ErrorKind::Internal, "engine", "a draw was not made");
    Ok(draws
        .into_iter()
        .map(|draw| {
            let token = draw.token.into_inner().ok_or_else(unfinished)??;
            Ok((token, draw.digest.into_inner().ok_or_else(unfinished)?))
        })
        .collect())
}

/// One draw from the whole vocabulary, its parts and the digest shared among all threads.
fn draw_together(crew: &Crew, job: &mut Job, logits: &[f32]) -> Result<Drawn> {
    let digest = OnceLock::new();
    let failed = Cell::new(None);
    let share = |parts: usize, work: &(dyn Fn(usize) + Sync)| {
        let next = AtomicUsize::new(0);
        let lane = |_lane: usize| loop {
            // The digest first: it takes as long as several parts.
            match next.fetch_add(1, Ordering::Relaxed) {
                0 => {
                    digest.get_or_init(|| trace::logits_digest(logits));
                }
                part if part <= parts => work(part - 1),
                _ => return,
            }
        };
        failed.set(crew.run(crew.threads(), &lane).err());
    };
    let token = job.choose_shared(logits, &share)?;
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok((token, digest.into_inner().unwrap_or_else(|| trace::logits_digest(logits)))),
    }
}
