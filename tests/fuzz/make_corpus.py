#!/usr/bin/env python3
"""Writes the seeds of the format corpora (tests/fuzz/corpus): small files of every flavour. Needs numpy and onnx."""
import bz2
import collections
import gzip
import io
import json
import lzma
import os
import pickle
import struct
import sys
import tarfile
import types
import warnings
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)


def write(kind, name, data):
    folder = os.path.join(HERE, "corpus", kind)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def weights(*shape):
    return (rng.standard_normal(shape) * 0.3).astype(np.float32)


# ---- ONNX

def model(name, nodes, inputs, outputs, tensors, opset=13, value_info=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, tensors, value_info=value_info)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="seed", ir_version=8)
    helper.set_model_props(m, {"arcface.task": "embed", "note": "seed"})
    return m.SerializeToString()


def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def onnx_bodies():
    """Functions with attributes, a known If, a Loop that turns three times, 4-bit and half-precision weights, opset 21."""
    t = numpy_helper.from_array
    one = helper.make_node("Constant", [], ["one"], value=t(np.array(1, np.int64), "one"))
    inner = helper.make_function("own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                 [helper.make_opsetid("", 21)])
    leak = helper.make_node("LeakyRelu", ["a"], ["l"])
    ref = leak.attribute.add()
    ref.name, ref.ref_attr_name, ref.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    outer = helper.make_function("own", "Leak", ["a"], ["b"], [leak, helper.make_node("Twice", ["l"], ["b"], domain="own")],
                                 [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)], ["slope"])
    same = helper.make_graph([helper.make_node("Relu", ["f"], ["r"])], "then", [], [info("r", None)])
    other = helper.make_graph([helper.make_node("Neg", ["f"], ["r"])], "else", [], [info("r", None)])
    turn = helper.make_graph([helper.make_node("Add", ["x_in", "step"], ["x_out"]), helper.make_node("Identity", ["go"], ["go_out"]),
                              helper.make_node("Identity", ["x_out"], ["row"])], "turn",
                             [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("x_in", None)],
                             [info("go_out", [], TensorProto.BOOL), info("x_out", None), info("row", None)], [t(weights(4), "step")])
    nodes = [
        helper.make_node("Leak", ["x"], ["f"], domain="own", slope=0.25),
        helper.make_node("Shape", ["x"], ["shape"]),
        one,
        helper.make_node("Gather", ["shape", "one"], ["width"]),
        helper.make_node("Equal", ["width", "four"], ["is_four"]),
        helper.make_node("If", ["is_four"], ["chosen"], then_branch=same, else_branch=other),
        helper.make_node("Loop", ["three", "", "chosen"], ["last", "rows"], body=turn),
        helper.make_node("Cast", ["quarter"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["last", "wide"], ["y"]),
    ]
    packed = helper.make_tensor("quarter", TensorProto.INT4, [4, 2], [-8, 7, 1, 0, -1, 2, 3, -4])
    half = t(weights(4).astype(np.float16), "unused_half")
    graph = helper.make_graph(nodes, "bodies", [info("x", ["N", 4])], [info("y", ["N", 2]), info("rows", [3, "N", 4])],
                              [t(np.array(4, np.int64), "four"), t(np.array(3, np.int64), "three"), packed, half])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("own", 1)], functions=[outer, inner],
                          ir_version=10, producer_name="seed")
    write("onnx", "bodies.onnx", m.SerializeToString())


def onnx_contrib():
    """What ONNX Runtime's quantiser and optimiser write; a graph of doubles and bfloat16."""
    t = numpy_helper.from_array
    ms = "com.microsoft"
    node = helper.make_node
    tensors, nodes = [], []

    def number(name, v, kind=np.float32):
        tensors.append(t(np.array(v, kind), name))
        return name

    def scale(name, s, z, kind=np.uint8):
        return [number(name + "_s", s), number(name + "_z", z, kind)]

    tensors += [t(weights(4, 3, 3, 3), "w"), t(weights(4), "b"), t(weights(4, 4, 3, 3), "w2"), t(weights(16), "gelu_b"),
                t(1 + weights(16), "gamma"), t(weights(16), "beta"), t(weights(16), "skip_b"),
                t(rng.integers(0, 255, (16, 4)).astype(np.uint8), "mm"), t(rng.integers(-127, 127, (6, 4)).astype(np.int8), "gemm"),
                t(rng.integers(-500, 500, 6).astype(np.int32), "gemm_b")]
    nodes += [
        node("FusedConv", ["x", "w", "b"], ["c1"], "fused1", domain=ms, kernel_shape=[3, 3], pads=[1, 1, 1, 1], activation="LeakyRelu",
             activation_params=[0.2]),
        node("FusedConv", ["c1", "w2", "", "c1"], ["c2"], "fused2", domain=ms, kernel_shape=[3, 3], pads=[1, 1, 1, 1], activation="Clip",
             activation_params=[-0.5, 1.5]),
        node("QuantizeLinear", ["c2"] + scale("q", 0.02, 30), ["q"]),
        node("QLinearLeakyRelu", ["q", "q_s", "q_z"] + scale("lr", 0.015, 20), ["lr"], domain=ms, alpha=0.3),
        node("QLinearSigmoid", ["q", "q_s", "q_z"] + scale("sg", 0.004, 0), ["sg"], domain=ms),
        node("QLinearMul", ["lr", "lr_s", "lr_z", "sg", "sg_s", "sg_z"] + scale("mu", 0.01, 40), ["mu"], domain=ms),
        node("QLinearAdd", ["mu", "mu_s", "mu_z", "q", "q_s", "q_z"] + scale("ad", 0.03, 50), ["ad"], domain=ms),
        node("QLinearConcat", ["cat_s", "cat_z", "ad", "ad_s", "ad_z", "mu", "mu_s", "mu_z"], ["cat"], domain=ms, axis=1),
        node("QLinearAveragePool", ["cat", "cat_s", "cat_z"] + scale("ap", 0.025, 45), ["ap"], domain=ms, kernel_shape=[2, 2], strides=[2, 2]),
        node("QLinearGlobalAveragePool", ["ap", "ap_s", "ap_z"] + scale("gp", 0.02, 40), ["gp"], domain=ms, channels_last=0),
        node("Flatten", ["gp"], ["flat8"]),
        node("Split", ["flat8"], ["left", "right"], axis=1),
        node("QGemm", ["left", "gp_s", "gp_z", "gemm"] + scale("gw", 0.01, 0, np.int8) + ["gemm_b"] + scale("ge", 0.02, 128), ["ge"], domain=ms,
             transB=1),
        node("DequantizeLinear", ["ge", "ge_s", "ge_z"], ["gemm_y"]),
        node("DequantizeLinear", ["cat", "cat_s", "cat_z"], ["cat_y"]),
        node("Reshape", ["cat_y", "to16"], ["rows"]),
        node("BiasGelu", ["rows", "gelu_b"], ["g1"], domain=ms),
        node("FastGelu", ["g1", "gelu_b"], ["g2"], domain=ms),
        node("FastGelu", ["g2"], ["g3"], domain=ms),
        node("QuickGelu", ["g3"], ["g4"], domain=ms),
        node("SkipLayerNormalization", ["g4", "rows", "gamma", "beta", "skip_b"], ["n1", "", "", "sum"], domain=ms, epsilon=1e-5),
        node("SimplifiedLayerNormalization", ["n1", "gamma"], ["n2"], axis=-1, epsilon=1e-5),
        node("QuantizeLinear", ["n2"] + scale("nq", 0.03, 128), ["nq"]),
        node("QLinearMatMul", ["nq", "nq_s", "nq_z", "mm"] + scale("mw", 0.02, 120) + scale("mo", 0.1, 128), ["mo"]),
        node("DequantizeLinear", ["mo", "mo_s", "mo_z"], ["mm_y"]),
        node("ReduceMean", ["sum"], ["sum_y"], axes=[-1], keepdims=0),
        node("Reshape", ["mm_y", "to_row"], ["a"]),
        node("Reshape", ["sum_y", "to_row"], ["c"]),
        node("Attention", ["n1", "aw", "ab"], ["at"], domain=ms, num_heads=4),
        node("MultiHeadAttention", ["at", "n1", "at", "ab"], ["mh"], domain=ms, num_heads=2, scale=0.3),
        node("ReduceMean", ["mh"], ["mh_y"], axes=[-1], keepdims=0),
        node("Reshape", ["mh_y", "to_row"], ["e"]),
        node("Concat", ["gemm_y", "a", "c", "e"], ["y"], axis=1),
    ]
    tensors += [t(weights(16, 48), "aw"), t(weights(48), "ab")]
    number("cat_s", 0.03), number("cat_z", 50, np.uint8)
    tensors += [t(np.array([0, -1, 16], np.int64), "to16"), t(np.array([0, -1], np.int64), "to_row")]
    graph = helper.make_graph(nodes, "contrib", [info("x", ["N", 3, 8, 8])], [info("y", ["N", None])], tensors)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ms, 1)], ir_version=8, producer_name="seed")
    write("onnx", "contrib.onnx", m.SerializeToString())
    half = helper.make_tensor("half", TensorProto.BFLOAT16, [4], weights(4))
    nodes = [node("MatMul", ["x", "wd"], ["m"]), node("Cast", ["m"], ["f"], to=TensorProto.FLOAT),
             node("Cast", ["half"], ["h"], to=TensorProto.FLOAT), node("Add", ["f", "h"], ["s"]), node("Cast", ["s"], ["d"], to=TensorProto.DOUBLE),
             node("Mul", ["d", "third"], ["y"])]
    graph = helper.make_graph(nodes, "wide", [info("x", ["N", 4], TensorProto.DOUBLE)], [info("y", ["N", 4], TensorProto.DOUBLE)],
                              [t(weights(4, 4).astype(np.float64), "wd"), half, t(np.array([1 / 3]), "third")])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="seed")
    write("onnx", "wide.onnx", m.SerializeToString())


def onnx_turns():
    """Scan forwards and backwards along several axes, a function with a default, convolutions over one dimension, masks of keys in ONNX Runtime's attention."""
    t = numpy_helper.from_array
    ms = "com.microsoft"
    node = helper.make_node
    body = helper.make_graph(
        [node("Mul", ["s_in", "half"], ["faded"]), node("Mul", ["xs", "cs"], ["product"]), node("Add", ["faded", "product"], ["s_out"]),
         node("Identity", ["s_out"], ["row"]), node("Add", ["xs", "cs"], ["other"])], "turn",
        [info("s_in", [2, 4]), info("xs", [2, 4]), info("cs", [4])], [info("s_out", [2, 4]), info("row", [2, 4]), info("other", [2, 4])],
        [t(np.array(0.5, np.float32), "half")])
    nodes = [
        node("Scan", ["s0", "x", "c"], ["state", "rows", "others"], body=body, num_scan_inputs=2, scan_input_axes=[-2, 0],
             scan_input_directions=[0, 1], scan_output_axes=[2, 0], scan_output_directions=[1, 0]),
        node("Conv", ["x", "line", "line_b"], ["line_y"], pads=[1, 1], strides=[2], kernel_shape=[3]),
        node("ConvTranspose", ["line_y", "back"], ["back_y"], strides=[2], output_padding=[1], group=1),
        node("Conv", ["x", "short"], ["short_y"]),
        node("Attention", ["x", "aw", "ab", "mask"], ["at"], domain=ms, num_heads=2),
        node("Attention", ["x", "aw", "ab", "lengths"], ["al"], domain=ms, num_heads=2),
        node("MultiHeadAttention", ["at", "x", "al", "ab", "lengths"], ["mh"], domain=ms, num_heads=2),
        node("MultiHeadAttention", ["at", "x", "al", "", "mask3"], ["mm"], domain=ms, num_heads=2, mask_filter_value=-2.0, scale=0.7),
        node("MultiHeadAttention", ["x", "x", "x", "", "mask"], ["md"], domain=ms, num_heads=1),
    ]
    leak = node("LeakyRelu", ["a"], ["b"])
    ref = leak.attribute.add()
    ref.name, ref.ref_attr_name, ref.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    own = helper.make_function("own", "Leak", ["a"], ["b"], [leak], [helper.make_opsetid("", 17)], attribute_protos=[helper.make_attribute("slope", 0.75)])
    nodes += [node("Leak", ["x"], ["leak"], domain="own"), node("Leak", ["x"], ["leak3"], domain="own", slope=0.375)]
    parts = ["leak", "leak3", "state", "rows", "others", "line_y", "back_y", "short_y", "at", "al", "mh", "mm", "md"]
    nodes += [node("Reshape", [p, "flat"], [p + "_flat"]) for p in parts] + [node("Concat", [p + "_flat" for p in parts], ["y"], axis=0)]
    tensors = [t(weights(2, 4), "s0"), t(weights(3, 4), "c"), t(weights(5, 3, 3), "line"), t(weights(5), "line_b"), t(weights(5, 2, 3), "back"),
               t(weights(2, 3, 2), "short"), t(2 * weights(4, 12), "aw"), t(weights(12), "ab"), t(np.array([[1, 1, 0], [0, 1, 1]], np.int32), "mask"),
               t(np.array([2, 3], np.int32), "lengths"), t(rng.integers(0, 2, (2, 3, 3)).astype(np.int32), "mask3"),
               t(np.array([-1], np.int64), "flat")]
    graph = helper.make_graph(nodes, "turns", [info("x", [2, 3, 4])], [info("y", [None])], tensors)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ms, 1), helper.make_opsetid("own", 1)],
                          functions=[own], ir_version=9, producer_name="seed")
    write("onnx", "turns.onnx", m.SerializeToString())


def onnx_nhwc():
    """8-bit layers with their channels last, as ONNX Runtime's optimiser writes them."""
    t = numpy_helper.from_array
    ms = "com.microsoft"
    node = helper.make_node
    tensors = [t(rng.integers(-127, 127, (4, 3, 3, 3)).astype(np.int8), "w"), t(rng.integers(-127, 127, (4, 4, 1, 1)).astype(np.int8), "v"),
               t(rng.integers(-300, 300, 4).astype(np.int32), "b")]

    def scale(name, s, z, kind=np.uint8):
        tensors.extend([t(np.array(s, np.float32), name + "_s"), t(np.array(z, kind), name + "_z")])
        return [name + "_s", name + "_z"]

    nodes = [
        node("QuantizeLinear", ["x"] + scale("x8", 0.008, 120), ["x8"]),
        node("Transpose", ["x8"], ["xt"], perm=[0, 2, 3, 1]),
        node("QLinearConv", ["xt", "x8_s", "x8_z", "w"] + scale("w8", 0.01, 0, np.int8) + scale("c", 0.03, 110) + ["b"], ["c"], domain=ms, channels_last=1,
             kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("QLinearLeakyRelu", ["c", "c_s", "c_z"] + scale("l", 0.025, 60), ["l"], domain=ms, alpha=0.2),
        node("QLinearConv", ["l", "l_s", "l_z", "v"] + scale("v8", 0.01, 0, np.int8) + scale("d", 0.03, 120), ["d"], domain=ms, channels_last=1,
             kernel_shape=[1, 1]),
        node("QLinearAdd", ["d", "d_s", "d_z", "l", "l_s", "l_z"] + scale("e", 0.05, 100), ["e"], domain=ms),
        node("NhwcMaxPool", ["e"], ["m"], domain=ms, kernel_shape=[2, 2], strides=[2, 2]),
        node("QLinearAveragePool", ["e", "e_s", "e_z"] + scale("a", 0.04, 90), ["a"], domain=ms, channels_last=1, kernel_shape=[3, 2], strides=[3, 2]),
        node("QLinearGlobalAveragePool", ["m", "e_s", "e_z"] + scale("g", 0.03, 70), ["g"], domain=ms, channels_last=1),
        node("QLinearConcat", ["e_s", "e_z", "m", "e_s", "e_z", "m", "e_s", "e_z"], ["cc"], domain=ms, axis=3),
        node("NhwcMaxPool", ["cc"], ["cm"], domain=ms, kernel_shape=[2, 1]),
        node("DequantizeLinear", ["cm", "e_s", "e_z"], ["cy"]),
        node("Transpose", ["e"], ["ef"], perm=[0, 3, 1, 2]),
        node("Transpose", ["g"], ["gf"], perm=[0, 3, 1, 2]),
        node("DequantizeLinear", ["ef", "e_s", "e_z"], ["ey"]),
        node("DequantizeLinear", ["m", "e_s", "e_z"], ["my"]),
        node("DequantizeLinear", ["a", "a_s", "a_z"], ["ay"]),
        node("DequantizeLinear", ["gf", "g_s", "g_z"], ["gy"]),
    ]
    parts = ["ey", "my", "ay", "gy", "cy"]
    tensors.append(t(np.array([0, -1], np.int64), "flat"))
    nodes += [node("Reshape", [p, "flat"], [p + "_flat"]) for p in parts] + [node("Concat", [p + "_flat" for p in parts], ["y"], axis=1)]
    graph = helper.make_graph(nodes, "nhwc", [info("x", ["N", 3, 6, 6])], [info("y", ["N", None])], tensors)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ms, 1)], ir_version=8, producer_name="seed")
    write("onnx", "nhwc.onnx", m.SerializeToString())


def external_seeds():
    """Weights in other files: what fuzz_external.c lays beside the model, and places that lead elsewhere."""
    places = [("w", 0, 64), ("sub/w", 64, None), ("./sub/../w", 0, 64), ("/etc/passwd", 0, 64), ("out", 0, 64), ("w", 250, 64), ("none", 0, 64),
              ("w", 3, 64)]
    for number, (location, offset, length) in enumerate(places):
        w = helper.make_tensor("w", TensorProto.FLOAT, [4, 4], np.zeros(16), raw=False)
        w.ClearField("float_data")
        w.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
            if value != "None":
                entry = w.external_data.add()
                entry.key, entry.value = key, value
        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
        write("external", "place%d.onnx" % number, model("external", nodes, [info("x", ["N", 4])], [info("y", ["N", 4])], [w]))


def safetensors_seeds():
    def file(tensors, extra=None):
        header, data = {"__metadata__": {"format": "pt"}}, b""
        for name, kind, shape, raw in tensors:
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        header.update(extra or {})
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    w = weights(2, 3)
    write("safetensors", "types", file([
        ("module.conv1.weight", "F32", [2, 3], w.tobytes()), ("_orig_mod.bn.weight", "F16", [3], w[0].astype(np.float16).tobytes()),
        ("model.backbone.a", "BF16", [3], b"\x80\x3f" * 3), ("net.d", "F64", [3], w[0].astype(np.float64).tobytes()),
        ("bn.num_batches_tracked", "I64", [], struct.pack("<q", 7)), ("empty", "F32", [0], b"")]))
    write("safetensors", "twice", file([("module.w", "F32", [3], w[0].tobytes()), ("ema.w", "F32", [3], w[1].tobytes())]))
    write("safetensors", "beyond", file([("w", "F32", [3], w[0].tobytes())], {"v": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}))


def onnx_seeds():
    t = numpy_helper.from_array
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], group=1),
        helper.make_node("BatchNormalization", ["c", "s", "o", "m", "v"], ["n"], "bn", epsilon=1e-5),
        helper.make_node("PRelu", ["n", "p"], ["a"], "prelu"),
        helper.make_node("Conv", ["a", "d"], ["e"], "depthwise", kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=4),
        helper.make_node("Add", ["a", "e"], ["r"], "add"),
        helper.make_node("Flatten", ["r"], ["f"], "flatten", axis=1),
        helper.make_node("Gemm", ["f", "g"], ["y"], "fc", transB=1, alpha=1.0),
    ]
    tensors = [t(weights(4, 3, 3, 3), "w"), t(weights(4), "b"), t(weights(4), "s"), t(weights(4), "o"), t(weights(4), "m"),
               t(np.abs(weights(4)), "v"), t(weights(4, 1, 1), "p"), t(weights(4, 1, 3, 3), "d"), t(weights(8, 64), "g")]
    write("onnx", "embedder.onnx", model("embedder", nodes, [info("x", ["N", 3, 8, 8])], [info("y", ["N", 8])], tensors))
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Constant", [], ["axis"], value=numpy_helper.from_array(np.array([2], np.int64), "axis")),
        helper.make_node("Gather", ["shape", "axis"], ["h"], axis=0),
        helper.make_node("Slice", ["shape", "from", "to"], ["hw"]),
        helper.make_node("Resize", ["x", "", "scales"], ["up"], mode="nearest", coordinate_transformation_mode="asymmetric",
                         nearest_mode="floor"),
        helper.make_node("MaxPool", ["up"], ["pool"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("Concat", ["pool", "x"], ["cat"], axis=1),
        helper.make_node("Transpose", ["cat"], ["tr"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["tr", "to3"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["y"], axis=2),
    ]
    tensors = [helper.make_tensor("from", TensorProto.INT64, [1], [2]), helper.make_tensor("to", TensorProto.INT64, [1], [4]),
               helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 2, 2]),
               helper.make_tensor("to3", TensorProto.INT64, [3], [0, -1, 2])]
    write("onnx", "shapes.onnx", model("shapes", nodes, [info("x", [1, 1, "h", "w"])],
                                       [info("y", None), info("hw", [2], TensorProto.INT64), info("h", [1], TensorProto.INT64)],
                                       tensors, opset=11))
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
        helper.make_node("ConvInteger", ["q", "w", "qz"], ["i"], kernel_shape=[1, 1]),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "qs"], ["y"]),
    ]
    tensors = [helper.make_tensor("w", TensorProto.INT8, [2, 3, 1, 1], [1, -2, 3, -4, 5, -6])]
    write("onnx", "int8.onnx", model("int8", nodes, [info("x", [1, 3, 4, 4])], [info("y", [1, 2, 4, 4])], tensors))
    nodes = [helper.make_node("Cast", [n], ["y_" + n], to=TensorProto.FLOAT) for n in ("i32", "i64", "f64", "f16", "u8", "bool")]
    half = np.array([1.5, -2], np.float16)
    tensors = [helper.make_tensor("i32", TensorProto.INT32, [2], [-1, 7]), helper.make_tensor("i64", TensorProto.INT64, [2], [-1, 1 << 40]),
               helper.make_tensor("f64", TensorProto.DOUBLE, [2], [0.5, -1e10]), helper.make_tensor("f16", TensorProto.FLOAT16, [2], half),
               helper.make_tensor("u8", TensorProto.UINT8, [2], [0, 255]), helper.make_tensor("bool", TensorProto.BOOL, [2], [True, False])]
    write("onnx", "types.onnx", model("types", nodes, [], [info("y_" + n, [2]) for n in ("i32", "i64", "f64", "f16", "u8", "bool")],
                                      tensors))


# ---- MXNet

def ndarray(a):
    kinds = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6}
    return (struct.pack("<IiI", 0xF993FAC9, 0, a.ndim) + struct.pack("<%dq" % a.ndim, *a.shape) + struct.pack("<iii", 1, 0, kinds[str(a.dtype)])
            + a.tobytes())


def params(arrays):
    names = list(arrays)
    out = struct.pack("<QQQ", 0x112, 0, len(names)) + b"".join(ndarray(arrays[n]) for n in names) + struct.pack("<Q", len(names))
    return out + b"".join(struct.pack("<Q", len(n)) + n.encode() for n in names)


class Symbol:
    def __init__(self):
        self.nodes, self.arrays = [], {}

    def variable(self, name, array=None, aux=False):
        if array is not None:
            self.arrays[("aux:" if aux else "arg:") + name] = array
        return self.add("null", name, [], {})

    def add(self, op, name, inputs, attrs):
        node = {"op": op, "name": name, "inputs": [[i, 0, 0] for i in inputs]}
        if attrs:
            node["attrs"] = {k: str(v) for k, v in attrs.items()}
        self.nodes.append(node)
        return len(self.nodes) - 1

    def bn(self, x, name, c, **attrs):
        v = [self.variable(name + "_gamma", weights(c)), self.variable(name + "_beta", weights(c)),
             self.variable(name + "_moving_mean", weights(c), True), self.variable(name + "_moving_var", np.abs(weights(c)), True)]
        return self.add("BatchNorm", name, [x] + v, attrs)

    def conv(self, x, name, shape, **attrs):
        return self.add("Convolution", name, [x, self.variable(name + "_weight", weights(*shape))],
                        dict(num_filter=shape[0], kernel="(%d, %d)" % shape[2:], no_bias="True", **attrs))

    def bytes(self, head):
        text = json.dumps({"nodes": self.nodes, "arg_nodes": [], "heads": [[head, 0, 0]], "attrs": {"mxnet_version": ["int", 10500]}})
        return text.encode() + b"\0" + params(self.arrays)


def mxnet_seeds():
    s = Symbol()
    x = s.add("_mul_scalar", "m0", [s.add("_minus_scalar", "m1", [s.variable("data")], {"scalar": 127.5})], {"scalar": 0.0078125})
    x = s.bn(s.conv(x, "conv0", (4, 3, 3, 3), pad="(1, 1)"), "bn0", 4, fix_gamma="False", eps=2e-5)
    x = s.add("LeakyReLU", "relu0", [x, s.variable("relu0_gamma", weights(4))], {"act_type": "prelu"})
    y = s.bn(s.conv(x, "conv1", (4, 1, 3, 3), pad="(1, 1)", num_group=4), "bn1", 4)
    e = s.add("Pooling", "pool", [y], {"global_pool": "True", "pool_type": "avg", "kernel": "(7, 7)"})
    e = s.add("Activation", "sig", [s.conv(e, "se", (4, 4, 1, 1))], {"act_type": "sigmoid"})
    y = s.add("broadcast_mul", "scale", [y, e], {})
    x = s.add("elemwise_add", "plus", [x, y], {})
    x = s.add("Pooling", "pool1", [x], {"kernel": "(2, 2)", "stride": "(2, 2)", "pool_type": "max", "pooling_convention": "full"})
    x = s.add("Dropout", "drop", [x], {"p": 0.4})
    x = s.add("FullyConnected", "pre_fc1", [x, s.variable("pre_fc1_weight", weights(6, 64)), s.variable("pre_fc1_bias", weights(6))],
              {"num_hidden": 6})
    x = s.bn(x, "fc1", 6, fix_gamma="True", eps=2e-5)
    x = s.add("SoftmaxOutput", "softmax", [x, s.variable("softmax_label")], {})
    write("mxnet", "fresnet_se", s.bytes(x))
    s = Symbol()
    x = s.variable("data")
    w = s.variable("up_weight", weights(3, 1, 4, 4))
    a = s.add("Deconvolution", "up", [x, w], {"kernel": "(4, 4)", "stride": "(2, 2)", "pad": "(1, 1)", "num_group": 3, "num_filter": 3})
    b = s.add("UpSampling", "nearest", [x], {"scale": 2, "sample_type": "nearest"})
    c = s.add("Concat", "cat", [a, s.add("Crop", "crop", [b, a], {"num_args": 2})], {"dim": 1})
    c = s.add("clip", "clip", [c], {"a_min": -1, "a_max": 6})
    c = s.add("L2Normalization", "l2", [s.add("Flatten", "flat", [c], {})], {})
    c = s.add("Reshape", "out", [c], {"shape": "(0, -1, 2)"})
    c = s.add("softmax", "prob", [s.add("transpose", "tr", [c], {"axes": "(0, 2, 1)"})], {"axis": 1})
    write("mxnet", "detector", s.bytes(c))


# ---- pickles

def pickle_seeds():
    value = {"a": [1, -2, 1 << 40, 2.5, None, True], "b": (b"\x00\xff\n\\'", "text \u00e9\u20ac\n"), "c": {}, "d": (), "e": (1,), "f": (1, 2)}
    value["again"] = value["b"]
    value["order"] = collections.OrderedDict([("x", 1)])
    value["long"] = 0x1950A86A20F9469CFC6C
    value["bytes"] = bytearray(b"xyz")
    for protocol in range(6):
        v = {k: value[k] for k in value if protocol > 1 or k not in ("long",)}
        if protocol < 5:
            del v["bytes"]
        write("pickle", "protocol%d" % protocol, pickle.dumps(v, protocol))
    write("pickle", "python2", b"(dp0\nS'it\\'s \\x00\\n'\np1\n(lp2\nI01\naI00\naL5L\naF1.5\naV\\u20ac\np3\nas.")
    write("pickle", "hostile", b"cos\nsystem\n(S'id'\ntR.")
    write("pickle", "loop", b"]q\x00h\x00a.")


def bin_seeds():
    images = [bytes([0xFF, 0xD8, i, 10, 92, 39, 0xFF, 0xD9]) for i in range(4)]
    same = [True, False]
    for protocol in (0, 2, 3, 4, 5):
        write("bin", "bytes%d" % protocol, pickle.dumps((images, same), protocol))
    write("bin", "ints", pickle.dumps([list(images), [1, 0]], 2))
    arrays = [np.frombuffer(i, np.uint8) for i in images]
    for protocol in (2, 4, 5):
        write("bin", "numpy%d" % protocol, pickle.dumps((arrays, same), protocol))
    write("bin", "column", pickle.dumps(([a.reshape(-1, 1) for a in arrays], [np.bool_(True), np.bool_(False)]), 2))
    write("bin", "label_array", pickle.dumps((images, np.array(same)), 4))
    text = b"".join(b"S%s\n" % repr(i)[1:].encode() + b"a" for i in images)
    write("bin", "python2", b"((lp0\n" + text + b"(lp1\nI01\naI00\natp2\n.")


class Storage:
    def __init__(self, kind, key, elements):
        self.kind, self.key, self.elements = kind, key, elements


class FakeTorch(pickle._Pickler):
    """Writes what torch.save writes, without torch: globals by name, storages as persistent ids."""

    def __init__(self, file, legacy):
        super().__init__(file, 2)
        self.legacy = legacy

    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", obj.kind, obj.key, "cpu", obj.elements) + ((None,) if self.legacy else ())
        return None


def fake_module():
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("Float", "Double", "Half", "BFloat16", "Long"):
        kind = type(name + "Storage", (), {"__module__": "torch"})
        setattr(torch, name + "Storage", kind)
    for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
        f = types.FunctionType((lambda *a: None).__code__, {}, name)
        f.__module__, f.__qualname__ = "torch._utils", name
        setattr(utils, name, f)
    torch._utils = utils
    sys.modules["torch"], sys.modules["torch._utils"] = torch, utils
    return torch


class Tensor:
    def __init__(self, torch, storage, offset, shape, stride, parameter=False):
        self.parts = (torch, storage, offset, shape, stride, parameter)

    def __reduce__(self):
        torch, storage, offset, shape, stride, parameter = self.parts
        if parameter:
            return torch._utils._rebuild_parameter, (Tensor(*self.parts[:5]), True, collections.OrderedDict())
        return torch._utils._rebuild_tensor_v2, (storage, offset, shape, stride, False, collections.OrderedDict())


def torch_seeds():
    torch = fake_module()
    raw = {"0": np.arange(12, dtype=np.float32), "1": np.array([0.5, -1e300, 3], np.float64),
           "2": np.array([1.5, -2, 6e-8, np.inf], np.float16), "4": np.array([7], np.int64)}
    bf = np.array([1.5, -3, 0, 100], np.float32).view(np.uint32) >> 16
    raw["3"] = bf.astype(np.uint16)
    kinds = {"0": torch.FloatStorage, "1": torch.DoubleStorage, "2": torch.HalfStorage, "3": torch.BFloat16Storage, "4": torch.LongStorage}
    s = {k: Storage(kinds[k], k, raw[k].size) for k in raw}
    state = collections.OrderedDict([
        ("module.plain", Tensor(torch, s["0"], 0, (3, 4), (4, 1))), ("module.turned", Tensor(torch, s["0"], 0, (4, 3), (1, 4))),
        ("module.part", Tensor(torch, s["0"], 5, (2,), (3,))), ("module.scalar", Tensor(torch, s["0"], 7, (), ())),
        ("module.double", Tensor(torch, s["1"], 0, (3,), (1,), True)), ("module.half", Tensor(torch, s["2"], 0, (4,), (1,))),
        ("module.bfloat", Tensor(torch, s["3"], 0, (4,), (1,))), ("module.count", Tensor(torch, s["4"], 0, (), ())),
        ("module.none", Tensor(torch, s["0"], 0, (0, 4), (4, 1)))])
    for name, legacy in (("zip", False), ("legacy", True)):
        body = io.BytesIO()
        FakeTorch(body, legacy).dump({"epoch": 3, "state_dict": state} if legacy else state)
        out = io.BytesIO()
        if legacy:
            for v in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}):
                pickle.dump(v, out, 2)
            out.write(body.getvalue())
            pickle.dump(sorted(raw), out, 2)
            for k in sorted(raw):
                out.write(struct.pack("<q", raw[k].size) + raw[k].tobytes())
        else:
            with zipfile.ZipFile(out, "w") as z:
                z.writestr(zipfile.ZipInfo("net/data.pkl"), body.getvalue())
                z.writestr(zipfile.ZipInfo("net/byteorder"), b"little")
                for k in sorted(raw):
                    z.writestr(zipfile.ZipInfo("net/data/" + k), raw[k].tobytes())
                z.writestr(zipfile.ZipInfo("net/version"), b"3\n")
        write("torch", name, out.getvalue())
    write("torch", "hostile", pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
          + b"\x80\x02cposix\nsystem\nU\x02id\x85R.")


# ---- texts and arrays

def other_seeds():
    # The first byte chooses the kind of list (fuzz_lists.c).
    write("lists", "paths", b"\0a/1.jpg b/2.jpg 0\r\na/1.jpg a/2.jpg 1\n")
    write("lists", "two", b"\0A_0001.jpg 3\nA_0002.jpg 3\n")
    write("lists", "lfw", b"\x001\t1\nA\t1\t2\nA\t1\tB\t1\n")
    write("lists", "splits", b"\1split number, x\n1, 1, A/0, C/1, 0\n2, 1, A/0, A/3, 1\n")
    write("lists", "boxes", b"\2A_B\\0\\0.12.jpg,0,160,120,80,60,0.0,1\n")
    write("lists", "faces", b"\x031.jpg 38.29 51.69 73.53 51.50 56.02 71.73 41.54 92.36 70.72 92.20 0.98\n")
    write("lists", "tid", b"\x041.jpg 7 9\n")
    write("lists", "pairs", b"\x057 9 1\n3 4 0\n")
    write("lists", "subjects", b"\6TEMPLATE_ID,SUBJECT_ID,X\n3,4,a.jpg\n")
    write("pairs", "folds", b"2\t1\nAnn\t1\t2\nAnn\t1\tBob\t3\nBob\t1\t3\nBob\t2\tZo\xc3\xab\t1\n")
    write("pairs", "dev_windows", b"\xef\xbb\xbf1\r\nAnn 1 2\r\nAnn 1 Bob 3\r\n\r\n")
    write("pairs", "spaces", b"Ann Lee\t1\t2\nAnn Lee\t 1\t Bob\t3 \n")
    for name, a in (("f4", weights(2, 3)), ("u1", np.arange(6, dtype=np.uint8).reshape(1, 2, 3)), ("i8", np.array(5, np.int64)),
                    ("empty", np.zeros((0, 4), np.float32)), ("fortran", np.asfortranarray(weights(2, 3)))):
        out = io.BytesIO()
        np.save(out, a)
        write("npy", name, out.getvalue())
    out = io.BytesIO()
    np.lib.format.write_array(out, weights(3), version=(2, 0))
    write("npy", "version2", out.getvalue())
    plan_seeds()


def plan_seeds():
    head = b"arcface plan 1\nowner fuzz\n"
    choices = b"choice 0\tconv 1x14x14x8\twinograd 4x4\nchoice 2\tconv 1x14x14x8\town blocks\n"
    for name, body in (("choices", head + choices), ("rates", head + b"rates 100.5 8 7e-1 2\n"), ("empty", head)):
        write("plan", name + "_without_end", body)  # the target adds the end
        check = 14695981039346656037
        for byte in body:
            check = (check ^ byte) * 1099511628211 % 2**64
        write("plan", name, body + b"end %016x\n" % check)


# ---- archives of pictures

def photo_archive_seeds():
    noise = np.random.default_rng(11).integers(0, 256, 300, dtype=np.uint8).tobytes()  # of its own: what follows keeps its numbers
    picture, other = b"P5\n15 10\n255\n" + noise[:150], b"P5\n15 10\n255\n" + noise[150:]
    members = (("a.jpg", picture), ("dir/b", other), ("notes.txt", b"notes"), ("../c", picture), ("/d", picture), ("a.jpg", other),
               (".hidden", picture), ("in.zip", b"PK\3\4"), ("zeros.pgm", b"P5\n200 200\n255\n" + bytes(40000)))

    def tar(format):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=format) as t:
            for name, data in members:
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                t.addfile(entry, io.BytesIO(data))
            for kind, name in ((tarfile.SYMTYPE, "soft"), (tarfile.LNKTYPE, "hard"), (tarfile.FIFOTYPE, "pipe"), (tarfile.DIRTYPE, "x" * 150)):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = kind, "a.jpg"
                t.addfile(entry)
        return out.getvalue()

    warnings.simplefilter("ignore", UserWarning)  # two members of a zip have one name, as they should
    for name, format in (("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        write("photo_archive", name + ".tar", tar(format))
    plain = tar(tarfile.GNU_FORMAT)
    write("photo_archive", "gzip.tar", gzip.compress(plain, mtime=0))
    write("photo_archive", "bzip2.tar", bz2.compress(plain))
    write("photo_archive", "xz.tar", lzma.compress(plain))
    write("photo_archive", "zstd.tar", b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(plain)) + struct.pack("<I", len(plain) << 3 | 1)[:3] + plain)
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as z:
            for member, data in members:
                entry = zipfile.ZipInfo(member)
                entry.compress_type = method
                z.writestr(entry, data)
        write("photo_archive", name + ".zip", out.getvalue())
    flags = bytearray(out.getvalue())
    flags[6] |= 1  # the first member is encrypted, it says
    write("photo_archive", "encrypted.zip", bytes(flags))
    write("photo_archive", "lost_list.zip", out.getvalue()[:-30])
    write("photo_archive", "bomb.tar", gzip.compress(plain[:1024] + bytes(6 << 20), mtime=0))


# ---- training data

def golden(name):
    with open(os.path.join(HERE, "..", "golden", "data", name), "rb") as f:
        return f.read()


def data_seeds():
    for name in ("identities", "sequence", "arrays"):
        rec, idx = golden(f"recordio/{name}.rec"), golden(f"recordio/{name}.idx")
        write("recordio", name, rec)
        write("data_set", name, rec)
        write("data_set", name + "_idx", rec + b"\n#idx\n" + idx)
        write("record_index", name, idx)
    picture = golden("images/420.jpg")
    head = lambda flag, label, key: struct.pack("<IfQQ", flag, label, key, 0)
    records = b""
    for key, payload in enumerate((head(0, 0, 0) + picture, head(0, 1, 1) + picture[:200], head(1, 0, 2) + struct.pack("<f", 1) + picture,
                                   head(0xFFFFFFFF, 0, 3), head(0, float("nan"), 4) + picture[:30], b"short", head(0, -1, 6) + b"x")):
        records += struct.pack("<II", 0xCED7230A, len(payload)) + payload + b"\0" * (-len(payload) % 4)
    write("data_set", "pictures", records)
    write("recordio", "parts", struct.pack("<II", 0xCED7230A, 1 << 29) + struct.pack("<II", 0xCED7230A, 2 << 29 | 24) + bytes(24)
          + struct.pack("<II", 0xCED7230A, 3 << 29 | 1) + b"y\0\0\0")
    write("recordio", "huge", struct.pack("<II", 0xCED7230A, 0x1FFFFFFF) + bytes(40) + records[:80])
    write("record_index", "odd", b"1 2\r\n\n18446744073709551616\t3\n-1\t2\nx")
    write("data_set", "list", b"0\t0.000000\tx.lst\n1\t1\t1\tx.rec\n1\tx.rec\t2\t1 2 3 4\nx.lst 3\n\n0\t-1\ty\n")
    write("data_set", "sums", b"arcface sums 1\n" + b"00ff" * 8 + b" 12 1\n" + b"ab" * 16 + b" 3 some/name.jpg\n")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def state(text, arrays, count=None, kind=b"ARCSTATE"):
    out = kind + struct.pack("<II", 1, len(text)) + text
    out += struct.pack("<I", crc32c(out))
    for name, data in arrays:
        out += struct.pack("<H", len(name)) + name + struct.pack("<QI", len(data) // 4, crc32c(data))
        out += b"\0" * (-len(out) % 64) + data
    return out + struct.pack("<HI", 0, len(arrays) if count is None else count)


def train_seeds():
    text = b'{"step": 3, "recipe": {"batch": 8}}'
    numbers = struct.pack("<5f", 1, 2, 3, 4, 5)
    write("state", "two", state(text, [(b"weight/a", numbers), (b"head/centres", b"")]))
    write("state", "empty", state(b"", []))
    write("state", "count", state(text, [(b"a", numbers)], 7))
    broken = bytearray(state(text, [(b"a", numbers)]))
    broken[-10] ^= 1
    write("state", "sum", bytes(broken))
    huge = bytearray(state(b"{}", [(b"a", numbers)]))
    at = huge.index(b"\x01\0a") + 3
    huge[at : at + 8] = b"\xff" * 8
    write("state", "huge", bytes(huge))
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "recipes")
    for name in ("tiny-synth", "subcenter"):
        write("recipe", name, open(os.path.join(folder, name + ".json"), "rb").read())
    write("recipe", "odd", b'{"batch": 1e300, "momentun": 0.9, "milestones": [8, "x", null], "about": "\\u0000", "loss": true}')
    write("recipe", "deep", b"[" * 3000)


def generate_seeds():
    numbers = struct.pack("<5f", 1, 2, 3, 4, 5)
    text = b'{"of": "0123456789abcdef", "step": 9, "halvings": 2, "in_row": 1}'
    write("generate", "state", state(text, [(b"pixels/0", numbers), (b"before/squares/0", b"")], kind=b"ARCGENER"))
    write("generate", "rows", state(text.replace(b"1}", b"7}"), [], kind=b"ARCGENER"))
    write("generate", "text", state(b'{"of": 3}', [], kind=b"ARCGENER"))
    measured = b'{"network": "0123456789abcdef", "places": 1, "crops": 2}'
    write("generate", "measured", state(measured, [(b"mean/0", numbers), (b"deviation/0", numbers)], kind=b"ARCMEASR"))
    write("generate", "short", state(measured.replace(b"def", b""), [], kind=b"ARCMEASR"))


def generated_seeds():
    faces = [
        {"file": "000-Ann_Lee_0001-1.png", "identity": "Ann_Lee_0001", "photo": "Ann_Lee_0001", "judges": [0.3], "target": [0.6, -0.8, 0]},
        {"file": "001-row1-1.png", "identity": "row1", "cosine": 0.9, "target": [1e-3, 0, 1]},
    ]
    write("generated", "run", json.dumps({"steps": 20, "judges": [{"model": "judge.onnx", "cosine": 0.3}], "faces": faces}).encode())
    write("generated", "plain", b'{"faces":[{"file":"a.png"},{"file":"b_12.png","photo":"b_12"}]}')
    write("generated", "outside", b'{"faces":[{"file":"../a.png","target":[1,2]},{"file":"b/c","target":[1]},{"file":".."}]}')
    write("generated", "odd", '{"faces":[{"file":"a","target":[1e29,-0.0]},{"file":"\u00e9_0","identity":"_7","target":[1,true]},7,[]]}'.encode())
    write("generated", "many", b'{"faces":[{"file":"a","target":[' + b"1," * 30 + b"1]}" + b',{"file":"b"}' * 4 + b"]}")
    write("generated", "deep", b"[" * 3000)


def archive_of(members, compression):
    """A tar of (name, bytes); name ending in > is a link to the bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:" + compression, **({"preset": 0} if compression == "xz" else {})) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name.rstrip(">"))
            if name.endswith(">"):
                member.type, member.linkname = tarfile.SYMTYPE, data.decode()
                tar.addfile(member)
            else:
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def blob_of(shaves):
    """A blob of RVC2 with an input [112,112,3,1] and an output [512,1]: headers and tensors, no stages."""
    def entry(name, kind, order, rank, dims):
        return struct.pack("<IiI8siIIiI2I", 0, 0, 8, name, kind, order, rank, 0, dims, 0, 0)
    first, second = entry(b"images", 1, 0x4321, 4, 0), entry(b"output", 0, 0x43, 2, 16)
    at = 52 + 80
    numbers = [9709, 0, 2022, 3, 1, 1, 9, 0, 0, 1, 0, shaves, shaves, 1, 1, 1, at, at + len(first), 0, at + len(first) + len(second)]
    body = first + second + struct.pack("<6I", 112, 112, 3, 1, 512, 1)
    numbers[1] = at + len(body)
    return b"\x7fELF".ljust(52, b"\0") + struct.pack("<20I", *numbers) + body


def archive_seeds():
    def config(path, version="1.0", **input):
        image = {"name": "images", "dtype": "float32", "input_type": "image", "shape": [1, 3, 112, 112], "layout": "NCHW",
                 "preprocessing": {"mean": [0, 0, 0], "scale": [1, 1, 1], "dai_type": "BGR888p"}, **input}
        head = {"name": "embeddings", "parser": "EmbeddingsParser", "metadata": {}, "outputs": ["output"]}
        return json.dumps({"config_version": version, "model": {
            "metadata": {"name": "face", "path": path}, "inputs": [image],
            "outputs": [{"name": "output", "dtype": "float32", "shape": [1, 512], "layout": "NF"}], "heads": [head]}}).encode()
    network = open(os.path.join(HERE, "corpus", "onnx", sorted(os.listdir(os.path.join(HERE, "corpus", "onnx")))[0]), "rb").read()
    blob = blob_of(8)
    patch = b"BSDIFF40" + bytes(8)
    sizes = [len(blob)] + [len(patch) if shaves in (4, 6) else 0 for shaves in range(1, 17)]
    superblob = struct.pack(">17Q", *sizes) + blob + patch + patch
    write("archive", "onnx.xz", archive_of([("face.onnx", network), ("config.json", config("face.onnx"))], "xz"))
    write("archive", "blob.gz", archive_of([("face.blob", blob), ("config.json", config("face.blob"))], "gz"))
    write("archive", "plain", archive_of([("face.superblob", superblob), ("config.json", config("face.superblob"))], ""))
    write("archive", "odd", archive_of([("../face.dlc", b"x"), ("face.dlc>", b"/etc/passwd"), ("config.json", config(
        "face.dlc", "9.7", layout="nhwc", shape=[0, -1], preprocessing={"scale": [0], "dai_type": "BGR"}))], ""))
    write("archive", "nonsense", archive_of([("config.json", b'{"model": [1, {"inputs": 3}], "heads": null}')], ""))
    write("archive", "blob", blob)
    write("archive", "superblob", superblob)
    for name in ("blob", "superblob"):
        write("blob", name, {"blob": blob, "superblob": superblob}[name])
    write("blob", "rvc3", b"\0\0\0\0BLOB" + bytes(64))
    far = bytearray(blob)
    far[52 + 16 * 4 : 52 + 20 * 4] = b"\xf0\xff\xff\xff" * 4
    write("blob", "far", bytes(far))
    long = bytearray(blob)
    long[132 + 8 : 132 + 12] = b"\xff\xff\xff\x7f"
    write("blob", "long_name", bytes(long))
    write("blob", "no_base", struct.pack(">17Q", 1 << 63, *[1 << 62] * 16) + blob)
    for path in ("face.onnx", "face.blob", "face.dlc"):
        write("archive_config", path, config(path))
    detector = json.loads(config("face.onnx"))
    detector["model"]["inputs"][0]["shape"] = [1, 3, 320, 320]
    for parser, outputs in (("SCRFDParser", {"score_8": 1, "bbox_8": 4, "kps_8": 10}), ("YuNetParser", {"loc": 14, "conf": 2, "iou": 1})):
        detector["model"]["outputs"] = [{"name": name, "dtype": "float32", "shape": [5875, columns]} for name, columns in outputs.items()]
        detector["model"]["heads"] = [{"parser": parser, "metadata": {}, "outputs": list(outputs)}]
        write("archive_config", parser, json.dumps(detector).encode())
    write("archive_config", "odd", config("face.dlc", "9.7", layout="nhwc", shape=[0, -1], preprocessing={"scale": [0], "dai_type": "BGR"}))
    write("archive_config", "nonsense", b'{"model": [1, {"inputs": 3}], "heads": null}')
    write("archive_config", "deep", b"[" * 3000)


# ---- index of templates

INDEX_ARRAYS = [("code", 64), ("sketch", 8), ("bias", 4), ("scale", 4), ("error", 4), ("length", 4), ("id", 8), ("owner", 8),
                ("code_crc", 4), ("row_crc", 4), ("row", 16)]  # of 4 numbers; bytes for each of 256 places


def index_place(number, identity, owner):
    row = np.array([1, 0, 0, 0] if number % 2 else [0.6, 0.8, 0, 0], np.float32)
    scale = np.float32(row.max() / np.float32(127))
    code = np.full(64, 128, np.uint8)
    code[:4] = 128 + np.rint(row / scale).astype(int)
    numbers = {"scale": scale, "error": np.float32(0.005), "length": np.float32(1.0001)}
    place = {name: value.tobytes() for name, value in numbers.items()}
    place |= {"code": code.tobytes(), "sketch": struct.pack("<Q", number), "bias": struct.pack("<i", 8), "id": struct.pack("<q", identity),
              "owner": struct.pack("<q", owner), "row": row.tobytes()}
    tail = place["scale"] + place["error"] + place["length"] + place["bias"] + place["id"] + place["owner"]
    place["code_crc"] = struct.pack("<I", crc32c(place["code"] + place["sketch"] + tail))
    place["row_crc"] = struct.pack("<I", crc32c(place["row"]))
    return place


def index_record(used, live, version=1, form=1, dim=4, segment=32768):
    record = struct.pack("<8sII16sIIIIQqq16sQ32s", b"ARCINDEX", form, 0, b"", dim, 1, 1, 0, segment, used, live, b"name", version, b"stamp")
    return record[:16] + struct.pack("<I", crc32c(record)) + record[20:]


def index(places, first, second=b"", right=0):
    segments = b""
    for begin in range(0, len(places), 256):
        for name, size in INDEX_ARRAYS:
            segments += b"".join(p[name] if p else bytes(size) for p in places[begin:begin + 256]).ljust(256 * size, b"\0")
    header = (first.ljust(2048, b"\0") + second).ljust(4096, b"\0")
    return header[:4000] + bytes([right]) + header[4001:] + segments


def index_seeds():
    three = [index_place(i, i + 2, i % 2) for i in range(3)]
    write("index", "three", index(three, index_record(3, 3)))
    write("index", "removed", index(three[:1] + [None] + three[2:], index_record(3, 2), index_record(3, 2, 2)))
    write("index", "second", index(three, index_record(1, 1), index_record(3, 3, 2)))
    write("index", "many", index(three, index_record(257, 3), right=1))
    write("index", "huge", index(three, index_record(2**32 - 300, 3)))
    write("index", "negative", index(three, index_record(-1, 0)))
    write("index", "newer", index(three, index_record(3, 3, form=2)))
    write("index", "twice", index(three + [index_place(3, 2, 1)], index_record(4, 4)))
    write("index", "sum", index([{**three[0], "scale": b"\0\0\xc0\x7f"}], index_record(1, 1)))


onnx_seeds()
mxnet_seeds()
pickle_seeds()
bin_seeds()
torch_seeds()
other_seeds()
data_seeds()
train_seeds()
generate_seeds()
generated_seeds()
onnx_bodies()
external_seeds()
safetensors_seeds()
onnx_contrib()
# ---- exported galleries


def exported_item(kind, about=None, embedding=(), crop=b""):
    text = json.dumps(about).encode() if about is not None else b""
    item = struct.pack("<BII", kind, len(text), len(embedding)) + text + np.array(embedding, np.float32).tobytes() + crop
    return struct.pack("<I", len(item)) + item


def exported_npy(rows):
    stream = io.BytesIO()
    np.save(stream, np.array(rows, np.float32))
    return stream.getvalue()


def exported_seeds():
    binding = {"align": "", "dim": 2, "fusion": 0, "generation": 1, "model_name": "m", "model_sha256": "", "protection": "", "sketch": False,
               "threshold": 0.3, "typical_norm": 0.0}
    head = {"arcface_gallery": 1, "counts": {"people": 1, "templates": 2, "negatives": 1}, "binding": binding}
    ann = {"name": "Ann", "created_ms": 1, "changed_ms": 2, "threshold": 0.4, "note": {"room": [1, None]}}
    first = {"created_ms": 1, "quality": 0.5, "detail": {"score": 0.9}, "source_sha256": "00" * 32}
    second = {"created_ms": 3}
    items = [exported_item(1, head), exported_item(2, ann), exported_item(3, first, (0.6, 0.8)), exported_item(3, second, (1, 0), b"no picture"),
             exported_item(4, {"created_ms": 4}, (0, 1)), exported_item(5)]
    write("exported", "sealed", b"S" + b"".join(items[:3] + items[4:]))
    write("exported", "sealed_crop", b"S" + b"".join(items))
    write("exported", "sealed_order", b"S" + b"".join(items[:1] + items[2:4] + items[1:2] + items[4:]))
    write("exported", "sealed_no_end", b"S" + b"".join(items[:5]))
    write("exported", "file", b"arcgall1" + bytes(200))
    person = ann | {"templates": [first | {"row": 0}, second | {"row": 1}], "negatives": [{"created_ms": 4, "row": 2}]}
    people = json.dumps(head | {"people": [person]}).encode()
    npy = exported_npy([(0.6, 0.8), (1, 0), (0, 1)])
    for name, text, rows in (("folder", people, npy), ("folder_rows", people, exported_npy([(0.6, 0.8)])),
                             ("folder_crop", people.replace(b'"row": 1', b'"row": 1, "crop": "crops/../../x.png"'), npy),
                             ("folder_newer", people.replace(b'"arcface_gallery": 1', b'"arcface_gallery": 2'), npy),
                             ("folder_deep", people.replace(b'[1, null]', b"[" * 90 + b"]" * 90), npy),
                             ("folder_nan", people, exported_npy([(float("nan"), 0.8), (1, 0), (0, 1)]))):
        write("exported", name, b"F" + struct.pack("<I", len(text)) + text + rows)


archive_seeds()
onnx_turns()
photo_archive_seeds()
onnx_nhwc()
index_seeds()
exported_seeds()
