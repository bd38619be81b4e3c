//! The GGUF validator: what is whole passes, and every fault has an error of its own.

use attestlm::gguf::{
    scan, validate_adapter, validate_model, AdapterHeader, GgufFile, ModelHeader, RopeScaling, TokenizerKind,
};
use attestlm::{Error, ErrorKind};
use attestlm_testkit::{Architecture, Gguf, LoraSpec, ModelSpec, TensorType, Value};
use std::io::Write;

fn open(bytes: &[u8]) -> Result<GgufFile, Error> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    // The file is unlinked on drop; the open one stays.
    GgufFile::open(file.path())
}

fn validate(gguf: &Gguf) -> Result<ModelHeader, Error> {
    open(&gguf.to_bytes()).and_then(|file| validate_model(&file))
}

/// The error of the nano model after `edit`: (field, message).
#[track_caller]
fn fault(edit: impl FnOnce(&mut Gguf)) -> (String, String) {
    fault_of(ModelSpec::nano(), edit)
}

#[track_caller]
fn fault_of(spec: ModelSpec, edit: impl FnOnce(&mut Gguf)) -> (String, String) {
    let mut gguf = spec.to_gguf();
    edit(&mut gguf);
    let error = validate(&gguf).expect_err("the validator should refuse this");
    assert_eq!(error.kind(), ErrorKind::Model, "{error}");
    (error.field().to_owned(), error.message().to_owned())
}

#[track_caller]
fn assert_fault(edit: impl FnOnce(&mut Gguf), field: &str, message: &str) {
    let (got_field, got_message) = fault(edit);
    assert_eq!(got_field, field, "{got_message}");
    assert!(got_message.contains(message), "{got_message:?} does not contain {message:?}");
}

#[test]
fn every_tensor_type_passes_and_scans() {
    for ty in TensorType::ALL {
        let spec = ModelSpec::tiny().with_type(ty);
        let file = open(&spec.to_bytes()).unwrap();
        let header = validate_model(&file).unwrap_or_else(|e| panic!("{ty:?}: {e}"));
        assert_eq!(header.layers, 3);
        let (e, ff, v) = (256, 512, 512);
        let layer = 2 * e * e + 2 * e * e / 2 + 3 * e * ff + 2 * e;
        assert_eq!(header.parameters, 2 * e * v + e + 3 * layer, "{ty:?}");
        assert_eq!(header.tensor_types.values().sum::<u64>(), file.tensors().len() as u64);
        scan(&file, &mut |_, _| true).unwrap_or_else(|e| panic!("{ty:?}: {e}"));
    }
}

#[test]
fn every_architecture_passes() {
    for architecture in Architecture::ALL {
        let header = validate(&ModelSpec::tiny_of(architecture).to_gguf())
            .unwrap_or_else(|e| panic!("{architecture:?}: {e}"));
        assert_eq!(header.architecture.name(), architecture.name());
        let gemma = matches!(architecture, Architecture::Gemma2 | Architecture::Gemma3);
        assert_eq!(header.sliding_window, gemma.then_some(128));
        assert_eq!(header.tied_embeddings, gemma);
    }
}

#[test]
fn the_header_says_what_the_file_says() {
    let header = validate(&ModelSpec::moe_tiny().to_gguf()).unwrap();
    assert_eq!((header.experts, header.experts_used), (4, 2));
    assert_eq!((header.heads, header.heads_kv, header.head), (4, 2, 64));
    assert_eq!((header.embedding, header.feed_forward, header.context), (256, 256, 2048));
    assert_eq!(header.rope_scaling, RopeScaling::Linear);
    assert_eq!(header.rope_original_context, 2048);
    assert!(!header.has_long_short_factors);
    let tokenizer = &header.tokenizer;
    assert_eq!(tokenizer.kind, TokenizerKind::Bpe);
    assert_eq!((tokenizer.vocabulary, tokenizer.bos, tokenizer.eos), (512, Some(509), 511));
    assert!(!tokenizer.add_bos && !tokenizer.recursive_split);
    assert!(header.chat_template.unwrap().contains("add_generation_prompt"));
}

#[test]
fn a_model_in_memory_passes() {
    let bytes: &'static [u8] = ModelSpec::nano().to_bytes().leak();
    let file = GgufFile::from_bytes(bytes).unwrap();
    validate_model(&file).unwrap();
    assert!(file.file().is_none() && file.fingerprint().is_none());
    let on_disk = open(bytes).unwrap();
    let digest = |file| scan(file, &mut |_, _| true).unwrap().sha256;
    file.check_unchanged(&digest(&file)).unwrap();
    assert_eq!(digest(&file), digest(&on_disk));
}

#[test]
fn only_regular_files_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let error = GgufFile::open(dir.path()).unwrap_err();
    assert!(error.message().contains("directory"), "{error}");
    let error = GgufFile::open(&dir.path().join("absent")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    #[cfg(unix)]
    {
        let error = GgufFile::open(std::path::Path::new("/dev/null")).unwrap_err();
        assert!(error.message().contains("not a regular file"), "{error}");
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let error = GgufFile::open(&fifo).unwrap_err();
        assert!(error.message().contains("not a regular file"), "{error}");
    }
}

#[test]
fn a_changed_file_whose_time_was_set_back_is_noticed() {
    use std::os::unix::fs::FileExt;
    let temp = tempfile::NamedTempFile::new().unwrap();
    let bytes = ModelSpec::nano().to_bytes();
    std::fs::write(temp.path(), &bytes).unwrap();
    let file = GgufFile::open(temp.path()).unwrap();
    let sha256 = scan(&file, &mut |_, _| true).unwrap().sha256;
    let modified = temp.as_file().metadata().unwrap().modified().unwrap();
    let last = bytes.len() - 1;
    let write = |byte: u8| {
        temp.as_file().write_all_at(&[byte], last as u64).unwrap();
        temp.as_file().set_modified(modified).unwrap();
    };
    write(bytes[last] ^ 1);
    assert!(file.check_unchanged(&sha256).unwrap_err().message().contains("changed"));
    // Other rights, another name, the same bytes written again: the contents decide.
    write(bytes[last]);
    file.check_unchanged(&sha256).unwrap();
    std::fs::rename(temp.path(), temp.path().with_extension("moved")).unwrap();
    file.check_unchanged(&sha256).unwrap();
    std::fs::remove_file(temp.path().with_extension("moved")).unwrap();
    file.check_unchanged(&sha256).unwrap();
}

#[test]
fn a_file_changed_in_place_is_noticed() {
    let mut temp = tempfile::NamedTempFile::new().unwrap();
    temp.write_all(&ModelSpec::nano().to_bytes()).unwrap();
    let file = GgufFile::open(temp.path()).unwrap();
    let sha256 = scan(&file, &mut |_, _| true).unwrap().sha256;
    file.check_unchanged(&sha256).unwrap();
    temp.write_all(b"x").unwrap();
    assert!(file.check_unchanged(&sha256).unwrap_err().message().contains("changed"));
    temp.as_file().set_len(1000).unwrap();
    assert!(scan(&file, &mut |_, _| true).unwrap_err().message().contains("changed"));
}

#[test]
fn headers_that_lie() {
    let good = ModelSpec::nano().to_bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        open(&bad).unwrap_err().to_string()
    };
    for (at, bytes, message) in [
        (0, &b"GGML"[..], "not a GGUF file"),
        (4, &[1, 0, 0, 0], "GGUF version 1; supported are 2 and 3"),
        (4, &[4, 0, 0, 0], "GGUF version 4"),
        (4, &[0, 0, 0, 3], "big-endian"),
        (8, &[0xff; 8], "tensor count"),
        (16, &[0xff; 8], "key count"),
        // The first key is "general.architecture", of type string.
        (24, &[0; 8], "a key is empty"),
        (24, &[0xff; 8], "at most 1024"),
        (32, b"\0", "not printable"),
        (52, &[13], "value type 13 is unknown"),
        (52, &[9, 0, 0, 0, 9], "nested arrays"),
        (52, &[9, 0, 0, 0, 13], "array element type 13"),
        (52, &[9, 0, 0, 0, 8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff], "strings; at most"),
        (52, &[9, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20], "file ends inside its header"),
        (56, &[0xff; 8], "at most 16777216 are allowed"),
        (56, &[0, 0, 0, 1, 0, 0, 0, 0], "file ends inside its header"),
        (64, &[0xff], "not valid UTF-8"),
    ] {
        let error = with(at, bytes);
        assert!(error.contains(message), "{error:?} does not contain {message:?}");
    }
    assert!(open(b"").unwrap_err().message().contains("ends inside its header"));
    assert!(open(&good[..good.len() - 2000]).unwrap_err().message().contains("beyond the end of the file"));
    assert!(open(&good[..5000]).unwrap_err().message().contains("ends inside its header"));
}

/// The nano model with one field of the tensor info `name` replaced: `at` bytes after the name.
#[track_caller]
fn info_fault(name: &str, at: usize, bytes: &[u8]) -> String {
    let mut bad = ModelSpec::nano().to_bytes();
    let found = bad.windows(name.len()).position(|w| w == name.as_bytes()).unwrap() + name.len() + at;
    bad[found..found + bytes.len()].copy_from_slice(bytes);
    open(&bad).unwrap_err().to_string()
}

#[test]
fn tensor_infos_that_lie() {
    // After the name: dimensions u32, each u64, type u32, offset u64.
    let name = "blk.0.attn_q.weight";
    for (at, bytes, message) in [
        (0, &[0][..], "0 dimensions"),
        (0, &[5], "5 dimensions"),
        (4, &[0; 8], "dimensions are zero"),
        (4, &[0xff; 16], "product overflows"),
        (4, &[33], "33 elements are not whole Q8_0 blocks of 32"),
        (20, &[4], "tensor type 4 is unknown"),
        (20, &[0xff; 4], "tensor type 4294967295"),
        (24, &[1], "not a multiple of the alignment"),
        (24, &[0; 8], "leaves a gap or overlaps"),
        (30, &[0xff; 2], "leaves a gap or overlaps"),
    ] {
        let error = info_fault(name, at, bytes);
        assert!(error.starts_with(name) && error.contains(message), "{error}");
    }
    assert!(info_fault("blk.1.ffn_down.weight", 12, &[0, 0, 0, 1]).contains("beyond the end of the file"));
    let (field, message) = fault(|g| {
        let copy = g.tensors[5].clone();
        g.tensors.push(copy);
    });
    assert!(message.contains("two tensors"), "{field}: {message}");
    assert_fault(|g| g.tensors[3].name = "a".repeat(64), "tensor name", "at most 63");
    assert_fault(|g| g.tensors[3].name = "a b".into(), "tensor name", "not printable");
}

#[test]
fn duplicate_keys_and_alignment() {
    let twice = |g: &mut Gguf| g.metadata.push(("llama.block_count".into(), Value::U32(2)));
    assert_fault(twice, "llama.block_count", "appears twice");
    for bad in [0u32, 8, 48, 131_072] {
        assert_fault(
            |g| g.set("general.alignment", bad),
            "general.alignment",
            "power of two from 32 to 65536",
        );
    }
    assert_fault(|g| g.set("general.alignment", "32"), "general.alignment", "string; must be");
}

#[test]
fn hyperparameters_out_of_range() {
    let cases: [(&str, Value, &str); 41] = [
        ("general.type", "adapter".into(), "LoRA adapter"),
        ("general.type", "mmproj".into(), "not a language model"),
        ("general.architecture", "mamba".into(), "supported are llama, qwen2"),
        ("general.architecture", Value::U32(1), "must be string"),
        ("general.name", "a\0b".into(), "NUL"),
        ("general.name", Value::U32(1), "must be string"),
        ("general.tensor_extra.name", Value::Strings(vec![]), "not supported"),
        ("split.count", Value::U16(3), "llama-gguf-split --merge FIRST OUT"),
        ("llama.block_count", Value::U32(600), "from 1 to 512"),
        ("llama.block_count", Value::U32(0), "from 1 to 512"),
        ("llama.block_count", Value::I32(2), "int32; must be uint32"),
        ("llama.context_length", Value::U32(u32::MAX), "from 1 to"),
        ("llama.embedding_length", Value::U32(0), "from 1 to"),
        ("llama.feed_forward_length", Value::U32s(vec![128]), "1 numbers for 2 layers"),
        ("llama.feed_forward_length", Value::U32s(vec![128, 256]), "differs between layers"),
        ("llama.feed_forward_length", Value::I32s(vec![128, -1]), "negative"),
        ("llama.feed_forward_length", Value::F32s(vec![1.0]), "must be uint32 or an array"),
        ("llama.attention.head_count", Value::U32(0), "from 1 to 4096"),
        ("llama.attention.head_count_kv", Value::U32(3), "does not divide"),
        ("llama.attention.head_count_kv", Value::U32(0), "from 1 to"),
        ("llama.attention.value_length", Value::U32(16), "must equal the key length"),
        ("llama.attention.key_length_swa", Value::U32(64), "from 32 to 32"),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(0.0), "must be from"),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(f32::NAN), "must be from"),
        ("llama.attention.causal", Value::Bool(false), "encoder"),
        ("llama.attention.causal", Value::U32(0), "must be bool"),
        ("llama.rope.dimension_count", Value::U32(31), "even"),
        ("llama.rope.dimension_count", Value::U32(16), "head width"),
        ("llama.rope.dimension_count", Value::U32(64), "from 2 to 32"),
        ("llama.rope.freq_base", Value::F32(f32::INFINITY), "must be from"),
        ("llama.rope.freq_base", Value::F32(-1.0), "must be from"),
        ("llama.rope.scaling.type", "dynamic".into(), "none, linear, yarn or longrope"),
        ("llama.rope.scaling.factor", Value::F32(-2.0), "must be from"),
        ("llama.rope.scaling.factor", Value::F32(1e-30), "at least 1e-6"),
        ("llama.rope.scaling.original_context_length", Value::U32(0), "from 1 to"),
        ("llama.expert_count", Value::U32(2000), "from 0 to 1024"),
        ("llama.expert_used_count", Value::U32(1), "from 0 to 0"),
        ("llama.expert_group_count", Value::U32(2), "from 0 to 0"),
        ("llama.pooling_type", Value::U32(1), "from 0 to 0"),
        ("llama.nextn_predict_layers", Value::U32(1), "from 0 to 0"),
        ("llama.classifier.output_labels", Value::Strings(vec![]), "not supported"),
    ];
    for (key, value, message) in cases {
        assert_fault(|g| g.set(key, value), key, message);
    }
    for key in [
        "general.architecture",
        "llama.block_count",
        "llama.context_length",
        "llama.embedding_length",
        "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
    ] {
        assert_fault(|g| g.remove(key), key, "missing");
    }
    let odd = |g: &mut Gguf| {
        g.set("llama.attention.key_length", 31);
        g.set("llama.attention.value_length", 31);
    };
    assert_fault(odd, "llama.attention.head_count", "even");
}

#[test]
fn uniform_per_layer_arrays_pass() {
    let mut gguf = ModelSpec::nano().to_gguf();
    gguf.set("llama.attention.head_count", Value::U32s(vec![2, 2]));
    gguf.set("llama.attention.head_count_kv", Value::I32s(vec![1, 1]));
    gguf.set("llama.feed_forward_length", Value::U32s(vec![128, 128]));
    assert_eq!(validate(&gguf).unwrap().heads_kv, 1);
}

#[test]
fn experts_and_windows() {
    let moe = |edit: fn(&mut Gguf)| fault_of(ModelSpec::moe_tiny(), edit).1;
    assert!(moe(|g| g.set("llama.expert_used_count", 0)).contains("at least 1"));
    assert!(moe(|g| g.set("llama.expert_used_count", 5)).contains("from 0 to 4"));
    assert!(moe(|g| g.set("llama.expert_count", 5)).contains("must be [256"));
    assert!(moe(|g| g.remove("llama.expert_count")).contains("from 0 to 0"));

    let gemma = |edit: &dyn Fn(&mut Gguf)| fault_of(ModelSpec::tiny_of(Architecture::Gemma3), edit).1;
    let pattern = "gemma3.attention.sliding_window_pattern";
    assert!(gemma(&|g: &mut Gguf| g.set(pattern, 7)).contains("both sliding and full"));
    assert!(
        gemma(&|g: &mut Gguf| g.set(pattern, Value::Bools(vec![true; 6]))).contains("both sliding and full")
    );
    assert!(gemma(&|g: &mut Gguf| g.set(pattern, "all")).contains("array of bool"));
    assert!(gemma(&|g: &mut Gguf| g.set("gemma3.expert_count", 2)).contains("from 0 to 0"));
    let mut mixed = ModelSpec::tiny_of(Architecture::Gemma3).to_gguf();
    mixed.set(pattern, Value::Bools(vec![true, false, true, false, true, false]));
    assert_eq!(validate(&mixed).unwrap().sliding_window, Some(128));
    let soft = |g: &mut Gguf| g.set("gemma2.attn_logit_softcapping", 0.0);
    assert!(fault_of(ModelSpec::tiny_of(Architecture::Gemma2), soft).1.contains("must be from"));
}

#[test]
fn tensors_that_do_not_belong_or_are_missing() {
    let drop_one = |name: &'static str| move |g: &mut Gguf| g.tensors.retain(|t| t.name != name);
    for name in ["token_embd.weight", "output_norm.weight", "blk.1.attn_k.weight", "blk.0.ffn_norm.weight"] {
        assert_fault(drop_one(name), name, "the tensor is missing");
    }
    // The output may be tied.
    let mut tied = ModelSpec::nano().to_gguf();
    drop_one("output.weight")(&mut tied);
    assert!(validate(&tied).unwrap().tied_embeddings);

    let rename = |g: &mut Gguf| g.tensor_mut("blk.0.ffn_up.weight").name = "blk.0.ffn_up2.weight".into();
    assert_fault(rename, "blk.0.ffn_up2.weight", "no such tensor");
    let shape = |g: &mut Gguf| g.tensor_mut("blk.0.ffn_up.weight").dims = vec![128, 64];
    assert_fault(shape, "blk.0.ffn_up.weight", "shape [128, 64]; must be [64, 128]");
    let norm = |g: &mut Gguf| g.tensor_mut("blk.0.ffn_norm.weight").tensor_type = TensorType::F16;
    assert_fault(norm, "blk.0.ffn_norm.weight", "must be F32");
    let (_, message) = fault(|g| g.set("llama.block_count", 3));
    assert!(message.contains("the tensor is missing (and 8 more)"), "{message}");
    assert_fault(|g| g.set("llama.block_count", 1), "blk.1.attn_norm.weight", "no such tensor");
    assert!(fault(|g| g.tensors.clear()).1.contains("missing"));
    let extra = |g: &mut Gguf| {
        let mut factors = g.tensor_mut("output_norm.weight").clone();
        factors.name = "rope_freqs.weight".into();
        factors.dims = vec![8];
        g.tensors.push(factors);
    };
    assert_fault(extra, "rope_freqs.weight", "shape [8]; must be [16]");
}

#[test]
fn rope_factors() {
    let factors = |g: &mut Gguf, names: &[&str]| {
        g.set("llama.rope.scaling.type", "longrope");
        for name in names {
            let mut tensor = g.tensor_mut("output_norm.weight").clone();
            tensor.name = format!("rope_factors_{name}.weight");
            tensor.dims = vec![16];
            g.tensors.push(tensor);
        }
    };
    let mut both = ModelSpec::nano().to_gguf();
    factors(&mut both, &["long", "short"]);
    let header = validate(&both).unwrap();
    assert!(header.has_long_short_factors);
    assert_eq!(header.rope_scaling, RopeScaling::LongRope);
    assert_fault(|g| factors(g, &["long"]), "rope_factors", "only one");
}

fn edit_strings(g: &mut Gguf, key: &str, edit: impl FnOnce(&mut Vec<String>)) {
    match g.metadata.iter_mut().find(|(k, _)| k == key) {
        Some((_, Value::Strings(v))) => edit(v),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokenizers_that_lie() {
    let tokens = "tokenizer.ggml.tokens";
    let merges = "tokenizer.ggml.merges";
    let types = "tokenizer.ggml.token_type";
    let scores = "tokenizer.ggml.scores";
    let model = "tokenizer.ggml.model";
    let n = ModelSpec::nano().vocabulary;
    for key in ["model", "pre", "tokens", "merges", "eos_token_id"] {
        let key = format!("tokenizer.ggml.{key}");
        assert_fault(|g| g.remove(&key), &key, "missing");
    }
    assert_fault(|g| g.set(model, "t5"), model, "supported are gpt2 and llama");
    assert_fault(|g| g.set("tokenizer.ggml.pre", "nonsense"), "tokenizer.ggml.pre", "unknown");
    assert_fault(
        |g| edit_strings(g, tokens, |t| t[300] = t[299].clone()),
        tokens,
        "token 300 equals an earlier",
    );
    assert_fault(|g| edit_strings(g, tokens, |t| t[300] = "a\0b".into()), tokens, "token 300 holds a NUL");
    let empty = |t: &mut Vec<String>| {
        t[300] = String::new();
        t[301] = "[EMPTY_300]".into();
    };
    assert_fault(|g| edit_strings(g, tokens, empty), tokens, "token 301 equals an earlier");
    assert_fault(|g| edit_strings(g, tokens, |t| t[7] = "seven".into()), tokens, "byte 0x07");
    assert_fault(|g| edit_strings(g, tokens, Vec::clear), tokens, "0 tokens");
    assert_fault(|g| edit_strings(g, tokens, |t| drop(t.pop())), types, "320 elements for 319 tokens");
    assert_fault(|g| edit_strings(g, merges, |m| m[2] = "ab".into()), merges, "merge 2 is not two parts");
    assert_fault(|g| edit_strings(g, merges, |m| m[2] = " ab".into()), merges, "merge 2 is not two parts");
    assert_fault(|g| edit_strings(g, merges, |m| m[2] = "a b c".into()), merges, "merge 2 is not two parts");
    assert_fault(|g| edit_strings(g, merges, |m| m[2] = "z q".into()), merges, "not a token");
    assert_fault(|g| g.set(types, Value::I32s(vec![9; n as usize])), types, "token 0 has type 9");
    assert_fault(|g| g.set(types, Value::I32s(vec![6; n as usize])), types, "byte token");
    assert_fault(|g| g.set(types, Value::U32s(vec![1; n as usize])), types, "array of int32");
    assert_fault(|g| g.set(scores, Value::F32s(vec![0.0])), scores, "1 elements");
    assert_fault(|g| g.set(scores, Value::F32s(vec![f32::NAN; n as usize])), scores, "not finite");
    for name in ["bos", "eos", "eot", "padding", "fim_sep", "unknown"] {
        let key = format!("tokenizer.ggml.{name}_token_id");
        assert_fault(|g| g.set(key.clone(), n), &key, "320; must be from 0 to 319");
    }
    let no_bos = |g: &mut Gguf| {
        g.remove("tokenizer.ggml.bos_token_id");
        g.set("tokenizer.ggml.add_bos_token", true);
    };
    assert_fault(no_bos, "tokenizer.ggml.bos_token_id", "must begin with");
    // The number of embeddings is the number of tokens.
    let longer = |g: &mut Gguf| {
        edit_strings(g, tokens, |t| t.push("more".into()));
        g.set(types, Value::I32s(vec![1; n as usize + 1]));
    };
    assert_fault(longer, "token_embd.weight", "must be [64, 321]");
}

#[test]
fn sentencepiece_needs_scores_and_byte_tokens() {
    let mut gguf = ModelSpec::nano().to_gguf();
    gguf.set("tokenizer.ggml.model", "llama");
    let missing = validate(&gguf).unwrap_err();
    assert_eq!(missing.field(), "tokenizer.ggml.scores");
    gguf.set("tokenizer.ggml.scores", Value::F32s(vec![0.0; 320]));
    assert!(validate(&gguf).unwrap_err().message().contains("byte 0x00"));
    edit_strings(&mut gguf, "tokenizer.ggml.tokens", |tokens| {
        for (byte, token) in tokens.iter_mut().take(256).enumerate() {
            *token = format!("<0x{byte:02X}>");
        }
    });
    let header = validate(&gguf).unwrap();
    assert_eq!(header.tokenizer.kind, TokenizerKind::SentencePiece);
    assert!(!header.tokenizer.add_bos);
    gguf.remove("tokenizer.ggml.add_bos_token");
    assert!(validate(&gguf).unwrap().tokenizer.add_bos);
}

#[test]
fn non_finite_weights_are_a_load_error_naming_the_tensor() {
    for ty in TensorType::ALL {
        let mut bytes = ModelSpec::tiny().with_type(ty).to_bytes();
        let info = open(&bytes).unwrap().tensor("blk.1.ffn_up.weight").unwrap().clone();
        let at = usize::try_from(info.offset).unwrap();
        let block = usize::try_from(info.ggml_type.block_bytes()).unwrap();
        // The scale of the last block: at its end for some types, else at its beginning.
        let last = at + usize::try_from(info.bytes).unwrap() - block;
        let place = match ty {
            TensorType::Q2_K => last + 80,
            TensorType::Q3_K => last + 108,
            TensorType::Q6_K => last + 208,
            _ => last,
        };
        bytes[place..place + 2].copy_from_slice(&[0x80, 0x7f]);
        if ty == TensorType::F32 {
            bytes[place + 2..place + 4].copy_from_slice(&[0x80, 0x7f]);
        }
        let error = scan(&open(&bytes).unwrap(), &mut |_, _| true).unwrap_err();
        assert_eq!(error.field(), "blk.1.ffn_up.weight", "{ty:?}");
        assert!(error.message().contains("NaN or infinite"));
    }
}

#[test]
fn the_scan_is_the_files_sha256_and_can_be_cancelled() {
    use sha2::{Digest, Sha256};
    let bytes = ModelSpec::tiny().to_bytes();
    let file = open(&bytes).unwrap();
    let mut calls = Vec::new();
    let scanned = scan(&file, &mut |done, total| {
        calls.push((done, total));
        true
    })
    .unwrap();
    assert_eq!(scanned.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    assert!(calls.windows(2).all(|w| w[0].0 < w[1].0));
    assert_eq!(calls.last(), Some(&(bytes.len() as u64, bytes.len() as u64)));
    let error = scan(&file, &mut |done, _| done < 100_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

fn adapt(spec: &LoraSpec, edit: impl FnOnce(&mut Gguf)) -> Result<AdapterHeader, Error> {
    let base = open(&ModelSpec::nano().to_bytes()).unwrap();
    let mut adapter = spec.to_gguf(&ModelSpec::nano());
    edit(&mut adapter);
    validate_adapter(&open(&adapter.to_bytes())?, &base)
}

#[test]
fn adapters() {
    let spec = LoraSpec::default();
    let header = adapt(&spec, |_| ()).unwrap();
    assert_eq!((header.rank, header.alpha, header.pairs), (8, 16.0, 14));
    adapt(&LoraSpec { rank: 4, tensor_type: TensorType::F16, ..spec.clone() }, |_| ()).unwrap();

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Gguf), field: &str, message: &str) {
        let error = adapt(&LoraSpec::default(), edit).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(error.message().contains(message), "{error}");
    }
    let a = "blk.0.attn_q.weight.lora_a";
    let b = "blk.0.attn_q.weight.lora_b";
    refused(|g| g.set("general.type", "model"), "general.type", "must be \"adapter\"");
    refused(|g| g.set("adapter.type", "dora"), "adapter.type", "must be \"lora\"");
    refused(|g| g.set("general.architecture", "qwen2"), "general.architecture", "the model is not");
    refused(|g| g.remove("adapter.lora.alpha"), "adapter.lora.alpha", "missing");
    refused(|g| g.set("adapter.lora.alpha", f32::NAN), "adapter.lora.alpha", "must be from");
    refused(|g| g.set("adapter.lora.alpha", Value::U32(16)), "adapter.lora.alpha", "must be float32");
    refused(|g| g.tensors.retain(|t| t.name != a), a, "other half");
    refused(|g| g.tensors.retain(|t| t.name != b), b, "other half");
    refused(|g| g.tensor_mut(a).dims = vec![64, 4], b, "shape [8, 64]; must be [4, 64]");
    refused(|g| g.tensor_mut(a).dims = vec![32, 8], a, "shape [32, 8]; must be [64, 8]");
    refused(|g| g.tensors.clear(), "adapter", "no tensor");
    refused(|g| g.tensor_mut(a).name = "x.weight".into(), "x.weight", "must end in .lora_a");
    let rename = |from: &'static str, to: &'static str| {
        move |g: &mut Gguf| {
            for t in &mut g.tensors {
                t.name = t.name.replace(from, to);
            }
        }
    };
    refused(rename("blk.0.attn_q.", "token_embd."), "token_embd.weight", "can be adapted");
    refused(rename("blk.0.attn_q.", "blk.9.attn_q."), "blk.9.attn_q.weight", "no such tensor");
    refused(rename("blk.0.attn_q.", "blk.0.attn_norm."), "blk.0.attn_norm.weight", "can be adapted");
    assert!(validate(&spec.to_gguf(&ModelSpec::nano())).unwrap_err().message().contains("LoRA adapter"));
}
