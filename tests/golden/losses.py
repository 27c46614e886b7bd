#!/usr/bin/env python3
"""Goldens of the losses from PyTorch in double: for each loss the value and the gradients by embeddings and centres.

    python tests/golden/losses.py tests/golden/data/losses

writes inputs.npy (embeddings, then centres, float32) and LOSS.npy (loss, gradient by embeddings, gradient by centres). Formulas are those
of the authors' own code: arcface_torch, AdaFace's head.py, MagFace's magface.py, CurricularFace's metrics.py. run() is also the loss of
steps.py, which keeps the state from step to step."""
import math, os, sys
import numpy as np, torch
import torch.nn.functional as F

B, C, K, D = 6, 17, 3, 16


def inputs():
    g = torch.Generator().manual_seed(20190609)
    x = torch.randn(B, D, generator=g) * torch.linspace(2.5, 9.0, B)[:, None]
    w = torch.randn(C * K, D, generator=g) * 0.3
    y = torch.arange(B) * 2 % C
    for i in range(B):  # some samples near their class, some far
        x[i] += (3.0 - i) * 4 * w[int(y[i])]
        x[i] += (3.0 - i) * 4 * w[int(y[i]) * K]
    x[B - 1] = 0.2 * x[B - 1] - 40 * w[int(y[B - 1]) * K]  # beyond the point where theta + m passes pi
    return x, w, y


def target(c, m1, m2, m3, wrap):
    theta = torch.acos(c)
    angle = m1 * theta + m2
    v = torch.cos(angle)
    if wrap == "fallback":
        v = torch.where(angle > math.pi, c - m2 * math.sin(math.pi - m2), v)
    if wrap == "mirror":
        v = torch.where(angle > math.pi, -2 - v, v)
    return v - m3


def fresh():
    """What AdaFace and CurricularFace remember, before the first step."""
    return {"norm_mean": 20.0, "norm_deviation": 100.0, "curriculum": 0.0}


def run(name, x, w, y, k, state, norms=(10, 110)):
    """The loss of one batch; moves the state. norms: MagFace's l_a and u_a."""
    xn = x.norm(dim=1)
    cos = F.normalize(x) @ F.normalize(w).t()
    if k > 1:
        cos = cos.view(len(x), -1, k).max(dim=2).values
    s, extra, rows = 64.0, 0.0, torch.arange(len(x))
    c = cos.clamp(-1, 1)
    z = c.clone()
    cy = c[rows, y]
    if name == "softmax":
        s = 20.0
    elif name.startswith("arcface"):
        wrap = name.split("_")[1] if "_" in name else "fallback"
        if wrap == "straight":
            with torch.no_grad():
                change = target(cy, 1, 0.5, 0, "none") - cy
            z[rows, y] = cy + change
        elif wrap == "filter":
            other = torch.ones_like(c, dtype=torch.bool)
            other[rows, y] = False
            z = torch.where(other & (c > 0.2), torch.zeros_like(c), c)
            z[rows, y] = target(cy, 1, 0.5, 0, "fallback")
        else:
            z[rows, y] = target(cy, 1, 0.5, 0, "fallback" if wrap == "subcenter" else wrap)
    elif name == "cosface":
        z[rows, y] = cy - 0.35
    elif name == "sphereface":
        z[rows, y] = target(cy, 1.35, 0, 0, "mirror")
    elif name == "combined":
        z[rows, y] = target(cy, 1, 0.3, 0.2, "fallback")
    elif name == "adaface":
        safe = xn.detach().clamp(0.001, 100)
        state["norm_mean"] = 0.01 * safe.mean() + 0.99 * state["norm_mean"]
        state["norm_deviation"] = 0.01 * safe.std() + 0.99 * state["norm_deviation"]
        k_ = ((safe - state["norm_mean"]) / (state["norm_deviation"] + 1e-3) * 0.333).clamp(-1, 1)
        c = cos.clamp(-1 + 1e-3, 1 - 1e-3)
        cy = c[rows, y]
        z = c.clone()
        z[rows, y] = (torch.acos(cy) - 0.4 * k_).clamp(1e-3, math.pi - 1e-3).cos() - (0.4 + 0.4 * k_)
    elif name == "magface":
        low, high = norms
        a = xn.clamp(low, high)
        m = (0.8 - 0.45) / (high - low) * (a - low) + 0.45
        bent = cy * torch.cos(m) - torch.sqrt(1 - cy * cy) * torch.sin(m)
        z[rows, y] = torch.where(cy > 0, bent, cy)
        extra = 35 * (a / high**2 + 1 / a).mean()
    elif name == "curricularface":
        sine = torch.sqrt(1 - cy * cy)
        m = 0.5
        bent = cy * math.cos(m) - sine * math.sin(m)
        mask = c > bent[:, None]
        final = torch.where(cy > math.cos(math.pi - m), bent, cy - math.sin(math.pi - m) * m)
        state["curriculum"] = cy.mean().detach() * 0.01 + (1 - 0.01) * state["curriculum"]
        z = torch.where(mask, c * (state["curriculum"] + c), c)
        z[rows, y] = final
    return F.cross_entropy(z * s, y) + extra


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    x, w, y = inputs()
    np.save(f"{out}/inputs.npy", torch.cat([x.flatten(), w.flatten()]).numpy())
    for name in ("softmax arcface arcface_none arcface_mirror arcface_straight arcface_filter arcface_subcenter cosface sphereface "
                 "combined adaface magface curricularface").split():
        k = K if name.endswith("subcenter") else 1
        xs = x.double().clone().requires_grad_()
        ws = (w if k > 1 else w[::K]).double().clone().requires_grad_()
        loss = run(name, xs, ws, y, k, fresh())
        loss.backward()
        flat = torch.cat([loss.detach().reshape(1), xs.grad.flatten(), ws.grad.flatten()])
        np.save(f"{out}/{name}.npy", flat.float().numpy())
        print(name, loss.item())


if __name__ == "__main__":
    main()
