//! The cases of frozen formats: other people's receipts depend on what they say.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{root, Failure};

/// By format and area, the SHA-256 of each file.
type Frozen = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

/// Checks that a manifest still has every frozen case; it may have more.
///
/// # Errors
/// A case that is not there, or says something else.
pub fn check(manifest: &Value) -> Result<(), Failure> {
    let frozen: Frozen = serde_json::from_slice(&std::fs::read(root().join("vectors/frozen.json"))?)?;
    compare(&frozen, manifest)
}

fn compare(frozen: &Frozen, manifest: &Value) -> Result<(), Failure> {
    for (format, areas) in frozen {
        for (area, files) in areas {
            for (file, digest) in files {
                if manifest[area]["sha256"][file] != **digest {
                    return Err(format!(
                        "vectors/{area}/{file} is of {format}, which is frozen: what changes it is a new version \
                         (docs/adr/0008-what-is-frozen.md)"
                    )
                    .into());
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frozen_case_stays_and_others_may_come() {
        let frozen: Frozen =
            serde_json::from_value(json!({ "f-1": { "a": { "x": "11", "y": "22" } } })).unwrap();
        let with = |files: Value| compare(&frozen, &json!({ "a": { "count": 2, "sha256": files } }));
        with(json!({ "x": "11", "y": "22", "z": "33" })).unwrap();
        for files in [json!({ "x": "11", "y": "23" }), json!({ "x": "11", "z": "22" }), json!({})] {
            assert!(with(files).unwrap_err().to_string().contains("f-1, which is frozen"));
        }
    }

    #[test]
    fn every_area_of_a_frozen_format_is_held() {
        check(
            &serde_json::from_slice(&std::fs::read(root().join("vectors/manifest.json")).unwrap()).unwrap(),
        )
        .unwrap();
        let frozen: Frozen =
            serde_json::from_slice(&std::fs::read(root().join("vectors/frozen.json")).unwrap()).unwrap();
        let areas: Vec<&str> = frozen.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
        assert_eq!(areas, ["numerics", "commitments", "merkle", "receipts", "refused", "sampler", "steps"]);
        assert!(frozen.values().flat_map(BTreeMap::values).all(|files| !files.is_empty()));
    }
}
