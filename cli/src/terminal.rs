//! Standard output and standard error: a closed reader is no crash, and progress is for people.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use attestlm::{Error, ErrorKind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::fail::{drives, one_line, Failure};

/// Writes to standard output at once.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ClosedOutput),
        Err(e) => Err(Error::new(ErrorKind::Io, "standard output", e.to_string()).into()),
    }
}

/// Writes a model's words at once, to a terminal without what would drive it.
pub fn print_answer(text: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return print(&harmless(text));
    }
    print(text)
}

/// What drives a terminal, but for line feeds and tabs, replaced.
fn harmless(text: &str) -> String {
    let keep = |c: char| !drives(c) || matches!(c, '\n' | '\t');
    text.chars().map(|c| if keep(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Writes one JSON object and a line feed, what drives a terminal escaped.
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Internal, "json", e.to_string()))?;
    let mut escaped = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Outside strings there is none but the line feed.
        if drives(c) && c != '\n' {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(escaped, "\\u{unit:04x}");
            });
        } else {
            escaped.push(c);
        }
    }
    escaped.push('\n');
    print(&escaped)
}

/// One line on standard error. A closed standard error is nobody's fault and nobody's loss.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "attestlm: {}", one_line(line));
}

/// A progress bar on standard error, invisible unless that is a terminal.
pub struct Progress {
    bar: ProgressBar,
    label: &'static str,
}

impl Progress {
    /// No bar yet.
    pub fn new() -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{msg:12} {wide_bar} {percent:>3}%") {
            bar.set_style(style);
        }
        Progress { bar, label: "" }
    }

    /// `done` of `total` of what `label` names.
    pub fn show(&mut self, label: &'static str, done: u64, total: u64) {
        if self.label != label {
            self.label = label;
            self.bar.set_message(label);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Takes the bar away; what follows is the answer.
    pub fn clear(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_driven_by_a_model() {
        assert_eq!(
            harmless("a\u{1b}]0;x\u{7}b\u{9b}c\r\n\td\u{202e}e"),
            "a\u{fffd}]0;x\u{fffd}b\u{fffd}c\u{fffd}\n\td\u{fffd}e"
        );
    }
}
