#!/usr/bin/env python3
"""What a rotated rectangle costs: cosine of the embedding of ImageManip's crop to that of the library's aligned crop, over real
faces. `OAK_FACES=1000 python crops.py` prints the table of docs/RESULTS.md."""
import sys

import numpy as np

import support

import depthai as dai

import pipeline
import rectangle
import standins


def script_names():
    """The names that the Script's text defines, without its loop."""
    source = pipeline.script_source(rectangle.letterbox_of(1280, 720, 640, 640), 4)
    names = {"ImageManipConfig": dai.ImageManipConfig, "RotatedRect": dai.RotatedRect}
    exec(source[: source.index("kept = []")], names)
    return names


def plain(points, whole=False):
    """The rectangle as it is; whole: in whole pixels, as older interfaces have it."""
    x, y, side, degrees = rectangle.rectangle(points)
    if whole:
        x, y, side = round(x), round(y), round(side)
    square = dai.RotatedRect()
    square.center.x, square.center.y, square.size.width, square.size.height, square.angle = x, y, side, side, degrees
    config = dai.ImageManipConfig()
    config.addCropRotatedRect(square, False)
    config.setOutputSize(112, 112)
    return config


def upright(points):
    """The square around the rectangle's middle, not turned: what is lost without rotation."""
    x, y, side, _ = rectangle.rectangle(points)
    square = dai.RotatedRect()
    square.center.x, square.center.y, square.size.width, square.size.height = x, y, side, side
    config = dai.ImageManipConfig()
    config.addCropRotatedRect(square, False)
    config.setOutputSize(112, 112)
    return config


KINDS = {"scaled": script_names()["crop_config"], "rectangle": plain, "whole": lambda p: plain(p, True), "upright": upright}


def cosines(real, faces, config_of, change=lambda pixels, points: (pixels, points), reference=None, frame_type=None):
    """Over faces (pixels, points): cosine of ImageManip's crop of the changed face to the library's crop of the same."""
    found = []
    for pixels, points in faces:
        pixels, points = change(pixels, points)
        (theirs,) = standins.manip_crops(pixels, [config_of(points)], frame_type)
        ours = (reference or real.library.align)(pixels, points)
        a, b = real.embedder.embed([np.ascontiguousarray(theirs), ours])
        found.append(real.library.cosine(a, b))
    return found


def mirrored(pixels, points):
    """As a selfie camera shows it; the eyes change sides with the picture."""
    width = pixels.shape[1]
    flipped = [(width - 1 - x, y) for x, y in points]
    return np.ascontiguousarray(pixels[:, ::-1]), [flipped[i] for i in (1, 0, 2, 4, 3)]


def clipped(pixels, points):
    """The face reaches over the left edge of the frame: a quarter of the rectangle is outside."""
    x, _, side, _ = rectangle.rectangle(points)
    cut = max(0, int(x - side / 4))
    return np.ascontiguousarray(pixels[:, cut:]), [(px - cut, py) for px, py in points]


def main():
    real = support.Real.get()
    faces = list(real.faces())
    rows = (("scaled, then the rectangle of 112 x 112 (the application)", "scaled", {}),
            ("the same, planar frames (RVC2)", "scaled", {"frame_type": dai.ImgFrame.Type.BGR888p}),
            ("the same, mirrored frame", "scaled", {"change": mirrored}),
            ("the same, a quarter outside the frame", "scaled", {"change": clipped}),
            ("rectangle as it is (side cut to whole pixels)", "rectangle", {}),
            ("rectangle in whole pixels", "whole", {}),
            ("square, not turned", "upright", {}))
    large = np.array([rectangle.rectangle(points)[2] >= rectangle.SIDE for _, points in faces])
    print(f"cosine to the library's crop, {len(faces)} faces: mean, 1st percentile, least; the same of the {large.sum()} of at least 112 pixels")
    for label, kind, how in rows:
        found = np.array(cosines(real, faces, KINDS[kind], **how))
        print(label + ":" + ";".join(f" {f.mean():.5f} {np.percentile(f, 1):.5f} {f.min():.5f}" for f in (found, found[large])), flush=True)


if __name__ == "__main__":
    sys.exit(main())
