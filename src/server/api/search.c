/* server/api: who are these embeddings? For whoever embeds elsewhere, and for servers that search several others as one. */
#include "server/api/api.h"
#include "server/http/body.h"
#include <math.h>
#include <string.h>

#define EMBEDDINGS_MOST 256

static bool wrong(arc_http_response *response, const char *sentence) {
    arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "%s", sentence);
    return false;
}

/* probes: [count][dim]. */
static bool read_embeddings(arc_http_response *response, const json_t *rows, int dim, float *probes) {
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (!arc_api_embedding(response, json_array_get(rows, i), i, dim, probes + i * (size_t)dim))
            return false;
    return true;
}

/* {"embeddings": [[...]], "top": 5, "threshold": 0.4, "fpir": 0.01}; *rows belongs to the request. */
static bool read_question(arc_http_request *request, arc_http_response *response, arc_gallery_query *query, const json_t **rows) {
    arc_error err = {0};
    const char *name;
    json_t *value;
    *rows = NULL;
    arc_gallery_query_default(query);
    if (!arc_http_is_type(request, "application/json")) {
        arc_http_fail(response, ARC_PROBLEM_UNSUPPORTED_TYPE, "this comes as application/json");
        return false;
    }
    if (arc_http_json(request, false, &err) != ARC_OK) {
        arc_http_fail(response, ARC_PROBLEM_BAD_REQUEST, "%s", err.text);
        return false;
    }
    json_object_foreach(request->json, name, value) {
        const double x = json_is_number(value) ? json_number_value(value) : (double)NAN;
        if (strcmp(name, "embeddings") == 0)
            *rows = value;
        else if (strcmp(name, "top") == 0 && json_is_integer(value) && x >= 1 && x <= ARC_GALLERY_MAX_TOP)
            query->top = (int)x;
        else if (strcmp(name, "threshold") == 0 && x >= -1 && x <= 1)
            query->threshold = x;
        else if (strcmp(name, "fpir") == 0 && x > 0 && x < 1)
            query->fpir = x;
        else
            return wrong(response, "besides \"embeddings\" there are top, 1 to 1000, threshold, -1 to 1, and fpir, 0 to 1");
    }
    if (!json_is_array(*rows) || json_array_size(*rows) == 0 || json_array_size(*rows) > EMBEDDINGS_MOST)
        return wrong(response, "\"embeddings\" is an array of 1 to 256 arrays of numbers");
    return true;
}

static bool put_results(const struct arc_server *server, arc_http_response *response, const arc_answer *answers, int count) {
    arc_gallery_facts f;
    arc_error err = {0};
    arc_text *t = &response->text;
    const arc_status st = arc_gallery_facts_of(server->gallery, &f, &err);
    if (st != ARC_OK) {
        arc_api_fail_gallery(server, response, st, &err);
        return false;
    }
    arc_text_add(t, "{\"identities\": %lld, \"templates\": %lld, \"model_sha256\": \"%s\", \"results\": [",
                 (long long)f.identities, (long long)f.templates, f.model_sha256);
    for (int i = 0; i < count; i++) {
        arc_text_add(t, "%s\n  {", i ? "," : "");
        arc_api_put_answer(t, &answers[i]);
        arc_text_add(t, "}");
    }
    arc_text_add(t, "]}\n");
    return true;
}

void arc_api_search(struct arc_server *server, arc_http_request *request, arc_http_response *response) {
    const arc_alloc *alloc = &server->ctx->alloc;
    const json_t *rows;
    arc_gallery_query query;
    if (!arc_api_has_gallery(server, response) || !read_question(request, response, &query, &rows))
        return;
    arc_engine *engine = arc_work_hold(server->work);
    const int dim = arc_engine_dim(engine), count = (int)json_array_size(rows);
    arc_work_release(server->work, engine);
    float *probes = arc_mem_raw(alloc, (size_t)count * (size_t)dim, sizeof *probes);
    arc_answer *answers = arc_mem_new(alloc, (size_t)count, sizeof *answers);
    if (!probes || !answers) {
        arc_http_fail(response, ARC_PROBLEM_INTERNAL, "no memory for embeddings");
    } else if (read_embeddings(response, rows, dim, probes) &&
               arc_api_identify(server, response, probes, count, &query, answers)) {
        (void)put_results(server, response, answers, count);
        arc_answers_free(server->ctx, answers, count);
    }
    arc_mem_free(alloc, probes);
    arc_mem_free(alloc, answers);
}
