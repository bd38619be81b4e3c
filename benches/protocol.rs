//! Contestants are processes of their own: each answers one line of JSON with one line of JSON.
//!
//! | command | answer |
//! |---|---|
//! | `{"do":"load","model":path,"threads":2,"context":1024,"streams":1}` | `{"ms":..}` |
//! | `{"do":"prefill","tokens":128}` | `{"ms":..}`: an empty cache, logits of the last token, argmax |
//! | `{"do":"decode","tokens":128}` | `{"ms":..}`: greedy, after an untimed prompt of 32 tokens |
//! | `{"do":"first","tokens":512,"warm":true}` | `{"ms":..,"token":..}`: until the first token; warm: all but the last 8 tokens of the prompt were read before |
//! | `{"do":"operations","before":128,"tokens":1,"times":16}` | `{"ms":..,"operations":[{"name":..,"nodes":..,"ms":..}]}`: so often so many tokens at once, after others that are not timed, as a whole and once more node by node; the native build alone knows it |
//! | `{"do":"quit"}` | none |
//!
//! Contestants of the part `bindings` are started with a model's path (empty: the bundled one), threads, context tokens and
//! a request, and know one command besides `quit`:
//!
//! | command | answer |
//! |---|---|
//! | `{"do":"stream","sessions":2,"forget":false}` | `{"ms":..,"times":[..],"receipts":[".."]}`: the request on one session, or on several at once; `times` are those of one of them, from its beginning to each event and to its end; forget: the prompt is read anew |
//!
//! The prompt of n tokens is `(i * 37 + 11) % 256` for i below n. An answer `{"error":".."}` ends the run.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{json, Value};

use crate::Result;

/// The prompt's tokens that a warm prefix lacks.
pub const COLD_TAIL: usize = 8;
/// The untimed prompt before a decode.
pub const DECODE_PROMPT: usize = 32;

/// A contestant that runs.
pub struct Child {
    /// As tables name it.
    pub name: &'static str,
    process: std::process::Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a contestant.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {command:?}: {error}"))?;
        let input = process.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        Ok(Child { name, process, input, output })
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// The contestant's own error, or that it ended.
    pub fn ask(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.input, "{command}")?;
        self.input.flush()?;
        let mut line = String::new();
        loop {
            line.clear();
            if self.output.read_line(&mut line)? == 0 {
                let status = self.process.wait()?;
                return Err(format!("{} ended ({status}) instead of answering {command}", self.name).into());
            }
            // Libraries print to standard output too; an answer is an object.
            if line.starts_with('{') {
                break;
            }
        }
        let answer: Value = serde_json::from_str(&line)?;
        match answer.get("error") {
            Some(error) => Err(format!("{}: {command}: {error}", self.name).into()),
            None => Ok(answer),
        }
    }

    /// Sends a command and takes the milliseconds of its answer.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn time(&mut self, command: &Value) -> Result<f64> {
        let answer = self.ask(command)?;
        answer["ms"].as_f64().filter(|ms| *ms > 0.0).ok_or_else(|| format!("{}: {answer}", self.name).into())
    }

    /// Peak resident memory in MB (`VmHWM`).
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn peak_memory(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok())
            .ok_or("no VmHWM")?;
        Ok(kilobytes * 1024.0 / 1e6)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let asked = writeln!(self.input, "{}", json!({"do": "quit"})).and_then(|()| self.input.flush());
        if asked.is_err() {
            // It ended already or does not read: nothing is lost by ending it.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// The contestant's side: answers commands until `quit` or the end of the input.
///
/// # Errors
/// If standard input or output fail.
pub fn serve(mut answer: impl FnMut(&str, &Value) -> Result<Value>) -> Result<()> {
    let mut output = std::io::stdout();
    for line in std::io::stdin().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let what = command["do"].as_str().unwrap_or_default();
        if what == "quit" {
            break;
        }
        let reply = answer(what, &command).unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    Ok(())
}

/// A number of a command.
///
/// # Errors
/// If it is not there.
pub fn number(command: &Value, key: &str) -> Result<usize> {
    let value = command[key].as_u64().ok_or_else(|| format!("no `{key}`"))?;
    Ok(usize::try_from(value)?)
}
