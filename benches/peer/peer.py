#!/usr/bin/env python3
"""One timed case of the peer, mlx-lm, on a checkpoint: prints one JSON object.

`run.py` starts it with the Python of its own virtual environment. The keys are those of
`gptoss-tui bench --json`, and mean the same:

- prefill_tps: prompt tokens / seconds from the start to the first new token
- decode_tps: new tokens after the first / seconds they took
"""

import argparse
import ctypes
import json
import time
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("-p", "--prompt-tokens", type=int, default=512)
    parser.add_argument("-n", "--generated-tokens", type=int, default=128)
    parser.add_argument("-d", "--context-tokens", type=int, default=0)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    args = parser.parse_args()

    started = time.perf_counter()
    model, config = load_model(args.model)
    # Experts stay MXFP4: set_dtype touches floating-point arrays only.
    model.set_dtype(getattr(mx, args.dtype))
    mx.eval(model.parameters())
    load_seconds = time.perf_counter() - started
    check_dtypes(model, getattr(mx, args.dtype))

    measure(model, config["vocab_size"], prompt_tokens=16, generated_tokens=4)
    mx.reset_peak_memory()
    result = measure(model, config["vocab_size"], args.prompt_tokens, args.generated_tokens,
                     args.context_tokens)
    result |= {
        "load_seconds": load_seconds,
        "peak_memory_bytes": mx.get_peak_memory(),
        "blas": blas_in_use(),
    }
    print(json.dumps(result))


def check_dtypes(model, wanted):
    for name, array in tree_flatten(model.parameters()):
        if array.dtype not in (wanted, mx.uint32, mx.uint8):
            raise SystemExit(f"{name} is {array.dtype}, not {wanted}")


def measure(model, vocab_size, prompt_tokens, generated_tokens, context_tokens=0):
    """Prefill and decode over random tokens, greedy, without looking for an end token."""
    mx.random.seed(0)
    cache = make_prompt_cache(model)
    if context_tokens:
        fill = mx.random.randint(0, vocab_size, (context_tokens,))
        next(generate_step(fill, model, max_tokens=1, prompt_cache=cache))
    prompt = mx.random.randint(0, vocab_size, (prompt_tokens,))
    mx.eval(prompt)
    mx.synchronize()

    started = time.perf_counter()
    first = None
    for _token, _logprobs in generate_step(
        prompt, model, max_tokens=generated_tokens, prompt_cache=cache
    ):
        if first is None:
            first = time.perf_counter()
    ended = time.perf_counter()
    return {
        "prompt_tokens": prompt_tokens,
        "generated_tokens": generated_tokens,
        "context_tokens": context_tokens,
        "prefill_tps": prompt_tokens / (first - started),
        "decode_tps": (generated_tokens - 1) / (ended - first) if generated_tokens > 1 else None,
    }


def blas_in_use():
    """The file whose cblas_sgemm a library loaded later is bound to, if any is loaded first."""

    class Info(ctypes.Structure):
        _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p),
                    ("name", ctypes.c_char_p), ("address", ctypes.c_void_p)]

    program = ctypes.CDLL(None)
    try:
        function = ctypes.cast(program.cblas_sgemm, ctypes.c_void_p)
        info = Info()
        if program.dladdr(function, ctypes.byref(info)) and info.file:
            return Path(info.file.decode()).name
    except AttributeError:
        pass
    return "bundled with mlx"


if __name__ == "__main__":
    main()
