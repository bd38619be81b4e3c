//! What a session is made of, and what it scores.

use attestlm::engine::{MAX_STREAMS, MAX_STREAM_TOKENS, MAX_THREADS, MAX_UBATCH};
use attestlm::profile::Profile;
use attestlm::session::{SessionOptions, DEFAULT_CONTEXT_TOKENS};
use serde_json::{json, Value};

use super::form::{boolean, closed, field, integer, list, one_of, only, optional, text, uint32};

pub fn options() -> Value {
    let default = SessionOptions::default();
    closed(
        &[],
        [
            optional(
                "profile",
                "The execution profile; absent or `exact`: the exact one that the model has, `exact-2` where there are kernels for \
                 it, else `exact-1`.",
                one_of(Profile::choices()),
            ),
            optional(
                "threads",
                format!(
                    "Worker threads, at most what affinity and cgroup quota allow, with `oversubscribe` at most \
                     {MAX_THREADS}; absent or 0: as many as those allow."
                ),
                uint32(),
            ),
            optional("oversubscribe", "Whether `threads` is taken literally; false if absent.", boolean()),
            optional(
                "contextTokens",
                format!(
                    "The longest prompt and output of a request, up to {MAX_STREAM_TOKENS} tokens; absent or 0: what the \
                     model was trained for, at most {DEFAULT_CONTEXT_TOKENS}."
                ),
                integer(0, MAX_STREAM_TOKENS.into()),
            ),
            optional(
                "streams",
                format!("Sequences live at once, 1 to {MAX_STREAMS}; {} if absent.", default.streams),
                integer(1, MAX_STREAMS.into()),
            ),
            optional(
                "ubatch",
                format!("Prompt tokens computed at once, 1 to {MAX_UBATCH}; {} if absent.", default.ubatch),
                integer(1, MAX_UBATCH.into()),
            ),
        ],
    )
}

pub fn continuation() -> Value {
    let mut form = closed(
        &[],
        [
            field("text", "What follows the prompt, tokenized alone.", text()),
            field(
                "tokens",
                "What follows the prompt, as token ids below the vocabulary's size.",
                list(uint32()),
            ),
        ],
    );
    form["oneOf"] = json!([only(&["text"], &["tokens"]), only(&["tokens"], &["text"])]);
    form
}
