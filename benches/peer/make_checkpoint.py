#!/usr/bin/env python3
"""Writes a gpt-oss checkpoint with seeded random weights, in the Hugging Face layout.

The numbers mean nothing; the shapes, the dtypes and the work a token costs are those of a real
model. Needs numpy only:

    make_checkpoint.py OUT                          # 8 layers, hidden 1024, 32 experts
    make_checkpoint.py OUT --preset 20b-4-layers    # the 20b's shapes, 4 of its 24 layers
    make_checkpoint.py OUT --layers 2 --experts 8   # anything else
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np

PRESETS = {
    "small": dict(layers=8, hidden=1024, intermediate=1024, experts=32, experts_per_token=4,
                  heads=16, kv_heads=4, head_dim=64, vocab=32768),
    "20b-4-layers": dict(layers=4, hidden=2880, intermediate=2880, experts=32,
                         experts_per_token=4, heads=64, kv_heads=8, head_dim=64, vocab=201088),
}
# An e8m0 byte b stands for 2^(b - 127). FP4 values have a root mean square of 2.9, so blocks
# scaled by about 2^-7 keep a product over a thousand inputs near the size of its input.
SCALE_BYTES = (119, 122)
BLOCK = 32


def main():
    args = parse_arguments()
    shape = {key: getattr(args, key) for key in PRESETS["small"]}
    check(shape)
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "config.json", config(shape))
    write_json(args.out / "generation_config.json", {"eos_token_id": [2], "pad_token_id": 1})
    size = write_safetensors(args.out / "model.safetensors", tensors(shape), args.seed)
    print(f"{args.out}: {size / 1e9:.2f} GB, seed {args.seed}, {shape}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--seed", type=int, default=0)
    for key in PRESETS["small"]:
        parser.add_argument("--" + key.replace("_", "-"), type=int, help="in place of the preset's")
    args = parser.parse_args()
    for key, value in PRESETS[args.preset].items():
        if getattr(args, key) is None:
            setattr(args, key, value)
    return args


def check(shape):
    for key in ("hidden", "intermediate"):
        if shape[key] % BLOCK:
            raise SystemExit(f"--{key} has to be a multiple of {BLOCK}, the size of an MXFP4 block")
    if shape["heads"] % shape["kv_heads"]:
        raise SystemExit("--heads has to be a multiple of --kv-heads")
    if shape["experts_per_token"] > shape["experts"]:
        raise SystemExit("--experts-per-token is larger than --experts")


def config(shape):
    kinds = ["sliding_attention", "full_attention"]
    return {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "attention_bias": True,
        "eos_token_id": 2,
        "pad_token_id": 1,
        "experts_per_token": shape["experts_per_token"],
        "num_experts_per_tok": shape["experts_per_token"],
        "num_local_experts": shape["experts"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["kv_heads"],
        "head_dim": shape["head_dim"],
        "hidden_act": "silu",
        "hidden_size": shape["hidden"],
        "intermediate_size": shape["intermediate"],
        "vocab_size": shape["vocab"],
        "layer_types": [kinds[i % 2] for i in range(shape["layers"])],
        "sliding_window": 128,
        "initial_context_length": 4096,
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5,
        "rope_theta": 150000,
        "rope_scaling": {
            "rope_type": "yarn",
            "factor": 32.0,
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "original_max_position_embeddings": 4096,
            "truncate": False,
        },
        "swiglu_limit": 7.0,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "quantization_config": {
            "quant_method": "mxfp4",
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
        },
    }


def tensors(shape):
    """Yields (name, dtype, shape, how to fill it) in the order of the file."""
    hidden, inner, experts = shape["hidden"], shape["intermediate"], shape["experts"]
    q_width = shape["heads"] * shape["head_dim"]
    kv_width = shape["kv_heads"] * shape["head_dim"]

    def linear(name, rows, columns):
        yield f"{name}.weight", "BF16", (rows, columns), normal(columns**-0.5)
        yield f"{name}.bias", "BF16", (rows,), normal(0.02)

    def expert_linear(name, rows, columns):
        groups = columns // BLOCK
        yield f"{name}_blocks", "U8", (experts, rows, groups, BLOCK // 2), integers(0, 256)
        yield f"{name}_scales", "U8", (experts, rows, groups), integers(*SCALE_BYTES)
        yield f"{name}_bias", "BF16", (experts, rows), normal(0.02)

    yield "model.embed_tokens.weight", "BF16", (shape["vocab"], hidden), normal(1.0)
    for i in range(shape["layers"]):
        layer = f"model.layers.{i}"
        yield f"{layer}.input_layernorm.weight", "BF16", (hidden,), normal(0.1, around=1.0)
        yield from linear(f"{layer}.self_attn.q_proj", q_width, hidden)
        yield from linear(f"{layer}.self_attn.k_proj", kv_width, hidden)
        yield from linear(f"{layer}.self_attn.v_proj", kv_width, hidden)
        yield from linear(f"{layer}.self_attn.o_proj", hidden, q_width)
        yield f"{layer}.self_attn.sinks", "BF16", (shape["heads"],), normal(1.0)
        yield f"{layer}.post_attention_layernorm.weight", "BF16", (hidden,), normal(0.1, around=1.0)
        yield from linear(f"{layer}.mlp.router", experts, hidden)
        yield from expert_linear(f"{layer}.mlp.experts.gate_up_proj", 2 * inner, hidden)
        yield from expert_linear(f"{layer}.mlp.experts.down_proj", hidden, inner)
    yield "model.norm.weight", "BF16", (hidden,), normal(0.1, around=1.0)
    yield "lm_head.weight", "BF16", (shape["vocab"], hidden), normal(hidden**-0.5)


def normal(deviation, around=0.0):
    def fill(random, count):
        values = random.standard_normal(count, dtype=np.float32) * np.float32(deviation)
        return to_bfloat16(values + np.float32(around))

    return fill


def integers(low, high):
    return lambda random, count: random.integers(low, high, count, dtype=np.uint8)


def to_bfloat16(values):
    """The upper halves of f32 numbers, rounded to the nearest, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def write_safetensors(path, entries, seed):
    """Writes the header, then one tensor after the other, so that memory stays small."""
    entries = list(entries)
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape, _ in entries:
        size = int(np.prod(shape)) * {"U8": 1, "BF16": 2}[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, shape, fill in entries:
            left = int(np.prod(shape))
            while left:
                count = min(left, 1 << 24)
                file.write(fill(random, count).tobytes())
                left -= count
    return offset


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main()
