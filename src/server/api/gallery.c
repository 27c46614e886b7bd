/* server/api: the gallery, for handlers. */
#include "server/api/api.h"
#include <stdlib.h>
#include <string.h>

#define NAME_CHARACTERS 250

bool arc_api_has_gallery(const struct arc_server *server, arc_http_response *response) {
    if (!server->gallery)
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "this server has no gallery");
    return server->gallery != NULL;
}

void arc_api_fail_gallery(const struct arc_server *server, arc_http_response *response, arc_status st, const arc_error *err) {
    const char *sentence = err->text, *place = server->opt.gallery;
    const size_t n = strlen(place);
    if (strncmp(sentence, place, n) == 0 && sentence[n] == ':') /* which may be an address with a password */
        sentence += n + 1 + strspn(sentence + n + 1, " ");
    arc_http_fail(response, arc_problem_of(st), "%s", sentence);
}

bool arc_api_check_name(arc_http_response *response, const char *name) {
    size_t characters = 0;
    for (const char *at = name; *at; at++)
        characters += ((unsigned char)*at & 0xc0) != 0x80;
    if (characters < 1 || characters > NAME_CHARACTERS)
        arc_http_fail(response, ARC_PROBLEM_INVALID_PARAMETER, "a name has 1 to %d characters, not %zu", NAME_CHARACTERS,
                      characters);
    return !response->failed;
}

bool arc_api_id(const arc_http_request *request, arc_http_response *response, int index, int64_t *id) {
    const char *text = request->argument[index];
    const size_t n = strlen(text);
    *id = n > 0 && n < 19 && strspn(text, "0123456789") == n ? strtoll(text, NULL, 10) : 0;
    if (*id == 0)
        arc_http_fail(response, ARC_PROBLEM_NOT_FOUND, "an id is a whole number from 1 on");
    return *id != 0;
}

bool arc_api_query(const arc_http_request *request, arc_http_response *response, arc_gallery_query *query) {
    arc_error err = {0};
    int64_t top = 5;
    arc_gallery_query_default(query);
    arc_status st = arc_http_query_int(request, "top", 1, ARC_GALLERY_MAX_TOP, &top, &err);
    if (st == ARC_OK)
        st = arc_http_query_real(request, "threshold", -1, 1, &query->threshold, &err);
    if (st == ARC_OK)
        st = arc_http_query_real(request, "fpir", 1e-9, 0.999, &query->fpir, &err);
    query->top = (int)top;
    if (st != ARC_OK)
        arc_http_fail_status(response, st, &err);
    return st == ARC_OK;
}

bool arc_api_identify(struct arc_server *server, arc_http_response *response, const float *probes, int count,
                      const arc_gallery_query *query, arc_answer *answers) {
    arc_error err = {0};
    const uint64_t began = arc_clock_ns();
    const arc_status st = arc_gallery_identify(server->gallery, probes, count, query, answers, &err);
    arc_metrics_stage(&server->metrics, ARC_STAGE_GALLERY, (double)(arc_clock_ns() - began) * 1e-9);
    if (st != ARC_OK) {
        arc_api_fail_gallery(server, response, st, &err);
        return false;
    }
    int64_t known = 0;
    for (int i = 0; i < count; i++)
        known += answers[i].known == ARC_KNOWN;
    arc_metrics_decisions(&server->metrics, known, count - known);
    return true;
}
