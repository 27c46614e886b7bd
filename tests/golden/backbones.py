#!/usr/bin/env python3
"""Checkpoints of the backbones that people have, through `arcface embed` against PyTorch itself.

usage: backbones.py ARCFACE [NAME ...]
       backbones.py --write FOLDER

The nets are written anew here after their definitions: IR and IR-SE of face.evoLVe, InsightFace_Pytorch and AdaFace, MobileFaceNet of
InsightFace_Pytorch, GhostNet and GhostFaceNet V1 and V2, ViT of arcface_torch and CVLface with and without KPRPE, Swin of FaceX-Zoo,
SwinFace, Microsoft and timm, EdgeNeXt, IResNet with squeeze and excitation, LResNet-IR with MXNet's names. The first form gives each whole
net, with random weights, to arcface and compares embeddings; it also saves one in every container, wrapper and type. The second writes nets
of the same layers with few channels and what they give of a picture that tests/unit/test_checkpoints.c makes from the same formula. Exit
status: 0 all agree, 1 one differs, 77 PyTorch is not installed.
"""
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    print("skipped: python has no torch")
    sys.exit(77)




# ---- IR nets: face.evoLVe, InsightFace_Pytorch (no BatchNorm between the convolutions), AdaFace -------------------------------


class Squeeze(nn.Module):
    def __init__(self, c, reduction):
        super().__init__()
        self.fc1 = nn.Conv2d(c, c // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(c // reduction, c, 1, bias=False)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))))


class IRBlock(nn.Module):
    def __init__(self, inside, out, stride, kind, se, reduction):
        super().__init__()
        self.shortcut_layer = nn.MaxPool2d(1, stride)
        if inside != out:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        if kind == "evolve":
            layers = [nn.BatchNorm2d(inside), nn.Conv2d(inside, out, 3, 1, 1, bias=False), nn.PReLU(out),
                      nn.Conv2d(out, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)]
        elif kind == "ada":
            layers = [nn.BatchNorm2d(inside), nn.Conv2d(inside, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.PReLU(out),
                      nn.Conv2d(out, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)]
        else:
            thin = out // 4
            layers = [nn.BatchNorm2d(inside), nn.Conv2d(inside, thin, 1, bias=False), nn.BatchNorm2d(thin), nn.PReLU(thin),
                      nn.Conv2d(thin, thin, 3, 1, 1, bias=False), nn.BatchNorm2d(thin), nn.PReLU(thin),
                      nn.Conv2d(thin, out, 1, stride, bias=False), nn.BatchNorm2d(out)]
        self.res_layer = nn.Sequential(*layers)
        if se:
            name = str(len(layers)) if kind == "evolve" else "se_block"
            self.res_layer.add_module(name, Squeeze(out, reduction))

    def forward(self, x):
        return self.shortcut_layer(x) + self.res_layer(x)


class IR(nn.Module):
    def __init__(self, blocks, kind="evolve", se=False, width=64, dim=512, reduction=16):
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.PReLU(width))
        body, inside = [], width
        for stage, count in enumerate(blocks):
            out = (width << stage) * (4 if kind == "bottleneck" else 1)
            for i in range(count):
                body.append(IRBlock(inside, out, 2 if i == 0 else 1, kind, se, reduction))
                inside = out
        self.body = nn.Sequential(*body)
        self.output_layer = nn.Sequential(nn.BatchNorm2d(inside), nn.Dropout(), nn.Flatten(), nn.Linear(inside * 49, dim),
                                          nn.BatchNorm1d(dim, affine=kind == "evolve"))

    def forward(self, x):
        return self.output_layer(self.body(self.input_layer(x)))


# ---- IResNet with SE, improved blocks of InsightFace-v2 and arcface-pytorch, MXNet's names --------------------------------------


class LinearSqueeze(nn.Module):
    def __init__(self, c, reduction):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(c, c // reduction), nn.PReLU(), nn.Linear(c // reduction, c), nn.Sigmoid())

    def forward(self, x):
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]


class ResBlock(nn.Module):
    """improved: names from bn0 on, convolutions of the block's own input width, one PReLU that comes twice."""

    def __init__(self, inside, out, stride, improved, se, reduction, eps):
        super().__init__()
        names = ("bn0", "bn1", "bn2") if improved else ("bn1", "bn2", "bn3")
        mid = inside if improved else out
        for name, width in zip(names, (inside, mid, out)):
            setattr(self, name, nn.BatchNorm2d(width, eps=eps))
        self.norms = names
        self.conv1 = nn.Conv2d(inside, mid, 3, 1, 1, bias=False)
        self.prelu = nn.PReLU() if improved else nn.PReLU(mid)
        self.conv2 = nn.Conv2d(mid, out, 3, stride, 1, bias=False)
        self.se = LinearSqueeze(out, reduction) if se == "linear" else Squeeze(out, reduction) if se else nn.Identity()
        self.downsample, self.improved = nn.Identity(), improved
        if stride != 1 or inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out, eps=eps))

    def forward(self, x):
        first, second, third = (getattr(self, name) for name in self.norms)
        y = self.se(third(self.conv2(self.prelu(second(self.conv1(first(x)))))))
        y = y + self.downsample(x)
        return self.prelu(y) if self.improved else y


class ResNet(nn.Module):
    def __init__(self, blocks, improved=False, se=None, width=64, dim=512, reduction=16, eps=1e-5, mxnet=False):
        super().__init__()
        self.improved = improved
        self.scale = 127.5 / 128 if mxnet else 1
        self.conv1 = nn.Conv2d(3, width, 3, 1, 0 if improved else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, eps=eps)
        self.prelu = nn.PReLU() if improved else nn.PReLU(width)
        inside = width
        for stage, count in enumerate(blocks):
            layer = []
            for i in range(count):
                stride = 2 if i == 0 and not (improved and stage == 0) else 1
                layer.append(ResBlock(inside, width << stage, stride, improved, se, reduction, eps))
                inside = width << stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.bn2 = nn.BatchNorm2d(inside, eps=eps)
        self.fc = nn.Linear(inside * 49, dim)
        setattr(self, "bn3" if improved else "features", nn.BatchNorm1d(dim, eps=eps))
        if mxnet:
            self._register_state_dict_hook(lambda module, state, prefix, meta: mxnet_names(state))

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x * self.scale)))
        if self.improved:
            x = F.max_pool2d(x, 2, 2)
        x = self.fc(self.bn2(self.layer4(self.layer3(self.layer2(self.layer1(x))))).flatten(1))
        return self.bn3(x) if self.improved else self.features(x)


def mxnet_names(state):
    """layer1.0.bn1.weight is stage1_unit1_bn1_gamma, and so on."""
    leaf = {"conv1": "conv0", "bn1": "bn0", "prelu": "relu0", "bn2": "bn1", "fc": "pre_fc1", "features": "fc1"}
    unit = {"prelu": "relu1", "downsample.0": "conv1sc", "downsample.1": "sc", "se.fc.0": "se_conv1", "se.fc.1": "se_relu1",
            "se.fc.2": "se_conv2"}
    end = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_var"}
    for key in list(state):
        value = state.pop(key)
        module, _, what = key.rpartition(".")
        if what == "num_batches_tracked":
            continue
        if module.startswith("layer"):
            stage, block, inner = module[5:].split(".", 2)
            name = f"stage{stage}_unit{int(block) + 1}_{unit.get(inner, inner)}"
        else:
            name = leaf[module]
        plain = value.ndim > 1 or name == "pre_fc1" or "se_conv" in name
        state[f"{name}_{what if plain else end[what]}"] = value


# ---- MobileFaceNet of InsightFace_Pytorch ---------------------------------------------------------------------------------------


class Unit(nn.Module):
    def __init__(self, inside, out, kernel=1, stride=1, pad=0, groups=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(inside, out, kernel, stride, pad, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)
        if act:
            self.prelu = nn.PReLU(out)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return self.prelu(x) if hasattr(self, "prelu") else x


class DepthWise(nn.Module):
    def __init__(self, inside, out, wide, stride, residual=False):
        super().__init__()
        self.conv = Unit(inside, wide)
        self.conv_dw = Unit(wide, wide, 3, stride, 1, wide)
        self.project = Unit(wide, out, act=False)
        self.residual = residual

    def forward(self, x):
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Residuals(nn.Module):
    def __init__(self, c, count, wide):
        super().__init__()
        self.model = nn.Sequential(*[DepthWise(c, c, wide, 1, True) for _ in range(count)])

    def forward(self, x):
        return self.model(x)


class MobileFaceNet(nn.Module):
    def __init__(self, dim=512, width=64, counts=(4, 6, 2)):
        super().__init__()
        w = width
        self.conv1 = Unit(3, w, 3, 2, 1)
        self.conv2_dw = Unit(w, w, 3, 1, 1, w)
        self.conv_23 = DepthWise(w, w, 2 * w, 2)
        self.conv_3 = Residuals(w, counts[0], 2 * w)
        self.conv_34 = DepthWise(w, 2 * w, 4 * w, 2)
        self.conv_4 = Residuals(2 * w, counts[1], 4 * w)
        self.conv_45 = DepthWise(2 * w, 2 * w, 8 * w, 2)
        self.conv_5 = Residuals(2 * w, counts[2], 4 * w)
        self.conv_6_sep = Unit(2 * w, 8 * w)
        self.conv_6_dw = Unit(8 * w, 8 * w, 7, 1, 0, 8 * w, act=False)
        self.linear = nn.Linear(8 * w, dim, bias=False)
        self.bn = nn.BatchNorm1d(dim)

    def forward(self, x):
        x = self.conv_3(self.conv_23(self.conv2_dw(self.conv1(x))))
        x = self.conv_5(self.conv_45(self.conv_4(self.conv_34(x))))
        return self.bn(self.linear(self.conv_6_dw(self.conv_6_sep(x)).flatten(1)))


# ---- GhostNet, GhostFaceNet -------------------------------------------------------------------------------------------------------

GHOST = [[[3, 16, 16, 0, 1]], [[3, 48, 24, 0, 2]], [[3, 72, 24, 0, 1]], [[5, 72, 40, 1, 2]], [[5, 120, 40, 1, 1]], [[3, 240, 80, 0, 2]],
         [[3, 200, 80, 0, 1], [3, 184, 80, 0, 1], [3, 184, 80, 0, 1], [3, 480, 112, 1, 1], [3, 672, 112, 1, 1]], [[5, 672, 160, 1, 2]],
         [[5, 960, 160, 0, 1], [5, 960, 160, 1, 1], [5, 960, 160, 0, 1], [5, 960, 160, 1, 1]]]
GHOST_SMALL = [[[3, 6, 6, 0, 1]], [[3, 10, 7, 0, 2]], [[5, 9, 8, 1, 2]], [[3, 12, 9, 0, 2]], [[5, 12, 9, 1, 1]], [[5, 12, 10, 1, 2]]]


def divisible(v, by=4):
    new = max(by, int(v + by / 2) // by * by)
    return new + by if new < 0.9 * v else new


class GhostModule(nn.Module):
    def __init__(self, inside, out, act, wide_view=False):
        super().__init__()
        half = math.ceil(out / 2)
        self.out = out
        self.primary_conv = nn.Sequential(nn.Conv2d(inside, half, 1, bias=False), nn.BatchNorm2d(half), act())
        self.cheap_operation = nn.Sequential(nn.Conv2d(half, half, 3, 1, 1, groups=half, bias=False), nn.BatchNorm2d(half), act())
        if wide_view:
            self.short_conv = nn.Sequential(nn.Conv2d(inside, out, 1, bias=False), nn.BatchNorm2d(out),
                                            nn.Conv2d(out, out, (1, 5), 1, (0, 2), groups=out, bias=False), nn.BatchNorm2d(out),
                                            nn.Conv2d(out, out, (5, 1), 1, (2, 0), groups=out, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        first = self.primary_conv(x)
        y = torch.cat([first, self.cheap_operation(first)], 1)[:, :self.out]
        if hasattr(self, "short_conv"):
            y = y * F.interpolate(torch.sigmoid(self.short_conv(F.avg_pool2d(x, 2, 2))), size=y.shape[-2:], mode="nearest")
        return y


class GhostSqueeze(nn.Module):
    def __init__(self, c, act):
        super().__init__()
        thin = divisible(c * 0.25)
        self.conv_reduce = nn.Conv2d(c, thin, 1)
        self.act1 = act()
        self.conv_expand = nn.Conv2d(thin, c, 1)

    def forward(self, x):
        y = self.conv_expand(self.act1(self.conv_reduce(F.adaptive_avg_pool2d(x, 1))))
        return x * F.relu6(y + 3) / 6


class GhostBlock(nn.Module):
    def __init__(self, inside, mid, out, kernel, se, stride, act, wide_view):
        super().__init__()
        self.ghost1 = GhostModule(inside, mid, act, wide_view)
        if stride > 1:
            self.conv_dw = nn.Conv2d(mid, mid, kernel, stride, kernel // 2, groups=mid, bias=False)
            self.bn_dw = nn.BatchNorm2d(mid)
        self.se = GhostSqueeze(mid, act) if se else None
        self.ghost2 = GhostModule(mid, out, nn.Sequential)
        self.shortcut = nn.Sequential()
        if inside != out or stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, inside, kernel, stride, kernel // 2, groups=inside, bias=False),
                                          nn.BatchNorm2d(inside), nn.Conv2d(inside, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.ghost1(x)
        if hasattr(self, "conv_dw"):
            y = self.bn_dw(self.conv_dw(y))
        if self.se is not None:
            y = self.se(y)
        return self.ghost2(y) + self.shortcut(x)


class ConvBnAct(nn.Module):
    def __init__(self, inside, out, act):
        super().__init__()
        self.conv = nn.Conv2d(inside, out, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.act1 = act()

    def forward(self, x):
        return self.act1(self.bn1(self.conv(x)))


class GhostHead(nn.Module):
    def __init__(self, kernel, inside, dim, wide):
        super().__init__()
        self.conv_dw = nn.Conv2d(inside, inside, kernel, groups=inside, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv = nn.Conv2d(inside, wide, 1, bias=False)
        self.bn2 = nn.BatchNorm1d(wide)
        self.linear = nn.Linear(wide, dim) if dim else nn.Identity()

    def forward(self, x):
        return self.linear(self.bn2(self.conv(self.bn1(self.conv_dw(x))).flatten(1)))


class GhostNet(nn.Module):
    """flat: face.evoLVe's (ReLU, features of 7x7 flattened); otherwise GhostFaceNet of version 1 or 2."""

    def __init__(self, flat, version=1, rows=None, side=112, dim=512, linear=0, pointwise=False):
        super().__init__()
        rows = rows or GHOST
        act = nn.ReLU if flat else nn.PReLU
        inside = 16 if rows is GHOST else 4
        self.conv_stem = nn.Conv2d(3, inside, 3, 1 if flat else 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.act1 = act()
        stages, index = [], 0
        for row in rows:
            layers = []
            for kernel, mid, out, se, stride in row:
                mid, out = (divisible(mid), divisible(out)) if rows is GHOST else (mid, out)
                layers.append(GhostBlock(inside, mid, out, kernel, se, stride, act, version == 2 and index > 1))
                inside, index = out, index + 1
            stages.append(nn.Sequential(*layers))
        stages.append(nn.Sequential(ConvBnAct(inside, mid, act)))
        self.blocks = nn.Sequential(*stages)
        if flat:
            self.output_layer = nn.Sequential(nn.BatchNorm2d(mid), nn.Dropout(), nn.Flatten(), nn.Linear(mid * 49, dim),
                                              nn.BatchNorm1d(dim))
            return
        self.pointwise_conv = nn.Sequential()
        if pointwise:
            self.pointwise_conv = nn.Sequential(nn.Conv2d(mid, mid, 1), nn.BatchNorm2d(mid), nn.PReLU())
        self.classifier = GhostHead(math.ceil(side / 32), mid, linear, dim)

    def forward(self, x):
        x = self.blocks(self.act1(self.bn1(self.conv_stem(x))))
        return self.output_layer(x) if hasattr(self, "output_layer") else self.classifier(self.pointwise_conv(x))


# ---- ViT of arcface_torch and CVLface -----------------------------------------------------------------------------------------------


class Mlp(nn.Module):
    def __init__(self, width, hidden, act):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = act()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x, relative):
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5
        if relative is not None:
            scores = scores + relative
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, tokens, width))


class TokenNorm(nn.Module):
    def __init__(self, tokens):
        super().__init__()
        self.bn = nn.BatchNorm1d(tokens)

    def forward(self, x):
        return self.bn(x)


class VitBlock(nn.Module):
    def __init__(self, width, heads, ratio, norm):
        super().__init__()
        self.norm1, self.norm2 = norm(), norm()
        self.attn = Attention(width, heads)
        self.mlp = Mlp(width, ratio * width, nn.ReLU6)

    def forward(self, x, relative):
        x = x + self.attn(self.norm1(x), relative)
        return x + self.mlp(self.norm2(x))


class Patches(nn.Module):
    def __init__(self, patch, width):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


def buckets(side):
    """Which of 49 relative positions each pair of patches has."""
    def piece(d):
        far = abs(d)
        if far <= 1.9:
            return d
        far = min(float(np.round(1.9 + math.log(far / 1.9) / math.log(8) * 1.9)), 3.8)
        return int(math.copysign(int(far), d))
    at = [(i // side, i % side) for i in range(side * side)]
    return torch.tensor([[(piece(a - c) + 3) * 7 + piece(b - d) + 3 for c, d in at] for a, b in at])


class Vit(nn.Module):
    def __init__(self, width, depth, heads=8, patch=9, ratio=4, dim=512, points=False, batch_norm=False, side=112):
        super().__init__()
        tokens = (side // patch) ** 2
        norm = (lambda: TokenNorm(tokens)) if batch_norm else (lambda: nn.LayerNorm(width))
        self.heads, self.depth, self.side = heads, depth, side // patch
        self.patch_embed = Patches(patch, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList([VitBlock(width, heads, ratio, norm) for _ in range(depth)])
        self.norm = norm()
        self.feature = nn.Sequential(nn.Linear(width * tokens, width, bias=False), nn.BatchNorm1d(width, eps=2e-5),
                                     nn.Linear(width, dim, bias=False), nn.BatchNorm1d(dim, eps=2e-5))
        if points:
            self.keypoint_linear = nn.Linear(10, 49 * heads * depth)

    def relative(self, keypoints):
        middle = (torch.arange(self.side) + 0.5) / self.side
        row, column = torch.meshgrid(middle, middle, indexing="ij")
        grid = torch.stack([column, row], -1).reshape(1, -1, 1, 2)
        all_heads = self.keypoint_linear((grid - keypoints[:, None]).flatten(2))
        all_heads = all_heads.reshape(1, -1, self.depth * self.heads, 49).transpose(1, 2)
        index = buckets(self.side)[None, None].expand(1, all_heads.shape[1], -1, -1)
        return all_heads.gather(3, index).chunk(self.depth, 1)

    def forward(self, x, keypoints=None):
        x = self.patch_embed(x) + self.pos_embed
        relative = self.relative(keypoints) if hasattr(self, "keypoint_linear") else [None] * self.depth
        for block, r in zip(self.blocks, relative):
            x = block(x, r)
        return self.feature(self.norm(x).flatten(1))


# ---- Swin Transformer --------------------------------------------------------------------------------------------------------------------


class SwinAttention(nn.Module):
    """Between all patches of a map [N, side, side, C] at once: those of other windows, and those behind the last `shift` rows and columns,
    get no weight."""

    def __init__(self, c, heads, window, shift):
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", torch.zeros(window ** 2, window ** 2, dtype=torch.int64))
        self.qkv = nn.Linear(c, 3 * c)
        self.proj = nn.Linear(c, c)

    def forward(self, x):
        n, side, _, c = x.shape
        at = torch.arange(side)
        own = at.div(self.window, rounding_mode="floor") + (at >= side - self.shift)
        own = own[:, None] == own
        offset = (at[:, None] - at).clamp(1 - self.window, self.window - 1) + self.window - 1
        near = (own[:, None, :, None] & own[:, None]).reshape(side ** 2, side ** 2)
        pair = (offset[:, None, :, None] * (2 * self.window - 1) + offset[:, None]).reshape(side ** 2, side ** 2)
        q, k, v = self.qkv(x).reshape(n, side ** 2, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5 + self.relative_position_bias_table[pair].permute(2, 0, 1)
        scores = scores.masked_fill(~near, -math.inf)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))


class SwinBlock(nn.Module):
    """masks: the state dict has a mask for a shifted block, too, of which the size alone tells something."""

    def __init__(self, c, heads, side, window, shift, masks):
        super().__init__()
        self.side, self.more, self.shift = side, -side % window, shift
        self.norm1, self.norm2 = nn.LayerNorm(c), nn.LayerNorm(c)
        self.attn = SwinAttention(c, heads, window, shift)
        self.mlp = Mlp(c, 4 * c, nn.GELU)
        if masks and shift:
            self.register_buffer("attn_mask", torch.zeros((side // window) ** 2, window ** 2, window ** 2))

    def forward(self, x):
        y = self.norm1(x).unflatten(1, (self.side, self.side)).roll((-self.shift, -self.shift), (1, 2))
        y = self.attn(F.pad(y, (0, 0, 0, self.more, 0, self.more)))[:, :self.side, :self.side]
        x = x + y.roll((self.shift, self.shift), (1, 2)).flatten(1, 2)
        return x + self.mlp(self.norm2(x))


class Merge(nn.Module):
    def __init__(self, c, side):
        super().__init__()
        self.side = side
        self.norm = nn.LayerNorm(4 * c)
        self.reduction = nn.Linear(4 * c, 2 * c, bias=False)

    def forward(self, x):
        x = F.pad(x.unflatten(1, (self.side, self.side)), (0, 0, 0, self.side % 2, 0, self.side % 2))
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)
        return self.reduction(self.norm(x.flatten(1, 2)))


class SwinStage(nn.Module):
    def __init__(self, c, depth, heads, larger, side, window, masks, before, behind):
        super().__init__()
        if before:
            self.downsample = Merge(c // 2, larger)
        self.before = before
        self.blocks = nn.ModuleList([SwinBlock(c, heads, side, window, window // 2 if i % 2 and side > window else 0, masks)
                                     for i in range(depth)])
        if behind:
            self.downsample = Merge(c, side)
        self.behind = behind

    def forward(self, x):
        x = self.downsample(x) if self.before else x
        for block in self.blocks:
            x = block(x)
        return self.downsample(x) if self.behind else x


class SwinPatches(Patches):
    def __init__(self, patch, width):
        super().__init__(patch, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        return self.norm(super().forward(x))


class Swin(nn.Module):
    """whose: facexzoo (BGR, (x - 127.5) / 128), swinface, microsoft or timm."""

    def __init__(self, whose, width, depths, heads, patch, dim=512, window=7, side=112, positions=False):
        super().__init__()
        self.whose, last, patches = whose, len(depths) - 1, side // patch
        c = width << last
        self.patch_embed = SwinPatches(patch, width)
        if positions:
            self.absolute_pos_embed = nn.Parameter(torch.zeros(1, patches ** 2, width))
        sides = [-(-patches // 2 ** i) for i in range(last + 1)]
        self.layers = nn.ModuleList([SwinStage(width << i, depths[i], heads[i], sides[max(i - 1, 0)], sides[i], min(window, sides[i]),
                                               whose != "timm", whose == "timm" and i > 0, whose != "timm" and i < last)
                                     for i in range(last + 1)])
        if whose == "facexzoo":
            self.output_layer = nn.Sequential(nn.LayerNorm(c), nn.Flatten(), nn.Linear(c * sides[last] ** 2, dim), nn.BatchNorm1d(dim))
            return
        self.norm = nn.LayerNorm(c)
        self.head = nn.ModuleDict({"fc": nn.Linear(c, dim)}) if whose == "timm" else nn.Linear(c, dim)
        if whose == "swinface":
            self.feature = nn.Sequential(nn.Linear(c, c, bias=False), nn.BatchNorm1d(c, eps=2e-5), nn.Linear(c, dim, bias=False),
                                         nn.BatchNorm1d(dim, eps=2e-5))

    def forward(self, x):
        x = self.patch_embed(x)
        x = x + self.absolute_pos_embed if hasattr(self, "absolute_pos_embed") else x
        for layer in self.layers:
            x = layer(x)
        if self.whose == "facexzoo":
            return self.output_layer(x)
        x = self.norm(x).mean(1)
        if self.whose == "swinface":
            return self.feature(x)
        return self.head["fc"](x) if self.whose == "timm" else self.head(x)


# ---- EdgeNeXt -------------------------------------------------------------------------------------------------------------------------


class ChannelNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvBlock(nn.Module):
    def __init__(self, c, kernel):
        super().__init__()
        self.conv_dw = nn.Conv2d(c, c, kernel, 1, kernel // 2, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.mlp = Mlp(c, 4 * c, nn.GELU)
        self.gamma = nn.Parameter(torch.ones(c))

    def forward(self, x):
        return x + (self.gamma * self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1)))).permute(0, 3, 1, 2)


class Positions(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.token_projection = nn.Conv2d(64, c, 1)

    def forward(self, side):
        at = torch.arange(1, side + 1) / (side + 1e-6) * 2 * math.pi
        angle = at[:, None] / 10000 ** (2 * (torch.arange(32) // 2) / 32)
        wave = torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], 2).flatten(1)
        y, x = wave[:, None].expand(side, side, -1), wave[None].expand(side, side, -1)
        return self.token_projection(torch.cat([y, x], 2).permute(2, 0, 1)[None])


class CrossCovariance(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Linear(c, 3 * c)
        self.proj = nn.Linear(c, c)

    def forward(self, x):
        n, tokens, c = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, len(self.temperature), -1).permute(2, 0, 3, 4, 1)
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature
        return self.proj((scores.softmax(-1) @ v).permute(0, 3, 1, 2).reshape(n, tokens, c))


class SplitBlock(nn.Module):
    def __init__(self, c, parts, heads, positions):
        super().__init__()
        width = math.ceil(c / parts)
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, 1, 1, groups=width) for _ in range(max(1, parts - 1))])
        self.pos_embd = Positions(c) if positions else None
        self.norm_xca = nn.LayerNorm(c, eps=1e-6)
        self.gamma_xca = nn.Parameter(torch.ones(c))
        self.xca = CrossCovariance(c, heads)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.mlp = Mlp(c, 4 * c, nn.GELU)
        self.gamma = nn.Parameter(torch.ones(c))

    def forward(self, x):
        parts = x.chunk(len(self.convs) + 1, 1)
        out = []
        for i, conv in enumerate(self.convs):
            out.append(conv(parts[i] + out[-1] if i else parts[i]))
        y = torch.cat(out + [parts[-1]], 1)
        n, c, h, w = y.shape
        y = y.flatten(2).transpose(1, 2)
        if self.pos_embd is not None:
            y = y + self.pos_embd(h).flatten(2).transpose(1, 2)
        y = y + self.gamma_xca * self.xca(self.norm_xca(y))
        y = self.gamma * self.mlp(self.norm(y.reshape(n, h, w, c)))
        return x + y.permute(0, 3, 1, 2)


class EdgeStage(nn.Module):
    def __init__(self, inside, c, count, kernel, parts, heads, stage):
        super().__init__()
        self.downsample = nn.Sequential(ChannelNorm(inside, eps=1e-6), nn.Conv2d(inside, c, 2, 2)) if stage else nn.Identity()
        blocks = [ConvBlock(c, kernel) for _ in range(count - (stage > 0))]
        self.blocks = nn.Sequential(*blocks, *([SplitBlock(c, parts, heads, stage == 1)] if stage else []))

    def forward(self, x):
        return self.blocks(self.downsample(x))


class EdgeHead(nn.Module):
    def __init__(self, c, dim):
        super().__init__()
        self.norm = ChannelNorm(c, eps=1e-6)
        self.fc = nn.Linear(c, dim)

    def forward(self, x):
        return self.fc(self.norm(F.adaptive_avg_pool2d(x, 1)).flatten(1))


class EdgeNeXt(nn.Module):
    def __init__(self, widths, counts, heads, dim=512):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0], eps=1e-6))
        self.stages = nn.Sequential(*[EdgeStage(widths[max(i - 1, 0)], widths[i], counts[i], 3 + 2 * i, (2, 2, 3, 4)[i], heads, i)
                                      for i in range(4)])
        self.head = EdgeHead(widths[3], dim)

    def forward(self, x):
        return self.head(self.stages(self.stem(x)))


class LowRank(nn.Module):
    def __init__(self, layer, ratio):
        super().__init__()
        rank = max(2, int(min(layer.in_features, layer.out_features) * ratio))
        self.linear1 = nn.Linear(layer.in_features, rank, bias=False)
        self.linear2 = nn.Linear(rank, layer.out_features, bias=layer.bias is not None)

    def forward(self, x):
        return self.linear2(self.linear1(x))


def low_rank(net, ratio):
    for name, child in net.named_children():
        if isinstance(child, nn.Linear):
            setattr(net, name, LowRank(child, ratio))
        else:
            low_rank(child, ratio)
    return net


# ---- weights, pictures, comparing -------------------------------------------------------------------------------------------------


def randomise(net, seed):
    """Weights and statistics under which activations stay in range and every tensor matters."""
    g = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.weight.data.normal_(0, module.weight[0].numel() ** -0.5, generator=g)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.2, generator=g)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)):
            if module.weight is not None:
                module.weight.data.uniform_(0.5, 1.2, generator=g)
                module.bias.data.normal_(0, 0.2, generator=g)
            if hasattr(module, "running_mean"):
                module.running_mean.normal_(0, 0.2, generator=g)
                module.running_var.uniform_(0.5, 1.5, generator=g)
        elif isinstance(module, nn.PReLU):
            module.weight.data.uniform_(-0.1, 0.5, generator=g)
    for name, p in net.named_parameters():
        if name.split(".")[-1] in ("gamma", "gamma_xca", "temperature", "pos_embed", "absolute_pos_embed", "relative_position_bias_table"):
            p.data.normal_(0.5, 0.5, generator=g)
    return net.eval()


TEMPLATE = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]


def run(net, x):
    with torch.no_grad():
        points = torch.tensor(TEMPLATE)[None] / 112
        return (net(x, points) if hasattr(net, "keypoint_linear") else net(x))[0].numpy().astype(np.float64)


NETS = {
    "evolve-ir50": lambda: IR([3, 4, 14, 3]),
    "evolve-irse50": lambda: IR([3, 4, 14, 3], se=True),
    "evolve-ir152": lambda: IR([3, 8, 36, 3]),
    "adaface-ir18": lambda: IR([2, 2, 2, 2], "ada"),
    "adaface-irse50": lambda: IR([3, 4, 14, 3], "ada", se=True),
    "adaface-ir101": lambda: IR([3, 13, 30, 3], "ada"),
    "adaface-ir152": lambda: IR([3, 8, 36, 3], "bottleneck"),
    "arcface-torch-r50-se": lambda: ResNet([3, 4, 14, 3], se="linear"),
    "arcface-torch-r18-se": lambda: ResNet([2, 2, 2, 2], se="convolutions"),
    "insightface-v2-r18-se": lambda: ResNet([2, 2, 2, 2], True, "linear"),
    "mxnet-lresnet50e": lambda: ResNet([3, 4, 14, 3], eps=2e-5, mxnet=True),
    "mxnet-lresnet34e-se": lambda: ResNet([3, 4, 6, 3], se="linear", eps=2e-5, mxnet=True),
    "mobilefacenet": lambda: MobileFaceNet(),
    "ghostnet": lambda: GhostNet(True),
    "ghostfacenet-v1": lambda: GhostNet(False),
    "ghostfacenet-v1-linear": lambda: GhostNet(False, linear=256, pointwise=True),
    "ghostfacenet-v2": lambda: GhostNet(False, 2),
    "vit-t": lambda: Vit(256, 12),
    "vit-s": lambda: Vit(512, 12),
    "cvlface-vit-base": lambda: Vit(512, 24, 16, 8, 3),
    "cvlface-kprpe-small": lambda: Vit(512, 12, 8, 8, 5, points=True),
    "edgenext-xx-small": lambda: EdgeNeXt((24, 48, 88, 168), (2, 2, 6, 2), 4),
    "edgenext-small": lambda: EdgeNeXt((48, 96, 160, 304), (3, 3, 9, 3), 8),
    "edgeface-xs-gamma": lambda: low_rank(EdgeNeXt((32, 64, 100, 192), (3, 3, 9, 3), 4), 0.6),
    "facexzoo-swin-t": lambda: Swin("facexzoo", 96, (2, 2, 6, 2), (3, 6, 12, 24), 2),
    "swinface-swin-t": lambda: Swin("swinface", 96, (2, 2, 6, 2), (3, 6, 12, 24), 2),
    "microsoft-swin-s": lambda: Swin("microsoft", 96, (2, 2, 18, 2), (3, 6, 12, 24), 2, positions=True),
    "timm-swin-t-patch4": lambda: Swin("timm", 96, (2, 2, 6, 2), (3, 6, 12, 24), 4),
}
SMALL = {
    "evolve-irse": lambda: IR([2, 2, 2, 2], se=True, width=2, dim=16, reduction=2),
    "adaface-ir": lambda: IR([2, 2, 2, 2], "ada", se=True, width=2, dim=16, reduction=2),
    "arcface-torch-se": lambda: ResNet([1, 2, 1, 1], se="linear", width=2, dim=16, reduction=2),
    "insightface-v2": lambda: ResNet([1, 2, 1, 1], True, "linear", width=2, dim=16, reduction=2),
    "mxnet-lresnet-e": lambda: ResNet([1, 2, 1, 1], se="linear", width=2, dim=16, reduction=2, eps=2e-5, mxnet=True),
    "mobilefacenet": lambda: MobileFaceNet(32, 4, (1, 2, 1)),
    "ghostnet": lambda: GhostNet(True, rows=GHOST_SMALL, dim=32),
    "ghostfacenet-v1": lambda: GhostNet(False, rows=GHOST_SMALL, linear=32, dim=16, pointwise=True),
    "ghostfacenet-v2": lambda: GhostNet(False, 2, rows=GHOST_SMALL, dim=32),
    "vit": lambda: Vit(16, 2, patch=28, dim=32),
    "vit-batch-norm": lambda: Vit(16, 2, patch=28, dim=32, batch_norm=True),
    "kprpe": lambda: Vit(16, 2, 16, 14, 3, dim=32, points=True),
    "edgenext": lambda: EdgeNeXt((8, 8, 12, 16), (1, 2, 2, 2), 4, 32),
    "edgeface-gamma": lambda: low_rank(EdgeNeXt((8, 8, 12, 16), (1, 2, 2, 2), 4, 32), 0.6),
    "swin": lambda: Swin("facexzoo", 8, (2, 2, 1), (2, 2, 4), 4, 16),
    "swin-timm": lambda: Swin("timm", 8, (3, 2, 2), (1, 2, 4), 4, 32, positions=True),
    "swin-timm-padded": lambda: Swin("timm", 8, (2, 1, 1, 1), (1, 2, 2, 4), 4, 16, window=8),
}


def embed(arcface, checkpoint, picture, work):
    out = work / "e.npy"
    run = subprocess.run([arcface, "embed", str(picture), "--aligned", "--model", str(checkpoint), "-q", "-o", str(out)],
                         capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip() or f"exit status {run.returncode}")
    return np.load(out)[0].astype(np.float64)


def compare(arcface, name, kind, path, picture, want, work, bound=0.9999):
    try:
        got = embed(arcface, path, picture, work)
        cosine = got @ want / np.sqrt((got @ got) * (want @ want))
        good, text = cosine >= bound, f"cosine {cosine:.8f}"
    except RuntimeError as e:
        good, text = False, str(e)
    print(f"{name:24} {kind:22} {text}: {'agrees' if good else 'DIFFERS'}", flush=True)
    path.unlink()
    return not good


def containers(state):
    """How one state dict comes: name of the kind, what torch.save gets, its options."""
    def wrapped(prefix):
        return {prefix + k: v for k, v in state.items()}
    lightning = {"state_dict": {**wrapped("model."), "head.kernel": torch.zeros(512, 10)}, "epoch": 3, "hyper_parameters": {"lr": 0.1},
                 "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}], "pytorch-lightning_version": "2.4.0"}
    yield from [("zip", state, {}), ("legacy", state, {"_use_new_zipfile_serialization": False})]
    for prefix in ("module.", "_orig_mod.", "model.", "backbone.", "net.", "module._orig_mod.", "_orig_mod.module.model.net."):
        yield prefix, wrapped(prefix), {}
    for key in ("state_dict", "model_state_dict", "state_dict_backbone", "net_state_dict", "model", "backbone"):
        yield "{" + key + "}", {key: state, "epoch": 7, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}, {}
    yield "Lightning", lightning, {}
    yield "backbone. and head", {**wrapped("module.backbone."), "module.margin.weight": torch.zeros(10, 512)}, {}
    yield "half", {k: v.half() if v.is_floating_point() else v for k, v in state.items()}, {}
    yield "bfloat16", {k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}, {}
    yield "double", {k: v.double() if v.is_floating_point() else v for k, v in state.items()}, {}


def check_containers(arcface, picture, x, work):
    name, status = "mobilefacenet", 0
    net = randomise(NETS[name](), 1)
    want = run(net, x)
    for kind, content, options in containers(net.state_dict()):
        path = work / "c.pt"
        torch.save(content, path, **options)
        status |= compare(arcface, name, kind, path, picture, want, work, {"half": 0.9999, "bfloat16": 0.999}.get(kind, 0.9999))
    try:
        from safetensors.torch import save_file
    except ImportError:
        return status
    for kind, cast in (("safetensors", torch.float32), ("safetensors half", torch.float16), ("safetensors bfloat16", torch.bfloat16)):
        path = work / "c.safetensors"
        save_file({k: v.to(cast) if v.is_floating_point() else v for k, v in net.state_dict().items()}, path)
        status |= compare(arcface, name, kind, path, picture, want, work, 0.999 if cast == torch.bfloat16 else 0.9999)
    return status


def picture_of_formula():
    """The picture of tests/unit/test_checkpoints.c, [112][112][3]."""
    i = np.arange(112 * 112 * 3, dtype=np.int64)
    return ((i * 37 + (i // 251) * 11) % 256).astype(np.uint8).reshape(112, 112, 3)


def tensor_of(pixels):
    return torch.from_numpy(np.ascontiguousarray(pixels.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1))


def write(folder):
    from safetensors.torch import save_file
    golden = {}
    x = tensor_of(picture_of_formula())
    for seed, (name, build) in enumerate(SMALL.items()):
        net = randomise(build(), seed)
        for t in (*net.parameters(), *net.buffers()):
            t.data = t.data.bfloat16().float() if t.is_floating_point() else t.data
        state = {k: v.bfloat16() for k, v in net.state_dict().items() if v.is_floating_point()}
        save_file(state, folder / f"{name}.safetensors")
        golden[name] = [float("%.6g" % v) for v in run(net, x)]
    (folder / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(len(golden), "nets")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write":
        return write(Path(sys.argv[2]))
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    work = Path(tempfile.mkdtemp())
    pixels = np.clip(np.random.default_rng(3).normal(120, 60, (112, 112, 3)), 0, 255).astype(np.uint8)
    picture = work / "crop.ppm"
    picture.write_bytes(b"P6\n112 112\n255\n" + pixels.tobytes())
    x, wanted, status = tensor_of(pixels), sys.argv[2:], 0
    for seed, (name, build) in enumerate(NETS.items()):
        if wanted and name not in wanted:
            continue
        net = randomise(build(), seed)
        path = work / f"{name}.pt"
        torch.save(net.state_dict(), path)
        seen = x.flip(1) * 127.5 / 128 if getattr(net, "whose", "") == "facexzoo" else x
        status |= compare(sys.argv[1], name, "zip", path, picture, run(net, seen), work)
    if not wanted or "containers" in wanted:
        status |= check_containers(sys.argv[1], picture, x, work)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
