//! What the library gives: every member of it is in the schema, and every member of the schema occurs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use attestlm::model::Model;
use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::session::{Continuation, GenerationEvent, Next, Session, SessionOptions, SharedSession};
use attestlm::signer::{KeySigner, Signer};
use attestlm::trace::Show;
use attestlm::verdict::{Report, Verdict};
use attestlm::verify::Terms;
use attestlm::{Error, ErrorKind};
use attestlm_testkit::{Architecture, ModelSpec};
use serde_json::{json, Value};

use super::{at, paths, place, written, Key, Schemas};

/// What was given, by the name of its schema.
type Given = BTreeMap<&'static str, Vec<Value>>;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Events, answers, receipts and proofs of one generation, and what verifying them reports.
fn generate(given: &mut Given, session: &SharedSession, request: &Value, signer: Option<Arc<dyn Signer>>) {
    let request = Request::from_json(request.to_string().as_bytes()).unwrap();
    let mut generation = session.generate(&request, signer.clone()).unwrap();
    let mut add = |name, value| given.entry(name).or_default().push(value);
    loop {
        let event = match generation.next(None).unwrap() {
            Next::Event(event) => event,
            Next::Ended => break,
            Next::TimedOut => unreachable!(),
        };
        add("event", parsed(&event.to_json().unwrap()));
        let GenerationEvent::Done { answer, .. } = event else { continue };
        let answer = (*answer).unwrap();
        add("answer", answer.to_json(session.model().vocab()).unwrap());
        let Some(document) = answer.receipt.clone() else { continue };
        let document = document.unwrap();
        add("receipt", parsed(&document.to_json().unwrap()));
        add("receipt", parsed(&Document { disclosure: None, ..document.clone() }.to_json().unwrap()));
        add("typed-data", parsed(&document.receipt.to_typed_data(&document.domain).unwrap()));
        add("step-proof", parsed(&document.prove_step(0).unwrap().to_json().unwrap()));
        for show in [Show::Token, Show::TokenAndDigest] {
            add("token-proof", parsed(&answer.prove_token(0, show).unwrap().to_json().unwrap()));
        }
        let model = Some(session.model());
        for (terms, model) in
            [("{}", model), ("{}", None), (r#"{"scored":true}"#, model), (r#"{"signatureOnly":true}"#, None)]
        {
            let report = Terms::from_json(terms.as_bytes()).unwrap().verify(&document, model, None).unwrap();
            add("report", report.to_json());
        }
    }
}

/// What takes another machine, another signer or a fault to happen.
fn rare() -> Given {
    let error = || Error::new(ErrorKind::Engine, "session", "out of memory");
    let failed = GenerationEvent::Done { choice: 1, answer: Box::new(Err(error())) };
    let report = |verdict| {
        Report {
            verdict,
            kind: None,
            signer: None,
            digest: None,
            compared: Vec::new(),
            not_compared: Vec::new(),
        }
        .to_json()
    };
    let what = || "token".to_owned();
    let verdicts = [
        Verdict::Verified { prefix_only: true },
        Verdict::Diverged { position: Some(3), what: what() },
        Verdict::Diverged { position: None, what: what() },
        Verdict::Invalid { what: what() },
        Verdict::Unverifiable { why: what() },
        Verdict::Consistent { score: 0.01 },
        Verdict::Inconsistent { score: 3.5 },
        Verdict::Inconsistent { score: f64::INFINITY },
    ];
    Given::from([
        ("event", vec![parsed(&failed.to_json().unwrap())]),
        ("error", ErrorKind::ALL.map(|kind| Error::new(kind, "", "no").to_json()).into()),
        ("report", verdicts.map(report).into()),
    ])
}

/// The model of a shape.
fn model(spec: &ModelSpec) -> Model {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&spec.to_bytes()).unwrap();
    Model::open(file.path()).unwrap()
}

fn given() -> Given {
    let mut given = rare();
    let bundled = Model::bundled().unwrap();
    let options =
        SessionOptions { threads: Some(1), context_tokens: 128, streams: 2, ..SessionOptions::default() };
    let session = SharedSession::new(Session::new(&bundled, &options).unwrap()).unwrap();
    let signer: Arc<dyn Signer> = Arc::new(KeySigner::from_bytes(&[0x46; 32]).unwrap());
    let word = |byte: &str| format!("0x{}", byte.repeat(32));
    let domain = json!({ "chainId": 5, "verifyingContract": format!("0x{}", "11".repeat(20)) });
    for (request, signer) in [
        (json!({ "messages": [{ "role": "user", "content": "1 + 2?" }], "maxTokens": 8 }), None),
        (
            json!({ "messages": [{ "role": "user", "content": "1 + 2?" }], "maxTokens": 8, "temperature": 1, "seed": 7,
                "choices": 2, "logitBias": { "70": 1 }, "bans": [65], "stop": ["xyz"], "domain": domain,
                "seedRule": 0 }),
            Some(signer.clone()),
        ),
        (
            json!({ "prompt": "1 + 2 = ", "maxTokens": 4, "grammar": "root ::= [0-9]+", "temperature": 1, "seedRule": 1,
                "clientEntropy": word("01"), "providerSecret": word("02") }),
            Some(signer.clone()),
        ),
        (
            json!({ "promptTokens": [70, 80], "maxTokens": 4, "temperature": 1, "seedRule": 2, "beacon": word("03"),
                "context": word("04") }),
            Some(signer.clone()),
        ),
    ] {
        generate(&mut given, &session, &request, signer);
    }
    let request = Request::from_json(br#"{"prompt":"Tom has 2 apples"}"#).unwrap();
    for signer in [None, Some(signer)] {
        let continuation = Continuation::from_json(br#"{"text":" and 3 more"}"#).unwrap();
        let score = session.score(&request, &continuation, signer).unwrap();
        given.entry("score").or_default().push(score.to_json(bundled.vocab()).unwrap());
    }
    given.entry("session-info").or_default().push(session.to_json());
    // Without a chat template; with experts; with a sliding window.
    let models = [bundled, model(&ModelSpec::moe_tiny()), model(&ModelSpec::tiny_of(Architecture::Gemma2))];
    given.entry("model-info").or_default().extend(models.iter().map(Model::to_json));
    let rows = models.iter().map(|model| model.checked().describe());
    let file =
        |rows: Vec<(&str, Value)>| rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    given.entry("model-file").or_default().extend(rows.map(file));
    given.entry("profile-info").or_default().push(attestlm::profile::to_json());
    given
}

#[test]
fn what_is_given_is_what_the_schemas_say() {
    let schemas = Schemas::new();
    let mut held: BTreeMap<(&str, Vec<Key>), BTreeSet<String>> = BTreeMap::new();
    for (name, values) in given() {
        for value in &values {
            schemas.assert_takes(name, value);
            for path in paths(value) {
                let mut changed = value.clone();
                let Some(object) = at(&mut changed, &path).as_object_mut() else { continue };
                if schemas.members(name, &path).is_none() {
                    continue;
                }
                held.entry((name, place(&path))).or_default().extend(object.keys().cloned());
                object.insert("strange".into(), 1.into());
                assert!(
                    !schemas.takes(name, &changed),
                    "{name} takes a strange member of `{}`",
                    written(&path)
                );
            }
        }
    }
    let all: BTreeSet<&str> = held.keys().map(|(name, _)| *name).collect();
    let outputs = [
        "answer",
        "error",
        "event",
        "model-file",
        "model-info",
        "profile-info",
        "receipt",
        "report",
        "score",
        "session-info",
        "step-proof",
        "token-proof",
        "typed-data",
    ];
    assert_eq!(all, BTreeSet::from(outputs));
    for ((name, path), held) in held {
        // What is redacted, cut or marked is among the inputs, a receipt inside another object beside it.
        let elsewhere =
            |key: &Key| [Key::Name("disclosure".into()), Key::Name("receipt".into())].contains(key);
        if !path.iter().any(elsewhere) && !name.ends_with("-proof") {
            assert_eq!(
                held,
                schemas.members(name, &path).unwrap(),
                "{name}: members of `{}` that occur",
                written(&path)
            );
        }
    }
}
