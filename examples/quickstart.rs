//! Asks the bundled model a question, prints the answer as it comes and the signed receipt, and has the receipt judged as
//! a stranger would.
//!
//! ```text
//! quickstart [REQUEST.json [KEYSTORE.json]]
//! ```
//!
//! REQUEST.json: docs/request.md. The keystore's password is taken from ATTESTLM_PASSWORD; without one the receipt is
//! signed with a fresh key. The answer goes to standard error, the receipt to standard output.

use std::process::ExitCode;
use std::sync::Arc;

use attestlm::model::Model;
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{GenerationEvent, Next, Session, SessionOptions, SharedSession};
use attestlm::signer::{keystore, KeySigner};
use attestlm::verify::Terms;

const QUESTION: &[u8] = br#"{"messages": [{"role": "user", "content": "Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?"}],
    "temperature": "0.7", "seed": "7"}"#;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let request = match arguments.first() {
        Some(path) => Request::from_json(&std::fs::read(path).map_err(|error| format!("{path}: {error}"))?)?,
        None => Request::from_json(QUESTION)?,
    };
    let model = Model::bundled()?;
    let session = SharedSession::new(Session::new(&model, &SessionOptions::default())?)?;
    let signer = match arguments.get(1) {
        Some(path) => keystore::load(path.as_ref(), &std::env::var("ATTESTLM_PASSWORD").unwrap_or_default())?,
        None => KeySigner::random()?,
    };

    // The answer, event by event.
    let mut generation = session.generate(&request, Some(Arc::new(signer)))?;
    let mut document = None;
    while let Next::Event(event) = generation.next(None)? {
        eprintln!("{}", event.to_json()?);
        if let GenerationEvent::Done { choice: 0, answer } = event {
            // The signed receipt, as any verifier takes it.
            document = Some((*answer)?.receipt.ok_or("a signer was given")??.to_json()?);
        }
    }
    let document = document.ok_or("the generation has not ended")?;
    print!("{document}");

    // Somebody else reads and judges it.
    let mut terms = Terms::default();
    terms.expectations.request = Some(request);
    let report = terms.verify(&Document::parse(document.as_bytes())?, Some(&model), None)?;
    eprintln!("{}", report.to_json());
    Ok(())
}
