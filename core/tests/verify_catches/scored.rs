//! Scored outputs and generated ones.

use attestlm::policy::SamplingPolicy;
use attestlm::receipt::{Finish, Kind};
use attestlm::steps;
use attestlm::verify::Expectations;
use serde_json::json;

use crate::forger::*;

#[test]
fn scored_receipts_are_told_from_generated_ones() {
    let scored_wanted = Expectations { scored: true, ..Expectations::default() };
    let honest = scored(" the sea is far away");
    assert_eq!(honest.receipt.kind, Kind::Scored);
    let stands = report(&honest, &scored_wanted, &with(model()));
    assert_eq!((stands.verdict, stands.kind), (VERIFIED, Some(Kind::Scored)));
    // The client's own request, drawing parameters and all, has nothing to object to.
    let same_request =
        Expectations { request: Some(request(json!({ "temperature": 0.5 }))), ..scored_wanted.clone() };
    assert_eq!(expect(&honest, &same_request), VERIFIED);
    // Who pins a policy does not take an output that none drew.
    let pinned = Expectations { sampler: Some([1; 32]), ..scored_wanted.clone() };
    invalid(&expect(&honest, &pinned), "sampler: ");

    // Passed off as generated, in three degrees of effort.
    invalid(&check(&honest), "kind: a scored receipt");
    let flipped = forge(&honest, |receipt, _| receipt.kind = Kind::Generated);
    invalid(&check(&flipped), "sampler: ");
    let output = output_of(&honest);
    let dressed = forge(&honest, |receipt, d| {
        receipt.kind = Kind::Generated;
        receipt.finish = Finish::MaxTokens;
        d.sampler = Some(SamplingPolicy {
            max_tokens: receipt.output_count,
            context_tokens: 256,
            ..SamplingPolicy::default()
        });
        d.steps = Some(steps::whole_output(receipt.output_count, model().vocab().detokenize(&output)));
    });
    redraws(&check(&dressed));
    // And a generated one as scored.
    invalid(&expect(&hot(), &scored_wanted), "kind: a scored receipt was expected");
    let flipped = forge(&hot(), |receipt, _| (receipt.kind, receipt.finish) = (Kind::Scored, Finish::Scored));
    invalid(&expect(&flipped, &scored_wanted), "sampler: ");

    // A token edited in the continuation: the logits after it are others.
    let mut tokens = output.clone();
    tokens[1] ^= 1;
    let edited = forge(&honest, |_, d| d.output_tokens = Some(tokens.clone()));
    diverges(&expect(&edited, &scored_wanted), None, "trace");
    let edited = forge(&honest, |receipt, d| put_output(receipt, d, tokens));
    diverges(&expect(&edited, &scored_wanted), None, "trace");
    // The last one chose no logits, but must be a token.
    let mut tokens = output;
    *tokens.last_mut().unwrap() = u32::MAX;
    let edited = forge(&honest, |receipt, d| put_output(receipt, d, tokens));
    invalid(&expect(&edited, &scored_wanted), "outputTokens: ");
}
