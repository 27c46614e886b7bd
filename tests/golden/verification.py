"""Makes tests/golden/data/verification_*.{npy,json}: made-up embeddings and what the 10-fold protocol says about them.

An independent NumPy version of InsightFace's verification protocol (thresholds 0..4 by 0.01 and 0.001, KFold without shuffling), written from its
description. Run: python3 tests/golden/verification.py
"""
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent / "data"


def kfold(n, k):
    sizes = np.full(k, n // k)
    sizes[: n % k] += 1
    ends = np.cumsum(sizes)
    for begin, end in zip(ends - sizes, ends):
        test = np.arange(begin, end)
        yield np.setdiff1d(np.arange(n), test), test


def protocol(emb, same, folds, target):
    e = emb.astype(np.float64)
    e = e / np.linalg.norm(e, axis=1, keepdims=True)
    a, b = e[0::2], e[1::2]
    cosine = np.sum(a * b, axis=1)
    return protocol_of_distances(np.sum((a - b) ** 2, axis=1), same, folds, target) | {
        "mean_genuine_cosine": cosine[same == 1].mean(), "mean_impostor_cosine": cosine[same == 0].mean(),
    }


def protocol_of_distances(dist, same, folds, target):
    coarse, fine = np.arange(0, 4, 0.01), np.arange(0, 4, 0.001)
    predict = dist[None, :] < coarse[:, None]
    hit = predict == same[None, :]
    fine_hit = dist[None, :] < fine[:, None]
    accuracy, thresholds, tar, far = [], [], [], []
    for train, test in kfold(len(same), folds):
        best = int(np.argmax(hit[:, train].mean(axis=1)))
        accuracy.append(hit[best, test].mean())
        thresholds.append(coarse[best])
        impostors = train[same[train] == 0]
        curve = fine_hit[:, impostors].mean(axis=1)
        if curve.max() >= target:
            left = int(np.searchsorted(curve, target, side="right")) - 1
            if left < 0:
                t = 0.0
            elif left == len(fine) - 1:
                t = fine[left]
            else:
                t = fine[left] + (target - curve[left]) / (curve[left + 1] - curve[left]) * (fine[left + 1] - fine[left])
        else:
            t = 0.0
        accepted = dist[test] < t
        genuine, impostor = same[test] == 1, same[test] == 0
        tar.append(accepted[genuine].mean() if genuine.any() else 0.0)
        far.append(accepted[impostor].mean() if impostor.any() else 0.0)
    g, i = dist[same == 1], dist[same == 0]
    auc = ((g[:, None] < i[None, :]).sum() + 0.5 * (g[:, None] == i[None, :]).sum()) / (len(g) * len(i))
    points = np.unique(dist)
    fars = np.array([0.0] + [(i <= t).mean() for t in points])
    frrs = np.array([1.0] + [1 - (g <= t).mean() for t in points])
    k = int(np.argmax(fars >= frrs))
    w = (frrs[k - 1] - fars[k - 1]) / ((frrs[k - 1] - fars[k - 1]) - (frrs[k] - fars[k]))
    return {
        "pairs": len(same), "folds": folds, "far_target": target,
        "accuracy": np.mean(accuracy), "accuracy_std": np.std(accuracy),
        "fold_accuracy": list(accuracy), "fold_threshold": [float(t) for t in thresholds],
        "best_threshold_cosine": 1 - coarse[int(np.argmax(hit.mean(axis=1)))] / 2,
        "tar": np.mean(tar), "tar_std": np.std(tar), "far": np.mean(far),
        "auc": auc, "eer": fars[k - 1] + w * (fars[k] - fars[k - 1]),
    }


def made_up(rng, pairs, dim, noise):
    """Half of each block of 20 pairs is genuine: one direction plus noise; the others are two directions."""
    same = (np.arange(pairs) % 20 < 10).astype(np.uint8)
    emb = rng.normal(size=(2 * pairs, dim))
    base = rng.normal(size=(pairs, dim))
    for p in range(pairs):
        if same[p]:
            emb[2 * p] = base[p] + noise * emb[2 * p]
            emb[2 * p + 1] = base[p] + noise * emb[2 * p + 1]
    emb *= rng.uniform(0.5, 30, size=(2 * pairs, 1))
    return emb.astype(np.float32), same


def main():
    rng = np.random.default_rng(20240229)
    for name, pairs, dim, noise, folds, target in (
        ("plain", 400, 16, 0.9, 10, 1e-2),
        ("ragged", 203, 8, 0.7, 10, 1e-3),
        ("few", 60, 8, 0.5, 5, 0.1),
    ):
        emb, same = made_up(rng, pairs, dim, noise)
        np.save(HERE / f"verification_{name}_embeddings.npy", emb)
        np.save(HERE / f"verification_{name}_same.npy", same)
        (HERE / f"verification_{name}.json").write_text(json.dumps(protocol(emb, same, folds, target), indent=1) + "\n")


if __name__ == "__main__":
    main()
