/* server/api: photos out of requests, through the micro-batcher. */
#include "server/api/api.h"
#include "server/http/body.h"
#include <string.h>
#include <strings.h>

/* ---- where a photo is in a request ---- */

static bool is_whole_body(const arc_http_request *r) {
    const char *type = arc_http_header(r, "Content-Type");
    return !type || strncasecmp(type, "image/", 6) == 0 || arc_http_is_type(r, "application/octet-stream") ||
           arc_http_is_type(r, "application/x-www-form-urlencoded"); /* what curl --data-binary says */
}

static bool from_json(const struct arc_server *server, arc_http_request *request, arc_http_response *response, const char *name,
                      arc_api_photo *out) {
    arc_error err = {0};
    size_t bytes = 0;
    if (arc_http_json(request, false, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        return false;
    }
    const json_t *text = json_object_get(request->json, name);
    if (!json_is_string(text)) {
        arc_http_fail(response, ARC_PROBLEM_MISSING_PHOTO, "the JSON object has no text \"%s\" with a photo in base64", name);
        return false;
    }
    const arc_status st =
        arc_http_base64(&server->ctx->alloc, json_string_value(text), json_string_length(text), &out->decoded, &bytes, &err);
    if (st == ARC_EINVAL)
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "\"%s\": %s", name, err.text);
    else if (st != ARC_OK)
        arc_http_fail_status(response, st, &err);
    if (st == ARC_OK)
        out->photo = arc_photo_from_bytes(out->decoded, bytes, name);
    return st == ARC_OK;
}

static bool from_parts(arc_http_request *request, arc_http_response *response, const char *name, arc_api_photo *out) {
    arc_error err = {0};
    if (arc_http_parts(request, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        return false;
    }
    const arc_http_part *part = arc_http_part_named(request, name);
    if (!part) {
        arc_http_fail(response, ARC_PROBLEM_MISSING_PHOTO, "the form has no part \"%s\"", name);
        return false;
    }
    out->photo = arc_photo_from_bytes(part->body.data, part->body.bytes, name);
    return true;
}

bool arc_api_photo_get(const struct arc_server *server, arc_http_request *request, arc_http_response *response, const char *name,
                       bool whole, arc_api_photo *out) {
    *out = (arc_api_photo){.decoded = NULL};
    bool good = true;
    if (arc_http_is_type(request, "multipart/form-data")) {
        good = from_parts(request, response, name, out);
    } else if (arc_http_is_type(request, "application/json")) {
        good = from_json(server, request, response, name, out);
    } else if (whole && is_whole_body(request)) {
        out->photo = arc_photo_from_bytes(request->body.data, request->body.bytes, name);
    } else {
        arc_http_fail(response, ARC_PROBLEM_UNSUPPORTED_TYPE, "photos come as multipart/form-data%s or as base64 in JSON",
                      whole ? ", as the body (image/...)" : "");
        return false;
    }
    if (good && out->photo.byte_count == 0) {
        arc_http_fail(response, ARC_PROBLEM_MISSING_PHOTO, "the photo \"%s\" has no bytes", name);
        arc_api_photo_free(server, out);
        return false;
    }
    return good;
}

void arc_api_photo_free(const struct arc_server *server, arc_api_photo *photo) {
    arc_mem_free(&server->ctx->alloc, photo->decoded);
    photo->decoded = NULL;
}

/* ---- working on them ---- */

static void fail_photo(arc_http_response *response, const arc_result *photo) {
    arc_http_fail(response, arc_problem_of_photo(photo->status), "%s", photo->error.text);
}

bool arc_api_work(struct arc_server *server, arc_http_request *request, arc_http_response *response, arc_work_item *items,
                  int count) {
    arc_error err = {0};
    if (request->expected) {
        request->expected = false;
        arc_work_expect_no_more(server->work);
    }
    if (arc_work_run(server->work, items, count, request->deadline_ns, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_TIMED_OUT, "%s", err.text);
        return false;
    }
    arc_metrics_stage(&server->metrics, ARC_STAGE_BATCH, items[0].waited_s);
    arc_metrics_stage(&server->metrics, ARC_STAGE_FACES, items[0].worked_s);
    for (int i = 0; i < count; i++)
        if (items[i].result.status != ARC_OK) {
            fail_photo(response, &items[i].result);
            arc_api_done(server, items, count);
            return false;
        }
    return true;
}

void arc_api_done(const struct arc_server *server, arc_work_item *items, int count) {
    for (int i = 0; i < count; i++)
        arc_result_free(server->ctx, &items[i].result);
}

bool arc_api_photo_work(struct arc_server *server, arc_http_request *request, arc_http_response *response, arc_work_item *item) {
    arc_api_photo photo;
    if (!arc_api_photo_get(server, request, response, "photo", true, &photo))
        return false;
    item->photo = photo.photo;
    const bool good = arc_api_work(server, request, response, item, 1);
    arc_api_photo_free(server, &photo);
    return good;
}

bool arc_api_needs_face(arc_http_response *response, const arc_result *photo, const char *name) {
    if (photo->faces == 0)
        arc_http_fail(response, ARC_PROBLEM_NO_FACE, "no face was found in the photo \"%s\"", name);
    return photo->faces > 0;
}
