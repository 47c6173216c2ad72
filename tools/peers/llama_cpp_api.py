"""The part of llama.cpp's C interface that agree_models.py needs, through ctypes.

Takes the library that the package xllamacpp carries, whose C functions are exported. Structures that
are passed by value and whose fields change from version to version stay bytes: of a context's
parameters the first fields alone are set, and another version's, whose fields or defaults are others,
are refused. Written for xllamacpp 2026.10.11549.
"""

import ctypes
import pathlib
import struct

import numpy as np

BLOB_BYTES = 1024  # more than any of the structures


class Blob(ctypes.Structure):
    """Parameters, whatever they are."""
    _fields_ = [("bytes", ctypes.c_uint8 * BLOB_BYTES)]


class Batch(ctypes.Structure):
    """llama_batch"""
    _fields_ = [("n_tokens", ctypes.c_int32),
                ("token", ctypes.POINTER(ctypes.c_int32)),
                ("embd", ctypes.POINTER(ctypes.c_float)),
                ("pos", ctypes.POINTER(ctypes.c_int32)),
                ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
                ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
                ("logits", ctypes.POINTER(ctypes.c_int8))]


def load_library():
    import xllamacpp
    [path] = pathlib.Path(xllamacpp.__file__).parent.glob("xllamacpp*.so")
    library = ctypes.CDLL(str(path))
    pointers = ["llama_model_load_from_file", "llama_init_from_model", "llama_model_get_vocab", "llama_get_memory"]
    for name in pointers:
        getattr(library, name).restype = ctypes.c_void_p
    for name in ["llama_model_default_params", "llama_context_default_params"]:
        getattr(library, name).restype = Blob
    library.llama_batch_init.restype = Batch
    library.llama_get_logits_ith.restype = ctypes.POINTER(ctypes.c_float)
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)
    library.llama_log_set(quiet, None)
    library.keep_quiet = quiet
    return library, xllamacpp.__version__


class Model:
    """One model and one context for one sequence."""

    def __init__(self, path, n_context, n_threads):
        self.llama, self.version = load_library()
        library = self.llama
        library.llama_backend_init()
        self.model = library.llama_model_load_from_file(str(path).encode(), library.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"{path}: llama.cpp does not load it")
        self.model = ctypes.c_void_p(self.model)
        self.vocab = ctypes.c_void_p(library.llama_model_get_vocab(self.model))
        self.n_vocab = library.llama_vocab_n_tokens(self.vocab)
        parameters = library.llama_context_default_params()
        # n_ctx, n_batch, n_ubatch, n_seq_max, n_rs_seq, n_outputs_max; then n_threads, n_threads_batch
        if struct.unpack_from("<6I", parameters.bytes) != (512, 2048, 512, 1, 0, 0):
            raise SystemExit("this version of llama.cpp has other parameters of a context")
        struct.pack_into("<6I2i", parameters.bytes, 0, n_context, n_context, n_context, 1, 0, n_context, n_threads, n_threads)
        self.context = ctypes.c_void_p(library.llama_init_from_model(self.model, parameters))
        if not self.context:
            raise SystemExit(f"{path}: llama.cpp makes no context")
        self.batch = library.llama_batch_init(n_context, 0, 1)

    def encode(self, text, adds_special=True, parses_special=False):
        data = text.encode()
        ids = (ctypes.c_int32 * (len(data) + 8))()
        n = self.llama.llama_tokenize(self.vocab, data, len(data), ids, len(ids), adds_special, parses_special)
        assert n >= 0
        return list(ids[:n])

    def clear(self):
        self.llama.llama_memory_clear(ctypes.c_void_p(self.llama.llama_get_memory(self.context)), True)

    def logits(self, ids, first=0, wants_all=True):
        """[positions, vocabulary] after ids, the first of which stands at position first."""
        batch = self.batch
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, first + i, 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = wants_all or i + 1 == len(ids)
        status = self.llama.llama_decode(self.context, batch)
        if status:
            raise SystemExit(f"llama_decode: {status}")
        wanted = range(len(ids)) if wants_all else [len(ids) - 1]
        rows = [np.ctypeslib.as_array(self.llama.llama_get_logits_ith(self.context, i), (self.n_vocab,)).copy()
                for i in wanted]
        return np.stack(rows)

    def greedy(self, ids, n_new):
        self.clear()
        made, at, given = [], 0, ids
        while len(made) < n_new:
            token = int(self.logits(given, at, False)[0].argmax())
            at += len(given)
            made.append(token)
            given = [token]
        return made

    def decode(self, ids):
        tokens = (ctypes.c_int32 * len(ids))(*ids)
        text = ctypes.create_string_buffer(64 * len(ids) + 64)
        n = self.llama.llama_detokenize(self.vocab, tokens, len(ids), text, len(text), False, True)
        assert n >= 0
        return text.raw[:n].decode(errors="replace")
