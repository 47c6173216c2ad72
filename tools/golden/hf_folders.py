#!/usr/bin/env python3
"""Save small random models as Hugging Face folders.

Usage: hf_folders.py OUT_FOLDER [NAME...]   (tests/golden/hf in this repository)

Writes OUT_FOLDER/NAME: what the library saves of the model whose NAME.gguf the other scripts make, with a
tokenizer of single characters. Matrices are rounded to bf16, but for those of EXACT and of Phi-3-small (whose are f16), and vectors stay in
float32. No library saves Phi-3-small: its folder is written here as its authors' class would. Versions are those of make_models.py, tokenizers 0.23.3, safetensors 0.8.0.
"""

import json
import pathlib
import sys

import safetensors.torch
import tokenizers
import torch

import longrope
import make_comparators
import make_models
import phi3small

# Folders that are kept; the most that one file of weights may hold.
KEPT = ["phi3-gqa", "llama-tied", "qwen2-tied", "gemma-mha", "qwen3-wide", "phi2-split", "longrope-phi3",
        "phi3small", "gemma2-caps", "gemma3-linear"]
MOST_BYTES = {"qwen2-tied": "40KB"}
EXACT = {"llama-tied"}


def builders():
    for name, settings in make_models.MODELS.items():
        yield name, lambda settings=settings: make_models.make_model(*settings)
    for name, settings in make_comparators.MODELS.items():
        yield name, lambda settings=settings: make_comparators.make_model(*settings)
    for name, (seed, _, settings) in longrope.MODELS.items():
        yield name, lambda seed=seed, settings=settings: longrope.make_model(seed, settings)[0]


def write_tokenizer(path, n_tokens):
    vocabulary = {piece: i for i, piece in enumerate(make_models.pieces_of(n_tokens))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.decoder = tokenizers.decoders.Fuse()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(path / "tokenizer.json"), pretty=False)
    for file in path.iterdir():
        file.chmod(0o644)


def write_folder(path, model, is_exact, most_bytes):
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and not is_exact:
                parameter.data = parameter.to(torch.bfloat16)
    model.save_pretrained(path, max_shard_size=most_bytes)
    (path / "generation_config.json").unlink(missing_ok=True)
    write_tokenizer(path, model.config.vocab_size)


def phi3small_config(h, n_context):
    return {
        "architectures": ["Phi3SmallForCausalLM"], "model_type": "phi3small", "hidden_act": "gegelu",
        "vocab_size": h["n_vocab"], "hidden_size": h["n_embd"], "head_dim": h["head_size"],
        "ff_intermediate_size": h["n_ff"], "num_hidden_layers": h["n_layers"],
        "num_attention_heads": h["n_heads"], "num_key_value_heads": h["n_kv_heads"],
        "max_position_embeddings": n_context, "layer_norm_epsilon": h["epsilon"],
        "rope_embedding_base": h["rope_base"], "rope_position_scale": 1.0, "gegelu_limit": h["gegelu_limit"],
        "mup_use_scaling": True, "mup_attn_multiplier": 1.0, "mup_embedding_multiplier": h["embedding_scale"],
        "mup_width_multiplier": h["logit_divisor"], "blocksparse_homo_head_pattern": False,
        "blocksparse_block_size": h["block"], "blocksparse_num_local_blocks": h["local"],
        "blocksparse_vert_stride": h["stride"], "dense_attention_every_n_layers": h["dense_period"] or None,
        "dummy_token_indices": h["masked"],
    }


def write_phi3small(path, seed, n_tokens, pattern):
    h = {**phi3small.SIZES, **pattern}
    weights = phi3small.random_weights(h, seed)
    rooms = {"query_key_value": "self_attn.", "dense": "self_attn.", "up_proj": "mlp.", "down_proj": "mlp."}
    tensors = {"model.embed_tokens.weight": weights["embed_tokens"].half()}
    pairs = {"model.final_layernorm": weights["final_layernorm"]}
    for i, layer in enumerate(weights["layers"]):
        for name, pair in layer.items():
            pairs[f"model.layers.{i}.{rooms.get(name, '')}{name}"] = pair
    for name, (weight, bias) in pairs.items():
        tensors[f"{name}.weight"] = weight.half() if weight.dim() > 1 else weight
        tensors[f"{name}.bias"] = bias
    path.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    (path / "config.json").write_text(json.dumps(phi3small_config(h, h.get("n_context", n_tokens + 100)), indent=2) + "\n")
    write_tokenizer(path, h["n_vocab"])


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sys.argv[2:] or KEPT
    for name, build in builders():
        if name in names:
            write_folder(folder / name, build(), name in EXACT, MOST_BYTES.get(name, "1MB"))
    for name, (seed, n_tokens, pattern) in phi3small.MODELS.items():
        if name in names:
            write_phi3small(folder / name, seed, n_tokens, pattern)


if __name__ == "__main__":
    main()
