/* gallery: the binding as JSON, written and read. */
#include "gallery/binding.h"
#include "gallery/json.h"
#include <math.h>
#include <string.h>

static json_t *list_of(const double *x, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        if (json_array_append_new(list, json_real(x[i])) != 0) { /* also when there is no list */
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *calibration_of(const arc_calibration *c) {
    return json_pack("{s:f, s:f, s:[f, f], s:b, s:I, s:I, s:[f, f], s:o, s:o, s:o, s:o, s:I, s:f, s:f, s:f, s:b, s:s}", "far",
                     c->far, "threshold", c->threshold, "interval", c->threshold_interval.low, c->threshold_interval.high,
                     "supported", c->supported, "genuine", (json_int_t)c->genuine, "impostor", (json_int_t)c->impostor,
                     "logistic", c->logistic[0], c->logistic[1], "far_score", list_of(c->far_score, c->far_points), "far_rate",
                     list_of(c->far_rate, c->far_points), "knot_score", list_of(c->knot_score, c->knots), "knot_probability",
                     list_of(c->knot_probability, c->knots), "gallery", (json_int_t)c->gallery, "fpir", c->fpir, "search_far",
                     c->search_far, "search_threshold", c->search_threshold, "search_supported", c->search_supported,
                     "set_sha256", c->set_sha256);
}

static int put(const char *text, size_t bytes, void *out) {
    return arc_buffer_put(out, text, bytes) == ARC_OK ? 0 : -1;
}

arc_status arc_binding_write(const arc_binding *b, arc_buffer *out, arc_error *err) {
    json_t *all =
        json_pack("{s:i, s:b, s:i, s:i, s:s, s:s, s:s, s:s, s:f, s:f}", "fusion", (int)b->fusion, "sketch", b->sketch, "dim",
                  b->dim, "generation", b->generation, "model_sha256", b->model_sha256, "model_name", b->model_name, "align",
                  b->align, "protection", b->protection, "typical_norm", b->typical_norm, "threshold", b->rule.threshold);
    const bool whole =
        all && (!b->rule.calibrated || json_object_set_new(all, "calibration", calibration_of(&b->rule.calibration)) == 0);
    const int failed = whole ? json_dump_callback(all, put, out, JSON_COMPACT | JSON_SORT_KEYS) : -1;
    json_decref(all);
    return failed ? arc_fail_nomem(err, "the gallery's binding") : ARC_OK;
}

static bool read_list(const json_t *list, double *out, int *count) {
    const size_t n = json_array_size(list);
    if (n > ARC_CALIBRATION_POINTS)
        return false;
    for (size_t i = 0; i < n; i++) {
        out[i] = json_number_value(json_array_get(list, i));
        if (!isfinite(out[i]))
            return false;
    }
    *count = (int)n;
    return true;
}

static bool read_calibration(json_t *json, arc_calibration *c, json_error_t *why) {
    json_t *far_score, *far_rate, *knot_score, *knot_probability;
    json_int_t genuine, impostor, gallery;
    const char *set;
    int supported, search_supported, rates = 0, probabilities = 0;
    *c = (arc_calibration){0};
    if (json_unpack_ex(json, why, 0,
                       "{s:F, s:F, s:[F, F], s:b, s:I, s:I, s:[F, F], s:o, s:o, s:o, s:o, s:I, s:F, s:F, s:F, s:b, s:s}", "far",
                       &c->far, "threshold", &c->threshold, "interval", &c->threshold_interval.low, &c->threshold_interval.high,
                       "supported", &supported, "genuine", &genuine, "impostor", &impostor, "logistic", &c->logistic[0],
                       &c->logistic[1], "far_score", &far_score, "far_rate", &far_rate, "knot_score", &knot_score,
                       "knot_probability", &knot_probability, "gallery", &gallery, "fpir", &c->fpir, "search_far", &c->search_far,
                       "search_threshold", &c->search_threshold, "search_supported", &search_supported, "set_sha256", &set) != 0)
        return false;
    c->supported = supported != 0;
    c->search_supported = search_supported != 0;
    c->genuine = genuine;
    c->impostor = impostor;
    c->gallery = gallery;
    if (strlen(set) >= sizeof c->set_sha256 || !read_list(far_score, c->far_score, &c->far_points) ||
        !read_list(far_rate, c->far_rate, &rates) || rates != c->far_points || !read_list(knot_score, c->knot_score, &c->knots) ||
        !read_list(knot_probability, c->knot_probability, &probabilities) || probabilities != c->knots)
        return false;
    memcpy(c->set_sha256, set, strlen(set) + 1);
    return true;
}

static bool put_text(char *out, size_t bytes, const char *text) {
    const size_t n = strlen(text);
    if (n >= bytes)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

static bool read_all(json_t *json, arc_binding *out, json_error_t *why) {
    const char *sha, *name, *align, *protection = "";
    json_t *calibration = NULL;
    int fusion, sketch;
    if (json_unpack_ex(json, why, 0, "{s:i, s:b, s:i, s:i, s:s, s:s, s:s, s?s, s?F, s:F, s?o}", "fusion", &fusion, "sketch",
                       &sketch, "dim", &out->dim, "generation", &out->generation, "model_sha256", &sha, "model_name", &name,
                       "align", &align, "protection", &protection, "typical_norm", &out->typical_norm, "threshold",
                       &out->rule.threshold, "calibration", &calibration) != 0)
        return false;
    out->fusion = (arc_fusion)fusion;
    out->sketch = sketch != 0;
    out->rule.calibrated = calibration != NULL;
    return isfinite(out->typical_norm) && out->typical_norm >= 0 && fusion >= ARC_FUSE_MAX && fusion <= ARC_FUSE_QUALITY &&
           out->dim >= 0 && out->dim <= 4096 && out->generation >= 1 &&
           put_text(out->model_sha256, sizeof out->model_sha256, sha) &&
           put_text(out->model_name, sizeof out->model_name, name) && put_text(out->align, sizeof out->align, align) &&
           put_text(out->protection, sizeof out->protection, protection) &&
           (!calibration || read_calibration(calibration, &out->rule.calibration, why));
}

arc_status arc_binding_read(arc_bytes text, arc_binding *out, arc_error *err) {
    json_error_t why = {.line = 0};
    *out = (arc_binding){0};
    json_t *json = json_loadb(text.data, text.bytes, 0, &why);
    const bool there = json != NULL, good = there && read_all(json, out, &why);
    json_decref(json);
    if (!good)
        *out = (arc_binding){0};
    if (!good && (there ? json_error_code(&why) == json_error_out_of_memory : arc_json_starved(&why)))
        return arc_fail_nomem(err, "the gallery's binding");
    return good ? ARC_OK : arc_fail(err, ARC_ECORRUPT, "what the gallery is bound to cannot be read");
}
