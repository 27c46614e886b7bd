/* gallery/remote: what another server's gallery is, and who its people are. */
#include "gallery/remote/remote_internal.h"
#include <string.h>

#define DIM_MOST 4096

static arc_status corrupt(const arc_remote *r, const char *what, arc_error *err) {
    return arc_fail(err, ARC_ECORRUPT, "%s: the server's reply has no sensible \"%s\"", arc_remote_label(r), what);
}

static int64_t whole(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
}

arc_status arc_remote_look(arc_remote *r, arc_binding *binding, int64_t *comparisons, arc_error *err) {
    json_t *reply = NULL;
    *comparisons = 0;
    *binding = (arc_binding){0};
    arc_status st = arc_remote_call(r, "/v1/galleries?binding=true", NULL, &reply, err);
    if (st != ARC_OK)
        return st;
    const json_t *gallery = json_array_get(json_object_get(reply, "galleries"), 0);
    const int64_t dim = whole(gallery, "dim"), people = whole(gallery, "identities"), templates = whole(gallery, "templates");
    if (!json_is_object(gallery))
        st = arc_fail(err, ARC_EUNSUPPORTED, "%s: the server has no gallery", arc_remote_label(r));
    else if (dim < 0 || dim > DIM_MOST || people < 0 || templates < 0)
        st = corrupt(r, "galleries", err);
    else if (dim > 0) {
        arc_buffer text;
        arc_buffer_init(&text, &arc_remote_context(r)->alloc, ARC_BINDING_MAX_BYTES);
        st = arc_remote_put_json(&text, json_object_get(gallery, "binding"))
                 ? arc_binding_read((arc_bytes){.data = text.data, .bytes = text.bytes}, binding, err)
                 : corrupt(r, "binding", err);
        if (st == ARC_OK && binding->dim != (int)dim)
            st = corrupt(r, "binding", err);
        arc_buffer_free(&text);
        *comparisons = binding->fusion == ARC_FUSE_MAX ? templates : people;
    }
    json_decref(reply);
    return st;
}

static json_t *question(const float *probes, int count, int dim, const arc_gallery_query *query) {
    json_t *rows = json_array(), *all = json_object();
    bool good = rows && all;
    for (int i = 0; i < count && good; i++) {
        json_t *row = json_array();
        for (int k = 0; k < dim && good; k++)
            good = json_array_append_new(row, json_real((double)probes[(size_t)i * (size_t)dim + (size_t)k])) == 0;
        good = json_array_append_new(rows, row) == 0 && good;
    }
    good = json_object_set_new(all, "embeddings", rows) == 0 && good;
    good = json_object_set_new(all, "top", json_integer(query->top)) == 0 && good;
    if (query->threshold >= -1)
        good = json_object_set_new(all, "threshold", json_real(query->threshold)) == 0 && good;
    if (query->fpir > 0)
        good = json_object_set_new(all, "fpir", json_real(query->fpir)) == 0 && good;
    if (good)
        return all;
    json_decref(all);
    return NULL;
}

static arc_status ask(arc_remote *r, const float *probes, int count, const arc_binding *binding, const arc_gallery_query *query,
                      arc_answer *answers, arc_error *err) {
    json_t *body = question(probes, count, binding->dim, query), *reply = NULL;
    arc_status st = body ? arc_remote_call(r, "/v1/search", body, &reply, err) : arc_fail_nomem(err, "a question");
    const json_t *results = json_object_get(reply, "results");
    const char *model = json_string_value(json_object_get(reply, "model_sha256"));
    if (st == ARC_OK && (!model || strcmp(model, binding->model_sha256) != 0))
        st = arc_fail(err, ARC_EIO, "%s: moved to another model while the shards were searched; search again",
                      arc_remote_label(r));
    if (st == ARC_OK && json_array_size(results) != (size_t)count)
        st = corrupt(r, "results", err);
    for (int i = 0; i < count && st == ARC_OK; i++)
        st = arc_remote_read_answer(r, json_array_get(results, (size_t)i), query->top, &answers[i], err);
    json_decref(reply);
    return st;
}

arc_status arc_remote_identify(arc_remote *r, const float *probes, int count, const arc_binding *binding,
                               const arc_gallery_query *query, arc_answer *answers, arc_error *err) {
    arc_status st = ARC_OK;
    for (int i = 0; i < count && st == ARC_OK; i += ARC_REMOTE_PROBES)
        st = ask(r, probes + (size_t)i * (size_t)binding->dim, ARC_MIN(ARC_REMOTE_PROBES, count - i), binding, query, answers + i,
                 err);
    if (st != ARC_OK)
        arc_answers_free(arc_remote_context(r), answers, count);
    return st;
}
