#!/usr/bin/env python3
"""One exported file in every toolchain that is installed, against ONNX Runtime on the model that it was made from.

    validate.py NAME OWN.onnx EXPORTED.onnx DATA

OWN.onnx: the model as arcface converts it, with its contract in the metadata. DATA/celeba-224: photos of faces; without them pictures are drawn.
Prints the least cosine of each toolchain, which is to be 1 - 1e-6 or more; exports with --fp16 are compared with the model whose weights were rounded
likewise. What is below says MISSED where the toolchain misses it with the model itself, without any export, and loses at most twice as much with the
export; otherwise FAILED, and the exit status is 1.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

LEAST = 1 - 1e-6
MOST_LOSS = 2  # of an export, in times of what the toolchain loses with the model itself
PICTURES = 8
ENDS = ("images", "output")


def pictures(data, height, width):
    """[PICTURES,3,height,width] BGR 0..255"""
    files = sorted(glob.glob(os.path.join(data, "celeba-224", "*", "*")))[:: 37][:PICTURES]
    try:
        import cv2
    except ImportError:
        cv2 = None
    if cv2 and len(files) == PICTURES:
        return np.stack([cv2.resize(cv2.imread(f), (width, height), interpolation=cv2.INTER_AREA).transpose(2, 0, 1) for f in files])
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return np.stack([(127 + 90 * np.sin(y * 0.05 + i + c) * np.cos(x * 0.06 - i)).astype(np.uint8).transpose(2, 0, 1) for i in range(PICTURES)])


def divisor(scale):
    """1 / scale as it was written: the shortest decimal whose float32 reciprocal is scale."""
    for digits in range(5):
        plain = np.float32(round(1 / float(scale), digits))
        if plain and np.float32(1) / plain == scale:
            return plain
    return np.float32(1 / float(scale))


def own_input(session, bgr):
    """What the model's contract makes of the pixels."""
    meta = session.get_modelmeta().custom_metadata_map
    x = bgr.astype(np.float32)
    if meta["arcface.color"] == "rgb":
        x = x[:, ::-1]
    for c in range(3):
        mean = np.float32(meta["arcface.mean"].split(",")[c])
        x[:, c] = (x[:, c] - mean) / divisor(np.float32(meta["arcface.scale"].split(",")[c]))
    return np.ascontiguousarray(x)


def ort(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def pieces(x, batch):
    return [np.ascontiguousarray(x[i : i + batch]) for i in range(0, len(x), batch)]


def in_onnxruntime(path, x, batch, ends=ENDS):
    session = ort(path)
    return np.concatenate([session.run([ends[1]], {ends[0]: piece})[0] for piece in pieces(x, batch)])


def in_openvino(path, x, batch, ends=ENDS):
    import openvino

    # by default OpenVINO lowers precision on processors that have bfloat16
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([compiled({ends[0]: piece})[ends[1]].copy() for piece in pieces(x, batch)])


def in_opencv(path, x, batch, ends=ENDS):
    import cv2

    net = cv2.dnn.readNetFromONNX(path)
    rows = []
    for piece in pieces(x, batch):
        net.setInput(piece)
        rows.append(net.forward(ends[1]).copy())
    return np.concatenate(rows)


# A process of its own: ncnn's threads and those of the other toolchains do not bear each other. Arguments: folder.
NCNN = """
import sys, ncnn, numpy
net = ncnn.Net()
net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
net.load_param(sys.argv[1] + "/face.ncnn.param")
net.load_model(sys.argv[1] + "/face.ncnn.bin")
rows = []
for picture in numpy.load(sys.argv[1] + "/pictures.npy"):
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(numpy.ascontiguousarray(picture)).clone())
    code, row = extractor.extract("out0")
    rows.append(numpy.array(row).reshape(-1).copy())
    del extractor
numpy.save(sys.argv[1] + "/rows.npy", numpy.stack(rows))
"""


def in_ncnn(path, x, batch, ends=ENDS):
    import importlib.util

    if not importlib.util.find_spec("ncnn"):
        raise ImportError("ncnn")
    pnnx = shutil.which("pnnx", path=os.path.dirname(sys.executable)) or shutil.which("pnnx")
    if not pnnx:
        raise ImportError("pnnx")
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, os.path.join(folder, "face.onnx"))
        done = subprocess.run(
            [pnnx, copy, "inputshape=[1,%s]" % ",".join(str(n) for n in x.shape[1:]), "fp16=0"],
            cwd=folder, capture_output=True, text=True, timeout=600,
        )
        if not os.path.exists(os.path.join(folder, "face.ncnn.param")):
            raise RuntimeError("pnnx wrote nothing: " + (done.stderr or done.stdout)[-200:])
        np.save(os.path.join(folder, "pictures.npy"), x.astype(np.float32))
        done = subprocess.run([sys.executable, "-c", NCNN, folder], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"ncnn ended with {done.returncode}: {done.stderr[-200:]}")
        return np.load(os.path.join(folder, "rows.npy"))


def cosine(a, b):
    """The least of two sets of rows; -1 where one has other rows than the other."""
    if a.shape != b.shape:
        return -1.0
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.min((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)))


def halved(path):
    """The model with the weights that --fp16 stores in half precision rounded so: what rounding alone costs is no toolchain's fault."""
    import onnx

    model = onnx.load(path)
    for tensor in model.graph.initializer:
        weights = onnx.numpy_helper.to_array(tensor)
        if weights.dtype == np.float32 and weights.ndim >= 2 and weights.size >= 256 and np.abs(weights).max() <= 65504:
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights.astype(np.float16).astype(np.float32), tensor.name))
    rounded = path + ".half"
    onnx.save(model, rounded)
    return rounded


def as_the_model_itself(run, own, normal, exported, x, batch, ends, want, told):
    """Whether what is missed is the toolchain's doing: it misses it with the model itself too (an operator that it lacks, 8-bit arithmetic of its own,
    ranges of a whole batch), and the export does not lose much more there than the model does."""
    try:
        itself = run(own, normal, batch, ends)
    except Exception:  # as above
        try:
            run(exported, x, batch)
        except Exception:
            return "MISSED", f"{told}; it can't run the model itself either"
        return "FAILED", f"{told}; it can't run the model itself"
    itself = itself.reshape(len(itself), -1)
    theirs = cosine(want, itself)
    try:
        rows = run(exported, x, batch)
    except Exception:
        return "FAILED", f"{told}; the model itself {theirs:.9f}"
    toolchain = theirs < LEAST and 1 - cosine(want, rows) <= MOST_LOSS * (1 - theirs)
    return "MISSED" if toolchain else "FAILED", f"{told}; the model itself {theirs:.9f}, export to that {cosine(itself, rows):.9f}"


def main():
    name, own, exported, data = sys.argv[1:]
    reference = ort(own)
    images = ort(exported).get_inputs()[0]
    assert images.name == "images", images.name
    pixels = pictures(data, *images.shape[2:])
    normal = own_input(reference, pixels)
    x = normal if "--raw" in name else pixels.astype(np.uint8 if "uint8" in images.type else np.float32)
    feed, batch = reference.get_inputs()[0].name, images.shape[0] if isinstance(images.shape[0], int) else 2
    want = np.concatenate([reference.run(None, {feed: one[None]})[0].reshape(1, -1) for one in normal])
    if "--fp16" in name:
        half = ort(halved(own))
        exact, want = want, np.concatenate([half.run(None, {feed: one[None]})[0].reshape(1, -1) for one in normal])
        rounding = cosine(exact, want)
        print(f"{name}: half weights {'' if rounding >= LEAST else 'MISSED '}{rounding:.9f} to the weights as they were, in any toolchain")
        own += ".half"
    ends, failed = (feed, reference.get_outputs()[0].name), False
    for label, run in (("ONNX Runtime", in_onnxruntime), ("OpenVINO", in_openvino), ("OpenCV", in_opencv), ("ncnn", in_ncnn)):
        if label == "ncnn" and (batch != 1 or x.dtype == np.uint8):
            continue  # its pictures are single and float
        try:
            least = cosine(want, run(exported, x, batch))
            verdict, told = "" if least >= LEAST else "FAILED", f"{least:.9f}"
        except ImportError as missing:
            print(f"{name}: {label} skipped: no {missing.name or missing}")
            continue
        except Exception as error:  # a toolchain's own exceptions have no common base
            verdict, told = "FAILED", " ".join(str(error).split())[:80]
        if verdict:
            verdict, told = as_the_model_itself(run, own, normal, exported, x, batch, ends, want, told)
        print(f"{name}: {label} {verdict} {told}" if verdict else f"{name}: {label} {told}", flush=True)
        failed |= verdict == "FAILED"
    sys.exit(failed)


main()
