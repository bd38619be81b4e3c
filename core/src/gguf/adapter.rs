//! LoRA adapters.

use super::meta::Meta;
use super::model::Architecture;
use super::model_error;
use super::reader::GgufFile;
use super::tensor::{format_dims, TensorInfo};
use crate::Result;

/// What a validated adapter says about itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AdapterHeader {
    /// Architecture of the base model.
    pub architecture: Architecture,
    /// `general.name`.
    pub name: Option<String>,
    /// `adapter.lora.alpha`; the update is scaled by alpha / rank, or not at all if 0.
    pub alpha: f32,
    /// Largest rank of any pair.
    pub rank: u64,
    /// Number of adapted tensors.
    pub pairs: usize,
}

const MAX_RANK: u64 = 4096;

/// Matrices that the engine's graphs multiply through the adapter.
const ADAPTABLE: [&str; 11] = [
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_qkv",
    "attn_output",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
    "ffn_gate_exps",
    "ffn_up_exps",
    "ffn_down_exps",
];

/// Checks everything about a LoRA adapter that llama.cpp would assert on, and that it fits
/// `base`, which [`validate_model`](super::validate_model) has accepted.
///
/// # Errors
/// [`ErrorKind::Model`](crate::ErrorKind::Model) naming the key or tensor at fault.
pub fn validate_adapter(adapter: &GgufFile, base: &GgufFile) -> Result<AdapterHeader> {
    let meta = Meta(adapter);
    for (key, wanted) in [("general.type", "adapter"), ("adapter.type", "lora")] {
        if meta.need_string(key)? != wanted {
            return Err(model_error(key, format!("must be \"{wanted}\" in a LoRA adapter")));
        }
    }
    let architecture = Architecture::of(&meta)?;
    if architecture != Architecture::of(&Meta(base))? {
        let message = format!("the adapter is for \"{}\", the model is not", architecture.name());
        return Err(model_error("general.architecture", message));
    }
    let alpha = meta.need_f32("adapter.lora.alpha", 0.0, 1e6)?;
    for unsupported in ["adapter.alora.invocation_tokens", "split.count"] {
        if adapter.metadata(unsupported).is_some() {
            return Err(model_error(unsupported, "adapters with this key are not supported"));
        }
    }

    let (mut pairs, mut rank) = (0, 0);
    for tensor in adapter.tensors() {
        if let Some(name) = tensor.name.strip_suffix(".lora_a") {
            let b = other(adapter, name, "b")?;
            rank = rank.max(check_pair(name, tensor, b, base)?);
            pairs += 1;
        } else if let Some(name) = tensor.name.strip_suffix(".lora_b") {
            other(adapter, name, "a")?;
        } else {
            // llama.cpp skips adapted norms without a word: the adapter would not be what was trained.
            let message = "must end in .lora_a or .lora_b; other adapted tensors are not supported";
            return Err(model_error(tensor.name.clone(), message));
        }
    }
    if pairs == 0 {
        return Err(model_error("adapter", "the file holds no tensor"));
    }
    let name = meta.string("general.name")?.map(str::to_owned);
    Ok(AdapterHeader { architecture, name, alpha, rank, pairs })
}

fn other<'a>(adapter: &'a GgufFile, name: &str, which: &str) -> Result<&'a TensorInfo> {
    let wanted = format!("{name}.lora_{which}");
    adapter
        .tensor(&wanted)
        .ok_or_else(|| model_error(wanted, "the tensor is missing: its other half is present"))
}

/// `A` is `[inputs, rank]` and `B` is `[rank, outputs]`, with one slice per expert.
fn check_pair(name: &str, a: &TensorInfo, b: &TensorInfo, base: &GgufFile) -> Result<u64> {
    let part = name.strip_suffix(".weight").unwrap_or(name);
    let part = part.strip_prefix("blk.").and_then(|rest| rest.split_once('.')).map_or(part, |p| p.1);
    let adaptable = ADAPTABLE.contains(&part) || name == "output.weight";
    let Some(target) = base.tensor(name).filter(|_| adaptable) else {
        return Err(model_error(name.to_owned(), "the model has no such tensor that can be adapted"));
    };
    let rank = a.dims[1];
    if rank == 0 || rank > MAX_RANK {
        return Err(model_error(a.name.clone(), format!("rank {rank}; must be from 1 to {MAX_RANK}")));
    }
    let [inputs, outputs, experts, _] = target.dims;
    for (tensor, wanted) in [(a, [inputs, rank, experts, 1]), (b, [rank, outputs, experts, 1])] {
        if tensor.dims != wanted {
            let (want, got) = (format_dims(&wanted), format_dims(&tensor.dims));
            let message = format!("shape {got}; must be {want} to fit the model");
            return Err(model_error(tensor.name.clone(), message));
        }
    }
    Ok(rank)
}
