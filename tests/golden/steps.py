#!/usr/bin/env python3
"""Goldens of training: ten SGD steps of PyTorch in double, of a small IResNet and of mbf, with each loss (tests/unit/test_steps.c).

usage: steps.py OUTPUT_FOLDER [NAME...]     (with PyTorch; the files in tests/golden/data/steps came from 2.x on a CPU; NAME: those whose
                                             name holds one of these)

The networks are learn.py's, the losses losses.py's; weights, centres, labels and pictures are drawn from names on both sides. A step is
arcface_torch's: train mode, clip_grad_norm_ of the network alone, then SGD with momentum 0.9 and weight decay on every parameter and centre. The
state of AdaFace and CurricularFace goes from step to step. Five batches are seen twice each: what the first five steps taught shows in the losses
of the others, 2 to 20 times smaller.

<net>_<loss>.txt, numbers in nine digits:
    step I loss norm          norm: of the network's gradient before clipping
    state NAME value          after the last step
    weight|statistic NAME count norm dot moved_norm moved_dot sample...        after the last step; the centres are a weight
where norm and dot (with the stream "probe") are as in learn.py, the moved ones those of how far the tensor came, and SAMPLES elements follow.
ArcFace's file has every tensor, the others' every seventh, so all kinds of layers, and the centres.

Ten steps must not be a test of chaos: where float32 and float64 part, nothing can be compared to 1e-4. What keeps them together:
- slopes of PReLU near 1 (learn.py says why) and weights of He's size;
- centres of length 1: a centre's gradient is divided by its length, and at the usual 0.2 the first step would throw them anywhere;
- clipping at 5, the recipes' bound: at s = 64 an untrained network's gradient has a norm of 140 to 660. With it a step is of the same size
  whatever the loss, and the rate can be 0.03: in the median tensors move by 0.2 (mbf) and 1.6 % (r10), 20 and 160 times what is compared
  (by 0.04 % in mbf with softmax, the least);
- losses that stay above 0.05: a logit near 64 is rounded by 4e-6, which is 1e-4 of a loss of 0.04. So softmax and CurricularFace, which learn
  these few pictures by heart soonest, go slower, and there are five batches instead of one or two;
- norms of MagFace between 4 and 12, where embeddings of 64 numbers lie: margin and regulariser have slopes there.
So PyTorch's own float32 agrees with its float64 to 5e-5 in each loss and 1.5e-5 in each tensor; main() trains in both and prints it. How far a tensor
came agrees to 1.3e-3 in r10, 9e-3 in mbf: the worst are shifts whose gradient the next normalisation takes out. They move by the decay alone, 1e-5 of
themselves, which is a hundred roundings.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import learn
import losses

STEPS, BATCHES, CLASSES, DIM, SAMPLES, EVERY = 10, 5, 24, 64, 2, 7
MAGFACE_NORMS = (4, 12)
CENTRES = {"subcenter": 3}
LOSSES = "arcface cosface sphereface combined softmax subcenter adaface magface curricularface".split()
# net: module, whether its graph takes 0..255, side, batch, weight decay, share of the rate in step i
NETS = {
    "r10": (lambda: learn.IResNet([1, 1, 1, 1], 64, 32, DIM), False, 32, 16, 5e-4, lambda i: 1 if i < 7 else 0.1),
    "mbf": (lambda: learn.MobileFaceNet(DIM), True, 112, 4, 1e-4, lambda i: 1 - i / STEPS),
}
RATES, CLIP = {"softmax": 0.006, "curricularface": 0.01}, 5


def whole(name, count, below):
    """Whole numbers of 0 .. below-1."""
    return np.floor((learn.numbers(name, count) + np.float32(1)) * np.float32(below / 2)).astype(np.int64)


def batches(side, batch):
    """Pictures [BATCHES, batch, 3, side, side] in 0..255, as an image file has them, and labels; the last is the largest, which tells a list's
    reader how many there are."""
    rgb = whole("pictures", BATCHES * batch * side * side * 3, 256).reshape(BATCHES, batch, side, side, 3)
    labels = whole("labels", BATCHES * batch, CLASSES)
    labels[-1] = CLASSES - 1
    return torch.from_numpy(rgb).permute(0, 1, 4, 2, 3), torch.from_numpy(labels.reshape(BATCHES, batch))


def tensors(module, centres):
    """(kind, name, value) of what moves."""
    frozen = {n for n, p in module.named_parameters() if not p.requires_grad}
    found = [("weight", n, p) for n, p in module.named_parameters() if n not in frozen] + [("weight", "centres", centres)]
    found += [("statistic", n, b) for n, b in module.named_buffers() if not n.endswith("num_batches_tracked")]
    return [(kind, n, t.detach().double().reshape(-1).numpy().copy()) for kind, n, t in found]


def train(net, loss, dtype):
    """Ten steps: (loss, norm) of each, the state, and what moves before and after."""
    make, raw, side, batch, decay, share = NETS[net]
    module = make()
    learn.draw(module)
    module.to(dtype).train()
    k = CENTRES.get(loss, 1)
    centres = torch.from_numpy(learn.numbers("centres", CLASSES * k * DIM, 0.2).reshape(-1, DIM)).to(dtype).requires_grad_()
    before = tensors(module, centres)
    moving = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD([*moving, centres], lr=RATES.get(loss, 0.03), momentum=0.9, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)
    images, labels = batches(side, batch)
    state, seen = losses.fresh(), []
    for i in range(STEPS):
        x = images[i % BATCHES].to(dtype)
        out = module(x if raw else (x - 127.5) / 127.5)
        name = "arcface_subcenter" if loss == "subcenter" else loss
        value = losses.run(name, out, centres, labels[i % BATCHES], k, state, MAGFACE_NORMS)
        optimiser.zero_grad()
        value.backward()
        norm = nn.utils.clip_grad_norm_(moving, CLIP)
        optimiser.step()
        schedule.step()
        seen.append((value.item(), norm.item()))
    return seen, {n: float(v) for n, v in state.items()}, before, tensors(module, centres)


def measures(x):
    return [np.linalg.norm(x), float(x @ learn.numbers("probe", len(x)).astype(np.float64))]


def lines(loss, result):
    seen, state, before, after = result
    rows = [["step", str(i), *step] for i, step in enumerate(seen)] + [["state", n, v] for n, v in state.items()]
    for i, ((kind, name, x), (_, _, was)) in enumerate(zip(after, before)):
        if loss == "arcface" or i % EVERY == 0 or name == "centres":
            rows.append([kind, name, str(len(x)), *measures(x), *measures(x - was), *x[np.arange(SAMPLES) * len(x) // SAMPLES]])
    return "".join(" ".join(v if isinstance(v, str) else f"{v:.9g}" for v in row) + "\n" for row in rows)


def apart(a, b):
    """How far two results are apart: losses, tensors, movements of tensors; and the least that a tensor moved."""
    loss = max(abs(y[0] / x[0] - 1) for x, y in zip(a[0], b[0]))
    norm = np.linalg.norm
    value = max((norm(x - y) / norm(x), n) for (_, n, x), (_, _, y) in zip(a[3], b[3]))
    moved = max((norm(x - y) / norm(x - was), n) for (_, n, x), (_, _, y), (_, _, was) in zip(a[3], b[3], a[2]))
    least = min((norm(x - was) / norm(x), n) for (_, n, x), (_, _, was) in zip(a[3], a[2]))
    middle = np.median([norm(x - was) / norm(x) for (_, _, x), (_, _, was) in zip(a[3], a[2])])
    return (f"float32 differs in losses by {loss:.1e}, tensors {value[0]:.1e} ({value[1]}), movements {moved[0]:.1e} ({moved[1]}); "
            f"moved: median {middle:.1e}, least {least[0]:.1e} ({least[1]})")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for net in NETS:
        for loss in LOSSES:
            name = f"{net}_{loss}"
            if len(sys.argv) > 2 and not any(part in name for part in sys.argv[2:]):
                continue
            result = train(net, loss, torch.float64)
            (Path(sys.argv[1]) / f"{name}.txt").write_text(lines(loss, result))
            values = [v for v, _ in result[0]]
            print(f"{name}: loss {values[0]:.3f} {values[1]:.3f} .. {values[-2]:.3f} {values[-1]:.3f},",
                  f"norm {result[0][0][1]:.3g} .. {result[0][-1][1]:.3g}, state {result[1]}\n ",
                  apart(result, train(net, loss, torch.float32)), flush=True)


if __name__ == "__main__":
    main()
