"""The pipeline on the camera: frames -> SCRFD -> a crop for each face that the host asks for -> ArcFace -> EmbeddingsParser.

    frames --> letterbox --> detector --> SCRFDParser --> host: tracks (app.py)
       |                                                    |
       +-----> Script: rectangle.py, crop_script.py <-------+ the points of the faces to embed
                 |
                 +--> ImageManip: the rotated rectangle --> embedder --> EmbeddingsParser --> host

Every queue is short, and those of frames and faces drop their oldest message instead of waiting: what is seen is a few frames old.
"""
import collections
import os

import depthai as dai

import rectangle

KEPT_FRAMES = 6  # that wait on the camera for the host's answer; the camera's pool has to hold them beside those that it fills
POOL_FRAMES = KEPT_FRAMES + 4

Queues = collections.namedtuple("Queues", "frames faces ask embeddings")


def script_source(letterbox, most_faces):
    """The text of the Script node."""
    here = os.path.dirname(os.path.abspath(__file__))
    parts = []
    for name in ("rectangle.py", "crop_script.py"):
        with open(os.path.join(here, name), encoding="utf-8") as file:
            parts.append(file.read())
    constants = f"LETTERBOX = {tuple(map(float, letterbox))!r}\nMOST_FACES = {most_faces}\nKEPT_FRAMES = {KEPT_FRAMES}\n"
    return parts[0] + "\n\n" + constants + "\n\n" + parts[1]


def input_of(archive):
    """(width, height, ImgFrame type or None) of an archive's network."""
    size, told = archive.getInputSize(), archive.getConfig().model.inputs[0].preprocessing.daiType
    if not size:
        raise ValueError("the archive's config.json has no input size that DepthAI can read: arcface archive verify says why")
    return (*size, getattr(dai.ImgFrame.Type, told) if told else None)


class OnDevice:
    """The nodes that only a device has. The tests have others of the same functions."""

    def network(self, pipeline, frames, archive):
        """A network with its port `input` and its output `out`."""
        return pipeline.create(dai.node.NeuralNetwork).build(frames, archive)

    def script(self, pipeline, source):
        node = pipeline.create(dai.node.Script)
        node.setScript(source)
        return node

    def manip(self, pipeline):
        return pipeline.create(dai.node.ImageManip)


def build(pipeline, frames, size, frame_type, detector, embedder, most_faces, nodes=None):
    """Everything behind the frames, an output of pictures of `size` (width, height) and `frame_type`. detector, embedder: archives.
    nodes: OnDevice. Queues: frames, faces (dai.ImgDetections), ask (the faces to embed go in), embeddings (dai.NNData)."""
    nodes = nodes or OnDevice()
    width, height, detector_type = input_of(detector)
    side_x, side_y, embedder_type = input_of(embedder)
    if (side_x, side_y) != (rectangle.SIDE, rectangle.SIDE):
        raise ValueError(f"the embedder's archive takes {side_x} x {side_y} pixels, not 112 x 112: this application aligns to 112 x 112")
    letterbox = nodes.manip(pipeline)
    letterbox.initialConfig.setOutputSize(width, height, dai.ImageManipConfig.ResizeMode.LETTERBOX)
    letterbox.initialConfig.setFrameType(detector_type or frame_type)
    letterbox.setMaxOutputFrameSize(3 * width * height + 4096)
    newest(letterbox.inputImage, 1)
    frames.link(letterbox.inputImage)
    finder = nodes.network(pipeline, letterbox.out, detector)
    newest(finder.input, 2)
    parser = pipeline.create(dai.beta.node.SCRFDParser).build(finder.out, detector)

    script = nodes.script(pipeline, script_source(rectangle.letterbox_of(*size, width, height), most_faces))
    frames.link(script.inputs["frame"])
    newest(script.inputs["frame"], 2)
    ask = script.inputs["faces"].createInputQueue(maxSize=2, blocking=False)

    crop = nodes.manip(pipeline)
    crop.initialConfig.setFrameType(embedder_type or frame_type)
    crop.setMaxOutputFrameSize(3 * side_x * side_y + 4096)
    crop.inputConfig.setWaitForMessage(True)
    script.outputs["config"].link(crop.inputConfig)
    script.outputs["image"].link(crop.inputImage)
    describer = nodes.network(pipeline, crop.out, embedder)
    embeddings = pipeline.create(dai.beta.node.EmbeddingsParser).build(describer.out, embedder)
    # From here on nothing is dropped: an answer is known by its frame and its place among the answers. The Script waits instead, and
    # meanwhile drops frames.
    for port in (crop.inputConfig, crop.inputImage, describer.input):
        port.setBlocking(True)
        port.setMaxSize(most_faces)
    return Queues(frames.createOutputQueue(maxSize=KEPT_FRAMES, blocking=False), parser.out.createOutputQueue(maxSize=2, blocking=False),
                  ask, embeddings.out.createOutputQueue(maxSize=2 * most_faces, blocking=True))


def newest(port, most):
    """A port that keeps so many messages and drops the oldest."""
    port.setBlocking(False)
    port.setMaxSize(most)


def camera_frames(pipeline, device, size, fps, video=None):
    """(output, frame type): the camera's, or a recorded video's as if the camera had seen it."""
    frame_type = dai.ImgFrame.Type.BGR888i if device.getPlatform() == dai.Platform.RVC4 else dai.ImgFrame.Type.BGR888p
    if video:
        replay = pipeline.create(dai.node.ReplayVideo)
        replay.setReplayVideoFile(video)
        replay.setOutFrameType(frame_type)
        replay.setSize(*size)
        replay.setFps(fps)
        replay.setLoop(False)
        return replay.out, frame_type
    camera = pipeline.create(dai.node.Camera).build()
    camera.setOutputsNumFramesPool(POOL_FRAMES)
    return camera.requestOutput(size, type=frame_type, fps=fps), frame_type


def open_device(name=None):
    return dai.Device(dai.DeviceInfo(name)) if name else dai.Device()


def load_archive(path, device=None):
    """A local archive. With a device it must have been compiled for it; nothing is fetched from anywhere."""
    archive = dai.NNArchive(path)
    if device is not None and device.getPlatform() not in archive.getSupportedPlatforms():
        raise ValueError(f"{path} is not compiled for {device.getPlatform().name}: convert the source archive with modelconverter or "
                         "HubAI (docs/DEPLOY.md)")
    return archive


def detections_of(faces, number):
    """The message that asks for embeddings: dai.ImgDetections of some of the faces of frame `number`."""
    message = dai.ImgDetections()
    message.detections = faces
    message.setSequenceNum(number)
    return message


class Answers:
    """Whose embedding each dai.NNData is. They come in the order of the questions, under the number of the frame; frames that were
    dropped on the way have no answer, and neither have questions before one that is answered."""

    def __init__(self):
        self.open = collections.deque()

    def asked(self, number, keys):
        self.open.append((number, collections.deque(keys)))
        while len(self.open) > 64:
            self.open.popleft()

    def key_of(self, number):
        while self.open and (self.open[0][0] < number or not self.open[0][1]):
            self.open.popleft()
        if self.open and self.open[0][0] == number:
            return self.open[0][1].popleft()
        return None


def embed_crops(paths, archive, device_name, load_picture):
    """Yields (path, dai.NNData) for aligned crops, one after the other, from the network of an archive on a device."""
    with dai.Pipeline(open_device(device_name)) as pipeline:
        loaded = load_archive(archive, pipeline.getDefaultDevice())
        width, height, frame_type = input_of(loaded)
        network = pipeline.create(dai.node.NeuralNetwork)
        network.setNNArchive(loaded)
        crops, answers = network.input.createInputQueue(), network.out.createOutputQueue()
        pipeline.start()
        for number, path in enumerate(paths):
            pixels = load_picture(path)
            if pixels.shape[:2] != (height, width):
                raise ValueError(f"{path} is {pixels.shape[1]} x {pixels.shape[0]}, the network takes {width} x {height}: align it first (arcface align)")
            frame = dai.ImgFrame()
            frame.setCvFrame(pixels, frame_type or dai.ImgFrame.Type.BGR888p)
            frame.setSequenceNum(number)
            crops.send(frame)
            yield path, answers.get()
