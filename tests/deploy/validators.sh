#!/bin/bash
# Exports through other toolchains: a virtual environment with what PyPI has of them, every form that `arcface export` writes, and each toolchain's
# cosine to ONNX Runtime on the model as it was, which is to be 1 - 1e-6 or more. A toolchain that is not there is skipped by name. The end of the output
# repeats what is below: MISSED where the toolchain misses it with the model itself too, FAILED (and status 1) where the export is to blame.
#   tests/deploy/validators.sh ARCFACE [MODEL...]       without models: the real ones of ../shared/data, else a new one
# Then the tests of examples/oak, with depthai there, over 1,000 real faces.
#   VENV=FOLDER: where the environment is or is made (default: build/validators)
set -uo pipefail
arcface=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
data=${ARCFACE_DATA:-$here/../../../shared/data}
venv=${VENV:-$here/../../build/validators}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv" || { echo "skipped: no venv in python3"; exit 77; }
fi
for package in numpy onnx onnxruntime openvino opencv-python-headless ncnn pnnx 'luxonis-ml[nn-archive]' depthai depthai-nodes modelconv torch thop ptflops; do
    "$venv/bin/pip" show -q "${package%[*}" >/dev/null 2>&1 || "$venv/bin/pip" install -q --disable-pip-version-check "$package" >/dev/null 2>&1 ||
        echo "not to be had: $package"
done
"$venv/bin/python" -c 'import numpy, onnxruntime' 2>/dev/null || { echo "skipped: no ONNX Runtime, the reference"; exit 77; }

if [ $# -eq 0 ] && [ -e "$data/models/recognition" ]; then
    set -- "$data"/models/recognition/w600k_mbf_dequantised_fp32.onnx "$data"/models/recognition/w600k_mbf_int8_dynamic.onnx \
        "$data"/models/recognition/mobilefacenet_relu6_128d.onnx "$data"/models/recognition/mobilefacenet-y1-mxnet/model-symbol.json
elif [ $# -eq 0 ]; then
    "$arcface" model new mbf -q -o "$work/new.onnx" || exit 1
    set -- "$work/new.onnx"
fi

failed=0
for model in "$@"; do
    # What the model is without any of this: the same graph under its own contract.
    "$arcface" convert "$model" -q -o "$work/own.onnx" && "$arcface" model info "$model" --json >"$work/own.json" || exit 1
    for form in "" "--l2" "--fp16" "--input uint8" "--batch 4" "--batch dynamic" "--raw"; do
        # shellcheck disable=SC2086
        "$arcface" export "$model" -q -o "$work/face.onnx" $form 2>"$work/refusal"
        status=$?
        if [ $status -ne 0 ]; then
            echo "$(basename "$model") $form: refused: $(cat "$work/refusal")"
            [ $status -eq 3 ] && grep -q "forbid a batch" "$work/refusal" || failed=1 # some networks take one picture a run
            continue
        fi
        "$venv/bin/python" "$here/validate.py" "$(basename "$model") $form" "$work/own.onnx" "$work/face.onnx" "$data" | tee -a "$work/told" || failed=1
    done
    "$arcface" export "$model" -q --target nnarchive -o "$work/face.tar.xz" && "$arcface" archive verify "$work/face.tar.xz" || failed=1
    "$venv/bin/python" "$here/validate_archive.py" "$work/face.tar.xz" || failed=1
done
# A conversion kit of the first model, from photos of ten people.
faces=$data/models/detection/scrfd_2.5g_bnkps.onnx
if [ -e "$faces" ] && [ -e "$data/celeba-224" ]; then
    "$arcface" export "$1" "$data"/celeba-224/072[01]* -q --target kit -o "$work/kit" --detector "$faces" --calibration-count 100 &&
        "$arcface" export check "$work/kit" || failed=1
    "$venv/bin/python" "$here/validate_kit.py" "$work/kit" >"$work/kit.told" 2>&1 || failed=1
    grep -E '^(kit:|[A-Za-z]*Error)' "$work/kit.told"
else
    echo "skipped: no detector or photos to make a conversion kit from"
fi
photos=("$data"/photos/insightface/{t1.jpg,Tom_Hanks_54745.png,mask_blue.jpg} "$data"/photos/pairs/couple.jpg)
for detector in "$data"/models/detection/{scrfd_2.5g_bnkps,det_500m,yunet_s_640_640,yunet_s_dynamic}.onnx; do
    [ -e "$detector" ] && [ -e "${photos[0]}" ] || { echo "skipped: $detector or ${photos[0]} is not here"; continue; }
    for size in "" "--size 320"; do
        # shellcheck disable=SC2086
        "$arcface" export "$detector" -q --target nnarchive -o "$work/detector.tar.xz" $size && "$arcface" archive verify "$work/detector.tar.xz" || failed=1
        "$venv/bin/python" "$here/validate_detector.py" "$work/detector.tar.xz" "$arcface" "$detector" "${photos[@]}" || failed=1
    done
done
"$venv/bin/python" "$here/flops.py" "$arcface"
[ $? -eq 1 ] && failed=1
library=$(dirname "$arcface")/libarcface.so
echo "OAK application:"
PYTHON=$(realpath -s "$venv")/bin/python OAK_FACES=${OAK_FACES:-1000} "$here/../../examples/oak/tests/run.sh" "$arcface" "$library" 2>&1 | tail -40
[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
touch "$work/told"
echo "cosine of 1 - 1e-6 or more: $(grep -cE ': (ONNX Runtime|OpenVINO|OpenCV|ncnn) [01]\.[0-9]{9}$' "$work/told") runs; below it:"
grep -E ': [A-Za-z ]+ (MISSED|FAILED) ' "$work/told" || echo none
exit $failed
