/* Templates against the golden of tests/golden/templates.py, the lists of IJB and YouTube Faces, the lists of pairs, and
 * calibration. */
#include "folder.h"
#include "golden_json.h"

#include "format/format.h"
#include <arcface/calibrate.h>
#include <arcface/evaluate_template.h>
#include <string.h>
#include <unistd.h>

static void pooled_as_published(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    json_t *root = golden_open("templates.json");
    size_t n, features, rows, sides, targets;
    double *feature = golden_list(root, "feature", &features), *weight = golden_list(root, "weight", &n),
           *number = golden_list(root, "number", &n);
    double *media = golden_list(root, "media", &n), *row = golden_list(root, "row", &rows),
           *pair = golden_list(root, "pair", &sides);
    double *target = golden_list(root, "targets", &targets), *tar = golden_list(root, "tar_nearest", &targets);
    const int dim = (int)json_integer_value(json_object_get(root, "dim"));
    float *f = calloc(features, sizeof *f), *w = calloc(n, sizeof *w);
    int *t = calloc(n, sizeof *t), *m = calloc(n, sizeof *m), *p = calloc(sides, sizeof *p);
    for (size_t i = 0; i < features; i++)
        f[i] = (float)feature[i];
    for (size_t i = 0; i < n; i++) {
        w[i] = (float)weight[i];
        t[i] = (int)number[i];
        m[i] = (int)media[i];
    }
    for (size_t i = 0; i < sides; i++)
        p[i] = (int)pair[i];
    arc_templates got;
    arc_curve c;
    arc_error err;
    assert_int_equal(arc_templates_pool(ctx, f, w, t, m, (int64_t)n, dim, &got, &err), ARC_OK);
    assert_int_equal(got.count * dim, rows);
    for (size_t i = 0; i < rows; i++)
        assert_true(fabs(got.row[i] - row[i]) < 1e-9);
    assert_int_equal(arc_templates_verify(ctx, &got, p, (int64_t)(sides / 3), target, (int)targets, &c, &err), ARC_OK);
    assert_true(fabs(c.auc - golden_number(root, "auc")) < 1e-9);
    for (size_t i = 0; i < targets; i++)
        assert_true(fabs(c.operating[i].tar_nearest - tar[i]) < 1e-9);
    arc_curve_free(ctx, &c);
    p[4] = 12345;
    assert_int_equal(arc_templates_verify(ctx, &got, p, (int64_t)(sides / 3), target, (int)targets, &c, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "pair 2 "));
    arc_templates_free(ctx, &got);
    f[3] = INFINITY;
    assert_int_equal(arc_templates_pool(ctx, f, w, t, m, (int64_t)n, dim, &got, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "feature 0"));
    double *all[] = {feature, weight, number, media, row, pair, target, tar};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    free(f);
    free(w);
    free(t);
    free(m);
    free(p);
    json_decref(root);
    arc_context_close(&ctx);
}

/* Two pictures of one media, one of another: (mean of (2,0) and (0,2)) + (3,0) = (4,1). */
static void pooled_by_hand(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    const float f[4][2] = {{2, 0}, {3, 0}, {0, 2}, {0, 5}};
    const int t[4] = {9, 9, 9, 4}, m[4] = {1, 2, 1, 1};
    arc_templates got;
    assert_int_equal(arc_templates_pool(ctx, f[0], NULL, t, m, 4, 2, &got, NULL), ARC_OK);
    assert_true(got.count == 2 && got.number[0] == 4 && got.number[1] == 9);
    assert_true(fabs(got.row[2] - 4 / sqrt(17)) < 1e-12 && fabs(got.row[3] - 1 / sqrt(17)) < 1e-12);
    arc_templates_free(ctx, &got);
    arc_context_close(&ctx);
}

/* ---- matching in blocks ---- */

enum { TEMPLATES = 500, LISTED = 30000, WIDTH = 517 }; /* four blocks of first templates, seven shares of the list */

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* The eight partial sums of the matching, in their order. */
static double dot_of(const double *a, const double *b) {
    double s[8] = {0};
    for (int k = 0; k < WIDTH; k++)
        s[k % 8] += a[k] * b[k];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* The curve of the listed pairs on 1 and 3 threads, to the last bit that of their scores. */
static void expect_matched(const arc_templates *t, const int *pair, const double *score, const uint8_t *same) {
    for (int threads = 1; threads <= 3; threads += 2) {
        arc_context *ctx = arc_test_context(NULL, threads);
        arc_curve got, want;
        assert_int_equal(arc_templates_verify(ctx, t, pair, LISTED, NULL, 0, &got, NULL), ARC_OK);
        assert_int_equal(arc_curve_of_scores(ctx, score, same, LISTED, NULL, 0, &want, NULL), ARC_OK);
        assert_int_equal(got.points, want.points);
        assert_memory_equal(got.point, want.point, (size_t)want.points * sizeof *want.point);
        assert_memory_equal(got.operating, want.operating, sizeof want.operating);
        assert_memory_equal(got.genuine_bin, want.genuine_bin, sizeof want.genuine_bin);
        assert_memory_equal(got.impostor_bin, want.impostor_bin, sizeof want.impostor_bin);
        assert_true(got.auc == want.auc && got.eer == want.eer && got.mean_genuine == want.mean_genuine);
        arc_curve_free(ctx, &got);
        arc_curve_free(ctx, &want);
        arc_context_close(&ctx);
    }
}

static void matched_in_blocks(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_templates t = {.count = TEMPLATES, .dim = WIDTH};
    t.row = calloc(TEMPLATES * WIDTH, sizeof *t.row);
    t.number = calloc(TEMPLATES, sizeof *t.number);
    int *pair = calloc(3 * LISTED, sizeof *pair), *row = calloc(2 * LISTED, sizeof *row);
    double *score = calloc(LISTED, sizeof *score);
    uint8_t *same = calloc(LISTED, 1);
    uint64_t seed = 3;
    for (int i = 0; i < TEMPLATES * WIDTH; i++)
        t.row[i] = ((double)next_random(&seed) * 0x1p-31 - 0.5) / 8;
    memset(t.row + 77 * WIDTH, 0, WIDTH * sizeof *t.row);
    for (int i = 0; i < LISTED; i++) {
        for (int k = 0; k < 2; k++)
            row[2 * i + k] = (int)(next_random(&seed) % TEMPLATES);
        same[i] = next_random(&seed) % 9 == 0;
        score[i] =
            row[2 * i] == 77 || row[2 * i + 1] == 77 ? -1 : dot_of(t.row + row[2 * i] * WIDTH, t.row + row[2 * i + 1] * WIDTH);
    }
    /* Numbers: dense, wide apart, and all but one close together at the ends of their range. */
    for (int numbering = 0; numbering < 3; numbering++) {
        for (int i = 0; i < TEMPLATES; i++)
            t.number[i] = numbering == 0 ? i + 5 : numbering == 1 ? (i - TEMPLATES / 2) * 8000000 : i - 3;
        if (numbering == 2)
            t.number[TEMPLATES - 1] = INT32_MAX;
        for (int i = 0; i < LISTED; i++) {
            for (int k = 0; k < 2; k++)
                pair[3 * i + k] = t.number[row[2 * i + k]];
            pair[3 * i + 2] = same[i];
        }
        expect_matched(&t, pair, score, same);
    }
    arc_curve c;
    arc_error err;
    static const int unknown[] = {INT32_MIN, -4, TEMPLATES, INT32_MAX - 1}; /* outside and in a gap */
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        for (int side = 0; side < 2; side++) { /* the first of two, in another share than the second */
            const int known = pair[3 * 8000 + side];
            pair[3 * 8000 + side] = unknown[i];
            pair[3 * 29000 + !side] = unknown[i];
            assert_int_equal(arc_templates_verify(ctx, &t, pair, LISTED, NULL, 0, &c, &err), ARC_EINVAL);
            assert_non_null(strstr(err.text, "pair 8001 "));
            pair[3 * 8000 + side] = known;
            pair[3 * 29000 + !side] = t.number[0];
        }
    t.number[9] = t.number[8];
    assert_int_equal(arc_templates_verify(ctx, &t, pair, LISTED, NULL, 0, &c, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "order of their numbers"));
    free(t.row);
    free(t.number);
    free(pair);
    free(row);
    free(score);
    free(same);
    arc_context_close(&ctx);
}

static arc_status parse_pairs(const char *text, arc_pair_list *l, arc_error *err) {
    return arc_pair_list_parse(l, &arc_alloc_libc, text, strlen(text), "list", err);
}

static void lists_of_pairs(void **state) {
    (void)state;
    arc_pair_list l;
    arc_error err;
    assert_int_equal(parse_pairs("a/1.jpg b/2.jpg 0\r\na/1.jpg a/2.jpg 1\r\n", &l, &err), ARC_OK);
    assert_true(l.pairs == 2 && l.suffix && !l.pair[0].same && l.pair[1].same && strcmp(l.pair[1].path[1], "a/2.jpg") == 0);
    arc_pair_list_close(&l);
    assert_int_equal(parse_pairs("1,Jos\xc3\xa9 P/1.jpg,b/2.jpg\n", &l, &err), ARC_OK);
    assert_string_equal(l.pair[0].path[0], "Jos\xc3\xa9 P/1.jpg");
    arc_pair_list_close(&l);
    assert_int_equal(parse_pairs("A_0001.jpg 3\nA_0002.jpg 3\nB_0001.jpg 0\nC_0001.jpg 0\n", &l, &err), ARC_OK);
    assert_true(l.pairs == 2 && l.pair[0].same && !l.pair[1].same);
    arc_pair_list_close(&l);
    assert_int_equal(parse_pairs("A_0001.jpg 3\nA_0002.jpg 0\n", &l, &err), ARC_ECORRUPT);
    assert_int_equal(parse_pairs("A_0001.jpg 3\nA_0002.jpg 3\nB_0001.jpg 0\n", &l, &err), ARC_ECORRUPT);
    assert_int_equal(parse_pairs("../a.jpg b.jpg 1\n", &l, &err), ARC_EFORMAT);
    assert_int_equal(parse_pairs("/etc/a.jpg b.jpg 1\n", &l, &err), ARC_EFORMAT);
    assert_int_equal(parse_pairs("2\t1\nA\t1\t2\nA\t1\tB\t1\n", &l, &err), ARC_ECORRUPT); /* promises four pairs */
    assert_int_equal(parse_pairs("1\t1\nA\t1\t2\nA\t1\tB\t1\n", &l, &err), ARC_OK);
    assert_true(l.folds == 1 && !l.suffix && strcmp(l.pair[0].path[1], "A/A_0002") == 0);
    arc_pair_list_close(&l);
    assert_int_equal(parse_pairs("", &l, &err), ARC_EFORMAT);
    assert_int_equal(parse_pairs("A B/1 b.jpg C D/2.jpg 1\n", &l, &err), ARC_EFORMAT); /* blanks between and in paths */
    assert_non_null(strstr(err.text, "line 1 is not 'PATH PATH 0|1'; tabs or commas"));
    assert_int_equal(arc_pair_list_open(&l, &arc_alloc_libc, test_folder(), &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, " is a folder but not CFP's"));
}

static arc_status parse_splits(const char *text, arc_pair_list *l, arc_error *err) {
    return arc_ytf_splits_parse(l, &arc_alloc_libc, text, strlen(text), "splits", err);
}

static void video_lists(void **state) {
    (void)state;
    arc_pair_list l;
    arc_ytf_boxes boxes;
    arc_error err;
    assert_int_equal(parse_splits("split number, x\r\n1, 1, A B/0, C/1, 0\r\n2, 1, A B/0, A B/3, 1\r\n", &l, &err), ARC_OK);
    assert_true(l.pairs == 2 && l.folds == 2 && strcmp(l.pair[1].path[1], "A B/3") == 0 && l.pair[1].same);
    arc_pair_list_close(&l);
    assert_int_equal(parse_splits("2, 1, A/0, B/0, 1\n", &l, &err), ARC_ECORRUPT);
    assert_int_equal(parse_splits("1, 1, A/0, B/0, 2\n", &l, &err), ARC_EFORMAT);
    assert_int_equal(parse_splits("1, 1, A/0, B/0\n", &l, &err), ARC_EFORMAT);
    assert_int_equal(parse_splits("1, 1, A/../../0, B/0, 1\n", &l, &err), ARC_EFORMAT);
    const char *box = "A_B\\0\\0.12.jpg,0,160,120,80,60,0.0,1\n";
    assert_int_equal(arc_ytf_boxes_parse(&boxes, &arc_alloc_libc, box, strlen(box), "boxes", &err), ARC_OK);
    assert_string_equal(boxes.box[0].path, "A_B/0/0.12.jpg");
    assert_true(boxes.box[0].box_px[0] == 120 && boxes.box[0].box_px[3] == 150);
    arc_ytf_boxes_close(&boxes);
    assert_int_equal(arc_ytf_boxes_parse(&boxes, &arc_alloc_libc, "a,0,nan,1,1,1,0,1\n", 18, "boxes", &err), ARC_EFORMAT);
}

static arc_status parse_numbers(arc_ijb_list kind, const char *text, arc_number_rows *rows, arc_error *err) {
    return arc_ijb_numbers_parse(rows, &arc_alloc_libc, kind, text, strlen(text), "numbers", NULL, err);
}

static void number_lists(void **state) {
    (void)state;
    arc_number_rows rows;
    arc_error err;
    assert_int_equal(parse_numbers(ARC_IJB_PAIRS, "7 9 1\r\n\n-3 2147483647 0", &rows, &err), ARC_OK);
    static const int want[] = {7, 9, 1, -3, 2147483647, 0};
    assert_int_equal(rows.rows, 2);
    assert_memory_equal(rows.value, want, sizeof want);
    arc_mem_free(&arc_alloc_libc, rows.value);
    static const char *const bad[] = {"7 9 1\n7 9 2\n",   "7 9 1\n7 9 -1\n", "7 9 1\n7 9\n",
                                      "7 9 1\n7 9 1 1\n", "7 9 1\n7 x 1\n",  "7 9 1\n2147483648 9 1\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse_numbers(ARC_IJB_PAIRS, bad[i], &rows, &err), ARC_EFORMAT);
        assert_non_null(strstr(err.text, "line 2 is not 'TEMPLATE TEMPLATE 0|1'"));
        assert_null(rows.value);
    }
    assert_int_equal(parse_numbers(ARC_IJB_TID_MID, "a.jpg 5 6\n", &rows, &err), ARC_OK);
    assert_true(rows.rows == 1 && rows.value[0] == 5 && rows.value[1] == 6);
    arc_mem_free(&arc_alloc_libc, rows.value);
    assert_int_equal(parse_numbers(ARC_IJB_SUBJECTS, "TEMPLATE_ID,SUBJECT_ID,FILENAME\n5,6,x\n7,8,y,z\n", &rows, &err), ARC_OK);
    assert_true(rows.rows == 2 && rows.value[2] == 7 && rows.value[3] == 8);
    arc_mem_free(&arc_alloc_libc, rows.value);
    assert_int_equal(parse_numbers(ARC_IJB_SUBJECTS, "5,6,x\nTEMPLATE_ID,SUBJECT_ID,FILENAME\n", &rows, &err), ARC_EFORMAT);
}

/* Two normal distributions: thresholds, rates and probabilities are known. The map survives being stored. */
static void calibration(void **state) {
    (void)state;
    enum { N = 40000 };
    arc_context *ctx = arc_test_context(NULL, 2);
    double *score = calloc(2 * N, sizeof *score);
    uint8_t *same = calloc(2 * N, 1);
    for (int i = 0; i < 2 * N; i++) { /* quantiles of the logistic distribution: scale 0.05 around 0.6 and 0 */
        const double q = (i % N + 0.5) / N;
        same[i] = i >= N;
        score[i] = (same[i] ? 0.6 : 0) + 0.05 * log(q / (1 - q));
        score[i] = score[i] > 1 ? 1 : score[i] < -1 ? -1 : score[i];
    }
    arc_evaluation e = {.protocol = "pairs", .provenance = {.set_sha256 = "abc"}};
    arc_calibration k, again;
    arc_error err = {0};
    bool found;
    assert_int_equal(arc_curve_of_scores(ctx, score, same, 2 * N, NULL, 0, &e.curve, NULL), ARC_OK);
    assert_int_equal(arc_calibrate(&e, 1e-3, 10, 0.01, &k, &err), ARC_OK);
    assert_true(fabs(k.threshold - 0.05 * log(999)) < 2e-3 && k.supported);
    assert_true(k.threshold_interval.low < k.threshold && k.threshold < k.threshold_interval.high);
    assert_true(fabs(k.search_far - (1 - pow(0.99, 0.1))) < 1e-12 && k.search_threshold >= k.threshold - 1e-3);
    assert_true(fabs(log(arc_calibration_far(&k, 0.05 * log(99))) - log(0.01)) < 0.05);
    assert_true(fabs(arc_calibration_probability(&k, 0.3) - 0.5) < 0.2 && arc_calibration_probability(&k, 0.9) > 0.99);
    assert_true(arc_calibration_probability(&k, 0) < 0.02);
    arc_model *model, *stored;
    const char *path = in_folder("calibrated.onnx");
    assert_int_equal(arc_model_new(ctx, "mbf", 16, 1, &model, NULL), ARC_OK);
    assert_int_equal(arc_model_calibration(model, &again, &found, NULL), ARC_OK);
    assert_false(found);
    assert_int_equal(arc_model_calibrate(model, &k, &err), ARC_OK);
    assert_int_equal(arc_model_save(ctx, model, path, &err), ARC_OK);
    assert_int_equal(arc_model_load(ctx, path, ARC_TASK_EMBED, NULL, &stored, &err), ARC_OK);
    assert_int_equal(arc_model_calibration(stored, &again, &found, &err), ARC_OK);
    assert_true(found && fabs((double)arc_model_contract(stored)->threshold - k.threshold) < 1e-6);
    assert_true(again.gallery == 10 && fabs(again.fpir - 0.01) < 1e-9 && fabs(again.search_far / k.search_far - 1) < 1e-6);
    assert_true(fabs(again.search_threshold - k.search_threshold) < 1e-6 && again.search_supported == k.search_supported);
    for (double s = -0.5; s < 1; s += 0.01) {
        assert_true(fabs(arc_calibration_far(&k, s) / arc_calibration_far(&again, s) - 1) < 1e-5);
        assert_true(fabs(arc_calibration_probability(&k, s) - arc_calibration_probability(&again, s)) < 1e-6);
    }
    k.gallery = 0; /* a calibration without a gallery takes the place of one with */
    assert_int_equal(arc_model_calibrate(model, &k, &err), ARC_OK);
    assert_int_equal(arc_model_calibration(model, &again, &found, &err), ARC_OK);
    assert_true(found && again.gallery == 0 && again.search_threshold == 0);
    e.curve.genuine = 0;
    assert_int_equal(arc_calibrate(&e, 1e-3, 0, 0, &k, &err), ARC_EINVAL);
    arc_model_free(&stored);
    arc_model_free(&model);
    arc_curve_free(ctx, &e.curve);
    free(score);
    free(same);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooled_as_published), cmocka_unit_test(pooled_by_hand), cmocka_unit_test(matched_in_blocks),
        cmocka_unit_test(lists_of_pairs),      cmocka_unit_test(video_lists),    cmocka_unit_test(number_lists),
        cmocka_unit_test(calibration),
    };
    return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
