/* Galleries that are searched as one: the answers of shards against those of one gallery with everybody in it, whatever the way
 * of fusing scores, with people's own thresholds, negatives and ties; what cannot be one gallery. With ARC_TEST_POSTGRES two of
 * the shards are in that server. */
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/gallery_shards.h>

enum { SHARDS = 5, PEOPLE = 60, PROBES = 40 };

static void locate(char where[SHARDS][TEST_PATH_BYTES], const char *kind) {
    const char *server = getenv("ARC_TEST_POSTGRES");
    for (int i = 0; i < SHARDS; i++)
        if (server && i < 2)
            snprintf(where[i], TEST_PATH_BYTES, "%s#%s-%d", server, kind, i);
        else
            snprintf(where[i], TEST_PATH_BYTES, "%s/%s-%d.db", test_folder(), kind, i);
}

static arc_shards *open_shards(char where[SHARDS][TEST_PATH_BYTES], int count, arc_fusion fusion) {
    const char *names[SHARDS];
    arc_gallery_options options;
    arc_shards *s = NULL;
    arc_gallery_options_default(&options);
    options.create = true;
    options.fusion = fusion;
    for (int i = 0; i < count; i++)
        names[i] = where[i];
    ok(arc_shards_open(ctx, names, count, &options, &s, err));
    assert_int_equal(arc_shards_count(s), count);
    return s;
}

/* The same people in one gallery and each in the shard of their name; the last shard is left empty. */
static void fill(arc_gallery *one, arc_shards *shards) {
    float x[DIM];
    for (int p = 0; p < PEOPLE; p++) {
        char name[32];
        snprintf(name, sizeof name, "person %d", p);
        int home = arc_shards_home(shards, name);
        assert_true(home >= 0 && home < SHARDS);
        home = home == SHARDS - 1 ? 0 : home;
        arc_gallery *both[] = {one, arc_shards_gallery(shards, home)};
        for (int k = 0; k < 2; k++) {
            enroll(both[k], p, 0, 1 + p % 3);
            if (p % 11 == 0) {
                ok(arc_gallery_set_threshold(both[k], person_id(both[k], p), p % 2 ? 0.99 : 0.2, err));
            }
            if (p % 7 == 0) { /* who looks like this one is another one */
                draw_template(p, 50, x);
                ok(arc_gallery_reject(both[k], x, person_id(both[k], p), err));
            }
        }
    }
}

static void assert_same_answer(const arc_answer *a, const arc_answer *b) {
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->matches, b->matches);
    assert_int_equal(a->compared, b->compared);
    assert_true(a->rule.threshold == b->rule.threshold && a->rule.comparisons == b->rule.comparisons &&
                a->rule.source == b->rule.source);
    assert_true(a->margin_to_second == b->margin_to_second || (isnan(a->margin_to_second) && isnan(b->margin_to_second)));
    for (int i = 0; i < a->matches; i++) {
        const arc_match *x = &a->match[i], *y = &b->match[i];
        assert_string_equal(x->name, y->name);
        assert_true(x->cosine == y->cosine && x->best_cosine == y->best_cosine && x->threshold == y->threshold);
        assert_true(x->accepted == y->accepted && x->negative == y->negative);
    }
}

static void compare(arc_gallery *one, arc_shards *shards, int top, double threshold) {
    static float probe[PROBES][DIM];
    static arc_answer alone[PROBES], together[PROBES];
    static int shard[PROBES * 10];
    arc_gallery_query q;
    int known = 0;
    arc_gallery_query_default(&q);
    q.top = top;
    q.threshold = threshold;
    for (int k = 0; k < PROBES; k++)
        draw_template(k * 2, 50, probe[k]); /* strangers too */
    ok(arc_gallery_identify(one, probe[0], PROBES, &q, alone, err));
    ok(arc_shards_identify(shards, probe[0], PROBES, &q, together, shard, err));
    for (int k = 0; k < PROBES; k++) {
        assert_same_answer(&alone[k], &together[k]);
        known += together[k].known == ARC_KNOWN;
        for (int i = 0; i < together[k].matches; i++) { /* the person is in the shard that is named */
            int64_t id;
            bool found;
            ok(arc_gallery_find(arc_shards_gallery(shards, shard[k * top + i]), together[k].match[i].name, &id, &found, err));
            assert_true(found && id == together[k].match[i].identity);
        }
    }
    assert_true(known > 0 && known < PROBES);
    arc_answers_free(ctx, alone, PROBES);
    arc_answers_free(ctx, together, PROBES);
}

static void shards_answer_as_one_gallery(void **state) {
    (void)state;
    static const arc_fusion ways[] = {ARC_FUSE_MAX, ARC_FUSE_MEAN};
    static const char *const kinds[] = {"max", "mean"};
    for (int way = 0; way < 2; way++) {
        char where[SHARDS][TEST_PATH_BYTES];
        arc_gallery_options options;
        arc_gallery *one = NULL;
        locate(where, kinds[way]);
        arc_gallery_options_default(&options);
        options.create = true;
        options.fusion = ways[way];
        ok(arc_gallery_open(ctx, in_folder(kinds[way]), &options, &one, err));
        ok(arc_gallery_bind_foreign(one, "drawn", DIM, 0.5, err));
        arc_shards *shards = open_shards(where, SHARDS, ways[way]);
        for (int i = 0; i < SHARDS - 1; i++)
            ok(arc_gallery_bind_foreign(arc_shards_gallery(shards, i), "drawn", DIM, 0.5, err));
        fill(one, shards);
        compare(one, shards, 5, (double)NAN);
        compare(one, shards, 1, (double)NAN);
        compare(one, shards, 10, 0.6);
        enroll(one, 90, 0, 2); /* what is added later is found */
        enroll(arc_shards_gallery(shards, 1), 90, 0, 2);
        compare(one, shards, 5, (double)NAN);
        arc_gallery_close(&one);
        arc_shards_close(&shards);
    }
}

static void what_is_no_gallery_together_is_refused(void **state) {
    (void)state;
    char where[SHARDS][TEST_PATH_BYTES];
    const char *twice[] = {"a.db", "a.db"};
    const int64_t only = 1;
    arc_shards *s = NULL;
    arc_error why = {0};
    arc_answer answer;
    arc_gallery_query q;
    float x[DIM];
    draw_template(1, 1, x);
    locate(where, "bad");
    assert_int_equal(arc_shards_open(ctx, twice, 2, NULL, &s, &why), ARC_EINVAL);
    assert_int_equal(arc_shards_open(ctx, twice, 0, NULL, &s, &why), ARC_EINVAL);
    twice[1] = in_folder("nobody.db");
    assert_int_equal(arc_shards_open(ctx, twice + 1, 1, NULL, &s, &why), ARC_ENOTFOUND);
    assert_null(s);
    s = open_shards(where, 3, ARC_FUSE_MAX);
    assert_int_equal(arc_shards_identify(s, x, 1, NULL, &answer, NULL, &why), ARC_EINVAL); /* bound to nothing */
    ok(arc_gallery_bind_foreign(arc_shards_gallery(s, 0), "drawn", DIM, 0.5, err));
    ok(arc_gallery_bind_foreign(arc_shards_gallery(s, 2), "painted", DIM, 0.5, err));
    assert_int_equal(arc_shards_identify(s, x, 1, NULL, &answer, NULL, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "painted"));
    arc_gallery_query_default(&q);
    q.only = &only;
    q.only_count = 1;
    assert_int_equal(arc_shards_identify(s, x, 1, &q, &answer, NULL, &why), ARC_EINVAL);
    assert_null(arc_shards_gallery(s, 3));
    arc_shards_close(&s);
    s = open_shards(where, 2, ARC_FUSE_MAX);
    ok(arc_shards_identify(s, x, 1, NULL, &answer, NULL, err));
    assert_true(answer.known == ARC_EMPTY && answer.matches == 0);
    arc_shards_close(&s);
}

static void refused_memory_is_an_error(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    arc_test_walk walk = {.heap = &heap, .thin = 8, .may_manage = true};
    const char *where[] = {in_folder("small-0.db"), in_folder("small-1.db")};
    float x[DIM];
    arc_answer answer;
    for (int i = 0; i < 2; i++) {
        arc_gallery *g = new_gallery(ctx, where[i]);
        enroll(g, i, 0, 2);
        arc_gallery_close(&g);
    }
    draw_template(1, 9, x);
    arc_status st;
    do {
        arc_shards *s = NULL;
        arc_test_walk_begin(&walk);
        st = arc_shards_open(c, where, 2, NULL, &s, NULL);
        if (st == ARC_OK) {
            st = arc_shards_identify(s, x, 1, NULL, &answer, NULL, NULL);
            arc_answers_free(c, &answer, 1);
        }
        arc_shards_close(&s);
    } while (arc_test_walk_again(&walk, st));
    assert_true(walk.failures > 5);
    arc_context_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_answer_as_one_gallery),
        cmocka_unit_test(what_is_no_gallery_together_is_refused),
        cmocka_unit_test(refused_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
