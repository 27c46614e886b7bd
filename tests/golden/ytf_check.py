#!/usr/bin/env python3
"""Checks `arcface eval ytf` on a stand-in for YouTube Faces against NumPy: every fold's accuracy and threshold, TAR, AUC, EER, operating points.

usage: ytf_check.py ARCFACE [DATA]          (DATA: $ARCFACE_DATA, else ../shared/data)

The data bases are made up in the layout of the real ones for every video of splits.txt. aligned_images_DB: LFW crops (links) are the frames; of
every ninth video one frame shows somebody else, one video is empty and one is not there. frame_images_DB, for a part of the pairs: frames of two
faces whose Name.labeled_faces.txt tells which one is meant. Both sides start from the embeddings of `arcface embed`. Exit status: 0 agrees,
1 differs, 77 data or Python modules are missing.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"skipped: python lacks {missing.name}")
    sys.exit(77)

from verification import protocol_of_distances

FRAMES = (2, 3)  # of a video, by its number
TOLERANCE = 1e-9


def hashed(text):
    return zlib.crc32(text.encode())


def read_splits(path):
    pairs = []
    for line in path.read_text().splitlines():
        field = [f.strip() for f in line.split(",")]
        if not field[0].startswith("split"):
            pairs.append((field[2], field[3], int(field[-1])))
    return pairs


class Cast:
    """Who plays whom: each person of YouTube Faces is one of LFW, those with several pictures first."""

    def __init__(self, crops, people):
        pictures = {p.name: sorted(p.iterdir()) for p in sorted(crops.iterdir())}
        actors = sorted(pictures, key=lambda name: (len(pictures[name]) < 2, hashed(name)))
        self.names = sorted(people)
        self.of = {name: pictures[actor] for name, actor in zip(self.names, actors)}

    def frame(self, video, k):
        name, number = video.split("/")
        if hashed(video) % 9 == 0 and k == 0:
            name = self.names[hashed(video) // 9 % len(self.names)]
        return self.of[name][(int(number) * 3 + k) % len(self.of[name])]


def frames_of(video):
    return range(FRAMES[hashed(video) % len(FRAMES)])


def make_aligned(base, videos, cast, empty, absent):
    for video in videos:
        if video == absent:
            continue
        (base / video).mkdir(parents=True)
        for k in frames_of(video) if video != empty else ():
            number = video.split("/")[1]
            (base / video / f"aligned_detect_{number}.{9 + k}.jpg").symlink_to(cast.frame(video, k))  # 9, 10, 11: order by number


def make_frames(base, videos, cast):
    """The face meant lies left or right; the other one belongs to somebody else and is larger and nearer to the centre."""
    boxes = {}
    for video in videos:
        name, number = video.split("/")
        (base / video).mkdir(parents=True)
        for k in frames_of(video):
            other = cast.names[hashed(f"{video} {k}") % len(cast.names)]
            meant = Image.open(cast.frame(video, k)).convert("RGB").resize((160, 160), Image.BICUBIC)
            wrong = Image.open(cast.of[other][0]).convert("RGB").resize((200, 200), Image.BICUBIC)
            x, beside = (20, 220) if hashed(video + str(k)) % 2 else (440, 180)
            frame = Image.new("RGB", (620, 260), (90, 110, 100))
            frame.paste(wrong, (beside, 30))
            frame.paste(meant, (x, 50))
            frame.save(base / video / f"{number}.{k + 1}.jpg", quality=95)
            # labelled as in the data base: centre and sides; about where the detector's box lies in a crop
            line = f"{name}\\{number}\\{number}.{k + 1}.jpg,0,{x + 80},{50 + 82},100,130,0.0,1"
            boxes.setdefault(name, []).append(line)
    for name, lines in boxes.items():
        (base / f"{name}.labeled_faces.txt").write_text("\r\n".join(lines) + "\r\n")


def run(arcface, *arguments):
    done = subprocess.run([arcface, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"arcface {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def embed(arcface, base, work, *arguments):
    """{frame: [(box, embedding)]} of a data base."""
    run(arcface, "embed", base, "-o", work / "embeddings.npy", "-q", *arguments)
    rows = np.load(work / "embeddings.npy").astype(np.float64)
    found = {}
    for line, row in zip((work / "embeddings.txt").read_text().splitlines(), rows, strict=True):
        field = line.split("\t")
        frame = str(pathlib.Path(field[0]).relative_to(base))
        found.setdefault(frame, []).append((np.array(field[2:6], float), row / np.linalg.norm(row)))
    return found


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def in_boxes(base, found):
    """Of each frame the face that overlaps the labelled box most, at least a fifth of the union."""
    meant, crowds, not_largest = {}, 0, 0
    for listing in base.glob("*.labeled_faces.txt"):
        for line in listing.read_text().splitlines():
            path, _, x, y, w, h, *_ = line.split(",")
            box = np.array([float(x) - float(w) / 2, float(y) - float(h) / 2, float(x) + float(w) / 2, float(y) + float(h) / 2])
            faces = found.get(path.replace("\\", "/"), [])
            best = max(faces, key=lambda f: overlap(f[0], box), default=None)
            if best is not None and overlap(best[0], box) >= 0.2:
                meant[path.replace("\\", "/")] = [best]
                crowds += len(faces) > 1
                size = [(f[0][2] - f[0][0]) * (f[0][3] - f[0][1]) for f in faces]
                not_largest += faces[int(np.argmax(size))] is not best
    return meant, crowds, not_largest


def distances(pairs, found, rule):
    frames = {}
    for frame in sorted(found):
        frames.setdefault(frame.rsplit("/", 1)[0], []).append(found[frame][0][1])
    out = []
    for a, b, _ in pairs:
        if a not in frames or b not in frames:
            out.append(4.0)
        elif rule == "centre":
            x, y = (np.mean(frames[v], axis=0) for v in (a, b))
            out.append(np.sum((x / np.linalg.norm(x) - y / np.linalg.norm(y)) ** 2))
        else:
            squared = ((np.array(frames[a])[:, None, :] - np.array(frames[b])[None, :, :]) ** 2).sum(axis=2)
            out.append({"min": np.min, "mean": np.mean, "max": np.max}[rule](squared))
    return np.array(out)


def operating_point(dist, same, target):
    """FAR and TAR at the lowest threshold whose FAR does not exceed the target."""
    score = 1 - dist / 2
    impostor, genuine = score[same == 0], score[same == 1]
    first = next(t for t in np.append(np.unique(score), 3.0) if (impostor >= t).mean() <= target)
    return (impostor >= first).mean(), (genuine >= first).mean()


def compare(title, got, dist, same, folds):
    want = protocol_of_distances(dist, same, folds, got["far_target"])
    worst, wrong = 0.0, []
    keys = ("accuracy", "accuracy_std", "fold_accuracy", "fold_threshold", "best_threshold_cosine", "tar", "tar_std", "far", "auc", "eer")
    for key in keys:
        off = float(np.abs(np.asarray(got[key], float) - np.asarray(want[key], float)).max())
        worst = max(worst, off)
        if off > TOLERANCE:
            wrong.append(f"{key}: {got[key]}, NumPy has {want[key]}")
    for point in got["curve"]["operating"]:
        far, tar = operating_point(dist, same, point["target"])
        off = max(abs(point["far"]["value"] - far), abs(point["tar"]["value"] - tar))
        worst = max(worst, off)
        if off > TOLERANCE:
            wrong.append(f"at FAR {point['target']:g}: {point['far']['value']}, {point['tar']['value']}; NumPy has {far}, {tar}")
    print(f"{title}: {len(same)} pairs, {folds} folds, accuracy {100 * got['accuracy']:.3f} % +- {100 * got['accuracy_std']:.3f}, "
          f"TAR {100 * got['tar']:.3f} %, AUC {got['auc']:.6f}; largest difference {worst:.1e}: {'DIFFERS' if wrong else 'agrees'}")
    for line in wrong:
        print("  " + line)
    return bool(wrong)


def check(arcface, title, base, splits, found, rules, arguments):
    pairs = read_splits(splits)
    same = np.array([p[2] for p in pairs], np.uint8)
    wrong = False
    for rule in rules:
        text = run(arcface, "eval", "ytf", "--images", base, "--splits", splits, "--rule", rule, "--bootstrap", 0, "--json", "-q", *arguments)
        got = json.loads(text)
        wrong |= compare(f"{title}, {rule}", got, distances(pairs, found, rule), same, 10)
        if got["images"] - got["missing"] != len(found):
            print(f"  {got['images'] - got['missing']} frames took part, {len(found)} expected")
            wrong = True
    return wrong


def main():
    arcface = os.path.abspath(sys.argv[1])
    data = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("ARCFACE_DATA", "../shared/data")).resolve()
    splits, crops = data / "ytf/splits.txt", data / "lfw/pairs-aligned-112"
    if not splits.exists() or not crops.exists():
        print(f"skipped: no YouTube Faces splits and LFW crops in {data}")
        return 77
    model = ["-m", data / "models/recognition/w600k_mbf_dequantised_fp32.onnx"]
    detector = ["-d", data / "models/detection/scrfd_2.5g_bnkps.onnx"]
    pairs = read_splits(splits)
    videos = sorted({v for p in pairs for v in p[:2]})
    cast = Cast(crops, {v.split("/")[0] for v in videos})
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder).resolve()
        base = work / "aligned_images_DB"
        make_aligned(base, videos, cast, empty=videos[100], absent=videos[2000])
        found = embed(arcface, base, work, "--aligned", *model)
        print(f"aligned_images_DB: {len(videos)} videos of {len(cast.names)} people, {len(found)} frames")
        wrong = check(arcface, "all pairs", base, splits, found, ["centre"], model)

        lines = splits.read_text().splitlines(keepends=True)
        part = work / "part.txt"  # ten pairs of each kind in each of the ten splits
        part.write_text("".join(line for i, line in enumerate(lines) if i % 250 < 10))
        wrong |= check(arcface, "a part", base, part, {f: found[f] for f in sorted(found) if f.rsplit("/", 1)[0] in of_pairs(part)},
                       ["min", "mean", "max"], model)

        base = work / "frame_images_DB"
        make_frames(base, of_pairs(part), cast)
        everyone = embed(arcface, base, work, "--all", *model, *detector)
        found, crowds, not_largest = in_boxes(base, everyone)
        print(f"frame_images_DB: {len(everyone)} frames, {crowds} with several faces, in {not_largest} the labelled one is not the largest")
        wrong |= check(arcface, "photos", base, part, found, ["centre"], ["--photos", *model, *detector])
        if not_largest == 0:
            print("  the labelled boxes decided nothing")
            wrong = True
    return int(wrong)


def of_pairs(splits):
    return sorted({v for p in read_splits(splits) for v in p[:2]})


if __name__ == "__main__":
    sys.exit(main())
