/* What a device gave beside a reference: arrays of every kind and recordings give the numbers that they hold, pairs are verified
 * with both, and what does not fit is told in one sentence. */
#include "deploy/parity/parity.h"
#include "deploy/reference.h"
#include "folder.h"
#include "format/format.h"
#include "op/layer.h"
#include "shared_context.h"
#include <math.h>
#include <sodium.h>
#include <string.h>

enum { ROWS = 12, DIM = 4 };

static float reference[ROWS][DIM];
static arc_parity got;
static arc_error err;

static void put_file(const char *name, const void *data, size_t bytes) {
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    fclose(f);
}

static void put_text(const char *name, const char *text) {
    put_file(name, text, strlen(text));
}

/* Six people, two pictures each: a0 b0 a1 b1 ... */
static int put_reference(void **state) {
    char names[ROWS * 8] = "", pairs[2048] = "";
    const int64_t dim[2] = {ROWS, DIM};
    test_empty_folder(state);
    for (int i = 0; i < ROWS; i++) {
        const double angle = i / 2 * 1.0 + (i % 2) * 0.1;
        for (int k = 0; k < DIM; k++)
            reference[i][k] = (float)(3 * cos(angle * (k + 1)));
        snprintf(names + strlen(names), sizeof names - strlen(names), "%c%d\n", i % 2 ? 'b' : 'a', i / 2);
    }
    for (int i = 0; i < 6; i++)
        snprintf(pairs + strlen(pairs), sizeof pairs - strlen(pairs), "a%d.png b%d.png 1\na%d.png b%d.png 0\n", i, i, i,
                 (i + 2) % 6);
    put_text("names.txt", names);
    put_text("pairs.list", pairs);
    assert_int_equal(arc_npy_save_f32(&arc_alloc_libc, in_folder("embeddings.npy"), &reference[0][0], 2, dim, NULL), ARC_OK);
    return 0;
}

static arc_status compare(const char *candidate, const arc_parity_options *opt) {
    err = (arc_error){0};
    return arc_parity_compare(ctx, test_folder(), in_folder(candidate), opt, &got, &err);
}

static void expect(const char *candidate, const arc_parity_options *opt, double least) {
    if (compare(candidate, opt) != ARC_OK)
        fail_msg("%s: %s", candidate, err.text);
    if (!(got.cosine.least >= least))
        fail_msg("%s: cosine %.9f", candidate, got.cosine.least);
    assert_int_equal(got.cosine.count, ROWS);
    assert_int_equal(got.dim, DIM);
}

static void expect_refusal(const char *candidate, const arc_parity_options *opt, arc_status code, const char *word) {
    const arc_status st = compare(candidate, opt);
    if (st != code || !strstr(err.text, word))
        fail_msg("%s: %s, \"%s\" where '%s' is expected", candidate, arc_status_name(st), err.text, word);
}

static arc_parity_options scaled(double scale, int64_t zero) {
    arc_parity_options opt;
    arc_parity_options_default(&opt);
    opt.scale = scale;
    opt.zero_point = zero;
    return opt;
}

/* ---- arrays ---- */

/* .npy of elements of `bytes` bytes; `more` ends the header. */
static void put_array(const char *name, const char *descr, const char *shape, const char *order, const void *data, size_t bytes) {
    uint8_t file[4096] = "\x93NUMPY\x01";
    const int n = snprintf((char *)file + 10, 118, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape);
    memset(file + 10 + n, ' ', (size_t)(118 - n));
    file[8] = 118;
    file[127] = '\n';
    memcpy(file + 128, data, bytes);
    put_file(name, file, 128 + bytes);
}

static double stored(arc_dtype t, void *array, int i, double scale, double zero) {
    const double v = (double)(&reference[0][0])[i] / scale + zero;
    arc_element_set_real(t, array, i, t == ARC_F16 || t == ARC_F32 || t == ARC_F64 ? v : nearbyint(v));
    return v;
}

static void arrays_of_every_kind(void **state) {
    (void)state;
    static const struct {
        const char *descr;
        arc_dtype type;
        double scale, zero, least;
    } kinds[] = {{"<f4", ARC_F32, 1, 0, 1 - 1e-9},          {"<f2", ARC_F16, 1, 0, 0.99999},
                 {"<f8", ARC_F64, 1, 0, 1 - 1e-9},          {"|u1", ARC_U8, 0.025, 121, 0.9998},
                 {"|i1", ARC_I8, 0.025, 5, 0.9998},         {"<i2", ARC_I16, 0.0001, -100, 0.9999999},
                 {"<u2", ARC_U16, 0.0001, 32000, 0.9999999}};
    for (size_t k = 0; k < ARC_COUNT(kinds); k++) {
        uint8_t data[ROWS * DIM * 8];
        for (int i = 0; i < ROWS * DIM; i++)
            stored(kinds[k].type, data, i, kinds[k].scale, kinds[k].zero);
        put_array("c.npy", kinds[k].descr, "(12, 4)", "False", data, ROWS * DIM * arc_dtype_bytes(kinds[k].type));
        const bool whole = kinds[k].scale != 1;
        const arc_parity_options opt = scaled(kinds[k].scale, (int64_t)kinds[k].zero), none = scaled(0, 0);
        expect("c.npy", whole ? &opt : NULL, kinds[k].least);
        assert_string_equal(got.refused, "");
        if (whole)
            expect_refusal("c.npy", &none, ARC_EINVAL, "--scale");
        else
            expect_refusal("c.npy", &(arc_parity_options){.struct_size = sizeof opt, .scale = 0.1}, ARC_EINVAL,
                           "leave out --scale");
    }
}

static void arrays_that_do_not_fit(void **state) {
    (void)state;
    float rows[ROWS + 1][DIM] = {{0}};
    memcpy(rows, reference, sizeof reference);
    put_array("c.npy", ">f4", "(12, 4)", "False", rows, sizeof reference);
    expect_refusal("c.npy", NULL, ARC_EUNSUPPORTED, "little-endian");
    put_array("c.npy", "<f4", "(12, 4)", "True", rows, sizeof reference);
    expect_refusal("c.npy", NULL, ARC_EUNSUPPORTED, "Fortran");
    put_array("c.npy", "<i4", "(12, 4)", "False", rows, sizeof reference);
    expect_refusal("c.npy", NULL, ARC_EUNSUPPORTED, "int32");
    put_array("c.npy", "<f4", "(13, 4)", "False", rows, sizeof rows);
    expect_refusal("c.npy", NULL, ARC_ESHAPE, "13 embeddings, the reference has 12");
    put_array("c.npy", "<f4", "(12, 2)", "False", rows, sizeof reference / 2);
    expect_refusal("c.npy", NULL, ARC_ESHAPE, "of 2 numbers");
    put_array("c.npy", "<f4", "(48,)", "False", rows, sizeof reference);
    expect_refusal("c.npy", NULL, ARC_ESHAPE, "[N,F]");
    put_array("c.npy", "<f4", "(0, 4)", "False", rows, 0);
    expect_refusal("c.npy", NULL, ARC_ESHAPE, "[N,F]");
    put_array("c.npy", "<f4", "(12, 4)", "False", rows, sizeof reference - 4);
    expect_refusal("c.npy", NULL, ARC_ECORRUPT, "its shape needs");
    rows[5][2] = NAN;
    put_array("c.npy", "<f4", "(12, 4)", "False", rows, sizeof reference);
    expect_refusal("c.npy", NULL, ARC_ECORRUPT, "row 5 ('b2') has a number that is not finite");
    memset(rows[5], 0, sizeof rows[5]);
    put_array("c.npy", "<f4", "(12, 4)", "False", rows, sizeof reference);
    expect_refusal("c.npy", NULL, ARC_ECORRUPT, "row 5 ('b2') is zero");
    put_text("c.npy", "");
    expect_refusal("c.npy", NULL, ARC_EFORMAT, "neither .npy nor JSON");
    expect_refusal("none.npy", NULL, ARC_ENOTFOUND, "none.npy");
    const arc_parity_options bad = scaled(-1, 0), lone = scaled(0, 3);
    expect_refusal("c.npy", &bad, ARC_EINVAL, "above 0");
    expect_refusal("c.npy", &lone, ARC_EINVAL, "belongs to a scale");
    assert_int_equal(arc_parity_compare(ctx, in_folder("c.npy"), in_folder("c.npy"), NULL, &got, &err), ARC_ENOTFOUND);
}

/* ---- recordings ---- */

static char text[65536];

static void begin(void) {
    *text = '\0';
}

static void add(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const size_t at = strlen(text);
    vsnprintf(text + at, sizeof text - at, fmt, args);
    va_end(args);
}

/* A message with row i as a list of numbers. */
static void add_list(int i, const char *name, double scale, double zero) {
    add("%s{%s%s%s\"tensors\": [{\"name\": \"output\", \"dataType\": \"%s\", \"dims\": [1, 4], \"quantization\": %s, "
        "\"qpScale\": %g, "
        "\"qpZp\": %g, \"data\": [",
        *text ? ", " : "[", name ? "\"name\": \"" : "", name ? name : "", name ? "\", " : "", scale != 1 ? "U8F" : "FP32",
        scale != 1 ? "true" : "false", scale, zero);
    for (int k = 0; k < DIM; k++) {
        const double v = (double)reference[i][k] / scale + zero;
        add("%s%.9g", k ? ", " : "", scale != 1 ? nearbyint(v) : v);
    }
    add("]}]}");
}

static void end(const char *name) {
    add("]");
    put_text(name, text);
}

static void recordings_by_order_and_name(void **state) {
    (void)state;
    char name[8];
    begin();
    for (int i = 0; i < ROWS; i++)
        add_list(i, NULL, 1, 0);
    end("c.json");
    expect("c.json", NULL, 1 - 1e-9);
    begin();
    for (int i = ROWS - 1; i >= 0; i--) { /* backwards, some with the suffix */
        snprintf(name, sizeof name, "%c%d%s", i % 2 ? 'b' : 'a', i / 2, i % 3 ? "" : ".png");
        add_list(i, name, 0.025, 121);
    }
    end("c.json");
    expect("c.json", NULL, 0.9998);
    begin();
    for (int i = 0; i < ROWS; i++)
        add_list(i, "a0", 1, 0);
    end("c.json");
    expect_refusal("c.json", NULL, ARC_ECORRUPT, "'a0' stands twice");
    begin();
    for (int i = 0; i < ROWS; i++)
        add_list(i, "a01", 1, 0);
    end("c.json");
    expect_refusal("c.json", NULL, ARC_ECORRUPT, "'a01', which the reference does not have");
    begin();
    for (int i = 0; i < ROWS; i++)
        add_list(i, i == 3 ? NULL : "a0", 1, 0);
    end("c.json");
    expect_refusal("c.json", NULL, ARC_EFORMAT, "message 3: some messages have a \"name\"");
}

static void recordings_in_base64(void **state) {
    (void)state;
    begin();
    add("{\"messages\": ");
    for (int i = 0; i < ROWS; i++) {
        uint16_t half[DIM];
        char code[64];
        for (int k = 0; k < DIM; k++)
            arc_element_set_real(ARC_F16, half, k, (double)reference[i][k]);
        sodium_bin2base64(code, sizeof code, (const uint8_t *)half, sizeof half, sodium_base64_VARIANT_ORIGINAL);
        add("%s{\"tensors\": [{\"name\": \"other\", \"dataType\": 3}, {\"name\": \"output\", \"dataType\": 0, \"dims\": [4, 1, "
            "1], \"data\": \"%s\"}]}",
            i ? ", " : "[", code);
    }
    add("]}");
    put_text("c.json", text);
    expect("c.json", NULL, 0.99999);
    arc_parity_options opt = scaled(0, 0);
    opt.tensor = "embedding";
    expect_refusal("c.json", &opt, ARC_EFORMAT, "no tensor 'embedding'");
}

static void recordings_that_are_wrong(void **state) {
    (void)state;
    static const struct {
        const char *message, *word;
    } wrong[] = {
        {"[]", "no list of 1"},
        {"{}", "no list of 1"},
        {"[3]", "\"tensors\""},
        {"[{\"tensors\": []}]", "\"tensors\""},
        {"[{\"tensors\": [7]}]", "no object"},
        {"[{\"tensors\": [{}, {}]}]", "no tensor 'output'"},
        {"[{\"tensors\": [{\"dataType\": \"FP32\"}]}]", "\"dims\""},
        {"[{\"tensors\": [{\"dataType\": \"fp32\", \"dims\": [1]}]}]", "\"dataType\""},
        {"[{\"tensors\": [{\"dataType\": 6, \"dims\": [1]}]}]", "\"dataType\""},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [1, 0]}]}]", "\"dims\""},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [65536, 65536, 65536, 65536, 4]}]}]", "\"dims\""},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [2], \"data\": [1]}]}]", "another length"},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [2], \"data\": [1, \"2\"]}]}]", "no number"},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [2], \"data\": \"AAAA\"}]}]", "base64"},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [2]}]}]", "neither a list"},
        {"[{\"tensors\": [{\"dataType\": 1, \"dims\": [1], \"data\": [1]}]}]", "--scale"},
        {"[{\"tensors\": [{\"dataType\": 1, \"dims\": [1], \"data\": [1], \"quantization\": true}]}]", "\"qpScale\""},
        {"[{\"tensors\": [{\"dataType\": 1, \"dims\": [1], \"data\": [1], \"quantization\": true, \"qpScale\": -1}]}]",
         "\"qpScale\""},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [1], \"data\": [1]}]}, {\"tensors\": [{\"dataType\": 3, \"dims\": [2], "
         "\"data\": [1, 2]}]}]",
         "message 1 has 2 numbers"},
        {"[{\"tensors\": [{\"dataType\": 3, \"dims\": [1], \"data\": [1]}]}]", "1 embeddings, the reference has 12"},
        {"[{\"a\": 1, \"a\": 2}]", "neither .npy nor JSON"},
    };
    for (size_t i = 0; i < ARC_COUNT(wrong); i++) {
        put_text("c.json", wrong[i].message);
        const arc_status st = compare("c.json", NULL);
        if (st == ARC_OK || !strstr(err.text, wrong[i].word))
            fail_msg("%s: \"%s\" where '%s' is expected", wrong[i].message, err.text, wrong[i].word);
    }
}

/* ---- pairs and verdict ---- */

/* Rows that changed places are far from float32's, and their pairs tell it too. */
static void pairs_are_verified_with_both(void **state) {
    (void)state;
    char path[TEST_PATH_BYTES], *told;
    float rows[ROWS][DIM];
    arc_parity_options opt = scaled(0, 0);
    snprintf(path, sizeof path, "%s", in_folder("pairs.list"));
    memcpy(rows, reference, sizeof rows);
    put_array("c.npy", "<f4", "(12, 4)", "False", rows, sizeof rows);
    expect("c.npy", NULL, 1 - 1e-9);
    assert_false(got.verified);
    opt.pairs = path;
    expect("c.npy", &opt, 1 - 1e-9);
    assert_true(got.verified);
    assert_int_equal(got.before.pairs, 12);
    assert_int_equal(got.before.folds, 6);
    assert_true(got.before.accuracy == got.after.accuracy);
    for (int k = 0; k < DIM; k++) {
        rows[3][k] = reference[8][k];
        rows[8][k] = -reference[3][k];
    }
    put_array("c.npy", "<f4", "(12, 4)", "False", rows, sizeof rows);
    assert_int_equal(rename(in_folder("pairs.list"), in_folder("pairs.txt")), 0);
    expect("c.npy", NULL, -1);
    assert_true(got.verified && got.after.accuracy < got.before.accuracy);
    assert_non_null(strstr(got.refused, "min-cosine"));
    assert_true(got.cosine.worst == 3 || got.cosine.worst == 8);
    assert_true(strcmp(got.worst, "b1") == 0 || strcmp(got.worst, "a4") == 0);
    assert_int_equal(arc_parity_describe(ctx, &got, true, &told, &err), ARC_OK);
    assert_non_null(strstr(told, "\"passed\": false"));
    arc_text_free(ctx, &told);
    put_text("pairs.txt", "a0.png b0.png 1\na0.png c0.png 0\n");
    expect_refusal("c.npy", NULL, ARC_ECORRUPT, "pair 2 names 'c0.png'");
    put_text("pairs.txt", "a0.png b0.png 1\na0.png b1.png 0\n");
    expect_refusal("c.npy", NULL, ARC_EINVAL, "at least 4");
}

/* Percentiles of known cosines. */
static void cosines_are_ranked(void **state) {
    (void)state;
    enum { MANY = 200 };
    static float a[MANY][2], b[MANY][2];
    arc_parity_cosines c;
    for (int i = 0; i < MANY; i++) { /* cosine (i * 37 mod 200) / 200: every one once */
        const double cosine = (i * 37 % MANY) / (double)MANY;
        a[i][0] = 1;
        b[i][0] = (float)cosine;
        b[i][1] = (float)sqrt(1 - cosine * cosine);
    }
    assert_int_equal(arc_parity_cosines_of(ctx, &a[0][0], &b[0][0], MANY, 2, &c, &err), ARC_OK);
    assert_true(fabs(c.mean - 0.4975) < 1e-6 && fabs(c.p50 - 0.5) < 1e-6 && fabs(c.p5 - 0.05) < 1e-6 && fabs(c.p1 - 0.01) < 1e-6);
    assert_true(fabs(c.least) < 1e-6 && c.worst == 0);
    b[7][0] = INFINITY;
    assert_int_equal(arc_parity_cosines_of(ctx, &a[0][0], &b[0][0], MANY, 2, &c, &err), ARC_OK);
    assert_true(c.least == -1 && c.worst == 7);
}

/* A kit is a folder around a reference. */
static void a_kit_is_a_reference(void **state) {
    (void)state;
    char from[TEST_PATH_BYTES], to[TEST_PATH_BYTES];
    static const char *const files[] = {"names.txt", "embeddings.npy"};
    assert_int_equal(mkdir(in_folder("reference"), 0777), 0);
    for (size_t i = 0; i < ARC_COUNT(files); i++) {
        snprintf(from, sizeof from, "%s", in_folder(files[i]));
        snprintf(to, sizeof to, "%s/reference/%s", test_folder(), files[i]);
        assert_int_equal(rename(from, to), 0);
    }
    put_array("c.npy", "<f4", "(12, 4)", "False", reference, sizeof reference);
    expect("c.npy", NULL, 1 - 1e-9);
    assert_int_equal(remove(to), 0);
    expect_refusal("c.npy", NULL, ARC_ENOTFOUND, "names.txt");
}

static void memory_may_run_out(void **state) {
    (void)state;
    char path[TEST_PATH_BYTES];
    arc_test_heap heap = {0};
    arc_test_walk walk = {.heap = &heap};
    arc_context *own = arc_test_context(&heap, 1);
    arc_parity_options opt = scaled(0, 0);
    arc_status st;
    snprintf(path, sizeof path, "%s", in_folder("pairs.list"));
    opt.pairs = path;
    begin();
    for (int i = 0; i < ROWS; i++)
        add_list(i, NULL, 0.025, 121);
    end("c.json");
    do {
        arc_test_walk_begin(&walk);
        st = arc_parity_compare(own, test_folder(), in_folder("c.json"), &opt, &got, &err);
    } while (arc_test_walk_again(&walk, st));
    arc_context_close(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(arrays_of_every_kind, put_reference),
        cmocka_unit_test_setup(arrays_that_do_not_fit, put_reference),
        cmocka_unit_test_setup(recordings_by_order_and_name, put_reference),
        cmocka_unit_test_setup(recordings_in_base64, put_reference),
        cmocka_unit_test_setup(recordings_that_are_wrong, put_reference),
        cmocka_unit_test_setup(pairs_are_verified_with_both, put_reference),
        cmocka_unit_test(cosines_are_ranked),
        cmocka_unit_test_setup(a_kit_is_a_reference, put_reference),
        cmocka_unit_test_setup(memory_may_run_out, put_reference),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
