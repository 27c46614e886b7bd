/* A gallery moves from one small network to another: a third of its templates has no crop and is mapped. The loss that is told is
 * the true one; moves that are cancelled, killed or done by two at once end as one that was left alone; rotated galleries move
 * too. */
#include "base/base.h"
#include "folder.h"
#include "shared_context.h"
#include <arcface/arcface.h>
#include <arcface/gallery_migrate.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { PERSONS = 80, EACH = 3, OLD_DIM = 32, NEW_DIM = 48, ALL = PERSONS * EACH, MAPPED = PERSONS };

#define ok(call)                                                                                                                 \
    do {                                                                                                                         \
        arc_error ok_err = {0}, *const err = &ok_err;                                                                            \
        if ((call) != ARC_OK)                                                                                                    \
            fail_msg("%s: %s", #call, ok_err.text);                                                                              \
    } while (0)

static arc_model *old_model, *new_model;
static float truth[ALL][NEW_DIM]; /* of template i + 1, by the new model */
static arc_gallery_migrate_report alone;

static arc_model *tiny(arc_context *of, const char *name) {
    arc_model *model = NULL;
    ok(arc_model_load(of, in_folder(name), ARC_TASK_EMBED, NULL, &model, err));
    return model;
}

static void make_model(const char *name, int dim, uint64_t seed) {
    arc_model *fresh = NULL;
    ok(arc_model_new(ctx, "tiny", dim, seed, &fresh, err));
    ok(arc_model_save(ctx, fresh, in_folder(name), err));
    arc_model_free(&fresh);
}

static arc_gallery *open_in(arc_context *of, const char *path, bool create, const char *protect) {
    arc_gallery_options o;
    arc_gallery *g = NULL;
    arc_gallery_options_default(&o);
    o.create = create;
    o.protect = protect;
    ok(arc_gallery_open(of, path, &o, &g, err));
    return g;
}

static void embed(arc_model *model, const arc_image *crops, int count, int dim, float *out) {
    arc_embedder *e = NULL;
    ok(arc_embedder_new(ctx, model, &e, err));
    ok(arc_embed_crops(e, crops, count, false, out, err));
    arc_embedding_normalise(out, count, dim);
    arc_embedder_free(&e);
}

/* "base.db": PERSONS drawn people with three pictures each, of which the third has no crop. */
static int make_base(void **state) {
    static float x[ALL][OLD_DIM];
    static arc_image crop[ALL];
    char name[32];
    open_context(state);
    make_model("old.onnx", OLD_DIM, 3);
    make_model("new.onnx", NEW_DIM, 5);
    old_model = tiny(ctx, "old.onnx");
    new_model = tiny(ctx, "new.onnx");
    for (int i = 0; i < ALL; i++)
        ok(arc_drawn_face(ctx, 1, i / EACH, i % EACH, 1, 112, &crop[i], NULL, err));
    embed(old_model, crop, ALL, OLD_DIM, x[0]);
    embed(new_model, crop, ALL, NEW_DIM, truth[0]);
    arc_gallery *g = open_in(ctx, in_folder("base.db"), true, NULL);
    ok(arc_gallery_bind(g, old_model, err));
    for (int i = 0; i < ALL; i++) {
        snprintf(name, sizeof name, "person %d", i / EACH);
        arc_template_in in = {.name = name, .embedding = x[i], .crop = i % EACH == 2 ? NULL : &crop[i], .quality = NAN};
        ok(arc_gallery_add(g, &in, 1, NULL, err));
        arc_image_free(ctx, &crop[i]);
    }
    arc_gallery_close(&g);
    return 0;
}

static int end(void **state) {
    arc_model_free(&old_model);
    arc_model_free(&new_model);
    return close_context(state);
}

static arc_gallery *copy_of_base(const char *name, const char *protect) {
    arc_map map;
    ok(arc_map_open(&map, in_folder("base.db"), (size_t)1 << 28, err));
    ok(arc_file_save(&arc_alloc_libc, in_folder(name), map.data, map.bytes, err));
    arc_map_close(&map);
    return open_in(ctx, in_folder(name), false, protect);
}

static arc_gallery_facts facts_of(arc_gallery *g) {
    arc_gallery_facts facts;
    ok(arc_gallery_facts_of(g, &facts, err));
    return facts;
}

static int print_problem(void *arg, const char *sentence) {
    (void)arg;
    printf("check says: %s\n", sentence);
    return 0;
}

/* Every template has an embedding of the bound model, of length 1. */
static void assert_whole(arc_gallery *g, int dim, int64_t templates) {
    int64_t problems;
    ok(arc_gallery_check(g, print_problem, NULL, &problems, err));
    assert_int_equal(problems, 0);
    assert_int_equal(facts_of(g).dim, dim);
    assert_int_equal(facts_of(g).templates, templates);
}

static arc_gallery_migrate_options options(void) {
    arc_gallery_migrate_options o;
    arc_gallery_migrate_options_default(&o);
    o.allow_map = true;
    o.least_cosine = 0.1;
    o.batch = 16;
    return o;
}

typedef struct seen {
    double embedded, mapped; /* sums of cosines with the truth */
} seen;
static int compare_template(void *arg, const arc_template_record *t) {
    seen *s = arg;
    if (t->id > ALL)
        return 0;
    const double cosine = arc_test_cosine(t->embedding, truth[t->id - 1], NEW_DIM);
    *(t->id % EACH == 0 ? &s->mapped : &s->embedded) += cosine;
    return 0;
}

/* What was embedded is the truth; what was mapped is as far from it as was told: that was measured on others, a few dozen. */
static void assert_as_told(arc_gallery *g, const arc_gallery_migrate_report *r) {
    seen s = {0};
    ok(arc_gallery_templates(g, 0, false, compare_template, &s, err));
    assert_true(s.embedded / (ALL - MAPPED) > 0.99999);
    assert_true(fabs(s.mapped / MAPPED - r->cosine) < 0.05);
}

static int find_cut_over(void *arg, const arc_audit_entry *entry) {
    if (strcmp(entry->action, "cut-over") == 0)
        snprintf(arg, 512, "%s", entry->detail);
    return 0;
}

static void a_map_is_learned_measured_and_told(void **state) {
    (void)state;
    arc_gallery *g = copy_of_base("map.db", NULL);
    arc_gallery_migrate_options o = options();
    ok(arc_gallery_migrate(g, new_model, &o, &alone, err));
    assert_true(alone.embedded == ALL - MAPPED && alone.mapped == MAPPED);
    assert_true(alone.pairs >= ARC_GALLERY_MAP_PAIRS && alone.held_out >= 5);
    printf("map: %lld pairs, cosine %.4f, 95 %% above %.4f, on %lld\n", (long long)alone.pairs, alone.cosine, alone.cosine_low,
           (long long)alone.held_out);
    assert_true(alone.cosine > 0.1 && alone.cosine < 0.9999 && alone.cosine_low < alone.cosine);
    assert_as_told(g, &alone);
    assert_whole(g, NEW_DIM, ALL);
    char detail[512] = "", cosine[32];
    ok(arc_gallery_audit_log(g, 0, find_cut_over, detail, err));
    snprintf(cosine, sizeof cosine, "\"cosine\":%.4f", alone.cosine);
    assert_non_null(strstr(detail, cosine));
    assert_non_null(strstr(detail, "\"mapped\":80"));
    arc_gallery_close(&g);
}

static void what_is_too_bad_or_not_allowed_changes_nothing(void **state) {
    (void)state;
    arc_gallery *g = copy_of_base("refused.db", NULL);
    arc_gallery_migrate_options o = options();
    arc_error why = {0};
    o.allow_map = false;
    assert_int_equal(arc_gallery_migrate(g, new_model, &o, NULL, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "80 of 240 templates have no crop"));
    assert_whole(g, OLD_DIM, ALL);
    o = options();
    o.least_cosine = 0.99999;
    assert_int_equal(arc_gallery_migrate(g, new_model, &o, NULL, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "nothing was mapped"));
    assert_whole(g, OLD_DIM, ALL);
    o = options();
    assert_int_equal(arc_gallery_protect(g, "a key", &o, NULL, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "another move has begun"));
    ok(arc_gallery_migrate_cancel(g, err));
    assert_whole(g, OLD_DIM, ALL);
    ok(arc_gallery_migrate(g, new_model, &o, NULL, err));
    assert_whole(g, NEW_DIM, ALL);
    arc_gallery_close(&g);
}

/* ---- moves that are cut off ---- */

static int stop_at_second(void *own, const char *stage, int64_t done, int64_t total) {
    (void)stage, (void)done, (void)total;
    return ++*(int *)own == 2;
}

static void cancelled_again_and_again(void **state) {
    (void)state;
    arc_gallery *g = copy_of_base("cancelled.db", NULL);
    arc_gallery_migrate_options o = options();
    arc_gallery_migrate_report r;
    arc_status st;
    int calls = 0, batches;
    o.progress = stop_at_second;
    o.progress_ctx = &batches;
    do {
        batches = 0;
        st = arc_gallery_migrate(g, new_model, &o, &r, NULL);
        if (st == ARC_ECANCEL) {
            assert_whole(g, OLD_DIM, ALL);
            arc_gallery_close(&g);
            g = open_in(ctx, in_folder("cancelled.db"), false, NULL);
        }
        calls++;
    } while (st == ARC_ECANCEL);
    assert_int_equal(st, ARC_OK);
    assert_true(calls >= 6);
    assert_whole(g, NEW_DIM, ALL);
    assert_as_told(g, &r);
    /* The map is the one that was learned at first: no mapped template was taken for the truth. */
    assert_true(r.embedded == alone.embedded && r.mapped == alone.mapped && r.pairs == alone.pairs);
    assert_true(r.held_out == alone.held_out && fabs(r.cosine - alone.cosine) < 1e-12);
    arc_gallery_close(&g);
}

static int kills(void) {
    const char *wish = getenv("ARCFACE_KILLS");
    return wish ? (int)strtol(wish, NULL, 10) : 12;
}

/* In a process of its own, which ends with the status. */
static pid_t start_migration(const char *name, int batch) {
    const pid_t child = fork();
    if (child == 0) {
        arc_context *own = arc_test_context(NULL, 1);
        arc_model *to = tiny(own, "new.onnx");
        arc_gallery *g = open_in(own, in_folder(name), false, NULL);
        arc_gallery_migrate_options o = options();
        o.batch = batch;
        _exit((int)arc_gallery_migrate(g, to, &o, NULL, NULL));
    }
    return child;
}

/* Killed after so long; true: it came to its end before. */
static bool migrate_for(int64_t us) {
    const pid_t child = start_migration("killed.db", 4);
    int status = 0;
    while (us > 0 && waitpid(child, &status, WNOHANG) == 0) {
        usleep(1000);
        us -= 1000;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

static void killed_again_and_again(void **state) {
    (void)state;
    arc_gallery *g = copy_of_base("killed.db", NULL);
    arc_gallery_migrate_options o = options();
    arc_gallery_migrate_report r;
    arc_gallery_close(&g);
    arc_rng rng;
    arc_rng_seed(&rng, 8, 8);
    bool ended = false;
    for (int round = 0; round < kills() && !ended; round++) {
        ended = migrate_for(20000 + (int64_t)(arc_rng_u32(&rng) % 200000));
        g = open_in(ctx, in_folder("killed.db"), false, NULL);
        assert_whole(g, facts_of(g).dim == NEW_DIM ? NEW_DIM : OLD_DIM, ALL);
        arc_gallery_close(&g);
    }
    g = open_in(ctx, in_folder("killed.db"), false, NULL);
    ok(arc_gallery_migrate(g, new_model, &o, &r, err));
    assert_whole(g, NEW_DIM, ALL);
    assert_as_told(g, &alone);
    arc_gallery_close(&g);
}

/* ---- others, meanwhile ---- */

/* The first one that has everything makes it the gallery's; the other one says so, or finds nothing to do. */
static void two_processes_at_once(void **state) {
    (void)state;
    for (int round = 0; round < 4; round++) {
        arc_gallery *g = copy_of_base("two.db", NULL);
        arc_gallery_close(&g);
        const pid_t child[] = {start_migration("two.db", 7), start_migration("two.db", 5 + 13 * round)};
        int status[2], done = 0;
        for (int i = 0; i < 2; i++) {
            waitpid(child[i], &status[i], 0);
            assert_true(WIFEXITED(status[i]) && (WEXITSTATUS(status[i]) == ARC_OK || WEXITSTATUS(status[i]) == ARC_EINVAL));
            done += WEXITSTATUS(status[i]) == ARC_OK;
        }
        assert_true(done >= 1);
        g = open_in(ctx, in_folder("two.db"), false, NULL);
        assert_whole(g, NEW_DIM, ALL);
        assert_as_told(g, &alone);
        arc_gallery_close(&g);
    }
}

typedef struct other {
    arc_gallery *g;
    void (*work)(arc_gallery *g);
    int at, calls; /* the call of progress at which it works */
} other;
static int let_other_work(void *own, const char *stage, int64_t done, int64_t total) {
    other *o = own;
    (void)stage, (void)done, (void)total;
    if (++o->calls == o->at)
        o->work(o->g);
    return 0;
}

static arc_status migrate_beside(const char *name, int at, void (*work)(arc_gallery *g), arc_gallery_migrate_report *r) {
    arc_gallery *g = copy_of_base(name, NULL);
    other o = {open_in(ctx, in_folder(name), false, NULL), work, at, 0};
    arc_gallery_migrate_options opt = options();
    opt.progress = let_other_work;
    opt.progress_ctx = &o;
    const arc_status st = arc_gallery_migrate(g, new_model, &opt, r, NULL);
    assert_true(o.calls >= at);
    arc_gallery_close(&o.g);
    arc_gallery_close(&g);
    return st;
}

static int collect(void *arg, const arc_identity *person) {
    int64_t *id = arg;
    while (*id)
        id++;
    *id = person->id;
    return 0;
}

static void remove_everybody(arc_gallery *g) {
    static int64_t id[PERSONS + 1];
    memset(id, 0, sizeof id);
    ok(arc_gallery_list(g, 0, collect, id, err));
    for (int i = 0; id[i]; i++)
        ok(arc_gallery_remove(g, id[i], err));
}

static void enroll_more(arc_gallery *g) {
    arc_image crop = {0};
    float x[2][OLD_DIM] = {{0, 1}, {1, 2}};
    ok(arc_drawn_face(ctx, 1, 900, 0, 1, 112, &crop, NULL, err));
    arc_template_in in[] = {{.name = "late", .embedding = x[0], .crop = &crop, .quality = NAN},
                            {.name = "late", .embedding = x[1], .quality = NAN}};
    ok(arc_gallery_add(g, in, 2, NULL, err));
    arc_image_free(ctx, &crop);
}

static int little = 0; /* templates of a batch */
static void migrate_a_little(arc_gallery *g) {
    arc_gallery_migrate_options o = options();
    int batches = 0;
    o.batch = little;
    o.progress = stop_at_second;
    o.progress_ctx = &batches;
    assert_int_equal(arc_gallery_migrate(g, new_model, &o, NULL, NULL), ARC_ECANCEL);
}

static void migrate_wholly(arc_gallery *g) {
    arc_gallery_migrate_options o = options();
    ok(arc_gallery_migrate(g, new_model, &o, NULL, err));
}

static void beside_others(void **state) {
    (void)state;
    arc_gallery_migrate_report r;
    for (int at = 1; at < 16; at += 6) {
        assert_int_equal(migrate_beside("enrolled.db", at, enroll_more, &r), ARC_OK);
        arc_gallery *g = open_in(ctx, in_folder("enrolled.db"), false, NULL);
        assert_whole(g, NEW_DIM, ALL + 2);
        assert_true(r.embedded == ALL - MAPPED + 1 && r.mapped == MAPPED + 1);
        arc_gallery_close(&g);
        assert_int_equal(migrate_beside("emptied.db", at, remove_everybody, &r), ARC_OK);
        g = open_in(ctx, in_folder("emptied.db"), false, NULL);
        assert_whole(g, NEW_DIM, 0);
        arc_gallery_close(&g);
        little = at < 10 ? 60 : 8; /* in the middle: from the crops on to the rest */
        assert_int_equal(migrate_beside("shared.db", at, migrate_a_little, &r), ARC_OK);
        g = open_in(ctx, in_folder("shared.db"), false, NULL);
        assert_whole(g, NEW_DIM, ALL);
        assert_as_told(g, &alone);
        arc_gallery_close(&g);
        assert_int_equal(migrate_beside("overtaken.db", at, migrate_wholly, &r), ARC_EINVAL);
        g = open_in(ctx, in_folder("overtaken.db"), false, NULL);
        assert_whole(g, NEW_DIM, ALL);
        arc_gallery_close(&g);
    }
}

/* ---- templates that a key rotates, crops that do not fit ---- */

static void rotated_templates_stay_rotated(void **state) {
    (void)state;
    arc_gallery *g = copy_of_base("rotated.db", NULL);
    arc_gallery_migrate_options o = options();
    arc_gallery_migrate_report r;
    ok(arc_gallery_protect(g, "a key", NULL, NULL, err));
    arc_gallery *second = open_in(ctx, in_folder("rotated.db"), false, "a key"); /* it has the rotation of the old length */
    assert_whole(second, OLD_DIM, ALL);
    ok(arc_gallery_migrate(g, new_model, &o, &r, err));
    for (int i = 0; i < 2; i++) {
        assert_true(facts_of(g).is_protected);
        assert_whole(g, NEW_DIM, ALL);
        assert_as_told(g, &r);
        arc_gallery_close(&g);
        g = second;
    }
}

static void a_crop_that_does_not_fit_is_named(void **state) {
    (void)state;
    arc_gallery *g = copy_of_base("odd.db", NULL);
    arc_gallery_migrate_options o = options();
    arc_image crop = {0};
    arc_error why = {0};
    const float x[OLD_DIM] = {1};
    ok(arc_image_new(ctx, 50, 40, &crop, err));
    arc_template_in in = {.name = "odd", .embedding = x, .crop = &crop, .quality = NAN};
    ok(arc_gallery_add(g, &in, 1, NULL, err));
    o.batch = 1;
    assert_int_equal(arc_gallery_migrate(g, new_model, &o, NULL, &why), ARC_ESHAPE);
    assert_non_null(strstr(why.text, "template 241"));
    assert_whole(g, OLD_DIM, ALL + 1);
    arc_image_free(ctx, &crop);
    arc_gallery_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_is_learned_measured_and_told),
        cmocka_unit_test(what_is_too_bad_or_not_allowed_changes_nothing),
        cmocka_unit_test(cancelled_again_and_again),
        cmocka_unit_test(killed_again_and_again),
        cmocka_unit_test(two_processes_at_once),
        cmocka_unit_test(beside_others),
        cmocka_unit_test(rotated_templates_stay_rotated),
        cmocka_unit_test(a_crop_that_does_not_fit_is_named),
    };
    return cmocka_run_group_tests(tests, make_base, end);
}
