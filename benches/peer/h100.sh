#!/usr/bin/env bash
# Compares gptoss-tui with mlx-lm on a machine with an NVIDIA GPU, without network or Rust.
#
#   h100.sh KIT [SHAPE] [PROMPTS] [GENERATED] [PAIRS]     default: gpt-oss-20b 512,4096 256 5
#
# README.md beside this file says what KIT holds and how to fill it. All weights are random.
set -euo pipefail

kit=$(cd "${1:?usage: h100.sh KIT [SHAPE] [PROMPTS] [GENERATED] [PAIRS]}" && pwd)
shape=${2:-gpt-oss-20b}
prompts=${3:-512,4096}
generated=${4:-256}
pairs=${5:-5}
here=$(cd "$(dirname "$0")" && pwd)
site=$kit/site
results=${RESULTS:-$kit/results}
mkdir -p "$site" "$results"

# A wheel is a zip archive; both mlx wheels fill the same folder, which pip --target would refuse.
for wheel in "$kit"/wheels/*.whl; do
  if [ -e "$wheel" ]; then python3 -m zipfile -e "$wheel" "$site"; fi
done
# libmlx.so looks for NVIDIA's libraries in ../../nvidia, as pip lays them out.
if [ ! -e "$site/nvidia" ]; then
  nvidia=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])')
  ln -s "$nvidia" "$site/nvidia"
fi
export LD_LIBRARY_PATH=$site/mlx/lib:$kit/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH}

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
python3 -c 'import mlx.core as mx; print("mlx", mx.__version__, mx.default_device())'
chmod +x "$kit/bin/gptoss-tui"

peer() {
  python3 "$here/peer_random.py" --shape "$shape" -p "$prompts" -n "$generated" -r 2 \
    >>"$results/mlx-lm.jsonl"
}
ours() {
  "$kit/bin/gptoss-tui" bench --random "$shape" -p "$prompts" -n "$generated" -r 2 --json \
    >>"$results/gptoss-tui.jsonl"
}
rm -f "$results/mlx-lm.jsonl" "$results/gptoss-tui.jsonl"
for pair in $(seq "$pairs"); do
  # Taking turns in going first. A table after every pair: such a machine can be taken away.
  if ((pair % 2)); then peer && ours; else ours && peer; fi
  echo "after $pair of $pairs pairs, ${SECONDS} s:"
  python3 "$here/table.py" "$results/gptoss-tui.jsonl" "$results/mlx-lm.jsonl"
done
