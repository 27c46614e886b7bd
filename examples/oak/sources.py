"""Where faces and their embeddings come from: a camera (or a video on it), or this machine alone. Both have the same three functions:
steps() gives one frame after the other, ask() wants embeddings of some of its faces, answers() gives those that have come."""
import collections
import os
import time

import rectangle

# One frame: pixels (BGR) or None; faces: [(box, score, five points)] in pixels; detections: what ask() takes, for each face;
# age_s: how old the frame is now.
Step = collections.namedtuple("Step", "number pixels faces detections age_s")


class HostSource:
    """A recorded video, or a folder of pictures, through libarcface: no device, no archive, no depthai."""

    def __init__(self, path, library, detector, embedder):
        self.path, self.library, self.detector, self.embedder = path, library, detector, embedder
        self.pixels, self.ready = None, []

    def frames(self):
        if os.path.isdir(self.path):
            for name in sorted(os.listdir(self.path)):
                yield self.library.load_picture(os.path.join(self.path, name))
            return
        try:
            import cv2
        except ImportError as why:
            raise RuntimeError(f"{self.path}: reading a video needs opencv-python-headless; a folder of pictures needs nothing") from why
        video = cv2.VideoCapture(self.path)
        if not video.isOpened():
            raise RuntimeError(f"{self.path} is no video that OpenCV opens")
        good, pixels = video.read()
        while good:
            yield pixels
            good, pixels = video.read()

    def steps(self):
        for number, self.pixels in enumerate(self.frames()):
            started = time.monotonic()
            found = [((f.x1_px, f.y1_px, f.x2_px, f.y2_px), f.score, f.points) for f in self.detector.find(self.pixels)]
            yield Step(number, self.pixels, found, [f[2] for f in found], time.monotonic() - started)

    def ask(self, step, keys, detections):
        crops = [self.library.align(self.pixels, points) for points in detections]
        self.ready += zip(keys, self.embedder.embed(crops))

    def answers(self):
        ready, self.ready = self.ready, []
        return ready


class DeviceSource:
    """The pipeline on a device (pipeline.py). queues: of pipeline.build; letterbox: of rectangle.letterbox_of."""

    def __init__(self, running, queues, letterbox, clock, keep_frames):
        import pipeline
        import record

        self.running, self.queues, self.letterbox, self.clock, self.keep_frames = running, queues, letterbox, clock, keep_frames
        self.pending, self.message_of, self.embedding_of = pipeline.Answers(), pipeline.detections_of, record.embedding_of
        self.frames = collections.OrderedDict()

    def face(self, detection):
        corners = [rectangle.unletterbox(x, y, self.letterbox) for x, y in ((detection.xmin, detection.ymin), (detection.xmax, detection.ymax))]
        points = [rectangle.unletterbox(p.x, p.y, self.letterbox) for p in detection.getKeypoints2f()]
        return corners[0] + corners[1], detection.confidence, points

    def pixels_of(self, number):
        """The frame of that number, for drawing; None where it was dropped."""
        for frame in self.queues.frames.tryGetAll():
            self.frames[frame.getSequenceNum()] = frame
        while len(self.frames) > 8:
            self.frames.popitem(last=False)
        return self.frames[number].getCvFrame() if number in self.frames else None

    def steps(self):
        while self.running():
            message = self.queues.faces.tryGet()
            if message is None:
                time.sleep(0.002)
                yield None  # nothing new to see; answers may have come
                continue
            number = message.getSequenceNum()
            # Points that are no face get no answer from the Script: they are not asked about.
            found = [(self.face(d), d) for d in message.detections]
            found = [(face, d) for face, d in found if rectangle.rectangle(face[2]) is not None]
            yield Step(number, self.pixels_of(number) if self.keep_frames else None, [face for face, _ in found], [d for _, d in found],
                       (self.clock() - message.getTimestamp()).total_seconds())

    def ask(self, step, keys, detections):
        self.pending.asked(step.number, keys)
        self.queues.ask.send(self.message_of(detections, step.number))

    def answers(self):
        for nndata in self.queues.embeddings.tryGetAll():
            key = self.pending.key_of(nndata.getSequenceNum())
            if key is not None:
                yield key, self.embedding_of(nndata)
