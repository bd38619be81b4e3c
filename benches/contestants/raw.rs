//! The floor: decode and argmax on a context of the same profile, without a session around it.

use std::time::{Duration, Instant};

use attestlm::engine::float_env::FloatEnv;
use attestlm::engine::{Context, ContextOptions, DecodeItem};
use attestlm::model::Model;
use attestlm::profile::Profile;
use attestlm::sampler::greedy_token;
use attestlm::Token;
use serde_json::{json, Value};

use crate::protocol::{number, COLD_TAIL, DECODE_PROMPT};
use crate::stats::ms;
use crate::{shapes, Result};

/// Tokens computed at once in a prefill, llama.cpp's own default.
pub const UBATCH: u32 = 512;

/// A raw loop on one stream.
pub struct Raw {
    /// The context.
    pub context: Context,
    next: Token,
}

impl Raw {
    /// On a context of a profile.
    ///
    /// # Errors
    /// As [`Context::for_model`].
    pub fn new(model: &Model, profile: Profile, threads: u32, context: u32) -> Result<Self> {
        let options = ContextOptions { profile, threads, stream_tokens: context, streams: 1, ubatch: UBATCH };
        Ok(Raw { context: Context::for_model(model, &options)?, next: 0 })
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// As [`Context::truncate`].
    pub fn forget(&mut self) -> Result<()> {
        Ok(self.context.truncate(0, 0)?)
    }

    /// Reads tokens and answers the likeliest next one.
    ///
    /// # Errors
    /// As [`Context::decode`].
    pub fn read(&mut self, tokens: &[Token]) -> Result<Token> {
        let _env = FloatEnv::enter();
        let mut left = tokens;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(UBATCH as usize));
            let items: Vec<DecodeItem> = now
                .iter()
                .enumerate()
                .map(|(i, token)| DecodeItem {
                    stream: 0,
                    token: *token,
                    logits: later.is_empty() && i + 1 == now.len(),
                })
                .collect();
            self.context.decode(&items)?;
            if later.is_empty() {
                self.next = greedy_token(self.context.logits(now.len() - 1)?)?;
            }
            left = later;
        }
        Ok(self.next)
    }

    /// Generates `tokens` tokens after what was read; answers their time.
    ///
    /// # Errors
    /// As [`Context::decode`].
    pub fn generate(&mut self, tokens: usize) -> Result<Duration> {
        let begun = Instant::now();
        for _ in 0..tokens {
            self.read(&[self.next])?;
        }
        Ok(begun.elapsed())
    }
}

/// Runs as the contestant.
///
/// # Errors
/// If standard input or output fail.
pub fn serve(profile: Profile) -> Result<()> {
    let mut raw: Option<Raw> = None;
    crate::protocol::serve(move |what, command| {
        if what == "load" {
            let begun = Instant::now();
            let model = Model::open(command["model"].as_str().unwrap_or_default().as_ref())?;
            let threads = u32::try_from(number(command, "threads")?)?;
            raw = Some(Raw::new(&model, profile, threads, u32::try_from(number(command, "context")?)?)?);
            return Ok(json!({"ms": ms(begun.elapsed())}));
        }
        let raw = raw.as_mut().ok_or("nothing is loaded")?;
        answer(raw, what, number(command, "tokens")?, command)
    })
}

fn answer(raw: &mut Raw, what: &str, tokens: usize, command: &Value) -> Result<Value> {
    let prompt = shapes::prompt(tokens);
    raw.forget()?;
    match what {
        "prefill" | "first" => {
            let warm = if command["warm"] == true { tokens.saturating_sub(COLD_TAIL) } else { 0 };
            raw.read(&prompt[..warm])?;
            let begun = Instant::now();
            let token = raw.read(&prompt[warm..])?;
            Ok(json!({"ms": ms(begun.elapsed()), "token": token}))
        }
        "decode" => {
            raw.read(&shapes::prompt(DECODE_PROMPT))?;
            Ok(json!({"ms": ms(raw.generate(tokens)?)}))
        }
        _ => Err(format!("no command `{what}`").into()),
    }
}
