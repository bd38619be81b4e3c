//! What the tests on real and on random-weight models share.
#![allow(dead_code)] // each test file uses a part

use std::sync::Arc;

use attestlm::model::{Adapter, Model};
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{Answer, Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use attestlm::verdict::Report;
use attestlm::verify::{verify, Expectations, VerifyOptions};
use attestlm_testkit::{LoraSpec, ModelSpec};
use serde_json::{json, Value};

/// The key every fixed receipt is signed with.
pub const KEY: [u8; 32] = [0x46; 32];

/// The longest prompt + output of a [`request`] that says nothing else.
pub const CONTEXT: u32 = 512;

/// A signer with [`KEY`]; its signatures are deterministic (RFC 6979).
pub fn signer() -> Arc<dyn Signer> {
    Arc::new(KeySigner::from_bytes(&KEY).unwrap())
}

/// A random-weight model, by way of a file that is gone afterwards.
pub fn model(spec: &ModelSpec) -> Model {
    model_of_bytes(&spec.to_bytes())
}

/// A model from the bytes of its GGUF.
pub fn model_of_bytes(bytes: &[u8]) -> Model {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Model::open(file.path()).unwrap()
}

/// A random LoRA adapter for `model`, which was made from `spec`.
pub fn adapter(lora: &LoraSpec, spec: &ModelSpec, model: &Model) -> Adapter {
    let file = tempfile::NamedTempFile::new().unwrap();
    lora.to_gguf(spec).write_to(file.path()).unwrap();
    Adapter::open(file.path(), model).unwrap()
}

/// Options of a small session: one thread, one stream.
pub fn options(context_tokens: u32) -> SessionOptions {
    SessionOptions { threads: Some(1), context_tokens, ..SessionOptions::default() }
}

/// A session that can attest.
pub fn session(model: &Model, options: &SessionOptions) -> Session {
    let session = Session::new(model, options).unwrap();
    assert_eq!(session.unattested(), None);
    session
}

/// A request with everything fixed that would otherwise be drawn or read from the clock; `fields`
/// are added, and replace what is there.
#[allow(clippy::needless_pass_by_value)] // callers write `json!({...})`
pub fn request(fields: Value) -> Request {
    let mut all = json!({
        "contextTokens": CONTEXT,
        "seed": "7",
        "nonce": format!("0x{}", "5a".repeat(32)),
        "issuedAt": "1700000000",
    });
    for (key, value) in fields.as_object().unwrap() {
        all[key] = value.clone();
    }
    Request::from_json(all.to_string().as_bytes()).unwrap()
}

/// The answers of one request, signed with [`KEY`].
pub fn answers(session: &mut Session, request: &Request) -> Vec<Answer> {
    session.generate(request, Some(signer()), &mut |_| true).unwrap()
}

/// The receipt of an answer that has one.
pub fn document(answer: &Answer) -> &Document {
    answer.receipt.as_ref().unwrap().as_ref().unwrap()
}

/// The JSON of each choice's receipt.
pub fn receipts(session: &mut Session, request: &Request) -> Vec<String> {
    answers(session, request).iter().map(|a| document(a).to_json().unwrap()).collect()
}

/// The JSON of the receipt of a request with one choice.
pub fn receipt(session: &mut Session, request: &Request) -> String {
    let mut all = receipts(session, request);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Verifies a receipt's JSON with nothing expected, on one thread.
pub fn check(json: &str, model: &Model, adapter: Option<&Adapter>) -> Report {
    check_against(json, &Expectations::default(), model, adapter)
}

/// Verifies a receipt's JSON against expectations, on one thread.
pub fn check_against(
    json: &str,
    expectations: &Expectations,
    model: &Model,
    adapter: Option<&Adapter>,
) -> Report {
    let document = Document::parse(json.as_bytes()).unwrap();
    let options = VerifyOptions { model: Some(model), adapter, threads: Some(1), ..VerifyOptions::default() };
    verify(&document, expectations, &options).unwrap()
}
