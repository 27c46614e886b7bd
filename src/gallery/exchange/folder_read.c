/* gallery/exchange: reads a plain folder. */
#include "format/format.h"
#include "gallery/exchange/exchange.h"
#include "gallery/exchange/folder.h"
#include "gallery/json.h"
#include <stdio.h>
#include <string.h>

#define CONTAINERS (1 << 20) /* objects and lists that people.json may have however short it is */

typedef struct folder_source {
    arc_exchange_source source;
    arc_context *ctx;
    char folder[ARC_PATH_BYTES];
    json_t *root, *people; /* people: borrowed from root */
    size_t person, item;   /* that come next; 0: the head, or the person itself */
    float *embeddings;     /* [rows][dim] */
    int64_t rows;
    int dim;
    arc_map crop; /* of the last item */
} folder_source;

static arc_status damaged(const folder_source *s, const char *what, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s/" ARC_FOLDER_PEOPLE ": %s; nothing of it was taken over", s->folder, what);
}

/* "crops/NAME", which leads to nowhere else. */
static bool is_crop_name(const char *name) {
    const size_t folder = strlen(ARC_FOLDER_CROPS "/");
    if (strncmp(name, ARC_FOLDER_CROPS "/", folder) != 0)
        return false;
    name += folder;
    return *name && *name != '.' && strlen(name) < 256 && !strpbrk(name, "/\\");
}

static arc_status open_crop(folder_source *s, const json_t *about, arc_exchange_item *item, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES + 256];
    const json_t *crop = json_object_get(about, "crop");
    if (!crop)
        return ARC_OK;
    if (!json_is_string(crop) || !is_crop_name(json_string_value(crop)))
        return damaged(s, "a crop is no file in the folder " ARC_FOLDER_CROPS, err);
    snprintf(path, sizeof path, "%s/%s", s->folder, json_string_value(crop));
    const arc_status st = arc_map_open_unlinked(&s->crop, path, ARC_GALLERY_CROP_BYTES, err);
    if (st == ARC_OK)
        item->crop = (arc_bytes){s->crop.data, s->crop.bytes};
    return st;
}

static arc_status give_vector(folder_source *s, json_t *about, arc_exchange_kind kind, arc_exchange_item *item, arc_error *err) {
    const json_t *row = json_object_get(about, "row");
    if (!json_is_integer(row) || json_integer_value(row) < 0 || json_integer_value(row) >= s->rows)
        return damaged(s, "a row is none of " ARC_FOLDER_EMBEDDINGS, err);
    *item = (arc_exchange_item){
        .kind = kind, .about = about, .dim = s->dim, .embedding = s->embeddings + json_integer_value(row) * s->dim};
    return open_crop(s, about, item, err);
}

static bool is_list(const json_t *list) {
    return !list || json_is_array(list);
}

static arc_status next(arc_exchange_source *source, arc_exchange_item *item, arc_error *err) {
    folder_source *s = (folder_source *)source;
    arc_map_close(&s->crop);
    *item = (arc_exchange_item){.kind = ARC_EXCHANGE_HEAD, .about = s->root};
    if (s->item == 0 && s->person == 0) {
        s->item = SIZE_MAX; /* before the first person */
        return ARC_OK;
    }
    for (;;) {
        json_t *person = s->item == SIZE_MAX ? NULL : json_array_get(s->people, s->person);
        const json_t *templates = json_object_get(person, "templates"), *negatives = json_object_get(person, "negatives");
        const size_t first = json_array_size(templates), all = first + json_array_size(negatives);
        if (person && s->item == 0) {
            s->item = 1;
            *item = (arc_exchange_item){.kind = ARC_EXCHANGE_PERSON, .about = person};
            if (!json_is_object(person))
                return damaged(s, "one of the people is no JSON object", err);
            return is_list(templates) && is_list(negatives) ? ARC_OK : damaged(s, "templates or negatives are no list", err);
        }
        if (person && s->item <= all) {
            const size_t at = s->item++ - 1;
            return at < first ? give_vector(s, json_array_get(templates, at), ARC_EXCHANGE_TEMPLATE, item, err)
                              : give_vector(s, json_array_get(negatives, at - first), ARC_EXCHANGE_NEGATIVE, item, err);
        }
        s->person += person != NULL;
        s->item = 0;
        if (s->person >= json_array_size(s->people)) {
            *item = (arc_exchange_item){.kind = ARC_EXCHANGE_END};
            return ARC_OK;
        }
    }
}

static void close_source(arc_exchange_source *source) {
    folder_source *s = (folder_source *)source;
    arc_context *ctx = s->ctx;
    arc_map_close(&s->crop);
    json_decref(s->root);
    arc_mem_free(&ctx->alloc, s->embeddings);
    arc_mem_free(&ctx->alloc, s);
}

/* In memory an object or list takes fifty times its shortest text. What export writes has one for every hundred bytes. */
static bool is_too_dense(const arc_map *map) {
    size_t containers = 0;
    for (size_t i = 0; i < map->bytes; i++)
        containers += map->data[i] == '{' || map->data[i] == '[';
    return containers > CONTAINERS + map->bytes / 16;
}

static arc_status read_people(folder_source *s, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES];
    json_error_t why = {.line = 0};
    arc_map map;
    snprintf(path, sizeof path, "%s/%s", s->folder, ARC_FOLDER_PEOPLE);
    arc_status st = arc_map_open_unlinked(&map, path, ARC_FOLDER_PEOPLE_BYTES, err);
    if (st != ARC_OK)
        return st;
    const bool dense = is_too_dense(&map);
    if (!dense)
        s->root = json_loadb((const char *)map.data, map.bytes, JSON_REJECT_DUPLICATES, &why);
    arc_map_close(&map);
    if (dense)
        return arc_fail(err, ARC_ELIMIT, "%s: more lists and objects than an exported gallery of its size can have", path);
    if (!s->root && arc_json_starved(&why))
        return arc_fail_nomem(err, path);
    if (!s->root)
        return arc_fail(err, ARC_ECORRUPT, "%s: line %d: %s", path, why.line, why.text);
    s->people = json_object_get(s->root, "people");
    return json_is_array(s->people) ? ARC_OK : arc_fail(err, ARC_EFORMAT, "%s: no exported gallery: it has no people", path);
}

/* A gallery without templates has no embeddings. */
static arc_status read_embeddings(folder_source *s, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES];
    arc_dtype type;
    arc_shape shape;
    snprintf(path, sizeof path, "%s/%s", s->folder, ARC_FOLDER_EMBEDDINGS);
    if (arc_path_kind_of(path) == ARC_PATH_NONE)
        return ARC_OK;
    arc_map map;
    arc_status st = arc_map_open_unlinked(&map, path, SIZE_MAX, err);
    if (st != ARC_OK)
        return st;
    st = arc_npy_parse(&s->ctx->alloc, map.data, map.bytes, path, &type, &shape, (void **)&s->embeddings, err);
    arc_map_close(&map);
    if (st != ARC_OK)
        return st;
    if (type != ARC_F32 || shape.rank != 2 || shape.dim[1] < 1 || shape.dim[1] > ARC_EXCHANGE_MAX_DIM)
        return arc_fail(err, ARC_ECORRUPT, "%s: float32 [rows][dim] is expected, dim 1 to %d", path, ARC_EXCHANGE_MAX_DIM);
    s->rows = shape.dim[0];
    s->dim = (int)shape.dim[1];
    return ARC_OK;
}

/* The folder of crops is in the folder, not a link to another one. */
static arc_status check_crops(const folder_source *s, arc_error *err) {
    char path[ARC_FOLDER_PATH_BYTES], real[ARC_PATH_BYTES], folder[ARC_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", s->folder, ARC_FOLDER_CROPS);
    if (arc_path_kind_of(path) == ARC_PATH_NONE)
        return ARC_OK;
    arc_status st;
    ARC_TRY(arc_path_real(s->folder, folder, sizeof folder, err));
    ARC_TRY(arc_path_real(path, real, sizeof real, err));
    snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, ARC_FOLDER_CROPS);
    if (strcmp(real, path) != 0)
        st = arc_fail(err, ARC_EIO, "%s/%s: is a link, a folder is needed", s->folder, ARC_FOLDER_CROPS);
done:
    return st;
}

arc_status arc_exchange_folder_read(arc_context *ctx, const char *path, arc_exchange_source **out, arc_error *err) {
    *out = NULL;
    if (strlen(path) >= ARC_PATH_BYTES)
        return arc_fail(err, ARC_ELIMIT, "%.100s...: the path is too long", path);
    folder_source *s = arc_mem_new(&ctx->alloc, 1, sizeof *s);
    if (!s)
        return arc_fail_nomem(err, path);
    s->source = (arc_exchange_source){.next = next, .close = close_source};
    s->ctx = ctx;
    memcpy(s->folder, path, strlen(path) + 1);
    arc_status st = read_people(s, err);
    if (st == ARC_OK)
        st = read_embeddings(s, err);
    if (st == ARC_OK)
        st = check_crops(s, err);
    if (st == ARC_OK)
        *out = &s->source;
    else
        close_source(&s->source);
    return st;
}
