//! Flags to the request JSON that every client sends. Nothing is judged here that the library judges.

use std::collections::BTreeSet;
use std::path::Path;

use attestlm::receipt::Document;
use attestlm::request::Request;
use attestlm::verify::refuse_invalid;
use attestlm::{hex, Error, ErrorKind, Result};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::args::{Prompt, Sampling, Signing};
use crate::files;

/// The request as JSON; a field that was not given is null, so that defaults are the library's.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct RequestJson {
    messages: Option<Box<RawValue>>,
    prompt: Option<String>,
    prompt_tokens: Option<Vec<u32>>,
    date: Option<String>,
    nonce: Option<String>,
    context: Option<ContextJson>,
    domain: Option<DomainJson>,
    issued_at: Option<u64>,
    context_tokens: Option<u32>,
    #[serde(flatten)]
    sampling: SamplingJson,
    #[serde(flatten)]
    seed: SeedJson,
}

/// The receipt's field, or what is hashed to it.
#[derive(Serialize)]
#[serde(untagged)]
enum ContextJson {
    Hash(String),
    #[serde(rename_all = "camelCase")]
    Inputs {
        chain_id: u64,
        contract: String,
        job_id: String,
        previous_digest: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainJson {
    pub chain_id: u64,
    pub verifying_contract: String,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct SamplingJson {
    temperature: Option<String>,
    top_k: Option<u32>,
    top_p: Option<String>,
    min_p: Option<String>,
    repeat_penalty: Option<String>,
    presence_penalty: Option<String>,
    frequency_penalty: Option<String>,
    penalty_window: Option<u32>,
    #[serde(serialize_with = "as_object")]
    logit_bias: Vec<(u32, String)>,
    bans: Vec<u32>,
    ignore_eog: bool,
    stop: Vec<String>,
    schema: Option<String>,
    grammar: Option<String>,
    max_tokens: Option<u32>,
    steps: Option<StepsJson>,
    choices: Option<u32>,
}

/// `false`, or two markers.
#[derive(Serialize)]
#[serde(untagged)]
enum StepsJson {
    None(bool),
    Markers(Vec<String>),
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct SeedJson {
    seed: Option<String>,
    seed_rule: Option<u8>,
    client_entropy: Option<String>,
    provider_secret: Option<String>,
    beacon: Option<String>,
}

fn as_object<S: Serializer>(bias: &[(u32, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(bias.iter().map(|(token, bias)| (token, bias)))
}

impl RequestJson {
    /// From the flags; reads the files they name.
    ///
    /// # Errors
    /// An unreadable file, or a flag that is not even of its form.
    pub fn new(input: &Prompt, signing: &Signing, sampling: Option<&Sampling>) -> Result<Self> {
        let mut json = RequestJson {
            date: input.date.clone(),
            nonce: signing.nonce.clone(),
            context: context(signing)?,
            issued_at: signing.issued_at,
            domain: signing.domain.as_deref().map(domain).transpose()?,
            ..RequestJson::default()
        };
        json.read_input(input)?;
        if let Some(flags) = sampling {
            json.sampling = SamplingJson::new(flags)?;
            json.seed = SeedJson::new(flags)?;
            json.context_tokens = flags.context_tokens;
        }
        Ok(json)
    }

    /// The request.
    ///
    /// # Errors
    /// What the library finds wrong with it.
    pub fn parse(&self) -> Result<Request> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "request", e.to_string()))?;
        Request::from_json(text.as_bytes())
    }

    fn read_input(&mut self, input: &Prompt) -> Result<()> {
        if let Some(path) = &input.messages {
            let text = files::read_text(path)?;
            // As it is, so that the library sees duplicate keys and unknown fields.
            self.messages = Some(RawValue::from_string(text).map_err(|e| {
                Error::argument("messages", format!("not JSON (line {}, column {})", e.line(), e.column()))
            })?);
        } else if let Some(tokens) = &input.prompt_tokens {
            self.prompt_tokens = Some(token_list("promptTokens", tokens)?);
        } else if let Some(text) = &input.prompt {
            if text.is_empty() {
                return Err(Error::argument("prompt", "an empty prompt is not allowed"));
            }
            if input.raw {
                self.prompt = Some(text.clone());
            } else {
                let messages = serde_json::json!([{ "role": "user", "content": text }]);
                self.messages = serde_json::value::to_raw_value(&messages).ok();
            }
        } else {
            return Err(Error::argument("prompt", "give one of --prompt, --messages and --prompt-tokens"));
        }
        Ok(())
    }
}

impl SamplingJson {
    fn new(flags: &Sampling) -> Result<Self> {
        let bias = flags.logit_bias.iter().map(|text| logit_bias(text)).collect::<Result<Vec<_>>>()?;
        let mut tokens = BTreeSet::new();
        if let Some((token, _)) = bias.iter().find(|(token, _)| !tokens.insert(*token)) {
            return Err(Error::argument("logitBias", format!("token {token} is given twice")));
        }
        Ok(SamplingJson {
            temperature: flags.temperature.clone(),
            top_k: flags.top_k,
            top_p: flags.top_p.clone(),
            min_p: flags.min_p.clone(),
            repeat_penalty: flags.repeat_penalty.clone(),
            presence_penalty: flags.presence_penalty.clone(),
            frequency_penalty: flags.frequency_penalty.clone(),
            penalty_window: flags.penalty_window,
            logit_bias: bias,
            bans: flags.ban.clone(),
            ignore_eog: flags.ignore_eog,
            stop: flags.stop.clone(),
            schema: flags.schema.as_deref().map(files::read_text).transpose()?,
            grammar: flags.grammar.as_deref().map(files::read_text).transpose()?,
            max_tokens: flags.max_tokens,
            steps: match flags.no_steps {
                true => Some(StepsJson::None(false)),
                false => flags.markers.clone().map(StepsJson::Markers),
            },
            choices: flags.choices,
        })
    }
}

impl SeedJson {
    fn new(flags: &Sampling) -> Result<Self> {
        let mut json = SeedJson { seed: flags.seed.clone(), ..SeedJson::default() };
        let Some(text) = &flags.seed_rule else { return Ok(json) };
        let mut parts = text.split(':');
        let values = [parts.next(), parts.next(), parts.next(), parts.next()];
        match values {
            [Some("given"), None, ..] => json.seed_rule = Some(0),
            [Some("commitment"), Some(entropy), Some(secret), None] => {
                json.seed_rule = Some(1);
                json.client_entropy = Some(value_or_file(entropy)?);
                json.provider_secret = Some(value_or_file(secret)?);
            }
            [Some("beacon"), Some(beacon), None, _] => {
                json.seed_rule = Some(2);
                json.beacon = Some(value_or_file(beacon)?);
            }
            _ => {
                let forms = "expected `given`, `commitment:ENTROPY:SECRET` or `beacon:BEACON`";
                return Err(Error::argument("seedRule", forms));
            }
        }
        Ok(json)
    }
}

/// The text, or with `@FILE` the file's: a secret on a command line is seen by every process.
pub fn value_or_file(text: &str) -> Result<String> {
    match text.strip_prefix('@') {
        Some(path) => Ok(files::read_text(Path::new(path))?.trim().to_owned()),
        None => Ok(text.to_owned()),
    }
}

/// The context given, or that of a receipt after another.
fn context(signing: &Signing) -> Result<Option<ContextJson>> {
    if let Some(previous) = &signing.after {
        let previous = Document::parse(&files::read(previous)?)?;
        refuse_invalid(&previous).map_err(named_after)?;
        let next = previous.next_context().map_err(named_after)?;
        return Ok(Some(ContextJson::Inputs {
            chain_id: next.chain_id,
            contract: hex::encode(&next.contract),
            job_id: hex::encode(&next.job_id),
            previous_digest: hex::encode(&next.previous_digest),
        }));
    }
    let Some(text) = &signing.context else { return Ok(None) };
    if !text.contains(':') {
        return Ok(Some(ContextJson::Hash(text.clone())));
    }
    let mut parts = text.splitn(3, ':');
    let (chain, contract, job) = (parts.next(), parts.next(), parts.next());
    let inputs = chain.and_then(|chain| chain.parse().ok()).zip(contract).zip(job);
    let ((chain_id, contract), job_id) = inputs.ok_or_else(|| {
        Error::argument("context", "expected 0x and 64 hex digits, or CHAIN:CONTRACT:JOB, a chain id, an address and 32 bytes as 0x hex")
    })?;
    Ok(Some(ContextJson::Inputs {
        chain_id,
        contract: contract.to_owned(),
        job_id: job_id.to_owned(),
        previous_digest: hex::encode(&[0; 32]),
    }))
}

/// Of the receipt that is to be followed.
fn named_after(error: Error) -> Error {
    Error::new(error.kind(), "after", error.to_string())
}

/// `CHAIN:CONTRACT`.
pub fn domain(text: &str) -> Result<DomainJson> {
    text.split_once(':')
        .and_then(|(chain, contract)| {
            Some(DomainJson { chain_id: chain.parse().ok()?, verifying_contract: contract.to_owned() })
        })
        .ok_or_else(|| Error::argument("domain", "expected CHAIN:CONTRACT, a chain id and an address"))
}

/// `ID=B`.
fn logit_bias(text: &str) -> Result<(u32, String)> {
    text.split_once('=')
        .and_then(|(token, bias)| Some((token.trim().parse().ok()?, bias.trim().to_owned())))
        .ok_or_else(|| Error::argument("logitBias", "expected ID=B, a token id and a decimal number"))
}

/// Token ids separated by commas.
///
/// # Errors
/// Anything else; the error names `field`.
pub fn token_list(field: &'static str, text: &str) -> Result<Vec<u32>> {
    let tokens = text.split(',').map(|token| {
        token.trim().parse().map_err(|_| Error::argument(field, "expected token ids separated by commas"))
    });
    tokens.collect()
}
