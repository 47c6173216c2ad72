#!/usr/bin/env python3
"""Make small random models of the architectures that Phi-3 is compared with, and their logits.

Usage: make_comparators.py OUT_FOLDER   (tests/golden in this repository)

Writes the same three files a model as make_models.py, which has what both share; made with the versions that
are named there. Each model is small in what does not matter and odd in what does: heads that are wider or
narrower than the embedding divided, windows shorter than the prompt, caps low enough to bend.
"""

import pathlib
import sys

import gguf
import numpy as np
import torch
import transformers

from make_models import add_vocabulary, logits_of, permuted, write_outputs

GEMMA = {"hidden_size": 48, "num_hidden_layers": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "vocab_size": 80}
DEFAULT = {"rope_type": "default"}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32, "rope_theta": 500000.0}
LINEAR_8 = {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}

# name: (architecture, class, seed, settings)
MODELS = {
    "gemma-mha": ("gemma", "Gemma", 21, {
        **GEMMA, "num_attention_heads": 3, "num_key_value_heads": 3, "head_dim": 24, "intermediate_size": 72,
        "rope_parameters": {**DEFAULT, "rope_theta": 10000.0}}),
    "gemma2-caps": ("gemma2", "Gemma2", 22, {
        **GEMMA, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 20, "intermediate_size": 72,
        "sliding_window": 16, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 10.0, "query_pre_attn_scalar": 20,
        "rope_parameters": {**DEFAULT, "rope_theta": 10000.0}}),
    "gemma3-linear": ("gemma3", "Gemma3", 23, {
        **GEMMA, "hidden_size": 32, "num_hidden_layers": 7, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 20, "intermediate_size": 40, "sliding_window": 16, "query_pre_attn_scalar": 20,
        "rope_parameters": {"full_attention": LINEAR_8, "sliding_attention": {**DEFAULT, "rope_theta": 10000.0}}}),
    "qwen3-wide": ("qwen3", "Qwen3", 24, {
        **GEMMA, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 20, "intermediate_size": 72,
        "tie_word_embeddings": False, "rope_parameters": {**DEFAULT, "rope_theta": 1000000.0}}),
    "qwen3-tied": ("qwen3", "Qwen3", 25, {
        **GEMMA, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 72,
        "tie_word_embeddings": True, "rope_parameters": {**DEFAULT, "rope_theta": 1000000.0}}),
    "phi2-split": ("phi2", "Phi", 26, {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 72,
        "max_position_embeddings": 64, "layer_norm_eps": 1e-5, "vocab_size": 85,
        "rope_parameters": {**DEFAULT, "rope_theta": 10000.0, "partial_rotary_factor": 0.5}}),
    "phi2-fused": ("phi2", "Phi", 27, {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 80,
        "max_position_embeddings": 64, "layer_norm_eps": 1e-5, "vocab_size": 85,
        "rope_parameters": {**DEFAULT, "rope_theta": 10000.0, "partial_rotary_factor": 0.25}}),
    "phi3-partial": ("phi3", "Phi3", 28, {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1,
        "intermediate_size": 72, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "vocab_size": 80,
        "tie_word_embeddings": True, "sliding_window": None,
        "rope_parameters": {**DEFAULT, "rope_theta": 10000.0, "partial_rotary_factor": 0.75}}),
    "llama3-freqs": ("llama", "Llama", 29, {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1,
        "intermediate_size": 72, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "vocab_size": 80,
        "tie_word_embeddings": True, "rope_parameters": LLAMA3}),
    "mistral-window": ("llama", "Mistral", 30, {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 24,
        "intermediate_size": 72, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "vocab_size": 80,
        "sliding_window": 16, "tie_word_embeddings": False, "rope_parameters": {**DEFAULT, "rope_theta": 10000.0}}),
}
N_LOCAL_OF = {"gemma2": 2, "gemma3": 6}  # one layer in so many sees everything, which no key says


def config_class(name):
    return getattr(transformers, "Gemma3TextConfig" if name == "Gemma3" else name + "Config")


def make_model(architecture, name, seed, settings):
    special = {} if architecture == "phi2" else {"pad_token_id": 0}
    config = config_class(name)(**settings, **special, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
    model = getattr(transformers, name + "ForCausalLM")(config).to(torch.float32).eval()
    generator = torch.Generator().manual_seed(seed)
    offset = 0.0 if architecture.startswith("gemma") else 1.0  # Gemma's norms multiply with 1 more than is stored
    with torch.no_grad():
        for parameter_name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter_name.endswith(".bias"):
                parameter.copy_(0.3 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(offset + 0.2 * noise)
            elif "embed_tokens" in parameter_name:
                parameter.copy_(noise * (0.5 if config.tie_word_embeddings else 1.0))
            else:
                parameter.copy_(noise * 1.5 / parameter.shape[1] ** 0.5)
    return model


PLAIN = {
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
    "attn_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
}
SPLIT = {f"attn_{part}.weight": f"self_attn.{part}_proj.weight" for part in "qkv"}
HEAD_NORMS = {"attn_q_norm.weight": "self_attn.q_norm.weight", "attn_k_norm.weight": "self_attn.k_norm.weight"}
POST_NORMS = {
    "post_attention_norm.weight": "post_attention_layernorm.weight",
    "ffn_norm.weight": "pre_feedforward_layernorm.weight",
    "post_ffw_norm.weight": "post_feedforward_layernorm.weight",
}
BOTH = ("weight", "bias")
PHI2 = {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in BOTH for ours, theirs in {
    "attn_norm": "input_layernorm", "attn_output": "self_attn.dense", "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj"}.items()}
LAYER = {
    "gemma": {**PLAIN, **SPLIT},
    "gemma2": {**PLAIN, **SPLIT, **POST_NORMS},
    "gemma3": {**PLAIN, **SPLIT, **POST_NORMS, **HEAD_NORMS},
    "qwen3": {**PLAIN, **SPLIT, **HEAD_NORMS},
    "phi2": PHI2,
    "phi3": {key: value for key, value in PLAIN.items() if key not in ("ffn_gate.weight", "ffn_up.weight")}
    | {"attn_qkv.weight": "self_attn.qkv_proj.weight", "ffn_up.weight": "mlp.gate_up_proj.weight"},
    "llama": {**PLAIN, **SPLIT},
}


def layer_tensors(architecture, config, state, i, is_fused):
    tensors = {ours: state[f"model.layers.{i}.{theirs}"] for ours, theirs in LAYER[architecture].items()}
    if architecture == "llama":
        for part, n_heads in (("q", config.num_attention_heads), ("k", config.num_key_value_heads)):
            tensors[f"attn_{part}.weight"] = permuted(tensors[f"attn_{part}.weight"], n_heads)
    if is_fused:
        for kind in BOTH:
            parts = [tensors.pop(f"attn_{part}.{kind}") for part in "qkv"]
            tensors[f"attn_qkv.{kind}"] = np.concatenate(parts)
    return tensors


def llama3_divisors(model):
    config = model.config
    head_size = config.hidden_size // config.num_attention_heads
    plain = 1.0 / config.rope_parameters["rope_theta"] ** (np.arange(0, head_size, 2) / head_size)
    return plain / model.model.rotary_emb.inv_freq.double().numpy()


def model_tensors(architecture, name, model):
    config, state = model.config, {key: value.numpy() for key, value in model.state_dict().items()}
    norm = "final_layernorm" if architecture == "phi2" else "norm"
    yield "token_embd.weight", state["model.embed_tokens.weight"]
    yield "output_norm.weight", state[f"model.{norm}.weight"]
    if architecture == "phi2":
        yield "output_norm.bias", state[f"model.{norm}.bias"]
        yield "output.bias", state["lm_head.bias"]
    if not config.tie_word_embeddings:
        yield "output.weight", state["lm_head.weight"]
    if config.rope_parameters.get("rope_type") == "llama3":
        yield "rope_freqs.weight", llama3_divisors(model)
    for i in range(config.num_hidden_layers):
        for ours, values in layer_tensors(architecture, config, state, i, name.endswith("fused")).items():
            yield f"blk.{i}.{ours}", values


def add_keys(writer, architecture, model):
    """As the ecosystem's converter writes them, no more; but it leaves out Mistral's window."""
    config = model.config
    n_heads = config.num_attention_heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // n_heads
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    numbers = {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "block_count": config.num_hidden_layers,
        "attention.head_count": n_heads,
        "attention.head_count_kv": config.num_key_value_heads or n_heads,
    }
    if architecture in ("phi2", "phi3", "llama"):
        numbers["rope.dimension_count"] = int(head_size * rope.get("partial_rotary_factor", 1.0))
    if architecture in ("gemma", "gemma2", "gemma3", "qwen3"):
        numbers["attention.key_length"] = numbers["attention.value_length"] = head_size
    if architecture == "phi3" or (architecture != "qwen3" and getattr(config, "sliding_window", None)):
        numbers["attention.sliding_window"] = config.sliding_window or 0
    for key, value in numbers.items():
        writer.add_uint32(f"{architecture}.{key}", value)
    if architecture == "phi2":
        writer.add_float32("phi2.attention.layer_norm_epsilon", config.layer_norm_eps)
    else:
        writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", config.rms_norm_eps)
    if architecture not in ("gemma", "gemma2", "phi2"):  # those leave the base unsaid: 10000
        writer.add_float32(f"{architecture}.rope.freq_base", rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_string(f"{architecture}.rope.scaling.type", "linear")
        writer.add_float32(f"{architecture}.rope.scaling.factor", rope["factor"])
    if architecture == "gemma2":
        writer.add_float32("gemma2.attn_logit_softcapping", config.attn_logit_softcapping)
        writer.add_float32("gemma2.final_logit_softcapping", config.final_logit_softcapping)


def write_gguf(path, name, architecture, seed, model):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.name", f"golden {name}, seed {seed}")
    add_keys(writer, architecture, model)
    add_vocabulary(writer, model.config.vocab_size)
    for tensor, values in model_tensors(architecture, name, model):
        is_norm = tensor.endswith("norm.weight") and architecture.startswith("gemma")
        writer.add_tensor(tensor, np.ascontiguousarray(values + 1 if is_norm else values, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check_layers(architecture, config):
    """What no key says: which layers have a window, and that a dot product is divided by the root of a head."""
    if architecture in N_LOCAL_OF:
        n = N_LOCAL_OF[architecture]
        expected = ["full_attention" if i % n == n - 1 else "sliding_attention" for i in range(config.num_hidden_layers)]
        assert config.layer_types == expected
        assert config.query_pre_attn_scalar == config.head_dim


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    for name, (architecture, class_name, seed, settings) in MODELS.items():
        model = make_model(architecture, class_name, seed, settings)
        check_layers(architecture, model.config)
        write_gguf(folder / f"{name}.gguf", name, architecture, seed, model)
        write_outputs(folder, name, seed, model)


if __name__ == "__main__":
    main()
