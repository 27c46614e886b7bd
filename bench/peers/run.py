#!/usr/bin/env python3
"""One interleaved run of arcface and ONNX Runtime on the same network: time, peak memory, and that both compute the same.

    bench/peers/run.py [--model FILE.onnx] [--batch 1] [--threads 2] [--rounds 5] [--seconds 4]

Without --model an r100 is made. Each engine runs in its own process, in turn, so that both meet the same machine. Needs `make build`;
the first run makes a virtual environment with onnxruntime and numpy in build/bench-venv.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fill(count, numpy):
    """The input of bench/bench_net.c."""
    i = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761)
    return (i >> numpy.uint32(8)).astype(numpy.float32) / numpy.float32(16777216) * numpy.float32(2) - numpy.float32(1)


def peak_kib():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return -1


def run_onnxruntime(args):
    """In a process of its own: the figures as one JSON line, the first output in args.output."""
    import time

    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    begin = time.perf_counter()
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    load_ms = (time.perf_counter() - begin) * 1e3
    shape = [args.batch, 3, args.height, args.width]
    x = fill(args.batch * 3 * args.height * args.width, numpy).reshape(shape)
    name = session.get_inputs()[0].name
    out = session.run(None, {name: x})[0]
    out.astype(numpy.float32).tofile(args.output)
    times = []
    begin = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < args.seconds:
        start = time.perf_counter()
        session.run(None, {name: x})
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"engine": "onnxruntime", "version": onnxruntime.__version__, "load_ms": load_ms, "runs": len(times),
                      "median_ms": statistics.median(times), "min_ms": min(times), "peak_kib": peak_kib()}))


def environment(build):
    """The virtual environment with the peers, made once."""
    python = build / "bench-venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    if subprocess.run([python, "-c", "import onnxruntime, numpy"], capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "onnxruntime", "numpy"], check=True)
    return python


def line_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(python, ours, theirs):
    """Cosine of the two outputs, in the environment that has numpy."""
    code = ("import sys, numpy; a, b = (numpy.fromfile(p, numpy.float32).astype(float) for p in sys.argv[1:]); "
            "print(a.size == b.size and float(a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b))), float(abs(a - b).max()))")
    done = subprocess.run([python, "-c", code, ours, theirs], capture_output=True, text=True, check=True)
    cosine, difference = done.stdout.split()
    return float(cosine), float(difference)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--model")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each engine in each round")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--height", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--width", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--output", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.output:
        return run_onnxruntime(args)

    work = args.build / "bench"
    work.mkdir(parents=True, exist_ok=True)
    python = environment(args.build)
    if not args.model:
        args.model = str(work / "r100.onnx")
        if not os.path.exists(args.model):
            subprocess.run([str(args.build / "arcface"), "model", "new", "r100", "--seed", "1", "-o", args.model], check=True)
    ours_out, theirs_out = work / "ours.f32", work / "theirs.f32"
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(line_of([args.build / "bench" / "bench_net", args.model, args.batch, args.threads, args.seconds, ours_out]))
        theirs.append(line_of([python, __file__, "--model", args.model, "--batch", args.batch, "--threads", args.threads, "--seconds",
                               args.seconds, "--height", ours[0]["height"], "--width", ours[0]["width"], "--output", theirs_out]))
    cosine, difference = compare(python, ours_out, theirs_out)
    result = {"model": os.path.basename(args.model), "batch": args.batch, "threads": args.threads, "isa": ours[0]["isa"],
              "onnxruntime_version": theirs[0]["version"], "cosine": cosine, "max_difference": difference}
    for name, runs in (("arcface", ours), ("onnxruntime", theirs)):
        result[name + "_median_ms"] = statistics.median(r["median_ms"] for r in runs)
        result[name + "_min_ms"] = min(r["min_ms"] for r in runs)
        result[name + "_load_ms"] = statistics.median(r["load_ms"] for r in runs)
        result[name + "_peak_mib"] = max(r["peak_kib"] for r in runs) / 1024
    result["time_ratio"] = statistics.median(a["median_ms"] / b["median_ms"] for a, b in zip(ours, theirs))
    result["memory_ratio"] = result["arcface_peak_mib"] / result["onnxruntime_peak_mib"]
    if args.json:
        print(json.dumps(result))
    else:
        print(f"{result['model']}, batch {args.batch}, {args.threads} threads, {result['isa']}, {args.rounds} rounds in turn; "
              f"cosine {cosine:.7f}, largest difference {difference:.2e}")
        for name in ("arcface", "onnxruntime"):
            print(f"{name:12} median {result[name + '_median_ms']:8.2f} ms   min {result[name + '_min_ms']:8.2f} ms   "
                  f"load {result[name + '_load_ms']:7.0f} ms   peak {result[name + '_peak_mib']:7.0f} MiB")
        print(f"arcface / onnxruntime {result['onnxruntime_version']}: time {result['time_ratio']:.3f}, memory {result['memory_ratio']:.3f}")
    return 0 if cosine > 0.9999 else 1


if __name__ == "__main__":
    sys.exit(main())
