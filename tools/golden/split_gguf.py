#!/usr/bin/env python3
"""Splits a GGUF file as its ecosystem does: with the writer of the package `gguf`.

    python3 tools/golden/split_gguf.py tests/golden/llama-tied.gguf tests/golden/split 8

Writes FOLDER/NAME-00001-of-0000N.gguf and so on, the last argument's number of tensors in each; the first has
the metadata and no tensors, as `llama-gguf-split --no-tensor-first-split` leaves it too.
"""
import pathlib
import sys

import gguf


def split(path, folder, n_tensors):
    reader = gguf.GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(folder / path.name, architecture, split_max_tensors=n_tensors, small_first_shard=True)
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        sub_type = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), field.types[0], sub_type)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    split(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]))
