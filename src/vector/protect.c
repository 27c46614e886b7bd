/* vector: rotations chosen by a key. A product of Householder reflections whose vectors are normal random numbers is a uniformly
 * distributed orthogonal matrix (Stewart); it is orthogonal to the last bit of double whatever the numbers are. They come from
 * ChaCha20 under a key that is made of the user's key and the number of dimensions. */
#include "base/base.h"
#include <arcface/protect.h>
#include <math.h>
#include <sodium.h>

#define MAX_DIM 4096
#define DRAWN 128 /* normal numbers from one piece of the stream */

static const char purpose[] = "arcface: rotation of templates, 1";

struct arc_protection {
    arc_context *ctx;
    size_t dim;
    double *vector; /* reflection k has dim - k numbers and leaves the first k of an embedding alone; they follow each other */
    double *sign;   /* [dim] 1 or -1: what reflection k is multiplied with */
};

/* Of the reflection from number k on: its vector begins here. */
static const double *vector_of(const arc_protection *p, size_t k) {
    return p->vector + k * (2 * p->dim - k + 1) / 2;
}

/* Box-Muller. 53 bits each, the first never 0. */
static void normal_pair(const uint64_t bits[2], double out[2]) {
    const double length = sqrt(-2 * log(((double)(bits[0] >> 11) + 0.5) * 0x1p-53));
    const double angle = 6.283185307179586476925287 * ((double)(bits[1] >> 11) * 0x1p-53);
    out[0] = length * cos(angle);
    out[1] = length * sin(angle);
}

/* The same numbers whatever the order of the machine's bytes. */
static uint64_t little_endian(const unsigned char *bytes) {
    uint64_t x = 0;
    for (int i = 8; i-- > 0;)
        x = x << 8 | bytes[i];
    return x;
}

static void draw_normals(const unsigned char seed[crypto_stream_chacha20_KEYBYTES], uint64_t stream, size_t count, double *out) {
    unsigned char bytes[DRAWN * 8], nonce[crypto_stream_chacha20_NONCEBYTES];
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (unsigned char)(stream >> 8 * i);
    for (size_t at = 0; at < count; at += DRAWN) {
        sodium_memzero(bytes, sizeof bytes);
        crypto_stream_chacha20_xor_ic(bytes, bytes, sizeof bytes, nonce, at * 8 / 64, seed);
        for (size_t i = 0; i < DRAWN && at + i < count; i += 2) {
            double pair[2];
            const uint64_t bits[2] = {little_endian(bytes + 8 * i), little_endian(bytes + 8 * i + 8)};
            normal_pair(bits, pair);
            out[at + i] = pair[0];
            if (at + i + 1 < count)
                out[at + i + 1] = pair[1];
        }
    }
    sodium_memzero(bytes, sizeof bytes);
}

/* Makes of a random vector v the u of H = 1 - u u' (|u|^2 = 2) that takes v to the first axis; *sign as Mezzadri has it. */
static void make_reflection(double *v, size_t count, double *sign) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += v[i] * v[i];
    const double length = sqrt(sum), first = v[0] < 0 ? -length : length;
    const double scale = 1 / sqrt(sum + first * v[0]); /* |v + first e|^2 = 2 (|v|^2 + first v[0]) */
    *sign = v[0] < 0 ? 1 : -1;
    v[0] += first;
    for (size_t i = 0; i < count; i++)
        v[i] *= scale;
}

arc_status arc_protection_new(arc_context *ctx, const uint8_t key[ARC_PROTECT_KEY_BYTES], int dim, arc_protection **out,
                              arc_error *err) {
    *out = NULL;
    if (dim < 1 || dim > MAX_DIM)
        return arc_fail(err, ARC_EINVAL, "templates of %d numbers cannot be protected; 1 to %d can", dim, MAX_DIM);
    arc_protection *p = arc_mem_new(&ctx->alloc, 1, sizeof *p);
    if (!p)
        return arc_fail_nomem(err, "the protection of templates");
    p->ctx = ctx;
    p->dim = (size_t)dim;
    p->vector = arc_mem_new(&ctx->alloc, p->dim * (p->dim + 1) / 2, sizeof(double));
    p->sign = arc_mem_new(&ctx->alloc, p->dim, sizeof(double));
    if (!p->vector || !p->sign) {
        arc_protection_free(ctx, &p);
        return arc_fail_nomem(err, "the protection of templates");
    }
    unsigned char seed[crypto_stream_chacha20_KEYBYTES], about[sizeof purpose + 4] = {0};
    for (size_t i = 0; i < sizeof purpose; i++)
        about[i] = (unsigned char)purpose[i];
    for (size_t i = 0; i < 4; i++)
        about[sizeof purpose + i] = (unsigned char)(p->dim >> 8 * i);
    crypto_generichash(seed, sizeof seed, about, sizeof about, key, ARC_PROTECT_KEY_BYTES);
    double *v = p->vector;
    for (size_t k = 0; k < p->dim; v += p->dim - k, k++) {
        draw_normals(seed, k, p->dim - k, v);
        make_reflection(v, p->dim - k, &p->sign[k]);
    }
    sodium_memzero(seed, sizeof seed);
    *out = p;
    return ARC_OK;
}

void arc_protection_free(arc_context *ctx, arc_protection **protection) {
    if (!protection || !*protection)
        return;
    arc_protection *p = *protection;
    if (p->vector)
        sodium_memzero(p->vector, p->dim * (p->dim + 1) / 2 * sizeof(double));
    arc_mem_free(&ctx->alloc, p->vector);
    arc_mem_free(&ctx->alloc, p->sign);
    arc_mem_free(&ctx->alloc, p);
    *protection = NULL;
}

/* x = sign (1 - u u') x */
static void reflect(const double *u, double sign, size_t count, double *x) {
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += u[i + j] * x[i + j];
    for (; i < count; i++)
        sum[0] += u[i] * x[i];
    const double times = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (i = 0; i < count; i++)
        x[i] = sign * (x[i] - times * u[i]);
}

typedef struct rotation {
    const arc_protection *p;
    const float *in;
    float *out;
    bool back;
} rotation;

static void rotate_rows(void *arg, size_t begin, size_t end, int thread) {
    const rotation *r = arg;
    const size_t dim = r->p->dim;
    double x[MAX_DIM];
    (void)thread;
    for (size_t row = begin; row < end; row++) {
        for (size_t i = 0; i < dim; i++)
            x[i] = r->in[row * dim + i];
        for (size_t step = 0; step < dim; step++) { /* a reflection is its own inverse: only their order differs */
            const size_t k = r->back ? step : dim - 1 - step;
            reflect(vector_of(r->p, k), r->p->sign[k], dim - k, x + k);
        }
        for (size_t i = 0; i < dim; i++)
            r->out[row * dim + i] = (float)x[i];
    }
    sodium_memzero(x, dim * sizeof *x);
}

void arc_protect(const arc_protection *protection, const float *in, int64_t rows, float *out) {
    rotation r = {protection, in, out, false};
    arc_pool_run(protection->ctx->pool, (size_t)ARC_MAX(rows, (int64_t)0), 4, rotate_rows, &r);
}

void arc_unprotect(const arc_protection *protection, const float *in, int64_t rows, float *out) {
    rotation r = {protection, in, out, true};
    arc_pool_run(protection->ctx->pool, (size_t)ARC_MAX(rows, (int64_t)0), 4, rotate_rows, &r);
}
