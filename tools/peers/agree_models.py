#!/usr/bin/env python3
"""Compares phibench with llama.cpp and transformers on really downloaded GGUF files.

All three read the same file, untouched: phibench and llama.cpp multiply its quantized weights with
activations that they round each in their own way, transformers decodes the weights to float32 and
rounds nothing. So does phibench with the same weights written as f32 (`phibench quantize`), which tells
what is rounding and what would be a mistake. Compared are the tokens of 1,000 texts, what is predicted
after each of 2,048 tokens of running text, and greedy continuations. Prints Markdown.

    python3 -m venv build/models-env
    build/models-env/bin/pip install xllamacpp==2026.10.11549 torch==2.15.0 transformers==5.23.0 gguf accelerate
    build/models-env/bin/python tools/peers/agree_models.py --data DATA SmolLM2.gguf gemma-3-270m.gguf

DATA is the folder that has suites/wikitext2 and suites/mgsm.
"""

import argparse
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

from llama_cpp_api import Model

N_TEXTS, N_CHUNKS, CHUNK_TOKENS, N_NEW = 1000, 8, 256, 24
PROMPTS = ["The capital of France is", "Once upon a time", "def fibonacci(n):\n", "Water boils at"]
PAIRS = (("phibench", "llama.cpp"), ("phibench", "transformers"), ("llama.cpp", "transformers"),
         ("phibench, weights as f32", "transformers"))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path, metavar="MODEL.gguf")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--phibench", default="build/release/phibench")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def run(arguments, *command, text=None):
    """Standard output of phibench, as bytes; its errors are the user's to see."""
    done = subprocess.run([arguments.phibench, *command], input=text, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}")
    return done.stdout


def read_texts(data):
    """Lines of an encyclopedia, questions in eleven languages, and lines of characters at random."""
    lines = (data / "suites/wikitext2/wiki.test.raw").read_text(encoding="utf-8").splitlines()
    texts = [line for line in lines if line.strip()][:500]
    for path in sorted((data / "suites/mgsm").glob("mgsm_*.tsv")):
        questions = path.read_text(encoding="utf-8").splitlines()
        texts += [question.split("\t")[0] for question in questions[:30]]
    source = random.Random(1)
    ranges = [(32, 127), (32, 127), (160, 592), (880, 1424), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0x1f300, 0x1f700)]
    while len(texts) < N_TEXTS:
        length = source.randint(1, 60)
        words = [chr(source.randrange(*source.choice(ranges))) for _ in range(length)]
        texts.append("".join(word + source.choice(["", "", " ", "  ", "\n", "\t"]) for word in words))
    return texts[:N_TEXTS]


def encode_all(arguments, path, texts, separator, i_separator):
    """The tokens of each text, in one run: between texts stands a token that none of them makes."""
    assert not any(separator in text for text in texts)
    joined = separator + separator.join(texts)
    ids = json.loads(run(arguments, "tokenize", "-m", str(path), "--json", "--special", "--rstrip", "off", "--no-bos",
                         text=joined.encode()))["ids"]
    starts = [i for i, token in enumerate(ids) if token == i_separator]
    return [ids[begin + 1:end] for begin, end in zip(starts, starts[1:] + [len(ids)])]


def compare_tokens(arguments, path, theirs, texts):
    separator, i_separator = special_token(theirs)
    ours = encode_all(arguments, path, texts, separator, i_separator)
    expected = [theirs.encode(separator + text, False, True)[1:] for text in texts]
    n_same = sum(a == b for a, b in zip(ours, expected, strict=True))
    return n_same, sum(map(len, expected))


def special_token(theirs):
    for text in ("<|endoftext|>", "<eos>"):
        ids = theirs.encode(text, False, True)
        if len(ids) == 1:
            return text, ids[0]
    raise SystemExit("no special token is known here")


def phibench_logits(arguments, path, ids, n_vocab, kv):
    printed = run(arguments, "logits", "-m", str(path), "-t", str(arguments.threads), "--kv", kv, "--ids",
                  ",".join(map(str, ids)), "--all", "-o", "bin")
    return np.frombuffer(printed, np.float32).reshape(len(ids), n_vocab)


def distances(a, b):
    """For each position KL(b || a) in nats, and whether the first choices are the same."""
    log_a, log_b = (torch.log_softmax(torch.from_numpy(np.array(x)), -1) for x in (a, b))
    return (log_b.exp() * (log_b - log_a)).sum(-1, dtype=torch.float64).numpy(), a.argmax(-1) == b.argmax(-1)


def compare_logits(arguments, path, f32_path, theirs, reference, ids):
    """(KL, agreement) of each pair over all positions."""
    found = {pair: ([], []) for pair in PAIRS}
    for begin in range(0, len(ids), CHUNK_TOKENS):
        chunk = ids[begin:begin + CHUNK_TOKENS]
        theirs.clear()
        logits = {
            "phibench": phibench_logits(arguments, path, chunk, theirs.n_vocab, "f16"),
            "phibench, weights as f32": phibench_logits(arguments, f32_path, chunk, theirs.n_vocab, "f32"),
            "llama.cpp": theirs.logits(chunk),
        }
        with torch.no_grad():
            logits["transformers"] = reference(torch.tensor([chunk]), use_cache=False).logits[0].float().numpy()
        for pair in PAIRS:
            kl, same = distances(logits[pair[0]], logits[pair[1]])
            found[pair][0].extend(kl)
            found[pair][1].extend(same)
    return {pair: (float(np.mean(kl)), float(np.mean(same)), len(kl)) for pair, (kl, same) in found.items()}


def continuations(arguments, path, theirs, reference, prompt):
    """What each program writes after the prompt, greedily."""
    ids, written = theirs.encode(prompt), []
    printed = run(arguments, "generate", "-m", str(path), "-t", str(arguments.threads), "-p", prompt, "-n", str(N_NEW),
                  "--ignore-end", "--json")
    for _ in range(N_NEW):
        with torch.no_grad():
            logits = reference(torch.tensor([ids + written]), use_cache=False).logits[0, -1]
        written.append(int(logits.argmax()))
    return {"phibench": json.loads(printed)["text"], "llama.cpp": theirs.decode(theirs.greedy(ids, N_NEW)),
            "transformers": theirs.decode(written)}


def compare_model(arguments, path, texts, running_text, work):
    f32_path = pathlib.Path(work) / "f32.gguf"
    run(arguments, "quantize", str(path), str(f32_path), "--type", "f32")
    theirs = Model(path, 512, arguments.threads)
    reference = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
    n_same, n_tokens = compare_tokens(arguments, path, theirs, texts)
    print(f"\n### {path.name}\n\nTokens of {len(texts):,} texts: {n_same:,} the same, of {n_tokens:,} tokens.\n")
    ids = theirs.encode(running_text, False)[:N_CHUNKS * CHUNK_TOKENS]
    print("| | | mean KL, nats | same first choice | positions |\n|---|---|---|---|---|")
    for (a, b), (kl, same, n) in compare_logits(arguments, path, f32_path, theirs, reference, ids).items():
        print(f"| {a} | {b} | {kl:.2g} | {100 * same:.1f} % | {n:,} |", flush=True)
    print("\n| after | phibench | the others |\n|---|---|---|")
    for prompt in PROMPTS:
        made = continuations(arguments, path, theirs, reference, prompt)
        others = [f"{name}: " + ("the same" if made[name] == made["phibench"] else f"`{show(made[name])}`")
                  for name in ("llama.cpp", "transformers")]
        print(f"| `{show(prompt)}` | `{show(made['phibench'])}` | {'<br>'.join(others)} |", flush=True)


def show(text):
    return text.replace("\n", "\\n").replace("|", "\\|").replace("`", "'")


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    texts = read_texts(arguments.data)
    lines = (arguments.data / "suites/wikitext2/wiki.test.raw").read_text(encoding="utf-8").splitlines(True)
    running_text = "".join(itertools.islice((line for line in lines if line.strip()), 120))
    print(f"- {run(arguments, '--version').decode().splitlines()[0]}")
    for path in arguments.models:
        with tempfile.TemporaryDirectory() as work:
            compare_model(arguments, path, texts, running_text, work)


if __name__ == "__main__":
    main()
