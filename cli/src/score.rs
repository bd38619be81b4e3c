//! `attestlm score`.

use std::fmt::Write as _;

use attestlm::session::{Continuation, Score as Scored, Session, SessionOptions};
use attestlm::{Error, ErrorKind, Result};

use crate::args::Score;
use crate::fail::{Failure, Outcome, Status};
use crate::interrupt::Interrupt;
use crate::request::{token_list, RequestJson};
use crate::{files, load, signing, terminal};

pub fn run(args: &Score, as_json: bool) -> Outcome {
    let interrupt = Interrupt::listen()?;
    let receipt_path = args.signing.receipt.as_deref();
    if args.signing.key.is_some() && receipt_path.is_none() {
        return Err(Error::argument("key", "nothing is signed without --receipt").into());
    }
    let continuation = match (&args.continuation, &args.continuation_tokens) {
        (Some(text), _) => Continuation::Text(text.clone()),
        (None, Some(tokens)) => Continuation::Tokens(token_list("continuationTokens", tokens)?),
        (None, None) => {
            let why = "give one of --continuation and --continuation-tokens";
            return Err(Error::argument("continuation", why).into());
        }
    };
    let request = RequestJson::new(&args.input, &args.signing, None)?.parse()?;
    receipt_path.map_or(Ok(()), files::check_receipt)?;
    let keystore = args.signing.key.as_deref().map(signing::from_keystore).transpose()?;

    let model = load::model(args.engine.model.as_deref(), &interrupt)?;
    let adapter = load::adapter(args.engine.adapter.as_deref(), &model)?;
    let options = SessionOptions {
        profile: load::profile(args.engine.profile),
        threads: args.engine.threads,
        context_tokens: args.context_tokens.unwrap_or_default(),
        adapter,
        ..SessionOptions::default()
    };
    let mut session = Session::new(&model, &options)?;
    interrupt.guard(session.cancel_handle())?;
    let signer = match (receipt_path, session.unattested()) {
        (Some(_), Some(why)) => {
            return Err(Error::new(ErrorKind::Unsupported, "receipt", why.to_string()).into());
        }
        (Some(_), None) => Some(keystore.map_or_else(signing::fresh, Ok)?),
        (None, Some(why)) => {
            terminal::note(&format!("scored by stock kernels, which is close, not exact: {why}"));
            None
        }
        (None, None) => None,
    };
    let scored = session.score(&request, &continuation, signer)?;
    interrupt.check()?;
    if let (Some(path), Some(receipt)) = (receipt_path, scored.receipt.clone()) {
        files::write_receipt(path, &receipt?.to_json()?)?;
    }
    print(&model, &scored, as_json)?;
    Ok(Status::Done)
}

fn print(model: &attestlm::model::Model, scored: &Scored, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return terminal::print_json(&scored.to_json(model.vocab())?);
    }
    let piece = |token| String::from_utf8_lossy(model.vocab().piece(token)).into_owned();
    let mut text = String::new();
    for t in &scored.tokens {
        let greedy = if t.is_greedy { "greedy" } else { "" };
        let _ = writeln!(text, "{:>8} {:>12.6} {greedy:6} {:?}", t.token, t.log_probability, piece(t.token));
    }
    let _ = writeln!(text, "{:>8} {:>12.6}", "sum", scored.log_probability());
    terminal::print(&text)
}
