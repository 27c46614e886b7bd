#!/usr/bin/env python3
"""Expected times of one Cortex-A76 core, from the instructions that the AArch64 build executes.

usage: bench/a76.py [--ghz 2.4] [--gb-s 8] [MODEL.onnx ...]     (with the onnx package for models; tools/cross_aarch64.sh's compiler and qemu)

Every kernel runs once under qemu with a trace of single instructions; its instructions are counted by the pipes that execute them: 4 decoded
in a cycle, two 128-bit arithmetic pipes, two of loads and stores (one store in a cycle), three of integers, one of branches (Cortex-A76
Software Optimization Guide). The longest of these is the kernel's time where its data are in L1. A layer is the cheapest of its algorithms,
and no faster than its weights come from memory."""
import argparse
import collections
import functools
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CROSS = "aarch64-linux-gnu-"


def build(folder):
    sources = [os.path.join(ROOT, "src/kernel", f) for f in os.listdir(os.path.join(ROOT, "src/kernel"))
               if f.endswith(".c") and not re.search(r"_avx(2|512)\.c$", f)]
    program = os.path.join(folder, "a76_kernels")
    subprocess.run([CROSS + "gcc", "-std=gnu17", "-O3", "-DNDEBUG", "-ffp-contract=off", "-static", "-no-pie", "-I", os.path.join(ROOT, "src"),
                    "-I", os.path.join(ROOT, "include"), os.path.join(ROOT, "bench/a76_kernels.c"), *sources, "-o", program,
                    "-lpthread", "-lm"], check=True)
    return program


def disassemble(program):
    text = subprocess.run([CROSS + "objdump", "-d", "--no-show-raw-insn", program], check=True, capture_output=True, text=True).stdout
    at, marks = {}, {}
    for line in text.splitlines():
        if m := re.match(r"^([0-9a-f]+) <(a76_begin|a76_end)>:", line):
            marks[m[2]] = int(m[1], 16)
        elif m := re.match(r"^\s+([0-9a-f]+):\t(\S+)\s*(.*)$", line):
            at[int(m[1], 16)] = (m[2], m[3])
    return at, marks


def pipes(op, args):
    """(arithmetic, memory, stores, integer, branches) micro-operations of an instruction."""
    if op.startswith("ldp"):
        return (0, 2 if args.startswith("q") else 1, 0, 0, 0)
    if op.startswith("stp"):
        return (0, 2, 2, 0, 0) if args.startswith("q") else (0, 1, 1, 0, 0)
    if op.startswith(("ld", "prfm")):
        return (1 if op.startswith(("ld1r", "ld1")) and "[" in args.split("}")[0] else 0, 1, 0, 0, 0)
    if op.startswith("st"):
        return (0, 1, 1, 0, 0)
    if op.startswith(("b", "cb", "tb", "ret")) and op not in ("bit", "bif", "bsl", "bic"):
        return (0, 0, 0, 0, 1)
    if op == "nop":
        return (0, 0, 0, 0, 0)
    if re.search(r"\b[vqsd]\d+", args):
        return (1, 0, 0, 0, 0)
    return (0, 0, 0, 1, 0)


class Core:
    def __init__(self, folder):
        self.program = build(folder)
        self.at, self.marks = disassemble(self.program)
        self.log = os.path.join(folder, "trace")

    @functools.lru_cache(maxsize=None)
    def count(self, *call):
        subprocess.run(["qemu-aarch64", "-singlestep", "-d", "exec,nochain", "-D", self.log, self.program, *map(str, call)], check=True,
                       stdout=subprocess.DEVNULL)
        total, mix, inside = [0] * 6, collections.Counter(), False
        with open(self.log) as trace:
            for line in trace:
                m = re.search(r"\[[0-9a-f]+/([0-9a-f]+)/", line)
                if not m:
                    continue
                pc = int(m[1], 16)
                if pc == self.marks["a76_begin"]:
                    inside = True
                elif pc == self.marks["a76_end"]:
                    inside = False
                elif inside and pc in self.at:
                    op, args = self.at[pc]
                    mix[op] += 1
                    for i, n in enumerate((1, *pipes(op, args))):
                        total[i] += n
        return total, mix

    def cycles(self, *call):
        n, arithmetic, memory, stores, integer, branches = self.count(*call)[0]
        return max(n / 4, arithmetic / 2, memory / 2, stores, integer / 3, branches)

    # ---- costs in cycles of the layers' parts, linear in what is long ----

    @functools.lru_cache(maxsize=None)
    def tile(self, slot, m, n):
        """Fixed part and cycles a k of one tile of m x n."""
        a, b = self.cycles(slot, m, n, 32, 1), self.cycles(slot, m, n, 96, 1)
        return a - (b - a) / 2, (b - a) / 64

    def products(self, slot, rows, k, columns):
        """rows x k by k x columns, on tiles of 8 x 8."""
        total = 0
        for n, panels in ((8, columns // 8), (columns % 8, 1)):
            for m, tiles in ((8, rows // 8), (rows % 8, 1)):
                if n and m and panels and tiles:
                    fixed, each = self.tile(slot, m, n)
                    total += panels * tiles * (fixed + each * k)
        return total

    def transform(self, slot, t, channels):
        return self.cycles(slot, t, 64) / 64 * channels

    def dw(self, slot, pixels, channels, taps):
        return self.cycles(slot, 8, 64, taps) / 8 / 64 * pixels * channels


def layer(core, n, oh, ow, c_in, c_out, kh, kw, stride, groups):
    """(cycles, algorithm, floats of weights) of the cheapest way."""
    taps, pixels, weights = kh * kw, n * oh * ow, c_out * c_in // groups * kh * kw
    if groups == c_in == c_out:
        return core.dw("dwconv", pixels, c_out, taps), "dwconv", weights
    if groups > 1 and c_in // groups == 2 and c_out // groups == 2:
        return core.dw("groupconv", pixels, c_out, taps), "groupconv", weights
    ways = [(groups * core.products("igemm", pixels, c_in // groups * taps, c_out // groups), "igemm", weights)]
    if (kh, kw, stride, groups) == (3, 3, 1, 1) and c_in >= 8:
        for t in (2, 4):
            points, tiles = (t + 2) ** 2, n * -(-oh // t) * -(-ow // t)
            cycles = points * core.products("products", tiles, c_in, c_out) + tiles * (
                core.transform("winograd_in", t, c_in) + core.transform("winograd_out", t, c_out))
            ways.append((cycles, f"winograd {t}x{t}", c_in * c_out * points))
    return min(ways)


def layers_of(path):
    import onnx
    model = onnx.load(path)
    for d in model.graph.input[0].type.tensor_type.shape.dim[:1]:
        d.dim_value = 1
    model = onnx.shape_inference.infer_shapes(model)
    shape = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*model.graph.value_info, *model.graph.input,
                                                                                   *model.graph.output)}
    shape |= {w.name: list(w.dims) for w in model.graph.initializer}
    for node in model.graph.node:
        a = {x.name: onnx.helper.get_attribute_value(x) for x in node.attribute}
        if node.op_type == "Conv":
            w, y = shape[node.input[1]], shape[node.output[0]]
            groups = a.get("group", 1)
            yield (1, y[2], y[3], w[1] * groups, w[0], w[2], w[3], a.get("strides", [1])[0], groups)
        elif node.op_type in ("Gemm", "MatMul") and node.input[1] in shape and len(shape[node.input[1]]) == 2:
            w = shape[node.input[1]]
            n, k = w if a.get("transB") else w[::-1]
            yield (1, 1, 1, k, n, 1, 1, 1, 1)


def kernel_table(core, ghz):
    peak = 16 * ghz
    print("| kernel | instructions | arithmetic | memory | cycles | bound by | FLOP a cycle (of 16) | GFLOP/s |\n|---|---|---|---|---|---|---|---|")
    rows = [("igemm 8x8, k 96", ("igemm", 8, 8, 96, 1), 2 * 64 * 96), ("igemm 4x8, k 96", ("igemm", 4, 8, 96, 1), 2 * 32 * 96),
            ("igemm 1x8, k 96 (the head)", ("igemm", 1, 8, 96, 1), 2 * 8 * 96),
            ("dwconv 3x3, 8 pixels of 64", ("dwconv", 8, 64, 9), 2 * 8 * 64 * 9),
            ("groupconv 3x3, groups of 2", ("groupconv", 8, 64, 9), 2 * 8 * 64 * 18),
            ("winograd in, 2x2, 64 channels", ("winograd_in", 2, 64), 0), ("winograd out, 2x2", ("winograd_out", 2, 64), 0),
            ("winograd in, 4x4, 64 channels", ("winograd_in", 4, 64), 0), ("winograd out, 4x4", ("winograd_out", 4, 64), 0)]
    for name, call, flops in rows:
        n, arithmetic, memory, stores, integer, branches = core.count(*call)[0]
        bounds = {"decoding": n / 4, "arithmetic": arithmetic / 2, "memory": memory / 2, "stores": stores, "integers": integer / 3,
                  "branches": branches}
        by = max(bounds, key=bounds.get)
        rate = flops / bounds[by]
        print(f"| {name} | {n} | {arithmetic} | {memory} | {bounds[by]:.0f} | {by} | " +
              (f"{rate:.1f} | {rate * ghz:.1f} |" if flops else "- | - |"))
    print(f"\nPeak: {peak:.1f} GFLOP/s a core at {ghz} GHz.\n")


def model_table(core, paths, ghz, gb_s):
    print(f"| network, batch 1, one core | ms at {ghz} GHz | arithmetic alone | direct GFLOP | GFLOP/s | layers by algorithm |\n|---|---|---|---|---|---|")
    for path in paths:
        total = compute = flops = 0
        chosen = collections.Counter()
        for shape in layers_of(path):
            n, oh, ow, c_in, c_out, kh, kw, stride, groups = shape
            cycles, name, weights = layer(core, *shape)
            ms = cycles / ghz * 1e-6
            compute += ms
            total += max(ms, weights * 4 / gb_s * 1e-6)
            flops += 2e-9 * n * oh * ow * c_out * c_in / groups * kh * kw
            chosen[name] += 1
        print(f"| {os.path.splitext(os.path.basename(path))[0]} | {total:.1f} | {compute:.1f} | {flops:.2f} | {flops / total * 1e3:.1f} | " +
              ", ".join(f"{v} {k}" for k, v in chosen.most_common()) + " |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ghz", type=float, default=2.4)
    p.add_argument("--gb-s", type=float, default=8, help="what one core reads from memory (LPDDR4X-4267: about 8)")
    p.add_argument("model", nargs="*")
    o = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        core = Core(folder)
        kernel_table(core, o.ghz)
        if o.model:
            model_table(core, o.model, o.ghz, o.gb_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
