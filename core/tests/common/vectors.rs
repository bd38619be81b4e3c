//! The files of `vectors/`, as many as the manifest says and the very same.
#![allow(dead_code)] // each test file uses a part

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Name and text of every case of an area.
///
/// # Panics
/// If a file is missing, superfluous or another one than the manifest's, or if there is none.
pub fn files(area: &str) -> BTreeMap<String, Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(root.join("manifest.json")).unwrap()).unwrap();
    let stated = &manifest[area];
    let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(root.join(area))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    assert!(!files.is_empty(), "{area}: no case");
    assert_eq!(stated["count"].as_u64(), Some(files.len() as u64), "{area}: the manifest counts otherwise");
    for (name, text) in &files {
        let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let stated = stated["sha256"][format!("{name}.json")].as_str();
        assert_eq!(stated, Some(digest.as_str()), "{area}/{name}.json is not the manifest's");
    }
    files
}

/// Name and content of every case of an area.
///
/// # Panics
/// As [`files`], or if a file is no JSON.
pub fn cases(area: &str) -> BTreeMap<String, Value> {
    let parse = |(name, text): (String, Vec<u8>)| {
        let case = serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{area}/{name}.json: {e}"));
        (name, case)
    };
    files(area).into_iter().map(parse).collect()
}

/// The cases of an area that is one file, `cases.json`, which counts them itself.
///
/// # Panics
/// As [`cases`], or if the file counts otherwise.
pub fn listed(area: &str) -> Vec<Value> {
    let document = cases(area).remove("cases").unwrap();
    let cases = document["cases"].as_array().unwrap().clone();
    assert_eq!(document["count"].as_u64(), Some(cases.len() as u64), "{area}: a case is lost");
    assert!(!cases.is_empty(), "{area}: no case");
    cases
}
