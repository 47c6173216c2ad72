#!/usr/bin/env python3
"""Compares the speed of phibench and llama.cpp on one GGUF file, in interleaved runs.

Downloads and installs nothing: --phibench is the program, --python the Python of an environment
that llama-cpp-python was built in from its source distribution, with the flags to be compared
(CMAKE_ARGS -DGGML_NATIVE=ON, or AVX2 and no more). A round runs every test on one program and then
on the other, the next round the other way about. Each result is appended to --results as it comes,
so that an interrupted comparison goes on where it stopped. Prints medians and the median of the
rounds' ratios as a Markdown table.

    phibench synth phi-3-mini --type q4_0 mini-q4_0.gguf
    tools/peers/compare_speed.py --python ENV/bin/python --results peers.jsonl mini-q4_0.gguf
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

WORKER = pathlib.Path(__file__).with_name("llama_cpp_worker.py")
KEY = ("model", "isa", "threads", "prompt", "generate", "batch")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL", help="GGUF files that both load")
    parser.add_argument("--phibench", default="build/release/phibench")
    parser.add_argument("--python", required=True, help="Python that has llama-cpp-python")
    parser.add_argument("--results", required=True, metavar="FILE", help="JSON lines, appended to")
    parser.add_argument("--isa", default="", help="force phibench to these kernels")
    parser.add_argument("--threads", default="2", help="numbers of threads, as in 1,2")
    parser.add_argument("--tests", default="512:0:1,16:128:1,16:16:8,16:8:32",
                        metavar="PROMPT:GENERATE:BATCH,...",
                        help="512:0:1 is prefill, 16:128:8 decoding in 8 sequences (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def run(command):
    """Standard output of a command; its errors are the user's to see."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}")
    return done.stdout


def run_phibench(arguments, model, threads, test):
    prompt, generate, batch = test
    command = [arguments.phibench, "bench", "-m", model, "-t", str(threads), "-r", "1", "-p",
               str(prompt), "-n", str(generate), "-b", str(batch), "-o", "jsonl"]
    if arguments.isa:
        command += ["--isa", arguments.isa]
    records = [json.loads(line) for line in run(command).splitlines()]
    name = "prefill" if generate == 0 else "decode" if batch == 1 else "batched_decode"
    [measured] = [record for record in records if record["test"] == name]
    return {"tokens_per_s": measured["tokens_per_s"],
            "percent_of_limit": measured.get("percent_of_limit"),
            "rss_bytes": max(record["rss_bytes"] for record in records)}


def run_llama_cpp(arguments, model, threads, test):
    command = [arguments.python, str(WORKER), model, "--threads", str(threads),
               ":".join(str(n) for n in test)]
    record = json.loads(run(command))
    return {name: record[name] for name in ("tokens_per_s", "rss_bytes", "version", "system")}


def read_results(path):
    if not pathlib.Path(path).exists():
        return []
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def key_of(arguments, model, threads, test):
    return dict(zip(KEY, (pathlib.Path(model).name, arguments.isa, threads, *test)))


def measure(arguments, tests, results):
    """Every result that is not there yet; the order of the programs alternates by round."""
    cells = [(model, int(threads), test) for model in arguments.models
             for threads in arguments.threads.split(",") for test in tests]
    programs = [("phibench", run_phibench), ("llama.cpp", run_llama_cpp)]
    for round_number in range(arguments.rounds):
        for cell in cells:
            for program, function in programs[::1 if round_number % 2 == 0 else -1]:
                record = {**key_of(arguments, *cell), "round": round_number, "program": program}
                if any(record.items() <= result.items() for result in results):
                    continue
                record.update(function(arguments, *cell))
                results.append(record)
                with open(arguments.results, "a", encoding="utf-8") as lines:
                    print(json.dumps(record), file=lines)
                print(f"{record['model']} {cell[1]} threads {cell[2]}: {program} "
                      f"{record['tokens_per_s']:.2f} tok/s", file=sys.stderr)
    return cells


def print_table(arguments, cells, results):
    print("| model | threads | test | phibench tok/s | % of limit | llama.cpp tok/s | ratio | "
          "ratios of rounds | RSS MiB, ratio |\n|---|---|---|---|---|---|---|---|---|")
    for model, threads, test in cells:
        key = key_of(arguments, model, threads, test)
        of_cell = [result for result in results if key.items() <= result.items()]
        ours, theirs = ([result for result in sorted(of_cell, key=lambda r: r["round"])
                         if result["program"] == program] for program in ("phibench", "llama.cpp"))
        ratios = [a["tokens_per_s"] / b["tokens_per_s"] for a, b in zip(ours, theirs)]
        rates = [statistics.median(r["tokens_per_s"] for r in side) for side in (ours, theirs)]
        peaks = [max(r["rss_bytes"] for r in side) / 2**20 for side in (ours, theirs)]
        shares = [r["percent_of_limit"] for r in ours if r["percent_of_limit"]]
        share = f"{statistics.median(shares):.0f}" if shares else ""
        prompt, generate, batch = test
        name = f"prefill {prompt}" if generate == 0 else f"decode {generate} x {batch}"
        print(f"| {pathlib.Path(model).name} | {threads} | {name} | {rates[0]:.2f} | {share} | "
              f"{rates[1]:.2f} | {statistics.median(ratios):.2f} | "
              f"{', '.join(f'{ratio:.2f}' for ratio in ratios)} | "
              f"{peaks[0]:.0f} / {peaks[1]:.0f}, {peaks[0] / peaks[1]:.2f} |")


def main():
    arguments = parse_arguments()
    tests = [tuple(int(n) for n in test.split(":")) for test in arguments.tests.split(",")]
    results = read_results(arguments.results)
    cells = measure(arguments, tests, results)
    print_table(arguments, cells, results)


if __name__ == "__main__":
    main()
