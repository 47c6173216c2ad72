#!/usr/bin/env python3
"""Compares the tokens that phibench makes from Hugging Face files with those of the library `tokenizers`.

    python3 tools/golden/hf_tokens.py compare PROGRAM [--lines N] [--seed S] [--made NAME,...] [FOLDER ...]
    python3 tools/golden/hf_tokens.py make DATA > tests/golden/hf_tokens.json

compare: N random lines (10,000) for each folder with a tokenizer.json, and for each small tokenizer that is made here,
one of every kind that phibench reads; PROGRAM is build/release/tests/tokens/encode_lines. Ids with special tokens
parsed and the text that they are decoded to must be equal; where a decoded text is no UTF-8, the library's has U+FFFD.
Lines are of letters of many scripts, marks, digits, white space of every kind, contractions, code, and the tokenizer's
added tokens with and without spaces around.

make: writes what tests/unit/test_hf_tokenizer.c compares with, on the lines of pre_types.py: the first 1,000 for each
small tokenizer, which is written, too, and all 10,000 for the folders of FOLDERS in DATA. The numbers of a line are its
ids, -1, and a sum over the bytes of the decoded text (-1: it is no UTF-8).

Needs the package `tokenizers`; what is written names its version and the seed.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import pre_types

SPACES = ["", "", " ", "  ", "\n", "\t", "\n\n ", "\u00a0", "\u3000", "\u2028", "\u0085", "x", "\u00e9", "_", "1", ".", "\u200d",
          "\u0301"]
MORE = ["e\u0301", "A\u030a", "\u1100\u1161\u11a8", "\u212b", "\ufb01", "\u2460", "\u0958", "q\u0323\u0307", "\u2581", "\u2581\u2581a",
        "of the", "and", "story", "Once upon a time", "<0x0A>", "<unk>", "the"]
FOLDERS = ["tokenizers/hf/phi-3-mini", "weights/TinyStories-656K"]


def make_lines(tokenizer, n, seed):
    """Random lines, among them the contents of added tokens."""
    draw = random.Random(seed)
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    for _ in range(n):
        line = ""
        for _ in range(1 + draw.randrange(pre_types.MOST_PARTS)):
            kind = draw.randrange(8)
            if kind < 4:
                line += draw.choice(pre_types.PARTS + MORE)
            elif kind < 6:
                first, end = draw.choice(pre_types.RANGES)
                line += chr(draw.randrange(first, end))
            elif added:
                line += draw.choice(SPACES) + draw.choice(added) + draw.choice(SPACES)
        yield line


# ---- Small tokenizers, one of each kind

TEXT = ["Once upon a time there was a little story, and the story's words weren't many: 1, 22, 333 and 2024!",
        "It is of the same kind as HTTPServer or snake_case; we'll see. \u00bfQu\u00e9? Stra\u00dfe, na\u00efve, fa\u00e7ade, \u4f60\u597d",
        "  def run(self):\n\treturn 'x' + \"y\"  # the end\r\n\n", "camelCase We'll quoted #include <a.h> Hello world",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0939\u093f\u0928\u094d\u0926\u0940 \u304b\u306a \u6f22\u5b57 \ud55c\uad6d\uc5b4",
        "e\u0301 A\u030a cafe\u0301 \uac00\uac01 \ufb01 \u2460", "the of and to in that is was he for it with as his on be at by"]


def added(content, special=False, **flags):
    return AddedToken(content, special=special, **{"normalized": False, **flags})


# Every combination of the four flags, on contents that are among the parts of random lines. (None is of letters of the
# alphabet of bytes beyond ASCII: the library decodes such a token as those bytes, phibench as what it is.)
CONTENTS = ["<|im_end|>", "</s>", "Hello", "CAPS", "snake_case", "x86", "it's", "camelCase", "\u2026", "3.14", "+=", "[0]",
            "$5", "HTTPServer", "#include <a.h>", "quoted"]
FLAGS = [added(text, special=i % 5 == 0, lstrip=bool(i & 1), rstrip=bool(i & 2), single_word=bool(i & 4),
               normalized=bool(i & 8)) for i, text in enumerate(CONTENTS)]
FLAGS += [added("<|endoftext|>", special=True), added("  "), added("\n\n"), added("<|im_end|>x"), added("\u2028", rstrip=True)]


def base_of_bytes():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=420, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    model = json.loads(tokenizer.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [" ".join(merge) for merge in model["merges"]]}


def base_of_characters():
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = PREPEND
    tokenizer.train_from_iterator(TEXT[:4], trainers.BpeTrainer(vocab_size=len(special) + 200, special_tokens=special,
                                                                show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return {"vocab": model["vocab"], "merges": model["merges"]}


def compose(base, members):
    """A tokenizer.json of a base's vocabulary and merges and of all else that it has."""
    return {**members, "model": {**members["model"], **BASES[base]}}


def of_base(base, options, normalizer, pre_tokenizer, decoder, tokens, special=(), post=None):
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, **options}
    tokenizer = Tokenizer.from_str(json.dumps(compose(base, {"version": "1.0", "added_tokens": [], "model": model})))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    if special:
        tokenizer.add_special_tokens(list(special))
    tokenizer.add_tokens(tokens)
    if post:
        tokenizer.post_processor = post
    record = json.loads(tokenizer.to_str())
    return {"base": base, "members": {**record, "model": {
        key: value for key, value in record["model"].items() if key not in ("vocab", "merges")}}}


def byte_level(pre_tokenizer, normalizer=None, post=None, ignore_merges=False):
    return of_base("bytes", {"ignore_merges": ignore_merges}, normalizer, pre_tokenizer, decoders.ByteLevel(), FLAGS,
                   post=post)


def by_characters(normalizer=None, pre_tokenizer=None, decoder=None, byte_fallback=True, fuse_unk=True, unk="<unk>",
                  tokens=FLAGS):
    """SentencePiece's kind: characters with marks for spaces."""
    special = [added("<unk>", special=True), added("<s>", special=True, normalized=True)]
    return of_base("characters", {"byte_fallback": byte_fallback, "fuse_unk": fuse_unk, "unk_token": unk}, normalizer,
                   pre_tokenizer, decoder, tokens, special)


def split(expression, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(expression), behavior, invert)


def cut(*steps):
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def llama_decoder(strip=True):
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strip else []))


def template():
    return processors.TemplateProcessing(single="A $A", pair="A $A A $B", special_tokens=[("A", 32)])


def metaspace(scheme, cuts=True):
    return by_characters(pre_tokenizer=pre_tokenizers.Metaspace("\u2581", scheme, cuts),
                         decoder=decoders.Metaspace("\u2581", scheme, cuts), byte_fallback=scheme != "first")


LLAMA3 = pre_types.CL100K % r"\p{N}{1,3}"
QWEN2 = pre_types.CL100K % r"\p{N}"
GPT4O = pre_types.O200K % (pre_types.CONTRACTION, pre_types.CONTRACTION, r"\p{N}{1,3}")
TEKKEN = pre_types.O200K % ("", "", r"\p{N}")
PREPEND = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
BASES = {}
MADE = {
    "gpt2": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "gpt2-prefix": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "llama3": lambda: byte_level(cut(split(LLAMA3)), post=template(), ignore_merges=True),
    "gpt4": lambda: byte_level(cut(split(LLAMA3, "removed", True))),
    "qwen2": lambda: byte_level(cut(split(QWEN2)), normalizer=normalizers.NFC()),
    "gpt-4o": lambda: byte_level(cut(split(GPT4O))),
    "tekken": lambda: byte_level(cut(split(TEKKEN)), ignore_merges=True),
    "smollm": lambda: byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(True),
                                                          pre_tokenizers.ByteLevel(add_prefix_space=False)])),
    "digits": lambda: byte_level(cut(pre_tokenizers.Digits(False), pre_tokenizers.Punctuation("contiguous"))),
    "words": lambda: byte_level(cut(pre_tokenizers.Whitespace()), normalizer=normalizers.NFKC()),
    "white-space": lambda: byte_level(cut(pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("removed"))),
    "behaviours": lambda: byte_level(cut(split(r"[aeiou]", "merged_with_previous"), split(r"\d", "merged_with_next"),
                                         split(r"\w\s", "contiguous"), split(r"^t|s$", "isolated"))),
    "literals": lambda: byte_level(cut(pre_tokenizers.Split(".", "merged_with_previous"),
                                       pre_tokenizers.Split("a", "contiguous"), pre_tokenizers.Split("(", "removed"))),
    "forms": lambda: byte_level(cut(split(QWEN2)), normalizer=normalizers.Sequence(
        [normalizers.NFD(), normalizers.Replace(Regex(r"\p{Mn}+"), ""), normalizers.NFKD(), normalizers.Replace("the", "THE")])),
    "llama": lambda: by_characters(PREPEND, decoder=llama_decoder()),
    "gemma": lambda: by_characters(normalizers.Replace(" ", "\u2581"), pre_tokenizers.Split(" ", "merged_with_previous"),
                                   llama_decoder(False), tokens=FLAGS + [added("\u2581\u2581"), added("\u2581\u2581\u2581")]),
    "unknown": lambda: by_characters(PREPEND, decoder=llama_decoder(), byte_fallback=False),
    "unknown-each": lambda: by_characters(PREPEND, decoder=llama_decoder(), byte_fallback=False, fuse_unk=False),
    "no-unknown": lambda: by_characters(PREPEND, decoder=llama_decoder(), byte_fallback=False, unk=None),
    "metaspace-always": lambda: metaspace("always"),
    "metaspace-first": lambda: metaspace("first"),
    "metaspace-never": lambda: metaspace("never"),
    "metaspace-whole": lambda: metaspace("first", False),
    "metaspace-whole-always": lambda: metaspace("always", False),
}


# ---- Comparison

def run(program, folder, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    made = subprocess.run([program, folder], input=text.encode(), capture_output=True, check=False)
    if made.returncode:
        sys.exit(f"{folder}: {made.stderr.decode()}")
    return [json.loads(line) for line in made.stdout.splitlines()]


def compare(program, name, folder, n, seed):
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    lines = list(make_lines(tokenizer, n, seed))
    bad_ids = bad_text = 0
    for line, (ids, back) in zip(lines, run(program, folder, lines), strict=True):
        expected = tokenizer.encode(line, add_special_tokens=False).ids
        if ids != expected:
            bad_ids += 1
            if bad_ids < 4:
                print(f"{name}: {line!r}\n  is       {ids}\n  should be {expected}")
            continue
        text = tokenizer.decode(ids, skip_special_tokens=False)
        own = bytes(back).decode(errors="replace")
        # The library gives a run of byte tokens that is no UTF-8 back as one U+FFFD for each of its bytes.
        if own != text and "\ufffd" not in text:
            bad_text += 1
            if bad_text < 4:
                print(f"{name}: {line!r} {ids}\n  decodes to {own!r}\n  should be  {text!r}")
    print(f"{name}: {n} lines, {bad_ids} with other ids, {bad_text} with another text")
    return bad_ids + bad_text == 0


def compare_all(options):
    print(f"tokenizers {tokenizers.__version__}, seed {options.seed}")
    ok = True
    for folder in options.arguments[1:]:
        ok = compare(options.arguments[0], folder, folder, options.lines, options.seed) and ok
    for name in filter(None, options.made.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
                json.dump(compose(**MADE[name]()), file)
            ok = compare(options.arguments[0], name, folder, options.lines, options.seed) and ok
    return 0 if ok else 1


# ---- The golden file

def numbers_of(tokenizer, line):
    ids = tokenizer.encode(line, add_special_tokens=False).ids
    text = tokenizer.decode(ids, skip_special_tokens=False)
    total = sum((i + 1) * byte for i, byte in enumerate(text.encode())) % 2**31
    return [*ids, -1, -1 if "\ufffd" in text else total]


def make(data):
    golden = {"made_by": "tools/golden/hf_tokens.py", "tokenizers": tokenizers.__version__, "seed": 1, "bases": BASES,
              "made": [], "folders": []}
    for name, maker in MADE.items():
        made = maker()
        tokenizer = Tokenizer.from_str(json.dumps(compose(**made)))
        golden["made"].append({"name": name, **made,
                               **pre_types.results(lambda line: numbers_of(tokenizer, line), pre_types.BLOCK)})
    for folder in FOLDERS:
        tokenizer = Tokenizer.from_file(os.path.join(data, folder, "tokenizer.json"))
        golden["folders"].append({"folder": folder, **pre_types.results(lambda line: numbers_of(tokenizer, line))})
    rows = ",\n".join(f'"{key}": [\n' + ",\n".join(map(json.dumps, value)) + "]" if isinstance(value, list)
                      else f'"{key}": {json.dumps(value)}' for key, value in golden.items())
    print("{" + rows + "}")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["compare", "make"])
    parser.add_argument("arguments", nargs="+")
    parser.add_argument("--lines", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--made", default=",".join(MADE))
    options = parser.parse_intermixed_args()
    BASES["bytes"] = base_of_bytes()
    BASES["characters"] = base_of_characters()
    return make(options.arguments[0]) if options.command == "make" else compare_all(options)


if __name__ == "__main__":
    sys.exit(main())
