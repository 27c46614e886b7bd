#!/usr/bin/env python3
"""Makes tests/golden/data/recordio: RecordIO files by a writer of its own, after the description of the format (dmlc's container, MXNet's
image records, InsightFace's key convention). No MXNet needed. The pictures are bytes from a formula that tests/unit/test_recordio.c repeats.
"""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "data", "recordio")
MAGIC = struct.pack("<I", 0xCED7230A)
IDENTITIES = [3, 1, 4, 2]  # pictures of each


def picture(i):
    data = bytes((i * 31 + j * 7) % 251 for j in range(7 * i * i % 61))
    tail = {3: MAGIC + b"xy", 5: MAGIC + MAGIC, 6: b"." + MAGIC + b"q", 8: MAGIC}.get(i)
    return data + b"abc"[: -len(data) % 4] + tail if tail else data


def aligned(data):
    """Positions of the magic at multiples of 4."""
    return [i for i in range(0, len(data) - len(data) % 4, 4) if data[i : i + 4] == MAGIC]


def record(payload):
    pieces, start = [], 0
    for at in aligned(payload):
        pieces.append(payload[start:at])
        start = at + 4
    pieces.append(payload[start:])
    out = b""
    for n, piece in enumerate(pieces):
        kind = 0 if len(pieces) == 1 else 1 if n == 0 else 3 if n == len(pieces) - 1 else 2
        out += MAGIC + struct.pack("<I", kind << 29 | len(piece)) + piece + b"\0" * (-len(piece) % 4)
    return out


def pack(label, key, key2, image):
    """mx.recordio.pack: a number, or a tuple of numbers."""
    if isinstance(label, tuple):
        return struct.pack("<IfQQ", len(label), 0.0, key, key2) + struct.pack(f"<{len(label)}f", *label) + image
    return struct.pack("<IfQQ", 0, label, key, key2) + image


class Writer:
    def __init__(self, name):
        self.rec, self.idx, self.name = b"", "", name

    def put(self, key, payload):
        self.idx += f"{key}\t{len(self.rec)}\n"
        self.rec += record(payload)

    def close(self):
        with open(os.path.join(OUT, self.name + ".rec"), "wb") as f:
            f.write(self.rec)
        with open(os.path.join(OUT, self.name + ".idx"), "w", encoding="ascii") as f:
            f.write(self.idx)


def main():
    os.makedirs(OUT, exist_ok=True)
    sets, sequence, arrays = Writer("identities"), Writer("sequence"), Writer("arrays")
    key, spans = 1, []
    for label, count in enumerate(IDENTITIES):
        spans.append((key, key + count))
        for _ in range(count):
            sets.put(key, pack(label, key, 0, picture(key)))
            sequence.put(key - 1, pack(label, key - 1, 0, picture(key)))
            arrays.put(key - 1, pack((float(label), 0.5), key - 1, 0, picture(key)))
            key += 1
    first = key
    for span in spans:
        sets.put(key, pack(span, key, 0, b""))
        key += 1
    sets.put(0, pack((first, key), 0, 1, b""))
    for w in (sets, sequence, arrays):
        w.close()


if __name__ == "__main__":
    main()
