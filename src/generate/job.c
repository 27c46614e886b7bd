/* generate: a run into a folder, batch after batch. A batch that is done has its pictures there; one that is under way has a
 * state; so a run that was killed goes on from them, bit for bit. */
#include "base/hash.h"
#include "base/text.h"
#include "generate/job_internal.h"
#include "generate/metrics/generated.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define JOB_FILE "job.json"
#define SAVES 20 /* states of a batch, at even distances */
#define MAX_PICTURES (1 << 20)
#define MAX_ENTRIES ((size_t)3 << 20)

void arc_generate_job_default(arc_generate_job *job) {
    *job = (arc_generate_job){.struct_size = sizeof *job, .count = 1, .batch = 16};
}

static void say(const arc_generate_run *r, const char *fmt, ...) ARC_PRINTF(2, 3);
static void say(const arc_generate_run *r, const char *fmt, ...) {
    char line[512];
    va_list args;
    va_start(args, fmt);
    arc_number_print(line, sizeof line, fmt, args);
    va_end(args);
    if (r->job->say)
        r->job->say(r->job->ctx, line);
}

/* ---- what is to be done -------------------------------------------------------------------------------------------------------
 */

static arc_status look_at_job(arc_generate_run *r, arc_error *err) {
    const arc_generate_job *j = r->job;
    if (!j->folder)
        return arc_fail(err, ARC_EINVAL, "a generation needs a folder");
    if ((j->people != NULL) + (j->embeddings != NULL) + (j->centres != NULL) != 1)
        return arc_fail(err, ARC_EINVAL, "whom to generate: people, embeddings, or centres with classes; one of these");
    if (j->centres && (!j->class_of || j->classes < 1))
        return arc_fail(err, ARC_EINVAL, "centres without a class to generate");
    if (j->judges < 0 || j->judges > ARC_GENERATE_MAX_JUDGES)
        return arc_fail(err, ARC_EINVAL, "%d judges: 0 to %d are possible", j->judges, ARC_GENERATE_MAX_JUDGES);
    if (j->people && j->people->models != 1 + j->judges)
        return arc_fail(err, ARC_EINVAL, "%d judges, but the people were read with %d: give the same to both", j->judges,
                        j->people->models - 1);
    r->dim = r->model->contract.dim;
    r->people = j->people ? j->people->people : j->embeddings ? j->embeddings->count : j->classes;
    if (j->count < 1 || j->batch < 1 || (int64_t)j->count * r->people > MAX_PICTURES)
        return arc_fail(err, ARC_EINVAL, "%d pictures of %d people in batches of %d: 1 to %d pictures are possible", j->count,
                        r->people, j->batch, MAX_PICTURES);
    int dim = r->dim;
    if (j->people) {
        r->target = j->people->embedding[0];
        dim = j->people->dim[0];
    } else if (j->embeddings) {
        r->target = j->embeddings->row;
        dim = j->embeddings->dim;
    } else if (j->centres) {
        r->target = NULL; /* the class is the target */
        dim = j->centres->dim;
    }
    if (dim != r->dim)
        return arc_fail(err, ARC_EINVAL,
                        "the targets have %d numbers, an embedding of the model has %d: they are another model's", dim, r->dim);
    r->pictures = j->count * r->people;
    r->batches = (r->pictures + j->batch - 1) / j->batch;
    return j->centres ? arc_generate_check_classes(j->class_of, j->classes, j->centres->count, err) : ARC_OK;
}

/* The text that only the same run has. */
static arc_status describe(const arc_generate_run *r, char **text, arc_error *err) {
    const arc_generate_options *o = &r->options;
    const arc_generate_job *j = r->job;
    arc_text t;
    uint64_t h = ARC_HASH_START;
    if (r->target)
        h = arc_hash_bytes(h, r->target, (size_t)r->people * (size_t)r->dim * sizeof *r->target);
    else
        h = arc_hash_bytes(h, j->class_of, (size_t)j->classes * sizeof *j->class_of);
    arc_text_begin(&t, &r->ctx->alloc);
    arc_text_add(&t, "{\"model\": ");
    arc_text_quote(&t, r->model->path ? r->model->path : "");
    arc_text_add(&t,
                 ", \"targets\": \"%016" PRIx64 "\", \"people\": %d, \"count\": %d, \"batch\": %d, \"steps\": %" PRId64
                 ", \"seed\": %" PRIu64 ",\n",
                 h, r->people, j->count, j->batch, o->steps, o->seed);
    arc_text_add(&t,
                 " \"identity_weight\": %.9g, \"class_weight\": %.9g, \"bn_weight\": %.9g, \"tv_weight\": %.9g, "
                 "\"l2_weight\": %.9g, \"first_bn\": %.9g, \"folded\": %.9g, \"distance\": %d,\n",
                 o->identity_weight, o->class_weight, o->bn_weight, o->tv_weight, o->l2_weight, o->first_bn, o->folded,
                 (int)o->distance);
    arc_text_add(&t,
                 " \"rate\": %.9g, \"beta1\": %.9g, \"beta2\": %.9g, \"warmup\": %" PRId64 ", \"cosine\": %s, \"levels\": %d, "
                 "\"coarse\": %.9g, \"fine\": %.9g,\n",
                 o->rate, o->beta1, o->beta2, o->warmup, arc_text_bool(o->cosine), o->levels, o->coarse, o->fine);
    arc_text_add(&t,
                 " \"noise\": %.9g, \"sketch\": %.9g, \"symmetric\": %.9g, \"jitter_px\": %d, \"flip\": %s, \"clip\": %s, "
                 "\"margin\": %.9g, \"scale\": %.9g, \"statistics\": ",
                 o->noise, o->sketch, o->symmetric, o->jitter_px, arc_text_bool(o->flip), arc_text_bool(o->clip), o->margin,
                 o->scale);
    arc_text_quote(&t, o->statistics ? o->statistics : "");
    arc_text_add(&t, "}\n");
    return arc_text_end(&t, text, err);
}

/* What a writer that was killed left. */
static void remove_torn(const arc_generate_run *r) {
    arc_names names;
    char path[ARC_PATH_BYTES];
    if (arc_dir_list(&names, &r->ctx->alloc, r->job->folder, MAX_ENTRIES, NULL) != ARC_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        snprintf(path, sizeof path, "%.2000s/%.2000s", r->job->folder, names.name[i]);
        if (strstr(names.name[i], ".part-"))
            (void)!arc_path_remove(path, NULL);
    }
    arc_names_free(&names);
}

/* A folder is one run's. */
static arc_status claim_folder(const arc_generate_run *r, arc_error *err) {
    char path[ARC_PATH_BYTES];
    char *text = NULL;
    arc_map map = {0};
    arc_status st = arc_dir_make(r->job->folder, err);
    if (st == ARC_OK)
        st = describe(r, &text, err);
    if (st != ARC_OK)
        return st;
    snprintf(path, sizeof path, "%.4000s/" JOB_FILE, r->job->folder);
    const bool there = arc_path_kind_of(path) != ARC_PATH_NONE;
    if (there && !r->job->resume)
        st =
            arc_fail(err, ARC_EINVAL, "%s: holds a generation; go on with it (--resume), or name another folder", r->job->folder);
    else if (there)
        st = arc_map_open(&map, path, 1 << 20, err);
    else
        st = arc_file_save(&r->ctx->alloc, path, text, strlen(text), err);
    if (st == ARC_OK && there && (map.bytes != strlen(text) || memcmp(map.data, text, map.bytes) != 0))
        st = arc_fail(err, ARC_EINVAL, "%s: is of another generation: other options, targets or another model", path);
    arc_map_close(&map);
    arc_mem_free(&r->ctx->alloc, text);
    if (st == ARC_OK && there)
        remove_torn(r);
    return st;
}

/* ---- a batch
 * ------------------------------------------------------------------------------------------------------------------- */

static void state_path(const arc_generate_run *r, int batch, char path[ARC_PATH_BYTES]) {
    snprintf(path, ARC_PATH_BYTES, "%.4000s/batch-%d.state", r->job->folder, batch);
}

static bool is_done(const arc_generate_run *r, int batch) {
    char path[ARC_PATH_BYTES];
    state_path(r, batch, path);
    if (arc_path_kind_of(path) != ARC_PATH_NONE)
        return false; /* removed once the pictures are all there */
    for (int i = arc_generate_first_of(r, batch); i < arc_generate_first_of(r, batch + 1); i++) {
        arc_generate_path_of(r, i, false, path);
        if (arc_path_kind_of(path) != ARC_PATH_FILE)
            return false;
    }
    return true;
}

static arc_status new_batch(const arc_generate_run *r, int batch, arc_generator **out, arc_error *err) {
    const int first = arc_generate_first_of(r, batch), count = arc_generate_first_of(r, batch + 1) - first;
    const arc_generate_job *j = r->job;
    arc_generate_options o = r->options;
    arc_generate_targets t;
    arc_generate_targets_default(&t);
    t.images = count;
    t.dim = r->dim;
    o.seed = arc_rng_hash(r->options.seed, (uint64_t)batch);
    float *rows = arc_mem_new(&r->ctx->alloc, (size_t)count * (size_t)r->dim, sizeof *rows);
    int *class_of = arc_mem_new(&r->ctx->alloc, (size_t)count, sizeof *class_of);
    arc_status st = rows && class_of ? ARC_OK : arc_fail_nomem(err, "the targets of a batch");
    for (int i = 0; st == ARC_OK && i < count; i++) {
        const int person = arc_generate_person_of(r, first + i);
        if (r->target)
            memcpy(rows + (size_t)i * (size_t)r->dim, r->target + (size_t)person * (size_t)r->dim, (size_t)r->dim * sizeof *rows);
        else
            class_of[i] = j->class_of[person];
    }
    t.embedding = r->target ? rows : NULL;
    t.centre = r->target ? NULL : j->centres->row;
    t.classes = r->target ? 0 : j->centres->count;
    t.class_of = class_of;
    if (st == ARC_OK)
        st = arc_generator_new(r->ctx, r->model, &t, &o, out, err);
    arc_mem_free(&r->ctx->alloc, rows);
    arc_mem_free(&r->ctx->alloc, class_of);
    return st;
}

/* Says once what the network offers and what will be taken. */
static void announce(const arc_generate_run *r, const arc_generator *g) {
    arc_generate_facts f;
    arc_generator_facts(g, &f);
    say(r, "%d picture%s of %d x %d pixels in %d batch%s, %lld steps each; memory %.0f MB (network %.0f, pictures %.0f)",
        r->pictures, r->pictures == 1 ? "" : "s", f.width_px, f.height_px, r->batches, r->batches == 1 ? "" : "es",
        (long long)r->options.steps, (double)(f.network_bytes + f.picture_bytes) / 1e6, (double)f.network_bytes / 1e6,
        (double)f.picture_bytes / 1e6);
    if (f.measured)
        say(r, "statistics measured on pictures at %d places: %d BatchNormalizations, %d convolutions in which one was folded",
            f.used, f.batchnorms, f.folded);
    else if (f.used == 0)
        say(r, "the model has no BatchNormalization: the prior of what faces look like is gone, and pictures will be noise that "
               "scores "
               "well; measure statistics on real crops (--statistics-from)");
    else
        say(r, "statistics of %d BatchNormalizations in the model%s", f.used,
            f.folded ? "; others were folded into convolutions, where only measuring on real crops (--statistics-from) finds them"
                     : "");
    if (!f.measured && f.used > 0 && f.folded > 0)
        say(r, "%d BatchNormalizations were folded", f.folded);
}

static arc_status step_batch(const arc_generate_run *r, arc_generator *g, int batch, const char *state, arc_error *err) {
    const int64_t each = ARC_MAX(r->options.steps / SAVES, (int64_t)1);
    bool stop = false;
    arc_status st = ARC_OK;
    while (st == ARC_OK && !stop && arc_generator_steps_done(g) < r->options.steps) {
        arc_generate_progress p;
        st = arc_generator_step(g, &p, err);
        if (st != ARC_OK)
            break;
        r->out->halvings += !p.finite;
        if (!p.finite)
            say(r, "step %" PRId64 ": numbers are not finite, first in %s; the pictures went back a step, the rate is halved",
                p.step, *p.layer ? p.layer : "the loss");
        stop = r->job->progress && r->job->progress(r->job->ctx, batch, r->batches, &p) != 0;
        if (p.step % each == 0 || stop || p.step == r->options.steps) {
            st = arc_generator_save(g, state, err);
            if (st == ARC_OK)
                st = arc_generate_write_preview(r, g, batch, err);
        }
    }
    if (st == ARC_OK && stop)
        st = arc_fail(err, ARC_ECANCEL, "%s: stopped after step %" PRId64 " of batch %d; --resume goes on", r->job->folder,
                      arc_generator_steps_done(g), batch);
    return st;
}

static arc_status run_batch(const arc_generate_run *r, int batch, bool *announced, arc_error *err) {
    char state[ARC_PATH_BYTES];
    arc_generator *g = NULL;
    state_path(r, batch, state);
    arc_status st = new_batch(r, batch, &g, err);
    if (st != ARC_OK)
        return st;
    if (!*announced)
        announce(r, g);
    *announced = true;
    if (r->job->resume && arc_path_kind_of(state) != ARC_PATH_NONE)
        st = arc_generator_load(g, state, err);
    if (st == ARC_OK)
        st = step_batch(r, g, batch, state, err);
    if (st == ARC_OK)
        st = arc_generate_write_pictures(r, g, batch, err);
    if (st == ARC_OK)
        st = arc_path_remove(state, err);
    arc_generator_free(&g);
    return st;
}

arc_status arc_generate(arc_context *ctx, const arc_model *model, const arc_generate_job *job,
                        const arc_generate_options *options, arc_generate_result *out, arc_error *err) {
    const uint64_t began = arc_clock_ns();
    bool announced = false;
    char preview[ARC_PATH_BYTES];
    *out = (arc_generate_result){0};
    arc_status st = ARC_CHECK_OPTIONS(arc_generate_job, job, err);
    if (st == ARC_OK)
        st = ARC_CHECK_OPTIONS(arc_generate_options, options, err);
    if (st == ARC_OK && !job)
        st = arc_fail(err, ARC_EINVAL, "a generation needs a job");
    if (st != ARC_OK)
        return st;
    arc_generate_run r = {.ctx = ctx, .model = model, .job = job, .out = out};
    arc_generate_options_default(&r.options);
    if (options)
        r.options = *options;
    st = look_at_job(&r, err);
    if (st == ARC_OK)
        st = claim_folder(&r, err);
    for (int batch = 0; st == ARC_OK && batch < r.batches; batch++)
        if (!job->resume || !is_done(&r, batch))
            st = run_batch(&r, batch, &announced, err);
    if (st == ARC_OK)
        st = arc_generate_write_outcome(&r, err);
    if (st != ARC_OK)
        return st;
    snprintf(preview, sizeof preview, "%.4000s/preview.png", job->folder);
    out->pictures = r.pictures;
    out->people = r.people;
    out->seconds = (double)(arc_clock_ns() - began) / 1e9;
    return arc_path_remove(preview, err);
}

void arc_generate_progress_line(const arc_generate_progress *p, double steps_per_s, double left_s, char *line, size_t bytes) {
    const arc_generate_losses *l = &p->losses;
    snprintf(line, bytes,
             "step %" PRId64 "/%" PRId64
             "  loss %.4g = identity %.4g + statistics %.4g + variation %.4g + length %.2g  cosine %.4f  "
             "rate %.3g  %.2f steps/s  %.0f s left",
             p->step, p->steps, l->total, l->identity, l->bn, l->tv, l->l2, l->cosine, p->rate, steps_per_s, left_s);
}
