/* The audit of templates: files, thresholds and trials by hand, and a whole audit of a small network, whose faces are rebuilt,
 * are refused under a key that the thief has not, and are told in text, JSON and on a page. */
#include "data_support.h"

#include "generate/templates/templates.h"
#include "shared_context.h"
#include <arcface/calibrate.h>
#include <arcface/evaluate.h>
#include <arcface/face.h>
#include <arcface/file.h>
#include <arcface/template_audit.h>
#include <jansson.h>
#include <string.h>

enum { PEOPLE = 3, DIM = 16, SIDE = 112 };

static arc_model *model;
static float template_row[PEOPLE][DIM];
static const char *photo[PEOPLE];

static int make_templates(void **state) {
    const int64_t dim[2] = {PEOPLE, DIM};
    arc_embedder *embedder;
    open_context(state);
    assert_int_equal(arc_model_new(ctx, "tiny", DIM, 5, &model, NULL), ARC_OK);
    assert_int_equal(arc_embedder_new(ctx, model, &embedder, NULL), ARC_OK);
    for (int i = 0; i < PEOPLE; i++) {
        static char path[PEOPLE][600];
        char name[32];
        arc_image image = test_paint(ctx, SIDE, 3 * i);
        snprintf(name, sizeof name, "owner%d.png", i);
        snprintf(path[i], sizeof path[i], "%s", in_folder(name));
        photo[i] = path[i];
        assert_int_equal(arc_image_save(ctx, &image, path[i], NULL), ARC_OK);
        assert_int_equal(arc_embed_crops(embedder, &image, 1, false, template_row[i], NULL), ARC_OK);
        arc_image_free(ctx, &image);
    }
    arc_embedder_free(&embedder);
    return arc_npy_save(ctx, in_folder("templates.npy"), template_row[0], 2, dim, NULL) == ARC_OK ? 0 : -1;
}

static int drop_templates(void **state) {
    arc_model_free(&model);
    return close_context(state);
}

/* ---- files ---- */

static void put_npy(const char *name, const char *head, const void *data, size_t bytes) {
    uint8_t file[1024] = "\x93NUMPY\x01\x00";
    const size_t n = strlen(head);
    file[8] = 118;
    file[9] = 0;
    memset(file + 10, ' ', 118);
    memcpy(file + 10, head, n);
    file[127] = '\n';
    memcpy(file + 128, data, bytes);
    assert_int_equal(arc_file_save(&arc_alloc_libc, in_folder(name), file, 128 + bytes, NULL), ARC_OK);
}

static arc_status read_file(const char *name, float **row, int64_t *rows, int *dim, arc_error *err) {
    return arc_templates_read(ctx, in_folder(name), row, rows, dim, err);
}

static void files(void **state) {
    (void)state;
    const double wide[2][3] = {{1, 2, 3}, {-4, 5, 6}};
    const float zero[2][2] = {{1, 0}, {0, 0}}, odd[2] = {1, NAN};
    float *row;
    int64_t rows;
    int dim;
    arc_error err = {0};
    put_npy("wide.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", wide, sizeof wide);
    assert_int_equal(read_file("wide.npy", &row, &rows, &dim, &err), ARC_OK);
    assert_int_equal(rows, 2);
    assert_int_equal(dim, 3);
    assert_float_equal(row[3], -4, 0);
    arc_mem_free(&ctx->alloc, row);
    put_npy("one.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }", wide, sizeof wide);
    assert_int_equal(read_file("one.npy", &row, &rows, &dim, &err), ARC_OK);
    assert_int_equal(rows, 1);
    assert_int_equal(dim, 6);
    arc_mem_free(&ctx->alloc, row);
    put_npy("zero.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", zero, sizeof zero);
    assert_int_equal(read_file("zero.npy", &row, &rows, &dim, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "template 1 is zero"));
    assert_null(row);
    put_npy("nan.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", odd, sizeof odd);
    assert_int_equal(read_file("nan.npy", &row, &rows, &dim, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "template 0 is not finite"));
    put_npy("bytes.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", wide, 6);
    assert_int_equal(read_file("bytes.npy", &row, &rows, &dim, &err), ARC_ESHAPE);
    put_npy("cube.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3), }", wide, sizeof wide);
    assert_int_equal(read_file("cube.npy", &row, &rows, &dim, &err), ARC_ESHAPE);
    assert_int_equal(read_file("owner0.png", &row, &rows, &dim, &err), ARC_EFORMAT);
    assert_non_null(strstr(err.text, "galleries cannot be read yet"));
    assert_int_equal(arc_templates_read(ctx, test_folder(), &row, &rows, &dim, &err), ARC_EFORMAT);
    assert_int_equal(read_file("none.npy", &row, &rows, &dim, &err), ARC_ENOTFOUND);
}

/* ---- thresholds ---- */

static void thresholds(void **state) {
    (void)state;
    enum { PAIRS = 4000 };
    static double score[PAIRS];
    static uint8_t same[PAIRS];
    arc_model *calibrated;
    arc_calibration c;
    arc_threshold_source from;
    double t, low, rate;
    arc_error err = {0};
    arc_evaluation e = {.pair_score = score, .pair_same = same, .pairs = PAIRS};
    for (int i = 0; i < PAIRS; i++) { /* impostors evenly from -0.5 to 0.5 */
        same[i] = i % 2 == 0;
        score[i] = (double)i / PAIRS - 0.5 + (same[i] ? 0.4 : 0);
    }
    assert_int_equal(arc_threshold_of(model, NAN, 0, &t, &from, &rate, &err), ARC_OK);
    assert_int_equal(from, ARC_THRESHOLD_CONTRACT);
    assert_float_equal(t, (double)arc_model_contract(model)->threshold, 0);
    assert_float_equal(rate, 0, 0);
    assert_int_equal(arc_threshold_of(model, NAN, 1e-3, &t, &from, &rate, &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "arcface calibrate"));
    assert_int_equal(arc_threshold_of(model, 1.5, 0, &t, &from, &rate, &err), ARC_EINVAL);
    assert_int_equal(arc_threshold_of(model, 0.4, 0, &t, &from, &rate, &err), ARC_OK);
    assert_int_equal(from, ARC_THRESHOLD_GIVEN);

    assert_int_equal(arc_model_new(ctx, "tiny", DIM, 5, &calibrated, NULL), ARC_OK);
    assert_int_equal(arc_curve_of_scores(ctx, score, same, PAIRS, NULL, 0, &e.curve, NULL), ARC_OK);
    if (arc_calibrate(&e, 0.02, 0, 0, &c, &err) != ARC_OK || arc_model_calibrate(calibrated, &c, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(arc_threshold_of(calibrated, NAN, 0, &t, &from, &rate, &err), ARC_OK);
    assert_int_equal(from, ARC_THRESHOLD_CALIBRATED);
    assert_float_equal(t, 0.48, 0.002); /* 2 % of the impostors are above */
    assert_float_equal(rate, 0.02, 0.002);
    assert_int_equal(arc_threshold_of(calibrated, NAN, 0.1, &low, &from, &rate, &err), ARC_OK);
    assert_int_equal(from, ARC_THRESHOLD_FAR);
    assert_true(low < t && fabs(low - 0.4) < 0.03); /* between points of the curve */
    assert_float_equal(rate, 0.1, 1e-6);
    arc_curve_free(ctx, &e.curve);
    arc_model_free(&calibrated);
}

/* ---- trials ---- */

static void trials(void **state) {
    (void)state;
    const float face[3][2] = {{1, 0}, {0, 1}, {0.6f, 0.8f}}, owner[3][2] = {{1, 0}, {0.8f, 0.6f}, {-1, 0}};
    double cosine[3];
    arc_template_trial t;
    assert_int_equal(arc_trial_run(ctx, face[0], owner[0], 3, 2, 0.6f, cosine, &t, NULL), ARC_OK);
    assert_float_equal(cosine[0], 1, 1e-7);
    assert_float_equal(cosine[1], 0.6, 1e-7); /* at the threshold: accepted */
    assert_float_equal(cosine[2], -0.6, 1e-7);
    assert_int_equal(t.accepted.hits, 2);
    assert_int_equal(t.accepted.trials, 3);
    assert_int_equal(t.strangers.trials, 6);
    assert_int_equal(t.strangers.hits, 3); /* 0 with 1: 0.8; 2 with 0: 0.6; 2 with 1: 0.96 */
    assert_float_equal(t.cosine.mean, 1.0 / 3, 1e-7);
}

/* ---- the whole ---- */

static arc_template_audit *audit(const arc_template_audit_options *opt) {
    arc_template_audit *a = NULL;
    arc_error err = {0};
    if (arc_template_audit_run(ctx, in_folder("templates.npy"), model, opt, &a, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return a;
}

static int stop(void *arg, const char *stage, int64_t done, int64_t total) {
    (void)arg, (void)stage, (void)total;
    return done == 2;
}

static void whole(void **state) {
    (void)state;
    const uint8_t key[ARC_PROTECT_KEY_BYTES] = {1, 2, 3};
    arc_generate_options generate;
    arc_template_audit_options opt;
    arc_template_audit *none;
    arc_error err = {0};
    char *text;
    arc_generate_options_default(&generate);
    generate.steps = 40;
    arc_template_audit_options_default(&opt);
    opt.generate = &generate;
    opt.key = key;
    opt.independent = model;
    arc_template_audit *a = audit(&opt);
    assert_int_equal(a->templates, PEOPLE);
    assert_int_equal(a->rebuilt, PEOPLE);
    assert_int_equal(a->reference, ARC_TEMPLATE_SECOND_FACES);
    assert_int_equal(a->face[0].width_px, SIDE);
    assert_true(a->has_protected);
    assert_true(a->cosine_change < 1e-6 && a->key_error < 1e-9);
    assert_true(a->plain.cosine.mean > 0.8); /* what the generator aims at, it reaches */
    assert_true(a->unkeyed_fit.mean > 0.5);  /* so does a thief without the key, with other numbers */
    assert_true(a->plain.cosine.mean > a->unkeyed.cosine.mean + 0.3);
    assert_int_equal(a->elsewhere.accepted.trials, PEOPLE);

    assert_int_equal(arc_template_audit_describe(ctx, a, true, &text, &err), ARC_OK);
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    const json_t *plain = json_object_get(root, "plain");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(plain, "accepted"), "hits")), a->plain.accepted.hits);
    assert_float_equal(json_number_value(json_object_get(json_object_get(plain, "cosine"), "mean")), a->plain.cosine.mean, 1e-8);
    assert_non_null(json_object_get(root, "protected_without_key"));
    assert_string_equal(json_string_value(json_object_get(root, "reference")), "second faces");
    json_decref(root);
    arc_text_free(ctx, &text);
    assert_int_equal(arc_template_audit_describe(ctx, a, false, &text, &err), ARC_OK);
    assert_non_null(strstr(text, "3 templates of 16 numbers"));
    assert_non_null(strstr(text, "nobody has calibrated it"));
    assert_non_null(strstr(text, "Stolen together with the key"));
    arc_text_free(ctx, &text);
    const char *page = in_folder("audit.html");
    arc_map map;
    assert_int_equal(arc_template_audit_report(ctx, a, "templates.npy", photo, page, &err), ARC_OK);
    assert_int_equal(arc_map_open(&map, page, 1 << 24, &err), ARC_OK);
    char *html = calloc(map.bytes + 1, 1);
    memcpy(html, map.data, map.bytes);
    assert_non_null(strstr(html, "What stored templates give away"));
    assert_non_null(strstr(html, "protected, key kept"));
    assert_non_null(strstr(html, "The model is not calibrated"));
    assert_non_null(strstr(html, "</html>"));
    free(html);
    arc_map_close(&map);

    opt.key = NULL; /* with photos; two of the three; the same seed gives the same faces */
    opt.photos = photo;
    opt.photo_count = PEOPLE;
    opt.most = 2;
    arc_template_audit *b = audit(&opt), *c = audit(&opt);
    assert_int_equal(b->rebuilt, 2);
    assert_int_equal(b->row[1], 1);
    assert_int_equal(b->reference, ARC_TEMPLATE_PHOTOS);
    assert_float_equal(b->elsewhere.cosine.mean, b->plain.cosine.mean, 1e-5); /* the same model, the photos of the templates */
    assert_memory_equal(b->cosine, c->cosine, 2 * sizeof *b->cosine);
    arc_template_audit_free(ctx, &c);
    arc_template_audit_free(ctx, &b);
    arc_template_audit_free(ctx, &a);

    opt.photo_count = 2;
    assert_int_equal(arc_template_audit_run(ctx, in_folder("templates.npy"), model, &opt, &none, &err), ARC_ESHAPE);
    opt.photo_count = PEOPLE;
    opt.progress = stop;
    assert_int_equal(arc_template_audit_run(ctx, in_folder("templates.npy"), model, &opt, &none, &err), ARC_ECANCEL);
    assert_null(none);
    opt.most = 0;
    assert_int_equal(arc_template_audit_run(ctx, in_folder("templates.npy"), model, &opt, &none, &err), ARC_EINVAL);
    assert_int_equal(arc_template_audit_run(ctx, in_folder("wide.npy"), model, NULL, &none, &err), ARC_ESHAPE);
    assert_non_null(strstr(err.text, "name the model that made them"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(files), cmocka_unit_test(thresholds), cmocka_unit_test(trials),
                                       cmocka_unit_test(whole)};
    return cmocka_run_group_tests_name("template_audit", tests, make_templates, drop_templates);
}
