//! The model's header: architecture, hyperparameters, and what follows from them.

use super::meta::{missing, Meta};
use super::model_error;
use super::reader::GgufFile;
use super::shape::{self, Dimensions};
use super::tensor::GgmlType;
use super::value::{Array, Value};
use super::vocab::{self, TokenizerHeader};
use crate::Result;
use std::collections::BTreeMap;

/// A model architecture whose every hyperparameter and tensor is checked.
///
/// Others are refused: llama.cpp's loaders assert on what their files say, and none of those
/// assertions has been read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Architecture {
    /// Llama, Mistral, and Mixtral-style mixtures of experts.
    Llama,
    /// Qwen2 and Qwen2.5, dense.
    Qwen2,
    /// Qwen3, dense.
    Qwen3,
    /// Gemma 2.
    Gemma2,
    /// Gemma 3, text.
    Gemma3,
    /// Phi-3 and Phi-4.
    Phi3,
}

impl Architecture {
    const ALL: [Architecture; 6] = [
        Architecture::Llama,
        Architecture::Qwen2,
        Architecture::Qwen3,
        Architecture::Gemma2,
        Architecture::Gemma3,
        Architecture::Phi3,
    ];

    /// The value of `general.architecture`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Architecture::Llama => "llama",
            Architecture::Qwen2 => "qwen2",
            Architecture::Qwen3 => "qwen3",
            Architecture::Gemma2 => "gemma2",
            Architecture::Gemma3 => "gemma3",
            Architecture::Phi3 => "phi3",
        }
    }

    /// Reads and checks `general.architecture`.
    pub(super) fn of(meta: &Meta<'_>) -> Result<Self> {
        let key = "general.architecture";
        let name = meta.need_string(key)?;
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or_else(|| {
            let supported = Self::ALL.map(Architecture::name).join(", ");
            let shown: String = name.chars().take(40).collect();
            model_error(key, format!("{shown:?} has no validator here; supported are {supported}"))
        })
    }
}

/// How rotary position embeddings are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// By a factor.
    Linear,
    /// YaRN, <https://arxiv.org/abs/2309.00071>.
    Yarn,
    /// Long or short factors by the context's length.
    LongRope,
}

/// What a validated model says about itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelHeader {
    /// Architecture.
    pub architecture: Architecture,
    /// `general.name`.
    pub name: Option<String>,
    /// Number of transformer layers.
    pub layers: u32,
    /// Width of the residual stream.
    pub embedding: u32,
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub heads_kv: u32,
    /// Width of one head.
    pub head: u32,
    /// Width of the feed-forward network (of one expert, in a mixture).
    pub feed_forward: u32,
    /// Tokens the model was trained to attend to.
    pub context: u32,
    /// Number of tokens in the vocabulary.
    pub vocabulary: u32,
    /// Experts per layer, 0 for a dense model.
    pub experts: u32,
    /// Experts used per token, 0 for a dense model.
    pub experts_used: u32,
    /// Attention window of the sliding-window layers, in tokens.
    pub sliding_window: Option<u32>,
    /// RoPE scaling.
    pub rope_scaling: RopeScaling,
    /// Context before RoPE scaling; long factors apply to contexts beyond it.
    pub rope_original_context: u32,
    /// Whether the file holds long and short RoPE factors.
    pub has_long_short_factors: bool,
    /// Whether output and input embeddings are one tensor.
    pub tied_embeddings: bool,
    /// The tokenizer.
    pub tokenizer: TokenizerHeader,
    /// `tokenizer.chat_template`, Jinja.
    pub chat_template: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Number of tensors of each type.
    pub tensor_types: BTreeMap<GgmlType, u64>,
}

const MAX_LAYERS: u32 = 512;
const MAX_WIDTH: u32 = 131_072;
const MAX_HEADS: u32 = 4096;
const MAX_HEAD: u32 = 1024;
const MAX_FEED_FORWARD: u32 = 1 << 20;
const MAX_CONTEXT: u32 = 1 << 26;
const MAX_EXPERTS: u32 = 1024;
/// Each expert in use costs two graph nodes per layer, and llama.cpp sizes its graph by the
/// number of tensors: more would overrun it and abort.
const MAX_EXPERTS_USED: u32 = 8;

/// Checks everything about a model file that llama.cpp would assert on.
///
/// # Errors
/// [`ErrorKind::Model`](crate::ErrorKind::Model) naming the key or tensor at fault.
pub fn validate_model(file: &GgufFile) -> Result<ModelHeader> {
    let meta = Meta(file);
    check_kind(&meta)?;
    let architecture = Architecture::of(&meta)?;
    let name = meta.string("general.name")?.map(str::to_owned);
    let key = |suffix: &str| format!("{}.{suffix}", architecture.name());

    let layers = meta.need_u32(&key("block_count"), 1..=MAX_LAYERS)?;
    let context = meta.need_u32(&key("context_length"), 1..=MAX_CONTEXT)?;
    let embedding = meta.need_u32(&key("embedding_length"), 1..=MAX_WIDTH)?;
    let need_per_layer = |suffix: &str, max: u32| {
        meta.per_layer_u32(&key(suffix), layers, 1..=max)?.ok_or_else(|| missing(&key(suffix)))
    };
    let feed_forward = need_per_layer("feed_forward_length", MAX_FEED_FORWARD)?;
    let heads = need_per_layer("attention.head_count", MAX_HEADS)?;
    let heads_kv =
        meta.per_layer_u32(&key("attention.head_count_kv"), layers, 1..=MAX_HEADS)?.unwrap_or(heads);
    if heads % heads_kv != 0 {
        let message = format!("{heads_kv} does not divide the {heads} query heads");
        return Err(model_error(key("attention.head_count_kv"), message));
    }
    let head = check_heads(&meta, architecture, embedding, heads)?;
    let rope = check_rope(&meta, architecture, head, context)?;
    meta.need_f32(&key("attention.layer_norm_rms_epsilon"), f32::MIN_POSITIVE, 1.0)?;
    let (experts, experts_used) = check_experts(&meta, architecture, layers)?;
    let sliding_window = check_sliding_window(&meta, architecture, layers)?;
    check_unsupported(&meta, architecture)?;

    let tokenizer = vocab::validate(&meta)?;
    let chat_template = meta.string("tokenizer.chat_template")?.map(str::to_owned);
    shape::check(
        file,
        &Dimensions {
            architecture,
            layers,
            embedding: embedding.into(),
            heads: heads.into(),
            heads_kv: heads_kv.into(),
            head: head.into(),
            rope: rope.dimensions.into(),
            feed_forward: feed_forward.into(),
            vocabulary: tokenizer.vocabulary.into(),
            experts: experts.into(),
            long_rope: rope.scaling == RopeScaling::LongRope,
        },
    )?;

    let mut tensor_types = BTreeMap::new();
    for tensor in file.tensors() {
        *tensor_types.entry(tensor.ggml_type).or_insert(0) += 1;
    }
    Ok(ModelHeader {
        architecture,
        name,
        layers,
        embedding,
        heads,
        heads_kv,
        head,
        feed_forward,
        context,
        vocabulary: tokenizer.vocabulary,
        experts,
        experts_used,
        sliding_window,
        rope_scaling: rope.scaling,
        rope_original_context: rope.original_context,
        has_long_short_factors: file.tensor("rope_factors_long.weight").is_some(),
        tied_embeddings: file.tensor("output.weight").is_none(),
        tokenizer,
        chat_template,
        // Each tensor lies within the file, so the sum cannot overflow.
        parameters: file.tensors().iter().map(super::TensorInfo::elements).sum(),
        tensor_types,
    })
}

/// Refuses what is a GGUF but not a whole model.
fn check_kind(meta: &Meta<'_>) -> Result<()> {
    match meta.string("general.type")? {
        None | Some("model") => {}
        Some("adapter") => {
            return Err(model_error("general.type", "this file is a LoRA adapter, not a model"))
        }
        Some(_) => return Err(model_error("general.type", "this file is not a language model")),
    }
    let parts = match meta.0.metadata("split.count") {
        None => 1,
        Some(Value::U16(n)) => *n,
        Some(_) => return Err(model_error("split.count", "must be uint16")),
    };
    if parts > 1 {
        let message = format!(
            "the model is split into {parts} files; merge them with \
             `llama-gguf-split --merge FIRST OUT` and load OUT"
        );
        return Err(model_error("split.count", message));
    }
    Ok(())
}

fn check_heads(meta: &Meta<'_>, architecture: Architecture, embedding: u32, heads: u32) -> Result<u32> {
    let key = |suffix: &str| format!("{}.attention.{suffix}", architecture.name());
    let keys = meta.u32(&key("key_length"), 1..=MAX_HEAD)?;
    let values = meta.u32(&key("value_length"), 1..=MAX_HEAD)?;
    let default = embedding / heads;
    let head = keys.unwrap_or(default);
    if values.unwrap_or(default) != head {
        let message = format!("{}; must equal the key length {head}", values.unwrap_or(default));
        return Err(model_error(key("value_length"), message));
    }
    if head == 0 || head > MAX_HEAD || head % 2 != 0 {
        let message = format!("heads of width {head}; must be even and from 2 to {MAX_HEAD}");
        return Err(model_error(key("head_count"), message));
    }
    let square = matches!(architecture, Architecture::Qwen2 | Architecture::Phi3);
    if (keys.is_none() || square) && head.checked_mul(heads) != Some(embedding) {
        let message = format!("{heads} heads of width {head} do not make up the width {embedding}");
        return Err(model_error(key("head_count"), message));
    }
    for suffix in ["key_length_swa", "value_length_swa"] {
        meta.u32(&key(suffix), head..=head)?;
    }
    Ok(head)
}

struct Rope {
    dimensions: u32,
    scaling: RopeScaling,
    original_context: u32,
}

fn check_rope(meta: &Meta<'_>, architecture: Architecture, head: u32, context: u32) -> Result<Rope> {
    let key = |suffix: &str| format!("{}.rope.{suffix}", architecture.name());
    let dimensions = meta.u32(&key("dimension_count"), 2..=head)?.unwrap_or(head);
    if dimensions % 2 != 0 || (architecture != Architecture::Phi3 && dimensions != head) {
        let message = format!("{dimensions}; must be even, and for this architecture the head width {head}");
        return Err(model_error(key("dimension_count"), message));
    }
    meta.u32(&key("dimension_count_swa"), dimensions..=dimensions)?;
    for suffix in ["freq_base", "freq_base_swa"] {
        meta.f32(&key(suffix), 1.0, 1e12)?;
    }
    let scaling = match meta.string(&key("scaling.type"))? {
        Some("none") => RopeScaling::None,
        // llama.cpp's default, which does nothing without a factor.
        None | Some("linear") => RopeScaling::Linear,
        Some("yarn") => RopeScaling::Yarn,
        Some("longrope") => RopeScaling::LongRope,
        Some(_) => {
            let message = "unknown; must be none, linear, yarn or longrope";
            return Err(model_error(key("scaling.type"), message));
        }
    };
    // A factor of 0 means "none" to llama.cpp, and YaRN takes its logarithm.
    for suffix in ["scaling.factor", "scale_linear"] {
        let factor = meta.f32(&key(suffix), 0.0, 1e6)?;
        if factor.is_some_and(|f| f != 0.0 && f < 1e-6) {
            return Err(model_error(key(suffix), "must be 0 or at least 1e-6"));
        }
    }
    for suffix in ["attn_factor", "alpha", "yarn_ext_factor", "yarn_attn_factor"] {
        meta.f32(&key(&format!("scaling.{suffix}")), -1e6, 1e6)?;
    }
    for suffix in ["yarn_beta_fast", "yarn_beta_slow", "yarn_log_multiplier"] {
        meta.f32(&key(&format!("scaling.{suffix}")), 0.0, 1e6)?;
    }
    meta.bool(&key("scaling.finetuned"))?;
    let original_context =
        meta.u32(&key("scaling.original_context_length"), 1..=MAX_CONTEXT)?.unwrap_or(context);
    Ok(Rope { dimensions, scaling, original_context })
}

fn check_experts(meta: &Meta<'_>, architecture: Architecture, layers: u32) -> Result<(u32, u32)> {
    let key = |suffix: &str| format!("{}.{suffix}", architecture.name());
    let max = if architecture == Architecture::Llama { MAX_EXPERTS } else { 0 };
    let experts = meta.u32(&key("expert_count"), 0..=max)?.unwrap_or(0);
    let used_key = key("expert_used_count");
    let used = meta.per_layer_u32(&used_key, layers, 0..=MAX_EXPERTS_USED.min(experts))?.unwrap_or(0);
    if experts > 0 && used == 0 {
        return Err(model_error(used_key, format!("must be at least 1 with {experts} experts")));
    }
    for suffix in ["expert_group_count", "expert_group_used_count"] {
        meta.u32(&key(suffix), 0..=0)?;
    }
    Ok((experts, used))
}

fn check_sliding_window(meta: &Meta<'_>, architecture: Architecture, layers: u32) -> Result<Option<u32>> {
    let key = |suffix: &str| format!("{}.attention.{suffix}", architecture.name());
    let period_default = match architecture {
        Architecture::Gemma2 => 2,
        Architecture::Gemma3 => 6,
        // Read by no graph of the others.
        _ => {
            meta.u32(&key("sliding_window"), 0..=u32::MAX)?;
            return Ok(None);
        }
    };
    for (suffix, min) in [("attn_logit_softcapping", 1e-6), ("final_logit_softcapping", 0.0)] {
        meta.f32(&format!("{}.{suffix}", architecture.name()), min, 1e6)?;
    }
    let window = meta.u32(&key("sliding_window"), 0..=MAX_CONTEXT)?;
    let window = match (architecture, window) {
        (Architecture::Gemma2, None) => 4096,
        (Architecture::Gemma2, Some(0)) => {
            return Err(model_error(key("sliding_window"), "0; must be at least 1"))
        }
        (_, None | Some(0)) => return Ok(None),
        (_, Some(window)) => window,
    };
    let pattern_key = key("sliding_window_pattern");
    // Both kinds of layer must occur: an attention mask that no layer uses is never allocated.
    let mixed = match meta.0.metadata(&pattern_key) {
        None => layers >= period_default,
        Some(Value::U32(period)) => (2..=layers).contains(period),
        Some(Value::Array(Array::Bool(sliding))) => {
            sliding.len() == layers as usize && sliding.contains(&true) && sliding.contains(&false)
        }
        Some(_) => {
            return Err(model_error(pattern_key, "must be uint32 or an array of bool"));
        }
    };
    if !mixed {
        let message = "the layers must be both sliding and full: a period from 2 to the number of \
                       layers, or one bool per layer";
        return Err(model_error(pattern_key, message));
    }
    Ok(Some(window))
}

/// Keys that switch llama.cpp to something other than causal text generation.
fn check_unsupported(meta: &Meta<'_>, architecture: Architecture) -> Result<()> {
    let key = |suffix: &str| format!("{}.{suffix}", architecture.name());
    if meta.bool(&key("attention.causal"))? == Some(false) {
        return Err(model_error(key("attention.causal"), "the model is an encoder; it cannot generate"));
    }
    for suffix in ["pooling_type", "classifier.pooling_type", "nextn_predict_layers", "embedding_length_out"]
    {
        meta.u32(&key(suffix), 0..=0)?;
    }
    for unsupported in [key("classifier.output_labels"), "general.tensor_extra.name".into()] {
        if meta.0.metadata(&unsupported).is_some() {
            return Err(model_error(unsupported, "models with this key are not supported"));
        }
    }
    meta.u32(&key("vocab_size"), 0..=u32::MAX)?;
    meta.u32("general.file_type", 0..=u32::MAX)?;
    Ok(())
}
