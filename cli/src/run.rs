//! `attestlm run`.

use std::path::Path;

use attestlm::model::Model;
use attestlm::receipt::{Document, Finish};
use attestlm::session::{Answer, Event, JobId, Session, SessionOptions};
use attestlm::{Error, ErrorKind, Result};
use serde_json::json;

use crate::args::Run;
use crate::fail::{Failure, Outcome, Status};
use crate::interrupt::Interrupt;
use crate::request::RequestJson;
use crate::terminal::{self, Progress};
use crate::{files, load, signing};

/// Answers decoded together; more wait, so that many choices do not take the memory of many contexts.
const MAX_STREAMS: u32 = 8;

pub fn run(args: &Run, as_json: bool) -> Outcome {
    let interrupt = Interrupt::listen()?;
    let receipt_path = args.signing.receipt.as_deref();
    let wants_receipt = receipt_path.is_some() || as_json;
    if args.signing.key.is_some() && !wants_receipt {
        return Err(Error::argument("key", "nothing is signed without --receipt or --json").into());
    }

    // Everything that can be wrong is looked at before the model is loaded.
    let request = RequestJson::new(&args.input, &args.signing, Some(&args.sampling))?.parse()?;
    let choices = request.policy.choices;
    for choice in 0..choices {
        receipt_path.map_or(Ok(()), |path| files::check_receipt(&files::receipt_path(path, choice)))?;
    }
    let keystore = args.signing.key.as_deref().map(signing::from_keystore).transpose()?;

    let model = load::model(args.engine.model.as_deref(), &interrupt)?;
    let adapter = load::adapter(args.engine.adapter.as_deref(), &model)?;
    let options = SessionOptions {
        profile: load::profile(args.engine.profile),
        threads: args.engine.threads,
        context_tokens: request.policy.context_tokens,
        streams: choices.min(MAX_STREAMS),
        adapter,
        ..SessionOptions::default()
    };
    let mut session = Session::new(&model, &options)?;
    interrupt.guard(session.cancel_handle())?;

    let signer = match session.unattested() {
        Some(why) if receipt_path.is_some() => {
            return Err(Error::new(ErrorKind::Unsupported, "receipt", why.to_string()).into());
        }
        Some(why) if !as_json => {
            terminal::note(&format!("no receipt for this answer, which stock kernels compute: {why}"));
            None
        }
        // Without a receipt the answer says why.
        _ if wants_receipt => Some(keystore.map_or_else(signing::fresh, Ok)?),
        _ => None,
    };

    let ids = session.submit(&request, signer)?;
    let mut printer = Printer::new(ids, as_json);
    while session.pending() > 0 {
        for event in session.step()? {
            printer.take(event)?;
        }
        if printer.closed && !wants_receipt {
            return Err(Failure::ClosedOutput);
        }
    }
    finish(printer, session.model(), receipt_path, as_json, &interrupt)
}

/// Writes the receipts and, as JSON, the answers.
fn finish(
    mut printer: Printer,
    model: &Model,
    path: Option<&Path>,
    as_json: bool,
    interrupt: &Interrupt,
) -> Outcome {
    printer.progress.clear();
    let mut answers = Vec::new();
    for output in printer.outputs {
        match output.answer {
            // Cancelled before its first token: there is nothing to claim.
            Some(Ok(answer)) if answer.finish == Finish::Cancelled && answer.tokens.is_empty() => {}
            Some(Err(error)) if error.kind() == ErrorKind::Cancelled => {}
            Some(Ok(answer)) => answers.push(answer),
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Error::new(ErrorKind::Internal, "session", "an answer is missing").into()),
        }
    }
    if let Some(path) = path {
        // All of them before the first is written.
        let texts = answers.iter().map(|answer| receipt(answer)?.to_json()).collect::<Result<Vec<_>>>()?;
        for (answer, text) in answers.iter().zip(texts) {
            let file = files::receipt_path(path, answer.choice);
            files::write_receipt(&file, &text)?;
        }
    }
    if as_json && !answers.is_empty() {
        let mut objects =
            answers.iter().map(|answer| answer.to_json(model.vocab())).collect::<Result<Vec<_>>>()?;
        let value = match objects.len() {
            1 => objects.remove(0),
            _ => json!({ "answers": objects }),
        };
        terminal::print_json(&value)?;
    }
    if interrupt.is_raised() {
        terminal::note(if answers.is_empty() { "cancelled before the first token" } else { "cancelled" });
        return Ok(Status::Cancelled);
    }
    Ok(Status::Done)
}

fn receipt(answer: &Answer) -> Result<&Document> {
    match &answer.receipt {
        Some(Ok(document)) => Ok(document),
        Some(Err(why)) => Err(why.clone()),
        None => Err(Error::new(ErrorKind::Internal, "receipt", "the answer came without one")),
    }
}

/// Streams one answer after the other; what belongs to a later one waits its turn.
struct Printer {
    outputs: Vec<Output>,
    /// The answer being streamed.
    current: usize,
    /// Nothing is streamed: the answers come as JSON at the end.
    as_json: bool,
    /// The reader of standard output went away.
    closed: bool,
    progress: Progress,
}

struct Output {
    id: JobId,
    /// Text not yet printed.
    text: String,
    started: bool,
    ends_line: bool,
    answer: Option<Result<Answer>>,
}

impl Printer {
    fn new(ids: Vec<JobId>, as_json: bool) -> Self {
        let output = |id| Output { id, text: String::new(), started: false, ends_line: true, answer: None };
        Printer {
            outputs: ids.into_iter().map(output).collect(),
            current: 0,
            as_json,
            closed: false,
            progress: Progress::new(),
        }
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Prefill { done, total, .. } => self.progress.show("reading", done as u64, total as u64),
            Event::Text { job, text } => {
                if let Some(output) = self.outputs.iter_mut().find(|output| output.id == job) {
                    output.text.push_str(&text);
                }
            }
            Event::Done { job, answer } => {
                if let Some(output) = self.outputs.iter_mut().find(|output| output.id == job) {
                    output.answer = Some(*answer);
                }
            }
            _ => {}
        }
        self.print_ready()
    }

    fn print_ready(&mut self) -> Result<(), Failure> {
        if self.as_json || self.closed {
            return Ok(());
        }
        let several = self.outputs.len() > 1;
        while let Some(output) = self.outputs.get_mut(self.current) {
            let mut text = std::mem::take(&mut output.text);
            let done = output.answer.is_some();
            let begun = match &output.answer {
                Some(Ok(answer)) => !answer.tokens.is_empty(),
                Some(Err(_)) => false,
                None => !text.is_empty(),
            };
            if several && !output.started && begun {
                output.started = true;
                text.insert_str(0, &format!("--- answer {} ---\n", self.current));
            }
            if let Some(last) = text.chars().last() {
                output.ends_line = last == '\n';
            }
            if done && !output.ends_line {
                text.push('\n');
            }
            if !text.is_empty() {
                self.progress.clear();
                match terminal::print_answer(&text) {
                    Err(Failure::ClosedOutput) => {
                        self.closed = true;
                        return Ok(());
                    }
                    other => other?,
                }
            }
            if !done {
                break;
            }
            self.current += 1;
        }
        Ok(())
    }
}
