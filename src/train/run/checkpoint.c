/* train: checkpoints: step-NNNNNNNN.onnx is a plain model, step-NNNNNNNN.state has everything else. The state is written last,
 * so a checkpoint that has one is complete. Nothing in it depends on the number of ranks. A failed write leaves the older
 * checkpoints as they were. */
#include "base/text.h"
#include "train/trainer/trainer_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 1000000
#define HEAD_CHUNK_FLOATS ((size_t)1 << 20)

/* ---- names ---- */

/* "step-00001000.state" -> 1000; -1: another kind of file. */
static int64_t step_of(const char *name, const char *suffix) {
    const size_t n = strlen(name), m = strlen(suffix);
    if (strncmp(name, "step-", 5) != 0 || n != 5 + 8 + m || strcmp(name + n - m, suffix) != 0 ||
        strspn(name + 5, "0123456789") != 8)
        return -1;
    return strtoll(name + 5, NULL, 10);
}

static void path_of(const char *run, int64_t step, const char *suffix, char path[ARC_TRAIN_PATH]) {
    snprintf(path, ARC_TRAIN_PATH, "%s/step-%08lld%s", run, (long long)step, suffix);
}

arc_status arc_checkpoint_newest(const arc_alloc *a, const char *run, char path[ARC_TRAIN_PATH], bool *found, arc_error *err) {
    arc_names names;
    *found = false;
    arc_status st = arc_dir_list(&names, a, run, MAX_ENTRIES, err);
    if (st != ARC_OK)
        return st;
    for (size_t i = names.count; i-- > 0 && !*found && st == ARC_OK;) { /* sorted by name: the newest is last */
        arc_store_file state;
        const int64_t step = step_of(names.name[i], ".state");
        if (step < 0)
            continue;
        path_of(run, step, ".state", path);
        const arc_status opened = arc_store_open(&state, a, &arc_state_kind, path, NULL);
        *found = opened == ARC_OK;
        if (*found)
            arc_store_close(&state);
        else if (opened == ARC_ENOMEM) /* if the newest is damaged an older one is used; a sound one is never skipped */
            st = arc_fail_nomem(err, path);
    }
    arc_names_free(&names);
    return st;
}

/* Removes all but the newest `keep` states and their models, models without a state, and leftovers of an interrupted write. */
static void prune(arc_trainer *t) {
    arc_names names;
    char path[ARC_TRAIN_PATH];
    int64_t kept = 0, oldest = INT64_MAX;
    if (arc_dir_list(&names, &t->ctx->alloc, t->options->run, MAX_ENTRIES, NULL) != ARC_OK)
        return;
    for (size_t i = names.count; i-- > 0;) {
        const int64_t step = step_of(names.name[i], ".state");
        if (step >= 0 && kept < t->recipe.keep) {
            kept++;
            oldest = step;
        }
    }
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.name[i];
        const int64_t step = ARC_MAX(step_of(name, ".state"), step_of(name, ".onnx"));
        const bool torn = strstr(name, ".part-") != NULL;
        if (!torn && (step < 0 || step >= oldest))
            continue;
        snprintf(path, sizeof path, "%s/%s", t->options->run, name);
        (void)!arc_path_remove(path, NULL);
    }
    arc_names_free(&names);
}

/* ---- the JSON text ---- */

static json_t *describe(const arc_trainer *t, json_t *recipe) {
    json_t *root = json_object();
    json_object_set_new(root, "step", json_integer(t->at.step));
    json_object_set_new(root, "skipped", json_integer(t->at.skipped));
    json_object_set_new(root, "skipped_in_row", json_integer(t->at.skipped_in_row));
    json_object_set_new(root, "best", json_real(t->at.best));
    json_object_set_new(root, "best_step", json_integer(t->at.best_step));
    json_object_set_new(root, "samples", json_integer(t->samples));
    json_object_set_new(root, "identities", json_integer(t->identities));
    if (t->head) {
        const arc_margin_state *m = arc_head_margin_state(t->head);
        json_object_set_new(root, "norm_mean", json_real(m->norm_mean));
        json_object_set_new(root, "norm_deviation", json_real(m->norm_deviation));
        json_object_set_new(root, "curriculum", json_real(m->curriculum));
    }
    json_object_set_new(root, "recipe", recipe);
    return root;
}

static arc_status text_of(arc_trainer *t, char **out, arc_error *err) {
    char *text = NULL;
    *out = NULL;
    arc_status st = arc_recipe_text(&t->recipe, &text, err);
    if (st != ARC_OK)
        return st;
    json_t *root = describe(t, json_loads(text, 0, NULL));
    const size_t bytes = root ? json_dumpb(root, NULL, 0, JSON_REAL_PRECISION(17)) : 0;
    *out = bytes ? arc_mem_new(&t->ctx->alloc, bytes + 1, 1) : NULL;
    if (*out)
        json_dumpb(root, *out, bytes, JSON_REAL_PRECISION(17));
    json_decref(root);
    arc_mem_free(&t->ctx->alloc, text);
    return *out ? ARC_OK : arc_fail_nomem(err, "the checkpoint");
}

static arc_status read_text(arc_trainer *t, const arc_store_file *s, arc_error *err) {
    json_t *root = json_loadb(s->text, s->text_bytes, 0, NULL);
    json_int_t samples = -1, identities = -1, step = -1, skipped = 0, in_row = 0, best_step = 0;
    double best = -1, mean = 20, deviation = 100, curriculum = 0;
    const int got =
        json_unpack(root, "{s:I,s:I,s:I,s:I,s:I,s:F,s:I,s?F,s?F,s?F}", "step", &step, "samples", &samples, "identities",
                    &identities, "skipped", &skipped, "skipped_in_row", &in_row, "best", &best, "best_step", &best_step,
                    "norm_mean", &mean, "norm_deviation", &deviation, "curriculum", &curriculum);
    json_decref(root);
    if (got != 0 || step < 0)
        return arc_fail(err, ARC_ECORRUPT, "%s: its text lacks what a training needs", s->name);
    if (samples != t->samples || identities != t->identities)
        return arc_fail(err, ARC_EINVAL, "%s: was trained on %lld pictures of %lld identities, %s has %lld of %lld", s->name,
                        (long long)samples, (long long)identities, t->options->data, (long long)t->samples,
                        (long long)t->identities);
    t->at = (arc_train_at){step, skipped, in_row, best, best_step};
    if (t->head)
        *arc_head_margin_state(t->head) = (arc_margin_state){mean, deviation, curriculum};
    return ARC_OK;
}

arc_status arc_checkpoint_recipe(arc_recipe *recipe, const char *path, arc_error *err) {
    arc_store_file s;
    arc_status st = arc_store_open(&s, &recipe->alloc, &arc_state_kind, path, err);
    if (st != ARC_OK)
        return st;
    json_t *root = json_loadb(s.text, s.text_bytes, 0, NULL);
    char *text = root ? json_dumps(json_object_get(root, "recipe"), 0) : NULL;
    st =
        text ? arc_recipe_parse(recipe, text, strlen(text), path, err) : arc_fail(err, ARC_ECORRUPT, "%s: holds no recipe", path);
    json_decref(root);
    if (text) { /* allocated by jansson with its own allocator */
        json_malloc_t take;
        json_free_t give;
        json_get_alloc_funcs(&take, &give);
        give(text);
    }
    arc_store_close(&s);
    return st;
}

/* ---- arrays ---- */

typedef arc_status array_fn(void *arg, const char *name, float *data, size_t count, arc_error *err);

/* Calls fn for every array of the network, with its name: weights, statistics, the optimiser's state, averaged weights. */
static arc_status each_array(arc_trainer *t, array_fn *fn, void *arg, arc_error *err) {
    char name[512];
    arc_status st = ARC_OK;
    for (size_t i = 0; i < t->statistics && st == ARC_OK; i++) {
        const arc_learn_parameter *s = arc_learner_statistic(t->learner, i);
        snprintf(name, sizeof name, "statistic/%s", s->name);
        st = fn(arg, name, s->value, s->count, err);
    }
    for (size_t i = 0; i < t->parameters && st == ARC_OK; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        float *const row[4] = {p->value, t->state[0][i], t->state[1] ? t->state[1][i] : NULL, t->average ? t->average[i] : NULL};
        static const char *const kind[4] = {"weight", "optimiser0", "optimiser1", "average"};
        for (int k = 0; k < 4 && st == ARC_OK; k++) {
            snprintf(name, sizeof name, "%s/%s", kind[k], p->name);
            st = row[k] ? fn(arg, name, row[k], p->count, err) : ARC_OK;
        }
    }
    return st;
}

static arc_status put_array(void *arg, const char *name, float *data, size_t count, arc_error *err) {
    return arc_store_put(arg, name, data, count, err);
}

static arc_status get_array(void *arg, const char *name, float *data, size_t count, arc_error *err) {
    return arc_store_get(arg, name, count, 0, count, data, err);
}

/* Writes rows of the head in the order of classes, from whichever rank holds them: rank 0 writes, the others send. Done twice,
 * because the checksum stands before the data. */
static arc_status put_rows(arc_trainer *t, arc_store_writer *w, const arc_crc_table *crc, const char *name, float *own,
                           size_t row, arc_error *err) {
    arc_status st = ARC_OK, wrote = ARC_OK; /* if writing fails, the rows of the other ranks are still received */
    const bool root = t->ranks.rank == 0;
    uint32_t sum = 0;
    float *chunk = arc_mem_raw(&t->ctx->alloc, HEAD_CHUNK_FLOATS, sizeof *chunk);
    if (!chunk)
        return arc_fail_nomem(err, "the checkpoint");
    for (int pass = 0; pass < 2; pass++) {
        if (pass && w)
            wrote = arc_store_begin(w, name, (size_t)t->identities * row, sum, err);
        for (int r = 0; r < t->ranks.count; r++) {
            int64_t first, classes;
            arc_ranks_share(t->identities, r, t->ranks.count, &first, &classes);
            const size_t count = (size_t)classes * row;
            for (size_t at = 0; at < count; at += HEAD_CHUNK_FLOATS) {
                const size_t n = ARC_MIN(HEAD_CHUNK_FLOATS, count - at);
                const float *from = own + at;
                if (r != 0 && t->ranks.rank == r)
                    ARC_TRY(arc_ranks_send(&t->ranks, own + at, n * sizeof *own, 0, err));
                if (r != 0 && root) {
                    ARC_TRY(arc_ranks_receive(&t->ranks, chunk, n * sizeof *chunk, r, err));
                    from = chunk;
                }
                if (root && pass == 0)
                    sum = arc_crc32c(crc, sum, from, n * sizeof *from);
                else if (root && w && wrote == ARC_OK)
                    wrote = arc_store_more(w, from, n, err);
            }
        }
    }
done:
    arc_mem_free(&t->ctx->alloc, chunk);
    return st != ARC_OK ? st : wrote;
}

static const char *const head_name[3] = {"head/centres", "head/optimiser0", "head/optimiser1"};

static arc_status put_head(arc_trainer *t, arc_store_writer *w, arc_error *err) {
    arc_head_rows rows;
    arc_crc_table crc;
    arc_status st = ARC_OK;
    if (!t->head)
        return ARC_OK;
    arc_crc_init(&crc);
    arc_head_rows_of(t->head, &rows);
    float *const part[3] = {rows.centre, rows.state[0], rows.state[1]};
    for (int k = 0; k < 3 && st == ARC_OK; k++)
        if (part[k])
            st = put_rows(t, w, &crc, head_name[k], part[k], (size_t)rows.centres * (size_t)rows.dim, err);
    return st;
}

static arc_status get_head(arc_trainer *t, const arc_store_file *s, arc_error *err) {
    arc_head_rows rows;
    arc_status st = ARC_OK;
    if (!t->head)
        return ARC_OK;
    arc_head_rows_of(t->head, &rows);
    float *const part[3] = {rows.centre, rows.state[0], rows.state[1]};
    const size_t row = (size_t)rows.centres * (size_t)rows.dim;
    for (int k = 0; k < 3 && st == ARC_OK; k++)
        if (part[k])
            st = arc_store_get(s, head_name[k], (size_t)t->identities * row, (size_t)rows.first * row, (size_t)rows.count * row,
                               part[k], err);
    return st;
}

/* ---- the model ---- */

/* Exchanges the weights with their running average. */
static void swap_average(arc_trainer *t) {
    for (size_t i = 0; t->average && i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        for (size_t k = 0; k < p->count; k++) {
            const float keep = p->value[k];
            p->value[k] = t->average[i][k];
            t->average[i][k] = keep;
        }
    }
}

/* What the model was trained on: the last part of the data set's path, which is all that may leave this machine. */
static arc_status put_training(const arc_trainer *t, arc_graph *g) {
    const char *path = t->options->data;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    char name[256]; /* no name in a folder is longer */
    snprintf(name, sizeof name, "%.*s", (int)ARC_MIN(end - begin, sizeof name), path + begin);
    arc_text text;
    char *json;
    arc_text_begin(&text, &t->ctx->alloc);
    arc_text_add(&text, "{\"data\": ");
    arc_text_quote(&text, name);
    arc_text_add(&text, ", \"pictures\": %lld, \"identities\": %lld, \"steps\": %lld}", (long long)t->samples,
                 (long long)t->identities, (long long)t->at.step);
    arc_status st = arc_text_end(&text, &json, NULL);
    if (st == ARC_OK)
        st = arc_graph_set_meta(g, "arcface.training", json);
    arc_mem_free(&t->ctx->alloc, json);
    return st;
}

arc_status arc_train_graph(arc_trainer *t, arc_model *out, arc_error *err) {
    char *text = NULL;
    *out = (arc_model){.alloc = t->ctx->alloc, .contract = t->model->contract};
    swap_average(t);
    arc_status st = arc_learner_graph(t->learner, &out->graph, err);
    swap_average(t);
    if (st == ARC_OK)
        st = arc_recipe_text(&t->recipe, &text, err);
    if (st == ARC_OK &&
        (arc_graph_set_meta(out->graph, "arcface.recipe", text) != ARC_OK || put_training(t, out->graph) != ARC_OK))
        st = arc_fail_nomem(err, "the model");
    arc_mem_free(&t->ctx->alloc, text);
    if (st != ARC_OK)
        arc_graph_free(&out->graph);
    return st;
}

arc_status arc_train_save_model(arc_trainer *t, const char *path, arc_error *err) {
    arc_model model;
    arc_status st = arc_train_graph(t, &model, err);
    if (st == ARC_OK)
        st = arc_model_save(t->ctx, &model, path, err);
    arc_graph_free(&model.graph);
    return st;
}

/* ---- complete checkpoints ---- */

static arc_status save_files(arc_trainer *t, arc_store_writer **w, arc_error *err) {
    char path[ARC_TRAIN_PATH];
    char *text = NULL;
    arc_status st;
    path_of(t->options->run, t->at.step, ".onnx", path);
    ARC_TRY(arc_train_save_model(t, path, err));
    ARC_TRY(text_of(t, &text, err));
    path_of(t->options->run, t->at.step, ".state", path);
    ARC_TRY(arc_store_create(w, &t->ctx->alloc, &arc_state_kind, path, text, err));
    ARC_TRY(each_array(t, put_array, *w, err));
done:
    arc_mem_free(&t->ctx->alloc, text);
    return st;
}

arc_status arc_checkpoint_save(arc_trainer *t, arc_error *err) {
    arc_store_writer *w = NULL;
    arc_status st = t->ranks.rank == 0 ? save_files(t, &w, err) : ARC_OK;
    if (st != ARC_OK)
        arc_store_abort(&w);
    /* the other ranks send their rows even if rank 0 cannot write them */
    const arc_status rows = put_head(t, w, st == ARC_OK ? err : NULL);
    if (st == ARC_OK)
        st = rows;
    if (st == ARC_OK && w)
        st = arc_store_commit(&w, err);
    arc_store_abort(&w);
    if (st == ARC_OK && t->ranks.rank == 0)
        prune(t);
    return st;
}

arc_status arc_checkpoint_load(arc_trainer *t, const char *path, arc_error *err) {
    arc_store_file s;
    arc_status st = arc_store_open(&s, &t->ctx->alloc, &arc_state_kind, path, err);
    if (st != ARC_OK)
        return st;
    ARC_TRY(read_text(t, &s, err));
    ARC_TRY(each_array(t, get_array, &s, err));
    ARC_TRY(get_head(t, &s, err));
done:
    arc_store_close(&s);
    return st;
}
