//! One session for many threads: each generation pulls its own events.
//!
//! There is no thread of its own. Whoever asks for an event and finds none decodes the next step, for
//! every generation at once; the others wait until something of theirs came of it. What calls the session
//! itself (a new request, a score) goes before the next step.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::{Abandoned, Answer, CancelHandle, Continuation, Event, JobId, Score, Session, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::operation::Operation;
use crate::request::Request;
use crate::signer::Signer;

/// How often a caller looks whether it was cancelled.
const WAKE: Duration = Duration::from_millis(20);

/// A [`Session`] that any number of threads use at once. Clones are the same session.
#[derive(Clone)]
pub struct SharedSession {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Events came, a generation ended, or the session is free.
    changed: Condvar,
    /// Aborts the decode that runs. Raised only while somebody works with the session.
    abort: CancelHandle,
    model: Model,
    settings: Settings,
    unattested: Option<Error>,
}

struct State {
    /// `None` while somebody works with it.
    session: Option<Box<Session>>,
    /// Who works with it.
    holder: Option<ThreadId>,
    /// Whether that is a step, and not a score, say.
    stepping: bool,
    /// Who waits for the session itself.
    callers: usize,
    /// What each live generation has not pulled yet.
    inboxes: Vec<Inbox>,
    next_id: u64,
    /// Jobs to be cancelled before the next step.
    cancelled: Vec<JobId>,
    /// Jobs whose answers nobody will read.
    abandoned: Vec<JobId>,
    /// The session broke: nothing more will come.
    broken: Option<Error>,
}

struct Inbox {
    generation: u64,
    jobs: Vec<JobId>,
    /// Jobs that have not ended.
    open: usize,
    events: VecDeque<GenerationEvent>,
}

/// What a generation tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum GenerationEvent {
    /// Part of the prompt was read: tokens done, tokens in all.
    Prefill {
        /// The choice that reads it.
        choice: u32,
        /// Tokens of the prompt in the cache.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// New text, whole characters.
    Text {
        /// The choice.
        choice: u32,
        /// What follows the text of earlier events.
        text: String,
    },
    /// A choice ended.
    Done {
        /// The choice.
        choice: u32,
        /// The answer, or why there is none.
        answer: Box<Result<Answer>>,
    },
}

/// What [`Generation::next`] found.
#[derive(Debug)]
pub enum Next {
    /// Something happened.
    Event(GenerationEvent),
    /// Every choice ended and was told.
    Ended,
    /// Nothing happened in time.
    TimedOut,
}

impl SharedSession {
    /// Shares a session that has no jobs.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`] if it has some: nobody would get their events.
    pub fn new(session: Session) -> Result<Self> {
        if session.pending() > 0 {
            return Err(Error::argument("session", "it has jobs of its own"));
        }
        let inner = Inner {
            abort: session.cancel_handle(),
            model: session.model.clone(),
            settings: session.settings.clone(),
            unattested: session.unattested.clone(),
            state: Mutex::new(State {
                session: Some(Box::new(session)),
                holder: None,
                stepping: false,
                callers: 0,
                inboxes: Vec::new(),
                next_id: 0,
                cancelled: Vec::new(),
                abandoned: Vec::new(),
                broken: None,
            }),
            changed: Condvar::new(),
        };
        Ok(SharedSession { inner: Arc::new(inner) })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.inner.model
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Why answers carry no receipt, if they do not.
    #[must_use]
    pub fn unattested(&self) -> Option<&Error> {
        self.inner.unattested.as_ref()
    }

    /// Queues a request. It is worked on whenever a generation of this session is asked for an event.
    ///
    /// # Errors
    /// As [`Session::submit`]; with a signer, also why this session's answers carry no receipt: nobody should
    /// wait for one.
    pub fn generate(&self, request: &Request, signer: Option<Arc<dyn Signer>>) -> Result<Generation> {
        self.check_attests(signer.as_ref())?;
        let mut lease = self.inner.call(None)?;
        let jobs = lease.session()?.submit(request, signer)?;
        let mut state = self.inner.lock();
        let id = state.next_id;
        state.next_id += 1;
        let open = jobs.len();
        state.inboxes.push(Inbox { generation: id, jobs, open, events: VecDeque::new() });
        drop(state);
        Ok(Generation { inner: Arc::clone(&self.inner), id })
    }

    /// As [`Self::score_with`], start to end.
    ///
    /// # Errors
    /// As [`Self::score_with`].
    pub fn score(
        &self,
        request: &Request,
        continuation: &Continuation,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<Score> {
        self.score_with(request, continuation, signer, &Operation::new())
    }

    /// Scores a continuation. While generations have every stream, it decodes for them until one is free; a cancel is
    /// seen after the step that runs then.
    ///
    /// # Errors
    /// As [`Session::score_with`] and [`Self::generate`].
    pub fn score_with(
        &self,
        request: &Request,
        continuation: &Continuation,
        signer: Option<Arc<dyn Signer>>,
        operation: &Operation,
    ) -> Result<Score> {
        self.check_attests(signer.as_ref())?;
        loop {
            let mut lease = self.inner.call(Some(operation))?;
            let session = lease.session()?;
            if session.streams.has_free() {
                return session.score_with(request, continuation, signer, operation);
            }
            drop(lease);
            let state = self.inner.lock();
            if state.session.is_some() && state.broken.is_none() {
                drop(self.inner.step(state));
            }
        }
    }

    fn check_attests(&self, signer: Option<&Arc<dyn Signer>>) -> Result<()> {
        match (signer, self.unattested()) {
            (Some(_), Some(why)) => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Forgets every cached prefix that is not in use.
    ///
    /// # Errors
    /// As [`Session::forget`].
    pub fn forget(&self) -> Result<()> {
        self.inner.call(None)?.session()?.forget()
    }

    /// Ends what runs now, from any thread: every generation as cancelled, a score with an error. What
    /// comes later is not touched.
    pub fn cancel(&self) {
        let mut state = self.inner.lock();
        let jobs: Vec<JobId> = state.inboxes.iter().flat_map(|inbox| inbox.jobs.clone()).collect();
        state.cancel(jobs);
        if state.session.is_none() {
            self.inner.abort.cancel();
        }
    }
}

/// One request of a [`SharedSession`] at work. Dropped, it is cancelled.
pub struct Generation {
    inner: Arc<Inner>,
    id: u64,
}

/// Cancels a [`Generation`] from any thread.
#[derive(Clone)]
pub struct GenerationCancel {
    inner: Arc<Inner>,
    id: u64,
}

impl GenerationCancel {
    /// Ends every choice as cancelled; their last events follow. After the end it does nothing.
    pub fn cancel(&self) {
        self.inner.cancel(self.id);
    }
}

impl Generation {
    /// Waits for the next event, and decodes while nobody else does. A call that decodes ends with the
    /// step in which the time is up: `timeout` zero takes one step at most.
    ///
    /// # Errors
    /// A fault of the session, which ends every generation of it.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Next> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut stepped = false;
        let mut state = self.inner.lock();
        loop {
            let Some(inbox) = state.inboxes.iter_mut().find(|inbox| inbox.generation == self.id) else {
                return Ok(Next::Ended);
            };
            if let Some(event) = inbox.events.pop_front() {
                return Ok(Next::Event(event));
            }
            if inbox.open == 0 {
                return Ok(Next::Ended);
            }
            if let Some(error) = &state.broken {
                return Err(error.clone());
            }
            state.refuse_holder()?;
            let is_up = |until: Instant| Instant::now() >= until;
            if until.is_some_and(is_up) && (stepped || state.session.is_none() || state.callers > 0) {
                return Ok(Next::TimedOut);
            }
            state = if state.callers == 0 && state.session.is_some() {
                stepped = true;
                self.inner.step(state)
            } else {
                self.inner.wait(state, until)
            };
        }
    }

    /// The model it runs on.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.inner.model
    }

    /// A handle that cancels it from any thread.
    #[must_use]
    pub fn cancel_handle(&self) -> GenerationCancel {
        GenerationCancel { inner: Arc::clone(&self.inner), id: self.id }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        let Some(at) = state.inboxes.iter().position(|inbox| inbox.generation == self.id) else { return };
        let inbox = state.inboxes.swap_remove(at);
        if inbox.open > 0 {
            state.abandoned.extend(inbox.jobs);
            let given_up = state.settle();
            // A signer goes with its last job, and what its owner does then may well come back here.
            drop(state);
            drop(given_up);
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is whole: the session itself is not under the lock while it works.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, until: Option<Instant>) -> MutexGuard<'a, State> {
        match until {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// The session, for a caller: as soon as the step that runs has ended, unless the operation is cancelled before.
    fn call(&self, operation: Option<&Operation>) -> Result<Lease<'_>> {
        let cancelled = || operation.is_some_and(Operation::is_cancelled);
        let mut state = self.lock();
        state.refuse_holder()?;
        state.callers += 1;
        while state.session.is_none() && state.broken.is_none() && !cancelled() {
            // A cancel does not wake it.
            state = self.wait(state, operation.map(|_| Instant::now() + WAKE));
        }
        state.callers -= 1;
        let error = match &state.broken {
            None => operation.and_then(|operation| operation.check("session").err()),
            broken => broken.clone(),
        };
        match error {
            Some(error) => {
                // The steps that waited for this caller may go on.
                self.changed.notify_all();
                Err(error)
            }
            None => Ok(self.lease(&mut state)),
        }
    }

    fn lease(&self, state: &mut State) -> Lease<'_> {
        state.holder = Some(thread::current().id());
        Lease { inner: self, session: state.session.take() }
    }

    /// One step for every generation.
    fn step<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let mut lease = self.lease(&mut state);
        state.stepping = true;
        let cancelled = std::mem::take(&mut state.cancelled);
        drop(state);
        let outcome = lease.session().and_then(|session| {
            cancelled.iter().for_each(|job| session.cancel(*job));
            session.step()
        });
        let mut state = self.lock();
        match outcome {
            Ok(events) => events.into_iter().for_each(|event| state.deliver(event)),
            Err(error) => state.broken = Some(error),
        }
        // Under the same lock: whoever takes the next step must find these events delivered before its own.
        let given_up = lease.give_back(&mut state);
        if given_up.is_empty() {
            return state;
        }
        drop(state);
        drop(given_up);
        self.lock()
    }

    fn cancel(&self, generation: u64) {
        let mut state = self.lock();
        let Some(inbox) = state.inboxes.iter().find(|inbox| inbox.generation == generation) else { return };
        if inbox.open == 0 {
            return;
        }
        let jobs = inbox.jobs.clone();
        let alone = state.inboxes.iter().all(|inbox| inbox.generation == generation || inbox.open == 0);
        state.cancel(jobs);
        // A long prompt is aborted where that harms nobody else; otherwise its chunk ends first.
        if alone && state.stepping {
            self.abort.cancel();
        }
    }
}

impl State {
    /// What the session calls (a signer) cannot wait for the session.
    fn refuse_holder(&self) -> Result<()> {
        if self.holder == Some(thread::current().id()) {
            return Err(Error::argument(
                "session",
                "it is at work in this thread: a signer must not call it",
            ));
        }
        Ok(())
    }

    /// Takes out the jobs that nobody waits for, unless the session is at work. They are to be dropped without
    /// the lock.
    #[must_use]
    fn settle(&mut self) -> Vec<Abandoned> {
        let Some(session) = &mut self.session else { return Vec::new() };
        self.abandoned.drain(..).filter_map(|job| session.abandon(job)).collect()
    }

    /// Jobs to be cancelled before the next step, each once however often that is asked for.
    fn cancel(&mut self, jobs: Vec<JobId>) {
        for job in jobs {
            if !self.cancelled.contains(&job) {
                self.cancelled.push(job);
            }
        }
    }

    /// Puts an event where it will be looked for; those of one kind are one.
    fn deliver(&mut self, event: Event) {
        let (Event::Prefill { job, .. } | Event::Text { job, .. } | Event::Done { job, .. }) = &event;
        let job = *job;
        let Some(inbox) = self.inboxes.iter_mut().find(|inbox| inbox.jobs.contains(&job)) else { return };
        // Jobs stand in the order of the choices, of which there are few.
        let at = inbox.jobs.iter().position(|of| *of == job).unwrap_or_default();
        let choice = u32::try_from(at).unwrap_or_default();
        let event = match event {
            Event::Prefill { done, total, .. } => {
                inbox.events.retain(
                    |event| !matches!(event, GenerationEvent::Prefill { choice: of, .. } if *of == choice),
                );
                GenerationEvent::Prefill { choice, done, total }
            }
            Event::Text { text, .. } => {
                if let Some(GenerationEvent::Text { choice: of, text: before }) = inbox.events.back_mut() {
                    if *of == choice {
                        before.push_str(&text);
                        return;
                    }
                }
                GenerationEvent::Text { choice, text }
            }
            Event::Done { answer, .. } => {
                inbox.open -= 1;
                GenerationEvent::Done { choice, answer }
            }
        };
        inbox.events.push_back(event);
    }
}

/// The session in somebody's hands; comes back when dropped.
struct Lease<'a> {
    inner: &'a Inner,
    session: Option<Box<Session>>,
}

impl Lease<'_> {
    fn session(&mut self) -> Result<&mut Session> {
        self.session.as_deref_mut().ok_or_else(|| Error::new(ErrorKind::Internal, "session", "it is taken"))
    }

    /// What nobody waits for any more is to be dropped without the lock.
    #[must_use]
    fn give_back(&mut self, state: &mut State) -> Vec<Abandoned> {
        let Some(session) = self.session.take() else { return Vec::new() };
        // What it was raised for is over, or in the list of what is to be cancelled.
        session.cancel.store(false, Ordering::Relaxed);
        state.holder = None;
        state.stepping = false;
        state.session = Some(session);
        self.inner.changed.notify_all();
        state.settle()
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.session.is_none() {
            return;
        }
        let inner = self.inner;
        let mut state = inner.lock();
        if thread::panicking() {
            state.broken = Some(Error::new(ErrorKind::Internal, "session", "it panicked"));
        }
        let given_up = self.give_back(&mut state);
        drop(state);
        drop(given_up);
    }
}
