/* Gradients over ranks during backward: what arrives is the sum, in the same messages every time; a gradient that is not finite
 * and a connection that breaks are told. The other rank is made up: it has the same gradients as this one. */
#include "learn_support.h"
#include "train/run/exchange.h"

/* DIM: rows that do not end with a vector */
enum { BATCH = 4, SIDE = 56, DIM = 72, MESSAGES = 512 };

typedef struct traffic {
    size_t n[MESSAGES], messages, fails_at;
} traffic;
static traffic wire;

static const char *twice(float *x, size_t n) {
    if (wire.messages == wire.fails_at)
        return "the cable is out";
    wire.n[wire.messages++ % MESSAGES] = n;
    for (size_t i = 0; i < n; i++)
        x[i] *= 2;
    return NULL;
}
static const arc_ranks_ops ops = {.version = ARC_RANKS_VERSION, .reduce_f32 = twice};
static const arc_ranks two = {.rank = 0, .count = 2, .ops = &ops};

static arc_status backward(arc_learner *l, arc_exchange *e, float first, bool *finite, arc_error *err) {
    float *images = learn_numbers("images", BATCH * 3 * SIDE * SIDE, 1, 0), *loss = learn_numbers("loss", BATCH * DIM, 1, 0);
    const float *embeddings;
    loss[0] = first;
    learn_forward(l, images, BATCH, &embeddings);
    if (e) {
        arc_exchange_begin(e);
        arc_learner_on_ready(l, arc_exchange_give, e);
    }
    learn_backward(l, loss, false, NULL);
    arc_learner_on_ready(l, NULL, NULL);
    free(images);
    free(loss);
    return e ? arc_exchange_end(e, finite, err) : ARC_OK;
}

static void every_gradient_is_the_sum(void **state) {
    (void)state;
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 64, SIDE, DIM);
    arc_context *ctx = arc_test_context(NULL, 2);
    const arc_learner_options options = {.frozen = (const char *[]){"layer2.0.bn2"}, .frozens = 1};
    arc_learner *alone = learn_new(ctx, g, BATCH, SIDE, options), *l = learn_new(ctx, g, BATCH, SIDE, options);
    arc_exchange *e = NULL;
    assert_int_equal(arc_exchange_new(&e, &arc_alloc_libc, &two, arc_learner_parameters(l), NULL), ARC_OK);
    backward(alone, NULL, 0.5f, NULL, NULL);
    traffic before = {0};
    for (int turn = 0; turn < 3; turn++) {
        wire = (traffic){.fails_at = SIZE_MAX};
        bool finite = false;
        assert_int_equal(backward(l, e, 0.5f, &finite, NULL), ARC_OK);
        assert_true(finite);
        size_t floats = 0;
        for (size_t i = 0; i < arc_learner_parameters(l); i++) {
            const arc_learn_parameter *p = arc_learner_parameter(l, i), *own = arc_learner_parameter(alone, i);
            floats += p->frozen ? 0 : p->count;
            for (size_t k = 0; !p->frozen && k < p->count; k++)
                if (p->gradient[k] != 2 * own->gradient[k])
                    fail_msg("%s[%zu] is %g, twice %g was to come", p->name, k, (double)p->gradient[k], (double)own->gradient[k]);
        }
        size_t sent = 0;
        for (size_t i = 0; i < wire.messages; i++)
            sent += wire.n[i];
        assert_true(sent >= floats && sent < floats + floats / 100); /* and the gaps up to the next vector */
        assert_true(wire.messages > 2 && wire.messages < 40);        /* on the way during backward, but not each bias alone */
        assert_true(turn == 0 || memcmp(&wire, &before, sizeof wire) == 0);
        before = wire;
    }
    arc_exchange_free(&e);
    arc_learner_free(&alone);
    arc_learner_free(&l);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

static void trouble_is_told(void **state) {
    (void)state;
    arc_graph *g = learn_iresnet((int[]){1, 1, 1, 1}, 64, SIDE, DIM);
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_learner *l = learn_new(ctx, g, BATCH, SIDE, (arc_learner_options){0});
    arc_exchange *e = NULL;
    arc_error err = {0};
    bool finite = true;
    assert_int_equal(arc_exchange_new(&e, &arc_alloc_libc, &two, arc_learner_parameters(l), NULL), ARC_OK);
    wire = (traffic){.fails_at = SIZE_MAX};
    assert_int_equal(backward(l, e, NAN, &finite, &err), ARC_OK);
    assert_false(finite);
    wire = (traffic){.fails_at = 1};
    assert_int_equal(backward(l, e, 0.5f, &finite, &err), ARC_EIO);
    assert_non_null(strstr(err.text, "the cable is out"));
    wire = (traffic){.fails_at = SIZE_MAX}; /* nothing of it stays */
    assert_int_equal(backward(l, e, 0.5f, &finite, &err), ARC_OK);
    assert_true(finite);
    arc_exchange_free(&e);
    arc_learner_free(&l);
    arc_graph_free(&g);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_gradient_is_the_sum), cmocka_unit_test(trouble_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
