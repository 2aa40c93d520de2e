#!/usr/bin/env python3
"""Compares gptoss-tui with mlx-lm: same weights, same BLAS, same machine, interleaved.

    python3 benches/peer/run.py                     # makes what is missing, then measures
    python3 benches/peer/run.py MODEL -p 512 -n 128 # another checkpoint

README.md beside this file says what is measured and why it is fair. Needs a release build
(`cargo build --release`) and python3 with venv and pip; everything made lies in target/peer.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "peer"
LINUX = sys.platform.startswith("linux")
# mlx-lm 0.32.2 calls MLX in a way that MLX 0.32.2 does not know yet; 0.32.0 is the pair that runs.
REQUIREMENTS = ["mlx[cpu]==0.32.2" if LINUX else "mlx==0.32.2", "mlx-lm==0.32.0", "numpy"]
METRICS = {"prefill_tps": "prefill", "decode_tps": "decode"}


def main():
    args = parse_arguments()
    if args.pairs < 1:
        raise SystemExit("--pairs has to be at least 1")
    if not args.binary.is_file():
        raise SystemExit(f"{args.binary} is missing: run `cargo build --release` first")
    python = ensure_venv(args.venv)
    model = args.model or ensure_checkpoint(python, args.preset, args.vocab)
    environment, blas = blas_environment(args)

    ours = [args.binary, "bench", model, "-r", "1", "--json"]
    ours += ["--threads", str(args.threads)] if args.threads else []
    peer = [python, HERE / "peer.py", model, "--dtype", args.dtype]
    case = ["-p", str(args.prompt_tokens), "-n", str(args.generated_tokens),
            "-d", str(args.context_tokens)]
    runs = {"ours": [], "peer": []}
    for pair in range(args.pairs):
        # A B, B A, A B, …: a machine that slows down or speeds up does so for both.
        for side in ("ours", "peer") if pair % 2 == 0 else ("peer", "ours"):
            # Only the peer needs the BLAS from outside; our binary is linked to it.
            extra = environment | ({"LD_PRELOAD": str(blas)} if blas and side == "peer" else {})
            result = run((ours if side == "ours" else peer) + case, extra)
            check_result(result, side, args, blas)
            runs[side].append(result)
            shown = ", ".join(f"{name} {result[key]:.2f}" for key, name in METRICS.items())
            print(f"pair {pair + 1}/{args.pairs} {side}: {shown}", file=sys.stderr)
    report(runs, args, model, blas)
    return 0 if reached(runs, args.require) else 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, help="default: a random one, made once")
    parser.add_argument("-p", "--prompt-tokens", type=int, default=512)
    parser.add_argument("-n", "--generated-tokens", type=int, default=128)
    parser.add_argument("-d", "--context-tokens", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--preset", default="small", help="of make_checkpoint.py")
    parser.add_argument("--vocab", type=int, help="of a random checkpoint, in place of the preset's")
    parser.add_argument("--threads", type=int, help="of our kernels; default: all cores")
    parser.add_argument("--dtype", default="float32" if LINUX else "bfloat16",
                        help="the peer's activations (ours: f32 on the CPU, bf16 on GPUs)")
    parser.add_argument("--blas-threads", type=int, default=1, help="for both; see README.md")
    parser.add_argument("--blas", type=Path, default=ROOT / ".mlx/cpu/libgptoss_blas.so",
                        help="Linux: the library that our binary is linked to")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/gptoss-tui")
    parser.add_argument("--venv", type=Path, default=WORK / "venv")
    parser.add_argument("--require", type=float, help="exit 1 when a ratio is below this")
    return parser.parse_args()


def ensure_venv(path):
    python = path / "bin" / "python"
    marker = path / "requirements"
    wanted = "\n".join(REQUIREMENTS)
    if marker.is_file() and marker.read_text() == wanted:
        return python
    print(f"installing {', '.join(REQUIREMENTS)}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", path], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(pip + REQUIREMENTS, check=True)
    marker.write_text(wanted)
    return python


def ensure_checkpoint(python, preset, vocab=None):
    path = WORK / (f"checkpoint-{preset}" + (f"-{vocab}" if vocab else ""))
    done = path / "complete"
    if not done.is_file():
        make = [python, HERE / "make_checkpoint.py", path, "--preset", preset]
        make += ["--vocab", str(vocab)] if vocab else []
        subprocess.run(make, check=True, stdout=sys.stderr)
        done.touch()
    return path


def blas_environment(args):
    """What both sides get, and the library to load into the peer first."""
    environment = {"OPENBLAS_NUM_THREADS": str(args.blas_threads)}
    if not LINUX:
        return environment, None
    if not args.blas.is_file():
        raise SystemExit(f"{args.blas} is missing: run `cargo xtask setup --backend cpu` first")
    return environment, args.blas.resolve()


def run(command, extra):
    command = [str(part) for part in command]
    done = subprocess.run(command, env=os.environ | extra, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    objects = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if len(objects) != 1:
        raise SystemExit(f"{command[0]} printed {len(objects)} JSON objects, one was expected")
    return json.loads(objects[0])


def check_result(result, side, args, blas):
    """A wrong case or a BLAS that was not taken would make the ratio meaningless."""
    for key in ("prompt_tokens", "generated_tokens", "context_tokens"):
        if result[key] != getattr(args, key):
            raise SystemExit(f"{side} measured {key} {result[key]}, not {getattr(args, key)}")
    if side == "peer" and blas and result["blas"] != blas.name:
        raise SystemExit(f"the peer runs on the BLAS {result['blas']}, not on {blas.name}")


def column(runs, side, key):
    return [result[key] for result in runs[side]]


def ratio(runs, key):
    return statistics.median(column(runs, "ours", key)) / statistics.median(column(runs, "peer", key))


def reached(runs, least):
    return least is None or all(ratio(runs, key) >= least for key in METRICS)


def report(runs, args, model, blas):
    print(f"\n{model}")
    print(f"prompt {args.prompt_tokens}, generated {args.generated_tokens}, context "
          f"{args.context_tokens}; {args.pairs} interleaved pairs; mlx-lm 0.32.0 in {args.dtype}; "
          f"BLAS {blas.name if blas else 'of the system'}, {args.blas_threads} thread(s)\n")
    print("| tokens/s | gptoss-tui: median (range) | mlx-lm: median (range) | ratio (pairs) |")
    print("|---|---|---|---|")
    for key, name in METRICS.items():
        ours, peer = column(runs, "ours", key), column(runs, "peer", key)
        pairs = [a / b for a, b in zip(ours, peer)]
        print(f"| {name} | {spread(ours)} | {spread(peer)} "
              f"| **{ratio(runs, key):.2f}** ({min(pairs):.2f}–{max(pairs):.2f}) |")
    for key, unit, name in (("load_seconds", 1, "load, s"), ("peak_memory_bytes", 1e6, "peak, MB")):
        ours, peer = ([value / unit for value in column(runs, side, key)] for side in ("ours", "peer"))
        print(f"| {name} | {spread(ours)} | {spread(peer)} | |")


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
