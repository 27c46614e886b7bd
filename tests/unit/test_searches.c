/* Searches: against the golden of tests/golden/curves.py, a search that looks at every pair, and cases worked out by hand; the
 * products under them in blocks. */
#include "golden_json.h"

#include "vector/similarity.h"
#include <arcface/evaluate_search.h>
#include <string.h>

static void published_search(void **state) {
    (void)state;
    enum { G = 60, P = 150, DIM = 8 };
    arc_context *ctx = arc_test_context(NULL, 2);
    json_t *root = golden_open("search.json");
    float gallery[G * DIM], probe[P * DIM];
    int gallery_identity[G], mate[P];
    for (size_t i = 0; i < G * DIM; i++)
        gallery[i] = (float)golden_item(root, "gallery", i);
    for (size_t i = 0; i < P * DIM; i++)
        probe[i] = (float)golden_item(root, "probe", i);
    for (int i = 0; i < G; i++)
        gallery_identity[i] = i;
    for (size_t i = 0; i < P; i++)
        mate[i] = (int)golden_item(root, "mate", i);
    arc_identification d;
    assert_int_equal(arc_identify(ctx, gallery, gallery_identity, G, probe, mate, P, DIM, &d, NULL), ARC_OK);
    assert_int_equal(d.mated, P);
    assert_true(fabs(d.cmc[0].value - golden_number(root, "top1")) < 1e-9);
    assert_true(fabs(d.cmc[4].value - golden_number(root, "top5")) < 1e-9);
    assert_true(fabs(d.cmc[9].value - golden_number(root, "top10")) < 1e-9);
    assert_int_equal(d.wrong_pairs, 2);
    assert_true(fabs(d.wrong_pairs_tpir[0] - golden_item(root, "tpir", 0)) < 1e-9);
    assert_true(fabs(d.wrong_pairs_tpir[1] - golden_item(root, "tpir", 1)) < 1e-9);
    arc_identification_free(ctx, &d);
    json_decref(root);
    arc_context_close(&ctx);
}

/* A plane: gallery at 0 and 90 degrees. Searches: near 0 (right), a mate at 90 seen at 30 (wrong), nobody at 45 (cosine
 * 0.7071). */
static void search_by_hand(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const float gallery[2][2] = {{1, 0}, {0, 1}}, probe[3][2] = {{2, 0.1f}, {0.8660254f, 0.5f}, {1, 1}};
    const int ids[2] = {7, 9}, who[3] = {7, 9, 11};
    arc_identification d;
    arc_error err;
    assert_int_equal(arc_identify(ctx, gallery[0], ids, 2, probe[0], who, 3, 2, &d, NULL), ARC_OK);
    assert_true(d.mated == 2 && d.nonmated == 1 && d.cmc_ranks == 2);
    assert_true(d.cmc[0].hits == 1 && d.cmc[1].hits == 2);
    assert_true(d.open_set[1].tar.hits == 1 && d.open_set[1].far.hits == 0 && d.open_set[1].threshold > 0.7071);
    arc_identification_free(ctx, &d);
    const float endless[2][2] = {{1, 0}, {INFINITY, 1}};
    assert_int_equal(arc_identify(ctx, endless[0], ids, 2, probe[0], who, 3, 2, &d, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "1"));
    arc_context_close(&ctx);
}

/* A plane, angles in degrees: 7 is at 0 and at 60, 9 at 40 and at 90 and at 100, a distractor at 180, in any order. An identity
 * has the highest score of its templates and takes one rank only, however many of them lie above. */
static void search_with_several_templates(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const double gallery_at[] = {90, 0, 180, 40, 60, 100}, probe_at[] = {62, 48, 99, 185};
    const int ids[] = {9, 7, -1, 9, 7, 9}, who[] = {7, 7, 7, 5};
    float gallery[6][2], probe[4][2];
    arc_identification d;
    for (int i = 0; i < 6; i++) {
        gallery[i][0] = (float)cos(gallery_at[i] * M_PI / 180);
        gallery[i][1] = (float)sin(gallery_at[i] * M_PI / 180);
    }
    for (int i = 0; i < 4; i++) {
        probe[i][0] = (float)cos(probe_at[i] * M_PI / 180);
        probe[i][1] = (float)sin(probe_at[i] * M_PI / 180);
    }
    assert_int_equal(arc_identify(ctx, gallery[0], ids, 6, probe[0], who, 4, 2, &d, NULL), ARC_OK);
    assert_true(d.gallery == 6 && d.gallery_identities == 2 && d.distractors == 1);
    assert_true(d.mated == 3 && d.nonmated == 1 && d.cmc_ranks == 3);
    /* 62: 7 by its template at 60. 48: 9 is 8 away, 7 is 12 away. 99: two templates of 9 are nearer, then 7, 39 away. */
    assert_int_equal(d.cmc[0].hits, 1);
    assert_int_equal(d.cmc[1].hits, 3);
    /* the stranger's best is the distractor, 5 away: 62 is 2 away from its mate and above it */
    assert_int_equal(d.open_set[1].tar.hits, 1);
    assert_true(fabs(d.wrong_pairs_threshold[0] - cos(M_PI / 180)) < 1e-6); /* 99 with 9's template at 100 */
    arc_identification_free(ctx, &d);
    arc_context_close(&ctx);
}

/* An identical score everywhere: the search's mate ties with a stranger and loses. */
static void ties_count_against(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 1);
    const float same[3][2] = {{1, 0}, {1, 0}, {1, 0}};
    const int ids[2] = {1, 2}, who[1] = {1};
    arc_identification d;
    assert_int_equal(arc_identify(ctx, same[0], ids, 2, same[2], who, 1, 2, &d, NULL), ARC_OK);
    assert_true(d.cmc[0].hits == 0 && d.cmc[1].hits == 1);
    arc_identification_free(ctx, &d);
    arc_context_close(&ctx);
}

/* ---- searches and products in blocks: every score is a quarter, exact in any order of sums, and ties are many ---- */

enum { EXACT_DIM = 64, GALLERY = 157, STRANGERS = 41, PROBES = 413 };

static uint32_t drawn(uint64_t *seed, uint32_t below) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* Four entries of +-1/2 among the first twelve: a unit vector. */
static void quarters(float *row, uint64_t *seed) {
    memset(row, 0, EXACT_DIM * sizeof *row);
    for (int n = 0; n < 4;) {
        float *x = &row[drawn(seed, 12)];
        if (*x == 0)
            *x = drawn(seed, 2) ? 0.5f : -0.5f, n++;
    }
}

static float product(const float *a, const float *b) {
    float sum = 0;
    for (int k = 0; k < EXACT_DIM; k++)
        sum += a[k] * b[k];
    return sum;
}

typedef struct visited {
    float score[PROBES][GALLERY];
    uint8_t times[PROBES][GALLERY];
} visited;

static void visit(void *arg, int thread, int64_t row, int rows, int64_t column, int columns, const float *score, size_t stride) {
    visited *v = arg;
    (void)thread;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            v->score[row + i][column + j] = score[(size_t)i * stride + (size_t)j];
            v->times[row + i][column + j]++;
        }
}

static void products_in_blocks(void **state) {
    (void)state;
    static float row[PROBES][EXACT_DIM], column[GALLERY][EXACT_DIM];
    static visited v;
    static const int64_t blocks[] = {0, 1, 32, 100};
    uint64_t seed = 3;
    for (int i = 0; i < PROBES; i++)
        quarters(row[i], &seed);
    for (int j = 0; j < GALLERY; j++)
        quarters(column[j], &seed);
    for (int n = 0; n < 16; n++) {
        arc_context *ctx = arc_test_context(NULL, n & 1 ? 3 : 1);
        const bool upper = (n & 2) != 0;
        const arc_similarity s = {.row = row[0],
                                  .column = column[0],
                                  .rows = PROBES,
                                  .columns = GALLERY,
                                  .dim = EXACT_DIM,
                                  .upper = upper,
                                  .block_columns = blocks[n / 4],
                                  .visit = visit,
                                  .arg = &v};
        memset(&v, 0, sizeof v);
        assert_int_equal(arc_similarity_run(ctx, &s, NULL), ARC_OK);
        for (int i = 0; i < PROBES; i++)
            for (int j = 0; j < GALLERY; j++) {
                assert_true(v.times[i][j] == 1 || (upper && j <= i && v.times[i][j] == 0));
                assert_true(v.times[i][j] == 0 || v.score[i][j] == product(row[i], column[j]));
            }
        arc_context_close(&ctx);
    }
}

typedef struct naive_search {
    int64_t hits[GALLERY], right, alarms; /* hits[k]: k strangers at or above the mate */
    float right_score[PROBES], alarm_score[PROBES], mate_score[PROBES];
    double wrong[PROBES * GALLERY];
    int64_t mated, wrongs;
} naive_search;

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void search_naively(naive_search *s, float (*gallery)[EXACT_DIM], const int *id, float (*probe)[EXACT_DIM],
                           const int *who) {
    for (int p = 0; p < PROBES; p++) {
        float best = -1, own = -2;
        int above = 0;
        for (int g = 0; g < GALLERY; g++)
            if (id[g] == who[p])
                own = product(probe[p], gallery[g]);
        for (int g = 0; g < GALLERY; g++) {
            const float x = product(probe[p], gallery[g]);
            if (id[g] == who[p])
                continue;
            above += x >= own;
            best = x > best ? x : best;
            s->wrong[s->wrongs++] = (double)x;
        }
        if (own < -1) {
            s->alarm_score[s->alarms++] = best;
            continue;
        }
        s->mate_score[s->mated++] = own;
        s->hits[above]++;
        if (above == 0)
            s->right_score[s->right++] = own;
    }
    qsort(s->wrong, (size_t)s->wrongs, sizeof *s->wrong, falling);
}

static int64_t at_or_above(const float *score, int64_t n, double threshold) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += (double)score[i] >= threshold;
    return count;
}

static void expect_found(const naive_search *s, const arc_identification *d) {
    int64_t hits = 0;
    assert_true(d->mated == s->mated && d->nonmated == s->alarms && d->distractors == STRANGERS);
    for (int k = 0; k < d->cmc_ranks; k++) {
        hits += s->hits[k];
        assert_int_equal(d->cmc[k].hits, hits);
    }
    for (int i = 0; i < d->open_sets; i++) {
        const arc_operating_point *o = &d->open_set[i];
        double least = 2; /* above every score nothing is an alarm */
        for (double t = 1; t >= -1; t -= 0.25)
            if ((double)at_or_above(s->alarm_score, s->alarms, t) <= o->far_target * (double)s->alarms)
                least = t;
        assert_int_equal(o->tar.hits, at_or_above(s->right_score, s->right, least));
        assert_int_equal(o->far.hits, at_or_above(s->alarm_score, s->alarms, least));
        assert_int_equal(o->far.trials, s->alarms);
        assert_int_equal(o->tar.trials, s->mated);
    }
    const arc_roc_point *all = &d->point[d->points - 1]; /* at the lowest score everything counts */
    assert_true(all->genuine == s->right && all->impostor == s->alarms);
    assert_int_equal(d->wrong_pairs, 2);
    for (int i = 0; i < 2; i++) {
        const double threshold = s->wrong[(int)ceil(PROBES * d->wrong_pairs_fpir[i]) - 1];
        assert_true(d->wrong_pairs_threshold[i] == threshold);
        assert_true(d->wrong_pairs_tpir[i] ==
                    (double)at_or_above(s->mate_score, s->mated, threshold + 0.125) / (double)s->mated); /* above it */
    }
}

/* Against a search that looks at every pair, on any number of threads. */
static void naive_searches(void **state) {
    (void)state;
    static float gallery[GALLERY][EXACT_DIM], probe[PROBES][EXACT_DIM];
    static naive_search s;
    int id[GALLERY], who[PROBES];
    uint64_t seed = 17;
    for (int g = 0; g < GALLERY; g++) {
        quarters(gallery[g], &seed);
        id[g] = g < GALLERY - STRANGERS ? 3 * g : -1 - g;
    }
    for (int p = 0; p < PROBES; p++) {
        const int g = (int)drawn(&seed, GALLERY - STRANGERS);
        quarters(probe[p], &seed);
        who[p] = p % 3 ? id[g] : 1;
        if (p % 3 && p % 4) /* three of four look as their mate does, but for one entry at times */
            memcpy(probe[p], gallery[g], sizeof probe[p]);
        for (int k = 0; p % 8 == 1 && k < 12; k++)
            if (probe[p][k] != 0) {
                probe[p][k] = -probe[p][k];
                break;
            }
    }
    search_naively(&s, gallery, id, probe, who);
    assert_true(s.hits[0] > 30 && s.hits[1] > 3 && s.alarms > 100);
    for (int threads = 1; threads <= 3; threads++) {
        arc_context *ctx = arc_test_context(NULL, threads);
        arc_identification d;
        assert_int_equal(arc_identify(ctx, gallery[0], id, GALLERY, probe[0], who, PROBES, EXACT_DIM, &d, NULL), ARC_OK);
        expect_found(&s, &d);
        arc_identification_free(ctx, &d);
        arc_context_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_search),   cmocka_unit_test(search_by_hand), cmocka_unit_test(ties_count_against),
        cmocka_unit_test(products_in_blocks), cmocka_unit_test(naive_searches), cmocka_unit_test(search_with_several_templates),
    };
    return cmocka_run_group_tests_name("searches", tests, NULL, NULL);
}
