#!/usr/bin/env python3
"""How many faces `arcface detect` finds, by size and by rotation, beside InsightFace's own SCRFD of PyPI, on real photos.

usage: detection_recall.py ARCFACE [DATA] [--count N] [--only TABLE]    (DATA: $ARCFACE_DATA, else ../shared/data; N photos, default 60)

Photos are those of DATA/photos/pairs and the first of each person of DATA/celeba-224 in which both find exactly one face of at least 80 pixels.
  size       the face is given that height and the photo put into the middle of a grey picture of 1920 x 1440 pixels
  filling    the photo is cut to the face's box, and to 0.7 of it
  rotation   the photo is turned clockwise on a grey picture that holds it
  crowd      a photo of six faces, 80 times side by side, each face about that high
  quarters   whole photos in all four orientations, arcface alone, with any detector (--model): in how many of them each face is
             where and as it is in the upright photo; how many upright ones are answered as with --one-look, digit by digit
A face counts as found when a box overlaps the one expected (the box found in the photo as it is) by 0.4 (a rotated one: when their centres are
nearer than 0.3 of its side), and as right when its landmarks are, on the average, nearer than 0.1 of its side to those expected: eyes where eyes are.
Tables are in Markdown. Exit status: 0 done, 77 data or Python modules are missing.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy as np
except ImportError as missing:
    print(f"skipped: python lacks {missing.name}")
    sys.exit(77)

SIZES = (12, 16, 20, 24, 32, 48, 64, 100, 200)
ANGLES = (0, 15, 30, 45, 90, 135, 180, 270)
CROWD = (16, 20, 30, 40)
CANVAS = (1920, 1440)
GREY = 114
COLUMNS = ("arcface", "arcface --one-look", "InsightFace")


class Insight:
    """InsightFace's SCRFD at 640 x 640, as its FaceAnalysis runs it."""

    def __init__(self, model):
        try:
            from insightface.model_zoo import get_model
        except ImportError:
            print("skipped: python lacks insightface")
            sys.exit(77)
        self.model = get_model(str(model), providers=["CPUExecutionProvider"])
        self.model.prepare(ctx_id=-1, input_size=(640, 640))

    def __call__(self, images):
        found = []
        for image in images:
            boxes, points = self.model.detect(image)
            found.append([(box[:4], mark) for box, mark in zip(boxes, points)])
        return found


class Arcface:
    """The command, over all pictures of a condition at once."""

    def __init__(self, program, model, *options):
        self.command = [program, "detect", "--json", "-q", "--detector", str(model), *options]

    def __call__(self, images):
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{folder}/{i:04d}.bmp" for i in range(len(images))]
            for name, image in zip(names, images):
                cv2.imwrite(name, image)
            done = subprocess.run(self.command + names, capture_output=True, text=True, check=True)
        by_path = {photo["path"]: photo["faces"] for photo in json.loads(done.stdout)}
        return [[(np.array(f["box"]), np.array(f["landmarks"])) for f in by_path[name]] for name in names]


def overlap(a, b):
    w, h = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def moved(face, matrix):
    """A face under a similarity; the box is the square of the same size around the moved centre when it is turned."""
    box, marks = face
    corners = np.array([[box[0], box[1]], [box[2], box[3]]]) @ matrix[:, :2].T + matrix[:, 2]
    if abs(matrix[0, 1]) > 1e-9:
        side = max(box[2:] - box[:2]) * np.linalg.norm(matrix[0, :2])
        corners = corners.mean(0) + np.array([[-0.5], [0.5]]) * side
    return np.concatenate([corners.min(0), corners.max(0)]), marks @ matrix[:, :2].T + matrix[:, 2]


def judge(faces, wanted, turned):
    """(found, right) for one expected face."""
    side = max(wanted[0][2:] - wanted[0][:2])
    middle = (wanted[0][:2] + wanted[0][2:]) / 2
    near = [f for f in faces if (np.linalg.norm((f[0][:2] + f[0][2:]) / 2 - middle) < 0.3 * side if turned else overlap(f[0], wanted[0]) >= 0.4)]
    return bool(near), any(np.linalg.norm(f[1] - wanted[1], axis=1).mean() < 0.1 * side for f in near)


def similarity(scale, degrees, centre, to):
    a = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return np.hstack([turn, (np.array(to) - turn @ np.array(centre))[:, None]])


def warped(image, matrix, size):
    if np.linalg.norm(matrix[0, :2]) < 0.5:  # bilinear alone would skip pixels
        scale = np.linalg.norm(matrix[0, :2])
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = np.hstack([matrix[:, :2] / scale, matrix[:, 2:]])
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3)


def sized(image, face, height):
    scale = height / (face[0][3] - face[0][1])
    matrix = similarity(scale, 0, np.array(image.shape[1::-1]) / 2, np.array(CANVAS) / 2)
    return warped(image, matrix, CANVAS), moved(face, matrix)


def filling(image, face, part):
    middle, half = (face[0][:2] + face[0][2:]) / 2, part * (face[0][2:] - face[0][:2]) / 2
    x0, y0 = np.maximum(np.floor(middle - half), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(middle + half), image.shape[1::-1]).astype(int)
    return np.ascontiguousarray(image[y0:y1, x0:x1]), moved(face, similarity(1, 0, (x0, y0), (0, 0)))


def rotated(image, face, degrees):
    w, h = image.shape[1::-1]
    a = np.deg2rad(degrees)
    size = tuple(int(round(v)) for v in (w * abs(np.cos(a)) + h * abs(np.sin(a)), w * abs(np.sin(a)) + h * abs(np.cos(a))))
    matrix = similarity(1, degrees, (np.array([w, h]) - 1) / 2, (np.array(size) - 1) / 2)
    return warped(image, matrix, size), moved(face, matrix)


def crowd(image, faces, height):
    scale = height / np.mean([f[0][3] - f[0][1] for f in faces])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    h, w = small.shape[:2]
    wanted = [moved(f, similarity(scale, 0, (0, 0), (x * w, y * h))) for y in range(10) for x in range(8) for f in faces]
    return np.tile(small, (10, 8, 1)), wanted


def photos_of(data, count):
    """More than so many photos, at most 1280 pixels large."""
    names = sorted((data / "photos/pairs").glob("*.jpg")) + [min(p.iterdir()) for p in sorted((data / "celeba-224").iterdir())]
    images = [cv2.imread(str(name)) for name in names[: 3 * count]]
    return [i if max(i.shape) <= 1280 else cv2.resize(i, None, fx=1280 / max(i.shape), fy=1280 / max(i.shape), interpolation=cv2.INTER_AREA) for i in images]


def read(data, seekers, count):
    """Photos with one face that both find."""
    images = photos_of(data, count)
    ours, theirs = seekers[1](images), seekers[2](images)
    kept = [(i, b[0]) for i, a, b in zip(images, ours, theirs) if len(a) == len(b) == 1 and overlap(a[0][0], b[0][0]) > 0.7 and b[0][0][3] - b[0][0][1] >= 80]
    return kept[:count]


def row(name, seekers, cases, turned=False):
    """cases: [(image, [faces])]"""
    cells = []
    for seeker in seekers:
        results = [judge(found, face, turned) for found, (_, faces) in zip(seeker([c[0] for c in cases]), cases) for face in faces]
        cells.append("{:.1f} / {:.1f}".format(*(100 * np.mean([r[k] for r in results]) for k in (0, 1))))
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def table(title):
    print(f"\n| {title} | " + " | ".join(COLUMNS) + " |\n|---|" + "---|" * len(COLUMNS), flush=True)


def by_size(seekers, photos):
    table("height of the face, px")
    for height in SIZES:
        row(height, seekers, [(i, [f]) for i, f in (sized(image, face, height) for image, face in photos)])
    for part in (1.0, 0.7):
        row(f"fills the photo ({part:g} of the box)", seekers, [(i, [f]) for i, f in (filling(image, face, part) for image, face in photos)])


def by_quarters(plain, again, data, count):
    """Photos in which one look finds one face of at least 80 pixels, turned by whole quarters."""
    images = photos_of(data, count)
    kept = [(i, f[0]) for i, f in zip(images, plain(images)) if len(f) == 1 and f[0][0][3] - f[0][0][1] >= 80][:count]
    print("\n| turned clockwise by, degrees | photos | as upright |\n|---|---|---|")
    for degrees in (0, 90, 180, 270):
        cases = [rotated(image, face, degrees) for image, face in kept]
        found = again([image for image, _ in cases])
        good = sum(len(f) == 1 and judge(f, face, degrees != 0)[1] for f, (_, face) in zip(found, cases))
        print(f"| {degrees} | {len(kept)} | {good} |", flush=True)
    kept = [(a, b) for a, b in zip(plain(images), again(images)) if a]
    same = sum(len(a) == len(b) and all((x[0] == y[0]).all() and (x[1] == y[1]).all() for x, y in zip(a, b)) for a, b in kept)
    print(f"\nof {len(kept)} upright photos in which one look finds faces {same} are answered alike with second looks")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("arcface")
    parser.add_argument("data", nargs="?", default=os.environ.get("ARCFACE_DATA", "../shared/data"))
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--only", choices=("size", "rotation", "crowd", "quarters"))
    parser.add_argument("--model", default="models/detection/scrfd_2.5g_bnkps.onnx", help="below DATA")
    args = parser.parse_args()
    data = pathlib.Path(args.data)
    model = data / args.model
    if not model.exists():
        print(f"skipped: no {model}")
        return 77
    if args.only == "quarters":
        by_quarters(Arcface(args.arcface, model, "--one-look"), Arcface(args.arcface, model), data, args.count)
        return 0
    seekers = (Arcface(args.arcface, model), Arcface(args.arcface, model, "--one-look"), Insight(model))
    photos = read(data, seekers, args.count)
    print(f"{len(photos)} photos; found / with the right landmarks, in per cent")
    if args.only in (None, "size"):
        by_size(seekers, photos)
    if args.only in (None, "rotation"):
        table("turned clockwise by, degrees")
        for degrees in ANGLES:
            row(degrees, seekers, [(i, [f]) for i, f in (rotated(image, face, degrees) for image, face in photos)], degrees != 0)
    if args.only in (None, "crowd"):
        group = cv2.imread(str(data / "photos/insightface/t1.jpg"))
        table("480 faces in one photo, height of a face, px")
        for height in CROWD:
            row(height, seekers, [crowd(group, seekers[2]([group])[0], height)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
