"""Train abacus on CPU: Muon for the hidden matrices, Adam for the rest.

The data stream is a pure function of the seed and the (chunk, batch) position
kept in each checkpoint, so a stopped run continues where it was.
"""

import argparse
import json
import random
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import data
import model
import tokenizer
from shapes import LEVELS

HERE = Path(__file__).resolve().parent
# Rows per step at each padded length, in the proportion in which they occur.
# Every step sees every length: steps of one length each pull "how many lines
# are left" to and fro.
ROWS = {72: 13, 96: 18, 120: 14, 160: 2, 256: 1}
CHUNK = 8192
MATRICES = ("wq", "wk", "wv", "wo", "w1", "w3", "w2")


def encode(tok, conversations):
    """(ids, weights) pairs; weight 1 on what the assistant says, END included."""
    ids = {t: tok.token_to_id(t) for t in tokenizer.CONTROL}
    out = []
    for enc in tok.encode_batch([tokenizer.render_fast(c) for c in conversations], add_special_tokens=False):
        weights, speaking = [], False
        for t in enc.ids:
            weights.append(float(speaking))
            if t == ids["<|assistant|>"]:
                speaking = True
            elif t == ids["<|end|>"]:
                speaking = False
        out.append((enc.ids, weights))
    return out


def pad(rows, length):
    tokens = np.zeros((len(rows), length), np.int32)
    weights = np.zeros((len(rows), length), np.float32)
    for i, (t, w) in enumerate(rows):
        tokens[i, :len(t)] = t
        weights[i, :len(w)] = w
    return tokens, weights


def chunk_batches(tok, seed, chunk, level):
    """Deterministic list of (token arrays, weight arrays), one pair per step."""
    rng = random.Random(f"{seed}/{chunk}")
    rows = encode(tok, [data.conversation(rng, level) for _ in range(CHUNK)])
    by_length = {high: [r for r in rows if low < len(r[0]) <= high] for low, high in zip((0, *ROWS), ROWS)}
    # The rows that do not fill a whole step are dropped.
    steps = min(len(by_length[length]) // n for length, n in ROWS.items())
    return [tuple(zip(*(pad(by_length[length][i * n:i * n + n], length) for length, n in ROWS.items())))
            for i in range(steps)]


def orthogonalize(g):
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrix."""
    tall = g.shape[-2] > g.shape[-1]
    x = jnp.swapaxes(g, -1, -2) if tall else g
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(5):
        a = x @ jnp.swapaxes(x, -1, -2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return jnp.swapaxes(x, -1, -2) if tall else x


def learning_scale(step, total, warmup, hold):
    """Warm up, stay flat for the `hold` share of the run, then fall to zero."""
    start = total * hold
    return jnp.minimum((step + 1) / warmup, jnp.clip((total - step) / (total - start), 0.0, 1.0))


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def train_step(cfg, params, opt, tokens, weights, step, scale, muon_lr, adam_lr):
    value, grads = jax.value_and_grad(partial(model.loss, cfg))(params, tokens, weights)
    new_params, m, v = {}, {}, {}
    for name, g in grads.items():
        if name in MATRICES:
            m[name] = 0.95 * opt["m"][name] + 0.05 * g
            update = orthogonalize(0.95 * m[name] + 0.05 * g)
            # Stored input-major: fan-out is the last axis.
            update *= max(1.0, g.shape[-1] / g.shape[-2]) ** 0.5
            new_params[name] = params[name] * (1 - 0.01 * muon_lr * scale) - muon_lr * scale * update
            v[name] = opt["v"][name]
        else:
            m[name] = 0.9 * opt["m"][name] + 0.1 * g
            v[name] = 0.98 * opt["v"][name] + 0.02 * g * g
            mean = m[name] / (1 - 0.9 ** (step + 1))
            var = v[name] / (1 - 0.98 ** (step + 1))
            new_params[name] = params[name] - adam_lr * scale * mean / (jnp.sqrt(var) + 1e-8)
    return new_params, {"m": m, "v": v}, value


def init_opt(params):
    return {"m": jax.tree.map(jnp.zeros_like, params),
            "v": {k: jnp.zeros_like(p) if k not in MATRICES else jnp.zeros(()) for k, p in params.items()}}


def save(path, params, opt, meta):
    arrays = {f"p/{k}": np.asarray(p) for k, p in params.items()}
    arrays |= {f"{s}/{k}": np.asarray(p) for s in ("m", "v") for k, p in opt[s].items()}
    tmp = path.with_suffix(".tmp")
    with open(tmp, "wb") as f:
        np.savez(f, meta=json.dumps(meta), **arrays)
    tmp.replace(path)  # a reader never sees half a checkpoint


def load(path):
    with np.load(path) as z:
        groups = {s: {k[2:]: jnp.asarray(z[k]) for k in z.files if k.startswith(s + "/")} for s in "pmv"}
        return groups["p"], {"m": groups["m"], "v": groups["v"]}, json.loads(str(z["meta"]))


def heldout_batches(tok, count):
    convs = [[{"role": "user", "content": p.text}, {"role": "assistant", "content": p.solution}]
             for p in data.heldout(count)]
    rows = encode(tok, convs)
    return pad(rows, max(len(r[0]) for r in rows))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--steps", type=int, default=4500, help="length the schedule is planned for")
    ap.add_argument("--stop-at", type=int, help="save and stop at this step, to resume with other options")
    ap.add_argument("--muon-lr", type=float, default=0.006)
    ap.add_argument("--adam-lr", type=float, default=0.0008)
    ap.add_argument("--warmup", type=int, default=50)
    ap.add_argument("--hold", type=float, default=0.55, help="share of the run before the decay")
    ap.add_argument("--level", choices=sorted(LEVELS), default="final")
    ap.add_argument("--seed", type=int, default=data.TRAIN_SEED)
    ap.add_argument("--eval-every", type=int, default=250)
    ap.add_argument("--dir", type=Path, default=HERE / "checkpoints")
    args = ap.parse_args()

    args.dir.mkdir(parents=True, exist_ok=True)
    latest, log = args.dir / "latest.npz", open(args.dir / "train.log", "a", encoding="utf-8")
    tok, cfg = tokenizer.load(), model.Config()
    if latest.exists():
        params, opt, meta = load(latest)
    else:
        params = model.init(cfg, jax.random.key(args.seed))
        opt, meta = init_opt(params), {"step": 0, "chunk": 0, "batch": 0, "config": cfg.to_dict()}
    exact = jax.jit(partial(model.exact, cfg))
    probe = heldout_batches(tok, 200)

    def report(**row):
        log.write(json.dumps(row) + "\n")
        log.flush()

    losses, began = [], time.time()
    batches = chunk_batches(tok, args.seed, meta["chunk"], args.level)
    last = min(args.steps, args.stop_at or args.steps)
    while meta["step"] < last:
        if meta["batch"] >= len(batches):
            meta["chunk"], meta["batch"] = meta["chunk"] + 1, 0
            batches = chunk_batches(tok, args.seed, meta["chunk"], args.level)
        step = meta["step"]
        scale = learning_scale(step, args.steps, args.warmup, args.hold)
        params, opt, value = train_step(cfg, params, opt, *batches[meta["batch"]], step, scale, args.muon_lr, args.adam_lr)
        losses.append(value)
        meta["step"], meta["batch"] = step + 1, meta["batch"] + 1
        if meta["step"] % 25 == 0:
            report(step=meta["step"], loss=round(float(jnp.stack(losses).mean()), 4),
                   lr=round(float(scale), 3), s_per_step=round((time.time() - began) / len(losses), 3))
            losses, began = [], time.time()
        if meta["step"] % args.eval_every == 0 or meta["step"] == last:
            hits = np.concatenate([exact(params, probe[0][i:i + 50], probe[1][i:i + 50]) for i in range(0, 200, 50)])
            report(step=meta["step"], heldout_exact=float(hits.mean()))
            save(latest, params, opt, meta)
            began = time.time()


if __name__ == "__main__":
    main()
