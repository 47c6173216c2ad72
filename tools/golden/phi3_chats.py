#!/usr/bin/env python3
"""Writes tests/golden/phi3_chats.json: hashes of what Phi-3-mini's tokenizer makes of 10,000 chats.

    python3 tools/golden/phi3_chats.py TOKENIZER_JSON > tests/golden/phi3_chats.json

TOKENIZER_JSON is the tokenizer.json of Phi-3-mini-4k-instruct. Needs the package `tokenizers`. The
chats are made of markers, white space and words by a generator that test_tokenizer_vectors.c has
too: x = 6364136223846793005 x + 1442695040888963407 modulo 2^64, from 1, whose upper 31 bits are
the numbers. "file": the tokenizer as it is; "off": the same without rstrip. Each hash is SHA-256
over the ids of 100 chats, "1 2 3\\n" for each.
"""
import hashlib
import json
import sys

import tokenizers

N_CHATS, BLOCK, MOST_PARTS = 10000, 100, 16
PARTS = ["<|user|>", "<|assistant|>", "<|end|>", "<|system|>", "<|endoftext|>", "<s>", "</s>",
         "<unk>", "<|placeholder1|>", "\n", "\n\n", " ", "  ", "\t", "\r\n", "\u00a0", "\u3000",
         "Hello", " world", "Is water wet?", "<|us", "er|>", "\u00fcber", "\U0001f999", "\u6f22",
         "42", ".", "\u2581"]


def make_chats():
    state = 1

    def draw(n):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % n

    for _ in range(N_CHATS):
        yield "".join(PARTS[draw(len(PARTS))] for _ in range(1 + draw(MOST_PARTS)))


def hash_blocks(tokenizer):
    hashes, block = [], hashlib.sha256()
    for i, chat in enumerate(make_chats()):
        ids = tokenizer.encode(chat, add_special_tokens=False).ids
        block.update((" ".join(map(str, ids)) + "\n").encode())
        if i % BLOCK == BLOCK - 1:
            hashes.append(block.hexdigest())
            block = hashlib.sha256()
    return hashes


def main():
    source = open(sys.argv[1], "rb").read()
    golden = {"made_by": "tools/golden/phi3_chats.py", "tokenizers": tokenizers.__version__,
              "tokenizer_json_sha256": hashlib.sha256(source).hexdigest()}
    for setting in ("file", "off"):
        content = json.loads(source)
        for token in content["added_tokens"]:
            token["rstrip"] = token["rstrip"] and setting == "file"
        golden[setting] = hash_blocks(tokenizers.Tokenizer.from_str(json.dumps(content)))
    print(json.dumps(golden, indent=0))


main()
