/* Whole evaluations on small made-up sets: pictures written to a temporary folder, an untrained network, and the numbers
 * recomputed here by the public calls; missing and misshapen pictures, cancelling, failing memory. Real .bin sets too, when they
 * are at hand. Where crops come from: test_eval_crops.c. */
#include "folder.h"
#include "support.h"

#include "eval/protocol/known.h"
#include "format/format.h"
#include <arcface/evaluate.h>
#include <arcface/evaluate_template.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PEOPLE = 4, IMAGES = 2 * PEOPLE, PAIRS = 8 };

static const int pair_of[PAIRS][2] = {{0, 1}, {0, 2}, {2, 3}, {2, 4}, {4, 5}, {4, 6}, {6, 7}, {6, 0}};

/* A soft pattern that differs from image to image. */
static void paint(arc_image *image, int index) {
    for (int y = 0; y < image->height_px; y++)
        for (int x = 0; x < image->width_px; x++)
            for (int c = 0; c < 3; c++)
                image->data[y * image->stride_bytes + 3 * x + c] =
                    (uint8_t)(128 + 100 * sin(0.05 * (index / 2 + 1) * x + c) * cos(0.07 * (index % 2 + index / 2 + 1) * y));
}

static void image_path(char *out, size_t bytes, int index) {
    snprintf(out, bytes, "%s/P%d/P%d_%04d.png", test_folder(), index / 2, index / 2, index % 2 + 1);
}

static void write_text(const char *name, const char *text) {
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int write_pictures(void **state) {
    (void)state;
    char text[1024] = "", path[TEST_PATH_BYTES];
    arc_context *ctx = arc_test_context(NULL, 2);
    for (int i = 0; i < IMAGES; i++) {
        arc_image image;
        snprintf(path, sizeof path, "%s/P%d", test_folder(), i / 2);
        mkdir(path, 0777);
        image_path(path, sizeof path, i);
        assert_int_equal(arc_image_new(ctx, 112, 112, &image, NULL), ARC_OK);
        paint(&image, i);
        assert_int_equal(arc_image_save(ctx, &image, path, NULL), ARC_OK);
        arc_image_free(ctx, &image);
    }
    for (int i = 0; i < PAIRS; i++) {
        const int *p = pair_of[i];
        size_t at = strlen(text);
        if (p[0] / 2 == p[1] / 2)
            snprintf(text + at, sizeof text - at, "P%d\t%d\t%d\n", p[0] / 2, p[0] % 2 + 1, p[1] % 2 + 1);
        else
            snprintf(text + at, sizeof text - at, "P%d\t%d\tP%d\t%d\n", p[0] / 2, p[0] % 2 + 1, p[1] / 2, p[1] % 2 + 1);
    }
    write_text("pairs.txt", text);
    arc_context_close(&ctx);
    return 0;
}

/* The same numbers by arc_embed_crops and arc_verification_of_embeddings. */
static void expect_by_hand(arc_context *ctx, const arc_model *model, bool flip, const arc_verification *got) {
    arc_embedder *embedder;
    arc_image image[IMAGES];
    assert_int_equal(arc_embedder_new(ctx, model, &embedder, NULL), ARC_OK);
    int dim = arc_embedder_dim(embedder);
    float *e = calloc((size_t)(IMAGES * dim), sizeof(float)), *rows = calloc((size_t)(2 * PAIRS * dim), sizeof(float));
    uint8_t same[PAIRS];
    for (int i = 0; i < IMAGES; i++) {
        assert_int_equal(arc_image_new(ctx, 112, 112, &image[i], NULL), ARC_OK);
        paint(&image[i], i);
    }
    assert_int_equal(arc_embed_crops(embedder, image, IMAGES, flip, e, NULL), ARC_OK);
    for (int i = 0; i < PAIRS; i++) {
        same[i] = pair_of[i][0] / 2 == pair_of[i][1] / 2;
        for (int k = 0; k < 2; k++)
            memcpy(rows + (2 * i + k) * dim, e + pair_of[i][k] * dim, (size_t)dim * sizeof(float));
    }
    arc_verification v;
    assert_int_equal(arc_verification_of_embeddings(ctx, rows, dim, same, PAIRS, 4, 0.1, &v, NULL), ARC_OK);
    assert_int_equal(got->pairs, PAIRS);
    assert_int_equal(got->genuine, v.genuine);
    assert_true(got->flip == flip && got->dim == dim && got->xnorm > 0);
    assert_true(fabs(got->mean_genuine_cosine - v.mean_genuine_cosine) < 1e-6);
    assert_true(fabs(got->mean_impostor_cosine - v.mean_impostor_cosine) < 1e-6);
    assert_true(got->accuracy == v.accuracy && fabs(got->auc - v.auc) < 1e-9);
    for (int i = 0; i < IMAGES; i++)
        arc_image_free(ctx, &image[i]);
    free(e);
    free(rows);
    arc_embedder_free(&embedder);
}

/* The folds of a list of pairs, or of a .bin where there is no folder of images: strict, without checks and bootstrap. */
static arc_status folds_of_pairs(arc_context *ctx, const arc_model *model, const char *images, const char *list,
                                 const arc_evaluate_options *opt, arc_verification *out, arc_error *err) {
    arc_evaluate_options strict;
    arc_evaluation *e;
    *out = (arc_verification){0};
    arc_evaluate_options_default(&strict);
    if (opt)
        strict = *opt;
    strict.strict = true;
    strict.checks = false;
    strict.bootstrap = 0;
    const arc_status st = images ? arc_evaluate_pairs(ctx, model, images, list, &strict, &e, err)
                                 : arc_evaluate_bin(ctx, model, list, &strict, &e, err);
    if (st == ARC_OK)
        *out = e->verification;
    arc_evaluation_free(ctx, &e);
    return st;
}

static void folder_set(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_model *model;
    arc_verification v;
    arc_error err = {0};
    assert_int_equal(arc_model_new(ctx, "mbf", 64, 3, &model, NULL), ARC_OK);
    for (int flip = 0; flip < 2; flip++) {
        arc_evaluate_options opt;
        arc_evaluate_options_default(&opt);
        opt.flip = flip;
        opt.folds = 4;
        opt.far_target = 0.1;
        assert_int_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &v, &err), ARC_OK);
        expect_by_hand(ctx, model, flip, &v);
    }
    arc_model_free(&model);
    arc_context_close(&ctx);
}

/* ---- searches, videos and templates of the same pictures ---- */

typedef arc_status evaluation(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                              arc_error *err);

static arc_status of_folder(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                            arc_error *err) {
    return arc_evaluate_folder(ctx, model, test_folder(), opt, out, err);
}

static arc_status of_drawn(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                           arc_error *err) {
    arc_evaluate_options some = *opt;
    some.impostors = 7;
    return arc_evaluate_folder(ctx, model, test_folder(), &some, out, err);
}

static arc_status of_search(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                            arc_error *err) {
    return arc_evaluate_identify(ctx, model, test_folder(), test_folder(), opt, out, err);
}

static arc_status of_distractors(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                                 arc_error *err) {
    return arc_evaluate_megaface(ctx, model, test_folder(), test_folder(), opt, out, err);
}

static arc_status of_videos(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                            arc_error *err) {
    arc_evaluate_ytf_options video;
    arc_evaluate_ytf_options_default(&video);
    video.eval = *opt;
    video.rule = ARC_VIDEO_MEAN;
    return arc_evaluate_ytf(ctx, model, test_folder(), in_folder("splits.txt"), &video, out, err);
}

static arc_status of_templates(arc_context *ctx, const arc_model *model, const arc_evaluate_options *opt, arc_evaluation **out,
                               arc_error *err) {
    arc_evaluate_ijb_options templates;
    arc_evaluate_ijb_options_default(&templates);
    templates.eval = *opt;
    templates.search = templates.unit_images = true;
    return arc_evaluate_ijb(ctx, model, test_folder(), &templates, out, err);
}

static const char *const list_of_ijb[] = {"face_tid_mid.txt",  "name_5pts_score.txt", "template_pair_label.txt",
                                          "1N_gallery_G1.csv", "1N_gallery_G2.csv",   "1N_probe_mixed.csv"};

/* A video a person; a template a picture, of the template's own landmarks. */
static void write_lists(void) {
    char text[sizeof list_of_ijb / sizeof *list_of_ijb][2048] = {
        "", "", "0 1 1\n0 2 0\n2 5 0\n6 7 1\n", "0,0,x\n2,1,x\n", "4,2,x\n6,3,x\n", "1,0,x\n3,1,x\n5,2,x\n7,3,x\n"};
    char name[64];
    for (int i = 0; i < IMAGES; i++) {
        size_t tid = strlen(text[0]), points = strlen(text[1]);
        snprintf(text[0] + tid, sizeof text[0] - tid, "P%d/P%d_%04d.png %d %d\n", i / 2, i / 2, i % 2 + 1, i, i);
        snprintf(text[1] + points, sizeof text[1] - points,
                 "P%d/P%d_%04d.png 38.3 51.7 73.5 51.5 56.0 71.7 41.5 92.4 70.7 92.2 0.9\n", i / 2, i / 2, i % 2 + 1);
    }
    assert_int_equal(mkdir(in_folder("meta"), 0777), 0);
    assert_int_equal(symlink(".", in_folder("loose_crop")), 0);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        snprintf(name, sizeof name, "meta/ijbc_%s", list_of_ijb[i]);
        write_text(name, text[i]);
    }
    write_text("splits.txt", "1, 1, P0, P0, 1\n1, 2, P0, P1, 0\n2, 1, P2, P2, 1\n2, 2, P2, P3, 0\n");
}

static void remove_lists(void) {
    char name[64];
    for (size_t i = 0; i < sizeof list_of_ijb / sizeof *list_of_ijb; i++) {
        snprintf(name, sizeof name, "meta/ijbc_%s", list_of_ijb[i]);
        unlink(in_folder(name));
    }
    rmdir(in_folder("meta"));
    unlink(in_folder("loose_crop"));
    unlink(in_folder("splits.txt"));
}

/* Every allocation of every other protocol fails in its turn, thinned out where there are many. */
static void failing_memory_of_sets(void **state) {
    (void)state;
    static const struct {
        const char *protocol;
        evaluation *run;
        int64_t genuine, impostor;
        int64_t mated;
    } set[] = {{"folder", of_folder, 4, 24, 0},        {"folder", of_drawn, 4, 7, 0}, {"identify", of_search, 0, 0, 4},
               {"megaface", of_distractors, 8, 64, 8}, {"ytf", of_videos, 2, 2, 0},   {"ijb", of_templates, 2, 2, 4}};
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    arc_model *model;
    arc_evaluate_options opt;
    arc_evaluate_options_default(&opt);
    opt.bootstrap = 10;
    assert_int_equal(arc_model_new(ctx, "mbf", 64, 3, &model, NULL), ARC_OK);
    write_lists();
    for (size_t k = 0; k < sizeof set / sizeof *set; k++) {
        arc_test_walk walk = {.heap = &heap, .thin = 8};
        arc_status st;
        do {
            arc_evaluation *e = NULL;
            arc_error err;
            arc_test_walk_begin(&walk);
            st = set[k].run(ctx, model, &opt, &e, &err);
            assert_int_equal(st == ARC_OK, e != NULL);
            if (e) {
                assert_string_equal(e->protocol, set[k].protocol);
                assert_true(e->curve.genuine == set[k].genuine && e->curve.impostor == set[k].impostor);
                assert_int_equal(e->identification.mated, set[k].mated);
                if (set[k].run == of_distractors) /* these are the pictures themselves: the searched one, and the mate's equal */
                    assert_int_equal(e->identification.cmc[1].hits, 0);
            }
            arc_evaluation_free(ctx, &e);
        } while (arc_test_walk_again(&walk, st));
        assert_true(walk.failures > 10);
    }
    remove_lists();
    arc_model_free(&model);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

static int cancel(void *ctx, int64_t done, int64_t total) {
    (void)done;
    (void)total;
    return ++*(int *)ctx;
}

static void refusals(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_model *model;
    arc_verification v;
    arc_error err = {0};
    arc_evaluate_options opt;
    int called = 0;
    arc_evaluate_options_default(&opt);
    opt.folds = 4;
    assert_int_equal(arc_model_new(ctx, "mbf", 64, 3, &model, NULL), ARC_OK);
    write_text("missing.txt", "P0\t1\t2\nP0\t1\tP1\t1\nP3\t1\t7\nP0\t1\tP1\t2\n");
    assert_int_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("missing.txt"), &opt, &v, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "P3_0007"));
    assert_int_not_equal(folds_of_pairs(ctx, model, "/no/such/folder", in_folder("pairs.txt"), &opt, &v, &err), ARC_OK);
    assert_non_null(strstr(err.text, "/no/such/folder"));
    assert_int_not_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("none.txt"), &opt, &v, &err), ARC_OK);
    opt.max_pairs = 3;
    assert_int_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &v, &err), ARC_EINVAL);
    opt.max_pairs = 0;
    opt.progress = cancel;
    opt.progress_ctx = &called;
    assert_int_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &v, &err), ARC_ECANCEL);
    assert_int_equal(called, 1);
    opt.progress = NULL;
    assert_int_not_equal(folds_of_pairs(ctx, model, NULL, in_folder("pairs.txt"), &opt, &v, &err), ARC_OK);
    arc_image wide;
    char path[TEST_PATH_BYTES];
    image_path(path, sizeof path, 7);
    assert_int_equal(arc_image_new(ctx, 120, 112, &wide, NULL), ARC_OK);
    assert_int_equal(arc_image_save(ctx, &wide, path, NULL), ARC_OK);
    assert_int_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &v, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "120x112"));
    arc_image_free(ctx, &wide);
    arc_model_free(&model);
    arc_context_close(&ctx);
}

/* A picture that ends early is used as far as it goes and named in a note; strict evaluations refuse it. The set is whole again
 * after the test. */
static void damaged_picture(void **state) {
    (void)state;
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_model *model;
    arc_verification v;
    arc_error err = {0};
    arc_evaluation *e = NULL;
    arc_evaluate_options opt;
    arc_evaluate_options_default(&opt);
    opt.folds = 4;
    opt.checks = false;
    opt.bootstrap = 0;
    assert_int_equal(arc_model_new(ctx, "mbf", 64, 3, &model, NULL), ARC_OK);
    char path[512];
    struct stat whole;
    arc_image picture;
    image_path(path, sizeof path, 2);
    assert_int_equal(stat(path, &whole), 0);
    assert_int_equal(truncate(path, whole.st_size * 2 / 3), 0);
    assert_int_equal(arc_evaluate_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &e, &err), ARC_OK);
    assert_int_equal(e->missing, 0);
    assert_int_equal(e->verification.pairs, PAIRS);
    bool noted = false;
    for (int i = 0; i < e->notes; i++)
        noted |= strstr(e->note[i], "used as far as they go: 1;") && strstr(e->note[i], "P1_0001");
    assert_true(noted);
    arc_evaluation_free(ctx, &e);
    assert_int_equal(folds_of_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &v, &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "P1_0001"));
    assert_int_equal(arc_image_new(ctx, 112, 112, &picture, NULL), ARC_OK);
    paint(&picture, 2);
    assert_int_equal(arc_image_save(ctx, &picture, path, NULL), ARC_OK);
    arc_image_free(ctx, &picture);
    arc_model_free(&model);
    arc_context_close(&ctx);
}

/* Every allocation of an evaluation fails in its turn (thinned out where there are many). The misshapen picture of the test
 * before stays out. */
static void failing_memory(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1);
    arc_model *model;
    arc_verification v;
    arc_error err;
    arc_evaluate_options opt;
    arc_evaluate_options_default(&opt);
    opt.folds = 2;
    opt.max_pairs = 4;
    assert_int_equal(arc_model_new(ctx, "mbf", 64, 3, &model, NULL), ARC_OK);
    arc_test_walk walk = {.heap = &heap, .thin = 5};
    do
        arc_test_walk_begin(&walk);
    while (arc_test_walk_again(&walk, folds_of_pairs(ctx, model, test_folder(), in_folder("pairs.txt"), &opt, &v, &err)));
    assert_true(walk.failures > 10);
    arc_model_free(&model);
    arc_context_close(&ctx);
    assert_int_equal(heap.live, 0);
}

/* 200 pairs of LFW as a .bin: equal for any number of threads, and a trained network knows its people. */
static void real_bin(void **state) {
    (void)state;
    const char *bin = arc_test_file("verification-bin/lfw_200pairs_python2.bin");
    const char *file = arc_test_file("models/recognition/w600k_mbf_dequantised_fp32.onnx");
    arc_verification v[2];
    for (int i = 0; i < 2; i++) {
        arc_context *ctx = arc_test_context(NULL, 1 + 2 * i);
        arc_model *model;
        assert_int_equal(arc_model_load(ctx, file, ARC_TASK_EMBED, NULL, &model, NULL), ARC_OK);
        memset(&v[i], 0, sizeof v[i]);
        assert_int_equal(folds_of_pairs(ctx, model, NULL, bin, NULL, &v[i], NULL), ARC_OK);
        arc_model_free(&model);
        arc_context_close(&ctx);
    }
    assert_memory_equal(&v[0], &v[1], sizeof v[0]);
    assert_int_equal(v[0].pairs, 200);
    assert_true(v[0].accuracy > 0.98 && v[0].auc > 0.99);
}

/* What is said about `pairs` of the 6,000 pairs of a .bin of known name, one of a hundred wrong, by MobileFaceNet y1 (published:
 * 99.50 %). */
static void expect_note(const char *name, int pairs, int list_pairs, bool flip, const char *note, const char *lineage) {
    arc_context *ctx = arc_test_context(NULL, 2);
    arc_evaluation *e;
    arc_pair_set p = {.pairs = pairs, .list_pairs = list_pairs, .list_bytes = 60000000};
    assert_int_equal(arc_evaluation_new(ctx, "bin", &e, NULL), ARC_OK);
    e->provenance.set = name;
    e->provenance.model_sha256 = "967a17dd970632480609caac8b0a809f4784f1caa333a1d801365f7d34517e55";
    e->verification.flip = flip;
    e->verification.accuracy = 0.99;
    e->verification.correct = arc_rate_of(pairs / 100 * 99, pairs);
    assert_int_equal(arc_known_notes(e, &p, NULL), ARC_OK);
    assert_int_equal(e->notes, note != NULL);
    if (note)
        assert_non_null(strstr(e->note[0], note));
    assert_non_null(strstr(e->provenance.lineage, lineage));
    arc_evaluation_free(ctx, &e);
    arc_context_close(&ctx);
}

static void known_sets(void **state) {
    (void)state;
    expect_note("x/lfw.bin", 6000, 6000, true, "99.000 % is below the 99.50 % published", "LFW, 6,000 pairs");
    expect_note("x/lfw.bin", 6000, 6000, false, NULL, "published for this model, with the mirrored view: 99.50 %");
    expect_note("x/lfw.bin", 600, 6000, true, NULL, "LFW, 6,000 pairs"); /* a part is not compared */
    expect_note("x/lfw.bin", 600, 600, true, "lfw.bin has 600 pairs and 60.0 MB: not the LFW", "not a set known here");
    expect_note("x/mine.bin", 6000, 6000, true, NULL, "not a set known here");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_set), cmocka_unit_test(damaged_picture), cmocka_unit_test(failing_memory_of_sets),
        cmocka_unit_test(refusals),   cmocka_unit_test(failing_memory),  cmocka_unit_test(real_bin),
        cmocka_unit_test(known_sets),
    };
    return cmocka_run_group_tests_name("eval sets", tests, write_pictures, NULL);
}
