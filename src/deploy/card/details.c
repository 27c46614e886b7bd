/* deploy/card: the first two sections: what the model is, and how it came to be. */
#include "deploy/card/card.h"
#include <stdio.h>
#include <string.h>

static const char *size_text(arc_card_document *d, int64_t bytes) {
    return arc_card_print(d, "%s bytes (%.2f MiB)", arc_card_grouped(d, bytes), (double)bytes / (1 << 20));
}

static const char *model_type(arc_card_document *d, const arc_card_sources *s) {
    const arc_contract *c = &s->model->contract;
    const char *bits = s->facts.int8 ? ", in 8 bits" : "";
    if (c->task == ARC_TASK_EMBED)
        return arc_card_print(d, "image embedding: an aligned face to %d numbers%s", c->dim, bits);
    if (c->task == ARC_TASK_DETECT)
        return arc_card_print(d, "face detection (%s): a photo to boxes, scores and landmarks%s", arc_detector_name(c->detector),
                              bits);
    return NULL;
}

/* Under the keys that files are seen with. */
static const char *license_of(const arc_card_sources *s) {
    static const char *const keys[] = {"arcface.note.license", "license", "License", "licence", "Licence"};
    const char *text = s->opt->license;
    for (size_t i = 0; !text && i < ARC_COUNT(keys); i++)
        text = arc_graph_meta(s->model->graph, keys[i]);
    return text;
}

void arc_card_details(arc_card_document *d, const arc_card_sources *s) {
    const arc_card_options *o = s->opt;
    const arc_graph *g = s->model->graph;
    arc_card_add(d, ARC_CARD_HEADING, "Model Details");
    arc_card_add(d, ARC_CARD_FIELDS, NULL);
    arc_card_field(d, "Model Description", o->description);
    arc_card_field(d, "Developed By", o->developer);
    arc_card_field(d, "Shared By", o->sharer);
    arc_card_field(d, "Model Type", model_type(d, s));
    arc_card_field(d, "License", license_of(s));
    arc_card_field(d, "Resources", o->resource_count ? arc_card_print(d, "%d, below", o->resource_count) : NULL);
    arc_card_field(d, "File", s->model->path ? arc_path_name(s->model->path) : NULL);
    arc_card_field(d, "Size", s->facts.file_bytes ? size_text(d, s->facts.file_bytes) : NULL);
    arc_card_field(d, "SHA-256", s->facts.sha256);
    arc_card_field(d, "Written by",
                   g->producer && *g->producer ? arc_card_print(d, "%s, opset %d", g->producer, g->opset) : NULL);
    arc_card_field(d, "This card", arc_card_print(d, "arcface %s, %s", arc_version(), o->date));
    if (!o->resource_count)
        return;
    arc_card_add(d, ARC_CARD_LINKS, NULL);
    for (int i = 0; i < o->resource_count; i++)
        arc_card_cell(d, o->resource[i]);
}

/* ---- training ---- */

/* Settings that a reader compares trainings by, in that order. */
static const char *const settings[][2] = {{"about", "Recipe"},
                                          {"network", "Network"},
                                          {"dim", "Numbers in an embedding"},
                                          {"loss", "Loss"},
                                          {"scale", "Scale s"},
                                          {"m1", "Margin m1"},
                                          {"m2", "Margin m2"},
                                          {"m3", "Margin m3"},
                                          {"centers", "Sub-centers"},
                                          {"sample_rate", "Partial FC, sampled"},
                                          {"optimiser", "Optimiser"},
                                          {"rate", "Learning rate"},
                                          {"momentum", "Momentum"},
                                          {"decay", "Weight decay"},
                                          {"schedule", "Schedule"},
                                          {"batch", "Batch"},
                                          {"epochs", "Epochs"},
                                          {"augment", "Augmentation"},
                                          {"teacher", "Teacher"},
                                          {"precision", "Arithmetic"},
                                          {"seed", "Seed"}};

static const char *value_text(arc_card_document *d, const json_t *j) {
    if (json_is_string(j))
        return json_string_value(j);
    if (json_is_integer(j))
        return arc_card_print(d, "%lld", (long long)json_integer_value(j));
    if (json_is_real(j))
        return arc_card_print(d, "%.9g", json_real_value(j));
    return json_is_boolean(j) ? (json_is_true(j) ? "yes" : "no") : NULL;
}

static const char *count_of(arc_card_document *d, const json_t *training, const char *key) {
    const json_t *j = json_object_get(training, key);
    return json_is_integer(j) ? arc_card_grouped(d, json_integer_value(j)) : NULL;
}

static void put_procedure(arc_card_document *d, const arc_card_sources *s) {
    double loss;
    arc_card_add(d, ARC_CARD_FIELDS, NULL);
    for (size_t i = 0; i < ARC_COUNT(settings); i++) {
        const char *value = value_text(d, json_object_get(s->recipe, settings[i][0]));
        if (value && *value)
            arc_card_field(d, settings[i][1], value);
    }
    if (json_object_get(s->training, "steps"))
        arc_card_field(d, "Steps", count_of(d, s->training, "steps"));
    if (arc_card_number(s->last, "loss", &loss))
        arc_card_field(d, "Loss of the last step", arc_card_print(d, "%.4f", loss));
    for (size_t i = 0; i < json_array_size(s->checks); i++) {
        const json_t *j = json_array_get(s->checks, i);
        double accuracy, std;
        arc_card_number(j, "accuracy", &accuracy);
        arc_card_field(d, arc_card_print(d, "Accuracy on %s", arc_path_name(arc_card_string(j, "set"))),
                       arc_card_number(j, "accuracy_std", &std)
                           ? arc_card_print(d, "%.3f %% \xc2\xb1 %.3f", 100 * accuracy, 100 * std)
                           : arc_card_print(d, "%.3f %%", 100 * accuracy));
    }
}

void arc_card_training(arc_card_document *d, const arc_card_sources *s) {
    const char *own = arc_card_string(s->training, "data");
    arc_card_add(d, ARC_CARD_HEADING, "Training Details");
    arc_card_add(d, ARC_CARD_SUBHEADING, "Training Data");
    arc_card_add(d, ARC_CARD_FIELDS, NULL);
    arc_card_field(d, "Data", s->opt->data ? s->opt->data : own);
    arc_card_field(d, "Pictures", count_of(d, s->training, "pictures"));
    arc_card_field(d, "Identities", count_of(d, s->training, "identities"));
    arc_card_add(d, ARC_CARD_SUBHEADING, "Training Procedure");
    if (s->recipe || s->last || s->checks)
        put_procedure(d, s);
    else
        arc_card_add(d, ARC_CARD_TEXT, ARC_CARD_UNSTATED);
}
