/* The file of an index: what was saved is there, whole or changed a little at a time; damage anywhere is found before it can
 * change an answer; a crash at any moment leaves what was there before or what was to be there. */
#include "faulty_sys.h"
#include "folder.h"
#include "search_support.h"
#include <sys/wait.h>
#include <unistd.h>

enum { DIM = 48, COUNT = 700 };

static const uint8_t key[ARC_INDEX_KEY_BYTES] = "a key of thirty-two bytes, here";

static arc_index_options options_of(const search_set *s, bool sealed) {
    arc_index_options o = index_options(s->dim);
    o.sketch = true;
    o.seal_key = sealed ? key : NULL;
    return o;
}

static void stamp_of(int number, uint8_t stamp[ARC_INDEX_STAMP_BYTES]) {
    memset(stamp, 0, ARC_INDEX_STAMP_BYTES);
    snprintf((char *)stamp, ARC_INDEX_STAMP_BYTES, "revision %d", number);
}

static void save(arc_index *x, const char *path, int number) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    arc_error err = {0};
    stamp_of(number, stamp);
    if (arc_index_save(x, path, stamp, &err) != ARC_OK)
        fail_msg("%s", err.text);
}

/* Loads it, and it must have this stamp. */
static arc_index *load(const char *path, const arc_index_options *o, int number) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES], want[ARC_INDEX_STAMP_BYTES];
    arc_index *x = NULL;
    arc_error err = {0};
    stamp_of(number, want);
    if (arc_index_load(ctx, o, path, &x, stamp, &err) != ARC_OK)
        fail_msg("%s", err.text);
    assert_memory_equal(stamp, want, sizeof want);
    return x;
}

static void expect_all(arc_index *x, const search_set *s, const char *what) {
    arc_index_query q = query_of(6);
    expect_exact(x, s, s->row, 2, &q, what);
    q.fast = true;
    q.candidates = COUNT;
    expect_exact(x, s, s->row, 1, &q, what);
}

static long bytes_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static uint8_t *read_all(const char *path) {
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc((size_t)bytes_of(path));
    assert_true(f && data);
    assert_int_equal(fread(data, 1, (size_t)bytes_of(path), f), bytes_of(path));
    fclose(f);
    return data;
}

static void write_all(const char *path, const uint8_t *data, size_t bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    fclose(f);
}

static bool contains(const char *path, const void *what, size_t bytes) {
    uint8_t *data = read_all(path);
    const bool found = memmem(data, (size_t)bytes_of(path), what, bytes) != NULL;
    free(data);
    return found;
}

static void there_and_back(void **state) {
    (void)state;
    const char *path = in_folder("whole");
    for (int sealed = 0; sealed < 2; sealed++)
        for (int64_t count = 2; count < 1000; count = count * 3 + 5) {
            search_set s = make_set(CLUSTERS, count, DIM);
            arc_index_options o = options_of(&s, sealed);
            arc_index *x = index_of(ctx, &s, &o);
            arc_error err = {0};
            assert_int_equal(arc_index_remove(x, &s.id[count - 1], 1, NULL, &err), ARC_OK);
            s.id[count - 1] = 0;
            save(x, path, (int)count);
            arc_index_free(&x);
            x = load(path, &o, (int)count);
            assert_int_equal(arc_index_count(x), count - 1);
            expect_all(x, &s, "from the file");
            arc_index_free(&x);
            assert_int_equal(contains(path, s.row, DIM * sizeof(float)), count > 1 && !sealed);
            free_set(&s);
        }
}

/* One step of a life: some come, some go, one changes its owner; then all is saved. */
static void live_on(arc_index *x, search_set *s, int64_t *id, int step) {
    arc_error err = {0};
    for (int64_t i = 0; i < s->count; i++) {
        if (s->id[i] == 0 && uniform() < 0.1) {
            assert_int_equal(arc_index_add(x, s->row + i * DIM, &id[i], &s->owner[i], 1, &err), ARC_OK);
            s->id[i] = id[i];
        } else if (s->id[i] != 0 && uniform() < 0.02) {
            assert_int_equal(arc_index_remove(x, &id[i], 1, NULL, &err), ARC_OK);
            s->id[i] = 0;
        }
        if (s->owner[i] == step)
            s->owner[i] = step + 40;
    }
    arc_index_move(x, step, step + 40);
}

static void changed_in_place(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        const char *path = in_folder(sealed ? "changes-sealed" : "changes");
        search_set s = make_set(CLUSTERS, COUNT, DIM);
        int64_t *id = malloc(COUNT * sizeof *id);
        arc_index_options o = options_of(&s, sealed);
        arc_index *x = NULL;
        struct stat before, after;
        assert_non_null(id);
        memcpy(id, s.id, COUNT * sizeof *id);
        memset(s.id + 10, 0, (COUNT - 10) * sizeof *s.id);
        s.count = 10;
        x = index_of(ctx, &s, &o);
        s.count = COUNT;
        save(x, path, 0);
        for (int step = 1; step < 20; step++) {
            assert_int_equal(stat(path, &before), 0);
            live_on(x, &s, id, step);
            save(x, path, step);
            assert_int_equal(stat(path, &after), 0);
            if (step < 4) /* nothing has been moved together yet */
                assert_int_equal(before.st_ino, after.st_ino);
            if (step % 3 == 0) { /* as another process finds it */
                arc_index_free(&x);
                x = load(path, &o, step);
            }
            expect_all(x, &s, "after a change");
        }
        arc_index_free(&x);
        free(id);
        free_set(&s);
    }
}

/* Nothing of a removed template is left in the file. */
static void removed_from_the_file(void **state) {
    (void)state;
    const char *path = in_folder("removed");
    search_set s = make_set(NOISE, 300, DIM);
    arc_index_options o = options_of(&s, false);
    arc_index *x = index_of(ctx, &s, &o);
    arc_error err = {0};
    save(x, path, 1);
    arc_index_free(&x);
    x = load(path, &o, 1);
    assert_true(contains(path, s.row + 123 * DIM, DIM * sizeof(float)));
    assert_true(contains(path, &s.id[123], sizeof *s.id));
    assert_int_equal(arc_index_remove(x, &s.id[123], 1, NULL, &err), ARC_OK);
    save(x, path, 2);
    assert_false(contains(path, s.row + 123 * DIM, DIM * sizeof(float)));
    assert_false(contains(path, &s.id[123], sizeof *s.id));
    s.id[123] = 0;
    expect_all(x, &s, "after the removal");
    arc_index_free(&x);
    free_set(&s);
}

/* Two that loaded the same file: the second to save must not mix its places with the first one's. One that only searches goes on.
 */
static void two_writers(void **state) {
    (void)state;
    const char *path = in_folder("two");
    search_set s = make_set(CLUSTERS, 400, DIM), first, second, reader;
    arc_index_options o = options_of(&s, false);
    arc_error err = {0};
    s.count = 300;
    arc_index *x = index_of(ctx, &s, &o);
    save(x, path, 1);
    arc_index *a = load(path, &o, 1), *b = load(path, &o, 1), *c = load(path, &o, 1);
    first = second = reader = s;
    first.count = 350;
    assert_int_equal(arc_index_add(a, s.row + 300 * DIM, s.id + 300, s.owner + 300, 50, &err), ARC_OK);
    save(a, path, 2);
    assert_int_equal(arc_index_add(b, s.row + 350 * DIM, s.id + 350, s.owner + 350, 50, &err), ARC_OK);
    expect_all(c, &reader, "while others write");
    save(b, path, 3);
    expect_all(a, &first, "the first writer");
    expect_all(c, &reader, "the reader");
    arc_index_free(&x);
    x = load(path, &o, 3);
    memset(s.id + 300, 0, 50 * sizeof *s.id);
    s.count = 400;
    expect_all(x, &s, "what the second one wrote");
    arc_index_free(&x);
    arc_index_free(&a);
    arc_index_free(&b);
    arc_index_free(&c);
    (void)second;
    free_set(&s);
}

/* ---- damage -----------------------------------------------------------------------------------------------------------------
 */

/* Whatever the bytes are: refused, or every answer is right. */
static void expect_right_or_refused(const char *path, const arc_index_options *o, const search_set *s, const char *what,
                                    long at) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    arc_index *x = NULL;
    arc_error err = {0};
    arc_status st = arc_index_load(ctx, o, path, &x, stamp, &err);
    arc_index_hit hit[8], want[8];
    int found;
    arc_index_query q = query_of(8);
    if (st == ARC_OK)
        st = arc_index_search(x, s->row, 1, &q, hit, &found, &err);
    arc_index_free(&x);
    if (st == ARC_OK) {
        const int n = plain_search(s, s->row, &q, want);
        for (int i = 0; i < n; i++)
            if (found != n || hit[i].id != want[i].id || hit[i].owner != want[i].owner || hit[i].cosine != want[i].cosine)
                fail_msg("%s %ld: a wrong answer", what, at);
    } else if (st != ARC_ECORRUPT && st != ARC_EFORMAT && st != ARC_EUNSUPPORTED && st != ARC_ESHAPE)
        fail_msg("%s %ld: %s", what, at, err.text);
}

static void damage(void **state) {
    (void)state;
    const char *path = in_folder("damaged");
    for (int sealed = 0; sealed < 2; sealed++) {
        search_set s = make_set(CLUSTERS, 20, 8);
        arc_index_options o = options_of(&s, sealed);
        arc_index *x = index_of(ctx, &s, &o);
        save(x, path, 1);
        arc_index_free(&x);
        uint8_t *data = read_all(path);
        const long bytes = bytes_of(path);
        for (long at = 0; at < bytes; at += at < 300 ? 1 : 37) {
            data[at] ^= (uint8_t)(1 + at % 255);
            write_all(path, data, (size_t)bytes);
            expect_right_or_refused(path, &o, &s, "byte", at);
            data[at] ^= (uint8_t)(1 + at % 255);
        }
        for (long cut = 0; cut < bytes; cut += cut < 300 ? 7 : 997) {
            write_all(path, data, (size_t)cut);
            expect_right_or_refused(path, &o, &s, "cut", cut);
        }
        free(data);
        free_set(&s);
    }
}

static void expect_status(const char *path, const arc_index_options *o, arc_status want) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES];
    arc_index *x = NULL;
    arc_error err = {0};
    const arc_status st = arc_index_load(ctx, o, path, &x, stamp, &err);
    if (st != want)
        fail_msg("%s instead of %s: %s", arc_status_name(st), arc_status_name(want), err.text);
    assert_null(x);
}

static arc_status no_rows(void *arg, const int64_t *ids, int count, float *out, arc_error *err) {
    (void)arg, (void)ids, (void)count, (void)out, (void)err;
    return ARC_EIO;
}

static void others_files(void **state) {
    (void)state;
    const char *path = in_folder("others");
    search_set s = make_set(NOISE, 5, DIM);
    for (int sealed = 0; sealed < 2; sealed++) {
        arc_index_options o = options_of(&s, sealed);
        arc_index *x = index_of(ctx, &s, &o);
        save(x, path, 1);
        arc_index_free(&x);
        o.dim = DIM + 1;
        expect_status(path, &o, ARC_ESHAPE);
        o.dim = DIM;
        o.sketch = false;
        expect_status(path, &o, ARC_ESHAPE);
        o.sketch = true;
        o.exact = no_rows;
        expect_status(path, &o, ARC_ESHAPE);
        o = options_of(&s, !sealed);
        expect_status(path, &o, ARC_ESHAPE);
    }
    const uint8_t other[ARC_INDEX_KEY_BYTES] = "another key";
    arc_index_options o = options_of(&s, true);
    o.seal_key = other;
    expect_status(path, &o, ARC_ECORRUPT);
    write_all(path, (const uint8_t *)"something else", 14);
    expect_status(path, &o, ARC_EFORMAT);
    expect_status(in_folder("nothing"), &o, ARC_ENOTFOUND);
    expect_status(test_folder(), &o, ARC_EIO);
    free_set(&s);
}

/* Files of an independent writer (tests/fuzz/make_corpus.py). */
static void files_of_another_writer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t count;
        arc_status status; /* of the search */
    } file[] = {{"three", 3, ARC_OK}, {"removed", 2, ARC_OK}, {"second", 3, ARC_OK}, {"sum", 1, ARC_ECORRUPT}};
    const float probe[] = {1, 0, 0, 0};
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        char path[512];
        uint8_t stamp[ARC_INDEX_STAMP_BYTES];
        arc_index_options o = index_options(4);
        arc_index *x = NULL;
        arc_error err = {0};
        arc_index_hit hit[10];
        int found = 0;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/index/%s", ARC_SOURCE_DIR, file[i].name);
        o.sketch = true;
        if (arc_index_load(ctx, &o, path, &x, stamp, &err) != ARC_OK)
            fail_msg("%s: %s", path, err.text);
        assert_string_equal((const char *)stamp, "stamp");
        assert_int_equal(arc_index_count(x), file[i].count);
        assert_int_equal(arc_index_search(x, probe, 1, NULL, hit, &found, &err), file[i].status);
        if (file[i].count == 3) {
            assert_int_equal(found, 3);
            assert_true(hit[0].id == 3 && hit[0].owner == 1 && hit[0].cosine == 1);
            assert_true(hit[1].id == 2 && hit[2].id == 4 && hit[1].cosine == 0.6f);
        }
        arc_index_free(&x);
    }
}

/* ---- failures ---------------------------------------------------------------------------------------------------------------
 */

/* An index with changes on a file that has none of them: 30 more, 5 fewer. */
static arc_index *changed_index(const char *path, search_set *s, const arc_index_options *o) {
    arc_error err = {0};
    s->count = 300;
    arc_index *x = index_of(ctx, s, o);
    save(x, path, 1);
    arc_index_free(&x);
    x = load(path, o, 1);
    assert_int_equal(arc_index_add(x, s->row + 300 * DIM, s->id + 300, s->owner + 300, 30, &err), ARC_OK);
    assert_int_equal(arc_index_remove(x, s->id + 100, 5, NULL, &err), ARC_OK);
    return x;
}

/* What is in the file is the old state (of which removed templates may be missing already), the new one, or is refused. */
static void expect_old_or_new(const char *path, const arc_index_options *o, const search_set *s, long n) {
    uint8_t stamp[ARC_INDEX_STAMP_BYTES], old[ARC_INDEX_STAMP_BYTES];
    arc_index *x = NULL;
    arc_error err = {0};
    stamp_of(1, old);
    arc_status st = arc_index_load(ctx, o, path, &x, stamp, &err);
    if (st == ARC_OK) {
        search_set now = *s;
        now.id = malloc(330 * sizeof *now.id);
        assert_non_null(now.id);
        memcpy(now.id, s->id, 330 * sizeof *now.id);
        now.count = memcmp(stamp, old, sizeof old) == 0 ? 300 : 330;
        memset(now.id + 100, 0, 5 * sizeof *now.id);
        assert_int_equal(arc_index_remove(x, s->id + 100, 5, NULL, &err), ARC_OK);
        arc_index_query q = query_of(6);
        arc_index_hit hit[6];
        int found;
        if (arc_index_search(x, s->row, 1, &q, hit, &found, &err) == ARC_OK)
            expect_exact(x, &now, s->row, 2, &q, "after a failure");
        free(now.id);
        arc_index_free(&x);
    } else if (st != ARC_ECORRUPT)
        fail_msg("call %ld: %s", n, err.text);
}

static void every_call_fails(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++)
        for (int on = 0; on < 2; on++)
            for (long n = 1;; n++) {
                const char *path = in_folder("fails");
                search_set s = make_set(CLUSTERS, 330, DIM);
                arc_index_options o = options_of(&s, sealed);
                arc_index *x = changed_index(path, &s, &o);
                uint8_t stamp[ARC_INDEX_STAMP_BYTES];
                arc_error err = {0};
                stamp_of(2, stamp);
                arc_faults_begin((arc_faults){.at = n, .on = on, .reason = ENOSPC});
                const arc_status st = arc_index_save(x, path, stamp, &err);
                const bool all = arc_faults_end() < n;
                if (all && st != ARC_OK)
                    fail_msg("%s", err.text);
                expect_old_or_new(path, &o, &s, n);
                save(x, path, 3); /* once the disk is well again */
                arc_index_free(&x);
                x = load(path, &o, 3);
                assert_int_equal(arc_index_count(x), 325);
                arc_index_free(&x);
                free_set(&s);
                if (all)
                    break;
            }
}

static void killed_at_every_call(void **state) {
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++)
        for (long n = 1;; n++) {
            const char *path = in_folder("killed");
            search_set s = make_set(CLUSTERS, 330, DIM);
            arc_index_options o = options_of(&s, sealed);
            arc_index *x = changed_index(path, &s, &o);
            const pid_t child = fork();
            if (child == 0) {
                uint8_t stamp[ARC_INDEX_STAMP_BYTES];
                stamp_of(2, stamp);
                arc_faults_begin((arc_faults){.at = n, .kill = true});
                (void)!arc_index_save(x, path, stamp, NULL);
                _exit(arc_faults_end() < n ? 1 : 2);
            }
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            expect_old_or_new(path, &o, &s, n);
            arc_index_free(&x);
            free_set(&s);
            if (WIFEXITED(status))
                break;
            assert_true(WIFSIGNALED(status));
        }
}

/* A crash left templates in the file that no record counts. Once the next change is saved nothing of them is there. */
static void left_by_a_crash(void **state) {
    (void)state;
    bool seen = false;
    for (long n = 1;; n++) {
        const char *path = in_folder("left");
        search_set s = make_set(NOISE, 330, DIM);
        arc_index_options o = options_of(&s, false);
        arc_index *x = changed_index(path, &s, &o);
        uint8_t stamp[ARC_INDEX_STAMP_BYTES], old[ARC_INDEX_STAMP_BYTES];
        arc_error err = {0};
        stamp_of(1, old);
        stamp_of(2, stamp);
        arc_faults_begin((arc_faults){.at = n, .on = true, .reason = EIO});
        (void)!arc_index_save(x, path, stamp, NULL);
        const bool all = arc_faults_end() < n;
        arc_index_free(&x);
        if (arc_index_load(ctx, &o, path, &x, stamp, &err) == ARC_OK && memcmp(stamp, old, sizeof old) == 0) {
            seen = seen || contains(path, s.row + 310 * DIM, DIM * sizeof(float));
            save(x, path, 3);
            assert_false(contains(path, s.row + 310 * DIM, DIM * sizeof(float)));
        }
        arc_index_free(&x);
        free_set(&s);
        if (all)
            break;
    }
    assert_true(seen);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(changed_in_place),
                                       cmocka_unit_test(removed_from_the_file),
                                       cmocka_unit_test(two_writers),
                                       cmocka_unit_test(damage),
                                       cmocka_unit_test(others_files),
                                       cmocka_unit_test(files_of_another_writer),
                                       cmocka_unit_test(every_call_fails),
                                       cmocka_unit_test(killed_at_every_call),
                                       cmocka_unit_test(left_by_a_crash)};
    return cmocka_run_group_tests_name("index_file", tests, open_context, close_context);
}
