//! Who is measured. Ours run as this very binary with `--contestant NAME`.

pub mod attested;
pub mod bindings;
pub mod native;
pub mod peers;
pub mod raw;
pub mod stock;

use std::path::{Path, PathBuf};
use std::process::Command;

use attestlm::profile::Profile;

use crate::protocol::Child;
use crate::Result;

/// A contestant and how it is started.
#[derive(Debug, Clone)]
pub struct Contestant {
    /// As tables name it.
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Contestant {
    /// One that is another program.
    pub fn program(name: &'static str, program: PathBuf, arguments: Vec<String>) -> Self {
        Contestant { name, program, arguments, variables: Vec::new() }
    }

    /// One that is this binary.
    ///
    /// # Errors
    /// If the binary's own path is unknown.
    pub fn own(name: &'static str) -> Result<Self> {
        Ok(Self::program(name, std::env::current_exe()?, vec!["--contestant".into(), name.into()]))
    }

    /// With a path in an environment variable.
    pub fn with_variable(mut self, name: &'static str, value: &Path) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// With more arguments.
    pub fn with_arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(&self) -> Result<Child> {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        Child::start(self.name, Command::new(&self.program).args(&self.arguments).envs(variables))
    }
}

/// The session with receipt and signature.
pub const ATTESTED: &str = "attestlm";
/// Decode and argmax on a context of the same profile: the floor.
pub const RAW: &str = "raw loop, exact-2";
/// The same on `exact-1`.
pub const RAW_1: &str = "raw loop, exact-1";
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
/// A program in C over the C interface.
pub const C: &str = "C";
/// The binding for Go.
pub const GO: &str = "Go";
/// The binding for Python.
pub const PYTHON: &str = "Python";
/// The binding for Node.
pub const NODE_BINDING: &str = "Node";

/// Runs as one of our contestants.
///
/// # Errors
/// An unknown name, or what [`crate::protocol::serve`] says.
pub fn serve(name: &str) -> Result<()> {
    match name {
        ATTESTED => attested::serve(),
        RAW => raw::serve(Profile::Exact2),
        RAW_1 => raw::serve(Profile::Exact1),
        STOCK => stock::serve(true),
        STOCK_LAYOUT => stock::serve(false),
        _ => Err(format!("no contestant `{name}`").into()),
    }
}
