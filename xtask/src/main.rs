//! `xtask header` writes `include/attestlm.h` from the comments of `ffi/`, `xtask abi` the list of exported symbols
//! and statuses, `ffi/abi/symbols.txt`, `xtask schema` the JSON Schemas in `docs/schema/`, `xtask vectors` the generations,
//! requests and model files in `vectors/` and its manifest. With `--check` nothing is written: a difference is an error.

mod abi;
mod comments;
mod header;
mod schema;
mod types;
mod vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What went wrong, in words.
pub type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["header"] => header::text().and_then(|text| write(&header::path(), &text)),
        ["header", "--check"] => header::text().and_then(|text| compare(&header::path(), &text, "header")),
        ["abi"] => abi::text().and_then(|text| write(&abi::path(), &text)),
        ["abi", "--check"] => abi::text().and_then(|text| compare(&abi::path(), &text, "abi")),
        ["schema"] => schema::files().and_then(|files| write_all(&files)),
        ["schema", "--check"] => schema::files().and_then(|files| compare_all(&files, "schema")),
        ["vectors"] => vectors::files().and_then(|files| write_all(&files)),
        ["vectors", "--check"] => vectors::files().and_then(|files| compare_all(&files, "vectors")),
        _ => Err("usage: xtask (header | abi | schema | vectors) [--check]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

fn write_all(files: &BTreeMap<PathBuf, String>) -> Result<(), Failure> {
    files.iter().try_for_each(|(path, text)| write(path, text))
}

fn compare_all(files: &BTreeMap<PathBuf, String>, what: &str) -> Result<(), Failure> {
    files.iter().try_for_each(|(path, text)| compare(path, text, what))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)?;
    println!("written: {}", path.display());
    Ok(())
}

fn compare(path: &Path, text: &str, what: &str) -> Result<(), Failure> {
    let found = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if found == text {
        return Ok(());
    }
    let line = found.lines().zip(text.lines()).position(|(a, b)| a != b).unwrap_or_default() + 1;
    Err(format!("{} differs from what `xtask {what}` writes, first in line {line}", path.display()).into())
}
