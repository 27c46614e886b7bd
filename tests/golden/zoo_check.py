#!/usr/bin/env python3
"""Runs a model file with ONNX Runtime and compares its outputs with ours.

usage: zoo_check.py MODEL.onnx INPUT.npy OUTPUT.npy [OUTPUT.npy ...]

INPUT is the network's input [n,3,h,w], one OUTPUT per graph output in order, as the engine gave it. Exit status: 0 agrees,
1 differs, 77 ONNX Runtime is not installed.
"""
import sys

try:
    import numpy as np
    import onnxruntime
except ImportError:
    print("skipped: python has no onnxruntime")
    sys.exit(77)


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    image = np.load(sys.argv[2])
    wanted = session.run(None, {session.get_inputs()[0].name: image})
    status = 0
    for name, want, path in zip([o.name for o in session.get_outputs()], wanted, sys.argv[3:]):
        got = np.load(path)
        if got.shape != want.shape:
            print(f"{name}: shape {got.shape}, ONNX Runtime gives {want.shape}")
            status = 1
            continue
        span = float(want.max() - want.min()) or 1.0
        worst = float(np.abs(got - want).max()) / span
        a, b = got.ravel().astype(np.float64), want.ravel().astype(np.float64)
        cosine = float(a @ b / np.sqrt((a @ a) * (b @ b)))
        good = np.isfinite(want).all() and worst <= 1e-4 and cosine >= 0.99999
        print(f"{name}: largest difference {worst:.2e} of the range, cosine {cosine:.8f}: {'agrees' if good else 'DIFFERS'}")
        status |= not good
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
