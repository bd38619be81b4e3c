//! Receipts that follow one another.

use attestlm::commitment::{Context, ContextInputs};
use attestlm::receipt::{Disclosure, Document, Domain, History, Signature};
use attestlm::signer::{KeySigner, Signer};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify_signature, Expectations};
use serde_json::Value;

/// A signed receipt for `context`, whose inputs, if it has some, are disclosed.
fn receipt(context: Context, domain: Domain) -> Document {
    let path = format!("{}/../vectors/receipts/greedy.json", env!("CARGO_MANIFEST_DIR"));
    let vector: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut document = Document::parse(vector["document"].to_string().as_bytes()).unwrap();
    let signer = KeySigner::from_bytes(&[7; 32]).unwrap();
    document.receipt.signer = signer.address();
    document.receipt.context = context.hash();
    document.domain = domain;
    document.disclosure.as_mut().unwrap().context_inputs = context.inputs();
    document.signature = Signature::Key(signer.sign_digest(&document.digest()).unwrap());
    document
}

/// What follows `previous`, for its job.
fn next(previous: &Document) -> Document {
    receipt(Context::Inputs(previous.next_context().unwrap()), Domain::None)
}

fn withheld(document: &Document) -> Document {
    Document { disclosure: Some(Disclosure::default()), ..document.clone() }
}

/// The verdicts of receipts in this order, and what was not compared of the first.
fn judged(documents: &[&Document]) -> (Vec<Verdict>, bool) {
    let mut history = History::default();
    let mut open = false;
    let verdicts = documents.iter().enumerate().map(|(i, document)| {
        let mut report = verify_signature(document, &Expectations::default());
        history.add(document, &mut report);
        let follows = report.compared.contains(&"the receipt before it".to_owned());
        assert_eq!(follows, i > 0 && report.verdict.stands());
        open |= report.not_compared.iter().any(|what| what.starts_with("the receipt before the first"));
        report.verdict
    });
    (verdicts.collect(), open)
}

const STANDS: Verdict = Verdict::Verified { prefix_only: false };

fn invalid(why: &str) -> Verdict {
    Verdict::Invalid { what: format!("context: {why}") }
}

#[test]
fn receipts_in_their_order_are_a_history() {
    let job = ContextInputs { chain_id: 5, contract: [1; 20], job_id: [2; 32], previous_digest: [0; 32] };
    for first in [Context::NONE, Context::Inputs(job)] {
        let domain = Domain::Contract { chain_id: 1, verifying_contract: [1; 20] };
        let a = receipt(first, domain);
        let b = next(&a);
        let c = next(&b);
        assert_eq!(judged(&[&a, &b, &c]), (vec![STANDS; 3], false));
        b.check_follows(&a).unwrap();
        // Withheld inputs can only be those of the job that the receipt before states.
        assert_eq!(judged(&[&a, &withheld(&b)]).0, [STANDS; 2]);
        let unknown = first.inputs() == Some(job);
        let (verdicts, open) = judged(&[&withheld(&b), &withheld(&c)]);
        assert!(open, "what comes before b is not known");
        assert_eq!(verdicts[1].stands(), !unknown);
        // In another order, one left out, one twice, begun in the middle.
        for wrong in [[&b, &a], [&a, &c], [&a, &a], [&c, &b]] {
            assert!(!judged(&wrong).0[1].stands());
        }
        assert_eq!(judged(&[&a, &c]).0[1], invalid("it follows another receipt than the one before it"));
        assert_eq!(judged(&[&b, &c]), (vec![STANDS; 2], true));
    }
}

#[test]
fn a_history_is_of_one_job() {
    let job = |id| ContextInputs { job_id: [id; 32], ..ContextInputs::default() };
    let a = receipt(Context::Inputs(job(1)), Domain::None);
    let moved = ContextInputs { previous_digest: a.digest(), ..job(2) };
    let b = receipt(Context::Inputs(moved), Domain::None);
    assert_eq!(judged(&[&a, &b]).0[1], invalid("it is for another job than the receipt before it"));
    let why = "it does not name the receipt before it, as far as its context is disclosed";
    assert_eq!(judged(&[&a, &withheld(&b)]).0[1], invalid(why));
    // Neither is it known to be of another job behind a receipt that does not say its own: that is what it was shown to be.
    let same = next(&a);
    let wrong =
        receipt(Context::Inputs(ContextInputs { previous_digest: same.digest(), ..job(2) }), Domain::None);
    let right = next(&same);
    assert_eq!(
        judged(&[&a, &withheld(&same), &wrong]).0[2],
        invalid("it is for another job than the receipt before it")
    );
    assert_eq!(judged(&[&a, &withheld(&same), &right]).0, [STANDS; 3]);
    assert_eq!(judged(&[&a, &withheld(&same), &withheld(&right)]).0, [STANDS; 3]);
    let free =
        receipt(Context::Inputs(ContextInputs { previous_digest: same.digest(), ..job(0) }), Domain::None);
    for free in [&free, &withheld(&free)] {
        assert!(!judged(&[&a, &withheld(&same), free]).0[2].stands());
    }
    // Of two alone that cannot be told, nor can such a receipt be followed.
    let error = right.check_follows(&withheld(&same)).unwrap_err();
    assert!(error.message().contains("does not disclose what it is for"), "{error}");
    assert!(withheld(&same).next_context().is_err());
    right.check_follows(&same).unwrap();
    // A receipt for nothing can be followed for a job.
    let free = receipt(Context::NONE, Domain::None);
    let c =
        receipt(Context::Inputs(ContextInputs { previous_digest: free.digest(), ..job(2) }), Domain::None);
    assert_eq!(judged(&[&free, &c]).0, [STANDS; 2]);
}

#[test]
fn disclosed_inputs_are_the_contexts_own() {
    let a = receipt(Context::NONE, Domain::None);
    let mut b = next(&a);
    // A lie about the inputs is found by the receipt alone, and what was found first stays.
    b.disclosure.as_mut().unwrap().context_inputs.as_mut().unwrap().job_id = [9; 32];
    assert_eq!(judged(&[&a, &b]).0[1], invalid("the disclosure leads to another value"));
    assert!(b.check_follows(&a).is_err());
    // So is one about a context that is none.
    let mut none = a.clone();
    none.disclosure.as_mut().unwrap().context_inputs =
        Some(ContextInputs { chain_id: 1, ..ContextInputs::default() });
    assert_eq!(judged(&[&none]).0[0], invalid("the disclosure leads to another value"));
}

#[test]
fn no_seed_by_rule_2_after_a_receipt() {
    let a = receipt(Context::NONE, Domain::None);
    let path = format!("{}/../vectors/receipts/seed-rule-2.json", env!("CARGO_MANIFEST_DIR"));
    let vector: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let beacon = Document::parse(vector["document"].to_string().as_bytes()).unwrap();
    let mut b = next(&a);
    // Its inputs are withheld: only the receipt before shows that there is one.
    b.disclosure = Some(Disclosure {
        sampler: beacon.disclosure.as_ref().unwrap().sampler.clone(),
        ..Disclosure::default()
    });
    b.receipt.sampler = beacon.receipt.sampler;
    b.receipt.seed = beacon.receipt.seed;
    let signer = KeySigner::from_bytes(&[7; 32]).unwrap();
    b.signature = Signature::Key(signer.sign_digest(&b.digest()).unwrap());
    let Verdict::Invalid { what } = &judged(&[&a, &b]).0[1] else { panic!("it stands") };
    assert!(what.starts_with("seed: "), "{what}");
    assert_eq!(b.check_follows(&a).unwrap_err().field(), "seed");
}
