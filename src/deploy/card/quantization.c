/* deploy/card: what fewer bits cost, measured: reports of quantizing, and results of both models on the same set. */
#include "deploy/card/card.h"
#include <string.h>

static const char *const heads[] = {"What", "Cosine to float32: mean", "1st percentile", "Least", "Accuracy", "TAR at FAR 1e-3"};

static const char *cosine(arc_card_document *d, const json_t *j, const char *key) {
    double x;
    return arc_card_number(j, key, &x) ? arc_card_print(d, "%.5f", x) : NULL;
}

/* "99.57 % to 99.53 % (-0.033)" of a pair of rates. */
static const char *change(arc_card_document *d, double before, double after) {
    return arc_card_print(d, "%.3f %% to %.3f %% (%+.3f)", 100 * before, 100 * after, 100 * (after - before));
}

static const char *change_of(arc_card_document *d, const json_t *j, const char *key) {
    const json_t *pair = json_object_get(j, key), *before = json_array_get(pair, 0), *after = json_array_get(pair, 1);
    return json_is_number(before) && json_is_number(after) ? change(d, json_number_value(before), json_number_value(after))
                                                           : NULL;
}

/* What was measured, and on how many pictures. */
static const char *subject_of(arc_card_document *d, const json_t *j) {
    const char *output = arc_card_string(j, "output"), *device = arc_card_string(j, "device");
    const json_t *crops = json_object_get(j, output ? "held_out" : "embeddings");
    const char *name = output   ? arc_card_print(d, "%s, 8 bits", arc_path_name(output))
                       : device ? arc_card_print(d, "%s, its arithmetic simulated", device)
                                : "embeddings of a device";
    return json_is_integer(crops) ? arc_card_print(d, "%s; %lld pictures", name, (long long)json_integer_value(crops)) : name;
}

static void put_loss(arc_card_document *d, const json_t *j) {
    const json_t *cosines = json_object_get(j, "cosine");
    const bool quantized = !json_is_object(cosines); /* the report of arc_quantize has them beside each other */
    arc_card_cell(d, subject_of(d, j));
    arc_card_cell(d, cosine(d, quantized ? j : cosines, quantized ? "mean_cosine" : "mean"));
    arc_card_cell(d, cosine(d, quantized ? j : cosines, quantized ? "low_cosine" : "p1"));
    arc_card_cell(d, cosine(d, quantized ? j : cosines, quantized ? "min_cosine" : "least"));
    arc_card_cell(d, change_of(d, j, "accuracy"));
    arc_card_cell(d, change_of(d, j, "tar"));
}

static bool same_test(const json_t *a, const json_t *b) {
    const json_t *p = json_object_get(a, "provenance"), *q = json_object_get(b, "provenance");
    return json_equal(json_object_get(p, "set_sha256"), json_object_get(q, "set_sha256")) &&
           json_equal(json_object_get(p, "rule"), json_object_get(q, "rule")) && json_is_string(json_object_get(p, "set_sha256"));
}

/* Each result of the model in 8 bits beside the float32 one of the same test. */
static int put_pairs(arc_card_document *d, const arc_card_sources *s) {
    int count = 0;
    for (int i = 0; i < s->results; i++)
        for (int k = 0; k < s->results; k++) {
            const json_t *a = s->result[k].json, *b = s->result[i].json;
            double before, after, tar_before = 0, tar_after = 0;
            if (!s->result[i].int8 || s->result[k].int8 || !same_test(a, b) || !arc_card_number(a, "accuracy", &before) ||
                !arc_card_number(b, "accuracy", &after))
                continue;
            const char *set = arc_card_string(json_object_get(b, "provenance"), "set");
            const bool rates = arc_card_number(a, "tar", &tar_before) && arc_card_number(b, "tar", &tar_after);
            if (count++ == 0)
                arc_card_table(d, "The same test with the float32 model and with the one in 8 bits", heads + 3, 3);
            arc_card_cell(d, set ? arc_path_name(set) : NULL);
            arc_card_cell(d, change(d, before, after));
            arc_card_cell(d, rates ? change(d, tar_before, tar_after) : NULL);
        }
    return count;
}

static void put_file(arc_card_document *d, const char *name, const arc_model *m, const arc_model_facts *f) {
    arc_card_field(d, name, m->path ? arc_path_name(m->path) : NULL);
    arc_card_field(d, "Its size", arc_card_print(d, "%s bytes", arc_card_grouped(d, f->file_bytes)));
    arc_card_field(d, "Its SHA-256", f->sha256);
    arc_card_field(d, "How it was made", arc_graph_meta(m->graph, ARC_NOTE_PREFIX "quantize"));
    const char *forced = arc_graph_meta(m->graph, ARC_NOTE_PREFIX "quantize-forced");
    if (forced)
        arc_card_field(d, "Written although", forced);
}

void arc_card_quantization(arc_card_document *d, const arc_card_sources *s) {
    arc_card_add(d, ARC_CARD_SUBHEADING, "Quantization");
    const int begin = d->parts;
    if (s->facts.int8 || s->int8)
        arc_card_add(d, ARC_CARD_FIELDS, NULL);
    if (s->facts.int8)
        put_file(d, "The model itself is in 8 bits", s->model, &s->facts);
    if (s->int8)
        put_file(d, "File in 8 bits", s->int8, &s->int8_facts);
    if (s->losses > 0)
        arc_card_table(d, NULL, heads, (int)ARC_COUNT(heads));
    for (int i = 0; i < s->losses; i++)
        put_loss(d, s->loss[i]);
    put_pairs(d, s);
    if (d->parts == begin)
        arc_card_add(d, ARC_CARD_TEXT, ARC_CARD_UNSTATED);
}
