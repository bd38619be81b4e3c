//! A receipt of a model that reasons, with one step of it readable: what is shown is bound to the receipt, what is not
//! is nowhere in the document.
#![cfg(all(feature = "engine", feature = "bundled"))]

mod common;

use attestlm::model::Model;
use attestlm::receipt::{check_commitments, Document, Shown};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify, verify_signature, Expectations, VerifyOptions};
use attestlm::{hex, ErrorKind};
use common::{document, options, request, session, signer};
use serde_json::json;

/// Three operations, and the answer.
const QUESTION: &str =
    "Ruth has 6 boxes. Each one holds 8 balls. Later, she drops 26 balls and cannot find them. \
                        She hands 2 balls to Vera. How many balls are left with Ruth?";

fn reasoned() -> Document {
    let model = Model::bundled().unwrap();
    let asked = request(json!({ "messages": [{ "role": "user", "content": QUESTION }], "maxTokens": 120 }));
    let answers = common::answers(&mut session(&model, &options(common::CONTEXT)), &asked);
    let document = document(&answers[0]).clone();
    let report = verify(
        &document,
        &Expectations::default(),
        &VerifyOptions { model: Some(&model), threads: Some(1), ..VerifyOptions::default() },
    );
    assert_eq!(report.unwrap().verdict, Verdict::Verified { prefix_only: false });
    document
}

fn texts(document: &Document) -> Vec<String> {
    let steps = document.disclosure.as_ref().unwrap().steps.as_ref().unwrap();
    steps.iter().map(|step| String::from_utf8(step.text.clone()).unwrap()).collect()
}

#[test]
fn one_step_is_shown_and_nothing_else() {
    let whole = reasoned();
    let texts = texts(&whole);
    assert_eq!(texts.len(), 4, "{texts:?}");
    let redacted = whole.redacted(&Shown::steps(&[2])).unwrap();
    let json = redacted.to_json().unwrap();
    let read = Document::parse(json.as_bytes()).unwrap();
    assert_eq!(read, redacted);
    assert_eq!(read.digest(), whole.digest());

    // What was signed and the step are compared, and the report says that nothing else was.
    let wanted = Expectations { signer: Some(signer().address()), ..Expectations::default() };
    let report = verify_signature(&read, &wanted);
    assert_eq!(report.verdict, Verdict::Verified { prefix_only: false });
    assert!(report.compared.contains(&"step 2".to_owned()), "{:?}", report.compared);
    assert!(report.not_compared.contains(&"commitment steps (not disclosed)".to_owned()));
    let shown: Vec<&[u8]> =
        read.disclosure.iter().flat_map(|d| &d.step_proofs).map(|proof| proof.step.text.as_slice()).collect();
    assert_eq!(shown, [texts[2].as_bytes()]);

    // The other steps' texts, the question, the tokens and the secrets are nowhere.
    let disclosure = whole.disclosure.as_ref().unwrap();
    let nonce = hex::encode(&[0x5a; 32]);
    assert!(whole.to_json().unwrap().contains(&nonce));
    for (index, text) in texts.iter().enumerate() {
        for line in text.lines().map(str::trim).filter(|line| line.len() > 2 && !line.contains("think>")) {
            assert_eq!(json.contains(line), index == 2, "step {index}: {line}");
        }
    }
    let salts = disclosure.salts().unwrap();
    let secrets = [salts.request, salts.prompt, salts.output, salts.trace, salts.steps, salts.seed]
        .map(|salt| hex::encode(&salt.unwrap()));
    for secret in secrets.iter().chain([&nonce]) {
        assert!(!json.contains(secret.as_str()));
    }
    for word in ["Ruth", "promptTokens", "outputTokens", "sampler\": {", "nonce", "salts", "seed\": \"0x5"] {
        assert!(!json.contains(word), "{word}");
    }

    // A replay is not possible, and says why.
    let model = Model::bundled().unwrap();
    let options = VerifyOptions { model: Some(&model), threads: Some(1), ..VerifyOptions::default() };
    let verdict = verify(&read, &Expectations::default(), &options).unwrap().verdict;
    assert_eq!(verdict, Verdict::Unverifiable { why: "the tokens are not disclosed".into() });
}

#[test]
fn one_character_decides() {
    let whole = reasoned();
    let json = whole.redacted(&Shown::steps(&[0, 2])).unwrap().to_json().unwrap();
    let judge = |json: &str| match Document::parse(json.as_bytes()) {
        Ok(document) => matches!(
            verify_signature(&document, &Expectations::default()).verdict,
            Verdict::Verified { prefix_only: false }
        ),
        Err(_) => false,
    };
    assert!(judge(&json));
    let from = json.find("stepProofs").unwrap();
    let mut changed = 0;
    for (at, byte) in json.bytes().enumerate().skip(from).filter(|(_, byte)| byte.is_ascii_digit()) {
        let mut edited = json.clone().into_bytes();
        edited[at] = b'0' + (byte - b'0' + 1) % 10;
        assert!(!judge(std::str::from_utf8(&edited).unwrap()), "byte {at}");
        changed += 1;
    }
    assert!(changed > 100, "{changed}");
}

#[test]
fn what_cannot_be_redacted() {
    let whole = reasoned();
    assert_eq!(whole.redacted(&Shown::steps(&[])).unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(whole.redacted(&Shown::steps(&[4])).unwrap_err().kind(), ErrorKind::Argument);
    let bare = Document { disclosure: None, ..whole.clone() };
    assert_eq!(bare.redacted(&Shown::steps(&[0])).unwrap_err().kind(), ErrorKind::Receipt);
    assert_eq!(
        whole.redacted(&Shown::steps(&[2])).unwrap().redacted(&Shown::steps(&[2])).unwrap_err().kind(),
        ErrorKind::Receipt
    );

    // Proofs out of order, twice, beside all steps, or of a scored receipt.
    let two = whole.redacted(&Shown::steps(&[0, 2])).unwrap();
    let edit = |edit: &dyn Fn(&mut Document)| {
        let mut document = two.clone();
        edit(&mut document);
        document.to_json().ok().and_then(|json| Document::parse(json.as_bytes()).err())
    };
    let field = |error: Option<attestlm::Error>| error.map(|e| e.field().to_owned());
    let proofs = |document: &mut Document, order: [usize; 2]| {
        let disclosure = document.disclosure.as_mut().unwrap();
        disclosure.step_proofs = order.map(|at| disclosure.step_proofs[at].clone()).to_vec();
    };
    assert_eq!(field(edit(&|d| proofs(d, [1, 0]))).as_deref(), Some("disclosure.stepProofs"));
    assert_eq!(field(edit(&|d| proofs(d, [0, 0]))).as_deref(), Some("disclosure.stepProofs"));
    let steps = whole.disclosure.as_ref().unwrap().steps.clone();
    assert!(edit(&|d| d.disclosure.as_mut().unwrap().steps = steps.clone()).is_some());
    let mut scored = two.receipt;
    scored.kind = attestlm::receipt::Kind::Scored;
    assert_eq!(check_commitments(&scored, two.disclosure.as_ref().unwrap()).unwrap_err().field, "steps");
}
