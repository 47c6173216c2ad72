#!/usr/bin/env python3
"""Makes the small random Phi-3-small models of tests/golden and their reference logits.

    phi3small.py FOLDER

Transformers has no code for Phi-3-small. The reference is written here in plain PyTorch in float32,
with masks of whole matrices, from a description of the model (its published code's formulas, which
are named where they stand) and without a look at the engine, so that the two can disagree. Tensors
are in the published layout: rows of Q, K and V by KV head, gate and up row by row in turn; the file
gets the form of docs/gguf.md.

NAME.gguf holds F16 matrices, whose values the reference takes; NAME.ids the prompt; NAME.logits the
logits after those of its positions that SHOWN_ROWS names. Made with torch 2.15, gguf 0.19, numpy 2.4.
"""
import pathlib
import sys

import gguf
import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from make_models import add_vocabulary

SIZES = {"n_layers": 2, "n_embd": 48, "n_heads": 8, "n_kv_heads": 2, "head_size": 32, "n_ff": 64,
         "n_vocab": 96, "rope_base": 1e6, "epsilon": 1e-5, "embedding_scale": 10.0,
         "logit_divisor": 8.0, "gegelu_limit": 20.0, "masked": [90, 92, 93, 94, 95], "dense_period": 2}
# The pattern of Phi-3-small; one whose local blocks and stripes matter sooner, without a dense layer.
MODELS = {
    "phi3small": (71, 1400, {"block": 64, "local": 16, "stride": 8}),
    "phi3small-narrow": (72, 420, {"block": 64, "local": 2, "stride": 4, "dense_period": 0}),
    # Phi-3-small-128k: LongRoPE with the formula's magnitude, and a prompt on the far side of the border.
    "phi3small-long": (73, 300, {"block": 64, "local": 2, "stride": 4, "original": 128, "n_context": 4096,
                                 "short_factor": [1 + 0.02 * i for i in range(16)],
                                 "long_factor": [1 + 0.25 * i * i for i in range(16)]}),
}


def shown_rows(n_tokens):
    """The first positions, both sides of every block's border, and the last ones."""
    return [i for i in range(n_tokens) if i < 4 or i % 64 in (0, 63) or i >= n_tokens - 40]


def random_weights(h, seed):
    generator = torch.Generator().manual_seed(seed)

    def matrix(rows, columns, gain=1.5):
        return (torch.randn(rows, columns, generator=generator) * gain / columns**0.5).half().float()

    def bias(n):
        return 0.5 * torch.randn(n, generator=generator)

    def norm(n):
        return 1 + 0.2 * torch.randn(n, generator=generator)

    q, kv = h["n_heads"] * h["head_size"], h["n_kv_heads"] * h["head_size"]
    layers = [{
        "input_layernorm": (norm(h["n_embd"]), bias(h["n_embd"])),
        "query_key_value": (matrix(q + 2 * kv, h["n_embd"], 4), bias(q + 2 * kv)),
        "dense": (matrix(h["n_embd"], q), bias(h["n_embd"])),
        "post_attention_layernorm": (norm(h["n_embd"]), bias(h["n_embd"])),
        # Wide enough that both limits of the gate are met.
        "up_proj": (matrix(2 * h["n_ff"], h["n_embd"], 9), bias(2 * h["n_ff"])),
        "down_proj": (matrix(h["n_embd"], h["n_ff"]), bias(h["n_embd"])),
    } for _ in range(h["n_layers"])]
    return {"layers": layers, "final_layernorm": (norm(h["n_embd"]), bias(h["n_embd"])),
            "embed_tokens": matrix(h["n_vocab"], h["n_embd"], 4)}


def block_sparse_mask(h, n_tokens):
    """[heads, n, n], from the blocks of positions (BlockSparseAttention's layout: local blocks, and
    vertical stripes that move on by one from head to head)."""
    blocks = torch.arange(n_tokens) // h["block"]
    q, k = blocks[:, None], blocks[None, :]
    step = max(1, h["stride"] // h["n_heads"])
    local = q - k < h["local"]
    return torch.stack([local | ((k + head * step + 1) % h["stride"] == 0)
                        for head in range(h["n_heads"])])


def rotate(h, x):
    """x: [n, heads, size]; the halves of a head are rotated against each other. LongRoPE divides the
    frequencies by the factors that the length asks for, and multiplies cosine and sine by
    sqrt(1 + ln(context / original) / ln(original)) at any length."""
    n, _, size = x.shape
    frequencies = 1.0 / h["rope_base"] ** (torch.arange(0, size, 2, dtype=torch.float32).to(x.dtype) / size)
    magnitude = 1.0
    if "original" in h:
        factors = h["long_factor"] if n > h["original"] else h["short_factor"]
        frequencies = frequencies / torch.tensor(factors, dtype=torch.float32).to(x.dtype)
        magnitude = long_magnitude(h)
    angles = torch.outer(torch.arange(n, dtype=x.dtype), frequencies)
    cos = torch.cat([angles.cos(), angles.cos()], -1)[:, None, :]
    sin = torch.cat([angles.sin(), angles.sin()], -1)[:, None, :]
    half = size // 2
    return (x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin) * magnitude


def long_magnitude(h):
    return float(np.sqrt(1 + np.log(h["n_context"] / h["original"]) / np.log(h["original"])))


def attention(h, layer, i_layer, x):
    n, size, n_kv = x.shape[0], h["head_size"], h["n_kv_heads"]
    per_kv = h["n_heads"] // n_kv
    # Rows of each KV head: its queries, its key, its value.
    qkv = torch.nn.functional.linear(x, *layer["query_key_value"]).view(n, n_kv, per_kv + 2, size)
    q = rotate(h, qkv[:, :, :per_kv].reshape(n, h["n_heads"], size))
    k = rotate(h, qkv[:, :, per_kv]).repeat_interleave(per_kv, 1)
    v = qkv[:, :, per_kv + 1].repeat_interleave(per_kv, 1)
    scores = torch.einsum("qhd,khd->hqk", q, k) / size  # muP: by the size, not by its root
    mask = torch.ones(n, n, dtype=torch.bool).tril()[None]
    is_dense = h["dense_period"] and (i_layer + 1) % h["dense_period"] == 0
    if not is_dense:
        mask = mask & block_sparse_mask(h, n)
    probabilities = scores.masked_fill(~mask, float("-inf")).softmax(-1)
    out = torch.einsum("hqk,khd->qhd", probabilities, v).reshape(n, -1)
    return torch.nn.functional.linear(out, *layer["dense"])


def gegelu(x, limit):
    """Gate and up in turn; quick GELU of the one, 1 more than the other."""
    gate, up = x[..., 0::2], x[..., 1::2]
    assert gate.max() > limit and up.max() > limit and up.min() < -limit
    gate, up = gate.clamp(max=limit), up.clamp(min=-limit, max=limit)
    return gate * torch.sigmoid(1.702 * gate) * (up + 1)


def logits_of(h, weights, ids):
    def norm(x, parameters):
        return torch.nn.functional.layer_norm(x, (h["n_embd"],), *parameters, eps=h["epsilon"])

    with torch.no_grad():
        x = weights["embed_tokens"][torch.tensor(ids)] * h["embedding_scale"]
        for i, layer in enumerate(weights["layers"]):
            x = x + attention(h, layer, i, norm(x, layer["input_layernorm"]))
            up = torch.nn.functional.linear(norm(x, layer["post_attention_layernorm"]),
                                            *layer["up_proj"])
            x = x + torch.nn.functional.linear(gegelu(up, h["gegelu_limit"]), *layer["down_proj"])
        x = norm(x, weights["final_layernorm"])
        logits = torch.nn.functional.linear(x, weights["embed_tokens"]) / h["logit_divisor"]
        logits[:, h["masked"]] = torch.finfo(torch.float32).min
        return logits


def to_double(value):
    if isinstance(value, torch.Tensor):
        return value.double()
    if isinstance(value, dict):
        return {key: to_double(part) for key, part in value.items()}
    return type(value)(to_double(part) for part in value)


def rows_by_kind(h, x):
    """[q ... q k v] of each KV head -> [Q | K | V]."""
    per_kv = h["n_heads"] // h["n_kv_heads"]
    parts = x.view(h["n_kv_heads"], per_kv + 2, h["head_size"], -1)
    pieces = [parts[:, :per_kv], parts[:, per_kv], parts[:, per_kv + 1]]
    return torch.cat([piece.reshape(-1, parts.shape[-1]) for piece in pieces]).view(-1, *x.shape[1:])


def rows_one_half_after_the_other(x):
    return torch.cat([x[0::2], x[1::2]])


def gguf_tensors(h, weights):
    names = {"input_layernorm": "attn_norm", "query_key_value": "attn_qkv", "dense": "attn_output",
             "post_attention_layernorm": "ffn_norm", "up_proj": "ffn_up", "down_proj": "ffn_down"}
    yield "token_embd.weight", weights["embed_tokens"]
    for part, values in zip(("weight", "bias"), weights["final_layernorm"]):
        yield f"output_norm.{part}", values
    for i, layer in enumerate(weights["layers"]):
        for source, name in names.items():
            for part, values in zip(("weight", "bias"), layer[source]):
                if source == "query_key_value":
                    values = rows_by_kind(h, values)
                if source == "up_proj":
                    values = rows_one_half_after_the_other(values)
                yield f"blk.{i}.{name}.{part}", values


def write_gguf(path, name, seed, h, n_context, weights):
    writer = gguf.GGUFWriter(path, "phi3small")
    writer.add_string("general.name", f"golden {name}, seed {seed}")
    sizes = {
        "context_length": n_context, "embedding_length": h["n_embd"],
        "feed_forward_length": h["n_ff"], "block_count": h["n_layers"],
        "attention.head_count": h["n_heads"], "attention.head_count_kv": h["n_kv_heads"],
        "attention.key_length": h["head_size"], "attention.value_length": h["head_size"],
        "rope.dimension_count": h["head_size"], "attention.block_size": h["block"],
        "attention.local_blocks": h["local"], "attention.vertical_stride": h["stride"],
    }
    if h["dense_period"]:
        sizes["attention.dense_period"] = h["dense_period"]
    numbers = {
        "attention.layer_norm_epsilon": h["epsilon"], "rope.freq_base": h["rope_base"],
        "embedding_scale": h["embedding_scale"], "logit_divisor": h["logit_divisor"],
        "gegelu_limit": h["gegelu_limit"],
    }
    for key, value in sizes.items():
        writer.add_uint32(f"phi3small.{key}", value)
    for key, value in numbers.items():
        writer.add_float32(f"phi3small.{key}", value)
    if "original" in h:
        writer.add_uint32("phi3small.rope.scaling.original_context_length", h["original"])
        writer.add_float32("phi3small.rope.scaling.attn_factor", long_magnitude(h))
        for length in ("short", "long"):
            writer.add_tensor(f"rope_factors_{length}.weight", np.array(h[f"{length}_factor"], dtype=np.float32))
    writer.add_array("phi3small.masked_tokens", h["masked"])
    add_vocabulary(writer, h["n_vocab"])
    for tensor, values in gguf_tensors(h, weights):
        values = values.numpy()
        writer.add_tensor(tensor, values.astype(np.float16) if values.ndim == 2 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    for name, (seed, n_tokens, pattern) in MODELS.items():
        h = {**SIZES, **pattern}
        weights = random_weights(h, seed)
        ids = np.random.default_rng(seed).integers(3, h["n_vocab"], n_tokens).tolist()
        write_gguf(folder / f"{name}.gguf", name, seed, h, h.get("n_context", n_tokens + 100), weights)
        (folder / f"{name}.ids").write_text(" ".join(map(str, ids)) + "\n")
        logits = logits_of(h, weights, ids).numpy()
        logits[shown_rows(n_tokens)].astype("<f4").tofile(folder / f"{name}.logits")
        exact = logits_of(h, to_double(weights), ids).numpy()
        seen = np.setdiff1d(np.arange(h["n_vocab"]), h["masked"])
        error = np.abs(logits - exact)[:, seen].max() / np.abs(exact)[:, seen].max()
        print(f"{name}: {len(shown_rows(n_tokens))} rows, largest logit "
              f"{np.abs(exact)[:, seen].max():.3f}, float32 against float64 {error:.1e}")


if __name__ == "__main__":
    main()
