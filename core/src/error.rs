//! The one error type of the crate.
//!
//! Every message names the field (or file) at fault and the limit it broke, and never
//! contains a prompt, an output, a password or a key.

use std::borrow::Cow;
use std::fmt;

/// What class of thing went wrong; stable, and what callers branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value given by the caller is wrong: a range, a form, an unknown field.
    Argument,
    /// The operating system refused: a file is missing, unreadable, unwritable.
    Io,
    /// The model file is malformed, unsupported, or was changed while in use.
    Model,
    /// The chat template is missing or failed.
    Template,
    /// A grammar or JSON schema is malformed, or cannot be continued.
    Grammar,
    /// The logits cannot be sampled from: NaN, infinite, or every token masked.
    Logits,
    /// A receipt, disclosure or proof is malformed or contradicts itself.
    Receipt,
    /// A key, keystore, password or signature callback failed.
    Signer,
    /// The engine refused or failed: out of memory, a graph outside the profile.
    Engine,
    /// This build, machine or model cannot attest under the profile asked for.
    Unsupported,
    /// The operation was cancelled by the caller.
    Cancelled,
    /// A fault of this library.
    Internal,
}

impl ErrorKind {
    /// Every class.
    pub const ALL: [ErrorKind; 12] = [
        ErrorKind::Argument,
        ErrorKind::Io,
        ErrorKind::Model,
        ErrorKind::Template,
        ErrorKind::Grammar,
        ErrorKind::Logits,
        ErrorKind::Receipt,
        ErrorKind::Signer,
        ErrorKind::Engine,
        ErrorKind::Unsupported,
        ErrorKind::Cancelled,
        ErrorKind::Internal,
    ];

    /// The class's name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Argument => "argument",
            ErrorKind::Io => "io",
            ErrorKind::Model => "model",
            ErrorKind::Template => "template",
            ErrorKind::Grammar => "grammar",
            ErrorKind::Logits => "logits",
            ErrorKind::Receipt => "receipt",
            ErrorKind::Signer => "signer",
            ErrorKind::Engine => "engine",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Internal => "internal",
        }
    }
}

/// An error: its class, the field it is about, and one clear sentence.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    field: Cow<'static, str>,
    message: String,
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` about `field`.
    pub fn new(kind: ErrorKind, field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Error { kind, field: field.into(), message: message.into() }
    }

    /// [`ErrorKind::Argument`].
    pub fn argument(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, field, message)
    }

    /// [`ErrorKind::Io`] for `path`.
    pub fn io(path: &std::path::Path, source: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, path.display().to_string(), source.to_string())
    }

    /// `{kind, field, message}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "kind": self.kind.name(), "field": self.field, "message": self.message })
    }

    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The field, parameter or file the error is about.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The sentence, without the field.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {self})", self.kind)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_listed() {
        // Without a wildcard: a new class does not compile here before it has a place in the list.
        let place = |kind| match kind {
            ErrorKind::Argument => 0,
            ErrorKind::Io => 1,
            ErrorKind::Model => 2,
            ErrorKind::Template => 3,
            ErrorKind::Grammar => 4,
            ErrorKind::Logits => 5,
            ErrorKind::Receipt => 6,
            ErrorKind::Signer => 7,
            ErrorKind::Engine => 8,
            ErrorKind::Unsupported => 9,
            ErrorKind::Cancelled => 10,
            ErrorKind::Internal => 11,
        };
        assert_eq!(ErrorKind::ALL.map(place).as_slice(), (0..ErrorKind::ALL.len()).collect::<Vec<_>>());
        assert_eq!(ErrorKind::Internal as usize + 1, ErrorKind::ALL.len());
    }
}
