#!/usr/bin/env python3
"""mlx-lm on the full gpt-oss shapes, with random weights made on the device.

No file is read: the model is built layer by layer, its experts quantised to MXFP4, the rest bf16.
Prints one JSON object a case, with the keys of `gptoss-tui bench --json`. Each case runs
`--repetitions` times and the last counts, since the first compiles kernels.
"""

import argparse
import json
import time

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.gpt_oss import Model, ModelArgs

from peer import measure

YARN = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "original_max_position_embeddings": 4096,
    "truncate": False,
}
# ModelArgs' own defaults are the 120b's.
SHAPES = {
    "gpt-oss-20b": dict(num_hidden_layers=24, num_local_experts=32),
    "gpt-oss-120b": dict(num_hidden_layers=36, num_local_experts=128),
    "tiny": dict(num_hidden_layers=2, num_local_experts=8, hidden_size=128, intermediate_size=128,
                 num_attention_heads=4, num_key_value_heads=2, vocab_size=1024),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="gpt-oss-20b")
    parser.add_argument("-p", "--prompt-tokens", default="512,4096", help="one case each")
    parser.add_argument("-n", "--generated-tokens", type=int, default=256)
    parser.add_argument("-r", "--repetitions", type=int, default=2)
    args = parser.parse_args()

    started = time.perf_counter()
    model = random_model(ModelArgs(rope_scaling=YARN, **SHAPES[args.shape]))
    load_seconds = time.perf_counter() - started
    for prompt_tokens in map(int, args.prompt_tokens.split(",")):
        for repetition in range(args.repetitions):
            mx.clear_cache()
            mx.reset_peak_memory()
            result = measure(model, model.args.vocab_size, prompt_tokens, args.generated_tokens)
        result |= {"load_seconds": load_seconds, "peak_memory_bytes": mx.get_peak_memory(),
                   "synthetic": True}
        print(json.dumps(result), flush=True)


def random_model(model_args):
    mx.random.seed(0)
    # Arrays are lazy: the f32 numbers that the constructors ask for exist one module at a time.
    model = Model(model_args)
    nn.quantize(model, group_size=32, bits=4, mode="mxfp4",
                class_predicate=lambda path, module: ".experts." in path
                and hasattr(module, "to_quantized"))
    model.set_dtype(mx.bfloat16)
    for layer in model.layers:
        for part in (layer.mlp.experts.gate_proj, layer.mlp.experts.up_proj,
                     layer.mlp.experts.down_proj, layer):
            mx.eval(part.parameters())
            mx.clear_cache()
    mx.eval(model.parameters())
    return model


if __name__ == "__main__":
    main()
