//! Proofs of parts of a receipt.

use attestlm::steps::STEP_PROOF_TYPE;
use attestlm::trace::TRACE_PROOF_TYPE;
use serde_json::{json, Value};

use super::form::{bytes32, closed, field, list, only, uint32, whole, Field};
use super::receipt;

const SIBLINGS: &str = "The siblings on the way to the root, lowest first, at most 32 words of 32 bytes.";

pub fn token() -> Value {
    let mut form = whole(vec![
        field("type", "What this is.", json!({ "const": TRACE_PROOF_TYPE })),
        field("index", "Which output token, from 0.", uint32()),
        field("count", "The receipt's `outputCount`.", uint32()),
        field("token", "The token, or its commitment.", opening("The token's id, a uint32.", uint32())),
        field(
            "digest",
            "The digest of the logits that chose it, or its commitment.",
            opening("The digest, 32 bytes.", bytes32()),
        ),
        field("siblings", SIBLINGS, list(bytes32())),
    ]);
    let closed = json!({ "required": ["commitment"] });
    form["not"] =
        json!({ "required": ["token", "digest"], "properties": { "token": closed, "digest": closed } });
    form
}

pub fn step() -> Value {
    let mut members = vec![field("type", "What this is.", json!({ "const": STEP_PROOF_TYPE }))];
    members.extend(of_step());
    receipt::step(members)
}

/// What a step needs to be checked alone.
pub fn of_step() -> [Field; 3] {
    [
        field("count", "How many steps there are.", uint32()),
        field("salt", "The salt of the step's text.", bytes32()),
        field("siblings", SIBLINGS, list(bytes32())),
    ]
}

/// A value with its salt, or the commitment to it.
fn opening(description: &str, value: Value) -> Value {
    let mut form = closed(
        &[],
        [
            field("value", description, value),
            field("salt", "The salt of the value.", bytes32()),
            field("commitment", "Instead of value and salt: the commitment to them.", bytes32()),
        ],
    );
    form["oneOf"] =
        json!([only(&["value", "salt"], &["commitment"]), only(&["commitment"], &["value", "salt"])]);
    form
}
