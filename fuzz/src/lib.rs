//! What strangers send, at random. Each module has `run`, which must return whatever the bytes are, and
//! `seeds`, real inputs to begin with. `scripts/fuzz.sh` builds the targets in `fuzz_targets/` with libFuzzer and
//! coverage; `cargo test` runs every seed, thousands of damaged ones and every input that once failed
//! (`regressions/`).

pub mod adapter;
pub mod calls;
pub mod gguf;
pub mod keystore;
pub mod receipt;
pub mod request;
mod vectors;

/// A target.
pub struct Target {
    /// Its name: of its module, its executable and its folder in `regressions/`.
    pub name: &'static str,
    /// Must return.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "receipt", run: receipt::run, seeds: receipt::seeds },
    Target { name: "request", run: request::run, seeds: request::seeds },
    Target { name: "gguf", run: gguf::run, seeds: gguf::seeds },
    Target { name: "keystore", run: keystore::run, seeds: keystore::seeds },
    Target { name: "adapter", run: adapter::run, seeds: adapter::seeds },
    Target { name: "calls", run: calls::run, seeds: calls::seeds },
];

/// Runs the files named by the arguments.
///
/// # Errors
/// A file that cannot be read.
pub fn replay(run: fn(&[u8])) -> std::io::Result<()> {
    std::env::args_os().skip(1).try_for_each(|path| {
        run(&std::fs::read(path)?);
        Ok(())
    })
}
