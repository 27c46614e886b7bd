"""dai.NNData of recorded messages, as a device would send them. The bindings cannot set a tensor's quantization, so the message is
written in the form that NNData.save writes (protobuf) and loaded."""
import base64
import os
import struct
import tempfile

STORAGE = {1: 0x3, 2: 0x43, 3: 0x321, 4: 0x4321}  # C, NC, CHW, NCHW
TYPES = {"FP16": (0, 2), "U8F": (1, 1), "INT": (2, 4), "FP32": (3, 4), "I8": (4, 1), "FP64": (5, 8)}  # number, bytes


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, wire, data):
    return varint(number << 3 | wire) + (varint(len(data)) if wire == 2 else b"") + data


def tensor_field(tensor, offset):
    dims, (kind, size) = tensor["dims"], TYPES[tensor["dataType"]]
    strides = [size] * len(dims)
    for i in range(len(dims) - 2, -1, -1):
        strides[i] = strides[i + 1] * dims[i + 1]
    told = field(1, 0, varint(STORAGE[len(dims)])) + field(2, 0, varint(kind)) + field(3, 0, varint(len(dims)))
    told += field(4, 2, b"".join(map(varint, dims))) + field(5, 2, b"".join(map(varint, strides)))
    told += field(6, 2, tensor["name"].encode()) + field(7, 0, varint(offset))
    if tensor.get("quantization"):
        told += field(8, 0, varint(1)) + field(9, 5, struct.pack("<f", tensor["qpScale"])) + field(10, 5, struct.pack("<f", tensor["qpZp"]))
    return field(4, 2, told)


def nndata_of(dai, message):
    tensors, data = b"", b""
    for tensor in message["tensors"]:
        data += b"\0" * (-len(data) % 64)
        tensors += tensor_field(tensor, len(data))
        data += base64.b64decode(tensor["data"])
    inner = field(1, 0, varint(message.get("sequence", 0))) + tensors + field(7, 2, data)
    outer = field(1, 2, b"dai.proto.nn_data.NNData") + field(3, 2, inner)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "message.bin")
        with open(path, "wb") as file:
            file.write(outer)
        nndata = dai.NNData()
        nndata.load(path)
        return nndata
