"""The rivals of bench/peers/run.py: each loads the same ONNX file its own way and runs it on a float32 array.

As a program, it is one engine in a process of its own: engines.py ENGINE --model FILE --batch N --threads N --seconds S --height H --width W
--first NAME --output FILE prints the figures as one JSON line and writes the first output of the first run.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PACKAGES = {"onnxruntime": ["onnxruntime"], "openvino": ["openvino"], "ncnn": ["ncnn", "pnnx"], "mnn": ["MNN"],
            "opencv": ["opencv-python-headless"], "torch": ["torch", "onnx"]}


def fill(count, numpy):
    """The input of bench/bench_net.c."""
    i = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761)
    return (i >> numpy.uint32(8)).astype(numpy.float32) / numpy.float32(16777216) * numpy.float32(2) - numpy.float32(1)


def tool(name):
    return str(Path(sys.executable).parent / name)


def converted(args, suffix, command):
    """A file beside the model that `command` makes from it, once a model and input shape."""
    out = Path(args.work) / f"{Path(args.model).stem}-{args.height}x{args.width}-b{args.batch}{suffix}"
    if not out.exists() or out.stat().st_mtime < os.path.getmtime(args.model):
        subprocess.run(command(out), check=True, capture_output=True)
    return out


def onnxruntime_engine(args):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return onnxruntime.__version__, lambda x: session.run(None, {name: x})[0]


def openvino_engine(args):
    import openvino
    core = openvino.Core()
    model = core.read_model(args.model)
    model.reshape([args.batch, 3, args.height, args.width])
    hint = {"INFERENCE_NUM_THREADS": args.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if args.precision == "bf16" else "f32"}
    compiled = core.compile_model(model, "CPU", hint)
    request = compiled.create_infer_request()
    return openvino.__version__.split("-")[0], lambda x: request.infer({0: x})[compiled.output(0)]


def ncnn_engine(args):
    import ncnn
    import numpy
    stem = converted(args, ".ncnn.param", lambda out: [tool("pnnx"), args.model, f"inputshape=[1,3,{args.height},{args.width}]", "fp16=0",
                                                       f"ncnnparam={out}", f"ncnnbin={out.with_suffix('.bin')}",
                                                       f"pnnxparam={out}.p", f"pnnxbin={out}.b", f"pnnxpy={out}.py", f"ncnnpy={out}.n.py",
                                                       f"pnnxonnx={out}.o"])
    net = ncnn.Net()
    net.opt.num_threads = args.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = args.precision == "bf16"
    net.load_param(str(stem))
    net.load_model(str(stem.with_suffix(".bin")))

    def run(x):
        out = []
        for image in x:  # ncnn has no batches
            extractor, mat = net.create_extractor(), ncnn.Mat(image).clone()
            extractor.input("in0", mat)
            out.append(numpy.array(extractor.extract("out0")[1]))
        return numpy.stack(out)
    return ncnn.__version__, run


def mnn_engine(args):
    import MNN
    import numpy
    path = converted(args, ".mnn", lambda out: [tool("mnnconvert"), "-f", "ONNX", "--modelFile", args.model, "--MNNModel", str(out),
                                                "--bizCode", "bench"])
    interpreter = MNN.Interpreter(str(path))
    session = interpreter.createSession({"numThread": args.threads, "backend": "CPU",
                                         "precision": "low" if args.precision == "bf16" else "high"})
    tensor = interpreter.getSessionInput(session)
    shape = (args.batch, 3, args.height, args.width)
    interpreter.resizeTensor(tensor, shape)
    interpreter.resizeSession(session)

    def run(x):
        tensor.copyFrom(MNN.Tensor(shape, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe))
        interpreter.runSession(session)
        out = interpreter.getSessionOutput(session, args.first)
        host = MNN.Tensor(out.getShape(), MNN.Halide_Type_Float, numpy.zeros(out.getShape(), numpy.float32), MNN.Tensor_DimensionType_Caffe)
        out.copyToHostTensor(host)
        return numpy.array(host.getNumpyData())
    return MNN.version(), run


def opencv_engine(args):
    import cv2
    cv2.setNumThreads(args.threads)
    net = cv2.dnn.readNet(args.model)
    first = net.getUnconnectedOutLayersNames()[0]

    def run(x):
        net.setInput(x)
        return net.forward(first)
    return cv2.__version__, run


def torch_engine(args):
    """Eager with channels last, or compiled with frozen weights: whichever is faster here."""
    import torch
    import torch._inductor.config
    from torch_graph import Network
    torch.set_num_threads(args.threads)
    torch._inductor.config.freezing = True
    example = torch.zeros(args.batch, 3, args.height, args.width).contiguous(memory_format=torch.channels_last)

    def seconds(call):
        begin = time.perf_counter()
        for _ in range(5):
            call(example)
        return time.perf_counter() - begin
    with torch.inference_mode():
        eager = Network(args.model, example).eval().to(memory_format=torch.channels_last)
        chosen, how = eager, "eager"
        try:
            compiled = torch.compile(eager)
            compiled(example)
            if seconds(compiled) < seconds(eager):
                chosen, how = compiled, "compiled"
        except Exception as error:  # without a C++ compiler there is eager
            print(f"torch.compile: {error}", file=sys.stderr)

    def run(x):
        with torch.inference_mode():
            return chosen(torch.from_numpy(x).to(memory_format=torch.channels_last)).numpy()
    return f"{torch.__version__.split('+')[0]} {how}", run


ENGINES = {"onnxruntime": onnxruntime_engine, "openvino": openvino_engine, "ncnn": ncnn_engine, "mnn": mnn_engine,
           "opencv": opencv_engine, "torch": torch_engine}


def peak_kib():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return -1


def main():
    import numpy
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--first", required=True, help="name of the first output, for engines that order them their own way")
    for name in ("batch", "threads", "height", "width"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    args = parser.parse_args()
    begin = time.perf_counter()
    version, run = ENGINES[args.engine](args)
    load_ms = (time.perf_counter() - begin) * 1e3
    x = fill(args.batch * 3 * args.height * args.width, numpy).reshape(args.batch, 3, args.height, args.width)
    numpy.asarray(run(x), dtype=numpy.float32).tofile(args.output)
    times = []
    begin = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < args.seconds:
        start = time.perf_counter()
        run(x)
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"version": version, "load_ms": load_ms, "runs": len(times), "median_ms": statistics.median(times),
                      "min_ms": min(times), "peak_kib": peak_kib()}))


if __name__ == "__main__":
    main()
