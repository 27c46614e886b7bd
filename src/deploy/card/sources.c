/* deploy/card: everything that a card says and the model itself does not: results, figures and recipes from files, each checked
 * to be of this very model. */
#include "deploy/card/card.h"
#include "deploy/deploy.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_JSON_BYTES ((size_t)64 << 20)
#define MAX_LOG_BYTES ((size_t)4 << 30)
#define SHORT_HASH 12 /* letters of a hash in a sentence */

const char *arc_card_string(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

bool arc_card_number(const json_t *object, const char *key, double *out) {
    const json_t *j = json_object_get(object, key);
    *out = json_number_value(j);
    return json_is_number(j);
}

/* ---- JSON in files ---- */

static arc_status fail_json(arc_error *err, const char *path, const json_error_t *e) {
    if (json_error_code(e) == json_error_out_of_memory)
        return arc_fail_nomem(err, path);
    return arc_fail(err, ARC_EFORMAT, "%s: not JSON: line %d: %s", path, e->line, e->text);
}

static arc_status read_object(const char *path, json_t **out, arc_error *err) {
    json_error_t e;
    arc_map map;
    *out = NULL;
    arc_status st = arc_map_open(&map, path, MAX_JSON_BYTES, err);
    if (st != ARC_OK)
        return st;
    json_t *j = json_loadb((const char *)map.data, map.bytes, 0, &e);
    if (!j)
        st = fail_json(err, path, &e);
    else if (!json_is_object(j))
        st = arc_fail(err, ARC_EFORMAT, "%s: JSON, but no object {...}", path);
    arc_map_close(&map);
    if (st == ARC_OK)
        *out = j;
    else
        json_decref(j);
    return st;
}

/* Whether the result is of this model, or of the one in 8 bits. */
static arc_status check_model(const arc_card_sources *s, const char *path, const char *sha256, const char *name, bool *int8,
                              arc_error *err) {
    *int8 = s->int8 && sha256 && strcmp(sha256, s->int8_facts.sha256) == 0;
    if (*int8 || (sha256 && *sha256 && strcmp(sha256, s->facts.sha256) == 0))
        return ARC_OK;
    if (!sha256 || !*sha256)
        return arc_fail(err, ARC_EFORMAT, "%s: does not tell the SHA-256 of the model that it was measured with", path);
    return arc_fail(err, ARC_EINVAL,
                    "%s: was measured with %s (SHA-256 %.*s...), and the card is of %s (%.*s...)%s; measure the file that the "
                    "card is of",
                    path, name ? name : "another model", SHORT_HASH, sha256, s->model->path ? s->model->path : "a new model",
                    SHORT_HASH, s->facts.sha256, s->int8 ? " and its int8 file" : "");
}

static arc_status read_result(arc_card_sources *s, const char *path, arc_error *err) {
    json_t *j;
    arc_status st = read_object(path, &j, err);
    if (st != ARC_OK)
        return st;
    arc_card_result *r = &s->result[s->results++];
    *r = (arc_card_result){.json = j};
    const json_t *provenance = json_object_get(j, "provenance");
    const char *missing = !arc_card_string(j, "protocol") ? "protocol" : !json_is_object(provenance) ? "provenance" : NULL;
    if (missing)
        return arc_fail(err, ARC_EFORMAT, "%s: not what \"arcface eval ... --json\" prints: it has no \"%s\"", path, missing);
    return check_model(s, path, arc_card_string(provenance, "model_sha256"), arc_card_string(provenance, "model"), &r->int8, err);
}

static arc_status put_speed(arc_card_sources *s, const char *path, const json_t *j, arc_error *err) {
    bool int8;
    arc_card_speed v = {arc_card_string(j, "precision"), arc_card_string(j, "isa"), arc_card_string(j, "processor"), 0, 0, 0};
    if (!v.precision || !v.isa || !arc_card_number(j, "fps", &v.fps) || !arc_card_number(j, "latency_ms", &v.latency_ms) ||
        !arc_card_number(j, "seconds", &v.seconds))
        return arc_fail(err, ARC_EFORMAT,
                        "%s: not what \"arcface bench MODEL --card --json\" prints: a line lacks precision, isa, fps, latency_ms "
                        "or seconds",
                        path);
    s->speed[s->speeds++] = v;
    return check_model(s, path, arc_card_string(j, "sha256"), arc_card_string(j, "model"), &int8, err);
}

/* An object a line. */
static arc_status read_bench(arc_card_sources *s, const char *path, arc_error *err) {
    arc_map map;
    arc_status st = arc_map_open(&map, path, MAX_JSON_BYTES, err);
    if (st != ARC_OK)
        return st;
    const char *at = (const char *)map.data, *end = at + map.bytes;
    for (int found = 0; st == ARC_OK; found++) {
        json_error_t e;
        while (at < end && (*at == '\n' || *at == '\r' || *at == ' '))
            at++;
        if (at == end && found > 0)
            break;
        if (s->lines == (int)ARC_COUNT(s->line) || s->speeds == (int)ARC_COUNT(s->speed)) {
            st = arc_fail(err, ARC_ELIMIT, "%s: more than %d lines of throughput", path, (int)ARC_COUNT(s->line));
            break;
        }
        json_t *j = json_loadb(at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK, &e);
        if (!j) {
            st = fail_json(err, path, &e);
            break;
        }
        at += e.position;
        s->line[s->lines++] = j;
        st = put_speed(s, path, j, err);
    }
    arc_map_close(&map);
    return st;
}

static arc_status read_loss(arc_card_sources *s, const char *path, arc_error *err) {
    json_t *j;
    double mean;
    arc_status st = read_object(path, &j, err);
    if (st != ARC_OK)
        return st;
    s->loss[s->losses++] = j;
    return arc_card_number(j, "mean_cosine", &mean) || arc_card_number(json_object_get(j, "cosine"), "mean", &mean)
               ? ARC_OK
               : arc_fail(
                     err, ARC_EFORMAT,
                     "%s: not what \"arcface quantize --json\", \"export --simulate --json\" or \"compare --json\" prints: it "
                     "has neither \"mean_cosine\" nor \"cosine\"",
                     path);
}

/* ---- training ---- */

/* Of a file from outside that says something else there: nothing is known. */
static json_t *metadata(const arc_model *model, const char *key) {
    const char *text = arc_graph_meta(model->graph, key);
    json_t *j = text ? json_loads(text, 0, NULL) : NULL;
    if (j && !json_is_object(j)) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

/* The last step, and of each set the last evaluation. */
static void take_line(arc_card_sources *s, json_t *line) {
    const char *set = arc_card_string(line, "set");
    double number;
    if (!set && arc_card_number(line, "loss", &number)) {
        json_decref(s->last);
        s->last = json_incref(line);
    }
    if (!set || !arc_card_number(line, "accuracy", &number))
        return;
    if (!s->checks)
        s->checks = json_array();
    for (size_t i = 0; i < json_array_size(s->checks); i++)
        if (strcmp(arc_card_string(json_array_get(s->checks, i), "set"), set) == 0) {
            json_array_set(s->checks, i, line);
            return;
        }
    if (json_array_size(s->checks) < ARC_CARD_MAX_FILES)
        json_array_append(s->checks, line);
}

static arc_status read_log(arc_card_sources *s, const char *path, arc_error *err) {
    arc_map map;
    arc_error why;
    const arc_status st = arc_map_open(&map, path, MAX_LOG_BYTES, &why);
    if (st == ARC_ENOTFOUND)
        return ARC_OK;
    if (st != ARC_OK)
        return arc_fail(err, st, "%s", why.text);
    for (size_t at = 0; at < map.bytes;) {
        const char *line = (const char *)map.data + at, *end = memchr(line, '\n', map.bytes - at);
        const size_t bytes = end ? (size_t)(end - line) : map.bytes - at;
        json_t *j = json_loadb(line, bytes, 0, NULL); /* the last line may be cut by a crash */
        if (json_is_object(j))
            take_line(s, j);
        json_decref(j);
        at += bytes + 1;
    }
    arc_map_close(&map);
    return ARC_OK;
}

static arc_status read_training(arc_card_sources *s, arc_error *err) {
    char path[ARC_PATH_BYTES];
    arc_status st = ARC_OK;
    const arc_card_options *o = s->opt;
    s->training = metadata(s->model, "arcface.training");
    if (o->recipe)
        st = read_object(o->recipe, &s->recipe, err);
    if (st == ARC_OK && o->run && !o->recipe) {
        snprintf(path, sizeof path, "%s/recipe.json", o->run);
        st = read_object(path, &s->recipe, err);
    }
    if (st == ARC_OK && o->run) {
        snprintf(path, sizeof path, "%s/log.jsonl", o->run);
        st = read_log(s, path, err);
    }
    if (st == ARC_OK && !s->recipe)
        s->recipe = metadata(s->model, "arcface.recipe");
    return st;
}

/* ---- the models ---- */

static arc_status load_int8(arc_card_sources *s, arc_error *err) {
    arc_status st = arc_model_load(s->ctx, s->opt->int8, ARC_TASK_UNKNOWN, NULL, &s->int8, err);
    if (st != ARC_OK)
        return st;
    const arc_contract *a = &s->model->contract, *b = &s->int8->contract;
    if (a->task != b->task || a->dim != b->dim)
        return arc_fail(err, ARC_EINVAL,
                        "%s: is not the same model in 8 bits: a %s model of %d numbers, and the card is of a %s model "
                        "of %d",
                        s->opt->int8, arc_task_name(b->task), b->dim, arc_task_name(a->task), a->dim);
    if (!arc_model_is_int8(s->int8->graph))
        return arc_fail(err, ARC_EINVAL, "%s: holds no network in 8 bits; \"arcface quantize\" makes one", s->opt->int8);
    return arc_model_facts_get(s->ctx, s->int8, &s->int8_facts, err);
}

/* Embeddings of length 1 need no division by it: worth telling, and a run tells it. */
static arc_status measure_length(arc_card_sources *s, arc_error *err) {
    float *row = NULL;
    int64_t dim;
    int rank;
    arc_error why;
    if (s->model->contract.task != ARC_TASK_EMBED)
        return ARC_OK;
    const arc_status st = arc_deploy_reference(s->ctx, s->model, &row, &dim, &rank, &why);
    double sum = 0;
    for (int64_t i = 0; st == ARC_OK && i < dim; i++)
        sum += (double)row[i] * (double)row[i];
    s->length = st == ARC_OK && isfinite(sum) ? sqrt(sum) : 0;
    arc_mem_free(&s->ctx->alloc, row);
    return st == ARC_ENOMEM ? arc_fail(err, st, "%s", why.text) : ARC_OK;
}

static arc_status check_options(const arc_card_options *o, arc_error *err) {
    const int count[] = {o->resource_count, o->evaluation_count, o->bench_count, o->quantization_count, o->throughput_count};
    for (size_t i = 0; i < ARC_COUNT(count); i++)
        if (count[i] < 0 || count[i] > ARC_CARD_MAX_FILES)
            return arc_fail(err, ARC_EINVAL, "%d files or addresses of one kind: a card has at most %d", count[i],
                            ARC_CARD_MAX_FILES);
    return ARC_OK;
}

arc_status arc_card_sources_open(arc_card_sources *s, arc_context *ctx, const arc_model *model, const arc_card_options *opt,
                                 arc_error *err) {
    arc_status st;
    *s = (arc_card_sources){.ctx = ctx, .model = model, .opt = opt};
    ARC_TRY(check_options(opt, err));
    ARC_TRY(arc_model_facts_get(ctx, model, &s->facts, err));
    if (opt->int8)
        ARC_TRY(load_int8(s, err));
    for (int i = 0; i < opt->evaluation_count; i++)
        ARC_TRY(read_result(s, opt->evaluation[i], err));
    for (int i = 0; i < opt->throughput_count; i++) {
        const arc_bench_card *b = &opt->throughput[i];
        bool int8;
        if (*b->sha256)
            ARC_TRY(check_model(s, "throughput", b->sha256, NULL, &int8, err));
        s->speed[s->speeds++] = (arc_card_speed){b->precision, b->isa, b->processor, b->fps, b->latency_ms, b->seconds};
    }
    for (int i = 0; i < opt->bench_count; i++)
        ARC_TRY(read_bench(s, opt->bench[i], err));
    for (int i = 0; i < opt->quantization_count; i++)
        ARC_TRY(read_loss(s, opt->quantization[i], err));
    ARC_TRY(read_training(s, err));
    ARC_TRY(measure_length(s, err));
done:
    return st;
}

void arc_card_sources_close(arc_card_sources *s) {
    arc_model_free(&s->int8);
    json_decref(s->recipe);
    json_decref(s->training);
    json_decref(s->last);
    json_decref(s->checks);
    for (int i = 0; i < s->results; i++)
        json_decref(s->result[i].json);
    for (int i = 0; i < s->lines; i++)
        json_decref(s->line[i]);
    for (int i = 0; i < s->losses; i++)
        json_decref(s->loss[i]);
    *s = (arc_card_sources){0};
}
