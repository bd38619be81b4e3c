//! JSON Schemas of what crosses the C interface as JSON, from the library's own limits and names. A schema never
//! refuses what the library takes; where the library knows more, `tests` lists it.

mod answer;
mod error;
mod form;
mod info;
mod proof;
mod receipt;
mod request;
mod session;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{json, Value};

use crate::{root, Failure};

/// Text of every file, by its path.
///
/// # Errors
/// A limit that no pattern can be made of.
pub fn files() -> Result<BTreeMap<PathBuf, String>, Failure> {
    let folder = root().join("docs/schema");
    let file = |(name, schema)| Ok((folder.join(name), serde_json::to_string_pretty(&schema)? + "\n"));
    schemas()?.into_iter().map(file).collect()
}

/// Every schema, by its file's name, which is its `$id` too.
///
/// # Errors
/// As [`files`].
fn schemas() -> Result<BTreeMap<String, Value>, Failure> {
    let named = [
        ("answer", "An answer", answer::answer()?),
        ("continuation", "A continuation to score", session::continuation()),
        ("error", "An error", error::error()),
        ("event", "An event of a generation", answer::event()?),
        ("model-file", "A model file", info::file()),
        ("model-info", "A model", info::model()),
        ("options", "Options of a session", session::options()),
        ("profile-info", "The execution profiles", info::profiles()),
        ("receipt", "A receipt document", receipt::document()?),
        ("report", "A report of a verification", verify::report()),
        ("request", "A request", request::request()?),
        ("score", "A scored continuation", answer::score()),
        ("session-info", "A session", info::session()),
        ("shown", "What a redacted receipt shows", receipt::shown()),
        ("step-proof", "A proof of a step", proof::step()),
        ("terms", "Terms of a verification", verify::terms()?),
        ("token-proof", "A proof of an output token", proof::token()),
        ("typed-data", "A receipt for eth_signTypedData_v4", receipt::typed_data()?),
    ];
    let complete = |(name, title, mut schema): (&str, &str, Value)| {
        let id = format!("{name}.schema.json");
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
        schema["$id"] = id.as_str().into();
        schema["title"] = title.into();
        let shared = form::shared(&schema);
        if shared.as_object().is_some_and(|shared| !shared.is_empty()) {
            schema["$defs"] = shared;
        }
        (id, schema)
    };
    Ok(named.into_iter().map(complete).collect())
}

/// Another file's schema.
fn of_file(name: &str) -> Value {
    json!({ "$ref": format!("{name}.schema.json") })
}
