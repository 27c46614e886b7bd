#!/usr/bin/env python3
"""Totals of `arcface profile` beside what the tools themselves print for the same networks in PyTorch: thop, ptflops (both backends), FlopCounterMode.

    flops.py ARCFACE

r18, r34, r50, r100, mbf, and a network of the other modules that the tools have rules for, exported by PyTorch. Every number is to be the same. What is not
there is skipped by name; without PyTorch all is (exit status 77).
"""
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
try:
    import torch
    from torch import nn
    from learn import IResNet, MobileFaceNet
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ZOO = {"r18": [2, 2, 2, 2], "r34": [3, 4, 6, 3], "r50": [3, 4, 14, 3], "r100": [3, 13, 30, 3]}


class Pieces(nn.Module):
    """Modules that the networks above do not have. No normalisation stands behind a convolution: exporters would fold it."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, 1, 1, groups=4),
                                    nn.LeakyReLU(), nn.AvgPool2d(2), nn.Conv2d(16, 16, 1), nn.ELU(), nn.ConvTranspose2d(16, 8, 2, 2, bias=True),
                                    nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(8, 8, 1, bias=False), nn.PReLU(8), nn.AdaptiveAvgPool2d(1),
                                    nn.Flatten(), nn.Linear(8, 32), nn.Softmax(dim=1), nn.Linear(32, 64, bias=False))

    def forward(self, x):
        return self.layers(x)


def tools(module):
    """{convention: (FLOPs, parameters or None)} of what is there."""
    picture, found = torch.zeros(1, 3, 112, 112), {}
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            from torch.utils.flop_counter import FlopCounterMode
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                module(picture)
            found["torch"] = (counter.get_total_flops(), None)
        except ImportError:
            print("skipped: FlopCounterMode", file=sys.stderr)
        try:
            from ptflops import get_model_complexity_info
            for name, backend in (("ptflops", "pytorch"), ("ptflops-aten", "aten")):
                flops, parameters = get_model_complexity_info(module, (3, 112, 112), as_strings=False, print_per_layer_stat=False, backend=backend)
                found[name] = (int(flops), parameters)
        except ImportError:
            print("skipped: ptflops", file=sys.stderr)
        try:
            import thop
            flops, parameters = thop.profile(module, (picture,), verbose=False)
            found["thop"] = (int(flops), int(parameters))
        except ImportError:
            print("skipped: thop", file=sys.stderr)
    return found


def ours(arcface, file):
    told = subprocess.run([arcface, "profile", file, "--no-time", "--json", "-q"], capture_output=True, text=True)
    if told.returncode != 0:
        sys.exit(f"{file}: {told.stderr}")
    return json.loads(told.stdout)["total"]


def compare(name, total, module):
    failed = False
    frozen = sum(p.numel() for p in module.parameters() if not p.requires_grad)
    for convention, (flops, parameters) in tools(module).items():
        mine = total["flops"][convention]
        want = {"thop": total["parameters"], "ptflops": total["parameters"] - frozen, "ptflops-aten": total["parameters"] - frozen}.get(convention)
        same = mine == flops and parameters in (None, want)
        failed |= not same
        print(f"{name:7} {convention:13} {flops:>15,} {'the same' if same else f'FAILED: arcface has {mine:,}, parameters {parameters} and {want}'}")
    return failed


def main():
    arcface, failed = sys.argv[1], False
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for name in [*ZOO, "mbf"]:
            file = f"{folder}/{name}.onnx"
            subprocess.run([arcface, "model", "new", name, "-q", "-o", file], check=True)
            module = MobileFaceNet(512) if name == "mbf" else IResNet(ZOO[name], 64, 112, 512)
            failed |= compare(name, ours(arcface, file), module.eval())
        module, file = Pieces().eval(), f"{folder}/pieces.onnx"
        try:
            torch.onnx.export(module, torch.zeros(1, 3, 112, 112), file, opset_version=13, dynamo=False)
            failed |= compare("pieces", ours(arcface, file), module)
        except (ImportError, ModuleNotFoundError) as missing:
            print(f"skipped: {missing}")
    return failed


sys.exit(main())
