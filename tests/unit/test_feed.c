/* Photos by their names: what a feed makes of files, folders, lists and standard input, in which order, and what it says of what
 * cannot be read, from any number of threads and when any system call or allocation fails. */
#include "base/base.h"
#include "faulty_sys.h"
#include "folder.h"
#include "shared_context.h"
#include <arcface/arcface.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static const char picture[] = "P5\n1 1\n255\n.";

static void put(const char *name, const void *bytes, size_t count) {
    const char *path = in_folder(name);
    assert_int_equal(arc_dir_make_for(path, NULL), ARC_OK);
    assert_int_equal(arc_file_save(&arc_alloc_libc, path, bytes, count, NULL), ARC_OK);
}

static void put_picture(const char *name) {
    put(name, picture, sizeof picture - 1);
}

static arc_feed *open_feed(const char *const *names, int count, arc_photo_source *source) {
    arc_feed *feed = NULL;
    arc_error err = {0};
    if (arc_feed_open(ctx, names, count, NULL, &feed, &err) != ARC_OK)
        fail_msg("%s", err.text);
    arc_feed_source(feed, source);
    return feed;
}

/* All photos of a feed as text: a line each, '+' or '!' and the name below the test's folder, or the reason. */
static char *told(const char *const *names, int count, arc_feed_tally *tally) {
    static char text[65536];
    arc_photo_source source;
    arc_photo photo;
    arc_feed *feed = open_feed(names, count, &source);
    size_t at = 0, root = strlen(test_folder()) + 1;
    text[0] = 0;
    for (int64_t i = 0;; i++) {
        assert_int_equal(source.next(source.ctx, i, &photo, NULL), ARC_OK);
        if (photo.kind == ARC_PHOTO_END)
            break;
        const bool bad = photo.kind == ARC_PHOTO_FAILED;
        const char *what = bad ? photo.failure->text : photo.name;
        const char *below = strstr(what, test_folder());
        at += (size_t)snprintf(text + at, sizeof text - at, "%c%.*s%s\n", bad ? '!' : '+', below ? (int)(below - what) : 0, what,
                               below ? below + root : what);
        source.release(source.ctx, i, &photo);
    }
    arc_feed_tally own;
    arc_feed_tally_get(feed, tally ? tally : &own);
    arc_feed_close(&feed);
    return text;
}

static char *told_of(const char *name, arc_feed_tally *tally) {
    return told(&name, 1, tally);
}

static void folders_in_the_order_of_bytes(void **state) {
    (void)state;
    static const char *const files[] = {"f/b.jpg", "f/a/z", "f/a/a/x.txt", "f/B", "f/\xc3\xa4.png",
                                        "f/a.jpg", "f/a b", "f/c/1",       "g/1"};
    arc_feed_tally t;
    for (size_t i = 0; i < ARC_COUNT(files); i++)
        put_picture(files[i]);
    put("f/notes.jpg", "notes", 5);
    put("f/a/empty", "", 0);
    put_picture("f/.hidden");
    put_picture("f/.folder/x");
    const char *path = in_folder("f");
    assert_string_equal(told_of(path, &t), "+f/B\n+f/a/a/x.txt\n+f/a/z\n+f/a b\n+f/a.jpg\n+f/b.jpg\n+f/c/1\n+f/\xc3\xa4.png\n");
    assert_int_equal(t.photos, 8);
    assert_int_equal(t.parts, 0);
    assert_int_equal(t.skipped, 2);
    const char *const named[] = {in_folder("g///"), in_folder("f/b.jpg"), in_folder("none"), in_folder("g"),
                                 in_folder("f/notes.jpg")};
    assert_string_equal(told(named, 5, &t), "+g/1\n+f/b.jpg\n+none\n+g/1\n+f/notes.jpg\n"); /* files as they are named */
    assert_int_equal(t.skipped, 0);
    assert_string_equal(told(NULL, 0, NULL), "");
}

static void skipped_files_are_named(void **state) {
    (void)state;
    arc_photo_source source;
    arc_feed_tally t;
    put_picture("f/x");
    for (int i = 0; i < 5; i++)
        put((const char *[]){"f/1", "f/2", "f/3", "f/4", "f/5"}[i], "text", 4);
    assert_int_equal(mkfifo(in_folder("f/0"), 0666), 0);
    const char *name = in_folder("f");
    arc_feed *feed = open_feed(&name, 1, &source);
    assert_int_equal(source.count, 1);
    arc_feed_tally_get(feed, &t);
    assert_int_equal(t.skipped, 6);
    assert_string_equal(t.skipped_name[0], in_folder("f/0"));
    assert_string_equal(t.skipped_name[2], in_folder("f/2"));
    arc_feed_close(&feed);
}

static void what_cannot_be_read_is_told(void **state) {
    (void)state;
    arc_feed_tally t;
    put_picture("f/a/x");
    put_picture("f/z");
    assert_int_equal(symlink(test_folder(), in_folder("f/a/top")),
                     0); /* a folder above f, in which f itself is not walked again */
    assert_int_equal(symlink("..", in_folder("f/a/up")), 0);
    assert_int_equal(symlink("z", in_folder("f/link")), 0);
    assert_int_equal(symlink("nowhere", in_folder("f/lost")), 0);
    assert_string_equal(told_of(in_folder("f"), &t), "+f/a/x\n+f/link\n!f/lost: cannot open: No such file or directory\n+f/z\n");
    assert_int_equal(t.parts, 0);
    assert_int_equal(t.skipped, 2); /* top/f and up */
}

static void empty_folders_and_lists(void **state) {
    (void)state;
    arc_feed_tally t;
    put("f/notes", "notes", 5);
    put("list", "\n\n", 2);
    char list[TEST_PATH_BYTES + 1];
    assert_string_equal(told_of(in_folder("f"), &t), "!folder f holds no pictures\n");
    assert_int_equal(t.parts, 1);
    snprintf(list, sizeof list, "@%s", in_folder("list"));
    assert_string_equal(told_of(list, &t), "!list: the list names no photos\n");
    assert_int_equal(t.parts, 1);
    snprintf(list, sizeof list, "@%s", in_folder("no-list"));
    assert_string_equal(told_of(list, &t), "!no-list: cannot open: No such file or directory\n");
    assert_int_equal(t.parts, 1);
    assert_int_equal(chdir(test_folder()), 0);
    put_picture("@x");
    assert_string_equal(told_of("@x", NULL), "+@x\n"); /* a file of that name is that file */
    assert_int_equal(chdir(ARC_SOURCE_DIR), 0);
}

static void lists_of_files_and_folders(void **state) {
    (void)state;
    char text[4 * TEST_PATH_BYTES], list[TEST_PATH_BYTES + 1];
    put_picture("f/b");
    put_picture("f/a");
    put_picture("two words");
    for (int nul = 0; nul < 2; nul++) {
        const char *const end = nul ? "" : "\r\n\n";
        size_t bytes = 0;
        for (int i = 0; i < 3; i++) {
            bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "%s%s",
                                      (const char *[]){in_folder("two words"), in_folder("f"), "-"}[i], end);
            bytes += (size_t)nul; /* the NUL */
        }
        put("list", text, bytes);
        snprintf(list, sizeof list, "@%s", in_folder("list"));
        assert_string_equal(told_of(list, NULL), "+two words\n+f/a\n+f/b\n+-\n"); /* in a list - is a file */
    }
    memset(text, 'x', sizeof text);
    for (size_t bytes = 4000; bytes < 12000; bytes += 4000) { /* a line that is no path */
        char *line = malloc(bytes + 2);
        memset(line, 'x', bytes);
        memcpy(line + bytes, "\nf", 2);
        put("list", line, bytes + 2);
        free(line);
        const char *got = told_of(list, NULL);
        assert_non_null(strstr(got, bytes < 4096 ? "+xxx" : "!list: a line of 8000 bytes is no path: xxxx"));
        assert_non_null(strstr(got, "\n+f\n"));
    }
}

static void deep_folders_and_long_paths(void **state) {
    (void)state;
    char name[512] = "f";
    arc_feed_tally t;
    for (int i = 0; i < 40; i++)
        strncat(name, "/d", sizeof name - strlen(name) - 1);
    strncat(name, "/x", sizeof name - strlen(name) - 1);
    put_picture(name);
    put_picture("f/z");
    const char *got = told_of(in_folder("f"), &t);
    assert_non_null(strstr(got, ": more than 32 folders deep; name this folder itself to read it\n+f/z\n"));
    assert_int_equal(t.parts, 1);
    name[2 * 20 + 1] = 0; /* from there it is not too deep */
    got = told_of(in_folder(name), &t);
    assert_int_equal(t.parts, 0);
    assert_int_equal(t.photos, 1);
}

/* A feed's input is the test's own. */
static int with_input(const void *bytes, size_t count) {
    int ends[2];
    const int kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, count), (ssize_t)count);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    return kept;
}

static void standard_input(void **state) {
    (void)state;
    arc_photo_source source;
    arc_photo photo;
    arc_error err = {0};
    arc_feed *feed;
    arc_feed_options opt;
    const char *const names[] = {"-", "-"};
    int kept = with_input(picture, sizeof picture - 1);
    feed = open_feed(names, 1, &source);
    assert_int_equal(source.next(source.ctx, 0, &photo, NULL), ARC_OK);
    assert_int_equal(photo.kind, ARC_PHOTO_BYTES);
    assert_int_equal(photo.byte_count, sizeof picture - 1);
    assert_memory_equal(photo.bytes, picture, sizeof picture - 1);
    assert_string_equal(photo.name, "standard input");
    arc_feed_close(&feed);
    assert_string_equal(told(names, 2, NULL), "+standard input\n!standard input (-) can be read only once\n");
    dup2(kept, STDIN_FILENO);
    close(kept);
    for (size_t limit = sizeof picture - 2; limit < sizeof picture; limit++) {
        kept = with_input(picture, sizeof picture - 1);
        arc_feed_options_default(&opt);
        opt.max_bytes = (int64_t)limit;
        assert_int_equal(arc_feed_open(ctx, names, 1, &opt, &feed, &err), ARC_OK);
        arc_feed_source(feed, &source);
        assert_int_equal(source.next(source.ctx, 0, &photo, NULL), ARC_OK);
        assert_int_equal(photo.kind, limit == sizeof picture - 1 ? ARC_PHOTO_BYTES : ARC_PHOTO_FAILED);
        if (photo.kind == ARC_PHOTO_FAILED)
            assert_non_null(strstr(photo.failure->text, "more than the limit of"));
        arc_feed_close(&feed);
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
    opt.max_bytes = 0;
    assert_int_equal(arc_feed_open(ctx, names, 1, &opt, &feed, &err), ARC_EINVAL);
}

/* ---- many ---- */

enum { MANY = 6000, READERS = 4 };

static void make_many(void) {
    char path[TEST_PATH_BYTES];
    assert_int_equal(arc_dir_make(in_folder("many"), NULL), ARC_OK);
    snprintf(path, sizeof path, "%s", in_folder("many/0000"));
    put_picture("many/0000");
    for (int i = 1; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%04d", i);
        assert_int_equal(link(path, in_folder(name)), 0);
    }
}

/* Photos that are released leave the window, but their names stay for a while; photos that are not stay. */
static void windows(void **state) {
    (void)state;
    static arc_photo photo[MANY];
    arc_photo_source source;
    make_many();
    const char *name = in_folder("many");
    for (int held = 0; held < 2; held++) {
        arc_feed *feed = open_feed(&name, 1, &source);
        assert_int_equal(source.count, -1);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(source.next(source.ctx, i, &photo[i], NULL), ARC_OK);
            if (!held)
                source.release(source.ctx, i, &photo[i]);
        }
        for (int i = held ? 0 : MANY - ARC_FEED_NAMES_KEPT; i < MANY; i++)
            assert_int_equal(strtol(strrchr(photo[i].name, '/') + 1, NULL, 10), i);
        arc_photo again;
        arc_error err = {0};
        assert_int_equal(source.next(source.ctx, 0, &again, &err), held ? ARC_OK : ARC_EINVAL);
        assert_int_equal(source.next(source.ctx, MANY + 5, &again, NULL), ARC_OK);
        assert_int_equal(again.kind, ARC_PHOTO_END);
        arc_feed_close(&feed);
    }
}

typedef struct reader {
    arc_photo_source *source;
    int first, seen;
} reader;

static void *read_some(void *arg) {
    reader *r = arg;
    for (int i = r->first; i < MANY; i += READERS) {
        arc_photo photo;
        if (r->source->next(r->source->ctx, i, &photo, NULL) != ARC_OK || photo.kind != ARC_PHOTO_PATH)
            return NULL;
        r->seen += strtol(strrchr(photo.name, '/') + 1, NULL, 10) == i;
        r->source->release(r->source->ctx, i, &photo);
    }
    return NULL;
}

static void from_many_threads(void **state) {
    (void)state;
    arc_photo_source source;
    pthread_t thread[READERS];
    reader r[READERS];
    int seen = 0;
    make_many();
    const char *name = in_folder("many");
    arc_feed *feed = open_feed(&name, 1, &source);
    for (int i = 0; i < READERS; i++) {
        r[i] = (reader){&source, i, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, read_some, &r[i]), 0);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(thread[i], NULL);
        seen += r[i].seen;
    }
    assert_int_equal(seen, MANY);
    arc_feed_close(&feed);
}

static void names_only(void **state) {
    (void)state;
    const char *names[] = {"-", in_folder("f")};
    arc_feed_options opt;
    arc_feed *feed;
    arc_photo_source source;
    arc_photo photo;
    put_picture("f/x");
    arc_feed_options_default(&opt);
    opt.names_only = true;
    assert_int_equal(arc_feed_open(ctx, names, 2, &opt, &feed, NULL), ARC_OK); /* the test's input is not touched */
    arc_feed_source(feed, &source);
    assert_int_equal(source.count, 2);
    assert_int_equal(source.next(source.ctx, 0, &photo, NULL), ARC_OK);
    assert_string_equal(photo.name, "standard input");
    assert_int_equal(photo.byte_count, 0);
    arc_feed_close(&feed);
}

/* ---- failures ---- */

/* Each system call fails in turn: what is given is what is given otherwise, apart from what the call was for, and that is told.
 */
static void every_call_may_fail(void **state) {
    (void)state;
    char whole[4096];
    long n = 1;
    put_picture("f/a/1");
    put_picture("f/a/2");
    put("f/a/text", "text", 4);
    put_picture("f/b");
    snprintf(whole, sizeof whole, "%s", told_of(in_folder("f"), NULL));
    for (;; n++) {
        arc_feed_tally t;
        arc_faults_begin((arc_faults){.at = n, .reason = EIO});
        const char *got = told_of(in_folder("f"), &t);
        if (arc_faults_end() < n)
            break;
        const char *call = arc_faults_call();
        int lines = 0;
        for (const char *p = got; *p; p++)
            lines += *p == '\n';
        assert_int_equal(t.photos, lines);
        /* a folder is missing, or one photo, or the file of text is taken for a photo and fails with it */
        if (strcmp(call, "close") != 0 && strcmp(got, whole) == 0 && t.skipped == 1)
            assert_true(strcmp(call, "open") == 0 || strcmp(call, "fstat") == 0 || strcmp(call, "map") == 0);
        if (strcmp(call, "opendir") == 0 || strcmp(call, "readdir") == 0)
            assert_int_equal(t.parts, 1);
        if (t.parts)
            assert_non_null(strstr(got, "cannot list: Input/output error"));
    }
    printf("%ld calls failed\n", n - 1);
    assert_true(n > 20);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *own = arc_test_context(&heap, 1);
    const char *name = in_folder("f");
    arc_test_walk walk = {.heap = &heap};
    put_picture("f/a/1");
    put("f/a/2", "text", 4);
    put_picture("f/b");
    arc_status st;
    do {
        arc_feed *feed;
        arc_photo_source source;
        arc_photo photo = {.kind = ARC_PHOTO_PATH};
        arc_test_walk_begin(&walk);
        st = arc_feed_open(own, &name, 1, NULL, &feed, NULL);
        if (st == ARC_OK)
            arc_feed_source(feed, &source);
        for (int64_t i = 0; st == ARC_OK && photo.kind != ARC_PHOTO_END; i++)
            st = source.next(source.ctx, i, &photo, NULL);
        arc_feed_close(&feed);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 10);
    arc_context_close(&own);
}

/* ---- listings ---- */

static void listings_of_any_size(void **state) {
    (void)state;
    static const size_t most[] = {1, 2, 3, 7, 49, 50, 51, 1000};
    arc_names want;
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "f/%d", i * 7919 % 1000);
        put_picture(name);
    }
    const char *path = in_folder("f");
    assert_int_equal(arc_dir_list(&want, &ctx->alloc, path, 1000, NULL), ARC_OK);
    assert_int_equal(want.count, 50);
    for (size_t m = 0; m < ARC_COUNT(most); m++) {
        arc_listing *l;
        const char *name;
        assert_int_equal(arc_listing_open(&l, &ctx->alloc, path, most[m], NULL), ARC_OK);
        for (size_t i = 0; i < want.count; i++) {
            assert_int_equal(arc_listing_next(l, &name, NULL), ARC_OK);
            assert_string_equal(name, want.name[i]);
        }
        for (int i = 0; i < 2; i++) {
            assert_int_equal(arc_listing_next(l, &name, NULL), ARC_OK);
            assert_null(name);
        }
        arc_listing_close(&l);
    }
    arc_names_free(&want);
    arc_error err = {0};
    arc_listing *l;
    assert_int_equal(arc_listing_open(&l, &ctx->alloc, in_folder("none"), 5, &err), ARC_ENOTFOUND);
    assert_null(l);
}

/* A folder that cannot be read again ends its listing with the reason. */
static void listings_that_break(void **state) {
    (void)state;
    put_picture("f/a");
    put_picture("f/b");
    put_picture("f/c");
    for (long at = 1; at <= 2; at++) { /* opendir, readdir */
        arc_listing *l;
        const char *name;
        arc_error err = {0};
        assert_int_equal(arc_listing_open(&l, &ctx->alloc, in_folder("f"), 2, NULL), ARC_OK);
        for (int i = 0; i < 2; i++)
            assert_int_equal(arc_listing_next(l, &name, NULL), ARC_OK);
        assert_string_equal(name, "b");
        arc_faults_begin((arc_faults){.at = at, .reason = EIO});
        assert_int_equal(arc_listing_next(l, &name, &err), ARC_EIO);
        arc_faults_end();
        assert_non_null(strstr(err.text, "/f: cannot list: Input/output error"));
        assert_null(name);
        assert_int_equal(arc_listing_next(l, &name, &err), ARC_OK);
        assert_null(name);
        arc_listing_close(&l);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_teardown(test, test_empty_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(folders_in_the_order_of_bytes),
        IN_FOLDER(skipped_files_are_named),
        IN_FOLDER(what_cannot_be_read_is_told),
        IN_FOLDER(empty_folders_and_lists),
        IN_FOLDER(lists_of_files_and_folders),
        IN_FOLDER(deep_folders_and_long_paths),
        IN_FOLDER(standard_input),
        IN_FOLDER(windows),
        IN_FOLDER(from_many_threads),
        IN_FOLDER(names_only),
        IN_FOLDER(every_call_may_fail),
        IN_FOLDER(every_allocation_may_fail),
        IN_FOLDER(listings_of_any_size),
        IN_FOLDER(listings_that_break),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
