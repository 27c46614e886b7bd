/* The container by itself, and config.json beside the network that it speaks of. */
#include "deploy/archive/archive.h"
#include <stdio.h>
#include <string.h>

#define PLACE_BYTES 160

static bool ends(const char *text, const char *suffix) {
    const size_t n = strlen(text), k = strlen(suffix);
    return n >= k && strcmp(text + n - k, suffix) == 0;
}

static bool points_outside(const char *name) {
    const char *part = name;
    if (*name == '/' || strchr(name, '\\'))
        return true;
    for (;;) {
        const size_t n = strcspn(part, "/");
        if (n == 2 && part[0] == '.' && part[1] == '.')
            return true;
        if (!part[n])
            return false;
        part += n + 1;
    }
}

static void check_config_name(arc_archive *a) {
    if (arc_archive_member(a, ARC_ARCHIVE_CONFIG))
        return;
    for (int i = 0; i < a->members; i++)
        if (ends(a->member[i].name, "/" ARC_ARCHIVE_CONFIG)) {
            arc_archive_find(a, true, a->path,
                             "%.100s must be called config.json and nothing else: both readers compare the whole name",
                             a->member[i].name);
            return;
        }
    arc_archive_find(a, true, a->path, "no config.json: not an NN Archive");
}

static void check_container(arc_archive *a) {
    if (a->container != ARC_CONTAINER_ARCHIVE)
        return;
    check_config_name(a);
    for (int i = 0; i < a->members; i++) {
        const arc_member *m = &a->member[i];
        if (points_outside(m->name))
            arc_archive_find(a, true, m->name, "the name points outside the archive");
        if (!m->file)
            arc_archive_find(a, ends(m->name, "/") ? false : true, m->name, "no regular file: a link, folder or device");
        for (int k = 0; k < i; k++)
            if (strcmp(m->name, a->member[k].name) == 0) {
                arc_archive_find(a, true, m->name, "two members have this name, and readers take different ones");
                break;
            }
    }
    if (!ends(a->path, ".tar.xz"))
        arc_archive_find(a, false, a->path, "modelconverter's benchmark takes names that end in .tar.xz alone");
    else if (strcmp(a->compression, "xz") != 0)
        arc_archive_find(a, true, a->path, "called .tar.xz, but the compression is %s: depthai refuses it", a->compression);
    if (!a->executable_name)
        return;
    if (!arc_archive_member(a, a->executable_name))
        arc_archive_find(a, true, "model.metadata",
                         "path \"%.100s\" is no member%s: depthai refuses the archive, luxonis-ml does not look",
                         a->executable_name, strncmp(a->executable_name, "./", 2) == 0 ? ", the ./ included" : "");
    static const char *const known[] = {".onnx", ".blob", ".superblob", ".dlc", ".xml", ".tflite", ".pt", ".pth"};
    bool any = false;
    for (size_t i = 0; i < ARC_COUNT(known); i++)
        any |= ends(a->executable_name, known[i]);
    if (!any)
        arc_archive_find(a, false, "model.metadata", "path \"%.100s\" has an ending that no reader knows", a->executable_name);
    if (ends(a->executable_name, ".onnx") && a->executable.bytes > (size_t)2 << 30)
        arc_archive_find(a, true, a->executable_name, "an ONNX file of more than 2 GiB cannot be read by protobuf");
}

/* ---- an ONNX network ---- */

static const arc_value *named(const arc_graph *g, const int *list, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(g->value[list[i]].name, name) == 0)
            return &g->value[list[i]];
    return NULL;
}

static void check_shape(arc_archive *a, const char *where, const json_t *shape, const arc_value *v) {
    char text[128];
    if (!json_is_array(shape) || v->shape.rank < 0)
        return;
    bool same = (int)json_array_size(shape) == v->shape.rank;
    for (int i = 0; same && i < v->shape.rank; i++)
        same = v->shape.dim[i] < 0 || v->shape.dim[i] == json_integer_value(json_array_get(shape, (size_t)i));
    if (!same)
        arc_archive_find(a, true, where, "the network has %s, config.json another shape",
                         arc_shape_text(&v->shape, text, sizeof text));
}

static void check_type(arc_archive *a, const char *where, const char *dtype, const arc_value *v) {
    const char *own = arc_dtype_name(v->dtype ? v->dtype : ARC_F32);
    if (dtype && strcmp(dtype, own) != 0)
        arc_archive_find(a, true, where, "the network has %s, config.json says %s", own, dtype);
}

/* Every entry of config.json's list is one of the network's, and the reverse. */
static void check_edges(arc_archive *a, const char *list_name, const char *word, const int *values, int count) {
    const json_t *list = arc_archive_list(a, list_name);
    const arc_graph *g = a->graph;
    char where[PLACE_BYTES];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *edge = json_array_get(list, i);
        const char *name = arc_archive_text(edge, "name");
        const arc_value *v = name ? named(g, values, count, name) : NULL;
        snprintf(where, sizeof where, "%s %.100s", word, name ? name : "without name");
        if (name && !v)
            arc_archive_find(a, true, where, "the network has no %s of this name", word);
        if (!v)
            continue;
        check_shape(a, where, json_object_get(edge, "shape"), v);
        check_type(a, where, arc_archive_text(edge, "dtype"), v);
    }
    for (int k = 0; list && k < count; k++) {
        bool listed = false;
        for (size_t i = 0; i < json_array_size(list) && !listed; i++) {
            const char *name = arc_archive_text(json_array_get(list, i), "name");
            listed = name && strcmp(name, g->value[values[k]].name) == 0;
        }
        snprintf(where, sizeof where, "%s %.100s", word, g->value[values[k]].name);
        if (!listed)
            arc_archive_find(a, strcmp(word, "input") == 0, where, "the network has it, config.json does not");
    }
}

static bool dynamic(const arc_value *v, bool *batch_only) {
    bool any = v->shape.rank < 0;
    *batch_only = !any;
    for (int i = 0; i < v->shape.rank; i++)
        if (v->shape.dim[i] < 0) {
            any = true;
            *batch_only &= i == 0;
        }
    return any;
}

/* Whether the frames that config.json asks for are what the network takes: its own metadata says that. */
static void check_meaning(arc_archive *a, const json_t *input, const char *where) {
    const json_t *p = json_object_get(input, "preprocessing");
    const char *frame = arc_archive_text(p, "dai_type");
    arc_contract c;
    if (!arc_graph_meta(a->graph, "arcface.task") || arc_contract_read(&c, a->graph, NULL, NULL) != ARC_OK)
        return;
    if (frame && strncmp(frame, c.bgr ? "RGB" : "BGR", 3) == 0)
        arc_archive_find(a, true, where, "dai_type %s, but the network takes %s", frame, c.bgr ? "BGR" : "RGB");
    static const char *const words[2] = {"mean", "scale"};
    bool same = true;
    for (int k = 0; k < 2; k++) {
        const json_t *list = json_object_get(p, words[k]);
        for (int i = 0; i < 3; i++) {
            const double own = k == 0 ? (double)c.mean[i] : 1.0 / (double)c.scale[i], neutral = k;
            const double told = json_is_array(list) ? json_number_value(json_array_get(list, (size_t)i)) : neutral;
            same &= told > own - 1e-4 * (1 + own) && told < own + 1e-4 * (1 + own);
        }
    }
    if (!same)
        arc_archive_find(a, true, where,
                         "the network wants mean %g and scale %g, config.json says otherwise: normalisation would be "
                         "left out or done twice",
                         (double)c.mean[0], 1.0 / (double)c.scale[0]);
}

static void check_onnx(arc_archive *a) {
    const arc_graph *g = a->graph;
    const json_t *inputs = arc_archive_list(a, "inputs");
    char where[PLACE_BYTES];
    check_edges(a, "inputs", "input", g->input, g->inputs);
    check_edges(a, "outputs", "output", g->output, g->outputs);
    for (int i = 0; i < g->inputs; i++) {
        bool batch_only;
        const arc_value *v = &g->value[g->input[i]];
        snprintf(where, sizeof where, "input %.100s", v->name);
        if (dynamic(v, &batch_only))
            arc_archive_find(a, !batch_only, where,
                             batch_only ? "any batch: modelconverter makes it 1"
                                        : "a dynamic size: conversion for RVC4 fails, for RVC2 it needs a shape");
    }
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        const char *name = arc_archive_text(input, "name");
        snprintf(where, sizeof where, "input %.100s", name ? name : "without name");
        check_meaning(a, input, where);
    }
}

/* ---- a blob ---- */

static void check_blob_edges(arc_archive *a, const char *list_name, const char *word, const arc_blob_tensor *tensor, int count) {
    const json_t *list = arc_archive_list(a, list_name);
    char where[PLACE_BYTES];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = arc_archive_text(json_array_get(list, i), "name");
        bool found = !name;
        for (int k = 0; k < count && !found; k++)
            found = strcmp(tensor[k].name, name) == 0;
        snprintf(where, sizeof where, "%s %.100s", word, name ? name : "without name");
        if (!found)
            arc_archive_find(a, true, where, "the blob has no %s of this name", word);
    }
}

static void check_network(arc_archive *a) {
    const arc_blob *b = &a->blob.base;
    if (a->graph && a->json)
        check_onnx(a);
    if (!a->has_blob && !a->has_superblob)
        return;
    if (a->json) {
        check_blob_edges(a, "inputs", "input", b->input, b->inputs);
        check_blob_edges(a, "outputs", "output", b->output, b->outputs);
    }
    const char *where = a->executable_name ? a->executable_name : a->path;
    /* 5.0 is OpenVINO 2020.3, 6.0 2020.4 to 2022.1; later ones carry their release */
    if (!(b->version[0] == 5 || b->version[0] == 6 || (b->version[0] >= 2000 && b->version[0] <= 2100)) || b->version[1] > 16)
        arc_archive_find(a, false, where, "version %u.%u is that of no OpenVINO which is known: depthai may refuse it",
                         b->version[0], b->version[1]);
    if (b->shaves == 0 || b->shaves > ARC_SUPERBLOB_SHAVES)
        arc_archive_find(a, true, where, "compiled for %u shaves; RVC2 has 16", b->shaves);
    else if (a->has_blob && b->shaves > 8)
        arc_archive_find(a, false, where,
                         "compiled for %u shaves: cameras that also encode or detect have fewer free, and the pipeline "
                         "stops",
                         b->shaves);
    if (b->inputs == 0 || b->outputs == 0)
        arc_archive_find(a, true, where, "no %s", b->inputs == 0 ? "inputs" : "outputs");
}

void arc_archive_check(arc_archive *a) {
    check_container(a);
    arc_archive_check_config(a);
    check_network(a);
}
