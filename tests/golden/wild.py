#!/usr/bin/env python3
"""Exports recognisers the way people export them today and compares arcface with ONNX Runtime.

usage: wild.py ARCFACE [KIND ...]

Each kind is a small network with random weights, written by PyTorch's exporters (dynamo, opset 18 to 23; TorchScript, 11 to 17), or by
what people run over such files: converters to half, bfloat16 and double, ONNX Runtime's optimisers and quantisers, tf2onnx's and Keras' ways of
writing layers (wild_kinds.py has them). Every file goes through `arcface embed --aligned` with three pictures and through ONNX Runtime; a table says kind, cosine
and verdict. KIND: only those whose name contains it. Exit status: 0 all within their bounds, 1 one is not, 77 a package is missing.
Needs torch, onnx, onnxscript, onnxruntime, onnxconverter-common and sympy from PyPI.
"""
import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TORCH_LOGS", "-all")
try:
    import numpy as np
    import onnx
    import onnxruntime
    import onnxscript  # noqa: F401 (the dynamo exporter needs it)
    import torch
    from onnx import TensorProto, helper, numpy_helper
    from onnxconverter_common import float16
    from onnxruntime import quantization
    from torch import nn
    from torch.nn import functional as F
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

sys.path.insert(0, str(Path(__file__).parent))
import backbones  # noqa: E402

PICTURES = 3
EXACT, HALF, CODES, RESIZED = 0.9999, 0.999, 0.999, 0.99
KINDS = {}


def kind(name, bound=EXACT, args=()):
    """bound: of the cosine, or what arcface's refusal must say. Registers what makes a kind's file: f(path) -> None or a dict of path, side, output,
    feed (crops -> inputs) and wanted (crops -> rows)."""
    def add(f):
        KINDS[name] = (f, bound, list(args))
        return f
    return add


# ---- networks -----------------------------------------------------------------------------------------------------------------------


def ir(seed=1, dim=64, se=False, channels=3, flat=49):
    net = backbones.IR([1, 1, 1, 1], width=8, dim=dim, se=se, reduction=4)
    if channels != 3:
        net.input_layer[0] = nn.Conv2d(channels, 8, 3, 1, 1, bias=False)
    if flat != 49:
        net.output_layer[3] = nn.Linear(64 * flat, dim)
    return backbones.randomise(net, seed)


def vit():
    return backbones.randomise(backbones.Vit(64, 2, patch=14, dim=64), 2)


def edgenext():
    return backbones.randomise(backbones.EdgeNeXt((16, 16, 24, 32), (1, 2, 2, 2), 4, 64), 3)


def ghost():
    return backbones.randomise(backbones.GhostNet(False, 2, rows=backbones.GHOST_SMALL, dim=64), 4)


def mobilefacenet():
    return backbones.randomise(backbones.MobileFaceNet(64, 8, (1, 2, 1)), 5)


class Stem(nn.Module):
    """Two strided convolutions, a middle of the caller's, a linear layer: what a new layer stands in."""

    def __init__(self, middle, features=16 * 49, dim=64, seed=6):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 7, 4, 3)
        self.prelu = nn.PReLU(8)
        self.second = nn.Conv2d(8, 16, 3, 4, 1)
        self.middle = middle
        self.last = nn.Linear(features, dim)
        backbones.randomise(self, seed)

    def forward(self, x):
        return self.last(self.middle(self.second(self.prelu(self.first(x)))).flatten(1))


class Lambda(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


# ---- exporting ----------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def quiet():
    """Exporters talk; what they say is of no interest unless they fail."""
    sys.stdout.flush()
    kept, nowhere = (os.dup(1), os.dup(2)), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        for fd in (*kept, nowhere):
            os.close(fd)


def example(side=112, channels=3, batch=2):
    return torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(0))


def dynamo(net, path, opset=18, x=None, dynamic=True, **options):
    x = x if x is not None else (example(),)
    shapes = tuple({0: torch.export.Dim("batch", min=1, max=64)} for _ in x) if dynamic else None
    with quiet():
        torch.onnx.export(net, x, str(path), dynamo=True, opset_version=opset, dynamic_shapes=shapes, **options)


def script(net, path, opset=17, x=None, dynamic=True, inputs=("input",), outputs=("output",), **options):
    x = x if x is not None else (example(),)
    axes = {name: {0: "batch"} for name in (*inputs, *outputs)} if dynamic else None
    with quiet():
        torch.onnx.export(net, x, str(path), dynamo=False, opset_version=opset, dynamic_axes=axes, input_names=list(inputs),
                          output_names=list(outputs), **options)


def edit(net, path, change, opset=17, **options):
    """TorchScript's export, then change(model)."""
    script(net, path, opset, **options)
    model = onnx.load(path)
    model = change(model) or model
    onnx.save(model, path)


# ---- comparing ----------------------------------------------------------------------------------------------------------------------


def crops(side, count=PICTURES):
    """Blobs of colour with some noise: pictures that differ as faces do."""
    out = []
    for i in range(count):
        rng = np.random.default_rng(100 + i)
        coarse = torch.from_numpy(rng.uniform(0, 255, (1, 3, 7, 7)).astype(np.float32))
        x = F.interpolate(coarse, size=(side, side), mode="bicubic")[0].numpy().transpose(1, 2, 0)
        out.append(np.clip(x + rng.normal(0, 12, x.shape), 0, 255).astype(np.uint8))
    return np.stack(out)


def planar(pixels, mean=127.5, scale=1 / 127.5):
    return np.ascontiguousarray((pixels.astype(np.float32) - mean).transpose(0, 3, 1, 2) * np.float32(scale))


def by_onnxruntime(path, feed, output=0):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    feed = feed if isinstance(feed, dict) else {first.name: feed}
    batch = first.shape[0] if first.shape and isinstance(first.shape[0], int) else PICTURES
    alone = len(first.shape) < 4 or batch == 1
    rows, count = [], len(next(iter(feed.values())))
    step = 1 if alone else batch
    for i in range(0, count, step):
        part = {k: v[i:i + step] for k, v in feed.items()}
        missing = step - len(next(iter(part.values())))
        if missing > 0:
            part = {k: np.concatenate([v, np.repeat(v[-1:], missing, 0)]) for k, v in part.items()}
        if len(first.shape) < 4:
            part = {k: v[0] for k, v in part.items()}
        out = np.asarray(session.run(None, part)[output], np.float64)
        rows.append(out.reshape(step, -1)[:step - max(missing, 0)])
    return np.concatenate(rows)


def by_arcface(arcface, path, pixels, work, args):
    folder = work / "crops"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for i, p in enumerate(pixels):
        (folder / f"{i}.ppm").write_bytes(b"P6\n%d %d\n255\n" % (p.shape[1], p.shape[0]) + p.tobytes())
    out = work / "e.npy"
    run = subprocess.run([arcface, "embed", str(folder), "--aligned", "--model", str(path), "-q", "-o", str(out), *args],
                         capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip().replace(str(work), "") or f"exit status {run.returncode}")
    return np.load(out).astype(np.float64)


def cosines(a, b):
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def one(arcface, name, work):
    """Text and whether the kind is within its bound; None: this PyPI's packages don't write it."""
    make, bound, args = KINDS[name]
    folder = work / "model"
    folder.mkdir()
    path = folder / "model.onnx"
    try:
        said = make(path) or {}
        path = said.get("path", path)
        pixels = crops(said.get("side", 112))
        given = said.get("feed", planar)(pixels)
        want = said["wanted"](pixels) if "wanted" in said else by_onnxruntime(path, given, said.get("output", 0))
    except Exception as e:  # whatever an exporter or ONNX Runtime raises, it is not arcface's
        return f"not written: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"[:110], None
    try:
        got = by_arcface(arcface, path, pixels, work, args)
    except RuntimeError as e:
        refused = isinstance(bound, str) and bound in str(e)
        return f"refused, as it should be: {bound}" if refused else str(e)[:400], refused
    if isinstance(bound, str):
        return f"is not refused, with '{bound}'", False
    if got.shape != want.shape:
        return f"shape {got.shape} instead of {want.shape}", False
    worst, alike = cosines(got, want).min(), cosines(want[:-1], want[1:]).max()
    if alike > 0.9999:  # then what pictures have in common hides what is wrong: without it a looser bound holds
        apart = cosines(got - want.mean(0), want - want.mean(0)).min()
        return f"{worst:.7f}, without their mean {apart:.5f}", bool(worst >= bound and apart >= 0.99)
    return f"{worst:.7f}", bool(worst >= bound)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    torch.manual_seed(0)
    wanted, bad, left = sys.argv[2:], 0, 0
    names = [n for n in KINDS if not wanted or any(w in n for w in wanted)]
    for name in names:
        with tempfile.TemporaryDirectory() as work:
            text, good = one(sys.argv[1], name, Path(work))
        left += good is None
        bad += good is False
        print(f"{name:42} {'skipped' if good is None else 'agrees' if good else 'MISSED':8} {text}", flush=True)
    print(f"{len(names)} kinds: {len(names) - bad - left} agree, {bad} missed, {left} not written by these packages")
    return 1 if bad else 0


if __name__ == "__main__":
    import wild_kinds  # noqa: F401 (registers them)
    sys.exit(wild_kinds.wild.main())
