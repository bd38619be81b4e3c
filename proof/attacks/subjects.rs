//! The models under attack, each with what an operator may run in its place.

use std::path::Path;

use attestlm::gguf::{GgmlType, GgufFile};
use attestlm::model::{Adapter, Model};
use attestlm_proof::{adapter, Failure};
use attestlm_testkit::{LoraSpec, ModelSpec, Rng, TensorType};

/// A model that clients ask for.
pub struct Subject {
    /// How tables call it.
    pub name: &'static str,
    /// What the client asks for.
    pub model: Model,
    /// The same shape and vocabulary with other weights.
    pub other: Model,
    /// One weight moved to the next value its type can hold, nothing else.
    pub nudged: Model,
    /// The same weights with fewer bits.
    pub cheaper: Model,
    /// How [`Self::cheaper`] is called.
    pub quantization: &'static str,
    /// The adapter that a client may ask for, and another one.
    pub adapters: [Adapter; 2],
}

/// A model in place of the client's, by what the operator gains from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weights {
    /// The client's own.
    Asked,
    /// [`Subject::other`].
    Other,
    /// [`Subject::nudged`].
    Nudged,
    /// [`Subject::cheaper`].
    Cheaper,
}

impl Subject {
    /// The model that runs.
    pub fn model_of(&self, weights: Weights) -> &Model {
        match weights {
            Weights::Asked => &self.model,
            Weights::Other => &self.other,
            Weights::Nudged => &self.nudged,
            Weights::Cheaper => &self.cheaper,
        }
    }

    /// The model with this hash, as a verifier looks one up.
    pub fn named(&self, sha256: &[u8; 32]) -> Option<&Model> {
        [&self.model, &self.other, &self.nudged, &self.cheaper].into_iter().find(|m| m.sha256() == *sha256)
    }

    /// The adapter with this hash.
    pub fn adapter_named(&self, sha256: &[u8; 32]) -> Option<&Adapter> {
        self.adapters.iter().find(|a| a.sha256() == *sha256)
    }
}

/// Every subject. Another architecture is another line here, once it is proven exact.
pub fn all() -> Result<Vec<Subject>, Failure> {
    let random = |seed| ModelSpec { seed, layers: 2, ..ModelSpec::tiny() }.with_ggml();
    let mixture = ModelSpec { seed: 31, ..ModelSpec::moe_tiny() }.with_ggml();
    Ok(vec![
        trained()?,
        made("llama Q8_0", &random(11), TensorType::Q8_0, TensorType::Q6_K, "Q6_K for Q8_0")?,
        made("llama Q4_K", &random(21), TensorType::Q4_K, TensorType::Q4_0, "Q4_0 for Q4_K")?,
        made("mixture F16", &mixture, TensorType::F16, TensorType::Q8_0, "Q8_0 for F16")?,
    ])
}

/// Random weights, of which every type holds the nearest it can.
fn made(
    name: &'static str,
    spec: &ModelSpec,
    asked: TensorType,
    cheaper: TensorType,
    quantization: &'static str,
) -> Result<Subject, Failure> {
    let spec = spec.clone().with_type(asked);
    let file = tempfile::NamedTempFile::new()?;
    spec.write_to(file.path())?;
    let model = Model::open(file.path())?;
    let other = ModelSpec { seed: spec.seed + 1, ..spec.clone() };
    Ok(Subject {
        name,
        other: attestlm_proof::model(&other)?,
        nudged: edited(file.path(), &mut |file, bytes| nudge(file, bytes))?,
        cheaper: attestlm_proof::model(&spec.clone().with_type(cheaper))?,
        quantization,
        adapters: adapters(&spec, &model)?,
        model,
    })
}

/// The bundled model, trained; what replaces it is made from its file.
fn trained() -> Result<Subject, Failure> {
    let model = Model::bundled()?;
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/abacus/abacus-q8_0.gguf"));
    if Model::open(path)?.sha256() != model.sha256() {
        return Err(format!("{} is not the bundled model", path.display()).into());
    }
    let header = model.header();
    // As far as an adapter needs it: the names and widths of the matrices.
    let shape = ModelSpec {
        layers: header.layers,
        embedding: header.embedding,
        heads: header.heads,
        heads_kv: header.heads_kv,
        feed_forward: header.feed_forward,
        vocabulary: header.vocabulary,
        tied_embeddings: header.tied_embeddings,
        ..ModelSpec::tiny()
    };
    Ok(Subject {
        name: "abacus Q8_0",
        other: edited(path, &mut |file, bytes| each_q8_0_block(file, bytes, &mut tuned(Rng::new(7))))?,
        nudged: edited(path, &mut |file, bytes| nudge(file, bytes))?,
        cheaper: edited(path, &mut |file, bytes| each_q8_0_block(file, bytes, &mut four_bits))?,
        quantization: "4 bits for Q8_0",
        adapters: adapters(&shape, &model)?,
        model,
    })
}

fn adapters(spec: &ModelSpec, model: &Model) -> Result<[Adapter; 2], Failure> {
    let lora = |seed| adapter(&LoraSpec { seed, ..LoraSpec::default() }, spec, model);
    Ok([lora(5)?, lora(6)?])
}

type Edit<'a> = &'a mut dyn FnMut(&GgufFile, &mut [u8]) -> Result<(), Failure>;

/// The model of a file whose bytes were edited.
fn edited(path: &Path, edit: Edit<'_>) -> Result<Model, Failure> {
    let mut bytes = std::fs::read(path)?;
    edit(&GgufFile::open(path)?, &mut bytes)?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), bytes)?;
    Ok(Model::open(file.path())?)
}

/// Moves one weight of the first layer's values by one step of its type.
fn nudge(file: &GgufFile, bytes: &mut [u8]) -> Result<(), Failure> {
    const NAME: &str = "blk.0.attn_v.weight";
    let tensor = file.tensor(NAME).ok_or(format!("no tensor {NAME}"))?;
    // Where the first weight's quantum lies in a block: behind its scales.
    let within = match tensor.ggml_type {
        GgmlType::F16 => 0,
        GgmlType::Q8_0 => 2,
        GgmlType::Q4_K => 16,
        other => return Err(format!("no rule for moving a weight of type {}", other.name()).into()),
    };
    let at = usize::try_from(tensor.offset)? + within;
    *bytes.get_mut(at).ok_or("the file ends before its tensors")? ^= 1;
    Ok(())
}

/// Edits the 32 quanta of every block of a file's matrices.
fn each_q8_0_block(
    file: &GgufFile,
    bytes: &mut [u8],
    edit: &mut dyn FnMut(&mut [u8]),
) -> Result<(), Failure> {
    for tensor in file.tensors().iter().filter(|t| t.ggml_type == GgmlType::Q8_0) {
        let start = usize::try_from(tensor.offset)?;
        let end = start + usize::try_from(tensor.bytes)?;
        let data = bytes.get_mut(start..end).ok_or("the file ends before its tensors")?;
        data.chunks_exact_mut(34).for_each(|block| edit(&mut block[2..]));
    }
    Ok(())
}

/// One weight in a hundred moved by one step: as little as a short fine-tuning does.
fn tuned(mut rng: Rng) -> impl FnMut(&mut [u8]) {
    move |quanta| {
        for quantum in quanta {
            if rng.below(100) == 0 {
                *quantum = quantum.cast_signed().saturating_add(1).cast_unsigned();
            }
        }
    }
}

/// The block's weights rounded to 15 values, as 4-bit blocks hold them.
fn four_bits(quanta: &mut [u8]) {
    let largest = quanta.iter().map(|q| i32::from(q.cast_signed()).abs()).max().unwrap_or(0);
    if largest == 0 {
        return;
    }
    for quantum in quanta {
        let q = i32::from(quantum.cast_signed());
        // To the nearest of -7..=7 steps of a seventh of the largest, and back.
        let steps = (q.abs() * 14 + largest) / (2 * largest) * q.signum();
        let back = (steps.abs() * 2 * largest + 7) / 14 * steps.signum();
        *quantum = i8::try_from(back).unwrap_or(i8::MAX).cast_unsigned();
    }
}
