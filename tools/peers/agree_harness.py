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
BATCH = 32


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


def answer_of(samples, metrics):
    """One question's numbers, of one sample for each filter: the log-likelihood of each choice, or
    the text and what was read in it; and the harness' verdicts, by phibench's names of filters and
    scores."""
    first = samples[0]
    replies = [reply[0] for reply in first["resps"]]
    if isinstance(replies[0], str):
        scores = {metrics[sample["filter"]]: float(sample["exact_match"]) for sample in samples}
        return {"text": replies[0], "read": first["filtered_resps"][0], "scores": scores}
    scores = {metrics.get(name, name): float(first[name]) for name in ("acc", "acc_norm")
              if name in first}
    return {"logprobs": [float(logprob) for logprob, _ in replies],
            "greedy": [bool(greedy) for _, greedy in replies], "scores": scores}


def arguments_of(sample):
    """What each request of a sample asks: context and continuation, or context and how to write."""
    arguments = sample["arguments"]
    for one in arguments.values() if isinstance(arguments, dict) else arguments:
        yield list(one.values()) if isinstance(one, dict) else list(one)


def text_of(samples, is_chat):
    """What was asked, as one text to encode: of prompts each line once, of chats each one whole."""
    texts = ["".join(part for part in asked if isinstance(part, str))
             for sample in samples for asked in arguments_of(sample)]
    return "\n".join(texts) if is_chat else "\n".join(
        sorted({line for text in texts for line in text.split("\n")}))


def ask(model, task, limit, chat, metrics):
    """One task's answers in its file's order, and the tokens of what was asked. chat: "" for none,
    "chat" or "chat-multiturn"."""
    result = evaluate(model, {"task": task}, limit=limit, bootstrap_iters=0,
                      apply_chat_template=bool(chat), fewshot_as_multiturn=chat == "chat-multiturn")
    [samples] = result["samples"].values()
    by_question = {}
    for sample in samples:
        by_question.setdefault(sample["doc_id"], []).append(sample)
    questions = [by_question[i] for i in sorted(by_question)]
    text = text_of([question[0] for question in questions], bool(chat))
    answers = [answer_of(question, metrics) for question in questions]
    for answer, question in zip(answers, questions):
        answer["prompt_tokens"] = len(model.tok_encode(next(arguments_of(question[0]))[0]))
    return {"answers": answers, "text": text, "ids": model.tok_encode(text)}
