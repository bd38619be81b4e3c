"""Write a training checkpoint as a GGUF file, byte for byte reproducible."""

import argparse
import hashlib
import json
from pathlib import Path

import gguf
import numpy as np

import model
import tokenizer

HERE = Path(__file__).resolve().parent
KINDS = {"f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
         "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
         "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
         "q5_0": (gguf.GGMLQuantizationType.Q5_0, gguf.LlamaFileType.MOSTLY_Q5_0),
         "q4_0": (gguf.GGMLQuantizationType.Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0)}
DESCRIPTION = ("A tiny model that solves small arithmetic word problems in English, "
               "one <think> line per step. Trained from scratch on generated text.")
PER_LAYER = {"wq": "attn_q", "wk": "attn_k", "wv": "attn_v", "wo": "attn_output",
             "w1": "ffn_gate", "w3": "ffn_up", "w2": "ffn_down"}


def read_checkpoint(path):
    with np.load(path) as z:
        params = {k[2:]: z[k] for k in z.files if k.startswith("p/")}
        return params, json.loads(str(z["meta"]))


def write_metadata(w, cfg, file_type):
    w.add_name("abacus")
    w.add_description(DESCRIPTION)
    w.add_license("MIT OR Apache-2.0")
    w.add_languages(["en"])
    w.add_file_type(file_type)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_context_length(cfg.context)
    w.add_embedding_length(cfg.dim)
    w.add_block_count(cfg.layers)
    w.add_feed_forward_length(cfg.ffn)
    w.add_head_count(cfg.heads)
    w.add_head_count_kv(cfg.kv_heads)
    w.add_rope_dimension_count(cfg.head_dim)
    w.add_rope_freq_base(cfg.rope_theta)
    w.add_layer_norm_rms_eps(cfg.eps)
    w.add_vocab_size(cfg.vocab)


def write_tokenizer(w, path):
    tok = json.loads(Path(path).read_text(encoding="utf-8"))
    vocab = sorted(tok["model"]["vocab"].items(), key=lambda item: item[1])
    if [i for _, i in vocab] != list(range(len(vocab))):
        raise SystemExit("the tokenizer has gaps in its ids")
    tokens = [t for t, _ in vocab]
    types = [gguf.TokenType.CONTROL if t in tokenizer.CONTROL
             else gguf.TokenType.USER_DEFINED if t in tokenizer.VISIBLE
             else gguf.TokenType.NORMAL for t in tokens]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("qwen2")
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tok["model"]["merges"]])
    w.add_bos_token_id(tokens.index(tokenizer.BOS))
    w.add_eos_token_id(tokens.index(tokenizer.END))
    w.add_pad_token_id(tokens.index(tokenizer.PAD))
    # The chat template writes the BOS itself.
    w.add_add_bos_token(False)
    w.add_add_eos_token(False)
    w.add_chat_template(tokenizer.CHAT_TEMPLATE)


def write_tensors(w, cfg, params, kind):
    def add(name, x):
        x = np.ascontiguousarray(x, np.float32)
        if x.ndim == 1 or kind == gguf.GGMLQuantizationType.F32:
            w.add_tensor(name, x)  # norms are tiny and sensitive: always F32
        else:
            w.add_tensor(name, gguf.quants.quantize(x, kind), raw_dtype=kind)

    # No output.weight: the embedding is tied, and llama.cpp reuses it.
    add("token_embd.weight", params["embed"])
    for i in range(cfg.layers):
        add(f"blk.{i}.attn_norm.weight", params["norm_attn"][i])
        add(f"blk.{i}.ffn_norm.weight", params["norm_ffn"][i])
        for ours, theirs in PER_LAYER.items():
            add(f"blk.{i}.{theirs}.weight", params[ours][i].T)
    add("output_norm.weight", params["norm"])


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--checkpoint", type=Path, default=HERE / "checkpoints" / "latest.npz")
    ap.add_argument("--type", choices=sorted(KINDS), default="q8_0")
    ap.add_argument("--out", type=Path, help="default: abacus-TYPE.gguf beside this script")
    args = ap.parse_args()
    out = args.out or HERE / f"abacus-{args.type}.gguf"
    params, meta = read_checkpoint(args.checkpoint)
    cfg = model.Config(**meta["config"])
    kind, file_type = KINDS[args.type]

    tmp = out.with_suffix(".tmp")
    w = gguf.GGUFWriter(tmp, "llama")
    write_metadata(w, cfg, file_type)
    write_tokenizer(w, tokenizer.TOKENIZER_JSON)
    write_tensors(w, cfg, params, kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    tmp.replace(out)
    blob = out.read_bytes()
    print(f"{out.name}: step {meta['step']}, {len(blob)} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
