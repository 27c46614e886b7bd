/* Protection of templates: the same rotations and keys as by other means (tests/golden/protect.py), cosines that stay, nothing to
 * see without the key, and where keys come from. */
#include "golden_json.h"

#include "folder.h"
#include "shared_context.h"
#include <arcface/protect.h>
#include <string.h>

enum { ROWS = 24, DIM = 512 };

static void counted(uint8_t key[ARC_PROTECT_KEY_BYTES]) {
    for (int i = 0; i < ARC_PROTECT_KEY_BYTES; i++)
        key[i] = (uint8_t)i;
}

static arc_protection *protection(const uint8_t *key, int dim) {
    arc_protection *p = NULL;
    assert_int_equal(arc_protection_new(ctx, key, dim, &p, NULL), ARC_OK);
    return p;
}

static void golden(void **state) {
    (void)state;
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    json_t *root = golden_open("protect.json"), *cases = json_object_get(root, "cases");
    counted(key);
    for (size_t k = 0; k < json_array_size(cases); k++) {
        const json_t *c = json_array_get(cases, k);
        const int dim = (int)golden_number(c, "dim");
        float x[DIM];
        arc_protection *p = protection(key, dim);
        for (int i = 0; i < dim; i++)
            x[i] = (float)(i + 1);
        arc_protect(p, x, 1, x);
        for (int i = 0; i < dim; i++)
            assert_float_equal(x[i], golden_item(c, "rotated", (size_t)i), 2e-7 * dim * sqrt(dim));
        arc_protection_free(ctx, &p);
        assert_null(p);
    }
    json_decref(root);
}

static void draw(float *x, uint64_t seed) {
    for (int i = 0; i < ROWS * DIM; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((double)(seed >> 33) * 0x1p-30 - 1);
    }
}

static double cosine(const float *a, const float *b) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < DIM; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static void cosines_stay(void **state) {
    (void)state;
    static float plain[ROWS * DIM], hidden[ROWS * DIM], other[ROWS * DIM], back[ROWS * DIM], one[ROWS * DIM];
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    counted(key);
    draw(plain, 3);
    arc_protection *p = protection(key, DIM);
    key[7] ^= 1;
    arc_protection *q = protection(key, DIM);
    arc_protect(p, plain, ROWS, hidden);
    arc_protect(q, plain, ROWS, other);
    arc_unprotect(p, hidden, ROWS, back);
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j <= i; j++)
            assert_float_equal(cosine(hidden + i * DIM, hidden + j * DIM), cosine(plain + i * DIM, plain + j * DIM), 1e-7);
        assert_true(fabs(cosine(hidden + i * DIM, plain + i * DIM)) < 0.25); /* 5.6 deviations of a random direction */
        assert_true(fabs(cosine(hidden + i * DIM, other + i * DIM)) < 0.25);
        assert_float_equal(cosine(back + i * DIM, plain + i * DIM), 1, 1e-12);
    }
    for (int i = 0; i < ROWS * DIM; i++)
        assert_float_equal(back[i], plain[i], 1e-6);
    arc_context *single = arc_test_context(NULL, 1); /* the same bits on one thread */
    arc_protection *s = NULL;
    key[7] ^= 1;
    assert_int_equal(arc_protection_new(single, key, DIM, &s, NULL), ARC_OK);
    arc_protect(s, plain, ROWS, one);
    assert_memory_equal(one, hidden, sizeof one);
    arc_protection_free(single, &s);
    arc_context_close(&single);
    arc_protection_free(ctx, &p);
    arc_protection_free(ctx, &q);
}

/* The image of an axis is a uniformly distributed direction: each of its squares is 1/dim on average over keys. */
static void uniform(void **state) {
    (void)state;
    enum { KEYS = 2000, D = 4 };
    double square[D][D] = {{0}}, sum[D][D] = {{0}};
    uint8_t key[ARC_PROTECT_KEY_BYTES] = {0};
    for (int k = 0; k < KEYS; k++) {
        float axis[D][D] = {{0}};
        memcpy(key, &k, sizeof k);
        arc_protection *p = protection(key, D);
        for (int i = 0; i < D; i++)
            axis[i][i] = 1;
        arc_protect(p, axis[0], D, axis[0]);
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++) {
                square[i][j] += axis[i][j] * axis[i][j] / KEYS;
                sum[i][j] += axis[i][j] / KEYS;
            }
        arc_protection_free(ctx, &p);
    }
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) { /* six standard errors */
            assert_float_equal(square[i][j], 1.0 / D, 6 * sqrt(2.0 / (D * (D + 2))) * sqrt((D - 1.0) / D / KEYS));
            assert_float_equal(sum[i][j], 0, 6 * sqrt(1.0 / D / KEYS));
        }
}

static void put(const char *path, const void *data, size_t bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static void expect_key(const char *name, const uint8_t *want, arc_protect_source from) {
    uint8_t key[ARC_PROTECT_KEY_BYTES];
    arc_protect_source source;
    arc_error err = {0};
    if (arc_protect_key(name, key, &source, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(key, want, sizeof key);
    assert_int_equal(source, from);
}

static void keys(void **state) {
    (void)state;
    const char *path = in_folder("key");
    char hex[2 * ARC_PROTECT_KEY_BYTES + 2] = "";
    uint8_t want[ARC_PROTECT_KEY_BYTES], phrase[ARC_PROTECT_KEY_BYTES], key[ARC_PROTECT_KEY_BYTES];
    arc_error err = {0};
    counted(want);
    for (int i = 0; i < ARC_PROTECT_KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", i);
    put(path, want, sizeof want);
    expect_key(path, want, ARC_PROTECT_FILE);
    hex[2 * ARC_PROTECT_KEY_BYTES] = '\n';
    put(path, hex, sizeof hex - 1);
    expect_key(path, want, ARC_PROTECT_FILE);
    hex[2 * ARC_PROTECT_KEY_BYTES] = 0;
    setenv("ARC_TEST_KEY", hex, 1);
    expect_key("env:ARC_TEST_KEY", want, ARC_PROTECT_ENVIRONMENT);

    json_t *root = golden_open("protect.json");
    const char *words = json_string_value(json_object_get(root, "passphrase"));
    const char *digits = json_string_value(json_object_get(root, "passphrase_key"));
    for (int i = 0; i < ARC_PROTECT_KEY_BYTES; i++) {
        const char pair[3] = {digits[2 * i], digits[2 * i + 1], 0};
        phrase[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    expect_key(words, phrase, ARC_PROTECT_TEXT);
    put(path, "correct horse\n", 14);
    expect_key(path, phrase, ARC_PROTECT_FILE);
    json_decref(root);

    put(path, "\n", 1);
    assert_int_equal(arc_protect_key(path, key, NULL, &err), ARC_EINVAL);
    assert_int_equal(arc_protect_key("", key, NULL, &err), ARC_EINVAL);
    assert_int_equal(arc_protect_key("env:ARC_TEST_NO_KEY", key, NULL, &err), ARC_ENOTFOUND);
    assert_int_equal(arc_protect_key(test_folder(), key, NULL, &err), ARC_EIO);
    assert_int_equal(arc_protect_key(in_folder("none"), key, NULL, &err), ARC_ENOTFOUND);
    assert_non_null(strstr(err.text, "/none"));
}

static void expect_refused(const char *name, arc_status code, const char *says) {
    uint8_t key[ARC_PROTECT_KEY_BYTES], zero[ARC_PROTECT_KEY_BYTES] = {0};
    arc_error err = {0};
    assert_int_equal(arc_protect_key(name, key, NULL, &err), code);
    if (!strstr(err.text, says))
        fail_msg("%s", err.text);
    assert_memory_equal(key, zero, sizeof key);
}

static void commands(void **state) {
    (void)state;
    char name[4200], bytes[4097] = {0};
    uint8_t want[ARC_PROTECT_KEY_BYTES];
    counted(want);
    put(in_folder("key"), want, sizeof want);
    snprintf(name, sizeof name, "command:  cat   %s ", in_folder("key"));
    expect_key(name, want, ARC_PROTECT_COMMAND);
    put(in_folder("long"), bytes, sizeof bytes);
    snprintf(name, sizeof name, "command:cat %s", in_folder("long"));
    expect_refused(name, ARC_ELIMIT, "4096 bytes");
    snprintf(name, sizeof name, "command:%s", in_folder("no-such-program"));
    expect_refused(name, ARC_ENOTFOUND, "no-such-program");
    expect_refused("command:cat /dev/null", ARC_EINVAL, "no key");
    expect_refused("command:", ARC_EINVAL, "no command");
    expect_refused("command:false", ARC_EIO, "status 1");
    expect_refused("command:yes", ARC_ELIMIT, "yes");
    expect_refused("command:1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3", ARC_ELIMIT, "32 words");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    memcpy(name, "command:", 8);
    expect_refused(name, ARC_ELIMIT, "4095 bytes");
}

static void refused(void **state) {
    (void)state;
    const uint8_t key[ARC_PROTECT_KEY_BYTES] = {0};
    arc_protection *p = NULL;
    arc_error err = {0};
    assert_int_equal(arc_protection_new(ctx, key, 0, &p, &err), ARC_EINVAL);
    assert_int_equal(arc_protection_new(ctx, key, 4097, &p, &err), ARC_EINVAL);
    assert_null(p);
    arc_protection_free(ctx, &p);
    arc_test_heap heap = {0};
    arc_context *small = arc_test_context(&heap, 1);
    arc_status st;
    arc_test_walk walk = {.heap = &heap};
    do {
        arc_test_walk_begin(&walk);
        st = arc_protection_new(small, key, 8, &p, NULL);
        arc_protection_free(small, &p);
    } while (arc_test_walk_again(&walk, st));
    assert_int_equal(walk.failures, 3);
    arc_context_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(cosines_stay), cmocka_unit_test(uniform),
                                       cmocka_unit_test(keys),   cmocka_unit_test(commands),     cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("protect", tests, open_context, close_context);
}
