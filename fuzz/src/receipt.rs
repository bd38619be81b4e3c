//! Receipts and proofs: read, printed, read again, judged.

use attestlm::receipt::Document;
use attestlm::steps::StepProof;
use attestlm::trace::TraceProof;
use attestlm::verify::Terms;

use crate::vectors;

/// Reads the bytes as a receipt and as proofs.
pub fn run(data: &[u8]) {
    if let Ok(document) = Document::parse(data) {
        judge(&document);
    }
    if let Ok(proof) = StepProof::parse(data) {
        let text = proof.to_json().expect("what was read can be written");
        assert_eq!(StepProof::parse(text.as_bytes()).expect("what was written can be read"), proof);
    }
    if let Ok(proof) = TraceProof::parse(data) {
        let text = proof.to_json().expect("what was read can be written");
        assert_eq!(TraceProof::parse(text.as_bytes()).expect("what was written can be read"), proof);
    }
}

fn judge(document: &Document) {
    let text = document.to_json().expect("what was read can be written");
    let again = Document::parse(text.as_bytes()).expect("what was written can be read");
    assert_eq!(again.to_json().ok(), Some(text));
    assert_eq!(again.digest(), document.digest());
    let report = Terms::default().verify_without_engine(document);
    assert!(!report.verdict.to_string().is_empty());
    for index in 0..4 {
        // A proof from what is disclosed leads to the roots, or there is none.
        if let Ok(proof) = document.prove_step(index) {
            proof.verify(&document.receipt).expect("its own step");
        }
    }
}

/// Valid ones, refused ones, proofs.
pub fn seeds() -> Vec<Vec<u8>> {
    let receipts = vectors::cases("receipts");
    let merkle = vectors::cases("merkle");
    let refused = vectors::cases("refused");
    (receipts.iter().map(|case| &case["document"]))
        .chain(merkle.iter().map(|case| &case["proof"]))
        .chain(refused.iter().map(|case| &case["text"]))
        .map(vectors::bytes)
        .collect()
}
