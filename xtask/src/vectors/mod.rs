//! What every language reads: generations, requests and model files that must be refused, and the manifest of all
//! cases.

mod frozen;
mod generations;
mod gguf;
mod manifest;
mod outcome;
mod requests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::{root, Failure};

/// Capacity of the session; requests that state none get it.
const CONTEXT: u32 = 512;

/// The cases of an area, by their names.
type Cases = Vec<(String, Value)>;

/// Text of every generated file, by its path.
///
/// # Errors
/// A generation that fails, a name given twice, or a folder without cases.
pub fn files() -> Result<BTreeMap<PathBuf, String>, Failure> {
    let areas =
        [("generations", generations::cases()?), ("requests", requests::cases()?), ("gguf", gguf::cases()?)];
    let mut files = BTreeMap::new();
    for (area, cases) in areas {
        for (name, case) in cases {
            let path = root().join("vectors").join(area).join(format!("{name}.json"));
            if files.insert(path, text(&case)?).is_some() {
                return Err(format!("{area}: two cases are called {name}").into());
            }
        }
    }
    let manifest = manifest::of(&files)?;
    frozen::check(&manifest)?;
    files.insert(root().join("vectors/manifest.json"), text(&manifest)?);
    Ok(files)
}

fn text(value: &Value) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
