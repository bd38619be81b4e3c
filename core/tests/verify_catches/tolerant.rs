//! Comparing with tolerance.

use std::sync::OnceLock;

use attestlm::model::Model;
use attestlm::policy::SamplingPolicy;
use attestlm::profile::Profile;
use attestlm::receipt::{Document, Finish};
use attestlm::session::Continuation;
use attestlm::verdict::Verdict;
use attestlm::verify::{Expectations, VerifyOptions};
use attestlm_testkit::ModelSpec;
use serde_json::{json, Value};

use crate::common;
use crate::forger::*;

/// Where stock kernels and reference kernels have room to differ.
fn wider() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    shared(&MODEL, ModelSpec::tiny)
}

fn made_under(profile: Profile, fields: Value) -> Document {
    let options = attestlm::session::SessionOptions { profile: Some(profile), ..common::options(256) };
    let answers = common::answers(&mut common::session(wider(), &options), &request(fields));
    common::document(&answers[0]).clone()
}

fn tolerant() -> VerifyOptions<'static> {
    VerifyOptions { tolerant: true, ..with(wider()) }
}

fn drawn(seed: u64) -> Value {
    json!({ "temperature": 0.7, "maxTokens": 64, "ignoreEog": true, "seed": seed })
}

#[test]
fn fast_receipts_are_consistent_or_not_and_nothing_else() {
    for fields in [drawn(1), drawn(2), drawn(3), json!({ "maxTokens": 64, "ignoreEog": true })] {
        let fast = made_under(Profile::Fast1, fields);
        let exact_only = report(&fast, &Expectations::default(), &with(wider()));
        unverifiable(&exact_only.verdict, &Profile::Fast1.id());
        for profile in Profile::ALL {
            // Under its own profile too: it promises closeness only.
            let options = VerifyOptions { profile: Some(profile), ..tolerant() };
            let close = report(&fast, &Expectations::default(), &options);
            assert!(matches!(close.verdict, Verdict::Consistent { .. }), "{}", close.verdict);
            assert!(close.not_compared.iter().any(|c| c.starts_with("trace ")));
        }
    }
    // An exact receipt on a machine that has only stock kernels to offer.
    for exact in Profile::EXACT {
        let exact = made_under(exact, drawn(4));
        let options = VerifyOptions { profile: Some(Profile::Fast1), ..tolerant() };
        let close = report(&exact, &Expectations::default(), &options).verdict;
        assert!(matches!(close, Verdict::Consistent { .. }), "{close}");
        unverifiable(
            &report(&exact, &Expectations::default(), &VerifyOptions { tolerant: false, ..options }).verdict,
            "profile",
        );
        // Where bits can be compared they are, whatever is tolerated elsewhere.
        assert_eq!(report(&exact, &Expectations::default(), &tolerant()).verdict, VERIFIED);
    }
}

#[test]
fn dishonest_fast_receipts_are_inconsistent() {
    let judged = |document: &Document| report(document, &Expectations::default(), &tolerant()).verdict;
    let score = |verdict: Verdict| match verdict {
        Verdict::Inconsistent { score } => score,
        other => panic!("{other}"),
    };
    for seed in 1..4 {
        let fast = made_under(Profile::Fast1, drawn(seed));
        let cheat = forge(&fast, |_, d| d.seed.as_mut().unwrap().seed[31] ^= 0x80);
        assert!(score(judged(&cheat)).is_finite());
    }
    // What is no matter of numerics is not tolerated: where an output ends, what its policy forbids.
    let fast = made_under(Profile::Fast1, drawn(5));
    let output = output_of(&fast);
    for finish in [Finish::EndOfGeneration, Finish::StopString, Finish::ContextFull] {
        let cut = |policy: fn(&mut SamplingPolicy)| {
            forge(&fast, |receipt, d| {
                put_output(receipt, d, output[..40].to_vec());
                receipt.finish = finish;
                policy(d.sampler.as_mut().unwrap());
            })
        };
        // The policy has no such end, or has one, and the output has not.
        invalid(&judged(&cut(|_| {})), "finish: ");
        if finish != Finish::ContextFull {
            let could = cut(|policy| (policy.ignore_eog, policy.stop) = (false, vec!["not in it".into()]));
            assert!(score(judged(&could)).is_infinite(), "{finish:?}");
        }
    }
    let banned = output[9];
    let cheat = forge(&fast, |_, d| d.sampler.as_mut().unwrap().bans = vec![banned]);
    invalid(&judged(&cheat), "output: ");
    // Nor is a text that is not the tokens'.
    let lie = forge(&fast, |_, d| d.steps.as_mut().unwrap()[0].text.push(b'!'));
    invalid(&judged(&lie), "steps: ");
}

#[test]
fn a_truncation_is_caught_behind_a_token_that_numerics_moved() {
    // An edited token stands in for one that stock kernels drew differently: the end is checked all
    // the same.
    let fast = made_under(Profile::Fast1, drawn(6));
    let mut tokens = output_of(&fast)[..40].to_vec();
    tokens[3] ^= 1;
    let cut = forge(&fast, |receipt, d| {
        put_output(receipt, d, tokens);
        receipt.finish = Finish::EndOfGeneration;
        d.sampler.as_mut().unwrap().ignore_eog = false;
    });
    let verdict = report(&cut, &Expectations::default(), &tolerant()).verdict;
    assert_eq!(verdict, Verdict::Inconsistent { score: f64::INFINITY });
}

#[test]
fn scored_receipts_cannot_be_compared_with_tolerance() {
    let options = attestlm::session::SessionOptions { profile: Some(Profile::Fast1), ..common::options(256) };
    let score = common::session(wider(), &options)
        .score(&request(json!({})), &Continuation::Text(" the sea".into()), Some(common::signer()))
        .unwrap();
    let document = score.receipt.unwrap().unwrap();
    let wanted = Expectations { scored: true, ..Expectations::default() };
    unverifiable(&report(&document, &wanted, &tolerant()).verdict, "no draws");
}
