/* Gemm and MatMul against their definition in double on every kernel level: transposes, alpha and beta, every broadcast of C,
 * fused epilogue and factors, batch broadcasting and 1-D operands; the same bits for any number of threads. */
#include "op_harness.h"

/* Every element, in units of the sum of its absolute products and `least`. */
static void all_close(opx *o, const arc_op *op, const float *got, double least, const char *level, bool bf16) {
    double *want = opx_doubles(o, op, false), *size = opx_doubles(o, op, true);
    for (int64_t i = 0; i < arc_shape_count(&o->out.shape); i++)
        if (!(fabs((double)got[i] - want[i]) <= (bf16 ? 1.0 / 128 : 6e-7) * (least + size[i])))
            fail_msg("%s: got %.9g, want %.9g", level, (double)got[i], want[i]);
    free(want);
    free(size);
}

typedef struct gemm_case {
    int64_t m, n, k;
    bool ta, tb, factors;
    float alpha, beta;
    int64_t c_rank, c_row, c_column; /* rank < 0: no C */
    const char *act;
} gemm_case;

static void gemm_case_run(const gemm_case *g, bool bf16) {
    float *a = opx_floats((size_t)(g->m * g->k)), *b = opx_floats((size_t)(g->k * g->n)), *c = opx_floats((size_t)(g->m * g->n));
    float *fn = opx_floats((size_t)g->n), *fk = opx_floats((size_t)g->k), *slope = opx_floats((size_t)g->n);
    for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
        const arc_kernels *k = arc_kernels_of((arc_isa)isa);
        if (!k)
            continue;
        opx o;
        opx_init(&o, "Gemm");
        opx_int(&o, "transA", g->ta);
        opx_int(&o, "transB", g->tb);
        opx_float(&o, "alpha", g->alpha);
        opx_float(&o, "beta", g->beta);
        if (g->act)
            opx_string(&o, "arc.act", g->act);
        opx_input(&o, 0, ARC_PLAIN, a, 2, g->ta ? (int64_t[]){g->k, g->m} : (int64_t[]){g->m, g->k});
        opx_input(&o, 1, ARC_PLAIN, b, 2, g->tb ? (int64_t[]){g->n, g->k} : (int64_t[]){g->k, g->n});
        if (g->c_rank >= 0)
            opx_input(&o, 2, ARC_PLAIN, c, (int)g->c_rank, (int64_t[]){g->c_rank == 2 ? g->c_row : g->c_column, g->c_column});
        if (g->act && strcmp(g->act, "prelu") == 0)
            opx_input(&o, ARC_CONV_SLOPE, ARC_PLAIN, slope, 1, &g->n);
        if (g->factors) {
            opx_input(&o, ARC_CONV_OUT_SCALE, ARC_PLAIN, fn, 1, &g->n);
            opx_input(&o, ARC_CONV_IN_SCALE, ARC_PLAIN, fk, 1, &g->k);
        }
        o.bf16 = bf16;
        float *y = opx_run(&o, &arc_ops_gemm[0], k, NULL);
        if (bf16 && k->bf16_fast && o.constant_weights && g->k % 2 == 0 && !g->ta)
            assert_string_equal(o.algorithm, "igemm bf16");
        assert_int_equal(o.out.shape.dim[0], g->m);
        assert_int_equal(o.out.shape.dim[1], g->n);
        all_close(&o, &arc_ops_gemm[0], y, 3, k->name, bf16);
        free(y);
    }
    free(a);
    free(b);
    free(c);
    free(fn);
    free(fk);
    free(slope);
}

static void test_gemm(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        gemm_case g = {.m = 1 + opx_random() % 40, .n = 1 + opx_random() % 70, .k = 1 + opx_random() % 50};
        g.ta = opx_random() % 2;
        g.tb = opx_random() % 2;
        g.factors = opx_random() % 2;
        g.alpha = i % 3 ? 1.0f : 0.75f;
        g.beta = i % 4 ? 1.0f : -0.5f;
        g.c_rank = (int64_t)(i % 4) - 1;
        g.c_row = g.c_rank == 2 && i % 8 < 4 ? g.m : 1;
        g.c_column = g.c_rank > 0 && i % 16 < 12 ? g.n : 1;
        g.act = i % 5 == 0 ? "relu" : i % 5 == 1 ? "prelu" : NULL;
        gemm_case_run(&g, i % 3 == 0);
    }
    const gemm_case head = {
        .m = 1, .n = 512, .k = 3000, .tb = true, .alpha = 1, .beta = 1, .c_rank = 1, .c_row = 1, .c_column = 512};
    gemm_case_run(&head, false);
    gemm_case_run(&head, true);
}

static float *run_matmul(opx *o, const arc_shape *sa, const arc_shape *sb, const float *a, const float *b, const arc_kernels *k,
                         arc_pool *pool) {
    opx_init(o, "MatMul");
    opx_input(o, 0, ARC_PLAIN, a, sa->rank, sa->dim);
    opx_input(o, 1, ARC_PLAIN, b, sb->rank, sb->dim);
    return opx_run(o, &arc_ops_gemm[1], k, pool);
}

static void test_matmul(void **state) {
    (void)state;
    static const struct {
        arc_shape a, b, out;
    } cases[] = {
        {{2, {5, 7}}, {2, {7, 33}}, {2, {5, 33}}},
        {{1, {7}}, {2, {7, 33}}, {1, {33}}},
        {{2, {5, 7}}, {1, {7}}, {1, {5}}},
        {{1, {7}}, {1, {7}}, {0, {0}}},
        {{3, {3, 5, 7}}, {2, {7, 4}}, {3, {3, 5, 4}}},
        {{4, {2, 1, 5, 7}}, {3, {3, 7, 4}}, {4, {2, 3, 5, 4}}},
        {{2, {5, 7}}, {4, {2, 3, 7, 4}}, {4, {2, 3, 5, 4}}},
        {{4, {2, 3, 5, 7}}, {4, {2, 1, 7, 40}}, {4, {2, 3, 5, 40}}},
    };
    for (size_t i = 0; i < ARC_COUNT(cases); i++) {
        const arc_shape *sa = &cases[i].a, *sb = &cases[i].b, *so = &cases[i].out;
        float *a = opx_floats((size_t)arc_shape_count(sa)), *b = opx_floats((size_t)arc_shape_count(sb));
        for (int isa = ARC_ISA_GENERIC; isa <= ARC_ISA_NEON; isa++) {
            const arc_kernels *k = arc_kernels_of((arc_isa)isa);
            opx o;
            if (!k)
                continue;
            float *y = run_matmul(&o, sa, sb, a, b, k, NULL);
            assert_true(arc_shape_equal(&o.out.shape, so));
            all_close(&o, &arc_ops_gemm[1], y, 1, k->name, false);
            free(y);
        }
        free(a);
        free(b);
    }
}

static void test_threads(void **state) {
    (void)state;
    const arc_shape sa = {2, {37, 65}}, sb = {2, {65, 200}};
    float *a = opx_floats(37 * 65), *b = opx_floats(65 * 200), *want = NULL;
    for (int threads = 1; threads <= 16; threads++) {
        arc_pool *pool = NULL;
        opx o;
        assert_int_equal(arc_pool_new(&pool, &arc_alloc_libc, threads, NULL), ARC_OK);
        float *y = run_matmul(&o, &sa, &sb, a, b, arc_kernels_get(NULL), pool);
        arc_pool_free(&pool);
        if (want) {
            assert_memory_equal(y, want, 37 * 200 * sizeof(float));
            free(y);
        } else {
            want = y;
        }
    }
    free(want);
    free(a);
    free(b);
}

static void test_refusals(void **state) {
    (void)state;
    float x[64] = {0};
    opx o;
    opx_init(&o, "Gemm");
    opx_input(&o, 0, ARC_PLAIN, x, 2, (int64_t[]){2, 3});
    opx_input(&o, 1, ARC_PLAIN, x, 2, (int64_t[]){4, 5});
    assert_int_equal(opx_infer(&o, &arc_ops_gemm[0]), ARC_ESHAPE);
    assert_non_null(strstr(o.err.text, "do not fit"));
    assert_int_equal(opx_infer(&o, &arc_ops_gemm[1]), ARC_ESHAPE);
    opx_input(&o, 1, ARC_PLAIN, x, 2, (int64_t[]){3, 5});
    opx_input(&o, 2, ARC_PLAIN, x, 1, (int64_t[]){4});
    assert_int_equal(opx_infer(&o, &arc_ops_gemm[0]), ARC_ESHAPE);
    o.in[0].dtype = ARC_I64;
    assert_int_equal(opx_infer(&o, &arc_ops_gemm[1]), ARC_EUNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gemm), cmocka_unit_test(test_matmul), cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
