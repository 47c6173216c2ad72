"""Writes GGUF files, version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

Knows values of the kinds that the embedded family needs, and tensors of 16- and 32-bit floats that
are given as bytes. All numbers are little-endian; tensor data begins at multiples of 32 bytes.
"""

import struct

VERSION, ALIGNMENT = 3, 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1


class Uint32(int):
    """A number to be written as uint32; plain int is written as int32."""


def pack_string(text):
    """A string with its length before it."""
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def pack_value(value):
    """The kind of a value and its bytes."""
    if isinstance(value, bool):
        return BOOL, struct.pack("<B", value)
    if isinstance(value, Uint32):
        return UINT32, struct.pack("<I", value)
    if isinstance(value, int):
        return INT32, struct.pack("<i", value)
    if isinstance(value, float):
        return FLOAT32, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, pack_string(value)
    packed = [pack_value(item) for item in value]
    head = struct.pack("<IQ", packed[0][0], len(packed))
    return ARRAY, head + b"".join(data for _, data in packed)


def padding(n_bytes):
    """The zeros that lead to the next multiple of the alignment."""
    return b"\0" * (-n_bytes % ALIGNMENT)


def write(path, metadata, tensors):
    """Writes a file; tensors are (name, shape with the row length first, type, bytes)."""
    head = [b"GGUF", struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, data = pack_value(value)
        head += [pack_string(key), struct.pack("<I", kind), data]
    offset = 0
    for name, shape, kind, data in tensors:
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += [pack_string(name), sizes, struct.pack("<IQ", kind, offset)]
        offset += len(data) + len(padding(len(data)))
    head = b"".join(head)
    with open(path, "wb") as file:
        file.write(head + padding(len(head)))
        for _, _, _, data in tensors:
            file.write(data + padding(len(data)))
