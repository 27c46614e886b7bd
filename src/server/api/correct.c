/* server/api: what people correct: two entries of one person become one; a face is not the person it was taken for. */
#include "server/api/api.h"
#include "server/http/body.h"
#include <string.h>

/* The one field of a JSON body; NULL: there is another or none, and the response says so. */
static const json_t *only_field(arc_http_request *request, arc_http_response *response, const char *name) {
    arc_error err = {0};
    if (!arc_http_is_type(request, "application/json")) {
        arc_http_fail(response, ARC_PROBLEM_UNSUPPORTED_TYPE, "this comes as application/json");
        return NULL;
    }
    if (arc_http_json(request, false, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        return NULL;
    }
    const json_t *value = json_object_get(request->json, name);
    if (!value || json_object_size(request->json) != 1)
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "the body is an object with \"%s\" alone", name);
    return response->failed ? NULL : value;
}

static int seen(void *arg, const arc_identity *who) {
    (void)who;
    *(bool *)arg = true;
    return 1;
}

/* Nobody is merged into somebody who is not there: which of the two it is, is said. */
static bool is_there(const struct arc_server *server, arc_http_response *response, int64_t id) {
    arc_error err = {0};
    bool there = false;
    const arc_status st = arc_gallery_identity(server->gallery, id, seen, &there, &err);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else if (!there)
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "there is no identity %lld", (long long)id);
    return st == ARC_OK && there;
}

void arc_api_identity_merge(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_error err = {0};
    int64_t into;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &into))
        return;
    const json_t *value = only_field(request, response, "from");
    if (!value)
        return;
    const int64_t from = json_is_integer(value) ? json_integer_value(value) : 0;
    if (from < 1 || from == into) {
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "\"from\" is the id of another person");
        return;
    }
    pthread_mutex_lock(&server->writing);
    arc_status st = ARC_OK;
    if (is_there(server, response, into) && is_there(server, response, from))
        st = arc_gallery_merge(server->gallery, into, from, &err);
    pthread_mutex_unlock(&server->writing);
    if (st != ARC_OK)
        arc_api_fail_gallery(server, response, st, &err);
    else if (!response->failed)
        arc_api_identity_get(server, request, response);
}

void arc_api_identity_reject(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_error err = {0};
    int64_t id;
    if (!arc_api_has_gallery(server, response) || !arc_api_id(request, response, 0, &id))
        return;
    const json_t *row = only_field(request, response, "embedding");
    if (!row)
        return;
    arc_engine *engine = arc_work_hold(server->work);
    const int dim = arc_engine_dim(engine);
    arc_work_release(server->work, engine);
    float *probe = arc_mem_raw(&server->ctx->alloc, (size_t)dim, sizeof *probe);
    if (!probe)
        arc_http_fail(response, ARC_PROBLEM_INTERNAL, "no memory for an embedding");
    else if (arc_api_embedding(response, row, 0, dim, probe)) {
        pthread_mutex_lock(&server->writing);
        const arc_status st = is_there(server, response, id) ? arc_gallery_reject(server->gallery, probe, id, &err) : ARC_OK;
        pthread_mutex_unlock(&server->writing);
        if (st != ARC_OK)
            arc_api_fail_gallery(server, response, st, &err);
        else if (!response->failed)
            response->status = 204;
    }
    arc_mem_free(&server->ctx->alloc, probe);
}
