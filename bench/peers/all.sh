#!/bin/bash
# The tables of docs/BENCHMARKS.md but for training's and generation's (bench/peers/train.py, generate.py) and the summary at its head, measured here and now: half an hour, and
# as much again for each of PyTorch's compilations when it is among the peers. Nothing else should run on the machine.
# Exit status 1 when a table is missing or outputs differ.
#   [PEERS=onnxruntime,openvino,...] bench/peers/all.sh [OUTPUT.md] [ROUNDS]
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build/BENCHMARKS.md}
rounds=${2:-3}
data=${ARCFACE_DATA:-../shared/data}
new=$(mktemp)
failed=0
trap 'rm -f "$new"' EXIT
cat >"$new" <<'TEXT'
# Benchmarks

arcface beside its rivals: the same ONNX file, the same input, each engine in a process of its own, in turn, outputs compared. Made by
`bench/peers/all.sh`; a single table by the command under its heading. Times are of a batch; ratios within a table hold from machine to machine,
absolute times don't. ncnn has no batches: its images run one after the other.

TEXT
peers=${PEERS:-onnxruntime,openvino,ncnn,mnn}
disagrees() {
    echo "$1: no table, or outputs that differ" >&2
    failed=1
}
# run [--peers LIST] ARGUMENT...: one table
run() {
    bench/peers/run.py --rounds "$rounds" --seconds 2 --peers "$peers" --append "$new" "$@" || disagrees "bench/peers/run.py $*"
}
for net in r100 r50 r18 mbf; do
    for batch in 1 8; do
        run --zoo $net --batch $batch
    done
done
if [ -e "$data/models" ]; then
    bench/peers/pipeline.py --rounds "$rounds" --append "$new" || disagrees bench/peers/pipeline.py
    run --model "$data/models/detection/scrfd_2.5g_bnkps.onnx"
    run --model "$data/models/detection/yunet_s_640_640.onnx" --peers onnxruntime,openvino,opencv
    run --model "$data/models/detection/retinaface_mnet025_640.onnx"
fi
run --zoo scrfd_10g
for net in vit_s edgeface_xs; do
    for batch in 1 8; do
        run --zoo $net --batch $batch --peers onnxruntime,openvino
    done
done
for net in r100 mbf; do
    run --zoo $net --threads 1
done
run --zoo r100 --precision fp16
for batch in 1 8; do
    run --zoo r100 --precision bf16 --batch $batch --peers openvino,ncnn
done
run --zoo r50 --batch 32
# 8 bits: one QDQ file for all. MNN's converter aborts on it; ncnn has a format of its own.
if [ -e "$data/lfw" ]; then
    quantized=build/bench/r100q.onnx
    build/arcface quantize build/bench/r100.onnx --calib "$data/lfw/pairs-aligned-112" --count 60 -o "$quantized" -q
    for batch in 1 8; do
        run --model "$quantized" --precision int8 --batch $batch --peers onnxruntime,openvino
    done
    run --model "$quantized" --precision int8 --threads 1 --peers onnxruntime,openvino
fi
cat "$new" >"$out"
exit $failed
