"""An NN Archive through its makers' two readers, without a device: luxonis-ml's schema and depthai's NNArchive.

    validate_archive.py FILE.tar.xz

Fails where one refuses it or does not read the input's size and the head from it; a reader that is not there is skipped by name.
"""
import sys
import tarfile


def in_luxonis_ml(path):
    from luxonis_ml.nn_archive import is_nn_archive
    from luxonis_ml.nn_archive.config import Config

    with tarfile.open(path) as tar:
        model = Config.model_validate_json(tar.extractfile("config.json").read()).model
    image, output, (head,) = model.inputs[0], model.outputs[0], model.heads
    return is_nn_archive(path), (image.name, image.shape[3], image.shape[2]), (head.parser, head.outputs), output.layout


def in_depthai(path):
    import depthai

    archive = depthai.NNArchive(path)
    model = archive.getConfig().model
    return True, (model.inputs[0].name, *archive.getInputSize()), (model.heads[0].parser, model.heads[0].outputs), model.outputs[0].layout


def main():
    path, failed = sys.argv[1], False
    for label, read in (("luxonis-ml", in_luxonis_ml), ("depthai", in_depthai)):
        try:
            good, (name, *size), head, layout = read(path)
        except ImportError as missing:
            print(f"archive: {label} skipped: no {missing.name or missing}")
            continue
        good = good and name == "images" and min(size) > 0 and head == ("EmbeddingsParser", ["output"]) and layout == "NF"
        print(f"archive: {label} {'reads' if good else 'FAILED'}: {name} {size[0]} x {size[1]}, {head[0]} of {', '.join(head[1])}")
        failed |= not good
    sys.exit(failed)


if __name__ == "__main__":
    main()
