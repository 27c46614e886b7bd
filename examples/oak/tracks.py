"""Faces followed from frame to frame, so that few of them have to be embedded, and a name rests on several embeddings.

A track keeps the last embeddings of its face and is judged by their mean. An embedding that is nothing like them means that the
face is somebody else's: the track then starts anew and is unknown until the new face has been judged.
"""
import numpy as np

from identities import UNKNOWN, unit

KEPT_EMBEDDINGS = 8      # of a track
ENOUGH = 3               # embeddings after which a face is embedded only now and then
AGAIN_SECONDS = 2.0      # that is how often
LOST_SECONDS = 1.0       # a face that is not seen for so long is gone
ANSWER_SECONDS = 1.0     # an embedding that does not come for so long was dropped
OVERLAP = 0.3            # intersection over union of a face in two frames


class Track:
    def __init__(self, number, face, now):
        self.number, self.first_seen = number, now
        self.embeddings, self.asked, self.embedded = [], None, None
        self.name, self.score, self.probability = UNKNOWN, None, None
        self.see(face, now)

    def see(self, face, now):
        self.box, self.detection, self.points, self.seen = face[0], face[1], face[2], now

    def wants(self, now):
        """How much this face should be embedded, more first; None: not now."""
        if self.asked is not None and now - self.asked < ANSWER_SECONDS:
            return None
        if len(self.embeddings) >= ENOUGH and now - self.embedded < AGAIN_SECONDS:
            return None
        return -len(self.embeddings), self.box[2] - self.box[0]

    def take(self, embedding, now, gallery, judge):
        embedding = unit(embedding)[0]
        if self.embeddings and float(unit(np.mean(self.embeddings, axis=0))[0] @ embedding) < judge.plain:
            self.embeddings = []
        self.embeddings = (self.embeddings + [embedding])[-KEPT_EMBEDDINGS:]
        self.asked, self.embedded = None, now
        self.name, self.score, self.probability = judge.decide(gallery, np.mean(self.embeddings, axis=0))


def overlap(a, b):
    """Intersection over union of two boxes (x1, y1, x2, y2)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


class Tracks:
    def __init__(self, gallery, judge):
        self.gallery, self.judge, self.all, self.count = gallery, judge, [], 0

    def update(self, faces, now):
        """Takes the faces of a frame: [(box, score, five points)], in pixels. A face continues the track that it overlaps most."""
        self.all = [t for t in self.all if now - t.seen < LOST_SECONDS]
        pairs = sorted(((overlap(t.box, f[0]), t, i) for t in self.all for i, f in enumerate(faces)), key=lambda p: -p[0])
        tracks, taken = set(), set()
        for share, track, i in pairs:
            if share >= OVERLAP and track not in tracks and i not in taken:
                track.see(faces[i], now)
                tracks.add(track)
                taken.add(i)
        for i, face in enumerate(faces):
            if i not in taken:
                self.count += 1
                self.all.append(Track(self.count, face, now))

    def to_embed(self, most, least_px, now):
        """At most so many tracks seen in this frame whose faces should be embedded now; they count as asked for."""
        wanted = [(t.wants(now), t) for t in self.all if t.seen == now and t.box[2] - t.box[0] >= least_px]
        chosen = [t for _, t in sorted((w for w in wanted if w[0] is not None), key=lambda w: w[0], reverse=True)[:most]]
        for track in chosen:
            track.asked = now
        return chosen

    def take(self, number, embedding, now):
        """The embedding of track `number`, which may be gone by now."""
        for track in self.all:
            if track.number == number:
                track.take(embedding, now, self.gallery, self.judge)
