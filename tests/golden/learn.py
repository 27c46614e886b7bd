#!/usr/bin/env python3
"""Goldens of learning: what PyTorch gives for small networks whose weights and images both sides draw from names (tests/unit/learn_support.h).

usage: learn.py OUTPUT_FOLDER       (with PyTorch; the files in tests/golden/data came from 2.x on a CPU, in double)

learn_<net>.txt: one line a tensor, `kind name count norm dot sample...`: the Euclidean norm, the scalar product with the stream
"probe", and SAMPLES elements at even distances. Kinds: forward (the embeddings), gradient, statistic (running ones after one forward), image (its gradient).

The slopes of PReLU lie near 1. An input within rounding of zero may fall on either side of the kink, and then its gradient jumps by (1 - slope): with
slopes of 0.25 PyTorch's own float32 differs from its float64 by 6e-3 in mbf. Slopes of any size are tested layer by layer (test_learn_layers.c).

The loss is the scalar product of the embeddings with the stream "loss". Another golden: make a module here, call run() and write().
"""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

SAMPLES = 8


def numbers(name, count, scale=1.0, offset=0.0):
    """learn_number() of learn_support.h for i < count."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    i = np.arange(count, dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = np.uint32(h) + i * np.uint32(0x9E3779B9)
        h = (h ^ h >> np.uint32(16)) * np.uint32(0x85EBCA6B)
        h = (h ^ h >> np.uint32(13)) * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    unit = (h >> np.uint32(8)).astype(np.float32) / np.float32(8388608) - np.float32(1)
    return unit * np.float32(scale) + np.float32(offset)


def draw(module):
    """learn_draw() for every parameter and running statistic."""
    slopes = {id(m.weight) for m in module.modules() if isinstance(m, nn.PReLU)}
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("num_batches_tracked"):
            continue
        scale, offset = 0.2, 0.0
        if tensor.dim() in (2, 4):
            scale = float(np.float32(np.sqrt(6 / np.prod(tensor.shape[1:]))))
        elif name == "features.weight":
            scale, offset = 0.0, 1.0
        elif name.endswith("running_var"):
            scale, offset = 0.5, 1.0
        elif id(tensor) in slopes:
            scale, offset = 0.001, 0.998
        elif name.endswith("weight"):
            scale, offset = 0.4, 1.0
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(numbers(name, tensor.numel(), scale, offset).reshape(tensor.shape)))


class Block(nn.Module):
    def __init__(self, inside, out, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.prelu = nn.PReLU(out)
        self.conv2 = nn.Conv2d(out, out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """arcface_torch's; blocks, width of the first stage, side of the images and embedding length are free."""

    def __init__(self, blocks, width, side, dim):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        inside = width
        for stage, count in enumerate(blocks):
            layers = []
            for block in range(count):
                layers.append(Block(inside, width << stage, 1 if block else 2))
                inside = width << stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            side = (side - 1) // 2 + 1
        self.bn2 = nn.BatchNorm2d(inside)
        self.fc = nn.Linear(inside * side * side, dim)
        self.features = nn.BatchNorm1d(dim)
        self.features.weight.requires_grad = False

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class ConvBlock(nn.Module):
    def __init__(self, inside, out, kernel, stride, pad, groups, act=True):
        super().__init__()
        layers = [nn.Conv2d(inside, out, kernel, stride, pad, groups=groups, bias=False), nn.BatchNorm2d(out)]
        self.layers = nn.Sequential(*layers, *([nn.PReLU(out)] if act else []))

    def forward(self, x):
        return self.layers(x)


class DepthWise(nn.Module):
    def __init__(self, inside, out, groups, stride, residual=False):
        super().__init__()
        self.residual = residual
        self.layers = nn.Sequential(ConvBlock(inside, groups, 1, 1, 0, 1), ConvBlock(groups, groups, 3, stride, 1, groups),
                                    ConvBlock(groups, out, 1, 1, 0, 1, act=False))

    def forward(self, x):
        y = self.layers(x)
        return x + y if self.residual else y


class Residual(nn.Module):
    def __init__(self, channels, count, groups):
        super().__init__()
        self.layers = nn.Sequential(*[DepthWise(channels, channels, groups, 1, True) for _ in range(count)])

    def forward(self, x):
        return self.layers(x)


class GDC(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.layers = nn.Sequential(ConvBlock(512, 512, 7, 1, 0, 512, act=False), nn.Flatten(), nn.Linear(512, dim, bias=False), nn.BatchNorm1d(dim))

    def forward(self, x):
        return self.layers(x)


class MobileFaceNet(nn.Module):
    """arcface_torch's mbf: scale 2, blocks 1 4 6 2; images in 0..255 as our graph takes them."""

    def __init__(self, dim):
        super().__init__()
        self.layers = nn.ModuleList([ConvBlock(3, 128, 3, 2, 1, 1), ConvBlock(128, 128, 3, 1, 1, 64), DepthWise(128, 128, 128, 2),
                                     Residual(128, 4, 128), DepthWise(128, 256, 256, 2), Residual(256, 6, 256), DepthWise(256, 256, 512, 2),
                                     Residual(256, 2, 256)])
        self.conv_sep = ConvBlock(256, 512, 1, 1, 0, 1)
        self.features = GDC(dim)

    def forward(self, x):
        x = (x - 127.5) / 127.5
        for layer in self.layers:
            x = layer(x)
        return self.features(self.conv_sep(x))


def line(kind, name, tensor):
    x = tensor.detach().double().reshape(-1).numpy()
    samples = x[np.arange(SAMPLES) * len(x) // SAMPLES]
    probe = float(x @ numbers("probe", len(x)).astype(np.float64))
    return " ".join([kind, name, str(len(x)), *(f"{v:.9g}" for v in [np.linalg.norm(x), probe, *samples])]) + "\n"


def run(module, batch, side, scale, offset):
    """One forward and backward; the lines of the golden."""
    draw(module)
    module.double().train()
    images = torch.from_numpy(numbers("images", batch * 3 * side * side, scale, offset).reshape(batch, 3, side, side)).double().requires_grad_()
    out = module(images)
    loss = torch.from_numpy(numbers("loss", out.numel()).reshape(out.shape)).double()
    (out * loss).sum().backward()
    lines = [line("forward", "output", out)]
    lines += [line("gradient", name, p.grad) for name, p in module.named_parameters() if p.requires_grad]
    lines += [line("statistic", name, b) for name, b in module.named_buffers() if not name.endswith("num_batches_tracked")]
    return lines + [line("image", "images", images.grad)]


def write(folder, name, lines):
    (Path(folder) / f"learn_{name}.txt").write_text("".join(lines))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(sys.argv[1], "r10", run(IResNet([1, 1, 1, 1], 64, 56, 64), 4, 56, 1.0, 0.0))
    write(sys.argv[1], "mbf", run(MobileFaceNet(64), 4, 112, 127.5, 127.5))


if __name__ == "__main__":
    main()
