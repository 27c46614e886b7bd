"""libarcface for this application: models, detection, alignment, embedding, cosine and calibration, through ctypes.

The structures are those of include/arcface/*.h, which say what each field means. Every failure is an ArcfaceError with the
library's sentence. One thread at a time.
"""
import ctypes
import os
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_int64, c_size_t, c_ssize_t, c_void_p

import numpy as np

RGB8, BGR8 = 0, 1
TASK_EMBED, TASK_DETECT = 1, 2
TEMPLATE_112 = 0
CALIBRATION_POINTS = 48


class ArcfaceError(Exception):
    pass


class Error(ctypes.Structure):
    _fields_ = [("code", c_int), ("text", c_char * 512)]


class Image(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("width_px", c_int), ("height_px", c_int), ("stride_bytes", c_ssize_t), ("format", c_int)]


class Face(ctypes.Structure):
    _fields_ = [("x1_px", c_float), ("y1_px", c_float), ("x2_px", c_float), ("y2_px", c_float), ("score", c_float),
                ("landmark_px", (c_float * 2) * 5), ("turned_degrees", c_int)]

    @property
    def points(self):
        return [tuple(p) for p in self.landmark_px]


class DetectOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("score_threshold", c_float), ("nms_iou", c_float), ("size_px", c_int),
                ("multi_scale", c_bool), ("max_faces", c_int), ("no_turn", c_bool), ("one_look", c_bool)]


class Contract(ctypes.Structure):
    _fields_ = [("task", c_int), ("detector", c_int), ("align", c_int), ("bgr", c_bool), ("mean", c_float * 3),
                ("scale", c_float * 3), ("input_width_px", c_int), ("input_height_px", c_int), ("dim", c_int),
                ("threshold", c_float), ("nms_iou", c_float), ("prior_px", c_float * 6), ("norm_output", c_int),
                ("takes_points", c_bool), ("why", c_char * 1024)]


class Calibration(ctypes.Structure):
    _fields_ = [("far", c_double), ("threshold", c_double), ("threshold_interval", c_double * 2), ("supported", c_bool),
                ("genuine", c_int64), ("impostor", c_int64), ("far_points", c_int), ("far_score", c_double * CALIBRATION_POINTS),
                ("far_rate", c_double * CALIBRATION_POINTS), ("logistic", c_double * 2), ("knots", c_int),
                ("knot_score", c_double * CALIBRATION_POINTS), ("knot_probability", c_double * CALIBRATION_POINTS),
                ("gallery", c_int64), ("fpir", c_double), ("search_far", c_double), ("search_threshold", c_double),
                ("search_supported", c_bool), ("set_sha256", c_char * 65)]


FLOATS = POINTER(c_float)
SIGNATURES = {  # name: (result, arguments)
    "arc_version": (c_char_p, []),
    "arc_context_open": (c_int, [POINTER(c_void_p), c_void_p, POINTER(Error)]),
    "arc_context_close": (None, [POINTER(c_void_p)]),
    "arc_model_load": (c_int, [c_void_p, c_char_p, c_int, c_void_p, POINTER(c_void_p), POINTER(Error)]),
    "arc_model_free": (None, [POINTER(c_void_p)]),
    "arc_model_contract": (POINTER(Contract), [c_void_p]),
    "arc_model_calibration": (c_int, [c_void_p, POINTER(Calibration), POINTER(c_bool), POINTER(Error)]),
    "arc_calibration_far": (c_double, [POINTER(Calibration), c_double]),
    "arc_calibration_probability": (c_double, [POINTER(Calibration), c_double]),
    "arc_detector_new": (c_int, [c_void_p, c_void_p, POINTER(c_void_p), POINTER(Error)]),
    "arc_detector_free": (None, [POINTER(c_void_p)]),
    "arc_detect_options_default": (None, [POINTER(DetectOptions)]),
    "arc_detect": (c_int, [c_void_p, POINTER(Image), POINTER(DetectOptions), POINTER(Face), c_int, POINTER(c_int), POINTER(Error)]),
    "arc_embedder_new": (c_int, [c_void_p, c_void_p, POINTER(c_void_p), POINTER(Error)]),
    "arc_embedder_free": (None, [POINTER(c_void_p)]),
    "arc_embed_crops": (c_int, [c_void_p, POINTER(Image), c_int, c_bool, FLOATS, POINTER(Error)]),
    "arc_embedding_cosine": (c_double, [FLOATS, FLOATS, c_int]),
    "arc_align_estimate": (c_int, [(c_float * 2) * 5, c_int, (c_double * 3) * 2, POINTER(c_double), POINTER(Error)]),
    "arc_align_warp": (c_int, [POINTER(Image), (c_double * 3) * 2, c_int, POINTER(Image), POINTER(Error)]),
    "arc_image_load": (c_int, [c_void_p, c_char_p, c_void_p, POINTER(Image), c_void_p, POINTER(Error)]),
    "arc_image_free": (None, [c_void_p, POINTER(Image)]),
    "arc_image_save": (c_int, [c_void_p, POINTER(Image), c_char_p, POINTER(Error)]),
    "arc_draw_box": (None, [POINTER(Image), c_float, c_float, c_float, c_float, c_int, ctypes.c_uint32]),
    "arc_draw_text": (c_int, [c_void_p, POINTER(Image), c_float, c_float, c_float, c_char_p, ctypes.c_uint32, POINTER(Error)]),
}


def library_path():
    """$ARCFACE_LIBRARY, else the build beside this folder, else what the system finds."""
    built = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "libarcface.so")
    return os.environ.get("ARCFACE_LIBRARY") or (built if os.path.exists(built) else "libarcface.so.0")


def view(pixels, order=BGR8):
    """An Image over pixels, uint8 [height][width][3], which must stay alive."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.flags.c_contiguous:
        raise ValueError("pixels must be contiguous uint8 [height][width][3]")
    return Image(pixels.ctypes.data, pixels.shape[1], pixels.shape[0], 3 * pixels.shape[1], order)


class Arcface:
    """The library with one context."""

    def __init__(self, path=None):
        path = path or library_path()
        try:
            self.lib = ctypes.CDLL(path)
        except OSError as why:
            raise ArcfaceError(f"libarcface cannot be loaded ({why}): build it (make build), or name it in ARCFACE_LIBRARY") from why
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        self.version = self.lib.arc_version().decode()
        if not self.version.startswith("0.1."):
            raise ArcfaceError(f"{path} is version {self.version}; this application was written for 0.1")
        self.context = c_void_p()
        self.call("arc_context_open", byref(self.context), None)

    def call(self, name, *arguments):
        """A fallible function: its last argument, the error, is added here."""
        error = Error()
        if getattr(self.lib, name)(*arguments, byref(error)):
            raise ArcfaceError(error.text.decode("utf-8", "replace"))

    def close(self):
        self.lib.arc_context_close(byref(self.context))

    def similarity(self, points):
        """The transform to the template: numpy [2][3], float64."""
        matrix = ((c_double * 3) * 2)()
        self.call("arc_align_estimate", points_of(points), TEMPLATE_112, matrix, None)
        return np.array(matrix)

    def align(self, pixels, points, order=BGR8):
        """The aligned crop, uint8 [112][112][3], in the order of the pixels."""
        crop = np.zeros((112, 112, 3), np.uint8)
        matrix = ((c_double * 3) * 2)(*(tuple(row) for row in self.similarity(points)))
        self.call("arc_align_warp", byref(view(pixels, order)), matrix, 0, byref(view(crop, order)))
        return crop

    def cosine(self, a, b):
        a, b = (np.ascontiguousarray(v, np.float32) for v in (a, b))
        if a.shape != b.shape or a.ndim != 1:
            raise ValueError("cosine of embeddings of different sizes")
        return self.lib.arc_embedding_cosine(a.ctypes.data_as(FLOATS), b.ctypes.data_as(FLOATS), len(a))

    def load_picture(self, path):
        """A photo, upright: uint8 [height][width][3], BGR."""
        image = Image()
        self.call("arc_image_load", self.context, os.fsencode(path), None, byref(image), None)
        try:
            rows = np.ctypeslib.as_array(ctypes.cast(image.data, POINTER(ctypes.c_uint8)), (image.height_px, image.stride_bytes))
            return np.ascontiguousarray(rows[:, : 3 * image.width_px].reshape(image.height_px, image.width_px, 3)[:, :, ::-1])
        finally:
            self.lib.arc_image_free(self.context, byref(image))

    def save_picture(self, pixels, path):
        self.call("arc_image_save", self.context, byref(view(pixels)), os.fsencode(path))

    def draw(self, pixels, box, text, colour):
        """A box (x1, y1, x2, y2) with a line of text above it, into pixels. colour: 0xRRGGBB."""
        image, height = view(pixels), max(14, pixels.shape[0] // 40)
        self.lib.arc_draw_box(byref(image), *box, max(2, pixels.shape[0] // 300), colour)
        self.call("arc_draw_text", self.context, byref(image), box[0], max(0, box[1] - 1.3 * height), height, text.encode(), colour)


class Model:
    """A model file, as arcface reads it."""

    def __init__(self, arcface, path, task):
        self.arcface, self.handle = arcface, c_void_p()
        arcface.call("arc_model_load", arcface.context, os.fsencode(path), task, None, byref(self.handle))
        self.contract = arcface.lib.arc_model_contract(self.handle).contents

    def calibration(self):
        """The Calibration in the model, or None."""
        found, calibration = c_bool(), Calibration()
        self.arcface.call("arc_model_calibration", self.handle, byref(calibration), byref(found))
        return calibration if found.value else None

    def close(self):
        self.arcface.lib.arc_model_free(byref(self.handle))


class Detector:
    def __init__(self, model):
        self.model, self.handle = model, c_void_p()
        model.arcface.call("arc_detector_new", model.arcface.context, model.handle, byref(self.handle))

    def find(self, pixels, thorough=False, size_px=0, most=64):
        """The faces in pixels, BGR, best first. thorough: second looks for turned, small and very large faces; else in one look, as
        on the camera. size_px: side that the picture is fitted into; 0 = 640."""
        lib, options, faces, count = self.model.arcface.lib, DetectOptions(), (Face * most)(), c_int()
        lib.arc_detect_options_default(byref(options))
        options.no_turn = options.one_look = not thorough
        options.size_px = size_px
        self.model.arcface.call("arc_detect", self.handle, byref(view(pixels)), byref(options), faces, most, byref(count))
        return list(faces[: min(most, count.value)])

    def close(self):
        self.model.arcface.lib.arc_detector_free(byref(self.handle))


class Embedder:
    def __init__(self, model):
        self.model, self.handle = model, c_void_p()
        model.arcface.call("arc_embedder_new", model.arcface.context, model.handle, byref(self.handle))

    def embed(self, crops):
        """Embeddings of aligned crops, each uint8 [112][112][3], BGR: float32 [crops][dim], not normalised."""
        images = (Image * len(crops))(*(view(crop) for crop in crops))
        out = np.empty((len(crops), self.model.contract.dim), np.float32)
        self.model.arcface.call("arc_embed_crops", self.handle, images, len(crops), False, out.ctypes.data_as(FLOATS))
        return out

    def close(self):
        self.model.arcface.lib.arc_embedder_free(byref(self.handle))


def points_of(points):
    return ((c_float * 2) * 5)(*((c_float * 2)(float(x), float(y)) for x, y in points))
