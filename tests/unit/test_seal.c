/* Sealed values of galleries: what comes back, what is refused, what can be seen without the key, and both kinds of keys changed
 * while values of several generations are there. */
#include "golden_json.h"

#include "gallery/seal/seal.h"
#include "shared_context.h"
#include <string.h>

static const uint8_t user[ARC_SEAL_KEY_BYTES] = {1, 2, 3}, another[ARC_SEAL_KEY_BYTES] = {1, 2, 4};
static const arc_seal_place crop_7 = {ARC_SEAL_CROP, 7, 0};

/* A gallery with a key, its record and a buffer; freed by close_gallery. */
typedef struct gallery {
    arc_seal *seal;
    arc_buffer record, scratch;
} gallery;

static void make_gallery(gallery *g, const uint8_t *key) {
    arc_buffer_init(&g->record, &ctx->alloc, 4096);
    arc_buffer_init(&g->scratch, &ctx->alloc, 1 << 20);
    assert_int_equal(arc_seal_create(ctx, key, &g->seal, &g->record, NULL), ARC_OK);
}

static void close_gallery(gallery *g) {
    arc_seal_free(&g->seal);
    arc_buffer_free(&g->record);
    arc_buffer_free(&g->scratch);
}

static arc_bytes text(const char *words) {
    return (arc_bytes){words, strlen(words)};
}

static arc_bytes record_of(const gallery *g) {
    return (arc_bytes){g->record.data, g->record.bytes};
}

/* Seals into `out`, which has room, and says how long that is. */
static arc_bytes seal_into(gallery *g, arc_seal_place place, arc_bytes plain, uint8_t *out) {
    arc_bytes sealed;
    assert_int_equal(arc_seal_put(g->seal, place, plain, &g->scratch, &sealed, NULL), ARC_OK);
    memcpy(out, sealed.data, sealed.bytes);
    return (arc_bytes){out, sealed.bytes};
}

static void expect_text(gallery *g, arc_seal_place place, arc_bytes sealed, const char *words) {
    arc_bytes plain;
    arc_error err = {0};
    if (arc_seal_get(g->seal, place, sealed, &g->scratch, &plain, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_int_equal(plain.bytes, strlen(words));
    assert_memory_equal(plain.data, words, plain.bytes);
}

static void expect_refused(gallery *g, arc_seal_place place, arc_bytes sealed, arc_status code, const char *says) {
    arc_bytes plain;
    arc_error err = {0};
    assert_int_equal(arc_seal_get(g->seal, place, sealed, &g->scratch, &plain, &err), code);
    if (!strstr(err.text, says))
        fail_msg("%s", err.text);
    assert_int_equal(plain.bytes, 0);
}

static void comes_back(void **state) {
    (void)state;
    gallery g;
    uint8_t one[200], two[200];
    make_gallery(&g, user);
    const arc_bytes a = seal_into(&g, crop_7, text("Ada Lovelace"), one), b = seal_into(&g, crop_7, text("Ada Lovelace"), two);
    assert_int_equal(a.bytes, 12 + ARC_SEAL_EXTRA_BYTES);
    assert_null(memmem(one, a.bytes, "Ada", 3));
    assert_memory_not_equal(one, two, a.bytes); /* another nonce each time */
    expect_text(&g, crop_7, a, "Ada Lovelace");
    expect_text(&g, crop_7, b, "Ada Lovelace");
    arc_bytes empty;
    assert_int_equal(arc_seal_put(g.seal, crop_7, text(""), &g.scratch, &empty, NULL), ARC_OK);
    assert_int_equal(empty.bytes, 0);
    expect_text(&g, crop_7, empty, "");
    close_gallery(&g);
}

/* Every bit of it counts, and so does everything that it belongs to. */
static void refuses_changes(void **state) {
    (void)state;
    gallery g, other;
    uint8_t bytes[200];
    make_gallery(&g, user);
    make_gallery(&other, user);
    const arc_bytes sealed = seal_into(&g, crop_7, text("pixels"), bytes);
    for (size_t bit = 0; bit < 8 * sealed.bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect_refused(&g, crop_7, sealed, bit < 32 ? ARC_ENOTFOUND : ARC_ECORRUPT, "crop of row 7");
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t cut = 1; cut < sealed.bytes; cut++)
        expect_refused(&g, crop_7, (arc_bytes){bytes, cut}, ARC_ECORRUPT, "row 7");
    expect_refused(&g, (arc_seal_place){ARC_SEAL_CROP, 8, 0}, sealed, ARC_ECORRUPT, "row 8");
    expect_refused(&g, (arc_seal_place){ARC_SEAL_DETAIL, 7, 0}, sealed, ARC_ECORRUPT, "detail");
    expect_refused(&g, (arc_seal_place){ARC_SEAL_CROP, 7, 1}, sealed, ARC_ECORRUPT, "crop");
    expect_refused(&other, crop_7, sealed, ARC_ECORRUPT, "crop");
    expect_text(&g, crop_7, sealed, "pixels");
    close_gallery(&g);
    close_gallery(&other);
}

static void without_key(void **state) {
    (void)state;
    gallery g;
    arc_seal_lookup by;
    arc_bytes out;
    const arc_bytes words = text("Ada");
    make_gallery(&g, NULL);
    assert_int_equal(g.record.bytes, 0);
    assert_null(arc_seal_index_key(g.seal));
    assert_int_equal(arc_seal_put(g.seal, crop_7, words, &g.scratch, &out, NULL), ARC_OK);
    assert_ptr_equal(out.data, words.data);
    assert_int_equal(arc_seal_get(g.seal, crop_7, words, &g.scratch, &out, NULL), ARC_OK);
    assert_ptr_equal(out.data, words.data);
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_NAME, words, &by);
    assert_int_equal(by.keys, 1);
    assert_ptr_equal(by.key[0].data, words.data);
    assert_true(arc_seal_newest(g.seal, words));
    assert_int_equal(arc_seal_renew(g.seal, &g.record, NULL), ARC_EINVAL);
    assert_int_equal(arc_seal_retire(g.seal, &g.record, NULL), ARC_EINVAL);
    assert_int_equal(arc_seal_rewrap(g.seal, user, &g.record, NULL), ARC_EINVAL);
    close_gallery(&g);
}

static void lookups(void **state) {
    (void)state;
    gallery g, other;
    arc_seal_lookup name, again, source, elsewhere;
    make_gallery(&g, user);
    make_gallery(&other, user);
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_NAME, text("Ada"), &name);
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_NAME, text("Ada"), &again);
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_SOURCE, text("Ada"), &source);
    arc_seal_lookup_of(other.seal, ARC_SEAL_BY_NAME, text("Ada"), &elsewhere);
    assert_int_equal(name.key[0].bytes, ARC_SEAL_LOOKUP_BYTES);
    assert_memory_equal(name.hash[0], again.hash[0], ARC_SEAL_LOOKUP_BYTES);
    assert_memory_not_equal(name.hash[0], source.hash[0], ARC_SEAL_LOOKUP_BYTES);
    assert_memory_not_equal(name.hash[0], elsewhere.hash[0], ARC_SEAL_LOOKUP_BYTES);
    close_gallery(&g);
    close_gallery(&other);
}

static arc_bytes golden_bytes(const json_t *root, const char *key, uint8_t out[512]) {
    const char *digits = json_string_value(json_object_get(root, key));
    assert_non_null(digits);
    const size_t bytes = strlen(digits) / 2;
    assert_true(bytes <= 512);
    for (size_t i = 0; i < bytes; i++) {
        const char pair[3] = {digits[2 * i], digits[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return (arc_bytes){out, bytes};
}

/* What another program made (tests/golden/seal.py). */
static void golden(void **state) {
    (void)state;
    gallery g = {0};
    uint8_t key[512], record[512], value[512], want[512];
    arc_seal_lookup by;
    json_t *root = golden_open("seal.json");
    golden_bytes(root, "user", key);
    arc_buffer_init(&g.scratch, &ctx->alloc, 4096);
    assert_int_equal(arc_seal_open(ctx, key, golden_bytes(root, "record", record), "g", &g.seal, NULL), ARC_OK);
    assert_true(arc_seal_renewing(g.seal));
    const arc_seal_place place = {(arc_seal_column)golden_number(root, "column"), (int64_t)golden_number(root, "row"),
                                  (int32_t)golden_number(root, "generation")};
    expect_text(&g, place, golden_bytes(root, "value", value), json_string_value(json_object_get(root, "plain")));
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_NAME, text(json_string_value(json_object_get(root, "name"))), &by);
    golden_bytes(root, "lookup", want);
    assert_memory_equal(by.hash[0], want, ARC_SEAL_LOOKUP_BYTES);
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_SOURCE, text("Ada"), &by);
    assert_int_equal(by.keys, 1);
    golden_bytes(root, "source", want);
    assert_memory_equal(by.hash[0], want, ARC_SEAL_LOOKUP_BYTES);
    golden_bytes(root, "index", want);
    assert_memory_equal(arc_seal_index_key(g.seal), want, ARC_SEAL_KEY_BYTES);
    json_decref(root);
    close_gallery(&g);
}

static void expect_open(const uint8_t *key, arc_bytes record, arc_status code, const char *says) {
    arc_seal *seal;
    arc_error err = {0};
    assert_int_equal(arc_seal_open(ctx, key, record, "people.gallery", &seal, &err), code);
    if (!strstr(err.text, says) || (code != ARC_OK && !strstr(err.text, "people.gallery")))
        fail_msg("%s", err.text);
    assert_true((code == ARC_OK) == (seal != NULL));
    arc_seal_free(&seal);
}

static void wrong_keys(void **state) {
    (void)state;
    gallery g;
    make_gallery(&g, user);
    uint8_t *bytes = g.record.data;
    expect_open(user, record_of(&g), ARC_OK, "");
    expect_open(another, record_of(&g), ARC_EINVAL, "not the key");
    expect_open(NULL, record_of(&g), ARC_EINVAL, "give its key");
    expect_open(user, text(""), ARC_EINVAL, "without a key");
    expect_open(NULL, text(""), ARC_OK, "");
    for (size_t i = 0; i < g.record.bytes; i++) { /* whatever byte is damaged, it is no other gallery */
        bytes[i] ^= 0x10;
        arc_seal *seal = NULL;
        assert_int_not_equal(arc_seal_open(ctx, user, record_of(&g), "g", &seal, NULL), ARC_OK);
        assert_null(seal);
        bytes[i] ^= 0x10;
    }
    for (size_t cut = 1; cut < g.record.bytes; cut++)
        expect_open(user, (arc_bytes){bytes, cut}, ARC_ECORRUPT, "damaged");
    bytes[g.record.bytes - 1] ^= 1;
    expect_open(user, record_of(&g), ARC_ECORRUPT, "key is right");
    bytes[7] = '2';
    expect_open(user, record_of(&g), ARC_EUNSUPPORTED, "later version");
    close_gallery(&g);
}

/* The user's key is another one, and no value is touched. */
static void rewrapped(void **state) {
    (void)state;
    gallery g;
    uint8_t bytes[200];
    arc_error err = {0};
    make_gallery(&g, user);
    const arc_bytes sealed = seal_into(&g, crop_7, text("pixels"), bytes);
    assert_int_equal(arc_seal_rewrap(g.seal, another, &g.record, NULL), ARC_OK);
    expect_open(user, record_of(&g), ARC_EINVAL, "not the key");
    assert_int_equal(arc_seal_follow(g.seal, NULL, record_of(&g), &err), ARC_EINVAL);
    assert_non_null(strstr(err.text, "open it again"));
    expect_text(&g, crop_7, sealed, "pixels"); /* still open as it was */
    assert_int_equal(arc_seal_follow(g.seal, another, record_of(&g), NULL), ARC_OK);
    expect_text(&g, crop_7, sealed, "pixels");
    arc_seal_free(&g.seal);
    assert_int_equal(arc_seal_open(ctx, another, record_of(&g), "g", &g.seal, NULL), ARC_OK);
    expect_text(&g, crop_7, sealed, "pixels");
    close_gallery(&g);
}

/* Two processes: one replaces the data key, the other reads on. */
static void renewed(void **state) {
    (void)state;
    gallery g, reader = {0};
    uint8_t before[200], after[200], index[ARC_SEAL_KEY_BYTES];
    arc_seal_lookup old, both;
    make_gallery(&g, user);
    arc_buffer_init(&reader.scratch, &ctx->alloc, 4096);
    assert_int_equal(arc_seal_open(ctx, user, record_of(&g), "g", &reader.seal, NULL), ARC_OK);
    const arc_bytes first = seal_into(&g, crop_7, text("pixels"), before);
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_NAME, text("Ada"), &old);
    memcpy(index, arc_seal_index_key(g.seal), sizeof index);
    assert_int_equal(arc_seal_retire(g.seal, &g.record, NULL), ARC_EINVAL);

    assert_int_equal(arc_seal_renew(g.seal, &g.record, NULL), ARC_OK);
    assert_false(arc_seal_renewing(g.seal)); /* not before it is stored */
    assert_int_equal(arc_seal_follow(g.seal, NULL, record_of(&g), NULL), ARC_OK);
    assert_true(arc_seal_renewing(g.seal));
    assert_int_equal(arc_seal_renew(g.seal, &g.record, NULL), ARC_EINVAL);
    assert_memory_not_equal(index, arc_seal_index_key(g.seal), sizeof index);
    assert_false(arc_seal_newest(g.seal, first));
    expect_text(&g, crop_7, first, "pixels");
    const arc_bytes second = seal_into(&g, crop_7, text("pixels"), after);
    assert_true(arc_seal_newest(g.seal, second));
    expect_refused(&reader, crop_7, second, ARC_ENOTFOUND, "generation 2");
    assert_int_equal(arc_seal_follow(reader.seal, NULL, record_of(&g), NULL), ARC_OK);
    expect_text(&reader, crop_7, second, "pixels");
    arc_seal_lookup_of(g.seal, ARC_SEAL_BY_NAME, text("Ada"), &both);
    assert_int_equal(both.keys, 2);
    assert_memory_equal(both.hash[1], old.hash[0], ARC_SEAL_LOOKUP_BYTES);

    assert_int_equal(arc_seal_retire(g.seal, &g.record, NULL), ARC_OK);
    assert_int_equal(arc_seal_follow(g.seal, NULL, record_of(&g), NULL), ARC_OK);
    assert_false(arc_seal_renewing(g.seal));
    expect_refused(&g, crop_7, first, ARC_ENOTFOUND, "generation 1");
    expect_text(&g, crop_7, second, "pixels");
    close_gallery(&reader);
    close_gallery(&g);
}

/* Another gallery's record, or none, in the place of this one's. */
static void exchanged(void **state) {
    (void)state;
    gallery g, other;
    arc_error err = {0};
    make_gallery(&g, user);
    make_gallery(&other, user);
    assert_int_equal(arc_seal_follow(g.seal, NULL, record_of(&other), &err), ARC_ECORRUPT);
    assert_non_null(strstr(err.text, "another gallery"));
    assert_int_equal(arc_seal_follow(g.seal, NULL, text(""), NULL), ARC_ECORRUPT);
    assert_int_equal(arc_seal_follow(g.seal, NULL, record_of(&g), NULL), ARC_OK);
    close_gallery(&g);
    close_gallery(&other);
}

static void memory_fails(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *small = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap};
    arc_status st;
    do {
        arc_test_walk_begin(&walk);
        arc_seal *seal = NULL, *again = NULL;
        arc_buffer record, scratch;
        arc_bytes out;
        arc_buffer_init(&record, &small->alloc, 4096);
        arc_buffer_init(&scratch, &small->alloc, 4096);
        st = arc_seal_create(small, user, &seal, &record, NULL);
        if (st == ARC_OK)
            st = arc_seal_open(small, user, (arc_bytes){record.data, record.bytes}, "g", &again, NULL);
        if (st == ARC_OK)
            st = arc_seal_put(again, crop_7, text("pixels"), &scratch, &out, NULL);
        arc_seal_free(&seal);
        arc_seal_free(&again);
        arc_buffer_free(&record);
        arc_buffer_free(&scratch);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures >= 3);
    gallery g;
    make_gallery(&g, user);
    arc_bytes out;
    arc_buffer tiny;
    arc_buffer_init(&tiny, &ctx->alloc, 16);
    assert_int_equal(arc_seal_put(g.seal, crop_7, text("pixels"), &tiny, &out, NULL), ARC_ELIMIT);
    arc_buffer_free(&tiny);
    close_gallery(&g);
    arc_context_close(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back), cmocka_unit_test(refuses_changes), cmocka_unit_test(without_key), cmocka_unit_test(lookups),
        cmocka_unit_test(golden),     cmocka_unit_test(wrong_keys),      cmocka_unit_test(rewrapped),   cmocka_unit_test(renewed),
        cmocka_unit_test(exchanged),  cmocka_unit_test(memory_fails)};
    return cmocka_run_group_tests_name("seal", tests, open_context, close_context);
}
