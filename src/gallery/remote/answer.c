/* gallery/remote: an answer out of JSON, which comes from outside: types, bounds and lengths are checked. */
#include "gallery/remote/remote_internal.h"
#include <math.h>
#include <string.h>

/* A number within bounds, which may be left out where a default is given. */
static bool real(const json_t *object, const char *name, double least, double most, double *out) {
    const json_t *value = json_object_get(object, name);
    const bool optional = isnan(*out);
    if (!value)
        return optional;
    *out = json_is_number(value) ? json_number_value(value) : (double)NAN;
    return *out >= least && *out <= most;
}

static bool whole(const json_t *object, const char *name, int64_t *out) {
    const json_t *value = json_object_get(object, name);
    *out = json_is_integer(value) ? json_integer_value(value) : -1;
    return *out >= 0;
}

static bool yes_or_no(const json_t *object, const char *name, bool *out) {
    const json_t *value = json_object_get(object, name);
    *out = json_is_true(value);
    return json_is_boolean(value);
}

#define ROUNDING 1e-6 /* a cosine of float32 rows may be a little more than 1 */

static bool read_match(const json_t *row, arc_match *m) {
    *m = (arc_match){.negative_cosine = (double)NAN,
                     .score = (double)NAN,
                     .own_threshold = (double)NAN,
                     .best_cosine = (double)NAN,
                     .probability = (double)NAN,
                     .far = (double)NAN};
    return whole(row, "identity", &m->identity) && whole(row, "template", &m->template_id) &&
           real(row, "cosine", -1 - ROUNDING, 1 + ROUNDING, &m->cosine) &&
           real(row, "best_cosine", -1 - ROUNDING, 1 + ROUNDING, &m->best_cosine) &&
           real(row, "threshold", -1, 1, &m->threshold) && real(row, "probability", 0, 1, &m->probability) &&
           real(row, "far", 0, 1, &m->far) && yes_or_no(row, "accepted", &m->accepted) &&
           yes_or_no(row, "ruled_out", &m->negative);
}

/* Names stand behind the matches in one block, as arc_answers_free expects. */
static arc_status read_matches(arc_context *ctx, const json_t *rows, arc_answer *out, bool *sensible, arc_error *err) {
    const size_t count = json_array_size(rows);
    size_t bytes = count * sizeof *out->match;
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_object_get(json_array_get(rows, i), "name");
        *sensible = *sensible && json_is_string(name) && json_string_length(name) == strlen(json_string_value(name));
        bytes += *sensible ? json_string_length(name) + 1 : 0;
    }
    if (!*sensible || count == 0)
        return ARC_OK;
    out->match = arc_mem_raw(&ctx->alloc, bytes, 1);
    if (!out->match)
        return arc_fail_nomem(err, "matches");
    char *name = (char *)(out->match + count);
    for (size_t i = 0; i < count && *sensible; i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *value = json_object_get(row, "name");
        *sensible = read_match(row, &out->match[i]) && (i == 0 || out->match[i].negative >= out->match[i - 1].negative);
        if (i > 0 && out->match[i].negative == out->match[i - 1].negative)
            *sensible = *sensible && out->match[i].cosine <= out->match[i - 1].cosine; /* the best come first */
        out->match[i].name = memcpy(name, json_string_value(value), json_string_length(value) + 1);
        name += json_string_length(value) + 1;
    }
    out->matches = (int)count;
    return ARC_OK;
}

arc_status arc_remote_read_answer(const arc_remote *r, const json_t *row, int top, arc_answer *out, arc_error *err) {
    const json_t *rows = json_object_get(row, "matches");
    bool sensible, known = false;
    *out = (arc_answer){.margin_to_second = (double)NAN};
    sensible = json_is_array(rows) && json_array_size(rows) <= (size_t)top && whole(row, "compared", &out->compared) &&
               yes_or_no(row, "known", &known);
    arc_status st = sensible ? read_matches(arc_remote_context(r), rows, out, &sensible, err) : ARC_OK;
    if (st == ARC_OK && !sensible)
        st = arc_fail(err, ARC_ECORRUPT, "%s: an answer of the server makes no sense: is it arcface serve?", arc_remote_label(r));
    if (st == ARC_OK)
        out->known = out->compared == 0 ? ARC_EMPTY : known ? ARC_KNOWN : ARC_UNKNOWN;
    return st;
}
