/* The losses and the head: slopes against differences, everything against PyTorch's goldens (tests/golden/losses.py), both sides
 * of the point where theta + m passes pi; bounded memory, parts and threads change nothing; partial FC's sampling and the two
 * rules for what rests. */
#include "format/format.h"
#include "support.h"
#include "train/head/head.h"
#include <string.h>

enum { B = 6, C = 17, K = 3, D = 16 };
#define GOLDEN "tests/golden/data/losses"
static const arc_ranks alone = {0, 1, NULL};

/* ---- slopes ---- */

static void slopes_of(const arc_margin *m, double from, double to) {
    arc_margin_state state;
    arc_margin_state_init(&state);
    state.curriculum = 0.3;
    const double h = 1e-6;
    for (double c = from; c < to; c += 0.0373)
        for (double norm = 5; norm < 130; norm += 17.3) {
            const arc_margin_target t = arc_margin_apply(m, &state, c, norm);
            const arc_margin_target up = arc_margin_apply(m, &state, c + h, norm),
                                    down = arc_margin_apply(m, &state, c - h, norm);
            const double slope = (up.value - down.value) / (2 * h);
            if (!(fabs(slope - t.slope) <= 1e-5 * fmax(1, fabs(slope))))
                fail_msg("%s at %g: slope %.9g, differences give %.9g", arc_margin_name(m->loss), c, t.slope, slope);
            if (m->loss != ARC_LOSS_MAGFACE)
                continue; /* AdaFace takes the norm as a constant */
            const arc_margin_target more = arc_margin_apply(m, &state, c, norm + h),
                                    less = arc_margin_apply(m, &state, c, norm - h);
            assert_true(fabs((more.value - less.value) / (2 * h) - t.norm_slope) <= 1e-6);
            assert_true(fabs((more.penalty - less.penalty) / (2 * h) - t.penalty_slope) <= 1e-6);
        }
}

static void test_slopes(void **unused) {
    (void)unused;
    for (int loss = ARC_LOSS_SOFTMAX; loss <= ARC_LOSS_CURRICULAR; loss++)
        for (int wrap = ARC_WRAP_NONE; wrap <= ARC_WRAP_MIRROR; wrap++) {
            arc_margin m;
            arc_margin_default(&m, (arc_loss_kind)loss);
            if (wrap == ARC_WRAP_FALLBACK && m.m1 != 1)
                continue;
            m.wrap = (arc_margin_wrap)wrap;
            slopes_of(&m, -0.97, 0.97);
        }
    arc_margin hard;
    arc_margin_default(&hard, ARC_LOSS_CURRICULAR);
    arc_margin_state state = {.curriculum = 0.25};
    hard.filter = 0.6;
    for (float c = -0.95f; c < 0.95f; c += 0.0371f) {
        const float edge = 0.1f, three[3] = {c - 1e-3f, c, c + 1e-3f}, limit[3] = {edge, edge, edge};
        float value[3], slope[3];
        arc_margin_negatives(&hard, &state, 3, three, limit, value, slope);
        if (fabsf(c - edge) > 2e-3f && fabsf(c - 0.6f) > 2e-3f)
            assert_true(fabsf((value[2] - value[0]) / (three[2] - three[0]) - slope[1]) < 1e-3f);
        assert_true(c <= 0.6f || value[1] == 0);
    }
}

/* The documented choice at theta + m = pi: where each rule joins, and that only "none" rises again. */
static void test_wrap(void **unused) {
    (void)unused;
    arc_margin m;
    arc_margin_state state;
    arc_margin_state_init(&state);
    arc_margin_default(&m, ARC_LOSS_ARCFACE);
    const double joint = cos(3.14159265358979323846 - m.m2);
    const double before = joint + 1e-7, after = joint - 1e-7;
    for (int wrap = ARC_WRAP_AUTO; wrap <= ARC_WRAP_MIRROR; wrap++) {
        m.wrap = (arc_margin_wrap)wrap;
        assert_true(fabs(arc_margin_apply(&m, &state, before, 1).value + 1) < 1e-9);
    }
    m.wrap = ARC_WRAP_AUTO;
    assert_true(fabs(arc_margin_apply(&m, &state, after, 1).value - (after - 0.23971276930210156)) < 1e-12);
    assert_true(fabs(arc_margin_apply(&m, &state, -0.95, 1).value + 1.18971276930210156) < 1e-9);
    assert_true(arc_margin_apply(&m, &state, -0.95, 1).slope == 1);
    m.wrap = ARC_WRAP_NONE;
    assert_true(fabs(arc_margin_apply(&m, &state, -0.95, 1).value + 0.98340) < 1e-4);
    assert_true(arc_margin_apply(&m, &state, -0.95, 1).slope < 0);
    m.wrap = ARC_WRAP_MIRROR;
    assert_true(fabs(arc_margin_apply(&m, &state, after, 1).value + 1) < 1e-9);
    assert_true(fabs(arc_margin_apply(&m, &state, -0.95, 1).value + 1.01660) < 1e-4);
    assert_true(arc_margin_apply(&m, &state, -0.95, 1).slope > 0);
    m.straight_through = true;
    assert_true(arc_margin_apply(&m, &state, 0.3, 1).slope == 1);
}

/* ---- goldens ---- */

typedef struct golden_case {
    const char *name;
    arc_loss_kind loss;
    arc_margin_wrap wrap;
    bool straight;
    double filter;
    int centres;
} golden_case;
static const golden_case goldens[] = {
    {"softmax", ARC_LOSS_SOFTMAX, 0, false, 0, 1},
    {"arcface", ARC_LOSS_ARCFACE, 0, false, 0, 1},
    {"arcface_none", ARC_LOSS_ARCFACE, ARC_WRAP_NONE, false, 0, 1},
    {"arcface_mirror", ARC_LOSS_ARCFACE, ARC_WRAP_MIRROR, false, 0, 1},
    {"arcface_straight", ARC_LOSS_ARCFACE, ARC_WRAP_NONE, true, 0, 1},
    {"arcface_filter", ARC_LOSS_ARCFACE, 0, false, 0.2, 1},
    {"arcface_subcenter", ARC_LOSS_ARCFACE, 0, false, 0, K},
    {"cosface", ARC_LOSS_COSFACE, 0, false, 0, 1},
    {"sphereface", ARC_LOSS_SPHEREFACE, 0, false, 0, 1},
    {"combined", ARC_LOSS_COMBINED, 0, false, 0, 1},
    {"adaface", ARC_LOSS_ADAFACE, 0, false, 0, 1},
    {"magface", ARC_LOSS_MAGFACE, 0, false, 0, 1},
    {"curricularface", ARC_LOSS_CURRICULAR, 0, false, 0, 1},
};

static float *load(const char *name, int64_t count) {
    char path[256];
    arc_dtype t;
    arc_shape s;
    void *data;
    snprintf(path, sizeof path, GOLDEN "/%s.npy", name);
    assert_int_equal(arc_npy_load(&arc_alloc_libc, path, &t, &s, &data, NULL), ARC_OK);
    assert_int_equal(arc_shape_count(&s), count);
    return data;
}

static arc_head_options options_of(const golden_case *g) {
    arc_head_options o = {.classes = C, .dim = D, .centres = g->centres, .sample_rate = 1, .batch = B, .seed = 1};
    arc_margin_default(&o.margin, g->loss);
    o.margin.wrap = g->wrap;
    o.margin.straight_through = g->straight;
    o.margin.filter = g->filter;
    o.optimiser = (arc_optimiser){.kind = ARC_OPTIMISER_SGD, .momentum = 0.9};
    return o;
}

static void put_centres(arc_head *head, const float *inputs, int centres) {
    arc_head_rows rows;
    arc_head_rows_of(head, &rows);
    for (int c = 0; c < C; c++)
        for (int k = 0; k < centres; k++)
            memcpy(rows.centre + (c * centres + k) * D, inputs + B * D + (c * K + k) * D, D * sizeof(float));
}

static void near_all(const char *name, const char *what, const float *got, const float *want, size_t n) {
    double size = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        size = fmax(size, fabs((double)want[i]));
        worst = fmax(worst, isfinite(got[i]) ? fabs((double)got[i] - (double)want[i]) : INFINITY);
    }
    if (!(worst <= 1e-4 * size))
        fail_msg("%s: %s differs by %g of %g", name, what, worst, size);
}

/* One step in parts of `part` samples: loss, gradient by embeddings [B][D] and by centres. */
static double step(arc_head *head, const float *x, int part, float *dx, float *dw, int centres) {
    int64_t label[B];
    double loss = 0;
    for (int i = 0; i < B; i++)
        label[i] = i * 2 % C;
    assert_int_equal(arc_head_begin(head, 0, label, B, NULL), ARC_OK);
    for (int i = 0; i < B; i += part) {
        arc_head_loss out;
        assert_int_equal(arc_head_forward(head, x + i * D, part, &out, NULL), ARC_OK);
        assert_true(out.finite);
        assert_int_equal(arc_head_backward(head, dx + i * D, NULL), ARC_OK);
        loss += out.loss / B;
    }
    for (int c = 0; c < C; c++)
        assert_true(arc_head_centre_gradient(head, c, dw + c * centres * D));
    return loss;
}

static void golden_run(const golden_case *g, const char *isa, size_t logits_bytes, int part) {
    arc_settings s = arc_test_settings(NULL, 2);
    arc_context *ctx = NULL;
    s.isa = isa;
    if (arc_context_open(&ctx, &s, NULL) != ARC_OK)
        return;
    arc_head_options o = options_of(g);
    o.logits_bytes = logits_bytes;
    o.part = part;
    arc_head *head = NULL;
    const size_t rows = (size_t)C * (size_t)g->centres * D;
    float *inputs = load("inputs", (B + C * K) * D), *want = load(g->name, (int64_t)(1 + B * D + rows));
    float dx[B * D], dw[C * K * D];
    assert_int_equal(arc_head_new(&head, ctx, &alone, &o, NULL), ARC_OK);
    put_centres(head, inputs, g->centres);
    const double loss = step(head, inputs, part, dx, dw, g->centres);
    if (!(fabs(loss - (double)want[0]) <= 1e-4 * fabs((double)want[0])))
        fail_msg("%s: loss %.9g, PyTorch has %.9g", g->name, loss, (double)want[0]);
    near_all(g->name, "the gradient by embeddings", dx, want + 1, B * D);
    near_all(g->name, "the gradient by centres", dw, want + 1 + B * D, rows);
    arc_head_free(&head);
    arc_context_close(&ctx);
    arc_mem_free(&arc_alloc_libc, inputs);
    arc_mem_free(&arc_alloc_libc, want);
}

static void test_goldens(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARC_COUNT(goldens); i++) {
        const bool by_batch = goldens[i].loss == ARC_LOSS_ADAFACE || goldens[i].loss == ARC_LOSS_CURRICULAR;
        golden_run(&goldens[i], NULL, 1 << 20, B);
        golden_run(&goldens[i], NULL, 0, B);
        golden_run(&goldens[i], "generic", 0, B);
        if (!by_batch)
            golden_run(&goldens[i], NULL, 1 << 20, 2);
    }
}

/* ---- larger, against doubles ---- */

typedef struct big {
    int64_t classes, batch, dim;
    int centres;
} big;

static float *random_floats(size_t n, uint64_t seed) {
    float *x = arc_mem_raw(&arc_alloc_libc, n, sizeof *x);
    arc_rng rng;
    arc_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = arc_rng_normal(&rng);
    return x;
}

/* The plain loss in double, of given embeddings and the head's centres. */
static double reference_loss(const arc_head_options *o, const arc_head_rows *rows, const double *x, const int64_t *label) {
    double loss = 0;
    arc_margin_state state;
    arc_margin_state_init(&state);
    for (int64_t i = 0; i < o->batch; i++) {
        const double *xi = x + i * o->dim;
        double norm = 0, sum = 0, own = 0;
        for (int64_t d = 0; d < o->dim; d++)
            norm += xi[d] * xi[d];
        norm = sqrt(norm);
        for (int64_t c = 0; c < o->classes; c++) {
            double best = -2;
            for (int k = 0; k < rows->centres; k++) {
                const float *w = rows->centre + (c * rows->centres + k) * o->dim;
                double dot = 0, length = 0;
                for (int64_t d = 0; d < o->dim; d++) {
                    dot += xi[d] * (double)w[d];
                    length += (double)w[d] * (double)w[d];
                }
                best = fmax(best, dot / norm / sqrt(length));
            }
            if (c == label[i])
                best = own = arc_margin_apply(&o->margin, &state, best, norm).value;
            sum += exp(o->margin.scale * best);
        }
        loss += (log(sum) - o->margin.scale * own) / (double)o->batch;
    }
    return loss;
}

static void test_differences(void **unused) {
    (void)unused;
    arc_context *ctx = arc_test_context(NULL, 2);
    for (int centres = 1; centres <= 3; centres += 2) {
        arc_head_options o = {.classes = 401, .dim = 40, .centres = centres, .sample_rate = 1, .batch = 9, .seed = 5};
        arc_margin_default(&o.margin, ARC_LOSS_ARCFACE);
        o.margin.scale = 16;
        o.optimiser.kind = ARC_OPTIMISER_SGD;
        arc_head *head = NULL;
        arc_head_rows rows;
        arc_head_loss out;
        float *x = random_floats(9 * 40, 3), dx[9 * 40];
        double xd[9 * 40];
        int64_t label[9];
        for (int i = 0; i < 9; i++)
            label[i] = i * 50;
        for (int i = 0; i < 9 * 40; i++)
            xd[i] = (double)x[i];
        assert_int_equal(arc_head_new(&head, ctx, &alone, &o, NULL), ARC_OK);
        arc_head_rows_of(head, &rows);
        assert_int_equal(arc_head_begin(head, 0, label, 9, NULL), ARC_OK);
        assert_int_equal(arc_head_forward(head, x, 9, &out, NULL), ARC_OK);
        assert_int_equal(arc_head_backward(head, dx, NULL), ARC_OK);
        const double want = reference_loss(&o, &rows, xd, label);
        assert_true(fabs(out.loss / 9 - want) < 1e-5 * want);
        double size = 0;
        for (int i = 0; i < 9 * 40; i++)
            size = fmax(size, fabs((double)dx[i]));
        for (int i = 0; i < 9 * 40; i += 7) {
            const double keep = xd[i], h = 1e-5;
            xd[i] = keep + h;
            const double up = reference_loss(&o, &rows, xd, label);
            xd[i] = keep - h;
            const double down = reference_loss(&o, &rows, xd, label);
            xd[i] = keep;
            assert_true(fabs((up - down) / (2 * h) - (double)dx[i]) < 1e-4 * size);
        }
        arc_mem_free(&arc_alloc_libc, x);
        arc_head_free(&head);
    }
    arc_context_close(&ctx);
}

/* Runs `steps` steps on random data and gives the centres; threads and kept logits must not show in them. */
static float *train_centres(int threads, size_t logits_bytes, const arc_head_options *base, int steps, double *loss) {
    arc_context *ctx = arc_test_context(NULL, threads);
    arc_head_options o = *base;
    arc_head *head = NULL;
    arc_head_rows rows;
    arc_head_loss out;
    o.logits_bytes = logits_bytes;
    assert_int_equal(arc_head_new(&head, ctx, &alone, &o, NULL), ARC_OK);
    int64_t *label = arc_mem_new(&arc_alloc_libc, (size_t)o.batch, sizeof *label);
    float *dx = arc_mem_new(&arc_alloc_libc, (size_t)(o.batch * o.dim), sizeof *dx);
    for (int s = 0; s < steps; s++) {
        float *x = random_floats((size_t)(o.batch * o.dim), (uint64_t)s);
        for (int64_t i = 0; i < o.batch; i++)
            label[i] = (int64_t)(arc_rng_hash((uint64_t)s, (uint64_t)i) % (uint64_t)o.classes);
        assert_int_equal(arc_head_begin(head, s, label, o.batch, NULL), ARC_OK);
        assert_int_equal(arc_head_forward(head, x, o.batch, &out, NULL), ARC_OK);
        assert_int_equal(arc_head_backward(head, dx, NULL), ARC_OK);
        const arc_optimiser_step step = {.rate = 0.1, .factor = 1, .step = s + 1};
        arc_head_update(head, &step);
        arc_mem_free(&arc_alloc_libc, x);
    }
    *loss = out.loss;
    arc_head_rows_of(head, &rows);
    const size_t n = (size_t)(rows.count * rows.centres * rows.dim);
    float *copy = arc_mem_raw(&arc_alloc_libc, n, sizeof *copy);
    memcpy(copy, rows.centre, n * sizeof *copy);
    arc_mem_free(&arc_alloc_libc, label);
    arc_mem_free(&arc_alloc_libc, dx);
    arc_head_free(&head);
    arc_context_close(&ctx);
    return copy;
}

static void test_threads(void **unused) {
    (void)unused;
    for (int centres = 1; centres <= 3; centres += 2) {
        arc_head_options o = {.classes = 5003, .dim = 64, .centres = centres, .sample_rate = centres == 1 ? 1 : 0.3, .batch = 33};
        arc_margin_default(&o.margin, ARC_LOSS_ARCFACE);
        o.optimiser = (arc_optimiser){.kind = centres == 1 ? ARC_OPTIMISER_SGD : ARC_OPTIMISER_ADAMW,
                                      .momentum = 0.9,
                                      .beta1 = 0.9,
                                      .beta2 = 0.999,
                                      .epsilon = 1e-8};
        o.decay = 5e-4;
        double loss[3];
        float *one = train_centres(1, 0, &o, 3, &loss[0]), *two = train_centres(2, 0, &o, 3, &loss[1]),
              *kept = train_centres(5, (size_t)1 << 30, &o, 3, &loss[2]);
        const size_t bytes = (size_t)(o.classes * centres * o.dim) * sizeof(float);
        assert_memory_equal(one, two, bytes);
        assert_memory_equal(one, kept, bytes);
        assert_true(loss[0] == loss[1] && loss[0] == loss[2]);
        arc_mem_free(&arc_alloc_libc, one);
        arc_mem_free(&arc_alloc_libc, two);
        arc_mem_free(&arc_alloc_libc, kept);
    }
}

/* ---- partial FC ---- */

static void test_sampling(void **unused) {
    (void)unused;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_head_options o = {.classes = 1000, .dim = 8, .sample_rate = 0.1, .batch = 16, .decay = 0.01, .seed = 7};
    arc_margin_default(&o.margin, ARC_LOSS_ARCFACE);
    o.optimiser = (arc_optimiser){.kind = ARC_OPTIMISER_SGD, .momentum = 0.9};
    for (int v1 = 0; v1 < 2; v1++) {
        arc_head *head = NULL;
        arc_head_rows rows;
        arc_head_loss out;
        float *x = random_floats(16 * 8, 1), dx[16 * 8], row[8];
        int64_t label[16];
        int seen[1000] = {0};
        o.partial = v1 ? ARC_PARTIAL_V1 : ARC_PARTIAL_V2;
        assert_int_equal(arc_head_new(&head, ctx, &alone, &o, NULL), ARC_OK);
        arc_head_rows_of(head, &rows);
        for (int s = 0; s < 40; s++) {
            for (int i = 0; i < 16; i++)
                label[i] = (s * 31 + i * 7) % 1000;
            float *before = arc_mem_raw(&arc_alloc_libc, 8000, sizeof *before);
            memcpy(before, rows.centre, 8000 * sizeof *before);
            assert_int_equal(arc_head_begin(head, s, label, 16, NULL), ARC_OK);
            assert_int_equal(arc_head_active(head), 100);
            assert_int_equal(arc_head_forward(head, x, 16, &out, NULL), ARC_OK);
            assert_true(out.finite);
            assert_int_equal(arc_head_backward(head, dx, NULL), ARC_OK);
            bool active[1000];
            for (int c = 0; c < 1000; c++)
                seen[c] += active[c] = arc_head_centre_gradient(head, c, row);
            for (int i = 0; i < 16; i++)
                assert_true(active[label[i]]);
            const arc_optimiser_step step = {.rate = 0.1, .factor = 1, .step = s + 1};
            arc_head_update(head, &step);
            for (int c = 0; c < 1000; c++) /* V1: the others rest; V2: decay and momentum move them */
                if (!active[c])
                    assert_int_equal(memcmp(before + c * 8, rows.centre + c * 8, 8 * sizeof(float)) == 0, v1);
            arc_mem_free(&arc_alloc_libc, before);
        }
        for (int c = 0; c < 1000;
             c++) /* 84 of 984 others a step: never seen in 40 steps has a chance of 3 % a class; 20 times none */
            assert_true(seen[c] < 24);
        arc_mem_free(&arc_alloc_libc, x);
        arc_head_free(&head);
    }
    /* More positives than the rate allows: the active set grows to hold them. */
    arc_head *head = NULL;
    int64_t label[16];
    o.sample_rate = 0.01;
    for (int i = 0; i < 16; i++)
        label[i] = i * 60;
    assert_int_equal(arc_head_new(&head, ctx, &alone, &o, NULL), ARC_OK);
    assert_int_equal(arc_head_begin(head, 0, label, 16, NULL), ARC_OK);
    assert_int_equal(arc_head_active(head), 16);
    arc_head_free(&head);
    arc_context_close(&ctx);
}

/* ---- mistakes and memory ---- */

static void test_bad_input(void **unused) {
    (void)unused;
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_head *head = NULL;
    arc_error err;
    arc_head_options o = {.classes = 1, .dim = 8, .sample_rate = 1, .batch = 2};
    arc_margin_default(&o.margin, ARC_LOSS_ARCFACE);
    assert_int_equal(arc_head_new(&head, ctx, &alone, &o, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "one identity"));
    o.classes = 10;
    o.sample_rate = 0;
    assert_int_equal(arc_head_new(&head, ctx, &alone, &o, &err), ARC_EINVAL);
    o.sample_rate = 1;
    assert_int_equal(arc_head_new(&head, ctx, &alone, &o, &err), ARC_OK);
    const int64_t label[2] = {3, 10};
    assert_int_equal(arc_head_begin(head, 0, label, 2, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "label 10"));
    const int64_t good[2] = {3, 9};
    float x[16];
    arc_head_loss out;
    for (int i = 0; i < 16; i++)
        x[i] = i == 12 ? NAN : 1;
    assert_int_equal(arc_head_begin(head, 0, good, 2, &err), ARC_OK);
    assert_int_equal(arc_head_forward(head, x, 2, &out, &err), ARC_OK);
    assert_false(out.finite);
    assert_int_equal(out.bad, 1);
    arc_head_free(&head);
    arc_context_close(&ctx);
}

static void test_memory(void **unused) {
    (void)unused;
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 2);
    arc_head_options o = {.classes = 300, .dim = 32, .sample_rate = 0.5, .batch = 8, .logits_bytes = 1 << 20, .centres = 2};
    arc_margin_default(&o.margin, ARC_LOSS_ARCFACE);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_head *head = NULL;
        arc_test_walk_begin(&walk);
        st = arc_head_new(&head, ctx, &alone, &o, NULL);
        arc_head_free(&head);
    } while (arc_test_walk_again(&walk, st));
    arc_head_memory m;
    o = (arc_head_options){.classes = 1000000, .dim = 512, .sample_rate = 1, .batch = 128};
    arc_head_memory_of(ctx, &alone, &o, &m);
    assert_int_equal(m.centres_bytes, (size_t)1000000 * 512 * 4);
    assert_int_equal(m.states_bytes, (size_t)1000000 * 512 * 4);
    assert_true(m.work_bytes < (size_t)40 << 20); /* the logits alone would be 512 MB */
    arc_context_close(&ctx);
}

/* ---- optimisers and schedules ---- */

static void test_optimisers(void **unused) {
    (void)unused;
    /* Three steps of PyTorch 2: SGD(lr=0.1, momentum=0.9, weight_decay=0.01) and AdamW(lr=0.1, weight_decay=0.1) from w = 1, g =
     * 0.5, -1, 0.25. */
    static const float g[3] = {0.5f, -1, 0.25f};
    double w = 1, m = 0, v = 0, wa = 1, ma = 0;
    float sw = 1, sm = 0, aw = 1, am = 0, av = 0;
    const arc_optimiser sgd = {.kind = ARC_OPTIMISER_SGD, .momentum = 0.9};
    const arc_optimiser adam = {.kind = ARC_OPTIMISER_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    for (int i = 0; i < 3; i++) {
        const arc_optimiser_step step = {.rate = 0.1, .factor = 1, .step = i + 1};
        float *const s1[2] = {&sm, NULL}, *const s2[2] = {&am, &av};
        arc_optimiser_apply(&sgd, &step, 0.01, 1, &sw, &g[i], s1);
        arc_optimiser_apply(&adam, &step, 0.1, 1, &aw, &g[i], s2);
        m = 0.9 * m + (double)g[i] + 0.01 * w;
        w -= 0.1 * m;
        wa *= 1 - 0.1 * 0.1;
        ma = 0.9 * ma + 0.1 * (double)g[i];
        v = 0.999 * v + 0.001 * (double)g[i] * (double)g[i];
        wa -= 0.1 * (ma / (1 - pow(0.9, i + 1))) / (sqrt(v / (1 - pow(0.999, i + 1))) + 1e-8);
        assert_true(fabs((double)sw - w) < 1e-6 && fabs((double)aw - wa) < 1e-5);
    }
}

static void test_schedules(void **unused) {
    (void)unused;
    arc_schedule s = {.kind = ARC_SCHEDULE_POLY, .rate = 0.1, .power = 1, .warmup_steps = 10, .steps = 110};
    assert_true(fabs(arc_schedule_rate(&s, 0) - 0.01) < 1e-12 && fabs(arc_schedule_rate(&s, 9) - 0.1) < 1e-12);
    assert_true(fabs(arc_schedule_rate(&s, 10) - 0.1) < 1e-12 && fabs(arc_schedule_rate(&s, 60) - 0.05) < 1e-12);
    s.full_first_step = true; /* arcface_torch: counter 0 at the full rate, then base k / W */
    assert_true(arc_schedule_rate(&s, 0) == 0.1 && fabs(arc_schedule_rate(&s, 1) - 0.01) < 1e-12);
    s = (arc_schedule){.kind = ARC_SCHEDULE_STEP, .rate = 0.1, .factor = 0.1, .milestone = {8, 14}, .milestones = 2, .steps = 18};
    assert_true(arc_schedule_rate(&s, 7) == 0.1 && fabs(arc_schedule_rate(&s, 8) - 0.01) < 1e-12 &&
                fabs(arc_schedule_rate(&s, 14) - 0.001) < 1e-12);
    s = (arc_schedule){.kind = ARC_SCHEDULE_COSINE, .rate = 0.2, .steps = 100};
    assert_true(fabs(arc_schedule_rate(&s, 50) - 0.1) < 1e-12 && arc_schedule_rate(&s, 100) < 1e-12);
    s.kind = ARC_SCHEDULE_CONSTANT;
    assert_true(arc_schedule_rate(&s, 99) == 0.2);
    int64_t first, count, sum = 0;
    for (int r = 0; r < 3; r++) {
        arc_ranks_share(11, r, 3, &first, &count);
        assert_int_equal(first, sum);
        sum += count;
    }
    assert_int_equal(sum, 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slopes),      cmocka_unit_test(test_wrap),    cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_differences), cmocka_unit_test(test_threads), cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_bad_input),   cmocka_unit_test(test_memory),  cmocka_unit_test(test_optimisers),
        cmocka_unit_test(test_schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
