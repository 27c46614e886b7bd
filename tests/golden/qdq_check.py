#!/usr/bin/env python3
"""Embeddings of a QDQ file by us and by ONNX Runtime, beside ONNX Runtime's own two ways of running that file.

usage: qdq_check.py ARCFACE MODEL.onnx CROPS_FOLDER

"as written": every DequantizeLinear, layer and QuantizeLinear in float32, no optimisation. "optimised": ONNX Runtime's 8-bit kernels. Where a value
lies within float32's rounding of the border between two codes, they take different ones, and later layers multiply that: what two correct
engines can agree to depends on the network. So we are to be as near to the file as written as ONNX Runtime's own kernels are, or within 0.999.
Exit status: 0 agrees, 1 differs, 77 a package is missing.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import cv2
    import numpy as np
    import onnx
    import onnxruntime as ort
except ImportError as missing:
    print(f"skipped: python has no {missing.name}")
    sys.exit(77)

NEARLY = 0.001  # of difference between two means over a few crops


def session(model, level):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    options.graph_optimization_level = level
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def inputs(model, paths):
    """The crops as the file's contract asks for them."""
    meta = {p.key: p.value for p in onnx.load(model, load_external_data=False).metadata_props}
    mean, scale = (np.array([float(x) for x in meta[f"arcface.{k}"].split(",")], np.float32) for k in ("mean", "scale"))
    for path in paths:
        image = cv2.imread(str(path)).astype(np.float32)
        image = image if meta["arcface.color"] == "bgr" else image[:, :, ::-1]
        yield ((image - mean) * scale).transpose(2, 0, 1)[None].astype(np.float32)


def ours(arcface, model, paths):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "e.npy"
        subprocess.run([arcface, "embed", *map(str, paths), "--aligned", "--model", model, "-q", "-o", out], check=True)
        names = [line.split("\t")[0] for line in out.with_suffix(".txt").read_text().splitlines()]
        rows = np.load(out)
    return [rows[names.index(str(path))] for path in paths]


def cosine(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def main():
    arcface, model, folder = sys.argv[1:]
    paths = sorted(Path(folder).glob("*.jpg"))[:32]
    written = session(model, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    optimised = session(model, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)
    name = written.get_inputs()[0].name
    images = list(inputs(model, paths))
    as_written = [written.run(None, {name: x})[0] for x in images]
    by_kernels = [optimised.run(None, {name: x})[0] for x in images]
    mine = ours(arcface, model, paths)
    mean = {}
    for what, a, b in (("ONNX Runtime optimised, to as written", by_kernels, as_written),
                       ("ours, to as written", mine, as_written), ("ours, to optimised", mine, by_kernels)):
        cosines = [cosine(x, y) for x, y in zip(a, b)]
        mean[what] = float(np.mean(cosines))
        print(f"{what}: cosine {mean[what]:.5f} in the mean, {min(cosines):.5f} at least, {len(paths)} crops")
    own, theirs = mean["ours, to as written"], mean["ONNX Runtime optimised, to as written"]
    good = own >= min(0.999, theirs - NEARLY)
    print("agrees" if good else "DIFFERS")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
