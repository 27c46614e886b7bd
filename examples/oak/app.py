#!/usr/bin/env python3
"""Names for the faces that an OAK camera sees. README.md has a command for each step.

    app.py enrol ANNA anna1.jpg anna2.jpg anna3.jpg    pictures of a person into the gallery
    app.py list                                        who is enrolled
    app.py forget ANNA
    app.py run                                         the camera, or with --video FILE a recorded video on it
    app.py run --host --video FILE                     the same without a device
"""
import argparse
import ctypes
import json
import os
import sys
import time

import arcface_ctypes
import identities
import sources
import tracks

GREEN, GRAY = 0x30C060, 0x909090


def open_models(options):
    """(library, embedder model, its SHA-256)."""
    library = arcface_ctypes.Arcface()
    model = arcface_ctypes.Model(library, options.model, arcface_ctypes.TASK_EMBED)
    if model.contract.align != arcface_ctypes.TEMPLATE_112:
        raise ValueError(f"{options.model} takes faces of another template than 112 x 112")
    return library, model, identities.file_sha256(options.model)


def judge_of(model, fpir):
    calibration, lib = model.calibration(), model.arcface.lib
    if calibration is None:
        return identities.Judge(model.contract.threshold, fpir)
    return identities.Judge(calibration.threshold, fpir, lambda s: lib.arc_calibration_far(ctypes.byref(calibration), s),
                            lambda s: lib.arc_calibration_probability(ctypes.byref(calibration), s))


def enrol(options):
    library, model, sha256 = open_models(options)
    gallery = identities.Gallery.load(options.gallery, sha256, model.contract.dim)
    detector = arcface_ctypes.Detector(arcface_ctypes.Model(library, options.detector, arcface_ctypes.TASK_DETECT))
    crops = []
    for path in options.photos:
        pixels = library.load_picture(path)
        faces = detector.find(pixels, thorough=True)
        if len(faces) != 1:
            raise identities.GalleryError(f"{path} shows {len(faces)} faces: enrol from photos of one face")
        crops.append(library.align(pixels, faces[0].points))
    judge = judge_of(model, options.fpir)
    gallery.enrol(options.name, arcface_ctypes.Embedder(model).embed(crops), options.photos, judge.plain)
    gallery.save(options.gallery)
    print(f"{options.name}: {len(gallery.people[options.name])} pictures")
    if len(gallery.people[options.name]) < 3:
        print("three or more pictures, of different light and pose, recognise better", file=sys.stderr)


def list_people(options):
    gallery = identities.Gallery.load(options.gallery)
    for name, rows in sorted(gallery.people.items()):
        print(f"{name}\t{len(rows)} pictures")
    if os.path.exists(options.model):
        _, model, sha256 = open_models(options)
        gallery.check_model(options.gallery, sha256, model.contract.dim)
        print_threshold(judge_of(model, options.fpir), gallery)


def forget(options):
    gallery = identities.Gallery.load(options.gallery)
    gallery.forget(options.name)
    gallery.save(options.gallery)


def print_threshold(judge, gallery):
    threshold, supported = judge.threshold(len(gallery.people))
    if judge.far is None:
        why = "the model's own: it has no calibration (arcface calibrate makes one)"
    else:
        why = f"calibrated: {judge.fpir:g} of strangers are taken for one of {len(gallery.people)} people"
        why += "" if supported else "; the calibration has too few pairs to be sure of that"
    print(f"known from cosine {threshold:.3f} on ({why})", file=sys.stderr)


class View:
    """What is shown of a run: a line a second, a line a change of name, drawn frames."""

    def __init__(self, library, options):
        self.library, self.options, self.names = library, options, {}
        self.began = time.monotonic()
        self.steps = self.embeddings = self.drawn = 0
        self.age_s = 0.0

    def show(self, step, all_tracks, now):
        self.steps += 1
        self.age_s = max(self.age_s, step.age_s)
        seen = [t for t in all_tracks if t.seen == now]
        for track in seen:
            if self.names.get(track.number) != track.name and track.embeddings:
                self.names[track.number] = track.name
                self.tell({"frame": step.number, "track": track.number, "name": track.name, "cosine": round(track.score, 4),
                           "probability": None if track.probability is None else round(track.probability, 4)})
        if self.options.draw and step.pixels is not None:
            for track in seen:
                known = track.name != identities.UNKNOWN
                score = f" {track.score:.2f}" if track.score is not None else ""
                self.library.draw(step.pixels, track.box, f"{track.name}{score}", GREEN if known else GRAY)
            self.library.save_picture(step.pixels, os.path.join(self.options.draw, f"{step.number:06d}.jpg"))

    def tell(self, event):
        print(json.dumps(event) if self.options.json else
              f"frame {event['frame']}: face {event['track']} is {event['name']} (cosine {event['cosine']:.3f})", flush=True)

    def tick(self, tracked):
        seconds = time.monotonic() - self.began
        if seconds >= 1:
            print(f"{self.steps / seconds:5.1f} frames/s, {self.embeddings / seconds:5.1f} embeddings/s, frames at most "
                  f"{1000 * self.age_s:.0f} ms old, {tracked} faces", file=sys.stderr)
            self.began, self.steps, self.embeddings, self.age_s = time.monotonic(), 0, 0, 0.0


def follow(source, tracked, view, options):
    """The loop of both sources."""
    for step in source.steps():
        now = time.monotonic()
        if step is not None:
            tracked.update(step.faces, now)
            chosen = tracked.to_embed(options.most_faces, options.least_px, now)
            if chosen:
                faces = [next(i for i, f in enumerate(step.faces) if f[0] == t.box) for t in chosen]
                source.ask(step, [t.number for t in chosen], [step.detections[i] for i in faces])
        for number, embedding in source.answers():
            tracked.take(number, embedding, time.monotonic())
            view.embeddings += 1
        if step is not None:
            view.show(step, tracked.all, now)
        view.tick(len(tracked.all))


def run(options):
    library, model, sha256 = open_models(options)
    gallery = identities.Gallery.load(options.gallery, sha256, model.contract.dim)
    judge = judge_of(model, options.fpir)
    print_threshold(judge, gallery)
    tracked, view = tracks.Tracks(gallery, judge), View(library, options)
    if options.draw:
        os.makedirs(options.draw, exist_ok=True)
    if options.host:
        detector = arcface_ctypes.Detector(arcface_ctypes.Model(library, options.detector, arcface_ctypes.TASK_DETECT))
        follow(sources.HostSource(options.video, library, detector, arcface_ctypes.Embedder(model)), tracked, view, options)
    else:
        run_on_device(tracked, view, options)


def run_on_device(tracked, view, options):
    os.environ.setdefault("DEPTHAI_TELEMETRY", "0")  # nothing is sent to the vendor unless the user says so
    import depthai as dai
    import pipeline as camera
    import rectangle

    if not dai.__version__.startswith("3.12."):
        raise RuntimeError(f"depthai {dai.__version__} is installed; requirements.txt pins the version that this application was tested with")
    with dai.Pipeline(camera.open_device(options.device)) as pipeline:
        device = pipeline.getDefaultDevice()
        detector, embedder = (camera.load_archive(path, device) for path in (options.detector_archive, options.archive))
        fps = options.fps or (15 if device.getPlatform() == dai.Platform.RVC4 else 5)
        frames, frame_type = camera.camera_frames(pipeline, device, options.size, fps, options.video)
        queues = camera.build(pipeline, frames, options.size, frame_type, detector, embedder, options.most_faces)
        pipeline.start()
        letterbox = rectangle.letterbox_of(*options.size, *camera.input_of(detector)[:2])
        follow(sources.DeviceSource(pipeline.isRunning, queues, letterbox, dai.Clock.now, bool(options.draw)), tracked, view, options)


def size_of(text):
    width, height = (int(n) for n in text.split("x"))
    if not (64 <= width <= 4096 and 64 <= height <= 4096):
        raise ValueError
    return width, height


def arguments():
    parser = argparse.ArgumentParser(description="Names for the faces that an OAK camera sees.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--gallery", default="people", help="folder of the enrolled people (default: people)")
    common.add_argument("--model", default="face.onnx", help="the embedder as arcface reads it, calibrated (default: face.onnx)")
    common.add_argument("--detector", default="scrfd.onnx", help="the detector as arcface reads it (default: scrfd.onnx)")
    common.add_argument("--fpir", type=float, default=0.01, help="rate of strangers that may be taken for somebody (default: 0.01)")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("enrol", parents=[common], help="add pictures of a person")
    one.add_argument("name")
    one.add_argument("photos", nargs="+", help="photos with one face each")
    one.set_defaults(call=enrol)
    commands.add_parser("list", parents=[common], help="who is enrolled").set_defaults(call=list_people)
    one = commands.add_parser("forget", parents=[common], help="remove a person")
    one.add_argument("name")
    one.set_defaults(call=forget)
    one = commands.add_parser("run", parents=[common], help="recognise")
    one.add_argument("--host", action="store_true", help="without a device: libarcface does everything")
    one.add_argument("--video", help="a recorded video instead of the camera; with --host also a folder of pictures")
    one.add_argument("--archive", default="face.tar.xz", help="the embedder compiled for the device (default: face.tar.xz)")
    one.add_argument("--detector-archive", default="scrfd.tar.xz", help="the detector compiled for the device (default: scrfd.tar.xz)")
    one.add_argument("--device", help="address or id of the device (default: the first one)")
    one.add_argument("--size", type=size_of, default=(1280, 720), help="pixels of a frame (default: 1280x720)")
    one.add_argument("--fps", type=float, help="frames a second (default: 15 on RVC4, 5 on RVC2)")
    one.add_argument("--most-faces", type=int, default=4, help="faces embedded a frame (default: 4)")
    one.add_argument("--least-px", type=float, default=40, help="narrower faces are not embedded (default: 40)")
    one.add_argument("--draw", metavar="FOLDER", help="write every frame with its names as a JPEG")
    one.add_argument("--json", action="store_true", help="a JSON object a line")
    one.set_defaults(call=run)
    options = parser.parse_args()
    if options.command == "run" and options.host and not options.video:
        parser.error("--host needs --video FILE")
    if options.command == "run" and options.most_faces < 1:
        parser.error("--most-faces must be at least 1")
    if not 0 < options.fpir < 1:
        parser.error("--fpir must lie between 0 and 1")
    return options


def main():
    options = arguments()
    try:
        options.call(options)
    except (arcface_ctypes.ArcfaceError, identities.GalleryError, OSError, RuntimeError, ValueError) as why:
        print(f"app.py: {why}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
