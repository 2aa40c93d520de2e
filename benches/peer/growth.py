#!/usr/bin/env python3
"""Prints what gptoss-tui's speed does as context, prompt, experts and layers grow, on random weights.

    growth.py                       # the 20b's layers, 4 unless they grow, vocabulary 8192
    growth.py --only context

Needs numpy, as make_checkpoint.py does; the environment that run.py makes has it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import make_checkpoint
from run import ROOT

# What grows: changes of the shape, then arguments of `bench`.
CASES = {
    "context": [({}, ["-d", "0,4096", "-p", "32", "-n", "32"])],
    "prompt": [({}, ["-p", "1,32,128,512,2048", "-n", "1"])],
    "experts": [({"experts": n}, ["-p", "512", "-n", "32"]) for n in (8, 32, 64)],
    "layers": [({"layers": n}, ["-p", "512", "-n", "32"]) for n in (2, 4, 8)],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("-r", "--repetitions", type=int, default=3)
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/gptoss-tui")
    args = parser.parse_args()
    shape = make_checkpoint.PRESETS["20b-4-layers"] | {"layers": args.layers, "vocab": args.vocab}
    print("| layers | experts | context | prompt | prefill tok/s (range) | decode tok/s (range) | peak GB |")
    print("|---" * 7 + "|")
    for name in args.only:
        for change, case in CASES[name]:
            for result in bench(args, shape | change, case):
                print(row(shape | change, result), flush=True)


def bench(args, shape, case):
    """The objects that `bench --json` prints, one a case."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        make_checkpoint.write_json(config, make_checkpoint.config(shape))
        command = [args.binary, "bench", "--random", config, "--json", "-r", args.repetitions, *case]
        if args.threads:
            command += ["--threads", args.threads]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def row(shape, result):
    speeds = []
    for key in ("prefill_tps", "decode_tps"):
        low, high = result[f"{key}_min"], result[f"{key}_max"]
        speeds.append(f"{result[key]:.1f} ({low:.1f}–{high:.1f})" if result[key] else "–")
    return (f"| {shape['layers']} | {shape['experts']} | {result['context_tokens']} | {result['prompt_tokens']} "
            f"| {speeds[0]} | {speeds[1]} | {result['peak_memory_bytes'] / 1e9:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
