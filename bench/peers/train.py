#!/usr/bin/env python3
"""Training steps of PyTorch and of bench_learn on the same networks, batches and head: images a second and peak memory, interleaved.

    bench/peers/train.py [--net r18,r50,mbf] [--precision f32,bf16] [--batch 0] [--rounds 3] [--seconds 5] [--ways eager,compile] [--classes 1000]

A step is forward with batch statistics, a cosine softmax head, backward and SGD with momentum and weight decay, on two threads. PyTorch runs channels_last, in
each of the ways asked for; bf16 is its autocast. Needs torch in the python that runs this, and `make build`. Each measurement is a process of its own.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = {"r18": [2, 2, 2, 2], "r34": [3, 4, 6, 3], "r50": [3, 4, 14, 3], "r100": [3, 13, 30, 3]}


def torch_step(net, batch, classes, precision, way, threads):
    import torch
    sys.path.insert(0, str(ROOT / "tests" / "golden"))
    import learn
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = learn.IResNet(BLOCKS[net], 64, 112, 512) if net in BLOCKS else learn.MobileFaceNet(512)
    model = model.to(memory_format=torch.channels_last).train()
    head = torch.nn.Parameter(torch.randn(classes, 512) * 0.01)
    optimizer = torch.optim.SGD([*(p for p in model.parameters() if p.requires_grad), head], lr=0.01, momentum=0.9, weight_decay=5e-4)
    run = torch.compile(model) if way == "compile" else model
    images = torch.rand(batch, 3, 112, 112).to(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            out = run(images)
        logits = 64 * torch.nn.functional.linear(torch.nn.functional.normalize(out.float()), torch.nn.functional.normalize(head))
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())
    return torch.__version__, step


def measure_torch(args):
    net, precision, way, batch, seconds, classes, threads = args
    version, step = torch_step(net, int(batch), int(classes), precision, way, int(threads))
    step()
    step()
    times, begin = [], time.perf_counter()
    while not times or time.perf_counter() - begin < float(seconds):
        at = time.perf_counter()
        step()
        times.append(time.perf_counter() - at)
    print(json.dumps({"engine": f"torch {version} {way}", "images_per_second": int(batch) / statistics.median(times),
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def line_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        return {"engine": str(command[0]), "error": (done.stderr or done.stdout).strip()[-300:]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    if sys.argv[1:2] == ["--one"]:
        return measure_torch(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--net", default="r18,r50,mbf")
    parser.add_argument("--precision", default="f32,bf16")
    parser.add_argument("--batch", type=int, default=0, help="0: 32, and 64 for mbf")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each engine in each round")
    parser.add_argument("--ways", default="eager,compile")
    args = parser.parse_args()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.build / "bench" / "inductor"))
    for precision in args.precision.split(","):
        for net in args.net.split(","):
            batch = args.batch or (64 if net.startswith("mbf") else 32)
            rows = {}
            for _ in range(args.rounds):
                lines = [line_of([args.build / "bench" / "bench_learn", net, batch, args.threads, args.seconds, precision])]
                lines += [line_of([sys.executable, __file__, "--one", net, precision, way, batch, args.seconds, args.classes, args.threads])
                          for way in args.ways.split(",") if way]
                for line in lines:
                    rows.setdefault(line["engine"], []).append(line)
            ours = statistics.median(r.get("images_per_second", 0) for r in rows.get("arcface", [{}]))
            print(f"{net}, {precision}, batch {batch}, {args.threads} threads")
            for engine, lines in rows.items():
                if "error" in lines[0]:
                    print(f"  {engine:28} {lines[0]['error']}")
                    continue
                speed = statistics.median(r["images_per_second"] for r in lines)
                print(f"  {engine:28} {speed:8.2f} images/s   peak {max(r['peak_mib'] for r in lines):7.0f} MiB   arcface / it {ours / speed:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
