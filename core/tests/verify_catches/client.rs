//! The client's own request and expectations.

use attestlm::commitment::Salts;
use attestlm::profile::Profile;
use attestlm::receipt::{Finish, Secrets, SomeSalts};
use attestlm::verdict::Verdict;
use attestlm::verify::{verify_signature, Expectations};
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
    let other = Some([3; 32]);
    let none = Expectations::default;
    for (expectations, naming) in [
        (Expectations { model: other, ..none() }, "model: "),
        (Expectations { adapter: other, ..none() }, "adapter: "),
        (Expectations { profile: Some(Profile::Fast1.id()), ..none() }, "profile: "),
        (Expectations { sampler: other, ..none() }, "sampler: "),
        (Expectations { context: other, ..none() }, "context: "),
        (Expectations { signer: Some([3; 20]), ..none() }, "signer: "),
        (Expectations { finish: Some(Finish::EndOfGeneration), ..none() }, "finish: "),
    ] {
        invalid(&expect(&document, &expectations), naming);
        // No model is needed to say so.
        invalid(&verify_signature(&document, &expectations).verdict, naming);
    }
}
