"""Makes tests/golden/data/frechet.json: sets of vectors and their Frechet distances by SciPy's square root of a matrix.

Vectors are drawn as float32 multiples of 1/64 from a linear congruential generator that tests/unit/test_frechet.c repeats, so that the file needs
no vectors. Distances are |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr(sqrtm(S1 S2)), as Heusel et al. and pytorch-fid compute them, in double; `eigen` is
the same by the eigenvalues of S1^(1/2) S2 S1^(1/2) (numpy.linalg.eigh), which does not suffer from a singular product. Needs numpy, scipy.
Run: python3 tests/golden/frechet.py
"""
import json
import pathlib

import numpy as np
from scipy import linalg

HERE = pathlib.Path(__file__).parent / "data"
CASES = [  # rows of both sets, numbers in a row, numbers that are a copy of the one before, shift of the second set
    {"rows": [60, 80], "dim": 12, "copies": 0, "shift": 0.5},
    {"rows": [900, 700], "dim": 64, "copies": 0, "shift": 0.25},
    {"rows": [200, 150], "dim": 24, "copies": 6, "shift": 0.0},  # singular covariances of many rows
    {"rows": [9, 40], "dim": 24, "copies": 0, "shift": 1.0},  # fewer rows than numbers, one set
    {"rows": [8, 7], "dim": 33, "copies": 0, "shift": 0.125},  # both
]


def draw(seed, rows, dim, copies, shift):
    x = np.zeros((rows, dim))
    for i in range(rows):
        for j in range(dim):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            x[i, j] = ((seed >> 40) % 512 - 256) / 64 / (1 + j % 5) + shift
            if j > 0:
                x[i, j] += x[i, j - 1] / 2
            if j >= dim - copies:
                x[i, j] = x[i, j - 1]
    return x.astype(np.float32).astype(np.float64)


def distance(a, b, root):
    s = [np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b)]
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s[0]) + np.trace(s[1]) - 2 * root(*s))


def by_sqrtm(s1, s2):
    return np.trace(linalg.sqrtm(s1 @ s2)).real


def by_eigenvalues(s1, s2):
    w, v = np.linalg.eigh(s1)
    half = (v * np.sqrt(np.maximum(w, 0))) @ v.T
    return np.sqrt(np.maximum(np.linalg.eigvalsh(half @ s2 @ half), 0)).sum()


def main():
    out = []
    for k, case in enumerate(CASES):
        a = draw(2 * k + 1, case["rows"][0], case["dim"], case["copies"], 0)
        b = draw(2 * k + 2, case["rows"][1], case["dim"], case["copies"], case["shift"])
        out.append({**case, "means": float(((a.mean(0) - b.mean(0)) ** 2).sum()), "sqrtm": distance(a, b, by_sqrtm),
                    "eigen": distance(a, b, by_eigenvalues)})
    (HERE / "frechet.json").write_text(json.dumps({"cases": out}, indent=1) + "\n")


if __name__ == "__main__":
    main()
