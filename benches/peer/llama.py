#!/usr/bin/env python3
"""Compares gptoss-tui with llama.cpp on this machine's CPU: same weights, interleaved.

    python3 benches/peer/llama.py --source LLAMA_CPP                # makes what is missing, then measures
    python3 benches/peer/llama.py --source LLAMA_CPP --threads 1 --rest q8_0

LLAMA_CPP is llama.cpp's source folder, whose converter is used once. README.md beside this file says
what is measured, why it is fair, and what each side needs.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from bandwidth import read_gb_per_second
from run import LINUX, ROOT, WORK, ensure_checkpoint, ensure_venv, run, spread

HERE = Path(__file__).resolve().parent
METRICS = {"prefill_tps": "prefill", "decode_tps": "decode"}
# Our packing of what is not an expert, for llama.cpp's name of it.
PACKING = {"bf16": None, "q8_0": "rest=8"}
# Bits a weight with scales: 8-bit in groups of 64 with f32 scale and bias; of 32 with an f16 scale.
REST_BITS = {"bf16": (16, 16), "q8_0": (9, 8.5)}
EXPERT_BITS = 4.25


def main():
    args = parse_arguments()
    for path, what in ((args.binary, "`cargo build --release`"), (args.llama_bench, "--llama-bench")):
        if not path or not Path(path).is_file():
            raise SystemExit(f"{path or 'llama-bench'} is missing: see {what}")
    model = args.model or ensure_checkpoint(ensure_venv(WORK / "venv"), args.preset, args.vocab)
    shape = json.loads((model / "config.json").read_text())
    print(f"{model}: {shape['num_hidden_layers']} layers, vocabulary {shape['vocab_size']}; prompt "
          f"{args.prompt_tokens}, generated {args.generated_tokens}; {args.pairs} interleaved pairs\n")
    print("| rest | threads | tokens/s | gptoss-tui: median (range) | llama.cpp: median (range) "
          "| ratio of medians (pairs) | share of the memory roof |\n" + "|---" * 7 + "|")
    missed = False
    for rest in args.rest:
        sides = {"ours": Ours(args, packed(args, model, rest)), "peer": Llama(args, gguf(args, model, rest))}
        for threads in args.threads:
            runs = measure(sides, threads, args.pairs)
            roof = read_gb_per_second(threads)
            for key in METRICS:
                print(row(rest, threads, key, runs, shape, roof), flush=True)
                missed |= args.require is not None and ratio(runs, key) < args.require
    return 1 if missed else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, help="default: a random one, made once")
    parser.add_argument("-p", "--prompt-tokens", type=int, default=512)
    parser.add_argument("-n", "--generated-tokens", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rest", nargs="+", choices=PACKING, default=list(PACKING),
                        help="how both hold what is not an expert")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, os.cpu_count()])
    parser.add_argument("--preset", default="20b-4-layers", help="of make_checkpoint.py")
    parser.add_argument("--vocab", type=int, default=8192, help="a small one, so that layers count")
    parser.add_argument("--source", type=Path, help="llama.cpp's source, to convert the checkpoint")
    parser.add_argument("--llama-bench", default=shutil.which("llama-bench"), help="default: on PATH")
    parser.add_argument("--python", default=sys.executable, help="one that can run llama.cpp's converter")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/gptoss-tui")
    parser.add_argument("--require", type=float, help="exit 1 when a ratio is below this")
    return parser.parse_args()


def packed(args, model, rest):
    """The checkpoint in our layout of this packing."""
    if PACKING[rest] is None:
        return model
    path = model.with_name(f"{model.name}-{rest}")
    if not (path / "config.json").is_file():
        convert = [args.binary, "convert", model, path, "--quantize", PACKING[rest]]
        subprocess.run(convert, check=True, stdout=sys.stderr)
    return path


def gguf(args, model, rest):
    """The same for llama.cpp: experts stay MXFP4, the rest becomes `rest`."""
    path = model.with_name(f"{model.name}-{rest}.gguf")
    if not path.is_file():
        if not args.source:
            raise SystemExit(f"{path} is missing: name llama.cpp's source with --source")
        part = path.with_suffix(".part")
        convert = [args.python, HERE / "to_gguf.py", args.source, model, "--outfile", part, "--outtype", rest]
        subprocess.run(convert, check=True, stdout=sys.stderr)
        part.rename(path)
    return path


def pinned(threads, command):
    """On Linux one thread stays on one core, for both sides."""
    return ["taskset", "-c", "0", *command] if LINUX and threads == 1 else command


class Ours:
    def __init__(self, args, model):
        self.command = [args.binary, "bench", model, "-r", "1", "--json", "-p", args.prompt_tokens,
                        "-n", args.generated_tokens]

    def measure(self, threads):
        return run(pinned(threads, [*self.command, "--threads", threads]),
                   {"OPENBLAS_NUM_THREADS": str(threads)})


class Llama:
    def __init__(self, args, model):
        self.command = [args.llama_bench, "-m", model, "-p", args.prompt_tokens, "-n",
                        args.generated_tokens, "-r", "1", "-o", "json"]

    def measure(self, threads):
        command = [str(part) for part in pinned(threads, [*self.command, "-t", threads])]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
        prefill, decode = json.loads(done.stdout)
        return {"prefill_tps": prefill["avg_ts"], "decode_tps": decode["avg_ts"]}


def measure(sides, threads, pairs):
    runs = {side: [] for side in sides}
    for pair in range(pairs):
        # A B, B A, A B, …: a machine that slows down or speeds up does so for both.
        for side in sorted(sides, reverse=pair % 2 == 1):
            runs[side].append(sides[side].measure(threads))
            shown = ", ".join(f"{name} {runs[side][-1][key]:.2f}" for key, name in METRICS.items())
            print(f"{threads} thread(s), pair {pair + 1}/{pairs} {side}: {shown}", file=sys.stderr)
    return runs


def column(runs, side, key):
    return [result[key] for result in runs[side]]


def ratio(runs, key):
    return median(column(runs, "ours", key)) / median(column(runs, "peer", key))


def row(rest, threads, key, runs, shape, roof):
    ours, peer = column(runs, "ours", key), column(runs, "peer", key)
    pairs = [a / b for a, b in zip(ours, peer)]
    share = ""
    if key == "decode_tps":
        shares = [median(values) * gb_per_token(shape, bits) / roof
                  for values, bits in zip((ours, peer), REST_BITS[rest])]
        share = f"{shares[0]:.2f} / {shares[1]:.2f} of {roof:.1f} GB/s"
    return (f"| {rest} | {threads} | {METRICS[key]} | {spread(ours)} | {spread(peer)} "
            f"| **{ratio(runs, key):.2f}** ({min(pairs):.2f}–{max(pairs):.2f}) | {share} |")


def gb_per_token(shape, rest_bits):
    """Weights that one token reads: attention, the chosen experts, the unembedding."""
    hidden, heads = shape["hidden_size"], shape["num_attention_heads"]
    query_rows = heads * shape["head_dim"]
    qkv_rows = query_rows + 2 * shape["num_key_value_heads"] * shape["head_dim"]
    attention = hidden * (qkv_rows + query_rows + shape["num_local_experts"])
    experts = shape["num_experts_per_tok"] * 3 * hidden * shape["intermediate_size"]
    layers = shape["num_hidden_layers"]
    rest = layers * attention + shape["vocab_size"] * hidden
    return (rest * rest_bits + layers * experts * EXPERT_BITS) / 8 / 1e9


if __name__ == "__main__":
    sys.exit(main())
