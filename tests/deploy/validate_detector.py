"""An archived detector through ONNX Runtime and depthai-nodes' own decoding, against `arcface detect` on the same pixels.

    validate_detector.py FILE.tar.xz ARCFACE DETECTOR PHOTO...

Fails where the two do not find the same faces, or landmarks that are more than 0.01 pixels apart before YuNetParser cuts them to whole pixels; skipped
where depthai-nodes is not there. The head's parsers of depthai-nodes and of depthai run too, as nodes of a pipeline without a device.
"""
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import numpy as np


def canvas_of(cv2, photo, height, width):
    image = cv2.imread(photo)
    scale = min(height / image.shape[0], width / image.shape[1])
    image = cv2.resize(image, None, fx=scale, fy=scale)
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    return canvas


def scrfd(out, settings, height, width):
    """Landmarks in pixels, [faces, 10]."""
    from depthai_nodes.node.parsers.utils.scrfd import compute_anchor_centers, compute_scrfd_detections

    strides, anchors = settings["feat_stride_fpn"], settings["num_anchors"]
    found = compute_scrfd_detections(
        scores_concatenated=[out[f"score_{s}"].flatten() for s in strides],
        bboxes_concatenated=[out[f"bbox_{s}"].reshape(-1, 4) for s in strides],
        kps_concatenated=[out[f"kps_{s}"].reshape(-1, 10) for s in strides],
        feat_stride_fpn=strides, input_size=(height, width), num_anchors=anchors, score_threshold=settings["conf_threshold"],
        nms_threshold=settings["iou_threshold"], anchors=compute_anchor_centers(strides, (height, width), anchors))
    return (found[2] * [width, height]).reshape(-1, 10)


def yunet(out, settings, height, width):
    from depthai_nodes.node.parsers.utils.nms import nms_cv2
    from depthai_nodes.node.parsers.utils.yunet import decode_and_prune_detections, generate_anchors

    boxes, marks, scores = decode_and_prune_detections(
        input_size=(width, height), loc=out["loc"], conf=out["conf"], iou=out["iou"], conf_threshold=settings["conf_threshold"],
        anchors=generate_anchors((width, height)))
    kept = nms_cv2(bboxes=boxes / [width, height, width, height], scores=scores.flatten(), conf_threshold=settings["conf_threshold"],
                   iou_threshold=settings["iou_threshold"], max_det=settings["max_det"]) if len(boxes) else []
    return marks[kept]


def by_the_nodes(path, head, model, out):
    """How many faces the parsers of depthai-nodes and of depthai itself find as nodes, or why one could not be asked."""
    import depthai

    def theirs(pipeline):
        from depthai_nodes import node
        return pipeline.create(getattr(node, head["parser"])).build(
            {**head["metadata"], "outputs": head["outputs"], "model_inputs": model["inputs"], "model_outputs": model["outputs"]})

    def own(pipeline):
        parser = pipeline.create(getattr(depthai.beta.node, head["parser"]))
        parser.setNNArchive(depthai.NNArchive(path))
        return parser

    found = {}
    for name, make in (("depthai-nodes", theirs), ("depthai", own)):
        try:
            with depthai.Pipeline(createImplicitDevice=False) as pipeline:
                parser = make(pipeline)
                if head["parser"] == "SCRFDParser":
                    height, width = model["inputs"][0]["shape"][2:]
                    parser.setInputSize(*([(width, height)] if name == "depthai-nodes" else [width, height]))
                send, receive = parser.input.createInputQueue(), parser.out.createOutputQueue()
                pipeline.start()
                message = depthai.NNData()
                for layer in head["outputs"]:
                    message.addTensor(layer, out[layer].astype(np.float32), dataType=depthai.TensorInfo.DataType.FP32)
                send.send(message)
                found[name] = len(receive.get().detections)
        except Exception as why:  # what a foreign program raises is not ours to know
            found[name] = f"not asked: {str(why)[:120]}"
    return found


def main():
    path, arcface, detector, *photos = sys.argv[1:]
    try:
        import cv2
        import depthai_nodes  # noqa: F401
        import onnxruntime
    except ImportError as missing:
        print(f"detector: skipped: no {missing.name or missing}")
        return
    with tarfile.open(path) as tar:
        model = json.load(tar.extractfile("config.json"))["model"]
        network = tar.extractfile(model["metadata"]["path"]).read()
    head, (height, width) = model["heads"][0], model["inputs"][0]["shape"][2:]
    decode = {"SCRFDParser": scrfd, "YuNetParser": yunet}[head["parser"]]
    session, failed = onnxruntime.InferenceSession(network), False
    for photo in photos:
        canvas = canvas_of(cv2, photo, height, width)
        pixels = {"images": canvas.transpose(2, 0, 1)[None].astype(np.float32)}
        out = dict(zip([o.name for o in session.get_outputs()], session.run(None, pixels)))
        theirs = np.array(sorted(decode(out, head["metadata"], height, width).tolist()))
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "canvas.png")
            cv2.imwrite(file, canvas)
            command = [arcface, "detect", file, "--detector", detector, "--size", str(max(height, width)), "--one-look", "--json"]
            faces = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]["faces"]
        ours = np.array(sorted(np.array(face["landmarks"]).reshape(-1).tolist() for face in faces))
        apart = np.abs(ours - theirs).max() if ours.shape == theirs.shape and len(ours) else float(ours.shape != theirs.shape)
        nodes = by_the_nodes(path, head, model, out)
        bad = not apart <= 0.01 or any(isinstance(n, int) and n != len(theirs) for n in nodes.values())
        print(f"detector: {head['parser']}, {os.path.basename(photo)}: {len(theirs)} faces, arcface {len(ours)}, as nodes {nodes}; "
              f"landmarks at most {apart:.5f} pixels apart{' FAILED' if bad else ''}")
        failed |= bad
    sys.exit(failed)


if __name__ == "__main__":
    main()
