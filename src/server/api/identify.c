/* server/api: who is in a photo? */
#include "server/api/api.h"
#include <string.h>

/* dim 0: without embeddings. */
static void put_faces(arc_text *t, const arc_result *photo, const int *which, const arc_answer *answers, int count, int dim) {
    int known = 0;
    for (int i = 0; i < count; i++)
        known += answers[i].known == ARC_KNOWN;
    arc_text_add(t, "{");
    arc_api_put_photo(t, photo);
    arc_text_add(t, ", \"known\": %d, \"unknown\": %d, \"faces\": [", known, count - known);
    for (int i = 0; i < count; i++) {
        arc_text_add(t, "%s\n  {", i ? "," : "");
        arc_api_put_face(t, &photo->face[which[i]], photo->from);
        arc_text_add(t, ", ");
        arc_api_put_answer(t, &answers[i]);
        if (dim > 0) {
            arc_text_add(t, ", ");
            arc_api_put_embedding(t, photo->face[which[i]].embedding, dim);
        }
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]}\n");
}

/* Of all faces that have an embedding. */
static void identify(struct arc_server *server, arc_http_response *response, const arc_gallery_query *query,
                     const arc_result *photo, int dim, bool embeddings) {
    const arc_alloc *alloc = &server->ctx->alloc;
    const size_t faces = (size_t)photo->faces;
    float *probes = arc_mem_raw(alloc, faces * (size_t)dim, sizeof *probes);
    arc_answer *answers = arc_mem_new(alloc, faces, sizeof *answers);
    int *which = arc_mem_raw(alloc, faces, sizeof *which);
    int count = 0;
    if (!probes || !answers || !which) {
        arc_http_fail(response, ARC_PROBLEM_INTERNAL, "no memory for answers");
    } else {
        for (int i = 0; i < photo->faces; i++) {
            if (!photo->face[i].embedding)
                continue;
            memcpy(probes + (size_t)count * (size_t)dim, photo->face[i].embedding, (size_t)dim * sizeof *probes);
            which[count++] = i;
        }
        if (count == 0 || arc_api_identify(server, response, probes, count, query, answers)) {
            put_faces(&response->text, photo, which, answers, count, embeddings ? dim : 0);
            arc_answers_free(server->ctx, answers, count);
        }
    }
    arc_mem_free(alloc, probes);
    arc_mem_free(alloc, answers);
    arc_mem_free(alloc, which);
}

void arc_api_identify_photo(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_work_item item = {.keep_crops = true};
    arc_gallery_query query;
    arc_error err = {0};
    bool largest = false, embeddings = false;
    if (!arc_api_has_gallery(server, response) || !arc_api_query(request, response, &query))
        return;
    if (arc_http_query_bool(request, "largest", &largest, &err) != ARC_OK ||
        arc_http_query_bool(request, "embeddings", &embeddings, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "%s", err.text);
        return;
    }
    item.kind = largest ? ARC_WORK_LARGEST : ARC_WORK_EMBED;
    if (!arc_api_photo_work(server, request, response, &item))
        return;
    arc_engine *engine = arc_work_hold(server->work);
    const int dim = arc_engine_dim(engine);
    arc_work_release(server->work, engine);
    identify(server, response, &query, &item.result, dim, embeddings);
    arc_api_done(server, &item, 1);
}
