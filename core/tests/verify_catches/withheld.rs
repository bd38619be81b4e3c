//! What cannot be checked.

use attestlm::commitment::Salts;
use attestlm::hex;
use attestlm::receipt::{Disclosure, Secrets, SomeSalts};
use attestlm::verify::{verify_signature, Expectations, VerifyOptions};

use crate::forger::*;

type Redaction = fn(&mut Disclosure);

#[test]
fn without_model_or_openings_nothing_is_verified() {
    let document = hot();
    let named = hex::encode(&model().sha256());
    unverifiable(&report(&document, &Expectations::default(), &VerifyOptions::default()).verdict, &named);
    let mut bare = document.clone();
    bare.disclosure = None;
    unverifiable(&check(&bare), "no disclosure");
    let signed = verify_signature(&bare, &Expectations::default());
    assert_eq!(signed.verdict, VERIFIED);
    for what in ["disclosure (the document has none)", "replay"] {
        assert!(signed.not_compared.iter().any(|c| c == what), "{what}");
    }

    let redactions: [(Redaction, &str); 6] = [
        (|d| d.profile = None, "the profile is not disclosed"),
        (|d| d.sampler = None, "the sampling policy is not disclosed"),
        (|d| d.seed = None, "the seed is not disclosed"),
        (|d| d.prompt_tokens = None, "the tokens are not disclosed"),
        (|d| d.output_tokens = None, "the tokens are not disclosed"),
        (|d| *d = Disclosure { stream: d.stream, ..Disclosure::default() }, "the tokens are not disclosed"),
    ];
    for (redact, why) in redactions {
        let mut document = document.clone();
        redact(disclosed(&mut document));
        unverifiable(&check(&document), why);
        assert_eq!(verify_signature(&document, &Expectations::default()).verdict, VERIFIED);
    }

    let salts: SomeSalts = Salts::derive(&NONCE, 0).unwrap().into();
    let cut = |cut: fn(&mut SomeSalts), redact: fn(&mut Disclosure)| {
        let (mut document, mut salts) = (document.clone(), salts);
        cut(&mut salts);
        disclosed(&mut document).secrets = Secrets::Salts(salts);
        redact(disclosed(&mut document));
        check(&document)
    };
    assert_eq!(cut(|_| {}, |_| {}), VERIFIED);
    unverifiable(&cut(|s| s.trace = None, |_| {}), "the salt of the trace");
    unverifiable(&cut(|s| s.steps = None, |d| d.steps = None), "the salt of the steps");
    // A value without its salt is not the one that was signed, whatever it looks like.
    invalid(&cut(|s| s.steps = None, |_| {}), "steps: ");
    invalid(&cut(|s| s.prompt = None, |_| {}), "prompt: ");
    invalid(&cut(|s| s.output = None, |_| {}), "output: ");
    invalid(&cut(|s| s.seed = None, |_| {}), "seed: ");
    invalid(&cut(|s| s.seed = None, |d| d.seed.as_mut().unwrap().seed = [1; 32]), "seed: ");
    // Steps that are not shown are compared all the same: there is one way to cut this output.
    let quiet = cut(|_| {}, |d| d.steps = None);
    assert_eq!(quiet, VERIFIED);

    // The request may stay secret: everything else is compared, and the report says what is not.
    let mut private = document.clone();
    disclosed(&mut private).request = None;
    disclosed(&mut private).secrets = Secrets::Salts(SomeSalts { request: None, ..salts });
    let private = report(&private, &Expectations::default(), &with(model()));
    assert_eq!(private.verdict, VERIFIED);
    for what in ["commitment request (not disclosed)", "rendering of the request (not disclosed)"] {
        assert!(
            private.not_compared.iter().any(|c| c == what),
            "{what} is not in {:?}",
            private.not_compared
        );
    }
}
