//! The operator's node: models, sessions and a key, to answer with or to lie with.

use std::collections::BTreeMap;

use attestlm::engine::CacheType;
use attestlm::profile::Profile;
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{Event, Session, SessionOptions};
use attestlm::Token;
use attestlm_proof::forger::Forger;
use attestlm_proof::forward::{Forward, Kernels};
use attestlm_proof::{document, signer, Failure};

use crate::cases::{asked, Case, CONTEXT};
use crate::subjects::{Subject, Weights};

/// Cases taken at a time.
pub const BATCH: usize = 4;

/// What really runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    pub weights: Weights,
    pub adapter: Option<usize>,
    /// Stock kernels under a node that should run reference kernels.
    pub stock: bool,
}

impl Running {
    /// What the client asked for.
    pub fn asked(case: &Case) -> Self {
        Running { weights: Weights::Asked, adapter: case.adapter, stock: false }
    }
}

/// A node for one subject.
pub struct Node<'a> {
    pub subject: &'a Subject,
    /// What the client expects to run, and every receipt states.
    pub profile: Profile,
    /// Tokens of an answer.
    pub tokens: u32,
    pub forger: Forger,
    sessions: BTreeMap<Running, Session>,
    forwards: BTreeMap<(Running, u8), Forward>,
    honest: BTreeMap<(Option<usize>, usize), Document>,
}

impl<'a> Node<'a> {
    pub fn new(subject: &'a Subject, profile: Profile, tokens: u32) -> Self {
        Node {
            subject,
            profile,
            tokens,
            forger: Forger::default(),
            sessions: BTreeMap::new(),
            forwards: BTreeMap::new(),
            honest: BTreeMap::new(),
        }
    }

    /// The cases with these numbers, answered honestly; each answer is drawn once.
    pub fn cases(&mut self, adapter: Option<usize>, indices: &[usize]) -> Result<Vec<Case>, Failure> {
        let new: Vec<usize> =
            indices.iter().copied().filter(|i| !self.honest.contains_key(&(adapter, *i))).collect();
        let requests = new.iter().map(|i| asked(*i, self.tokens)).collect::<Result<Vec<_>, _>>()?;
        let running = Running { weights: Weights::Asked, adapter, stock: false };
        for (index, answer) in new.iter().zip(self.answers(running, &requests)?) {
            self.honest.insert((adapter, *index), answer);
        }
        let case = |index: &usize| -> Result<Case, Failure> {
            let honest = self.honest.get(&(adapter, *index)).ok_or("no answer")?.clone();
            Ok(Case { index: *index, request: asked(*index, self.tokens)?, adapter, honest })
        };
        indices.iter().map(case).collect()
    }

    /// Answers requests, and signs as a session does: true statements of what ran.
    pub fn answers(&mut self, running: Running, requests: &[Request]) -> Result<Vec<Document>, Failure> {
        let profile = self.profile_of(running);
        let session = match self.sessions.entry(running) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let options = SessionOptions {
                    profile: Some(profile),
                    threads: Some(1),
                    context_tokens: CONTEXT,
                    adapter: running.adapter.map(|i| self.subject.adapters[i].clone()),
                    ..SessionOptions::default()
                };
                entry.insert(Session::new(self.subject.model_of(running.weights), &options)?)
            }
        };
        answers(session, requests)
    }

    fn profile_of(&self, running: Running) -> Profile {
        if running.stock {
            Profile::Fast1
        } else {
            self.profile
        }
    }

    /// A context outside any session.
    pub fn forward(&mut self, running: Running, cache: CacheType) -> Result<&mut Forward, Failure> {
        let subject = self.subject;
        let profile = self.profile_of(running);
        match self.forwards.entry((running, cache as u8)) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let adapter = running.adapter.map(|i| &subject.adapters[i]);
                let model = subject.model_of(running.weights);
                Ok(entry.insert(Forward::new(model, adapter, Kernels { profile, cache }, CONTEXT)?))
            }
        }
    }
}

/// Answers requests, as many at a time as the session has streams.
pub fn answers(session: &mut Session, requests: &[Request]) -> Result<Vec<Document>, Failure> {
    let mut jobs = Vec::with_capacity(requests.len());
    for request in requests {
        jobs.extend(session.submit(request, Some(signer()))?);
    }
    let mut done = BTreeMap::new();
    while session.pending() > 0 {
        for event in session.step()? {
            if let Event::Done { job, answer } = event {
                done.insert(job, document(&(*answer)?)?.clone());
            }
        }
    }
    jobs.iter().map(|job| done.remove(job).ok_or_else(|| "a job without an answer".into())).collect()
}

/// The output's tokens.
///
/// # Errors
/// They are not disclosed.
pub fn output_of(document: &Document) -> Result<&[Token], Failure> {
    let tokens = document.disclosure.as_ref().and_then(|d| d.output_tokens.as_ref());
    Ok(tokens.ok_or("the output is not disclosed")?)
}

/// The prompt's tokens.
///
/// # Errors
/// They are not disclosed.
pub fn prompt_of(document: &Document) -> Result<&[Token], Failure> {
    let tokens = document.disclosure.as_ref().and_then(|d| d.prompt_tokens.as_ref());
    Ok(tokens.ok_or("the prompt is not disclosed")?)
}
