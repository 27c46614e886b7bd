#!/usr/bin/env python3
"""Writes data/wild_small.json: what ONNX Runtime gives for the small graphs of shared data's wild-models/small, one fault a file, for its
mx_prelu_flat.onnx and for bodies.onnx, contrib.onnx, nhwc.onnx, turns.onnx and wide.onnx of the fuzz corpus, of a picture that the C test makes from the same formula. Needs onnx, onnxruntime and numpy: make_wild.py
.../wild-models."""
import glob
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))


def picture(shape):
    i = np.arange(np.prod(shape), dtype=np.int64)
    return (((i * 37 + (i // 251) * 11) % 255 - 127) / 127.5).astype(np.float32).reshape(shape)


def settled(path):
    """The model as its exporter meant it, where ONNX Runtime refuses it as it is."""
    m = onnx.load(path)
    if m.opset_import[0].version >= 9:
        return m.SerializeToString() if not os.path.exists(path + ".data") else path
    tensor = {t.name: t for t in m.graph.initializer}
    for n in m.graph.node:
        if n.op_type == "BatchNormalization":
            for a in [a for a in n.attribute if a.name == "spatial"]:
                n.attribute.remove(a)
        if n.op_type == "PRelu" and len(tensor[n.input[1]].dims) == 1:
            tensor[n.input[1]].dims.extend([1, 1])
    for i in [i for i in m.graph.input if i.name in tensor]:
        m.graph.input.remove(i)
    m.ir_version = 4
    return m.SerializeToString()


golden = {}
folder = sys.argv[1]
for path in sorted(glob.glob(os.path.join(folder, "small", "*.onnx"))) + [
        os.path.join(folder, "mx_prelu_flat.onnx")] + [
        os.path.join(HERE, "..", "fuzz", "corpus", "onnx", name + ".onnx") for name in ("bodies", "contrib", "nhwc", "products", "turns", "wide")]:
    name = os.path.basename(path)
    session = onnxruntime.InferenceSession(settled(path), providers=["CPUExecutionProvider"])
    i = session.get_inputs()[0]
    x = picture([d if isinstance(d, int) else 2 for d in i.shape])
    kind = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(i.type, np.float32)
    y = session.run(None, {i.name: x.astype(kind)})
    golden[name] = [float("%.7g" % v) for v in np.asarray(y[0], np.float32).ravel()]
with open(os.path.join(HERE, "data", "wild_small.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
print(len(golden), "files")
