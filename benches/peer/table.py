#!/usr/bin/env python3
"""Prints two result files (JSON lines of `bench --json`) side by side: table.py OURS PEER."""

import json
import sys
from pathlib import Path


def main():
    ours, peer = (read(path) for path in sys.argv[1:3])
    print("| prompt + new | prefill: gptoss-tui | mlx-lm | ratio | decode: gptoss-tui | mlx-lm | ratio "
          "| peak, GB: gptoss-tui | mlx-lm |")
    print("|---" * 9 + "|")
    for case in peer:
        if case not in ours:
            raise SystemExit(f"{sys.argv[1]} has no case with prompt, context, new = {case}")
        a, b = ours[case], peer[case]
        cells = [f"{case[0]} + {case[2]}" + (f" at {case[1]}" if case[1] else "")]
        for key in ("prefill_tps", "decode_tps"):
            cells += [f"{a[key]:.1f}", f"{b[key]:.1f}", f"{a[key] / b[key]:.2f}"]
        cells += [f"{side['peak_memory_bytes'] / 1e9:.2f}" for side in (a, b)]
        print("| " + " | ".join(cells) + " |")


def read(path):
    """The last object of each case."""
    objects = [json.loads(line) for line in Path(path).read_text().splitlines() if line[:1] == "{"]
    keys = ("prompt_tokens", "context_tokens", "generated_tokens")
    return {tuple(entry[key] for key in keys): entry for entry in objects}


if __name__ == "__main__":
    main()
