/* server/api: faces of a photo, with and without embeddings. */
#include "server/api/api.h"

/* aligned=true: the photo is a ready crop; largest=true: the embedding of one face only. */
static bool kind_of(const arc_http_request *request, arc_http_response *response, arc_work_kind *kind) {
    arc_error err = {0};
    bool aligned = false, largest = false;
    arc_status st = arc_http_query_bool(request, "aligned", &aligned, &err);
    if (st == ARC_OK)
        st = arc_http_query_bool(request, "largest", &largest, &err);
    *kind = aligned ? ARC_WORK_ALIGNED : largest ? ARC_WORK_LARGEST : ARC_WORK_EMBED;
    if (st != ARC_OK)
        arc_http_fail_status(response, st, &err);
    return st == ARC_OK;
}

void arc_api_detect(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_work_item item = {.kind = ARC_WORK_DETECT, .keep_crops = true}; /* for the quality of each */
    arc_text *t = &response->text;
    if (!arc_api_photo_work(server, request, response, &item))
        return;
    arc_text_add(t, "{");
    arc_api_put_photo(t, &item.result);
    arc_text_add(t, ", \"faces\": [");
    for (int i = 0; i < item.result.faces; i++) {
        arc_text_add(t, "%s\n  {", i ? "," : "");
        arc_api_put_face(t, &item.result.face[i], item.result.from);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]}\n");
    arc_api_done(server, &item, 1);
}

void arc_api_embed(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_work_item item = {.keep_crops = true};
    arc_text *t = &response->text;
    if (!kind_of(request, response, &item.kind) || !arc_api_photo_work(server, request, response, &item))
        return;
    arc_engine *engine = arc_work_hold(server->work);
    const int dim = arc_engine_dim(engine);
    arc_work_release(server->work, engine);
    bool first = true;
    arc_text_add(t, "{");
    arc_api_put_photo(t, &item.result);
    arc_text_add(t, ", \"dim\": %d, \"faces\": [", dim);
    for (int i = 0; i < item.result.faces; i++) {
        if (!item.result.face[i].embedding)
            continue;
        arc_text_add(t, "%s\n  {", first ? "" : ",");
        first = false;
        arc_api_put_face(t, &item.result.face[i], item.result.from);
        arc_text_add(t, ", ");
        arc_api_put_embedding(t, item.result.face[i].embedding, dim);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]}\n");
    arc_api_done(server, &item, 1);
}
