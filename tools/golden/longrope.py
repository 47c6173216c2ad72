#!/usr/bin/env python3
"""Make small random models with LongRoPE and the logits that the reference implementation gives them.

Usage: longrope.py OUT_FOLDER   (tests/golden in this repository)

Writes for each model NAME.gguf (float32 weights), NAME.ids and NAME.logits (raw little-endian float32,
[positions, vocabulary]). A line of NAME.ids is a sequence, and NAME.logits has of each, one after the other:
1. a prompt within the original context: logits at all its positions;
2. a prompt beyond it: likewise;
3. a prompt of most of the whole context: logits at its last FAR_SHOWN positions;
4. a prompt within the original context and what `generate` went on with, greedily and with a cache, to beyond
   it: the logits of each step. The last token comes from the last of them.
Made with Python 3.11, torch 2.15.0, transformers 5.23.0, numpy 2.4.6, gguf 0.19.0 and the seeds below; run in
float32 with eager attention.
"""

import pathlib
import sys

import numpy as np
import torch
import transformers

import make_models

ORIGINAL, CONTEXT = 64, 2048
N_SHORT, N_LONG, N_FAR, FAR_SHOWN = 40, 96, 1900, 4
N_PROMPT, N_STEPS = 60, 12

# name: (seed, the file says its magnitude, settings). The second is built like Phi-4-mini.
MODELS = {
    "longrope-phi3": (31, True, {"num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 80,
                                 "vocab_size": 85, "tie_word_embeddings": False}),
    "longrope-partial": (32, False, {"num_attention_heads": 3, "num_key_value_heads": 1, "intermediate_size": 72,
                                     "vocab_size": 80, "tie_word_embeddings": True,
                                     "partial_rotary_factor": 0.75}),
}


def make_model(seed, settings):
    rotated = settings.get("partial_rotary_factor", 1.0)
    n_pairs = int(make_models.COMMON["hidden_size"] // settings["num_attention_heads"] * rotated) // 2
    random = np.random.default_rng(seed)
    short = np.sort(random.uniform(1.0, 1.5, n_pairs)).astype(np.float32).tolist()
    long = np.sort(random.uniform(1.0, 40.0, n_pairs)).astype(np.float32).tolist()
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": short, "long_factor": long,
            "original_max_position_embeddings": ORIGINAL, "partial_rotary_factor": rotated}
    common = {**make_models.COMMON, "max_position_embeddings": CONTEXT}
    config = transformers.Phi3Config(**{**common, **settings}, rope_parameters=rope, pad_token_id=0, bos_token_id=1,
                                     eos_token_id=None, original_max_position_embeddings=ORIGINAL,
                                     attn_implementation="eager")
    model = transformers.Phi3ForCausalLM(config).to(torch.float32).eval()
    make_models.fill_weights(model, seed)
    return model, short, long


def generate(model, prompt):
    with torch.no_grad():
        out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                             max_new_tokens=N_STEPS, do_sample=False, use_cache=True, output_logits=True,
                             return_dict_in_generate=True)
    return out.sequences[0].tolist(), torch.cat(out.logits).to(torch.float64).numpy()


def check_generation(model, ids, logits):
    """A step of a generation is what a whole prompt of all tokens so far gives."""
    for i in range(N_STEPS):
        whole = make_models.logits_of(model, ids[: N_PROMPT + i])[-1]
        assert np.abs(whole - logits[i]).max() < 1e-4 * np.abs(whole).max(), i


def write(folder, name, seed, says_magnitude, settings):
    model, short, long = make_model(seed, settings)

    def add_more(writer):
        writer.add_uint32("phi3.rope.scaling.original_context_length", ORIGINAL)
        if says_magnitude:
            writer.add_float32("phi3.rope.scaling.attn_factor", model.model.rotary_emb.attention_scaling)
        writer.add_tensor("rope_factors_long.weight", np.array(long, dtype=np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(short, dtype=np.float32))

    random = np.random.default_rng(seed + 100)
    prompts = [[1] + random.integers(3, model.config.vocab_size, n - 1).tolist()
               for n in (N_SHORT, N_LONG, N_FAR, N_PROMPT)]
    rows = [make_models.logits_of(model, ids) for ids in prompts[:3]]
    rows[2] = rows[2][-FAR_SHOWN:]
    generated, steps = generate(model, prompts[3])
    check_generation(model, generated, steps)
    make_models.write_gguf(folder / f"{name}.gguf", name, "phi3", seed, model, add_more)
    lines = [" ".join(map(str, ids)) + "\n" for ids in [*prompts[:3], generated]]
    (folder / f"{name}.ids").write_text("".join(lines))
    logits = np.concatenate([*rows, steps])
    logits.astype("<f4").tofile(folder / f"{name}.logits")
    exact = np.concatenate([make_models.logits_of(model.double(), ids) for ids in prompts[:2]])
    error = np.abs(logits[: len(exact)] - exact).max() / np.abs(exact).max()
    print(f"{name}: magnitude {model.model.rotary_emb.attention_scaling:.6f}, largest logit "
          f"{np.abs(logits).max():.3f}, float32 against float64 {error:.1e}")


def main():
    torch.set_num_threads(1)
    for name, (seed, says_magnitude, settings) in MODELS.items():
        write(pathlib.Path(sys.argv[1]), name, seed, says_magnitude, settings)


if __name__ == "__main__":
    main()
