/* train: one training step: forward and backward for each micro-batch, gradients summed over ranks, weights updated. The batch
 * statistics of BatchNormalization are those of a micro-batch, as they are those of one GPU in arcface_torch. Running
 * statistics are updated once a step, by the mean over its micro-batches, so losses don't depend on how many ranks share the
 * micro-batches. trainer.c is the loop around it. */
#include "face/views.h"
#include "train/trainer/trainer_internal.h"
#include <math.h>
#include <string.h>

/* ---- pictures and labels ---- */

typedef struct fill_job {
    const uint8_t *rgb;
    const arc_view_room *room; /* one buffer, used for every image */
    size_t width, height;
    float *out;
} fill_job;

static void fill_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const fill_job *job = arg;
    const size_t plane = job->width * job->height;
    for (size_t i = begin; i < end; i++)
        for (size_t c = 0; c < 3; c++) {
            const uint8_t *from = job->rgb + i * job->width * 3 + (job->room->image[0].swap ? 2 - c : c);
            const float *value = job->room->value[c];
            float *to = job->out + (i / job->height * 3 + c) * plane + i % job->height * job->width;
            for (size_t x = 0; x < job->width; x++)
                to[x] = value[from[x * 3]];
        }
}

/* A micro-batch as the input of a network: [micro][3][h][w], in the contract's colour order and normalisation. */
static void to_tensor(arc_trainer *t, const arc_batch *b, size_t part, const arc_contract *contract, float *out) {
    arc_view_room room;
    fill_job job = {.room = &room,
                    .width = (size_t)t->model->contract.input_width_px,
                    .height = (size_t)t->model->contract.input_height_px,
                    .out = out};
    job.rgb = b->rgb + part * (size_t)t->micro * job.width * job.height * 3;
    const arc_image first = {.data = (uint8_t *)(uintptr_t)job.rgb,
                             .width_px = (int)job.width,
                             .height_px = (int)job.height,
                             .stride_bytes = (ptrdiff_t)job.width * 3,
                             .format = ARC_RGB8};
    const arc_view view = {&first, false};
    (void)arc_views_pixels(&view, 1, contract, &room);
    arc_pool_run(t->ctx->pool, (size_t)t->micro * job.height, 0, fill_rows, &job);
}

/* Gathers the labels of all ranks in the order in which the head sees the samples: part by part, and rank by rank within a
 * part. */
static arc_status gather_labels(arc_trainer *t, const arc_batch *b, arc_error *err) {
    const size_t share = (size_t)t->share, micro = (size_t)t->micro, ranks = (size_t)t->ranks.count;
    const arc_status st = arc_ranks_gather(&t->ranks, b->label, share * sizeof *b->label, t->gathered, err);
    for (size_t part = 0; part < t->parts; part++)
        for (size_t r = 0; r < ranks; r++)
            memcpy(t->labels + (part * ranks + r) * micro, t->gathered + r * share + part * micro, micro * sizeof *t->labels);
    return st;
}

/* ---- distillation ---- */

/* Adds the teacher's loss, the mean of 1 - cosine, and its gradient. */
static arc_status learn_from_teacher(arc_trainer *t, const arc_batch *b, size_t part, const float *own, float *gradient,
                                     double *distance, arc_error *err) {
    const float *images = t->images;
    if (t->teacher_images) {
        to_tensor(t, b, part, &t->teacher->contract, t->teacher_images);
        images = t->teacher_images;
    }
    const arc_contract *c = &t->model->contract;
    arc_tensor out[ARC_OP_MAX_IO];
    const arc_tensor in = {
        .dtype = ARC_F32, .shape = {4, {t->micro, 3, c->input_height_px, c->input_width_px}}, .data = (void *)(uintptr_t)images};
    const arc_status st = arc_session_run(t->teacher_session, &in, out, err);
    const double weight = t->recipe.teacher_weight / (double)t->recipe.batch;
    for (int64_t i = 0; i < t->micro && st == ARC_OK; i++) {
        const float *x = own + i * t->dim, *y = (const float *)out[0].data + i * t->dim;
        double xx = 0, yy = 0, xy = 0;
        for (int64_t d = 0; d < t->dim; d++) {
            xx += (double)x[d] * (double)x[d];
            yy += (double)y[d] * (double)y[d];
            xy += (double)x[d] * (double)y[d];
        }
        const double nx = fmax(sqrt(xx), 1e-12), ny = fmax(sqrt(yy), 1e-12), cosine = xy / nx / ny;
        *distance += 1 - cosine;
        for (int64_t d = 0; d < t->dim; d++)
            gradient[i * t->dim + d] -= (float)(weight * ((double)y[d] / ny - cosine * (double)x[d] / nx) / nx);
    }
    return st;
}

/* ---- running statistics ---- */

static void keep_statistics(arc_trainer *t) {
    for (size_t i = 0; i < t->statistics; i++) {
        const arc_learn_parameter *s = arc_learner_statistic(t->learner, i);
        memcpy(t->stat_before[i], s->value, s->count * sizeof *s->value);
        memset(t->stat_sum[i], 0, s->count * sizeof *s->value);
    }
}

static void restore_statistics(arc_trainer *t) {
    for (size_t i = 0; i < t->statistics; i++) {
        const arc_learn_parameter *s = arc_learner_statistic(t->learner, i);
        memcpy(s->value, t->stat_before[i], s->count * sizeof *s->value);
    }
}

/* Adds how much a forward pass changed the running statistics, and restores the old ones for the next micro-batch. */
static void collect_statistics(arc_trainer *t) {
    for (size_t i = 0; i < t->statistics; i++) {
        const arc_learn_parameter *s = arc_learner_statistic(t->learner, i);
        for (size_t k = 0; k < s->count; k++)
            t->stat_sum[i][k] += s->value[k] - t->stat_before[i][k];
    }
    restore_statistics(t);
}

static arc_status settle_statistics(arc_trainer *t, arc_error *err) {
    const float share = 1.0f / (float)(t->parts * (size_t)t->ranks.count);
    arc_status st = ARC_OK;
    for (size_t i = 0; i < t->statistics && st == ARC_OK; i++) {
        const arc_learn_parameter *s = arc_learner_statistic(t->learner, i);
        st = arc_ranks_sum_floats(&t->ranks, t->stat_sum[i], s->count, err);
        for (size_t k = 0; k < s->count; k++)
            s->value[k] = t->stat_before[i][k] + t->stat_sum[i][k] * share;
    }
    return st;
}

/* ---- updating the weights ---- */

static double gradient_squares(arc_trainer *t) {
    double sum = 0;
    for (size_t i = 0; i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        if (!p->frozen)
            sum += arc_square_sum(t->ctx->pool, p->count, p->gradient);
    }
    return sum;
}

typedef struct move_job {
    const arc_trainer *t;
    const arc_learn_parameter *p;
    const arc_optimiser_step *step;
    float *state[2], *average;
    double decay;
} move_job;
#define MOVE_CHUNK 16384

static void move_chunks(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const move_job *job = arg;
    const float keep = (float)job->t->recipe.ema;
    for (size_t chunk = begin; chunk < end; chunk++) {
        const size_t from = chunk * MOVE_CHUNK, n = ARC_MIN(job->p->count - from, (size_t)MOVE_CHUNK);
        float *const state[2] = {job->state[0] + from, job->state[1] ? job->state[1] + from : NULL};
        float *w = job->p->value + from, *mean = job->average ? job->average + from : NULL;
        arc_optimiser_apply(&job->t->optimiser, job->step, job->decay, n, w, job->p->gradient + from, state);
        for (size_t i = 0; mean && i < n; i++)
            mean[i] += (1 - keep) * (w[i] - mean[i]);
    }
}

static void move_network(arc_trainer *t, const arc_optimiser_step *step) {
    for (size_t i = 0; i < t->parameters; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        if (p->frozen)
            continue;
        move_job job = {.t = t, .p = p, .step = step, .decay = p->decays || t->recipe.decay_all ? t->recipe.decay : 0};
        job.state[0] = t->state[0][i];
        job.state[1] = t->state[1] ? t->state[1][i] : NULL;
        job.average = t->average ? t->average[i] : NULL;
        arc_pool_run(t->ctx->pool, (p->count + MOVE_CHUNK - 1) / MOVE_CHUNK, 0, move_chunks, &job);
    }
}

static arc_status move(arc_trainer *t, arc_step_report *out, arc_error *err) {
    arc_optimiser_step step = {.rate = out->rate, .factor = 1, .step = t->at.step + 1 - t->at.skipped};
    const arc_optimiser_step head_step = {.rate = step.rate, .factor = t->recipe.head_weight, .step = step.step};
    if (t->head)
        arc_head_update(t->head, &head_step);
    out->norm = sqrt(gradient_squares(t));
    if (t->recipe.clip > 0 && out->norm > t->recipe.clip)
        step.factor = t->recipe.clip / (out->norm + 1e-6); /* the same formula as clip_grad_norm_ */
    move_network(t, &step);
    return settle_statistics(t, err);
}

/* ---- the step ---- */

/* Backward of one part. The last part completes the gradients, which are sent to the other ranks as they become ready.
 * *finite: the gradients of this rank were finite before they were summed. */
static arc_status backward(arc_trainer *t, const float *d_embeddings, size_t part, arc_step_report *out, arc_error *err) {
    const bool last = part + 1 == t->parts;
    if (!last || !t->exchange) {
        const arc_status st = arc_learner_backward(t->learner, d_embeddings, part > 0, NULL, err);
        if (last && st == ARC_OK)
            out->own_finite = isfinite(gradient_squares(t));
        return st;
    }
    arc_exchange_begin(t->exchange);
    arc_learner_on_ready(t->learner, arc_exchange_give, t->exchange);
    arc_status st = arc_learner_backward(t->learner, d_embeddings, part > 0, NULL, err);
    arc_learner_on_ready(t->learner, NULL, NULL);
    const arc_status sent = arc_exchange_end(t->exchange, &out->own_finite, st == ARC_OK ? err : NULL);
    return st == ARC_OK ? sent : st;
}

/* One micro-batch. If out->finite becomes false, the step ends. */
static arc_status run_part(arc_trainer *t, size_t part, arc_step_report *out, arc_error *err) {
    arc_status st;
    arc_head_loss loss = {.finite = true, .bad = -1};
    const size_t floats = (size_t)(t->micro * t->dim);
    float *mine = t->gradient + (size_t)t->ranks.rank * floats;
    const float *own;
    to_tensor(t, &out->batch, part, &t->model->contract, t->images);
    ARC_TRY(arc_learner_forward(t->learner, t->images, t->micro, &own, err));
    memset(t->gradient, 0, floats * (size_t)t->ranks.count * sizeof *t->gradient);
    if (t->head) {
        ARC_TRY(arc_ranks_gather(&t->ranks, own, floats * sizeof *own, t->embeddings, err));
        ARC_TRY(arc_head_forward(t->head, t->embeddings, t->micro * t->ranks.count, &loss, err));
        if (loss.finite)
            ARC_TRY(arc_head_backward(t->head, t->gradient, err));
        for (size_t i = 0; i < floats; i++)
            mine[i] *= (float)t->recipe.head_weight;
    }
    if (t->teacher)
        ARC_TRY(learn_from_teacher(t, &out->batch, part, own, mine, &out->distance, err));
    out->loss += loss.loss;
    out->cosine += loss.cosine;
    if (!loss.finite) { /* the same on every rank, so all stop here */
        out->finite = false;
        out->part = (int64_t)part;
        const int64_t first = t->micro * t->ranks.rank;
        out->bad = loss.bad >= first && loss.bad < first + t->micro ? loss.bad - first : -1;
        out->layer = arc_learner_not_finite(t->learner);
        return ARC_OK;
    }
    ARC_TRY(backward(t, mine, part, out, err));
    collect_statistics(t);
done:
    return st;
}

/* A gradient that is not finite on one rank ends the step on all. The first rank with such a gradient, or with a bad sample,
 * reports it. */
static arc_status agree(arc_trainer *t, arc_step_report *out, arc_error *err) {
    double flag[2] = {0, out->distance}, saw = out->bad >= 0;
    if (out->finite && !(isfinite(out->distance) && out->own_finite)) {
        saw = 1;
        out->finite = false;
        out->part = (int64_t)t->parts - 1;
        out->layer = arc_learner_not_finite(t->learner);
    }
    flag[0] = !out->finite;
    saw *= t->ranks.count - t->ranks.rank;
    arc_status st = arc_ranks_reduce(&t->ranks, flag, 2, ARC_REDUCE_SUM, err);
    if (st == ARC_OK)
        st = arc_ranks_reduce(&t->ranks, &saw, 1, ARC_REDUCE_MAX, err);
    out->finite = flag[0] == 0;
    out->distance = flag[1];
    out->from = saw > 0 ? t->ranks.count - (int)saw : 0;
    return st;
}

arc_status arc_train_step(arc_trainer *t, arc_step_report *out, arc_error *err) {
    arc_status st;
    *out = (arc_step_report){.finite = true, .bad = -1, .rate = arc_schedule_rate(&t->schedule, t->at.step)};
    ARC_TRY(arc_loader_next(t->loader, &out->batch, err));
    ARC_TRY(gather_labels(t, &out->batch, err));
    keep_statistics(t);
    if (t->head)
        ARC_TRY(arc_head_begin(t->head, t->at.step, t->labels, t->recipe.batch, err));
    for (size_t part = 0; part < t->parts && out->finite; part++)
        ARC_TRY(run_part(t, part, out, err));
    ARC_TRY(agree(t, out, err));
    const double n = (double)t->recipe.batch;
    out->cosine /= n;
    out->distance /= n;
    out->loss = t->recipe.head_weight * out->loss / n + (t->teacher ? t->recipe.teacher_weight * out->distance : 0);
    if (out->finite)
        ARC_TRY(move(t, out, err));
    else {
        restore_statistics(t);
        if (t->head)
            arc_head_drop(t->head);
    }
done:
    return st;
}
