#!/usr/bin/env python3
"""Make small random mixtures of experts, the logits that the reference implementation gives them, and what its
routers choose.

Usage: make_experts.py OUT_FOLDER   (tests/golden in this repository)

Writes for each model NAME.gguf, NAME.ids and NAME.logits, of some hf/NAME, as make_models.py does, and
routers.tsv: rows of scores with the experts and weights that the reference takes for them, floats as
hexadecimal. Made with Python 3.11, torch 2.15.0, transformers 5.23.0, numpy 2.4.6, gguf 0.19.0 and the seeds below; float32, eager attention.
"""

import pathlib
import sys

import gguf
import numpy as np
import torch
import transformers
from transformers.models.phimoe.modeling_phimoe import sparsemixer

from hf_folders import write_folder
from make_models import N_TOKENS, add_vocabulary, logits_of, permuted, write_outputs

JITTER = 0.01
COMMON = {"hidden_size": 32, "num_hidden_layers": 2, "max_position_embeddings": 64, "tie_word_embeddings": False,
          "intermediate_size": 40, "vocab_size": 85, "num_attention_heads": 4, "num_key_value_heads": 2}

# name: (architecture, seed, settings). Sizes that are no multiple of 16 are meant.
MODELS = {
    "mixtral": ("llama", 21, {"num_local_experts": 5, "num_experts_per_tok": 2, "rms_norm_eps": 1e-5}),
    "mixtral-three": ("llama", 22, {"num_local_experts": 4, "num_experts_per_tok": 3, "rms_norm_eps": 1e-5,
                                    "num_hidden_layers": 1}),
    "phimoe": ("phimoe", 53, {"num_local_experts": 6, "num_experts_per_tok": 2, "rms_norm_eps": 1e-5,
                              "attention_bias": True, "lm_head_bias": True}),
    "phimoe-long": ("phimoe", 54, {"num_local_experts": 3, "num_experts_per_tok": 2, "rms_norm_eps": 1e-5,
                                   "num_hidden_layers": 1, "attention_bias": True, "lm_head_bias": True,
                                   "max_position_embeddings": 128}),
    "phimoe-far": ("phimoe", 55, {"num_local_experts": 3, "num_experts_per_tok": 2, "rms_norm_eps": 1e-5,
                                  "num_hidden_layers": 1, "attention_bias": True, "lm_head_bias": True,
                                  "max_position_embeddings": 128}),
}

FOLDERS = ("mixtral-three", "phimoe-long")  # whose folders are kept too

# LongRoPE of Phi-3.5-MoE: its own magnitude, not the formula's. Its class in transformers 5.23.0 takes the short
# factors at any length (PhimoeRotaryEmbedding.forward asks for them without one), which its authors' code does not:
# choose_factors_by_length says the length in phimoe-far, whose prompt is longer than ORIGINAL.
ORIGINAL = 64
N_FAR_TOKENS = 96
MSCALE = 1.243163121016122
SHORT_FACTORS = [1.0, 1.1, 1.3, 1.4]
LONG_FACTORS = [1.5, 4.0, 9.0, 20.0]


def make_model(architecture, seed, settings):
    config_class, model_class = {
        "llama": (transformers.MixtralConfig, transformers.MixtralForCausalLM),
        "phimoe": (transformers.PhimoeConfig, transformers.PhimoeForCausalLM),
    }[architecture]
    rope = {"rope_type": "default", "rope_theta": {"llama": 1000000.0, "phimoe": 10000.0}[architecture]}
    if "max_position_embeddings" in settings:
        rope |= {"rope_type": "longrope", "short_factor": SHORT_FACTORS, "long_factor": LONG_FACTORS,
                 "short_mscale": MSCALE, "long_mscale": MSCALE, "original_max_position_embeddings": ORIGINAL}
    config = config_class(**{**COMMON, **settings}, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                          rope_parameters=rope, attn_implementation="eager", experts_implementation="eager")
    model = model_class(config).to(torch.float32).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(".bias"):
                parameter.copy_(0.5 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * noise)
            elif "embed_tokens" in name:
                parameter.copy_(noise)
            else:
                parameter.copy_(noise * 1.5 / parameter.shape[-1] ** 0.5)
        if architecture == "phimoe" and config.num_hidden_layers > 1:
            draw_near(model, generator)
    return model


def choose_factors_by_length(model):
    """Takes the long factors for a prompt that is longer than ORIGINAL, as the model's authors do."""
    rotary = model.model.rotary_emb
    factors_of = rotary.rope_init_fn

    def tell_length(module, args, kwargs):
        n_tokens = int((kwargs["position_ids"] if "position_ids" in kwargs else args[1]).max()) + 1
        module.rope_init_fn = lambda config: factors_of(config, seq_len=n_tokens)

    rotary.register_forward_pre_hook(tell_length, with_kwargs=True)


def draw_near(model, generator):
    """Router rows that give all experts of a token about the same score, far from 0: their distances lie around
    the threshold of the sparse mixer. Scores are positive in the first layer, and in the second negative."""
    for sign, layer in zip((1, -1), model.model.layers):
        direction = layer.post_attention_layernorm.bias / layer.post_attention_layernorm.bias.norm()
        noise = torch.randn(layer.mlp.router.weight.shape, generator=generator)
        layer.mlp.router.weight.copy_(sign * 1.5 * direction + 0.03 * noise)


def check_routes(name, model, seed, n_tokens):
    """All experts are hit, and choices are such that rounding cannot make them others."""
    ids = [1] + np.random.default_rng(seed).integers(3, model.config.vocab_size, n_tokens).tolist()[1:]
    scores, hits = [], [set() for _ in model.model.layers]

    def watch(i_layer):
        def keep(module, inputs, outputs):
            scores.append(outputs[0].detach().reshape(-1, outputs[0].shape[-1]).double().numpy())
            hits[i_layer].update(outputs[2].flatten().tolist())
        return keep

    handles = [module.register_forward_hook(watch(int(path.split(".")[2])))
               for path, module in model.named_modules() if path.endswith(("mlp.router", "mlp.gate"))]
    logits_of(model, ids)
    for handle in handles:
        handle.remove()
    assert all(len(of_layer) == model.config.num_local_experts for of_layer in hits), hits
    ordered = -np.sort(-np.concatenate(scores), axis=1)
    n_used = model.config.num_experts_per_tok
    gap = (ordered[:, :n_used] - ordered[:, 1:n_used + 1]).min()
    assert gap > 1e-5, gap
    if name != "phimoe":
        return
    distances = []
    for rank in range(n_used):
        largest, rest = ordered[:, rank:rank + 1], ordered[:, rank + 1:]
        distances.append(((largest - rest) / np.maximum(np.abs(rest), largest)).ravel())
    far = np.concatenate(distances) - 2 * JITTER
    assert np.abs(far).min() > 2e-5, np.abs(far).min()
    near = far[np.abs(far) < 0.002]
    assert (near > 0).sum() >= 10 and (near < 0).sum() >= 10
    print(f"{name}: {len(near)} of {len(far)} distances within a tenth of the threshold, the nearest off by "
          f"{np.abs(far).min():.1e}; largest scores from {ordered[:, 0].min():.2f} to {ordered[:, 0].max():.2f}")


def gguf_tensors(architecture, config, state):
    yield "token_embd.weight", state["model.embed_tokens.weight"]
    yield "output_norm.weight", state["model.norm.weight"]
    yield "output.weight", state["lm_head.weight"]
    if config.rope_parameters["rope_type"] == "longrope":
        yield "rope_factors_short.weight", np.array(SHORT_FACTORS)
        yield "rope_factors_long.weight", np.array(LONG_FACTORS)
    if architecture == "phimoe":
        yield "output_norm.bias", state["model.norm.bias"]
        yield "output.bias", state["lm_head.bias"]
    for i in range(config.num_hidden_layers):
        source, block = f"model.layers.{i}.", f"blk.{i}."
        names = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
                 "attn_output": "self_attn.o_proj", "attn_v": "self_attn.v_proj"}
        if architecture == "phimoe":
            names |= {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj"}
            for to, of in names.items():
                yield f"{block}{to}.bias", state[f"{source}{of}.bias"]
            yield block + "ffn_gate_inp.weight", state[source + "mlp.router.weight"]
        else:
            q, k = state[source + "self_attn.q_proj.weight"], state[source + "self_attn.k_proj.weight"]
            yield block + "attn_q.weight", permuted(q, config.num_attention_heads)
            yield block + "attn_k.weight", permuted(k, config.num_key_value_heads)
            yield block + "ffn_gate_inp.weight", state[source + "mlp.gate.weight"]
        for to, of in names.items():
            yield f"{block}{to}.weight", state[f"{source}{of}.weight"]
        gate_up = state[source + "mlp.experts.gate_up_proj"]  # [experts, gate rows and up rows, width]
        yield block + "ffn_gate_exps.weight", gate_up[:, : config.intermediate_size]
        yield block + "ffn_up_exps.weight", gate_up[:, config.intermediate_size:]
        yield block + "ffn_down_exps.weight", state[source + "mlp.experts.down_proj"]


def write_gguf(path, name, architecture, seed, model):
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.name", f"golden {name}, seed {seed}")
    for key, value in {
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "block_count": config.num_hidden_layers,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "rope.dimension_count": config.hidden_size // config.num_attention_heads,
        "expert_count": config.num_local_experts,
        "expert_used_count": config.num_experts_per_tok,
    }.items():
        writer.add_uint32(f"{architecture}.{key}", value)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", config.rms_norm_eps)
    writer.add_float32(f"{architecture}.rope.freq_base", config.rope_parameters["rope_theta"])
    if config.rope_parameters["rope_type"] == "longrope":  # as the ecosystem's converter writes it
        writer.add_uint32(f"{architecture}.rope.scaling.original_context_length", ORIGINAL)
        stretch = config.max_position_embeddings / ORIGINAL
        writer.add_float32(f"{architecture}.rope.scaling.attn_factor",
                           np.sqrt(1 + np.log(stretch) / np.log(ORIGINAL)))
    add_vocabulary(writer, config.vocab_size)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    for tensor, values in gguf_tensors(architecture, config, state):
        writer.add_tensor(tensor, np.ascontiguousarray(values, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rows_of_scores(seed):
    """Random scores of all sizes and signs, equal ones, and ones whose distance from the largest is the
    threshold, but for a few units in the last place."""
    random = np.random.default_rng(seed)
    for _ in range(60):
        yield random.normal(0, 10 ** random.uniform(-3, 1.5), random.integers(2, 17))
    for _ in range(60):
        yield random.choice([-1, 1]) * 3.0 * (1 + random.uniform(-0.03, 0.03, 8))
    for _ in range(80):
        largest = np.float32(random.choice([-1, 1]) * 10 ** random.uniform(-2, 2))
        edge = np.float32(largest * (1 - 2 * JITTER) if largest > 0 else largest / (1 - 2 * JITTER))
        row = np.array([edge, largest] + [edge] * 3, dtype=np.float32)
        for i in (2, 3, 4):
            for _ in range(random.integers(0, 4)):
                row[i] = np.nextafter(row[i], np.float32(random.choice([-np.inf, np.inf])))
        yield random.permutation(row)
    yield from ([0, 0, 0], [1, 1, 0.5, 1], [-2, -2, -3], [0, -1, -1e-3, 0], [5, 0, -5, 4.95], [-1, 0, 1e-30, -1e-30])


def softmax_route(scores, n_used):
    """MixtralTopKRouter without its product."""
    weights, experts = torch.topk(torch.softmax(scores, dim=-1), n_used, dim=-1)
    return weights / weights.sum(dim=-1, keepdim=True), experts


def write_routers(path, seed):
    with open(path, "w") as out:
        for row in rows_of_scores(seed):
            scores = torch.tensor(np.asarray(row, dtype=np.float32))[None]
            routes = {"sparsemixer": sparsemixer(scores, jitter_eps=JITTER, training=False)}
            if torch.softmax(scores, dim=-1).unique().numel() == scores.shape[1]:  # of equal ones topk takes any
                routes["softmax"] = softmax_route(scores, 2)
            for router, (weights, experts) in routes.items():
                print(router, " ".join(x.hex() for x in scores[0].tolist()),
                      " ".join(map(str, experts[0].tolist())), " ".join(x.hex() for x in weights[0].tolist()),
                      sep="\t", file=out)


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    write_routers(folder / "routers.tsv", 20)
    for name, (architecture, seed, settings) in MODELS.items():
        model = make_model(architecture, seed, settings)
        n_tokens = N_FAR_TOKENS if name == "phimoe-far" else N_TOKENS
        if n_tokens > ORIGINAL:
            choose_factors_by_length(model)
        check_routes(name, model, seed, n_tokens)
        write_gguf(folder / f"{name}.gguf", name, architecture, seed, model)
        if name in FOLDERS:
            write_folder(folder / "hf" / name, model, True, "1GB")
        write_outputs(folder, name, seed, model, n_tokens)


if __name__ == "__main__":
    main()
