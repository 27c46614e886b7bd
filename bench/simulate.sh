#!/bin/bash
# What devices' arithmetic does to three recognisers on LFW: the table of docs/DEPLOY.md. Calibrates on faces of celeba-224 that
# `align` cuts out. Some minutes on a quiet machine.
#   bench/simulate.sh [ARCFACE [DEVICE...]]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
arcface=${1:-$here/build/arcface}
shift $(($# > 0))
[ $# -gt 0 ] || set -- rvc2 rvc4-int8 rvc4-int16
data=${ARCFACE_DATA:-$here/../shared/data}
models=$data/models/recognition
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mapfile -t people < <(find "$data/celeba-224" -mindepth 1 -maxdepth 1 -type d | sort | head -40)
"$arcface" align "${people[@]}" -o "$work/crops" --detector "$data/models/detection/scrfd_2.5g_bnkps.onnx" -q >/dev/null
echo "| model | device | LFW accuracy | TAR at FAR 1e-3 | mean cosine | 1st percentile |"
echo "|---|---|---|---|---|---|"
for device in "$@"; do
    for model in mobilefacenet-y1-mxnet/model-symbol.json w600k_mbf_dequantised_fp32.onnx mobilefacenet_relu6_128d.onnx; do
        "$arcface" export "$models/$model" --simulate "$device" --calib "$work/crops" --images "$data/lfw/pairs-aligned-112" \
            --pairs "$data/lfw/pairs.txt" --json -q >"$work/found.json" || [ $? -eq 1 ] # 1: the gate says no
        python3 - "$model" "$work/found.json" <<'PYTHON'
import json, sys
found = json.load(open(sys.argv[2]))
percent = lambda pair: " -> ".join("%.3f" % (100 * x) for x in pair)
print("| %s | %s | %s | %s | %.5f | %.5f |" % (sys.argv[1].split("/")[0], found["device"], percent(found["accuracy"]),
      percent(found["tar"]), found["cosine"]["mean"], found["cosine"]["p1"]))
PYTHON
    done
done
