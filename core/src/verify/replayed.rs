//! The part of a verification that needs the model: the replay.

use super::{check_prefix, invalid, Check, Expectations};
use crate::engine::cpu;
use crate::error::{ErrorKind, Result};
use crate::grammar;
use crate::model::{Adapter, Model};
use crate::operation::Operation;
use crate::profile::{Choice, Profile};
use crate::receipt::{Disclosure, Document, Kind};
use crate::replay::{Claim, DrawnClaim, Replayed, Replayer};
use crate::request::Canonical;
use crate::session::prepare::{check_special, prompt_tokens};
use crate::steps;
use crate::template::{RENDERER, TOKENIZER};
use crate::trace::{Trace, TraceLeaf};
use crate::verdict::{Report, Verdict};

/// In tolerant mode each token's distance from being drawn counts at most this much, so that one
/// unlucky token does not outweigh an answer.
pub const DISTANCE_CLIP: f64 = 4.0;

/// The mean clipped distance up to which a receipt is consistent (`docs/tolerant.md`).
pub const TOLERANT_THRESHOLD: f64 = 0.05;

/// With what to verify.
#[derive(Clone, Default)]
pub struct VerifyOptions<'a> {
    /// The model, if it is at hand.
    pub model: Option<&'a Model>,
    /// The adapter, if the receipt names one.
    pub adapter: Option<&'a Adapter>,
    /// Worker threads; `None`: as many as the process may keep busy.
    pub threads: Option<u32>,
    /// Compare with tolerance where the receipt's profile is not the verifier's exact one.
    pub tolerant: bool,
    /// The profile to replay under; `None`: the receipt's, or the model's exact one.
    pub profile: Option<Profile>,
    /// How far the replay is, in tokens, and what stops it.
    pub operation: Operation,
}

/// Verifies documents one after another. The next replay has the memory of the last one, and a document that claims the
/// same answer as the last, as those of nodes that agree do, is not computed again.
pub struct Verifier<'a> {
    options: VerifyOptions<'a>,
    replayer: Option<Replayer<'a>>,
}

impl<'a> Verifier<'a> {
    /// With nothing in memory yet.
    #[must_use]
    pub fn new(options: VerifyOptions<'a>) -> Self {
        let threads = options.threads.unwrap_or(u32::MAX).clamp(1, cpu::available_threads());
        let replayer = options.model.map(|model| Replayer::new(model, options.adapter, threads));
        Verifier { options, replayer }
    }

    /// Verifies a document: everything [`super::verify_signature`] checks, then the replay.
    ///
    /// # Errors
    /// Only if the replay was cancelled or the engine failed; everything a document can be is a verdict.
    pub fn verify(&mut self, document: &Document, expectations: &Expectations) -> Result<Report> {
        let mut check = Check::new(document);
        let mut outcome = check.document(expectations).map(|()| Verdict::Verified { prefix_only: false });
        if outcome.is_ok() {
            outcome = match check.replay(self) {
                Ok(verdict) => Ok(verdict),
                Err(Stop::Verdict(verdict)) => Err(verdict),
                Err(Stop::Error(error)) => return Err(error),
            };
        }
        let replayed = matches!(
            outcome,
            Ok(_) | Err(Verdict::Diverged { .. } | Verdict::Consistent { .. } | Verdict::Inconsistent { .. })
        );
        if replayed {
            check.compared("replay");
        } else {
            check.not_compared("replay");
        }
        Ok(check.finish(outcome))
    }
}

/// Verifies one document, as [`Verifier::verify`] does.
///
/// # Errors
/// As there.
pub fn verify(
    document: &Document,
    expectations: &Expectations,
    options: &VerifyOptions<'_>,
) -> Result<Report> {
    Verifier::new(options.clone()).verify(document, expectations)
}

/// How far each output token of a generated receipt was from being drawn under the profile of
/// `options`: what the score of a tolerant check is the clipped mean of. The distance is the larger
/// of margin and cutoff gap ([`crate::sampler::Judgement`]), in units of `logit / T` (greedy:
/// logits); 0 for the token that is drawn here too, infinite for one that never could be. Neither
/// signature nor commitments are looked at.
///
/// # Errors
/// [`ErrorKind::Receipt`] for a document that cannot be replayed with these options, saying why; else
/// as [`verify`].
pub fn distances(document: &Document, options: &VerifyOptions<'_>) -> Result<Vec<f64>> {
    match Check::new(document).run(&mut Verifier::new(options.clone())) {
        Ok(run) => Ok(run.found.distances),
        Err(Stop::Verdict(verdict)) => {
            Err(crate::Error::new(ErrorKind::Receipt, "receipt", verdict.to_string()))
        }
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Why a replay ended early.
enum Stop {
    Verdict(Verdict),
    Error(crate::Error),
}

impl From<Verdict> for Stop {
    fn from(verdict: Verdict) -> Self {
        Stop::Verdict(verdict)
    }
}

fn unverifiable(why: impl Into<String>) -> Stop {
    Stop::Verdict(Verdict::Unverifiable { why: why.into() })
}

/// A replay that ran to its end.
struct Run<'a> {
    disclosure: &'a Disclosure,
    claim: Claim<'a>,
    found: Replayed,
    /// Whether bits can be compared.
    exact: bool,
}

impl<'a> Check<'a> {
    fn run(&mut self, verifier: &mut Verifier<'_>) -> Result<Run<'a>, Stop> {
        let Verifier { options, replayer } = verifier;
        let document = self.document;
        let receipt = &document.receipt;
        let disclosure =
            document.disclosure.as_ref().ok_or_else(|| unverifiable("the document has no disclosure"))?;
        let hex = |word: &[u8; 32]| crate::hex::encode(word);
        let (model, replayer) = options
            .model
            .zip(replayer.as_mut())
            .ok_or_else(|| unverifiable(format!("the model {} is not at hand", hex(&receipt.model))))?;
        if model.sha256() != receipt.model {
            return Err(unverifiable(format!(
                "the receipt names the model {}, this is {}",
                hex(&receipt.model),
                hex(&model.sha256())
            )));
        }
        let check_unchanged = || {
            model.check_unchanged().map_err(Stop::Error)?;
            options.adapter.map_or(Ok(()), Adapter::check_unchanged).map_err(Stop::Error)
        };
        check_unchanged()?;
        if let Some(adapter) = options.adapter {
            if !adapter.model().is_same(model) {
                let error = crate::Error::argument("adapter", "it was opened for another model");
                return Err(Stop::Error(error));
            }
        }
        let adapter = options.adapter.map_or([0; 32], Adapter::sha256);
        if adapter != receipt.adapter {
            return Err(unverifiable(format!(
                "the receipt names the adapter {}, this is {}",
                hex(&receipt.adapter),
                hex(&adapter)
            )));
        }
        let (prompt, output) = match (&disclosure.prompt_tokens, &disclosure.output_tokens) {
            (Some(prompt), Some(output)) => (prompt, output),
            _ => return Err(unverifiable("the tokens are not disclosed")),
        };
        let drawn = self.drawn_claim(disclosure)?;
        // A contract may be shown steps: what was committed to in their place is not left open.
        if drawn.is_some() && disclosure.salts().unwrap_or_default().steps.is_none() {
            return Err(unverifiable("the salt of the steps is not disclosed"));
        }
        let (exact, choice) = mode(disclosure, model, options)?;
        if exact && disclosure.salts().unwrap_or_default().trace.is_none() {
            return Err(unverifiable("the salt of the trace is not disclosed"));
        }
        // The engine's own tokens and templates are part of a profile: another's are no fault of the receipt.
        self.rendering(model, disclosure)?;
        if let Some(drawn) = &drawn {
            let segmenter = &drawn.policy.segmenter;
            if *segmenter != segmenter.clone().after_prompt(&model.vocab().detokenize(prompt)) {
                return Err(Stop::Verdict(invalid(
                    "sampler.segmenter: not what the end of the prompt makes of it",
                )));
            }
        }
        let claim = Claim { prompt, output, drawn };
        // Also under a tolerant profile: what a document costs to replay has a bound.
        if prompt.len().saturating_add(output.len()) > model.max_context() as usize {
            return Err(unverifiable("prompt and output are longer than this model's context"));
        }
        let choice = match model.check_attestable(choice.first) {
            Err(why) if exact => return Err(unverifiable(why.to_string())),
            Err(_) => Profile::Fast1.into(),
            Ok(()) => choice,
        };
        let found =
            replayer.replay(&claim, choice, &options.operation).map_err(|error| match error.kind() {
                // What the document claims does not fit the model.
                ErrorKind::Argument | ErrorKind::Grammar => Stop::Verdict(invalid(error.to_string())),
                ErrorKind::Unsupported => unverifiable(error.to_string()),
                _ => Stop::Error(error),
            })?;
        // What was replayed with must be what was hashed.
        check_unchanged()?;
        Ok(Run { disclosure, claim, found, exact })
    }

    fn replay(&mut self, verifier: &mut Verifier<'_>) -> Result<Verdict, Stop> {
        let Run { disclosure, claim, found, exact } = self.run(verifier)?;
        let verdict = if exact {
            self.exact_verdict(disclosure, &claim, &found)?
        } else {
            self.not_compared("trace (its logits are those of another profile)");
            tolerant_verdict(&claim, &found)?
        };
        if claim.drawn.is_some() && !self.steps_match(disclosure, &found)? {
            let what = "steps: not the text of the output";
            return Err(Stop::Verdict(match verdict {
                Verdict::Verified { .. } => Verdict::Diverged { position: None, what: what.into() },
                // The text of tokens is no matter of numerics.
                _ => invalid(what),
            }));
        }
        Ok(verdict)
    }

    /// How the output was drawn, from the disclosure; `None` for a scored receipt.
    fn drawn_claim<'d>(&self, disclosure: &'d Disclosure) -> Result<Option<DrawnClaim<'d>>, Stop> {
        const GREEDY: &[u8; 32] = &[0; 32];
        if self.document.receipt.kind == Kind::Scored {
            return Ok(None);
        }
        let policy = disclosure
            .sampler
            .as_ref()
            .ok_or_else(|| unverifiable("the sampling policy is not disclosed"))?;
        if let Some(grammar) = policy.grammar.as_ref().filter(|g| g.engine != grammar::ENGINE_ID) {
            return Err(unverifiable(format!(
                "the grammar engine was {}, this release has {}",
                grammar.engine,
                grammar::ENGINE_ID
            )));
        }
        // Known here or not: before a replay is paid for.
        policy.segmenter.segment(&[], &[]).map_err(|error| unverifiable(error.to_string()))?;
        let seed = match &disclosure.seed {
            Some(seed) => &seed.seed,
            None if policy.is_greedy() => GREEDY,
            None => return Err(unverifiable("the seed is not disclosed")),
        };
        Ok(Some(DrawnClaim { policy, seed, stream: disclosure.stream, finish: self.document.receipt.finish }))
    }

    /// The prompt's tokens must be what the request renders and tokenizes to.
    fn rendering(&mut self, model: &Model, disclosure: &Disclosure) -> Result<(), Stop> {
        let Some(request) = &disclosure.request else {
            self.not_compared("rendering of the request (not disclosed)");
            return Ok(());
        };
        let canonical = Canonical::from_json("disclosure.request", request.clone())
            .map_err(|e| Stop::Verdict(invalid(e.to_string())))?;
        if canonical.tokenizer.as_deref().is_some_and(|rule| rule != TOKENIZER) {
            return Err(unverifiable(format!("tokenizer: another rule than this release's {TOKENIZER}")));
        }
        if canonical.renderer.as_deref().is_some_and(|renderer| renderer != RENDERER) {
            return Err(unverifiable(format!("renderer: another than this release's {RENDERER}")));
        }
        let refuse = |e: crate::Error| Stop::Verdict(invalid(format!("request: {e}")));
        if let Some(digest) = canonical.template_digest {
            if digest != model.template().map_err(refuse)?.digest() {
                return Err(Stop::Verdict(invalid("request.templateDigest: not the model's chat template")));
            }
        }
        check_special(&canonical.content, model).map_err(refuse)?;
        let rendered = prompt_tokens(&canonical.content, model).map_err(refuse)?;
        if Some(&rendered) != disclosure.prompt_tokens.as_ref() {
            return Err(Stop::Verdict(invalid("prompt: its tokens are not what the request renders to")));
        }
        self.compared("rendering of the request");
        Ok(())
    }

    /// Whether the committed steps are the output's, disclosed or not: the segmenter leaves no choice.
    fn steps_match(&mut self, disclosure: &Disclosure, found: &Replayed) -> Result<bool, Stop> {
        let receipt = &self.document.receipt;
        let Some(salt) = disclosure.salts().unwrap_or_default().steps else { return Ok(false) };
        let Some(policy) = &disclosure.sampler else { return Ok(false) };
        let cut = policy.segmenter.segment(&found.text, &found.ends);
        let root = cut
            .and_then(|steps| steps::root(&salt, &steps))
            .map_err(|e| Stop::Verdict(invalid(e.to_string())))?;
        if root != receipt.steps {
            return Ok(false);
        }
        self.compared("text of the steps");
        Ok(true)
    }

    fn exact_verdict(
        &self,
        disclosure: &Disclosure,
        claim: &Claim<'_>,
        found: &Replayed,
    ) -> Result<Verdict, Verdict> {
        if let Some(divergence) = &found.divergence {
            return Err(Verdict::Diverged {
                position: Some(divergence.position as u64),
                what: divergence.what.to_owned(),
            });
        }
        let salt =
            disclosure.salts().ok().and_then(|salts| salts.trace).ok_or_else(|| Verdict::Unverifiable {
                why: "the salt of the trace is not disclosed".into(),
            })?;
        let leaves = claim
            .output
            .iter()
            .zip(&found.digests)
            .map(|(token, digest)| TraceLeaf { token: *token, digest: *digest });
        let root = Trace::new(salt, leaves.collect()).map_err(|e| invalid(e.to_string()))?.root();
        if root != self.document.receipt.trace {
            return Err(Verdict::Diverged {
                position: None,
                what: "trace: the logits are not those of this model under this profile".into(),
            });
        }
        Ok(Verdict::Verified { prefix_only: check_prefix(self.document) })
    }
}

/// Whether to compare exactly, and under which profile to replay.
fn mode(disclosure: &Disclosure, model: &Model, options: &VerifyOptions<'_>) -> Result<(bool, Choice), Stop> {
    let theirs = disclosure.profile.as_deref().ok_or_else(|| unverifiable("the profile is not disclosed"))?;
    // An older receipt is replayed by what it was made by.
    let made_by = Profile::ALL.into_iter().find(|profile| profile.is_exact() && profile.id() == theirs);
    let ours = model.profile_for(options.profile.or(made_by));
    if ours.first.is_exact() && theirs == ours.first.id() {
        return Ok((true, ours));
    }
    if options.tolerant {
        return Ok((false, ours));
    }
    Err(unverifiable(format!(
        "made under the profile {theirs}, which cannot be replayed bit for bit here; a tolerant check can compare"
    )))
}

fn tolerant_verdict(claim: &Claim<'_>, found: &Replayed) -> Result<Verdict, Verdict> {
    if claim.drawn.is_none() {
        return Err(Verdict::Unverifiable {
            why: "a scored output has no draws to compare with tolerance".into(),
        });
    }
    // Where an output ends, and what its grammar allows, does not depend on numerics.
    if found.broken_rule.is_some() {
        return Err(Verdict::Inconsistent { score: f64::INFINITY });
    }
    Ok(tolerant_score(&found.distances))
}

#[allow(clippy::cast_precision_loss)] // counts of tokens
fn tolerant_score(distances: &[f64]) -> Verdict {
    if distances.iter().any(|d| d.is_infinite()) {
        return Verdict::Inconsistent { score: f64::INFINITY };
    }
    let count = distances.len().max(1) as f64;
    let score = distances.iter().map(|d| d.min(DISTANCE_CLIP)).sum::<f64>() / count;
    if score <= TOLERANT_THRESHOLD {
        Verdict::Consistent { score }
    } else {
        Verdict::Inconsistent { score }
    }
}
