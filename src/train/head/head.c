/* train: the classification head: its memory, the beginning of a step, and the forward pass with the softmax over the classes
 * of all ranks. The gradients are in backward.c, one tile of classes in tile.c. */
#include "train/head/head_internal.h"
#include "zoo/layers.h"
#include <math.h>
#include <string.h>

#define CENTRE_DEVIATION 0.01
#define MAX_CENTRES 255

/* ---- sizes ---- */

static arc_head_options with_defaults(const arc_head_options *o) {
    arc_head_options s = *o;
    s.centres = ARC_MAX(s.centres, 1);
    s.part = s.part > 0 ? s.part : s.batch;
    return s;
}

/* Computes everything that follows from the options; allocates nothing. */
static void lay_out(arc_head *h, const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options) {
    *h =
        (arc_head){.alloc = ctx->alloc, .pool = ctx->pool, .kernels = ctx->kernels, .ranks = *ranks, .o = with_defaults(options)};
    arc_ranks_share(h->o.classes, ranks->rank, ranks->count, &h->first, &h->count);
    h->centres = (size_t)h->o.centres;
    h->dim = (size_t)h->o.dim;
    h->batch = (size_t)h->o.batch;
    h->part = (size_t)h->o.part;
    h->tile_classes = ARC_MAX(ARC_HEAD_TILE_ROWS / h->centres, (size_t)1);
    h->band_rows = ARC_HEAD_BAND_TILES * h->tile_classes * h->centres;
    h->scratch_floats = (arc_head_tile_floats(h, h->batch) + 15) / 16 * 16;
    arc_margin_state_init(&h->margin);
}

static size_t most_actives(const arc_head *h) {
    const size_t want = (size_t)(h->o.sample_rate * (double)h->count);
    return h->o.sample_rate >= 1 ? (size_t)h->count : ARC_MIN((size_t)h->count, ARC_MAX(want, h->batch) + 1);
}

static size_t panel_width(const arc_head *h, size_t n) {
    const size_t nr = h->kernels->igemm_nr;
    return (n + nr - 1) / nr * nr;
}

static size_t kept_bytes(const arc_head *h) {
    const size_t bytes = most_actives(h) * h->part * (sizeof(float) + (h->centres > 1));
    return bytes <= h->o.logits_bytes ? bytes : 0;
}

/* One table of blocks serves the sum of sizes and the allocation, so the two cannot differ. */
typedef struct block {
    void **at;
    size_t n, size;
    bool zeroed;
} block;
#define BLOCKS 24
static size_t blocks(arc_head *h, block out[BLOCKS]) {
    const size_t actives = most_actives(h), tiles = actives / h->tile_classes + 1, f = sizeof(float), b = h->batch;
    const size_t threads = (size_t)arc_pool_threads(h->pool);
    const bool sampled = h->o.sample_rate < 1;
    const block all[] = {
        {(void **)&h->label, b, sizeof(int64_t), false},
        {(void **)&h->position, b, sizeof(int32_t), false},
        {(void **)&h->active, sampled ? (size_t)h->count : 0, sizeof(int32_t), false},
        {(void **)&h->picked, sampled ? (size_t)h->count : 0, 1, false},
        {(void **)&h->draw, sampled ? (size_t)h->count : 0, sizeof(uint64_t), false},
        {(void **)&h->inverse, (size_t)h->count * h->centres, f, false},
        {(void **)&h->embedding, b * h->dim, f, false},
        {(void **)&h->inverse_norm, b, f, false},
        {(void **)&h->hard, b, f, false},
        {(void **)&h->log_sum, b, f, false},
        {(void **)&h->chosen, b, sizeof(int32_t), false},
        {(void **)&h->norm, b, sizeof(double), false},
        {(void **)&h->cosine, b, sizeof(double), false},
        {(void **)&h->target, b, sizeof(arc_margin_target), false},
        {(void **)&h->most, tiles * h->part, f, false},
        {(void **)&h->sum, tiles * h->part, f, false},
        {(void **)&h->kept, kept_bytes(h) ? actives * h->part : 0, f, false},
        {(void **)&h->kept_centre, kept_bytes(h) && h->centres > 1 ? actives * h->part : 0, 1, false},
        {(void **)&h->columns, panel_width(h, b) * h->dim, f, false},
        {(void **)&h->rows, panel_width(h, h->dim) * b, f, false},
        {(void **)&h->band, h->part * h->band_rows, f, false},
        {(void **)&h->band_panel, panel_width(h, h->dim) * h->band_rows, f, false},
        {(void **)&h->scratch, threads * h->scratch_floats, f, false},
    };
    _Static_assert(ARC_COUNT(all) <= BLOCKS, "the table holds every block");
    memcpy(out, all, sizeof all);
    return ARC_COUNT(all);
}

void arc_head_memory_of(const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options, arc_head_memory *out) {
    arc_head h;
    block table[BLOCKS];
    lay_out(&h, ctx, ranks, options);
    const size_t n = blocks(&h, table), rows = (size_t)h.count * h.centres * h.dim * sizeof(float);
    *out = (arc_head_memory){.centres_bytes = rows, .states_bytes = rows * arc_optimiser_states(&h.o.optimiser)};
    for (size_t i = 0; i < n; i++)
        out->work_bytes += table[i].n * table[i].size;
}

/* ---- creation and release ---- */

static arc_status check_options(const arc_head_options *o, arc_error *err) {
    if (o->classes < 2 || o->classes > INT32_MAX)
        return arc_fail(err, ARC_EINVAL,
                        "a head of %lld classes: 2 to 2147483647 are possible; a training set of one identity teaches "
                        "nothing",
                        (long long)o->classes);
    if (o->dim < 1 || o->batch < 1 || o->part > o->batch || o->centres > MAX_CENTRES)
        return arc_fail(err, ARC_EINVAL,
                        "a head of dimension %lld, batch %lld in parts of %lld, %d centres a class is not possible",
                        (long long)o->dim, (long long)o->batch, (long long)o->part, o->centres);
    if (!(o->sample_rate > 0 && o->sample_rate <= 1))
        return arc_fail(err, ARC_EINVAL, "a sample rate of %g: above 0, at most 1", o->sample_rate);
    return ARC_OK;
}

typedef struct fill_job {
    const arc_head *h;
    const arc_zoo_normal *normal;
} fill_job;

static void fill_rows(void *arg, size_t begin, size_t end, int thread) {
    (void)thread;
    const fill_job *job = arg;
    const arc_head *h = job->h;
    for (size_t i = begin; i < end; i++)
        arc_zoo_fill_normal(job->normal, arc_rng_hash(h->o.seed, (uint64_t)h->first * h->centres + i), "centre", CENTRE_DEVIATION,
                            h->weight + i * h->dim, h->dim);
}

arc_status arc_head_new(arc_head **out, const arc_context *ctx, const arc_ranks *ranks, const arc_head_options *options,
                        arc_error *err) {
    *out = NULL;
    arc_status st = check_options(options, err);
    if (st != ARC_OK)
        return st;
    arc_head *h = arc_mem_new(&ctx->alloc, 1, sizeof *h);
    arc_zoo_normal *normal = arc_mem_new(&ctx->alloc, 1, sizeof *normal);
    if (!h || !normal) {
        arc_mem_free(&ctx->alloc, h);
        arc_mem_free(&ctx->alloc, normal);
        return arc_fail_nomem(err, "the classification head");
    }
    lay_out(h, ctx, ranks, options);
    block table[BLOCKS];
    const size_t n = blocks(h, table), rows = (size_t)h->count * h->centres;
    bool whole = true;
    h->weight = arc_mem_raw(&h->alloc, rows, h->dim * sizeof(float));
    whole = h->weight != NULL;
    for (size_t i = 0; i < arc_optimiser_states(&h->o.optimiser) && whole; i++)
        whole = (h->state[i] = arc_mem_new(&h->alloc, rows, h->dim * sizeof(float))) != NULL;
    for (size_t i = 0; i < n && whole; i++)
        if (table[i].n)
            whole = (*table[i].at = arc_mem_raw(&h->alloc, table[i].n, table[i].size)) != NULL;
    if (whole) {
        fill_job job = {h, normal};
        arc_zoo_normal_init(normal);
        arc_pool_run(h->pool, rows, 64, fill_rows, &job);
    } else
        arc_head_free(&h);
    arc_mem_free(&ctx->alloc, normal);
    *out = h;
    return whole ? ARC_OK
                 : arc_fail(err, ARC_ENOMEM, "no memory for a head of %lld classes x %d centres x %lld numbers",
                            (long long)options->classes, ARC_MAX(options->centres, 1), (long long)options->dim);
}

void arc_head_free(arc_head **head) {
    if (!head || !*head)
        return;
    arc_head *h = *head;
    const arc_alloc a = h->alloc;
    block table[BLOCKS];
    const size_t n = blocks(h, table);
    for (size_t i = 0; i < n; i++)
        arc_mem_free(&a, *table[i].at);
    arc_mem_free(&a, h->weight);
    arc_mem_free(&a, h->state[0]);
    arc_mem_free(&a, h->state[1]);
    arc_mem_free(&a, h);
    *head = NULL;
}

void arc_head_rows_of(arc_head *h, arc_head_rows *out) {
    *out = (arc_head_rows){h->weight, {h->state[0], h->state[1]}, h->first, h->count, (int64_t)h->dim, (int)h->centres};
}

arc_margin_state *arc_head_margin_state(arc_head *h) {
    return &h->margin;
}

int64_t arc_head_active(const arc_head *h) {
    return (int64_t)h->actives;
}

/* ---- a step ---- */

arc_status arc_head_begin(arc_head *h, int64_t step, const int64_t *label, int64_t n, arc_error *err) {
    if (n < 1 || (size_t)n > h->batch)
        return arc_fail(err, ARC_EINVAL, "a batch of %lld samples; the head was made for %zu", (long long)n, h->batch);
    h->step = step;
    h->samples = (size_t)n;
    h->done = h->at = h->n = 0;
    h->margin_before = h->margin;
    h->kept_valid = false;
    const arc_status st = arc_head_sample(h, label, h->samples, err);
    if (st == ARC_OK)
        arc_head_inverse_norms(h);
    return st;
}

/* Norms of the embeddings, and the cosine of each sample to the nearest centre of its own class: computed on the rank that has
 * the class, then shared with all. */
static arc_status measure(arc_head *h, arc_error *err) {
    for (size_t i = h->at; i < h->at + h->n; i++) {
        const float *x = h->embedding + i * h->dim;
        double squares = 0;
        for (size_t d = 0; d < h->dim; d++)
            squares += (double)x[d] * (double)x[d];
        h->norm[i] = sqrt(squares);
        h->inverse_norm[i] = (float)(1 / fmax(h->norm[i], 1e-12));
        h->cosine[i] = 0;
        for (size_t k = 0; k < h->centres && h->position[i] >= 0; k++) {
            const float *w = arc_head_row(h, (size_t)h->position[i], k);
            double product = 0, length = 0;
            for (size_t d = 0; d < h->dim; d++) {
                product += (double)x[d] * (double)w[d];
                length += (double)w[d] * (double)w[d];
            }
            const double c = product / fmax(h->norm[i], 1e-12) / fmax(sqrt(length), 1e-12);
            if (k == 0 || c > h->cosine[i])
                h->cosine[i] = c;
        }
    }
    return arc_ranks_reduce(&h->ranks, h->cosine + h->at, h->n, ARC_REDUCE_SUM, err);
}

/* One tile's part of the softmax: for each sample the largest logit and the sum of exponentials relative to it. */
static void softmax_of_tile(const arc_head *h, const arc_head_tile *tile, size_t t, float *value) {
    const size_t n = h->n, padded = (n + 15) / 16 * 16;
    float *most = h->most + t * h->part, *sum = h->sum + t * h->part, *line = value + padded;
    const float scale = (float)h->o.margin.scale;
    for (int round = 0; round < 2; round++)
        for (size_t c = 0; c < tile->classes; c++) {
            arc_margin_negatives(&h->o.margin, &h->margin, n, tile->cosine + c * n, h->hard + h->at, line, NULL);
            for (size_t j = 0; j < n; j++)
                if (h->position[h->at + j] == (int32_t)(tile->first + c))
                    line[j] = (float)h->target[h->at + j].value;
            for (size_t j = 0; j < n; j++)
                line[j] *= scale;
            if (round == 0) {
                for (size_t j = 0; j < n; j++)
                    most[j] = c == 0 || line[j] > most[j] ? line[j] : most[j];
                continue;
            }
            for (size_t j = 0; j < n; j++)
                line[j] -= most[j];
            h->kernels->exp(n, line, line);
            for (size_t j = 0; j < n; j++)
                sum[j] = (c ? sum[j] : 0) + line[j];
        }
}

static void forward_tiles(void *arg, size_t begin, size_t end, int thread) {
    arc_head *h = arg;
    float *scratch = h->scratch + (size_t)thread * h->scratch_floats;
    const arc_head_slice s = {h->at, h->n};
    for (size_t t = begin; t < end; t++) {
        arc_head_tile tile;
        arc_head_tile_get(h, t, s, false, scratch, &tile);
        if (h->kept)
            memcpy(h->kept + tile.first * h->n, tile.cosine, tile.classes * h->n * sizeof(float));
        if (h->kept && tile.centre)
            memcpy(h->kept_centre + tile.first * h->n, tile.centre, tile.classes * h->n);
        softmax_of_tile(h, &tile, t, tile.free);
    }
}

/* Combines the tiles' parts to log sum exp over all classes of all ranks, in the order of tiles. */
static arc_status join(arc_head *h, arc_error *err) {
    arc_status st = ARC_OK;
    double *most = arc_mem_raw(&h->alloc, 2 * h->n, sizeof *most), *sum = most ? most + h->n : NULL;
    if (!most)
        return arc_fail_nomem(err, "the softmax");
    const size_t tiles = arc_head_tiles(h);
    for (size_t j = 0; j < h->n; j++) {
        most[j] = -INFINITY;
        sum[j] = 0;
        for (size_t t = 0; t < tiles; t++) { /* not fmax: gcc 12 for AArch64 fails on that loop */
            const double m = (double)h->most[t * h->part + j];
            most[j] = m > most[j] ? m : most[j];
        }
    }
    ARC_TRY(arc_ranks_reduce(&h->ranks, most, h->n, ARC_REDUCE_MAX, err));
    for (size_t j = 0; j < h->n; j++)
        for (size_t t = 0; t < tiles; t++)
            sum[j] += (double)h->sum[t * h->part + j] * exp((double)h->most[t * h->part + j] - most[j]);
    ARC_TRY(arc_ranks_reduce(&h->ranks, sum, h->n, ARC_REDUCE_SUM, err));
    for (size_t j = 0; j < h->n; j++)
        h->log_sum[h->at + j] = (float)(most[j] + log(sum[j]));
done:
    arc_mem_free(&h->alloc, most);
    return st;
}

arc_status arc_head_forward(arc_head *h, const float *embedding, int64_t n, arc_head_loss *out, arc_error *err) {
    arc_status st;
    *out = (arc_head_loss){.finite = true, .bad = -1};
    if (n < 1 || (size_t)n > h->part || h->done + (size_t)n > h->samples)
        return arc_fail(err, ARC_EINVAL, "a part of %lld samples does not fit the step", (long long)n);
    h->at = h->done;
    h->n = (size_t)n;
    h->done += h->n;
    memcpy(h->embedding + h->at * h->dim, embedding, h->n * h->dim * sizeof(float));
    ARC_TRY(measure(h, err));
    for (size_t i = h->at; i < h->done && out->finite; i++)
        if (!isfinite(h->norm[i]) || !isfinite(h->cosine[i])) {
            *out = (arc_head_loss){.loss = NAN, .finite = false, .bad = (int64_t)(i - h->at)};
            return ARC_OK;
        }
    arc_margin_observe(&h->o.margin, &h->margin, h->n, h->norm + h->at, h->cosine + h->at);
    for (size_t i = h->at; i < h->done; i++) {
        h->target[i] = arc_margin_apply(&h->o.margin, &h->margin, h->cosine[i], h->norm[i]);
        h->hard[i] = (float)arc_margin_hard(&h->o.margin, h->cosine[i]);
    }
    const arc_head_slice s = {h->at, h->n};
    arc_head_pack_columns(h, s);
    arc_pool_run(h->pool, arc_head_tiles(h), 1, forward_tiles, h);
    h->kept_valid = h->kept != NULL;
    ARC_TRY(join(h, err));
    for (size_t i = h->at; i < h->done; i++) {
        const double loss = (double)h->log_sum[i] - h->o.margin.scale * h->target[i].value + h->target[i].penalty;
        if (!isfinite(loss) && out->finite) {
            out->finite = false;
            out->bad = (int64_t)(i - h->at);
        }
        out->loss += loss;
        out->cosine += h->cosine[i];
    }
done:
    return st;
}
