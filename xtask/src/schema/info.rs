//! What models, sessions and profiles say of themselves.

use attestlm::profile::Profile;
use serde_json::{json, Value};

use super::form::{
    boolean, bytes32, closed, count, field, list, nullable, one_of, text, uint32, whole, Field,
};
use super::of_file;

/// Null, or an error.
fn refusal(name: &str, description: &str) -> Field {
    field(name, description, nullable(of_file("error")))
}

/// What a file says of itself.
fn rows() -> Vec<Field> {
    let types = json!({ "type": "object", "propertyNames": { "pattern": "^[A-Z0-9_]+$" },
        "additionalProperties": count() });
    vec![
        field("sha256", "SHA-256 of the GGUF file, 32 bytes.", bytes32()),
        field("name", "The name the file gives itself, or null.", nullable(text())),
        field("architecture", "The architecture's name.", text()),
        field("parameters", "The number of weights.", count()),
        field("layers", "The number of layers.", uint32()),
        field("embedding", "Width of the residual stream.", uint32()),
        field("heads", "Query heads.", uint32()),
        field("headsKv", "Key and value heads.", uint32()),
        field("feedForward", "Width of the feed-forward network, of one expert in a mixture.", uint32()),
        field("contextTokens", "The context the model was trained for, in tokens.", uint32()),
        field("vocabulary", "The number of tokens in the vocabulary.", uint32()),
        field("tensorTypes", "How many tensors there are of each type.", types),
        field("chatTemplate", "Whether the file holds a chat template.", boolean()),
    ]
}

pub fn model() -> Value {
    let profiles = Profile::ALL.map(|profile| refusal(profile.name(), "Null, or why not."));
    with_rare(vec![
        field(
            "attestable",
            "Under each profile null, or why answers carry no receipt.",
            whole(profiles.into()),
        ),
        refusal("chatTemplateError", "Null, or why the chat template cannot be used."),
    ])
}

pub fn file() -> Value {
    with_rare(Vec::new())
}

/// What every file has, `more`, and what only some have.
fn with_rare(more: Vec<Field>) -> Value {
    let mut form = whole(rows().into_iter().chain(more).collect());
    let rest = closed(
        &[],
        [
            field("experts", "Of a mixture: the number of experts.", uint32()),
            field("expertsUsed", "Of a mixture: experts in use for a token.", uint32()),
            field("slidingWindow", "The sliding window, in tokens, where there is one.", uint32()),
        ],
    );
    if let (Some(all), Some(rest)) = (form["properties"].as_object_mut(), rest["properties"].as_object()) {
        all.extend(rest.clone());
    }
    form["dependentRequired"] = json!({ "experts": ["expertsUsed"], "expertsUsed": ["experts"] });
    form
}

pub fn session() -> Value {
    whole(vec![
        field("profile", "The execution profile's id.", one_of(Profile::ALL.map(Profile::id))),
        field("threads", "Worker threads.", uint32()),
        field("contextTokens", "The longest prompt and output of a request, in tokens.", uint32()),
        field("streams", "Sequences live at once.", uint32()),
        field("ubatch", "Prompt tokens computed at once.", uint32()),
        field("model", "SHA-256 of the model's file, 32 bytes.", bytes32()),
        field("adapter", "SHA-256 of the adapter's file, 32 bytes; null without one.", nullable(bytes32())),
        refusal("unattested", "Null, or why answers carry no receipt."),
    ])
}

pub fn profiles() -> Value {
    let profile = whole(vec![
        field("name", "The profile's short name.", one_of(Profile::ALL.map(Profile::name))),
        field("id", "The profile's id.", one_of(Profile::ALL.map(Profile::id))),
        field("hash", "keccak256 of the id, 32 bytes: a receipt's `profile`.", bytes32()),
    ]);
    whole(vec![
        field("profiles", "The profiles of this release.", list(profile)),
        refusal(
            "knownAnswerTest",
            "Null if this machine computes what every exact profile promises, or why not.",
        ),
    ])
}
