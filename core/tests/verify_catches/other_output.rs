//! Another output, trace or profile than there was.

use attestlm::profile::Profile;
use attestlm::receipt::{Disclosure, Finish};
use attestlm::verdict::Verdict;
use attestlm::verify::Expectations;

use crate::forger::*;

#[test]
fn one_token_edited_is_caught_where_it_stands() {
    for honest in [hot(), greedy()] {
        let output = output_of(&honest);
        for at in [0, 1, 11, output.len() - 1] {
            let mut tokens = output.clone();
            tokens[at] ^= 1;
            let cheat = forge(&honest, |receipt, d| put_output(receipt, d, tokens));
            diverges(&check(&cheat), Some(at as u64), "token");
        }
        // Not committed to, it is not even what was signed.
        let mut lazy = honest.clone();
        disclosed(&mut lazy).output_tokens.as_mut().unwrap()[3] ^= 1;
        invalid(&check(&lazy), "output: ");
    }
}

#[test]
fn a_truncation_passed_off_as_finished_is_caught() {
    let honest = ended();
    let output = output_of(&honest);
    let finishes = [
        Finish::EndOfGeneration,
        Finish::StopString,
        Finish::MaxTokens,
        Finish::GrammarEnd,
        Finish::ContextFull,
    ];
    for finish in finishes {
        for count in [0, 1, output.len() - 1] {
            let cheat = forge(&honest, |receipt, d| {
                put_output(receipt, d, output[..count].to_vec());
                receipt.finish = finish;
            });
            let verdict = check(&cheat);
            if count == 0 && matches!(verdict, Verdict::Invalid { .. }) {
                invalid(&verdict, "outputCount: ");
            } else if finish == Finish::EndOfGeneration {
                diverges(&verdict, Some(count.saturating_sub(1) as u64), "finish");
            } else {
                // The policy has no such end.
                invalid(&verdict, "finish: ");
            }
        }
        if finish != honest.receipt.finish {
            let cheat = forge(&honest, |receipt, d| {
                receipt.finish = finish;
                // A policy that could end so.
                let policy = d.sampler.as_mut().unwrap();
                match finish {
                    Finish::StopString => policy.stop = vec!["not in it".into()],
                    Finish::MaxTokens => policy.max_tokens = receipt.output_count,
                    Finish::ContextFull => {
                        policy.context_tokens = receipt.prompt_count + receipt.output_count
                    }
                    _ => {}
                }
            });
            match finish {
                Finish::GrammarEnd => invalid(&check(&cheat), "finish: "),
                _ => diverges(&check(&cheat), Some(output.len() as u64 - 1), "finish"),
            }
        }
    }
}

#[test]
fn appended_text_is_caught() {
    let honest = ended();
    let output = output_of(&honest);
    let mut longer = output.clone();
    longer.extend([65, 66, 67]);
    let cheat = forge(&honest, |receipt, d| {
        put_output(receipt, d, longer);
        receipt.finish = Finish::MaxTokens;
        d.sampler.as_mut().unwrap().max_tokens = u32::try_from(output.len()).unwrap() + 3;
    });
    diverges(&check(&cheat), Some(output.len() as u64 - 1), "the output goes on after its end");

    // Text that no token stands for: in the steps, which a contract may be shown.
    let lie = |d: &mut Disclosure| d.steps.as_mut().unwrap()[0].text.extend(b" And the answer is 42.");
    let cheat = forge(&honest, |_, d| lie(d));
    diverges(&check(&cheat), None, "steps");
    // Committed to and not disclosed, it is found all the same.
    let mut hidden = cheat.clone();
    disclosed(&mut hidden).steps = None;
    diverges(&check(&hidden), None, "steps");
    let mut lazy = honest;
    lie(disclosed(&mut lazy));
    invalid(&check(&lazy), "steps: ");
}

#[test]
fn a_forged_trace_is_caught() {
    for honest in [hot(), greedy(), ended()] {
        let cheat = forge(&honest, |receipt, d| put_output(receipt, d, output_of(&honest)));
        assert_eq!(cheat.receipt.output, honest.receipt.output);
        assert_ne!(cheat.receipt.trace, honest.receipt.trace);
        diverges(&check(&cheat), None, "trace");
    }
}

#[test]
fn a_wrong_profile_is_named() {
    let honest = hot();
    let elsewhere = "llama-cpp-sys-2-0.1.161/x86-64-v3/exact-1/00000000";
    let other = forge(&honest, |_, d| d.profile = Some(elsewhere.into()));
    unverifiable(&check(&other), elsewhere);
    let mut lazy = honest.clone();
    disclosed(&mut lazy).profile = Some(elsewhere.into());
    invalid(&check(&lazy), "profile: ");
    let ours = Expectations { profile: Some(Profile::Exact2.id()), ..Expectations::default() };
    invalid(&expect(&other, &ours), "profile: ");
}
