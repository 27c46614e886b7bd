#!/usr/bin/env python3
"""Error versus discard: what a gallery's quality of pictures is worth, and the weights of its parts.

  arcface enroll --folder D/celeba-224 --largest --gallery q.gal --model W --detector S
  arcface gallery export q --plain --gallery q.gal
  bench/quality_curves.py q [--svg docs/quality.svg]

Pictures are divided by person into two halves. On one, weights of the parts' logarithms are fitted to what a picture is worth, its
mean cosine with the person's other pictures. On the other everything else is measured: the threshold has the wished FMR over all
pictures, then the worst ones by each part are dropped, and FNMR is that of the pairs of one person that are left.
"""
import argparse
import json
import zlib
import numpy as np

PARTS = ["detector", "alignment", "sharpness", "size", "pose", "norm"]
SHARES = np.arange(0, 31, 5) / 100


def load(folder):
    with open(folder + "/people.json") as f:
        people = json.load(f)["people"]
    emb = np.load(folder + "/embeddings.npy")
    name, rows, part, norm = [], [], [], []
    for person in people:
        for t in person["templates"]:
            detail = t["detail"]
            q = detail["quality"]
            name.append(person["name"])
            rows.append(t["row"])
            part.append([q.get(p, np.nan) for p in PARTS])
            norm.append(detail["norm"])
    return np.array(name), emb[rows], np.array(part), np.array(norm)


class Half:
    """Pictures of some people: all pairs, and FNMR after discarding."""

    def __init__(self, name, emb, part):
        self.name, self.part = name, part
        _, self.person = np.unique(name, return_inverse=True)
        cosine = emb @ emb.T
        a, b = np.triu_indices(len(name), 1)
        same = self.person[a] == self.person[b]
        self.impostor = np.sort(cosine[a[~same], b[~same]])
        self.a, self.b, self.genuine = a[same], b[same], cosine[a[same], b[same]]

    def threshold(self, fmr):
        k = int(np.floor(fmr * len(self.impostor)))
        return self.impostor[len(self.impostor) - k - 1]  # above it lie k

    def keep(self, quality, share):
        order = np.argsort(quality, kind="stable")
        kept = np.ones(len(quality), bool)
        kept[order[:int(round(share * len(order)))]] = False
        return kept[self.a] & kept[self.b]

    def curve(self, quality, fmr):
        wrong = self.genuine <= self.threshold(fmr)
        return np.array([wrong[self.keep(quality, s)].mean() for s in SHARES])

    def intervals(self, quality, fmr, share, rounds=1000):
        """95 % of FNMR, by drawing people."""
        kept, wrong = self.keep(quality, share), self.genuine <= self.threshold(fmr)
        who = self.person[self.a]
        pairs = np.bincount(who[kept], minlength=self.person.max() + 1)
        errors = np.bincount(who[kept & wrong], minlength=self.person.max() + 1)
        rng = np.random.default_rng(1)
        drawn = rng.integers(0, len(pairs), (rounds, len(pairs)))
        return np.percentile(errors[drawn].sum(1) / np.maximum(pairs[drawn].sum(1), 1), [2.5, 97.5])

    def best_possible(self):
        """Each picture's mean cosine with the person's others: what no measure before matching can know."""
        total = np.bincount(self.a, self.genuine, len(self.name)) + np.bincount(self.b, self.genuine, len(self.name))
        count = np.bincount(self.a, minlength=len(self.name)) + np.bincount(self.b, minlength=len(self.name))
        return total / np.maximum(count, 1)


def combined(part, weight):
    known = ~np.isnan(part)
    logs = np.log(np.maximum(np.where(known, part, 1), 1e-6))
    weights = np.where(known, weight, 0)
    return (logs * weights).sum(1) / np.maximum(weights.sum(1), 1e-12)


def fit(half):
    """Weights >= 0, with sum 1, by least squares: what a picture's mean cosine with the person's others follows from."""
    used = ~np.isnan(half.part).any(0)
    logs = np.where(used, np.log(np.maximum(half.part, 1e-6)), 0)
    logs -= logs.mean(0)
    want = half.best_possible() - half.best_possible().mean()
    gram, right, w = logs.T @ logs, logs.T @ want, np.zeros(len(PARTS))
    for _ in range(10000):
        for i in np.flatnonzero(used):
            w[i] = max(0, w[i] + (right[i] - gram[i] @ w) / gram[i, i])
    return w / w.sum()


def svg(path, curves, title):
    """FNMR in % over the discarded share, as a plain picture."""
    w, h, left, top = 640, 400, 60, 40
    most = 100 * max(c.max() for c in curves.values()) * 1.05
    colours = ["#888888", "#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#d62728", "#17becf"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{w + 170}" height="{h + 90}" font-family="sans-serif" font-size="13">',
           f'<rect width="100%" height="100%" fill="white"/><text x="{left}" y="24" font-size="15">{title}</text>']

    def x(share):
        return left + w * share / SHARES[-1]

    def y(percent):
        return top + h * (1 - percent / most)
    for s in SHARES[::2]:
        out.append(f'<text x="{x(s):.0f}" y="{top + h + 20}" text-anchor="middle">{100 * s:.0f} %</text>')
    step = max(1, round(most / 6))
    for p in range(0, int(most) + 1, step):
        out.append(f'<path d="M{left} {y(p):.1f}h{w}" stroke="#ddd"/><text x="{left - 8}" y="{y(p) + 4:.1f}" text-anchor="end">{p} %</text>')
    out.append(f'<text x="{left + w / 2}" y="{top + h + 40}" text-anchor="middle">pictures discarded, worst first</text>')
    ends = sorted((y(100 * c[-1]), n) for n, c in curves.items())
    at = -100.0
    for i, (n, c) in enumerate(curves.items()):
        points = " ".join(f"{x(s):.1f},{y(100 * v):.1f}" for s, v in zip(SHARES, c))
        wide = 3 if n == "combined" else 1.5
        dash = ' stroke-dasharray="5 4"' if n == "hindsight" else ""
        out.append(f'<polyline points="{points}" fill="none" stroke="{colours[i % 9]}" stroke-width="{wide}"{dash}/>')
    for where, n in ends:
        at = max(where, at + 15)
        out.append(f'<text x="{left + w + 6}" y="{at + 4:.1f}" fill="{colours[list(curves).index(n) % 9]}">{n}</text>')
    with open(path, "w") as f:
        f.write("\n".join(out + ["</svg>"]) + "\n")


def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument("folder", help="of gallery export --plain")
    arg.add_argument("--fmr", type=float, nargs="+", default=[1e-3, 1e-4])
    arg.add_argument("--weights", type=float, nargs=len(PARTS), help="measure these instead of fitting: " + " ".join(PARTS))
    arg.add_argument("--svg", help="a picture of the first FMR's curves")
    opt = arg.parse_args()
    name, emb, part, norm = load(opt.folder)
    odd = np.array([zlib.crc32(n.encode()) % 2 == 1 for n in name])
    one, other = Half(name[~odd], emb[~odd], part[~odd]), Half(name[odd], emb[odd], part[odd])
    print(f"{len(name)} pictures of {len(set(name))} people; fitted on {len(set(one.name))}, measured on {len(set(other.name))}: "
          f"{len(other.genuine)} pairs of one person, {len(other.impostor)} of two")
    print("norm: median %.2f, 5 %% %.2f, 95 %% %.2f" % tuple(np.percentile(norm, [50, 5, 95])))
    for p, v in zip(PARTS, part.T):
        if not np.isnan(v).any():
            print(f"{p:10} " + " ".join(f"{q:.3f}" for q in np.percentile(v, [1, 5, 25, 50, 75, 95])) + "  at 1 5 25 50 75 95 %")
    weight = np.array(opt.weights) if opt.weights else fit(one)
    print("weights    " + ", ".join(f"{p} {w:.2f}" for p, w in zip(PARTS, weight)))
    qualities = {p: other.part[:, i] for i, p in enumerate(PARTS) if not np.isnan(other.part[:, i]).any()}
    qualities["equal weights"] = combined(other.part, np.ones(len(PARTS)))
    qualities["combined"] = combined(other.part, weight)
    qualities["hindsight"] = other.best_possible()
    q = np.exp(combined(part, weight))
    print("combined   " + " ".join(f"{v:.3f}" for v in np.percentile(q, [1, 5, 25, 50, 75, 95])) + "  at 1 5 25 50 75 95 %")
    for fmr in opt.fmr:
        print(f"\nFNMR in % at FMR {fmr:g} (cosine {other.threshold(fmr):.4f}), worst pictures discarded:")
        print(f"{'by':14}" + "".join(f"{100 * s:7.0f} %" for s in SHARES) + "   95 % at 20 %")
        curves = {}
        for n, v in qualities.items():
            curves[n] = other.curve(v, fmr)
            low, high = other.intervals(v, fmr, 0.2)
            print(f"{n:14}" + "".join(f"{100 * c:9.2f}" for c in curves[n]) + f"   {100 * low:.2f} to {100 * high:.2f}")
        if opt.svg and fmr == opt.fmr[0]:
            svg(opt.svg, curves, f"FNMR at FMR {fmr:g}, {len(set(other.name))} people")


if __name__ == "__main__":
    main()
