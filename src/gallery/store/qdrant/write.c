/* gallery/store/qdrant: rows of a commit go to their points. */
#include "gallery/store/qdrant/qdrant_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The vector is the embedding of the newest model in a template, where it is one that a collection of such vectors can have: a
 * sealed one has another size. */
static json_t *vector_of(arc_qd *s, const json_t *payload, arc_qd_decoder *d) {
    const json_t *newest = json_object_get(payload, "newest");
    arc_bytes bytes = {0};
    char key[32];
    snprintf(key, sizeof key, "embedding_%lld", (long long)json_integer_value(newest));
    if (!newest || s->dim <= 1 || arc_qd_decode(d, payload, NULL) != ARC_OK || arc_qd_get_bytes(d, key, &bytes, NULL) != ARC_OK ||
        bytes.bytes != (size_t)s->dim * sizeof(float))
        return json_object();
    json_t *numbers = json_array();
    for (int i = 0; i < s->dim; i++) {
        float x;
        memcpy(&x, (const uint8_t *)bytes.data + (size_t)i * sizeof x, sizeof x);
        if (!isfinite(x)) {
            json_decref(numbers);
            return json_object();
        }
        json_array_append_new(numbers, json_real((double)x));
    }
    return json_pack("{s:o}", "face", numbers);
}

arc_status arc_qd_write(arc_qd *s, const json_t *rows, int64_t commit, arc_error *err) {
    arc_qd_decoder d;
    arc_status st = ARC_OK;
    arc_qd_decoder_init(&d, s);
    if (s->dim <= 0)
        ARC_TRY(arc_qd_look_dim(s, err));
    for (int part = 0; part < 2; part++) {
        json_t *points = json_array();
        for (size_t i = 0; i < json_array_size(rows); i++) {
            json_int_t kind, id;
            json_t *payload;
            if (json_unpack(json_array_get(rows, i), "[I, I, o]", &kind, &id, &payload) != 0 || kind <= ARC_QD_HEAD ||
                kind >= ARC_QD_KINDS || id < 0 || id > ARC_QD_MOST || !json_is_object(payload)) {
                json_decref(points);
                st = arc_fail(err, ARC_ECORRUPT, "%s: its journal is none that this program wrote", s->label);
                goto done;
            }
            if ((kind == ARC_QD_TEMPLATE) == (part == 1))
                json_array_append_new(points, json_pack("{s:I, s:o, s:O}", "id", arc_qd_point_id((arc_qd_kind)kind, id), "vector",
                                                        part ? vector_of(s, payload, &d) : json_object(), "payload", payload));
        }
        if (json_array_size(points) == 0) {
            json_decref(points);
            continue;
        }
        json_t *older = json_pack("{s:[{s:s, s:{s:I}}]}", "must", "key", "commit", "range", "lt", (json_int_t)commit);
        ARC_TRY(arc_qd_update(s, "PUT", part ? s->templates : s->people, "/points?wait=true&ordering=strong",
                              json_pack("{s:o, s:o}", "points", points, "update_filter", older), err));
    }
done:
    arc_qd_decoder_free(&d);
    return st;
}
