//! Further rows: what a long-lived process goes through between two receipts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use attestlm::engine::float_env::{read_mxcsr, write_mxcsr};
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::receipt::Finish;
use attestlm::request::Request;
use attestlm::session::{Event, JobId, Session, SessionOptions};
use attestlm::{ErrorKind, Token};
use attestlm_proof::{document, receipt, request, signer, tokens, Failure};
use attestlm_testkit::{overflowing, Rng, TensorType, OVERFLOWING};
use serde_json::json;

use crate::family::Family;
use crate::matrix::{attesting, together, verdict, Subject};
use crate::profile::{base, proven};
use crate::tally::Tally;

/// A row: its name, whether it concerns a family, and how it is run.
pub struct Row {
    pub name: &'static str,
    pub applies: fn(Family) -> bool,
    run: fn(&Subject, &mut Tally) -> Result<(), Failure>,
}

pub const ROWS: [Row; 8] = [
    Row { name: "slots reused at random, jobs cancelled and asked again", applies: |_| true, run: shuffled },
    Row { name: "cancelled at every step, then resumed", applies: |_| true, run: resumed },
    Row { name: "prefix copied, of every length around the blocks", applies: |_| true, run: copied },
    Row { name: "sliding window crossed twice", applies: |f| f.window().is_some(), run: window },
    Row { name: "positions beyond 4,096", applies: |_| true, run: far },
    Row { name: "host rounding modes", applies: |_| true, run: rounding },
    Row { name: "two sessions at once, one of them on stock kernels", applies: |_| true, run: two_sessions },
    Row { name: "adapter on and off in one process", applies: |_| true, run: adapters },
];

impl Row {
    /// Runs the row for one family.
    pub fn run(&self, family: Family) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        (self.run)(&Subject::new(&family.spec(TensorType::Q8_0))?, &mut tally)
            .map_err(|e| format!("{}, {}: {e}", self.name, family.name()))?;
        Ok(tally)
    }
}

const CONTEXT: u32 = 512;

fn options(streams: u32, ubatch: u32) -> SessionOptions {
    SessionOptions { threads: Some(1), context_tokens: CONTEXT, streams, ubatch, ..base() }
}

/// A drawn answer of `output` tokens to `prompt`.
fn drawn(prompt: &[Token], output: u32, seed: u32) -> Result<Request, Failure> {
    request(json!({"promptTokens": prompt, "maxTokens": output, "temperature": 0.9,
                   "seed": seed.to_string(), "ignoreEog": true}))
}

/// Each request's receipt from a session of its own that reads token by token, replayed.
fn alone(
    subject: &Subject,
    lora: bool,
    requests: &[Request],
    tally: &mut Tally,
) -> Result<Vec<String>, Failure> {
    let mut receipts = Vec::new();
    for request in requests {
        let document = receipt(&mut subject.session(&options(1, 1), lora)?, request)?;
        tally.replay(verdict(&document, &subject.model, lora.then_some(&subject.adapter))?);
        receipts.push(document.to_json()?);
    }
    Ok(receipts)
}

fn compare(tally: &mut Tally, what: &str, found: &[String], expected: &[String]) {
    let differing = found.iter().zip(expected).filter(|(a, b)| a != b).count();
    tally.cell(what, expected.len(), differing + expected.len().abs_diff(found.len()));
}

fn shuffled(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let requests = (0u32..7)
        .map(|i| {
            let mut prompt = tokens(100 * (i as usize % 3), 1);
            prompt.extend(tokens(1 + 20 * (i as usize % 2), i + 40));
            drawn(&prompt, 3 + 5 * i, i)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let expected = alone(subject, false, &requests, tally)?;
    let mut rng = Rng::new(1);
    let mut session = subject.session(&options(4, 16), false)?;
    let mut live: BTreeMap<JobId, usize> = BTreeMap::new();
    let (mut whole, mut cut) = (0, 0);
    for _ in 0..1500 {
        match rng.below(25) {
            0..=3 if live.len() < 12 => {
                let i = rng.below(requests.len());
                live.insert(session.submit(&requests[i], Some(signer()))?[0], i);
            }
            4 if !live.is_empty() => {
                if let Some(id) = live.keys().nth(rng.below(live.len())) {
                    session.cancel(*id);
                }
            }
            5 if rng.below(6) == 0 => session.cancel_handle().cancel(),
            6 => session.forget()?,
            _ => {
                for event in session.step()? {
                    let Event::Done { job, answer } = event else { continue };
                    let i = live.remove(&job).ok_or("a job that was not submitted")?;
                    let answer = (*answer)?;
                    if answer.finish == Finish::Cancelled {
                        cut += 1;
                    } else {
                        whole += 1;
                        let json = document(&answer)?.to_json()?;
                        compare(tally, &format!("request {i}"), &[json], &expected[i..=i]);
                    }
                }
            }
        }
    }
    if whole < 40 || cut < 20 {
        return Err(format!("only {whole} whole and {cut} cancelled answers").into());
    }
    Ok(())
}

fn resumed(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let request = drawn(&tokens(250, 3), 20, 3)?;
    let expected = alone(subject, false, std::slice::from_ref(&request), tally)?;
    let mut session = subject.session(&options(1, 32), false)?;
    // 8 steps for the prompt, 19 for the answer.
    for steps in 1..27 {
        session.forget()?;
        session.submit(&request, Some(signer()))?;
        for _ in 0..steps {
            session.step()?;
        }
        session.cancel_handle().cancel();
        while session.pending() > 0 {
            session.step()?;
        }
        let again = receipt(&mut session, &request)?.to_json()?;
        compare(tally, &format!("cancelled after {steps} steps"), &[again], &expected);
    }
    Ok(())
}

fn copied(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let lengths = [1, 7, 31, 32, 33, 127, 128, 129, 255, 256, 257, 300];
    let base = tokens(320, 1);
    let mut requests = vec![drawn(&base, 24, 0)?];
    for (i, length) in (0u32..).zip(lengths) {
        let mut prompt = base[..length].to_vec();
        prompt.extend(tokens(5, i + 60));
        requests.push(drawn(&prompt, 24, i + 1)?);
    }
    let expected = alone(subject, false, &requests, tally)?;
    for (streams, ubatch) in [(2, 512), (4, 7), (8, 64)] {
        let mut session = subject.session(&options(streams, ubatch), false)?;
        // The base stays in one stream; while its owner answers, others copy from it.
        let (first, _) = together(&mut session, &requests[..1], false)?;
        let (all, _) = together(&mut session, &requests, false)?;
        compare(tally, &format!("{streams} streams, ubatch {ubatch}: the base"), &first, &expected[..1]);
        compare(tally, &format!("{streams} streams, ubatch {ubatch}"), &all, &expected);
    }
    Ok(())
}

/// From within the window of 128 to beyond twice its width, in the prompt and in the answer.
fn window(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let requests =
        [drawn(&tokens(100, 5), 200, 1)?, drawn(&tokens(300, 6), 100, 2)?, drawn(&tokens(2, 7), 300, 3)?];
    let expected = alone(subject, false, &requests, tally)?;
    for (streams, ubatch, threads) in [(1, 7, 2), (1, 512, 1), (3, 64, 2), (3, 1, 1)] {
        let options = SessionOptions { threads: Some(threads), ..options(streams, ubatch) };
        let mut session = subject.session(&options, false)?;
        for round in ["cold", "warm"] {
            let (found, _) = together(&mut session, &requests, false)?;
            compare(tally, &format!("{streams} streams, ubatch {ubatch}, {round}"), &found, &expected);
        }
    }
    Ok(())
}

fn far(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let request = drawn(&tokens(4_090, 8), 16, 4)?;
    let far = |threads, ubatch| SessionOptions {
        threads: Some(threads),
        context_tokens: 4_352,
        ..options(1, ubatch)
    };
    let document = receipt(&mut subject.session(&far(1, 64), false)?, &request)?;
    tally.replay(verdict(&document, &subject.model, None)?);
    let expected = [document.to_json()?];
    for (threads, ubatch) in [(2, 512), (1, 33), (2, 128)] {
        let mut session = subject.session(&far(threads, ubatch), false)?;
        let found = [receipt(&mut session, &request)?.to_json()?];
        compare(tally, &format!("{threads} threads, ubatch {ubatch}"), &found, &expected);
        let found = [receipt(&mut session, &request)?.to_json()?];
        compare(tally, &format!("{threads} threads, ubatch {ubatch}, warm"), &found, &expected);
    }
    Ok(())
}

/// Flush-to-zero and denormals-are-zero; rounding down, up and to zero; exceptions masked.
const FLUSH: u32 = 0x8040;
const ROUNDING: [u32; 4] = [0, 0x2000, 0x4000, 0x6000];
const MASKED: u32 = 0x1F80;

fn rounding(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let requests = [drawn(&tokens(60, 3), 12, 1)?, drawn(&tokens(9, 4), 12, 2)?];
    let expected = alone(subject, false, &requests, tally)?;
    for mode in ROUNDING.into_iter().flat_map(|r| [r, r | FLUSH]) {
        let before = read_mxcsr();
        write_mxcsr(MASKED | mode);
        let outcome = subject
            .session(&SessionOptions { threads: Some(2), oversubscribe: true, ..options(2, 32) }, false)
            .and_then(|mut session| together(&mut session, &requests, false));
        let after = read_mxcsr();
        write_mxcsr(before);
        compare(tally, &format!("MXCSR {:#x}", MASKED | mode), &outcome?.0, &expected);
        // The low six bits say which exceptions have occurred.
        if after & !0x3F != MASKED | mode {
            return Err("the host's floating-point mode was changed".into());
        }
    }
    Ok(())
}

fn two_sessions(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let requests = [drawn(&tokens(250, 3), 24, 1)?, drawn(&tokens(90, 4), 24, 2)?];
    let expected = alone(subject, false, &requests, tally)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = |profile: Profile| {
            let options = SessionOptions { profile: Some(profile), ..options(2, 64) };
            let mut session = Session::new(&subject.model, &options).map_err(|e| e.to_string())?;
            let mut rounds = Vec::new();
            // At least once, however soon the others are done.
            loop {
                session.forget().map_err(|e| e.to_string())?;
                rounds.push(together(&mut session, &requests, false).map_err(|e| e.to_string())?.0);
                if stop.load(Ordering::Relaxed) {
                    return Ok::<_, String>(rounds);
                }
            }
        };
        let exact = scope.spawn(move || other(proven()));
        let fast = scope.spawn(move || other(Profile::Fast1));
        let outcome = (0..6u32).try_for_each(|i| {
            let options = SessionOptions { threads: Some(1 + i % 2), ..options(2, 32 << (i % 3)) };
            let (found, _) = together(&mut subject.session(&options, false)?, &requests, false)?;
            compare(tally, "beside two others", &found, &expected);
            Ok::<(), Failure>(())
        });
        stop.store(true, Ordering::Relaxed);
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<_, String>>| {
            thread.join().map_err(|_| "a session's thread panicked".to_owned())?
        };
        let (exact, fast): (Vec<Vec<String>>, _) = (join(exact)?, join(fast)?);
        outcome?;
        exact.iter().for_each(|found| compare(tally, "the exact session beside", found, &expected));
        // The comparison means something: the stock kernels compute other bits.
        if exact.is_empty() || fast.is_empty() || fast.contains(&expected) {
            return Err("the other sessions did not run, or stock kernels gave exact receipts".into());
        }
        Ok(())
    })
}

fn adapters(subject: &Subject, tally: &mut Tally) -> Result<(), Failure> {
    let requests = [drawn(&tokens(250, 3), 16, 1)?, drawn(&tokens(40, 4), 16, 2)?];
    let expected = [alone(subject, false, &requests, tally)?, alone(subject, true, &requests, tally)?];
    if expected[0].iter().zip(&expected[1]).any(|(a, b)| a == b) {
        return Err("the adapter changes nothing".into());
    }
    let mut sessions = [subject.session(&options(2, 64), false)?, subject.session(&options(2, 64), true)?];
    for round in 0..4 {
        for (lora, session) in sessions.iter_mut().enumerate() {
            let (found, _) = together(session, &requests, false)?;
            compare(tally, &format!("round {round}, adapter {lora}"), &found, &expected[lora]);
        }
    }
    // A session made and dropped with the adapter leaves nothing behind for the next without.
    for lora in [true, false, true, false] {
        let (found, _) = together(&mut subject.session(&options(1, 32), lora)?, &requests, false)?;
        compare(tally, &format!("made anew, adapter {lora}"), &found, &expected[usize::from(lora)]);
    }
    Ok(())
}

/// A slot that saw values without end, and its neighbours: a row with a model of its own.
pub fn non_finite() -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), overflowing())?;
    let model = Model::open(file.path())?;
    let with = |at: usize, length: usize| {
        let mut prompt: Vec<Token> = tokens(length, 1).iter().map(|t| t % OVERFLOWING).collect();
        if let Some(token) = prompt.get_mut(at) {
            *token = OVERFLOWING;
        }
        prompt
    };
    let good = |length, output| {
        request(json!({"promptTokens": with(usize::MAX, length), "maxTokens": output, "temperature": 1,
                       "bans": [OVERFLOWING], "ignoreEog": true}))
    };
    let good = [good(20, 40)?, good(4, 8)?, good(300, 16)?];
    let mut expected = Vec::new();
    for request in &good {
        let document = receipt(&mut attesting(&model, &options(1, 1))?, request)?;
        tally.replay(verdict(&document, &model, None)?);
        expected.push(document.to_json()?);
    }
    for (streams, ubatch) in [(1, 8), (2, 8), (3, 1), (3, 512)] {
        let mut session = attesting(&model, &options(streams, ubatch))?;
        for (at, length) in [(15, 16), (5, 30), (0, 1), (255, 300)] {
            let bad = request(json!({"promptTokens": with(at, length), "maxTokens": 4}))?;
            match session.generate(&bad, Some(signer()), &mut |_| true) {
                Err(error) if error.kind() == ErrorKind::Logits => {}
                other => return Err(format!("an overflow gave {other:?}").into()),
            }
            let (found, _) = together(&mut session, &good, false)?;
            compare(
                &mut tally,
                &format!("{streams} streams, overflow at {at} of {length}"),
                &found,
                &expected,
            );
        }
        // Beside it in the same batches.
        let ids: Vec<JobId> =
            good.iter().map(|r| Ok(session.submit(r, Some(signer()))?[0])).collect::<Result<_, Failure>>()?;
        let bad = request(json!({"promptTokens": with(2, 12), "maxTokens": 4}))?;
        let bad = session.submit(&bad, Some(signer()))?[0];
        let mut found = vec![String::new(); good.len()];
        while session.pending() > 0 {
            for event in session.step()? {
                let Event::Done { job, answer } = event else { continue };
                match (ids.iter().position(|id| *id == job), *answer) {
                    (Some(i), answer) => found[i] = document(&answer?)?.to_json()?,
                    (None, Err(error)) if job == bad && error.kind() == ErrorKind::Logits => {}
                    (None, other) => return Err(format!("the overflow's own job gave {other:?}").into()),
                }
            }
        }
        compare(&mut tally, &format!("{streams} streams, an overflow beside"), &found, &expected);
    }
    Ok(tally)
}
