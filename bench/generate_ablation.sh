#!/bin/bash
# The picture of docs/GENERATION.md: six people of LFW by MobileFaceNet y1, without statistics, with measured ones and with its own,
# everything else alike. Ten minutes of one core.
#   bench/generate_ablation.sh ARCFACE OUT [PYTHON]     PYTHON: one with Pillow; data: $ARCFACE_DATA
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$(realpath "${ARCFACE_DATA:-$here/../../shared/data}")
arcface=$(realpath "$1") python=${3:-python3}
mkdir -p "$2"
cd "$2"
model=$data/models/recognition/mobilefacenet-y1-mxnet/model-symbol.json
judge=$data/models/recognition/w600k_mbf_dequantised_fp32.onnx

mkdir -p people crops
for person in Carla_Del_Ponte David_Beckham Fujio_Cho Jose_Serra Shimon_Peres Tommy_Thompson; do
    cp -r "$data/lfw/pairs-aligned-112/$person" people/
done
"$arcface" align "$data/celeba-224" --detector "$data/models/detection/scrfd_2.5g_bnkps.onnx" -q -o celeba >/dev/null || [ $? -eq 3 ] # some hold no face
find celeba -type f | sort | awk 'NR % 9 == 1' | head -320 | while read -r crop; do
    cp "$crop" "crops/${crop//\//_}"
done

generate() { # FOLDER OPTION...
    local folder=$1
    shift
    "$arcface" generate --aligned --identity people -m "$model" --judge "$judge" "$@" -q -o "$folder"
}
generate off --bn-weight 0
generate measured --statistics-from crops
generate own
"$python" "$here/generated_sheet.py" ablation.jpg --columns 6 --quality 90 "without statistics=off" \
    "statistics measured on 320 crops of CelebA=measured" "the network's own statistics=own"
