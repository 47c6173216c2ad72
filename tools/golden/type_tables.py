#!/usr/bin/env python3
"""Writes engine/tensor_grid_tables.c: the tables of the types below four bits, which are numbers
of the GGUF format, as the package gguf has them.

    python3 tools/golden/type_tables.py > engine/tensor_grid_tables.c && make format
"""
import importlib.metadata

from gguf import quants

TABLES = [
    ("grid_iq2_xxs", quants.IQ2_XXS),
    ("grid_iq2_xs", quants.IQ2_XS),
    ("grid_iq2_s", quants.IQ2_S),
    ("grid_iq3_xxs", quants.IQ3_XXS),
    ("grid_iq3_s", quants.IQ3_S),
    ("grid_iq1", quants.IQ1_S),
]


def entries(quant):
    """Every row as one number: value i's code from bit 2 * i on, or 3 * i of rows of four."""
    quant.init_grid()
    codes = list(quant.grid_map)
    bits = 16 // quant.grid_shape[1] if quant.grid_shape[1] == 8 else 3
    for row in quant.grid.reshape(quant.grid_shape):
        yield sum(codes.index(int(value)) << (bits * i) for i, value in enumerate(row))


print(f"""/* tensor_grid_tables.c - which groups of values the types below four bits have, by number.
 *
 * Numbers of the GGUF format. Written by tools/golden/type_tables.py from the package gguf
 * {importlib.metadata.version("gguf")}; not to be edited. What an entry means is said in the header.
 */
#include "engine/tensor_grid_tables.h"
""")
for name, quant in TABLES:
    numbers = list(entries(quant))
    assert numbers == sorted(set(numbers))
    print(f"const uint16_t {name}[{len(numbers)}] = {{")
    for i in range(0, len(numbers), 12):
        print("    " + ", ".join(f"0x{n:04x}" for n in numbers[i : i + 12]) + ",")
    print("};\n")
