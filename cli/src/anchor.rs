//! `attestlm anchor`: receipts made ready to be anchored on a chain.

use std::path::{Path, PathBuf};

use attestlm::anchor::{Batch, MAX_RECEIPTS};
use attestlm::atomic_file::{write_new, Access};
use attestlm::hex;
use attestlm::receipt::Document;
use attestlm::verify::refuse_invalid;
use attestlm::{Error, ErrorKind, Result};
use serde_json::json;

use crate::args::AnchorCommand;
use crate::fail::{Outcome, Status};
use crate::{files, terminal};

pub fn run(command: &AnchorCommand) -> Outcome {
    let AnchorCommand::Prepare { directory, out } = command;
    if let Some(path) = out {
        files::check_new(path)?;
        let folder = |path: &Path| path.canonicalize().ok();
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if folder(beside) == folder(directory) {
            let why = "must not be a file of the folder: the next time it would be taken for a receipt";
            return Err(Error::argument("out", why).into());
        }
    }
    let mut receipts = Vec::new();
    for path in receipts_in(directory)? {
        let digest = digest(&path)?;
        receipts.push((path, digest));
    }
    let batch = Batch::new(&receipts.iter().map(|(_, digest)| *digest).collect::<Vec<_>>())?;
    let entries = receipts.iter().map(|(path, digest)| {
        let proof = batch.proof(digest).unwrap_or_default();
        json!({
            "file": path.file_name().unwrap_or_default().to_string_lossy(),
            "digest": hex::encode(digest),
            "proof": proof.iter().map(|sibling| hex::encode(sibling)).collect::<Vec<_>>(),
        })
    });
    let text = json!({ "root": hex::encode(&batch.root()), "receipts": entries.collect::<Vec<_>>() });
    match out {
        Some(path) => write_new(path, format!("{text:#}\n").as_bytes(), Access::Shared)?,
        None => terminal::print_json(&text)?,
    }
    Ok(Status::Done)
}

/// The folder's `*.json`, by name.
fn receipts_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let read = |e: &std::io::Error| Error::io(directory, e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|e| read(&e))? {
        let path = entry.map_err(|e| read(&e))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let bad = |why: &str| Error::new(ErrorKind::Io, path.display().to_string(), why);
            // Reading from a pipe would wait for whoever writes.
            if !path.metadata().map_err(|e| Error::io(&path, &e))?.is_file() {
                return Err(bad("it is not a regular file"));
            }
            if path.to_str().is_none() {
                return Err(bad("its name is not UTF-8, as JSON has to have it"));
            }
            paths.push(path);
        }
        if paths.len() > MAX_RECEIPTS {
            return Err(Error::argument("directory", format!("it has more than {MAX_RECEIPTS} receipts")));
        }
    }
    if paths.is_empty() {
        return Err(Error::argument("directory", "it has no file named *.json"));
    }
    paths.sort();
    Ok(paths)
}

/// Of a receipt that is worth an anchor: one that is wrong is found now, not by whoever pays for it.
fn digest(path: &Path) -> Result<[u8; 32]> {
    let bad = |why: &str| Error::new(ErrorKind::Receipt, path.display().to_string(), why);
    let document = Document::parse(&files::read(path)?).map_err(|e| bad(&e.to_string()))?;
    refuse_invalid(&document).map_err(|e| bad(e.message()))?;
    // A wallet's signature is for its chain to check.
    if document.recover().ok() != Some(document.receipt.signer) {
        terminal::note(&format!(
            "{}: not signed by the signer's key: of use only if the signer is a contract",
            path.display()
        ));
    }
    Ok(document.digest())
}
