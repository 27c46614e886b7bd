/* server/immich: what Immich asks. Its other tasks (search by text, texts in pictures) are refused by name, so that it says so.
 */
#include "server/immich/immich.h"
#include "server/api/api.h"
#include "server/http/body.h"
#include <math.h>
#include <string.h>

static void ping(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    (void)server, (void)request;
    response->type = "text/plain; charset=utf-8";
    arc_text_add(&response->text, "pong");
}

/* The least score that the request wants faces to have. false: the entries ask for something else, and the response says so. */
static bool read_entries(const arc_http_request *request, arc_http_response *response, double *least) {
    const arc_http_part *part = arc_http_part_named(request, "entries");
    json_t *all = part ? json_loadb((const char *)part->body.data, part->body.bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *task = json_object_get(all, "facial-recognition");
    const json_t *options = json_object_get(json_object_get(task, "detection"), "options");
    *least = json_number_value(json_object_get(options, "minScore")); /* 0: none is named */
    if (!json_is_object(all))
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "the form has no part \"entries\" that is a JSON object");
    else if (!json_is_object(task) || json_object_size(all) != 1)
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER,
                      "only facial-recognition is answered here; leave search by content and texts to Immich's own service");
    json_decref(all);
    return !response->failed;
}

/* Boxes are whole pixels, an embedding is a text. */
static void put_face(arc_text *t, const arc_result_face *face, int dim, bool first) {
    const arc_face *f = &face->face;
    arc_text_add(t, "%s{\"boundingBox\": {\"x1\": %.0f, \"y1\": %.0f, \"x2\": %.0f, \"y2\": %.0f}, \"embedding\": \"[",
                 first ? "" : ", ", (double)roundf(f->x1_px), (double)roundf(f->y1_px), (double)roundf(f->x2_px),
                 (double)roundf(f->y2_px));
    for (int i = 0; i < dim; i++)
        arc_text_add(t, "%s%.9g", i ? "," : "", (double)face->embedding[i] / (double)face->norm);
    arc_text_add(t, "]\", \"score\": %.9g}", (double)f->score);
}

static void predict(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_work_item item = {.kind = ARC_WORK_EMBED};
    arc_api_photo photo;
    arc_error err = {0};
    double least;
    if (!arc_http_is_type(request, "multipart/form-data") || arc_http_parts(request, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_BAD_REQUEST, "a form with \"entries\" and \"image\" is wanted%s%s",
                      *err.text ? ": " : "", err.text);
        return;
    }
    if (!read_entries(request, response, &least) || !arc_api_photo_get(server, request, response, "image", false, &photo))
        return;
    item.photo = photo.photo;
    if (arc_api_work(server, request, response, &item, 1)) {
        arc_engine *engine = arc_work_hold(server->work);
        const int dim = arc_engine_dim(engine);
        arc_work_release(server->work, engine);
        arc_text *t = &response->text;
        bool first = true;
        arc_text_add(t, "{\"facial-recognition\": [");
        for (int i = 0; i < item.result.faces; i++) {
            const arc_result_face *face = &item.result.face[i];
            if (!face->embedding || !(face->norm > 0) || (double)face->face.score < least)
                continue;
            put_face(t, face, dim, first);
            first = false;
        }
        arc_text_add(t, "], \"imageHeight\": %d, \"imageWidth\": %d}\n", item.result.height_px, item.result.width_px);
        arc_api_done(server, &item, 1);
    }
    arc_api_photo_free(server, &photo);
}

static void write_failure(const arc_http_request *request, arc_http_response *response) {
    const bool private = response->problem == ARC_PROBLEM_INTERNAL; /* the log has the sentence */
    (void)request;
    arc_text_add(&response->text, "{\"detail\": ");
    arc_text_quote(&response->text, private ? arc_problem_text(response->problem) : response->sentence);
    arc_text_add(&response->text, "}\n");
}

/* Without ids: Immich knows its addresses, and the document at /openapi.json is about those of this server. */
static const arc_route routes[] = {
    {.method = "GET", .path = "/ping", .role = ARC_ROLE_ANYBODY, .in_place = true, .answer = ping, .what = "The server lives"},
    {.method = "POST",
     .path = "/predict",
     .role = ARC_ROLE_READ,
     .photos = true,
     .answer = predict,
     .what = "Faces of a photo with their embeddings",
     .body = ARC_BODY_PHOTO,
     .status = 200},
};

const arc_route_group arc_immich_group = {
    .prefix = "/predict",
    .route = routes,
    .routes = ARC_COUNT(routes),
    .failure = "Error",
    .write_failure = write_failure,
};
