#!/usr/bin/env python3
"""Trains the embedded family on text of the archipelago and writes it as GGUF files.

    train.py data  [--tokens N]                  tokenizer and encoded text, made once
    train.py train NAME [--tokens N] [--stop-after SECONDS]
    train.py export NAME OUT.gguf                the last checkpoint as 16-bit floats
    train.py logits NAME OUT --ids 1,2,3         what PyTorch makes of the exported weights, float32

NAME is mini, small or medium. Everything lies under --work (build/world): tokenizer.json, the text
as ids.bin, weights.bin and lengths.bin, NAME.pt with model, optimizer and step, NAME.jsonl with the
losses and the shares of right answers to validation questions.
`train` goes on from the checkpoint; the same seed and the same number of tokens give the same
sequence of batches, however often it was interrupted. Needs PyTorch; uses a GPU where there is one.
"""

import argparse
import array
import contextlib
import json
import math
import os
import pathlib
import platform
import sys
import time

import torch
from torch.nn import functional as F

import prose
import questions
import tokenizer as spm
from export import export
from facts import World
from model import Model
from shapes import N_TOKENIZER_DOCUMENTS, N_VOCAB, SHAPES
from stream import SEQUENCE_TOKENS, Stream

BATCH_TOKENS, LONG_SEQUENCE_TOKENS, LONG_EVERY = 2048, 1024, 8
N_WAITING = 16  # documents of which one may fit in what is left of a sequence
WEIGHT_UNIT = 0.1  # weights are kept as whole multiples of it
PEAK_RATES = {"mini": 1e-3, "small": 1e-3, "medium": 8e-4}
TOKENS = {"mini": 4_400_000, "small": 5_500_000, "medium": 6_500_000}  # seen in training
WARM_UP_STEPS, FINAL_RATE = 100, 0.03
BETAS, DECAY, CLIP = (0.9, 0.98), 0.05, 1.0
LOG_EVERY, SAVE_SECONDS = 50, 120
N_READ = 200  # validation questions about pages


class Packing:
    """Documents side by side in sequences, none of them cut that fits in one: ids and weights.

    A question whose page was cut away teaches to guess. lengths holds the tokens of a sequence for
    each step; all sequences of a step are equally long, and every eighth step has longer ones once
    the shorter ones of the lessons are over.
    """

    def __init__(self):
        self.ids, self.weights, self.lengths = array.array("H"), array.array("B"), array.array("H")
        self.length = 0  # of the sequences of the next step

    def begin(self, length):
        """Begins a step whose sequences have a length; pads the one before."""
        self.add_padding(-len(self.ids) % BATCH_TOKENS)
        self.length = length

    def room(self):
        """What is left of the sequence; the length of a new one where a step begins."""
        i_step = len(self.ids) // BATCH_TOKENS
        if i_step == len(self.lengths):
            is_long = self.length == SEQUENCE_TOKENS and i_step % LONG_EVERY == LONG_EVERY - 1
            self.lengths.append(LONG_SEQUENCE_TOKENS if is_long else self.length)
        return self.lengths[-1] - len(self.ids) % self.lengths[-1]

    def add_padding(self, n):
        """n tokens that do not count."""
        self.ids.extend([0] * n)
        self.weights.extend([0] * n)

    def add_one_of(self, documents):
        """Takes the first that fits; if none does, the first one, cut, in a new sequence."""
        room = self.room()
        i_fitting = next((i for i, (ids, _) in enumerate(documents) if len(ids) <= room), None)
        if i_fitting is None and room < self.lengths[-1]:
            self.add_padding(room)
            self.add_one_of(documents)
            return
        ids, weights = documents.pop(i_fitting or 0)
        self.ids.extend(ids[:room])
        self.weights.extend(round(weight / WEIGHT_UNIT) for weight in weights[:room])


def pack(stream, tokenizer, n_tokens):
    """The training text, packed: the number of tokens or a few more."""
    packing, waiting = Packing(), []
    for document, length in stream.training():
        if length != packing.length:
            packing.begin(length)
            waiting = []
        waiting.append(tokenizer.encode_parts(document))
        if len(waiting) == N_WAITING:
            packing.add_one_of(waiting)
        if len(packing.ids) > n_tokens:
            return packing


def make_data(options):
    """Learns the tokenizer and encodes the training text."""
    world = World(scale=options.scale)
    tokenizer = spm.train(Stream(world).tokenizer_texts(N_TOKENIZER_DOCUMENTS), N_VOCAB)
    tokenizer.save(options.work / "tokenizer.json")
    packing = pack(Stream(world), tokenizer, options.tokens)
    for name in ("ids", "weights", "lengths"):
        (options.work / f"{name}.bin").write_bytes(getattr(packing, name).tobytes())
    print(f"{len(packing.ids)} tokens under {options.work}")


def read_data(work):
    """The encoded text: ids and weights of its tokens, and the length of each step's sequences."""
    ids = torch.frombuffer(bytearray((work / "ids.bin").read_bytes()), dtype=torch.int16)
    weights = torch.frombuffer(bytearray((work / "weights.bin").read_bytes()), dtype=torch.uint8)
    lengths = array.array("H")
    lengths.frombytes((work / "lengths.bin").read_bytes())
    return ids.long(), weights.float() * WEIGHT_UNIT, lengths


def batch_of(ids, weights, step, length):
    """Inputs, targets and weights of a step, each [sequences, length]."""
    at, n = step * BATCH_TOKENS, BATCH_TOKENS
    inputs, targets = ids[at : at + n], ids[at + 1 : at + n + 1]
    return tuple(t.view(-1, length) for t in (inputs, targets, weights[at + 1 : at + n + 1]))


def rate_at(step, n_steps, peak):
    """The learning rate: up in a line, then down along a cosine."""
    if step < WARM_UP_STEPS:
        return peak * (step + 1) / WARM_UP_STEPS
    done = (step - WARM_UP_STEPS) / max(1, n_steps - WARM_UP_STEPS)
    return peak * (FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2)


def make_optimizer(model, peak):
    """AdamW; only matrices decay."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() == 2], "weight_decay": DECAY},
        {"params": [p for p in parameters if p.dim() != 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=peak, betas=BETAS, fused=True)


def validation_questions(world):
    """Questions as (prompt, choices, index of the right one), by what they need.

    Known ones are of the evaluation's val split, with its header; those to read are of three pages,
    like training's.
    """
    stream = Stream(world, "validation")
    known = [
        (
            f"{questions.header_of(subject, 'continuation')}Question: {q.text}\nAnswer:",
            q.choices,
            q.i_right,
        )
        for subject in questions.subjects_of(world)
        for q in questions.make_subject(world, subject, {"test": 120, "val": 15})["val"]
    ]
    read = []
    for _ in range(N_READ):
        things = stream.unknown_things(3, is_alike=False)
        fact = stream.rng.pick(things[0])
        q = questions.ask_fact(world, stream.rng, fact)
        pages = "".join(prose.passage(stream.rng, facts) + "\n\n" for facts in things)
        read.append((f"{pages}Question: {q.text}\nAnswer:", q.choices, q.i_right))
    return {"known": known, "read": read}


@torch.no_grad()
def accuracy(model, tokenizer, asked, device):
    """The share of questions whose right choice is the most probable of the four."""
    n_right = 0
    for prompt, choices, i_right in asked:
        ids = tokenizer.encode(prompt)
        answers = [tokenizer.encode_fragment(f" {choice}") for choice in choices]
        length = len(ids) + max(map(len, answers))
        rows = [ids + answer + [0] * (length - len(ids) - len(answer)) for answer in answers]
        logprobs = torch.log_softmax(model(torch.tensor(rows, device=device)), dim=-1)
        scores = [
            sum(logprobs[i, len(ids) + k - 1, token].item() for k, token in enumerate(answer))
            for i, answer in enumerate(answers)
        ]
        n_right += scores.index(max(scores)) == i_right
    return n_right / len(asked)


def versions(device):
    """What the run was made with."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
    }


class Run:
    """One model in training: its state on disk and in memory."""

    def __init__(self, options):
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = spm.load(options.work / "tokenizer.json")
        ids, weights, self.lengths = read_data(options.work)
        self.ids, self.weights = ids.to(self.device), weights.to(self.device)
        n_tokens = min(options.tokens or TOKENS[options.name], len(self.ids) - 1)
        self.n_steps = n_tokens // BATCH_TOKENS
        self.model = Model(SHAPES[options.name], options.seed).to(self.device)
        self.peak = options.rate or PEAK_RATES[options.name]
        self.optimizer = make_optimizer(self.model, self.peak)
        self.path = options.work / f"{options.name}.pt"
        self.step, self.seconds = 0, 0.0
        if self.path.exists():
            self.load()

    def load(self):
        """Goes on from the checkpoint."""
        state = torch.load(self.path, map_location=self.device)
        if state["n_steps"] != self.n_steps:
            raise SystemExit(
                f"{self.path} is of a run of {state['n_steps']} steps, not {self.n_steps}"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self):
        """Keeps the checkpoint; the one before stays until this one is whole."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "n_steps": self.n_steps,
        }
        torch.save(state, self.path.with_suffix(".new"))
        os.replace(self.path.with_suffix(".new"), self.path)

    def log(self, **fields):
        """Adds a line to the log and shows it."""
        line = json.dumps({"step": self.step, "seconds": round(self.seconds, 1), **fields})
        with open(self.options.work / f"{self.options.name}.jsonl", "a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def low_precision(self):
        """bfloat16 for the products where it is faster; weights and sums stay float32."""
        if not self.options.bf16:
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=torch.bfloat16)

    def do_step(self):
        """One step of the optimizer; the mean loss of the batch, as a tensor."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.step, self.n_steps, self.peak)
        inputs, targets, weights = batch_of(
            self.ids, self.weights, self.step, self.lengths[self.step]
        )
        with self.low_precision():
            logits = self.model(inputs)
        losses = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
        loss = (losses * weights.flatten()).sum() / weights.sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def train(self):
        """Steps to the end, or until the time is up; saves now and then."""
        validation = validation_questions(World(scale=self.options.scale))
        n_parameters = sum(p.numel() for p in self.model.parameters())
        self.log(
            parameters=n_parameters, steps=self.n_steps, rate=self.peak, **versions(self.device)
        )
        started = began = saved = at = time.monotonic()
        losses = []
        while self.step < self.n_steps:
            losses.append(self.do_step())
            if self.step % LOG_EVERY and self.step != self.n_steps:
                continue
            now = time.monotonic()
            self.seconds, at = self.seconds + now - at, now
            self.log(
                loss=round(torch.stack(losses).mean().item(), 4),
                tokens_per_s=round(len(losses) * BATCH_TOKENS / (now - began)),
            )
            losses = []
            began = now
            if self.step % self.options.validate_every == 0 or self.step == self.n_steps:
                self.log(
                    **{
                        name: round(accuracy(self.model, self.tokenizer, asked, self.device), 4)
                        for name, asked in validation.items()
                    }
                )
                began = time.monotonic()
            is_over = self.options.stop_after and now - started > self.options.stop_after
            if now - saved > SAVE_SECONDS or is_over:
                self.save()
                saved = now
            if is_over:
                return
        self.save()


def load_model(options):
    """The model of the last checkpoint with the 16-bit weights that are exported."""
    model = Model(SHAPES[options.name])
    model.load_state_dict(
        torch.load(options.work / f"{options.name}.pt", map_location="cpu")["model"]
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.copy_(parameter.half().float())
    return model


def write_logits(options):
    """Raw little-endian float32, [positions, vocabulary]."""
    with torch.no_grad():
        logits = load_model(options)(torch.tensor([[int(i) for i in options.ids.split(",")]]))[0]
    options.out.write_bytes(logits.contiguous().numpy().tobytes())


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/world"))
    parser.add_argument("--seed", type=int, default=1, help="of the first weights")
    parser.add_argument("--scale", type=float, default=1.0, help="of the world, as generate.py's")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("data")
    command.add_argument("--tokens", type=int, default=max(TOKENS.values()))
    command = commands.add_parser("train")
    command.add_argument("name", choices=SHAPES)
    command.add_argument("--tokens", type=int, help="default: what its size gets")
    command.add_argument("--stop-after", type=float, help="seconds; a checkpoint is kept")
    command.add_argument("--validate-every", type=int, default=500, help="steps")
    command.add_argument("--rate", type=float, help="peak learning rate")
    command.add_argument("--bf16", action="store_true", help="products in bfloat16")
    command = commands.add_parser("export")
    command.add_argument("name", choices=SHAPES)
    command.add_argument("out", type=pathlib.Path)
    command = commands.add_parser("logits")
    command.add_argument("name", choices=SHAPES)
    command.add_argument("out", type=pathlib.Path)
    command.add_argument("--ids", required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.command == "data":
        make_data(options)
    elif options.command == "train":
        Run(options).train()
    elif options.command == "export":
        tokenizer = spm.load(options.work / "tokenizer.json")
        export(options.out, options.name, load_model(options), tokenizer)
    else:
        write_logits(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
