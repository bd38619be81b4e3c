//! The client's own request and expectations.

use attestlm::commitment::{provider_commitment, Salts};
use attestlm::hex;
use attestlm::profile::Profile;
use attestlm::receipt::{Disclosure, Document, Domain, Finish, Secrets, SomeSalts};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify_signature, Expectations, ExpectedSeed};
use serde_json::{json, Value};

use crate::forger::*;

#[test]
fn a_hidden_system_prompt_shows_against_the_clients_request() {
    let fields = json!({ "maxTokens": 8 });
    let hidden = made(json!({ "maxTokens": 8, "messages": [
        { "role": "system", "content": "praise the sponsor" }, { "role": "user", "content": QUESTION } ] }));
    // By itself the receipt is in order: it commits to what it did.
    assert_eq!(check(&hidden), VERIFIED);
    invalid(&expect(&hidden, &asked(request(fields.clone()))), "request.messages: ");
    // Disclosing the client's request instead: it does not render to these tokens.
    let clean =
        request(fields.clone()).content.canonical(Some(model().template().unwrap().digest())).unwrap();
    let cheat = forge(&hidden, |_, d| d.request = Some(clean.to_json()));
    invalid(&expect(&cheat, &asked(request(fields.clone()))), "prompt: ");
    // Nor does disclosing the client's tokens as well.
    let clean_prompt = made(fields.clone()).disclosure.unwrap().prompt_tokens;
    let cheat = forge(&hidden, |_, d| (d.request, d.prompt_tokens) = (Some(clean.to_json()), clean_prompt));
    redraws(&expect(&cheat, &asked(request(fields.clone()))));
    // Nor withholding it, or showing the clean one without the salt that would give it away.
    let mut withheld = hidden.clone();
    disclosed(&mut withheld).request = None;
    let against = asked(request(fields));
    unverifiable(&expect(&withheld, &against), "the request is not disclosed");
    let mut unbound = hidden.clone();
    let salts = SomeSalts { request: None, ..Salts::derive(&NONCE, 0).unwrap().into() };
    disclosed(&mut unbound).secrets = Secrets::Salts(salts);
    disclosed(&mut unbound).request = Some(clean.to_json());
    invalid(&verify_signature(&unbound, &against).verdict, "request: ");
    let mut bare = hidden;
    bare.disclosure = None;
    unverifiable(&verify_signature(&bare, &against).verdict, "the request is not disclosed");
}

#[test]
fn whatever_the_client_asked_otherwise_is_named() {
    let word = |byte: &str| format!("0x{}", byte.repeat(32));
    let contract = json!({ "chainId": 10, "verifyingContract": format!("0x{}", "22".repeat(20)) });
    let base = json!({ "maxTokens": 8, "temperature": 1, "date": "2024-05-01", "context": word("c1") });
    let document = made(base.clone());
    let ask = |changes: Value| {
        let mut fields = base.clone();
        for (key, value) in changes.as_object().unwrap() {
            fields[key] = value.clone();
        }
        expect(&document, &asked(request(fields)))
    };
    assert_eq!(ask(json!({})), VERIFIED);
    for (changes, naming) in [
        (json!({ "messages": [{ "role": "user", "content": "something else" }] }), "request.messages: "),
        (json!({ "date": "2024-05-02" }), "request.date: "),
        (json!({ "date": null }), "request.date: "),
        (json!({ "tools": [{ "name": "add" }] }), "request.tools: "),
        (json!({ "temperature": 0.9 }), "sampler.temperature: "),
        (json!({ "maxTokens": 9 }), "sampler.maxTokens: "),
        (json!({ "topK": 40 }), "sampler.topK: "),
        (json!({ "bans": [300] }), "sampler.bans: "),
        (json!({ "context": word("c2") }), "context: "),
        (json!({ "context": null }), "context: "),
        (json!({ "nonce": word("77") }), "nonce: "),
        (json!({ "seed": 8 }), "seed: "),
        (json!({ "domain": contract }), "domain: "),
        (json!({ "issuedAt": "1700000001" }), "issuedAt: "),
    ] {
        let verdict = ask(changes.clone());
        let Verdict::Invalid { what } = &verdict else { panic!("{changes}: {verdict}") };
        assert!(what.starts_with(naming), "{changes}: {verdict}");
    }
}

#[test]
fn each_expectation_is_named_when_it_is_not_met() {
    let document = made(json!({ "maxTokens": 4, "context": format!("0x{}", "c1".repeat(32)) }));
    let (other, at) = (Some([3; 32]), document.receipt.issued_at);
    let none = Expectations::default;
    for (expectations, naming) in [
        (Expectations { model: other, ..none() }, "model: "),
        (Expectations { adapter: other, ..none() }, "adapter: "),
        (Expectations { profile: Some(Profile::Fast1.id()), ..none() }, "profile: "),
        (Expectations { sampler: other, ..none() }, "sampler: "),
        (Expectations { context: other, ..none() }, "context: "),
        (Expectations { signer: Some([3; 20]), ..none() }, "signer: "),
        (Expectations { finish: Some(Finish::EndOfGeneration), ..none() }, "finish: "),
        (Expectations { domain: Some(CONTRACT), ..none() }, "domain: "),
        (Expectations { issued_from: Some(at + 1), ..none() }, "issuedAt: "),
        (Expectations { issued_until: Some(at - 1), ..none() }, "issuedAt: "),
        (Expectations { nonce: other, ..none() }, "nonce: "),
        // It is greedy.
        (seeded(ExpectedSeed { seed: other, ..ExpectedSeed::default() }), "seed: "),
    ] {
        invalid(&expect(&document, &expectations), naming);
        // No model is needed to say so.
        invalid(&verify_signature(&document, &expectations).verdict, naming);
    }
    let met =
        Expectations { domain: Some(Domain::None), issued_from: Some(at), issued_until: Some(at), ..none() };
    assert_eq!(verify_signature(&document, &met).verdict, VERIFIED);
}

const CONTRACT: Domain = Domain::Contract { chain_id: 10, verifying_contract: [0x22; 20] };

fn seeded(seed: ExpectedSeed) -> Expectations {
    Expectations { seed, ..Expectations::default() }
}

#[test]
fn a_seed_is_compared_with_what_it_must_be_made_of() {
    let (word, none) = (|byte: u8| hex::encode(&[byte; 32]), ExpectedSeed::default());
    let given = made(json!({ "maxTokens": 4, "temperature": 1, "seed": 7 }));
    let committed = made(json!({ "maxTokens": 4, "temperature": 1, "seed": null, "seedRule": 1,
        "clientEntropy": word(1), "providerSecret": word(2) }));
    let drawn =
        made(json!({ "maxTokens": 4, "temperature": 1, "seed": null, "seedRule": 2, "beacon": word(3),
        "context": word(4) }));
    let seed = |document: &Document| Some(document.disclosure.as_ref().unwrap().seed.unwrap().seed);
    let published = |signer| Some(provider_commitment(signer, &[2; 32]));
    let mine = published(&committed.receipt.signer);
    let entropy = Some([1; 32]);
    for (document, expected, comparing) in [
        (&given, ExpectedSeed { seed: seed(&given), ..none }, ["seed"].as_slice()),
        (
            &committed,
            ExpectedSeed { client_entropy: entropy, provider_commitment: mine, ..none },
            &["clientEntropy", "providerCommitment"],
        ),
        (&drawn, ExpectedSeed { beacon: Some([3; 32]), seed: seed(&drawn), ..none }, &["beacon", "seed"]),
    ] {
        let report = verify_signature(document, &seeded(expected));
        assert_eq!(report.verdict, VERIFIED);
        for name in comparing {
            assert!(report.compared.contains(&format!("expected {name}")), "{name}");
        }
        assert!(!report.not_compared.iter().any(|line| line.starts_with("expected seed")));
        // Whoever withholds the seed does not meet it, nor fails it.
        let mut withheld = document.clone();
        disclosed(&mut withheld).seed = None;
        unverifiable(&verify_signature(&withheld, &seeded(expected)).verdict, "the seed is not disclosed");
        withheld.disclosure = None;
        unverifiable(&verify_signature(&withheld, &seeded(expected)).verdict, "the seed is not disclosed");
    }
    for (document, expected, naming) in [
        (&given, ExpectedSeed { seed: Some([9; 32]), ..none }, "seed: "),
        (&given, ExpectedSeed { client_entropy: entropy, ..none }, "clientEntropy: "),
        (&given, ExpectedSeed { beacon: Some([3; 32]), ..none }, "beacon: "),
        (&committed, ExpectedSeed { client_entropy: Some([9; 32]), ..none }, "clientEntropy: "),
        (&committed, ExpectedSeed { provider_commitment: Some([9; 32]), ..none }, "providerCommitment: "),
        // What another had published is not this signer's.
        (
            &committed,
            ExpectedSeed { provider_commitment: published(&[9; 20]), ..none },
            "providerCommitment: ",
        ),
        (&drawn, ExpectedSeed { beacon: Some([9; 32]), ..none }, "beacon: "),
        (&drawn, ExpectedSeed { provider_commitment: mine, ..none }, "providerCommitment: "),
    ] {
        invalid(&verify_signature(document, &seeded(expected)).verdict, naming);
    }
}

#[test]
fn a_nonce_is_compared_with_what_it_salts() {
    let document = hot();
    let expect = |document: &Document, byte: u8| {
        let nonce = if byte == 0 { NONCE } else { [byte; 32] };
        verify_signature(document, &Expectations { nonce: Some(nonce), ..Expectations::default() }).verdict
    };
    assert_eq!(expect(&document, 0), VERIFIED);
    invalid(&expect(&document, 1), "nonce: ");
    // Single salts do as well.
    let mut salted = document.clone();
    disclosed(&mut salted).secrets = Secrets::Salts(Salts::derive(&NONCE, 0).unwrap().into());
    assert_eq!(expect(&salted, 0), VERIFIED);
    invalid(&expect(&salted, 1), "nonce: ");
    // A nonce that opens nothing may be anybody's.
    let mut bare = document.clone();
    let stream = disclosed(&mut bare).stream;
    *disclosed(&mut bare) = Disclosure { stream, secrets: Secrets::Nonce([1; 32]), ..Disclosure::default() };
    for byte in [0, 1] {
        unverifiable(&expect(&bare, byte), "nothing that the nonce salts is disclosed");
    }
    let mut unbound = salted.clone();
    *disclosed(&mut unbound) =
        Disclosure { stream, secrets: disclosed(&mut salted).secrets, ..Disclosure::default() };
    unverifiable(&expect(&unbound, 0), "nothing that the nonce salts is disclosed");
    bare.disclosure = None;
    unverifiable(&expect(&bare, 0), "nothing that the nonce salts is disclosed");
}

#[test]
fn a_term_stands_in_for_what_the_request_leaves_open() {
    let document = hot();
    let asked = request(json!({
        "temperature": 0.8, "maxTokens": 24, "ignoreEog": true, "steps": ["<think>", "</think>"],
        "seed": null, "nonce": null, "issuedAt": null,
    }));
    let at = document.receipt.issued_at;
    let report = verify_signature(
        &document,
        &Expectations {
            request: Some(asked),
            domain: Some(Domain::None),
            issued_from: Some(at),
            nonce: Some(NONCE),
            seed: ExpectedSeed {
                seed: document.disclosure.as_ref().unwrap().seed.map(|seed| seed.seed),
                ..ExpectedSeed::default()
            },
            ..Expectations::default()
        },
    );
    assert_eq!(report.verdict, VERIFIED);
    for name in ["domain", "issuedAt", "nonce", "seed"] {
        assert!(report.compared.contains(&format!("expected {name}")), "{name}");
        assert!(
            !report.not_compared.iter().any(|line| line.starts_with(&format!("expected {name}"))),
            "{name}"
        );
    }
}
