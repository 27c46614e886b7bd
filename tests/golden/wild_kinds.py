"""The kinds of files that wild.py tries; those of torchvision and timm are left out where these are not installed."""
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16
from onnxruntime import quantization
from torch import nn
from torch.nn import functional as F

import backbones
import wild
from wild import CODES, HALF, Lambda, Stem, crops, dynamo, edgenext, edit, example, ghost, ir, kind, mobilefacenet, planar, quiet, script, vit

# ---- PyTorch's exporters ---------------------------------------------------------------------------------------------------------------

for opset in range(18, 24):
    kind(f"dynamo {opset} ir")(lambda p, o=opset: dynamo(ir(), p, o))
for opset in range(11, 18):
    kind(f"torchscript {opset} ir")(lambda p, o=opset: script(ir(), p, o))
for name, net in (("vit", vit), ("edgenext", edgenext), ("ghostfacenet", ghost), ("mobilefacenet", mobilefacenet),
                  ("ir-se", lambda: ir(se=True))):
    for opset in (18, 20, 23):
        kind(f"dynamo {opset} {name}")(lambda p, n=net, o=opset: dynamo(n(), p, o))
    for opset in (13, 17):
        kind(f"torchscript {opset} {name}")(lambda p, n=net, o=opset: script(n(), p, o))
kind("dynamo not optimised")(lambda p: dynamo(vit(), p, 18, optimize=False))
kind("dynamo external data")(lambda p: dynamo(ir(), p, 18, external_data=True))
kind("dynamo fixed batch")(lambda p: dynamo(ir(), p, 18, x=(example(batch=4),), dynamic=False))
kind("torchscript initializers as inputs")(lambda p: script(ir(), p, 11, keep_initializers_as_inputs=True))
kind("torchscript not folded")(lambda p: script(ir(), p, 13, do_constant_folding=False))
kind("torchscript batch 1")(lambda p: script(ir(), p, 13, x=(example(batch=1),), dynamic=False))
kind("torchscript batch 8")(lambda p: script(ir(), p, 13, x=(example(batch=8),), dynamic=False))


@kind("torchscript free height and width")
def free_sides(path):
    with quiet():
        torch.onnx.export(ir(), (example(),), str(path), dynamo=False, opset_version=17, input_names=["input"], output_names=["output"],
                          dynamic_axes={"input": {0: "n", 2: "h", 3: "w"}, "output": {0: "n"}})


class Keypoints(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = backbones.randomise(backbones.Vit(64, 2, 16, 14, 3, dim=64, points=True), 7)
        self.keypoint_linear = self.net.keypoint_linear

    def forward(self, x, keypoints):
        return self.net(x, keypoints)


def points(n):
    return np.repeat(np.array(backbones.TEMPLATE, np.float32)[None] / 112, n, 0)


@kind("dynamo 20 kprpe, two inputs")
def kprpe_dynamo(path):
    dynamo(Keypoints(), path, 20, x=(example(), torch.from_numpy(points(2))))
    return {"feed": lambda c: dict(zip((i.name for i in onnx.load(path).graph.input), (planar(c), points(len(c)))))}


@kind("torchscript 17 kprpe, two inputs")
def kprpe_script(path):
    script(Keypoints(), path, 17, x=(example(), torch.from_numpy(points(2))), inputs=("input", "keypoints"))
    return {"feed": lambda c: {"input": planar(c), "keypoints": points(len(c))}}


# ---- layers ----------------------------------------------------------------------------------------------------------------------------


class Tokens(nn.Module):
    """[N,C,H,W] -> [N,HW,C] -> inner -> back."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        n, c, h, w = x.shape
        return self.inner(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(n, c, h, w)


class SelfAttention(nn.Module):
    def __init__(self, mask=False):
        super().__init__()
        self.qkv, self.mask = nn.Linear(16, 48), mask

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.mask).transpose(1, 2).flatten(2)


class MultiHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


class Einsum(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)) / 4)

    def forward(self, x):
        y = torch.einsum("nchw,cd->ndhw", x, self.weight)
        return y + torch.einsum("nchw,ndhw->ncd", x, y).mean(2)[:, :, None, None] / 49


class Gem(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([3.0]))

    def forward(self, x):
        return F.avg_pool2d(x.clamp(min=1e-6).pow(self.p), 7).pow(1 / self.p)


class Window(nn.Module):
    """Swin's shift, partition and relative positions, on windows of 7."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(13 * 13, 2, generator=torch.Generator().manual_seed(2)))
        at = torch.stack(torch.meshgrid(torch.arange(7), torch.arange(7), indexing="ij")).flatten(1)
        apart = (at[:, :, None] - at[:, None]).permute(1, 2, 0) + 6
        self.register_buffer("index", apart[..., 0] * 13 + apart[..., 1])
        self.qkv = nn.Linear(16, 48)

    def forward(self, x):
        x = torch.roll(x.permute(0, 2, 3, 1), (-3, -3), (1, 2))
        n, h, w, c = x.shape
        x = x.view(n, h // 7, 7, w // 7, 7, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 49, c)
        q, k, v = self.qkv(x).reshape(-1, 49, 3, 2, 8).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / 8 ** 0.5 + self.bias[self.index.view(-1)].view(49, 49, 2).permute(2, 0, 1)
        x = (scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, 49, c)
        x = x.view(n, h // 7, w // 7, 7, 7, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        return torch.roll(x, (3, 3), (1, 2)).permute(0, 3, 1, 2)


class Gnap(nn.Module):
    def forward(self, x):
        norm = torch.norm(x, 2, 1, True)
        return x * (norm.mean() / norm)


class Stn(nn.Module):
    """A transformer of the picture: a map's own affine grid."""

    def forward(self, x):
        theta = torch.tensor([[1.0, 0.1, 0.05], [-0.1, 0.9, 0.0]])[None].expand(x.shape[0], -1, -1)
        return F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)


class Cases(nn.Module):
    def forward(self, x):
        y = torch.where(x > 0.1, x, x * 0.3 - 0.2)
        top = y.flatten(1).topk(3, 1).values.sum(1)
        return y * (1 + 0.01 * top)[:, None, None, None].clamp(-1, 1) + x.gather(1, x.argmax(1, keepdim=True))


LAYERS = {
    "SiLU, Mish, Hardswish": lambda: nn.Sequential(nn.SiLU(), nn.Mish(), nn.Hardswish()),
    "ELU, SELU, CELU": lambda: nn.Sequential(nn.ELU(), nn.SELU(), nn.CELU(0.7)),
    "Softplus, Softsign, LogSigmoid": lambda: nn.Sequential(nn.Softplus(), nn.Softsign(), nn.LogSigmoid()),
    "GELU": lambda: nn.Sequential(nn.GELU(), nn.GELU("tanh")),
    "Hardsigmoid, Hardtanh, ReLU6": lambda: nn.Sequential(nn.Hardsigmoid(), nn.Hardtanh(-0.7, 0.8), nn.ReLU6()),
    "GroupNorm, InstanceNorm": lambda: nn.Sequential(nn.GroupNorm(4, 16), nn.InstanceNorm2d(16, affine=True)),
    "LayerNorm over maps": lambda: nn.LayerNorm([16, 7, 7]),
    "RMSNorm": lambda: Tokens(nn.RMSNorm(16)),
    "LayerNorm of tokens": lambda: Tokens(nn.LayerNorm(16)),
    "scaled dot products": lambda: Tokens(SelfAttention()),
    "causal attention": lambda: Tokens(SelfAttention(True)),
    "MultiheadAttention": lambda: Tokens(MultiHead()),
    "TransformerEncoderLayer": lambda: Tokens(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)),
    "einsum": Einsum,
    "windows": Window,
    "GNAP": Gnap,
    "PixelShuffle": lambda: nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(4, 16, 2, 2), nn.PixelUnshuffle(7), nn.Conv2d(784, 784, 1)),
    "bilinear, nearest, bicubic": lambda: Lambda(lambda x: F.interpolate(x, size=(7, 7), mode="bilinear") + F.interpolate(
        F.interpolate(x, scale_factor=2.0, mode="nearest"), size=(7, 7), mode="bicubic") + F.interpolate(
            F.interpolate(x, size=(13, 13), mode="bilinear", align_corners=True), size=(7, 7), mode="nearest")),
    "adaptive pooling": lambda: Lambda(lambda x: F.adaptive_avg_pool2d(x, 1) * x + F.adaptive_max_pool2d(x, (7, 1))),
    "normalize, norm": lambda: Lambda(lambda x: F.normalize(x, dim=1) + x / (x.norm(dim=(2, 3), keepdim=True) + 1)),
    "reduce": lambda: Lambda(lambda x: x - x.mean((2, 3), keepdim=True) + x.amax(1, keepdim=True) - x.std(1, keepdim=True)),
    "where, topk, gather, argmax": Cases,
    "grid_sample": Stn,
    "reflect, replicate, constant padding": lambda: nn.Sequential(nn.ReflectionPad2d(1), nn.ReplicationPad2d(1),
                                                                  nn.ConstantPad2d((1, 0, 0, 1), 0.5), nn.Conv2d(16, 16, 6)),
    "transposed and dilated convolution": lambda: nn.Sequential(nn.ConvTranspose2d(16, 8, 3, 2, 1, 1), nn.Conv2d(8, 16, 2, 2),
                                                                nn.Conv2d(16, 16, 3, 1, 2, 2, groups=4)),
    "chunk, split, stack, flip, roll": lambda: Lambda(lambda x: torch.stack([a - b for a, b in zip(x.chunk(4, 1), x.flip(2).roll(
        1, 3).split(4, 1))], 2).flatten(1, 2)),
    "cumsum, tril, repeat, expand": lambda: Lambda(lambda x: x.cumsum(2) * 0.1 + x @ torch.tril(torch.ones(7, 7)).repeat(
        1, 1, 1, 1).expand(1, 16, 7, 7)),
    "channel shuffle": lambda: nn.ChannelShuffle(4),
    "LPPool": lambda: Lambda(lambda x: x * F.lp_pool2d(x.abs() + 0.1, 2.0, 7)),
    "weight_norm": lambda: torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(16, 16, 3, 1, 1)),
    "BatchNorm without affine": lambda: nn.BatchNorm2d(16, affine=False),
    "softmax, logsumexp": lambda: Lambda(lambda x: x.softmax(1) * 8 + torch.logsumexp(x, 1, keepdim=True)),
    "pow, rsqrt, abs, sign, exp, log": lambda: Lambda(lambda x: (x.abs() + 1).log() * x.sign() + torch.rsqrt(x * x + 1) + (-x * x).exp()),
    "sin, cos, tanh, erf, floor, round": lambda: Lambda(lambda x: x.sin() + x.cos() * torch.tanh(x) + torch.erf(x) + (x * 3).floor() / 9 + (
        x * 2).round() / 8),
}
for name, middle in LAYERS.items():
    kind(f"dynamo 20 {name}")(lambda p, m=middle: dynamo(Stem(m()), p, 20))
    kind(f"torchscript 17 {name}")(lambda p, m=middle: script(Stem(m()), p, 17))
kind("dynamo 23 scaled dot products")(lambda p: dynamo(Stem(Tokens(SelfAttention())), p, 23))
kind("dynamo 23 RMSNorm, SiLU")(lambda p: dynamo(Stem(nn.Sequential(Tokens(nn.RMSNorm(16)), nn.SiLU())), p, 23))
kind("dynamo 20 GeM")(lambda p: dynamo(Stem(Gem(), 16), p, 20))
kind("torchscript 17 GeM")(lambda p: script(Stem(Gem(), 16), p, 17))

# ---- inputs ----------------------------------------------------------------------------------------------------------------------------


class Around(nn.Module):
    def __init__(self, net, before=None, after=None):
        super().__init__()
        self.net, self.before, self.after = net, before, after

    def forward(self, x):
        x = self.net(self.before(x) if self.before else x)
        return self.after(x) if self.after else x


for side, flat in ((96, 36), (128, 64), (144, 81), (160, 100), (192, 144), (224, 196), (256, 256)):
    @kind(f"side {side}")
    def other_side(path, side=side, flat=flat):
        script(ir(flat=flat), path, 17, x=(example(side),))
        return {"side": side}


@kind("side 160 from crops of 112", wild.RESIZED)
def resized(path):
    script(ir(flat=100), path, 17, x=(example(160),))

    def feed(c):
        x = torch.from_numpy(c.astype(np.float32)).permute(0, 3, 1, 2)
        return (F.interpolate(x, size=(160, 160), mode="bilinear", antialias=True).numpy() - 127.5) / np.float32(127.5)
    return {"feed": feed}


@kind("one channel")
def gray(path):
    script(ir(channels=1), path, 17, x=(example(channels=1),))
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    return {"feed": lambda c: ((c.astype(np.float32) @ luma - 127.5) / 127.5)[:, None].astype(np.float32)}


@kind("NHWC")
def channels_last(path):
    script(Around(ir(), lambda x: x.permute(0, 3, 1, 2)), path, 17, x=(example().permute(0, 2, 3, 1).contiguous(),))
    return {"feed": lambda c: (c.astype(np.float32) - 127.5) / 127.5}


@kind("uint8, normalised inside")
def bytes_inside(path):
    script(Around(ir(), lambda x: (x.float() - 127.5) / 127.5), path, 17, x=((example() * 60 + 127).clamp(0, 255).to(torch.uint8),))
    return {"feed": lambda c: np.ascontiguousarray(c.transpose(0, 3, 1, 2))}


@kind("uint8 NHWC, normalised inside")
def bytes_last(path):
    net = Around(ir(), lambda x: (x.permute(0, 3, 1, 2).float() - 127.5) / 127.5)
    script(net, path, 17, x=((example().permute(0, 2, 3, 1) * 60 + 127).clamp(0, 255).to(torch.uint8).contiguous(),))
    return {"feed": lambda c: c}


@kind("0..255, normalised inside")
def raw_inside(path):
    script(Around(ir(), lambda x: (x - 127.5) * (1 / 128)), path, 17)
    return {"feed": lambda c: planar(c, 0, 1)}


@kind("0..255, divided then normalised inside")
def raw_divided(path):
    script(Around(ir(), lambda x: (x / 255 - 0.5) / 0.5), path, 17)
    return {"feed": lambda c: planar(c, 0, 1)}


@kind("0..1, mean and deviation inside")
def unit_inside(path):
    mean, deviation = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    script(Around(ir(), lambda x: (x - mean) / deviation), path, 17)
    return {"feed": lambda c: planar(c, 0, 1 / 255)}


@kind("BatchNorm at the input")
def batch_norm_first(path):
    first = backbones.randomise(nn.Sequential(nn.BatchNorm2d(3)), 8)
    first[0].running_mean.fill_(120)
    first[0].running_var.fill_(3000)
    script(Around(ir(), first), path, 17)
    return {"feed": lambda c: planar(c, 0, 1)}


@kind("BGR by --color", args=["--color", "bgr"])
def bgr(path):
    script(ir(), path, 17)
    return {"feed": lambda c: planar(np.ascontiguousarray(c[..., ::-1]))}


@kind("channels reversed inside")
def reversed_inside(path):
    script(Around(ir(), lambda x: x[:, [2, 1, 0]]), path, 17)


@kind("without a batch, [3,112,112]")
def no_batch(path):
    script(Around(ir(), lambda x: x[None], lambda y: y[0]), path, 17, x=(example()[0],), dynamic=False)


@kind("resized inside")
def resized_inside(path):
    script(Around(ir(), lambda x: F.interpolate(x, size=(112, 112), mode="bilinear", align_corners=False)), path, 17, x=(example(128),))
    return {"side": 128}


# ---- outputs ---------------------------------------------------------------------------------------------------------------------------


def normalised(y):
    return y / y.norm(dim=1, keepdim=True)


class Heads(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.net, self.f = ir(), f
        self.logits, self.points = nn.Linear(64, 1001), nn.Linear(64, 10)

    def forward(self, x):
        return self.f(self, x, self.net(x))


def heads(name, outputs, which, f, exporter=script):
    @kind(name)
    def make(path):
        net = Heads(f).eval()
        script(net, path, 17, outputs=outputs) if exporter is script else dynamo(net, path, 20)
        return {"output": which}


heads("feature and norm", ("feature", "norm"), 0, lambda n, x, y: (normalised(y), y.norm(dim=1, keepdim=True)))
heads("norm and feature", ("norm", "feature"), 1, lambda n, x, y: (y.norm(dim=1, keepdim=True), normalised(y)))
heads("feature and norm, dynamo", (), 0, lambda n, x, y: (normalised(y), y.norm(dim=1, keepdim=True)), dynamo)
heads("feature and a map", ("feature", "map"), 0, lambda n, x, y: (y, n.net.input_layer(x)))
heads("map and feature", ("map", "feature"), 1, lambda n, x, y: (n.net.input_layer(x), y))
heads("feature and logits", ("embedding", "logits"), 0, lambda n, x, y: (y, n.logits(y)))
heads("landmarks and feature", ("landmarks", "feature"), 1, lambda n, x, y: (n.points(y), y))
kind("output [N,D,1,1]")(lambda p: script(Around(ir(), None, lambda y: y[:, :, None, None]), p, 17))
kind("output [N,1,D]")(lambda p: script(Around(ir(), None, lambda y: y[:, None]), p, 17))
kind("output [D]")(lambda p: script(Around(ir(), None, lambda y: y[0]), p, 17, x=(example(batch=1),), dynamic=False))
kind("normalised output")(lambda p: script(Around(ir(), None, normalised), p, 17))
kind("F.normalize, dynamo")(lambda p: dynamo(Around(ir(), None, F.normalize), p, 18))


@kind("--model-output", args=["--model-output", "second"])
def named_output(path):
    script(Heads(lambda n, x, y: (y, y * 2 - 1)).eval(), path, 17, outputs=("first", "second"))
    return {"output": 1}


@kind("dims of None and names")
def odd_dims(path):
    def change(m):
        for v in (*m.graph.input, *m.graph.output):
            v.type.tensor_type.shape.dim[0].Clear()
        m.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "channels"
    edit(ir(), path, change)


@kind("output without a shape")
def no_shape(path):
    def change(m):
        m.graph.output[0].type.tensor_type.ClearField("shape")
        del m.graph.value_info[:]
    edit(ir(), path, change)


# ---- types -----------------------------------------------------------------------------------------------------------------------------


def by_torch(net):
    """For what ONNX Runtime has no kernels for on the processor."""
    def wanted(c):
        with torch.no_grad():
            return net(torch.from_numpy(planar(c))).numpy().astype(np.float64)
    return {"wanted": wanted}


@kind("half, float32 ends", HALF)
def half_keep(path):
    edit(ir(), path, lambda m: float16.convert_float_to_float16(m, keep_io_types=True))


@kind("half", HALF)
def half(path):
    edit(ir(), path, lambda m: float16.convert_float_to_float16(m))
    return {"feed": lambda c: planar(c).astype(np.float16)}


@kind("half vit, float32 ends", HALF)
def half_vit(path):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    edit(vit(), path, lambda m: convert_float_to_float16(m, keep_io_types=True))


@kind("half module, dynamo", HALF)
def half_module(path):
    dynamo(ir().half(), path, 18, x=(example().half(),))
    return {"feed": lambda c: planar(c).astype(np.float16)}


@kind("bfloat16 module, dynamo", 0.999)
def bfloat_module(path):
    dynamo(ir().bfloat16(), path, 18, x=(example().bfloat16(),))
    return by_torch(ir().bfloat16().float())


@kind("double module")
def double_module(path):
    script(ir().double(), path, 17, x=(example().double(),))
    return by_torch(ir())


@kind("double inside, float32 ends")
def double_inside(path):
    script(Around(ir().double(), lambda x: x.double(), lambda y: y.float()), path, 17)
    return by_torch(ir())


@kind("autocast to bfloat16", 0.999)
def autocast(path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = ir()

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                return self.net(x).float()
    dynamo(Net().eval(), path, 18)
    return by_torch(ir())


# ---- ONNX Runtime's optimisers and quantisers -------------------------------------------------------------------------------------------


def ort_level(level, net, opset=17):
    def make(path):
        plain = path.with_name("plain.onnx")
        script(net(), plain, opset)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])
        return {"wanted": lambda c: wild.by_onnxruntime(plain, planar(c))}
    return make


LEVELS = onnxruntime.GraphOptimizationLevel
for name, net in (("ir", ir), ("ir-se", lambda: ir(se=True)), ("vit", vit), ("edgenext", edgenext), ("ghostfacenet", ghost)):
    for text, level in (("basic", LEVELS.ORT_ENABLE_BASIC), ("extended", LEVELS.ORT_ENABLE_EXTENDED)):
        kind(f"ONNX Runtime {text} {name}")(ort_level(level, net))
kind("ONNX Runtime all ir", "ORT_ENABLE_EXTENDED")(ort_level(LEVELS.ORT_ENABLE_ALL, ir))


@kind("transformers optimiser vit")
def transformers(path):
    from onnxruntime.transformers import optimizer
    plain = path.with_name("plain.onnx")
    script(vit(), plain, 17)
    with quiet():
        optimizer.optimize_model(str(plain), model_type="vit", num_heads=8, hidden_size=64, opt_level=0).save_model_to_file(str(path))
    return {"wanted": lambda c: wild.by_onnxruntime(plain, planar(c))}


@kind("transformers optimiser bert on an encoder layer")
def transformers_encoder(path):
    from onnxruntime.transformers import optimizer
    plain = path.with_name("plain.onnx")
    script(Stem(Tokens(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu"))), plain, 17)
    with quiet():
        optimizer.optimize_model(str(plain), model_type="bert", num_heads=2, hidden_size=16, opt_level=1).save_model_to_file(str(path))
    return {"wanted": lambda c: wild.by_onnxruntime(plain, planar(c))}


class Reader(quantization.CalibrationDataReader):
    def __init__(self):
        self.rows = iter([{"input": planar(crops(112, 8))[i:i + 1]} for i in range(8)])

    def get_next(self):
        return next(self.rows, None)


def quantised(net, **options):
    def make(path):
        plain = path.with_name("plain.onnx")
        script(net(), plain, 17)
        with quiet():
            quantization.quant_pre_process(str(plain), str(plain))
            quantization.quantize_static(str(plain), str(path), Reader(), **options)
    return make


QDQ, QOP = quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator
U8, S8 = quantization.QuantType.QUInt8, quantization.QuantType.QInt8
for name, net in (("ir", ir), ("ir-se", lambda: ir(se=True)), ("ghostfacenet", ghost), ("vit", vit), ("mobilefacenet", mobilefacenet)):
    for text, form in (("QDQ", QDQ), ("QOperator", QOP)):
        kind(f"{text} U8 S8 {name}", CODES)(quantised(net, quant_format=form, activation_type=U8, weight_type=S8))
        kind(f"{text} S8 S8 by channel {name}", CODES)(quantised(net, quant_format=form, activation_type=S8, weight_type=S8,
                                                                per_channel=True))
kind("QDQ U8 U8 ir", CODES)(quantised(ir, quant_format=QDQ, activation_type=U8, weight_type=U8))
kind("QOperator U8 U8 ir", CODES)(quantised(ir, quant_format=QOP, activation_type=U8, weight_type=U8))
kind("QDQ symmetric, 16-bit activations ir", CODES)(
    quantised(ir, quant_format=QDQ, activation_type=quantization.QuantType.QInt16, weight_type=S8,
              extra_options={"ActivationSymmetric": True}))


def dynamic_codes(net, **options):
    def make(path):
        plain = path.with_name("plain.onnx")
        script(net(), plain, 17)
        with quiet():
            quantization.quantize_dynamic(str(plain), str(path), **options)
    return make


kind("dynamic codes ir", CODES)(dynamic_codes(ir, weight_type=U8))
kind("dynamic codes ir, MatMul and Gemm alone", CODES)(dynamic_codes(ir, weight_type=S8, op_types_to_quantize=["MatMul", "Gemm"]))
kind("dynamic codes vit", CODES)(dynamic_codes(vit, weight_type=S8))
kind("dynamic codes edgenext", CODES)(dynamic_codes(edgenext, weight_type=S8, op_types_to_quantize=["MatMul"]))


def four_bits(net, **options):
    def make(path):
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
        plain = path.with_name("plain.onnx")
        script(net(), plain, 17)
        with quiet():
            q = MatMulNBitsQuantizer(onnx.load(plain), block_size=32, is_symmetric=options.pop("symmetric"), **options)
            q.process()
            q.model.save_model_to_file(str(path))
    return make


kind("4 bits, MatMulNBits vit", CODES)(four_bits(vit, symmetric=True))
kind("4 bits with zero points, MatMulNBits vit", CODES)(four_bits(vit, symmetric=False))
kind("4 bits, QDQ in blocks vit", CODES)(four_bits(vit, symmetric=True, quant_format=QDQ))

# ---- tf2onnx and Keras ------------------------------------------------------------------------------------------------------------------


def keras(model, prelu="PRelu", names=True):
    """NHWC ends with Transpose, Keras' names, PRelu's slopes as Keras shares them or as Relu and Neg, a padding node of its own."""
    g = model.graph
    tensor = {t.name: t for t in g.initializer}
    nodes = [helper.make_node("Transpose", ["input_1:0"], ["input"], name="model/nchw__5", perm=[0, 3, 1, 2])]
    for i, n in enumerate(g.node):
        if n.op_type == "PRelu" and prelu == "Relu":
            x, slope, y = n.input[0], n.input[1], n.output[0]
            nodes += [helper.make_node("Relu", [x], [f"{y}_pos"]), helper.make_node("Neg", [x], [f"{y}_neg"]),
                      helper.make_node("Relu", [f"{y}_neg"], [f"{y}_neg_relu"]), helper.make_node("Neg", [slope], [f"{y}_slope"]),
                      helper.make_node("Mul", [f"{y}_slope", f"{y}_neg_relu"], [f"{y}_low"]),
                      helper.make_node("Add", [f"{y}_pos", f"{y}_low"], [y])]
            continue
        if n.op_type == "Conv" and i == 0:
            pads = next(a for a in n.attribute if a.name == "pads")
            p = list(pads.ints)
            n.attribute.remove(pads)
            g.initializer.append(numpy_helper.from_array(np.array([0, 0, p[0], p[1], 0, 0, p[2], p[3]], np.int64), "const_fold_opt__17"))
            nodes.append(helper.make_node("Pad", [n.input[0], "const_fold_opt__17"], ["model/zero_padding2d/Pad:0"]))
            n.input[0] = "model/zero_padding2d/Pad:0"
        if n.op_type == "Gemm":
            weight = numpy_helper.to_array(tensor[n.input[1]]).T.copy()
            tensor[n.input[1]].CopyFrom(numpy_helper.from_array(weight, n.input[1]))
            nodes += [helper.make_node("MatMul", [n.input[0], n.input[1]], [f"{n.output[0]}_product"]),
                      helper.make_node("Add", [f"{n.output[0]}_product", n.input[2]], [n.output[0]])]
            continue
        nodes.append(n)
    del g.node[:]
    g.node.extend(nodes)
    g.input[0].CopyFrom(helper.make_tensor_value_info("input_1:0", TensorProto.FLOAT, ["unk__101", 112, 112, 3]))
    model.producer_name = "tf2onnx"
    for i, n in enumerate(g.node):
        n.name = f"StatefulPartitionedCall/model_1/layer_{i}/{n.op_type}"
    return model


def last(c):
    return (c.astype(np.float32) - 127.5) / 127.5


@kind("tf2onnx ir")
def tf_ir(path):
    edit(ir(), path, keras, 13)
    return {"feed": last}


@kind("tf2onnx ir, PReLU as Relu and Neg")
def tf_relu(path):
    edit(ir(), path, lambda m: keras(m, "Relu"), 15)
    return {"feed": last}


@kind("tf2onnx ghostfacenet")
def tf_ghost(path):
    edit(ghost(), path, keras, 13)
    return {"feed": last}


@kind("Keras convolutions in NHWC, ends of Transpose everywhere")
def tf_transposes(path):
    """Each convolution between a Transpose to NCHW and one back, as converters leave them that don't optimise."""
    def change(m):
        nodes = [helper.make_node("Transpose", ["input_1"], ["input"], perm=[0, 3, 1, 2])]
        for n in m.graph.node:
            if n.op_type == "Conv":
                y, x = n.output[0], n.input[0]
                n.output[0], n.input[0] = f"{y}_nchw", f"{x}_{y}_nchw"
                nodes += [helper.make_node("Transpose", [x], [f"{x}_{y}_nhwc"], perm=[0, 2, 3, 1]),
                          helper.make_node("Transpose", [f"{x}_{y}_nhwc"], [f"{x}_{y}_nchw"], perm=[0, 3, 1, 2]), n,
                          helper.make_node("Transpose", [f"{y}_nchw"], [f"{y}_nhwc"], perm=[0, 2, 3, 1]),
                          helper.make_node("Transpose", [f"{y}_nhwc"], [y], perm=[0, 3, 1, 2])]
            else:
                nodes.append(n)
        del m.graph.node[:]
        m.graph.node.extend(nodes)
        m.graph.input[0].CopyFrom(helper.make_tensor_value_info("input_1", TensorProto.FLOAT, ["N", 112, 112, 3]))
    edit(ir(), path, change, 13)
    return {"feed": last}


# ---- graphs ------------------------------------------------------------------------------------------------------------------------------


def into_function(model):
    """The body as a function of the model's own, called once."""
    g = model.graph
    held = [helper.make_node("Constant", [], [t.name], value=t) for t in g.initializer]
    f = helper.make_function("people", "Net", [g.input[0].name], [o.name for o in g.output], [*held, *g.node], model.opset_import)
    body = helper.make_node("Net", [g.input[0].name], [o.name for o in g.output], domain="people")
    graph = helper.make_graph([body], "g", g.input, g.output)
    return helper.make_model(graph, functions=[f], ir_version=8, opset_imports=[*model.opset_import, helper.make_opsetid("people", 1)])


kind("function of the model's own")(lambda p: edit(ir(), p, into_function))


def inner_graph(model, op):
    g = model.graph
    inside = helper.make_graph(list(g.node), "inside", [], [helper.make_tensor_value_info(g.output[0].name, TensorProto.FLOAT, None)],
                               list(g.initializer))
    other = helper.make_graph([helper.make_node("ReduceMean", ["input"], ["other"], axes=[2, 3], keepdims=0)], "other", [],
                              [helper.make_tensor_value_info("other", TensorProto.FLOAT, None)])
    nodes = [helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True]))]
    if op == "shape":
        nodes = [helper.make_node("Shape", ["input"], ["s"]), helper.make_node("Gather", ["s", "one"], ["channels"], axis=0),
                 helper.make_node("Equal", ["channels", "three"], ["yes"])]
    nodes.append(helper.make_node("If", ["yes"], ["result"], then_branch=inside, else_branch=other))
    graph = helper.make_graph(nodes, "g", [g.input[0]], [helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 64])],
                              [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in (("one", 1), ("three", 3))])
    return helper.make_model(graph, ir_version=8, opset_imports=model.opset_import)


kind("If of a constant")(lambda p: edit(ir(), p, lambda m: inner_graph(m, "constant")))
kind("If of a dimension")(lambda p: edit(ir(), p, lambda m: inner_graph(m, "shape")))


def looped(model, op):
    """y -> 0.5 y + 0.1, three times, behind the embedding."""
    g = model.graph
    y = g.output[0].name
    constants = {"half": np.float32(0.5), "tenth": np.float32(0.1)}
    g.initializer.extend(numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items())
    step = [helper.make_node("Mul", ["v_in", "half"], ["v_half"]), helper.make_node("Add", ["v_half", "tenth"], ["v_out"])]
    value = helper.make_tensor_value_info
    if op == "Loop":
        g.initializer.extend([numpy_helper.from_array(np.array(3, np.int64), "trips"), numpy_helper.from_array(np.array(True), "go")])
        body = helper.make_graph([*step, helper.make_node("Identity", ["c_in"], ["c_out"])], "body",
                                 [value("i", TensorProto.INT64, []), value("c_in", TensorProto.BOOL, []),
                                  value("v_in", TensorProto.FLOAT, None)],
                                 [value("c_out", TensorProto.BOOL, []), value("v_out", TensorProto.FLOAT, None)])
        g.node.append(helper.make_node("Loop", ["trips", "go", y], ["result"], body=body))
    else:
        g.initializer.append(numpy_helper.from_array(np.array([[0.1], [0.2], [0.3]], np.float32), "steps"))
        body = helper.make_graph([helper.make_node("Mul", ["v_in", "half"], ["v_half"]),
                                  helper.make_node("Add", ["v_half", "t"], ["v_out"]), helper.make_node("Identity", ["t"], ["seen"])], "body",
                                 [value("v_in", TensorProto.FLOAT, None), value("t", TensorProto.FLOAT, None)],
                                 [value("v_out", TensorProto.FLOAT, None), value("seen", TensorProto.FLOAT, None)])
        g.node.append(helper.make_node("Scan", [y, "steps"], ["result", "all"], body=body, num_scan_inputs=1))
    g.output[0].name = "result"
    return model


kind("Loop of three")(lambda p: edit(ir(), p, lambda m: looped(m, "Loop")))
kind("Scan of three")(lambda p: edit(ir(), p, lambda m: looped(m, "Scan")))


@kind("sequence split and joined", "SplitToSequence")
def sequence(path):
    def change(m):
        g = m.graph
        y = g.output[0].name
        g.initializer.extend([numpy_helper.from_array(np.array(16, np.int64), "quarter"), numpy_helper.from_array(np.array(1, np.int64), "at")])
        g.node.extend([helper.make_node("SplitToSequence", [y, "quarter"], ["parts"], axis=1),
                       helper.make_node("SequenceAt", ["parts", "at"], ["second"]),
                       helper.make_node("ConcatFromSequence", ["parts"], ["joined"], axis=1),
                       helper.make_node("Concat", ["joined", "second"], ["result"], axis=1)])
        g.output[0].CopyFrom(helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 80]))
    edit(ir(), path, change)


@kind("external data in several files")
def several_files(path):
    script(ir(), path, 17)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=1024, convert_attribute=False)


@kind("external data, blanks and unicode in names")
def odd_names(path):
    script(ir(), path, 17)
    odd = path.with_name("Netz für Gesichter.onnx")
    onnx.save(onnx.load(path), odd, save_as_external_data=True, location="Gewichte der Größe s.data", size_threshold=0)
    path.unlink()
    return {"path": odd}


for version in (8, 9, 10):
    @kind(f"converted to opset {version}")
    def converted(path, version=version):
        def change(m):
            from onnx import version_converter
            return version_converter.convert_version(m, version)
        edit(mobilefacenet(), path, change, 11)


for version in (18, 21, 24):
    @kind(f"converted to opset {version} from 17")
    def raised(path, version=version):
        def change(m):
            from onnx import version_converter
            m = version_converter.convert_version(m, version)
            m.ir_version = min(m.ir_version, 11)
            return m
        edit(ir(), path, change, 17)


# ---- backbones of torchvision and timm ----------------------------------------------------------------------------------------------------


def randomised(net):
    """Biases and statistics of a network that its library made: as of pictures, so that these stay apart and every tensor matters."""
    g = torch.Generator().manual_seed(11)
    for name, p in net.named_parameters():
        if name.endswith("bias"):
            p.data.normal_(0, 0.02, generator=g)
        elif p.ndim > 1 and not p.any():  # a last layer that begins with zeros
            p.data.normal_(0, p[0].numel() ** -0.5, generator=g)
        elif name.split(".")[-1].startswith("gamma") or p.ndim < 2 and p.abs().max() < 1e-3:  # scales of layers, which begin near 0
            p.data.uniform_(0.2, 0.6, generator=g)
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(torch.from_numpy(planar(crops(112, 8))))
    return net.eval()


TORCHVISION = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1", "efficientnet_b0", "mnasnet0_5",
               "regnet_y_400mf", "densenet121", "convnext_tiny", "swin_t", "swin_v2_t")
TIMM = ("edgenext_xx_small", "ghostnetv2_100", "mobilevit_xxs", "fastvit_t8", "repvit_m0_9", "efficientformerv2_s0", "mixer_s32_224",
        "vit_tiny_patch16_224", "deit3_small_patch16_224", "mobileone_s0", "starnet_s1", "levit_128s", "pvt_v2_b0", "cait_xxs24_224",
        "poolformer_s12", "lcnet_050", "hgnetv2_b0", "tiny_vit_5m_224", "xcit_nano_12_p16_224", "convnextv2_atto")


def from_torchvision(name):
    import torchvision
    with quiet():
        torch.manual_seed(5)
        return randomised(getattr(torchvision.models, name)(weights=None, num_classes=128))


def from_timm(name):
    import timm
    with quiet():
        torch.manual_seed(5)
        try:
            return randomised(timm.create_model(name, num_classes=128, img_size=112))
        except TypeError:
            return randomised(timm.create_model(name, num_classes=128))


PLAIN = ["--norm", "127.5/127.5"]  # of ReLU6 without attention 127.5/128 is guessed, as MobileFaceNet was trained
for name in TORCHVISION:
    kind(f"torchscript 17 torchvision {name}", args=PLAIN)(lambda p, n=name: script(from_torchvision(n), p, 17))
    kind(f"dynamo 18 torchvision {name}", args=PLAIN)(lambda p, n=name: dynamo(from_torchvision(n), p, 18))
for name in TIMM:
    kind(f"torchscript 17 timm {name}", args=PLAIN)(lambda p, n=name: script(from_timm(n), p, 17))
    kind(f"dynamo 20 timm {name}", args=PLAIN)(lambda p, n=name: dynamo(from_timm(n), p, 20))
