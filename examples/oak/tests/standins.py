"""Nodes of this machine in place of those that only a device has, so that pipeline.build runs whole: a network by ONNX Runtime, a
Script in a thread, ImageManip on the host, frames from memory."""
import threading

import depthai as dai
import numpy as np


class Frames(dai.node.ThreadedHostNode):
    """Sends a picture, BGR, under the next number whenever `turn` is released."""

    def __init__(self):
        super().__init__()
        self.out, self.picture, self.frame_type, self.turn = self.createOutput(), None, None, threading.Semaphore(1)

    def run(self):
        number = 0
        while self.isRunning():
            if self.turn.acquire(timeout=0.1):
                self.out.send(frame_of(self.picture, number, self.frame_type))
                number += 1


class Network(dai.node.ThreadedHostNode):
    """The network of a source archive."""

    def __init__(self):
        super().__init__()
        self.input, self.out = self.createInput("input"), self.createOutput()

    def open(self, archive):
        import onnxruntime

        self.session = onnxruntime.InferenceSession(bytes(archive.getOtherModelFormat()), providers=["CPUExecutionProvider"])
        self.names = [o.name for o in self.session.get_outputs()]
        self.size = tuple(archive.getInputSize())
        self.sizes = []

    def run(self):
        while self.isRunning():
            frame = self.input.get()
            pixels = frame.getCvFrame()
            self.sizes.append((frame.getWidth(), frame.getHeight(), frame.getType()))
            tensor = pixels.transpose(2, 0, 1)[None].astype(np.float32)
            result = dai.NNData()
            for name, values in zip(self.names, self.session.run(None, {"images": tensor})):
                result.addTensor(name, values, dai.TensorInfo.DataType.FP32)
            result.setBufferMetadataFrom(frame)
            self.out.send(result)


class Script(dai.node.ThreadedHostNode):
    """Runs the text of a Script node with what the camera gives it: `node` and depthai's names, and nothing else of this process."""

    def __init__(self):
        super().__init__()
        self.inputs = {name: self.createInput(name, blocking=False, queueSize=4) for name in ("frame", "faces")}
        self.outputs = {name: self.createOutput(name) for name in ("config", "image")}

    def run(self):
        names = {name: getattr(dai, name) for name in ("ImageManipConfig", "RotatedRect")}
        try:
            exec(compile(self.source, "script", "exec"), {**names, "node": self})
        except dai.MessageQueue.QueueException:
            pass  # the pipeline has ended


class OnHost:
    """pipeline.OnDevice's functions."""

    def __init__(self):
        self.networks, self.scripts = [], []

    def network(self, pipeline, frames, archive):
        node = pipeline.create(Network)
        node.open(archive)
        frames.link(node.input)
        self.networks.append(node)
        return node

    def script(self, pipeline, source):
        node = pipeline.create(Script)
        node.source = source
        self.scripts.append(node)
        return node

    def manip(self, pipeline):
        node = pipeline.create(dai.node.ImageManip)
        node.setRunOnHost(True)
        return node


def frame_of(pixels, number=0, frame_type=None):
    frame = dai.ImgFrame()
    frame.setCvFrame(pixels, frame_type or dai.ImgFrame.Type.BGR888i)
    frame.setSequenceNum(number)
    frame.setTimestamp(dai.Clock.now())
    return frame


def manip_crops(pixels, configs, frame_type=None):
    """What ImageManip on the host makes of a picture with each config: BGR pictures."""
    crops = []
    with dai.Pipeline(createImplicitDevice=False) as pipeline:
        manip = pipeline.create(dai.node.ImageManip)
        manip.setRunOnHost(True)
        manip.setMaxOutputFrameSize(3 * 112 * 112 + 4096)
        manip.inputConfig.setWaitForMessage(True)
        images, settings, out = manip.inputImage.createInputQueue(), manip.inputConfig.createInputQueue(), manip.out.createOutputQueue()
        pipeline.start()
        for i, config in enumerate(configs):
            config.setReusePreviousImage(i > 0)
            settings.send(config)
            if i == 0:
                images.send(frame_of(pixels, 0, frame_type))
            crops.append(out.get().getCvFrame())
    return crops
