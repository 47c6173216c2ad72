#!/usr/bin/env python3
"""Writes tests/golden/pre_types.json: how the library `tokenizers` cuts 10,000 random lines into words.

    python3 tools/golden/pre_types.py [NAME=VOCABULARY.gguf ...] > tests/golden/pre_types.json

Needs the packages `tokenizers` and `gguf`. PUBLISHED has the pre-tokenizers as the tokenizer.json of
each family has them, without the last step, which only spells bytes, and the pre-types that cut that
way. The lines are made by a generator that tests/support/random_lines.c has too:
x = 6364136223846793005 x + 1442695040888963407 modulo 2^64, from 1, whose upper 31 bits are the
numbers. "first" has the bytes of the words of the first lines, "hashes" the SHA-256 over those of
1,000 lines, "1 2 3\\n" for each. For each NAME the same is done with the ids that the vocabulary of
that file gives, special tokens parsed, cut as the family of the pre-type NAME is.
"""
import hashlib
import itertools
import json
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

N_LINES, BLOCK, N_FIRST, MOST_PARTS = 10000, 1000, 8, 12
PARTS = ["'s", "'t", "'re", "'VE", "'m", "'ll", "'D", "'", "\u2019s", "'\u017f", "it's", "We'll", "Hello",
         " world", "HTTPServer", "camelCase", "CAPS", "snake_case", "x86", "1", "12", "123", "1234567",
         " 3", " 2024", "3.14", "1,000", " ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", " \n", "\u00a0",
         "\u3000", "\u2003", "\u0085", "\u2028", "\u200b", "\u180e", ".", "...", "!?", " (", ")", "[0]", "$5",
         "+=", "//", "/\n", "`x`", "_", "\u2026", "\u3002", "\uff0c", "\u0964", "\u201cquoted\u201d", "#include <a.h>",
         "e\u0301", "\u00fcber", "\u0438 \u043c\u0438\u0440", "\u6f22\u5b57", "\u304b\u306a", "\ud55c\uad6d\uc5b4",
         "\u0939\u093f\u0928\u094d\u0926\u0940", "\u0663\u0664", "\u00bd", "\u2167", "\U0001f999", "\U0001f468\u200d\U0001f469",
         "\U00010400", "<|endoftext|>", "<|im_end|>", "<|", "|>", "</s>"]
RANGES = [(0x20, 0x7f), (0x20, 0x7f), (0x80, 0x250), (0x2b0, 0x2ee), (0x391, 0x3a2), (0x400, 0x460), (0x5d0, 0x5eb),
          (0x621, 0x63b), (0x64b, 0x66a), (0x905, 0x93a), (0x1e00, 0x1e9c), (0x2000, 0x2065), (0x20a0, 0x20b2),
          (0x2100, 0x214c), (0x2153, 0x2184), (0x2190, 0x2400), (0x2460, 0x2600), (0x3041, 0x3097), (0x30a1, 0x30ff),
          (0x3105, 0x312a), (0x4e00, 0x9fa6), (0xac00, 0xd7a4), (0xff01, 0xff5f), (0x10400, 0x10450),
          (0x1d400, 0x1d455), (0x1f600, 0x1f640)]

SPACES = r"\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|" + SPACES
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          + SPACES)
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|"
         r"%s| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|" + SPACES)
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
CJK3 = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
             r""" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|""" + SPACES)
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
CASED = ("A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370"
         "-\u0373\u0376-\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7"
         "-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-"
         "\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-"
         "\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4"
         "\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a"
         "-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-"
         "\u2149\u214e\u2183-\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2-\u2cf3\ua640-\ua66d\ua680"
         "-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-"
         "\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-"
         "\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943")
YOUTU = ("[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|"
         "[\u3105-\u312f]+|" + CJK3)
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"


def split(expression):
    return pre_tokenizers.Split(Regex(expression), "isolated")


def digits(individual=True):
    return pre_tokenizers.Digits(individual_digits=individual)


def punctuation():
    return pre_tokenizers.Punctuation("contiguous")


def gpt2():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


PUBLISHED = {
    "gpt-2": (["gpt-2", "phi-2", "mpt", "olmo", "jais", "mellum", "a.x-4.0", "exaone4", "trillion",
               "granite-docling"], [gpt2()]),
    "smollm": (["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"],
               [digits(), gpt2()]),
    "llama-bpe": (["llama-bpe", "llama3", "llama-v3", "pixtral", "midm-2.0", "lfm2", "dbrx",
                   "smaug-bpe", "glm4", "chatglm-bpe"], [split(CL100K % r"\p{N}{1,3}")]),
    "qwen2": (["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan", "kormo", "grok-2", "solar-open"],
              [split(CL100K % r"\p{N}")]),
    "qwen35": (["qwen35"], [split(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"
        r"\s*[\r\n]+|" + SPACES)]),
    "seed-coder": (["seed-coder"], [split(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|" + SPACES)]),
    "bailingmoe": (["bailingmoe", "bailingmoe2", "llada-moe"], [split(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|" + SPACES)]),
    "gpt-4o": (["gpt-4o", "gigachat", "llama4", "kanana2", "minimax-m2"],
               [split(O200K % (CONTRACTION, CONTRACTION, r"\p{N}{1,3}"))]),
    "tekken": (["tekken"], [split(O200K % ("", "", r"\p{N}"))]),
    "youtu": (["youtu"], [split(YOUTU), split(O200K % (CONTRACTION, CONTRACTION, r"\p{N}"))]),
    "default": (["default"], [split(r"[\p{P}$+<=>^~|]+"), split(GPT2), split(r"\p{N}+"), split("[0-9][0-9][0-9]")]),
    "falcon": (["falcon"], [punctuation(), split(GPT2), split("[0-9][0-9][0-9]")]),
    "falcon3": (["falcon3"], [punctuation(), split(GPT2), split("[0-9]")]),
    "deepseek-coder": (["deepseek-coder"], [split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(CJK),
                                            digits()]),
    "deepseek-llm": (["deepseek-llm"], [
        split(r"[\r\n]"), split(r"\s?[" + CASED + "]+"), split(r"\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
        split(r"\s+$"), split(CJK), split(r"\p{N}+")]),
    "deepseek-v3": (["deepseek-v3", "hunyuan-dense"], [split(r"\p{N}{1,3}"), split(CJK3), split(DEEPSEEK3)]),
    "bloom": (["bloom", "gpt3-finnish", "poro-chat"], [split(BLOOM)]),
    "viking": (["viking"], [split(BLOOM), digits()]),
}


# What is published of these cuts also between bytes (ByteLevel before Digits), or more often than llama.cpp's program.
# Merges were learnt inside those words, so that the ids are the same: they are made with these steps.
WHOLE = {"falcon": [punctuation(), gpt2(), digits(False), split("[0-9][0-9][0-9]")],
         "deepseek-llm": PUBLISHED["deepseek-llm"][1][:-1] + [digits()]}


def make_lines():
    state = 1

    def draw(n):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % n

    for _ in range(N_LINES):
        line = ""
        for _ in range(1 + draw(MOST_PARTS)):
            if draw(3):
                line += PARTS[draw(len(PARTS))]
            else:
                first, end = RANGES[draw(len(RANGES))]
                line += chr(first + draw(end - first))
        yield line


def results(numbers_of, n_lines=N_LINES):
    first, hashes, block = [], [], hashlib.sha256()
    for i, line in enumerate(itertools.islice(make_lines(), n_lines)):
        numbers = numbers_of(line)
        if i < N_FIRST:
            first.append(numbers)
        block.update((" ".join(map(str, numbers)) + "\n").encode())
        if i % BLOCK == BLOCK - 1:
            hashes.append(block.hexdigest())
            block = hashlib.sha256()
    return {"first": first, "hashes": hashes}


def steps_of(name):
    return WHOLE.get(name) or next(steps for names, steps in PUBLISHED.values() if name in names)


def byte_counts(cutter, line):
    words = cutter.pre_tokenize_str(line)
    spans = [span for _, span in words]
    assert spans[0][0] == 0 and spans[-1][1] == len(line), line
    assert all(a[1] == b[0] for a, b in zip(spans, spans[1:])), line
    return [len(line[begin:end].encode()) for begin, end in spans]


def vocabulary_of(path, name):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    tokens, kinds, merges = (fields["tokenizer.ggml." + key].contents() for key in ("tokens", "token_type", "merges"))
    tokenizer = Tokenizer(models.BPE({text: i for i, text in enumerate(tokens)},
                                     [tuple(merge.split(" ")) for merge in merges]))
    steps = steps_of(name)
    if not any(isinstance(step, pre_tokenizers.ByteLevel) for step in steps):
        steps = steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True)
                                  for text, kind in zip(tokens, kinds) if kind in (2, 3, 4)])
    return tokenizer


def main():
    golden = {"made_by": "tools/golden/pre_types.py", "tokenizers": tokenizers.__version__, "seed": 1, "words": [],
              "ids": []}
    for names, steps in PUBLISHED.values():
        cutter = pre_tokenizers.Sequence(steps)
        golden["words"].append({"pre_types": names, **results(lambda line: byte_counts(cutter, line))})
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        tokenizer = vocabulary_of(path, name)
        golden["ids"].append({"vocabulary": name, "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest(),
                              **results(lambda line: tokenizer.encode(line, add_special_tokens=False).ids)})
    rows = ",\n".join(f'"{key}": [\n' + ",\n".join(map(json.dumps, value)) + "]" if isinstance(value, list)
                      else f'"{key}": {json.dumps(value)}' for key, value in golden.items())
    print("{" + rows + "}")


if __name__ == "__main__":
    main()
