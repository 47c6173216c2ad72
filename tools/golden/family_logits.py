#!/usr/bin/env python3
"""Logits of the embedded family as PyTorch computes them in float32 from the weights of its files.

    family_logits.py MODELS IDS OUT

IDS is a file of token numbers, tests/golden/family.ids; for each model NAME.gguf of MODELS it writes
OUT/NAME.logits: raw little-endian float32, [positions, vocabulary]. The architecture is that of
tools/world/model.py, in which the models were trained. The goldens were made with Python 3.11.7,
torch 2.15.0 (CPU, one thread), numpy 2.4.6 and gguf 0.19.0:

    tools/golden/family_logits.py models tests/golden/family.ids tests/golden
"""
import pathlib
import sys

import gguf
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "world"))
from model import Model
from shapes import SHAPES


def read_model(path, shape):
    """The model of a GGUF file; its 16-bit floats are exact in 32 bits."""
    tensors = gguf.GGUFReader(path).tensors
    weights = {t.name: torch.tensor(t.data.astype("float32").reshape(tuple(t.shape)[::-1])) for t in tensors}
    model = Model(shape)
    model.load_state_dict(weights)
    return model


def main():
    models, ids, out = map(pathlib.Path, sys.argv[1:])
    torch.set_num_threads(1)
    prompt = torch.tensor([[int(token) for token in ids.read_text().split()]])
    for name, shape in SHAPES.items():
        with torch.no_grad():
            logits = read_model(models / f"{name}.gguf", shape)(prompt)[0]
        (out / f"{name}.logits").write_bytes(logits.contiguous().numpy().tobytes())


if __name__ == "__main__":
    main()
