/* train: the log of a training: a line of JSON for each logged step and each evaluation, and the same values for TensorBoard.
 * A training that resumes from a checkpoint first removes what was logged after that checkpoint, so the log reads as that of
 * one run. */
#include "train/trainer/trainer_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MAX_LOG_BYTES ((size_t)1 << 32)

/* The "step" of a line; -1 if it is not a valid line (cut short by a crash). */
static int64_t line_step(const char *line, size_t bytes) {
    json_t *root = json_loadb(line, bytes, 0, NULL);
    json_t *step = json_object_get(root, "step");
    const int64_t n = json_is_integer(step) ? json_integer_value(step) : -1;
    json_decref(root);
    return n;
}

/* Removes the lines after the current step. */
static arc_status cut_log(arc_trainer *t, const char *path, arc_error *err) {
    arc_map map;
    arc_writer *w = NULL;
    arc_error why;
    arc_status st = arc_map_open(&map, path, MAX_LOG_BYTES, &why);
    if (st == ARC_ENOTFOUND)
        return ARC_OK;
    if (st != ARC_OK)
        return arc_fail(err, st, "%s", why.text);
    ARC_TRY(arc_writer_open(&w, &t->ctx->alloc, path, err));
    for (size_t at = 0; at < map.bytes;) {
        const char *line = (const char *)map.data + at;
        const char *end = memchr(line, '\n', map.bytes - at);
        if (!end)
            break;
        const size_t bytes = (size_t)(end - line) + 1;
        const int64_t step = line_step(line, bytes);
        if (step >= 0 && step <= t->at.step)
            ARC_TRY(arc_writer_put(w, line, bytes, err));
        at += bytes;
    }
    st = arc_writer_commit(&w, err);
done:
    arc_writer_abort(&w);
    arc_map_close(&map);
    return st;
}

arc_status arc_journal_open(arc_trainer *t, arc_error *err) {
    char path[ARC_TRAIN_PATH];
    int64_t have;
    arc_status st;
    snprintf(path, sizeof path, "%s/log.jsonl", t->options->run);
    ARC_TRY(cut_log(t, path, err));
    ARC_TRY(arc_append_open(&t->log, &t->ctx->alloc, path, &have, err));
    ARC_TRY(arc_event_file_open(&t->events, &t->ctx->alloc, t->options->run, err));
done:
    return st;
}

static arc_status put_line(arc_trainer *t, json_t *root, arc_error *err) {
    char line[2048];
    const size_t bytes = root ? json_dumpb(root, line, sizeof line - 1, JSON_REAL_PRECISION(17)) : 0;
    json_decref(root);
    if (bytes == 0 || bytes >= sizeof line)
        return arc_fail_nomem(err, "a line of the log");
    line[bytes] = '\n';
    return arc_append_put(t->log, line, bytes + 1, err);
}

/* A number, or null if it is not finite: JSON has no infinities. */
static json_t *number(double x) {
    json_t *real = json_real(x);
    return real ? real : json_null();
}

arc_status arc_journal_step(arc_trainer *t, const arc_step_report *r, const arc_train_progress *p, arc_error *err) {
    json_t *root = json_object();
    json_object_set_new(root, "step", json_integer(p->step));
    json_object_set_new(root, "epoch", json_integer(p->epoch));
    json_object_set_new(root, "loss", number(r->loss));
    json_object_set_new(root, "cosine", number(r->cosine));
    if (t->teacher)
        json_object_set_new(root, "teacher_distance", number(r->distance));
    json_object_set_new(root, "rate", number(r->rate));
    json_object_set_new(root, "gradient_norm", number(r->norm));
    if (p->skipped)
        json_object_set_new(root, "skipped", json_true());
    json_object_set_new(root, "images_per_s", number(p->images_per_s));
    json_object_set_new(root, "peak_memory_mb", number((double)p->peak_memory_bytes / 1e6));
    const arc_status st = put_line(t, root, err);
    const arc_event_scalar scalar[] = {{"train/loss", r->loss},
                                       {"train/cosine", r->cosine},
                                       {"train/rate", r->rate},
                                       {"train/gradient_norm", r->norm},
                                       {"train/images_per_s", p->images_per_s}};
    return st == ARC_OK ? arc_event_file_put(t->events, p->step, scalar, ARC_COUNT(scalar), err) : st;
}

arc_status arc_journal_accuracy(arc_trainer *t, const char *set, double accuracy, double deviation, arc_error *err) {
    char tag[256];
    json_t *root = json_object();
    json_object_set_new(root, "step", json_integer(t->at.step));
    json_object_set_new(root, "set", json_string(set));
    json_object_set_new(root, "accuracy", number(accuracy));
    json_object_set_new(root, "accuracy_std", number(deviation));
    const arc_status st = put_line(t, root, err);
    snprintf(tag, sizeof tag, "eval/%.200s", set);
    const arc_event_scalar scalar = {tag, accuracy};
    return st == ARC_OK ? arc_event_file_put(t->events, t->at.step, &scalar, 1, err) : st;
}

arc_status arc_journal_close(arc_trainer *t, arc_error *err) {
    const arc_status st = arc_append_close(&t->log, err);
    const arc_status also = arc_event_file_close(&t->events, err);
    return st != ARC_OK ? st : also;
}
