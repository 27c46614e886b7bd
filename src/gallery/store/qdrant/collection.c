/* gallery/store/qdrant: the server and its collections: found, made, listed. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <stdio.h>
#include <string.h>

#define LARGEST_DIM 65536 /* Qdrant's own limit */

static arc_status make_index(arc_qd *s, const char *collection, const char *field, const char *type, arc_error *err) {
    return arc_qd_update(s, "PUT", collection, "/index?wait=true&ordering=strong",
                         json_pack("{s:s, s:s}", "field_name", field, "field_schema", type), err);
}

/* Every collection has a vector, filled or not: Qdrant does not promise to take one without any. Vectors are compared by their
 * dot product, since for the cosine Qdrant would scale them anew. */
arc_status arc_qd_collection_make(arc_qd *s, const char *name, int dim, arc_error *err) {
    static const char *const of_templates[][2] = {
        {"kind", "keyword"}, {"identity", "integer"}, {"revision", "integer"}, {"source", "keyword"}};
    static const char *const of_people[][2] = {
        {"kind", "keyword"}, {"identity", "integer"}, {"name_sha", "keyword"}, {"made", "keyword"}};
    const char *const(*indices)[2] = strcmp(name, s->people) == 0 ? of_people : of_templates;
    arc_qd_reply reply;
    json_t *body = json_pack("{s:{s:{s:i, s:s}}}", "vectors", "face", "size", ARC_MAX(dim, 1), "distance", "Dot");
    arc_status st = arc_qd_call(s, "PUT", name, "", body, &reply, err);
    if (st == ARC_OK && reply.code == 404)
        st = arc_fail(err, ARC_EIO, "%s: the collection %s cannot be made", s->label, name);
    json_decref(reply.result);
    for (size_t i = 0; i < ARC_COUNT(of_people) && st == ARC_OK; i++) /* also where it is there: its maker may have been ended */
        st = make_index(s, name, indices[i][0], indices[i][1], err);
    return st;
}

/* *found false: no such collection. *dim: of its vectors "face", 0: it has none. */
static arc_status look(arc_qd *s, const char *collection, bool *found, int *dim, arc_error *err) {
    arc_qd_reply reply;
    arc_status st = arc_qd_call(s, "GET", collection, "", NULL, &reply, err);
    *found = st == ARC_OK && reply.code == 200;
    *dim = 0;
    json_int_t size = 0;
    if (*found && json_unpack(reply.result, "{s:{s:{s:{s:{s:I}}}}}", "config", "params", "vectors", "face", "size", &size) == 0 &&
        size >= 1 && size <= LARGEST_DIM)
        *dim = (int)size;
    json_decref(reply.result);
    return st;
}

arc_status arc_qd_look_dim(arc_qd *s, arc_error *err) {
    bool found;
    arc_status st = look(s, s->templates, &found, &s->dim, err);
    if (st == ARC_OK && found && s->dim == 0)
        st = arc_fail(err, ARC_EFORMAT, "%s: there is another collection %s, which no gallery made", s->label, s->templates);
    if (st != ARC_OK || !found)
        s->dim = st == ARC_OK ? 0 : -1;
    return st;
}

arc_status arc_qd_count(arc_qd *s, const char *collection, json_t *filter, int64_t *count, arc_error *err) {
    json_t *result;
    json_t *body = json_pack("{s:o, s:b}", "filter", filter, "exact", 1);
    arc_status st = arc_qd_ask(s, collection, "/points/count?consistency=majority", body, JSON_OBJECT, &result, err);
    *count = 0;
    if (st == ARC_OK)
        st = arc_qd_get_int(s, result, "count", count, err);
    json_decref(result);
    return st;
}

static arc_status check_version(arc_qd *s, arc_error *err) {
    arc_qd_reply reply;
    int major = 0, minor = 0;
    arc_status st = arc_qd_call(s, "GET", NULL, "/", NULL, &reply, err);
    if (st != ARC_OK)
        return st;
    const char *version = json_string_value(json_object_get(reply.result, "version"));
    if (!version || sscanf(version, "%3d.%5d", &major, &minor) != 2)
        st = arc_fail(err, ARC_EFORMAT, "%s: what answers there is not Qdrant", s->label);
    else if (major < 1 || (major == 1 && minor < ARC_QD_OLDEST_MINOR))
        st = arc_fail(err, ARC_EUNSUPPORTED, "%s: a server of version %d.%d; galleries need Qdrant 1.%d or newer", s->label,
                      major, minor, ARC_QD_OLDEST_MINOR);
    json_decref(reply.result);
    return st;
}

/* ---- galleries: COLLECTION, and COLLECTION.NAME for others than the main one ---- */

arc_status arc_qd_galleries(arc_gallery_store *store, arc_gallery_name_visit *visit, void *arg, arc_error *err) {
    arc_qd *s = arc_qd_of(store);
    const size_t stem = strlen(s->collection);
    arc_qd_reply reply;
    arc_status st = arc_qd_call(s, "GET", NULL, "/collections", NULL, &reply, err);
    const json_t *all = st == ARC_OK ? json_object_get(reply.result, "collections") : NULL;
    for (size_t i = 0; i < json_array_size(all) && st == ARC_OK; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(all, i), "name"));
        char gallery[ARC_STORE_GALLERY_NAME_BYTES + 1];
        const size_t bytes = name ? strlen(name) : 0;
        if (bytes < stem + 7 || strncmp(name, s->collection, stem) != 0 || strcmp(name + bytes - 7, "_people") != 0)
            continue;
        const size_t own = bytes - 7 - stem;
        if (own == 0)
            st = visit(arg, "main", err);
        else if (name[stem] == '.' && own >= 2 && own - 1 < sizeof gallery) {
            snprintf(gallery, sizeof gallery, "%.*s", (int)(own - 1), name + stem + 1);
            st = visit(arg, gallery, err);
        }
    }
    json_decref(reply.result);
    return st;
}

static arc_status add_name(void *arg, const char *name, arc_error *err) {
    char *list = arg;
    (void)err;
    const size_t used = strlen(list);
    snprintf(list + used, 200 - used, "%s%s", used ? ", " : "", name);
    return ARC_OK;
}

static arc_status no_such_gallery(arc_qd *s, arc_error *err) {
    char list[200] = "";
    const arc_status st = arc_qd_galleries(&s->base, add_name, list, err);
    if (st != ARC_OK)
        return st;
    if (!*list)
        return arc_fail(err, ARC_ENOTFOUND, "%s: there is no gallery in this server; enrolling somebody makes it", s->label);
    return arc_fail(err, ARC_ENOTFOUND, "%s: no such gallery; the collections have: %s", s->label, list);
}

arc_status arc_qd_find(arc_qd *s, arc_error *err) {
    const bool may_create = (s->flags & ARC_STORE_CREATE) && !(s->flags & ARC_STORE_READ_ONLY);
    arc_qd_head head;
    bool found, begun = false;
    int dim;
    int64_t points = 0;
    arc_status st;
    ARC_TRY(check_version(s, err));
    ARC_TRY(look(s, s->people, &found, &dim, err));
    if (found)
        ARC_TRY(arc_qd_head_read(s, &head, &begun, err));
    if (begun)
        return ARC_OK;
    if (found)
        ARC_TRY(arc_qd_count(s, s->people, json_object(), &points, err));
    if (points > 0)
        return arc_fail(err, ARC_EFORMAT, "%s: there is another collection %s, which no gallery made", s->label, s->people);
    if (!may_create)
        return no_such_gallery(s, err);
    ARC_TRY(arc_qd_collection_make(s, s->people, 0, err));
    st = arc_qd_head_make(s, err);
done:
    return st;
}
