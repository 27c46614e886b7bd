"""A conversion kit through what its makers' tools do before the container starts, without docker and without a device.

    validate_kit.py FOLDER

modelconverter's configuration from both YAML files and from the archive with README.md's overrides; its own reader of calibration
pictures; its optimizer of ONNX files, which runs in the container; ONNX Runtime on the reference pictures. Fails where one
refuses the kit, or an embedding is further from reference/embeddings.npy than 1e-6 of cosine. What is not there is skipped by
name.
"""
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy
from PIL import Image


def cosine(a, b):
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b))


def reference(folder):
    names = (folder / "reference/names.txt").read_text().split("\n")[:-1]
    pictures = [numpy.asarray(Image.open(folder / f"reference/{name}.png").convert("RGB"))[..., ::-1] for name in names]
    tensors = [numpy.ascontiguousarray(picture.transpose(2, 0, 1)[None], numpy.float32) for picture in pictures]
    return tensors, numpy.load(folder / "reference/embeddings.npy")


def least_cosine(model, tensors, embeddings):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return min(cosine(session.run(["output"], {"images": t})[0][0], e) for t, e in zip(tensors, embeddings))


def check_stage(stage, dim, calibrated):
    """Nothing is exchanged, normalised or resized once more."""
    (image,), (output,) = stage.inputs, stage.outputs
    assert (image.name, image.shape[:2], image.layout, output.name, output.shape) == ("images", [1, 3], "NCHW", "output", [1, dim])
    assert image.encoding.from_ == image.encoding.to == type(image.encoding.to).BGR
    assert image.mean_values == [0, 0, 0] and image.scale_values == [1, 1, 1]
    assert image.data_type.value == output.data_type.value == "float32"
    assert hasattr(image.calibration, "path") == calibrated, image.calibration
    return image


def modelconverter(folder, tensors, embeddings):
    from modelconverter.cli.utils import get_configs
    from modelconverter.utils import ONNXModifier
    from modelconverter.utils.image import read_calib_dir, read_image
    from modelconverter.utils.types import Platform

    dim = embeddings.shape[1]
    with tempfile.TemporaryDirectory() as work:  # it unpacks into the folder in which it runs
        work = Path(work)
        os.chdir(work)
        for name in os.listdir(folder):  # the kit, with calibration.zip unpacked beside it
            os.symlink(folder / name, work / name)
        zipfile.ZipFile("calibration.zip").extractall("calibration")
        for platform, yaml in ((Platform.RVC2, "rvc2.yaml"), (Platform.RVC4, "rvc4.yaml")):
            config, _, _ = get_configs(platform, str(work / yaml))
            check_stage(config.get_stage_config(None), dim, platform is Platform.RVC4)
            print(f"kit: modelconverter reads {yaml}")
        overrides = ["calibration.path", "./calibration", "rvc4.quantization_mode", "INT8_STANDARD"]
        config, archive, _ = get_configs(Platform.RVC4, str(work / "arcface.tar.xz"), overrides)
        image = check_stage(config.get_stage_config(None), dim, True)
        assert [head.parser for head in archive.model.heads] == ["EmbeddingsParser"]
        paths = read_calib_dir(image.calibration.path)
        first = read_image(paths[0], image.shape, image.encoding.to, image.calibration.resize_method, image.data_type)
        own = numpy.asarray(Image.open(paths[0]).convert("RGB"))[..., ::-1].transpose(2, 0, 1)
        assert first.shape == tuple(image.shape[1:]) and (first == own).all(), "calibration pictures are changed"
        print(f"kit: modelconverter reads arcface.tar.xz, its head and {len(paths)} pictures to calibrate on")
        optimized = work / "optimized.onnx"
        modifier = ONNXModifier(model_path=work / "arcface.onnx", output_path=optimized)
        kept = modifier.modify_onnx() and modifier.compare_outputs()
        if not kept:
            print("kit: modelconverter keeps the ONNX file as it is")
            return True
        least = least_cosine(optimized, tensors, embeddings)
        print(f"kit: after modelconverter's ONNX optimizations least cosine {least:.9f}")
        return least >= 1 - 1e-6


def main():
    folder, failed = Path(sys.argv[1]).resolve(), False
    tensors, embeddings = reference(folder)
    try:
        least = least_cosine(folder / "arcface.onnx", tensors, embeddings)
        print(f"kit: ONNX Runtime on {len(tensors)} reference pictures, least cosine {least:.9f}")
        failed |= least < 1 - 1e-6
    except ImportError:
        print("kit: ONNX Runtime skipped: not there")
    try:
        failed |= not modelconverter(folder, tensors, embeddings)
    except ImportError as missing:
        print(f"kit: modelconverter skipped: no {missing.name or missing}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
