//! The product: a session, its answers signed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attestlm::micros::Micros;
use attestlm::model::Model;
use attestlm::policy::SamplingPolicy;
use attestlm::profile::Profile;
use attestlm::receipt::Document;
use attestlm::request::{Input, Request, SeedSource};
use attestlm::seed::Seed;
use attestlm::session::{Event, Session, SessionOptions};
use attestlm::signer::{KeySigner, Signer};
use attestlm::Token;
use serde_json::{json, Value};

use super::raw::UBATCH;
use crate::protocol::{number, COLD_TAIL, DECODE_PROMPT};
use crate::stats::ms;
use crate::{shapes, Result};

/// A sampling policy that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The likeliest token.
    Greedy,
    /// Temperature 0.8, the 40 likeliest.
    TopK,
    /// Temperature 0.8 over the whole vocabulary.
    Temperature,
}

impl Policy {
    /// All of them.
    pub const ALL: [Policy; 3] = [Policy::Greedy, Policy::TopK, Policy::Temperature];

    /// As tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Greedy => "greedy",
            Policy::TopK => "temperature 0.8, top-k 40",
            Policy::Temperature => "temperature 0.8, whole vocabulary",
        }
    }

    /// The sampling policy.
    ///
    /// # Panics
    /// Never: 0.8 is a temperature.
    pub fn sampling(self, tokens: u32, context: u32) -> SamplingPolicy {
        let mut policy = SamplingPolicy {
            max_tokens: tokens,
            context_tokens: context,
            ignore_eog: true,
            ..SamplingPolicy::default()
        };
        if self != Policy::Greedy {
            policy.temperature = Micros::new(800_000).expect("in range");
        }
        if self == Policy::TopK {
            policy.top_k = 40;
        }
        policy
    }

    /// A request for `tokens` tokens after `prompt`.
    pub fn request(self, prompt: &[Token], tokens: u32, context: u32) -> Request {
        let mut request = Request::new(Input::Tokens(prompt.to_vec()));
        // The same salts in every answer: equal traces are equal logits.
        request.nonce = Some([7; 32]);
        request.policy = self.sampling(tokens, context);
        if self != Policy::Greedy {
            request.seed = SeedSource::Given(Seed::from_u64(7));
        }
        request
    }
}

/// A session that can attest.
///
/// # Errors
/// As [`Session::new`], or why it cannot attest.
pub fn session(model: &Model, threads: u32, context: u32, streams: u32) -> Result<Session> {
    let options = SessionOptions {
        profile: Some(Profile::Exact2),
        threads: Some(threads),
        context_tokens: context,
        streams,
        ubatch: UBATCH,
        ..SessionOptions::default()
    };
    let session = Session::new(model, &options)?;
    match session.unattested() {
        Some(why) => Err(why.to_string().into()),
        None => Ok(session),
    }
}

/// Steps once; answers the documents of the answers that ended.
///
/// # Errors
/// As [`Session::step`], a failed answer, or one without a receipt.
pub fn step(session: &mut Session) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for event in session.step()? {
        if let Event::Done { answer, .. } = event {
            documents.push((*answer)?.receipt.ok_or("no receipt")??);
        }
    }
    Ok(documents)
}

/// A whole answer: the time until its first token is drawn, the time after it, its document.
///
/// # Errors
/// As [`step`].
pub fn answer(
    session: &mut Session,
    request: &Request,
    signer: &Arc<dyn Signer>,
) -> Result<(Duration, Duration, Document)> {
    let begun = Instant::now();
    session.submit(request, Some(Arc::clone(signer)))?;
    let prompt = match &request.content.input {
        Input::Tokens(tokens) => tokens.len(),
        _ => return Err("a prompt of tokens is expected".into()),
    };
    let (mut first, mut documents, mut read) = (None, Vec::new(), 0);
    while documents.is_empty() {
        let events = session.step()?;
        for event in events {
            match event {
                Event::Prefill { done, .. } => read = done,
                Event::Done { answer, .. } => documents.push((*answer)?.receipt.ok_or("no receipt")??),
                _ => {}
            }
        }
        if read == prompt && first.is_none() {
            first = Some(begun.elapsed());
        }
    }
    let first = first.unwrap_or_default();
    let document = documents.pop().ok_or("no answer")?;
    if document.receipt.output_count != request.policy.max_tokens {
        return Err("the answer is shorter than asked for".into());
    }
    Ok((first, begun.elapsed() - first, document))
}

struct Loaded {
    session: Session,
    signer: Arc<dyn Signer>,
    context: u32,
    /// The trace of the first answer to a prompt of so many tokens.
    traces: BTreeMap<usize, [u8; 32]>,
}

/// Runs as the contestant.
///
/// # Errors
/// If standard input or output fail.
pub fn serve() -> Result<()> {
    let mut loaded: Option<Loaded> = None;
    crate::protocol::serve(move |what, command| {
        if what == "load" {
            let begun = Instant::now();
            let model = Model::open(command["model"].as_str().unwrap_or_default().as_ref())?;
            let opened = begun.elapsed();
            let context = u32::try_from(number(command, "context")?)?;
            let session = session(&model, u32::try_from(number(command, "threads")?)?, context, 1)?;
            let all = begun.elapsed();
            let signer = Arc::new(KeySigner::random()?);
            loaded = Some(Loaded { session, signer, context, traces: BTreeMap::new() });
            return Ok(json!({"ms": ms(all), "open": ms(opened)}));
        }
        let loaded = loaded.as_mut().ok_or("nothing is loaded")?;
        reply(loaded, what, number(command, "tokens")?, command)
    })
}

fn reply(loaded: &mut Loaded, what: &str, tokens: usize, command: &Value) -> Result<Value> {
    let Loaded { session, signer, context, traces } = loaded;
    session.forget()?;
    match what {
        "prefill" | "first" => {
            let prompt = shapes::prompt(tokens);
            if command["warm"] == true {
                let begun = &prompt[..tokens.saturating_sub(COLD_TAIL)];
                answer(session, &Policy::Greedy.request(begun, 1, *context), signer)?;
            }
            let (first, _, document) =
                answer(session, &Policy::Greedy.request(&prompt, 1, *context), signer)?;
            // Whatever was read before, cold or warm: the same bits.
            let trace = document.receipt.trace;
            if *traces.entry(tokens).or_insert(trace) != trace {
                return Err(format!("a prompt of {tokens} tokens gave other logits than before").into());
            }
            let disclosure = document.disclosure.ok_or("no disclosure")?;
            let token = disclosure.output_tokens.and_then(|tokens| tokens.first().copied());
            Ok(json!({"ms": ms(first), "token": token}))
        }
        "decode" => {
            let prompt = shapes::prompt(DECODE_PROMPT);
            // The first token comes with the prompt; the others, receipt and signature are timed.
            let asked = u32::try_from(tokens + 1)?;
            let (_, rest, _) = answer(session, &Policy::Greedy.request(&prompt, asked, *context), signer)?;
            Ok(json!({"ms": ms(rest)}))
        }
        _ => Err(format!("no command `{what}`").into()),
    }
}
