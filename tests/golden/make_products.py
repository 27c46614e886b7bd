#!/usr/bin/env python3
"""Writes the seed products.onnx of the fuzz corpus: FusedMatMul, MatMulNBits of 4 and 8 bits, QLinearSoftmax, and Resize of codes, as ONNX
Runtime's optimiser and quantizers leave them. make_wild.py adds what ONNX Runtime gives. Needs onnx and numpy."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)
tensor = {
    "codes4": rng.integers(0, 256, (8, 2, 8), dtype=np.uint8),
    "scales4": rng.uniform(0.02, 0.1, 16).astype(np.float32),
    "zeros4": rng.integers(0, 256, 8, dtype=np.uint8),
    "codes8": rng.integers(0, 256, (8, 1, 32), dtype=np.uint8),
    "scales8": rng.uniform(0.001, 0.005, 8).astype(np.float32),
    "bias": rng.normal(0, 1, 8).astype(np.float32),
    "image": np.array([2, 1, 4, 8], np.int64),
    "rows": np.array([2, 8, 16], np.int64),
    "scales": np.array([1, 1, 2, 2], np.float32),
    "scale": np.float32(0.1),
    "zero": np.uint8(128),
    "softmax_scale": np.float32(1 / 256),
    "softmax_zero": np.uint8(0),
}
ms = {"domain": "com.microsoft"}
node = helper.make_node
nodes = [
    node("FusedMatMul", ["x", "x"], ["scores"], "scores", transB=1, alpha=0.25, **ms),
    node("FusedMatMul", ["scores", "x"], ["mixed"], "mixed", transA=1, **ms),
    node("FusedMatMul", ["mixed", "eye"], ["plain"], "plain", alpha=2.0, **ms),
    node("MatMulNBits", ["plain", "codes4", "scales4", "zeros4"], ["four"], "four", K=32, N=8, bits=4, block_size=16, **ms),
    node("MatMulNBits", ["plain", "codes8", "scales8", "", "", "bias"], ["eight"], "eight", K=32, N=8, bits=8, block_size=32, **ms),
    node("Add", ["four", "eight"], ["sum"], "sum"),
    node("Reshape", ["sum", "image"], ["map"], "map"),
    node("QuantizeLinear", ["map", "scale", "zero"], ["map_codes"], "map_codes"),
    node("Resize", ["map_codes", "", "scales"], ["large_codes"], "large", mode="nearest", coordinate_transformation_mode="asymmetric",
         nearest_mode="floor"),
    node("QLinearSoftmax", ["large_codes", "scale", "zero", "softmax_scale", "softmax_zero"], ["soft_codes"], "soft", axis=-1, opset=17, **ms),
    node("DequantizeLinear", ["large_codes", "scale", "zero"], ["large_values"], "large_values"),
    node("DequantizeLinear", ["soft_codes", "softmax_scale", "softmax_zero"], ["soft_values"], "soft_values"),
    node("Add", ["large_values", "soft_values"], ["both"], "both"),
    node("Reshape", ["both", "rows"], ["y"], "y"),
]
tensor["eye"] = np.eye(32, dtype=np.float32)
graph = helper.make_graph(nodes, "products", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4, 32])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8, 16])],
                          [numpy_helper.from_array(np.asarray(v), k) for k, v in tensor.items()])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])
onnx.save(model, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus", "onnx", "products.onnx"))
