//! The manifest: a runner that reads less than it says has lost cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attestlm::hex;
use serde_json::{json, Value};
use sha2::{Digest, Sha256};

use crate::{root, Failure};

/// Names and digests of an area's files.
type Files = BTreeMap<String, String>;

/// Area by area: how many files there are, and the SHA-256 of each. An area that is generated has what was
/// generated, whatever lies in its folder.
///
/// # Errors
/// A folder that cannot be read, or no case at all.
pub fn of(generated: &BTreeMap<PathBuf, String>) -> Result<Value, Failure> {
    let mut areas: BTreeMap<String, Files> = BTreeMap::new();
    generated.iter().for_each(|(path, text)| add(&mut areas, path, text.as_bytes()));
    let is_generated = |area: &Path| generated.keys().any(|path| path.parent() == Some(area));
    for area in std::fs::read_dir(root().join("vectors"))? {
        let area = area?.path();
        if area.is_dir() && !area.ends_with("tools") && !is_generated(&area) {
            for file in std::fs::read_dir(&area)? {
                let file = file?.path();
                if file.extension().is_some_and(|extension| extension == "json") {
                    add(&mut areas, &file, &std::fs::read(&file)?);
                }
            }
        }
    }
    if areas.is_empty() {
        return Err("no vectors".into());
    }
    let area = |(name, files): (String, Files)| (name, json!({ "count": files.len(), "sha256": files }));
    Ok(Value::Object(areas.into_iter().map(area).collect()))
}

fn add(areas: &mut BTreeMap<String, Files>, path: &Path, bytes: &[u8]) {
    let name = |path: Option<&Path>| {
        path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let digest = hex::encode(&digest).trim_start_matches("0x").to_owned();
    areas.entry(name(path.parent())).or_default().insert(name(Some(path)), digest);
}
