"""Makes tests/golden/data/templates.json: picture features pooled to templates and verified as InsightFace's eval_ijbc.py does it.

Needs numpy and scikit-learn. Run: python3 tests/golden/templates.py
"""
import json
import pathlib

import numpy as np
from sklearn import metrics, preprocessing

HERE = pathlib.Path(__file__).parent / "data"
TARGETS = [1e-2, 5e-2, 1e-1]


def main():
    rng = np.random.default_rng(8)
    people, dim = 24, 6
    centre = rng.normal(size=(people, dim))
    feature, weight, number, media = [], [], [], []
    for person in range(people):
        for template in (person * 10 + 3, person * 10 + 7):
            for m in range(rng.integers(1, 4)):
                for _ in range(rng.integers(1, 4)):
                    feature.append((centre[person] + rng.normal(size=dim)) * rng.uniform(1, 20))
                    weight.append(rng.uniform(0.3, 1))
                    number.append(template)
                    media.append(int(rng.integers(0, 5)) * 100 + m)
    order = rng.permutation(len(feature))
    feature = np.array(feature, np.float32)[order].round(4)
    weight = np.array(weight, np.float32)[order].round(4)
    number, media = np.array(number)[order], np.array(media)[order]
    x = feature * weight[:, None]
    numbers = np.unique(number)
    rows = np.zeros((len(numbers), dim))
    for i, n in enumerate(numbers):
        mine = np.where(number == n)[0]
        rows[i] = sum(np.mean(x[mine][media[mine] == m].astype(np.float64), axis=0) for m in np.unique(media[mine]))
    rows = preprocessing.normalize(rows)
    at = {int(n): i for i, n in enumerate(numbers)}
    pairs = [(int(a), int(b), int(a // 10 == b // 10)) for i, a in enumerate(numbers) for b in numbers[i + 1:]]
    score = np.array([rows[at[a]] @ rows[at[b]] for a, b, _ in pairs])
    same = np.array([s for _, _, s in pairs])
    fpr, tpr, _ = metrics.roc_curve(same, score)
    fpr, tpr = np.flipud(fpr), np.flipud(tpr)
    nearest = [min(zip(abs(fpr - t), range(len(fpr))))[1] for t in TARGETS]
    (HERE / "templates.json").write_text(json.dumps({
        "dim": dim, "feature": [float(v) for v in feature.ravel()], "weight": [float(v) for v in weight],
        "number": number.tolist(), "media": media.tolist(), "numbers": numbers.tolist(), "row": rows.ravel().tolist(),
        "pair": np.array(pairs).ravel().tolist(), "targets": TARGETS, "auc": metrics.roc_auc_score(same, score),
        "tar_nearest": [float(tpr[i]) for i in nearest]}) + "\n")


if __name__ == "__main__":
    main()
