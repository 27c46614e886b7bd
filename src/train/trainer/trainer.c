/* train: the main loop: steps, evaluations and checkpoints, in an order that a resumed training repeats. One step is in
 * step.c, what it needs is made in open.c. */
#include "train/trainer/trainer_internal.h"
#include <arcface/bench.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void arc_train_options_default(arc_train_options *options) {
    *options = (arc_train_options){.struct_size = sizeof *options};
}

/* ---- one iteration of the loop ---- */

/* Measures the speed since the last measurement, at most once in two seconds. Time for checkpoints and evaluations is
 * included. */
static void look_at_clock(arc_trainer *t) {
    const uint64_t now = arc_clock_ns();
    const double s = (double)(now - t->tick_ns) * 1e-9;
    if (s < 2 && t->images_per_s > 0)
        return;
    t->images_per_s = (double)((t->at.step - t->tick_step) * t->recipe.batch) / fmax(s, 1e-9);
    t->tick_ns = now;
    t->tick_step = t->at.step;
}

static arc_train_progress progress_of(arc_trainer *t, const arc_step_report *r) {
    look_at_clock(t);
    return (arc_train_progress){
        .epoch = r->batch.epoch,
        .step = t->at.step,
        .steps = t->steps,
        .loss = r->loss,
        .cosine = r->cosine,
        .rate = r->rate,
        .gradient_norm = r->norm,
        .images_per_s = t->images_per_s,
        .left_s = (double)((t->steps - t->at.step) * t->recipe.batch) / fmax(t->images_per_s, 1e-9),
        .peak_memory_bytes = arc_peak_memory_bytes(),
        .skipped = !r->finite,
    };
}

/* True every `every` steps and at the last step. */
static bool due(const arc_trainer *t, int64_t every) {
    return t->at.step == t->steps || (every > 0 && t->at.step % every == 0);
}

/* If a checkpoint cannot be written, the training says so and continues. */
static void save_or_say(arc_trainer *t) {
    arc_error why = {0};
    if (arc_checkpoint_save(t, &why) != ARC_OK)
        arc_train_say(t, "no checkpoint at step %lld: %s; the last good one stays", (long long)t->at.step, why.text);
}

/* Rank 0 decides for all ranks whether to stop. */
static arc_status wants_stop(arc_trainer *t, const arc_train_progress *p, bool *stop, arc_error *err) {
    double flag = 0;
    if (t->ranks.rank == 0 && t->options->progress)
        flag = t->options->progress(t->options->ctx, p) != 0;
    const arc_status st = arc_ranks_reduce(&t->ranks, &flag, 1, ARC_REDUCE_MAX, err);
    *stop = flag != 0;
    return st;
}

static arc_status after_step(arc_trainer *t, const arc_step_report *r, bool *stop, double *accuracy, arc_error *err) {
    arc_status st = ARC_OK;
    const bool root = t->ranks.rank == 0;
    t->at.step++;
    t->at.skipped += !r->finite;
    t->at.skipped_in_row = r->finite ? 0 : t->at.skipped_in_row + 1;
    const arc_train_progress p = progress_of(t, r);
    if (root && (due(t, t->recipe.log_every) || !r->finite || t->at.step == 1))
        ARC_TRY(arc_journal_step(t, r, &p, err));
    if (root && due(t, t->recipe.evaluate_every))
        ARC_TRY(arc_train_evaluate(t, accuracy, err));
    ARC_TRY(wants_stop(t, &p, stop, err));
    if (due(t, t->recipe.checkpoint_every) || *stop)
        save_or_say(t);
done:
    return st;
}

static arc_status loop(arc_trainer *t, arc_train_result *out, arc_error *err) {
    arc_status st = ARC_OK;
    arc_loader_seek(t->loader, t->at.step / t->epoch_steps, t->at.step % t->epoch_steps);
    t->tick_ns = arc_clock_ns();
    t->tick_step = t->at.step;
    while (t->at.step < t->steps) {
        arc_step_report r;
        bool stop = false;
        ARC_TRY(arc_train_step(t, &r, err));
        if (!r.finite)
            ARC_TRY(arc_flight_record(t, &r, err));
        ARC_TRY(after_step(t, &r, &stop, &out->accuracy, err));
        out->loss = r.loss;
        if (stop && t->at.step < t->steps)
            return arc_fail(err, ARC_ECANCEL, "stopped at step %lld of %lld; --resume goes on from there", (long long)t->at.step,
                            (long long)t->steps);
    }
done:
    return st;
}

/* ---- start and end ---- */

static arc_status write_recipe(arc_trainer *t, arc_error *err) {
    char path[ARC_TRAIN_PATH], *text = NULL;
    arc_writer *w = NULL;
    arc_status st = arc_recipe_text(&t->recipe, &text, err);
    snprintf(path, sizeof path, "%s/recipe.json", t->options->run);
    if (st == ARC_OK)
        st = arc_writer_open(&w, &t->ctx->alloc, path, err);
    if (st == ARC_OK)
        st = arc_writer_printf(w, err, "%s\n", text);
    st = arc_writer_finish(&w, st, err);
    arc_mem_free(&t->ctx->alloc, text);
    return st;
}

/* Resumes from the newest checkpoint; refuses a folder that has one if a new training was requested. */
static arc_status begin(arc_trainer *t, arc_error *err) {
    char path[ARC_TRAIN_PATH];
    bool there = false;
    arc_status st = arc_checkpoint_newest(&t->ctx->alloc, t->options->run, path, &there, err);
    if (st != ARC_OK)
        return st;
    if (there && t->options->resume) {
        ARC_TRY(arc_checkpoint_load(t, path, err));
        arc_train_say(t, "going on from %s at step %lld of %lld", path, (long long)t->at.step, (long long)t->steps);
    } else if (there) {
        st = arc_fail(err, ARC_EINVAL, "%s holds a training (%s); go on with --resume, or choose another folder", t->options->run,
                      arc_path_name(path));
        goto done;
    }
    if (t->ranks.rank == 0) {
        ARC_TRY(write_recipe(t, err));
        ARC_TRY(arc_journal_open(t, err));
    }
done:
    return st;
}

static arc_status finish(arc_trainer *t, arc_train_result *out, arc_error *err) {
    arc_status st = ARC_OK;
    snprintf(out->model, sizeof out->model, "%s/model.onnx", t->options->run);
    if (t->ranks.rank == 0) {
        ARC_TRY(arc_train_save_model(t, out->model, err));
        ARC_TRY(arc_journal_close(t, err));
    }
done:
    return st;
}

static arc_status check(const arc_train_options *o, arc_error *err) {
    if (ARC_CHECK_OPTIONS(arc_train_options, o, err) != ARC_OK)
        return ARC_EINVAL;
    if (!o || !o->data || !o->run)
        return arc_fail(err, ARC_EINVAL, "a training needs data and a folder to run in");
    if (strlen(o->run) > ARC_TRAIN_PATH - 64)
        return arc_fail(err, ARC_ELIMIT, "%.60s...: the folder's name is too long", o->run);
    return ARC_OK;
}

arc_status arc_train(arc_context *ctx, const arc_recipe *recipe, const arc_train_options *options, arc_train_result *out,
                     arc_error *err) {
    arc_trainer *t = NULL;
    *out = (arc_train_result){.accuracy = -1, .best = -1};
    arc_status st = check(options, err);
    if (st != ARC_OK)
        return st;
    t = arc_mem_new(&ctx->alloc, 1, sizeof *t);
    if (!t)
        return arc_fail_nomem(err, "the training");
    t->ctx = ctx;
    t->options = options;
    ARC_TRY(arc_ranks_open(&t->ranks, err));
    ARC_TRY(arc_dir_make(options->run, err));
    ARC_TRY(arc_trainer_open(t, ctx, recipe, options, err));
    out->planned_bytes = (int64_t)t->planned_bytes;
    ARC_TRY(begin(t, err));
    ARC_TRY(loop(t, out, err));
    ARC_TRY(finish(t, out, err));
done:
    out->leads = t->ranks.rank == 0;
    out->steps = t->at.step;
    out->skipped = t->at.skipped;
    out->best = t->at.best;
    out->peak_memory_bytes = arc_peak_memory_bytes();
    arc_ranks_close(&t->ranks, st != ARC_OK && st != ARC_ECANCEL ? err : NULL);
    arc_trainer_close(t);
    arc_mem_free(&ctx->alloc, t);
    return st;
}
