//! Who is measured. Ours run as this very binary with `--contestant NAME`.

pub mod attested;
pub mod native;
pub mod peers;
pub mod raw;
pub mod stock;

use std::path::PathBuf;
use std::process::Command;

use crate::protocol::Child;
use crate::Result;

/// A contestant and how it is started.
#[derive(Debug, Clone)]
pub struct Contestant {
    /// As tables name it.
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Contestant {
    /// One that is another program.
    pub fn program(name: &'static str, program: PathBuf, arguments: Vec<String>) -> Self {
        Contestant { name, program, arguments }
    }

    /// One that is this binary.
    ///
    /// # Errors
    /// If the binary's own path is unknown.
    pub fn own(name: &'static str) -> Result<Self> {
        Ok(Self::program(name, std::env::current_exe()?, vec!["--contestant".into(), name.into()]))
    }

    /// Starts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(&self) -> Result<Child> {
        Child::start(self.name, Command::new(&self.program).args(&self.arguments))
    }
}

/// The session with receipt and signature.
pub const ATTESTED: &str = "attestlm";
/// Decode and argmax on a context of the same profile: the floor.
pub const RAW: &str = "raw loop, exact-1";
/// Calls of libllama alone, on the same static libraries, with its own kernels and defaults.
pub const STOCK: &str = "raw loop, stock";
/// As [`STOCK`] with the memory layout of `exact-1`: no flash attention, nothing repacked.
pub const STOCK_LAYOUT: &str = "raw loop, stock, layout of exact-1";
/// A separate build of the same llama.cpp for this processor.
pub const NATIVE: &str = "native build";
/// The Python package.
pub const XLLAMACPP: &str = "xllamacpp";
/// The Node package.
pub const NODE: &str = "node-llama-cpp";

/// Runs as one of our contestants.
///
/// # Errors
/// An unknown name, or what [`crate::protocol::serve`] says.
pub fn serve(name: &str) -> Result<()> {
    match name {
        ATTESTED => attested::serve(),
        RAW => raw::serve(),
        STOCK => stock::serve(true),
        STOCK_LAYOUT => stock::serve(false),
        _ => Err(format!("no contestant `{name}`").into()),
    }
}
