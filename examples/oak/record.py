"""What a device's network gave, kept in a file: nndata.json, which `arcface compare` reads, and back.

A recording is a JSON list of messages in the order in which they came:

    [{"name": "crop-0001.png", "sequence": 17, "tensors": [
        {"name": "output", "dims": [1, 512], "dataType": "I8", "quantization": true, "qpScale": 0.02, "qpZp": 3,
         "data": "<base64, little-endian>"}]}]

`name` is the picture's, where one was sent; the others are depthai's TensorInfo. Quantized: value = (number - qpZp) * qpScale.

    python record.py CROP.png... --archive face.rvc4.tar.xz -o nndata.json      # needs a device
"""
import argparse
import base64
import json
import os

import numpy as np

from identities import write_file

TYPES = {"FP16": "<f2", "U8F": "u1", "INT": "<i4", "FP32": "<f4", "I8": "i1", "FP64": "<f8"}


def message(nndata, name=None):
    """A dai.NNData as a message of a recording."""
    whole, tensors = bytes(nndata.getData()), []
    for info in nndata.getAllLayers():
        kind = info.dataType.name
        count = int(np.prod(info.dims)) * np.dtype(TYPES[kind]).itemsize
        tensor = {"name": info.name, "dims": list(info.dims), "dataType": kind,
                  "data": base64.b64encode(whole[info.offset : info.offset + count]).decode()}
        if info.quantization:
            tensor.update(quantization=True, qpScale=info.qpScale, qpZp=info.qpZp)
        tensors.append(tensor)
    told = {"sequence": nndata.getSequenceNum(), "tensors": tensors}
    return {"name": name, **told} if name else told


def save(messages, path):
    write_file(os.path.abspath(path), lambda file: file.write(json.dumps(messages).encode()))


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def tensor_of(told, name="output"):
    """A tensor of a message, dequantized: float32 of its dimensions."""
    for tensor in told["tensors"]:
        if tensor["name"] == name or len(told["tensors"]) == 1:
            values = np.frombuffer(base64.b64decode(tensor["data"]), TYPES[tensor["dataType"]]).reshape(tensor["dims"])
            values = values.astype(np.float32)
            return (values - tensor["qpZp"]) * np.float32(tensor["qpScale"]) if tensor.get("quantization") else values
    raise ValueError(f"the message has no tensor {name}, but {', '.join(t['name'] for t in told['tensors'])}")


def embedding_of(nndata, name="output"):
    """The embedding in a dai.NNData, dequantized: float32 [dim]. No parser does that."""
    return np.asarray(nndata.getTensor(name, dequantize=True), np.float32).reshape(-1)


def main():
    parser = argparse.ArgumentParser(description="What a device's network gives for aligned crops, as `arcface compare` reads it.")
    parser.add_argument("crops", nargs="+", help="pictures of the network's input size, such as the reference inputs of a conversion kit")
    parser.add_argument("--archive", required=True, help="the compiled NN Archive (.rvc2.tar.xz or .rvc4.tar.xz)")
    parser.add_argument("--device", help="address or id of the device (default: the first one)")
    parser.add_argument("-o", "--output", default="nndata.json")
    options = parser.parse_args()
    os.environ.setdefault("DEPTHAI_TELEMETRY", "0")  # nothing is sent to the vendor unless the user says so
    import arcface_ctypes
    import pipeline

    library = arcface_ctypes.Arcface()
    messages = []
    for path, nndata in pipeline.embed_crops(options.crops, options.archive, options.device, library.load_picture):
        messages.append(message(nndata, os.path.basename(path)))
    save(messages, options.output)
    print(f"{options.output}: {len(messages)} messages")


if __name__ == "__main__":
    main()
