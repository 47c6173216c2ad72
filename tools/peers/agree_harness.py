"""What lm-evaluation-harness answers: a GGUF file as a Phi3ForCausalLM of transformers in float32.

transformers reads weights, configuration and tokenizer from the file itself; the harness puts BOS
before a text, as the file asks for and phibench does. Nothing of phibench is used.
"""

import importlib.metadata
import logging
import os

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402
from lm_eval.evaluator import evaluate  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

from agree_tasks import harness  # noqa: E402

PACKAGES = ("lm_eval", "torch", "transformers", "tokenizers", "datasets", "numpy")
BATCH = 8


def versions():
    """Of every package that a number can depend on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def open_model(path, threads):
    """The model as the harness wants it."""
    logging.disable(logging.WARNING)
    torch.set_num_threads(threads)
    torch.manual_seed(harness.SEED)
    return HFLM(pretrained=str(path.parent), gguf_file=path.name, dtype="float32", device="cpu",
                batch_size=BATCH, add_bos_token=True)


def answer_of(sample):
    """One question's numbers: the log-likelihood of each choice, and the harness' verdicts."""
    replies = [reply[0] for reply in sample["resps"]]
    scores = {name: float(sample[name]) for name in ("acc", "acc_norm") if name in sample}
    return {"logprobs": [float(logprob) for logprob, _ in replies],
            "greedy": [bool(greedy) for _, greedy in replies], "scores": scores}


def texts_of(samples):
    """What was asked, prompt and choice, of all samples."""
    for sample in samples:
        arguments = sample["arguments"]
        for one in arguments.values() if isinstance(arguments, dict) else arguments:
            yield "".join(one.values() if isinstance(one, dict) else one)


def ask(model, task, limit):
    """One task's answers in its file's order, and the tokens of every line that was asked."""
    [samples] = evaluate(model, {"task": task}, limit=limit, bootstrap_iters=0)["samples"].values()
    samples.sort(key=lambda sample: sample["doc_id"])
    lines = {line for text in texts_of(samples) for line in text.split("\n")}
    text = "\n".join(sorted(lines))
    return {"answers": [answer_of(sample) for sample in samples], "text": text,
            "ids": model.tok_encode(text)}
