/* Files that are something else than was asked for, told by their first bytes: what a download left in place of the file, and
 * models of other frameworks. */
#include "base/paths.h"
#include "base/stand_in.h"
#include "format/format.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEAD_BYTES 4096
#define SHOWN_BYTES 60               /* of a text, in a sentence */
#define DEEP_BYTES ((size_t)1 << 18) /* a SavedModel begins with the list of its operators */
#define TEXT_BYTES 4096              /* longer texts may be pickles of protocol 0 */
#define TAIL_BYTES ((size_t)1 << 20)

typedef struct content {
    const uint8_t *data;
    size_t bytes;
} content;

static bool begins(const content *c, size_t at, const char *magic, size_t bytes) {
    return c->bytes >= at + bytes && memcmp(c->data + at, magic, bytes) == 0;
}

static bool holds(const uint8_t *data, size_t bytes, const char *text) {
    return memmem(data, bytes, text, strlen(text)) != NULL;
}

static bool head_holds(const content *c, const char *text) {
    return holds(c->data, ARC_MIN(c->bytes, (size_t)HEAD_BYTES), text);
}

/* The list of names at the end of a zip. */
static bool zip_lists(const content *c, const char *text) {
    const size_t bytes = ARC_MIN(c->bytes, TAIL_BYTES);
    return holds(c->data + c->bytes - bytes, bytes, text);
}

/* What can lie in the place of any file. */
static const char *stand_in(const content *c) {
    switch (arc_stand_in_of(c->data, c->bytes)) {
    case ARC_STAND_IN_LFS:
        return "a Git LFS pointer, not the file itself; run `git lfs pull` where it was cloned, or download the file";
    case ARC_STAND_IN_PAGE:
        return "an HTML page, not the file itself: the download gave a message or asked for a login; fetch it again in a browser";
    case ARC_STAND_IN_XML:
        return head_holds(c, "<net ")
                   ? "an OpenVINO model; export the network to ONNX"
                   : "an XML text, not the file itself: most likely a server's message in place of the download";
    case ARC_STAND_IN_NONE:
        break;
    }
    return NULL;
}

static const char *other_archive(const content *c) {
    if (begins(c, 0, "\x1f\x8b", 2) || begins(c, 0, "BZh", 3) ||
        begins(c, 0,
               "\xfd"
               "7zXZ",
               5) ||
        begins(c, 0, "\x28\xb5\x2f\xfd", 4) || begins(c, 0, "7z\xbc\xaf\x27\x1c", 6) || begins(c, 0, "Rar!", 4) ||
        begins(c, 257, "ustar", 5))
        return "a packed archive; unpack it and name the model inside";
    if (!begins(c, 0, "PK\x03\x04", 4))
        return NULL;
    if (zip_lists(c, "/constants.pkl") || zip_lists(c, "/code/__torch__"))
        return "a TorchScript archive, whose program is not run here; export the module to ONNX (torch.onnx.export), or save its "
               "state_dict";
    if (zip_lists(c, "model.weights.h5"))
        return "a Keras model; convert it to ONNX (tf2onnx)";
    if (zip_lists(c, "saved_model.pb"))
        return "a zip of a TensorFlow SavedModel; convert it to ONNX (tf2onnx)";
    if (!zip_lists(c, "data.pkl") && zip_lists(c, ".onnx"))
        return "a zip with an ONNX file in it; unpack it";
    return NULL;
}

static bool is_saved_model(const content *c) {
    static const char *const words[] = {"saved_model",
                                        "\x05serve",
                                        "tensorflow",
                                        "AssignVariableOp",
                                        "serving_default",
                                        "VarHandleOp",
                                        "StatefulPartitionedCall"};
    for (size_t i = 0; i < ARC_COUNT(words); i++)
        if (holds(c->data, ARC_MIN(c->bytes, DEEP_BYTES), words[i]))
            return true;
    return false;
}

/* Short, and letters only: what a server says in place of a file. The JSON of MXNet has nodes. */
static bool is_message(const content *c) {
    if (c->bytes > TEXT_BYTES || head_holds(c, "\"nodes\""))
        return false;
    for (size_t i = 0; i < c->bytes; i++)
        if ((c->data[i] < ' ' && !strchr("\t\r\n", c->data[i])) || c->data[i] == 0 || c->data[i] == 0x7f)
            return false;
    return true;
}

/* What no first bytes tell. */
static const char *by_suffix(const char *name) {
    static const char *const known[][2] = {
        {".caffemodel", "a Caffe model; convert it to ONNX, or use the framework's newer export"},
        {".prototxt", "a Caffe network without its weights; convert both to ONNX"},
        {".mlmodel", "a Core ML model; export the network to ONNX"},
        {".engine", "a TensorRT engine, which runs on one kind of card only; name the ONNX file that it was built from"},
        {".trt", "a TensorRT engine, which runs on one kind of card only; name the ONNX file that it was built from"},
        {".plan", "a TensorRT engine, which runs on one kind of card only; name the ONNX file that it was built from"},
        {".rknn", "an RKNN model; name the ONNX file that it was built from"},
        {".mnn", "an MNN model; export the network to ONNX"},
    };
    const size_t n = strlen(name);
    for (size_t i = 0; i < ARC_COUNT(known); i++) {
        const size_t m = strlen(known[i][0]);
        if (n > m && strcasecmp(name + n - m, known[i][0]) == 0)
            return known[i][1];
    }
    return NULL;
}

static const char *other_model(const content *c) {
    if (begins(c, 4, "TFL3", 4))
        return "a TensorFlow Lite model; convert it to ONNX (tf2onnx --tflite)";
    if (begins(c, 0, "\x89HDF\r\n\x1a\n", 8))
        return "an HDF5 file, as Keras keeps models and weights; convert the model to ONNX (tf2onnx)";
    if (begins(c, 0, "\x08\x01\x12", 3) && is_saved_model(c))
        return "a TensorFlow SavedModel; convert its folder to ONNX (tf2onnx --saved-model)";
    if (begins(c, 0, "\x0a", 1) && (head_holds(c, "Placeholder") || head_holds(c, "NoOp")))
        return "a frozen TensorFlow graph; convert it to ONNX (tf2onnx --graphdef)";
    if (begins(c, 0, "7767517\n", 8) || begins(c, 0, "7767517\r", 8))
        return "an ncnn model; export the network to ONNX";
    if (begins(c, 0, "GGUF", 4))
        return "a GGUF file; export the network to ONNX";
    if (begins(c, 0, "\xff\xd8\xff", 3) || begins(c, 0, "\x89PNG\r\n\x1a\n", 8))
        return "a picture, not a model";
    if (begins(c, 0, "\x93NUMPY", 6))
        return "a NumPy array, not a model";
    return other_archive(c);
}

arc_status arc_refuse_stand_in(const void *bytes, size_t count, const char *name, arc_error *err) {
    const content c = {bytes, count};
    const char *what = count ? stand_in(&c) : NULL;
    return what ? arc_fail(err, ARC_EFORMAT, "%s: is %s", name, what) : ARC_OK;
}

arc_status arc_map_open_real(arc_map *map, const char *path, size_t max_bytes, arc_error *err) {
    arc_status st = arc_map_open(map, path, max_bytes, err);
    if (st == ARC_OK)
        st = arc_refuse_stand_in(map->data, map->bytes, path, err);
    if (st != ARC_OK)
        arc_map_close(map);
    return st;
}

/* Of the first line, as far as a sentence shows it; the bytes end without a zero. */
static int first_line_bytes(const content *c) {
    int n = 0;
    while (n < SHOWN_BYTES && (size_t)n < c->bytes && c->data[n] != '\r' && c->data[n] != '\n')
        n++;
    return n;
}

arc_status arc_refuse_other_model(const void *bytes, size_t count, const char *name, arc_error *err) {
    const content c = {bytes, count};
    const arc_status st = arc_refuse_stand_in(bytes, count, name, err);
    if (st != ARC_OK || count == 0)
        return st;
    const char *what = other_model(&c);
    if (!what)
        what = by_suffix(name);
    if (what)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: is %s", name, what);
    if (is_message(&c))
        return arc_fail(err, ARC_EFORMAT, "%s: is a text, not a model: '%.*s'%s", name, first_line_bytes(&c), (const char *)bytes,
                        "; most likely a message in place of a download");
    return ARC_OK;
}

arc_status arc_refuse_model_folder(const char *path, arc_error *err) {
    static const char *const inside[] = {"model.onnx", "model.safetensors", "pytorch_model.bin"};
    char file[ARC_PATH_BYTES];
    if (arc_path_kind_of(path) != ARC_PATH_DIR)
        return ARC_OK;
    snprintf(file, sizeof file, "%s/saved_model.pb", path);
    if (arc_path_kind_of(file) == ARC_PATH_FILE)
        return arc_fail(err, ARC_EUNSUPPORTED, "%s: is a TensorFlow SavedModel; convert it to ONNX (tf2onnx --saved-model)",
                        path);
    for (size_t i = 0; i < ARC_COUNT(inside); i++) {
        snprintf(file, sizeof file, "%s/%s", path, inside[i]);
        if (arc_path_kind_of(file) == ARC_PATH_FILE)
            return arc_fail(err, ARC_EIO, "%s: is a folder; name the model in it, %s", path, file);
    }
    return arc_fail(err, ARC_EIO, "%s: is a folder; name the model's file in it", path);
}
