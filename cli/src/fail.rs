//! How a command ends: one line on standard error, and an exit status.

use std::process::ExitCode;

use attestlm::{Error, ErrorKind};

/// What a command answers: its exit status.
pub type Outcome = Result<Status, Failure>;

/// Exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done; verified or consistent.
    Done = 0,
    /// Failed; diverged, inconsistent or invalid.
    Failed = 1,
    /// Wrong usage or unreadable input.
    Usage = 2,
    /// Not possible with this build, machine or model; unverifiable.
    Unsupported = 3,
    /// Cancelled by an interrupt.
    Cancelled = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}

/// Why a command did not get its work done.
#[derive(Debug)]
pub enum Failure {
    /// An error to print.
    Error(Error),
    /// Standard output was closed by its reader: nothing to say, and nobody to say it to.
    ClosedOutput,
}

impl Failure {
    /// The exit status.
    pub fn status(&self) -> Status {
        match self {
            Failure::ClosedOutput => Status::Done,
            Failure::Error(error) => match error.kind() {
                ErrorKind::Cancelled => Status::Cancelled,
                ErrorKind::Unsupported => Status::Unsupported,
                ErrorKind::Engine | ErrorKind::Logits | ErrorKind::Internal => Status::Failed,
                _ => Status::Usage,
            },
        }
    }

    /// The line, if there is something to say.
    pub fn line(&self) -> Option<String> {
        match self {
            Failure::Error(error) => Some(one_line(&error.to_string())),
            Failure::ClosedOutput => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

/// Control characters (a file name may hold them) would break the line, or the terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if drives(c) { ' ' } else { c }).collect()
}

/// Whether a character drives a terminal, or makes a text look like another: controls, line and paragraph separators,
/// what turns the order of others around, and what cannot be seen. Joiners stay: scripts and emoji need them.
pub fn drives(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_follow_the_kind() {
        let status = |kind| Failure::from(Error::new(kind, "f", "m")).status();
        assert_eq!(status(ErrorKind::Argument), Status::Usage);
        assert_eq!(status(ErrorKind::Io), Status::Usage);
        assert_eq!(status(ErrorKind::Unsupported), Status::Unsupported);
        assert_eq!(status(ErrorKind::Engine), Status::Failed);
        assert_eq!(status(ErrorKind::Cancelled), Status::Cancelled);
    }

    #[test]
    fn a_message_stays_on_one_line() {
        let failure = Failure::from(Error::argument("a\nb", "\u{1b}[31mred"));
        assert_eq!(failure.line().unwrap(), "a b:  [31mred");
    }
}
