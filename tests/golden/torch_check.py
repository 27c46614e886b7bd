#!/usr/bin/env python3
"""PyTorch checkpoints through `arcface embed` against PyTorch itself.

usage: torch_check.py ARCFACE [WORK_DIR]

Writes IResNet-18, IResNet-50, MobileFaceNet and MobileFaceNet-large modules (arcface_torch's layers, written anew here) with random weights and
statistics as zip and as legacy checkpoints, lets arcface embed a picture with each and compares with the module's own output. Exit
status: 0 all agree, 1 one differs, 77 PyTorch is not installed.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError:
    print("skipped: python has no torch")
    sys.exit(77)


class Block(nn.Module):
    def __init__(self, inside, out, stride, project):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.prelu = nn.PReLU(out)
        self.conv2 = nn.Conv2d(out, out, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = None
        if project:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        inside = 64
        for stage, count in enumerate(blocks):
            out = 64 << stage
            setattr(self, f"layer{stage + 1}",
                    nn.Sequential(*[Block(inside if i == 0 else out, out, 2 if i == 0 else 1, i == 0) for i in range(count)]))
            inside = out
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(25088, 512)
        self.features = nn.BatchNorm1d(512)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for stage in range(4):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class Layers(nn.Module):
    """What arcface_torch calls ConvBlock, LinearBlock and Residual: modules under the name `layers`."""

    def __init__(self, *layers, residual=False):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


def conv_block(inside, out, kernel=1, stride=1, pad=0, groups=1):
    return Layers(nn.Conv2d(inside, out, kernel, stride, pad, groups=groups, bias=False), nn.BatchNorm2d(out), nn.PReLU(out))


def linear_block(inside, out, kernel=1, groups=1):
    return Layers(nn.Conv2d(inside, out, kernel, groups=groups, bias=False), nn.BatchNorm2d(out))


def depthwise(inside, out, wide, stride, residual=False):
    return Layers(conv_block(inside, wide), conv_block(wide, wide, 3, stride, 1, wide), linear_block(wide, out), residual=residual)


def residual(width, count, wide):
    return Layers(*[depthwise(width, width, wide, 1, True) for _ in range(count)])


class Flatten(nn.Module):
    def forward(self, x):
        return x.flatten(1)


class MobileFaceNet(nn.Module):
    def __init__(self, blocks, scale):
        super().__init__()
        self.layers = nn.ModuleList([conv_block(3, 64 * scale, 3, 2, 1)])
        if blocks[0] == 1:
            self.layers.append(conv_block(64 * scale, 64 * scale, 3, 1, 1, 64))
        else:
            self.layers.append(residual(64 * scale, blocks[0], 128))
        self.layers.extend([depthwise(64 * scale, 64 * scale, 128, 2), residual(64 * scale, blocks[1], 128),
                            depthwise(64 * scale, 128 * scale, 256, 2), residual(128 * scale, blocks[2], 256),
                            depthwise(128 * scale, 128 * scale, 512, 2), residual(128 * scale, blocks[3], 256)])
        self.conv_sep = conv_block(128 * scale, 512)
        gdc = Layers(linear_block(512, 512, 7, 512), Flatten(), nn.Linear(512, 512, bias=False), nn.BatchNorm1d(512))
        self.features = gdc

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.features(self.conv_sep(x))


def randomise(net, seed):
    """Weights and statistics under which activations stay in range."""
    g = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan = module.weight[0].numel()
            module.weight.data.normal_(0, fan ** -0.5, generator=g)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.weight.data.uniform_(0.5, 1.2, generator=g)
            module.bias.data.normal_(0, 0.2, generator=g)
            module.running_mean.normal_(0, 0.2, generator=g)
            module.running_var.uniform_(0.5, 1.5, generator=g)
        elif isinstance(module, nn.PReLU):
            module.weight.data.uniform_(-0.1, 0.5, generator=g)


def embed(arcface, checkpoint, picture, work):
    out = work / "e.npy"
    subprocess.run([arcface, "embed", str(picture), "--aligned", "--model", str(checkpoint), "-q", "-o", str(out)], check=True)
    return np.load(out)[0].astype(np.float64)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    work = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    rng = np.random.default_rng(3)
    pixels = np.clip(rng.normal(120, 60, (112, 112, 3)), 0, 255).astype(np.uint8)
    picture = work / "crop.ppm"
    picture.write_bytes(b"P6\n112 112\n255\n" + pixels.tobytes())
    x = torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1)
    nets = {"r18": lambda: IResNet([2, 2, 2, 2]), "r50": lambda: IResNet([3, 4, 14, 3]),
            "mbf": lambda: MobileFaceNet([1, 4, 6, 2], 2), "mbf-large": lambda: MobileFaceNet([2, 8, 12, 4], 4)}
    status = 0
    for seed, (name, build) in enumerate(nets.items()):
        net = build().eval()
        randomise(net, seed)
        with torch.no_grad():
            want = net(x)[0].numpy().astype(np.float64)
        state = net.state_dict()
        files = {"zip": state, "legacy": {"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}}}
        for kind, content in files.items():
            path = work / f"{name}-{kind}.pt"
            torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
            got = embed(sys.argv[1], path, picture, work)
            cosine = got @ want / np.sqrt((got @ got) * (want @ want))
            worst = np.abs(got - want).max() / (want.max() - want.min())
            good = worst <= 1e-4 and cosine >= 0.99999
            print(f"{name} {kind}: largest difference {worst:.2e} of the range, cosine {cosine:.8f}: {'agrees' if good else 'DIFFERS'}")
            status |= not good
            path.unlink()
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
