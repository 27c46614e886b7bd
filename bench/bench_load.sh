#!/bin/bash
# Loading r100 (261 MB): time with a warm file cache and peak memory, against the limits of 1 s and 1.35 x its size + 64 MB.
#   bench/bench_load.sh [BUILD DIR] [MODEL.onnx]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
model=${2:-$build/bench/r100.onnx}
mkdir -p "$(dirname "$model")"
[ -e "$model" ] || "$build/arcface" model new r100 --seed 1 -o "$model"
cat "$model" >/dev/null
for round in 1 2 3; do
    "$build/bench/bench_net" "$model" 1 2 0
done | awk -v bytes="$(stat -c %s "$model")" '
    { match($0, /"load_ms": [0-9.]+/); ms = substr($0, RSTART + 11, RLENGTH - 11)
      match($0, /"load_peak_kib": [0-9]+/); kib = substr($0, RSTART + 17, RLENGTH - 17)
      if (NR == 1 || ms < best) best = ms
      if (kib > peak) peak = kib }
    END {
      if (NR != 3) exit 1
      limit = 1.35 * bytes / 1048576 + 64
      printf "load %.0f ms, peak %.0f MiB of %.0f MiB allowed (file %.0f MiB)\n", best, peak / 1024, limit, bytes / 1048576
      exit !(best < 1000 && peak / 1024 < limit)
    }'
