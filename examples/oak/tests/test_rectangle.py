"""The rectangle that the camera cuts out against the library's similarity transform."""
import math
import random
import unittest

import support
import rectangle


class RectangleTest(unittest.TestCase):
    def test_template_maps_to_itself(self):
        x, y, side, degrees = rectangle.rectangle(rectangle.TEMPLATE)
        for got, wanted in ((x, 56), (y, 56), (side, 112), (degrees, 0)):
            self.assertAlmostEqual(got, wanted, places=9)

    def test_turned_scaled_moved(self):
        """Points made from a known rectangle give that rectangle, at every angle."""
        for degrees in range(-179, 180, 7):
            c, s, k = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 2.5
            points = [(300 + k * (c * (u - 56) - s * (v - 56)), 200 + k * (s * (u - 56) + c * (v - 56))) for u, v in rectangle.TEMPLATE]
            found = rectangle.rectangle(points)
            for got, wanted in zip(found, (300, 200, 280, degrees)):
                self.assertAlmostEqual(got, wanted, places=6)

    def test_no_face(self):
        for points in ([(5, 5)] * 5, [(math.nan, 1)] * 5, [(math.inf, 1), (0, 0), (1, 1), (2, 2), (3, 3)], [(1e300, 0), (0, 1), (2, 2), (3, 1), (4, 4)]):
            self.assertIsNone(rectangle.rectangle(points))

    def test_letterbox(self):
        """Back from where ImageManip puts a point, moved by half of what a pixel grew."""
        for size in ((1280, 720), (720, 1280), (640, 640), (100, 37)):
            letterbox = rectangle.letterbox_of(*size, 640, 640)
            _, _, scale, left, top = letterbox
            for x, y in ((0, 0), size, (33.5, 20.25)):
                back = rectangle.unletterbox((x * scale + left) / 640, (y * scale + top) / 640, letterbox)
                for got, wanted in zip(back, (x, y)):
                    self.assertAlmostEqual(got + (1 / scale - 1) / 2, wanted, places=9)

    def test_against_library(self):
        """Random points, real faces: the library maps the rectangle's corners to those of the crop within 0.1 pixels."""
        import arcface_ctypes

        try:
            library = arcface_ctypes.Arcface()
        except arcface_ctypes.ArcfaceError as why:
            self.skipTest(str(why))
        drawn = random.Random(1)
        for _ in range(1000):
            points = [(drawn.uniform(0, 1000), drawn.uniform(0, 1000)) for _ in range(5)]
            self.assertLess(self.miss(library, points), 0.1)

    def test_real_faces(self):
        real = support.Real.get()
        misses = [self.miss(real.library, points) for _, points in real.faces()]
        print(f"rectangle: {len(misses)} real faces, corners at most {max(misses):.1e} pixels of the crop off")
        self.assertEqual(len(misses), support.FACES)
        self.assertLess(max(misses), 0.1)

    def miss(self, library, points):
        matrix = library.similarity(points)
        wanted = ((0, 0), (112, 0), (112, 112), (0, 112))
        got = [matrix @ (x, y, 1) for x, y in support.corners(rectangle.rectangle(points))]
        return max(math.dist(g, w) for g, w in zip(got, wanted))


if __name__ == "__main__":
    unittest.main()
