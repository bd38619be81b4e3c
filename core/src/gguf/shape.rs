//! Which tensors an architecture has, and of what shape.
//!
//! The list is exact: a missing tensor would be dereferenced, an extra one means that the file
//! is of another architecture than it says.

use super::model::Architecture;
use super::model_error;
use super::reader::GgufFile;
use super::tensor::{format_dims, GgmlType, TensorInfo};
use crate::Result;
use std::collections::HashMap;

pub(super) struct Dimensions {
    pub(super) architecture: Architecture,
    pub(super) layers: u32,
    pub(super) embedding: u64,
    pub(super) heads: u64,
    pub(super) heads_kv: u64,
    pub(super) head: u64,
    pub(super) rope: u64,
    pub(super) feed_forward: u64,
    pub(super) vocabulary: u64,
    /// 0 for a dense model.
    pub(super) experts: u64,
    /// Whether the model selects long or short RoPE factors by the context's length.
    pub(super) long_rope: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// Multiplied or looked up: any weight type.
    Matrix,
    /// Norms, biases, RoPE factors: the engine asserts F32.
    Vector,
}

struct Expected {
    dims: [u64; 4],
    role: Role,
    required: bool,
}

struct List(HashMap<String, Expected>);

impl List {
    fn add(&mut self, name: String, dims: &[u64], role: Role, required: bool) {
        let mut padded = [1; 4];
        for (to, from) in padded.iter_mut().zip(dims) {
            *to = *from;
        }
        self.0.insert(name, Expected { dims: padded, role, required });
    }

    fn matrix(&mut self, name: impl Into<String>, dims: &[u64]) {
        self.add(name.into(), dims, Role::Matrix, true);
    }

    fn vector(&mut self, name: impl Into<String>, n: u64) {
        self.add(name.into(), &[n], Role::Vector, true);
    }

    fn optional_vector(&mut self, name: impl Into<String>, n: u64) {
        self.add(name.into(), &[n], Role::Vector, false);
    }
}

fn expected(d: &Dimensions, fused_qkv: bool) -> List {
    use Architecture::{Gemma2, Gemma3, Llama, Phi3, Qwen2, Qwen3};
    let mut list = List(HashMap::new());
    let (q, kv) = (d.heads * d.head, d.heads_kv * d.head);
    list.matrix("token_embd.weight", &[d.embedding, d.vocabulary]);
    list.vector("output_norm.weight", d.embedding);
    if d.architecture != Gemma2 {
        let dims = [d.embedding, d.vocabulary];
        list.add("output.weight".into(), &dims, Role::Matrix, false);
    }
    if d.architecture == Qwen2 {
        list.optional_vector("output.bias", d.vocabulary);
    }
    if d.architecture == Phi3 || (d.architecture == Llama && d.long_rope) {
        list.optional_vector("rope_factors_long.weight", d.rope / 2);
        list.optional_vector("rope_factors_short.weight", d.rope / 2);
    } else if d.architecture == Llama {
        list.optional_vector("rope_freqs.weight", d.rope / 2);
    }
    for i in 0..d.layers {
        let name = |part: &str| format!("blk.{i}.{part}");
        list.vector(name("attn_norm.weight"), d.embedding);
        if fused_qkv {
            list.matrix(name("attn_qkv.weight"), &[d.embedding, q + 2 * kv]);
            list.optional_vector(name("attn_qkv.bias"), q + 2 * kv);
        } else {
            for (part, n) in [("attn_q", q), ("attn_k", kv), ("attn_v", kv)] {
                list.matrix(name(&format!("{part}.weight")), &[d.embedding, n]);
                list.optional_vector(name(&format!("{part}.bias")), n);
            }
        }
        list.matrix(name("attn_output.weight"), &[q, d.embedding]);
        if d.architecture == Llama {
            list.optional_vector(name("attn_output.bias"), d.embedding);
        }
        if matches!(d.architecture, Qwen3 | Gemma3) {
            list.vector(name("attn_q_norm.weight"), d.head);
            list.vector(name("attn_k_norm.weight"), d.head);
        }
        if matches!(d.architecture, Gemma2 | Gemma3) {
            list.vector(name("post_attention_norm.weight"), d.embedding);
            list.vector(name("post_ffw_norm.weight"), d.embedding);
        }
        list.vector(name("ffn_norm.weight"), d.embedding);
        let (e, ff) = (d.embedding, d.feed_forward);
        if d.experts > 0 {
            list.matrix(name("ffn_gate_inp.weight"), &[e, d.experts]);
            list.matrix(name("ffn_gate_exps.weight"), &[e, ff, d.experts]);
            list.matrix(name("ffn_up_exps.weight"), &[e, ff, d.experts]);
            list.matrix(name("ffn_down_exps.weight"), &[ff, e, d.experts]);
        } else {
            list.matrix(name("ffn_down.weight"), &[ff, e]);
            if d.architecture == Phi3 {
                // Gate and up in one matrix.
                list.matrix(name("ffn_up.weight"), &[e, 2 * ff]);
            } else {
                list.matrix(name("ffn_gate.weight"), &[e, ff]);
                list.matrix(name("ffn_up.weight"), &[e, ff]);
            }
            if d.architecture == Llama {
                list.optional_vector(name("ffn_gate.bias"), ff);
                list.optional_vector(name("ffn_up.bias"), ff);
                list.optional_vector(name("ffn_down.bias"), e);
            }
        }
    }
    list
}

/// Checks that the file holds exactly the tensors that `d` describes.
pub(super) fn check(file: &GgufFile, d: &Dimensions) -> Result<()> {
    // Only this architecture is commonly converted with one matrix for Q, K and V.
    let fused = d.architecture == Architecture::Phi3 && file.tensor("blk.0.attn_qkv.weight").is_some();
    let list = expected(d, fused).0;
    for tensor in file.tensors() {
        let Some(wanted) = list.get(&tensor.name) else {
            let name = d.architecture.name();
            return Err(model_error(
                tensor.name.clone(),
                format!("architecture \"{name}\" with this metadata has no such tensor"),
            ));
        };
        check_one(tensor, wanted)?;
    }
    let mut absent: Vec<&String> = list
        .iter()
        .filter(|(name, wanted)| wanted.required && file.tensor(name).is_none())
        .map(|(name, _)| name)
        .collect();
    absent.sort();
    if let Some(name) = absent.first() {
        let more = absent.len() - 1;
        let others = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        return Err(model_error((*name).clone(), format!("the tensor is missing{others}")));
    }
    let long = file.tensor("rope_factors_long.weight").is_some();
    if long != file.tensor("rope_factors_short.weight").is_some() {
        return Err(model_error("rope_factors", "only one of the long and the short factors is present"));
    }
    Ok(())
}

fn check_one(tensor: &TensorInfo, wanted: &Expected) -> Result<()> {
    if tensor.dims != wanted.dims {
        let (want, got) = (format_dims(&wanted.dims), format_dims(&tensor.dims));
        return Err(model_error(tensor.name.clone(), format!("shape {got}; must be {want}")));
    }
    if wanted.role == Role::Vector && tensor.ggml_type != GgmlType::F32 {
        let message = format!("type {}; norms, biases and factors must be F32", tensor.ggml_type);
        return Err(model_error(tensor.name.clone(), message));
    }
    Ok(())
}
