/* Templates that are drawn from their numbers, so that ten million of them need no file: a row is the same whenever it is asked
 * for. Row = unit(mean + B (spread * person + picture)), person and picture about normal; B and spread come from the covariances
 * between and within real persons (search.py: People.drawn). A person has any number of pictures. */
#ifndef ARC_BENCH_DRAWN_ROWS_H
#define ARC_BENCH_DRAWN_ROWS_H

#include "base/base.h"
#include "vector/similarity.h"
#include <math.h>
#include <stdlib.h>

typedef struct drawn_rows {
    arc_context *ctx;
    const float *mean, *spread, *b; /* [dim], [dim], [dim][dim] */
    int dim;
    const int64_t *person; /* of the rows that are being made */
    uint64_t picture;
    float *number, *out; /* [count][dim] */
} drawn_rows;

/* Four 16-bit numbers that are equally likely, added: variance 1. */
static inline float drawn_number(uint64_t stream, uint64_t at) {
    const uint64_t x = arc_rng_hash(stream, at);
    const int64_t sum = (int64_t)(x & 65535) + (int64_t)(x >> 16 & 65535) + (int64_t)(x >> 32 & 65535) + (int64_t)(x >> 48);
    return (float)(sum - 2 * 65535) * (1.7320508f / 65536);
}

static inline void drawn_numbers(void *arg, size_t begin, size_t end, int thread) {
    const drawn_rows *d = arg;
    const size_t dim = (size_t)d->dim;
    (void)thread;
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < dim; k++) {
            const uint64_t at = (uint64_t)d->person[i] * dim + k;
            d->number[i * dim + k] = d->spread[k] * drawn_number(1, at) + drawn_number(2 + d->picture, at);
        }
}

static inline void drawn_take(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score,
                              size_t stride) {
    const drawn_rows *d = arg;
    (void)thread;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            d->out[(row + i) * d->dim + column + j] = score[(size_t)i * stride + (size_t)j] + d->mean[column + j];
}

static inline void drawn_to_unit(void *arg, size_t begin, size_t end, int thread) {
    const drawn_rows *d = arg;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        float *x = d->out + i * (size_t)d->dim;
        double sum = 0;
        for (int k = 0; k < d->dim; k++)
            sum += (double)x[k] * (double)x[k];
        const float scale = (float)(1 / sqrt(sum));
        for (int k = 0; k < d->dim; k++)
            x[k] *= scale;
    }
}

/* Picture number `picture` of each of `count` persons, out [count][dim]. */
static inline arc_status drawn_rows_make(drawn_rows *d, const int64_t *person, int64_t count, uint64_t picture, float *out,
                                         arc_error *err) {
    d->person = person;
    d->picture = picture;
    d->out = out;
    d->number = malloc((size_t)count * (size_t)d->dim * sizeof *d->number);
    if (!d->number)
        return ARC_ENOMEM;
    const arc_similarity s = {
        .row = d->number, .rows = count, .column = d->b, .columns = d->dim, .dim = d->dim, .visit = drawn_take, .arg = d};
    arc_pool_run(d->ctx->pool, (size_t)count, 16, drawn_numbers, d);
    const arc_status st = arc_similarity_run(d->ctx, &s, err);
    arc_pool_run(d->ctx->pool, (size_t)count, 64, drawn_to_unit, d);
    free(d->number);
    return st;
}

#endif
