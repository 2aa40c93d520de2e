#!/usr/bin/env python3
"""Prints two result files (JSON lines of `bench --json`) side by side: table.py OURS PEER.

The n-th line of a case in one file and the n-th in the other are a pair; medians are printed, and the range.
"""

import json
import sys
from pathlib import Path
from statistics import median


def main():
    ours, peer = (read(path) for path in sys.argv[1:3])
    print("| prompt + new | pairs | prefill tok/s: gptoss-tui | mlx-lm | ratio "
          "| decode tok/s: gptoss-tui | mlx-lm | ratio | peak, GB: gptoss-tui | mlx-lm |")
    print("|---" * 10 + "|")
    for case in peer:
        if case not in ours:
            raise SystemExit(f"{sys.argv[1]} has no case with prompt, context, new = {case}")
        pairs = list(zip(ours[case], peer[case]))
        cells = [f"{case[0]} + {case[2]}" + (f" at {case[1]}" if case[1] else ""), str(len(pairs))]
        for key, digits in (("prefill_tps", 0), ("decode_tps", 0)):
            cells += [spread([a[key] for a, _ in pairs], digits),
                      spread([b[key] for _, b in pairs], digits),
                      spread([a[key] / b[key] for a, b in pairs], 2)]
        for side in (0, 1):
            cells.append(f"{max(pair[side]['peak_memory_bytes'] for pair in pairs) / 1e9:.2f}")
        print("| " + " | ".join(cells) + " |")


def spread(values, digits):
    """The median, with the range where there are several."""
    text = f"{median(values):,.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
    return text


def read(path):
    """The objects of each case, in order."""
    objects = [json.loads(line) for line in Path(path).read_text().splitlines() if line[:1] == "{"]
    keys = ("prompt_tokens", "context_tokens", "generated_tokens")
    cases = {}
    for entry in objects:
        cases.setdefault(tuple(entry[key] for key in keys), []).append(entry)
    return cases


if __name__ == "__main__":
    main()
