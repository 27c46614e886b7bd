#!/usr/bin/env python3
"""Writes tests/golden/data/mxnet: a small `fresnet` as MXNet writes it and what it gives, computed here layer by layer in float64.

The traps of ALGORITHMS 1.2 are in it: normalisation inside the graph, eps 2e-5 beside MXNet's default 1e-3, fix_gamma (default and written)
with a stored gamma other than 1, PReLU slopes of shape [C], a squeeze-and-excitation branch. Needs numpy and onnx (for make_corpus)."""
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "fuzz"))
from make_corpus import Symbol  # noqa: E402

rng = np.random.default_rng(11)


def convolve(x, w, stride, pad):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    k, side = w.shape[2], (x.shape[1] - w.shape[2]) // stride + 1
    y = np.zeros((w.shape[0], side, side))
    for i in range(side):
        for j in range(side):
            y[:, i, j] = np.tensordot(w, x[:, i * stride:i * stride + k, j * stride:j * stride + k], 3)
    return y


class Net(Symbol):
    """A symbol whose nodes also carry their value."""

    def __init__(self, image):
        super().__init__()
        self.value = {self.variable("data"): image}

    def array(self, *shape, low=None, high=None):
        a = rng.normal(0, np.prod(shape[1:] or (1,)) ** -0.5, shape) if low is None else rng.uniform(low, high, shape)
        return a.astype(np.float32)

    def put(self, value, *node):
        index = self.add(*node)
        self.value[index] = value
        return index

    def scalar(self, x, op, name, number):
        v = self.value[x] - number if op == "_minus_scalar" else self.value[x] * number
        return self.put(v, op, name, [x], {"scalar": number})

    def convolution(self, x, name, out, kernel, stride=1, bias=False):
        pad = kernel // 2
        w = self.array(out, self.value[x].shape[0], kernel, kernel)
        inputs, value = [x, self.variable(name + "_weight", w)], convolve(self.value[x], w.astype(float), stride, pad)
        if bias:
            b = self.array(out)
            inputs.append(self.variable(name + "_bias", b))
            value = value + b.astype(float)[:, None, None]
        return self.put(value, "Convolution", name, inputs,
                        {"num_filter": out, "kernel": (kernel, kernel), "stride": (stride, stride), "pad": (pad, pad), "no_bias": not bias})

    def norm(self, x, name, **attrs):
        c = self.value[x].shape[0]
        gamma, beta, mean, var = self.array(c, low=.5, high=1.5), self.array(c, low=-.5, high=.5), self.array(c, low=-.5, high=.5), \
            self.array(c, low=.001, high=1)
        inputs = [x, self.variable(name + "_gamma", gamma), self.variable(name + "_beta", beta),
                  self.variable(name + "_moving_mean", mean, True), self.variable(name + "_moving_var", var, True)]
        shape = (c,) + (1,) * (self.value[x].ndim - 1)
        scale = (1.0 if attrs.get("fix_gamma", True) else gamma.astype(float)) / np.sqrt(var.astype(float) + attrs.get("eps", 1e-3))
        value = (self.value[x] - mean.astype(float).reshape(shape)) * np.reshape(scale, shape if np.ndim(scale) else ()) \
            + beta.astype(float).reshape(shape)
        return self.put(value, "BatchNorm", name, inputs, attrs)

    def prelu(self, x, name):
        slope = self.array(self.value[x].shape[0], low=-.2, high=.6)
        v = self.value[x]
        value = np.where(v > 0, v, v * slope.astype(float)[:, None, None])
        return self.put(value, "LeakyReLU", name, [x, self.variable(name + "_gamma", slope)], {"act_type": "prelu"})

    def unit(self, x, name, out, stride):
        kind = {"fix_gamma": False, "eps": 2e-5, "momentum": 0.9}
        y = self.convolution(self.norm(x, name + "_bn1", **kind), name + "_conv1", out, 3)
        y = self.prelu(self.norm(y, name + "_bn2", **kind), name + "_relu1")
        y = self.norm(self.convolution(y, name + "_conv2", out, 3, stride), name + "_bn3", **kind)
        e = self.put(self.value[y].mean((1, 2), keepdims=True), "Pooling", name + "_se_pool1", [y],
                     {"global_pool": True, "kernel": (7, 7), "pool_type": "avg"})
        e = self.prelu(self.convolution(e, name + "_se_conv1", 2, 1, bias=True), name + "_se_relu1")
        e = self.convolution(e, name + "_se_conv2", out, 1, bias=True)
        e = self.put(1 / (1 + np.exp(-self.value[e])), "Activation", name + "_se_sigmoid", [e], {"act_type": "sigmoid"})
        y = self.put(self.value[y] * self.value[e], "broadcast_mul", name + "_se", [y, e], {})
        if stride > 1:
            x = self.norm(self.convolution(x, name + "_conv1sc", out, 1, stride), name + "_sc")  # MXNet's defaults
        return self.put(self.value[y] + self.value[x], "elemwise_add", name + "_plus", [y, x], {})


def main():
    image = rng.integers(0, 256, (3, 16, 16)).astype(np.float32)
    net = Net(image.astype(float))
    x = net.scalar(net.scalar(0, "_minus_scalar", "_minusscalar0", 127.5), "_mul_scalar", "_mulscalar0", 0.0078125)
    x = net.prelu(net.norm(net.convolution(x, "conv0", 8, 3), "bn0", fix_gamma=False, eps=2e-5), "relu0")
    x = net.unit(net.unit(x, "stage1_unit1", 12, 2), "stage1_unit2", 12, 1)
    x = net.norm(x, "bn1", fix_gamma=False, eps=2e-5)
    x = net.put(net.value[x], "Dropout", "dropout0", [x], {"p": 0.4})
    w, b = net.array(16, 12 * 8 * 8), net.array(16)
    x = net.put(w.astype(float) @ net.value[x].ravel() + b, "FullyConnected", "pre_fc1",
                [x, net.variable("pre_fc1_weight", w), net.variable("pre_fc1_bias", b)], {"num_hidden": 16})
    x = net.norm(x, "fc1", fix_gamma=True, eps=2e-5)
    symbol, params = net.bytes(x).split(b"\0", 1)
    folder = HERE / "data" / "mxnet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fresnet-symbol.json").write_bytes(symbol)
    (folder / "fresnet-0000.params").write_bytes(params)
    np.save(folder / "image.npy", image[None])
    np.save(folder / "embedding.npy", net.value[x].astype(np.float32)[None])


if __name__ == "__main__":
    main()
