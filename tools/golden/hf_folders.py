#!/usr/bin/env python3
"""Save small random models as Hugging Face folders.

Usage: hf_folders.py OUT_FOLDER [NAME...]   (tests/golden/hf in this repository)

Writes OUT_FOLDER/NAME: what the library saves of the model whose NAME.gguf the other scripts make, with a
tokenizer of single characters. Matrices are rounded to bf16, but for those of EXACT, and vectors stay in float32.
Versions are those of make_models.py, tokenizers 0.23.3.
"""

import pathlib
import sys

import tokenizers
import torch

import longrope
import make_comparators
import make_models

# Folders that are kept; the most that one file of weights may hold.
KEPT = ["phi3-gqa", "llama-tied", "qwen2-tied", "gemma-mha", "qwen3-wide", "phi2-split", "longrope-phi3"]
MOST_BYTES = {"qwen2-tied": "40KB"}
EXACT = {"llama-tied"}


def builders():
    for name, settings in make_models.MODELS.items():
        yield name, lambda settings=settings: make_models.make_model(*settings)
    for name, settings in make_comparators.MODELS.items():
        yield name, lambda settings=settings: make_comparators.make_model(*settings)
    for name, (seed, _, settings) in longrope.MODELS.items():
        yield name, lambda seed=seed, settings=settings: longrope.make_model(seed, settings)[0]


def write_folder(path, model, is_exact, most_bytes):
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and not is_exact:
                parameter.data = parameter.to(torch.bfloat16)
    model.save_pretrained(path, max_shard_size=most_bytes)
    (path / "generation_config.json").unlink(missing_ok=True)
    vocabulary = {piece: i for i, piece in enumerate(make_models.pieces_of(model.config.vocab_size))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.decoder = tokenizers.decoders.Fuse()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.save(str(path / "tokenizer.json"), pretty=False)
    for file in path.iterdir():
        file.chmod(0o644)


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sys.argv[2:] or KEPT
    for name, build in builders():
        if name in names:
            write_folder(folder / name, build(), name in EXACT, MOST_BYTES.get(name, "1MB"))


if __name__ == "__main__":
    main()
