//! The part of a request that decides the prompt.

use std::fmt;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::template::Date;
use crate::{json, Token};

/// Bounds on a request.
pub mod limits {
    /// Bytes of a request's JSON.
    pub const JSON_BYTES: usize = 16 * 1024 * 1024;
    /// Messages.
    pub const MESSAGES: usize = 1024;
    /// Bytes of a role.
    pub const ROLE_BYTES: usize = 64;
    /// Bytes of all contents together, or of a raw prompt.
    pub const TEXT_BYTES: usize = 4 * 1024 * 1024;
    /// Tokens of a token-level prompt.
    pub const PROMPT_TOKENS: usize = 1 << 20;
    /// Bytes of `tools`, in canonical form.
    pub const TOOLS_BYTES: usize = 256 * 1024;
    /// Arrays and objects inside each other in `tools`.
    pub const TOOLS_DEPTH: usize = 48;
    /// Bytes of a control token's text that is looked for in contents.
    pub const CONTROL_TOKEN_BYTES: usize = 256;
}

/// One message of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A message.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Message { role: role.into(), content: content.into() }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes)", self.content.len())
    }
}

/// What the prompt is made of.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    /// A conversation, rendered by the model's chat template.
    Messages(Vec<Message>),
    /// Raw text, tokenized as it is.
    Prompt(String),
    /// Tokens, taken as they are.
    Tokens(Vec<Token>),
}

impl Input {
    /// The request's field it comes from.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Input::Messages(_) => "messages",
            Input::Prompt(_) => "prompt",
            Input::Tokens(_) => "promptTokens",
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Messages(messages) => write!(f, "{} messages", messages.len()),
            Input::Prompt(text) => write!(f, "prompt of {} bytes", text.len()),
            Input::Tokens(tokens) => write!(f, "{} prompt tokens", tokens.len()),
        }
    }
}

/// Everything of a request that decides the prompt's tokens, given a model.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// Messages, text or tokens.
    pub input: Input,
    /// Descriptions of tools for the template; only with messages.
    pub tools: Option<Value>,
    /// The day a template may write, `YYYY-MM-DD`; only with messages.
    pub date: Option<String>,
    /// Whether the text of control tokens inside the input is parsed as such; if not, it is refused.
    pub parse_special: bool,
}

impl Content {
    /// Checks every field.
    ///
    /// # Errors
    /// The first one that is wrong, named as the JSON spells it.
    pub fn validate(&self) -> Result<()> {
        match &self.input {
            Input::Messages(messages) => check_messages(messages)?,
            Input::Prompt(text) => {
                if text.is_empty() {
                    return Err(Error::argument("prompt", "an empty prompt is not allowed"));
                }
                at_most("prompt", "bytes", text.len(), limits::TEXT_BYTES)?;
            }
            Input::Tokens(tokens) => {
                if tokens.is_empty() {
                    return Err(Error::argument("promptTokens", "an empty prompt is not allowed"));
                }
                at_most("promptTokens", "tokens", tokens.len(), limits::PROMPT_TOKENS)?;
            }
        }
        let conversation = matches!(self.input, Input::Messages(_));
        if let Some(tools) = &self.tools {
            if !conversation {
                return Err(Error::argument("tools", "only a chat template uses it: give messages"));
            }
            check_tools(tools)?;
        }
        if let Some(date) = &self.date {
            if !conversation {
                return Err(Error::argument("date", "only a chat template uses it: give messages"));
            }
            Date::parse(date)?;
        }
        if self.parse_special && matches!(self.input, Input::Tokens(_)) {
            return Err(Error::argument("parseSpecial", "tokens are not parsed: give messages or a prompt"));
        }
        Ok(())
    }

    /// Every text a stranger may have written, with the name of its field.
    pub(super) fn texts(&self) -> Vec<(String, &str)> {
        match &self.input {
            Input::Messages(messages) => {
                let fields = messages.iter().enumerate().flat_map(|(i, message)| {
                    [
                        (format!("messages[{i}].role"), message.role.as_str()),
                        (format!("messages[{i}].content"), message.content.as_str()),
                    ]
                });
                let mut texts: Vec<_> = fields.collect();
                if let Some(tools) = &self.tools {
                    collect_strings(tools, &mut texts);
                }
                texts
            }
            Input::Prompt(text) => vec![("prompt".into(), text)],
            Input::Tokens(_) => Vec::new(),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?})", self.input)
    }
}

fn check_messages(messages: &[Message]) -> Result<()> {
    if messages.is_empty() {
        return Err(Error::argument("messages", "at least one message is needed"));
    }
    at_most("messages", "messages", messages.len(), limits::MESSAGES)?;
    let mut bytes = 0usize;
    for (i, message) in messages.iter().enumerate() {
        let role = || format!("messages[{i}].role");
        if message.role.is_empty() {
            return Err(Error::argument(role(), "must not be empty"));
        }
        at_most(role(), "bytes", message.role.len(), limits::ROLE_BYTES)?;
        if message.role.chars().any(char::is_control) {
            return Err(Error::argument(role(), "control characters are not allowed"));
        }
        bytes = bytes.saturating_add(message.content.len());
    }
    at_most("messages", "bytes of content", bytes, limits::TEXT_BYTES)
}

fn check_tools(tools: &Value) -> Result<()> {
    if depth_exceeds(tools, limits::TOOLS_DEPTH) {
        return Err(Error::argument("tools", format!("nested deeper than {}", limits::TOOLS_DEPTH)));
    }
    let canonical = json::canonicalize(tools).map_err(|e| Error::argument("tools", e.message()))?;
    at_most("tools", "bytes", canonical.len(), limits::TOOLS_BYTES)
}

/// Recurses no deeper than `depth`.
fn depth_exceeds(value: &Value, depth: usize) -> bool {
    let Some(inner) = depth.checked_sub(1) else { return value.is_array() || value.is_object() };
    match value {
        Value::Array(items) => items.iter().any(|item| depth_exceeds(item, inner)),
        Value::Object(map) => map.values().any(|item| depth_exceeds(item, inner)),
        _ => false,
    }
}

/// `validate` has bounded the depth.
fn collect_strings<'a>(value: &'a Value, texts: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => texts.push(("tools".into(), text)),
        Value::Array(items) => items.iter().for_each(|item| collect_strings(item, texts)),
        Value::Object(map) => {
            for (key, item) in map {
                texts.push(("tools".into(), key));
                collect_strings(item, texts);
            }
        }
        _ => {}
    }
}

fn at_most(field: impl Into<String>, what: &str, len: usize, limit: usize) -> Result<()> {
    if len <= limit {
        return Ok(());
    }
    Err(Error::argument(field.into(), format!("{len} {what}, at most {limit} are allowed")))
}
