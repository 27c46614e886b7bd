"""Who is enrolled, and what a score means: a gallery of people with several pictures each, kept in a folder, and the rule that
says a name or "unknown".

The gallery changes by enrolment and removal alone; recognising somebody writes nothing. It is stored as two files, of which
gallery.json is the one that counts: it names the array beside it, and is replaced as the last step, so a program that is killed
leaves the old gallery or the new one.
"""
import hashlib
import json
import os
import tempfile

import numpy as np

UNKNOWN = "unknown"


class GalleryError(Exception):
    pass


def unit(embeddings):
    """Rows of length 1; a row that is zero or not finite is refused."""
    embeddings = np.atleast_2d(np.asarray(embeddings, np.float32))
    length = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    if not np.all(np.isfinite(length)) or not np.all(length > 0):
        raise GalleryError("an embedding is zero or not finite: the network or its archive is damaged")
    return (embeddings / length).astype(np.float32)


def file_sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def write_file(path, write):
    """Calls write(file) on a new file, synced and then renamed to path."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


class Gallery:
    """People: name -> float32 [pictures][dim], rows of length 1. model: SHA-256 of the network that made them."""

    def __init__(self, model, dim):
        self.model, self.dim, self.people = model, dim, {}

    @classmethod
    def load(cls, folder, model=None, dim=None):
        """The gallery in a folder; an empty one where there is none. Without a model it can be listed and thinned out, not searched."""
        gallery, index = cls(model, dim), os.path.join(folder, "gallery.json")
        if not os.path.exists(index):
            return gallery
        try:
            with open(index, encoding="utf-8") as file:
                told = json.load(file)
            rows = np.load(os.path.join(folder, os.path.basename(told["embeddings"])), allow_pickle=False)
            people, owner = [(str(p["name"]), int(p["pictures"])) for p in told["people"]], str(told["model"])
            if told["version"] != 1 or rows.dtype != np.float32 or rows.ndim != 2 or sum(n for _, n in people) != len(rows):
                raise ValueError("its two files do not fit each other")
            if len({name for name, _ in people}) != len(people) or any(n < 1 for _, n in people):
                raise ValueError("a person is there twice, or without a picture")
        except (OSError, ValueError, KeyError, TypeError) as why:
            raise GalleryError(f"{folder} is no gallery of this application: {why}") from why
        gallery.model, gallery.dim = owner, rows.shape[1]
        if model is not None:
            gallery.check_model(folder, model, dim)
        first = 0
        for name, pictures in people:
            gallery.people[name] = unit(rows[first : first + pictures])
            first += pictures
        return gallery

    def check_model(self, folder, model, dim):
        """Refuses a gallery of another network's embeddings; one that nobody has enrolled in yet is any network's."""
        if self.model is not None and (self.model, self.dim) != (model, dim):
            raise GalleryError(f"{folder} was enrolled with another network (SHA-256 {self.model[:12]}..., not {model[:12]}...): "
                               "embeddings of two networks cannot be compared; enrol again, or name that one with --model")

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        rows = np.concatenate([np.empty((0, self.dim), np.float32), *self.people.values()])
        name = f"embeddings-{hashlib.sha256(rows.tobytes()).hexdigest()[:16]}.npy"
        told = {"version": 1, "model": self.model, "embeddings": name,
                "people": [{"name": n, "pictures": len(e)} for n, e in self.people.items()]}
        write_file(os.path.join(folder, name), lambda file: np.save(file, rows, allow_pickle=False))
        write_file(os.path.join(folder, "gallery.json"), lambda file: file.write(json.dumps(told, indent=1).encode()))
        for other in os.listdir(folder):
            if other.startswith("embeddings-") and other != name:
                os.unlink(os.path.join(folder, other))

    def enrol(self, name, embeddings, labels, least):
        """Adds pictures of a person. A picture whose cosine to the rest is below `least` is refused: it shows somebody else, or
        nothing that can be recognised. labels: what messages call the pictures."""
        if not name or name == UNKNOWN:
            raise GalleryError(f'"{name}" cannot be a name')
        rows = unit(embeddings)
        known = self.people.get(name, np.empty((0, self.dim), np.float32))
        together = np.concatenate([known, rows])
        for i, label in enumerate(labels):
            rest = np.delete(together, len(known) + i, axis=0)
            if len(rest) and float(unit(rest.mean(axis=0))[0] @ rows[i]) < least:
                raise GalleryError(f"{label} does not look like the other pictures of {name} "
                                   f"(cosine {float(unit(rest.mean(axis=0))[0] @ rows[i]):.2f} of at least {least:.2f}): leave it out")
        self.people[name] = together

    def forget(self, name):
        if name not in self.people:
            raise GalleryError(f"nobody called {name} is enrolled")
        del self.people[name]

    def nearest(self, embedding):
        """The person whose mean picture is nearest, and the cosine to it: (name, score); (None, -1) in an empty gallery."""
        probe, best = unit(embedding)[0], (None, -1.0)
        for name, rows in self.people.items():
            score = float(unit(rows.mean(axis=0))[0] @ probe)
            if score > best[1]:
                best = (name, score)
        return best


class Judge:
    """From which score on somebody is known. With the model's calibration (arcface calibrate) the threshold rises with the number
    of people, so that a stranger is taken for one of them at the rate fpir; without it, it is the model's own threshold.
    far(score): arc_calibration_far; probability(score): arc_calibration_probability; both None without a calibration."""

    def __init__(self, threshold, fpir=0.01, far=None, probability=None):
        self.plain, self.fpir, self.far, self.probability = float(threshold), fpir, far, probability

    def threshold(self, people):
        """(score, whether the calibration has enough pairs to support it) for a gallery of so many people."""
        if self.far is None:
            return self.plain, False
        wanted = 1 - (1 - self.fpir) ** (1 / max(1, people))
        low, high = -1.0, 1.0
        if self.far(high) > wanted:
            # Fewer pairs of two people were measured than such a rate needs: the highest score that one of them had.
            wanted, supported = self.far(high), False
        else:
            supported = True
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.far(middle) > wanted else (low, middle)
        return high, supported

    def decide(self, gallery, embedding):
        """(name or UNKNOWN, score, probability or None)."""
        name, score = gallery.nearest(embedding)
        probability = self.probability(score) if self.probability else None
        known = name is not None and score >= self.threshold(len(gallery.people))[0]
        return name if known else UNKNOWN, score, probability
