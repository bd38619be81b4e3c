//! Model files: validated and scanned, before any C++ would see them.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::FromRawFd;
use std::path::PathBuf;

use attestlm::gguf::{scan, validate_model, GgufFile};
use attestlm_testkit::{mutate, Architecture, ModelSpec};

thread_local! {
    static FILE: (File, PathBuf) = memory_file();
}

fn memory_file() -> (File, PathBuf) {
    // SAFETY: the name is a C string; the descriptor is new and owned by the file alone.
    let file = unsafe {
        let descriptor = libc::memfd_create(c"fuzz".as_ptr(), libc::MFD_CLOEXEC);
        assert!(descriptor >= 0, "no memory file");
        File::from_raw_fd(descriptor)
    };
    let path = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)));
    (file, path)
}

/// Opens bytes as the file they would be.
pub(crate) fn with_file<T>(data: &[u8], run: impl FnOnce(attestlm::Result<GgufFile>) -> T) -> T {
    FILE.with(|(file, path)| {
        let mut writer = file;
        file.set_len(0).and_then(|()| writer.rewind()).and_then(|()| writer.write_all(data)).expect("memory");
        run(GgufFile::open(path))
    })
}

/// Validates the bytes as a model.
pub fn run(data: &[u8]) {
    with_file(data, |file| {
        let Ok(file) = file else { return };
        if let Ok(header) = validate_model(&file) {
            assert!(!header.describe().is_empty());
            drop(scan(&file, &mut |_, _| true));
        }
    });
}

/// Small models of each family, whole and damaged.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Architecture::ALL
        .into_iter()
        .map(|architecture| ModelSpec::tiny_of(architecture).to_bytes())
        .map(|mut bytes| {
            // The header and the first tensors: mutations should meet the former.
            bytes.truncate(bytes.len().min(64 << 10));
            bytes
        })
        .collect();
    let nano = ModelSpec::nano().to_bytes();
    seeds.push(mutate::too_many_layers(&nano));
    seeds.push(nano);
    seeds
}
