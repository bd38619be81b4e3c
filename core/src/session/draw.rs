//! The draws of one step, on the session's threads: for each job its token and the digest of its logits,
//! which do not need each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::job::Job;
use crate::engine::crew::{Crew, WORTH_SHARING};
use crate::error::{Error, ErrorKind, Result};
use crate::trace;
use crate::Token;

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
pub(super) fn draw(crew: &Crew, jobs: Vec<(&mut Job, &[f32])>) -> Result<Vec<Result<(Token, [u8; 32])>>> {
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
    let logits: usize = draws.iter().map(|draw| draw.logits.len()).sum();
    crew.run(if logits < WORTH_SHARING { 1 } else { 2 * draws.len() }, &work)?;
    let unfinished = || Error::new(ErrorKind::Internal, "engine", "a draw was not made");
    Ok(draws
        .into_iter()
        .map(|draw| {
            let token = draw.token.into_inner().ok_or_else(unfinished)??;
            Ok((token, draw.digest.into_inner().ok_or_else(unfinished)?))
        })
        .collect())
}
