"""An archived SCRFD detector through ONNX Runtime and depthai-nodes' own decoding, against `arcface detect` on the same pixels.

    validate_detector.py FILE.tar.xz ARCFACE DETECTOR PHOTO

Fails where the two do not find the same faces, or landmarks that are more than 0.01 pixels apart; skipped where depthai-nodes is not there.
"""
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import numpy as np


def main():
    path, arcface, detector, photo = sys.argv[1:]
    try:
        import cv2
        import onnxruntime
        from depthai_nodes.node.parsers.utils.scrfd import compute_anchor_centers, compute_scrfd_detections
    except ImportError as missing:
        print(f"detector: skipped: no {missing.name or missing}")
        return
    with tarfile.open(path) as tar:
        model = json.load(tar.extractfile("config.json"))["model"]
        network = tar.extractfile(model["metadata"]["path"]).read()
    settings, (height, width) = model["heads"][0]["metadata"], model["inputs"][0]["shape"][2:]
    image = cv2.imread(photo)
    scale = min(height / image.shape[0], width / image.shape[1])
    image = cv2.resize(image, None, fx=scale, fy=scale)
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    session = onnxruntime.InferenceSession(network)
    pixels = {"images": canvas.transpose(2, 0, 1)[None].astype(np.float32)}
    out = dict(zip([o.name for o in session.get_outputs()], session.run(None, pixels)))
    strides, anchors = settings["feat_stride_fpn"], settings["num_anchors"]
    found = compute_scrfd_detections(
        scores_concatenated=[out[f"score_{s}"].flatten() for s in strides],
        bboxes_concatenated=[out[f"bbox_{s}"].reshape(-1, 4) for s in strides],
        kps_concatenated=[out[f"kps_{s}"].reshape(-1, 10) for s in strides],
        feat_stride_fpn=strides, input_size=(height, width), num_anchors=anchors, score_threshold=settings["conf_threshold"],
        nms_threshold=settings["iou_threshold"], anchors=compute_anchor_centers(strides, (height, width), anchors))
    theirs = np.array(sorted((found[2] * [width, height]).reshape(-1, 10).tolist()))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "canvas.png")
        cv2.imwrite(file, canvas)
        command = [arcface, "detect", file, "--detector", detector, "--size", str(max(height, width)), "--json"]
        faces = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]["faces"]
    ours = np.array(sorted(np.array(face["landmarks"]).reshape(-1).tolist() for face in faces))
    apart = np.abs(ours - theirs).max() if ours.shape == theirs.shape and len(ours) else np.inf
    print(f"detector: depthai-nodes finds {len(theirs)} faces, arcface {len(ours)}; landmarks at most {apart:.5f} pixels apart"
          f"{'' if apart <= 0.01 else ' FAILED'}")
    sys.exit(not apart <= 0.01)


if __name__ == "__main__":
    main()
