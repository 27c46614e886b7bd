#!/usr/bin/env python3
"""Photographs to embeddings: arcface beside InsightFace's own Python pipeline on ONNX Runtime, in one interleaved run.

    bench/peers/pipeline.py [--photos FOLDER] [--count 100] [--detector FILE] [--model FILE] [--threads 2] [--rounds 5] [--json]
                            [--append docs/BENCHMARKS.md]

Both read the same files from disk, search them at 640x640, take the largest face, align it and embed it with the same two models. InsightFace is
the `insightface` package from PyPI: its SCRFD and ArcFaceONNX classes, its face_align, OpenCV for pictures, sessions of ONNX Runtime with as many
threads as arcface has. It runs twice: as it comes, where the idle workers of each session spin and take the other session's time, and with that
switched off, which is its fastest here. Every round is a process of each, warmed up on one photo. Where both find a face, the embeddings have to
agree.
Needs `make build`; the first run makes a virtual environment in build/pipeline-venv. Exit status 1: embeddings differ.
"""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# insightface asks for opencv-python and its windows; the headless build is the same code
PACKAGES = ["numpy", "onnx", "onnxruntime", "opencv-python-headless", "scikit-image", "scipy", "tqdm", "requests"]
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
COSINE = 0.99


def environment(build):
    python = build / "pipeline-venv" / "bin" / "python"
    if not (build / "pipeline-venv" / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
        for words in (PACKAGES, ["--no-deps", "insightface"]):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *words], check=True)
        (build / "pipeline-venv" / "ready").touch()
    return python


def peer(args):
    """One pass of InsightFace over the photos; runs inside the virtual environment."""
    import warnings
    warnings.simplefilter("ignore")
    from types import SimpleNamespace
    import cv2
    import insightface
    import numpy
    import onnxruntime
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX
    from insightface.model_zoo.scrfd import SCRFD

    def session(path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(not args.no_spinning)))
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    cv2.setNumThreads(args.threads)
    detector = SCRFD(args.detector, session(args.detector))
    detector.prepare(-1, input_size=(640, 640), det_thresh=0.5)
    embedder = ArcFaceONNX(args.model, session(args.model))
    spent = dict.fromkeys(("decode", "detect", "embed"), 0.0)

    def embed(path):
        begin = time.perf_counter()
        photo = cv2.imread(path)
        decoded = time.perf_counter()
        if photo is None:
            return None
        boxes, points = detector.detect(photo)
        detected = time.perf_counter()
        vector = None
        if len(boxes):
            best = int(numpy.argmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))
            vector = embedder.get(photo, SimpleNamespace(kps=points[best]))
        for stage, seconds in zip(spent, (decoded - begin, detected - decoded, time.perf_counter() - detected)):
            spent[stage] += seconds
        return vector

    paths = json.loads(Path(args.peer).read_text())
    embed(paths[0])
    spent = dict.fromkeys(spent, 0.0)
    vectors, begin = {}, time.perf_counter()
    for path in paths:
        vectors[path] = embed(path)
    seconds = time.perf_counter() - begin
    Path(args.vectors).write_text(json.dumps({path: [float(x) for x in v] for path, v in vectors.items() if v is not None}))
    print(json.dumps({"version": f"{insightface.__version__}, ONNX Runtime {onnxruntime.__version__}, OpenCV {cv2.__version__}",
                      "ms_per_photo": 1e3 * seconds / len(paths), "faces": sum(v is not None for v in vectors.values()),
                      **{f"{stage}_ms": 1e3 * s / len(paths) for stage, s in spent.items()}}))


def json_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:3]))}: {(done.stderr or done.stdout).strip()[-600:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def photos_of(folder, count):
    found = sorted(str(p) for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        sys.exit(f"{folder} holds no pictures")
    return [found[i % len(found)] for i in range(count)], len(found)


def our_vectors(arcface, args, paths):
    text = subprocess.run([str(arcface), "embed", *sorted(set(paths)), "-m", args.model, "-d", args.detector, "--threads", str(args.threads),
                           "-q", "--format", "json", "-o", "-"], capture_output=True, text=True, check=True).stdout
    return {row["path"]: row["embedding"] for row in json.loads(text)}


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def table(args, rows, found, agreement):
    ours = rows[0]
    processor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    text = (f"### Photo to embedding: {Path(args.detector).stem} and {Path(args.model).stem}, {args.threads} threads\n\n"
            f"{datetime.date.today()}, {processor}; {args.count} photos ({min(found, args.count)} different), {args.rounds} rounds in turn; "
            f"`bench/peers/pipeline.py --rounds {args.rounds}{'' if args.threads == 2 else f' --threads {args.threads}'}`\n\n"
            "| pipeline | ms a photo, median (min) | arcface is faster by | decode | detect | align and embed |\n|---|---|---|---|---|---|\n")
    for r in rows:
        text += (f"| {r['name']} | {r['median_ms']:.2f} ({r['min_ms']:.2f}) | {r['median_ms'] / ours['median_ms']:.2f} x | {r['decode_ms']:.1f} | "
                 f"{r['detect_ms']:.1f} | {r['embed_ms']:.1f} |\n")
    return text + f"\nFaces of both: {agreement['faces']}; cosine of their embeddings: least {agreement['least']:.5f}, median {agreement['median']:.6f}. " \
                  "Stages of arcface are of one photo after the other; the time of a photo is of the pipeline, where they overlap.\n\n"


def main():
    data = Path(os.environ.get("ARCFACE_DATA", ROOT / "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--photos", type=Path, default=data / "photos")
    parser.add_argument("--count", type=int, default=100, help="photos in a round; a folder with fewer is gone through again")
    parser.add_argument("--detector", default=str(data / "models/detection/scrfd_2.5g_bnkps.onnx"))
    parser.add_argument("--model", default=str(data / "models/recognition/w600k_mbf_dequantised_fp32.onnx"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--append", type=Path, help="add the table to this file")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--no-spinning", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--vectors", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return peer(args)
    python, arcface, work = environment(args.build), args.build / "arcface", args.build / "bench"
    work.mkdir(parents=True, exist_ok=True)
    paths, found = photos_of(args.photos, args.count)
    (work / "photos.json").write_text(json.dumps(paths))
    models = ["--threads", args.threads, "--detector", args.detector, "--model", args.model]
    peers = {"InsightFace as it comes": [], "InsightFace without spinning": ["--no-spinning"]}
    runs = {name: [] for name in ("arcface", *peers)}
    for _ in range(args.rounds):
        runs["arcface"].append(json_of([arcface, "bench", "pipeline", *paths, *models, "--json"]))
        for name, words in peers.items():
            runs[name].append(json_of([python, __file__, *models, *words, "--peer", work / "photos.json", "--vectors", work / "vectors.json"]))
    rows = []
    for name, figures in runs.items():
        middle = {key: statistics.median(f[key] for f in figures) for key in ("ms_per_photo", "decode_ms", "detect_ms", "embed_ms")}
        middle["embed_ms"] += statistics.median(f.get("align_ms", 0) for f in figures)
        rows.append({"name": ": ".join(filter(None, (name, figures[0].get("version")))), "median_ms": middle.pop("ms_per_photo"),
                     "min_ms": min(f["ms_per_photo"] for f in figures), **middle})
    ours, theirs = our_vectors(arcface, args, paths), json.loads((work / "vectors.json").read_text())
    both = {path: cosine(ours[path], theirs[path]) for path in ours if path in theirs}
    agreement = {"faces": len(both), "only_arcface": sorted(set(ours) - set(theirs)), "only_insightface": sorted(set(theirs) - set(ours)),
                 "least": min(both.values()), "median": statistics.median(both.values()),
                 "below": {path: c for path, c in both.items() if c <= COSINE}}
    text = table(args, rows, found, agreement)
    print(json.dumps({"rows": rows, "agreement": agreement}) if args.json else text)
    for path, c in agreement["below"].items():
        print(f"{path}: cosine {c:.4f}", file=sys.stderr)
    for who in ("only_arcface", "only_insightface"):
        for path in agreement[who]:
            print(f"{path}: a face for {who[5:]} alone", file=sys.stderr)
    if args.append:
        with args.append.open("a") as out:
            out.write(text)
    return 1 if agreement["below"] else 0


if __name__ == "__main__":
    sys.exit(main())
