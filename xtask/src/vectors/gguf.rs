//! Model files that lie in one place, and the key or tensor that the error names.
//!
//! What is expected is written here by hand, from what GGUF and llama.cpp require.

use attestlm::hex;
use attestlm::ErrorKind::Model;
use attestlm_testkit::{Gguf, ModelSpec, TensorType, Value};
use serde_json::json;

use super::outcome::{Outcome, Statuses};
use super::Cases;
use crate::Failure;

/// A reader need not hold more than this for any case.
const MAX_BYTES: usize = 20_000;

/// The bytes of each file, and what opening it answers. Of a split file the message says what to do, too.
///
/// # Errors
/// A class of errors without a status, or a file that is too large.
pub fn cases() -> Result<Cases, Failure> {
    let statuses = Statuses::read()?;
    let files = [accepted(), headers(), cut(), tensors(), keys(), tokenizers()].concat();
    files
        .into_iter()
        .map(|(name, bytes, outcome)| {
            if bytes.len() > MAX_BYTES {
                return Err(format!("{name}: {} bytes", bytes.len()).into());
            }
            let mut case = json!({ "hex": hex::encode(&bytes).trim_start_matches("0x") });
            statuses.add(outcome, &mut case)?;
            if name == "key-split" {
                case["says"] = "llama-gguf-split --merge".into();
            }
            Ok((name.to_owned(), case))
        })
        .collect()
}

type File = (&'static str, Vec<u8>, Outcome);

fn refused(name: &'static str, bytes: Vec<u8>, field: &'static str) -> File {
    (name, bytes, Some((Model, field)))
}

/// The smallest model there is: one layer of 32 and 259 tokens.
fn base() -> Gguf {
    ModelSpec {
        layers: 1,
        embedding: 32,
        heads: 1,
        feed_forward: 32,
        vocabulary: 259,
        tied_embeddings: true,
        tensor_type: TensorType::Q4_0,
        ..ModelSpec::nano()
    }
    .to_gguf()
}

/// The model with its keys or tensors edited, and written as if it were right.
fn edited(edit: impl FnOnce(&mut Gguf)) -> Vec<u8> {
    let mut gguf = base();
    edit(&mut gguf);
    gguf.to_bytes()
}

fn set(key: &'static str, value: impl Into<Value>) -> Vec<u8> {
    edited(|gguf| gguf.set(key, value))
}

/// The model's bytes with some replaced.
fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = base().to_bytes();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// Where the byte behind a key or a tensor's name is.
fn behind(name: &str) -> usize {
    let file = base().to_bytes();
    let at = file.windows(name.len()).position(|window| window == name.as_bytes());
    at.unwrap_or(file.len()) + name.len()
}

/// Where a tensor's data begin.
fn data(name: &str) -> usize {
    usize::try_from(base().data_offset(name)).unwrap_or(usize::MAX)
}

/// Without these, who refuses everything would pass.
fn accepted() -> Vec<File> {
    let per_layer = edited(|gguf| {
        gguf.set("llama.attention.head_count", Value::U32s(vec![1]));
        gguf.set("llama.feed_forward_length", Value::I32s(vec![32]));
    });
    vec![
        ("valid", base().to_bytes(), None),
        ("valid-version-2", patched(4, &[2]), None),
        ("valid-per-layer-arrays", per_layer, None),
        ("valid-alignment-default", edited(|gguf| gguf.remove("general.alignment")), None),
    ]
}

/// Magic, version, counts and the first key: "general.architecture", a string.
fn headers() -> Vec<File> {
    vec![
        refused("magic", patched(0, b"GGML"), "header"),
        refused("version-1", patched(4, &[1]), "version"),
        refused("version-99", patched(4, &[99]), "version"),
        refused("version-big-endian", patched(4, &[0, 0, 0, 3]), "version"),
        refused("tensor-count-beyond", patched(8, &[0xff; 8]), "tensor count"),
        refused("key-count-beyond", patched(16, &[0xff; 8]), "key count"),
        refused("key-empty", patched(24, &[0; 8]), "metadata key"),
        refused("key-length-beyond", patched(24, &[0xff; 8]), "metadata key"),
        refused("key-not-printable", patched(32, b"\0"), "metadata key"),
        refused("value-type-unknown", patched(52, &[13]), "general.architecture"),
        refused("value-nested-array", patched(52, &[9, 0, 0, 0, 9]), "general.architecture"),
        refused("value-array-type-unknown", patched(52, &[9, 0, 0, 0, 13]), "general.architecture"),
        // 2^61 numbers of eight bytes: their size overflows.
        refused(
            "value-array-size-overflows",
            patched(52, &[9, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20]),
            "general.architecture",
        ),
        refused("value-string-beyond-limit", patched(56, &[0xff; 8]), "general.architecture"),
        refused("value-string-beyond-file", patched(56, &[0, 0, 0, 1, 0, 0, 0, 0]), "general.architecture"),
        refused("value-not-utf-8", patched(64, &[0xff]), "general.architecture"),
    ]
}

/// Files that end too early, in every section.
fn cut() -> Vec<File> {
    let cut = |name, length: usize, field| refused(name, base().to_bytes()[..length].to_vec(), field);
    let info = behind("blk.0.attn_q.weight");
    vec![
        cut("cut-empty", 0, "header"),
        cut("cut-magic", 3, "header"),
        cut("cut-version", 6, "version"),
        cut("cut-tensor-count", 12, "tensor count"),
        cut("cut-key-count", 20, "key count"),
        cut("cut-key", 40, "metadata key"),
        cut("cut-value-type", 54, "general.architecture"),
        cut("cut-value", 66, "general.architecture"),
        cut("cut-array", behind("tokenizer.ggml.tokens") + 100, "tokenizer.ggml.tokens"),
        cut("cut-tensor-name", info - 4, "tensor name"),
        cut("cut-tensor-info", info + 10, "blk.0.attn_q.weight"),
        cut("cut-before-data", data("token_embd.weight"), "token_embd.weight"),
        cut("cut-in-data", data("blk.0.ffn_down.weight") + 10, "blk.0.ffn_down.weight"),
    ]
}

/// After a tensor's name: dimensions, u32; each, u64; type, u32; offset, u64.
fn tensors() -> Vec<File> {
    const NAME: &str = "blk.0.attn_q.weight";
    let info = |name, at: usize, bytes: &[u8], field| refused(name, patched(behind(NAME) + at, bytes), field);
    let rename = |to: &str| edited(|gguf| gguf.tensor_mut(NAME).name = to.to_owned());
    let twice = edited(|gguf| {
        let copy = gguf.tensor_mut(NAME).clone();
        gguf.tensors.push(copy);
    });
    // A whole number of rows more than there are bytes.
    let rows = patched(behind("blk.0.ffn_down.weight") + 12, &[0, 0, 0, 1]);
    vec![
        info("tensor-0-dimensions", 0, &[0], NAME),
        info("tensor-5-dimensions", 0, &[5], NAME),
        info("tensor-dimension-0", 4, &[0; 8], NAME),
        info("tensor-product-overflows", 4, &[0xff; 16], NAME),
        info("tensor-rows-not-whole-blocks", 4, &[33], NAME),
        info("tensor-type-unknown", 20, &[4], NAME),
        info("tensor-type-beyond", 20, &[0xff; 4], NAME),
        info("tensor-offset-misaligned", 24, &[1], NAME),
        info("tensor-offset-overlaps", 24, &[0; 8], NAME),
        info("tensor-offset-beyond-file", 30, &[0xff; 2], NAME),
        refused("tensor-data-beyond-file", rows, "blk.0.ffn_down.weight"),
        refused("tensor-twice", twice, NAME),
        refused("tensor-name-64-bytes", rename(&"a".repeat(64)), "tensor name"),
        refused("tensor-unknown", rename("blk.0.attn_q2.weight"), "blk.0.attn_q2.weight"),
        refused("tensor-missing", edited(|gguf| gguf.tensors.retain(|t| t.name != NAME)), NAME),
        refused(
            "tensor-shape",
            edited(|gguf| gguf.tensor_mut("blk.0.attn_norm.weight").dims = vec![64]),
            "blk.0.attn_norm.weight",
        ),
        // An F32 NaN, and an infinite scale of a quantized block.
        refused(
            "tensor-nan",
            patched(data("output_norm.weight") + 4, &[0, 0, 0xc0, 0x7f]),
            "output_norm.weight",
        ),
        refused("tensor-infinite-scale", patched(data(NAME) + 18, &[0, 0x7c]), NAME),
    ]
}

fn keys() -> Vec<File> {
    let without = |name, key| refused(name, edited(|gguf| gguf.remove(key)), key);
    let with = |name, key, value: Value| refused(name, set(key, value), key);
    let twice = edited(|gguf| gguf.metadata.push(("llama.block_count".to_owned(), Value::U32(1))));
    vec![
        refused("key-twice", twice, "llama.block_count"),
        with("alignment-0", "general.alignment", Value::U32(0)),
        with("alignment-48", "general.alignment", Value::U32(48)),
        with("alignment-text", "general.alignment", "32".into()),
        with("key-split", "split.count", Value::U16(3)),
        with("architecture-unknown", "general.architecture", "mamba".into()),
        with("architecture-adapter", "general.type", "adapter".into()),
        without("architecture-missing", "general.architecture"),
        with("layers-600", "llama.block_count", Value::U32(600)),
        with("layers-0", "llama.block_count", Value::U32(0)),
        without("layers-missing", "llama.block_count"),
        without("context-missing", "llama.context_length"),
        without("embedding-missing", "llama.embedding_length"),
        without("feed-forward-missing", "llama.feed_forward_length"),
        with("feed-forward-2-for-1-layer", "llama.feed_forward_length", Value::U32s(vec![32, 32])),
        without("heads-missing", "llama.attention.head_count"),
        with("heads-0", "llama.attention.head_count", Value::U32(0)),
        with("heads-kv-do-not-divide", "llama.attention.head_count_kv", Value::U32(3)),
        without("epsilon-missing", "llama.attention.layer_norm_rms_epsilon"),
        with("epsilon-nan", "llama.attention.layer_norm_rms_epsilon", Value::F32(f32::NAN)),
        with("rope-base-infinite", "llama.rope.freq_base", Value::F32(f32::INFINITY)),
        with("rope-dimensions-odd", "llama.rope.dimension_count", Value::U32(31)),
    ]
}

fn tokenizers() -> Vec<File> {
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let without = |name, key| refused(name, edited(|gguf| gguf.remove(key)), key);
    let with = |name, key, value: Value| refused(name, set(key, value), key);
    let tokens = |edit: fn(&mut Vec<String>)| {
        edited(|gguf| {
            for (key, value) in &mut gguf.metadata {
                if let (TOKENS, Value::Strings(tokens)) = (key.as_str(), value) {
                    edit(tokens);
                }
            }
        })
    };
    vec![
        without("tokens-missing", TOKENS),
        refused("tokens-none", tokens(Vec::clear), TOKENS),
        refused("tokens-twice", tokens(|tokens| tokens[258] = tokens[257].clone()), TOKENS),
        refused("tokens-no-byte-7", tokens(|tokens| tokens[7] = "seven".to_owned()), TOKENS),
        refused("tokens-fewer-than-types", tokens(|tokens| drop(tokens.pop())), "tokenizer.ggml.token_type"),
        with("token-types-unknown", "tokenizer.ggml.token_type", Value::I32s(vec![9; 259])),
        with("token-scores-fewer", "tokenizer.ggml.scores", Value::F32s(vec![0.0])),
        with("merges-not-tokens", "tokenizer.ggml.merges", Value::Strings(vec!["z q".to_owned()])),
        without("end-token-missing", "tokenizer.ggml.eos_token_id"),
        with("end-token-beyond", "tokenizer.ggml.eos_token_id", Value::U32(259)),
        with("tokenizer-unknown", "tokenizer.ggml.model", "t5".into()),
    ]
}
