//! What the trials share: models made for them, a signer, requests with everything fixed.
//!
//! Each trial is a command of its own (`exactness/`, `attacks/`, `soak/`) with a short and a full form; it
//! prints what it ran and ends with one line, its verdict. It fails if it ran less than it had planned.

pub mod forger;
pub mod forward;

use std::error::Error;
use std::sync::Arc;

use attestlm::model::{Adapter, Model};
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{Answer, Session};
use attestlm::signer::{KeySigner, Signer};
use attestlm::steps;
use attestlm::Token;
use attestlm_testkit::{Gguf, LoraSpec, ModelSpec};
use serde_json::{json, Value};

/// Why a trial could not be run.
pub type Failure = Box<dyn Error>;

/// The key every receipt of the trials is signed with; its signatures are deterministic (RFC 6979).
pub const KEY: [u8; 32] = [0x46; 32];

/// A signer with [`KEY`].
///
/// # Panics
/// Never: the key is valid.
#[must_use]
pub fn signer() -> Arc<dyn Signer> {
    Arc::new(KeySigner::from_bytes(&KEY).expect("a valid key"))
}

/// The model made from `spec`; its file is gone afterwards.
///
/// # Errors
/// What the file system or the library says.
pub fn model(spec: &ModelSpec) -> Result<Model, Failure> {
    model_of(&spec.to_gguf())
}

/// The model in `gguf`; its file is gone afterwards.
///
/// # Errors
/// What the file system or the library says.
pub fn model_of(gguf: &Gguf) -> Result<Model, Failure> {
    let file = tempfile::NamedTempFile::new()?;
    gguf.write_to(file.path())?;
    Ok(Model::open(file.path())?)
}

/// A random LoRA adapter for `model`, which was made from `spec`.
///
/// # Errors
/// What the file system or the library says.
pub fn adapter(lora: &LoraSpec, spec: &ModelSpec, model: &Model) -> Result<Adapter, Failure> {
    let file = tempfile::NamedTempFile::new()?;
    lora.to_gguf(spec).write_to(file.path())?;
    Ok(Adapter::open(file.path(), model)?)
}

/// Token ids that look like nothing, below 250.
#[must_use]
pub fn tokens(count: usize, seed: u32) -> Vec<Token> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % 250
    };
    (0..count).map(|_| next()).collect()
}

/// A request with everything fixed that would otherwise be drawn or read from the clock; `fields` are
/// added, and replace what is there.
///
/// # Errors
/// A field that the library refuses.
///
/// # Panics
/// If `fields` is not a JSON object.
#[allow(clippy::needless_pass_by_value)] // callers write `json!({...})`
pub fn request(fields: Value) -> Result<Request, Failure> {
    let mut all = json!({
        "seed": "7",
        "nonce": format!("0x{}", "5a".repeat(32)),
        "issuedAt": "1700000000",
    });
    for (key, value) in fields.as_object().expect("an object") {
        all[key] = value.clone();
    }
    let mut request = Request::from_json(all.to_string().as_bytes())?;
    // Stated, so that the policy is complete and a client can pin it.
    let segmenter = request.steps.get_or_insert_with(|| steps::of_template(None)).clone();
    request.policy.segmenter = segmenter;
    Ok(request)
}

/// The receipt of an answer.
///
/// # Errors
/// Why it has none.
pub fn document(answer: &Answer) -> Result<&Document, Failure> {
    match &answer.receipt {
        Some(Ok(document)) => Ok(document),
        Some(Err(error)) => Err(error.to_string().into()),
        None => Err("the answer carries no receipt".into()),
    }
}

/// Answers a request that asks for one choice, and gives its receipt.
///
/// # Errors
/// What the library says.
pub fn receipt(session: &mut Session, request: &Request) -> Result<Document, Failure> {
    let answers = session.generate(request, Some(signer()), &mut |_| true)?;
    match &answers[..] {
        [answer] => Ok(document(answer)?.clone()),
        other => Err(format!("{} answers to a request for one", other.len()).into()),
    }
}
