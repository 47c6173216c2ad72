"""The sizes of the three models, for those who train, export or only read them."""

import dataclasses

N_VOCAB, CONTEXT_TOKENS = 1536, 1024
N_TOKENIZER_DOCUMENTS = 12_000  # with choices, for learning the vocabulary


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of a model. Rows of all matrices are multiples of 256, as K types need."""

    n_embd: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    n_ff: int
    head_size: int = 64
    rms_eps: float = 1e-5
    rope_base: float = 10000.0


SHAPES = {
    "mini": Shape(256, 3, 4, 4, 256),
    "small": Shape(256, 4, 4, 4, 512),
    "medium": Shape(512, 4, 8, 4, 512),
}
