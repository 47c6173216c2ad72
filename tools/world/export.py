"""Writes a trained model as a GGUF file of 16-bit floats that phibench loads."""

import gguf_file
import tokenizer as spm
from gguf_file import Uint32
from shapes import CONTEXT_TOKENS


def metadata_of(name, shape, tokenizer):
    """What the file says about the model and its tokenizer."""
    pieces, scores, kinds = map(list, zip(*tokenizer.vocabulary()))
    return {
        "general.architecture": "phi3",
        "general.name": f"archipelago-{name}",
        "general.file_type": Uint32(1),
        "phi3.context_length": Uint32(CONTEXT_TOKENS),
        "phi3.embedding_length": Uint32(shape.n_embd),
        "phi3.feed_forward_length": Uint32(shape.n_ff),
        "phi3.block_count": Uint32(shape.n_layers),
        "phi3.attention.head_count": Uint32(shape.n_heads),
        "phi3.attention.head_count_kv": Uint32(shape.n_kv_heads),
        "phi3.attention.layer_norm_rms_epsilon": shape.rms_eps,
        "phi3.attention.sliding_window": Uint32(0),
        "phi3.rope.dimension_count": Uint32(shape.head_size),
        "phi3.rope.freq_base": shape.rope_base,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": Uint32(spm.BOS),
        "tokenizer.ggml.eos_token_id": Uint32(tokenizer.end_of_text),
        "tokenizer.ggml.unknown_token_id": Uint32(spm.UNKNOWN),
        "tokenizer.ggml.padding_token_id": Uint32(tokenizer.end_of_text),
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": True,
        "tokenizer.chat_template": spm.CHAT_TEMPLATE,
    }


def export(path, name, model, tokenizer):
    """Writes the model; matrices as 16-bit floats, norms as 32-bit ones."""
    tensors = []
    for key, value in model.state_dict().items():
        is_matrix = value.dim() == 2
        data = (value.half() if is_matrix else value.float()).cpu().contiguous().numpy().tobytes()
        kind = gguf_file.TENSOR_F16 if is_matrix else gguf_file.TENSOR_F32
        tensors.append((key, tuple(reversed(value.shape)), kind, data))
    path.parent.mkdir(parents=True, exist_ok=True)
    gguf_file.write(path, metadata_of(name, model.shape, tokenizer), tensors)
