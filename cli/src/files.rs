//! Files the commands read and write.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use attestlm::atomic_file::{write_replace, Access};
use attestlm::receipt::Document;
use attestlm::seed::random_bytes;
use attestlm::{hex, Error, ErrorKind, Result};

/// The largest text file a command reads, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;

/// Reads a text file; `-` is standard input.
///
/// # Errors
/// [`ErrorKind::Io`] naming the path, also for a directory, a file above [`MAX_BYTES`], or text that
/// is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|_| bad(path, "not UTF-8 text"))
}

/// Reads a file; `-` is standard input.
///
/// # Errors
/// As [`read_text`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        if path.is_dir() {
            return Err(bad(path, "it is a directory"));
        }
        File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    outcome.map_err(|e| Error::io(path, &e))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(bad(path, format!("larger than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Makes sure, before any work is done, that a file can be written here, and leaves nothing behind.
///
/// # Errors
/// [`ErrorKind::Io`] naming the path.
pub fn check_writable(path: &Path) -> Result<()> {
    if path.file_name().is_none() || path.as_os_str().to_string_lossy().ends_with('/') {
        return Err(bad(path, "the path does not end with a file name"));
    }
    if path.is_dir() {
        return Err(bad(path, "it is a directory"));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        return Err(bad(path, "its directory does not exist"));
    }
    // A name that is too long, a directory that may not be looked into.
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(path, &e)),
        _ => {}
    }
    // Access rights, read-only file systems and full quotas are known to a real attempt alone.
    // Its name is random: what a killed process left must not be in the way of one with the same number,
    // and in a container every run has the same.
    let unique = hex::encode(&random_bytes("temporary file")?[..8]);
    let probe = directory.join(format!(".attestlm-{}.tmp", unique.trim_start_matches("0x")));
    File::create_new(&probe).map_err(|e| Error::io(path, &e))?;
    std::fs::remove_file(&probe).map_err(|e| Error::io(&probe, &e))
}

/// As [`check_writable`], for a receipt: what stands there already must be a receipt too, so that no
/// keystore, model or request is lost to a wrong argument.
///
/// # Errors
/// [`ErrorKind::Io`] naming the path.
pub fn check_receipt(path: &Path) -> Result<()> {
    check_writable(path)?;
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.is_file() {
        return Err(bad(path, "it is not a regular file"));
    }
    if metadata.len() > 0 && Document::parse(&read(path)?).is_err() {
        return Err(bad(path, "it exists and is not a receipt: it is not overwritten"));
    }
    Ok(())
}

/// Writes a receipt whole or not at all, in place of nothing or of another receipt: what was looked at before
/// the work may have changed since.
///
/// # Errors
/// As [`check_receipt`].
pub fn write_receipt(path: &Path, text: &str) -> Result<()> {
    check_receipt(path)?;
    write_replace(path, text.as_bytes(), Access::Shared)
}

/// As [`check_writable`], for a file that must not exist yet.
///
/// # Errors
/// [`ErrorKind::Io`] naming the path.
pub fn check_new(path: &Path) -> Result<()> {
    check_writable(path)?;
    if path.exists() {
        return Err(bad(path, "it exists already, and is never overwritten"));
    }
    Ok(())
}

/// Where the receipt of answer `choice` goes: OUT.json, OUT.1.json, OUT.2.json, …
pub fn receipt_path(path: &Path, choice: u32) -> PathBuf {
    if choice == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{choice}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn bad(path: &Path, why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Io, path.display().to_string(), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_of_choices_are_numbered() {
        let path = |p: &str, n| receipt_path(Path::new(p), n).display().to_string();
        assert_eq!(path("a/b.json", 0), "a/b.json");
        assert_eq!(path("a/b.json", 2), "a/b.2.json");
        assert_eq!(path("b", 1), "b.1");
        assert_eq!(path("b.tar.json", 1), "b.tar.1.json");
    }

    #[test]
    fn writability_is_found_out_without_a_trace() {
        let directory = tempfile::tempdir().unwrap();
        check_writable(&directory.path().join("a.json")).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        for path in [directory.path().to_owned(), directory.path().join("no/a.json"), PathBuf::from("/")] {
            assert_eq!(check_writable(&path).unwrap_err().kind(), ErrorKind::Io, "{}", path.display());
        }
        // What a killed process left is not in the way.
        let left = format!(".attestlm-{}.tmp", std::process::id());
        std::fs::write(directory.path().join(left), "").unwrap();
        check_writable(&directory.path().join("a.json")).unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(check_writable(&file.join("a.json")).is_err());
        assert!(check_writable(&directory.path().join("a/")).is_err());
        std::fs::write(&file, "a keystore").unwrap();
        assert!(check_receipt(&file).unwrap_err().message().contains("not a receipt"));
        assert!(check_receipt(Path::new("/dev/null")).is_err());
        check_receipt(&directory.path().join("new.json")).unwrap();
    }
}
