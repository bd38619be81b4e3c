//! What a session gives: events, answers, scores.

use serde_json::{json, Value};

use super::form::{boolean, closed, count, field, list, nullable, one_of, only, text, uint32, whole, Field};
use super::{of_file, verify};
use crate::Failure;

pub fn event() -> Result<Value, Failure> {
    // Each with the members that belong to it.
    let events: [(&str, &[&str]); 4] = [
        ("prefill", &["done", "total"]),
        ("text", &["text"]),
        ("done", &["finish", "outputCount"]),
        ("failed", &["error"]),
    ];
    let mut form = closed(
        &["event", "choice"],
        [
            field("event", "What happened.", one_of(events.map(|(name, _)| name))),
            choice(),
            field("done", "Of `prefill`: prompt tokens that were read.", count()),
            field("total", "Of `prefill`: prompt tokens in all.", count()),
            field("text", "Of `text`: what follows the text of earlier events, whole characters.", text()),
            field("finish", "Of `done`: why the output ended.", one_of(verify::finishes()?)),
            field("outputCount", "Of `done`: the number of output tokens.", count()),
            field("error", "Of `failed`: why there is no answer.", of_file("error")),
        ],
    );
    let own = |(name, present): (&str, &[&str])| {
        let others = events.iter().flat_map(|(_, members)| members.iter().copied());
        let absent: Vec<&str> = others.filter(|member| !present.contains(member)).collect();
        let mut form = only(present, &absent);
        form["properties"]["event"] = json!({ "const": name });
        form
    };
    form["oneOf"] = events.map(own).into_iter().collect();
    Ok(form)
}

fn choice() -> Field {
    field("choice", "The choice's index, from 0.", uint32())
}

fn receipt() -> Field {
    field("receipt", "The receipt document; null without a signer.", nullable(of_file("receipt")))
}

fn receipt_error() -> Field {
    field(
        "receiptError",
        "Why there is no receipt though a signer was there; else null.",
        nullable(of_file("error")),
    )
}

fn prompt_count() -> Field {
    field("promptCount", "The number of prompt tokens.", count())
}

fn logprob() -> Value {
    json!({ "type": "number", "maximum": 0 })
}

/// A token, and how likely it was.
fn token() -> [Field; 4] {
    [
        field("token", "The token's id, a uint32.", uint32()),
        field("text", "Its text; bytes that are not UTF-8 are replaced.", text()),
        field(
            "bytes",
            "Its bytes, in lower-case hex.",
            json!({ "type": "string", "pattern": "^0x(?:[0-9a-f]{2})*$" }),
        ),
        field("logprob", "The natural logarithm of its probability, before the sampling policy.", logprob()),
    ]
}

pub fn answer() -> Result<Value, Failure> {
    let likeliest =
        field("likeliest", "The likeliest tokens, as many as were asked for.", list(whole(token().into())));
    let told = whole(token().into_iter().chain([likeliest]).collect());
    Ok(whole(vec![
        choice(),
        field("text", "The answer's text; bytes that are not UTF-8 are replaced.", text()),
        field("finish", "Why the output ended.", one_of(verify::finishes()?)),
        field("tokens", "The output's token ids, those that ended it included.", list(uint32())),
        prompt_count(),
        field("logprobs", "Of each token how likely it was; null unless asked for.", nullable(list(told))),
        receipt(),
        receipt_error(),
    ]))
}

pub fn score() -> Value {
    let greedy = field("greedy", "Whether no token was more probable.", boolean());
    let token = whole(token().into_iter().chain([greedy]).collect());
    whole(vec![
        field("tokens", "The continuation's tokens.", list(token)),
        field("logprob", "The sum of their logarithms.", logprob()),
        field("greedy", "Whether all are greedy.", boolean()),
        prompt_count(),
        receipt(),
    ])
}
