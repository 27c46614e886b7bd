"""The camera's part without a camera: archives, the crop, parsers and the whole pipeline on this machine's nodes. Needs depthai,
depthai-nodes and ONNX Runtime (requirements.txt, tests/deploy/validators.sh), the library and the command."""
import base64
import datetime
import inspect
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

import support

try:
    import depthai as dai
    import depthai_nodes.node
    import onnxruntime  # noqa: F401  the stand-in for a device's network
except ImportError as why:
    raise unittest.SkipTest(f"no {why.name}: what it checks is left out") from why

import crops
import messages
import pipeline
import record
import rectangle
import sources
import standins
import tracks
import identities



def archive_of(folder, model):
    path = os.path.join(folder, os.path.basename(model) + ".tar.xz")
    if not os.path.exists(path):
        subprocess.run([support.ARCFACE, "export", model, "-q", "--target", "nnarchive", "-o", path], check=True)
    return path


class DepthaiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        support.need(support.EMBEDDER, support.DETECTOR, support.ARCFACE)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.embedder, cls.detector = (pipeline.load_archive(archive_of(cls.folder.name, m)) for m in (support.EMBEDDER, support.DETECTOR))
        cls.real = support.Real.get()

    def test_archives_load(self):
        self.assertEqual(pipeline.input_of(self.embedder), (112, 112, dai.ImgFrame.Type.BGR888p))
        self.assertEqual(pipeline.input_of(self.detector), (640, 640, dai.ImgFrame.Type.BGR888p))
        for archive, parser in ((self.embedder, "EmbeddingsParser"), (self.detector, "SCRFDParser")):
            (head,) = archive.getConfig().model.heads
            self.assertEqual(head.parser, parser)

    def test_backbones(self):
        """Other recognisers take the embedder's place without a change."""
        others = ("mobilefacenet_relu6_128d.onnx", "mobilefacenet-y1-mxnet/model-symbol.json")
        for name in others:
            model = os.path.join(support.DATA, "models", "recognition", name)
            support.need(model)
            self.assertEqual(pipeline.input_of(pipeline.load_archive(archive_of(self.folder.name, model)))[:2], (112, 112))

    def test_crop_is_the_alignment(self):
        """ImageManip's matrix for a face is the library's similarity transform."""
        pixels, points = next(self.real.faces(1))
        with dai.Pipeline(createImplicitDevice=False) as made:
            manip = standins.OnHost().manip(made)
            manip.inputConfig.setWaitForMessage(True)
            images, configs, out = manip.inputImage.createInputQueue(), manip.inputConfig.createInputQueue(), manip.out.createOutputQueue()
            made.start()
            configs.send(crops.script_names()["crop_config"](points))
            images.send(standins.frame_of(pixels))
            matrix = np.array(out.get().getTransformation().getMatrix()).reshape(3, 3)
        wanted = self.real.library.similarity(points)
        for corner in support.corners(rectangle.rectangle(points)):
            np.testing.assert_allclose((matrix @ (*corner, 1))[:2], wanted @ (*corner, 1), atol=0.1)

    def test_crops_embed_alike(self):
        cosines = crops.cosines(self.real, self.real.faces(20), crops.KINDS["scaled"])
        self.assertGreater(min(cosines), 0.97)
        self.assertGreater(np.mean(cosines), 0.995)

    def parsers(self, made):
        theirs = made.create(depthai_nodes.node.EmbeddingsParser).build({"outputs": ["output"]})
        own = made.create(dai.beta.node.EmbeddingsParser)
        own.setNNArchive(self.embedder)
        return theirs, own

    def test_embeddings_parsers(self):
        """Both pass every form of NNData through as it is; the embedding is dequantized by us."""
        drawn = np.random.default_rng(1)
        values = {"FP16": drawn.normal(size=512).astype(np.float16), "FP32": drawn.normal(size=512).astype(np.float32),
                  "I8": drawn.integers(-128, 128, 512).astype(np.int8), "U8F": drawn.integers(0, 256, 512).astype(np.uint8)}
        told = []
        for i, (kind, v) in enumerate(values.items()):
            tensor = {"name": "output", "dims": [1, 512], "dataType": kind, "data": base64.b64encode(v.tobytes()).decode()}
            if kind in ("I8", "U8F"):
                tensor.update(quantization=True, qpScale=0.03125, qpZp=3.0)
            told.append({"sequence": 100 + i, "tensors": [tensor]})
        with dai.Pipeline(createImplicitDevice=False) as made:
            parsers = self.parsers(made)
            ports = [(p.input.createInputQueue(), p.out.createOutputQueue()) for p in parsers]
            made.start()
            for message in told:
                for parser, (into, out) in zip(parsers, ports):
                    sent = messages.nndata_of(dai, message)
                    into.send(sent)
                    got = out.get(datetime.timedelta(seconds=10))
                    self.assertIsNotNone(got, type(parser))
                    self.assertEqual(record.message(got), message)
                    np.testing.assert_allclose(record.embedding_of(got), record.tensor_of(message).reshape(-1), rtol=1e-6)

    def test_script_is_self_contained(self):
        """The Script node's text needs nothing but math, and the rectangle in it is the tested one."""
        source = pipeline.script_source(rectangle.letterbox_of(1280, 720, 640, 640), 4)
        self.assertIn(inspect.getsource(rectangle.rectangle), source)
        self.assertEqual([line for line in source.splitlines() if line.startswith(("import", "from"))], ["import math"])

    def pictures(self):
        support.need(support.GROUP)
        pixels = self.real.library.load_picture(support.GROUP)
        return np.ascontiguousarray(pixels[:720, :1280])

    def test_whole_pipeline(self):
        """Frames in, names out, through the same pipeline.build as on a device: every face gets the embedding that the library gives
        it, a crowd never more than the limit at a time, and each crop is 112 x 112."""
        picture, size, nodes = self.pictures(), (1280, 720), standins.OnHost()
        kind = dai.ImgFrame.Type.BGR888i
        found = self.real.detector.find(picture)
        wanted = identities.unit(self.real.embedder.embed([self.real.library.align(picture, f.points) for f in found]))
        gallery = identities.Gallery("m", 512)
        for i, row in enumerate(wanted[:-1]):
            gallery.enrol(f"person{i}", [row], ["x"], 0)
        followed = tracks.Tracks(gallery, identities.Judge(0.28))
        with dai.Pipeline(createImplicitDevice=False) as made:
            feed = made.create(standins.Frames)
            feed.picture, feed.frame_type = picture, kind
            queues = pipeline.build(made, feed.out, size, kind, self.detector, self.embedder, 4, nodes)
            self.assertEqual(json.loads(json.dumps(made.serializeToJson()))["pipeline"]["nodes"], [])  # the schema names a device's nodes alone
            made.start()
            letterbox = rectangle.letterbox_of(*size, 640, 640)
            source = sources.DeviceSource(made.isRunning, queues, letterbox, dai.Clock.now, True)
            answers, steps = 0, 0
            for step in source.steps():
                now = steps / 10  # of a camera; how fast this machine is does not matter
                if step:
                    followed.update(step.faces, now)
                    chosen = followed.to_embed(4, 40, now)
                    self.assertLessEqual(len(chosen), 4)
                    if chosen:
                        boxes = [f[0] for f in step.faces]
                        source.ask(step, [t.number for t in chosen], [step.detections[boxes.index(t.box)] for t in chosen])
                    steps += 1
                    self.assertGreaterEqual(step.age_s, 0)
                    feed.turn.release()
                for number, embedding in source.answers():
                    answers += 1
                    followed.take(number, embedding, now)
                if answers >= 3 * len(found) or steps > 150:
                    break
        self.assertGreaterEqual(answers, 3 * len(found))
        self.assertEqual(len(followed.all), len(found))
        self.assertEqual(sorted(t.name for t in followed.all), sorted([f"person{i}" for i in range(len(found) - 1)] + [identities.UNKNOWN]))
        for track in followed.all:
            best = max(float(np.mean(track.embeddings, axis=0) @ row) for row in wanted)
            # The detector saw a picture that ImageManip shrank without smoothing: its points differ by a pixel or two.
            self.assertGreater(best, 0.95)
        self.assertEqual({s[:2] for s in nodes.networks[1].sizes}, {(112, 112)})

    def test_schema(self):
        """The pipeline serialises: depthai's own dump of it has every node and link, and only short queues."""
        script = (f"import sys; sys.path[:0] = {sys.path[:2]!r}\n"
                  "import depthai as dai, pipeline, standins\n"
                  "with dai.Pipeline(createImplicitDevice=False) as made:\n"
                  "    feed = made.create(standins.Frames)\n"
                  f"    archives = [pipeline.load_archive(p) for p in {[archive_of(self.folder.name, m) for m in (support.DETECTOR, support.EMBEDDER)]!r}]\n"
                  "    pipeline.build(made, feed.out, (1280, 720), dai.ImgFrame.Type.BGR888i, *archives, 4, standins.OnHost())\n"
                  "    made.start()\n")
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False,
                             env={**os.environ, "DEPTHAI_LEVEL": "debug", "DEPTHAI_TELEMETRY": "0"})
        line = next(line for line in (ran.stdout + ran.stderr).splitlines() if "Full schema dump: " in line)
        schema = json.loads(line.split("Full schema dump: ")[1])
        names = {number: node["name"] for number, node in schema["nodes"]}
        links = [(names[c["node1Id"]], names[c["node2Id"]], c["node2Input"]) for c in schema["connections"]]
        for link in (("Script", "ImageManip", "inputConfig"), ("Script", "ImageManip", "inputImage"), ("Frames", "Script", "frame"),
                     ("InputQueue", "Script", "faces"), ("Network", "SCRFDParser", "input"), ("Network", "EmbeddingsParser", "input")):
            self.assertIn(link, links)
        self.assertEqual(sorted(names.values()).count("ImageManip"), 2)
        queues = [port["queueSize"] for _, node in schema["nodes"] for _, port in node["ioInfo"] if node["name"] not in ("InputQueue", "OutputQueue")]
        self.assertLessEqual(max(queues), 8)

    def test_devices_nodes_need_one(self):
        """What cannot be made without a device, so that README's table stays true."""
        with dai.Pipeline(createImplicitDevice=False) as made:
            for node in (dai.node.NeuralNetwork, dai.node.Script, dai.node.Camera):
                with self.assertRaisesRegex(RuntimeError, "host only"):
                    made.create(node)


class AnswersTest(unittest.TestCase):
    def test_dropped_frames(self):
        answers = pipeline.Answers()
        answers.asked(1, ["a", "b"])
        answers.asked(2, ["c"])
        answers.asked(5, ["d", "e"])
        self.assertEqual([answers.key_of(n) for n in (1, 5, 5, 5, 2)], ["a", "d", "e", None, None])


if __name__ == "__main__":
    unittest.main()
