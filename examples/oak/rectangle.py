"""Five points of a face -> the rotated rectangle that is cut out of the frame and becomes the network's input.

The same text runs twice: here, and on the camera, where pipeline.py puts it in front of crop_script.py in a Script node; it needs
nothing but math. Points and rectangles are in pixels; (0, 0) is the middle of the first pixel, as in OpenCV.
"""
import math

SIDE = 112  # pixels of the crop, both ways
# Where the points of a face lie in the crop: left eye, right eye, nose, left and right corner of the mouth, as seen in the picture
# (ARC_TEMPLATE_112 of include/arcface/face.h, which is InsightFace's).
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))


def similarity(points):
    """The least-squares turn, scale and shift from five (x, y) to the template: (a, b, tx, ty) of u = a x - b y + tx,
    v = b x + a y + ty. None where the points coincide or are not finite: there is no such transform."""
    mx = sum(p[0] for p in points) / 5
    my = sum(p[1] for p in points) / 5
    mu = sum(q[0] for q in TEMPLATE) / 5
    mv = sum(q[1] for q in TEMPLATE) / 5
    spread = a = b = 0.0
    for (x, y), (u, v) in zip(points, TEMPLATE):
        x, y, u, v = x - mx, y - my, u - mu, v - mv
        spread += x * x + y * y
        a += x * u + y * v
        b += x * v - y * u
    # Written so that NaN fails it. A face whose points span less than a pixel is none.
    if not 1.0 < spread < 1e12 or math.hypot(a, b) < 1e-6 * spread:
        return None
    a, b = a / spread, b / spread
    return a, b, mu - a * mx + b * my, mv - b * mx - a * my


def rectangle(points):
    """The square (centre x, centre y, side, degrees clockwise) whose corners that transform maps to (0, 0), (112, 0),
    (112, 112) and (0, 112); None where there is no transform."""
    found = similarity(points)
    if found is None:
        return None
    a, b, tx, ty = found
    square = a * a + b * b
    u, v = SIDE / 2 - tx, SIDE / 2 - ty
    return (a * u + b * v) / square, (a * v - b * u) / square, SIDE / math.sqrt(square), -math.degrees(math.atan2(b, a))


def unletterbox(x, y, letterbox):
    """A point of the detector's picture, 0 to 1 both ways, in pixels of the frame. letterbox: of letterbox_of."""
    side_x, side_y, scale, left, top = letterbox
    # ImageManip shrinks around the first pixel's middle; the reduction that embedders' training data went through, around its corner.
    # Points are given as that would have found them.
    shift = (1 / scale - 1) / 2
    return (x * side_x - left) / scale - shift, (y * side_y - top) / scale - shift


def letterbox_of(width, height, side_x, side_y):
    """How a frame of width x height lies in the detector's side_x x side_y: (side_x, side_y, scale, left, top), in its middle, as
    ImageManip's LETTERBOX puts it."""
    scale = min(side_x / width, side_y / height)
    return side_x, side_y, scale, (side_x - width * scale) / 2, (side_y - height * scale) / 2
