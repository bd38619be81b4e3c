//! Question, answer, receipt, replay: on the bundled model.
#![cfg(all(feature = "engine", feature = "bundled"))]

use std::sync::Arc;

use attestlm::model::Model;
use attestlm::receipt::{Document, Finish};
use attestlm::request::Request;
use attestlm::session::{Session, SessionOptions};
use attestlm::signer::KeySigner;
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, Expectations, VerifyOptions};

#[test]
fn an_answer_is_attested_and_replayed() {
    let model = Model::bundled().unwrap();
    // Everything left to defaults, as on the project's first page.
    let mut session = Session::new(&model, &SessionOptions::default()).unwrap();
    assert_eq!(session.unattested(), None);
    let request = br#"{"messages":[{"role":"user","content":"Tom has 12 apples and buys 7 more. He gives 5 to Ann. How many apples does Tom have now?"}],"maxTokens":120,"temperature":0.7,"seed":"7","issuedAt":"1700000000"}"#;
    let request = Request::from_json(request).unwrap();
    let signer = Arc::new(KeySigner::random().unwrap());
    let mut streamed = String::new();
    let answers = session
        .generate(&request, Some(signer), &mut |event| {
            if let attestlm::session::Event::Text { text, .. } = event {
                streamed.push_str(text);
            }
            true
        })
        .unwrap();
    let answer = &answers[0];
    eprintln!("{} {:?} {}", answer.text, answer.finish, answer.tokens.len());
    assert_eq!(answer.text, streamed);
    assert_ne!(answer.finish, Finish::Cancelled);
    let document = answer.receipt.clone().unwrap().unwrap();
    let json = document.to_json().unwrap();
    let read = Document::parse(json.as_bytes()).unwrap();
    assert_eq!(read, document);
    let options = VerifyOptions { model: Some(&model), ..VerifyOptions::default() };
    let report = verify(&read, &Expectations::default(), &options).unwrap();
    assert_eq!(report.verdict, Verdict::Verified { prefix_only: false }, "{report:?}");
}
