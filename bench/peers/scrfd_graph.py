"""A detector with the layers of SCRFD-10G at 640x640 and weights from a seed: how fast a network runs does not depend on what it has learnt,
and the trained file may not be shared.

    scrfd_graph.py OUTPUT.onnx

ResNet with a deep stem and stages of 3, 4, 2 and 3 blocks, PAFPN of 56 channels, heads of three convolutions of 80 channels at strides 8, 16 and
32 with two anchors each; normalisation is folded into the convolutions. Outputs as InsightFace's: scores, boxes, points, each by stride.
"""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, STRIDES, ANCHORS = 640, (8, 16, 32), 2
PLANES, DEPTHS, NECK, HEAD = (56, 88, 88, 224), (3, 4, 2, 3), 56, 80


class Graph:
    def __init__(self):
        self.random = numpy.random.default_rng(1)
        self.nodes, self.constants, self.channels = [], [], {"input.1": 3}

    def node(self, op, inputs, channels, name=None, **attributes):
        out = name or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        self.channels[out] = channels
        return out

    def constant(self, value, dtype=numpy.float32):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.asarray(value, dtype), name))
        return name

    def conv(self, x, planes, kernel=3, stride=1, relu=True, gain=1.0):
        fan_in = self.channels[x] * kernel * kernel
        weights = self.random.standard_normal((planes, self.channels[x], kernel, kernel)) * gain * (2 / fan_in) ** 0.5
        bias = self.random.standard_normal(planes) * 0.1
        out = self.node("Conv", [x, self.constant(weights), self.constant(bias)], planes, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                        pads=[kernel // 2] * 4)
        return self.node("Relu", [out], planes) if relu else out

    def add(self, a, b, relu=False):
        out = self.node("Add", [a, b], self.channels[a])
        return self.node("Relu", [out], self.channels[a]) if relu else out

    def block(self, x, planes, stride):
        short = x
        if stride > 1:
            short = self.node("AveragePool", [x], self.channels[x], kernel_shape=[2, 2], strides=[2, 2])
        if stride > 1 or self.channels[x] != planes:
            short = self.conv(short, planes, kernel=1, relu=False, gain=0.7)
        return self.add(self.conv(self.conv(x, planes, stride=stride), planes, relu=False, gain=0.3), short, relu=True)

    def twice(self, x):
        return self.node("Resize", [x, "", self.constant([1, 1, 2, 2])], self.channels[x], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")

    def rows(self, x, columns, name, sigmoid=False):
        x = self.node("Transpose", [x], self.channels[x], perm=[0, 2, 3, 1])
        x = self.node("Reshape", [x, self.constant([-1, columns], numpy.int64)], columns, None if sigmoid else name)
        return self.node("Sigmoid", [x], columns, name) if sigmoid else x


def backbone(g):
    x = "input.1"
    for planes, stride in ((28, 2), (28, 1), (56, 1)):
        x = g.conv(x, planes, stride=stride)
    x = g.node("MaxPool", [x], 56, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    levels = []
    for stage, (planes, depth) in enumerate(zip(PLANES, DEPTHS)):
        for i in range(depth):
            x = g.block(x, planes, 2 if stage > 0 and i == 0 else 1)
        levels.append(x)
    return levels[1:]


def neck(g, levels):
    down = [g.conv(x, NECK, kernel=1, relu=False) for x in levels]
    for i in (1, 0):
        down[i] = g.add(down[i], g.twice(down[i + 1]))
    up = [g.conv(x, NECK, relu=False) for x in down]
    for i in (1, 2):
        up[i] = g.add(up[i], g.conv(up[i - 1], NECK, stride=2, relu=False))
    return up[:1] + [g.conv(x, NECK, relu=False) for x in up[1:]]


def main():
    g = Graph()
    kinds = {"score": 1, "bbox": 4, "kps": 10}
    for x, stride in zip(neck(g, backbone(g)), STRIDES):
        for _ in range(3):
            x = g.conv(x, HEAD)
        for kind, columns in kinds.items():
            g.rows(g.conv(x, ANCHORS * columns, relu=False), columns, f"{kind}_{stride}", sigmoid=kind == "score")
    outputs = [helper.make_tensor_value_info(f"{kind}_{stride}", TensorProto.FLOAT, [ANCHORS * (SIDE // stride) ** 2, columns])
               for kind, columns in kinds.items() for stride in STRIDES]
    image = helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    graph = helper.make_graph(g.nodes, "scrfd_10g_like", [image], outputs, g.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[1])


if __name__ == "__main__":
    main()
