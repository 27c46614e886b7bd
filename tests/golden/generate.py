#!/usr/bin/env python3
"""Goldens of generation: five Adam steps of PyTorch in double on the pixels of a small IResNet's and mbf's pictures (tests/unit/test_generate.c).

usage: generate.py OUTPUT_FOLDER     (with PyTorch; the files in tests/golden/data/generate came from 2.x on a CPU)

The networks are learn.py's in eval mode; weights, pictures, targets and centres are drawn from names on both sides. Running statistics are those of
one batch of other pictures, so that activations have the size that they have in a trained network. The loss is the paper's: identity
(squared distance of embeddings of length 1; closed set: ArcFace, s = 64, m = 0.5) + 0.05 x squared distances of means and deviations at the input of
every BatchNorm + 1e-3 x total variation + 1e-4 x length, Adam at 0.25. "norm" has DeepInversion's lengths in the place of squares.

<case>.txt, numbers in nine digits:
    step I total identity bn tv l2
    picture count norm dot moved_norm moved_dot sample...      after the last step; the moved ones of how far the pictures came
"""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import learn

STEPS, DIM, CLASSES, SAMPLES, LEAST_VARIANCE = 5, 64, 24, 16, 1e-8
# case: network, whether its graph takes 0..255, side, batch, closed set, distance
CASES = {
    "r10_open": (lambda: learn.IResNet([1, 1, 1, 1], 16, 32, DIM), False, 32, 4, False, "squared"),
    "r10_closed": (lambda: learn.IResNet([1, 1, 1, 1], 16, 32, DIM), False, 32, 4, True, "squared"),
    "r10_norm": (lambda: learn.IResNet([1, 1, 1, 1], 16, 32, DIM), False, 32, 4, False, "norm"),
    "r10_relative": (lambda: learn.IResNet([1, 1, 1, 1], 16, 32, DIM), False, 32, 4, False, "relative"),
    "mbf_open": (lambda: learn.MobileFaceNet(DIM), True, 112, 2, False, "squared"),
}


def statistics(module, distance, found):
    """Hooks that put each BatchNorm's distance into `found`."""

    def look(norm, inputs):
        x = inputs[0]
        axes = [0] if x.dim() == 2 else [0, 2, 3]
        mean, variance = x.mean(axes), x.var(axes, unbiased=False)
        if distance == "norm":
            found.append((mean - norm.running_mean).norm() + (variance - norm.running_var).norm())
            return
        deviation, target = (variance + LEAST_VARIANCE).sqrt(), (norm.running_var + LEAST_VARIANCE).sqrt()
        unit = target if distance == "relative" else 1
        found.append((((mean - norm.running_mean) / unit) ** 2).sum() + (((deviation - target) / unit) ** 2).sum())

    for m in module.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.register_forward_pre_hook(look)


def variation(x):
    pairs = [(x[..., 1:], x[..., :-1]), (x[..., 1:, :], x[..., :-1, :]), (x[..., 1:, 1:], x[..., :-1, :-1]), (x[..., 1:, :-1], x[..., :-1, 1:])]
    return sum((a - b).norm() for a, b in pairs)


def identity(embedding, closed, batch, dtype):
    rows = CLASSES if closed else batch
    targets = functional.normalize(torch.from_numpy(learn.numbers("targets", rows * DIM).reshape(rows, DIM)).to(dtype))
    unit = functional.normalize(embedding)
    if not closed:
        return ((unit - targets) ** 2).sum(1).mean()
    labels = torch.arange(batch) * 5 % CLASSES
    cosine = unit @ targets.T
    own = cosine.gather(1, labels[:, None])
    value = torch.cos(own.acos() + 0.5)
    return functional.cross_entropy(64 * cosine.scatter(1, labels[:, None], value), labels)


def run(case, dtype):
    make, raw, side, batch, closed, distance = CASES[case]
    module, found, seen = make(), [], []
    learn.draw(module)
    module.to(dtype).train()
    for m in module.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.momentum = 1.0
    calm = torch.from_numpy(learn.numbers("calibration", 2 * batch * 3 * side * side, 0.5).reshape(2 * batch, 3, side, side)).to(dtype)
    module(127.5 + 127.5 * calm if raw else calm)
    module.eval()
    for p in module.parameters():
        p.requires_grad_(False)
    statistics(module, distance, found)
    x = torch.from_numpy(learn.numbers("pictures", batch * 3 * side * side).reshape(batch, 3, side, side)).to(dtype)
    start = x.clone()
    x.requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.25)
    for _ in range(STEPS):
        found.clear()
        embedding = module(127.5 + 127.5 * x if raw else x)
        terms = [identity(embedding, closed, batch, dtype), 0.05 * sum(found), 1e-3 * variation(x), 1e-4 * x.flatten(1).norm(dim=1).mean()]
        optimiser.zero_grad()
        sum(terms).backward()
        optimiser.step()
        seen.append([sum(terms).item(), *[t.item() for t in terms]])
    x = x.detach().double().reshape(-1).numpy()
    return seen, x, x - start.double().reshape(-1).numpy()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for case in CASES:
        seen, x, moved = run(case, torch.float64)
        probe = learn.numbers("probe", len(x)).astype(np.float64)
        rows = [["step", str(i), *step] for i, step in enumerate(seen)]
        samples = x[np.arange(SAMPLES) * len(x) // SAMPLES]
        rows.append(["picture", str(len(x)), np.linalg.norm(x), x @ probe, np.linalg.norm(moved), moved @ probe, *samples])
        text = "".join(" ".join(v if isinstance(v, str) else f"{v:.9g}" for v in row) + "\n" for row in rows)
        (Path(sys.argv[1]) / f"{case}.txt").write_text(text)
        again, y, _ = run(case, torch.float32)
        apart = max(abs(b[0] / a[0] - 1) for a, b in zip(seen, again))
        print(f"{case}: {seen[0]} .. {seen[-1]}\n  float32 differs in losses by {apart:.1e}, in pictures by {np.linalg.norm(x - y) / np.linalg.norm(moved):.1e} "
              f"of how far they came", flush=True)


if __name__ == "__main__":
    main()
