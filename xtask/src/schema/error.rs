//! An error, where it is part of something else.

use attestlm::ErrorKind;
use serde_json::Value;

use super::form::{field, one_of, text, whole};

pub fn error() -> Value {
    whole(vec![
        field("kind", "The class of the error.", one_of(ErrorKind::ALL.map(ErrorKind::name))),
        field("field", "The field, parameter or file the error is about; may be empty.", text()),
        field(
            "message",
            "One sentence, without the field; it never holds a prompt, an output or a secret.",
            text(),
        ),
    ])
}
