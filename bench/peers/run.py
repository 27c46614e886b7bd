#!/usr/bin/env python3
"""arcface and its rivals on the same network, machine and numbers, in one interleaved run.

    bench/peers/run.py [--model FILE.onnx | --zoo r100|...|scrfd_10g|vit_s|edgeface_xs] [--precision f32|bf16|fp16|int8] [--batch 1] [--threads 2] [--rounds 5]
                       [--seconds 3] [--peers onnxruntime,ncnn,...] [--json] [--append docs/BENCHMARKS.md]

Without --model an r100 is made; scrfd_10g has the layers of that detector (scrfd_graph.py), vit_s and
edgeface_xs are transformers with random weights (transformer_graph.py, which needs PyTorch). Each engine runs in its own process, in turn, so
that all meet the same machine; outputs have to agree (cosine > 0.9999; bf16 and int8 0.99). int8 takes a QDQ file of `arcface quantize`, the
same for all, and leaves out ncnn, which has a format of its own for it. Needs `make build`; the first run makes a virtual environment in build/bench-venv. Exit status 1: an output differs.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from engines import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


# Networks that a script beside this one writes, and what it needs.
MADE = {"scrfd_10g": (["scrfd_graph.py"], []), **{n: (["transformer_graph.py", n], ["torch", "onnxscript"]) for n in ("vit_s", "edgeface_xs")}}


def environment(build, peers, packages):
    """The virtual environment with the peers, made once; a peer that PyPI does not have for this machine is left out by name."""
    python = build / "bench-venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    present = subprocess.run([python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True).stdout.lower()
    missing = [p for p in ["numpy", "onnx", *packages, *(p for peer in peers for p in PACKAGES[peer])] if f"{p.lower()}==" not in present]
    if missing:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *dict.fromkeys(missing)], check=True)
    return python


def line_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        return None, f"{command[1] if 'python' in str(command[0]) else command[0]}: {(done.stderr or done.stdout).strip()[-400:]}"
    return json.loads(done.stdout.strip().splitlines()[-1]), None


def cosine(python, ours, theirs):
    code = ("import sys, numpy; a, b = (numpy.fromfile(p, numpy.float32).astype(float) for p in sys.argv[1:]); "
            "print(float(a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b))) if a.size == b.size else 0.0)")
    return float(subprocess.run([python, "-c", code, ours, theirs], capture_output=True, text=True, check=True).stdout)


def first_output(python, model):
    code = "import sys, onnx; print(onnx.load(sys.argv[1], load_external_data=False).graph.output[0].name)"
    return subprocess.run([python, "-c", code, model], capture_output=True, text=True, check=True).stdout.strip()


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def measure(args, python, work):
    """Rounds of every engine in turn: name -> list of figures; failures by name."""
    runs, failed = {"arcface": []}, {}
    first = first_output(python, args.model)
    for _ in range(args.rounds):
        figures, error = line_of([args.build / "bench" / "bench_net", args.model, args.batch, args.threads, args.seconds, work / "arcface.f32",
                                  *([args.precision] if args.precision in ("bf16", "fp16") else [])])
        if error:
            sys.exit(error)
        runs["arcface"].append(figures)
        for peer in args.peers:
            if peer in failed:
                continue
            theirs, error = line_of([python, HERE / "engines.py", peer, "--model", args.model, "--first", first, "--work", work, "--output", work / f"{peer}.f32",
                                     "--batch", args.batch, "--threads", args.threads, "--seconds", args.seconds,
                                     "--height", figures["height"], "--width", figures["width"], "--precision", "f32" if args.precision == "fp16" else args.precision])
            if error:
                failed[peer] = error
            else:
                runs.setdefault(peer, []).append(theirs)
    return runs, failed


def summary(args, python, work, runs):
    rows = []
    ours = statistics.median(r["median_ms"] for r in runs["arcface"])
    for name, figures in runs.items():
        rows.append({"engine": name, "version": figures[0].get("version", ""), "median_ms": statistics.median(r["median_ms"] for r in figures),
                     "min_ms": min(r["min_ms"] for r in figures), "load_ms": statistics.median(r["load_ms"] for r in figures),
                     "peak_mib": max(r["peak_kib"] for r in figures) / 1024,
                     "cosine": 1.0 if name == "arcface" else cosine(python, work / "arcface.f32", work / f"{name}.f32")})
        rows[-1]["speed_ratio"] = rows[-1]["median_ms"] / ours
    return rows


def command_line():
    """How to make this table again: the arguments without where it goes."""
    words = list(sys.argv[1:])
    if "--append" in words:
        at = words.index("--append")
        del words[at:at + 2]
    return " ".join(["bench/peers/run.py", *words])


def table(args, rows, isa):
    head = (f"### {Path(args.model).stem}, {args.precision}, batch {args.batch}, {args.threads} thread{'s' if args.threads > 1 else ''}\n\n"
            f"{datetime.date.today()}, {processor()}, {isa}; {args.rounds} rounds in turn; "
            f"`{command_line()}`\n\n"
            "| engine | ms a batch, median (min) | arcface is faster by | peak MiB | load ms | cosine |\n|---|---|---|---|---|---|\n")
    return head + "".join(f"| {r['engine']} {r['version']} | {r['median_ms']:.2f} ({r['min_ms']:.2f}) | {r['speed_ratio']:.2f} x | {r['peak_mib']:.0f} | "
                          f"{r['load_ms']:.0f} | {r['cosine']:.7f} |\n" for r in rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--model")
    parser.add_argument("--zoo", default="r100", help=f"a fresh network of this name, or {', '.join(MADE)}, when there is no --model")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each engine in each round")
    parser.add_argument("--precision", choices=("f32", "bf16", "fp16", "int8"), default="f32",
                        help="bf16: every engine in its bfloat16 mode where it has one; fp16: arcface with weights in half precision, the others in f32; "
                             "int8: a QDQ file given by --model")
    parser.add_argument("--peers")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--append", type=Path, help="add the table to this file")
    args = parser.parse_args()
    if args.precision == "int8" and not args.model:
        parser.error("--precision int8 needs --model FILE: a QDQ file, from arcface quantize")
    everyone = [p for p in PACKAGES if args.precision != "int8" or p != "ncnn"]
    args.peers = [p for p in (everyone if args.peers is None else args.peers.split(",")) if p]
    unknown = [p for p in args.peers if p not in PACKAGES]
    if unknown:
        parser.error(f"no peer {unknown[0]}; there are {', '.join(PACKAGES)}")
    work = args.build / "bench"
    work.mkdir(parents=True, exist_ok=True)
    script, packages = MADE.get(args.zoo, ([], [])) if not args.model and not (work / f"{args.zoo}.onnx").exists() else ([], [])
    python = environment(args.build, args.peers, packages)
    if not args.model:
        args.model = str(work / f"{args.zoo}.onnx")
        if not os.path.exists(args.model):
            make = [python, HERE / script[0], *script[1:]] if script else [args.build / "arcface", "model", "new", args.zoo, "--seed", "1", "-o"]
            subprocess.run([*map(str, make), args.model], check=True)
    runs, failed = measure(args, python, work)
    rows = summary(args, python, work, runs)
    text = table(args, rows, runs["arcface"][0]["isa"])
    print(json.dumps({"model": args.model, "batch": args.batch, "threads": args.threads, "rows": rows, "failed": failed}) if args.json else text)
    for peer, error in failed.items():
        print(f"{peer} did not run: {error}", file=sys.stderr)
    if args.append:
        with args.append.open("a") as out:
            out.write(text)
    return 0 if all(r["cosine"] > (0.99 if args.precision in ("bf16", "int8") else 0.9999) for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
