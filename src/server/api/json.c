/* server/api: faces and answers as JSON. */
#include "face/text.h"
#include "server/api/api.h"
#include <arcface/quality.h>
#include <math.h>
#include <time.h>

void arc_api_put_photo(arc_text *t, const arc_result *photo) {
    arc_text_add(t, "\"width\": %d, \"height\": %d, \"faces_found\": %d", photo->width_px, photo->height_px, photo->faces_found);
    if (photo->damaged)
        arc_text_add(t, ", \"damaged\": true");
    arc_looks_json(t, photo->looks);
}

void arc_api_put_real(arc_text *t, const char *name, double value) {
    if (isfinite(value))
        arc_text_add(t, ", \"%s\": %.9g", name, value);
}

void arc_api_put_face(arc_text *t, const arc_result_face *face, arc_face_origin from) {
    arc_quality quality;
    arc_face_json(t, &face->face);
    arc_face_quality(face, from, 0, &quality);
    arc_api_put_real(t, "quality", quality.combined);
    if (face->embedding)
        arc_api_put_real(t, "norm", (double)face->norm);
}

void arc_api_put_embedding(arc_text *t, const float *embedding, int dim) {
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)embedding[i] * (double)embedding[i];
    const double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    arc_text_add(t, "\"embedding\": [");
    for (int i = 0; i < dim; i++)
        arc_text_add(t, "%s%.9g", i ? ", " : "", (double)(float)((double)embedding[i] * scale));
    arc_text_add(t, "]");
}

static void put_match(arc_text *t, const arc_match *m, bool first) {
    arc_text_add(t, "%s{\"identity\": %lld, \"name\": ", first ? "" : ", ", (long long)m->identity);
    arc_text_quote(t, m->name);
    arc_text_add(t, ", \"template\": %lld", (long long)m->template_id);
    /* all digits: another server orders its own people among these */
    arc_text_add(t, ", \"cosine\": %.17g, \"best_cosine\": %.17g, \"threshold\": %.17g", m->cosine, m->best_cosine, m->threshold);
    arc_api_put_real(t, "probability", m->probability);
    arc_api_put_real(t, "far", m->far);
    arc_text_add(t, ", \"accepted\": %s, \"ruled_out\": %s}", arc_text_bool(m->accepted), arc_text_bool(m->negative));
}

void arc_api_put_answer(arc_text *t, const arc_answer *answer) {
    const bool known = answer->known == ARC_KNOWN;
    arc_text_add(t, "\"known\": %s", arc_text_bool(known));
    if (known) {
        arc_text_add(t, ", \"identity\": %lld, \"name\": ", (long long)answer->match[0].identity);
        arc_text_quote(t, answer->match[0].name);
    }
    arc_api_put_real(t, "threshold", answer->rule.threshold);
    arc_api_put_real(t, "threshold_far", answer->rule.far);
    arc_api_put_real(t, "threshold_fpir", answer->rule.fpir);
    arc_api_put_real(t, "margin_to_second", answer->margin_to_second);
    arc_text_add(t, ", \"compared\": %lld, \"matches\": [", (long long)answer->compared);
    for (int i = 0; i < answer->matches; i++)
        put_match(t, &answer->match[i], i == 0);
    arc_text_add(t, "]");
}

void arc_api_put_time(arc_text *t, const char *name, int64_t ms) {
    char text[32] = "";
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    arc_text_add(t, ", \"%s\": \"%s\"", name, text);
}
