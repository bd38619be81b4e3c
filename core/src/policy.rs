//! The sampling policy: every parameter that decides which token is drawn, and when the
//! output ends. Its canonical record (without the seed) is the receipt's `sampler` field.

use crate::error::{Error, Result};
use crate::micros::Micros;
use crate::Token;

/// How the seed came to be (`seedRule`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SeedRule {
    /// The seed was given by the caller.
    Given = 0,
    /// `keccak256(abi.encode(LABEL_SEED_RULE_1, clientEntropy, providerSecret))`.
    Commitment = 1,
    /// `keccak256(abi.encode(LABEL_SEED_RULE_2, context, beacon))`.
    Beacon = 2,
}

/// What form a grammar's text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum GrammarKind {
    /// A JSON schema.
    JsonSchema = 1,
    /// GBNF, llama.cpp's grammar notation.
    Gbnf = 2,
}

/// The grammar of a policy: its text, and the engine that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrammarSpec {
    /// JSON schema or GBNF.
    pub kind: GrammarKind,
    /// The grammar's source text; the record holds its keccak256.
    pub text: String,
    /// Engine id and version, for example `attestlm-grammar/1`.
    pub engine: String,
}

/// The step segmenter named by a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmenterSpec {
    /// Segmenter id ([`SegmenterSpec::WHOLE`], [`SegmenterSpec::MARKED`], [`SegmenterSpec::OPENED`]).
    pub id: u32,
    /// The opening marker and the closing one; none for segmenter 0.
    pub markers: Vec<String>,
}

/// Every parameter of sampling and stopping, with nothing left to a default elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplingPolicy {
    /// Temperature T, >= 0; 0 is greedy: no draw, no seed.
    pub temperature: Micros,
    /// Keep the k largest logits; 0: off.
    pub top_k: u32,
    /// Keep the smallest prefix with probability >= top_p; 1: off.
    pub top_p: Micros,
    /// Keep tokens with relative weight >= min_p; 0: off.
    pub min_p: Micros,
    /// Divides positive, multiplies negative logits of tokens in the window; 1: off.
    pub repeat_penalty: Micros,
    /// Subtracted once from the logit of each token in the window; 0: off.
    pub presence_penalty: Micros,
    /// Subtracted per occurrence in the window; 0: off.
    pub frequency_penalty: Micros,
    /// How many last tokens of prompt + output the penalties look at.
    pub penalty_window: u32,
    /// Added to logits; sorted by token, no token twice.
    pub logit_bias: Vec<(Token, Micros)>,
    /// Tokens never drawn; sorted, no token twice.
    pub bans: Vec<Token>,
    /// A constraint on the output's text.
    pub grammar: Option<GrammarSpec>,
    /// Whether end-of-generation tokens are masked.
    pub ignore_eog: bool,
    /// Ordered stop strings.
    pub stop: Vec<String>,
    /// The output ends after this many tokens, > 0.
    pub max_tokens: u32,
    /// Prompt and output together never exceed this many tokens, > 0.
    pub context_tokens: u32,
    /// Number of alternative outputs (streams) of the request, > 0; 1 when greedy.
    pub choices: u32,
    /// How the seed was made.
    pub seed_rule: SeedRule,
    /// How the output is cut into steps.
    pub segmenter: SegmenterSpec,
}

/// What [`SamplingPolicy::validate`] admits at most. Together they keep every intermediate value
/// of the sampler finite in an f64, and every list small enough to hash and to keep.
pub mod limits {
    /// `temperature`, in millionths.
    pub const TEMPERATURE: i64 = 100_000_000;
    /// `repeatPenalty`, in millionths.
    pub const REPEAT_PENALTY: i64 = 100_000_000;
    /// Magnitude of `presencePenalty` and `frequencyPenalty`, in millionths.
    pub const PENALTY: i64 = 100_000_000;
    /// `penaltyWindow`, in tokens.
    pub const PENALTY_WINDOW: u32 = 1 << 20;
    /// Magnitude of one logit bias, in millionths.
    pub const LOGIT_BIAS: i64 = 10_000_000_000;
    /// Entries of `logitBias`.
    pub const LOGIT_BIASES: usize = 4096;
    /// Entries of `bans`.
    pub const BANS: usize = 65_536;
    /// Entries of `stop`.
    pub const STOPS: usize = 16;
    /// Bytes of one stop string.
    pub const STOP_BYTES: usize = 256;
    /// Bytes of a grammar's text.
    pub const GRAMMAR_BYTES: usize = 1 << 20;
    /// Bytes of a grammar engine's id.
    pub const GRAMMAR_ENGINE_BYTES: usize = 128;
    /// `maxTokens` and `contextTokens`.
    pub const TOKENS: u32 = 1 << 24;
    /// `choices`.
    pub const CHOICES: u32 = 64;
    /// Markers of a segmenter.
    pub const MARKERS: usize = 16;
    /// Bytes of one marker.
    pub const MARKER_BYTES: usize = 256;
}

impl Default for SamplingPolicy {
    /// Greedy, nothing filtered or penalised, 256 tokens in a context of 2048.
    fn default() -> Self {
        SamplingPolicy {
            temperature: Micros::ZERO,
            top_k: 0,
            top_p: Micros::ONE,
            min_p: Micros::ZERO,
            repeat_penalty: Micros::ONE,
            presence_penalty: Micros::ZERO,
            frequency_penalty: Micros::ZERO,
            penalty_window: 64,
            logit_bias: Vec::new(),
            bans: Vec::new(),
            grammar: None,
            ignore_eog: false,
            stop: Vec::new(),
            max_tokens: 256,
            context_tokens: 2048,
            choices: 1,
            seed_rule: SeedRule::Given,
            segmenter: SegmenterSpec::default(),
        }
    }
}

impl SamplingPolicy {
    /// Whether the policy is greedy: temperature 0, no draw.
    #[must_use]
    pub fn is_greedy(&self) -> bool {
        self.temperature == Micros::ZERO
    }

    /// Replaces the logit bias, sorting it by token.
    ///
    /// # Errors
    /// A token given twice: which of the two is meant cannot be known.
    pub fn with_logit_bias(mut self, mut bias: Vec<(Token, Micros)>) -> Result<Self> {
        bias.sort_unstable();
        no_token_twice("logitBias", bias.iter().map(|&(token, _)| token))?;
        self.logit_bias = bias;
        Ok(self)
    }

    /// Replaces the bans, sorting them.
    ///
    /// # Errors
    /// A token given twice.
    pub fn with_bans(mut self, mut bans: Vec<Token>) -> Result<Self> {
        bans.sort_unstable();
        no_token_twice("bans", bans.iter().copied())?;
        self.bans = bans;
        Ok(self)
    }

    /// Checks every field, and tokens against `n_vocab` where the vocabulary is known.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument), naming the first field out of its
    /// limits (see [`limits`]) as the JSON spells it.
    pub fn validate(&self, n_vocab: Option<u32>) -> Result<()> {
        range("temperature", self.temperature, 0, limits::TEMPERATURE)?;
        range("topP", self.top_p, 1, Micros::ONE.get())?;
        range("minP", self.min_p, 0, Micros::ONE.get())?;
        range("repeatPenalty", self.repeat_penalty, 1, limits::REPEAT_PENALTY)?;
        range("presencePenalty", self.presence_penalty, -limits::PENALTY, limits::PENALTY)?;
        range("frequencyPenalty", self.frequency_penalty, -limits::PENALTY, limits::PENALTY)?;
        count("penaltyWindow", self.penalty_window, 0, limits::PENALTY_WINDOW)?;

        at_most("logitBias", "entries", self.logit_bias.len(), limits::LOGIT_BIASES)?;
        let biased = || self.logit_bias.iter().map(|&(token, _)| token);
        no_token_twice("logitBias", biased())?;
        in_vocabulary("logitBias", biased(), n_vocab)?;
        for &(_, bias) in &self.logit_bias {
            range("logitBias", bias, -limits::LOGIT_BIAS, limits::LOGIT_BIAS)?;
        }
        at_most("bans", "entries", self.bans.len(), limits::BANS)?;
        no_token_twice("bans", self.bans.iter().copied())?;
        in_vocabulary("bans", self.bans.iter().copied(), n_vocab)?;

        if let Some(grammar) = &self.grammar {
            text("grammar", &grammar.text, limits::GRAMMAR_BYTES)?;
            text("grammar", &grammar.engine, limits::GRAMMAR_ENGINE_BYTES)?;
        }
        at_most("stop", "strings", self.stop.len(), limits::STOPS)?;
        self.stop.iter().try_for_each(|stop| text("stop", stop, limits::STOP_BYTES))?;
        count("maxTokens", self.max_tokens, 1, limits::TOKENS)?;
        count("contextTokens", self.context_tokens, 1, limits::TOKENS)?;

        count("choices", self.choices, 1, limits::CHOICES)?;
        if self.is_greedy() && self.choices != 1 {
            return Err(Error::argument(
                "choices",
                "must be 1 at temperature 0: greedy choices are all the same",
            ));
        }
        if self.is_greedy() && self.seed_rule != SeedRule::Given {
            return Err(Error::argument(
                "seedRule",
                "must be 0 at temperature 0: greedy sampling uses no seed",
            ));
        }
        at_most("segmenter", "markers", self.segmenter.markers.len(), limits::MARKERS)?;
        if self.segmenter.id == 0 && !self.segmenter.markers.is_empty() {
            return Err(Error::argument("segmenter", "segmenter 0 takes no markers"));
        }
        if matches!(self.segmenter.id, 1 | 2) && self.segmenter.markers.len() != 2 {
            return Err(Error::argument(
                "segmenter",
                "needs two markers: what opens reasoning and what closes it",
            ));
        }
        self.segmenter.markers.iter().try_for_each(|marker| text("segmenter", marker, limits::MARKER_BYTES))
    }
}

/// `value` within `low..=high` millionths.
fn range(field: &'static str, value: Micros, low: i64, high: i64) -> Result<()> {
    if (low..=high).contains(&value.get()) {
        return Ok(());
    }
    let show = |millionths| Micros::new(millionths).map_or_else(String::new, |m| m.to_string());
    Err(Error::argument(field, format!("{value} is not within {} and {}", show(low), show(high))))
}

/// `value` within `low..=high`.
fn count(field: &'static str, value: u32, low: u32, high: u32) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::argument(field, format!("{value} is not within {low} and {high}")))
}

fn at_most(field: &'static str, what: &str, len: usize, limit: usize) -> Result<()> {
    if len <= limit {
        return Ok(());
    }
    Err(Error::argument(field, format!("{len} {what}, at most {limit} are allowed")))
}

/// A text that is not empty and at most `limit` bytes long. The text itself stays out of the error.
fn text(field: &'static str, text: &str, limit: usize) -> Result<()> {
    if text.is_empty() {
        return Err(Error::argument(field, "an empty text is not allowed"));
    }
    at_most(field, "bytes", text.len(), limit)
}

/// Tokens strictly rising: sorted, none twice.
fn no_token_twice(field: &'static str, tokens: impl Iterator<Item = Token> + Clone) -> Result<()> {
    for (token, next) in tokens.clone().zip(tokens.skip(1)) {
        if token == next {
            return Err(Error::argument(field, format!("token {token} is given twice")));
        }
        if token > next {
            return Err(Error::argument(field, format!("not sorted: token {token} stands before {next}")));
        }
    }
    Ok(())
}

fn in_vocabulary(
    field: &'static str,
    tokens: impl Iterator<Item = Token>,
    n_vocab: Option<u32>,
) -> Result<()> {
    let Some(n_vocab) = n_vocab else { return Ok(()) };
    // The list is sorted, so its last token decides.
    match tokens.last() {
        Some(token) if token >= n_vocab => Err(Error::argument(
            field,
            format!("token {token} is not in the vocabulary, which has {n_vocab} tokens"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn micros(text: &str) -> Micros {
        Micros::parse("test", text).unwrap()
    }

    #[test]
    fn the_default_is_valid_and_greedy() {
        let policy = SamplingPolicy::default();
        policy.validate(Some(1)).unwrap();
        assert!(policy.is_greedy());
    }

    /// Edits a valid policy; the error must name `field`.
    #[track_caller]
    fn refused(field: &str, edit: impl FnOnce(&mut SamplingPolicy)) -> String {
        let mut policy = SamplingPolicy { temperature: Micros::ONE, ..SamplingPolicy::default() };
        policy.validate(Some(10)).unwrap();
        edit(&mut policy);
        let error = policy.validate(Some(10)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Argument, field));
        error.to_string()
    }

    #[test]
    fn every_field_has_its_limits() {
        assert_eq!(
            refused("temperature", |p| p.temperature = micros("-0.5")),
            "temperature: -0.5 is not within 0 and 100"
        );
        refused("temperature", |p| p.temperature = micros("100.000001"));
        assert_eq!(refused("topP", |p| p.top_p = Micros::ZERO), "topP: 0 is not within 0.000001 and 1");
        refused("topP", |p| p.top_p = micros("1.000001"));
        refused("minP", |p| p.min_p = micros("-0.1"));
        refused("minP", |p| p.min_p = micros("1.1"));
        refused("repeatPenalty", |p| p.repeat_penalty = Micros::ZERO);
        refused("repeatPenalty", |p| p.repeat_penalty = micros("101"));
        refused("presencePenalty", |p| p.presence_penalty = micros("-101"));
        refused("frequencyPenalty", |p| p.frequency_penalty = micros("100.1"));
        refused("penaltyWindow", |p| p.penalty_window = (1 << 20) + 1);
        refused("logitBias", |p| p.logit_bias = vec![(3, Micros::ONE), (2, Micros::ONE)]);
        assert_eq!(
            refused("logitBias", |p| p.logit_bias = vec![(2, Micros::ONE), (2, Micros::ZERO)]),
            "logitBias: token 2 is given twice"
        );
        refused("logitBias", |p| p.logit_bias = vec![(1, micros("10000.000001"))]);
        assert_eq!(
            refused("logitBias", |p| p.logit_bias = vec![(10, Micros::ONE)]),
            "logitBias: token 10 is not in the vocabulary, which has 10 tokens"
        );
        refused("logitBias", |p| p.logit_bias = (0..4097).map(|t| (t, Micros::ONE)).collect());
        refused("bans", |p| p.bans = vec![1, 1]);
        refused("bans", |p| p.bans = vec![2, 1]);
        refused("bans", |p| p.bans = vec![10]);
        refused("bans", |p| p.bans = (0..65_537).collect());
        let grammar = |text: &str, engine: &str| {
            Some(GrammarSpec { kind: GrammarKind::Gbnf, text: text.into(), engine: engine.into() })
        };
        refused("grammar", |p| p.grammar = grammar("", "engine"));
        refused("grammar", |p| p.grammar = grammar("root ::= \"a\"", ""));
        refused("grammar", |p| p.grammar = grammar(&"x".repeat((1 << 20) + 1), "engine"));
        refused("stop", |p| p.stop = vec![String::new()]);
        assert_eq!(
            refused("stop", |p| p.stop = vec!["x".repeat(257)]),
            "stop: 257 bytes, at most 256 are allowed"
        );
        refused("stop", |p| p.stop = vec!["x".into(); 17]);
        refused("maxTokens", |p| p.max_tokens = 0);
        refused("maxTokens", |p| p.max_tokens = u32::MAX);
        refused("contextTokens", |p| p.context_tokens = 0);
        refused("choices", |p| p.choices = 0);
        refused("choices", |p| p.choices = 65);
        refused("choices", |p| (p.temperature, p.choices) = (Micros::ZERO, 2));
        refused("seedRule", |p| (p.temperature, p.seed_rule) = (Micros::ZERO, SeedRule::Beacon));
        refused("segmenter", |p| p.segmenter.markers = vec!["<think>".into()]);
        refused("segmenter", |p| p.segmenter = SegmenterSpec { id: 1, markers: vec![String::new()] });
        refused("segmenter", |p| p.segmenter = SegmenterSpec { id: 1, markers: vec!["m".into(); 17] });
    }

    #[test]
    fn constructors_sort_and_refuse_a_token_twice() {
        let policy = SamplingPolicy::default()
            .with_logit_bias(vec![(5, Micros::ONE), (1, Micros::ZERO)])
            .and_then(|p| p.with_bans(vec![9, 0, 4]))
            .unwrap();
        assert_eq!(policy.logit_bias, [(1, Micros::ZERO), (5, Micros::ONE)]);
        assert_eq!(policy.bans, [0, 4, 9]);
        policy.validate(Some(10)).unwrap();
        assert_eq!(policy.clone().with_bans(vec![3, 1, 3]).unwrap_err().field(), "bans");
        assert_eq!(
            policy.with_logit_bias(vec![(3, Micros::ONE), (3, Micros::ZERO)]).unwrap_err().field(),
            "logitBias"
        );
    }
}
