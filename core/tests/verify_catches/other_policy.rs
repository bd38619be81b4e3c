//! Another seed, temperature or policy than stated.

use attestlm::commitment::SeedRuleInputs;
use attestlm::micros::Micros;
use attestlm::receipt::Secrets;
use serde_json::json;

use crate::forger::*;

#[test]
fn another_seed_or_temperature_than_stated_is_caught() {
    let honest = hot();
    let seed = forge(&honest, |_, d| d.seed.as_mut().unwrap().seed[31] ^= 1);
    redraws(&check(&seed));
    let stream = forge(&honest, |_, d| {
        d.sampler.as_mut().unwrap().choices = 2;
        d.stream = 1;
        d.secrets = Secrets::Nonce(NONCE);
    });
    redraws(&check(&stream));
    for temperature in ["0.5", "0.9", "1.2"] {
        let cheat = forge(&honest, |_, d| {
            d.sampler.as_mut().unwrap().temperature = Micros::parse("temperature", temperature).unwrap();
        });
        redraws(&check(&cheat));
    }
    // Drawn, and passed off as greedy.
    let cheat = forge(&honest, |receipt, d| {
        d.sampler.as_mut().unwrap().temperature = Micros::ZERO;
        (receipt.seed, d.seed) = ([0; 32], None);
    });
    redraws(&check(&cheat));
    // A ban that the output breaks.
    let banned = output_of(&honest)[5];
    let cheat = forge(&honest, |_, d| d.sampler.as_mut().unwrap().bans = vec![banned]);
    invalid(&check(&cheat), "output: it has a token that the policy bans");
    // Without new commitments it does not come that far.
    let mut lazy = honest.clone();
    disclosed(&mut lazy).seed.as_mut().unwrap().seed[0] ^= 1;
    invalid(&check(&lazy), "seed: ");
    let mut lazy = honest;
    disclosed(&mut lazy).sampler.as_mut().unwrap().temperature = Micros::ONE;
    invalid(&check(&lazy), "sampler: ");
}

#[test]
fn a_seed_must_be_what_its_rule_makes() {
    let word = |byte: &str| format!("0x{}", byte.repeat(32));
    let honest = made(json!({ "maxTokens": 8, "temperature": 1, "seed": null, "seedRule": 1,
        "clientEntropy": word("01"), "providerSecret": word("02") }));
    assert_eq!(check(&honest), VERIFIED);
    let cheat = forge(&honest, |_, d| d.seed.as_mut().unwrap().seed = [1; 32]);
    invalid(&check(&cheat), "seed: ");
    let cheat = forge(&honest, |_, d| d.seed.as_mut().unwrap().inputs = SeedRuleInputs::Given);
    invalid(&check(&cheat), "seed: ");
    // A seed ground from other entropy than the client sent: only the client's request shows it.
    let sent = request(json!({ "maxTokens": 8, "temperature": 1, "seed": null, "seedRule": 1,
        "clientEntropy": word("07"), "providerSecret": word("02") }));
    invalid(&expect(&honest, &asked(sent)), "seed: not that of the expected request");
}
