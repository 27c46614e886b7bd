/* train: makes everything that a training holds before its first step, and computes how much memory that takes. */
#include "plan/cost.h"
#include "train/trainer/trainer_internal.h"
#include <arcface/bench.h>
#include <arcface/face.h>
#include <math.h>
#include <string.h>

#define MAX_FROZEN 64
#define BASE_MOMENTUM 0.1f /* of running statistics, as in PyTorch */

/* ---- from the recipe ---- */

static void read_margin(const arc_recipe *r, arc_margin *m) {
    arc_margin_default(m, (arc_loss_kind)r->loss);
    m->m1 = isnan(r->m1) ? m->m1 : r->m1;
    m->m2 = isnan(r->m2) ? m->m2 : r->m2;
    m->m3 = isnan(r->m3) ? m->m3 : r->m3;
    m->scale = isnan(r->scale) ? m->scale : r->scale;
    m->filter = r->filter;
    m->wrap = (arc_margin_wrap)r->wrap;
    m->straight_through = r->margin_gradient != 0;
    m->concentration = r->concentration;
    m->norm_average = r->norm_average;
    m->lower_norm = r->lower_norm;
    m->upper_norm = r->upper_norm;
    m->lower_margin = r->lower_margin;
    m->upper_margin = r->upper_margin;
    m->regulariser = r->regulariser;
    m->easy_margin = r->easy_margin != 0;
}

static arc_status read_schedule(arc_trainer *t, arc_error *err) {
    const arc_recipe *r = &t->recipe;
    t->epoch_steps = t->samples / r->batch;
    if (t->epoch_steps < 1)
        return arc_fail(err, ARC_EINVAL, "%s has %lld pictures, fewer than a batch of %lld", t->options->data,
                        (long long)t->samples, (long long)r->batch);
    t->steps = r->steps > 0 ? r->steps : t->epoch_steps * r->epochs;
    t->schedule = (arc_schedule){.kind = (arc_schedule_kind)r->schedule,
                                 .rate = r->rate,
                                 .power = r->power,
                                 .factor = r->factor,
                                 .steps = t->steps,
                                 .full_first_step = r->full_first_step != 0};
    t->schedule.warmup_steps =
        r->warmup_steps > 0 ? r->warmup_steps : (int64_t)llround(r->warmup_epochs * (double)t->epoch_steps);
    for (const char *at = r->milestones; *at;) {
        const char *end;
        const double epoch = arc_number_read(at, &end);
        if (end == at || !(epoch >= 0) || (*end && *end != ','))
            return arc_fail(err, ARC_EINVAL, "milestones \"%.60s\": epochs with commas between them are needed", r->milestones);
        if (t->schedule.milestones == ARC_SCHEDULE_MILESTONES)
            return arc_fail(err, ARC_ELIMIT, "milestones: at most %d", ARC_SCHEDULE_MILESTONES);
        t->schedule.milestone[t->schedule.milestones++] = (int64_t)llround(epoch * (double)t->epoch_steps);
        at = *end ? end + 1 : end;
    }
    t->optimiser = (arc_optimiser){.kind = (arc_optimiser_kind)r->optimiser,
                                   .momentum = r->momentum,
                                   .beta1 = r->beta1,
                                   .beta2 = r->beta2,
                                   .epsilon = r->epsilon};
    return ARC_OK;
}

/* ---- models, data, head ---- */

static arc_status open_data(arc_trainer *t, arc_error *err) {
    arc_loader_options o;
    arc_status st;
    const arc_recipe *r = &t->recipe;
    arc_loader_options_default(&o);
    ARC_TRY(arc_data_set_open(&t->set, t->ctx, t->options->data, err));
    t->samples = arc_data_set_samples(t->set);
    t->identities = arc_data_set_identities(t->set);
    ARC_TRY(read_schedule(t, err));
    o.batch = (int)t->share;
    o.height_px = t->model->contract.input_height_px;
    o.width_px = t->model->contract.input_width_px;
    o.seed = (uint64_t)r->seed;
    o.rank = t->ranks.rank;
    o.ranks = t->ranks.count;
    o.threads = (int)r->loader_threads;
    ARC_TRY(arc_augment_parse(&o.augment, r->augment[0] ? r->augment : "none", err));
    ARC_TRY(arc_loader_new(&t->loader, t->set, &o, err));
done:
    return st;
}

static arc_status open_model(arc_trainer *t, arc_error *err) {
    const arc_recipe *r = &t->recipe;
    arc_status st = r->init[0] ? arc_model_load(t->ctx, r->init, ARC_TASK_EMBED, NULL, &t->model, err)
                               : arc_model_new(t->ctx, r->network, (int)r->dim, (uint64_t)r->seed, &t->model, err);
    if (st != ARC_OK)
        return st;
    arc_contract *c = &t->model->contract;
    if (c->input_width_px <= 0 || c->input_height_px <= 0)
        arc_template_get(c->align, &c->input_width_px, &c->input_height_px, (float[5][2]){{0}});
    return ARC_OK;
}

/* Splits the list of frozen layers at its commas, in place in `text`. */
static arc_status frozen_names(char *text, const char *out[MAX_FROZEN], size_t *count, arc_error *err) {
    *count = 0;
    for (char *at = text; *at;) {
        const size_t bytes = strcspn(at, ",");
        if (bytes == 0)
            return arc_fail(err, ARC_EINVAL, "freeze: a name is missing between commas (an empty one would freeze every layer)");
        if (*count == MAX_FROZEN)
            return arc_fail(err, ARC_ELIMIT, "freeze: at most %d names", MAX_FROZEN);
        out[(*count)++] = at;
        at += bytes;
        if (*at)
            *at++ = '\0';
    }
    return ARC_OK;
}

/* The BatchNormalizations of frozen layers normalise by their running statistics, as in the finished model, and these do not
 * change. */
static void use_running_statistics(arc_learner *l, size_t frozens, const char *const frozen[]) {
    for (size_t i = 0; i < arc_learner_norms(l); i++) {
        arc_learn_norm *norm = arc_learner_norm(l, i);
        for (size_t k = 0; k < frozens; k++)
            norm->uses_running |= strncmp(norm->running_mean->name, frozen[k], strlen(frozen[k])) == 0;
    }
}

static arc_status open_learner(arc_trainer *t, arc_error *err) {
    char text[ARC_RECIPE_TEXT];
    const char *frozen[MAX_FROZEN];
    size_t frozens;
    const arc_contract *c = &t->model->contract;
    memcpy(text, t->recipe.freeze, sizeof text);
    arc_status st = frozen_names(text, frozen, &frozens, err);
    if (st != ARC_OK)
        return st;
    const arc_shape input = {4, {t->micro, 3, c->input_height_px, c->input_width_px}};
    const arc_learner_options o = {.batch = t->micro,
                                   .bf16 = t->recipe.precision != 0,
                                   .recompute = t->recipe.recompute != 0,
                                   .momentum = BASE_MOMENTUM,
                                   .frozen = frozen,
                                   .frozens = frozens};
    st = arc_learner_new(&t->learner, t->ctx, t->model->graph, &input, &o, err);
    if (st != ARC_OK)
        return st;
    t->parameters = arc_learner_parameters(t->learner);
    t->statistics = arc_learner_statistics(t->learner);
    use_running_statistics(t->learner, frozens, frozen);
    for (size_t k = 0; k < frozens; k++) {
        bool found = false;
        for (size_t i = 0; i < t->parameters && !found; i++)
            found = strncmp(arc_learner_parameter(t->learner, i)->name, frozen[k], strlen(frozen[k])) == 0;
        if (!found)
            return arc_fail(err, ARC_EINVAL,
                            "freeze: no layer's name begins with \"%s\"; \"arcface model info --layers\" shows them", frozen[k]);
    }
    return ARC_OK;
}

static bool same_contract(const arc_contract *a, const arc_contract *b) {
    return a->bgr == b->bgr && memcmp(a->mean, b->mean, sizeof a->mean) == 0 && memcmp(a->scale, b->scale, sizeof a->scale) == 0;
}

static arc_status open_teacher(arc_trainer *t, arc_error *err) {
    arc_status st = ARC_OK;
    if (!t->recipe.teacher[0])
        return ARC_OK;
    ARC_TRY(arc_model_load(t->ctx, t->recipe.teacher, ARC_TASK_EMBED, NULL, &t->teacher, err));
    const arc_contract *own = &t->model->contract, *c = &t->teacher->contract;
    if (c->dim != own->dim || (c->input_width_px > 0 && c->input_width_px != own->input_width_px) ||
        (c->input_height_px > 0 && c->input_height_px != own->input_height_px)) {
        st = arc_fail(err, ARC_ESHAPE, "teacher %s gives %d numbers for %dx%d pictures, the network %d for %dx%d",
                      t->recipe.teacher, c->dim, c->input_width_px, c->input_height_px, own->dim, own->input_width_px,
                      own->input_height_px);
        goto done;
    }
    const arc_session_options o = {.exact = true};
    ARC_TRY(arc_session_new(&t->teacher_session, t->ctx, t->teacher->graph, &o, err));
    const arc_shape shape = {4, {t->micro, 3, own->input_height_px, own->input_width_px}};
    ARC_TRY(arc_session_plan(t->teacher_session, &shape, err));
done:
    return st;
}

static arc_head_options head_options(const arc_trainer *t) {
    const arc_recipe *r = &t->recipe;
    arc_head_options o = {.classes = t->identities,
                          .dim = t->dim,
                          .centres = (int)r->centers,
                          .sample_rate = r->sample_rate,
                          .partial = (arc_partial)r->partial,
                          .optimiser = t->optimiser,
                          .decay = r->decay_head ? r->decay : 0,
                          .batch = r->batch,
                          .part = t->micro * t->ranks.count,
                          .logits_bytes = (size_t)r->logits_mb << 20,
                          .seed = (uint64_t)r->seed};
    read_margin(r, &o.margin);
    return o;
}

/* ---- memory blocks ---- */

static bool take(arc_trainer *t, void *out, size_t n, size_t size) {
    void *p = arc_mem_new(&t->ctx->alloc, n, size);
    memcpy(out, &p, sizeof p);
    t->planned_bytes += n * size;
    return p != NULL;
}

static bool take_rows(arc_trainer *t, float ***out, size_t n, arc_learn_parameter *(*get)(arc_learner *, size_t)) {
    bool whole = take(t, out, n, sizeof **out);
    for (size_t i = 0; i < n && whole; i++)
        whole = take(t, &(*out)[i], get(t->learner, i)->count, sizeof(float));
    return whole;
}

static arc_status take_blocks(arc_trainer *t, arc_error *err) {
    const arc_contract *c = &t->model->contract;
    const size_t batch = (size_t)t->recipe.batch, micro = (size_t)t->micro, ranks = (size_t)t->ranks.count, dim = (size_t)t->dim;
    const size_t pixels = micro * 3 * (size_t)c->input_width_px * (size_t)c->input_height_px;
    bool whole = take_rows(t, &t->state[0], t->parameters, arc_learner_parameter);
    if (arc_optimiser_states(&t->optimiser) > 1)
        whole = whole && take_rows(t, &t->state[1], t->parameters, arc_learner_parameter);
    if (t->recipe.ema > 0)
        whole = whole && take_rows(t, &t->average, t->parameters, arc_learner_parameter);
    whole = whole && take_rows(t, &t->stat_before, t->statistics, arc_learner_statistic);
    whole = whole && take_rows(t, &t->stat_sum, t->statistics, arc_learner_statistic);
    whole = whole && take(t, &t->images, pixels, sizeof(float));
    if (t->teacher && !same_contract(c, &t->teacher->contract))
        whole = whole && take(t, &t->teacher_images, pixels, sizeof(float));
    whole = whole && take(t, &t->embeddings, ranks * micro * dim, sizeof(float));
    whole = whole && take(t, &t->gradient, ranks * micro * dim, sizeof(float));
    whole = whole && take(t, &t->labels, batch, sizeof(int64_t)) && take(t, &t->gathered, batch, sizeof(int64_t));
    if (!whole)
        return arc_fail_nomem(err, "the training's state");
    for (size_t i = 0; i < t->parameters && t->average; i++) {
        const arc_learn_parameter *p = arc_learner_parameter(t->learner, i);
        memcpy(t->average[i], p->value, p->count * sizeof(float));
    }
    return ARC_OK;
}

static void add_up(arc_trainer *t) {
    arc_learner_memory m;
    arc_head_memory h = {0};
    arc_plan_stats s = {0};
    arc_graph_cost cost = {0};
    const arc_head_options o = head_options(t);
    const arc_shape one = arc_model_report_shape(t->model);
    arc_learner_memory_of(t->learner, &m);
    if (t->head)
        arc_head_memory_of(t->ctx, &t->ranks, &o, &h);
    if (t->teacher_session && arc_session_stats(t->teacher_session, &s) != ARC_OK)
        s = (arc_plan_stats){0};
    (void)!arc_graph_cost_of(t->model->graph, &one, &cost, NULL);
    const size_t pictures =
        (size_t)t->share * 4 * 3 * (size_t)t->model->contract.input_width_px * (size_t)t->model->contract.input_height_px;
    const size_t network = m.weights_bytes + m.gradients_bytes + m.activations_bytes + m.scratch_bytes;
    const size_t head = h.centres_bytes + h.states_bytes + h.work_bytes;
    const size_t teacher = s.activation_bytes + s.packed_bytes + s.scratch_bytes;
    /* Saving and evaluating use a copy of the weights and, packed, up to four times as much (Winograd). */
    const size_t saving = (size_t)cost.weight_bytes * 6 + ((size_t)64 << 20);
    const size_t state = t->planned_bytes; /* includes what was allocated before */
    const size_t mapped = arc_data_set_mapped_bytes(t->set);
    t->planned_bytes += network + head + teacher + pictures + saving + mapped;
    arc_train_say(
        t,
        "memory: network %.0f MB (activations %.0f), class centres %lld x %lld x 4 bytes + optimiser %.0f MB (work %.0f), "
        "program, optimiser and batch %.0f MB, pictures ahead %.0f MB, teacher %.0f MB, saving and evaluating %.0f MB, data set "
        "%.0f MB at most (its mapped file, which the system takes back when memory is short); %.0f MB in all",
        (double)network / 1e6, (double)m.activations_bytes / 1e6, (long long)(t->identities * t->recipe.centers),
        (long long)t->dim, (double)head / 1e6, (double)h.work_bytes / 1e6, (double)state / 1e6, (double)pictures / 1e6,
        (double)teacher / 1e6, (double)saving / 1e6, (double)mapped / 1e6, (double)t->planned_bytes / 1e6);
}

/* ---- the whole training ---- */

static arc_status read_sizes(arc_trainer *t, arc_error *err) {
    arc_recipe *r = &t->recipe;
    const int64_t ranks = t->ranks.count;
    if (r->micro_batch == 0)
        r->micro_batch = r->batch / ranks;
    if (r->micro_batch < 1 || r->batch % (r->micro_batch * ranks) != 0)
        return arc_fail(err, ARC_EINVAL, "a batch of %lld in micro-batches of %lld does not divide among %lld ranks",
                        (long long)r->batch, (long long)r->micro_batch, (long long)ranks);
    t->micro = r->micro_batch;
    t->share = r->batch / ranks;
    t->parts = (size_t)(t->share / t->micro);
    if (t->micro < 2)
        return arc_fail(err, ARC_EINVAL, "a micro-batch of one picture has no statistics; give at least 2");
    return ARC_OK;
}

arc_status arc_trainer_open(arc_trainer *t, arc_context *ctx, const arc_recipe *recipe, const arc_train_options *options,
                            arc_error *err) {
    arc_status st;
    const arc_ranks ranks = t->ranks;
    *t = (arc_trainer){.ctx = ctx, .options = options, .recipe = *recipe, .ranks = ranks, .at = {.best = -1}};
    t->planned_bytes = (size_t)ARC_MAX(arc_peak_memory_bytes(), (int64_t)0); /* program, libraries, the caller's memory */
    ARC_TRY(arc_recipe_check(recipe, err));
    ARC_TRY(read_sizes(t, err));
    ARC_TRY(open_model(t, err));
    ARC_TRY(open_data(t, err));
    t->dim = t->model->contract.dim;
    ARC_TRY(open_learner(t, err));
    if (t->ranks.count > 1)
        ARC_TRY(arc_exchange_new(&t->exchange, &ctx->alloc, &t->ranks, t->parameters, err));
    ARC_TRY(open_teacher(t, err));
    if (t->recipe.head_weight > 0) {
        const arc_head_options o = head_options(t);
        ARC_TRY(arc_head_new(&t->head, ctx, &t->ranks, &o, err));
    }
    ARC_TRY(take_blocks(t, err));
    add_up(t);
done:
    return st;
}

static void free_rows(arc_trainer *t, float **rows, size_t n) {
    for (size_t i = 0; rows && i < n; i++)
        arc_mem_free(&t->ctx->alloc, rows[i]);
    arc_mem_free(&t->ctx->alloc, rows);
}

void arc_trainer_close(arc_trainer *t) {
    const arc_alloc *a = &t->ctx->alloc;
    (void)arc_append_close(&t->log, NULL);
    (void)arc_event_file_close(&t->events, NULL);
    free_rows(t, t->state[0], t->parameters);
    free_rows(t, t->state[1], t->parameters);
    free_rows(t, t->average, t->parameters);
    free_rows(t, t->stat_before, t->statistics);
    free_rows(t, t->stat_sum, t->statistics);
    arc_mem_free(a, t->images);
    arc_mem_free(a, t->teacher_images);
    arc_mem_free(a, t->embeddings);
    arc_mem_free(a, t->gradient);
    arc_mem_free(a, t->labels);
    arc_mem_free(a, t->gathered);
    arc_head_free(&t->head);
    arc_exchange_free(&t->exchange);
    arc_session_free(&t->teacher_session);
    arc_model_free(&t->teacher);
    arc_learner_free(&t->learner);
    arc_model_free(&t->model);
    arc_loader_free(&t->loader);
    arc_data_set_close(&t->set);
}
