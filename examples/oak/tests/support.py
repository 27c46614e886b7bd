"""What the tests share: the modules of the application, the library, real models and photos."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path[:0] = [os.path.join(HERE, ".."), HERE]
DATA = os.environ.get("ARCFACE_DATA") or os.path.join(ROOT, "..", "shared", "data")
ARCFACE = os.environ.get("ARCFACE") or os.path.join(ROOT, "build", "arcface")
FACES = int(os.environ.get("OAK_FACES", "100"))  # real faces that are tried

EMBEDDER = os.path.join(DATA, "models", "recognition", "w600k_mbf_dequantised_fp32.onnx")
DETECTOR = os.path.join(DATA, "models", "detection", "scrfd_2.5g_bnkps.onnx")
GROUP = os.path.join(DATA, "photos", "insightface", "t1.jpg")  # six people
PEOPLE = os.path.join(DATA, "celeba-224")


def need(*paths):
    for path in paths:
        if not os.path.exists(path):
            raise unittest.SkipTest(f"{path} is not here")


def photos_of(person, first=0, last=None):
    folder = os.path.join(PEOPLE, person)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))[first:last]]


class Real:
    """The library with real models, opened once."""

    opened = None

    def __init__(self):
        import arcface_ctypes as arcface

        need(EMBEDDER, DETECTOR)
        self.library = arcface.Arcface()
        self.detector = arcface.Detector(arcface.Model(self.library, DETECTOR, arcface.TASK_DETECT))
        self.model = arcface.Model(self.library, EMBEDDER, arcface.TASK_EMBED)
        self.embedder = arcface.Embedder(self.model)

    @classmethod
    def get(cls):
        cls.opened = cls.opened or cls()
        return cls.opened

    def faces(self, most=FACES):
        """(pixels, five points) of real faces: one of each photo of celeba-224, people in turn."""
        need(PEOPLE)
        people, count, turn = sorted(os.listdir(PEOPLE)), 0, 0
        while count < most and turn < 20:
            for person in people:
                for path in photos_of(person, turn, turn + 1):
                    pixels = self.library.load_picture(path)
                    found = self.detector.find(pixels, size_px=320)
                    if found and count < most:
                        count += 1
                        yield pixels, found[0].points
            turn += 1


def corners(rectangle):
    """The four corners of (x, y, side, degrees), clockwise from the one that becomes (0, 0)."""
    import math

    x, y, side, degrees = rectangle
    c, s, half = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), side / 2
    return [(x + c * u - s * v, y + s * u + c * v) for u, v in ((-half, -half), (half, -half), (half, half), (-half, half))]
