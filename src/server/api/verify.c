/* server/api: are two photos of one person? */
#include "server/api/api.h"

static void put_side(arc_text *t, const char *name, const arc_work_item *item) {
    arc_text_add(t, ",\n  \"%s\": {", name);
    arc_api_put_photo(t, &item->result);
    arc_text_add(t, ", \"face\": {");
    arc_api_put_face(t, &item->result.face[item->largest], item->result.from);
    arc_text_add(t, "}}");
}

static void put_verdict(arc_text *t, const arc_verdict *v) {
    arc_text_add(t, "{\"same\": %s, \"cosine\": %.9g, \"angle_degrees\": %.6g, \"threshold\": %.9g", arc_text_bool(v->same),
                 v->cosine, v->angle_degrees, v->threshold);
    if (v->calibrated) {
        arc_api_put_real(t, "probability", v->probability);
        arc_api_put_real(t, "far", v->far);
        arc_api_put_real(t, "far_of_threshold", v->far_of_threshold);
    }
}

static void judge(struct arc_server *server, const arc_http_request *request, arc_http_response *response,
                  const arc_work_item items[2]) {
    arc_error err = {0};
    arc_verdict verdict;
    arc_engine *engine = arc_work_hold(server->work);
    arc_verify_rule rule = *arc_engine_rule(engine);
    const int dim = arc_engine_dim(engine);
    arc_work_release(server->work, engine);
    const arc_status st = arc_http_query_real(request, "threshold", -1, 1, &rule.threshold, &err);
    if (st != ARC_OK) {
        arc_http_fail_status(response, st, &err);
        return;
    }
    arc_verify_embeddings(&rule, items[0].result.face[items[0].largest].embedding,
                          items[1].result.face[items[1].largest].embedding, dim, &verdict);
    put_verdict(&response->text, &verdict);
    put_side(&response->text, "a", &items[0]);
    put_side(&response->text, "b", &items[1]);
    arc_text_add(&response->text, "}\n");
}

void arc_api_verify(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    arc_work_item items[2] = {{.kind = ARC_WORK_LARGEST, .keep_crops = true}, {.kind = ARC_WORK_LARGEST, .keep_crops = true}};
    arc_api_photo a, b;
    if (!arc_api_photo_get(server, request, response, "a", false, &a))
        return;
    if (arc_api_photo_get(server, request, response, "b", false, &b)) {
        items[0].photo = a.photo;
        items[1].photo = b.photo;
        if (arc_api_work(server, request, response, items, 2)) {
            if (arc_api_needs_face(response, &items[0].result, "a") && arc_api_needs_face(response, &items[1].result, "b"))
                judge(server, request, response, items);
            arc_api_done(server, items, 2);
        }
        arc_api_photo_free(server, &b);
    }
    arc_api_photo_free(server, &a);
}
