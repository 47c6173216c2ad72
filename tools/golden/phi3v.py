#!/usr/bin/env python3
"""Makes a small random Phi-3.5-vision and what the reference sees in pictures and says of them.

    python3 tools/golden/phi3v.py tests/golden

writes phi3v.gguf; hf/phi3v, the same model as a Hugging Face folder of the published one's names;
phi3v.jsonl, whose first line names the versions and the seed and whose other ones are prompts; and
the values that these speak of, raw little-endian float32: phi3v.embeddings, rows of what pictures
became, and phi3v.logits, those after some of a prompt's positions. Pictures are those of
pictures.py, which must have been there before.

The tower is transformers' CLIPVisionModel and the language model its Phi3ForCausalLM, both in
float32 with eager attention, from matrices of 16-bit floats. What lies between the two no library
has any more: it is written here in plain PyTorch from a description of the model.
"""
import copy
import importlib.metadata
import json
import pathlib
import sys

import gguf
import numpy as np
import safetensors.torch
import torch
import transformers
from PIL import Image

import hf_folders
import make_models
import pictures

SEED = 91
ORIGINAL, CONTEXT = 1024, 4096
TOWER = {"hidden_size": 48, "intermediate_size": 72, "num_attention_heads": 3, "num_hidden_layers": 3,
         "image_size": 336, "patch_size": 14, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
LANGUAGE = {"hidden_size": 40, "intermediate_size": 72, "num_attention_heads": 2, "num_key_value_heads": 2,
            "num_hidden_layers": 2, "vocab_size": 85, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
            "max_position_embeddings": CONTEXT, "original_max_position_embeddings": ORIGINAL,
            "sliding_window": CONTEXT, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
# Files and crops at most. Crops side by side and one below the other: 1 x 1, 3 x 1, 1 x 5, 2 x 2, 4 x 4, and a
# prompt of two pictures, 2 x 1 and 1 x 1.
PROMPTS = (
    (("one_pixel.jpg", 1),), (("wide.jpg", 3),), (("tall.jpg", 5),), (("turned_6.jpg", 4),),
    (("shrinks.jpg", 16),), (("rgb_16.png", 2), ("lossy.webp", 1)),
)
N_BEFORE, N_BETWEEN, N_AFTER = 4, 3, 8
# Of a picture's rows and of a prompt's positions in pictures every so many-th one is kept.
EMBEDDINGS_STRIDE, LOGITS_STRIDE = 13, 67


# ---- the model

class Projection(torch.nn.Module):
    """What Phi-3.5-vision has between the two models, by the names of its weights."""

    def __init__(self, n_tower, n_language):
        super().__init__()
        self.glb_GN = torch.nn.Parameter(torch.empty(1, 1, 4 * n_tower))
        self.sub_GN = torch.nn.Parameter(torch.empty(1, 1, 1, 4 * n_tower))
        self.img_projection = torch.nn.Sequential(
            torch.nn.Linear(4 * n_tower, n_language), torch.nn.GELU(), torch.nn.Linear(n_language, n_language))


def rope(n_pairs):
    random = np.random.default_rng(SEED)
    short, long = (np.sort(random.uniform(1.0, most, n_pairs)).astype(np.float32).tolist() for most in (1.5, 40.0))
    return {"short_factor": short, "long_factor": long}


def fill(module, generator):
    """Random weights; matrices have values that 16 bits hold."""
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(".bias"):
                noise *= 0.5
            elif "norm" in name:
                noise = 1 + 0.2 * noise
            elif "position_embedding" in name or "embed_tokens" in name:
                noise = noise.half()
            elif "class_embedding" not in name and "_GN" not in name:
                noise = (noise * 1.5 / parameter[0].numel() ** 0.5).half()
            parameter.copy_(noise)


def make_model():
    generator = torch.Generator().manual_seed(SEED)
    tower = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**TOWER, attn_implementation="eager"))
    n_pairs = LANGUAGE["hidden_size"] // LANGUAGE["num_attention_heads"] // 2
    scaling = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": ORIGINAL}
    language = transformers.Phi3ForCausalLM(transformers.Phi3Config(
        **LANGUAGE, rope_parameters=scaling | rope(n_pairs), attn_implementation="eager"))
    projection = Projection(TOWER["hidden_size"], LANGUAGE["hidden_size"])
    parts = {"tower": tower, "projection": projection, "language": language}
    for part in parts.values():
        fill(part.to(torch.float32).eval(), generator)
    return parts


# ---- what it sees and says

def merged(patches):
    """[n, 24 * 24, width] -> [n, 12, 12, 4 * width]: of each square the upper two, then the lower."""
    n, _, width = patches.shape
    side = round(patches.shape[1] ** 0.5)
    rows = patches.view(n, side, side, width)
    corners = [rows[:, down::2, right::2] for down in (0, 1) for right in (0, 1)]
    return torch.cat(corners, -1)


def lines_of(projection, plane):
    """[rows, columns, width] -> one token after the other, sub_GN behind each row."""
    end = projection.sub_GN.view(1, 1, -1).expand(len(plane), 1, -1)
    return torch.cat([plane, end], 1).flatten(0, 1)


def see(parts, thumbnail, crops):
    """The embeddings of a picture, [tokens, n_language]: its crops as one plane, then its thumbnail."""
    tower, projection = parts["tower"], parts["projection"]
    n_high, n_wide = crops.shape[:2]
    pixels = torch.cat([thumbnail[None], crops.flatten(0, 1)]).to(projection.sub_GN.dtype)
    with torch.no_grad():
        states = tower(pixels, output_hidden_states=True).hidden_states
        assert len(states) == TOWER["num_hidden_layers"] + 1
        squares = merged(states[-2][:, 1:])
        plane = torch.cat([torch.cat(list(squares[1 + y * n_wide:][:n_wide]), 1) for y in range(n_high)])
        tokens = torch.cat([lines_of(projection, plane), projection.glb_GN[0], lines_of(projection, squares[0])])
        return projection.img_projection(tokens)


def say(parts, ids, seen):
    """The logits of a prompt whose negative ids stand for pictures: -1 for the first of those seen."""
    language = parts["language"]
    with torch.no_grad():
        rows = [seen[-id - 1] if id < 0 else language.model.embed_tokens(torch.tensor([id])) for id in ids]
        return language(inputs_embeds=torch.cat(rows)[None], use_cache=False).logits[0]


# ---- files

def tower_tensors(parts):
    """GGUF's names (engine/weight.h) and values; the last layer is not used and not there."""
    state = {key.removeprefix("vision_model."): value.numpy() for key, value in parts["tower"].state_dict().items()}
    between = {key: value.numpy() for key, value in parts["projection"].state_dict().items()}
    width = TOWER["hidden_size"]
    yield "patch_embd.weight", state["embeddings.patch_embedding.weight"].reshape(width, -1)
    yield "class_embd.weight", state["embeddings.class_embedding"]
    yield "position_embd.weight", state["embeddings.position_embedding.weight"]
    yield "sub_gn.weight", between["sub_GN"].reshape(-1)
    yield "glb_gn.weight", between["glb_GN"].reshape(-1)
    pairs = {"pre_ln": "pre_layrnorm"}
    names = {"attn_norm": "layer_norm1", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
             "attn_v": "self_attn.v_proj", "attn_output": "self_attn.out_proj", "ffn_norm": "layer_norm2",
             "ffn_up": "mlp.fc1", "ffn_down": "mlp.fc2"}
    for i in range(TOWER["num_hidden_layers"] - 1):
        pairs |= {f"blk.{i}.{name}": f"encoder.layers.{i}.{source}" for name, source in names.items()}
    for part in ("weight", "bias"):
        for name, source in pairs.items():
            yield f"{name}.{part}", state[f"{source}.{part}"]
        for i in (0, 2):
            yield f"mm.{i}.{part}", between[f"img_projection.{i}.{part}"]


def write_gguf(path, parts):
    language = parts["language"]

    def add_more(writer):
        writer.add_uint32("phi3.rope.scaling.original_context_length", ORIGINAL)
        writer.add_float32("phi3.rope.scaling.attn_factor", language.model.rotary_emb.attention_scaling)
        sizes = {"block_count": TOWER["num_hidden_layers"] - 1, "embedding_length": TOWER["hidden_size"],
                 "feed_forward_length": TOWER["intermediate_size"],
                 "attention.head_count": TOWER["num_attention_heads"], "image_size": TOWER["image_size"],
                 "patch_size": TOWER["patch_size"], "max_crops": 4}
        for key, value in sizes.items():
            writer.add_uint32(f"clip.vision.{key}", value)
        writer.add_float32("clip.vision.attention.layer_norm_epsilon", TOWER["layer_norm_eps"])
        for length in ("long", "short"):
            factors = language.config.rope_parameters[f"{length}_factor"]
            writer.add_tensor(f"rope_factors_{length}.weight", np.array(factors, dtype=np.float32))
        for name, values in tower_tensors(parts):
            kind = np.float16 if values.ndim == 2 else np.float32
            writer.add_tensor(f"v.{name}", np.ascontiguousarray(values, dtype=kind))

    make_models.write_gguf(path, "phi3v", "phi3", SEED, language, add_more, np.float16)


def config_of(language):
    """As the published config.json has it, and vision_config, which that leaves to the tower's name."""
    factors = {key: language.config.rope_parameters[key] for key in ("long_factor", "short_factor")}
    return LANGUAGE | {
        "architectures": ["Phi3VForCausalLM"], "model_type": "phi3_v", "hidden_act": "silu",
        "embd_layer": {"embedding_cls": "image", "hd_transform_order": "sub_glb", "projection_cls": "mlp",
                       "use_hd_transform": True, "with_learnable_separator": True},
        "img_processor": {"image_dim_out": TOWER["hidden_size"], "model_name": "openai/clip-vit-large-patch14-336",
                          "name": "clip_vision_model", "num_img_tokens": 144},
        "rope_scaling": factors | {"type": "su"}, "rope_theta": 10000.0, "torch_dtype": "float16",
        "vision_config": TOWER,
    }


def write_folder(path, parts):
    path.mkdir(parents=True, exist_ok=True)
    tensors = dict(parts["language"].state_dict())
    for key, value in parts["tower"].state_dict().items():
        key = "vision_model." + key.removeprefix("vision_model.")
        tensors[f"model.vision_embed_tokens.img_processor.{key}"] = value
    for key, value in parts["projection"].state_dict().items():
        tensors[f"model.vision_embed_tokens.{key}"] = value
    tensors = {key: value.contiguous().half() if key.endswith("weight") and value.dim() > 1 else value.contiguous()
               for key, value in tensors.items()}
    safetensors.torch.save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    (path / "config.json").write_text(json.dumps(config_of(parts["language"]), indent=2) + "\n")
    processor = {"image_processor_type": "Phi3VImageProcessor", "processor_class": "Phi3VProcessor",
                 "do_convert_rgb": True, "image_mean": pictures.MEAN, "image_std": pictures.DEVIATION,
                 "num_crops": 4, "num_img_tokens": 144}
    (path / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
    hf_folders.write_tokenizer(path, LANGUAGE["vocab_size"])


def kept(n, stride):
    return sorted({*range(0, n, stride), n - 1})


def shown(ids, seen):
    """Positions whose logits are kept: of text all, of pictures some."""
    rows, at = [], 0
    for id in ids:
        n = len(seen[-id - 1]) if id < 0 else 1
        rows += [at + i for i in kept(n, LOGITS_STRIDE)]
        at += n
    return rows


def make_prompt(random, n_pictures):
    def text(n):
        return random.integers(3, LANGUAGE["vocab_size"], n).tolist()

    ids = [1, *text(N_BEFORE - 1)]
    for i in range(n_pictures):
        ids += [-i - 1, *text(N_AFTER if i + 1 == n_pictures else N_BETWEEN)]
    return ids


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    parts = make_model()
    write_gguf(folder / "phi3v.gguf", parts)
    write_folder(folder / "hf" / "phi3v", parts)
    exact = {key: copy.deepcopy(part).double() for key, part in parts.items()}
    random = np.random.default_rng(SEED)
    lines = [{"made_by": "tools/golden/phi3v.py", "seed": SEED, "python": sys.version.split()[0],
              "torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__,
              "gguf": importlib.metadata.version("gguf"), "safetensors": safetensors.__version__}]
    embeddings, logits = [], []
    for prompt in PROMPTS:
        views = [pictures.crops_of(pictures.seen(Image.open(folder / "pictures" / file)), n) for file, n in prompt]
        seen = [see(parts, *view) for view in views]
        ids = make_prompt(random, len(prompt))
        said, rows = say(parts, ids, seen), shown(ids, seen)
        embeddings += [part[kept(len(part), EMBEDDINGS_STRIDE)] for part in seen]
        logits.append(said[rows])
        lines.append({"ids": ids, "logits": rows, "pictures": [
            {"file": file, "max_crops": n, "tokens": len(part), "rows": kept(len(part), EMBEDDINGS_STRIDE)}
            for (file, n), part in zip(prompt, seen)]})
        better = say(exact, ids, [see(exact, *view) for view in views])
        print(f"{prompt}: {[tuple(view[1].shape[:2]) for view in views]} {len(said)} tokens, largest logit "
              f"{better.abs().max():.3f}, spread {better.std():.3f}, of pictures "
              f"{float(torch.cat(seen).std(0).mean()):.3f}, float32 against float64 "
              f"{float((said - better).abs().max() / better.abs().max()):.1e}")
    for name, values in (("embeddings", embeddings), ("logits", logits)):
        torch.cat(values).numpy().astype("<f4").tofile(folder / f"phi3v.{name}")
    (folder / "phi3v.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
