#!/usr/bin/env python3
"""Writes tests/golden/phi3_tokens.jsonl: what the Hugging Face tokenizer of Phi-3-mini makes of chats.

    python3 tools/golden/phi3_tokens.py TOKENIZER_JSON > tests/golden/phi3_tokens.jsonl

TOKENIZER_JSON is the tokenizer.json of Phi-3-mini-4k-instruct. Needs the package `tokenizers`; its
version and the hash of the file are in the first line. Nothing is random. Revision "first" is the
file with rstrip on every added token but <unk>, <s> and <|endoftext|>; "revised" is the same file
with rstrip taken off <|system|>, <|user|> and <|end|>, as the files of June 2024 have it.
"""
import hashlib
import json
import sys

import tokenizers

TEXTS = [
    "",
    "Hello",
    "<|user|>\nHello<|end|>\n<|assistant|>\n",
    "<|system|>\nYou answer in one word.<|end|>\n<|user|>\nIs water wet?<|end|>\n<|assistant|>\n",
    "<|user|>\nHi<|end|>\n<|assistant|>\nHello!<|end|>\n<|user|>\nBye<|end|>\n<|assistant|>\n",
    "<|user|>\n  two spaces first<|end|>\n<|assistant|>\n",
    "<|user|> one space<|end|><|assistant|>no line feed",
    "<|user|>\n\n\ttabs and\nlines\n<|end|>\n\n<|assistant|>\n\n",
    "<|user|>\n<|end|>\n<|assistant|>\n<|endoftext|>\n",
    "a</s> b</s>\n<s> c<unk> d",
    "<|placeholder1|> \u00a0\u3000x<|placeholder6|>",
    "<|user|>\n\u00fcber \U0001f999 \u6f22\u5b57<|end|>\n<|assistant|>\n",
    "<|us<|user|>er|><|end|",
]
REVISED = {"<|system|>", "<|user|>", "<|end|>"}


def main():
    source = open(sys.argv[1], "rb").read()
    print(json.dumps({"made_by": "tools/golden/phi3_tokens.py", "tokenizers": tokenizers.__version__,
                      "tokenizer_json_sha256": hashlib.sha256(source).hexdigest()}))
    for revision in ("first", "revised"):
        content = json.loads(source)
        for token in content["added_tokens"]:
            if revision == "revised" and token["content"] in REVISED:
                token["rstrip"] = False
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(content))
        for text in TEXTS:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            print(json.dumps({"revision": revision, "text": text, "ids": ids}))


main()
