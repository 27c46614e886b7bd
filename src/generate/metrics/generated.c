/* generate: reads the list of a folder of generated faces. It may come from anywhere: names must stay inside the folder, and all
 * targets have one length. */
#include "generate/metrics/generated.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST_BYTES ((size_t)1 << 30)
#define MAX_FACES (1 << 20)
#define MAX_DIM 16384

/* Without a number of digits behind the last underscore. */
static size_t person_bytes(const char *name, size_t n) {
    size_t digits = 0;
    while (digits < n && name[n - 1 - digits] >= '0' && name[n - 1 - digits] <= '9')
        digits++;
    return digits > 0 && digits + 1 < n && name[n - 1 - digits] == '_' ? n - 1 - digits : n;
}

static const char *stem_of(const char *path, size_t *bytes) {
    const char *name = arc_path_name(path), *dot = strrchr(name, '.');
    *bytes = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return name;
}

bool arc_is_person(const char *person, const char *path) {
    size_t n;
    const char *stem = stem_of(path, &n);
    n = person_bytes(stem, n);
    return strncmp(person, stem, n) == 0 && person[n] == '\0';
}

void arc_picture_stem(const char *path, char *out, size_t bytes) {
    size_t n;
    const char *stem = stem_of(path, &n);
    snprintf(out, bytes, "%.*s", (int)ARC_MIN(n, bytes), stem);
}

/* A name in the folder itself. */
static bool is_inside(const char *name) {
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

typedef struct reading {
    arc_generated *out;
    const char *dir;
    const json_t *list;
    size_t bytes; /* of the text */
} reading;

static arc_status read_names(const reading *r, int index, arc_error *err) {
    const json_t *entry = json_array_get(r->list, (size_t)index);
    arc_generated_face *f = &r->out->face[index];
    const char *file = json_string_value(json_object_get(entry, "file"));
    const char *person = json_string_value(json_object_get(entry, "identity"));
    const char *photo = json_string_value(json_object_get(entry, "photo"));
    if (!file || !is_inside(file))
        return arc_fail(err, ARC_EFORMAT, "%s/" ARC_GENERATED_LIST ": face %d: \"file\" must name a picture in this folder",
                        r->dir, index);
    if (!person)
        person = photo ? photo : file;
    f->path = arc_arena_printf(&r->out->arena, "%s/%s", r->dir, file);
    f->person = arc_arena_strndup(&r->out->arena, person, person_bytes(person, strlen(person)));
    f->photo = photo ? arc_arena_strdup(&r->out->arena, photo) : NULL;
    return f->path && f->person && (f->photo || !photo) ? ARC_OK : arc_fail_nomem(err, "the list of generated faces");
}

static arc_status read_target(const reading *r, int index, arc_error *err) {
    const json_t *target = json_object_get(json_array_get(r->list, (size_t)index), "target");
    arc_generated *g = r->out;
    if (json_array_size(target) != (size_t)g->dim)
        return arc_fail(err, ARC_EFORMAT,
                        "%s/" ARC_GENERATED_LIST ": face %d: \"target\" has %zu numbers, that of the first face %d", r->dir,
                        index, json_array_size(target), g->dim);
    for (int i = 0; i < g->dim; i++) {
        const json_t *x = json_array_get(target, (size_t)i);
        const double value = json_number_value(x);
        if (!json_is_number(x) || !(fabs(value) < 1e30))
            return arc_fail(err, ARC_EFORMAT, "%s/" ARC_GENERATED_LIST ": face %d: number %d of \"target\" is none", r->dir,
                            index, i);
        g->target[(size_t)index * (size_t)g->dim + (size_t)i] = (float)value;
    }
    return ARC_OK;
}

static int by_person(const void *a, const void *b) {
    const arc_generated_face *const *x = a, *const *y = b;
    return strcmp((*x)->person, (*y)->person);
}

static arc_status number_people(arc_generated *g, arc_error *err) {
    arc_generated_face **order = arc_arena_new(&g->arena, (size_t)g->faces, sizeof *order);
    if (!order)
        return arc_fail_nomem(err, "the list of generated faces");
    for (int i = 0; i < g->faces; i++)
        order[i] = &g->face[i];
    qsort(order, (size_t)g->faces, sizeof *order, by_person);
    for (int i = 0; i < g->faces; i++) {
        g->identities += i == 0 || strcmp(order[i]->person, order[i - 1]->person) != 0;
        order[i]->identity = g->identities - 1;
    }
    return ARC_OK;
}

static arc_status read_faces(const reading *r, arc_error *err) {
    arc_generated *g = r->out;
    const size_t faces = json_array_size(r->list), dim = json_array_size(json_object_get(json_array_get(r->list, 0), "target"));
    if (faces == 0)
        return arc_fail(err, ARC_EFORMAT, "%s/" ARC_GENERATED_LIST " lists no \"faces\"; was it written by arcface generate?",
                        r->dir);
    if (faces > MAX_FACES || dim > MAX_DIM)
        return arc_fail(err, ARC_ELIMIT, "%s/" ARC_GENERATED_LIST ": %zu faces of %zu numbers are too many", r->dir, faces, dim);
    if (dim > r->bytes / 2 / faces) /* a number and what follows it; so a short text takes no more memory than a long one */
        return arc_fail(err, ARC_EFORMAT, "%s/" ARC_GENERATED_LIST ": not all of %zu faces have a \"target\" of %zu numbers",
                        r->dir, faces, dim);
    g->faces = (int)faces;
    g->dim = (int)dim;
    g->face = arc_arena_new(&g->arena, faces, sizeof *g->face);
    if (dim > 0)
        g->target = arc_arena_new(&g->arena, faces * dim, sizeof(float));
    if (!g->face || (dim > 0 && !g->target))
        return arc_fail_nomem(err, "the list of generated faces");
    arc_status st = ARC_OK;
    for (int i = 0; st == ARC_OK && i < g->faces; i++) {
        st = read_names(r, i, err);
        if (st == ARC_OK)
            st = read_target(r, i, err);
    }
    return st == ARC_OK ? number_people(g, err) : st;
}

arc_status arc_generated_parse(arc_generated *out, const arc_alloc *a, const char *dir, const void *text, size_t bytes,
                               arc_error *err) {
    json_error_t why;
    *out = (arc_generated){.faces = 0};
    arc_arena_init(&out->arena, a, 0);
    json_t *root = json_loadb(text, bytes, 0, &why);
    const reading r = {out, dir, json_object_get(root, "faces"), bytes};
    const arc_status st = root ? read_faces(&r, err)
                               : arc_fail(err, ARC_EFORMAT, "%s/" ARC_GENERATED_LIST ": line %d: %s", dir, why.line, why.text);
    json_decref(root);
    if (st != ARC_OK)
        arc_generated_close(out);
    return st;
}

arc_status arc_generated_open(arc_generated *out, const arc_alloc *a, const char *dir, arc_error *err) {
    arc_map file = {0};
    char path[ARC_PATH_BYTES];
    *out = (arc_generated){.faces = 0};
    snprintf(path, sizeof path, "%.4000s/" ARC_GENERATED_LIST, dir);
    arc_status st = arc_map_open(&file, path, MAX_LIST_BYTES, err);
    if (st == ARC_OK)
        st = arc_generated_parse(out, a, dir, file.data, file.bytes, err);
    arc_map_close(&file);
    return st;
}

void arc_generated_close(arc_generated *list) {
    arc_arena_free(&list->arena);
    *list = (arc_generated){.faces = 0};
}
