"""An ONNX file as a PyTorch module: nodes in their order, each as the torch function of its kind; what depends on shapes alone is computed once,
for the input that it is built with. Enough for the networks of the zoo and the detectors."""
import numpy
import onnx
import onnx.reference
import torch
from onnx import numpy_helper
from torch.nn import functional as F


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def pads_of(a, rank=2):
    """Symmetric padding as torch wants it; ONNX allows other kinds, the networks here don't use them."""
    pads = a.get("pads", [0] * 2 * rank)
    if pads[:rank] != pads[rank:] or a.get("auto_pad", b"NOTSET") not in (b"NOTSET", b""):
        raise NotImplementedError(f"padding {pads}")
    return pads[:rank]


def function_of(node, constant):
    """A function of the node's tensors. `constant` gives the value of an input that is known when the network is built."""
    a, op = attributes(node), node.op_type
    if op == "Conv":
        keep = {"stride": a.get("strides", 1), "padding": pads_of(a), "dilation": a.get("dilations", 1), "groups": a.get("group", 1)}
        return lambda x, w, b=None: F.conv2d(x, w, b, **keep)
    if op == "BatchNormalization":
        return lambda x, scale, shift, mean, var: F.batch_norm(x, mean, var, scale, shift, eps=a.get("epsilon", 1e-5))
    if op == "PRelu":
        return lambda x, slope: F.prelu(x, slope.reshape(-1))
    if op == "LeakyRelu":
        return lambda x: F.leaky_relu(x, a.get("alpha", 0.01))
    if op == "Concat":
        return lambda *x: torch.cat(x, a["axis"])
    if op == "Softmax":
        return lambda x: torch.softmax(x, a.get("axis", -1))
    if op == "Gemm":
        if a.get("transA", 0) or a.get("alpha", 1.0) != 1 or a.get("beta", 1.0) != 1:
            raise NotImplementedError("this Gemm")
        return (lambda x, w, b=None: F.linear(x, w, b)) if a.get("transB", 0) else (lambda x, w, b=None: F.linear(x, w.t(), b))
    if op in ("MaxPool", "AveragePool"):
        pool = F.max_pool2d if op == "MaxPool" else F.avg_pool2d
        keep = {"kernel_size": a["kernel_shape"], "stride": a.get("strides", 1), "padding": pads_of(a), "ceil_mode": bool(a.get("ceil_mode", 0))}
        if op == "AveragePool":
            keep["count_include_pad"] = bool(a.get("count_include_pad", 0))
        return lambda x: pool(x, **keep)
    if op == "Flatten":
        return lambda x: torch.flatten(x, a.get("axis", 1))
    if op == "Transpose":
        return lambda x: x.permute(a["perm"])
    if op == "Reshape":
        shape = [int(n) for n in constant(1)]
        return lambda x, *_: x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape)])
    if op == "Resize" and a.get("mode", b"nearest") == b"nearest":
        sizes, scales = constant(3), constant(2)
        if sizes is not None and len(sizes):
            return lambda x, *_: F.interpolate(x, size=[int(n) for n in sizes[2:]], mode="nearest")
        return lambda x, *_: F.interpolate(x, scale_factor=[float(s) for s in scales[2:]], mode="nearest")
    if op == "Upsample" and a.get("mode", b"nearest") == b"nearest":
        scales = [float(s) for s in constant(1)[2:]]
        return lambda x, *_: F.interpolate(x, scale_factor=scales, mode="nearest")
    plain = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Relu": torch.relu, "Sigmoid": torch.sigmoid,
             "Identity": lambda x: x}
    if op in plain:
        return plain[op]
    raise NotImplementedError(f"operator {op}")


def folded(node, values, opset):
    """The outputs of a node whose inputs are all numpy arrays."""
    inputs = [name for name in dict.fromkeys(node.input) if name]
    graph = onnx.helper.make_graph([node], "one", [onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(values[n].dtype), None)
                                                   for n in inputs], [onnx.ValueInfoProto(name=n) for n in node.output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return onnx.reference.ReferenceEvaluator(model).run(None, {n: values[n] for n in inputs})


class Network(torch.nn.Module):
    """Of the first output, for inputs of the example's shape."""

    def __init__(self, path, example):
        super().__init__()
        model = onnx.load(path)
        opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        known = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.input = next(i.name for i in model.graph.input if i.name not in known)
        self.output = model.graph.output[0].name
        tensors, self.steps = {self.input: example}, []
        for node in model.graph.node:
            if node.op_type == "Shape" and node.input[0] in tensors:
                known[node.output[0]] = numpy.array(tensors[node.input[0]].shape, dtype=numpy.int64)
            elif node.op_type == "Constant":
                known[node.output[0]] = numpy_helper.to_array(attributes(node)["value"])
            elif all(name in known for name in node.input if name):
                known.update(zip(node.output, folded(node, known, opset)))
            else:
                self.add(node, known, tensors)
        self.drop_unused()

    def add(self, node, known, tensors):
        call = function_of(node, lambda i: known.get(node.input[i]) if i < len(node.input) and node.input[i] else None)
        names = []
        for name in node.input:
            if name in known and name not in self._buffers:
                self.register_buffer(f"c{len(self._buffers)}", torch.from_numpy(numpy.ascontiguousarray(known[name]).copy()))
                names.append(f"c{len(self._buffers) - 1}")
            elif name:
                names.append(name)
        step = (call, names, node.output[0])
        tensors[node.output[0]] = call(*[self._buffers[n] if n in self._buffers else tensors[n] for n in names])
        self.steps.append(step)

    def drop_unused(self):
        needed, kept = {self.output}, []
        for step in reversed(self.steps):
            if step[2] in needed:
                needed.update(step[1])
                kept.append(step)
        self.steps = kept[::-1]

    def forward(self, x):
        value = {self.input: x}
        for call, names, output in self.steps:
            value[output] = call(*[getattr(self, n) if n in self._buffers else value[n] for n in names])
        return value[self.output]
