#!/usr/bin/env python3
"""Writes a transformer of the sizes that face recognition uses, with random weights, as ONNX: transformer_graph.py vit_s|edgeface_xs OUT.onnx

    vit_s        ViT-S for 112x112: patches of 8 (196 tokens and a class token), width 384, 12 blocks, 6 heads, MLP of 1536, Gelu
    edgeface_xs  EdgeFace-XS (gamma 0.6): EdgeNeXt X-Small for 112x112 with every linear layer factored into two, depthwise convolutions of 3x3
                 to 9x9, LayerNormalization over channels, Gelu, and attention between channels instead of pixels

The graph is that of torch.onnx.export's present default (opset 20); with --exporter torchscript that of the older one (opset 17: Gelu spelt out
with Erf). Both have a free batch. Needs torch and onnxscript.
"""
import argparse
import math
import warnings

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width)
        x = x + self.proj(y)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, width=384, depth=12, heads=6, patch=8, side=112, features=512):
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.place = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, 4 * width) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, features)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.place
        return self.head(self.norm(self.blocks(x))[:, 0])


class Factored(nn.Sequential):
    """A linear layer as two, through 0.6 of the lesser width."""

    def __init__(self, wide, out):
        rank = max(2, int(0.6 * min(wide, out)))
        super().__init__(nn.Linear(wide, rank, bias=False), nn.Linear(rank, out))


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = Factored(width, 4 * width), Factored(4 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        return self.scale * self.down(F.gelu(self.up(self.norm(x))))


class ConvBlock(nn.Module):
    def __init__(self, width, side):
        super().__init__()
        self.depthwise, self.mlp = nn.Conv2d(width, width, side, padding=side // 2, groups=width), Mlp(width)

    def forward(self, x):
        return x + self.mlp(self.depthwise(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SplitBlock(nn.Module):
    """Depthwise convolutions over slices of the channels, each with the sum of the one before; then attention between channels."""

    def __init__(self, width, scales, heads=4, places=False):
        super().__init__()
        self.heads, self.part = heads, math.ceil(width / scales)
        self.convs = nn.ModuleList(nn.Conv2d(self.part, self.part, 3, padding=1, groups=self.part) for _ in range(scales - 1))
        self.place = nn.Parameter(torch.randn(1, width, 14, 14) * 0.02) if places else None
        self.norm, self.qkv, self.proj = nn.LayerNorm(width, eps=1e-6), Factored(width, 3 * width), Factored(width, width)
        self.temperature, self.scale = nn.Parameter(torch.ones(heads, 1, 1)), nn.Parameter(torch.full((width,), 0.5))
        self.mlp = Mlp(width)

    def forward(self, x):
        n, width, high, wide = x.shape
        parts, made = list(x.split(self.part, 1)), []
        for i, conv in enumerate(self.convs):
            made.append(conv(parts[i] if i == 0 else made[-1] + parts[i]))
        y = torch.cat((*made, parts[-1]), 1)
        y = y + self.place if self.place is not None else y
        y = y.reshape(n, width, high * wide).permute(0, 2, 1)
        q, k, v = self.qkv(self.norm(y)).reshape(n, high * wide, 3, self.heads, width // self.heads).permute(2, 0, 3, 4, 1)
        attention = (F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature).softmax(-1)
        y = y + self.scale * self.proj((attention @ v).permute(0, 3, 1, 2).reshape(n, high * wide, width))
        y = y.reshape(n, high, wide, width)
        return x + self.mlp(y).permute(0, 3, 1, 2)


class EdgeFace(nn.Module):
    def __init__(self, widths=(32, 64, 100, 192), depths=(3, 3, 9, 3), sides=(3, 5, 7, 9), scales=(2, 2, 3, 4), features=512):
        super().__init__()
        layers = [nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0], eps=1e-6)]
        for i, width in enumerate(widths):
            if i > 0:
                layers += [ChannelNorm(widths[i - 1], eps=1e-6), nn.Conv2d(widths[i - 1], width, 2, 2)]
            layers += [ConvBlock(width, sides[i]) for _ in range(depths[i] - (i > 0))]
            layers += [SplitBlock(width, scales[i], places=i == 1)] if i > 0 else []
        self.layers, self.norm, self.head = nn.Sequential(*layers), nn.LayerNorm(widths[-1], eps=1e-6), Factored(widths[-1], features)

    def forward(self, x):
        return self.head(self.norm(self.layers(x).mean((2, 3))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=("vit_s", "edgeface_xs"))
    parser.add_argument("output")
    parser.add_argument("--exporter", choices=("default", "torchscript"), default="default")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(1)
    net, example = (ViT() if args.network == "vit_s" else EdgeFace()).eval(), torch.randn(2, 3, 112, 112)
    if args.exporter == "default":
        torch.onnx.export(net, (example,), args.output, opset_version=20, input_names=["data"], output_names=["feature"],
                          dynamic_shapes=({0: torch.export.Dim("N")},), external_data=False, verbose=False)
    else:
        torch.onnx.export(net, (example,), args.output, opset_version=17, input_names=["data"], output_names=["feature"],
                          dynamic_axes={"data": {0: "N"}, "feature": {0: "N"}}, dynamo=False)


if __name__ == "__main__":
    main()
