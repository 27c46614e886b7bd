#!/usr/bin/env python3
"""The index of templates beside faiss, usearch, hnswlib and NumPy: exact top-10 of one probe and of 64, sketches, inserts, opening.

    python3 bench/peers/search.py build/bench/bench_search [--templates 1000000] [--embeddings lfw.npy] [--curve] [--lean N] [--drawn N] [-o search.json]

All take turns in one run, each on two threads; what is printed is the median of the rounds and the least. Needs numpy, faiss-cpu,
usearch and hnswlib of PyPI. Templates are drawn: persons and their pictures as normal vectors with the covariances between and within
the persons of `--embeddings` (what `arcface embed --aligned -o lfw.npy` writes, with its list of names; folders or names in front of
"_0001.jpg" are persons), or without it as 512 independent numbers. A probe is a further picture of an enrolled person.

--drawn N: N templates that are drawn by bench_search itself from the same covariances, so that no file of rows is needed: 650 bytes
of memory each. --alone: while a program is timed it has real-time priority (chrt; needs the right to), so that other work on the
machine waits instead of being measured too."""
import argparse, collections, json, os, re, statistics, subprocess, sys, tempfile, time
import numpy as np

DIM, THREADS, BLOCK = 512, 2, 50000


def unit(x):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def root(covariance):
    value, vector = np.linalg.eigh(covariance)
    return (vector * np.sqrt(np.maximum(value, 0))).astype(np.float32)


class People:
    """Draws persons and pictures of them."""

    def __init__(self, path, seed):
        self.random = np.random.default_rng(seed)
        if not path:
            self.mean, self.between, self.within = np.zeros(DIM, np.float32), np.eye(DIM, dtype=np.float32), 0.7 * np.eye(DIM, dtype=np.float32)
            self.what = "independent normal numbers"
            return
        row = unit(np.load(path))
        names = [line.split("\t")[0] for line in open(os.path.splitext(path)[0] + ".txt")]
        person = collections.defaultdict(list)
        for i, name in enumerate(names[:len(row)]):
            person[re.sub(r"_\d+\.\w+$", "", os.path.basename(name))].append(i)
        several = [np.array(p) for p in person.values() if len(p) > 1]
        self.mean = row.mean(axis=0)
        inside = np.concatenate([(row[p] - row[p].mean(axis=0)) * np.sqrt(len(p) / (len(p) - 1)) for p in several])
        centre = np.array([row[p].mean(axis=0) for p in person.values()]) - self.mean
        self.between, self.within = root(np.cov(centre.T)), root(np.cov(inside.T))
        self.what = f"covariances of {len(row)} embeddings of {len(person)} persons"

    def drawn(self, path):
        """Mean, spread and B of bench/drawn_rows.h: B B' is the covariance within, B spread^2 B' the one between persons."""
        covariance = [m.astype(np.float64) @ m.T.astype(np.float64) for m in (self.within, self.between)]
        lower = np.linalg.cholesky(covariance[0] + 1e-9 * np.eye(DIM))
        inverse = np.linalg.inv(lower)
        value, vector = np.linalg.eigh(inverse @ covariance[1] @ inverse.T)
        np.concatenate([self.mean[None], np.sqrt(np.maximum(value, 0))[None], lower @ vector]).astype(np.float32).tofile(path)

    def persons(self, count):
        return self.mean + self.random.standard_normal((count, DIM), dtype=np.float32) @ self.between.T

    def pictures(self, persons):
        return unit(persons + self.random.standard_normal(persons.shape, dtype=np.float32) @ self.within.T)


def write_set(people, folder, count, probes):
    """Files of templates and probes; the probes' persons are spread over all."""
    rows, at = os.path.join(folder, f"rows{count}.f32"), np.linspace(0, count - 1, probes).astype(int)
    probe = np.zeros((probes, DIM), np.float32)
    with open(rows, "wb") as out:
        for begin in range(0, count, BLOCK):
            who = people.persons(min(BLOCK, count - begin))
            people.pictures(who).tofile(out)
            for i, p in enumerate(at):
                if begin <= p < begin + len(who):
                    probe[i] = people.pictures(who[p - begin:p - begin + 1])[0]
    probe.tofile(os.path.join(folder, f"probes{count}.f32"))
    return rows, os.path.join(folder, f"probes{count}.f32"), probe


class Ours:
    def __init__(self, program, *rest):
        self.process = subprocess.Popen([program, str(THREADS), str(DIM)] + [str(r) for r in rest], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def priority(self, real_time):
        subprocess.run(["chrt", "-a"] + (["-r", "-p", "1"] if real_time else ["-o", "-p", "0"]) + [str(self.process.pid)], check=True)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench_search ended at {words}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def timed(work):
    start = time.perf_counter()
    result = work()
    return (time.perf_counter() - start) * 1e3, result


def peers(row, names):
    """Engines as name -> search(probes, top) -> ids."""
    made = {}
    if "faiss" in names:
        import faiss
        faiss.omp_set_num_threads(THREADS)
        flat = faiss.IndexFlatIP(DIM)
        flat.add(row)
        made["faiss IndexFlatIP"] = lambda q, k: flat.search(q, k)[1]
        scalar = faiss.IndexScalarQuantizer(DIM, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
        scalar.train(row[:100000])
        scalar.add(row)
        made["faiss SQ8"] = lambda q, k: scalar.search(q, k)[1]
    if "usearch" in names:
        from usearch.index import search, MetricKind
        code = np.clip(np.rint(row * 127), -127, 127).astype(np.int8)
        quantised = lambda q: np.clip(np.rint(q * 127), -127, 127).astype(np.int8)
        made["usearch i8 exact"] = lambda q, k: search(code, quantised(q), k, MetricKind.Cos, exact=True, threads=THREADS).keys
    if "numpy" in names:
        def plain(q, k):
            score = q @ row.T
            best = np.argpartition(-score, k, axis=1)[:, :k]
            return np.take_along_axis(best, np.argsort(-np.take_along_axis(score, best, 1), axis=1), 1)
        made["NumPy"] = plain
    return made


def summary(times):
    return {"median_ms": round(statistics.median(times), 3), "least_ms": round(min(times), 3)}


def compare(a, people, folder, out):
    rows, probes, probe = write_set(people, folder, a.templates, 256)
    row = np.fromfile(rows, np.float32).reshape(-1, DIM)
    ours = Ours(a.program, rows, probes)
    add = ours("add", 0, a.templates)
    out["insert_per_s"] = {"arcface": round(a.templates / add["ms"] * 1e3)}
    engines = peers(row, a.peers.split(","))
    times, bandwidth, floors, same = collections.defaultdict(list), [], [], 0
    for r in range(a.rounds):
        bandwidth.append(ours("bandwidth")["gb_s"])
        p = r % len(probe)
        got = ours("one", p, 10)
        tries = [got["ms"], ours("one", p, 10)["ms"], ours("one", p, 10)["ms"]]
        times["one", "arcface"] += tries
        floors.append(min(tries) / (a.templates * DIM / bandwidth[-1] * 1e-6))
        times["one", "arcface, sketches first"].append(ours("fast", p, 10, 0)["ms"])
        for name, search in engines.items():
            for _ in range(3 if name.startswith("faiss SQ8") or name.startswith("usearch") else 1):
                ms, ids = timed(lambda: search(np.ascontiguousarray(probe[p:p + 1]), 10))
                times["one", name].append(ms)
            if name == "faiss IndexFlatIP":
                same += list(map(int, ids[0])) == got["ids"]
        if r % 4 == 0:
            times["64", "arcface"].append(ours("many", 0, 64, 10)["ms"])
            for name, search in engines.items():
                if name != "usearch i8 exact" or r == 0:
                    times["64", name].append(timed(lambda: search(probe[:64], 10))[0])
    out["bandwidth_gb_s"] = {"median": statistics.median(bandwidth), "most": max(bandwidth)}
    out["times_the_floor"] = {"median": round(statistics.median(floors), 3), "least": round(min(floors), 3)}
    out["floor_ms"] = round(a.templates * DIM / statistics.median(bandwidth) * 1e-6, 3)
    out["same_as_faiss_flat"] = f"{same} of {a.rounds}"
    for (kind, name), t in times.items():
        out.setdefault(kind, {})[name] = summary(t)
    out["recall_at_1"] = recall(ours, len(probe))
    out["facts"] = ours("facts")
    out["open"] = ours("open", os.path.join(folder, "bench.index"))
    out["facts_mapped"] = ours("facts")
    ours.end()
    if "hnswlib" in a.peers:
        import hnswlib
        count = min(20000, a.templates)
        graph = hnswlib.Index("ip", DIM)
        graph.init_index(count, M=16, ef_construction=200)
        ms, _ = timed(lambda: graph.add_items(row[:count], num_threads=THREADS))
        out["insert_per_s"][f"hnswlib M=16 ef=200, the first {count}"] = round(count / ms * 1e3)


def recall(ours, probes):
    """Of fast searches with so many candidates: whether the first answer is the exact one's."""
    exact = [ours("one", p, 1)["ids"][0] for p in range(probes)]
    return {str(c): sum(ours("fast", p, 1, c)["ids"][0] == exact[p] for p in range(probes)) / probes for c in (64, 256, 1024, 4096)}


def curve(a, people, folder, out):
    rows, probes, _ = write_set(people, folder, a.templates, 64)
    ours, have, points = Ours(a.program, rows, probes), 0, []
    for count in [1000, 3000, 10000, 30000, 100000, 300000, 1000000]:
        if count > a.templates:
            break
        ours("add", have, count - have)
        have = count
        points.append({"templates": count, "exact": summary([ours("one", p, 10)["ms"] for p in range(30)]),
                       "fast": summary([ours("fast", p, 10, 0)["ms"] for p in range(30)])})
    ours.end()
    out["curve"] = points


def lean(a, people, folder, out):
    rows, probes, probe = write_set(people, folder, a.lean, 1000)
    ours = Ours(a.program, rows, probes, "lean")
    ms = ours("add", 0, a.lean)["ms"]
    exact, fast = [], []
    for p in range(25):
        exact.append(ours("one", p, 1)["ms"])
        fast.append(ours("fast", p, 1, 0)["ms"])
    out["lean"] = {"templates": a.lean, "add_per_s": round(a.lean / ms * 1e3), "exact": summary(exact), "fast": summary(fast),
                   "recall_at_1": recall(ours, len(probe) if a.lean < 2000000 else 200), "facts": ours("facts")}
    ours.end()


def drawn(a, people, folder, out):
    """Rounds of bandwidth, exact scan and sketches, one behind the other; then recall of all probes."""
    model, probes = os.path.join(folder, "model.f32"), 1024
    people.drawn(model)
    ours, have, points = Ours(a.program, model, "drawn", a.drawn, probes), 0, []
    steps = [n for n in (1000, 3000, 10000, 30000, 100000, 300000, 1000000, 2000000, 3000000, 5000000) if n < a.drawn] + [a.drawn]
    for count in steps:
        inserted = []
        while have < count:
            more = min(50000, count - have)
            inserted.append(more / at_priority(a, ours, "add", have, more)["ms"] * 1e3)
            have += more
        times = collections.defaultdict(list)
        for r in range(a.rounds):
            floor = count * DIM / at_priority(a, ours, "bandwidth")["gb_s"] * 1e-6
            exact = [at_priority(a, ours, "one", (7 * r + k) % probes, 10)["ms"] for k in range(3)]
            fast = [at_priority(a, ours, "fast", (7 * r + k) % probes, 10, 0)["ms"] for k in range(3)]
            times["exact_ms"] += exact
            times["fast_ms"] += fast
            times["exact_over_floor"].append(statistics.median(exact) / floor)
            times["fast_over_exact"].append(statistics.median(fast) / statistics.median(exact))
        point = {"templates": count, "inserts_per_s": round(statistics.median(inserted))}
        for name, t in times.items():
            point[name] = [round(statistics.median(t), 3), round(min(t), 3)]
        print(json.dumps(point), file=sys.stderr, flush=True)
        points.append(point)
    exact = []
    for p in range(0, probes, 64):
        exact += at_priority(a, ours, "many", p, 64, 1)["ids"]
    enrolled = [p * (a.drawn // probes) for p in range(probes)]
    out["drawn"] = {"points": points, "first_answer_is_the_person": float(np.mean(np.array(exact) == enrolled)), "recall_at_1": {
        str(c): float(np.mean([at_priority(a, ours, "fast", p, 1, c)["ids"][0] == exact[p] for p in range(probes)])) for c in (64, 512)},
        "facts": ours("facts")}
    ours.end()


def at_priority(a, ours, *words):
    if not a.alone:
        return ours(*words)
    ours.priority(True)
    answer = ours(*words)
    ours.priority(False)
    return answer


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program")
    p.add_argument("--templates", type=int, default=1000000)
    p.add_argument("--embeddings")
    p.add_argument("--rounds", type=int, default=20)
    p.add_argument("--peers", default="faiss,usearch,numpy,hnswlib")
    p.add_argument("--curve", action="store_true")
    p.add_argument("--lean", type=int, default=0)
    p.add_argument("--drawn", type=int, default=0)
    p.add_argument("--alone", action="store_true")
    p.add_argument("--folder", help="for files of rows; default: a temporary one")
    p.add_argument("-o", "--output", help="also a file of the figures")
    a = p.parse_args()
    people, out = People(a.embeddings, 1), {}
    out["templates"], out["data"] = a.templates, people.what
    out["load"] = os.getloadavg()
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        if a.drawn:
            drawn(a, people, folder, out)
        elif a.lean:
            lean(a, people, folder, out)
        elif a.curve:
            curve(a, people, folder, out)
        else:
            compare(a, people, folder, out)
    text = json.dumps(out, indent=1)
    print(text)
    if a.output:
        open(a.output, "w").write(text + "\n")


if __name__ == "__main__":
    main()
