#!/usr/bin/env python3
"""An IResNet with fewer channels: narrow_iresnet.py R18.onnx DIVISOR OUT.onnx

Every layer keeps the first of its channels, one in DIVISOR, and its name. The zoo draws weights with one deviation whatever
their number, so what is left is the untrained network of the smaller width; `arcface train --init` takes it. For proofs that
shall end in minutes on two cores. Needs onnx and NumPy.
"""
import sys

import numpy as np
import onnx
from onnx import numpy_helper

WIDTHS = (64, 128, 256, 512)
POSITIONS = 49  # 7 x 7 behind the last stage


def narrowed(name, x, divisor):
    if name == "fc.weight":  # [dim][channel][7][7]
        return x.reshape(len(x), -1, POSITIONS)[:, : WIDTHS[-1] // divisor].reshape(len(x), -1)
    if name.startswith(("fc.", "features.")):
        return x
    axes = [slice(size // divisor) if axis < 2 and size in WIDTHS else slice(None) for axis, size in enumerate(x.shape)]
    return x[tuple(axes)]


def main(source, divisor, target):
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        x = numpy_helper.to_array(tensor)
        y = np.ascontiguousarray(narrowed(tensor.name, x, int(divisor)))
        tensor.CopyFrom(numpy_helper.from_array(y, tensor.name))
    del model.graph.value_info[:]
    kept = [p for p in model.metadata_props if p.key != "arcface.selftest"]  # its answer was the wide network's
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
