//! Another model, quantization or adapter than named.

use attestlm::hex;
use attestlm::verify::{verify_signature, Expectations};
use serde_json::json;

use crate::forger::*;

#[test]
fn another_model_is_caught() {
    // At hand is a model that the receipt does not name: nothing can be said, and both are named.
    let document = hot();
    let other = report(&document, &Expectations::default(), &with(stranger()));
    unverifiable(&other.verdict, &hex::encode(&model().sha256()));
    unverifiable(&other.verdict, &hex::encode(&stranger().sha256()));
    assert!(other.not_compared.iter().any(|c| c == "replay"));

    // The operator runs its own model and names the client's.
    for fields in [
        json!({ "temperature": 0.8, "maxTokens": 24, "ignoreEog": true }),
        json!({ "maxTokens": 24, "ignoreEog": true }),
    ] {
        let cheat = forge(&made_by(stranger(), fields), |receipt, _| receipt.model = model().sha256());
        redraws(&check(&cheat));
    }
}

#[test]
fn another_quantization_of_the_same_model_is_caught() {
    let fields = json!({ "maxTokens": 48, "ignoreEog": true });
    let cheat = forge(&made_by(requantized(), fields), |receipt, _| receipt.model = model().sha256());
    redraws(&check(&cheat));

    // Even where it says the very same: the logits are not the same.
    let same = (0..32).find_map(|i| {
        let fields =
            json!({ "prompt": format!("tell me about number {i}"), "maxTokens": 1, "ignoreEog": true });
        let honest = made(fields.clone());
        let cheap = made_by(requantized(), fields);
        (output_of(&honest) == output_of(&cheap)).then_some(cheap)
    });
    let cheat = forge(&same.expect("they agree on one of 32"), |receipt, _| receipt.model = model().sha256());
    diverges(&check(&cheat), None, "trace");
}

#[test]
fn an_adapter_that_was_not_asked_for_is_caught() {
    let document = forge(&hot(), |receipt, _| receipt.adapter = [9; 32]);
    unverifiable(&check(&document), &format!("the adapter {}", hex::encode(&[9; 32])));
    let none = Expectations { adapter: Some([0; 32]), ..Expectations::default() };
    invalid(&verify_signature(&document, &none).verdict, "adapter: ");
}
