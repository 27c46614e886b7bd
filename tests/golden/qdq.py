#!/usr/bin/env python3
"""Goldens of QDQ graphs: a small network quantized by ONNX Runtime's own tool, and what ONNX Runtime says of it.

usage: qdq.py OUTPUT_FOLDER       (with onnx and onnxruntime; the files in tests/golden/data/qdq came from 1.23 and 1.32)

The network has a plain, a strided, a grouped and a depthwise convolution, two residual sums, PRelu, LeakyRelu, Relu, BatchNormalization and a
fully connected end. It is quantized in three ways that files come in:
  u8.onnx        uint8 activations, int8 weights with one scale each
  channels.onnx  uint8 activations, int8 weights with a scale a channel
  s8.onnx        int8 activations, as for TensorRT
x.npy holds the images, <way>.npy what ONNX Runtime gives with its optimisations off: the graph as written.
"""
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

IMAGES, SIDE, DIM = 4, 12, 16
WAYS = {
    "u8": {"activation_type": QuantType.QUInt8, "per_channel": False},
    "channels": {"activation_type": QuantType.QUInt8, "per_channel": True},
    "s8": {"activation_type": QuantType.QInt8, "per_channel": True, "extra_options": {"ActivationSymmetric": True}},
}


class Net:
    def __init__(self):
        self.random = np.random.default_rng(8)
        self.nodes, self.weights = [], []

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def conv(self, x, c_in, c_out, kernel=3, stride=1, group=1):
        shape = (c_out, c_in // group, kernel, kernel)
        w = self.constant(self.random.uniform(-1, 1, shape) * 1.7 / np.sqrt(np.prod(shape[1:])))
        b = self.constant(self.random.uniform(-0.5, 0.5, c_out))
        return self.node("Conv", [x, w, b], kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4, group=group)

    def norm(self, x, channels):
        low, high = [0.5, -0.5, -0.5, 0.5], [1.5, 0.5, 0.5, 1.5]
        draws = [self.constant(self.random.uniform(a, b, channels)) for a, b in zip(low, high)]
        return self.node("BatchNormalization", [x, *draws])

    def prelu(self, x, channels):
        return self.node("PRelu", [x, self.constant(self.random.uniform(0, 0.4, (channels, 1, 1)))])


def build():
    n = Net()
    x = n.prelu(n.conv("x", 3, 16), 16)
    y = n.node("LeakyRelu", [n.conv(n.norm(x, 16), 16, 16)], alpha=0.2)
    x = n.node("Add", [n.conv(y, 16, 16, group=4), x])
    y = n.node("Relu", [n.conv(x, 16, 32, kernel=1)])
    y = n.prelu(n.conv(y, 32, 32, group=32, stride=2), 32)
    x = n.node("Add", [n.conv(y, 32, 16, kernel=1), n.conv(x, 16, 16, kernel=1, stride=2)])
    x = n.node("Flatten", [n.norm(x, 16)])
    pixels = (SIDE // 2) ** 2
    w = n.constant(n.random.uniform(-1, 1, (DIM, 16 * pixels)) * 1.7 / np.sqrt(16 * pixels))
    y = n.node("Gemm", [x, w, n.constant(n.random.uniform(-0.5, 0.5, DIM))], transB=1)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", ["n", 3, SIDE, SIDE]), (y, ["n", DIM]))]
    graph = helper.make_graph(n.nodes, "qdq", ends[:1], ends[1:], n.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = iter(np.random.default_rng(9).uniform(-1, 1, (32, 1, 3, SIDE, SIDE)).astype(np.float32))

    def get_next(self):
        x = next(self.left, None)
        return None if x is None else {"x": x}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(build(), folder / "float.onnx")
    x = np.random.default_rng(10).uniform(-1, 1, (IMAGES, 3, SIDE, SIDE)).astype(np.float32)
    np.save(folder / "x.npy", x)
    as_written = ort.SessionOptions()
    as_written.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    for name, way in WAYS.items():
        file = folder / f"{name}.onnx"
        quantize_static(folder / "float.onnx", file, Reader(), quant_format=QuantFormat.QDQ, weight_type=QuantType.QInt8, **way)
        y = ort.InferenceSession(file, as_written, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        np.save(folder / f"{name}.npy", y)
    (folder / "float.onnx").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
