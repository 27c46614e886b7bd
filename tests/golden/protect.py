"""Makes tests/golden/data/protect.json: keys and rotations of templates as include/arcface/protect.h describes them, by other means.

BLAKE2b of Python, ChaCha20 (64-bit nonce and counter) written out from its definition, Argon2id of argon2-cffi; the rotation is a product of whole
matrices in NumPy. Needs numpy, argon2-cffi.
Run: python3 tests/golden/protect.py
"""
import hashlib
import json
import pathlib
import struct

import numpy as np
from argon2.low_level import Type, hash_secret_raw

HERE = pathlib.Path(__file__).parent / "data"
PURPOSE = b"arcface: rotation of templates, 1\0"


def chacha20_block(key, nonce, counter):
    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) % 2**32
            s[z] ^= s[x]
            s[z] = (s[z] << turn | s[z] >> (32 - turn)) % 2**32

    start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key)) + list(struct.unpack("<4I", struct.pack("<QQ", counter, nonce)))
    s = start[:]
    for _ in range(10):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*column)
    return struct.pack("<16I", *[(x + y) % 2**32 for x, y in zip(s, start)])


def normals(seed, stream, count):
    blocks = b"".join(chacha20_block(seed, stream, k) for k in range((count + 1) // 2 * 2 // 8 + 1))
    bits = np.array(struct.unpack(f"<{len(blocks) // 8}Q", blocks)[: (count + 1) // 2 * 2], dtype=np.uint64) >> np.uint64(11)
    length = np.sqrt(-2 * np.log((bits[0::2].astype(float) + 0.5) / 2**53))
    angle = 2 * np.pi * (bits[1::2].astype(float) / 2**53)
    return np.stack([length * np.cos(angle), length * np.sin(angle)], 1).reshape(-1)[:count]


def rotation(key, dim):
    """Q(n) = H(v of n) (1 + Q(n-1)), H(v) = -sgn(v1) (1 - 2 u u'/u'u), u = v + sgn(v1) |v| e1 (Mezzadri, section 5)."""
    seed = hashlib.blake2b(PURPOSE + struct.pack("<I", dim), digest_size=32, key=key).digest()
    q = np.eye(dim)
    for k in reversed(range(dim)):
        v = normals(seed, k, dim - k)
        sign = -1 if v[0] < 0 else 1
        u = v.copy()
        u[0] += sign * np.linalg.norm(v)
        h = np.eye(dim)
        h[k:, k:] = -sign * (np.eye(dim - k) - 2 * np.outer(u, u) / (u @ u))
        q = h @ q
    return q


def main():
    key = bytes(range(32))
    cases = [{"dim": dim, "rotated": (rotation(key, dim) @ np.arange(1.0, dim + 1)).tolist()} for dim in (1, 2, 5, 131)]
    phrase = hash_secret_raw(b"correct horse", b"arcface protect1", time_cost=2, memory_cost=65536, parallelism=1, hash_len=32, type=Type.ID)
    (HERE / "protect.json").write_text(json.dumps({"passphrase": "correct horse", "passphrase_key": phrase.hex(), "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
