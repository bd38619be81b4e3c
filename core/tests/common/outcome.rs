//! What a call answered, and what a case expects of it.

use serde_json::Value;

/// The class and the field of an error; `None`: success.
pub fn outcome<T>(result: &attestlm::Result<T>) -> Option<(&'static str, String)> {
    result.as_ref().err().map(|error| (error.kind().name(), error.field().to_owned()))
}

/// What a case expects; `None` with code 0.
///
/// # Panics
/// If it is neither success nor an error with a name and a field.
pub fn expected(case: &Value) -> Option<(&str, String)> {
    match case["code"].as_i64().unwrap() {
        0 => None,
        code => {
            assert!(code < 0);
            Some((case["name"].as_str().unwrap(), case["field"].as_str().unwrap().to_owned()))
        }
    }
}
