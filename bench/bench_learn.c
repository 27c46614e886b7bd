/* Training steps of a fresh network: bench_learn NET [BATCH] [THREADS] [SECONDS] [f32|bf16] [recompute] [layers] [images|input].
 * A step is forward, a cosine softmax head of 1000 classes, backward, SGD with momentum. Prints one JSON line: images a second,
 * the median step by the clock and in processor time of all threads, memory; `layers` adds a line for each layer: time of its
 * forward and backward. With `images` a step is what a loss on images takes: forward, and backward to the images' gradient,
 * without head and SGD; `input` is the same by a learner that computes no other gradient. */
#include "learn/learner.h"
#include "measure.h"
#include "run/session.h"
#include "zoo/zoo.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLASSES = 1000, DIM = 512, SIDE = 112, MAX_STEPS = 10000 };

typedef struct bench {
    const arc_context *ctx;
    arc_learner *l;
    int64_t batch;
    float *d_images; /* NULL: a step of training */
    float *images, *head, *d_head, *d, *logit, *momentum;
} bench;

/* Softmax over 64 cos(x, w) with label i % CLASSES: d = gradient of the embeddings, and a step of the head. */
static double head_step(bench *b, const float *x) {
    const arc_kernels *k = b->ctx->kernels;
    double loss = 0;
    memset(b->d, 0, (size_t)b->batch * DIM * sizeof *b->d);
    memset(b->d_head, 0, CLASSES * DIM * sizeof *b->d_head);
    for (int64_t i = 0; i < b->batch; i++, x += DIM) {
        float *d = b->d + i * DIM;
        const float size = sqrtf(k->dot(DIM, x, x)), most = 64;
        double sum = 0, along = 0;
        for (int c = 0; c < CLASSES; c++)
            sum += exp((double)(b->logit[c] = 64 * k->dot(DIM, x, b->head + c * DIM) / size - most));
        loss += log(sum) - (double)b->logit[i % CLASSES];
        for (int c = 0; c < CLASSES; c++) {
            const float g = 64 * ((float)(exp((double)b->logit[c]) / sum) - (c == i % CLASSES)) / (float)b->batch,
                        to_head = g / size;
            const float *restrict w = b->head + c * DIM;
            float *restrict d_w = b->d_head + c * DIM, *restrict d_x = d;
            along += (double)(g * (b->logit[c] + most) / 64);
            for (int j = 0; j < DIM; j++) {
                d_x[j] += g * w[j];
                d_w[j] += to_head * x[j];
            }
        }
        for (int j = 0; j < DIM; j++)
            d[j] = (d[j] - (float)along * x[j] / size) / size;
    }
    for (int c = 0; c < CLASSES; c++) {
        float *w = b->head + c * DIM;
        for (int j = 0; j < DIM; j++)
            w[j] -= 0.01f * b->d_head[c * DIM + j];
        const float size = sqrtf(k->dot(DIM, w, w));
        for (int j = 0; j < DIM; j++)
            w[j] /= size;
    }
    return loss / (double)b->batch;
}

typedef struct sgd_job {
    arc_learn_parameter *p;
    float *momentum;
} sgd_job;

static void sgd_items(void *arg, size_t begin, size_t end, int thread) {
    const sgd_job *job = arg;
    float *restrict momentum = job->momentum, *restrict value = job->p->value;
    const float *restrict gradient = job->p->gradient;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        momentum[i] = 0.9f * momentum[i] + gradient[i] + 5e-4f * value[i];
        value[i] -= 0.01f * momentum[i];
    }
}

/* Forward and backward to the images. */
static arc_status image_step(bench *b, arc_error *err) {
    const float *x;
    const arc_status st = arc_learner_forward(b->l, b->images, b->batch, &x, err);
    for (int64_t i = 0; i < b->batch; i++)
        memcpy(b->d + i * DIM, b->head + i % CLASSES * DIM, DIM * sizeof *b->d);
    return st == ARC_OK ? arc_learner_backward(b->l, b->d, false, b->d_images, err) : st;
}

static arc_status step(bench *b, double *loss, arc_error *err) {
    if (b->d_images)
        return image_step(b, err);
    const float *x;
    arc_status st = arc_learner_forward(b->l, b->images, b->batch, &x, err);
    if (st != ARC_OK)
        return st;
    *loss = head_step(b, x);
    st = arc_learner_backward(b->l, b->d, false, NULL, err);
    float *momentum = b->momentum;
    for (size_t i = 0; st == ARC_OK && i < arc_learner_parameters(b->l); i++) {
        sgd_job job = {arc_learner_parameter(b->l, i), momentum};
        momentum += job.p->count;
        if (!job.p->frozen)
            arc_pool_run(b->ctx->pool, job.p->count, 0, sgd_items, &job);
    }
    return st;
}

static arc_status measure(bench *b, double seconds, bool layers, arc_error *err) {
    static double ms[MAX_STEPS], cpu_ms[MAX_STEPS]; /* by the clock, and of processor time of all threads */
    int steps = 0;
    double loss = 0, first = 0;
    arc_status st = step(b, &first, err);
    if (layers)
        arc_learner_time(b->l, true);
    const uint64_t begin = arc_clock_ns();
    while (st == ARC_OK && steps < MAX_STEPS && (steps < 2 || (double)(arc_clock_ns() - begin) < seconds * 1e9)) {
        const uint64_t from = arc_clock_ns();
        const clock_t cpu_from = clock();
        st = step(b, &loss, err);
        cpu_ms[steps] = (double)(clock() - cpu_from) * 1e3 / CLOCKS_PER_SEC;
        ms[steps++] = (double)(arc_clock_ns() - from) / 1e6;
    }
    if (st != ARC_OK)
        return st;
    arc_learn_time time;
    for (size_t i = 0; layers && arc_learner_step_time(b->l, i, &time); i++)
        printf("{\"layer\": \"%s\", \"algorithm\": \"%s\", \"macs\": %.0f, \"forward_ms\": %.3f, \"backward_ms\": %.3f}\n",
               time.name, time.algorithm, time.macs * (double)b->batch, time.forward_ms, time.backward_ms);
    qsort(ms, (size_t)steps, sizeof *ms, by_value);
    qsort(cpu_ms, (size_t)steps, sizeof *cpu_ms, by_value);
    arc_learner_memory m;
    arc_learner_memory_of(b->l, &m);
    printf(
        "{\"engine\": \"arcface\", \"images_per_second\": %.3f, \"step_ms\": %.2f, \"step_cpu_ms\": %.2f, \"steps\": %d, "
        "\"first_loss\": %.4f, "
        "\"last_loss\": %.4f, "
        "\"weights_mib\": %.0f, \"gradients_mib\": %.0f, \"activations_mib\": %.0f, \"scratch_mib\": %.0f, \"peak_mib\": %.1f}\n",
        (double)b->batch * 1e3 / ms[steps / 2], ms[steps / 2], cpu_ms[steps / 2], steps, first, loss,
        (double)m.weights_bytes / 1048576, (double)m.gradients_bytes / 1048576, (double)m.activations_bytes / 1048576,
        (double)m.scratch_bytes / 1048576, (double)peak_kib() / 1024);
    return ARC_OK;
}

static bool has(int argc, char **argv, const char *word) {
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

static float *numbers(size_t count, float scale) {
    float *x = malloc(count * sizeof *x);
    for (size_t i = 0; x && i < count; i++)
        x[i] = ((float)(arc_rng_hash(7, i) >> 40) / 8388608.0f - 1) * scale;
    return x;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench_learn NET [BATCH] [THREADS] [SECONDS] [f32|bf16] [recompute] [layers] [images|input]\n");
        return 2;
    }
    arc_settings settings;
    arc_settings_default(&settings);
    settings.threads = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
    arc_context *ctx = NULL;
    arc_graph *g = NULL;
    arc_error err = {0};
    bench b = {.batch = argc > 2 ? strtol(argv[2], NULL, 10) : 32};
    const arc_learner_options o = {.batch = b.batch,
                                   .momentum = 0.1f,
                                   .bf16 = has(argc, argv, "bf16"),
                                   .recompute = has(argc, argv, "recompute"),
                                   .input_only = has(argc, argv, "input")};
    const arc_shape in = {4, {b.batch, 3, SIDE, SIDE}};
    arc_status st = arc_context_open(&ctx, &settings, &err);
    if (st == ARC_OK)
        st = arc_zoo_new(&g, &ctx->alloc, argv[1], DIM, 1, &err);
    if (st == ARC_OK)
        st = arc_learner_new(&b.l, ctx, g, &in, &o, &err);
    if (st == ARC_OK) {
        size_t count = 0;
        for (size_t i = 0; i < arc_learner_parameters(b.l); i++)
            count += arc_learner_parameter(b.l, i)->count;
        b.ctx = ctx;
        b.images = numbers((size_t)b.batch * 3 * SIDE * SIDE, 127);
        b.head = numbers(CLASSES * DIM, 0.076f);
        b.d_head = malloc(CLASSES * DIM * sizeof *b.d_head);
        b.d = malloc((size_t)b.batch * DIM * sizeof *b.d);
        b.logit = malloc(CLASSES * sizeof *b.logit);
        const bool images = o.input_only || has(argc, argv, "images");
        b.momentum = calloc(images ? 1 : count, sizeof *b.momentum);
        b.d_images = images ? malloc((size_t)b.batch * 3 * SIDE * SIDE * sizeof *b.d_images) : NULL;
        if (b.images && b.head && b.d_head && b.d && b.logit && b.momentum && (b.d_images || !images))
            st = measure(&b, argc > 4 ? strtod(argv[4], NULL) : 5, has(argc, argv, "layers"), &err);
    }
    if (st != ARC_OK)
        fprintf(stderr, "bench_learn: %s\n", err.text);
    float *const all[] = {b.images, b.head, b.d_head, b.d, b.logit, b.momentum, b.d_images};
    for (size_t i = 0; i < ARC_COUNT(all); i++)
        free(all[i]);
    arc_learner_free(&b.l);
    arc_graph_free(&g);
    arc_context_close(&ctx);
    return st == ARC_OK ? 0 : 4;
}
