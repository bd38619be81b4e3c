//! The cases in `vectors/`, as seeds.

use std::path::Path;

use serde_json::Value;

/// Every case of an area, in the order of the names.
pub(crate) fn cases(area: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(area);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            serde_json::from_slice(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
        })
        .collect()
}

/// A member as bytes: of a string its text, else the JSON.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes()
}
