/* Conv and ConvTranspose with every fused input against a naive double reference, on every kernel level; the same bits for 1..16
 * threads; wrong shapes refused with a sentence. */
#include "exact_kernels.h"
#include "nn/conv.h"
#include "op_harness.h"

typedef struct conv_case {
    bool transposed;
    int64_t n, c_in, c_out, h, w, kh, kw, groups, stride[2], dilation[2], pads[4], extra[2];
    const char *act; /* NULL: none */
    bool bias, residual, pad_value, factors;
} conv_case;

typedef struct conv_data {
    float *x, *w, *bias, *slope, *residual, *pad, *out_scale, *in_scale;
} conv_data;

static const float alpha = 0.2f, lo = -0.5f, hi = 1.5f;

static void out_size(const conv_case *c, int64_t *oh, int64_t *ow) {
    const int64_t eh = (c->kh - 1) * c->dilation[0] + 1, ew = (c->kw - 1) * c->dilation[1] + 1;
    if (c->transposed) {
        *oh = (c->h - 1) * c->stride[0] + eh + c->extra[0] - c->pads[0] - c->pads[2];
        *ow = (c->w - 1) * c->stride[1] + ew + c->extra[1] - c->pads[1] - c->pads[3];
    } else {
        *oh = (c->h + c->pads[0] + c->pads[2] - eh) / c->stride[0] + 1;
        *ow = (c->w + c->pads[1] + c->pads[3] - ew) / c->stride[1] + 1;
    }
}

static conv_data make_data(const conv_case *c) {
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    conv_data d = {0};
    d.x = opx_floats((size_t)(c->n * c->h * c->w * c->c_in));
    d.w = opx_floats((size_t)(c->c_in * c->c_out / c->groups * c->kh * c->kw));
    d.bias = opx_floats((size_t)c->c_out);
    d.slope = opx_floats((size_t)c->c_out);
    d.residual = opx_floats((size_t)(c->n * oh * ow * c->c_out));
    d.pad = opx_floats((size_t)c->c_in);
    d.out_scale = opx_floats((size_t)c->c_out);
    d.in_scale = opx_floats((size_t)c->c_in);
    return d;
}

static void free_data(conv_data *d) {
    free(d->x);
    free(d->w);
    free(d->bias);
    free(d->slope);
    free(d->residual);
    free(d->pad);
    free(d->out_scale);
    free(d->in_scale);
}

static void describe(opx *o, const conv_case *c, const conv_data *d) {
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    opx_init(o, c->transposed ? "ConvTranspose" : "Conv");
    opx_int(o, "group", c->groups);
    opx_ints(o, "strides", 2, c->stride);
    opx_ints(o, "dilations", 2, c->dilation);
    opx_ints(o, "pads", 4, c->pads);
    if (c->transposed)
        opx_ints(o, "output_padding", 2, c->extra);
    if (c->act)
        opx_string(o, "arc.act", c->act);
    opx_float(o, "arc.alpha", alpha);
    opx_float(o, "arc.lo", lo);
    opx_float(o, "arc.hi", hi);
    opx_input(o, 0, ARC_NHWC, d->x, 4, (int64_t[]){c->n, c->c_in, c->h, c->w});
    if (c->transposed)
        opx_input(o, 1, ARC_PLAIN, d->w, 4, (int64_t[]){c->c_in, c->c_out / c->groups, c->kh, c->kw});
    else
        opx_input(o, 1, ARC_PLAIN, d->w, 4, (int64_t[]){c->c_out, c->c_in / c->groups, c->kh, c->kw});
    if (c->bias)
        opx_input(o, 2, ARC_PLAIN, d->bias, 1, &c->c_out);
    if (c->act && strcmp(c->act, "prelu") == 0)
        opx_input(o, ARC_CONV_SLOPE, ARC_PLAIN, d->slope, 1, &c->c_out);
    if (c->residual)
        opx_input(o, ARC_CONV_RESIDUAL, ARC_NHWC, d->residual, 4, (int64_t[]){c->n, c->c_out, oh, ow});
    if (c->pad_value)
        opx_input(o, ARC_CONV_PAD_VALUE, ARC_PLAIN, d->pad, 1, &c->c_in);
    if (c->factors) {
        opx_input(o, ARC_CONV_OUT_SCALE, ARC_PLAIN, d->out_scale, 1, &c->c_out);
        opx_input(o, ARC_CONV_IN_SCALE, ARC_PLAIN, d->in_scale, 1, &c->c_in);
    }
}

/* ---- the reference ------------------------------------------------------------------------------------------------------------ */

static double weight(const conv_case *c, const conv_data *d, int64_t co, int64_t ci, int64_t ky, int64_t kx) {
    const int64_t in_group = c->c_in / c->groups, out_group = c->c_out / c->groups;
    const int64_t at = c->transposed ? ci * out_group + co % out_group : co * in_group + ci % in_group;
    const double w = (double)d->w[(at * c->kh + ky) * c->kw + kx];
    return c->factors ? w * (double)d->out_scale[co] * (double)d->in_scale[ci] : w;
}

static double act(const conv_case *c, const conv_data *d, int64_t co, double v) {
    const char *name = c->act ? c->act : "";
    if (strcmp(name, "relu") == 0)
        return v < 0 ? 0 : v;
    if (strcmp(name, "prelu") == 0)
        return v < 0 ? v * (double)d->slope[co] : v;
    if (strcmp(name, "leaky") == 0)
        return v < 0 ? v * (double)alpha : v;
    if (strcmp(name, "clip") == 0)
        return v < (double)lo ? (double)lo : v > (double)hi ? (double)hi : v;
    return v;
}

/* Input coordinate for an output coordinate and kernel position; -1: outside. */
static int64_t coordinate(const conv_case *c, int axis, int64_t o, int64_t k) {
    const int64_t size = axis ? c->w : c->h, at = k * c->dilation[axis];
    if (!c->transposed) {
        const int64_t i = o * c->stride[axis] + at - c->pads[axis];
        return i >= 0 && i < size ? i : -1;
    }
    for (int64_t i = 0; i < size; i++)
        if (i * c->stride[axis] + at - c->pads[axis] == o)
            return i;
    return -1;
}

static double reference(const conv_case *c, const conv_data *d, int64_t n, int64_t oy, int64_t ox, int64_t co, double *size) {
    const int64_t in_group = c->c_in / c->groups, first = co / (c->c_out / c->groups) * in_group;
    double sum = c->bias ? (double)d->bias[co] : 0;
    *size = 2;
    for (int64_t ky = 0; ky < c->kh; ky++)
        for (int64_t kx = 0; kx < c->kw; kx++) {
            const int64_t y = coordinate(c, 0, oy, ky), x = coordinate(c, 1, ox, kx);
            for (int64_t ci = first; ci < first + in_group; ci++) {
                double v = c->pad_value ? (double)d->pad[ci] : 0;
                if (y >= 0 && x >= 0)
                    v = (double)d->x[((n * c->h + y) * c->w + x) * c->c_in + ci];
                v *= weight(c, d, co, ci, ky, kx);
                sum += v;
                *size += fabs(v);
            }
        }
    return sum;
}

/* Sum of the absolute weights of an output channel: inputs are at most 1. */
static double weight_size(const conv_case *c, const conv_data *d, int64_t co) {
    double size = 2;
    for (int64_t ci = 0; ci < c->c_in; ci++)
        for (int64_t k = 0; k < 9; k++)
            size += fabs(weight(c, d, co, ci, k / 3, k % 3));
    return size;
}

/* `bound`: of the error, in units of the sum of absolute products; those of `mixed` algorithms in units of the absolute weights, because all
 * inputs of a tile mix in each of its outputs. */
static void compare(const conv_case *c, const conv_data *d, const float *got, const char *level, double bound, bool mixed) {
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    for (int64_t i = 0; i < c->n * oh * ow * c->c_out; i++) {
        const int64_t co = i % c->c_out, ox = i / c->c_out % ow, oy = i / c->c_out / ow % oh, n = i / c->c_out / ow / oh;
        double size, v = reference(c, d, n, oy, ox, co, &size);
        size = mixed ? weight_size(c, d, co) : size;
        v = act(c, d, co, c->residual ? v + (double)d->residual[i] : v);
        if (!(fabs((double)got[i] - v) <= bound * size))
            fail_msg("%s %s n%lld c%lld->%lld %lldx%lld k%lldx%lld g%lld at %lld: got %.8g, want %.8g", level,
                     c->transposed ? "ConvTranspose" : "Conv", (long long)c->n, (long long)c->c_in, (long long)c->c_out,
                     (long long)c->h, (long long)c->w, (long long)c->kh, (long long)c->kw, (long long)c->groups, (long long)i,
                     (double)got[i], v);
    }
}

static void on_levels(const conv_case *c) {
    conv_data d = make_data(c);
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        if (!k)
            continue;
        opx o;
        describe(&o, c, &d);
        float *y = opx_run(&o, &arc_ops_conv[c->transposed], k, NULL);
        compare(c, &d, y, k->name, 6e-7, false);
        free(y);
    }
    free_data(&d);
}

/* ---- tests -------------------------------------------------------------------------------------------------------------------- */

static conv_case random_case(bool transposed) {
    static const char *const acts[] = {NULL, "relu", "prelu", "leaky", "clip"};
    conv_case c = {.transposed = transposed};
    c.groups = opx_random() % 3 == 0 ? 1 + (int64_t)(opx_random() % 4) : 1;
    c.n = 1 + opx_random() % 2;
    c.c_in = c.groups * (1 + (int64_t)(opx_random() % 20));
    c.c_out = c.groups * (1 + (int64_t)(opx_random() % 40));
    if (opx_random() % 4 == 0) /* depthwise */
        c.groups = c.c_out = c.c_in;
    c.kh = 1 + opx_random() % 3;
    c.kw = 1 + opx_random() % 4;
    for (int i = 0; i < 2; i++) {
        c.stride[i] = 1 + opx_random() % 3;
        c.dilation[i] = 1 + opx_random() % 2;
    }
    for (int i = 0; i < 4; i++)
        c.pads[i] = (int64_t)opx_random() % (i % 2 ? c.kw : c.kh);
    for (int i = 0; i < 2; i++)
        c.extra[i] = transposed ? (int64_t)opx_random() % c.stride[i] : 0;
    c.h = 1 + (c.kh - 1) * c.dilation[0] + opx_random() % 8;
    c.w = 1 + (c.kw - 1) * c.dilation[1] + opx_random() % 9;
    c.act = acts[opx_random() % 5];
    c.bias = opx_random() % 2;
    c.residual = opx_random() % 2;
    c.pad_value = !transposed && opx_random() % 2;
    c.factors = opx_random() % 2;
    return c;
}

static void test_random(void **state) {
    (void)state;
    for (int i = 0; i < 250; i++) {
        const conv_case c = random_case(false);
        on_levels(&c);
    }
}

static void test_random_transposed(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        const conv_case c = random_case(true);
        int64_t oh, ow;
        out_size(&c, &oh, &ow);
        if (oh > 0 && ow > 0)
            on_levels(&c);
    }
}

/* The layers of the real nets in small: stem, 3x3, strided 1x1, depthwise and global depthwise. */
static void test_shapes_of_nets(void **state) {
    (void)state;
    static const conv_case cases[] = {
        {.n = 1,
         .c_in = 3,
         .c_out = 64,
         .h = 16,
         .w = 16,
         .kh = 3,
         .kw = 3,
         .groups = 1,
         .stride = {1, 1},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .act = "prelu",
         .bias = true},
        {.n = 2,
         .c_in = 64,
         .c_out = 64,
         .h = 9,
         .w = 9,
         .kh = 3,
         .kw = 3,
         .groups = 1,
         .stride = {2, 2},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .bias = true,
         .residual = true,
         .pad_value = true,
         .factors = true},
        {.n = 1, .c_in = 64, .c_out = 128, .h = 8, .w = 8, .kh = 1, .kw = 1, .groups = 1, .stride = {2, 2}, .dilation = {1, 1}},
        {.n = 3,
         .c_in = 64,
         .c_out = 64,
         .h = 7,
         .w = 7,
         .kh = 3,
         .kw = 3,
         .groups = 64,
         .stride = {1, 1},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .act = "prelu",
         .bias = true,
         .pad_value = true},
        {.n = 2, .c_in = 72, .c_out = 72, .h = 7, .w = 7, .kh = 7, .kw = 7, .groups = 72, .stride = {1, 1}, .dilation = {1, 1}},
        {.n = 1, .c_in = 8, .c_out = 16, .h = 5, .w = 5, .kh = 3, .kw = 3, .groups = 8, .stride = {1, 1}, .dilation = {1, 1}},
        /* Two inputs and two outputs a group, as the second layer of the large MobileFaceNet. */
        {.n = 2,
         .c_in = 32,
         .c_out = 32,
         .h = 9,
         .w = 8,
         .kh = 3,
         .kw = 3,
         .groups = 16,
         .stride = {2, 1},
         .dilation = {1, 1},
         .pads = {1, 1, 1, 1},
         .act = "prelu",
         .bias = true,
         .residual = true,
         .pad_value = true,
         .factors = true},
    };
    for (size_t i = 0; i < ARC_COUNT(cases); i++)
        on_levels(&cases[i]);
}

/* ---- Winograd ----------------------------------------------------------------------------------------------------------------- */

static const char *const schedules[] = {"own blocks", "shared panels", "shared points"};
static size_t schedule; /* that the next preparation takes */

static arc_status prepare_winograd(arc_prepare *p, int tile, arc_form form) {
    arc_conv_geometry g;
    char why[320];
    assert_int_equal(arc_conv_read(p->step->node, false, &p->step->in[0].shape, &p->step->in[1].shape, &g, why, sizeof why),
                     ARC_OK);
    return arc_winograd_prepare(p, &g, tile, form, schedules[schedule]);
}
static arc_status prepare_winograd_2(arc_prepare *p) {
    return prepare_winograd(p, 2, ARC_FORM_F32);
}
static arc_status prepare_winograd_4(arc_prepare *p) {
    return prepare_winograd(p, 4, ARC_FORM_F32);
}
static arc_status prepare_winograd_f16_2(arc_prepare *p) {
    return prepare_winograd(p, 2, ARC_FORM_F16);
}
static arc_status prepare_winograd_f16_4(arc_prepare *p) {
    return prepare_winograd(p, 4, ARC_FORM_F16);
}
static arc_status prepare_winograd_bf16(arc_prepare *p) {
    return prepare_winograd(p, 2, ARC_FORM_BF16);
}

/* The tile of 4 loses about two bits to cancellation. A rounding of a transformed weight (2^-12 in half precision) can come out 860 times as large
 * by the tile of 4, 16 times by that of 2; numbers drawn at random stay below a tenth and a half of it. */
static const struct {
    arc_status (*prepare)(arc_prepare *);
    double bound;
} winograd[] = {{prepare_winograd_2, 4e-7},
                {prepare_winograd_4, 1.6e-6},
                {prepare_winograd_bf16, 1.0 / 128},
                {prepare_winograd_f16_2, 1.0 / 512},
                {prepare_winograd_f16_4, 1.0 / 64}};

static arc_op winograd_op(size_t i) {
    arc_op op = arc_ops_conv[0];
    op.prepare = winograd[i].prepare;
    return op;
}

static conv_case winograd_case(int64_t n, int64_t c_in, int64_t c_out, int64_t h, int64_t w) {
    conv_case c = random_case(false);
    c.groups = 1;
    c.n = n;
    c.c_in = c_in;
    c.c_out = c_out;
    c.h = h;
    c.w = w;
    c.kh = c.kw = 3;
    for (int i = 0; i < 2; i++)
        c.stride[i] = c.dilation[i] = 1;
    for (int i = 0; i < 4; i++)
        c.pads[i] = opx_random() % 3;
    return c;
}

/* Both tiles, every level: maps from 1 pixel on, channels (from the 8 on that layers of this kind need) that
 * fill no register, images whose tiles share a block. */
static void test_winograd(void **state) {
    (void)state;
    for (int round = 0; round < 60; round++) {
        conv_case c = winograd_case(1 + opx_random() % 3, 8 + opx_random() % 40, 1 + opx_random() % 70, 3 + opx_random() % 14,
                                    3 + opx_random() % 14);
        if (round % 6 == 0) { /* the smallest map: one pixel, all neighbours padding */
            c.h = c.w = 1;
            for (int i = 0; i < 4; i++)
                c.pads[i] = 1;
        }
        conv_data d = make_data(&c);
        for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++)
            for (size_t i = 0; i < ARC_COUNT(winograd) && arc_kernels_of((arc_isa)isa); i++) {
                const arc_op op = winograd_op(i);
                if (i == 2 && (c.c_in % 2 || !arc_kernels_of((arc_isa)isa)->igemm_bf16))
                    continue; /* pairs of channels */
                opx o;
                conv_case mine = c;
                mine.factors &= i < 3; /* factors near zero make weights that half precision is not taken for */
                describe(&o, &mine, &d);
                schedule = (size_t)round % ARC_COUNT(schedules);
                float *y = opx_run(&o, &op, arc_kernels_of((arc_isa)isa), NULL);
                compare(&mine, &d, y, arc_kernels_of((arc_isa)isa)->name, winograd[i].bound, true);
                free(y);
            }
        free_data(&d);
    }
}

/* Every way of a layer, on every level and with every schedule, held against the direct way with sums in double. The bound comes from the data:
 * in units of the sum of absolute weights of the output channel, for inputs of at most 1, the direct way may lose half a unit in the last place times
 * the root of its chain of products, and the transforms what test_winograd allows, more where few channels average it out less. */
static void every_way(const conv_case *c) {
    conv_data d = make_data(c);
    int64_t oh, ow;
    out_size(c, &oh, &ow);
    opx o;
    describe(&o, c, &d);
    float *want = opx_run(&o, &arc_ops_conv[0], exact_kernels(), NULL);
    double *size = malloc((size_t)c->c_out * sizeof *size);
    for (int64_t co = 0; co < c->c_out; co++) {
        size[co] = 2;
        for (int64_t ci = 0; ci < c->c_in / c->groups; ci++)
            for (int64_t k = 0; k < c->kh * c->kw; k++)
                size[co] += fabs((double)d.w[(co * (c->c_in / c->groups) + ci) * c->kh * c->kw + k]);
    }
    const bool tiles = c->kh == 3 && c->kw == 3 && c->groups == 1 && c->stride[0] == 1 && c->c_in >= 8; /* as plans have it */
    const double chain = sqrt((double)(c->c_in / c->groups * c->kh * c->kw));
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        for (size_t way = 0; k && way < (tiles ? 1 + 2 * ARC_COUNT(schedules) : 1); way++) {
            const arc_op op = way == 0 ? arc_ops_conv[0] : winograd_op((way - 1) / ARC_COUNT(schedules));
            schedule = way % ARC_COUNT(schedules);
            describe(&o, c, &d);
            float *y = opx_run(&o, &op, k, NULL);
            const bool two = strcmp(o.algorithm, "winograd 2x2") == 0, four = strcmp(o.algorithm, "winograd 4x4") == 0;
            const double bound = two || four ? winograd[four].bound * (1 + 1 / sqrt((double)c->c_in)) : 6e-8 * (4 + chain);
            for (int64_t i = 0; i < c->n * oh * ow * c->c_out; i++)
                if (!(fabs((double)y[i] - (double)want[i]) <= bound * size[i % c->c_out]))
                    fail_msg("%s, %s, n%lld %lldx%lldx%lld -> %lld: got %.8g, want %.8g at %lld", k->name, o.algorithm,
                             (long long)c->n, (long long)c->h, (long long)c->w, (long long)c->c_in, (long long)c->c_out,
                             (double)y[i], (double)want[i], (long long)i);
            free(y);
        }
    }
    free(size);
    free(want);
    free_data(&d);
}

static conv_case zoo_case(int64_t n, int64_t c_in, int64_t c_out, int64_t side, int64_t kernel, int64_t stride, int64_t groups) {
    conv_case c = {.n = n, .c_in = c_in, .c_out = c_out, .h = side, .w = side, .kh = kernel, .kw = kernel, .groups = groups};
    for (int i = 0; i < 2; i++) {
        c.stride[i] = stride;
        c.dilation[i] = 1;
    }
    for (int i = 0; i < 4; i++)
        c.pads[i] = side > kernel ? kernel / 2 : 0;
    c.act = "prelu";
    c.bias = true;
    c.residual = stride == 1 && c_in == c_out;
    return c;
}

/* The convolutions of IResNet and MobileFaceNet at their own channels and maps. */
static void test_zoo_shapes(void **state) {
    (void)state;
    static const int64_t shape[][6] = {
        /* c_in, c_out, side, kernel, stride, groups */
        {3, 64, 112, 3, 1, 1},     {64, 64, 112, 3, 2, 1},    {64, 64, 56, 3, 1, 1},    {64, 128, 56, 3, 1, 1},
        {128, 128, 56, 3, 2, 1},   {128, 128, 28, 3, 1, 1},   {128, 256, 28, 3, 1, 1},  {256, 256, 28, 3, 2, 1},
        {256, 256, 14, 3, 1, 1},   {256, 512, 14, 3, 1, 1},   {512, 512, 14, 3, 2, 1},  {512, 512, 7, 3, 1, 1},
        {64, 64, 112, 1, 2, 1},    {64, 128, 56, 1, 2, 1},    {256, 512, 14, 1, 2, 1},  {64, 64, 56, 3, 1, 64},
        {128, 128, 56, 3, 2, 128}, {256, 256, 14, 3, 1, 256}, {512, 512, 7, 3, 1, 512}, {512, 512, 7, 7, 1, 512},
        {128, 64, 28, 1, 1, 1},    {256, 512, 7, 1, 1, 1},    {64, 64, 56, 3, 1, 32},
    };
    for (size_t i = 0; i < ARC_COUNT(shape); i++) {
        const int64_t *s = shape[i];
        const conv_case c = zoo_case(1, s[0], s[1], s[2], s[3], s[4], s[5]);
        every_way(&c);
    }
}

/* Every batch from 1 to 33 images: blocks and row tiles end at every place. */
static void test_batches(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 33; n++) {
        const conv_case cases[] = {zoo_case(n, 16, 24, 7, 3, 1, 1), zoo_case(n, 24, 40, 5, 3, 2, 1),
                                   zoo_case(n, 20, 20, 6, 3, 1, 20), zoo_case(n, 8, 33, 1, 3, 1, 1)};
        for (size_t i = 0; i < ARC_COUNT(cases); i++) {
            conv_case c = cases[i];
            for (int k = 0; c.h == 1 && k < 4; k++)
                c.pads[k] = 1;
            every_way(&c);
        }
    }
}

/* Strided and 1x1 layers in bfloat16, where this machine is fast at it: within the rounding of 8 bits. */
static void test_bf16(void **state) {
    (void)state;
    const arc_kernels *k = arc_kernels_get(NULL);
    for (int round = 0; round < 30; round++) {
        conv_case c = random_case(false);
        c.groups = 1;
        c.c_in = 16 + 2 * (opx_random() % 20);
        c.c_out = 1 + opx_random() % 70;
        conv_data d = make_data(&c);
        opx o;
        describe(&o, &c, &d);
        o.constant_weights = true;
        o.bf16 = true;
        float *y = opx_run(&o, &arc_ops_conv[0], k, NULL);
        if (k->bf16_fast)
            assert_non_null(strstr(o.algorithm, "bf16"));
        compare(&c, &d, y, k->name, 1.0 / 128, c.kh == 3 && c.kw == 3);
        free(y);
        free_data(&d);
    }
}

/* Weights in half precision: within the rounding of eleven bits, and in fp32 where their size would cost bits. */
static void test_f16(void **state) {
    (void)state;
    for (int round = 0; round < 60; round++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)(round % 4));
        const bool small = round / 4 % 3 == 2;
        conv_case c = random_case(false);
        c.c_out = c.groups * (1 + opx_random() % 40);
        conv_data d = make_data(&c);
        for (int64_t i = 0; i < c.c_out * (c.c_in / c.groups) * c.kh * c.kw; i++)
            d.w[i] *= small ? 0x1p-16f : 1;
        opx o;
        describe(&o, &c, &d);
        o.constant_weights = true;
        o.f16 = true;
        float *y = k ? opx_run(&o, &arc_ops_conv[0], k, NULL) : NULL;
        if (k && strncmp(o.algorithm, "igemm", 5) == 0)
            assert_int_equal(strstr(o.algorithm, "fp16") != NULL, k->f16_fast && !small);
        if (k)
            compare(&c, &d, y, k->name, 1.0 / 1024, c.kh == 3 && c.kw == 3);
        free(y);
        free_data(&d);
    }
}

/* The case's output by `op` for 1 to 16 threads: the same bits. */
static void same_bits_for_threads(const conv_case *c, const arc_op *op, bool constant_weights) {
    conv_data d = make_data(c);
    float *want = NULL;
    for (int threads = 1; threads <= 16; threads++) {
        arc_pool *pool = NULL;
        opx o;
        schedule = (size_t)threads % ARC_COUNT(schedules); /* a schedule is no part of the bits either */
        assert_int_equal(arc_pool_new(&pool, &arc_alloc_libc, threads, NULL), ARC_OK);
        describe(&o, c, &d);
        o.constant_weights = constant_weights;
        float *y = opx_run(&o, op, arc_kernels_get(NULL), pool);
        arc_pool_free(&pool);
        if (want) {
            assert_memory_equal(y, want, (size_t)arc_shape_count(&o.out.shape) * sizeof(float));
            free(y);
        } else {
            want = y;
        }
    }
    free(want);
    free_data(&d);
}

/* Blocks of a thread's own and blocks that all share: the same bits for 1 to 16 threads. */
static void test_winograd_threads(void **state) {
    (void)state;
    const conv_case cases[] = {winograd_case(2, 16, 24, 41, 38), winograd_case(1, 200, 90, 13, 14),
                               winograd_case(3, 64, 64, 28, 28), winograd_case(1, 64, 40, 60, 61)};
    for (size_t k = 0; k < ARC_COUNT(cases); k++)
        for (size_t i = 0; i < ARC_COUNT(winograd); i++) {
            const arc_op op = winograd_op(i);
            if (i != 2 || arc_kernels_get(NULL)->igemm_bf16)
                same_bits_for_threads(&cases[k], &op, true);
        }
}

static void test_threads(void **state) {
    (void)state;
    for (int round = 0; round < 12; round++) {
        conv_case c = random_case(round % 4 == 3);
        int64_t oh, ow;
        if (!c.transposed) {
            c.h += 20;
            c.w += 20;
        }
        out_size(&c, &oh, &ow);
        if (oh < 1 || ow < 1)
            continue;
        same_bits_for_threads(&c, &arc_ops_conv[c.transposed], round % 2);
    }
}

/* Output size and first pad of every auto_pad mode, by a sum over an image of ones with a kernel of ones. */
static void test_auto_pad(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        int64_t out;
        float first;
    } want[] = {{"SAME_UPPER", 3, 3 * 3}, {"SAME_LOWER", 3, 2 * 2}, {"VALID", 2, 3 * 3}, {"NOTSET", 2, 3 * 3}};
    float x[36], w[9];
    for (int i = 0; i < 36; i++)
        x[i] = 1;
    for (int i = 0; i < 9; i++)
        w[i] = 1;
    for (size_t i = 0; i < ARC_COUNT(want); i++) {
        opx o;
        opx_init(&o, "Conv");
        opx_string(&o, "auto_pad", want[i].mode);
        opx_ints(&o, "strides", 2, (int64_t[]){2, 2});
        opx_input(&o, 0, ARC_NHWC, x, 4, (int64_t[]){1, 1, 6, 6});
        opx_input(&o, 1, ARC_PLAIN, w, 4, (int64_t[]){1, 1, 3, 3});
        float *y = opx_run(&o, &arc_ops_conv[0], arc_kernels_get(NULL), NULL);
        assert_int_equal(o.out.shape.dim[2], want[i].out);
        assert_true(y[0] == want[i].first);
        free(y);
    }
}

static void refused(opx *o, const char *word) {
    const arc_status st = opx_infer(o, &arc_ops_conv[0]);
    assert_int_not_equal(st, ARC_OK);
    if (!strstr(o->err.text, word))
        fail_msg("'%s' does not say '%s'", o->err.text, word);
}

static void test_refusals(void **state) {
    (void)state;
    const conv_case plain = {.n = 1,
                             .c_in = 4,
                             .c_out = 6,
                             .h = 5,
                             .w = 5,
                             .kh = 3,
                             .kw = 3,
                             .groups = 1,
                             .stride = {1, 1},
                             .dilation = {1, 1},
                             .bias = true};
    conv_data d = make_data(&plain);
    opx o;
    conv_case c = plain;
    describe(&o, &c, &d);
    o.in[1].shape.dim[1] = 3;
    refused(&o, "do not fit");
    describe(&o, &c, &d);
    o.in[2].shape.dim[0] = 5;
    refused(&o, "bias");
    describe(&o, &c, &d);
    o.in[0].shape.rank = 3;
    refused(&o, "2-D");
    describe(&o, &c, &d);
    o.in[0].dtype = ARC_F64;
    refused(&o, "float32");
    describe(&o, &c, &d);
    o.ints[1][0] = 0; /* attribute 1 is strides */
    refused(&o, "strides");
    c = plain;
    c.h = 2;
    describe(&o, &c, &d);
    refused(&o, "output");
    c = plain;
    c.act = "swish";
    describe(&o, &c, &d);
    refused(&o, "swish");
    c = plain;
    c.groups = 3;
    describe(&o, &c, &d);
    refused(&o, "group");
    free_data(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_transposed),
        cmocka_unit_test(test_shapes_of_nets),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_zoo_shapes),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_f16),
        cmocka_unit_test(test_winograd_threads),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_auto_pad),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
