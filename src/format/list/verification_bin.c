/* InsightFace's verification sets: a pickled (images, same) pair, images as encoded bytes or numpy arrays of them, in every flavour that
 * Python 2 and 3 and numpy 1 and 2 write. Image bytes stay where they lie. */
#include "format/format.h"
#include "format/pickle/pickle.h"
#include <string.h>

#define MAX_FILE_BYTES ((size_t)4 << 30)

static const char *const allowed[] = {"numpy.core.multiarray._reconstruct",
                                      "numpy._core.multiarray._reconstruct",
                                      "numpy.core.multiarray.scalar",
                                      "numpy._core.multiarray.scalar",
                                      "numpy.core.numeric._frombuffer",
                                      "numpy._core.numeric._frombuffer",
                                      "numpy.ndarray",
                                      "numpy.dtype",
                                      "_codecs.encode",
                                      "collections.OrderedDict",
                                      "builtins.bytearray",
                                      "__builtin__.bytearray",
                                      NULL};

/* "numpy.core..." or "numpy._core...": the name behind the module is what counts. */
static bool is_numpy_call(const arc_pickle_value *v, const char *function, size_t arguments) {
    if (v->kind != ARC_PICKLE_CALL || v->item[1]->items < arguments)
        return false;
    const char *name = (const char *)v->item[0]->data, *dot = strrchr(name, '.');
    return strncmp(name, "numpy.", 6) == 0 && dot && strcmp(dot + 1, function) == 0;
}

/* An array of bytes: the last operand that is bytes holds them. */
static bool array_bytes(const arc_pickle_value *v, const uint8_t **data, size_t *bytes) {
    const arc_pickle_value *raw = NULL;
    if (is_numpy_call(v, "_frombuffer", 1))
        raw = arc_pickle_argument(v, 0);
    else if (is_numpy_call(v, "_reconstruct", 1) && v->state && v->state->kind == ARC_PICKLE_TUPLE && v->state->items)
        raw = v->state->item[v->state->items - 1];
    if (raw && raw->kind == ARC_PICKLE_CALL && raw->item[1]->items) /* bytearray(bytes) */
        raw = arc_pickle_argument(raw, 0);
    if (!raw || raw->kind != ARC_PICKLE_BYTES)
        return false;
    *data = raw->data;
    *bytes = raw->bytes;
    return true;
}

static bool image_bytes(const arc_pickle_value *v, const uint8_t **data, size_t *bytes) {
    if (v->kind != ARC_PICKLE_BYTES)
        return array_bytes(v, data, bytes);
    *data = v->data;
    *bytes = v->bytes;
    return true;
}

static bool label(const arc_pickle_value *v, uint8_t *same) {
    if (is_numpy_call(v, "scalar", 2)) { /* numpy.bool_ and integers: little-endian bytes */
        const arc_pickle_value *raw = arc_pickle_argument(v, 1);
        if (raw->kind != ARC_PICKLE_BYTES || raw->bytes < 1)
            return false;
        *same = raw->data[0] != 0;
        return true;
    }
    if (v->kind != ARC_PICKLE_BOOL && v->kind != ARC_PICKLE_INT)
        return false;
    *same = v->i != 0;
    return v->i == 0 || v->i == 1;
}

static arc_status take_images(arc_verification_bin *out, const arc_pickle_value *images, const char *name, arc_error *err) {
    if (images->kind != ARC_PICKLE_LIST && images->kind != ARC_PICKLE_TUPLE)
        return arc_fail(err, ARC_EFORMAT, "%s: the images are no list", name);
    if (images->items != 2 * out->pairs)
        return arc_fail(err, ARC_ECORRUPT, "%s: holds %zu images for %zu pairs; it must be two a pair", name, images->items,
                        out->pairs);
    out->image = arc_arena_new(&out->arena, images->items + 1, sizeof *out->image);
    out->image_bytes = arc_arena_new(&out->arena, images->items + 1, sizeof *out->image_bytes);
    if (!out->image || !out->image_bytes)
        return arc_fail_nomem(err, name);
    for (size_t i = 0; i < images->items; i++)
        if (!image_bytes(images->item[i], &out->image[i], &out->image_bytes[i]))
            return arc_fail(err, ARC_EFORMAT, "%s: image %zu is neither bytes nor a numpy array of bytes", name, i);
    return ARC_OK;
}

/* A list of labels, or one numpy array of bools. */
static arc_status take_labels(arc_verification_bin *out, const arc_pickle_value *labels, const char *name, arc_error *err) {
    const uint8_t *raw;
    size_t bytes;
    const bool list = labels->kind == ARC_PICKLE_LIST || labels->kind == ARC_PICKLE_TUPLE,
               array = !list && array_bytes(labels, &raw, &bytes);
    if (!list && !array)
        return arc_fail(err, ARC_EFORMAT, "%s: the labels are no list", name);
    out->pairs = list ? labels->items : bytes;
    if (out->pairs == 0)
        return arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", name);
    out->same = arc_arena_new(&out->arena, out->pairs, 1);
    if (!out->same)
        return arc_fail_nomem(err, name);
    for (size_t i = 0; i < out->pairs; i++) {
        bool good = true;
        if (list)
            good = label(labels->item[i], &out->same[i]);
        else
            good = (out->same[i] = raw[i]) <= 1;
        if (!good)
            return arc_fail(err, ARC_EFORMAT, "%s: label %zu is neither true nor false", name, i);
    }
    return ARC_OK;
}

arc_status arc_verification_bin_parse(arc_verification_bin *out, const arc_alloc *a, const void *bytes, size_t count,
                                      const char *name, arc_error *err) {
    arc_pickle pickle;
    memset(out, 0, sizeof *out);
    arc_arena_init(&out->arena, a, 0);
    arc_status st = arc_pickle_parse(&pickle, &out->arena, bytes, count, name, allowed, err);
    const arc_pickle_value *root = pickle.root;
    if (st == ARC_OK && (root->kind != ARC_PICKLE_TUPLE && root->kind != ARC_PICKLE_LIST))
        st = arc_fail(err, ARC_EFORMAT, "%s: is a pickle, but no (images, labels) pair", name);
    if (st == ARC_OK && root->items != 2)
        st = arc_fail(err, ARC_EFORMAT, "%s: is a pickle of %zu parts; a verification set has 2", name, root->items);
    if (st == ARC_OK)
        st = take_labels(out, root->item[1], name, err);
    if (st == ARC_OK)
        st = take_images(out, root->item[0], name, err);
    if (st != ARC_OK)
        arc_verification_bin_close(out);
    return st;
}

arc_status arc_verification_bin_open(arc_verification_bin *out, const arc_alloc *a, const char *path, arc_error *err) {
    arc_map map = {0};
    memset(out, 0, sizeof *out);
    arc_status st = arc_map_open(&map, path, MAX_FILE_BYTES, err);
    if (st == ARC_OK)
        st = arc_verification_bin_parse(out, a, map.data, map.bytes, path, err);
    if (st == ARC_OK)
        out->map = map;
    else
        arc_map_close(&map);
    return st;
}

void arc_verification_bin_close(arc_verification_bin *bin) {
    arc_arena_free(&bin->arena);
    arc_map_close(&bin->map);
    memset(bin, 0, sizeof *bin);
}
