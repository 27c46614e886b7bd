"""Makes tests/golden/data/curves.json and search.json: scores and embeddings with ties, and what scikit-learn and the published routines say.

AUC by sklearn.metrics.roc_auc_score, the nearest flavour of TAR@FAR by sklearn.metrics.roc_curve as InsightFace's eval_ijbc.py reads it, facenet's
AUC and EER by sklearn.metrics.auc and scipy's brentq, search figures as ijb_1n.py computes them. Needs numpy, scipy, scikit-learn.
Run: python3 tests/golden/curves.py
"""
import json
import math
import pathlib

import numpy as np
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics
from sklearn.model_selection import KFold

HERE = pathlib.Path(__file__).parent / "data"
TARGETS = [1e-3, 1e-2, 5e-2, 1e-1, 0.3]


def curve(score, same):
    fpr, tpr, _ = metrics.roc_curve(same, score)
    fpr, tpr = np.flipud(fpr), np.flipud(tpr)
    nearest = [min(zip(abs(fpr - x), range(len(fpr))))[1] for x in TARGETS]
    exact = []
    for x in TARGETS:
        best = 0.0
        for t in np.unique(score):
            if (score[same == 0] >= t).mean() <= x:
                best = max(best, (score[same == 1] >= t).mean())
        exact.append(best)
    return {"auc": metrics.roc_auc_score(same, score), "tar_nearest": [float(tpr[i]) for i in nearest],
            "far_nearest": [float(fpr[i]) for i in nearest], "tar_exact": exact}


def facenet(dist, same, folds):
    thresholds = np.arange(0, 4, 0.01)
    tprs, fprs = np.zeros((folds, 400)), np.zeros((folds, 400))
    for f, (_, test) in enumerate(KFold(n_splits=folds, shuffle=False).split(dist)):
        for k, t in enumerate(thresholds):
            yes, truth = dist[test] < t, same[test] == 1
            tprs[f, k] = (yes & truth).sum() / max(truth.sum(), 1)
            fprs[f, k] = (yes & ~truth).sum() / max((~truth).sum(), 1)
    tpr, fpr = tprs.mean(0), fprs.mean(0)
    return {"auc_facenet": metrics.auc(fpr, tpr), "eer_facenet": brentq(lambda x: 1.0 - x - interp1d(fpr, tpr)(x), 0.0, 1.0)}


def search(gallery, probe, mate):
    similarity = probe @ gallery.T
    order = np.argsort(-similarity, axis=1)
    out = {f"top{k}": float(np.mean([mate[i] in order[i, :k] for i in range(len(probe))])) for k in (1, 5, 10)}
    own = similarity[np.arange(len(probe)), mate].copy()
    wrong = similarity.copy()
    wrong[np.arange(len(probe)), mate] = -2
    wrong = np.sort(wrong[wrong > -2])[::-1]
    out["tpir"] = [float((own > wrong[math.ceil(len(probe) * x) - 1]).mean()) for x in (0.01, 0.1)]
    return out


def main():
    rng = np.random.default_rng(71)
    same = (rng.random(900) < 0.4).astype(int)
    score = np.round(np.where(same == 1, rng.normal(0.55, 0.2, 900), rng.normal(0.15, 0.2, 900)).clip(-0.99, 0.99), 2)
    order = np.arange(900)
    result = {"score": score.tolist(), "same": same.tolist(), "targets": TARGETS, **curve(score, same),
              **facenet(2 - 2 * score[order], same, 10)}
    (HERE / "curves.json").write_text(json.dumps(result) + "\n")

    gallery = rng.normal(size=(60, 8))
    mate = rng.integers(0, 60, 150)
    probe = gallery[mate] + 0.9 * rng.normal(size=(150, 8))
    unit = lambda x: (x / np.linalg.norm(x, axis=1, keepdims=True))
    gallery, probe = unit(gallery).round(6), unit(probe).round(6)
    result = {"gallery": gallery.ravel().tolist(), "probe": probe.ravel().tolist(), "mate": mate.tolist(),
              **search(unit(gallery), unit(probe), mate)}
    (HERE / "search.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
