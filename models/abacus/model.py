"""The abacus network: a Llama-architecture decoder in plain JAX."""

from dataclasses import asdict, dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Config:
    vocab: int = 768
    dim: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    ffn: int = 512
    rope_theta: float = 10000.0
    eps: float = 1e-5
    context: int = 512

    @property
    def head_dim(self):
        return self.dim // self.heads

    def to_dict(self):
        return asdict(self)


def init(cfg, key):
    """Layer weights are stacked on axis 0 and stored input-major (x @ w)."""
    d, f, kv, n = cfg.dim, cfg.ffn, cfg.kv_heads * cfg.head_dim, cfg.layers
    shapes = {"wq": (d, d), "wk": (d, kv), "wv": (d, kv), "wo": (d, d),
              "w1": (d, f), "w3": (d, f), "w2": (f, d)}
    keys = jax.random.split(key, len(shapes) + 1)
    params = {"embed": jax.random.normal(keys[0], (cfg.vocab, d)) * 0.04,
              "norm": jnp.ones(d), "norm_attn": jnp.ones((n, d)), "norm_ffn": jnp.ones((n, d))}
    for k, (name, shape) in zip(keys[1:], shapes.items()):
        scale = shape[0] ** -0.5
        if name in ("wo", "w2"):  # keep the residual stream's variance flat at depth
            scale /= (2 * n) ** 0.5
        params[name] = jax.random.normal(k, (n, *shape)) * scale
    return params


def rms_norm(x, w, eps):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + eps) * w


def rope_tables(cfg, length):
    half = cfg.head_dim // 2
    freq = cfg.rope_theta ** (-jnp.arange(half) / half)
    angle = jnp.arange(length)[:, None] * freq[None, :]
    return jnp.cos(angle), jnp.sin(angle)


def rope(x, cos, sin):
    # Neighbouring pairs rotate together: llama.cpp's "llama" convention, so
    # the exported Q and K need no permutation.
    b, h, t, d = x.shape
    x = x.reshape(b, h, t, d // 2, 2)
    x0, x1 = x[..., 0], x[..., 1]
    return jnp.stack([x0 * cos - x1 * sin, x0 * sin + x1 * cos], -1).reshape(b, h, t, d)


def attention(cfg, q, k, v, batch):
    """Causal attention over `batch` equal rows, given flat [tokens, width]."""
    t, hd, rep = q.shape[0] // batch, cfg.head_dim, cfg.heads // cfg.kv_heads
    cos, sin = rope_tables(cfg, t)
    mask = jnp.where(jnp.tril(jnp.ones((t, t), bool)), 0.0, -1e30)

    def split(y, n):
        return y.reshape(batch, t, n, hd).transpose(0, 2, 1, 3)

    q, k, v = rope(split(q, cfg.heads), cos, sin), rope(split(k, cfg.kv_heads), cos, sin), split(v, cfg.kv_heads)
    # Query heads that share a KV head are stacked along time: one larger
    # product per KV head instead of copies of K and V.
    q = (q * hd ** -0.5).reshape(batch, cfg.kv_heads, rep * t, hd)
    a = jnp.einsum("bgqd,bgkd->bgqk", q, k).reshape(batch, cfg.kv_heads, rep, t, t)
    a = jax.nn.softmax(a + mask, -1).reshape(batch, cfg.kv_heads, rep * t, t)
    o = jnp.einsum("bgqk,bgkd->bgqd", a, v).reshape(batch, cfg.heads, t, hd)
    return o.transpose(0, 2, 1, 3).reshape(batch * t, cfg.dim)


def flat(parts):
    return jnp.concatenate([p.reshape(-1) for p in parts])


def forward(cfg, params, parts):
    """Final hidden states, [tokens, dim], of token arrays of several lengths.

    Everything but attention runs on one flat [tokens, dim] array: short and
    long rows share a step without padding to one length, and XLA's CPU backend
    is much slower at weight gradients that contract two axes.
    """
    x = params["embed"][flat(parts)]
    ends = [sum(p.size for p in parts[:i + 1]) for i in range(len(parts))]
    for i in range(cfg.layers):
        h = rms_norm(x, params["norm_attn"][i], cfg.eps)
        q, k, v = (h @ params[w][i] for w in ("wq", "wk", "wv"))
        o = [attention(cfg, q[e - p.size:e], k[e - p.size:e], v[e - p.size:e], p.shape[0])
             for p, e in zip(parts, ends)]
        x = x + jnp.concatenate(o) @ params["wo"][i]
        h = rms_norm(x, params["norm_ffn"][i], cfg.eps)
        x = x + (jax.nn.silu(h @ params["w1"][i]) * (h @ params["w3"][i])) @ params["w2"][i]
    return rms_norm(x, params["norm"], cfg.eps)


def logits(cfg, params, tokens):
    return (forward(cfg, params, [tokens]) @ params["embed"].T).reshape(*tokens.shape, cfg.vocab)


def loss(cfg, params, parts, weights):
    """Mean next-token loss; weight [:, t] belongs to the prediction of token t."""
    z = forward(cfg, params, parts) @ params["embed"].T
    target = flat([jnp.roll(p, -1, 1) for p in parts])
    weight = flat([jnp.roll(w, -1, 1) for w in weights])
    hit = jnp.take_along_axis(z, target[:, None], -1)[:, 0]
    return ((jax.nn.logsumexp(z, -1) - hit) * weight).sum() / weight.sum()


def exact(cfg, params, tokens, weights):
    """Per row: would greedy decoding reproduce every weighted token?"""
    best = jnp.argmax(logits(cfg, params, tokens), -1)[:, :-1]
    return ((best == tokens[:, 1:]) | (weights[:, 1:] == 0)).all(-1)
