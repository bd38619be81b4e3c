//! Chat templates: the Jinja text a GGUF carries, rendered the way it was written for
//! (`transformers`' `apply_chat_template`), and contained, because a GGUF is untrusted.
//!
//! # From text to tokens (`attestlm/tokenize-1`)
//! A template's text holds its own special tokens, BOS among them. The rule every run and
//! every replay follows ([`TOKENIZER`]):
//! 1. tokenize the rendered text with `add_special = false` and `parse_special = true`;
//! 2. if the vocabulary says that BOS is added, and the first token is not BOS already, put
//!    BOS in front. Never a second one.
//!
//! A raw prompt is tokenized by the same rule; token-level prompts are taken as they are.

mod date;
mod meter;
mod ops;
mod sandbox;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use minijinja::machinery::{make_string_output, Vm};
use minijinja::{AutoEscape, Value};

pub(crate) use date::Date;

use crate::abi::keccak256;
use crate::error::{Error, ErrorKind, Result};
use crate::json;
use crate::request::Message;
use meter::Meter;

/// What renders templates: engine, its version, and the version of the rules around it. It is
/// part of every request commitment.
pub const RENDERER: &str = "minijinja/2.24.0+attestlm-1";

/// The rule that turns rendered text into tokens; see the [module](self).
pub const TOKENIZER: &str = "attestlm/tokenize-1";

/// The longest rendered text, in bytes.
pub const MAX_RENDERED: usize = 16 * 1024 * 1024;

/// Engine instructions a render may execute.
const FUEL: u64 = 2_000_000;

/// Frames, loops and macro calls that may be open at once (a macro call counts four).
const RECURSION: usize = 200;

const DATE_MISSING: &str =
    "the template asks for the current date: give the request a `date` (YYYY-MM-DD); the clock is never read";

/// A model's chat template.
#[derive(Clone)]
pub struct ChatTemplate {
    source: Arc<str>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// A template's source, and the texts of the vocabulary's BOS and EOS tokens (empty where
    /// it has none).
    ///
    /// # Errors
    /// [`ErrorKind::Template`]: the source is empty, longer than 128 KiB, or does not compile.
    /// There is no default template: the caller prompts raw, or by tokens, where a model has none.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self> {
        if source.trim().is_empty() {
            return Err(fail(
                "the model has no chat template: give a raw prompt, or tokens, instead of messages",
            ));
        }
        if source.len() > sandbox::MAX_SOURCE {
            return Err(fail(format!("longer than {} bytes", sandbox::MAX_SOURCE)));
        }
        contained(|| sandbox::compile(source).map(drop).map_err(fail))?;
        Ok(ChatTemplate { source: source.into(), bos: bos.into(), eos: eos.into() })
    }

    /// keccak256 of the source's bytes, the `templateDigest` of a request.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        keccak256(self.source.as_bytes())
    }

    /// The source text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders messages to the text that is tokenized.
    ///
    /// The template sees `messages`, `tools` (`none` without), `bos_token`, `eos_token`,
    /// `add_generation_prompt`, the functions `raise_exception`, `strftime_now`, `namespace`,
    /// `range` and `dict`, and, given a date (`YYYY-MM-DD`), `date_string` (as in `26 Jul 2024`).
    /// Objects in `tools` are seen with their keys sorted, so that the text is a function of
    /// the request's canonical form.
    ///
    /// # Errors
    /// [`ErrorKind::Template`]: the template raised an exception, asked for the date when none
    /// is given, failed, or exceeded its allowance of steps, data or output. Message contents
    /// never appear in the error.
    pub fn render(
        &self,
        messages: &[Message],
        tools: Option<&serde_json::Value>,
        date: Option<&str>,
        add_generation_prompt: bool,
    ) -> Result<String> {
        let date = date.map(Date::parse).transpose()?;
        // The same numbers as in the canonical request: 1.0 is written 1.
        let tools = tools.map(json::normalize).transpose()?;
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| {
                [("role", message.role.as_str()), ("content", message.content.as_str())].into_iter().collect()
            })
            .collect();
        let mut context = vec![
            ("messages", Value::from_object(messages)),
            ("tools", tools.map_or(Ok(Value::from(())), |tools| from_json(&tools, text::MAX_DEPTH))?),
            ("documents", Value::from(())),
            ("bos_token", Value::from(self.bos.as_str())),
            ("eos_token", Value::from(self.eos.as_str())),
            ("add_generation_prompt", Value::from(add_generation_prompt)),
        ];
        if let Some(day) = date.and_then(|date| date.format("%d %b %Y").ok()) {
            context.push(("date_string", Value::from(day)));
        }
        let text = contained(|| self.evaluate(context.into_iter().collect(), date))?;
        if text.len() > MAX_RENDERED {
            return Err(fail(format!("the rendered text is longer than {MAX_RENDERED} bytes")));
        }
        Ok(text)
    }

    fn evaluate(&self, context: Value, date: Option<Date>) -> Result<String> {
        let instructions = sandbox::compile(&self.source).map_err(fail)?;
        let meter = Arc::new(Meter::new());
        let mut env = ops::environment(&meter, Arc::clone(&self.source), date);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(RECURSION);
        let blocks = BTreeMap::new();
        let mut text = String::new();
        let outcome = Vm::new(&env)
            .eval(&instructions, context, &blocks, &mut make_string_output(&mut text), AutoEscape::None)
            .map(drop);
        match outcome {
            Ok(()) => Ok(text),
            Err(e) if e.kind() == minijinja::ErrorKind::OutOfFuel => {
                Err(fail(format!("the template takes more than {FUEL} steps")))
            }
            Err(e) => Err(match (meter.failure(), e.line()) {
                (Some(reason), _) if reason == DATE_MISSING => {
                    Error::new(ErrorKind::Template, "date", reason)
                }
                (Some(reason), Some(line)) => fail(format!("line {line}: {reason}")),
                (Some(reason), None) => fail(reason),
                (None, _) => fail(sandbox::describe(&e)),
            }),
        }
    }
}

impl std::fmt::Debug for ChatTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChatTemplate({} bytes)", self.source.len())
    }
}

/// The engine is not written for hostile templates: a panic in it is an error of the template.
fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(fail("the template made the engine panic")))
}

fn from_json(value: &serde_json::Value, depth: usize) -> Result<Value> {
    use serde_json::Value as Json;
    let depth = depth.checked_sub(1).ok_or_else(|| Error::argument("tools", "nested too deeply"))?;
    Ok(match value {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => Value::from(value),
            (_, Some(value), _) => Value::from(value),
            (_, _, Some(value)) => Value::from(value),
            _ => return Err(Error::argument("tools", "a number is out of range")),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            Value::from_object(items.iter().map(|item| from_json(item, depth)).collect::<Result<Vec<_>>>()?)
        }
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16())); // RFC 8785's order
            let pairs = fields.into_iter().map(|(key, value)| Ok((key.as_str(), from_json(value, depth)?)));
            pairs.collect::<Result<Vec<_>>>()?.into_iter().collect()
        }
    })
}

fn fail(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Template, "chat template", why)
}
