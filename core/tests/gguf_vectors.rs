//! `vectors/gguf/`: small model files, and the key or tensor by which all but a few are refused.

#[path = "common/outcome.rs"]
mod outcome;
#[path = "common/vectors.rs"]
mod vectors;

use std::path::Path;

use attestlm::hex;
use outcome::{expected, outcome};

#[cfg(feature = "engine")]
fn open(path: &Path) -> attestlm::Result<()> {
    attestlm::model::Model::open(path).map(drop)
}

/// What needs no engine finds every fault.
#[cfg(not(feature = "engine"))]
fn open(path: &Path) -> attestlm::Result<()> {
    use attestlm::gguf::{scan, validate_model, GgufFile};
    let file = GgufFile::open(path)?;
    validate_model(&file)?;
    scan(&file, &mut |_, _| true).map(drop)
}

#[test]
fn every_file_is_opened_or_refused_by_the_stated_field() {
    let folder = tempfile::tempdir().unwrap();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for (name, case) in vectors::cases("gguf") {
        let path = folder.path().join(format!("{name}.gguf"));
        let digits = case["hex"].as_str().unwrap();
        std::fs::write(&path, hex::decode("hex", &format!("0x{digits}")).unwrap()).unwrap();
        let result = open(&path);
        let says = case["says"].as_str().unwrap_or_default();
        let said = result.as_ref().err().is_none_or(|error| error.message().contains(says));
        if outcome(&result) != expected(&case) || !said {
            wrong.push(format!("{name}: {:?}, not {:?}", result.err(), expected(&case)));
        }
        *(if expected(&case).is_none() { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted >= 3 && refused >= 60, "only {accepted} opened and {refused} refused");
}
