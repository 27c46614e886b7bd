"""The camera's Script node: one crop of the frame for each face that the host asks for. rectangle.py stands in front of it, and
the constants LETTERBOX, MOST_FACES and KEPT_FRAMES (pipeline.py).

In: `frame`, every frame of the camera; `faces`, dai.ImgDetections with the points of the faces to embed, under the number of their
frame. Out: `config` and `image` for ImageManip. A frame that is no longer kept is answered by nothing: the host counts on that.
"""


def crop_config(points):
    """What ImageManip does for one face; None where the points are no face. ImageManip cuts the side of a rectangle to whole
    pixels, so the picture is scaled first: then the side is 112 and nothing is lost. Both are one warp."""
    found = rectangle(points)
    if found is None:
        return None
    x, y, side, degrees = found
    scale = SIDE / side
    square = RotatedRect()
    square.center.x, square.center.y = x * scale, y * scale
    square.size.width = square.size.height = SIDE
    square.angle = degrees
    config = ImageManipConfig()
    config.addScale(scale, scale)
    config.addCropRotatedRect(square, False)
    config.setOutputSize(SIDE, SIDE)
    return config


def serve(faces, frames):
    """Sends the crops of the faces in one message on their way; `frames` are those that are kept."""
    number = faces.getSequenceNum()
    found = [frame for frame in frames if frame.getSequenceNum() == number]
    if not found:
        node.warn("frame " + str(number) + " is gone: its faces are not embedded")
        return
    first = True
    for count, face in enumerate(faces.detections):
        if count == MOST_FACES:
            break
        config = crop_config([unletterbox(p.x, p.y, LETTERBOX) for p in face.getKeypoints2f()])
        if config is None:
            continue
        config.setReusePreviousImage(not first)
        node.outputs["config"].send(config)
        if first:
            node.outputs["image"].send(found[0])
            first = False


# Frames are taken as they come and kept for as long as the host may need to ask for them: a queue would drop just those.
kept = []
while True:
    kept.append(node.inputs["frame"].get())
    del kept[:-KEPT_FRAMES]
    asked = node.inputs["faces"].tryGet()
    while asked is not None:
        serve(asked, kept)
        asked = node.inputs["faces"].tryGet()
