//! Driving the real command.
#![allow(dead_code)] // each test file uses its own part

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

// The testkit's ggml, when another crate of the workspace turns it on, calls the functions that the
// library has in place of the C library's.
use attestlm as _;
use serde_json::Value;

/// The password of every keystore in these tests.
pub const PASSWORD: &str = "correct horse";
/// A nonce for receipts that are compared.
pub const NONCE: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";
/// A question the bundled model answers.
pub const QUESTION: &str = "Ann has 7 pens and buys 6 more. How many pens does Ann have?";

/// A directory of its own for one test, and the command run in it.
pub struct Sandbox(tempfile::TempDir);

impl Sandbox {
    pub fn new() -> Self {
        Sandbox(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read_json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Every file there is, hidden ones too.
    pub fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attestlm"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("ATTESTLM_PASSWORD").env("RUST_BACKTRACE", "1");
        command
    }

    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }

    pub fn run_with_password<S: AsRef<std::ffi::OsStr>>(&self, args: &[S], password: &str) -> Ended {
        Ended::from(self.command(args).env("ATTESTLM_PASSWORD", password).output().unwrap())
    }

    /// A keystore with a fresh key; answers its address.
    pub fn key(&self, name: &str) -> String {
        let ended = self.run_with_password(&["key", "new", name, "--light"], PASSWORD);
        assert_eq!(ended.status, 0, "{ended:?}");
        ended.stdout.trim().to_owned()
    }

    /// A model of random weights.
    pub fn model(&self, name: &str, spec: &attestlm_testkit::ModelSpec) -> PathBuf {
        let path = self.path(name);
        spec.write_to(&path).unwrap();
        path
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            // Killed by a signal: an abort must be seen.
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    /// One line on standard error that holds all of `parts`, nothing on standard output, this status.
    #[track_caller]
    pub fn refused(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("attestlm: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is missing: {self:?}");
        }
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// The text of a path.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
