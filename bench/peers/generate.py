#!/usr/bin/env python3
"""Steps of generation in PyTorch and by bench_generate on the same weights, targets and pictures: steps a second and peak memory, interleaved.

    bench/peers/generate.py [--net r50:16,mbf:32] [--precision fp32] [--rounds 5] [--seconds 10] [--ways compile,compile-nchw] [--threads 2]

--net: network and pictures of a batch. A step is the paper's, open set: identity, means and deviations at every BatchNorm, total variation, length; its
gradient by the pixels; Adam. Both read the weights of `arcface model new`. PyTorch has frozen parameters, BatchNorm in eval mode with hooks on its inputs,
and runs channels_last (but for -nchw); `compile` is torch.compile of network and loss in one graph, bf16 its autocast. Each measurement is a process of its own and
begins with three steps that are not timed; PyTorch's peak is counted after these, so that of compiling only what stays is in it. The ratio is the median of the rounds' ratios;
on a machine with other work the shortest steps of all rounds say more, and their ratio stands beside it.
A first step whose loss differs between the two by more than 1e-3 in fp32 is an error. Needs torch and onnx in the python that runs this, and `make build`.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = {"r18": [2, 2, 2, 2], "r34": [3, 4, 6, 3], "r50": [3, 4, 14, 3], "r100": [3, 13, 30, 3]}
DIM, SIDE, FIRST, LEAST_VARIANCE, TERMS = 512, 112, 3, 1e-8, ("identity", "bn", "tv", "l2")


def torch_network(net, model_file):
    """The network with the file's weights and statistics, frozen."""
    import onnx
    import torch
    sys.path.insert(0, str(ROOT / "tests" / "golden"))
    import learn
    model = learn.IResNet(BLOCKS[net], 64, SIDE, DIM) if net in BLOCKS else learn.MobileFaceNet(DIM)
    stored = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in onnx.load(model_file).graph.initializer}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name not in stored or stored[name].numel() != tensor.numel():
            sys.exit(f"{model_file}: no tensor {name} of {tensor.numel()} numbers")
        tensor.copy_(stored[name].reshape(tensor.shape))  # slopes of PRelu have dimensions of 1 behind them in ONNX
    return model.eval().requires_grad_(False)


def watch(model, found):
    """Hooks that put each BatchNorm's distance of equation 8 into `found`."""
    import torch

    def look(norm, inputs):
        x = inputs[0].float()
        variance, mean = torch.var_mean(x, [0] if x.dim() == 2 else [0, 2, 3], correction=0)
        deviation, target = (variance + LEAST_VARIANCE).sqrt(), (norm.running_var + LEAST_VARIANCE).sqrt()
        found.append(((mean - norm.running_mean) ** 2).sum() + ((deviation - target) ** 2).sum())

    for m in model.modules():
        if isinstance(m, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            m.register_forward_pre_hook(look)


def torch_step(net, model_file, targets_file, pictures_file, precision, way):
    import numpy as np
    import torch
    layout = torch.contiguous_format if way.endswith("nchw") else torch.channels_last
    model, found = torch_network(net, model_file).to(memory_format=layout), []
    watch(model, found)
    targets = torch.nn.functional.normalize(torch.from_numpy(np.load(targets_file)))
    x = torch.from_numpy(np.load(pictures_file)).reshape(-1, 3, SIDE, SIDE).to(memory_format=layout).requires_grad_()
    optimizer = torch.optim.Adam([x], lr=0.25, fused=True)

    def losses(x):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            embedding = model(x if net in BLOCKS else 127.5 + 127.5 * x)
        bn = 0.05 * sum(found)
        found.clear()  # here, so that a compiled graph need not hand the list out
        identity = ((torch.nn.functional.normalize(embedding.float()) - targets) ** 2).sum(1).mean()
        pairs = [(x[..., 1:], x[..., :-1]), (x[..., 1:, :], x[..., :-1, :]), (x[..., 1:, 1:], x[..., :-1, :-1]), (x[..., 1:, :-1], x[..., :-1, 1:])]
        variation = sum((a - b).norm() for a, b in pairs)
        return torch.stack([identity, bn, 1e-3 * variation, 1e-4 * x.flatten(1).norm(dim=1).mean()])

    run = torch.compile(losses, fullgraph=True) if way.startswith("compile") else losses

    def step():
        optimizer.zero_grad(set_to_none=True)
        terms = run(x)
        terms.sum().backward()
        optimizer.step()
        return terms.detach()
    return step


def peak_mib():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1024


def measure_torch(args):
    net, model_file, targets_file, pictures_file, threads, seconds, precision, way = args
    import torch
    torch.set_num_threads(int(threads))
    step = torch_step(net, model_file, targets_file, pictures_file, precision, way)
    first = [step().tolist() for _ in range(FIRST)]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    times, begin = [], time.perf_counter()
    while len(times) < 2 or time.perf_counter() - begin < float(seconds):
        at = time.perf_counter()
        step()
        times.append(time.perf_counter() - at)
    print(json.dumps({"engine": f"torch {torch.__version__} {way}", "steps_per_second": 1 / statistics.median(times), "least_ms": 1e3 * min(times), "steps": len(times),
                      "losses": first, "peak_mib": peak_mib()}))


def line_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        return {"engine": "torch " + command[-1] if "--one" in command else "bench_generate", "error": (done.stderr or done.stdout).strip()[-1000:]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def make_files(args, net, images):
    """Model, targets and pictures under the build folder, the same in every run."""
    import numpy as np
    folder = args.build / "bench" / "generate" / f"{net}-{images}"
    folder.mkdir(parents=True, exist_ok=True)
    model, targets, pictures = folder / "model.onnx", folder / "targets.npy", folder / "pictures.npy"
    subprocess.run([args.build / "arcface", "model", "new", net, "--dim", str(DIM), "-q", "-o", model], check=True, stdout=subprocess.DEVNULL)
    random = np.random.default_rng(1)
    np.save(targets, random.standard_normal((images, DIM)).astype(np.float32))
    np.save(pictures, random.standard_normal((images, 3 * SIDE * SIDE)).astype(np.float32))
    return model, targets, pictures


def apart(a, b):
    """Of the terms of two steps, the largest relative difference, and whose it is; infinite where a term is not finite."""
    return max((abs(x / y - 1) if math.isfinite(x) and math.isfinite(y) else math.inf, name) for x, y, name in zip(a, b, TERMS))


def compare(args, net, images, precision):
    """Rounds of all engines in turn; true when all ran and had the same loss."""
    files, rounds = make_files(args, net, images), []
    for _ in range(args.rounds):
        commands = [[args.build / "bench" / "bench_generate", *files, args.threads, args.seconds, precision]]
        commands += [[sys.executable, __file__, "--one", net, *files, args.threads, args.seconds, precision, way] for way in args.ways.split(",") if way]
        rounds.append([line_of(command) for command in commands])
        for line in rounds[-1]:
            if "error" in line:
                print(f"{net}, {precision}: {line['engine']}: {line['error']}", file=sys.stderr)
                return False
    print(f"{net}, {precision}, batch {images}, {args.threads} threads, {args.rounds} rounds, statistics of {rounds[0][0]['batchnorms']} BatchNorms")
    same = True
    for i, line in enumerate(rounds[0]):
        column = [r[i] for r in rounds]
        ratios = [r[0]["steps_per_second"] / r[i]["steps_per_second"] for r in rounds]
        begin, end = (apart(rounds[0][0]["losses"][k], line["losses"][k]) for k in (0, FIRST - 1))
        same = same and (begin[0] < 1e-3 or precision != "fp32")
        least, ours = min(c["least_ms"] for c in column), min(r[0]["least_ms"] for r in rounds)
        print(f"  {line['engine']:32} {statistics.median(c['steps_per_second'] for c in column):8.3f} steps/s   shortest {least:8.1f} ms   "
              f"peak {max(c['peak_mib'] for c in column):6.0f} MiB   "
              f"arcface / it {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), by the shortest {least / ours:.2f}   losses apart by {begin[0]:.1e} ({begin[1]}), "
              f"at step {FIRST} by {end[0]:.1e} ({end[1]})", flush=True)
    if not same:
        print(f"{net}, {precision}: the losses of the first step differ, so these are not the same steps", file=sys.stderr)
    return same


def main():
    if sys.argv[1:2] == ["--one"]:
        return measure_torch(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--net", default="r50:16,mbf:32")
    parser.add_argument("--precision", default="fp32", help="fp32,bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of each engine in each round; two steps at least")
    parser.add_argument("--ways", default="compile,compile-nchw", help="also eager, eager-nchw")
    args = parser.parse_args()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.build.resolve() / "bench" / "inductor"))
    good = True
    for precision in args.precision.split(","):
        for net, images in (word.split(":") for word in args.net.split(",")):
            good = compare(args, net, int(images), precision) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
