//! The sampling policy: every parameter that decides which token is drawn, and when the
//! output ends. Its canonical record (without the seed) is the receipt's `sampler` field.

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
    /// Engine id and version, for example `llguidance/1.9.1+gbnf-1`.
    pub engine: String,
}

/// The step segmenter named by a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmenterSpec {
    /// Segmenter id; 0: the whole output is one answer step.
    pub id: u32,
    /// Opening and closing markers, in order; empty for segmenter 0.
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

impl SamplingPolicy {
    /// Whether the policy is greedy: temperature 0, no draw.
    #[must_use]
    pub fn is_greedy(&self) -> bool {
        self.temperature == Micros::ZERO
    }
}
