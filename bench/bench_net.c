/* Time and peak memory of one network: bench_net MODEL.onnx [BATCH] [THREADS] [SECONDS] [OUTPUT.f32] [bf16|fp16].
 * Input n of image i is fixed, so that
 * other engines can be given the same numbers; the first output of the first run goes to OUTPUT.f32. Prints one JSON line. */
#include "measure.h"
#include <arcface/arcface.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_RUNS 100000

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The same in bench/peers/run.py: ((i * 2654435761) mod 2^32 >> 8) / 2^24 * 2 - 1. */
static void fill(float *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(((uint32_t)i * 2654435761u) >> 8) / 16777216.0f * 2.0f - 1.0f;
}

static bool write_output(const arc_net *net, const char *path) {
    arc_net_output out;
    arc_error err;
    if (arc_net_output_get(net, 0, &out, &err) != ARC_OK) {
        fprintf(stderr, "bench_net: %s\n", err.text);
        return false;
    }
    size_t count = 1;
    for (int i = 0; i < out.rank; i++)
        count *= (size_t)out.dim[i];
    FILE *f = fopen(path, "wb");
    size_t wrote = f ? fwrite(out.data, sizeof(float), count, f) : 0;
    if (!f || fclose(f) != 0 || wrote != count) {
        perror(path);
        return false;
    }
    return true;
}

static arc_status measure(arc_net *net, const int64_t dim[4], const float *input, double seconds, const char *output,
                          arc_error *err) {
    static double ms[MAX_RUNS];
    int runs = 0;
    double first = now_ms();
    arc_status st = arc_net_run(net, input, dim, err);
    first = now_ms() - first;
    if (st != ARC_OK)
        return st;
    if (output && !write_output(net, output))
        return ARC_EIO;
    double begin = now_ms();
    while (runs < MAX_RUNS && (runs < 3 || now_ms() - begin < seconds * 1e3)) {
        double from = now_ms();
        st = arc_net_run(net, input, dim, err);
        if (st != ARC_OK)
            return st;
        ms[runs++] = now_ms() - from;
    }
    qsort(ms, (size_t)runs, sizeof *ms, by_value);
    printf("\"first_ms\": %.3f, \"median_ms\": %.3f, \"min_ms\": %.3f, \"runs\": %d, ", first, ms[runs / 2], ms[0], runs);
    return ARC_OK;
}

typedef struct options {
    const char *model, *output;
    int64_t batch;
    int threads;
    double seconds;
} options;

static arc_status bench(arc_context *ctx, const arc_model *model, arc_net *net, const options *o, arc_error *err) {
    const arc_contract *c = arc_model_contract(model);
    int64_t h = c->input_height_px ? c->input_height_px : 640, w = c->input_width_px ? c->input_width_px : 640;
    int64_t dim[4] = {o->batch, 3, h, w};
    size_t count = (size_t)(o->batch * 3 * h * w);
    float *input = calloc(count, sizeof *input);
    if (!input)
        return ARC_ENOMEM;
    fill(input, count);
    printf("\"isa\": \"%s\", \"threads\": %d, \"batch\": %" PRId64 ", \"height\": %" PRId64 ", \"width\": %" PRId64 ", ",
           arc_context_isa(ctx), arc_context_threads(ctx), o->batch, h, w);
    arc_status st = measure(net, dim, input, o->seconds, o->output, err);
    free(input);
    return st;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 7) {
        fprintf(stderr, "usage: bench_net MODEL.onnx [BATCH] [THREADS] [SECONDS] [OUTPUT.f32] [bf16|fp16]\n");
        return 2;
    }
    options o = {argv[1], argc > 5 ? argv[5] : NULL, argc > 2 ? strtol(argv[2], NULL, 10) : 1,
                 argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0, argc > 4 ? strtod(argv[4], NULL) : 5};
    arc_settings settings;
    arc_settings_default(&settings);
    settings.threads = o.threads;
    const char *precision = argc > 6 ? argv[6] : "";
    settings.precision = strcmp(precision, "bf16") == 0   ? ARC_PRECISION_BF16
                         : strcmp(precision, "fp16") == 0 ? ARC_PRECISION_FP16
                                                          : ARC_PRECISION_FP32;
    arc_context *ctx = NULL;
    arc_model *model = NULL;
    arc_net *net = NULL;
    arc_error err = {0};
    double begin = now_ms();
    arc_status st = arc_context_open(&ctx, &settings, &err);
    if (st == ARC_OK)
        st = arc_model_load(ctx, o.model, ARC_TASK_UNKNOWN, NULL, &model, &err);
    double loaded = now_ms();
    long load_peak_kib = peak_kib();
    if (st == ARC_OK)
        st = arc_net_new(ctx, model, &net, &err);
    if (st == ARC_OK) {
        printf("{\"engine\": \"arcface\", \"load_ms\": %.1f, \"load_peak_kib\": %ld, \"session_ms\": %.1f, ", loaded - begin,
               load_peak_kib, now_ms() - loaded);
        st = bench(ctx, model, net, &o, &err);
        printf("\"peak_kib\": %ld}\n", peak_kib());
    }
    if (st != ARC_OK)
        fprintf(stderr, "bench_net: %s\n", err.text[0] ? err.text : arc_status_text(st));
    arc_net_free(&net);
    arc_model_free(&model);
    arc_context_close(&ctx);
    return st == ARC_OK ? 0 : 4;
}
