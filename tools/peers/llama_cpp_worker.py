"""Times llama.cpp through the low-level interface of llama-cpp-python, one test after the other.

Run by compare_speed.py with the Python of the environment that llama-cpp-python is installed in;
may be run alone. Prints one JSON object a test: what was measured, in seconds, and the peak
resident memory of the process. The tests are those of `phibench bench`: prefill is one sequence of
random tokens until the logits of the last are there; decode is one token at a time in BATCH
sequences at once, each after a prompt of its own.
"""

import argparse
import ctypes
import json
import random
import sys
import time

import llama_cpp


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch-tokens", type=int, default=512)
    parser.add_argument("tests", nargs="+", metavar="PROMPT:GENERATE:BATCH",
                        help="512:0:1 is prefill of 512 tokens, 16:128:8 decodes in 8 sequences")
    return parser.parse_args()


def peak_rss_bytes():
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Batch:
    """A llama_batch that is filled anew for every evaluation."""

    def __init__(self, capacity):
        self.batch = llama_cpp.llama_batch_init(capacity, 0, 1)
        self.batch.n_tokens = 0

    def clear(self):
        self.batch.n_tokens = 0

    def add(self, token, position, sequence, wants_logits):
        i = self.batch.n_tokens
        self.batch.token[i] = token
        self.batch.pos[i] = position
        self.batch.n_seq_id[i] = 1
        self.batch.seq_id[i][0] = sequence
        self.batch.logits[i] = wants_logits
        self.batch.n_tokens = i + 1

    def evaluate(self, context):
        status = llama_cpp.llama_decode(context, self.batch)
        if status != 0:
            sys.exit(f"llama_decode failed: {status}")
        llama_cpp.llama_synchronize(context)


def open_context(model, arguments, n_context, n_sequences):
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = n_context
    parameters.n_batch = arguments.batch_tokens
    parameters.n_ubatch = arguments.batch_tokens
    parameters.n_seq_max = n_sequences
    parameters.n_threads = arguments.threads
    parameters.n_threads_batch = arguments.threads
    context = llama_cpp.llama_init_from_model(model, parameters)
    if not context:
        sys.exit("no context could be made")
    return context


def compute_prompt(context, batch, sequence, n_prompt, n_vocab, arguments):
    for begin in range(0, n_prompt, arguments.batch_tokens):
        batch.clear()
        for position in range(begin, min(begin + arguments.batch_tokens, n_prompt)):
            token = random.randrange(n_vocab)
            batch.add(token, position, sequence, position + 1 == n_prompt)
        batch.evaluate(context)


def measure(model, arguments, n_prompt, n_generate, n_sequences):
    """Seconds of the measured part of one test; a short run of the same shape warms up."""
    n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    n_each = (n_prompt + n_generate + 255) // 256 * 256
    context = open_context(model, arguments, n_each * n_sequences, n_sequences)
    memory = llama_cpp.llama_get_memory(context)
    batch = Batch(max(arguments.batch_tokens, n_sequences))
    random.seed(1)
    compute_prompt(context, batch, 0, min(n_prompt, 64), n_vocab, arguments)
    llama_cpp.llama_memory_clear(memory, False)
    begin = time.perf_counter()
    for sequence in range(n_sequences):
        compute_prompt(context, batch, sequence, n_prompt, n_vocab, arguments)
    seconds = time.perf_counter() - begin
    if n_generate:
        begin = time.perf_counter()
        for step in range(n_generate):
            batch.clear()
            for sequence in range(n_sequences):
                batch.add(random.randrange(n_vocab), n_prompt + step, sequence, True)
            batch.evaluate(context)
        seconds = time.perf_counter() - begin
    llama_cpp.llama_free(context)
    return seconds


def main():
    arguments = parse_arguments()
    quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(
        arguments.model.encode(), llama_cpp.llama_model_default_params())
    if not model:
        sys.exit(f"{arguments.model}: llama.cpp does not load it")
    for test in arguments.tests:
        n_prompt, n_generate, n_sequences = (int(n) for n in test.split(":"))
        seconds = measure(model, arguments, n_prompt, n_generate, n_sequences)
        n_tokens = n_generate * n_sequences or n_prompt
        print(json.dumps({
            "prompt": n_prompt, "generate": n_generate, "batch": n_sequences,
            "threads": arguments.threads, "seconds": seconds,
            "tokens_per_s": n_tokens / seconds, "rss_bytes": peak_rss_bytes(),
            "version": llama_cpp.__version__,
            "system": llama_cpp.llama_print_system_info().decode(),
        }), flush=True)


if __name__ == "__main__":
    main()
