//! Receipt against disclosure: every commitment recomputed from what it opens.

use super::{sampler_record, Disclosure, Finish, Kind, Receipt, Secrets};
use crate::abi::{self, keccak256, Word};
use crate::commitment::{self, SeedRuleInputs};
use crate::error::Error;
use crate::json;
use crate::policy::{SamplingPolicy, SeedRule};
use crate::request::{Canonical, Input};
use crate::{steps, ErrorKind};

/// What [`check_commitments`] compared, by the receipt's field names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Recomputed from the disclosure, and equal.
    pub equal: Vec<&'static str>,
    /// Not opened by the disclosure, and so not compared. `trace` is always here: only a
    /// replay compares it.
    pub not_compared: Vec<&'static str>,
    /// Indices of steps that were shown without the others, each with its proof.
    pub steps: Vec<u32>,
    /// Nonce and salts beside which nothing is shown that binds them to the receipt.
    pub unbound: Vec<&'static str>,
    /// What is committed to, or may be, in a form that is not known here: nothing can be said of it.
    pub unknown: Vec<String>,
}

/// A receipt and a disclosure that contradict each other; the verdict is `invalid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The receipt's field.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl From<Mismatch> for Error {
    fn from(mismatch: Mismatch) -> Self {
        Error::new(ErrorKind::Receipt, mismatch.field, mismatch.why)
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.why)
    }
}

impl std::error::Error for Mismatch {}

const OTHER: &str = "the disclosure leads to another value";

fn mismatch<T>(field: &'static str, why: impl Into<String>) -> Result<T, Mismatch> {
    Err(Mismatch { field, why: why.into() })
}

/// A value with the salt that binds it to the receipt. One shown without its salt proves
/// nothing, and would pass for one that was compared: it is refused.
fn opened<T>(
    field: &'static str,
    value: Option<T>,
    salt: Option<Word>,
) -> Result<Option<(T, Word)>, Mismatch> {
    match (value, salt) {
        (Some(_), None) => mismatch(field, "disclosed without its salt, so that nothing binds it"),
        (value, salt) => Ok(value.zip(salt)),
    }
}

impl Compared {
    fn note(&mut self, field: &'static str, equal: Option<bool>) -> Result<(), Mismatch> {
        match equal {
            Some(true) => self.equal.push(field),
            Some(false) => return mismatch(field, OTHER),
            None => self.not_compared.push(field),
        }
        Ok(())
    }
}

/// Recomputes every commitment that `disclosure` opens. No model is needed; the tokens and
/// texts are taken as given, and whether a replay leads to them is another question.
///
/// # Errors
/// The first field that does not match, in the order of the receipt.
pub fn check_commitments(receipt: &Receipt, disclosure: &Disclosure) -> Result<Compared, Mismatch> {
    let salts = disclosure.salts().or_else(|e| mismatch("nonce", e.message()))?;
    let mut compared = Compared::default();

    let profile = disclosure.profile.as_ref().map(|id| keccak256(id.as_bytes()) == receipt.profile);
    compared.note("profile", profile)?;

    match receipt.kind {
        Kind::Generated if disclosure.later.is_some() => {
            let version = disclosure.later.as_ref().map_or(0, |later| later.version);
            compared.unknown.push(format!("sampler: a record of version {version}"));
            compared.note("sampler", None)?;
            opened("seed", disclosure.seed, salts.seed)?;
            compared.note("seed", None)?;
        }
        Kind::Generated => {
            if let Some(policy) = &disclosure.sampler {
                policy.validate(None).or_else(|e| mismatch("sampler", e.to_string()))?;
            }
            let sampler = disclosure.sampler.as_ref().map(|p| sampler_record::hash(p) == receipt.sampler);
            compared.note("sampler", sampler)?;
            let seed = check_seed(receipt, disclosure, salts.seed)?;
            compared.note("seed", seed)?;
        }
        Kind::Scored => check_scored(disclosure)?,
    }

    let mut asked = None;
    let request = match opened("request", disclosure.request.as_ref(), salts.request)? {
        Some((request, salt)) => {
            let bytes = json::canonicalize(request).or_else(|e| mismatch("request", e.message()))?;
            match Canonical::from_json("", request.clone()) {
                Ok(canonical) => {
                    if let Input::Tokens(tokens) = canonical.content.input {
                        asked = Some(tokens);
                    }
                }
                // Members that nobody renders would pass for what was asked; a later release may know them.
                Err(error) => compared.unknown.push(format!("request.{error}")),
            }
            Some(commitment::request(&salt, &bytes) == receipt.request)
        }
        None => None,
    };
    compared.note("request", request)?;
    // Tokens need no renderer: they are compared without the model too.
    if asked.zip(disclosure.prompt_tokens.as_ref()).is_some_and(|(asked, seen)| asked != *seen) {
        return mismatch("prompt", "its tokens are not those of the request");
    }

    let counted = |field, tokens: &Option<Vec<u32>>, count: u32| match tokens {
        Some(tokens) if u32::try_from(tokens.len()) != Ok(count) => {
            mismatch(field, format!("the disclosure has {} tokens", tokens.len()))
        }
        Some(_) => Ok(Some(true)),
        None => Ok(None),
    };
    let prompt_count = counted("promptCount", &disclosure.prompt_tokens, receipt.prompt_count)?;
    let output_count = counted("outputCount", &disclosure.output_tokens, receipt.output_count)?;
    let prompt = opened("prompt", disclosure.prompt_tokens.as_ref(), salts.prompt)?;
    compared
        .note("prompt", prompt.map(|(tokens, salt)| commitment::prompt(&salt, tokens) == receipt.prompt))?;
    let output = opened("output", disclosure.output_tokens.as_ref(), salts.output)?;
    compared
        .note("output", output.map(|(tokens, salt)| commitment::output(&salt, tokens) == receipt.output))?;

    compared.note("trace", None)?;

    if receipt.kind == Kind::Generated {
        if let Some(list) = &disclosure.steps {
            steps::check_tiling(list, receipt.output_count).or_else(|e| mismatch("steps", e.to_string()))?;
            check_segmenter(disclosure, list)?;
        }
        let root = match opened("steps", disclosure.steps.as_ref(), salts.steps)? {
            Some((list, salt)) => {
                Some(steps::root(&salt, list).or_else(|e| mismatch("steps", e.message()))? == receipt.steps)
            }
            None => None,
        };
        compared.note("steps", root)?;
        for proof in &disclosure.step_proofs {
            let index = proof.step.index;
            proof.verify(receipt).or_else(|e| mismatch("steps", format!("step {index}: {e}")))?;
            compared.steps.push(index);
        }
        steps::check_shown(&disclosure.step_proofs).or_else(|e| mismatch("steps", e.to_string()))?;
        if let Some(policy) = &disclosure.sampler {
            check_end(receipt, policy)?;
            if disclosure.output_tokens.iter().flatten().any(|token| policy.bans.binary_search(token).is_ok())
            {
                return mismatch("output", "it has a token that the policy bans");
            }
        }
    }
    compared.note("promptCount", prompt_count)?;
    compared.note("outputCount", output_count)?;
    compared.unbound = unbound(disclosure);
    // Without a context there is nothing to open.
    if disclosure.context_inputs.is_some() || receipt.context != abi::ZERO {
        compared.note("context", disclosure.context_inputs.map(|inputs| inputs.hash() == receipt.context))?;
    }
    Ok(compared)
}

/// Secrets that open nothing which is shown. A replay makes trace and steps from the output's tokens.
fn unbound(disclosure: &Disclosure) -> Vec<&'static str> {
    let output = disclosure.output_tokens.is_some();
    let shown = [
        ("request", disclosure.request.is_some()),
        ("prompt", disclosure.prompt_tokens.is_some()),
        ("output", output),
        ("trace", output),
        ("steps", output || disclosure.steps.is_some()),
        ("seed", disclosure.seed.is_some()),
    ];
    match &disclosure.secrets {
        Secrets::Nonce(_) if shown.iter().any(|(_, shown)| *shown) => Vec::new(),
        Secrets::Nonce(_) => vec!["nonce"],
        Secrets::Salts(salts) => {
            let given = salts.named().into_iter().filter(|(_, salt)| salt.is_some());
            let opens = |name: &str| shown.iter().any(|(part, shown)| *part == name && *shown);
            given.map(|(name, _)| name).filter(|name| !opens(name)).collect()
        }
    }
}

/// How the output ended, as far as the policy alone says what can be.
fn check_end(receipt: &Receipt, policy: &SamplingPolicy) -> Result<(), Mismatch> {
    let (prompt, output) = (u64::from(receipt.prompt_count), u64::from(receipt.output_count));
    let context = u64::from(policy.context_tokens);
    if prompt >= context {
        return mismatch("promptCount", "the prompt leaves no room in the policy's contextTokens");
    }
    if output > u64::from(policy.max_tokens) || prompt + output > context {
        return mismatch("outputCount", "beyond the policy's maxTokens or contextTokens");
    }
    let (full, most) = (receipt.fills_context(policy.context_tokens), output == u64::from(policy.max_tokens));
    let can = match receipt.finish {
        Finish::EndOfGeneration => !policy.ignore_eog,
        Finish::StopString => !policy.stop.is_empty(),
        Finish::MaxTokens => most && !full,
        Finish::GrammarEnd => policy.grammar.is_some(),
        Finish::ContextFull => full,
        Finish::Cancelled => !most && !full,
        Finish::Scored => false,
    };
    match can {
        true => Ok(()),
        false => mismatch("finish", "the policy and the counts leave no such end"),
    }
}

/// A scored output has no policy, no seed and no steps.
fn check_scored(disclosure: &Disclosure) -> Result<(), Mismatch> {
    const WHY: &str = "a scored receipt has none to disclose";
    if disclosure.sampler.is_some() || disclosure.later.is_some() {
        return mismatch("sampler", WHY);
    }
    if disclosure.seed.is_some() {
        return mismatch("seed", WHY);
    }
    if disclosure.steps.is_some() || !disclosure.step_proofs.is_empty() {
        return mismatch("steps", WHY);
    }
    if disclosure.stream != 0 {
        return mismatch("seed", "a scored receipt has stream 0");
    }
    Ok(())
}

/// Segmenter 0 makes one step.
fn check_segmenter(disclosure: &Disclosure, list: &[steps::Step]) -> Result<(), Mismatch> {
    match &disclosure.sampler {
        Some(policy) if policy.segmenter.id == 0 && list.len() != 1 => {
            mismatch("steps", "segmenter 0 makes one answer step")
        }
        _ => Ok(()),
    }
}

/// What a context must be that a seed is made of.
fn check_beacon_context(receipt: &Receipt, disclosure: &Disclosure) -> Result<(), Mismatch> {
    if receipt.context == abi::ZERO {
        return mismatch("seed", "seed rule 2 takes the receipt's context, which must not be zero");
    }
    if disclosure.context_inputs.is_some_and(|inputs| inputs.previous_digest != abi::ZERO) {
        return mismatch(
            "seed",
            "seed rule 2 with a context that follows a receipt, whose signer could choose it",
        );
    }
    Ok(())
}

/// The seed's commitment, its rule, and how seed, stream and policy go together.
fn check_seed(
    receipt: &Receipt,
    disclosure: &Disclosure,
    salt: Option<Word>,
) -> Result<Option<bool>, Mismatch> {
    let greedy = receipt.seed == abi::ZERO;
    if greedy && disclosure.stream != 0 {
        return mismatch("seed", "a greedy receipt has stream 0");
    }
    if let Some(policy) = &disclosure.sampler {
        if policy.is_greedy() != greedy {
            return mismatch("seed", "must be zero exactly when the temperature is 0");
        }
        if disclosure.stream >= policy.choices {
            return mismatch("seed", format!("the stream must be below {} choices", policy.choices));
        }
        if policy.seed_rule == SeedRule::Beacon {
            check_beacon_context(receipt, disclosure)?;
        }
        if disclosure.seed.is_some_and(|seed| seed.inputs.rule() != policy.seed_rule) {
            return mismatch("seed", "the disclosed inputs are not those of the policy's seed rule");
        }
    }
    let Some(seed) = &disclosure.seed else {
        // The one seed of a greedy output that there is to open: none.
        return Ok(greedy.then_some(true));
    };
    if greedy {
        return mismatch("seed", "a greedy receipt has none to disclose");
    }
    if seed.inputs.seed().is_some_and(|made| made != seed.seed) {
        return mismatch("seed", "the seed is not what its rule makes of its inputs");
    }
    if let SeedRuleInputs::Beacon { context, .. } = &seed.inputs {
        if *context != receipt.context {
            return mismatch("seed", "seed rule 2 takes the receipt's own context");
        }
        check_beacon_context(receipt, disclosure)?;
    }
    let opened = opened("seed", Some(seed), salt)?;
    Ok(opened.map(|(s, salt)| commitment::seed(&salt, &s.seed, disclosure.stream, &s.inputs) == receipt.seed))
}
