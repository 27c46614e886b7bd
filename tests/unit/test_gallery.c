/* Galleries in a file: people and templates come, are found, renamed, merged and removed; several processes' worth of galleries
 * on one file; bad input. */
#include "gallery_support.h"
#include "shared_context.h"
#include <pthread.h>
#include <sched.h>

static void people_are_found_again(void **state) {
    (void)state;
    const char *path = in_folder("people.db");
    arc_gallery *g = new_gallery(ctx, path);
    for (int p = 0; p < 30; p++)
        enroll(g, p, 0, 3);
    for (int again = 0; again < 2; again++) { /* the second time from the file of the index */
        for (int p = 0; p < 30; p++) {
            char name[32];
            snprintf(name, sizeof name, "person %d", p);
            assert_non_null(who_is(ctx, g, p, 9));
            assert_string_equal(who_is(ctx, g, p, 9), name);
        }
        assert_null(who_is(ctx, g, 77, 0));
        assert_gallery_whole(g);
        const arc_gallery_facts f = facts_of(g);
        assert_true(f.identities == 30 && f.templates == 90 && f.dim == DIM && !f.sealed && f.revision == 30);
        assert_string_equal(f.store, "sqlite");
        arc_gallery_close(&g);
        g = open_gallery(ctx, path, false);
    }
    arc_gallery_close(&g);
    assert_int_equal(arc_path_kind_of(in_folder("people.db.index")), ARC_PATH_FILE);
}

static void names_are_changed_merged_and_removed(void **state) {
    (void)state;
    arc_gallery *g = new_gallery(ctx, in_folder("names.db"));
    int64_t id, problems;
    arc_error why = {0};
    for (int p = 0; p < 4; p++)
        enroll(g, p, 0, 2);
    assert_non_null(who_is(ctx, g, 1, 9));
    ok(arc_gallery_rename(g, person_id(g, 1), "Zoë \"Z\" O'Neil; DROP TABLE identities", err));
    assert_int_equal(person_id(g, 1), 0);
    assert_string_equal(who_is(ctx, g, 1, 9), "Zoë \"Z\" O'Neil; DROP TABLE identities");
    assert_int_equal(arc_gallery_rename(g, person_id(g, 2), "person 3", &why), ARC_EINVAL);
    assert_int_equal(arc_gallery_add_identity(g, "person 3", NULL, &id, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "person 3"));
    ok(arc_gallery_annotate(g, person_id(g, 2), "{\"room\": 4}", err));
    assert_int_equal(arc_gallery_annotate(g, person_id(g, 2), "[1]", &why), ARC_EINVAL);

    const int64_t two = person_id(g, 2), three = person_id(g, 3);
    ok(arc_gallery_merge(g, two, three, err));
    assert_string_equal(who_is(ctx, g, 3, 9), "person 2");
    assert_int_equal(arc_gallery_merge(g, two, three, &why), ARC_ENOTFOUND);
    assert_int_equal(arc_gallery_merge(g, two, two, &why), ARC_EINVAL);
    ok(arc_gallery_set_threshold(g, two, 0.999, err));
    assert_null(who_is(ctx, g, 3, 9));
    ok(arc_gallery_set_threshold(g, two, (double)NAN, err));
    assert_non_null(who_is(ctx, g, 3, 9));
    assert_int_equal(arc_gallery_set_threshold(g, two, 1.5, &why), ARC_EINVAL);

    ok(arc_gallery_remove(g, two, err));
    assert_null(who_is(ctx, g, 3, 9));
    assert_int_equal(arc_gallery_remove(g, two, &why), ARC_ENOTFOUND);
    assert_int_equal(facts_of(g).templates, 4);
    ok(arc_gallery_check(g, print_problem, NULL, &problems, err));
    assert_int_equal(problems, 0);
    arc_gallery_close(&g);
}

typedef struct counted {
    int count;
    arc_template_record last;
    char detail[64];
} counted;

static int count_templates(void *arg, const arc_template_record *record) {
    counted *c = arg;
    c->count++;
    c->last = *record;
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)record->embedding[i] * (double)record->embedding[i];
    assert_true(fabs(sum - 1) < 1e-6);
    snprintf(c->detail, sizeof c->detail, "%s", record->detail_json);
    return c->count == 2;
}

static void templates_come_back(void **state) {
    (void)state;
    arc_gallery *g = new_gallery(ctx, in_folder("templates.db"));
    uint8_t pixels[12] = {1, 2, 3}, sha[32] = {4, 5, 6};
    const arc_image crop = {.data = pixels, .width_px = 2, .height_px = 2, .stride_bytes = 6};
    float x[DIM];
    draw_template(0, 0, x);
    arc_template_in in[3] = {{.name = "Ann", .embedding = x, .crop = &crop, .quality = 0.25F, .source_sha256 = sha},
                             {.name = "Ann", .embedding = x, .quality = NAN, .detail_json = "{\"score\": 1}", .created_ms = 5},
                             {.name = "Bob", .embedding = x}};
    int64_t ids[3], id, identity;
    bool found;
    counted c = {0};
    arc_error why = {0};
    ok(arc_gallery_add(g, in, 3, ids, err));
    assert_true(ids[0] > 0 && ids[2] == ids[0] + 2);
    ok(arc_gallery_find(g, "Ann", &identity, &found, err));
    ok(arc_gallery_templates(g, identity, true, count_templates, &c, err));
    assert_true(c.count == 2 && isnan(c.last.quality) && c.last.created_ms == 5 && c.last.id == ids[1]);
    assert_string_equal(c.detail, "{\"score\": 1}");
    ok(arc_gallery_find_source(g, sha, &id, &identity, &found, err));
    assert_true(found && id == ids[0]);
    sha[0]++;
    ok(arc_gallery_find_source(g, sha, &id, &identity, &found, err));
    assert_false(found);
    assert_int_equal(facts_of(g).crops, 1);
    ok(arc_gallery_remove_template(g, ids[0], err));
    assert_int_equal(arc_gallery_remove_template(g, ids[0], &why), ARC_ENOTFOUND);
    assert_true(facts_of(g).crops == 0 && facts_of(g).templates == 2);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
}

static void bad_input_changes_nothing(void **state) {
    (void)state;
    arc_gallery *g = new_gallery(ctx, in_folder("bad.db"));
    float good[DIM], nan[DIM], zero[DIM] = {0};
    char *long_name = malloc(10001);
    arc_error why = {0};
    int64_t id, ids[2];
    bool found;
    memset(long_name, 'n', 10000);
    long_name[10000] = '\0';
    draw_template(0, 0, good);
    memcpy(nan, good, sizeof nan);
    nan[7] = NAN;
    arc_template_in in[2] = {{.name = "Ann", .embedding = good}, {.name = "Bob", .embedding = nan}};
    assert_int_equal(arc_gallery_add(g, in, 2, ids, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "embedding 1 has a number that is not finite"));
    in[1].embedding = zero;
    assert_int_equal(arc_gallery_add(g, in, 2, ids, &why), ARC_EINVAL);
    in[1].embedding = good;
    in[1].detail_json = "{";
    assert_int_equal(arc_gallery_add(g, in, 2, ids, &why), ARC_EINVAL);
    in[1].detail_json = NULL;
    in[1].name = NULL;
    assert_int_equal(arc_gallery_add(g, in, 2, ids, &why), ARC_EINVAL);
    in[1].identity = 12;
    assert_int_equal(arc_gallery_add(g, in, 2, ids, &why), ARC_ENOTFOUND);
    assert_true(ids[0] == 0 && ids[1] == 0);
    const char *names[] = {"", long_name, "a\xff", "\xc0\xaf", " blank", "line\nbreak"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(arc_gallery_add_identity(g, names[i], NULL, &id, &why), ARC_EINVAL);
    assert_int_equal(arc_gallery_find(g, long_name, &id, &found, &why), ARC_EINVAL);
    long_name[ARC_GALLERY_NAME_BYTES] = '\0';
    ok(arc_gallery_add_identity(g, long_name, NULL, &id, err));
    arc_answer answer;
    assert_int_equal(arc_gallery_identify(g, nan, 1, NULL, &answer, &why), ARC_EINVAL);
    assert_int_equal(arc_gallery_reject(g, zero, id, &why), ARC_EINVAL);
    assert_int_equal(arc_gallery_reject(g, good, 99, &why), ARC_ENOTFOUND);
    assert_true(facts_of(g).templates == 0 && facts_of(g).identities == 1 && facts_of(g).negatives == 0);
    assert_int_equal(arc_gallery_bind_foreign(g, "drawn", DIM + 1, 0.5, &why), ARC_EINVAL);
    assert_non_null(strstr(why.text, "migrate"));
    assert_int_equal(arc_gallery_bind_foreign(g, "others", DIM, 0.5, &why), ARC_EINVAL);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
    g = open_gallery(ctx, in_folder("bad.db#second"), true);
    in[0].embedding = good;
    assert_int_equal(arc_gallery_add(g, in, 1, NULL, &why), ARC_EINVAL); /* not bound */
    arc_gallery_close(&g);
    free(long_name);
}

static void answers_follow_the_query(void **state) {
    (void)state;
    arc_gallery *g = new_gallery(ctx, in_folder("query.db"));
    float x[2][DIM];
    arc_answer answer[2];
    arc_gallery_query q;
    draw_template(4, 9, x[0]);
    draw_template(99, 0, x[1]);
    ok(arc_gallery_identify(g, x[0], 2, NULL, answer, err));
    assert_true(answer[0].known == ARC_EMPTY && answer[1].matches == 0);
    arc_answers_free(ctx, answer, 2);
    for (int p = 0; p < 20; p++)
        enroll(g, p, 0, 2);
    arc_gallery_query_default(&q);
    q.top = 3;
    q.log = true;
    ok(arc_gallery_identify(g, x[0], 2, &q, answer, err));
    assert_true(answer[0].known == ARC_KNOWN && answer[0].matches == 3 && answer[1].known == ARC_UNKNOWN);
    assert_true(answer[0].match[0].identity == person_id(g, 4) && answer[0].compared == 20 && answer[0].margin_to_second > 0);
    assert_true(answer[0].match[1].cosine >= answer[0].match[2].cosine && !answer[0].match[1].accepted);
    arc_answers_free(ctx, answer, 2);
    const int64_t only[] = {person_id(g, 7), person_id(g, 2), person_id(g, 7)};
    q.only = only;
    q.only_count = 3;
    ok(arc_gallery_identify(g, x[0], 1, &q, answer, err));
    assert_true(answer[0].known == ARC_UNKNOWN && answer[0].matches == 2 && answer[0].compared == 2);
    assert_int_equal(answer[0].rule.comparisons, 4); /* two people of two templates each */
    arc_answers_free(ctx, answer, 1);
    q.only = NULL;
    q.only_count = 0;
    q.threshold = 0.9999;
    ok(arc_gallery_identify(g, x[0], 1, &q, answer, err));
    assert_int_equal(answer[0].known, ARC_UNKNOWN);
    arc_answers_free(ctx, answer, 1);
    ok(arc_gallery_reject(g, x[0], person_id(g, 4), err)); /* "that is not person 4" */
    assert_null(who_is(ctx, g, 4, 9));
    assert_string_equal(who_is(ctx, g, 4, 8), "person 4");
    assert_true(facts_of(g).negatives == 1 && facts_of(g).audits > 20);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
}

static void others_are_seen_at_once(void **state) {
    (void)state;
    const char *path = in_folder("two.db");
    arc_gallery *a = new_gallery(ctx, path), *b = open_gallery(ctx, path, false);
    enroll(a, 1, 0, 2);
    assert_non_null(who_is(ctx, b, 1, 9));
    enroll(b, 2, 0, 2);
    assert_non_null(who_is(ctx, a, 2, 9));
    ok(arc_gallery_remove(b, person_id(b, 1), err));
    assert_null(who_is(ctx, a, 1, 9));
    enroll(a, 3, 0, 2);
    assert_non_null(who_is(ctx, a, 3, 9));
    assert_non_null(who_is(ctx, b, 3, 9));
    enroll(a, 4, 0, 2); /* b has changed nothing since it looked */
    assert_non_null(who_is(ctx, b, 4, 9));
    arc_gallery_close(&a);
    arc_gallery_close(&b);
    a = open_gallery(ctx, path, false);
    assert_non_null(who_is(ctx, a, 2, 9));
    assert_null(who_is(ctx, a, 1, 9));
    arc_gallery_close(&a);
}

static void an_index_of_others_is_built_anew(void **state) {
    (void)state;
    const char *one = in_folder("one.db"), *other = in_folder("other.db"), *index = in_folder("one.db.index");
    for (int k = 0; k < 2; k++) {
        arc_gallery *g = new_gallery(ctx, k ? other : one);
        for (int p = 0; p < 5; p++)
            enroll(g, 10 * k + p, 0, 2);
        assert_non_null(who_is(ctx, g, 10 * k, 9));
        arc_gallery_close(&g);
    }
    ok(arc_path_rename(in_folder("other.db.index"), index, err));
    arc_gallery *g = open_gallery(ctx, one, false);
    assert_string_equal(who_is(ctx, g, 3, 9), "person 3");
    arc_gallery_close(&g);
    ok(arc_file_save(&arc_alloc_libc, index, "nonsense", 8, err));
    g = open_gallery(ctx, one, false);
    assert_string_equal(who_is(ctx, g, 3, 9), "person 3");
    arc_gallery_close(&g);
}

/* Every gallery's way to make a score of several cosines, held against all templates one by one. */
/* One byte of the codes in the index's file is another: a search notices, and the index is built anew. */
static void a_damaged_index_is_built_anew(void **state) {
    (void)state;
    const char *path = in_folder("damaged.db"), *index = in_folder("damaged.db.index");
    arc_gallery *g = new_gallery(ctx, path);
    for (int p = 0; p < 5; p++)
        enroll(g, p, 0, 2);
    assert_non_null(who_is(ctx, g, 3, 9));
    arc_gallery_close(&g);
    FILE *f = fopen(index, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 4096 + 3, SEEK_SET), 0); /* of the first template */
    const int byte = fgetc(f);
    assert_int_equal(fseek(f, 4096 + 3, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 64, f), byte ^ 64);
    assert_int_equal(fclose(f), 0);
    for (int again = 0; again < 2; again++) {
        g = open_gallery(ctx, path, false);
        for (int p = 0; p < 5; p++) {
            char name[32];
            snprintf(name, sizeof name, "person %d", p);
            assert_string_equal(who_is(ctx, g, p, 9), name);
        }
        arc_gallery_close(&g);
    }
}

static void scores_are_those_of_a_plain_search(void **state) {
    (void)state;
    enum { PEOPLE = 60, EACH = 3 };
    for (int fusion = ARC_FUSE_MAX; fusion <= ARC_FUSE_QUALITY; fusion++) {
        arc_gallery_options options;
        arc_gallery *g;
        arc_gallery_options_default(&options);
        options.create = true;
        options.fusion = (arc_fusion)fusion;
        ok(arc_gallery_open(ctx,
                            in_folder(fusion == ARC_FUSE_MAX    ? "max.db"
                                      : fusion == ARC_FUSE_MEAN ? "mean.db"
                                                                : "quality.db"),
                            &options, &g, err));
        ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
        for (int p = 0; p < PEOPLE; p++)
            enroll(g, p, 0, EACH);
        for (int probe = 0; probe < 20; probe++) {
            float x[DIM], y[DIM];
            double best = -1;
            int who = -1;
            arc_answer answer;
            draw_template(100 + probe, 0, x); /* a stranger is about as far from everybody */
            for (int p = 0; p < PEOPLE; p++) {
                double cosine[EACH], quality[EACH];
                for (int k = 0; k < EACH; k++) {
                    draw_template(p, k, y);
                    cosine[k] = arc_test_cosine(x, y, DIM);
                    quality[k] = (double)(0.5F + 0.03F * (float)k);
                }
                double score = 0, weight = 0;
                for (int k = 0; k < EACH; k++) {
                    const double w = fusion == ARC_FUSE_QUALITY ? quality[k] : 1;
                    score += w * cosine[k];
                    weight += w;
                }
                score = fusion == ARC_FUSE_MAX ? fmax(fmax(cosine[0], cosine[1]), cosine[2]) : score / weight;
                if (score > best) {
                    best = score;
                    who = p;
                }
            }
            ok(arc_gallery_identify(g, x, 1, NULL, &answer, err));
            assert_int_equal(answer.match[0].identity, person_id(g, who));
            assert_true(fabs(answer.match[0].cosine - best) < 1e-6);
            arc_answers_free(ctx, &answer, 1);
        }
        arc_gallery_close(&g);
    }
}

typedef struct searching {
    arc_gallery *g;
    int stop, wrong;
    long searches;
} searching;

static void *search_on(void *arg) {
    searching *s = arg;
    while (!__atomic_load_n(&s->stop, __ATOMIC_SEQ_CST)) {
        float x[DIM];
        arc_answer answer;
        draw_template(1, 9, x);
        if (arc_gallery_identify(s->g, x, 1, NULL, &answer, NULL) != ARC_OK || answer.known != ARC_KNOWN)
            __atomic_add_fetch(&s->wrong, 1, __ATOMIC_SEQ_CST);
        else
            arc_answers_free(ctx, &answer, 1);
        __atomic_add_fetch(&s->searches, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void threads_search_while_one_changes(void **state) {
    (void)state;
    arc_gallery *g = new_gallery(ctx, in_folder("threads.db"));
    searching s = {.g = g};
    pthread_t thread[2];
    enroll(g, 1, 0, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, search_on, &s), 0);
    for (int i = 0; i < 10; i++) {
        enroll(g, 2 + i, 0, 3);
        enroll(g, 1, 2 + i, 1);
        if (i % 3 == 2)
            ok(arc_gallery_remove(g, person_id(g, 2 + i), err));
        else
            ok(arc_gallery_merge(g, person_id(g, 1), person_id(g, 2 + i), err));
    }
    while (__atomic_load_n(&s.searches, __ATOMIC_SEQ_CST) < 20)
        sched_yield();
    __atomic_store_n(&s.stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(s.wrong, 0);
    assert_gallery_whole(g);
    arc_gallery_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_found_again),
        cmocka_unit_test(names_are_changed_merged_and_removed),
        cmocka_unit_test(templates_come_back),
        cmocka_unit_test(bad_input_changes_nothing),
        cmocka_unit_test(answers_follow_the_query),
        cmocka_unit_test(others_are_seen_at_once),
        cmocka_unit_test(an_index_of_others_is_built_anew),
        cmocka_unit_test(a_damaged_index_is_built_anew),
        cmocka_unit_test(scores_are_those_of_a_plain_search),
        cmocka_unit_test(threads_search_while_one_changes),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
