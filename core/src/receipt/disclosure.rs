//! What a verifier needs besides the receipt. Every part may be withheld; what is withheld is
//! not compared, and the report says so.

use serde_json::Value;

use super::sampler_record;
use crate::abi::{self, Word};
use crate::commitment::{ContextInputs, Salts, SeedRuleInputs};
use crate::error::{Error, Result};
use crate::hex;
use crate::json::{self, Object, Ordered};
use crate::policy::SamplingPolicy;
use crate::steps::{read_step, write_step, Step, StepProof};
use crate::Token;

/// A receipt's openings. The default withholds everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Disclosure {
    /// The execution profile's readable id.
    pub profile: Option<String>,
    /// The sampling policy; none when scored.
    pub sampler: Option<SamplingPolicy>,
    /// Instead of a policy: a record of a version that is not known here, and what its seed rule was fed. Kept as they are,
    /// and compared with nothing.
    pub later: Option<LaterSampler>,
    /// The seed and how it was made; none when greedy or scored.
    pub seed: Option<SeedDisclosure>,
    /// The choice's index when n > 1, else 0.
    pub stream: u32,
    /// What the commitments were salted with.
    pub secrets: Secrets,
    /// The request whose RFC 8785 bytes are committed to.
    pub request: Option<Value>,
    /// The tokens the model saw before the first output token.
    pub prompt_tokens: Option<Vec<Token>>,
    /// The output's tokens.
    pub output_tokens: Option<Vec<Token>>,
    /// The output's steps; none when scored.
    pub steps: Option<Vec<Step>>,
    /// Some steps, each with its proof, where the others are withheld; in rising order.
    pub step_proofs: Vec<StepProof>,
    /// What the receipt is for, and which receipt it follows; none without a context.
    pub context_inputs: Option<ContextInputs>,
}

/// A sampler record of a later version.
#[derive(Debug, Clone, PartialEq)]
pub struct LaterSampler {
    /// The record's version.
    pub version: u32,
    record: Value,
    seed_inputs: Option<Value>,
}

/// A seed and what its rule was fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedDisclosure {
    /// The 32-byte seed.
    pub seed: Word,
    /// The rule's inputs.
    pub inputs: SeedRuleInputs,
}

/// The nonce, which opens everything, or the salts of what a redacted document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// The request's nonce.
    Nonce(Word),
    /// Single salts, perhaps none.
    Salts(SomeSalts),
}

impl Default for Secrets {
    fn default() -> Self {
        Secrets::Salts(SomeSalts::default())
    }
}

/// Some of [`Salts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SomeSalts {
    /// Of the request's bytes.
    pub request: Option<Word>,
    /// Of the prompt's tokens.
    pub prompt: Option<Word>,
    /// Of the output's tokens.
    pub output: Option<Word>,
    /// Of the trace.
    pub trace: Option<Word>,
    /// Of the steps.
    pub steps: Option<Word>,
    /// Of the seed.
    pub seed: Option<Word>,
}

impl From<Salts> for SomeSalts {
    fn from(salts: Salts) -> Self {
        SomeSalts {
            request: Some(salts.request),
            prompt: Some(salts.prompt),
            output: Some(salts.output),
            trace: Some(salts.trace),
            steps: Some(salts.steps),
            seed: Some(salts.seed),
        }
    }
}

impl SomeSalts {
    /// Whether a salt that both have differs.
    pub(crate) fn contradicts(&self, other: &SomeSalts) -> bool {
        let pairs = self.named().into_iter().zip(other.named());
        pairs.into_iter().any(|((_, a), (_, b))| a.zip(b).is_some_and(|(a, b)| a != b))
    }

    pub(crate) fn named(&self) -> [(&'static str, Option<Word>); 6] {
        [
            ("request", self.request),
            ("prompt", self.prompt),
            ("output", self.output),
            ("trace", self.trace),
            ("steps", self.steps),
            ("seed", self.seed),
        ]
    }
}

impl Disclosure {
    /// The salts that the disclosure gives away.
    ///
    /// # Errors
    /// An all-zero nonce.
    pub fn salts(&self) -> Result<SomeSalts> {
        match &self.secrets {
            Secrets::Nonce(nonce) => Ok(Salts::derive(nonce, self.stream)?.into()),
            Secrets::Salts(salts) => Ok(*salts),
        }
    }

    /// Reads the object called `path` in errors.
    pub(super) fn read(path: String, value: Value) -> Result<Self> {
        let mut object = Object::new(path, value)?;
        let profile = if object.has("profile") { Some(object.string("profile")?) } else { None };
        let (sampler, later) = match object.optional("sampler") {
            Some(record) => match sampler_record::later_version(&record) {
                Some(version) => {
                    let seed_inputs = object.optional("seedInputs");
                    (None, Some(LaterSampler { version, record, seed_inputs }))
                }
                None => (Some(sampler_record::from_json(&object.path("sampler"), record)?), None),
            },
            None => (None, None),
        };
        let seed = read_seed(&mut object)?;
        let stream = object.uint32("stream")?;
        let secrets = read_secrets(&mut object)?;
        let request = match object.optional("request") {
            // Numbers as canonical text gives them, so that equal bytes are equal values.
            Some(request) if request.is_object() => Some(
                json::normalize(&request)
                    .map_err(|e| Error::argument(object.path("request"), e.message()))?,
            ),
            Some(_) => return Err(Error::argument(object.path("request"), "must be a JSON object")),
            None => None,
        };
        let prompt_tokens =
            if object.has("promptTokens") { Some(object.uint32_array("promptTokens")?) } else { None };
        let output_tokens =
            if object.has("outputTokens") { Some(object.uint32_array("outputTokens")?) } else { None };
        // Beside all steps their proofs are left over: an unknown field.
        let (steps, step_proofs) = match object.has("steps") {
            true => (Some(read_steps(&mut object)?), Vec::new()),
            false => (None, read_step_proofs(&mut object)?),
        };
        let context_inputs = match object.has("contextInputs") {
            true => {
                let field = object.path("contextInputs");
                Some(ContextInputs::read(&field, object.object("contextInputs")?)?)
            }
            false => None,
        };
        object.finish()?;
        Ok(Disclosure {
            profile,
            sampler,
            later,
            seed,
            stream,
            secrets,
            request,
            prompt_tokens,
            output_tokens,
            steps,
            step_proofs,
            context_inputs,
        })
    }

    /// The object as it stands in a document.
    pub(super) fn write(&self) -> Ordered {
        let mut members: Vec<(&'static str, Ordered)> = Vec::new();
        if let Some(profile) = &self.profile {
            members.push(("profile", profile.as_str().into()));
        }
        if let Some(sampler) = &self.sampler {
            members.push(("sampler", sampler_record::to_json(sampler)));
        }
        if let Some(later) = &self.later {
            members.push(("sampler", later.record.clone().into()));
        }
        if let Some(seed) = &self.seed {
            members.push(("seed", hex::encode(&seed.seed).into()));
            let word = |word: &Word| Ordered::from(hex::encode(word));
            let rule = ("rule", (seed.inputs.rule() as u8).into());
            match &seed.inputs {
                SeedRuleInputs::Given => {}
                SeedRuleInputs::Commitment { client_entropy, provider_secret } => members.push((
                    "seedInputs",
                    Ordered::Object(vec![
                        rule,
                        ("clientEntropy", word(client_entropy)),
                        ("providerSecret", word(provider_secret)),
                    ]),
                )),
                SeedRuleInputs::Beacon { context, beacon } => members.push((
                    "seedInputs",
                    Ordered::Object(vec![rule, ("context", word(context)), ("beacon", word(beacon))]),
                )),
            }
        }
        if let Some(inputs) = self.later.as_ref().and_then(|later| later.seed_inputs.clone()) {
            members.push(("seedInputs", inputs.into()));
        }
        members.push(("stream", self.stream.into()));
        match &self.secrets {
            Secrets::Nonce(nonce) => members.push(("nonce", hex::encode(nonce).into())),
            Secrets::Salts(salts) => {
                let given: Vec<_> = salts
                    .named()
                    .into_iter()
                    .filter_map(|(name, salt)| Some((name, hex::encode(&salt?).into())))
                    .collect();
                if !given.is_empty() {
                    members.push(("salts", Ordered::Object(given)));
                }
            }
        }
        if let Some(request) = &self.request {
            members.push(("request", request.clone().into()));
        }
        for (name, tokens) in [("promptTokens", &self.prompt_tokens), ("outputTokens", &self.output_tokens)] {
            if let Some(tokens) = tokens {
                members.push((name, Ordered::list(tokens.iter().copied())));
            }
        }
        if let Some(steps) = &self.steps {
            let steps = steps.iter().map(|step| Ordered::Object(write_step(step))).collect();
            members.push(("steps", Ordered::Array(steps)));
        }
        if !self.step_proofs.is_empty() {
            let proofs = self.step_proofs.iter().map(|proof| Ordered::Object(proof.members())).collect();
            members.push(("stepProofs", Ordered::Array(proofs)));
        }
        if let Some(inputs) = &self.context_inputs {
            let mut object = vec![("chainId", inputs.chain_id.into())];
            object.extend(inputs.words().map(|(name, text)| (name, text.into())));
            members.push(("contextInputs", Ordered::Object(object)));
        }
        Ordered::Object(members)
    }
}

fn read_seed(object: &mut Object) -> Result<Option<SeedDisclosure>> {
    let seed: Option<Word> = if object.has("seed") { Some(object.bytes("seed")?) } else { None };
    let inputs = if object.has("seedInputs") {
        let mut inputs = object.object("seedInputs")?;
        let read = match inputs.uint32("rule")? {
            1 => SeedRuleInputs::Commitment {
                client_entropy: inputs.bytes("clientEntropy")?,
                provider_secret: inputs.bytes("providerSecret")?,
            },
            2 => {
                SeedRuleInputs::Beacon { context: inputs.bytes("context")?, beacon: inputs.bytes("beacon")? }
            }
            _ => return Err(Error::argument(inputs.path("rule"), "must be 1 or 2; rule 0 has no inputs")),
        };
        inputs.finish()?;
        read
    } else {
        SeedRuleInputs::Given
    };
    match seed {
        Some(seed) => Ok(Some(SeedDisclosure { seed, inputs })),
        None if inputs == SeedRuleInputs::Given => Ok(None),
        None => Err(Error::argument(object.path("seed"), "missing field")),
    }
}

fn read_secrets(object: &mut Object) -> Result<Secrets> {
    if object.has("nonce") {
        let nonce = object.bytes("nonce")?;
        if nonce == abi::ZERO {
            return Err(Error::argument(object.path("nonce"), "must not be all zero"));
        }
        return Ok(Secrets::Nonce(nonce)); // `salts` besides it is left over: an unknown field
    }
    if !object.has("salts") {
        return Ok(Secrets::default());
    }
    let mut members = object.object("salts")?;
    let mut salt =
        |name: &'static str| if members.has(name) { members.bytes(name).map(Some) } else { Ok(None) };
    let salts = SomeSalts {
        request: salt("request")?,
        prompt: salt("prompt")?,
        output: salt("output")?,
        trace: salt("trace")?,
        steps: salt("steps")?,
        seed: salt("seed")?,
    };
    members.finish()?;
    if salts == SomeSalts::default() {
        return Err(Error::argument(object.path("salts"), "must hold a salt, or be left out"));
    }
    Ok(Secrets::Salts(salts))
}

fn read_steps(object: &mut Object) -> Result<Vec<Step>> {
    let path = object.path("steps");
    object
        .array("steps")?
        .into_iter()
        .enumerate()
        .map(|(i, item)| {
            let mut members = Object::new(format!("{path}[{i}]"), item)?;
            let step = read_step(&mut members)?;
            members.finish()?;
            Ok(step)
        })
        .collect()
}

/// In rising order, each step once.
fn read_step_proofs(object: &mut Object) -> Result<Vec<StepProof>> {
    if !object.has("stepProofs") {
        return Ok(Vec::new());
    }
    let path = object.path("stepProofs");
    let read = |(i, item)| StepProof::take(Object::new(format!("{path}[{i}]"), item)?);
    let proofs: Vec<StepProof> =
        object.array("stepProofs")?.into_iter().enumerate().map(read).collect::<Result<_>>()?;
    if proofs.is_empty() {
        return Err(Error::argument(path, "must hold a proof, or be left out"));
    }
    if !proofs.is_sorted_by(|a, b| a.step.index < b.step.index) {
        return Err(Error::argument(path, "must rise in the steps' indices"));
    }
    Ok(proofs)
}
