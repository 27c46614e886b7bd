#!/usr/bin/env python3
"""Makes tests/golden/data/face.txt and tests/golden/data/images/: references for alignment, warp, resize and the codecs.

Needs numpy, pillow, scikit-image and opencv-python-headless 4.x (5.x computes warps differently).
Pixels are kept as 64-bit FNV-1a hashes of the RGB bytes; test pictures come from a formula that the C tests repeat.
"""
import io
import os
import struct

import cv2
import numpy as np
from PIL import Image
from skimage.transform import SimilarityTransform

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


def fnv(pixels):
    h = 0xCBF29CE484222325
    for b in np.ascontiguousarray(pixels, np.uint8).tobytes():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def picture(w, h):
    """The same formula as test_picture() in tests/unit/face_support.h."""
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    return ((x * x * 7 + y * 13 + c * 59 + x * y * (c + 1)) % 251).astype(np.uint8)


def align_cases(out, rng):
    for k in range(40):
        angle, scale = rng.uniform(-3.1, 3.1), rng.uniform(0.2, 8)
        rot = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        src = TEMPLATE @ rot.T * scale + rng.uniform(-500, 3000, 2) + rng.normal(0, rng.choice([0, 1, 6]), (5, 2)) * scale
        if k % 10 == 9:
            src[:, 0] = -src[:, 0]  # mirrored landmarks: still no reflection
        src = src.astype(np.float32)
        t = SimilarityTransform()
        t.estimate(src.astype(np.float64), TEMPLATE.astype(np.float32).astype(np.float64))
        numbers = [repr(float(v)) for v in src.ravel()] + [repr(float(v)) for v in t.params[:2].ravel()]
        out.write("align " + " ".join(numbers) + "\n")


def warp_cases(out, rng):
    for k in range(24):
        w, h = int(rng.integers(20, 400)), int(rng.integers(20, 300))
        angle, scale = rng.uniform(-0.9, 0.9), rng.uniform(0.15, 4)
        a, b = scale * np.cos(angle), scale * np.sin(angle)
        cx, cy = rng.uniform(-10, w + 10), rng.uniform(-10, h + 10)  # some crops hang over the edge
        m = np.array([[a, -b, 56 - (a * cx - b * cy)], [b, a, 60 - (b * cx + a * cy)]])
        if k == 0:
            m = np.array([[1.0, 0, 0], [0, 1.0, 0]])
        warped = cv2.warpAffine(picture(w, h), m, (112, 112), borderValue=0)
        out.write(f"warp {w} {h} " + " ".join(repr(float(v)) for v in m.ravel()) + f" {fnv(warped)}\n")


def resize_cases(out):
    sizes = [(64, 48, 32, 24), (63, 47, 32, 24), (100, 75, 640, 480), (640, 427, 320, 213), (1000, 701, 640, 448), (37, 200, 118, 640),
             (400, 300, 100, 75), (5, 3, 640, 384), (641, 641, 640, 640), (1, 1, 32, 32), (3, 500, 3, 640), (300, 200, 128, 85), (17, 31, 17, 31)]
    for w, h, nw, nh in sizes:
        out.write(f"resize {w} {h} {nw} {nh} {fnv(cv2.resize(picture(w, h), (nw, nh)))}\n")


def to_rgb(image):
    """What arcface promises: transparency on white, 16 bits cut to 8, gray replicated."""
    if image.mode.startswith("I"):
        return np.repeat((np.array(image).astype(np.uint32) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        p = np.array(image.convert("RGBA")).astype(np.uint32)
        return ((p[..., :3] * p[..., 3:] + 255 * (255 - p[..., 3:]) + 127) // 255).astype(np.uint8)
    return np.array(image.convert("RGB"))


def orient(pixels, orientation):
    from PIL import ImageOps

    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    image.save(data, "PNG", exif=exif)
    return np.array(ImageOps.exif_transpose(Image.open(data)))


def smooth(w, h):
    """Photo-like: gentle gradients with one edge."""
    y, x, c = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    return (120 + 60 * np.sin(x / 5.0 + c) + 50 * np.cos(y / 4.0 - c) + 20 * (x > w // 2)).clip(0, 255).astype(np.uint8)


def image_cases(out):
    folder = os.path.join(DATA, "images")
    os.makedirs(folder, exist_ok=True)
    rgb = Image.fromarray(smooth(39, 25))

    def keep(name, data, orientation=1, pixels=None):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)
        pixels = to_rgb(Image.open(io.BytesIO(data))) if pixels is None else pixels
        if orientation != 1:
            pixels = orient(pixels, orientation)
        out.write(f"image {name} {pixels.shape[1]} {pixels.shape[0]} {orientation} {fnv(pixels)}\n")

    def saved(image, kind, **options):
        data = io.BytesIO()
        image.save(data, kind, **options)
        return data.getvalue()

    keep("420.jpg", saved(rgb, "JPEG", quality=85))
    keep("422.jpg", saved(rgb, "JPEG", quality=85, subsampling="4:2:2"))
    keep("444.jpg", saved(rgb, "JPEG", quality=95, subsampling="4:4:4"))
    keep("progressive.jpg", saved(rgb, "JPEG", quality=85, progressive=True))
    keep("gray.jpg", saved(rgb.convert("L"), "JPEG", quality=85))
    keep("cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG", quality=90))
    for o in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = o
        keep(f"exif{o}.jpg", saved(rgb.crop((0, 0, 21, 13)), "JPEG", quality=85, exif=exif), o)
    keep("rgb.png", saved(rgb, "PNG"))
    keep("gray.png", saved(rgb.convert("L"), "PNG"))
    keep("palette.png", saved(rgb.quantize(16), "PNG"))
    keep("bilevel.png", saved(rgb.convert("1"), "PNG"))
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray(smooth(39, 25)[..., 0]))
    keep("rgba.png", saved(alpha, "PNG"))
    keep("la.png", saved(alpha.convert("LA"), "PNG"))
    keep("palette-transparent.png", saved(rgb.quantize(16), "PNG", transparency=3))
    keep("gray16.png", saved(Image.fromarray(smooth(39, 25)[..., 0].astype(np.uint16) * 257), "PNG"))
    keep("lossy.webp", saved(rgb, "WEBP", quality=80))
    keep("lossless.webp", saved(rgb, "WEBP", lossless=True))
    keep("alpha.webp", saved(alpha, "WEBP", lossless=True, exact=True))
    keep("24.bmp", saved(rgb, "BMP"))
    keep("8.bmp", saved(rgb.quantize(16), "BMP"))
    keep("1.bmp", saved(rgb.convert("1"), "BMP"))
    keep("32.bmp", bmp32(smooth(39, 25)), pixels=smooth(39, 25))
    keep("rgb.ppm", saved(rgb, "PPM"))
    keep("gray.pgm", saved(rgb.convert("L"), "PPM"))
    gray = smooth(7, 5)[..., 0]
    text = "P2\n# a comment\n7 5\n255\n" + "\n".join(" ".join(str(v) for v in row) for row in gray) + "\n"
    keep("text.pgm", text.encode(), pixels=np.repeat(gray[..., None], 3, axis=2))
    wide = b"P5 7 5 65535\n" + (gray.astype(">u2") * 257).tobytes()
    keep("16.pgm", wide, pixels=np.repeat(gray[..., None], 3, axis=2))


def bmp32(pixels):
    """Top-down rows, B,G,R,unused."""
    h, w, _ = pixels.shape
    body = np.concatenate([pixels[..., ::-1], np.zeros((h, w, 1), np.uint8)], axis=2).tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, w, -h, 1, 32, 0, len(body), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(body), 0, 0, 54) + head + body


def main():
    assert cv2.__version__.startswith("4."), "the fixed-point warp is that of OpenCV 4"
    os.makedirs(DATA, exist_ok=True)
    rng = np.random.default_rng(5)
    with open(os.path.join(DATA, "face.txt"), "w", encoding="ascii") as out:
        out.write(f"# made by tests/golden/make_face.py with OpenCV {cv2.__version__}, see there\n")
        align_cases(out, rng)
        warp_cases(out, rng)
        resize_cases(out)
        image_cases(out)


if __name__ == "__main__":
    main()
