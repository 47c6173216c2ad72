#!/usr/bin/env python3
"""Make small random models and the logits that the reference implementation gives them.

Usage: make_models.py OUT_FOLDER   (tests/golden in this repository)

Writes for each model NAME.gguf (float32 weights), NAME.ids (the prompt, on one line) and NAME.logits
(raw little-endian float32, [positions, vocabulary]). Made with Python 3.11, torch 2.15.0, transformers
5.23.0, numpy 2.4.6, gguf 0.19.0 and the seeds below; run in float32 with eager attention.
"""

import pathlib
import sys

import gguf
import numpy as np
import torch
import transformers

N_TOKENS = 40

# name: (architecture, seed, settings). Sizes that are no multiple of 16 are meant.
COMMON = {"hidden_size": 48, "num_hidden_layers": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 64}
MODELS = {
    "phi3-mha": ("phi3", 1, {"num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 80,
                             "vocab_size": 85}),
    "phi3-gqa": ("phi3", 2, {"num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 72,
                             "vocab_size": 85}),
    "phi3-window": ("phi3", 3, {"num_attention_heads": 2, "num_key_value_heads": 1,
                                "intermediate_size": 80, "vocab_size": 85, "sliding_window": 16}),
    "llama-gqa": ("llama", 4, {"num_attention_heads": 3, "num_key_value_heads": 1,
                               "intermediate_size": 72, "vocab_size": 91, "tie_word_embeddings": False}),
    "llama-tied": ("llama", 5, {"num_attention_heads": 4, "num_key_value_heads": 2,
                                "intermediate_size": 88, "vocab_size": 80, "tie_word_embeddings": True}),
    "qwen2-gqa": ("qwen2", 6, {"num_attention_heads": 6, "num_key_value_heads": 2, "rms_norm_eps": 1e-6,
                               "intermediate_size": 72, "vocab_size": 91, "tie_word_embeddings": False}),
    "qwen2-tied": ("qwen2", 7, {"num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6,
                                "intermediate_size": 88, "vocab_size": 80, "tie_word_embeddings": True}),
}


def make_model(architecture, seed, settings, **overrides):
    config_class, model_class = {
        "phi3": (transformers.Phi3Config, transformers.Phi3ForCausalLM),
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
    }[architecture]
    theta = {"phi3": 10000.0, "llama": 500000.0, "qwen2": 1000000.0}[architecture]
    config = config_class(**{**COMMON, **settings, **overrides}, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                          rope_parameters={"rope_type": "default", "rope_theta": theta},
                          attn_implementation="eager")
    model = model_class(config).to(torch.float32).eval()
    fill_weights(model, seed)
    return model


def fill_weights(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(".bias"):
                parameter.copy_(0.5 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * noise)
            elif "embed_tokens" in name:
                # The output matrix too where they are tied: keep the logits moderate.
                parameter.copy_(noise * (0.5 if model.config.tie_word_embeddings else 1.0))
            else:
                parameter.copy_(noise * 1.5 / parameter.shape[1] ** 0.5)


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].to(torch.float64).numpy()


def check_window(settings, seed):
    """A query sees sliding_window keys, itself among them: with one layer, the token W places back
    changes nothing and the one W - 1 places back does."""
    window = settings["sliding_window"]
    model = make_model("phi3", seed, settings, num_hidden_layers=1)
    ids = list(range(3, 3 + N_TOKENS))
    base, changed = logits_of(model, ids), logits_of(model, [70] + ids[1:])
    assert np.abs(base[window - 1] - changed[window - 1]).max() > 1e-4
    assert np.array_equal(base[window:], changed[window:])


def permuted(weight, n_heads):
    """Rows of Q or K as GGUF's llama has them: rotated pairs side by side, not half a head apart."""
    rows, columns = weight.shape
    return weight.reshape(n_heads, 2, rows // n_heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def gguf_tensors(architecture, config, state):
    yield "token_embd.weight", state["model.embed_tokens.weight"]
    yield "output_norm.weight", state["model.norm.weight"]
    if not config.tie_word_embeddings:
        yield "output.weight", state["lm_head.weight"]
    for i in range(config.num_hidden_layers):
        source, block = f"model.layers.{i}.", f"blk.{i}."
        yield block + "attn_norm.weight", state[source + "input_layernorm.weight"]
        yield block + "ffn_norm.weight", state[source + "post_attention_layernorm.weight"]
        yield block + "attn_output.weight", state[source + "self_attn.o_proj.weight"]
        yield block + "ffn_down.weight", state[source + "mlp.down_proj.weight"]
        if architecture == "phi3":
            yield block + "attn_qkv.weight", state[source + "self_attn.qkv_proj.weight"]
            yield block + "ffn_up.weight", state[source + "mlp.gate_up_proj.weight"]
        else:
            q, k = state[source + "self_attn.q_proj.weight"], state[source + "self_attn.k_proj.weight"]
            if architecture == "llama":
                q, k = permuted(q, config.num_attention_heads), permuted(k, config.num_key_value_heads)
            yield block + "attn_q.weight", q
            yield block + "attn_k.weight", k
            yield block + "attn_v.weight", state[source + "self_attn.v_proj.weight"]
            yield block + "ffn_gate.weight", state[source + "mlp.gate_proj.weight"]
            yield block + "ffn_up.weight", state[source + "mlp.up_proj.weight"]
        if architecture == "qwen2":
            for part in "qkv":
                yield f"{block}attn_{part}.bias", state[f"{source}self_attn.{part}_proj.bias"]


def pieces_of(n_tokens):
    return (["<unk>", "<s>", "</s>", "\u2581"] + [chr(c) for c in range(33, 127)])[:n_tokens]


def add_vocabulary(writer, n_tokens):
    """Only as much of a tokenizer as a file needs to be opened."""
    pieces = pieces_of(n_tokens)
    writer.add_string("tokenizer.ggml.model", "llama")
    writer.add_array("tokenizer.ggml.tokens", pieces)
    writer.add_array("tokenizer.ggml.scores", [float(-i) for i in range(len(pieces))])
    writer.add_array("tokenizer.ggml.token_type", [2, 3, 3] + [1] * (len(pieces) - 3))
    writer.add_uint32("tokenizer.ggml.bos_token_id", 1)
    writer.add_uint32("tokenizer.ggml.eos_token_id", 2)
    writer.add_uint32("tokenizer.ggml.unknown_token_id", 0)


def write_gguf(path, name, architecture, seed, model, add_more=lambda writer: None, matrix_type=np.float32):
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.name", f"golden {name}, seed {seed}")
    numbers = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "block_count": config.num_hidden_layers,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
    }
    if architecture != "qwen2":  # as the ecosystem's converter writes them: all of a head is rotated
        head_size = config.hidden_size // config.num_attention_heads
        rotated = config.rope_parameters.get("partial_rotary_factor", 1.0)
        numbers["rope.dimension_count"] = int(head_size * rotated)
    if architecture == "phi3":
        numbers["attention.sliding_window"] = config.sliding_window or 0
    for key, value in numbers.items():
        writer.add_uint32(f"{architecture}.{key}", value)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", config.rms_norm_eps)
    writer.add_float32(f"{architecture}.rope.freq_base", config.rope_parameters["rope_theta"])

    add_vocabulary(writer, config.vocab_size)
    add_more(writer)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    for tensor, values in gguf_tensors(architecture, config, state):
        kind = np.float32 if values.ndim == 1 else matrix_type
        writer.add_tensor(tensor, np.ascontiguousarray(values, dtype=kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_outputs(folder, name, seed, model, n_tokens=N_TOKENS):
    """The prompt, and the logits after each of its tokens."""
    ids = np.random.default_rng(seed).integers(3, model.config.vocab_size, n_tokens).tolist()
    ids[0] = 1
    logits = logits_of(model, ids)
    (folder / f"{name}.ids").write_text(" ".join(map(str, ids)) + "\n")
    logits.astype("<f4").tofile(folder / f"{name}.logits")
    exact = logits_of(model.double(), ids)
    error = np.abs(logits - exact).max() / np.abs(exact).max()
    print(f"{name}: largest logit {np.abs(logits).max():.3f}, spread {logits.std():.3f}, "
          f"float32 against float64 {error:.1e}")


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    check_window(MODELS["phi3-window"][2], MODELS["phi3-window"][1])
    for name, (architecture, seed, settings) in MODELS.items():
        model = make_model(architecture, seed, settings)
        write_gguf(folder / f"{name}.gguf", name, architecture, seed, model)
        write_outputs(folder, name, seed, model)


if __name__ == "__main__":
    main()
