//! The models, the receipts, the one who forges them, and what is asserted of a verdict.

use std::sync::OnceLock;

use attestlm::abi::keccak256;
use attestlm::model::Model;
use attestlm::output::{Drawn, Output};
use attestlm::receipt::{sampler_record, Disclosure, Document, Finish, Receipt, Signature};
use attestlm::request::Request;
use attestlm::session::{Continuation, Session};
use attestlm::signer::{KeySigner, Signer};
use attestlm::trace::{Trace, TraceLeaf};
use attestlm::verdict::{Report, Verdict};
use attestlm::verify::{Expectations, Verifier, VerifyOptions};
use attestlm::{commitment, json, steps, Token};
use attestlm_testkit::{ModelSpec, TensorType};
use serde_json::{json, Value};

use crate::common;

pub const VERIFIED: Verdict = Verdict::Verified { prefix_only: false };
pub const NONCE: [u8; 32] = [0x5a; 32];

pub fn forger() -> KeySigner {
    KeySigner::from_bytes(&[0x66; 32]).unwrap()
}

pub fn shared(cell: &'static OnceLock<Model>, spec: impl FnOnce() -> ModelSpec) -> &'static Model {
    cell.get_or_init(|| common::model(&spec()))
}

/// The model the receipts name.
pub fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    shared(&MODEL, ModelSpec::nano)
}

/// The same weights, as Q4_0.
pub fn requantized() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    shared(&MODEL, || ModelSpec::nano().with_type(TensorType::Q4_0))
}

/// Other weights.
pub fn stranger() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    shared(&MODEL, || ModelSpec { seed: 2, ..ModelSpec::nano() })
}

pub fn session_of(model: &Model) -> Session {
    common::session(model, &common::options(256))
}

pub const QUESTION: &str = "where does the river end";

/// `fields` over a short question, in a context the tests' sessions have.
pub fn request(fields: Value) -> Request {
    let mut all = json!({ "messages": [{ "role": "user", "content": QUESTION }], "contextTokens": 256 });
    for (key, value) in fields.as_object().unwrap() {
        if ["prompt", "promptTokens"].contains(&key.as_str()) {
            all.as_object_mut().unwrap().remove("messages");
        }
        all[key] = value.clone();
    }
    common::request(all)
}

pub fn made_by(model: &Model, fields: Value) -> Document {
    let answers = common::answers(&mut session_of(model), &request(fields));
    common::document(&answers[0]).clone()
}

pub fn made(fields: Value) -> Document {
    made_by(model(), fields)
}

/// 24 tokens at temperature 0.8.
pub fn hot() -> Document {
    made(json!({ "temperature": 0.8, "maxTokens": 24, "ignoreEog": true }))
}

/// 24 tokens, greedy.
pub fn greedy() -> Document {
    made(json!({ "maxTokens": 24, "ignoreEog": true }))
}

/// An output that ended by itself after a few tokens.
pub fn ended() -> Document {
    // The end-of-generation token, the vocabulary's last, is helped to come up.
    let bias = json!({ model().vocab().eog()[0].to_string(): 2.5 });
    (0..64)
        .map(|seed| made(json!({ "temperature": 1, "maxTokens": 60, "seed": seed, "logitBias": bias })))
        .find(|d| d.receipt.finish == Finish::EndOfGeneration && d.receipt.output_count > 4)
        .expect("one of 64 seeds ends by itself")
}

pub fn scored(text: &str) -> Document {
    let request = request(json!({ "temperature": 0.5 }));
    let score = session_of(model())
        .score(&request, &Continuation::Text(text.into()), Some(common::signer()))
        .unwrap();
    score.receipt.unwrap().unwrap()
}

/// Through its JSON and back, then against `expectations`: twice, for what a verifier remembers of the first time must catch
/// as much.
pub fn report(document: &Document, expectations: &Expectations, options: &VerifyOptions<'_>) -> Report {
    let text = document.to_json().unwrap();
    let read = Document::parse(text.as_bytes()).unwrap();
    assert_eq!(&read, document);
    let mut verifier = Verifier::new(options.clone());
    let report = verifier.verify(&read, expectations).unwrap();
    assert_eq!(verifier.verify(&read, expectations).unwrap().to_json(), report.to_json());
    report
}

pub fn with(model: &Model) -> VerifyOptions<'_> {
    VerifyOptions { model: Some(model), threads: Some(1), ..VerifyOptions::default() }
}

pub fn check(document: &Document) -> Verdict {
    report(document, &Expectations::default(), &with(model())).verdict
}

pub fn expect(document: &Document, expectations: &Expectations) -> Verdict {
    report(document, expectations, &with(model())).verdict
}

pub fn asked(request: Request) -> Expectations {
    Expectations { request: Some(request), ..Expectations::default() }
}

#[track_caller]
pub fn diverges(verdict: &Verdict, at: Option<u64>, naming: &str) {
    let Verdict::Diverged { position, what } = verdict else { panic!("{verdict}") };
    assert_eq!(*position, at, "{verdict}");
    assert!(what.starts_with(naming), "{verdict}");
}

/// Diverges in a token, wherever that is; answers the position.
#[track_caller]
pub fn redraws(verdict: &Verdict) -> u64 {
    match verdict {
        Verdict::Diverged { position: Some(at), what } if what == "token" => *at,
        other => panic!("{other}"),
    }
}

#[track_caller]
pub fn invalid(verdict: &Verdict, naming: &str) {
    let Verdict::Invalid { what } = verdict else { panic!("{verdict}") };
    assert!(what.starts_with(naming), "{verdict}");
}

#[track_caller]
pub fn unverifiable(verdict: &Verdict, naming: &str) {
    let Verdict::Unverifiable { why } = verdict else { panic!("{verdict}") };
    assert!(why.contains(naming), "{verdict}");
}

/// Signs with the forger's key.
pub fn sign(mut document: Document) -> Document {
    document.receipt.signer = forger().address();
    document.signature = Signature::Key(forger().sign_digest(&document.digest()).unwrap());
    document
}

pub fn disclosed(document: &mut Document) -> &mut Disclosure {
    document.disclosure.as_mut().unwrap()
}

/// Commits to whatever the disclosure now says, trace apart.
pub fn recommit(document: &mut Document) {
    let disclosure = document.disclosure.as_ref().unwrap();
    let salts = disclosure.salts().unwrap();
    let receipt = &mut document.receipt;
    let counted = |tokens: &Vec<Token>| u32::try_from(tokens.len()).unwrap();
    if let Some(profile) = &disclosure.profile {
        receipt.profile = keccak256(profile.as_bytes());
    }
    if let Some(policy) = &disclosure.sampler {
        receipt.sampler = sampler_record::hash(policy);
    }
    if let (Some(seed), Some(salt)) = (&disclosure.seed, &salts.seed) {
        receipt.seed = commitment::seed(salt, &seed.seed, disclosure.stream, &seed.inputs);
    }
    if let (Some(request), Some(salt)) = (&disclosure.request, &salts.request) {
        receipt.request = commitment::request(salt, &json::canonicalize(request).unwrap());
    }
    if let (Some(tokens), Some(salt)) = (&disclosure.prompt_tokens, &salts.prompt) {
        (receipt.prompt, receipt.prompt_count) = (commitment::prompt(salt, tokens), counted(tokens));
    }
    if let (Some(tokens), Some(salt)) = (&disclosure.output_tokens, &salts.output) {
        (receipt.output, receipt.output_count) = (commitment::output(salt, tokens), counted(tokens));
    }
    if let (Some(list), Some(salt)) = (&disclosure.steps, &salts.steps) {
        receipt.steps = steps::root(salt, list).unwrap();
    }
}

/// An edit of the openings (and of fields that nothing opens), committed to and signed anew.
pub fn forge(honest: &Document, edit: impl FnOnce(&mut Receipt, &mut Disclosure)) -> Document {
    let mut document = honest.clone();
    edit(&mut document.receipt, document.disclosure.as_mut().unwrap());
    recommit(&mut document);
    sign(document)
}

/// Other output tokens, with the text they stand for and a trace of the forger's invention.
pub fn put_output(receipt: &mut Receipt, disclosure: &mut Disclosure, tokens: Vec<Token>) {
    let vocab = model().vocab();
    let policy = disclosure.sampler.clone().unwrap_or_default();
    let mut output = Output::default();
    for token in &tokens {
        let is_eog = vocab.is_eog(*token);
        let drawn = Drawn { token: *token, piece: vocab.piece(*token), is_eog, grammar_ended: false };
        output.push(drawn, &policy, disclosure.prompt_tokens.as_ref().unwrap().len());
    }
    let leaves = tokens.iter().map(|token| TraceLeaf { token: *token, digest: [7; 32] }).collect();
    receipt.trace = Trace::new(disclosure.salts().unwrap().trace.unwrap(), leaves).unwrap().root();
    if disclosure.steps.is_some() {
        disclosure.steps = Some(policy.segmenter.segment(output.text(), output.ends()).unwrap());
    }
    disclosure.output_tokens = Some(tokens);
}

pub fn output_of(document: &Document) -> Vec<Token> {
    document.disclosure.as_ref().unwrap().output_tokens.clone().unwrap()
}
