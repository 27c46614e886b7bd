#!/usr/bin/env python3
"""Makes tests/golden/data/bins: verification sets as Python pickles them (protocol 3), of bytes (two and more: shorter ones are
shared objects to Python) that tests/unit/test_recordio.c makes again."""
import os
import pickle

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "bins")


def image(i):
    return bytes((i * 7 + j) % 251 for j in range(2 + (i % 3) + (i in (5, 6)) * 300))


os.makedirs(OUT, exist_ok=True)
for pairs in (1, 2, 700, 1001):
    images = [image(i) for i in range(2 * pairs)]
    with open(os.path.join(OUT, f"{pairs}.bin"), "wb") as f:
        pickle.dump((images, [i % 3 == 0 for i in range(pairs)]), f, protocol=3)
