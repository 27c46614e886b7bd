"""The host's part: gallery, judging, tracks, recordings, the command with --host. Needs NumPy and libarcface, no depthai."""
import base64
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import support
import app
import identities
import record
import rectangle
import tracks


def person(drawn, dim=64):
    """A function that gives pictures of a made-up person: a direction with noise."""
    centre = drawn.normal(size=dim)
    return lambda noise=0.3: centre / np.linalg.norm(centre) + noise * drawn.normal(size=dim) / np.sqrt(dim)


class GalleryTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        drawn = np.random.default_rng(5)
        self.anna, self.bert, self.stranger = (person(drawn) for _ in range(3))
        self.gallery = identities.Gallery("model-a", 64)
        self.gallery.enrol("Anna", [self.anna() for _ in range(3)], ["1", "2", "3"], 0.4)
        self.gallery.enrol("Bert", [self.bert() for _ in range(4)], ["1", "2", "3", "4"], 0.4)

    def test_known_and_unknown(self):
        judge = identities.Judge(0.4)
        self.assertEqual(judge.decide(self.gallery, 7 * self.anna())[0], "Anna")
        self.assertEqual(judge.decide(self.gallery, self.bert())[0], "Bert")
        name, score, probability = judge.decide(self.gallery, self.stranger())
        self.assertEqual((name, probability), (identities.UNKNOWN, None))
        self.assertLess(score, 0.4)
        self.assertEqual(judge.decide(identities.Gallery("model-a", 64), self.anna())[0], identities.UNKNOWN)

    def test_stored_and_back(self):
        self.gallery.save(self.folder)
        self.gallery.save(self.folder)
        back = identities.Gallery.load(self.folder, "model-a", 64)
        self.assertEqual(list(back.people), ["Anna", "Bert"])
        for name, rows in self.gallery.people.items():
            np.testing.assert_allclose(back.people[name], rows, atol=1e-7)
        self.gallery.forget("Anna")
        self.gallery.save(self.folder)
        self.assertEqual(list(identities.Gallery.load(self.folder, "model-a", 64).people), ["Bert"])
        self.assertEqual(len(os.listdir(self.folder)), 2)
        without = identities.Gallery.load(self.folder)
        self.assertEqual(([*without.people], without.model, without.dim), (["Bert"], "model-a", 64))
        with self.assertRaises(identities.GalleryError):
            without.check_model(self.folder, "model-b", 64)

    def test_old_or_new_when_killed(self):
        """Whatever is missing of a save, the gallery before it is still there."""
        self.gallery.save(self.folder)
        before, replace = identities.Gallery.load(self.folder, "model-a", 64), os.replace
        for calls in range(2):
            left = [calls]

            def failing(a, b):
                if left[0] == 0:
                    raise OSError("no space")
                left[0] -= 1
                replace(a, b)

            self.gallery.enrol("Carl", [self.stranger()], ["c"], 0.4)
            os.replace = failing
            try:
                with self.assertRaises(OSError):
                    self.gallery.save(self.folder)
            finally:
                os.replace = replace
            self.assertEqual(list(identities.Gallery.load(self.folder, "model-a", 64).people), list(before.people))
            self.gallery.forget("Carl")
            self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".new-")])

    def test_refused(self):
        self.gallery.save(self.folder)
        for model, dim in (("model-b", 64), ("model-a", 128)):
            with self.assertRaisesRegex(identities.GalleryError, "another network"):
                identities.Gallery.load(self.folder, model, dim)
        with self.assertRaisesRegex(identities.GalleryError, "does not look like"):
            self.gallery.enrol("Anna", [self.anna(), self.bert()], ["good.jpg", "bad.jpg"], 0.4)
        self.assertEqual(len(self.gallery.people["Anna"]), 3)
        for rows in (np.zeros((1, 64)), np.full((1, 64), np.nan)):
            with self.assertRaisesRegex(identities.GalleryError, "zero or not finite"):
                self.gallery.enrol("Dora", rows, ["d"], 0.4)
        twice = json.dumps({"version": 1, "model": "model-a", "embeddings": [n for n in os.listdir(self.folder) if n.endswith(".npy")][0],
                            "people": [{"name": "A", "pictures": 3}, {"name": "A", "pictures": 4}]})
        for text in (twice, '{"version": 2}', "[]", "nothing", '{"version":1,"model":"model-a","embeddings":"../x.npy","people":[]}'):
            with open(os.path.join(self.folder, "gallery.json"), "w", encoding="utf-8") as file:
                file.write(text)
            with self.assertRaisesRegex(identities.GalleryError, "no gallery"):
                identities.Gallery.load(self.folder, "model-a", 64)

    def test_threshold_rises_with_people(self):
        judge = identities.Judge(0.3, 0.01, far=lambda s: max(1e-6, 10 ** (-10 * s)))
        thresholds = [judge.threshold(people) for people in (1, 10, 100)]
        self.assertAlmostEqual(thresholds[0][0], 0.2, places=6)
        self.assertAlmostEqual(thresholds[1][0], 0.3, places=2)
        self.assertAlmostEqual(thresholds[2][0], 0.4, places=2)
        self.assertTrue(all(supported for _, supported in thresholds))
        few = identities.Judge(0.3, 0.01, far=lambda s: max(1e-3, 10 ** (-10 * s))).threshold(1000)
        self.assertAlmostEqual(few[0], 0.3, places=6)
        self.assertFalse(few[1])


class TracksTest(unittest.TestCase):
    def setUp(self):
        drawn = np.random.default_rng(6)
        self.anna, self.stranger = person(drawn), person(drawn)
        self.gallery = identities.Gallery("m", 64)
        self.gallery.enrol("Anna", [self.anna() for _ in range(3)], list("123"), 0.4)
        self.tracks = tracks.Tracks(self.gallery, identities.Judge(0.4))

    def face(self, x, width=100):
        return (x, 50, x + width, 150), 0.9, [(0, 0)] * 5

    def test_crowd_is_bounded(self):
        """Of thirty faces a few are embedded at a time, all in turn, and then hardly any."""
        asked = []
        for frame in range(40):
            now = frame / 10
            self.tracks.update([self.face(150 * i) for i in range(30)], now)
            chosen = self.tracks.to_embed(4, 40, now)
            self.assertLessEqual(len(chosen), 4)
            asked += [t.number for t in chosen]
            for track in chosen:
                self.tracks.take(track.number, self.stranger(), now)
        self.assertEqual(set(asked), set(range(1, 31)))
        self.assertEqual(len(self.tracks.all), 30)
        few = tracks.Tracks(self.gallery, identities.Judge(0.4))
        for frame in range(40):
            few.update([self.face(0)], frame / 10)
            for track in few.to_embed(4, 40, frame / 10):
                asked.append("few")
                few.take(track.number, self.anna(), frame / 10)
        self.assertEqual(asked.count("few"), 4)

    def test_name_follows_the_face(self):
        for frame in range(10):
            self.tracks.update([self.face(10 * frame)], frame / 10)
            for track in self.tracks.to_embed(4, 40, frame / 10):
                self.tracks.take(track.number, self.anna(), frame / 10)
        self.assertEqual([(t.number, t.name) for t in self.tracks.all], [(1, "Anna")])

    def test_other_person_in_the_same_place(self):
        for frame in range(60):
            self.tracks.update([self.face(0)], frame / 10)
            for track in self.tracks.to_embed(4, 40, frame / 10):
                self.tracks.take(track.number, self.anna() if frame < 20 else self.stranger(), frame / 10)
        self.assertEqual(self.tracks.all[0].name, identities.UNKNOWN)
        self.assertEqual(len(self.gallery.people["Anna"]), 3)

    def test_lost_answers(self):
        self.tracks.update([self.face(0), self.face(500, 20)], 0)
        self.assertEqual(len(self.tracks.to_embed(4, 40, 0)), 1)  # the other face is too small
        self.tracks.update([self.face(0)], 0.1)
        self.assertEqual(self.tracks.to_embed(4, 40, 0.1), [])
        for now in (0.4, 0.8, 1.1):
            self.tracks.update([self.face(0)], now)
        self.assertEqual(len(self.tracks.to_embed(4, 40, 1.1)), 1)
        self.tracks.take(99, self.anna(), 1.2)  # of a face that is gone
        self.tracks.update([], 3)
        self.assertEqual(self.tracks.all, [])


class RecordingTest(unittest.TestCase):
    def test_dequantized(self):
        values = np.arange(-4, 4, dtype=np.int8)
        told = {"tensors": [{"name": "output", "dims": [1, 8], "dataType": "I8", "quantization": True, "qpScale": 0.5, "qpZp": 1.0,
                             "data": base64.b64encode(values.tobytes()).decode()}]}
        with tempfile.TemporaryDirectory() as folder:
            record.save([told], os.path.join(folder, "nndata.json"))
            (back,) = record.load(os.path.join(folder, "nndata.json"))
        np.testing.assert_array_equal(record.tensor_of(back), [(values.astype(np.float32) - 1) / 2])
        with self.assertRaisesRegex(ValueError, "no tensor"):
            record.tensor_of({"tensors": [{"name": "a"}, {"name": "b"}]})

    def test_compared(self):
        """What record.py writes is what `arcface compare` reads."""
        support.need(support.ARCFACE)
        if subprocess.run([support.ARCFACE, "compare", "--help"], capture_output=True, check=False).returncode != 0:
            self.skipTest("this arcface has no compare")
        rows = np.random.default_rng(9).normal(size=(12, 64)).astype(np.float32)
        scale = np.float32(np.abs(rows).max() / 120)
        told = [{"name": f"crop{i}.png", "sequence": i, "tensors": [
            {"name": "output", "dims": [1, 64], "dataType": "I8", "quantization": True, "qpScale": float(scale), "qpZp": 2.0,
             "data": base64.b64encode((np.round(row / scale) + 2).astype(np.int8).tobytes()).decode()}]} for i, row in enumerate(rows)]
        with tempfile.TemporaryDirectory() as folder:
            np.save(os.path.join(folder, "embeddings.npy"), rows)
            with open(os.path.join(folder, "names.txt"), "w", encoding="utf-8") as file:
                file.writelines(f"crop{i}\n" for i in range(len(rows)))
            record.save(told, os.path.join(folder, "nndata.json"))
            ran = subprocess.run([support.ARCFACE, "compare", "--reference", folder, "--candidate", os.path.join(folder, "nndata.json"), "--json"],
                                 capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)["embeddings"], 12)


class LibraryTest(unittest.TestCase):
    """The structures of arcface_ctypes.py against the library."""

    def setUp(self):
        self.real = support.Real.get()

    def test_calibration(self):
        import arcface_ctypes as arcface

        model, told = support.Real.get().model, arcface.Calibration()
        self.assertIsNone(model.calibration())
        self.assertAlmostEqual(model.contract.threshold, 0.28, places=6)
        self.assertEqual((model.contract.dim, model.contract.input_width_px, model.contract.takes_points), (512, 112, False))
        self.assertTrue(model.contract.why.decode().endswith("defaults."))
        told.far_points, told.knots = 2, 2
        told.far_score[:2], told.far_rate[:2] = (0.1, 0.5), (1e-1, 1e-3)
        told.knot_score[:2], told.knot_probability[:2] = (0.0, 1.0), (0.25, 0.75)
        lib = self.real.library.lib
        self.assertAlmostEqual(lib.arc_calibration_far(ctypes.byref(told), 0.3), 1e-2, places=9)
        self.assertAlmostEqual(lib.arc_calibration_probability(ctypes.byref(told), 0.5), 0.5, places=9)

    def test_detect_align_embed(self):
        support.need(support.GROUP)
        pixels = self.real.library.load_picture(support.GROUP)
        faces = self.real.detector.find(pixels)
        self.assertEqual(len(faces), 6)
        crops = [self.real.library.align(pixels, f.points) for f in faces]
        rows = self.real.embedder.embed(crops)
        for i, row in enumerate(rows):
            for j, other in enumerate(rows):
                self.assertEqual(self.real.library.cosine(row, other) > 0.28, i == j)
        a, b, tx, ty = rectangle.similarity(faces[0].points)
        np.testing.assert_allclose(self.real.library.similarity(faces[0].points), [[a, -b, tx], [b, a, ty]], atol=1e-4)

    def test_errors(self):
        import arcface_ctypes as arcface

        with self.assertRaisesRegex(arcface.ArcfaceError, "nowhere"):
            arcface.Model(self.real.library, "/nowhere.onnx", arcface.TASK_EMBED)
        with self.assertRaisesRegex(arcface.ArcfaceError, "landmarks"):
            self.real.library.similarity([(1, 1)] * 5)


def have_opencv():
    try:
        import cv2  # noqa: F401
    except ImportError:
        return False
    return True


class CommandTest(unittest.TestCase):
    """app.py as a user calls it, on this machine alone."""

    def app(self, folder, *arguments):
        command = [sys.executable, os.path.join(support.HERE, "..", "app.py"), *arguments, "--model", support.EMBEDDER,
                   "--detector", support.DETECTOR, "--gallery", os.path.join(folder, "people")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_enrol_and_run(self):
        support.need(support.PEOPLE, support.EMBEDDER, support.DETECTOR, support.GROUP)
        people = sorted(os.listdir(support.PEOPLE))[:3]
        with tempfile.TemporaryDirectory() as folder:
            for name in people[:2]:
                self.assertEqual(self.app(folder, "enrol", name, *support.photos_of(name, 0, 3)).returncode, 0)
            refused = self.app(folder, "enrol", "Six", support.GROUP)
            self.assertEqual(refused.returncode, 3)
            self.assertIn("shows 6 faces", refused.stderr)
            self.assertIn(people[1], self.app(folder, "list").stdout)
            frames = os.path.join(folder, "frames")
            os.mkdir(frames)
            wanted = {}
            for i, name in enumerate(people):
                for j, path in enumerate(support.photos_of(name, 3, 6)):
                    shutil.copy(path, os.path.join(frames, f"{10 * i + j:03d}.jpg"))
                    wanted[3 * i + j] = name if i < 2 else identities.UNKNOWN
            ran = self.app(folder, "run", "--host", "--video", frames, "--json", "--draw", os.path.join(folder, "drawn"))
            self.assertEqual(ran.returncode, 0, ran.stderr)
            told = [json.loads(line) for line in ran.stdout.splitlines()]
            self.assertEqual({e["name"] for e in told}, {*people[:2], identities.UNKNOWN})
            for event in told:  # a photo may be too hard, but nobody gets another's name
                self.assertIn(event["name"], (wanted[event["frame"]], identities.UNKNOWN))
            self.assertEqual(len(os.listdir(os.path.join(folder, "drawn"))), 9)
            if have_opencv():
                self.check_video(folder, frames, people)
            self.assertEqual(self.app(folder, "forget", people[0]).returncode, 0)
            self.assertNotIn(people[0], self.app(folder, "list").stdout)

    def check_video(self, folder, frames, people):
        """The same faces as a film."""
        import cv2

        path = os.path.join(folder, "film.avi")
        film = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 5, (224, 224))
        for name in sorted(os.listdir(frames)):
            canvas = np.zeros((224, 224, 3), np.uint8)
            picture = cv2.imread(os.path.join(frames, name))
            canvas[: picture.shape[0], : picture.shape[1]] = picture
            film.write(canvas)
        film.release()
        ran = self.app(folder, "run", "--host", "--video", path, "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual({json.loads(line)["name"] for line in ran.stdout.splitlines()}, {*people[:2], identities.UNKNOWN})
        missing = self.app(folder, "run", "--host", "--video", path + "x")
        self.assertEqual(missing.returncode, 3)
        self.assertIn("no video", missing.stderr)

    def test_calibrated(self):
        """A calibrated model gives its threshold and probabilities, and the threshold rises with the gallery."""
        support.need(support.ARCFACE, support.EMBEDDER, os.path.join(support.DATA, "lfw"))
        import arcface_ctypes as arcface

        with tempfile.TemporaryDirectory() as folder:
            model, pairs = os.path.join(folder, "face.onnx"), os.path.join(folder, "pairs.txt")
            with open(os.path.join(support.DATA, "lfw", "pairs.txt"), encoding="utf-8") as whole, open(pairs, "w", encoding="utf-8") as part:
                lines = whole.readlines()
                part.writelines(lines[1:151] + lines[301:451])  # of the first fold, half of each kind
            made = subprocess.run([support.ARCFACE, "calibrate", "-q", "--no-flip", "--images", os.path.join(support.DATA, "lfw", "pairs-aligned-112"),
                                   "--pairs", pairs, "--far", "1e-2", "-m", support.EMBEDDER, "-o", model], capture_output=True, text=True, check=False)
            self.assertEqual(made.returncode, 0, made.stderr)
            opened = arcface.Model(support.Real.get().library, model, arcface.TASK_EMBED)
            self.addCleanup(opened.close)
            calibration = opened.calibration()
            self.assertAlmostEqual(calibration.threshold, opened.contract.threshold, places=5)
            self.assertEqual((calibration.genuine, calibration.impostor), (150, 150))
            judge = app.judge_of(opened, 0.05)
            self.assertLess(judge.threshold(1)[0], judge.threshold(10)[0])
            self.assertGreater(judge.probability(0.7), 0.99)
            self.assertLess(judge.probability(0.0), 0.05)


if __name__ == "__main__":
    unittest.main()
