"""Makes tests/golden/data/seal.json: a sealed gallery's record and one value, as src/gallery/seal describes them, by PyNaCl and Python's BLAKE2b.

Two data keys, as in a gallery whose keys are being replaced. Needs pynacl.
Run: python3 tests/golden/seal.py
"""
import hashlib
import json
import pathlib
import struct

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as seal

OUT = pathlib.Path(__file__).parent / "data" / "seal.json"
MAGIC = b"arcseal1"
USER = bytes(range(32))
GALLERY = bytes(range(100, 116))
SOURCE = bytes(range(60, 92))
DATA = {5: bytes(range(40, 72)), 4: bytes(range(140, 172))}


def derive(key, purpose, gallery=GALLERY):
    return hashlib.blake2b(purpose.encode() + b"\0" + gallery, key=key, digest_size=32).digest()


wrap = derive(USER, "arcface gallery: data keys")
record = MAGIC + GALLERY + derive(wrap, "arcface gallery: the right key")[:16] + struct.pack("<I", len(DATA))
for generation, key in [*DATA.items(), (0, SOURCE)]:
    nonce = bytes((generation + i) % 256 for i in range(24))
    number = struct.pack("<I", generation)
    record += number + nonce + seal(key, MAGIC + GALLERY + number, nonce, wrap)

column, row, model, nonce = 3, 2**40 + 7, 2, bytes(range(200, 224))
plain = b"a template"
about = GALLERY + struct.pack("<IqI", column, row, model)
value = struct.pack("<I", 4) + nonce + seal(plain, about, nonce, derive(DATA[4], "arcface gallery: values"))
lookup = hashlib.blake2b(b"\x01" + "Ada".encode(), key=derive(DATA[5], "arcface gallery: lookups"), digest_size=32).digest()

source = hashlib.blake2b(b"\x02" + b"Ada", key=SOURCE, digest_size=32).digest()

OUT.write_text(json.dumps({
    "user": USER.hex(), "record": record.hex(), "column": column, "row": row, "generation": model,
    "value": value.hex(), "plain": plain.decode(), "name": "Ada", "lookup": lookup.hex(), "source": source.hex(),
    "index": derive(DATA[5], "arcface gallery: index").hex()}, indent=1) + "\n")
