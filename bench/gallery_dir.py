#!/usr/bin/env python3
"""How well a gallery identifies people it has not seen in training or calibration, and whether its numbers are those of `eval identify`.

usage: gallery_dir.py ARCFACE PEOPLE --model FILE [--detector FILE] [--only TABLE] [--others DIR]

PEOPLE holds PERSON/picture: aligned crops, or with --detector photos. People are dealt out by their place in the sorted list, pictures by their names.
  search   every second person is enrolled with the first half of the pictures, the rest of them are searches with a mate; every
           picture of all others is a search without. The same through `arcface eval identify --enrol 0.5`: rank-1, rank-5 and DIR
           at each FPIR must be equal to the last hit.
  single   the same with one picture enrolled of each person: `arcface eval identify` without --enrol
  fpir     a third of the people calibrates the model (`arcface calibrate`), N people of another third are enrolled, the last third
           are strangers: the share of them that the gallery's own rule takes for somebody, beside the share that was wished
  cohort   the same people, the first third being the cohort (one picture each): DIR at FPIR 1 % by cosines and by scores that
           the cohort normalises, and the share of strangers taken for somebody by the threshold that the cohort gives
Tables are in Markdown. Exit status: 0 done, 1 the gallery and `eval identify` differ, 77 there are no people.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

PICTURES = (".jpg", ".jpeg", ".png")
TARGETS = (0.001, 0.01, 0.1)
SIZES = (10, 20, 40, 79)
WISHED = (0.01, 0.05, 0.1)
NEAREST = (20, 70, 200)


def people_of(folder):
    """[(name, [pictures])], both sorted, of those with several pictures."""
    found = []
    for person in sorted(p for p in folder.iterdir() if p.is_dir()):
        pictures = sorted(p for p in person.iterdir() if p.suffix.lower() in PICTURES)
        if len(pictures) > 1:
            found.append((person.name, pictures))
    return found


def halves(pictures):
    enrolled = min(max(int(len(pictures) / 2 + 0.5), 1), len(pictures) - 1)  # as eval identify --enrol 0.5 divides them
    return pictures[:enrolled], pictures[enrolled:]


class Bench:
    def __init__(self, arcface, model, detector, work):
        self.arcface, self.model, self.work, self.made = os.path.abspath(arcface), str(model), pathlib.Path(work), 0
        self.faces = ["--detector", str(detector), "--largest"] if detector else ["--aligned"]
        self.embedded = ["--detector", str(detector)] if detector else ["--aligned"]
        self.photos = ["--photos", "--detector", str(detector)] if detector else []

    def fresh(self, name):
        self.made += 1
        return self.work / f"{self.made}-{name}"

    def run(self, *words, may=(0,)):
        done = subprocess.run([self.arcface, *map(str, words), "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode not in may:
            sys.exit(f"arcface {' '.join(map(str, words))}: exit status {done.returncode}\n{done.stderr}")
        return done.stdout

    def folder(self, name, people):
        """A folder PERSON/picture of links."""
        root = self.fresh(name)
        for person, pictures in people:
            (root / person).mkdir(parents=True, exist_ok=True)
            for picture in pictures:
                (root / person / picture.name).symlink_to(picture.resolve())
        return root

    def enroll(self, people, model=None):
        gallery = self.fresh("people.gal")
        self.run("enroll", "--folder", self.folder("enrolled", people), "--gallery", gallery, "--model", model or self.model,
                 *self.faces, "--no-crops", may=(0, 3))
        return gallery

    def identify(self, gallery, pictures, *more, model=None):
        """The answer to the face of each picture that has one: {path: face}."""
        listed = self.fresh("probes.txt")
        listed.write_text("".join(f"{p}\n" for p in pictures))
        told = self.run("identify", f"@{listed}", "--gallery", gallery, "--model", model or self.model, "--json", *self.faces,
                        *more, may=(0, 1, 3))
        return {photo["path"]: photo["faces"][0] for photo in json.loads(told) if photo["faces"]}


def rank_of(face, person, key):
    """1 for the best; others with the same score stand before; None: not among the matches."""
    own = [m[key] for m in face["matches"] if m["name"] == person]
    return 1 + sum(m[key] >= own[0] for m in face["matches"] if m["name"] != person) if own else None


def rates(answers, mated, strangers, key="cosine"):
    """What eval identify counts, from the answers of a gallery: mated {path: person}, strangers [path]."""
    mated = {path: person for path, person in mated.items() if path in answers}
    alarms = sorted((answers[path]["matches"][0][key] for path in strangers if path in answers), reverse=True)
    rank = {path: rank_of(answers[path], person, key) for path, person in mated.items()}
    right = [answers[path]["matches"][0][key] for path in mated if rank[path] == 1]
    open_set = []
    for target in TARGETS:
        limit = alarms[int(target * len(alarms))]  # the threshold lies above this one
        open_set.append((sum(score > limit for score in right), sum(score > limit for score in alarms), limit))
    return {"mated": len(mated), "nonmated": len(alarms), "rank1": sum(r == 1 for r in rank.values()),
            "rank5": sum(r is not None and r <= 5 for r in rank.values()), "open_set": open_set}


def rates_of_eval(told):
    """The same of eval identify's JSON."""
    found = json.loads(told)["identification"]
    hits = lambda rate: round(rate * found["mated"])
    return {"mated": found["mated"], "nonmated": found["nonmated"], "rank1": found["rank1"]["hits"],
            "rank5": hits(found["cmc"][4]), "open_set": [(o["dir"]["hits"], o["fpir"]["hits"], o["threshold"])
                                                         for o in found["open_set"]]}


def percent(hits, trials):
    return f"{100 * hits / trials:.3f} % ({hits} of {trials})"


def search(bench, people, single):
    enrolled, strangers, mated = [], [], {}
    for place, (person, pictures) in enumerate(people):
        if place % 2:
            strangers += pictures
            continue
        kept, searched = (pictures[:1], pictures[1:]) if single else halves(pictures)
        enrolled.append((person, kept))
        mated.update({str(p): person for p in searched})
    gallery = bench.enroll(enrolled)
    answers = bench.identify(gallery, list(mated) + strangers)
    got = rates(answers, mated, [str(p) for p in strangers])
    all_people = bench.folder("all", [p for i, p in enumerate(people) if i % 2 == 0] +
                              [(f"stranger {p.parent.name} {p.name}", [p]) for p in strangers])
    told = bench.run("eval", "identify", all_people, "--no-flip", "--no-checks", "--json", "--model", bench.model, *bench.photos,
                     *([] if single else ["--enrol", 0.5]))
    want = rates_of_eval(told)
    print(f"\n### {'One picture' if single else 'Half of the pictures'} of {len(enrolled)} people, {got['mated']} searches with and "
          f"{got['nonmated']} without a mate\n\n| | gallery | eval identify |\n|---|---|---|")
    for name in ("rank1", "rank5"):
        print(f"| {name} | {percent(got[name], got['mated'])} | {percent(want[name], want['mated'])} |")
    for target, a, b in zip(TARGETS, got["open_set"], want["open_set"]):
        print(f"| DIR at FPIR {100 * target:g} % | {percent(a[0], got['mated'])} | {percent(b[0], want['mated'])} |")
    counts = lambda r: (r["mated"], r["nonmated"], r["rank1"], r["rank5"], [o[:2] for o in r["open_set"]])
    equal = counts(got) == counts(want)
    print("\nEqual to the last hit." if equal else f"\nDIFFERENT: {counts(got)} and {counts(want)}")
    return equal


def thirds(people):
    return [people[i::3] for i in range(3)]


def probes_of(enrolled, strangers):
    mated = {str(p): person for person, pictures in enrolled for p in halves(pictures)[1]}
    return mated, [str(p) for _, pictures in strangers for p in pictures]


def taken(answers, paths, limit, names):
    """How many of these have somebody of `names` at or above the limit, and how many were asked."""
    best = [max(m["cosine"] for m in answers[p]["matches"] if m["name"] in names) for p in paths if p in answers]
    return sum(x >= limit for x in best), len(best)


def found(answers, mated, limit, names):
    """How many searches with a mate give it, at or above the limit, and how many were asked."""
    asked = [p for p in mated if p in answers and mated[p] in names]
    first = [max((m for m in answers[p]["matches"] if m["name"] in names), key=lambda m: m["cosine"]) for p in asked]
    return sum(m["name"] == mated[p] and m["cosine"] >= limit for m, p in zip(first, asked)), len(asked)


def fpir(bench, people):
    """One search in the largest gallery tells who comes first in a smaller one; the thresholds are those that the gallery itself
    answers with once it is as small."""
    known, enrolled, strangers = thirds(people)
    model = bench.fresh("calibrated.onnx")
    bench.run("calibrate", "--images", bench.folder("calibration", known), "--no-flip", "--no-checks", "--model", bench.model,
              "-o", model, *bench.photos)
    mated, others = probes_of(enrolled, strangers)
    gallery = bench.enroll([(n, halves(p)[0]) for n, p in enrolled], model)
    answers = bench.identify(gallery, list(mated) + others, "--top", len(enrolled), model=model)
    print(f"\n### The rule on people whom it has not seen: calibrated on {len(known)} people, {len(strangers)} strangers\n\n"
          "| people | templates | FPIR wished | threshold | strangers taken for somebody | searches with a mate found |\n"
          "|---|---|---|---|---|---|")
    for size in sorted({min(size, len(enrolled)) for size in SIZES}, reverse=True):
        gone = [n for n, _ in enrolled[size:]]
        there = {n for n, _ in enrolled[:size]}
        if gone:
            bench.run("gallery", "remove", *gone, "--gallery", gallery, "--yes", may=(0, 3))
        for wished in WISHED:
            face = next(iter(bench.identify(gallery, others[:1], "--fpir", wished, model=model).values()))
            print(f"| {size} | {sum(len(halves(p)[0]) for _, p in enrolled[:size])} | {100 * wished:g} % | {face['threshold']:.4f} | "
                  f"{percent(*taken(answers, others, face['threshold'], there))} | "
                  f"{percent(*found(answers, mated, face['threshold'], there))} |", flush=True)
        enrolled = enrolled[:size]


def cohort(bench, people, more):
    known, enrolled, strangers = thirds(people)
    mated, others = probes_of(enrolled, strangers)
    gallery = bench.enroll([(n, halves(p)[0]) for n, p in enrolled])
    probes = list(mated) + others
    cohorts = [(f"{len(known)} people of the same set", [pictures[0] for _, pictures in known])]
    if more:
        first = [sorted(p for p in person.iterdir() if p.suffix.lower() in PICTURES)[0] for person in sorted(more.iterdir())
                 if person.is_dir()]
        cohorts.append((f"{len(first[::4])} people of {more.name}", first[::4]))
    print(f"\n### Cosines and scores: {len(enrolled)} people, {len(mated)} searches with and {len(others)} without a mate\n\n"
          "| decided by | rank1 | DIR at FPIR 1 % | DIR at FPIR 10 % | threshold for FPIR 5 % | strangers taken for somebody by it |\n"
          "|---|---|---|---|---|---|")

    def tell(name, answers, key, threshold):
        got = rates(answers, mated, others, key)
        alarms = [answers[p]["matches"][0][key] for p in others if p in answers]
        by_it = percent(sum(x >= threshold for x in alarms), len(alarms)) if threshold is not None else ""
        print(f"| {name} | {percent(got['rank1'], got['mated'])} | {percent(got['open_set'][1][0], got['mated'])} | "
              f"{percent(got['open_set'][2][0], got['mated'])} | {'' if threshold is None else f'{threshold:.4f}'} | {by_it} |",
              flush=True)

    tell("cosines", bench.identify(gallery, probes), "cosine", None)
    for name, pictures in cohorts:
        listed, rows = bench.fresh("cohort.txt"), bench.fresh("cohort.npy")
        listed.write_text("".join(f"{p}\n" for p in pictures))
        bench.run("embed", f"@{listed}", "-o", rows, "--model", bench.model, *bench.embedded, may=(0, 3))
        for nearest in NEAREST:
            if nearest < len(pictures):
                answers = bench.identify(gallery, probes, "--cohort", rows, "--nearest", nearest, "--fpir", 0.05)
                tell(f"scores, cohort of {name}, the nearest {nearest}", answers, "score",
                     next(iter(answers.values()))["threshold"])


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
    parser.add_argument("arcface")
    parser.add_argument("people", type=pathlib.Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--detector")
    parser.add_argument("--only", choices=("search", "single", "fpir", "cohort"))
    parser.add_argument("--others", type=pathlib.Path, help="PERSON/picture of another set, every fourth is a second cohort")
    given = parser.parse_args()
    if not given.people.is_dir():
        print(f"skipped: {given.people} is not here")
        return 77
    people = people_of(given.people)
    equal = True
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(given.arcface, given.model, given.detector, work)
        for name in ("search", "single"):
            if given.only in (None, name):
                equal &= search(bench, people, name == "single")
        if given.only in (None, "fpir"):
            fpir(bench, people)
        if given.only in (None, "cohort"):
            cohort(bench, people, given.others)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
