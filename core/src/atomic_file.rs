//! Files that are whole or absent: receipts and keystores are written beside their target,
//! flushed to the disk, and only then given their name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::hex;
use crate::seed::random_bytes;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner alone (mode 0600 on Unix): keys.
    Private,
    /// What the process's umask allows (mode 0666 before it): receipts.
    Shared,
}

/// Writes `bytes` to a file that must not exist yet. After a crash at any moment `path` is
/// absent or whole; at worst a temporary file named `.attestlm-new-<random>.tmp` stays beside it.
///
/// # Errors
/// [`ErrorKind::Io`] naming the path when it exists already, or cannot be written; nothing
/// is left behind then.
pub fn write_new(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    // A hard link fails if the name is taken, where a rename would replace it: the check
    // and the creation are one step.
    write_through(path, bytes, access, |temporary| match fs::hard_link(temporary, path) {
        Ok(()) => {
            let _ = fs::remove_file(temporary);
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        // File systems without hard links: claim the name, then rename over the claim. A
        // crash between the two leaves an empty file, never a partial one.
        Err(_) => {
            OpenOptions::new().write(true).create_new(true).open(path)?;
            fs::rename(temporary, path).inspect_err(|_| drop(fs::remove_file(path)))
        }
    })
}

/// Writes `bytes` to a file, in place of whatever has that name. After a crash at any moment
/// `path` holds the old bytes or the new ones, never a mixture.
///
/// # Errors
/// [`ErrorKind::Io`] naming the path when it cannot be written; the old file is untouched then.
pub fn write_replace(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    write_through(path, bytes, access, |temporary| fs::rename(temporary, path))
}

fn write_through(
    path: &Path,
    bytes: &[u8],
    access: Access,
    publish: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<()> {
    if path.file_name().is_none() {
        let why = "the path does not end with a file name";
        return Err(Error::new(ErrorKind::Io, path.display().to_string(), why));
    }
    if path.is_dir() {
        return Err(Error::new(ErrorKind::Io, path.display().to_string(), "the path is a directory"));
    }
    // A rename would put a file in the place of a device, a pipe or a link.
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Error::new(ErrorKind::Io, path.display().to_string(), "it is not a regular file"));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let unique = hex::encode(&random_bytes("temporary file")?[..8]);
    // Not made of the file's name, which may be as long as names can be.
    let temporary: PathBuf = directory.join(format!(".attestlm-new-{}.tmp", unique.trim_start_matches("0x")));

    let written = create(&temporary, access).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        publish(&temporary)?;
        sync_directory(directory)
    });
    written.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        Error::io(path, &e)
    })
}

fn create(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(match access {
            Access::Private => 0o600,
            Access::Shared => 0o666,
        });
    }
    #[cfg(not(unix))]
    let _ = access;
    options.open(path)
}

/// The name itself is durable only once its directory is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn new_never_overwrites_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        write_new(&path, b"one", Access::Private).unwrap();
        let error = write_new(&path, b"two", Access::Private).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.field().ends_with("a.json"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(directory.path()), ["a.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        write_new(&path, b"k", Access::Private).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn replace_replaces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        write_replace(&path, b"one", Access::Shared).unwrap();
        write_replace(&path, b"two", Access::Shared).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(directory.path()), ["a.json"]);
    }

    #[test]
    fn what_cannot_be_written_is_an_error_that_names_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("no/such/a.json");
        for path in [missing.as_path(), directory.path(), Path::new("/"), Path::new("")] {
            for write in [write_new, write_replace] {
                let error = write(path, b"x", Access::Shared).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Io, "{error}");
            }
        }
        assert!(names(directory.path()).is_empty());
    }
}
