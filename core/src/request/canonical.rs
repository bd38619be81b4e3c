//! The canonical request: what the receipt's `request` field commits to.

use std::fmt;

use serde_json::{Map, Value};

use super::{Content, Input, Message};
use crate::error::{Error, Result};
use crate::hex;
use crate::json::{self, Object};
use crate::template::{RENDERER, TOKENIZER};

/// A request's content, together with everything that turns it into tokens. No seed, nonce,
/// sampling or thread is in it: two requests with the same canonical form have the same
/// prompt on the same model.
#[derive(Clone, PartialEq, Eq)]
pub struct Canonical {
    /// Messages, prompt or tokens, with tools, date and flag.
    pub content: Content,
    /// keccak256 of the chat template's source; `None` where no template is used.
    pub template_digest: Option<[u8; 32]>,
    /// The renderer's id and version; `None` where no template is used.
    pub renderer: Option<String>,
    /// The tokenizer rule's id; `None` for token-level prompts.
    pub tokenizer: Option<String>,
}

impl Content {
    /// The canonical form under this library's renderer and tokenizer rule.
    /// `template_digest` is that of the model's template ([`ChatTemplate::digest`](crate::template::ChatTemplate::digest)).
    ///
    /// # Errors
    /// As [`Content::validate`]; and messages without a template.
    pub fn canonical(&self, template_digest: Option<[u8; 32]>) -> Result<Canonical> {
        self.validate()?;
        let conversation = matches!(self.input, Input::Messages(_));
        if conversation && template_digest.is_none() {
            return Err(Error::argument("messages", "the model has no chat template"));
        }
        let mut content = self.clone();
        content.tools = content.tools.as_ref().map(json::normalize).transpose()?;
        Ok(Canonical {
            template_digest: template_digest.filter(|_| conversation),
            renderer: conversation.then(|| RENDERER.into()),
            tokenizer: (!matches!(self.input, Input::Tokens(_))).then(|| TOKENIZER.into()),
            content,
        })
    }
}

impl Canonical {
    /// The JSON value that is committed to, and disclosed: one of `messages`, `prompt`,
    /// `promptTokens`, and always `tools`, `templateDigest`, `renderer`, `tokenizer`, `date`
    /// (each `null` where it plays no part) and `parseSpecial`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| drop(map.insert(key.into(), value));
        match &self.content.input {
            Input::Messages(messages) => put(
                "messages",
                messages
                    .iter()
                    .map(|message| serde_json::json!({ "role": message.role, "content": message.content }))
                    .collect(),
            ),
            Input::Prompt(text) => put("prompt", text.as_str().into()),
            Input::Tokens(tokens) => put("promptTokens", tokens.iter().copied().collect()),
        }
        put("tools", self.content.tools.clone().unwrap_or_default());
        put("templateDigest", self.template_digest.map(|digest| hex::encode(&digest)).into());
        put("renderer", self.renderer.clone().into());
        put("tokenizer", self.tokenizer.clone().into());
        put("date", self.content.date.clone().into());
        put("parseSpecial", self.content.parse_special.into());
        Value::Object(map)
    }

    /// The RFC 8785 bytes that are hashed.
    ///
    /// # Errors
    /// None for a form made by [`Content::canonical`] or [`Self::from_json`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        json::canonicalize(&self.to_json())
    }

    /// Reads the canonical form back, as a disclosure holds it. Renderer and tokenizer rule may
    /// be of another version: replay compares them.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming the field: unknown, missing,
    /// wrong, or absent where the input needs it.
    pub fn from_json(path: &str, value: Value) -> Result<Self> {
        let mut object = Object::new(path, value)?;
        let input = read_input(&mut object)?;
        let tools = object.required("tools")?;
        let digest = nullable_string(&mut object, "templateDigest")?;
        let digest_path = object.path("templateDigest");
        let canonical = Canonical {
            content: Content {
                input,
                tools: Some(tools).filter(|tools| !tools.is_null()),
                date: nullable_string(&mut object, "date")?,
                parse_special: object.boolean("parseSpecial")?,
            },
            template_digest: digest.map(|text| hex::decode_array(&digest_path, &text)).transpose()?,
            renderer: nullable_string(&mut object, "renderer")?,
            tokenizer: nullable_string(&mut object, "tokenizer")?,
        };
        let prefixed = |e: Error| Error::argument(object.path(e.field()), e.message());
        canonical.content.validate().map_err(prefixed)?;
        let conversation = matches!(canonical.content.input, Input::Messages(_));
        let tokens = matches!(canonical.content.input, Input::Tokens(_));
        for (key, present, needed) in [
            ("templateDigest", canonical.template_digest.is_some(), conversation),
            ("renderer", canonical.renderer.is_some(), conversation),
            ("tokenizer", canonical.tokenizer.is_some(), !tokens),
        ] {
            if present != needed {
                let why =
                    if needed { "must not be null for this input" } else { "must be null for this input" };
                return Err(Error::argument(object.path(key), why));
            }
        }
        object.finish()?;
        Ok(canonical)
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canonical({:?})", self.content)
    }
}

/// Takes the one input there must be.
pub(super) fn read_input(object: &mut Object) -> Result<Input> {
    const KEYS: [&str; 3] = ["messages", "prompt", "promptTokens"];
    let given: Vec<&str> = KEYS.into_iter().filter(|key| object.has(key)).collect();
    let (key, second) = (given.first().copied(), given.get(1).copied());
    if let (Some(first), Some(second)) = (key, second) {
        return Err(Error::argument(object.path(second), format!("cannot be given together with {first}")));
    }
    match key {
        Some("messages") => {
            let items = object.array("messages")?;
            let messages = items.into_iter().enumerate().map(|(i, item)| {
                let mut item = Object::new(object.path(&format!("messages[{i}]")), item)?;
                let message = Message { role: item.string("role")?, content: item.string("content")? };
                item.finish()?;
                Ok(message)
            });
            Ok(Input::Messages(messages.collect::<Result<_>>()?))
        }
        Some("prompt") => Ok(Input::Prompt(object.string("prompt")?)),
        Some(_) => Ok(Input::Tokens(object.uint32_array("promptTokens")?)),
        None => Err(Error::argument(
            object.path("messages"),
            "one of messages, prompt and promptTokens is needed",
        )),
    }
}

fn nullable_string(object: &mut Object, key: &'static str) -> Result<Option<String>> {
    let path = object.path(key);
    match object.required(key)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Error::argument(path, "must be a string or null")),
    }
}
