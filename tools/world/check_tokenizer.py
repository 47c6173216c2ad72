#!/usr/bin/env python3
"""Whether phibench makes the same tokens of our texts as the tokenizer that training used.

    check_tokenizer.py PHIBENCH FOLDER

Learns the vocabulary, writes it to FOLDER/vocabulary.gguf, and compares documents of every kind and
texts that are unlike them. Standard library only.
"""

import itertools
import json
import pathlib
import subprocess
import sys

import gguf_file
import tokenizer as spm
from export import metadata_of
from facts import World
from shapes import N_TOKENIZER_DOCUMENTS, N_VOCAB, SHAPES
from stream import Stream, text_of

N_DOCUMENTS = 60
STRANGE_TEXTS = (
    "",
    "<|user|>\nHi there<|end|>\n<|assistant|>\n",
    "<|user|>  \n two  spaces <|end|>\n\n<|assistant|>\tx<|endoftext|>\n y",
    "  two  spaces \u00e9\u2603 tab\t.\n\n x",
    'Ab1 23 4.5 (x) "q" \u2581 and <|us<|user|>er|>',
)


def main():
    """Compares; prints the first difference."""
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    world = World()
    tokenizer = spm.train(Stream(world).tokenizer_texts(N_TOKENIZER_DOCUMENTS), N_VOCAB)
    if tokenizer.n_vocab != N_VOCAB:
        print(f"{tokenizer.n_vocab} tokens instead of {N_VOCAB}")
        return 1
    path = folder / "vocabulary.gguf"
    gguf_file.write(path, metadata_of("vocabulary", SHAPES["mini"], tokenizer), [])
    documents = itertools.islice(Stream(world, "tokens").documents(), N_DOCUMENTS)
    texts = [text_of(document) for document in documents] + list(STRANGE_TEXTS)
    for text in texts:
        command = [program, "tokenize", "-m", str(path), "--special", "--json"]
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True)
        found, wanted = json.loads(done.stdout)["ids"], tokenizer.encode(text)
        if found != wanted:
            print(f"{text!r}\nphibench: {found}\ntraining: {wanted}")
            return 1
    print(f"{len(texts)} texts give the same tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
