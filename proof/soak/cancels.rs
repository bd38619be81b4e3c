//! Cancelled at a random moment: the session is usable afterwards, and its next receipt is unchanged.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use attestlm::model::Model;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::session::{Answer, CancelHandle, Event, Session, SessionOptions};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm_proof::{document, model, receipt, request, signer, tokens, Failure};
use attestlm_testkit::{ModelSpec, Rng};
use serde_json::json;

use crate::Scale;

/// Where in its request a cancel took effect.
#[derive(Debug, Default)]
struct Met {
    /// Before the first token.
    reading: usize,
    /// After the first, before the last.
    drawing: usize,
    /// The answer was already whole.
    ended: usize,
}

/// Raises a handle at a given moment, from a thread of its own.
struct Canceller {
    orders: Option<mpsc::Sender<(CancelHandle, Instant)>>,
    done: mpsc::Receiver<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Canceller {
    fn new() -> Self {
        let (orders, inbox) = mpsc::channel::<(CancelHandle, Instant)>();
        let (finished, done) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            for (handle, moment) in inbox {
                std::thread::sleep(moment.saturating_duration_since(Instant::now()));
                handle.cancel();
                if finished.send(()).is_err() {
                    break;
                }
            }
        });
        Canceller { orders: Some(orders), done, thread: Some(thread) }
    }

    fn order(&self, handle: CancelHandle, moment: Instant) -> Result<(), Failure> {
        Ok(self.orders.as_ref().ok_or("closed")?.send((handle, moment))?)
    }

    fn wait(&self) -> Result<(), Failure> {
        Ok(self.done.recv_timeout(Duration::from_secs(60))?)
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The requests: one to be cancelled, one to be answered afterwards, and what the latter's receipt is.
struct Trial {
    model: Model,
    long: Request,
    /// What the cancelled request's whole answer is.
    whole: Document,
    probes: Vec<(Request, String)>,
}

impl Trial {
    fn new(scale: &Scale) -> Result<Self, Failure> {
        let model = model(&scale.cancelled)?;
        // The prompts share a prefix: what a cancelled job left in the cache is used.
        let long = request(json!({"promptTokens": tokens(240, 1), "maxTokens": 60, "contextTokens": 512,
                                  "temperature": 1, "ignoreEog": true}))?;
        let probes = [(240, 3), (100, 5), (7, 4)].map(|(prompt, length)| {
            let probe = request(json!({"promptTokens": tokens(prompt, 1), "maxTokens": length,
                                       "contextTokens": 512, "temperature": 0.9, "ignoreEog": true}))?;
            let expected = receipt(&mut session(&model, 1)?, &probe)?.to_json()?;
            Ok::<_, Failure>((probe, expected))
        });
        let whole = receipt(&mut session(&model, 1)?, &long)?;
        Ok(Trial { model, long, whole, probes: probes.into_iter().collect::<Result<_, _>>()? })
    }

    /// A cancelled answer claims a prefix, a whole one everything.
    fn judge(&self, answer: &Answer) -> Result<(), Failure> {
        let receipt = document(answer)?;
        let cancelled = answer.finish == Finish::Cancelled;
        let expectations = Expectations { allow_prefix: cancelled, ..Expectations::default() };
        let options = VerifyOptions { model: Some(&self.model), ..VerifyOptions::default() };
        let verdict = verify(receipt, &expectations, &options)?.verdict;
        if verdict != (Verdict::Verified { prefix_only: cancelled }) {
            return Err(
                format!("the receipt of an answer ({}) is judged {verdict}", answer.finish.name()).into()
            );
        }
        if cancelled && verify(receipt, &Expectations::default(), &options)?.verdict == verdict {
            return Err("a prefix was accepted where nobody allows one".into());
        }
        let all = self.whole.disclosure.as_ref().and_then(|d| d.output_tokens.as_ref()).ok_or("no tokens")?;
        if !all.starts_with(&answer.tokens) || (!cancelled && all.len() != answer.tokens.len()) {
            return Err("the tokens of a cancelled answer are not the beginning of the whole one".into());
        }
        Ok(())
    }
}

fn session(model: &Model, streams: u32) -> Result<Session, Failure> {
    // Several chunks for one prompt: a cancel between them is one of the moments.
    let options = SessionOptions { context_tokens: 512, streams, ubatch: 48, ..SessionOptions::default() };
    Ok(Session::new(model, &options)?)
}

/// Cancels whole sessions from another thread, and single jobs beside others.
///
/// # Errors
/// A receipt that differs, or too few cancels of some kind.
pub fn run(scale: &Scale) -> Result<String, Failure> {
    let trial = Trial::new(scale)?;
    let mut rng = Rng::new(20);
    let (met, late) = whole_sessions(&trial, scale, &mut rng)?;
    let (cut, neighbours) = single_jobs(&trial, scale, &mut rng)?;
    let told = format!(
        "{} cancels from another thread ({} while reading the prompt, {} while drawing, {} after the end, of \
         which {late} met the next request), {cut} of single jobs beside {neighbours} others; every next \
         receipt was byte-identical",
        scale.cancels, met.reading, met.drawing, met.ended
    );
    let least = scale.cancels / 25;
    if met.reading < least || met.drawing < least || met.ended < least || neighbours < cut {
        return Err(format!("one of the moments was hardly met: {told}").into());
    }
    Ok(told)
}

fn whole_sessions(trial: &Trial, scale: &Scale, rng: &mut Rng) -> Result<(Met, usize), Failure> {
    let canceller = Canceller::new();
    let mut session = session(&trial.model, 1)?;
    let (mut met, mut late) = (Met::default(), 0);
    let mut length = Duration::ZERO;
    for i in 0..scale.cancels {
        // Sessions are not made for ever: now and then another, and the length of an undisturbed answer.
        if i % 100 == 0 {
            session = self::session(&trial.model, 1 + u32::try_from(i / 100 % 2)?)?;
            length = undisturbed(&mut session, trial)?;
        }
        // With a cold cache the prompt is read, with a warm one only its last token.
        if rng.below(4) > 0 {
            session.forget()?;
        }
        let begun = Instant::now();
        let moment = begun + length.mul_f64(1.2 * unit(rng));
        canceller.order(session.cancel_handle(), moment)?;
        let answers = session.generate(&trial.long, Some(signer()), &mut |_| true)?;
        canceller.wait()?;
        let [answer] = &answers[..] else { return Err("not one answer".into()) };
        trial.judge(answer)?;
        match (answer.finish, answer.tokens.len()) {
            (Finish::Cancelled, 0) => met.reading += 1,
            (Finish::Cancelled, _) => met.drawing += 1,
            _ => met.ended += 1,
        }
        let (probe, expected) = &trial.probes[i % trial.probes.len()];
        let mut next = session.generate(probe, Some(signer()), &mut |_| true)?;
        // Raised after the end, a cancel is for what comes next, once.
        if answer.finish != Finish::Cancelled && next.iter().any(|a| a.finish == Finish::Cancelled) {
            late += 1;
            next = session.generate(probe, Some(signer()), &mut |_| true)?;
        }
        let [next] = &next[..] else { return Err("not one answer".into()) };
        if document(next)?.to_json()? != *expected {
            return Err(format!("cancel {i}: the session's next receipt is another").into());
        }
    }
    Ok((met, late))
}

fn undisturbed(session: &mut Session, trial: &Trial) -> Result<Duration, Failure> {
    let mut times = Vec::new();
    for _ in 0..3 {
        session.forget()?;
        let begun = Instant::now();
        if receipt(session, &trial.long)?.to_json()? != trial.whole.to_json()? {
            return Err("the undisturbed receipt is another".into());
        }
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[1])
}

/// A number from 0 to 1.
#[allow(clippy::cast_precision_loss)]
fn unit(rng: &mut Rng) -> f64 {
    rng.below(1 << 20) as f64 / f64::from(1 << 20)
}

/// One job is cancelled after a random number of steps; the others' receipts stay what they are.
fn single_jobs(trial: &Trial, scale: &Scale, rng: &mut Rng) -> Result<(usize, usize), Failure> {
    let mut session = session(&trial.model, 3)?;
    let (mut cut, mut neighbours) = (0, 0);
    for i in 0..scale.job_cancels {
        let mut others = Vec::new();
        let first = &trial.probes[i % trial.probes.len()];
        others.push((session.submit(&first.0, Some(signer()))?, &first.1));
        let victim = session.submit(&trial.long, Some(signer()))?;
        for (probe, expected) in &trial.probes {
            others.push((session.submit(probe, Some(signer()))?, expected));
        }
        let mut left = rng.below(70);
        while session.pending() > 0 {
            if left == 0 {
                victim.iter().for_each(|job| session.cancel(*job));
            }
            left = left.wrapping_sub(1);
            for event in session.step()? {
                let Event::Done { job, answer } = event else { continue };
                let answer = (*answer)?;
                if victim.contains(&job) {
                    trial.judge(&answer)?;
                    cut += usize::from(answer.finish == Finish::Cancelled);
                } else {
                    let (_, expected) =
                        others.iter().find(|(jobs, _)| jobs.contains(&job)).ok_or("a job of nobody's")?;
                    if document(&answer)?.to_json()? != **expected {
                        return Err(format!("round {i}: a neighbour's receipt is another").into());
                    }
                    neighbours += 1;
                }
            }
        }
    }
    if cut < scale.job_cancels / 2 {
        return Err(format!("only {cut} of {} jobs were cut", scale.job_cancels).into());
    }
    Ok((cut, neighbours))
}

/// The model that requests are cancelled on.
pub fn spec(full: bool) -> ModelSpec {
    if full {
        ModelSpec::tiny()
    } else {
        ModelSpec::nano()
    }
}
