//! A session: one model under one profile, answering requests; many at once share each batch.
//!
//! The caller drives: [`Session::submit`] queues a request, each [`Session::step`] decodes once
//! for every job and answers what happened, [`Session::generate`] does both until the answers are
//! there. Nothing runs between two calls but the idle worker threads.

mod answer;
mod draw;
mod job;
mod json;
mod options;
pub(crate) mod prepare;
mod score;
mod shared;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

pub use answer::{Answer, TokenLogprob};
pub(crate) use job::Constraint;
pub use options::{SessionOptions, Settings, DEFAULT_CONTEXT_TOKENS};
pub use prepare::Prepared;
pub use score::{Continuation, Score, TokenScore};
pub use shared::{Generation, GenerationCancel, GenerationEvent, Next, SharedSession};

use crate::engine::float_env::FloatEnv;
use crate::engine::streams::Streams;
use crate::engine::{ContextOptions, DecodeItem};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::profile::{Choice, Profile};
use crate::request::Request;
use crate::sampler::greedy_token;
use crate::signer::Signer;
use job::{Job, State};

/// Identifies one output of one request within its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

/// What happened in a step.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Part of a prompt was read: tokens done, tokens in all.
    Prefill {
        /// The job.
        job: JobId,
        /// Tokens of the prompt in the cache.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// New text, whole characters.
    Text {
        /// The job.
        job: JobId,
        /// What follows the text of earlier events.
        text: String,
    },
    /// The job ended; this is its last event.
    Done {
        /// The job.
        job: JobId,
        /// The answer, or why there is none.
        answer: Box<Result<Answer>>,
    },
}

/// Stops a session from any thread: the running decode is aborted, every job ends as cancelled.
#[derive(Clone)]
pub struct CancelHandle(Arc<AtomicBool>);

impl CancelHandle {
    /// Raises the flag; the session lowers it when it has cancelled its jobs. Raised while the session
    /// is idle, it cancels what is submitted next.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One model under one profile, answering requests.
pub struct Session {
    model: Model,
    settings: Settings,
    streams: Streams,
    cancel: Arc<AtomicBool>,
    jobs: Vec<Job>,
    next_id: u64,
    /// Why answers cannot be attested, if they cannot.
    unattested: Option<Error>,
}

/// A job that was taken out.
pub struct Abandoned {
    _job: Job,
}

impl Session {
    /// Makes a session. If answers cannot be attested under the profile (an architecture not proven,
    /// a failed known-answer test), the session still generates, and every answer says why it has no
    /// receipt.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] for options out of range, [`ErrorKind::Model`] if the file changed
    /// since it was opened, [`ErrorKind::Engine`] if llama.cpp fails.
    pub fn new(model: &Model, options: &SessionOptions) -> Result<Self> {
        model.check_unchanged()?;
        let choice = model.profile_for(options.profile);
        let mut settings = Settings::new(options, model, choice.first);
        let mut unattested = model.check_attestable(settings.profile).err();
        if let Some(adapter) = &settings.adapter {
            adapter.check_unchanged()?;
            if !adapter.model().is_same(model) {
                return Err(Error::argument("adapter", "it was opened for another model"));
            }
        }
        if settings.profile.is_exact() && settings.context_tokens > model.max_context() {
            unattested.get_or_insert_with(|| {
                Error::new(
                    ErrorKind::Unsupported,
                    "contextTokens",
                    format!(
                        "{} is beyond the {} tokens up to which this model is proven exact",
                        settings.context_tokens,
                        model.max_context()
                    ),
                )
            });
        }
        let cancel = Arc::new(AtomicBool::new(false));
        let context = |choice: Choice| {
            let options = |profile| ContextOptions {
                profile,
                threads: settings.threads,
                stream_tokens: settings.context_tokens,
                streams: settings.streams,
                ubatch: settings.ubatch,
            };
            model.context(settings.adapter.as_ref(), choice, options, &cancel)
        };
        let context = if unattested.is_some() {
            context(Profile::Fast1.into())?
        } else {
            match context(choice) {
                Err(error) if settings.profile.is_exact() && error.kind() == ErrorKind::Unsupported => {
                    unattested = Some(error);
                    context(Profile::Fast1.into())?
                }
                made => made?,
            }
        };
        settings.profile = context.profile();
        if !options.oversubscribe {
            context.adapt_threads();
        }
        Ok(Session {
            model: model.clone(),
            settings,
            streams: Streams::new(context),
            cancel,
            jobs: Vec::new(),
            next_id: 0,
            unattested,
        })
    }

    /// Why answers of this session carry no receipt, if they do not.
    #[must_use]
    pub fn unattested(&self) -> Option<&Error> {
        self.unattested.as_ref()
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// A handle that cancels from any thread.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(Arc::clone(&self.cancel))
    }

    /// Forgets every cached prefix that is not in use: the next prompt is read whole.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`].
    pub fn forget(&mut self) -> Result<()> {
        self.streams.forget()
    }

    /// Queues a request, one job for each of its choices. With a signer every answer carries a
    /// signed receipt, if the session can attest.
    ///
    /// # Errors
    /// Anything wrong with the request, named by field; nothing is queued then.
    pub fn submit(&mut self, request: &Request, signer: Option<Arc<dyn Signer>>) -> Result<Vec<JobId>> {
        let prepared = Arc::new(Prepared::new(request, &self.model, &self.settings)?);
        let mut jobs = Vec::new();
        for choice in 0..prepared.policy.choices {
            jobs.push(Job::new(JobId(self.next_id), &prepared, choice, &self.model, signer.clone())?);
            self.next_id += 1;
        }
        let ids = jobs.iter().map(|job| job.id).collect();
        self.jobs.append(&mut jobs);
        Ok(ids)
    }

    /// Number of jobs not yet done.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.jobs.len()
    }

    /// Ends one job as cancelled; its answer, with a receipt for the prefix, comes with the next step.
    pub fn cancel(&mut self, id: JobId) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.cancelled = true;
        }
    }

    /// Takes out one job: no answer of it will come, and nothing of it is signed. What is returned holds its
    /// signer until it is dropped.
    pub fn abandon(&mut self, id: JobId) -> Option<Abandoned> {
        let at = self.jobs.iter().position(|job| job.id == id)?;
        let job = self.jobs.remove(at);
        if let Some(stream) = job.stream() {
            self.streams.release(stream, true);
        }
        Some(Abandoned { _job: job })
    }

    /// Decodes once for every live job: the next token of each that has read its prompt, and one
    /// chunk of the prompt of the first that has not.
    ///
    /// # Errors
    /// Only for faults of the session itself; a job's own error is in its [`Event::Done`].
    pub fn step(&mut self) -> Result<Vec<Event>> {
        let _env = FloatEnv::enter();
        let mut events = Vec::new();
        self.admit()?;
        self.decode_next_tokens(&mut events);
        self.prefill_chunk(&mut events);
        if self.cancel.swap(false, Ordering::Relaxed) {
            self.jobs.iter_mut().for_each(|job| job.cancelled = true);
        }
        self.retire(&mut events);
        Ok(events)
    }

    /// Answers one request, start to end; `on_event` sees every event, also of jobs submitted before,
    /// and cancels this request by answering false.
    ///
    /// # Errors
    /// As [`Self::submit`], or the first error of a job; its other choices are then cancelled.
    pub fn generate(
        &mut self,
        request: &Request,
        signer: Option<Arc<dyn Signer>>,
        on_event: &mut dyn FnMut(&Event) -> bool,
    ) -> Result<Vec<Answer>> {
        let ids = self.submit(request, signer)?;
        let mut answers = Vec::with_capacity(ids.len());
        let mut failure = None;
        let mut live = ids.len();
        while live > 0 {
            for event in self.step()? {
                let go_on = on_event(&event);
                if let Event::Done { job, answer } = event {
                    if ids.contains(&job) {
                        live -= 1;
                        match *answer {
                            Ok(answer) => answers.push(answer),
                            Err(error) => failure = failure.or(Some(error)),
                        }
                    }
                }
                if !go_on || failure.is_some() {
                    ids.iter().for_each(|id| self.cancel(*id));
                }
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        answers.sort_by_key(|answer| answer.choice);
        Ok(answers)
    }

    /// Gives free streams to waiting jobs, in order.
    fn admit(&mut self) -> Result<()> {
        for (from, to) in self.streams.compact()? {
            for job in &mut self.jobs {
                if let State::Prefill { stream, .. } | State::Decode { stream } = &mut job.state {
                    if *stream == from {
                        *stream = to;
                        break;
                    }
                }
            }
        }
        for i in 0..self.jobs.len() {
            // The choices of one request share the prompt: the others wait until the first has read
            // it, and copy.
            let shared_prompt_in_work = self.jobs.get(i).is_some_and(|job| {
                self.jobs.iter().take(i).any(|other| {
                    Arc::ptr_eq(&other.prepared, &job.prepared)
                        && matches!(other.state, State::Waiting | State::Prefill { .. })
                })
            });
            let Some(job) = self.jobs.get_mut(i) else { break };
            if !matches!(job.state, State::Waiting) || job.cancelled || shared_prompt_in_work {
                continue;
            }
            match self.streams.acquire(&job.prepared.prompt_tokens) {
                Ok(Some(acquired)) => {
                    job.state = State::Prefill { stream: acquired.stream, done: acquired.cached };
                }
                Ok(None) => break,
                Err(error) => job.state = State::Failed(error),
            }
        }
        Ok(())
    }

    fn decode_next_tokens(&mut self, events: &mut Vec<Event>) {
        let mut items = Vec::new();
        let mut rows = Vec::new();
        for (i, job) in self.jobs.iter().enumerate() {
            if let (State::Decode { stream }, false) = (&job.state, job.cancelled) {
                if let Some(token) = job.last_token() {
                    items.push(DecodeItem { stream: *stream, token, logits: true });
                    rows.push(i);
                }
            }
        }
        if items.is_empty() {
            return;
        }
        match self.streams.decode(&items) {
            Ok(()) => self.draw(&rows, 0, events),
            Err(error) => self.fail(&rows, &error),
        }
    }

    fn prefill_chunk(&mut self, events: &mut Vec<Event>) {
        let next =
            self.jobs.iter().position(|job| matches!(job.state, State::Prefill { .. }) && !job.cancelled);
        let Some(i) = next else { return };
        let chunk = self.settings.ubatch as usize;
        let Some(job) = self.jobs.get_mut(i) else { return };
        let State::Prefill { stream, done } = &job.state else { return };
        let (stream, done) = (*stream, *done);
        let prompt = &job.prepared.prompt_tokens;
        let end = prompt.len().min(done + chunk);
        let items: Vec<DecodeItem> = prompt
            .iter()
            .enumerate()
            .take(end)
            .skip(done)
            // Of the last token of every chunk: see below.
            .map(|(at, token)| DecodeItem { stream, token: *token, logits: at + 1 == end })
            .collect();
        let total = prompt.len();
        // A token whose values overflow makes all logits after it NaN. Were the job cancelled before its
        // first draw, they would stay in the cache unnoticed, where masked cells are multiplied too.
        let decoded = self
            .streams
            .decode(&items)
            .and_then(|()| greedy_token(self.streams.context().logits(items.len() - 1)?).map(|_| ()));
        match decoded {
            Ok(()) => {
                events.push(Event::Prefill { job: job.id, done: end, total });
                if end == total {
                    job.state = State::Decode { stream };
                    self.draw(&[i], items.len() - 1, events);
                } else {
                    job.state = State::Prefill { stream, done: end };
                }
            }
            Err(error) => self.fail(&[i], &error),
        }
    }

    /// Draws the next tokens of these jobs, in ascending order, from the rows of the last batch that
    /// begin with `first_row`.
    fn draw(&mut self, jobs: &[usize], first_row: usize, events: &mut Vec<Event>) {
        let context = self.streams.context();
        let drawn = self
            .jobs
            .iter_mut()
            .enumerate()
            .filter(|(i, _)| jobs.binary_search(i).is_ok())
            .zip(first_row..)
            .map(|((_, job), row)| Ok((job, context.logits(row)?)))
            .collect::<Result<Vec<_>>>()
            .and_then(|draws| draw::draw(context.crew(), draws));
        let drawn = match drawn {
            Ok(drawn) => drawn,
            Err(error) => return self.fail(jobs, &error),
        };
        for (i, drawn) in jobs.iter().zip(drawn) {
            let Some(job) = self.jobs.get_mut(*i) else { continue };
            match drawn.and_then(|(token, digest)| job.take(token, digest, self.model.vocab())) {
                Ok(Some(text)) => events.push(Event::Text { job: job.id, text }),
                Ok(None) => {}
                Err(error) => self.fail(&[*i], &error),
            }
        }
    }

    fn fail(&mut self, rows: &[usize], error: &Error) {
        for i in rows {
            if let Some(job) = self.jobs.get_mut(*i) {
                if error.kind() == ErrorKind::Cancelled {
                    job.cancelled = true;
                } else {
                    let stream = job.stream();
                    job.state = State::Failed(error.clone());
                    if let Some(stream) = stream {
                        self.streams.release(stream, false);
                    }
                }
            }
        }
    }

    /// Takes out the jobs that ended and makes their answers.
    fn retire(&mut self, events: &mut Vec<Event>) {
        let (ended, live) = std::mem::take(&mut self.jobs).into_iter().partition(Job::has_ended);
        self.jobs = live;
        for job in ended {
            if let Some(stream) = job.stream() {
                self.streams.release(stream, true);
            }
            let id = job.id;
            if let Some(text) = job.unsent_text() {
                events.push(Event::Text { job: id, text });
            }
            let answer = job.answer(&self.model, &self.settings, self.unattested.as_ref());
            events.push(Event::Done { job: id, answer: Box::new(answer) });
        }
    }
}
