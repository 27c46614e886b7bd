/* Files of measured plans: what was written is read back, what is damaged, foreign or absent counts as nothing; and plans that
 * come of them:
 * the same choice, id and bits run after run and for any number of threads. */
#include "folder.h"
#include "net_support.h"
#include "plan/cache.h"
#include "plan/plan.h"
#include "plan/tune.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char owner[] = "avx512 on a test, arcface 0.1.0";
/* Calls fn for the path of each file in the folder of plans. */
static int each_plan(void (*fn)(const char *path)) {
    DIR *dir = opendir(in_folder("plans"));
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[2 * TEST_PATH_BYTES];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", in_folder("plans"), e->d_name);
        if (fn)
            fn(path);
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

static void remove_file(const char *path) {
    assert_int_equal(unlink(path), 0);
}

/* ---- the file -------------------------------------------------------------------------------------------------------------- */

static arc_plan_record example(void) {
    arc_plan_record r;
    arc_plan_record_init(&r, &arc_alloc_libc);
    r.rates = (arc_rates){100.25, 8, 0.15, 2};
    for (int i = 0; i < 50; i++) {
        char key[32];
        snprintf(key, sizeof key, "conv %d", i);
        assert_int_equal(arc_plan_record_set(&r, key, 0, "winograd 2x2", NULL), ARC_OK);
        assert_int_equal(arc_plan_record_set(&r, key, 2, "own blocks", NULL), ARC_OK);
        assert_int_equal(arc_plan_record_set(&r, key, 0, i % 2 ? "igemm" : "winograd 4x4", NULL), ARC_OK); /* replaced */
    }
    return r;
}

static void what_was_written_is_read(void **state) {
    (void)state;
    arc_plan_record r = example(), back;
    const char *path = in_folder("plans/one.plan");
    assert_int_equal(arc_plan_record_save(&r, path, owner, NULL), ARC_OK);
    arc_plan_record_init(&back, &arc_alloc_libc);
    assert_int_equal(arc_plan_record_load(&back, path, owner, NULL), ARC_OK);
    assert_int_equal(back.choices, 100);
    assert_memory_equal(&back.rates, &r.rates, sizeof r.rates);
    assert_string_equal(arc_plan_record_find(&back, "conv 7", 0), "igemm");
    assert_string_equal(arc_plan_record_find(&back, "conv 8", 0), "winograd 4x4");
    assert_string_equal(arc_plan_record_find(&back, "conv 8", 2), "own blocks");
    assert_null(arc_plan_record_find(&back, "conv 8", 3));
    assert_null(arc_plan_record_find(&back, "conv 50", 0));
    arc_plan_record_free(&back);
    arc_plan_record_free(&r);
}

/* Every cut and every flipped bit is noticed, and leaves the record empty. */
static void damage_is_noticed(void **state) {
    (void)state;
    arc_plan_record r = example(), back;
    arc_map map;
    arc_error err = {0};
    const char *path = in_folder("plans/one.plan");
    assert_int_equal(arc_plan_record_save(&r, path, owner, NULL), ARC_OK);
    assert_int_equal(arc_map_open(&map, path, 1 << 20, NULL), ARC_OK);
    uint8_t *copy = malloc(map.bytes);
    memcpy(copy, map.data, map.bytes);
    arc_plan_record_init(&back, &arc_alloc_libc);
    for (size_t cut = 0; cut < map.bytes; cut++) {
        assert_int_not_equal(arc_plan_record_parse(&back, copy, cut, owner, "cut", &err), ARC_OK);
        assert_int_equal(back.choices, 0);
        assert_true(back.rates.macs == 0);
    }
    for (size_t at = 0; at < map.bytes; at++) {
        copy[at] ^= (uint8_t)(1u << at % 8);
        assert_int_not_equal(arc_plan_record_parse(&back, copy, map.bytes, owner, "bent", &err), ARC_OK);
        assert_int_equal(back.choices, 0);
        copy[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_int_equal(arc_plan_record_parse(&back, copy, map.bytes, owner, "whole", &err), ARC_OK);
    assert_int_equal(arc_plan_record_parse(&back, copy, map.bytes, "another processor", "x.plan", &err), ARC_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "another processor"));
    assert_non_null(strstr(err.text, "x.plan"));
    char twin[sizeof owner];
    memcpy(twin, owner, sizeof owner);
    twin[3] = '2';
    assert_int_equal(arc_plan_record_parse(&back, copy, map.bytes, twin, "x.plan", &err), ARC_EUNSUPPORTED);
    assert_int_equal(arc_plan_record_parse(&back, (const uint8_t *)"pickle\n", 7, owner, "x", &err), ARC_EFORMAT);
    path = in_folder("plans/none.plan");
    assert_int_equal(arc_plan_record_load(&back, path, owner, &err), ARC_ENOTFOUND);
    free(copy);
    arc_map_close(&map);
    arc_plan_record_free(&back);
    arc_plan_record_free(&r);
}

/* ---- plans ----------------------------------------------------------------------------------------------------------------- */

static int warnings;
static char last_warning[ARC_ERROR_TEXT_BYTES];

static void note(void *ctx, arc_log_level level, const char *text) {
    (void)ctx;
    if (level != ARC_LOG_WARN)
        return;
    warnings++;
    snprintf(last_warning, sizeof last_warning, "%s", text);
}

static arc_context *context(int threads, bool tune, const char *cache) {
    arc_settings s = arc_test_settings(NULL, threads);
    s.tune = tune;
    s.cache_dir = cache;
    s.log = note;
    return arc_test_open(&s);
}

typedef struct outcome {
    float y[30];
    char id[ARC_PLAN_ID_BYTES];
} outcome;

static void build(net *t) {
    net_new(t, &arc_alloc_libc, 3);
    int x = net_input(t, "x", net_shape(4, 1, 16, 20, 20));
    x = net_prelu(t, net_conv(t, x, (net_conv_spec){16, 24, 3, 1, 1, 1, true}), 24);
    x = net_prelu(t, net_conv(t, x, (net_conv_spec){24, 40, 3, 1, 1, 1, true}), 40);
    x = net_node(t, "GlobalAveragePool", net_conv(t, x, (net_conv_spec){40, 30, 3, 1, 1, 1, true}), ARC_NO_VALUE, ARC_NO_VALUE,
                 NULL);
    net_done(t, x);
}

/* Layers from narrow to wide: whatever a processor's rates are, on some the cost model's algorithms are nearly even. */
static void build_ladder(net *t) {
    static const int wide[] = {16, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 30};
    net_new(t, &arc_alloc_libc, 3);
    int x = net_input(t, "x", net_shape(4, 1, 16, 20, 20));
    for (size_t i = 0; i + 1 < ARC_COUNT(wide); i++)
        x = net_conv(t, net_prelu(t, x, wide[i]), (net_conv_spec){wide[i], wide[i + 1], 3, 1, 1, 1, true});
    net_done(t, net_node(t, "GlobalAveragePool", x, ARC_NO_VALUE, ARC_NO_VALUE, NULL));
}

static outcome run(const net *t, int threads, bool tune, const char *cache) {
    outcome o;
    const arc_shape shape = {4, {1, 16, 20, 20}};
    float *x = net_floats(4, 16 * 400);
    arc_context *ctx = context(threads, tune, cache);
    arc_session *s = NULL;
    arc_plan_stats stats;
    arc_tensor in = {.dtype = ARC_F32, .shape = shape, .data = x}, out;
    warnings = 0;
    assert_int_equal(arc_session_new(&s, ctx, t->g, NULL, NULL), ARC_OK);
    assert_int_equal(arc_session_run(s, &in, &out, NULL), ARC_OK);
    assert_int_equal(arc_session_stats(s, &stats), ARC_OK);
    memcpy(o.y, out.data, sizeof o.y);
    snprintf(o.id, sizeof o.id, "%s", stats.id);
    arc_session_free(&s);
    arc_context_close(&ctx);
    free(x);
    return o;
}

static void same(const outcome *a, const outcome *b) {
    assert_string_equal(a->id, b->id);
    assert_memory_equal(a->y, b->y, sizeof a->y);
}

static int choices_of(const char *path, const char *algorithm) {
    char text[8192] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    int count = 0;
    for (const char *at = text; (at = strstr(at, algorithm)); at++)
        count++;
    return count;
}

static void has_algorithms_and_schedules(const char *path) {
    if (strstr(path, ".plan")) {
        assert_int_equal(choices_of(path, "choice 0\t"), 3);
        assert_int_equal(choices_of(path, "choice 2\t"), 3);
    }
}

/* The cost model decides without regard to threads. */
static void an_untuned_plan_is_the_same_for_any_number_of_threads(void **state) {
    (void)state;
    net t;
    build_ladder(&t);
    const outcome alone = run(&t, 1, false, test_folder());
    for (int threads = 2; threads <= arc_test_part(4, 16); threads++) {
        const outcome o = run(&t, threads, false, test_folder());
        same(&o, &alone);
    }
    arc_graph_free(&t.g);
}

/* What is measured on 2 threads holds for every number, with or without tune. */
static void a_tuned_plan_is_the_same_for_any_number_of_threads(void **state) {
    (void)state;
    net t;
    build(&t);
    const outcome measured = run(&t, 2, true, test_folder());
    assert_int_equal(warnings, 0);
    each_plan(has_algorithms_and_schedules);
    for (int threads = 1; threads <= arc_test_part(4, 16); threads++) {
        const outcome o = run(&t, threads, threads % 2, test_folder());
        same(&o, &measured);
    }
    arc_graph_free(&t.g);
}

/* Rewrites the recorded algorithms by hand: the plan follows the record, not a measurement. */
static void take(const char *path, const char *algorithm) {
    arc_plan_record r;
    char line[ARC_PLAN_OWNER_BYTES + 8] = "", skipped[64];
    if (!strstr(path, ".plan"))
        return;
    FILE *f = fopen(path, "r");
    assert_true(f && fgets(skipped, sizeof skipped, f) && fgets(line, sizeof line, f));
    fclose(f);
    line[strcspn(line, "\n")] = '\0';
    arc_plan_record_init(&r, &arc_alloc_libc);
    assert_int_equal(arc_plan_record_load(&r, path, line + strlen("owner "), NULL), ARC_OK);
    for (size_t i = 0; i < r.choices; i++)
        if (r.choice[i].threads == 0)
            snprintf(r.choice[i].name, sizeof r.choice[i].name, "%s", i ? algorithm : "an algorithm of the future");
    assert_int_equal(arc_plan_record_save(&r, path, line + strlen("owner "), NULL), ARC_OK);
    arc_plan_record_free(&r);
}

static void take_igemm(const char *path) {
    take(path, "igemm");
}

static void take_winograd(const char *path) {
    take(path, "winograd 4x4");
}

static void the_record_decides(void **state) {
    (void)state;
    net t;
    build(&t);
    run(&t, 2, true, test_folder());
    each_plan(take_winograd);
    const outcome winograd = run(&t, 2, false, test_folder());
    each_plan(take_igemm);
    const outcome igemm = run(&t, 2, false, test_folder()), again = run(&t, 7, true, test_folder());
    assert_string_not_equal(igemm.id, winograd.id);
    assert_int_equal(warnings, 0);
    const outcome kept = run(&t, 3, false, test_folder()); /* what was measured in place of the unknown algorithm is recorded */
    same(&kept, &again);
    arc_graph_free(&t.g);
}

/* Rates stay whole in these: those of a processor that the table does not know would be measured anew, and differ. */
static void bend_plan(const char *path) {
    if (!strstr(path, ".plan"))
        return;
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 40, SEEK_SET), 0);
    assert_int_equal(fputc('#', f), '#');
    fclose(f);
}

static void cut(const char *path) {
    assert_int_equal(truncate(path, 100), 0);
}

static void cut_plan(const char *path) {
    if (strstr(path, ".plan"))
        cut(path);
}

/* A damaged record is said and then as good as none; measuring writes a good one in its place. */
static void a_damaged_record_is_said_and_replaced(void **state) {
    (void)state;
    net t;
    build(&t);
    const outcome shipped = run(&t, 2, false, test_folder());
    void (*const damage[])(const char *) = {bend_plan, cut_plan};
    for (size_t i = 0; i < ARC_COUNT(damage); i++) {
        run(&t, 2, true, test_folder());
        assert_true(each_plan(damage[i]) >= 1);
        const outcome o = run(&t, 2, false, test_folder());
        same(&o, &shipped);
        assert_true(warnings >= 1);
        assert_non_null(strstr(last_warning, ".plan"));
        run(&t, 2, true, test_folder());
        run(&t, 2, false, test_folder());
        assert_int_equal(warnings, 0);
    }
    arc_graph_free(&t.g);
}

/* Nothing is measured that can't be kept: the plan is the shipped one, said once. */
static void a_cache_that_cannot_be_written(void **state) {
    (void)state;
    const char *file = in_folder("plans"), *below = in_folder("plans/deeper");
    net t;
    build(&t);
    FILE *f = fopen(file, "w"); /* where the folder of plans would be */
    assert_non_null(f);
    fclose(f);
    const outcome shipped = run(&t, 2, false, test_folder()), tuned = run(&t, 2, true, test_folder());
    assert_true(warnings >= 1);
    assert_non_null(strstr(last_warning, "nothing is measured"));
    same(&tuned, &shipped);
    const outcome deeper = run(&t, 2, true, below);
    same(&deeper, &shipped);
    assert_int_equal(unlink(file), 0);
    arc_graph_free(&t.g);
}

/* A processor that the table does not know is measured once. */
static void an_unknown_processor_is_measured_once(void **state) {
    (void)state;
    arc_rates first, again, other;
    arc_context *ctx = context(2, false, test_folder());
    arc_execution x = arc_execution_of(ctx);
    const arc_rates shipped = arc_rates_shipped(ctx->kernels->isa);
    assert_int_equal(arc_rates_find(&first, &x, "an imaginary processor", NULL), ARC_OK);
    assert_true(first.macs > 0 && first.floats > 0 && first.weight_floats > 0 && first.threads == 2);
    assert_memory_not_equal(&first, &shipped, sizeof first);
    assert_int_equal(arc_rates_find(&again, &x, "an imaginary processor", NULL), ARC_OK);
    assert_memory_equal(&again, &first, sizeof first);
    assert_int_equal(arc_rates_find(&other, &x, "AuthenticAMD family 26 model 2 stepping 1 (AMD EPYC)", NULL), ARC_OK);
    assert_memory_equal(&other, &shipped, sizeof other);
    assert_int_equal(each_plan(NULL), 1);
    each_plan(cut);
    assert_int_equal(arc_rates_find(&other, &x, "an imaginary processor", NULL), ARC_OK);
    assert_true(other.macs > 0);
    arc_context_close(&ctx);
    ctx = context(2, false, "/dev/null/nowhere");
    x = arc_execution_of(ctx);
    assert_int_equal(arc_rates_find(&other, &x, "an imaginary processor", NULL), ARC_OK);
    assert_memory_equal(&other, &shipped, sizeof other);
    arc_context_close(&ctx);
}

static arc_status tuned_run(arc_test_heap *heap, const net *t) {
    arc_settings s = arc_test_settings(heap, 1);
    arc_context *ctx = NULL;
    arc_session *session = NULL;
    const arc_shape shape = {4, {1, 16, 20, 20}};
    s.tune = true;
    s.cache_dir = test_folder();
    arc_status st = arc_context_open(&ctx, &s, NULL);
    if (st == ARC_OK)
        st = arc_session_new(&session, ctx, t->g, NULL, NULL);
    if (st == ARC_OK)
        st = arc_session_plan(session, &shape, NULL);
    arc_session_free(&session);
    arc_context_close(&ctx);
    return st;
}

/* Memory that runs out while measuring: ENOMEM or, where only the record was lost, a plan all the same; never a leak. */
static void every_allocation_of_measuring_may_fail(void **state) {
    (void)state;
    net t;
    arc_test_heap heap = {0};
    build(&t);
    assert_int_equal(tuned_run(&heap, &t), ARC_OK);
    assert_int_equal(heap.live, 0);
    const long total = heap.requests;
    for (long nth = 1; nth <= total; nth += 1 + total / 150) {
        each_plan(remove_file);
        heap = (arc_test_heap){.fail_at = nth};
        const arc_status st = tuned_run(&heap, &t);
        assert_true(st == ARC_ENOMEM || st == ARC_OK);
        assert_int_equal(heap.live, 0);
    }
    arc_graph_free(&t.g);
}

int main(void) {
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, NULL, test_empty_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_was_written_is_read),
        WITH_FOLDER(damage_is_noticed),
        WITH_FOLDER(an_untuned_plan_is_the_same_for_any_number_of_threads),
        WITH_FOLDER(a_tuned_plan_is_the_same_for_any_number_of_threads),
        WITH_FOLDER(the_record_decides),
        WITH_FOLDER(a_damaged_record_is_said_and_replaced),
        WITH_FOLDER(a_cache_that_cannot_be_written),
        WITH_FOLDER(an_unknown_processor_is_measured_once),
        WITH_FOLDER(every_allocation_of_measuring_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
