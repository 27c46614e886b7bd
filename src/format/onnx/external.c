/* Weights in files beside the model (external_data). A model from anywhere names these files, so a name may not lead out of the
 * folder that the model lies in: not by .., not as an absolute path, not through links. Where the model itself is reached through
 * a link (a cache of blobs), the folder that the link leads to counts as well. */
#include "format/onnx/onnx_internal.h"
#include <string.h>

#define MAX_FILES 4096
#define MAX_PATH_BYTES ARC_PATH_BYTES

/* Relative, without "..", and some name at all. */
static bool stays_inside(const char *location) {
    if (!*location || *location == '/')
        return false;
    for (const char *at = location; *at;) {
        const size_t part = strcspn(at, "/");
        if (part == 2 && at[0] == '.' && at[1] == '.')
            return false;
        at += part + (at[part] == '/');
    }
    return true;
}

/* "a/b/model.onnx" -> "a/b/" */
static size_t folder_bytes(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool lies_under(const char *path, const char *folder, size_t bytes) {
    return strncmp(path, folder, bytes) == 0;
}

/* The real path of the file in `real`; checks that it is still inside. */
static arc_status resolve(const arc_onnx_files *files, const char *location, const char *who, char real[MAX_PATH_BYTES],
                          arc_error *err) {
    char beside[MAX_PATH_BYTES], folder[MAX_PATH_BYTES], model[MAX_PATH_BYTES];
    const size_t bytes = folder_bytes(files->model);
    if (bytes + strlen(location) + 1 > sizeof beside)
        return arc_fail(err, ARC_ELIMIT, "%s: the path of its file '%.200s' is too long", who, location);
    memcpy(beside, bytes ? files->model : "./", bytes ? bytes : 2);
    beside[bytes ? bytes : 2] = 0;
    arc_status st = arc_path_real(beside, folder, sizeof folder - 1, err);
    if (st == ARC_OK)
        st = arc_path_real(files->model, model, sizeof model, err);
    if (st != ARC_OK)
        return st;
    if (strcmp(folder, "/") != 0)
        memcpy(folder + strlen(folder), "/", 2);
    memcpy(beside + bytes, location, strlen(location) + 1);
    if (arc_path_real(beside, real, MAX_PATH_BYTES, NULL) != ARC_OK)
        return arc_fail(err, ARC_ENOTFOUND, "%s keeps its data in '%.300s', which is not there; it must lie beside the model",
                        who, beside);
    if (!lies_under(real, folder, strlen(folder)) && !lies_under(real, model, folder_bytes(model)))
        return arc_fail(
            err, ARC_EFORMAT,
            "%s keeps its data in '%.200s', a link that leads out of the model's folder to '%.200s'; put the file itself "
            "beside the model",
            who, location, real);
    return ARC_OK;
}

static arc_status add_file(arc_onnx_files *files, const char *location, const char *who, int *index, arc_error *err) {
    arc_graph *g = files->g;
    char real[MAX_PATH_BYTES];
    for (*index = 0; *index < g->sides; (*index)++)
        if (strcmp(files->name[*index], location) == 0)
            return ARC_OK;
    if (g->sides == MAX_FILES)
        return arc_fail(err, ARC_ELIMIT, "%s: the model keeps its weights in more than %d files", who, MAX_FILES);
    const arc_status st = resolve(files, location, who, real, err);
    if (st != ARC_OK)
        return st;
    if (g->sides == files->capacity) {
        const int wanted = files->capacity ? 2 * files->capacity : 4;
        const char **names = arc_arena_new(&g->arena, (size_t)wanted, sizeof *names);
        arc_map *grown = names ? arc_mem_grow(g->alloc, g->side, (size_t)g->sides, (size_t)wanted, sizeof *grown) : NULL;
        if (!grown)
            return arc_fail_nomem(err, who);
        if (g->sides)
            memcpy(names, files->name, (size_t)g->sides * sizeof *names);
        files->name = names;
        files->capacity = wanted;
        g->side = grown;
    }
    files->name[g->sides] = arc_arena_strdup(&g->arena, location);
    if (!files->name[g->sides])
        return arc_fail_nomem(err, who);
    const arc_status opened = arc_map_open(&g->side[g->sides], real, ARC_MAX_MODEL_BYTES, err);
    if (opened == ARC_OK)
        g->arena.limit_bytes += ARC_ONNX_MEMORY_TIMES * g->side[g->sides++].bytes;
    return opened == ARC_OK ? ARC_OK : arc_fail_in(err, opened, who);
}

arc_status arc_onnx_external(arc_onnx_files *files, const arc_onnx_place *place, size_t bytes, const char *who,
                             const uint8_t **data, arc_error *err) {
    int index;
    *data = NULL;
    if (!files || !files->model)
        return arc_fail(err, ARC_EUNSUPPORTED,
                        "%s keeps its data in another file ('%.200s'), and this model was not read from a file", who,
                        place->location);
    if (place->malformed || !stays_inside(place->location))
        return arc_fail(
            err, ARC_EFORMAT,
            "%s keeps its data in '%.200s', which is no file beside the model; save the model with its weights inside", who,
            place->location);
    if (place->has_length && place->length != bytes)
        return arc_fail(err, ARC_ECORRUPT, "%s takes %llu bytes of '%.200s', its dims and type need %zu", who,
                        (unsigned long long)place->length, place->location, bytes);
    const arc_status st = add_file(files, place->location, who, &index, err);
    if (st != ARC_OK)
        return st;
    const arc_map *map = &files->g->side[index];
    if (place->offset > map->bytes || bytes > map->bytes - place->offset)
        return arc_fail(
            err, ARC_ECORRUPT,
            "%s needs bytes %llu to %llu of '%.200s', which has %zu: the file is cut short or belongs to another model", who,
            (unsigned long long)place->offset, (unsigned long long)place->offset + bytes, place->location, map->bytes);
    *data = map->data + place->offset;
    return ARC_OK;
}
