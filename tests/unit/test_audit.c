/* The audit's arithmetic on a set whose faults are known: one wrong label, one picture twice, one person under two names. */
#include "base/base.h"
#include "run/session.h"
#include "shared_context.h"
#include "vector/nearest.h"
#include <arcface/audit.h>
#include <string.h>

enum { DIM = 32, IDENTITIES = 20, EACH = 10, SAMPLES = IDENTITIES * EACH };

static float embedding[SAMPLES][DIM];
static int64_t identity[SAMPLES];
static uint64_t content[SAMPLES];

/* Identity c stands around a random direction; `spread` is the noise a dimension. */
static void make_set(uint64_t seed, double spread) {
    float direction[IDENTITIES][DIM];
    arc_rng rng;
    arc_rng_seed(&rng, seed, 0);
    for (int c = 0; c < IDENTITIES; c++)
        for (int d = 0; d < DIM; d++)
            direction[c][d] = arc_rng_normal(&rng);
    for (int i = 0; i < SAMPLES; i++) {
        identity[i] = i % IDENTITIES;
        content[i] = (uint64_t)i + 1000;
        for (int d = 0; d < DIM; d++)
            embedding[i][d] = direction[identity[i]][d] + (float)spread * arc_rng_normal(&rng);
    }
}

static arc_audit_set the_set(void) {
    return (arc_audit_set){embedding[0], identity, content, NULL, SAMPLES, IDENTITIES};
}

static arc_audit *audit(const arc_audit_set *set, const arc_audit_set *other, const arc_audit_options *opt) {
    arc_audit *out;
    arc_error err = {0};
    if (arc_audit_embeddings(ctx, set, other, DIM, opt, &out, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return out;
}

static void a_clean_set_has_no_findings(void **state) {
    (void)state;
    make_set(1, 0.4);
    arc_audit_set set = the_set();
    arc_audit *a = audit(&set, NULL, NULL);
    assert_int_equal(a->suspects_all + a->duplicates_all + a->shareds_all, 0);
    assert_int_equal(a->samples, SAMPLES);
    assert_true(a->least_samples == EACH && a->most_samples == EACH && a->mean_samples == EACH);
    int64_t angles = 0, norms = 0;
    for (size_t i = 0; i < ARC_COUNT(a->angle_bin); i++)
        angles += a->angle_bin[i];
    for (int i = 0; i < ARC_AUDIT_BINS; i++)
        norms += a->norm_bin[i];
    assert_int_equal(angles, SAMPLES);
    assert_int_equal(norms, SAMPLES);
    arc_audit_free(ctx, &a);
    arc_audit_free(ctx, &a);
}

static void faults_are_found(void **state) {
    (void)state;
    make_set(2, 0.4);
    memcpy(embedding[47], embedding[8], sizeof embedding[8]); /* identity 7's picture is one of 8: wrong label and a duplicate */
    content[47] = content[8];
    for (int k = 0; k < EACH; k++) /* identity 3 is identity 2 */
        for (int d = 0; d < DIM; d++)
            embedding[3 + k * IDENTITIES][d] = embedding[2 + ((k + 1) % EACH) * IDENTITIES][d] + 0.3f * (float)((d + k) % 3 - 1);
    memset(embedding[59], 0, sizeof embedding[59]); /* unreadable */
    arc_audit_set set = the_set();
    arc_audit *a = audit(&set, NULL, NULL);
    assert_int_equal(a->suspects, 1);
    assert_int_equal(a->suspect[0].sample, 47);
    assert_int_equal(a->suspect[0].identity, 7);
    assert_int_equal(a->suspect[0].nearest_identity, 8);
    assert_true(a->suspect[0].elsewhere && a->suspect[0].angle_deg > 70 && a->suspect[0].nearest_angle_deg < 30);
    assert_int_equal(a->duplicates, 1);
    assert_true(a->duplicate[0].sample[0] == 8 && a->duplicate[0].sample[1] == 47);
    assert_true(a->duplicate[0].same_bytes && !a->duplicate[0].same_identity && a->duplicate[0].cosine > 0.9999);
    assert_int_equal(a->shareds, 1);
    assert_true(ARC_MIN(a->shared[0].identity[0], a->shared[0].identity[1]) == 2);
    assert_true(ARC_MAX(a->shared[0].identity[0], a->shared[0].identity[1]) == 3);
    assert_int_equal(a->unreadable, 1);
    arc_audit_free(ctx, &a);

    arc_audit_options opt;
    arc_audit_options_default(&opt);
    opt.noise_angle_deg = 5; /* everything is suspect: the list is cut, the count is not */
    opt.limit = 7;
    a = audit(&set, NULL, &opt);
    assert_int_equal(a->suspects, 7);
    assert_int_equal(a->suspects_all, SAMPLES - 1);
    for (int i = 1; i < 7; i++)
        assert_true(a->suspect[i - 1].angle_deg >= a->suspect[i].angle_deg);
    assert_int_equal(a->suspect[0].sample, 47);
    arc_audit_free(ctx, &a);
}

static void leaks_between_sets_are_found(void **state) {
    (void)state;
    static float other[3 * DIM];
    static const int64_t other_identity[] = {0, 1, 2};
    make_set(3, 0.4);
    for (int i = 0; i < 3 * DIM; i++)
        other[i] = i / DIM == 1 ? embedding[5][i % DIM] : (float)((i * 7919) % 13 - 6);
    arc_audit_set set = the_set(), second = {other, other_identity, NULL, NULL, 3, 3};
    arc_audit *a = audit(&set, &second, NULL);
    assert_int_equal(a->shareds, 1);
    assert_true(a->shared[0].identity[0] == 5 && a->shared[0].identity[1] == 1);
    assert_int_equal(a->other_identities, 3);
    arc_audit_free(ctx, &a);
}

static void odd_sets_are_refused_or_survive(void **state) {
    (void)state;
    make_set(4, 0.4);
    arc_audit_set set = the_set();
    arc_audit *a;
    arc_error err = {0};
    set.samples = 0;
    assert_int_equal(arc_audit_embeddings(ctx, &set, NULL, DIM, NULL, &a, &err), ARC_EINVAL);
    assert_null(a);
    set = the_set();
    embedding[17][3] = NAN;
    assert_int_equal(arc_audit_embeddings(ctx, &set, NULL, DIM, NULL, &a, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "sample 17"));
    make_set(4, 0.4);
    identity[5] = IDENTITIES;
    assert_int_equal(arc_audit_embeddings(ctx, &set, NULL, DIM, NULL, &a, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "sample 5"));
    make_set(4, 0.4);
    set.samples = IDENTITIES; /* one picture each */
    a = audit(&set, NULL, NULL);
    assert_int_equal(a->singletons, IDENTITIES);
    assert_int_equal(a->suspects, 0);
    arc_audit_free(ctx, &a);
    set.identities = 1; /* one identity: nothing to be nearest to */
    memset(identity, 0, sizeof identity);
    a = audit(&set, NULL, NULL);
    assert_int_equal(a->shareds, 0);
    arc_audit_free(ctx, &a);
}

static void nearest_equals_a_plain_search(void **state) {
    (void)state;
    enum { ROWS = 37, TARGETS = 131, WIDE = 45 };
    static float row[ROWS * WIDE], target[TARGETS * WIDE];
    arc_rng rng;
    arc_rng_seed(&rng, 5, 0);
    for (int i = 0; i < ROWS * WIDE; i++)
        row[i] = arc_rng_normal(&rng);
    for (int i = 0; i < TARGETS * WIDE; i++)
        target[i] = i / WIDE == 7 ? 0 : arc_rng_normal(&rng);
    int32_t excluded[ROWS], best[ROWS];
    float cosine[ROWS];
    for (int i = 0; i < ROWS; i++)
        excluded[i] = i % 3 == 0 ? -1 : i;
    arc_error err = {0};
    assert_int_equal(arc_nearest(ctx, row, ROWS, target, TARGETS, WIDE, excluded, best, cosine, NULL, &err), ARC_OK);
    for (int i = 0; i < ROWS; i++) {
        double most = -1e30;
        int want = -1;
        for (int j = 0; j < TARGETS; j++) {
            double dot = 0;
            for (int d = 0; d < WIDE; d++)
                dot += (double)row[i * WIDE + d] * target[j * WIDE + d];
            if (j != excluded[i] && j != 7 && dot > most) {
                most = dot;
                want = j;
            }
        }
        assert_int_equal(best[i], want);
        assert_true(fabs(cosine[i] - most) < 1e-4);
    }
}

static void failing_memory(void **state) {
    (void)state;
    make_set(6, 0.4);
    memcpy(embedding[47], embedding[8], sizeof embedding[8]);
    arc_audit_set set = the_set();
    arc_test_heap heap = {0};
    arc_context small = {.alloc = arc_test_heap_alloc(&heap), .kernels = ctx->kernels};
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_audit *a;
        arc_test_walk_begin(&walk);
        st = arc_audit_embeddings(&small, &set, NULL, DIM, NULL, &a, NULL);
        arc_audit_free(&small, &a);
    } while (arc_test_walk_again(&walk, st));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_set_has_no_findings),   cmocka_unit_test(faults_are_found),
        cmocka_unit_test(leaks_between_sets_are_found),  cmocka_unit_test(odd_sets_are_refused_or_survive),
        cmocka_unit_test(nearest_equals_a_plain_search), cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
