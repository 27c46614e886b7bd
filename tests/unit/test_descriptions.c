/* What results say of themselves, to the byte: data sets, checks and copies, audits, trainings. Every field has a value of its
 * own. */
#include "support.h"
#include <arcface/audit.h>
#include <arcface/data.h>
#include <arcface/train.h>
#include <string.h>

static arc_context *ctx;

static int setup(void **state) {
    (void)state;
    ctx = arc_test_context(NULL, 1);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arc_context_close(&ctx);
    return 0;
}

static void says(arc_status st, char **text, const char *want) {
    assert_int_equal(st, ARC_OK);
    assert_string_equal(*text, want);
    arc_text_free(ctx, text);
}

static const arc_data_info example = {.kind = "recordio",
                                      .layout = "identities",
                                      .pictures = 101,
                                      .identities = 12,
                                      .used = 11,
                                      .least = 1,
                                      .median = 8,
                                      .most = 20,
                                      .singles = 2,
                                      .bytes = 3450000,
                                      .unreadable = 3,
                                      .bad_labels = 4,
                                      .duplicate_keys = 5,
                                      .damaged = 6,
                                      .empty_folders = 7,
                                      .ignored_files = 9,
                                      .property_identities = 13,
                                      .indexed = true,
                                      .width_px = 112,
                                      .height_px = 96};

static void data_sets(void **state) {
    (void)state;
    char *text;
    says(arc_data_info_describe(ctx, "a/\"b\".rec", &example, false, &text, NULL), &text,
         "set          a/\"b\".rec\n"
         "kind         recordio, layout identities\n"
         "pictures     101, 3.5 MB, the first 112 x 96\n"
         "identities   12 (11 with pictures), property says 13\n"
         "of each      1 to 20, median 8\n"
         "             2 identities with a single picture\n"
         "             3 unreadable records\n"
         "             4 labels that are no identity\n"
         "             5 keys more than once in the index\n"
         "             6 damaged places\n"
         "             7 folders without pictures\n"
         "             9 files that are no pictures\n");
    says(arc_data_info_describe(ctx, "a/\"b\".rec", &example, true, &text, NULL), &text,
         "{\"path\": \"a/\\\"b\\\".rec\", \"kind\": \"recordio\", \"layout\": \"identities\", \"pictures\": 101, \"identities\": "
         "12, \"used\": 11, \"least\": 1, \"median\": 8, \"most\": 20, \"singles\": 2, \"bytes\": 3450000, \"unreadable\": 3, "
         "\"bad_labels\": 4, \"duplicate_keys\": 5, \"damaged\": 6, \"indexed\": true, \"width\": 112, \"height\": 96}\n");
    /* What is not there is not spoken of. */
    const arc_data_info bare = {.kind = "folder",
                                .pictures = 5,
                                .identities = 1,
                                .used = 1,
                                .least = 5,
                                .median = 5,
                                .most = 5,
                                .property_identities = -1};
    says(arc_data_info_describe(ctx, "set", &bare, false, &text, NULL), &text,
         "set          set\n"
         "kind         folder, no index (arcface data repair makes one)\n"
         "pictures     5, 0.0 MB\n"
         "identities   1 (1 with pictures)\n"
         "of each      5 to 5, median 5\n"
         "             one identity only: nothing to tell apart\n");
}

static void checks_of_data(void **state) {
    (void)state;
    char *text;
    arc_data_verdict v = {.pictures = 100,
                          .good = 90,
                          .unreadable = 1,
                          .undecodable = 2,
                          .bad_labels = 3,
                          .changed = 4,
                          .unlisted = 5,
                          .duplicate_keys = 6,
                          .unindexed = 7,
                          .damaged = 8,
                          .bad_identities = 9,
                          .problems = 45,
                          .sums = true};
    says(arc_data_verdict_describe(ctx, &v, false, false, &text, NULL), &text,
         "90 of 100 pictures are good, compared with their checksums\n"
         "             1 unreadable\n"
         "             2 not decodable\n"
         "             3 with a label that is no identity\n"
         "             4 changed since their checksums were written\n"
         "             5 without a checksum\n"
         "             6 keys more than once in the index\n"
         "             7 records that the index lacks (arcface data repair)\n"
         "             8 damaged places in the file\n"
         "             9 identity records that do not fit\n");
    says(arc_data_verdict_describe(ctx, &v, false, true, &text, NULL), &text,
         "{\"pictures\": 100, \"good\": 90, \"problems\": 45, \"unreadable\": 1, \"undecodable\": 2, \"bad_labels\": 3, "
         "\"changed\": 4, \"unlisted\": 5, \"duplicate_keys\": 6, \"unindexed\": 7, \"damaged\": 8, \"bad_identities\": 9, "
         "\"sums\": true}\n");
    v = (arc_data_verdict){.pictures = 2, .good = 2};
    says(arc_data_verdict_describe(ctx, &v, true, false, &text, NULL), &text, "2 of 2 pictures are good; checksums written\n");
    says(arc_data_verdict_describe(ctx, &v, false, false, &text, NULL), &text, "2 of 2 pictures are good\n");
}

static void copies_and_loaders(void **state) {
    (void)state;
    char *text;
    arc_data_counts n = {.pictures = 7, .identities = 3, .bytes = 1250000, .skipped = 2, .left_out = 4};
    says(arc_data_counts_describe(ctx, "new\\set", &n, false, &text, NULL), &text,
         "new\\set: 7 pictures of 3 identities, 1.2 MB, 4 left out\n");
    says(arc_data_counts_describe(ctx, "new\\set", &n, true, &text, NULL), &text,
         "{\"path\": \"new\\\\set\", \"pictures\": 7, \"identities\": 3, \"bytes\": 1250000, \"skipped\": 2, \"left_out\": 4}\n");
    n.left_out = 0;
    says(arc_data_counts_describe(ctx, "s", &n, false, &text, NULL), &text, "s: 7 pictures of 3 identities, 1.2 MB\n");
    arc_data_bench_options o;
    arc_data_bench_options_default(&o);
    o.batch = 32;
    o.threads = 3;
    o.size_px = 96;
    o.augment = "flip,dali";
    says(arc_data_bench_describe(ctx, &o, 1234.56, 0, false, &text, NULL), &text,
         "1235 pictures/s, 96 x 96, batch 32, flip,dali, 3 threads\n");
    says(arc_data_bench_describe(ctx, &o, 1234.56, 8, false, &text, NULL), &text,
         "1235 pictures/s, 96 x 96, batch 32, flip,dali, 3 threads\n8 pictures could not be read and were replaced\n");
    says(arc_data_bench_describe(ctx, &o, 1234.56, 8, true, &text, NULL), &text,
         "{\"threads\": 3, \"batch\": 32, \"size\": 96, \"images_per_s\": 1234.6, \"replaced\": 8}\n");
    says(arc_data_bench_describe(ctx, NULL, 10, 0, true, &text, NULL), &text,
         "{\"threads\": 2, \"batch\": 64, \"size\": 112, \"images_per_s\": 10.0, \"replaced\": 0}\n");
}

static void audits(void **state) {
    (void)state;
    char *text, want[4096], bins[ARC_AUDIT_BINS * 2 + 1], angles[90 * 2 + 1];
    arc_audit_suspect suspect = {
        .key = "p\"1", .identity = 3, .angle_deg = 80.5, .nearest_identity = 4, .nearest_angle_deg = 20.25, .elsewhere = true};
    arc_audit_duplicate duplicate = {.key = {"p2", "p3"}, .cosine = 0.9921875, .same_identity = true};
    arc_audit_shared shared = {.identity = {5, 6}, .key = {"p4", "p5"}, .cosine = 0.75};
    arc_audit a = {.samples = 50,
                   .identities = 10,
                   .unreadable = 1,
                   .singletons = 2,
                   .empty_identities = 3,
                   .least_samples = 4,
                   .most_samples = 9,
                   .mean_samples = 5.5,
                   .norm_low = 10,
                   .norm_high = 26.5,
                   .suspect = &suspect,
                   .suspects = 1,
                   .suspects_all = 11,
                   .duplicate = &duplicate,
                   .duplicates = 1,
                   .duplicates_all = 12,
                   .shared = &shared,
                   .shareds = 1,
                   .shareds_all = 13};
    says(arc_audit_describe(ctx, &a, false, &text, NULL), &text,
         "pictures            50 of 10 identities (4 to 9 each, mean 5.5)\n"
         "single pictures     2 identities; 3 have none\n"
         "unreadable          1\n"
         "doubtful labels     11\n"
         "pictures twice      12\n"
         "split identities    13\n");
    for (int i = 0; i < 90; i++)
        memcpy(angles + 2 * i, "0,", 3);
    angles[2 * 90 - 1] = '\0';
    for (int i = 0; i < ARC_AUDIT_BINS; i++)
        memcpy(bins + 2 * i, "0,", 3);
    bins[2 * ARC_AUDIT_BINS - 1] = '\0';
    a.size_bin[0] = 7; /* "7,0,0": the rest of the zeros from the second on */
    snprintf(want, sizeof want,
             "{\"samples\": 50, \"identities\": 10, \"unreadable\": 1, \"singletons\": 2, \"empty_identities\": 3,\n"
             " \"least_samples\": 4, \"most_samples\": 9, \"mean_samples\": 5.5,\n"
             " \"suspects_all\": 11, \"duplicates_all\": 12, \"shared_all\": 13, \"norm_low\": 10, \"norm_high\": 26.5,\n"
             " \"size_bins\": [7,%s],\n \"norm_bins\": [%s],\n \"sharpness_bins\": [%s],\n \"angle_bins\": [%s],\n"
             " \"suspects\": [\n  {\"sample\": \"p\\\"1\", \"identity\": 3, \"angle_deg\": 80.5, \"nearest_identity\": 4, "
             "\"nearest_angle_deg\": 20.25, \"elsewhere\": true}],\n"
             " \"duplicates\": [\n  {\"samples\": [\"p2\", \"p3\"], \"cosine\": 0.9921875, \"same_bytes\": false, "
             "\"same_identity\": true}],\n"
             " \"shared\": [\n  {\"identities\": [5, 6], \"samples\": [\"p4\", \"p5\"], \"cosine\": 0.75}]}\n",
             bins + 2, bins, bins, angles);
    says(arc_audit_describe(ctx, &a, true, &text, NULL), &text, want);
    a.other_identities = 1;
    assert_int_equal(arc_audit_describe(ctx, &a, false, &text, NULL), ARC_OK);
    assert_non_null(strstr(text, "\nin both sets        13\n"));
    arc_text_free(ctx, &text);
}

static void trainings(void **state) {
    (void)state;
    char *text, line[256];
    arc_train_result r = {.steps = 400,
                          .skipped = 3,
                          .loss = 1.25,
                          .accuracy = 0.96875,
                          .best = 0.984375,
                          .model = "run/model.onnx",
                          .planned_bytes = 600000000,
                          .peak_memory_bytes = 512000000};
    says(arc_train_result_describe(ctx, &r, 61.5, false, &text, NULL), &text,
         "run/model.onnx: 400 steps in 62 s, loss 1.2500, accuracy 0.96875 (best 0.98438), 3 steps left out (not finite), 512 MB "
         "at most of 600 announced\n");
    says(arc_train_result_describe(ctx, &r, 61.5, true, &text, NULL), &text,
         "{\"steps\": 400, \"skipped\": 3, \"loss\": 1.25, \"accuracy\": 0.96875, \"best\": 0.984375, \"seconds\": 61.50, "
         "\"planned_mb\": 600.0, \"peak_mb\": 512.0}\n");
    r.accuracy = r.best = -1;
    r.skipped = 0;
    says(arc_train_result_describe(ctx, &r, 61.5, false, &text, NULL), &text,
         "run/model.onnx: 400 steps in 62 s, loss 1.2500, 512 MB at most of 600 announced\n");
    arc_train_progress p = {.epoch = 1,
                            .step = 20,
                            .steps = 400,
                            .loss = 2.5,
                            .cosine = 0.125,
                            .rate = 0.05,
                            .gradient_norm = 1.5,
                            .images_per_s = 99.5,
                            .left_s = 3723,
                            .peak_memory_bytes = 256000000};
    arc_train_progress_line(&p, line, sizeof line);
    assert_string_equal(line, "epoch 1 step 20/400 loss 2.5000 cosine 0.125 rate 0.05 norm 1.5 99.5 img/s 1:02:03 left 256 MB");
    p.left_s = 1e9; /* more than can be told */
    arc_train_progress_line(&p, line, sizeof line);
    assert_non_null(strstr(line, " 99:59:59 left "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_sets), cmocka_unit_test(checks_of_data), cmocka_unit_test(copies_and_loaders),
        cmocka_unit_test(audits),    cmocka_unit_test(trainings),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
