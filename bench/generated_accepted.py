#!/usr/bin/env python3
"""How many generated faces a judge accepts: generated_accepted.py ARCFACE JUDGE THRESHOLD GENERATED REAL

GENERATED: a folder of `arcface generate`. REAL: a folder with a folder of ready crops for each identity, named as there. Each face
is compared with the mean of its person's embeddings (as an enrolled person), with each of the person's pictures, and both with
everybody else's. Embeddings are of the plain view, as THRESHOLD must be (`arcface calibrate --no-flip`). Needs NumPy.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def embeddings(arcface, judge, files):
    with tempfile.TemporaryDirectory() as folder:
        names, rows = Path(folder, "names"), Path(folder, "rows.npy")
        names.write_text("".join(f"{file}\n" for file in files))
        subprocess.run([arcface, "embed", "--aligned", "-q", "-m", judge, "-o", rows, f"@{names}"], check=True)
        x = np.load(rows)
    if len(x) != len(files):
        sys.exit(f"{len(files)} pictures gave {len(x)} embeddings")
    return unit(x)


def interval(k, n):
    """Wilson's, 95 %."""
    z, p = 1.96, k / n
    middle, half = (p + z * z / (2 * n)), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def main(arcface, judge, threshold, generated, real):
    threshold, generated, real = float(threshold), Path(generated), Path(real)
    faces = json.loads((generated / "generated.json").read_text())["faces"]
    people = sorted({face["identity"] for face in faces})
    photos = {person: sorted(p for p in (real / person).iterdir() if p.is_file()) for person in people}
    made = embeddings(arcface, judge, [generated / face["file"] for face in faces])
    rows = embeddings(arcface, judge, [file for person in people for file in photos[person]])
    owner = np.repeat(np.arange(len(people)), [len(photos[person]) for person in people])
    enrolled = unit(np.stack([rows[owner == i].mean(0) for i in range(len(people))]))
    of = np.array([people.index(face["identity"]) for face in faces])
    mine = of[:, None] == np.arange(len(people))
    by_person, by_photo, own = made @ enrolled.T, made @ rows.T, of[:, None] == owner
    accepted = by_person >= threshold
    good = int((accepted & mine).sum())
    low, high = interval(good, len(faces))
    print(f"{len(faces)} faces of {len(people)} people, threshold {threshold}")
    print(f"accepted as their person: {good} = {100 * good / len(faces):.1f} % (95 %: {100 * low:.1f} to {100 * high:.1f}); "
          f"cosine {by_person[mine].mean():.3f}, least {by_person[mine].min():.3f}")
    print(f"accepted as somebody else: {100 * accepted[~mine].mean():.2f} % of {int((~mine).sum())}")
    print(f"nearest of the {len(people)} people is their own: {100 * (by_person.argmax(1) == of).mean():.1f} %")
    print(f"beside single pictures: {100 * (by_photo[own] >= threshold).mean():.1f} % of {int(own.sum())} accepted, cosine {by_photo[own].mean():.3f}; "
          f"of other people's {100 * (by_photo[~own] >= threshold).mean():.2f} %")
    same = (rows @ rows.T)[(owner[:, None] == owner) & ~np.eye(len(owner), dtype=bool)]
    print(f"for comparison, two real pictures of one of these people: {100 * (same >= threshold).mean():.1f} % accepted, cosine {same.mean():.3f}")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
