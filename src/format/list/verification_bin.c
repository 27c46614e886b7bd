/* InsightFace's verification sets: a pickled (images, same) pair, images as encoded bytes or numpy arrays of them, in every
 * flavour that Python 2 and 3 and numpy 1 and 2 write. Image bytes stay where they lie. */
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

/* What a numpy array was made from: the buffer, or the last part of its state. */
static const arc_pickle_value *array_content(const arc_pickle_value *v) {
    if (is_numpy_call(v, "_frombuffer", 1))
        return arc_pickle_argument(v, 0);
    if (is_numpy_call(v, "_reconstruct", 1) && v->state && v->state->kind == ARC_PICKLE_TUPLE && v->state->items)
        return v->state->item[v->state->items - 1];
    return NULL;
}

/* Bytes of an element of an array, 1 when its type is not told; *big: they lie the other way round. */
static size_t element_bytes(const arc_pickle_value *v, bool *big) {
    const arc_pickle_value *type = NULL;
    *big = false;
    if (is_numpy_call(v, "_frombuffer", 2))
        type = arc_pickle_argument(v, 1);
    else if (v->state && v->state->kind == ARC_PICKLE_TUPLE && v->state->items >= 5)
        type = v->state->item[2];
    if (!type || !is_numpy_call(type, "dtype", 1))
        return 1;
    const arc_pickle_value *name = arc_pickle_argument(type, 0); /* "i8", "b1" */
    if ((name->kind != ARC_PICKLE_TEXT && name->kind != ARC_PICKLE_BYTES) || name->bytes != 2)
        return 1;
    if (type->state && type->state->kind == ARC_PICKLE_TUPLE && type->state->items > 1)
        *big = arc_pickle_is_text(type->state->item[1], ">");
    return name->data[1] >= '1' && name->data[1] <= '8' ? (size_t)(name->data[1] - '0') : 1;
}

/* Bytes, or a numpy array of them. */
static bool bytes_of(const arc_pickle_value *v, const uint8_t **data, size_t *bytes) {
    const arc_pickle_value *raw = v->kind == ARC_PICKLE_BYTES ? v : array_content(v);
    if (!raw || raw->kind != ARC_PICKLE_BYTES)
        return false;
    *data = raw->data;
    *bytes = raw->bytes;
    return true;
}

/* Lists, tuples, and numpy arrays of objects, whose content is a list. NULL: none of them. */
static const arc_pickle_value *list_of(const arc_pickle_value *v) {
    const arc_pickle_value *content = v->kind == ARC_PICKLE_CALL ? array_content(v) : v;
    return content && (content->kind == ARC_PICKLE_LIST || content->kind == ARC_PICKLE_TUPLE) ? content : NULL;
}

/* One element of an array as a label: a whole number of any width, or a float; only its being zero or one counts. */
static bool raw_label(const uint8_t *p, size_t width, bool big, uint8_t *same) {
    static const uint8_t one32[4] = {0, 0, 0x80, 0x3f}, one64[8] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f};
    bool rest = false;
    for (size_t i = 0; i < width; i++)
        rest |= i != (big ? width - 1 : 0) && p[i] != 0;
    *same = p[big ? width - 1 : 0];
    if (!rest)
        return *same <= 1;
    *same = 1;
    return !big && ((width == 4 && memcmp(p, one32, 4) == 0) || (width == 8 && memcmp(p, one64, 8) == 0));
}

static bool label(const arc_pickle_value *v, uint8_t *same) {
    if (is_numpy_call(v, "scalar", 2)) { /* numpy.bool_ and integers: little-endian bytes */
        const arc_pickle_value *raw = arc_pickle_argument(v, 1);
        return raw->kind == ARC_PICKLE_BYTES && raw->bytes >= 1 && raw_label(raw->data, raw->bytes, false, same);
    }
    if (v->kind == ARC_PICKLE_FLOAT) {
        *same = v->f > 0.5;
        return v->f == 0 || v->f == 1;
    }
    if (v->kind != ARC_PICKLE_BOOL && v->kind != ARC_PICKLE_INT)
        return false;
    *same = v->i != 0;
    return v->i == 0 || v->i == 1;
}

static arc_status take_images(arc_verification_bin *out, const arc_pickle_value *images, const char *name, arc_error *err) {
    images = list_of(images);
    if (!images)
        return arc_fail(err, ARC_EFORMAT, "%s: the images are no list", name);
    if (images->items != 2 * out->pairs)
        return arc_fail(err, ARC_ECORRUPT, "%s: holds %zu images for %zu pairs; it must be two a pair", name, images->items,
                        out->pairs);
    out->image = arc_arena_new(&out->arena, images->items + 1, sizeof *out->image);
    out->image_bytes = arc_arena_new(&out->arena, images->items + 1, sizeof *out->image_bytes);
    if (!out->image || !out->image_bytes)
        return arc_fail_nomem(err, name);
    for (size_t i = 0; i < images->items; i++)
        if (!bytes_of(images->item[i], &out->image[i], &out->image_bytes[i]))
            return arc_fail(err, ARC_EFORMAT, "%s: image %zu is neither bytes, bytearray nor a numpy array of bytes", name, i);
    return ARC_OK;
}

/* A list of labels, a numpy array of objects, or one of bools, integers or floats. */
static arc_status take_labels(arc_verification_bin *out, const arc_pickle_value *labels, const char *name, arc_error *err) {
    const uint8_t *raw = NULL;
    size_t bytes = 0, width = 1;
    bool big = false;
    const arc_pickle_value *list = list_of(labels);
    if (!list && !bytes_of(labels, &raw, &bytes))
        return arc_fail(err, ARC_EFORMAT, "%s: the labels are no list", name);
    if (!list && labels->kind == ARC_PICKLE_CALL)
        width = element_bytes(labels, &big);
    if (bytes % width)
        return arc_fail(err, ARC_ECORRUPT, "%s: its labels take %zu bytes, %zu each", name, bytes, width);
    out->pairs = list ? list->items : bytes / width;
    if (out->pairs == 0)
        return arc_fail(err, ARC_EFORMAT, "%s: holds no pairs", name);
    out->same = arc_arena_new(&out->arena, out->pairs, 1);
    if (!out->same)
        return arc_fail_nomem(err, name);
    for (size_t i = 0; i < out->pairs; i++)
        if (!(list ? label(list->item[i], &out->same[i]) : raw_label(raw + i * width, width, big, &out->same[i])))
            return arc_fail(err, ARC_EFORMAT, "%s: label %zu of %zu is neither true (1) nor false (0)", name, i + 1, out->pairs);
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
    arc_status st = arc_map_open_real(&map, path, MAX_FILE_BYTES, err);
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
