#!/usr/bin/env python3
"""Writes tests/golden/type_values.tsv: the SHA-256 of the float32 values that the package gguf
gives to random blocks of the types that no vectors of others exist for.

    python3 tools/golden/type_values.py > tests/golden/type_values.tsv

A type's N_BLOCKS blocks are bytes of the generator that base/rng.h has (splitmix64, of which the
lowest byte counts), from the type's number on; then the bit that lets a factor be infinite or NaN is
cleared, of MXFP4 one without which exponents end at 251 (values of larger ones are no floats).
"""
import hashlib
import importlib.metadata

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

N_BLOCKS = 512
# The byte with the upper bits of a block's factor, and what is cleared of it.
CLEARED = {
    "IQ4_NL": (1, 0x40), "IQ4_XS": (1, 0x40), "MXFP4": (0, 0x04), "IQ2_XXS": (1, 0x40),
    "IQ2_XS": (1, 0x40), "IQ2_S": (1, 0x40), "IQ3_XXS": (1, 0x40), "IQ3_S": (1, 0x40),
    "IQ1_S": (1, 0x40), "IQ1_M": (55, 0x40), "TQ1_0": (53, 0x40), "TQ2_0": (65, 0x40),
}


def random_bytes(state, n):
    mask = (1 << 64) - 1
    out = bytearray(n)
    for i in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        out[i] = (z ^ z >> 31) & 255
    return out


print(f"# type\tsha256 of values; tools/golden/type_values.py, gguf {importlib.metadata.version('gguf')}")
for name, (at, bit) in CLEARED.items():
    kind = GGMLQuantizationType[name]
    n_bytes = GGML_QUANT_SIZES[kind][1]
    blocks = np.frombuffer(random_bytes(int(kind), N_BLOCKS * n_bytes), dtype=np.uint8)
    blocks = blocks.reshape(N_BLOCKS, n_bytes).copy()
    blocks[:, at] &= 255 - bit
    values = quants.dequantize(blocks, kind).astype("<f4")
    assert np.isfinite(values).all()
    print(f"{name.lower()}\t{hashlib.sha256(values.tobytes()).hexdigest()}")
