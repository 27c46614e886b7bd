/* Pictures in archives: what is given of zip and tar in every packing, what is refused by name, what hostile, damaged and cut
 * ones can do: nothing but fail, within the limits. */
#include "archive_support.h"
#include "base/base.h"
#include "folder.h"
#include "shared_context.h"
#include "source/archive.h"
#include "source/kinds.h"
#include <arcface/arcface.h>
#include <string.h>
#include <unistd.h>

#define NAME "p.arc"

static const arc_photo_archive_limits usual = {1 << 20, ARC_BOMB_BYTES, false};

static const struct {
    const char *format, *kind;
    int filter;
} forms[] = {
    {"zip", "zip", ARCHIVE_FILTER_NONE},     {"ustar", "tar", ARCHIVE_FILTER_NONE},    {"pax", "tar", ARCHIVE_FILTER_NONE},
    {"gnutar", "tar", ARCHIVE_FILTER_NONE},  {"ustar", "gzip", ARCHIVE_FILTER_GZIP},   {"pax", "xz", ARCHIVE_FILTER_XZ},
    {"gnutar", "zstd", ARCHIVE_FILTER_ZSTD}, {"ustar", "bzip2", ARCHIVE_FILTER_BZIP2},
};

/* A picture of n bytes, each member's its own. */
static unsigned char *picture(size_t n, unsigned seed) {
    unsigned char *p = malloc(n);
    const int head = snprintf((char *)p, n, "P5\n%zu 1\n255\n", n);
    for (size_t i = (size_t)head; i < n; i++)
        p[i] = (unsigned char)arc_rng_hash(seed, i);
    return p;
}

static void put_picture(test_archive *t, const char *name, size_t n, unsigned seed) {
    unsigned char *p = picture(n, seed);
    test_archive_file(t, name, p, n);
    free(p);
}

static arc_photo_archive *open_bytes(const void *bytes, size_t count, const arc_photo_archive_limits *limits) {
    arc_photo_archive *z;
    arc_error err = {0};
    if (arc_photo_archive_open(&z, &ctx->alloc, NAME, bytes, count, NULL, limits, &err) != ARC_OK)
        fail_msg("%s", err.text);
    return z;
}

/* All members as text, a line each: a sign and the name, or the reason. */
static const char *told(const void *bytes, size_t count, const arc_photo_archive_limits *limits) {
    static char text[16384];
    arc_photo_archive *z = open_bytes(bytes, count, limits);
    arc_photo_member m;
    size_t at = 0;
    text[0] = 0;
    for (;;) {
        assert_int_equal(arc_photo_archive_next(z, &m, NULL), ARC_OK);
        if (m.kind == ARC_MEMBER_END)
            break;
        const bool bad = m.kind == ARC_MEMBER_FAILED || m.kind == ARC_MEMBER_BROKEN;
        at += (size_t)snprintf(text + at, sizeof text - at, "%c%s\n", " +-o!x"[m.kind], bad ? m.failure.text : m.name);
        arc_mem_free(&ctx->alloc, m.bytes);
    }
    assert_string_equal(m.name, NAME);
    arc_photo_archive_close(&z);
    return text;
}

static void every_format_and_packing(void **state) {
    (void)state;
    for (size_t f = 0; f < ARC_COUNT(forms); f++) {
        test_archive t;
        static const size_t size[] = {600, 100000, 11};
        static const char *const name[] = {"a.jpg", "dir/b\xc3\xa4 c", "z"};
        test_archive_begin(&t, forms[f].format, forms[f].filter, NULL);
        test_archive_put(&t, "dir", AE_IFDIR, NULL, NULL, 0, true);
        for (int i = 0; i < 3; i++)
            put_picture(&t, name[i], size[i], (unsigned)i);
        test_archive_end(&t);
        assert_string_equal(arc_photo_archive_kind(t.bytes, t.count), forms[f].kind);
        arc_photo_archive *z = open_bytes(t.bytes, t.count, &usual);
        arc_photo_member m;
        for (int i = 0; i < 3; i++) {
            char path[64];
            unsigned char *want = picture(size[i], (unsigned)i);
            snprintf(path, sizeof path, NAME "/%s", name[i]);
            assert_int_equal(arc_photo_archive_next(z, &m, NULL), ARC_OK);
            assert_int_equal(m.kind, ARC_MEMBER_PICTURE);
            assert_string_equal(m.name, path);
            assert_int_equal(m.byte_count, size[i]);
            assert_memory_equal(m.bytes, want, size[i]);
            arc_mem_free(&ctx->alloc, m.bytes);
            free(want);
        }
        for (int i = 0; i < 2; i++) {
            assert_int_equal(arc_photo_archive_next(z, &m, NULL), ARC_OK);
            assert_int_equal(m.kind, ARC_MEMBER_END);
        }
        arc_photo_archive_close(&z);
        const arc_photo_archive_limits names = {1 << 20, ARC_BOMB_BYTES, true};
        assert_string_equal(told(t.bytes, t.count, &names), "+" NAME "/a.jpg\n+" NAME "/dir/b\xc3\xa4 c\n+" NAME "/z\n");
        test_archive_free(&t);
    }
}

static void what_is_no_picture(void **state) {
    (void)state;
    for (size_t f = 0; f < ARC_COUNT(forms); f++) {
        test_archive t;
        test_archive_begin(&t, forms[f].format, forms[f].filter, NULL);
        test_archive_file(&t, "notes.jpg", "notes", 5);
        test_archive_file(&t, "empty", "", 0);
        test_archive_file(&t, "in.zip", "PK\3\4....", 8);
        put_picture(&t, ".hidden", 100, 0);
        put_picture(&t, "a/.b/c", 100, 0);
        put_picture(&t, "__MACOSX/a", 100, 0);
        put_picture(&t, "x", 100, 0);
        put_picture(&t, "./x", 100, 1); /* again */
        put_picture(&t, "..x/y..", 100, 1);
        put_picture(&t, "a..b", 100, 1);
        test_archive_end(&t);
        assert_string_equal(told(t.bytes, t.count, &usual), "-" NAME "/notes.jpg\n-" NAME "/empty\no" NAME "/in.zip\n+" NAME
                                                            "/x\n+" NAME "/x#8\n+" NAME "/a..b\n");
        test_archive_free(&t);
    }
}

static void hostile_members_are_refused_by_name(void **state) {
    (void)state;
    for (size_t f = 0; f < ARC_COUNT(forms); f++) {
        test_archive t;
        test_archive_begin(&t, forms[f].format, forms[f].filter, NULL);
        put_picture(&t, "/etc/a.jpg", 100, 0);
        put_picture(&t, "../a.jpg", 100, 0);
        put_picture(&t, "a/../../b", 100, 0);
        put_picture(&t, "a/..", 100, 0);
        put_picture(&t, "a\x1b[31mb\n", 100, 0);
        if (strcmp(forms[f].format, "zip") != 0) {
            test_archive_put(&t, "hard", AE_IFREG, "x", NULL, 0, true);
            test_archive_put(&t, "fifo", AE_IFIFO, NULL, NULL, 0, true);
        }
        test_archive_put(&t, "soft", AE_IFLNK, "/etc/passwd", NULL, 0, true);
        put_picture(&t, "large", (1 << 20) + 1, 0);
        put_picture(&t, "fits", 1 << 20, 0);
        test_archive_end(&t);
        const char *got = told(t.bytes, t.count, &usual);
        assert_non_null(strstr(got, "!" NAME "//etc/a.jpg: has an absolute name\n"));
        assert_non_null(strstr(got, "!" NAME "/../a.jpg: has a name that points outside the archive\n"));
        assert_non_null(strstr(got, "!" NAME "/a/../../b: has a name that points outside the archive\n"));
        assert_non_null(strstr(got, "!" NAME "/a/..: has a name that points outside the archive\n"));
        assert_non_null(strstr(got, "!" NAME "/a?[31mb?: has control characters in its name\n"));
        assert_non_null(strstr(got, "!" NAME "/soft: is a link, which is not followed in archives\n"));
        assert_non_null(strstr(got, "!" NAME "/large: more than the limit of 1048576 bytes (--max-bytes)\n"));
        if (strcmp(forms[f].format, "zip") != 0) {
            assert_non_null(strstr(got, "!" NAME "/hard: is a link, which is not followed in archives\n"));
            assert_non_null(strstr(got, "-" NAME "/fifo\n"));
        }
        assert_string_equal(strrchr(got, '+'), "+" NAME "/fits\n");
        test_archive_free(&t);
    }
}

/* Sizes that the archive does not tell before the bytes. */
static void sizes_that_are_not_told(void **state) {
    (void)state;
    test_archive t;
    unsigned char *p = picture((1 << 20) + 1, 0);
    test_archive_begin(&t, "zip", ARCHIVE_FILTER_NONE, "compression=deflate");
    test_archive_put(&t, "large", AE_IFREG, NULL, p, (1 << 20) + 1, false);
    test_archive_put(&t, "fits", AE_IFREG, NULL, p, 1 << 20, false);
    test_archive_end(&t);
    static const char want[] = "!" NAME "/large: more than the limit of 1048576 bytes (--max-bytes)\n+" NAME "/fits\n";
    assert_string_equal(told(t.bytes, t.count, &usual), want);
    /* A list of members that claims to lie elsewhere is not read: the members are found all the same. */
    unsigned char *end = t.bytes + t.count - 22;
    assert_memory_equal(end, "PK\5\6", 4);
    memset(end + 16, 0xfe, 4);
    assert_string_equal(told(t.bytes, t.count, &usual), want);
    free(p);
    test_archive_free(&t);
}

static void encrypted_members(void **state) {
    (void)state;
    static const char *const how[] = {"zip:encryption=traditional", "zip:encryption=aes256"};
    for (size_t i = 0; i < ARC_COUNT(how); i++) {
        test_archive t;
        test_archive_begin(&t, "zip", ARCHIVE_FILTER_NONE, how[i]);
        put_picture(&t, "a", 5000, 0);
        put_picture(&t, "b", 5000, 0);
        test_archive_end(&t);
        static const char why[] = "is encrypted; unpack the archive with its password and name the folder";
        char want[512];
        snprintf(want, sizeof want, "!" NAME "/a: %s\n!" NAME "/b: %s\n", why, why);
        assert_string_equal(told(t.bytes, t.count, &usual), want);
        test_archive_free(&t);
    }
}

/* What unpacks to far more than it is: no longer read than to the limit, whether in a picture, in what is passed over, or in many
 * members. */
static void bombs(void **state) {
    (void)state;
    enum { BIG = 8 << 20 };
    static const arc_photo_archive_limits tight = {BIG + 1000, 1 << 20, false};
    static const int filter[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_BZIP2};
    unsigned char *zeros = calloc(BIG, 1);
    for (size_t f = 0; f < ARC_COUNT(filter); f++)
        for (int way = 0; way < 3; way++) {
            test_archive t;
            memcpy(zeros, way == 0 ? "P5\n" : "\0\0\0", 3);
            test_archive_begin(&t, "ustar", filter[f], NULL);
            put_picture(&t, "first", 100, 0);
            for (int i = 0; i < (way == 2 ? 800 : 1); i++)
                test_archive_file(&t, "big", zeros, way == 2 ? 10000 : BIG);
            put_picture(&t, "last", 100, 0);
            test_archive_end(&t);
            assert_true(t.count < BIG / 250);
            const char *got = told(t.bytes, t.count, &tight);
            assert_int_equal(strncmp(got, "+" NAME "/first\n", strlen(NAME) + 8), 0);
            const char *why = strstr(got, "\nx" NAME ": unpacks to more than 200 times its size: taken for a bomb after ");
            assert_non_null(why);
            assert_true(strtol(strstr(why, "members and ") + 12, NULL, 10) < BIG / 2); /* not after all of it */
            assert_null(strstr(got, "last"));
            assert_non_null(strstr(told(t.bytes, t.count, &usual), "+" NAME "/last\n")); /* with the usual limits it is small */
            test_archive_free(&t);
        }
    /* a zip's members have their own packing */
    test_archive t;
    memcpy(zeros, "P5\n", 3);
    test_archive_begin(&t, "zip", ARCHIVE_FILTER_NONE, "compression=deflate");
    test_archive_file(&t, "big", zeros, BIG);
    put_picture(&t, "last", 100, 0);
    test_archive_end(&t);
    assert_non_null(strstr(told(t.bytes, t.count, &tight),
                           "x" NAME ": unpacks to more than 200 times its size: taken for a bomb after 1 members and 1"));
    test_archive_free(&t);
    free(zeros);
}

/* Every member that is given is whole: as it was put in. Gives their number. */
static int whole_members(const void *bytes, size_t count, size_t size) {
    arc_photo_archive *z;
    arc_photo_member m = {.kind = ARC_MEMBER_SKIPPED};
    int given = 0;
    if (arc_photo_archive_open(&z, &ctx->alloc, NAME, bytes, count, NULL, &usual, NULL) != ARC_OK)
        return 0;
    for (int i = 0; m.kind != ARC_MEMBER_END; i++) {
        assert_true(i < 1000);
        assert_int_equal(arc_photo_archive_next(z, &m, NULL), ARC_OK);
        if (m.kind != ARC_MEMBER_PICTURE)
            continue;
        unsigned char *want = picture(size, 7);
        assert_int_equal(m.byte_count, size);
        assert_memory_equal(m.bytes, want, size);
        free(want);
        arc_mem_free(&ctx->alloc, m.bytes);
        given++;
    }
    arc_photo_archive_close(&z);
    return given;
}

static void cut_archives(void **state) {
    (void)state;
    for (size_t f = 0; f < ARC_COUNT(forms); f++) {
        test_archive t;
        test_archive_begin(&t, forms[f].format, forms[f].filter, NULL);
        for (int i = 0; i < 3; i++)
            put_picture(&t, (const char *[]){"a", "b", "c"}[i], 3000, 7);
        test_archive_end(&t);
        int least = 3;
        for (size_t cut = t.count; cut > 0; cut -= ARC_MIN(cut, (size_t)17)) {
            const int given = whole_members(t.bytes, cut, 3000);
            least = ARC_MIN(least, given);
            assert_true(given <= 3);
        }
        assert_int_equal(least, 0);
        assert_int_equal(whole_members(t.bytes, t.count, 3000), 3);
        test_archive_free(&t);
    }
    /* and it is told: the member that ends early, and what is missing behind it */
    test_archive t;
    test_archive_begin(&t, "ustar", ARCHIVE_FILTER_GZIP, NULL);
    put_picture(&t, "a", 300000, 7);
    put_picture(&t, "b", 300000, 7);
    test_archive_end(&t);
    const char *got = told(t.bytes, t.count * 3 / 4, &usual);
    assert_non_null(
        strstr(got, "+" NAME "/a\n!" NAME "/b: truncated gzip input\nx" NAME ": damaged or cut off after 2 members: "));
    test_archive_free(&t);
}

/* Each byte of a zip, changed: checksums see to it that no picture changes unnoticed. */
static void damaged_zips(void **state) {
    (void)state;
    test_archive t;
    int fewer = 0;
    test_archive_begin(&t, "zip", ARCHIVE_FILTER_NONE, "compression=deflate");
    put_picture(&t, "a", 300, 7);
    put_picture(&t, "b", 300, 7);
    test_archive_end(&t);
    for (size_t i = 0; i < t.count; i++)
        for (int bit = 0; bit < 8; bit += 3) {
            t.bytes[i] ^= (unsigned char)(1 << bit);
            fewer += whole_members(t.bytes, t.count, 300) < 2;
            t.bytes[i] ^= (unsigned char)(1 << bit);
        }
    assert_true(fewer > 100);
    test_archive_free(&t);
}

static void what_is_no_archive(void **state) {
    (void)state;
    arc_photo_archive *z;
    arc_error err = {0};
    assert_int_equal(arc_photo_archive_open(&z, &ctx->alloc, NAME, "text", 4, NULL, &usual, &err), ARC_EUNSUPPORTED);
    assert_null(z);
    test_archive t;
    test_archive_begin(&t, "raw", ARCHIVE_FILTER_GZIP, NULL); /* one packed file */
    put_picture(&t, "a", 3000, 0);
    test_archive_end(&t);
    if (arc_photo_archive_open(&z, &ctx->alloc, NAME, t.bytes, t.count, NULL, &usual, &err) == ARC_OK) {
        arc_photo_member m;
        assert_int_equal(arc_photo_archive_next(z, &m, NULL), ARC_OK);
        assert_int_equal(m.kind, ARC_MEMBER_BROKEN);
        err = m.failure;
    }
    assert_non_null(strstr(err.text, "Unrecognized archive format"));
    arc_photo_archive_close(&z);
    test_archive_free(&t);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *own = arc_test_context(&heap, 1);
    test_archive t;
    test_archive_begin(&t, "ustar", ARCHIVE_FILTER_NONE, NULL);
    for (int i = 0; i < 200; i++) { /* so many that the set of names grows */
        char name[150];
        snprintf(name, sizeof name, "%d/%0*d", i, i % 90 + 1, i);
        put_picture(&t, name, 2000, 0);
    }
    test_archive_end(&t);
    arc_test_walk walk = {.heap = &heap, .thin = 20};
    arc_status st;
    do {
        arc_photo_archive *z;
        arc_photo_member m = {.kind = ARC_MEMBER_SKIPPED};
        arc_test_walk_begin(&walk);
        st = arc_photo_archive_open(&z, &own->alloc, NAME, t.bytes, t.count, NULL, &usual, NULL);
        while (st == ARC_OK && m.kind != ARC_MEMBER_END) {
            st = arc_photo_archive_next(z, &m, NULL);
            arc_mem_free(&own->alloc, m.bytes);
        }
        arc_photo_archive_close(&z);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 20);
    test_archive_free(&t);
    arc_context_close(&own);
}

/* ---- archives among other names ---- */

static const char *in_feed(const char *const *names, int count, const arc_feed_options *opt, arc_feed_tally *t, int64_t *known) {
    static char text[16384];
    arc_feed *feed;
    arc_photo_source source;
    arc_photo photo;
    size_t at = 0;
    text[0] = 0;
    assert_int_equal(arc_feed_open(ctx, names, count, opt, &feed, NULL), ARC_OK);
    arc_feed_source(feed, &source);
    *known = source.count;
    for (int64_t i = 0;; i++) {
        assert_int_equal(source.next(source.ctx, i, &photo, NULL), ARC_OK);
        if (photo.kind == ARC_PHOTO_END)
            break;
        const char *what = photo.kind == ARC_PHOTO_FAILED ? photo.failure->text : photo.name;
        at += (size_t)snprintf(text + at, sizeof text - at, "%c%s\n",
                               photo.kind == ARC_PHOTO_FAILED  ? '!'
                               : photo.kind == ARC_PHOTO_BYTES ? 'b'
                                                               : '+',
                               what);
        source.release(source.ctx, i, &photo);
    }
    arc_feed_tally_get(feed, t);
    if (t->archive_name)
        assert_non_null(strstr(t->archive_name, "in.zip"));
    arc_feed_close(&feed);
    return text;
}

static void archives_among_other_names(void **state) {
    (void)state;
    test_archive z, t;
    arc_feed_tally tally;
    int64_t known;
    unsigned char *p = picture(100, 0);
    assert_int_equal(chdir(test_folder()), 0);
    test_archive_begin(&t, "ustar", ARCHIVE_FILTER_GZIP, NULL);
    put_picture(&t, "a", 200000, 0);
    put_picture(&t, "b", 100, 0);
    test_archive_file(&t, "in.zip", "PK\3\4....", 8);
    test_archive_end(&t);
    test_archive_begin(&z, "zip", ARCHIVE_FILTER_NONE, NULL);
    test_archive_file(&z, "notes", "notes", 5);
    test_archive_end(&z);
    assert_int_equal(arc_dir_make("f", NULL), ARC_OK);
    assert_int_equal(arc_file_save(&ctx->alloc, "f/in.zip", t.bytes, t.count, NULL), ARC_OK);
    assert_int_equal(arc_file_save(&ctx->alloc, "t.jpg", t.bytes, t.count, NULL), ARC_OK);
    assert_int_equal(arc_file_save(&ctx->alloc, "z", z.bytes, z.count, NULL), ARC_OK);
    assert_int_equal(arc_file_save(&ctx->alloc, "f/p", p, 100, NULL), ARC_OK);
    assert_int_equal(arc_file_save(&ctx->alloc, "list", "t.jpg\nf/p\nf\n", 12, NULL), ARC_OK);
    const char *const names[] = {"f", "t.jpg", "z", "@list"};
    assert_string_equal(in_feed(names, 4, NULL, &tally, &known), "+f/p\nbt.jpg/a\nbt.jpg/b\n!archive z holds no pictures\n"
                                                                 "bt.jpg/a\nbt.jpg/b\n+f/p\n+f/p\n");
    assert_int_equal(tally.parts, 1);
    assert_int_equal(tally.skipped, 1);
    assert_int_equal(tally.archives, 4); /* twice in f, twice in t.jpg */
    assert_int_equal(known, -1);         /* not more than three members are read before they are asked for */
    arc_feed_options opt;
    arc_feed_options_default(&opt);
    opt.names_only = true;
    assert_string_equal(in_feed(names, 2, &opt, &tally, &known), "+f/p\nbt.jpg/a\nbt.jpg/b\n");
    assert_int_equal(known, 3);
    opt.names_only = false;
    opt.max_bytes = 150000;
    assert_string_equal(in_feed(names + 1, 1, &opt, &tally, &known),
                        "!t.jpg/a: more than the limit of 150000 bytes (--max-bytes)\nbt.jpg/b\n");
    /* by standard input */
    const char *const input = "-";
    int ends[2];
    const int kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], z.bytes, z.count), (ssize_t)z.count);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    assert_string_equal(in_feed(&input, 1, NULL, &tally, &known), "!archive standard input holds no pictures\n");
    dup2(kept, STDIN_FILENO);
    close(ends[0]);
    close(kept);
    assert_int_equal(chdir(ARC_SOURCE_DIR), 0);
    test_archive_free(&t);
    test_archive_free(&z);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_and_packing),
        cmocka_unit_test(what_is_no_picture),
        cmocka_unit_test(hostile_members_are_refused_by_name),
        cmocka_unit_test(sizes_that_are_not_told),
        cmocka_unit_test(encrypted_members),
        cmocka_unit_test(bombs),
        cmocka_unit_test(cut_archives),
        cmocka_unit_test(damaged_zips),
        cmocka_unit_test(what_is_no_archive),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(archives_among_other_names),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
