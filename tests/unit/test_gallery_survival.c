/* A gallery never loses anyone: its process is killed at random moments, the disk fills up or fails at every single write, memory
 * runs out at every allocation, two processes write at once. What was acknowledged is there afterwards, what was removed is not,
 * a call that failed changed nothing, and `check` calls the gallery whole.
 *
 * ARCFACE_KILLS: how many processes are killed (50); tools/nightly.sh kills a thousand. */
#include "faulty_vfs.h"
#include "gallery_support.h"
#include <signal.h>
#include <sys/wait.h>

enum { PEOPLE = 12, MOST = 4 };

static int kills(void) {
    const char *wish = getenv("ARCFACE_KILLS");
    return wish ? (int)strtol(wish, NULL, 10) : 50;
}

/* What a process tells over its pipe: that it begins to change a person (-1 - its number), and then, when that was acknowledged,
 * how many templates came; -1: the person is removed. */
typedef struct ack {
    int person, templates;
} ack;

/* Enrols and removes for as long as it lives. */
static void work(const char *path, int pipe, uint64_t seed) {
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = open_gallery(ctx, path, false);
    arc_rng rng;
    arc_rng_seed(&rng, seed, 1);
    for (;;) {
        ack a = {.person = (int)(arc_rng_u32(&rng) % PEOPLE)};
        const int64_t id = person_id(g, a.person);
        const ack begun = {.person = -1 - a.person};
        if (write(pipe, &begun, sizeof begun) != sizeof begun)
            _exit(1);
        if (id == 0 || arc_rng_u32(&rng) % 3) {
            const int more = 1 + (int)(arc_rng_u32(&rng) % MOST);
            enroll(g, a.person, 0, more);
            a.templates = more;
        } else {
            ok(arc_gallery_remove(g, id, err));
            a.templates = -1;
        }
        if (write(pipe, &a, sizeof a) != sizeof a)
            _exit(1);
        if (arc_rng_u32(&rng) % 4 == 0)
            who_is(ctx, g, a.person, 9); /* the index comes along, and its file */
        if (arc_rng_u32(&rng) % 16 == 0) {
            arc_gallery_close(&g);
            g = open_gallery(ctx, path, false);
        }
    }
}

typedef struct state_of {
    int templates[PEOPLE]; /* acknowledged; 0: not there */
    int maybe;             /* the person whose change was under way; -1: none */
} state_of;

static int count_person(void *arg, const arc_identity *identity) {
    *(int *)arg = (int)identity->templates;
    return 0;
}

static int templates_of(arc_gallery *g, int person) {
    const int64_t id = person_id(g, person);
    int count = 0;
    if (id)
        ok(arc_gallery_identity(g, id, count_person, &count, err));
    return count;
}

/* Exactly what was acknowledged, but for the last change of one person, which is there as a whole or not at all. */
static void compare_state(const char *path, state_of *s, int unsure_most) {
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = open_gallery(ctx, path, false);
    assert_gallery_whole(g);
    for (int p = 0; p < PEOPLE; p++) {
        const int there = templates_of(g, p);
        if (p != s->maybe)
            assert_int_equal(there, s->templates[p]);
        else
            assert_true(there == 0 || (there >= s->templates[p] && there <= s->templates[p] + unsure_most));
        s->templates[p] = there;
        if (there > 0)
            assert_non_null(who_is(ctx, g, p, 9));
        else
            assert_null(who_is(ctx, g, p, 9));
    }
    arc_gallery_close(&g);
    arc_context_close(&ctx);
}

static void killed_at_any_moment(void **unused) {
    (void)unused;
    const char *path = in_folder("killed.db");
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = new_gallery(ctx, path);
    arc_gallery_close(&g);
    arc_context_close(&ctx);
    state_of s = {.maybe = -1};
    arc_rng rng;
    arc_rng_seed(&rng, 5, 5);
    long acks = 0;
    for (int round = 0; round < kills(); round++) {
        int fd[2];
        ack a;
        assert_int_equal(pipe(fd), 0);
        const pid_t child = fork();
        if (child == 0) {
            close(fd[0]);
            work(path, fd[1], (uint64_t)round);
        }
        close(fd[1]);
        usleep(2000 + arc_rng_u32(&rng) % 60000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        s.maybe = -1;
        while (read(fd[0], &a, sizeof a) == sizeof a) {
            if (a.person < 0) {
                s.maybe = -1 - a.person;
                continue;
            }
            s.templates[a.person] = a.templates < 0 ? 0 : s.templates[a.person] + a.templates;
            s.maybe = -1;
            acks++;
        }
        close(fd[0]);
        compare_state(path, &s, MOST);
    }
    printf("%d processes were killed, %ld changes were acknowledged\n", kills(), acks);
    assert_true(acks > kills() / 2);
}

/* A file as the first version wrote it. */
static void make_older(const char *path) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "PRAGMA synchronous = OFF; BEGIN; DROP INDEX templates_source; ALTER TABLE galleries DROP COLUMN audits;"
                     "PRAGMA user_version = 1; COMMIT",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
}

static void killed_while_tables_are_upgraded(void **unused) {
    (void)unused;
    const char *path = in_folder("older.db");
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = new_gallery(ctx, path);
    state_of s = {.maybe = -1};
    arc_rng rng;
    arc_rng_seed(&rng, 6, 6);
    for (int p = 0; p < PEOPLE; p++) {
        s.templates[p] = 2;
        enroll(g, p, 0, 2);
    }
    arc_gallery_close(&g);
    arc_context_close(&ctx);
    for (int round = 0; round < kills(); round++) {
        make_older(path);
        const pid_t child = fork();
        if (child == 0) {
            arc_context *own = arc_test_context(NULL, 1);
            arc_gallery *opened = open_gallery(own, path, false);
            (void)opened;
            pause();
        }
        usleep(arc_rng_u32(&rng) % 8000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        compare_state(path, &s, 0);
    }
}

static void the_disk_fills_up_at_every_write(void **unused) {
    (void)unused;
    const char *path = in_folder("full.db");
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = new_gallery(ctx, path);
    enroll(g, 0, 0, 2);
    const int codes[] = {SQLITE_FULL, SQLITE_IOERR_WRITE};
    int there = 2, failures = 0;
    for (int kind = 0; kind < 4; kind++)
        for (long n = 1;; n++) {
            arc_error why = {0};
            vfs_faults_begin((vfs_faults){.at = n, .on = kind & 1, .code = codes[kind / 2]});
            const arc_status st = try_enroll(g, 0, 0, 3, NULL, &why);
            const bool met = vfs_faults_end() >= n;
            if (st == ARC_OK)
                there += 3; /* what failed was not needed for it: the log is moved into the file later */
            else {
                assert_int_equal(st, ARC_EIO);
                assert_non_null(strstr(why.text, kind / 2 ? "full.db" : "disk"));
                failures++;
            }
            assert_int_equal(templates_of(g, 0), there);
            if (!met)
                break;
            if (n % 5 == 1) { /* a new process finds the same */
                arc_gallery_close(&g);
                g = open_gallery(ctx, path, false);
                assert_int_equal(templates_of(g, 0), there);
                assert_gallery_whole(g);
            }
        }
    assert_true(failures > 10);
    arc_gallery_close(&g);
    arc_context_close(&ctx);
}

static void memory_runs_out_at_every_allocation(void **unused) {
    (void)unused;
    const char *path = in_folder("memory.db");
    arc_test_heap heap = {0};
    arc_context *ctx = arc_test_context(&heap, 1), *plain = arc_test_context(NULL, 1);
    arc_gallery *g = new_gallery(plain, path);
    enroll(g, 0, 0, 2);
    arc_gallery_close(&g);
    arc_test_walk walk = {.heap = &heap, .may_manage = true};
    arc_status st;
    do {
        float x[DIM];
        arc_answer answer = {0};
        arc_gallery_options options;
        draw_template(0, 9, x);
        arc_gallery_options_default(&options);
        arc_test_walk_begin(&walk);
        st = arc_gallery_open(ctx, path, &options, &g, NULL);
        if (st == ARC_OK)
            st = try_enroll(g, 1, 0, 2, NULL, NULL);
        if (st == ARC_OK)
            st = arc_gallery_identify(g, x, 1, NULL, &answer, NULL);
        if (st == ARC_OK)
            st = arc_gallery_rename(g, answer.match[0].identity, "person 0", NULL);
        arc_answers_free(ctx, &answer, 1);
        if (g)
            arc_gallery_close(&g);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 20);
    g = open_gallery(plain, path, false);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
    arc_context_close(&ctx);
    arc_context_close(&plain);
}

static void two_processes_write_at_once(void **unused) {
    (void)unused;
    const char *path = in_folder("race.db");
    enum { BATCHES = 40 };
    pid_t child[2];
    for (int k = 0; k < 2; k++) { /* both find no gallery and make it */
        child[k] = fork();
        if (child[k] == 0) {
            arc_context *own = arc_test_context(NULL, 1);
            arc_gallery *g = new_gallery(own, path);
            for (int i = 0; i < BATCHES; i++)
                enroll(g, i % PEOPLE, 0, 2);
            arc_gallery_close(&g);
            arc_context_close(&own);
            _exit(0);
        }
    }
    for (int k = 0; k < 2; k++) {
        int status;
        waitpid(child[k], &status, 0);
        assert_int_equal(status, 0);
    }
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = open_gallery(ctx, path, false);
    assert_gallery_whole(g);
    assert_true(facts_of(g).templates == 2 * 2 * BATCHES && facts_of(g).identities == PEOPLE);
    arc_gallery_close(&g);
    arc_context_close(&ctx);
}

/* Somebody who may read the file, and no more: nothing is written, beside it neither. */
static void on_a_disk_that_cannot_be_written(void **unused) {
    (void)unused;
    const char *folder = in_folder("frozen"), *path = in_folder("frozen/gallery.db");
    assert_int_equal(mkdir(folder, 0755), 0);
    arc_context *ctx = arc_test_context(NULL, 1);
    arc_gallery *g = new_gallery(ctx, path);
    enroll(g, 0, 0, 2);
    arc_gallery_close(&g);
    ok(arc_file_save(&arc_alloc_libc, in_folder("frozen/gallery.db-wal"), "", 0, err)); /* as readers leave one */
    assert_int_equal(chmod(test_folder(), 0755) | chmod(path, 0444) | chmod(folder, 0555), 0);
    const pid_t child = fork();
    if (child == 0) {
        arc_gallery_options options;
        arc_error why = {0};
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(77);
        arc_context *own = arc_test_context(NULL, 1);
        arc_gallery_options_default(&options);
        const arc_status st = arc_gallery_open(own, path, &options, &g, &why);
        bool good = st == ARC_EIO && strstr(why.text, "cannot be written");
        options.read_only = true;
        good = good && arc_gallery_open(own, path, &options, &g, &why) == ARC_OK && who_is(own, g, 0, 9) &&
               try_enroll(g, 1, 0, 1, NULL, &why) == ARC_EINVAL;
        if (!good)
            fprintf(stderr, "%s\n", why.text);
        arc_gallery_close(&g);
        _exit(good ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(status, 0);
    arc_context_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(killed_while_tables_are_upgraded),
        cmocka_unit_test(the_disk_fills_up_at_every_write),
        cmocka_unit_test(memory_runs_out_at_every_allocation),
        cmocka_unit_test(two_processes_write_at_once),
        cmocka_unit_test(on_a_disk_that_cannot_be_written),
    };
    vfs_faults_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
