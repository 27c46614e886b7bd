/* train: the flight recorder. If the loss or a gradient of a step was not finite, it names the step, its samples and the layer
 * where that began, and writes all that is needed to repeat it: nonfinite-STEP.json, .onnx (the weights before the step), .npy
 * (the micro-batch as the network's input). */
#include "format/format.h"
#include "train/trainer/trainer_internal.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAMED_SAMPLES 4

static json_t *samples(const arc_trainer *t, const arc_step_report *r, const char *what) {
    json_t *list = json_array();
    char key[512];
    for (int64_t i = 0; i < t->micro; i++) {
        const size_t at = (size_t)(r->part * t->micro + i);
        if (strcmp(what, "label") == 0)
            json_array_append_new(list, json_integer(r->batch.label[at]));
        else {
            arc_data_set_key(t->set, r->batch.record[at], key, sizeof key);
            json_array_append_new(list, json_string(key));
        }
    }
    return list;
}

static void name_samples(const arc_trainer *t, const arc_step_report *r, char *text, size_t bytes) {
    const int64_t from = r->bad >= 0 ? r->bad : 0, n = r->bad >= 0 ? 1 : ARC_MIN(t->micro, (int64_t)NAMED_SAMPLES);
    size_t used = 0;
    char key[128];
    text[0] = '\0';
    for (int64_t i = from; i < from + n && used < bytes; i++) {
        arc_data_set_key(t->set, r->batch.record[r->part * t->micro + i], key, sizeof key);
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i > from ? ", " : "", key);
    }
    if (used < bytes && n < t->micro && r->bad < 0)
        snprintf(text + used, bytes - used, " and %lld more", (long long)(t->micro - n));
}

static arc_status write_json(arc_trainer *t, const arc_step_report *r, const char *path, arc_error *err) {
    json_t *root = json_object();
    json_object_set_new(root, "step", json_integer(t->at.step + 1));
    json_object_set_new(root, "epoch", json_integer(r->batch.epoch));
    json_object_set_new(root, "batch", json_integer(r->batch.step));
    json_object_set_new(root, "micro_batch", json_integer(r->part));
    json_object_set_new(root, "rank", json_integer(t->ranks.rank));
    json_object_set_new(root, "layer", json_string(r->layer ? r->layer : "loss"));
    json_object_set_new(root, "loss_scale", json_real(1)); /* bfloat16 has the range of fp32: none is needed */
    json_object_set_new(root, "rate", json_real(r->rate));
    json_object_set_new(root, "data", json_string(t->options->data));
    json_object_set_new(root, "seed", json_integer(t->recipe.seed));
    json_object_set_new(root, "worst_sample", r->bad >= 0 ? json_integer(r->bad) : json_null());
    json_object_set_new(root, "samples", samples(t, r, "key"));
    json_object_set_new(root, "labels", samples(t, r, "label"));
    char *text = root ? arc_mem_new(&t->ctx->alloc, (size_t)1 << 22, 1) : NULL;
    const size_t bytes = text ? json_dumpb(root, text, (size_t)1 << 22, JSON_INDENT(1)) : 0;
    json_decref(root);
    arc_status st = bytes && bytes <= (size_t)1 << 22 ? ARC_OK : arc_fail_nomem(err, path);
    if (st == ARC_OK)
        st = arc_file_save(&t->ctx->alloc, path, text, bytes, err);
    arc_mem_free(&t->ctx->alloc, text);
    return st;
}

static arc_status write_all(arc_trainer *t, const arc_step_report *r, arc_error *err) {
    char path[ARC_TRAIN_PATH];
    arc_graph *graph = NULL;
    const arc_contract *c = &t->model->contract;
    const int64_t dim[4] = {t->micro, 3, c->input_height_px, c->input_width_px};
    const int n = snprintf(path, sizeof path - 8, "%s/nonfinite-%08lld", t->options->run, (long long)t->at.step + 1);
    arc_status st = ARC_OK;
    if (n < 0 || (size_t)n >= sizeof path - 8)
        return arc_fail(err, ARC_ELIMIT, "%s: the folder's name is too long", t->options->run);
    memcpy(path + n, ".json", 6);
    ARC_TRY(write_json(t, r, path, err));
    memcpy(path + n, ".npy", 5);
    ARC_TRY(arc_npy_save_f32(&t->ctx->alloc, path, t->images, 4, dim, err));
    memcpy(path + n, ".onnx", 6);
    ARC_TRY(arc_learner_graph(t->learner, &graph, err));
    st = arc_onnx_save(graph, path, err);
done:
    arc_graph_free(&graph);
    return st;
}

arc_status arc_flight_record(arc_trainer *t, const arc_step_report *r, arc_error *err) {
    char names[600];
    const long long step = (long long)t->at.step + 1;
    const char *layer = r->layer ? r->layer : "loss";
    const bool last = t->at.skipped_in_row + 1 >= t->recipe.stop_after;
    if (t->ranks.rank != r->from)
        return last ? arc_fail(err, ARC_ELIMIT,
                               "%lld steps in a row were not finite, the last at step %lld; rank %d wrote it down",
                               (long long)t->recipe.stop_after, step, r->from)
                    : ARC_OK;
    name_samples(t, r, names, sizeof names);
    arc_train_say_from(
        t, r->from,
        "step %lld (epoch %lld, batch %lld): not finite, first in \"%s\", loss scale 1, samples %s; the step is left "
        "out, nonfinite-%08lld.* repeats it",
        step, (long long)r->batch.epoch, (long long)r->batch.step, layer, names, step);
    arc_error why = {0};
    if (write_all(t, r, &why) != ARC_OK) /* a full disk must not end the training */
        arc_train_say_from(t, r->from, "the reproducer could not be written: %s", why.text);
    return last ? arc_fail(
                      err, ARC_ELIMIT,
                      "%lld steps in a row were not finite, the last at step %lld in \"%s\" (samples %.200s); lower the rate, or "
                      "look at %s/nonfinite-%08lld.json",
                      (long long)t->recipe.stop_after, step, layer, names, t->options->run, step)
                : ARC_OK;
}
