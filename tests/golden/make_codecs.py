#!/usr/bin/env python3
"""Writes tests/golden/data/images/more: small gradients as GIF, TIFF, HEIC and AVIF, and beside each a PNG of the pixels that Pillow (libheif's
through pillow-heif) reads of it, upright. Needs numpy, pillow and pillow-heif."""
import os

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "images", "more")


def smooth(w, h, phase=0.0):
    """Photo-like: gentle gradients with one edge."""
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    return (120 + 60 * np.sin(x / 5.0 + c + phase) + 50 * np.cos(y / 4.0 - c) + 20 * (x > w // 2)).clip(0, 255)


def expect(name, image):
    image.save(os.path.join(HERE, name + ".png"))


def keep(name, image, expected=None, frame=0, **options):
    path = os.path.join(HERE, name)
    image.save(path, **options)
    if expected is None:
        expected = Image.open(path)
        expected.seek(frame)
        expected = ImageOps.exif_transpose(expected)
        if expected.mode in ("RGBA", "LA", "P"):
            p = np.array(expected.convert("RGBA")).astype(np.uint32)
            expected = Image.fromarray(((p[..., :3] * p[..., 3:] + 255 * (255 - p[..., 3:]) + 127) // 255).astype(np.uint8))
    expect(name, expected.convert("RGB"))


def main():
    os.makedirs(HERE, exist_ok=True)
    rgb = Image.fromarray(smooth(40, 24).astype(np.uint8))
    few = rgb.quantize(32)
    keep("still.gif", few)
    clear = few.copy()
    clear.info["transparency"] = 3
    keep("clear.gif", clear, transparency=3)
    second = Image.fromarray(smooth(40, 24, 2.0).astype(np.uint8))
    few.save(os.path.join(HERE, "two.gif"), save_all=True, append_images=[second.quantize(32)], duration=100)
    for frame in (0, 1):
        film = Image.open(os.path.join(HERE, "two.gif"))
        film.seek(frame)
        expect("two.gif.%d" % frame, film.convert("RGB"))
    for kind in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        keep(kind + ".tiff", rgb, compression=kind)
    keep("strips.tiff", rgb, compression="tiff_lzw", strip_size=40 * 3 * 8)
    keep("gray.tiff", rgb.convert("L"))
    keep("palette.tiff", few)
    keep("bilevel.tiff", rgb.convert("1"), compression="group4")
    deep = smooth(40, 24)[..., 0] * 257
    keep("gray16.tiff", Image.fromarray(deep.astype(np.uint16)), Image.fromarray(np.rint(deep.astype(np.uint16) / 257).astype(np.uint8)))
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        keep("turned%d.tiff" % orientation, rgb, exif=exif)
    rgb.save(os.path.join(HERE, "pages.tiff"), save_all=True, append_images=[second])
    for frame, image in enumerate((rgb, second)):
        expect("pages.tiff.%d" % frame, image)
    pillow_heif.register_heif_opener()
    for suffix in ("heic", "avif"):
        big = Image.fromarray(smooth(64, 48).astype(np.uint8))
        # colours in full resolution: how they are enlarged otherwise is the reader's choice
        keep("still." + suffix, big, quality=90, **({"subsampling": "4:4:4"} if suffix == "avif" else {}))
    alpha = np.dstack([smooth(64, 48), np.tile(np.linspace(0, 255, 64), (48, 1))]).astype(np.uint8)
    keep("alpha.heic", Image.fromarray(alpha, "RGBA"), quality=90)
    sixteen = (smooth(64, 48) * 257).astype(np.uint16)
    path = os.path.join(HERE, "deep.heic")
    pillow_heif.encode("RGB;16", (64, 48), sixteen.tobytes(), path, quality=90)  # as 10 bits
    ten = np.asarray(pillow_heif.open_heif(path, convert_hdr_to_8bit=False)) >> 6
    expect("deep.heic", Image.fromarray(np.rint(ten * (255 / 1023)).astype(np.uint8)))


main()
