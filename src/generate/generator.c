/* generate: making a generator: the network it learns on, targets, statistics, and one block for all pictures. */
#include "base/hash.h"
#include "generate/generator_internal.h"
#include "generate/measure.h"
#include <math.h>
#include <string.h>

#define MAX_IMAGES 65536
#define MAX_STEPS ((int64_t)1 << 40)
#define PIXEL_HALF 127.5f /* of 0..255 */

/* ---- options and targets --------------------------------------------------------------------------------------------------- */

static arc_status check_number(const char *name, double value, double least, double most, arc_error *err) {
    if (value >= least && value <= most)
        return ARC_OK;
    return arc_fail(err, ARC_EINVAL, "%s is %g: from %g to %g is possible", name, value, least, most);
}

static arc_status check_options(const arc_generate_options *o, arc_error *err) {
    const struct {
        const char *name;
        double value, least, most;
    } all[] = {{"steps", (double)o->steps, 1, (double)MAX_STEPS},
               {"the weight of identity", o->identity_weight, 0, 1e9},
               {"the factor of classes", o->class_weight, 0, 1e9},
               {"the weight of statistics", o->bn_weight, 0, 1e9},
               {"the weight of total variation", o->tv_weight, 0, 1e9},
               {"the weight of the pictures' length", o->l2_weight, 0, 1e9},
               {"the factor of the first BatchNormalization", o->first_bn, 0, 1e9},
               {"the factor of folded places", o->folded, 0, 1e9},
               {"the distance of statistics", (double)o->distance, ARC_GENERATE_SQUARED, ARC_GENERATE_RELATIVE},
               {"the rate", o->rate, 0, 1e30},
               {"beta1", o->beta1, 0, 0.999999},
               {"beta2", o->beta2, 0, 0.999999},
               {"warmup", (double)o->warmup, 0, (double)MAX_STEPS},
               {"levels", o->levels, 1, ARC_GENERATE_MAX_LEVELS},
               {"the share of coarse steps", o->coarse, 0, 1},
               {"the deviation of the noise", o->noise, 0, 100},
               {"the strength of the sketch", o->sketch, 0, 10},
               {"the rate of a finer level", o->fine, 0, 100},
               {"the share of symmetric steps", o->symmetric, 0, 1},
               {"jitter", o->jitter_px, 0, 64},
               {"the margin", o->margin, 0, 1.5},
               {"the scale", o->scale, 1e-3, 1e4}};
    arc_status st = ARC_OK;
    for (size_t i = 0; st == ARC_OK && i < ARC_COUNT(all); i++)
        st = check_number(all[i].name, all[i].value, all[i].least, all[i].most, err);
    return st;
}

static arc_status check_targets(const arc_generate_targets *t, int dim, arc_error *err) {
    if (!t || t->images < 1 || t->images > MAX_IMAGES || !t->embedding == !t->centre)
        return arc_fail(err, ARC_EINVAL,
                        "targets are 1 to %d pictures with an embedding each, or with a class each and the centres", MAX_IMAGES);
    if (t->dim != dim)
        return arc_fail(err, ARC_EINVAL,
                        "the targets have %d numbers, an embedding of the model has %d: they are another model's", t->dim, dim);
    if (t->centre && (t->classes < 2 || !t->class_of))
        return arc_fail(err, ARC_EINVAL, "%d class centres: at least 2, and a class for each picture", t->classes);
    return t->centre ? arc_generate_check_classes(t->class_of, t->images, t->classes, err) : ARC_OK;
}

/* Rows of length 1. */
static arc_status take_rows(const float *from, size_t rows, size_t dim, const char *what, float *to, arc_error *err) {
    for (size_t i = 0; i < rows; i++) {
        double squares = 0;
        for (size_t k = 0; k < dim; k++)
            squares += (double)from[i * dim + k] * (double)from[i * dim + k];
        if (!(squares > 0) || !isfinite(squares))
            return arc_fail(err, ARC_EINVAL, "%s %zu is %s", what, i, squares == 0 ? "zero" : "not finite");
        for (size_t k = 0; k < dim; k++)
            to[i * dim + k] = (float)((double)from[i * dim + k] / sqrt(squares));
    }
    return ARC_OK;
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

static void lay_levels(arc_generator *g, const arc_generate_size *size) {
    arc_generate_size at = *size;
    for (g->levels = 1;; g->levels++, at = arc_generate_half(&at)) {
        g->level[g->levels - 1].size = at;
        if (g->levels == g->options.levels || at.height % 2 || at.width % 2 || at.height < 8 || at.width < 8)
            break;
    }
    for (int l = 0; l < g->levels; l++) {
        const double share = g->levels > 1 ? (double)(g->levels - 1 - l) / (g->levels - 1) : 0;
        g->level[l].from_step = (int64_t)(share * g->options.coarse * (double)g->options.steps);
    }
}

/* All floats in one block, counted first and then given out in the same order. */
static void lay_floats(arc_generator *g, float *block) {
    size_t at = 0;
    const size_t rows = g->identity.classes ? g->identity.classes : g->identity.images;
    for (int l = 0; l < g->levels; l++) {
        arc_generate_level *v = &g->level[l];
        float **const part[] = {&v->now[0],    &v->now[1],    &v->now[2], &v->before[0],
                                &v->before[1], &v->before[2], &v->sum,    &v->gradient};
        for (size_t i = 0; i < ARC_COUNT(part); i++, at += arc_generate_count(&v->size))
            *part[i] = block ? block + at : NULL;
    }
    const size_t count = arc_generate_count(&g->level[0].size);
    float *row = NULL;
    const struct {
        float **part;
        size_t floats;
    } rest[] = {{&g->input, count},
                {&g->d_input, count},
                {&g->d_embedding, g->identity.images * g->identity.dim},
                {&row, rows * g->identity.dim},
                {&g->identity.logit, g->identity.images * g->identity.classes}};
    for (size_t i = 0; i < ARC_COUNT(rest); i++) {
        *rest[i].part = block ? block + at : NULL;
        at += rest[i].floats;
    }
    g->identity.row = row;
    g->block_floats = at;
}

static arc_status take_memory(arc_generator *g, const arc_generate_size *size, arc_error *err) {
    lay_levels(g, size);
    lay_floats(g, NULL);
    g->block = arc_mem_new(&g->alloc, g->block_floats, sizeof *g->block);
    g->work = arc_mem_new(&g->alloc, size->images, 5 * sizeof *g->work);
    g->class_of = arc_mem_new(&g->alloc, size->images, sizeof *g->class_of);
    if (!g->block || !g->work || !g->class_of)
        return arc_fail_nomem(err, "the pictures");
    lay_floats(g, g->block);
    return ARC_OK;
}

/* ---- the network ----------------------------------------------------------------------------------------------------------- */

static arc_status make_network(arc_generator *g, const arc_generate_size *size, arc_error *err) {
    arc_status st = arc_generate_learner(&g->learner, &g->graph, &g->places, g->ctx, g->model, (int64_t)size->images,
                                         g->options.statistics != NULL, err);
    if (st == ARC_OK)
        st = arc_generate_statistics_new(&g->statistics, &g->alloc, g->learner, err);
    if (st == ARC_OK && g->options.statistics)
        st = arc_generate_measured_load(&g->statistics, g->learner, &g->alloc, g->options.statistics, err);
    g->measured = g->options.statistics != NULL;
    g->options.statistics = NULL; /* the caller's */
    for (int c = 0; c < 3; c++) {
        g->scale[c] = PIXEL_HALF * g->model->contract.scale[c];
        g->shift[c] = (PIXEL_HALF - g->model->contract.mean[c]) * g->model->contract.scale[c];
    }
    return st;
}

/* ---- new ------------------------------------------------------------------------------------------------------------------- */

static uint64_t fingerprint_of(const arc_generator *g) {
    arc_generate_options o = g->options;
    const uint64_t numbers[] = {g->identity.images,
                                g->identity.classes,
                                (uint64_t)g->levels,
                                (uint64_t)o.steps,
                                o.seed,
                                (uint64_t)o.distance,
                                (uint64_t)o.warmup,
                                o.cosine,
                                (uint64_t)o.jitter_px,
                                o.flip,
                                o.clip};
    const double reals[] = {o.identity_weight, o.bn_weight, o.tv_weight, o.l2_weight, o.first_bn,    o.rate,
                            o.beta1,           o.beta2,     o.coarse,    o.noise,     o.fine,        o.folded,
                            o.symmetric,       o.sketch,    o.margin,    o.scale,     o.class_weight};
    const size_t rows = g->identity.classes ? g->identity.classes : g->identity.images;
    uint64_t h = arc_generate_network_hash(g->learner);
    h = arc_hash_bytes(h, numbers, sizeof numbers);
    h = arc_hash_bytes(h, reals, sizeof reals);
    h = arc_hash_bytes(h, g->identity.row, rows * g->identity.dim * sizeof *g->identity.row);
    h = arc_hash_bytes(h, g->class_of, g->identity.images * sizeof *g->class_of);
    h = arc_hash_bytes(h, g->statistics.mean, g->statistics.channels * sizeof *g->statistics.mean);
    return arc_hash_bytes(h, g->statistics.deviation, g->statistics.channels * sizeof *g->statistics.deviation);
}

/* Noise in the coarsest level, each picture's from its own stream: the first pictures of a batch do not depend on how many
 * follow. */
static void draw_noise(arc_generator *g) {
    const arc_generate_level *v = &g->level[g->levels - 1];
    const size_t each = ARC_GENERATE_CHANNELS * arc_generate_plane(&v->size);
    for (size_t i = 0; i < v->size.images; i++) {
        arc_rng rng;
        arc_rng_seed(&rng, g->options.seed, i);
        for (size_t k = 0; k < each; k++)
            v->now[0][i * each + k] = (float)g->options.noise * arc_rng_normal(&rng);
    }
}

static arc_status make(arc_generator *g, const arc_generate_targets *t, arc_error *err) {
    const arc_shape input = arc_generate_input(g->model, t->images);
    const arc_generate_size size = {(size_t)t->images, (size_t)input.dim[2], (size_t)input.dim[3]};
    g->identity = (arc_generate_identity){.images = size.images,
                                          .dim = (size_t)t->dim,
                                          .classes = t->centre ? (size_t)t->classes : 0,
                                          .weight = g->options.identity_weight * (t->centre ? g->options.class_weight : 1)};
    arc_margin_default(&g->identity.margin, ARC_LOSS_ARCFACE);
    g->identity.margin.m2 = g->options.margin;
    g->identity.margin.scale = g->options.scale;
    arc_status st = make_network(g, &size, err);
    if (st == ARC_OK)
        st = take_memory(g, &size, err);
    if (st != ARC_OK)
        return st;
    g->identity.class_of = g->class_of;
    for (int i = 0; t->centre && i < t->images; i++)
        g->class_of[i] = t->class_of[i];
    float *rows = g->block + (g->identity.row - g->block);
    st = take_rows(t->centre ? t->centre : t->embedding, (size_t)(t->centre ? t->classes : t->images), (size_t)t->dim,
                   t->centre ? "the centre of class" : "the embedding of picture", rows, err);
    draw_noise(g);
    arc_generate_sketch(&g->level[0].size, &g->model->contract, g->options.sketch, g->level[0].now[0]);
    g->fingerprint = fingerprint_of(g);
    return st;
}

arc_status arc_generator_new(arc_context *ctx, const arc_model *model, const arc_generate_targets *targets,
                             const arc_generate_options *options, arc_generator **out, arc_error *err) {
    arc_generate_options usual;
    arc_generate_options_default(&usual);
    *out = NULL;
    arc_status st = ARC_CHECK_OPTIONS(arc_generate_options, options, err);
    if (st == ARC_OK)
        st = ARC_CHECK_OPTIONS(arc_generate_targets, targets, err);
    if (st == ARC_OK)
        st = check_options(options ? options : &usual, err);
    if (st == ARC_OK && model->contract.task != ARC_TASK_EMBED)
        st = arc_fail(err, ARC_EINVAL, "the model gives no embeddings of faces, so no face can be generated from it");
    if (st == ARC_OK)
        st = check_targets(targets, model->contract.dim, err);
    if (st != ARC_OK)
        return st;
    arc_generator *g = arc_mem_new(&ctx->alloc, 1, sizeof *g);
    if (!g)
        return arc_fail_nomem(err, "a generator");
    *g = (arc_generator){.ctx = ctx, .alloc = ctx->alloc, .model = model, .options = options ? *options : usual};
    st = make(g, targets, err);
    if (st != ARC_OK)
        arc_generator_free(&g);
    *out = g;
    return st;
}

void arc_generator_free(arc_generator **generator) {
    arc_generator *g = generator ? *generator : NULL;
    if (!g)
        return;
    const arc_alloc a = g->alloc;
    arc_learner_free(&g->learner);
    arc_graph_free(&g->graph);
    arc_generate_statistics_free(&g->statistics, &a);
    arc_mem_free(&a, g->block);
    arc_mem_free(&a, g->work);
    arc_mem_free(&a, g->class_of);
    arc_mem_free(&a, g);
    *generator = NULL;
}

/* ---- looking in ------------------------------------------------------------------------------------------------------------ */

void arc_generator_facts(const arc_generator *g, arc_generate_facts *out) {
    arc_learner_memory m;
    arc_learner_memory_of(g->learner, &m);
    *out = (arc_generate_facts){.batchnorms = g->places.batchnorms,
                                .folded = g->places.folded,
                                .used = (int)g->statistics.places,
                                .measured = g->measured,
                                .width_px = (int)g->level[0].size.width,
                                .height_px = (int)g->level[0].size.height,
                                .levels = g->levels};
    out->network_bytes =
        (int64_t)(m.weights_bytes + m.gradients_bytes + m.activations_bytes + m.scratch_bytes + g->graph->arena.used_bytes);
    out->picture_bytes = (int64_t)(g->block_floats * sizeof(float) + g->identity.images * (5 * sizeof(double) + sizeof(int32_t)) +
                                   g->statistics.channels * 2 * sizeof(float));
}

int64_t arc_generator_steps_done(const arc_generator *g) {
    return g->at.step;
}

arc_status arc_generator_image(arc_generator *g, int index, arc_image *out, arc_error *err) {
    const arc_generate_size *s = &g->level[0].size;
    const size_t plane = arc_generate_plane(s);
    *out = (arc_image){0};
    if (index < 0 || (size_t)index >= s->images)
        return arc_fail(err, ARC_EINVAL, "picture %d: the batch has pictures 0 to %zu", index, s->images - 1);
    arc_image image;
    arc_context *ctx = (arc_context *)(uintptr_t)g->ctx;
    const arc_status st = arc_image_new(ctx, (int)s->width, (int)s->height, &image, err);
    if (st != ARC_OK)
        return st;
    arc_generator_compose(g);
    for (size_t c = 0; c < 3; c++) {
        const float *x = g->level[0].sum + ((size_t)index * 3 + (g->model->contract.bgr ? 2 - c : c)) * plane;
        for (size_t i = 0; i < plane; i++) {
            const float value = roundf(PIXEL_HALF + PIXEL_HALF * x[i]);
            image.data[i / s->width * (size_t)image.stride_bytes + i % s->width * 3 + c] =
                (uint8_t)(value > 0 ? ARC_MIN(value, 255.0f) : 0);
        }
    }
    *out = image;
    return ARC_OK;
}
