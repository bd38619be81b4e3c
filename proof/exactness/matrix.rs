//! Runs cells: the receipts of every circumstance must be those of one sequence alone, byte for byte.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use attestlm::model::{Adapter, Model};
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{Event, JobId, Session, SessionOptions};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm::Token;
use attestlm_proof::{adapter, document, model, receipt, request, signer, tokens, Failure};
use attestlm_testkit::{LoraSpec, ModelSpec};
use serde_json::json;

use crate::cell::{Cell, SEQUENCES};
use crate::profile::base;
use crate::tally::Tally;

/// Tokens of every answer: the boundary lies in the middle of it. With a warm cache all prompts are read
/// before the first answer ends, so that all sequences are decoded together for a while.
const OUTPUT: usize = 32;
/// From this physical batch on every sequence of a cold cell reads its whole prompt.
const READ_BY_ALL: u32 = 128;
/// Tokens at the end of a prompt that no other has.
const OWN: usize = 3;

/// Held by whoever computes a cell.
static MACHINE: RwLock<()> = RwLock::new(());

/// A model, its adapter, and the receipts that everything is compared with.
pub struct Subject {
    pub model: Model,
    pub adapter: Adapter,
    requests: BTreeMap<bool, Vec<Request>>,
    expected: BTreeMap<(bool, bool), Vec<String>>,
}

impl Subject {
    pub fn new(spec: &ModelSpec) -> Result<Self, Failure> {
        let model = model(spec)?;
        let adapter = adapter(&LoraSpec::default(), spec, &model)?;
        let mut requests = BTreeMap::new();
        for long in [false, true] {
            let mut list = Vec::new();
            for i in 0..SEQUENCES[SEQUENCES.len() - 1] {
                list.push(request(json!({
                    "promptTokens": prompt(long, i),
                    "maxTokens": OUTPUT,
                    "contextTokens": context(long),
                    // Drawn and greedy ones, that end nowhere else than planned.
                    "temperature": if i % 3 == 2 { 0.0 } else { 0.9 },
                    "seed": (i + 1).to_string(),
                    "ignoreEog": true,
                }))?);
            }
            requests.insert(long, list);
        }
        Ok(Subject { model, adapter, requests, expected: BTreeMap::new() })
    }

    pub fn session(&self, options: &SessionOptions, lora: bool) -> Result<Session, Failure> {
        let options = SessionOptions { adapter: lora.then(|| self.adapter.clone()), ..options.clone() };
        attesting(&self.model, &options)
    }

    /// The receipts of one thread that reads token by token, each checked by a replay.
    fn expected(&mut self, lora: bool, long: bool, tally: &mut Tally) -> Result<&[String], Failure> {
        if !self.expected.contains_key(&(lora, long)) {
            let options =
                SessionOptions { threads: Some(1), ubatch: 1, context_tokens: context(long), ..base() };
            let mut session = self.session(&options, lora)?;
            let adapter = lora.then_some(&self.adapter);
            let mut receipts = Vec::new();
            for request in &self.requests[&long] {
                let document = receipt(&mut session, request)?;
                tally.replay(verdict(&document, &self.model, adapter)?);
                receipts.push(document.to_json()?);
            }
            self.expected.insert((lora, long), receipts);
        }
        Ok(&self.expected[&(lora, long)])
    }

    /// Runs `cells`, which are sorted, and compares every receipt.
    pub fn run(&mut self, cells: &[Cell], tally: &mut Tally) -> Result<(), Failure> {
        let same_session = |a: &Cell, b: &Cell| {
            (a.lora, a.threads, a.ubatch, a.sequences, a.long)
                == (b.lora, b.threads, b.ubatch, b.sequences, b.long)
        };
        for group in cells.chunk_by(same_session) {
            let cell = group[0];
            let expected = self.expected(cell.lora, cell.long, tally)?.to_vec();
            let options = SessionOptions {
                threads: Some(cell.threads),
                oversubscribe: true,
                ubatch: cell.ubatch,
                streams: cell.sequences,
                context_tokens: context(cell.long),
                ..base()
            };
            // One thread leaves a core to another subject's; more want the machine for themselves.
            let (_beside, _alone);
            if cell.threads == 1 {
                _beside = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
            } else {
                _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
            }
            let mut session = self.session(&options, cell.lora)?;
            let mut read_before = false;
            for cell in group {
                let requests = &self.requests[&cell.long][..cell.sequences as usize];
                if !cell.warm {
                    session.forget()?;
                } else if !read_before {
                    receipt(&mut session, &warming(cell.long)?)?;
                }
                // A warm cell that follows its cold one finds what that left: answers behind the prompts.
                read_before = true;
                // Cold, every sequence reads all of its prompt; in small batches, which take long, the first one
                // does, and the others copy from it while it answers.
                let copies = cell.warm || cell.ubatch < READ_BY_ALL;
                let (receipts, most) = together(&mut session, requests, copies)?;
                let differing = receipts.iter().zip(&expected).filter(|(a, b)| a != b).count();
                tally.cell(&format!("{cell:?}"), receipts.len(), differing);
                if copies && most != requests.len() {
                    return Err(format!("{cell:?}: {most} sequences were live at once").into());
                }
            }
        }
        Ok(())
    }
}

/// A session that can attest.
pub fn attesting(model: &Model, options: &SessionOptions) -> Result<Session, Failure> {
    let session = Session::new(model, options)?;
    match session.unattested() {
        Some(why) => Err(why.to_string().into()),
        None => Ok(session),
    }
}

/// What a replay on two threads says.
pub fn verdict(document: &Document, model: &Model, adapter: Option<&Adapter>) -> Result<Verdict, Failure> {
    let options = VerifyOptions { model: Some(model), adapter, threads: Some(2), ..VerifyOptions::default() };
    Ok(verify(document, &Expectations::default(), &options)?.verdict)
}

/// The receipts of requests answered together, in their order, and how many were live at once at most. The
/// others are submitted once the first has read its prompt (`after_the_first`), or all at once.
pub fn together(
    session: &mut Session,
    requests: &[Request],
    after_the_first: bool,
) -> Result<(Vec<String>, usize), Failure> {
    let mut order = BTreeMap::new();
    let mut waiting = requests.iter().enumerate();
    let mut submit = |session: &mut Session, count: usize, order: &mut BTreeMap<JobId, usize>| {
        for (i, request) in waiting.by_ref().take(count) {
            for id in session.submit(request, Some(signer()))? {
                order.insert(id, i);
            }
        }
        Ok::<(), Failure>(())
    };
    submit(session, if after_the_first { 1 } else { requests.len() }, &mut order)?;
    let mut receipts = vec![String::new(); requests.len()];
    let (mut live, mut most) = (0, 0);
    while session.pending() > 0 {
        for event in session.step()? {
            match event {
                Event::Prefill { done, total, .. } if done == total => {
                    live += 1;
                    most = most.max(live);
                    submit(session, requests.len(), &mut order)?;
                }
                Event::Done { job, answer } => {
                    live -= 1;
                    receipts[order[&job]] = document(&(*answer)?)?.to_json()?;
                }
                _ => {}
            }
        }
    }
    Ok((receipts, most))
}

fn boundary(long: bool) -> usize {
    if long {
        1024
    } else {
        256
    }
}

fn context(long: bool) -> u32 {
    u32::try_from(boundary(long) + 128).expect("small")
}

/// A prompt that ends half an answer before the boundary.
fn prompt(long: bool, i: u32) -> Vec<Token> {
    let mut prompt = tokens(boundary(long) - OUTPUT / 2 - OWN, 1);
    prompt.extend(tokens(OWN, i + 2));
    prompt
}

/// Leaves what all prompts share in the cache, and tokens behind it that none of them has.
fn warming(long: bool) -> Result<Request, Failure> {
    let mut prompt = tokens(boundary(long) - OUTPUT / 2 - OWN, 1);
    prompt.extend(tokens(9, 99));
    request(
        json!({"promptTokens": prompt, "maxTokens": 3, "contextTokens": context(long), "ignoreEog": true}),
    )
}
