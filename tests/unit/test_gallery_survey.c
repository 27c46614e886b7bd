/* What is odd in a gallery, against comparing every template with every other. */
#include "gallery_support.h"
#include "shared_context.h"
#include <arcface/face.h>
#include <arcface/gallery_survey.h>
#include <math.h>

enum { PEOPLE = 10, TWIN_OF = 3, MIXED = 5, MOST = 64 };

static void add_as(arc_gallery *g, const char *name, int person, int k) {
    float x[DIM];
    draw_template(person, k, x);
    const arc_template_in in = {.name = name, .embedding = x, .quality = NAN};
    ok(arc_gallery_add(g, &in, 1, NULL, err));
}

/* Ten people with three pictures each; the fourth is there under another name too, among the sixth's is one of a stranger, and
 * somebody has no picture. */
static arc_gallery *odd_gallery(arc_context *own, const char *path) {
    arc_gallery *g = new_gallery(own, path);
    int64_t id;
    for (int p = 0; p < PEOPLE; p++)
        enroll(g, p, 0, 3);
    add_as(g, "twin", TWIN_OF, 20);
    add_as(g, "twin", TWIN_OF, 21);
    add_as(g, "person 5", 500, 0);
    ok(arc_gallery_add_identity(g, "nobody", NULL, &id, err));
    return g;
}

/* ---- the same by comparing all with all ---- */

typedef struct everything {
    int64_t identity[MOST], template_id[MOST];
    float row[MOST][DIM];
    int count;
} everything;

static int take_template(void *arg, const arc_template_record *record) {
    everything *e = arg;
    assert_true(e->count < MOST);
    e->identity[e->count] = record->identity;
    e->template_id[e->count] = record->id;
    memcpy(e->row[e->count++], record->embedding, sizeof e->row[0]);
    return 0;
}

static everything everything_in(arc_gallery *g) {
    everything e = {.count = 0};
    ok(arc_gallery_templates(g, 0, false, take_template, &e, err));
    return e;
}

/* The highest cosine between the templates of two people; -2: one has none. */
static double best_of(const everything *e, int64_t a, int64_t b) {
    double best = -2;
    for (int i = 0; i < e->count; i++)
        for (int k = 0; k < e->count; k++)
            if (i != k && e->identity[i] == a && e->identity[k] == b)
                best = fmax(best, arc_embedding_cosine(e->row[i], e->row[k], DIM));
    return best;
}

/* Of a template with the others of its person. */
static double nearest_of(const everything *e, int64_t template_id) {
    double best = -2;
    int of = 0;
    while (e->template_id[of] != template_id)
        of++;
    for (int k = 0; k < e->count; k++)
        if (k != of && e->identity[k] == e->identity[of])
            best = fmax(best, arc_embedding_cosine(e->row[of], e->row[k], DIM));
    return best;
}

static void assert_as_compared(arc_gallery *g, const arc_gallery_survey *s) {
    const everything e = everything_in(g);
    int64_t pairs = 0, below = 0;
    for (int64_t a = 0; a < s->people; a++)
        for (int64_t b = a + 1; b < s->people; b++)
            pairs += best_of(&e, s->person[a].id, s->person[b].id) >= s->threshold;
    for (int i = 0; i < e.count; i++) {
        const double nearest = nearest_of(&e, e.template_id[i]);
        below += nearest > -2 && nearest < s->threshold;
    }
    assert_int_equal(s->alikes, pairs);
    assert_int_equal(s->outliers, below);
    for (int64_t i = 0; i < s->alikes; i++) {
        const arc_survey_alike *a = &s->alike[i];
        assert_true(a->person[0] < a->person[1]);
        assert_true(fabs(a->cosine - best_of(&e, s->person[a->person[0]].id, s->person[a->person[1]].id)) < 1e-5);
        assert_true(i == 0 || a->cosine <= a[-1].cosine);
    }
    for (int64_t i = 0; i < s->outliers; i++) {
        const arc_survey_outlier *o = &s->outlier[i];
        assert_true(fabs(o->cosine - nearest_of(&e, o->template_id)) < 1e-5);
        assert_true(i == 0 || o->cosine >= o[-1].cosine);
    }
}

/* ---- tests ---- */

static void what_is_odd_is_found(void **state) {
    (void)state;
    arc_gallery_survey s;
    arc_gallery *g = odd_gallery(ctx, in_folder("odd.gal"));
    ok(arc_gallery_survey_of(g, NULL, &s, err));
    assert_true(s.people == PEOPLE + 2 && s.without == 1 && s.fewest == 0 && s.most == 4 && s.threshold == 0.5);
    assert_true(s.alikes == 1 && s.outliers == 1);
    assert_string_equal(s.person[s.alike[0].person[0]].name, "person 3");
    assert_string_equal(s.person[s.alike[0].person[1]].name, "twin");
    assert_string_equal(s.person[s.outlier[0].person].name, "person 5");
    assert_int_equal(s.person[s.outlier[0].person].templates, 4);
    assert_true(fabs(s.quality_lowest - 0.5) < 1e-6 && fabs(s.quality_highest - 0.56) < 1e-6);
    assert_true(fabs(s.quality_tenth - 0.5) < 1e-6 && fabs(s.quality_median - 0.53) < 1e-6);
    assert_as_compared(g, &s);
    arc_gallery_survey_free(ctx, &s);
    arc_gallery_survey_free(ctx, &s);
    arc_gallery_survey_free(ctx, NULL);
    arc_gallery_close(&g);
}

static void thresholds_are_kept(void **state) {
    (void)state;
    static const double threshold[] = {-1, 0.1, 0.8, 0.9, 1};
    arc_gallery *g = odd_gallery(ctx, in_folder("thresholds.gal"));
    for (size_t i = 0; i < sizeof threshold / sizeof *threshold; i++) {
        arc_gallery_survey_options opt;
        arc_gallery_survey s;
        arc_gallery_survey_options_default(&opt);
        opt.threshold = threshold[i];
        ok(arc_gallery_survey_of(g, &opt, &s, err));
        assert_true(s.threshold == threshold[i]);
        assert_as_compared(g, &s);
        arc_gallery_survey_free(ctx, &s);
        opt.neighbours = 1; /* the most similar of each is enough for the best pair */
        ok(arc_gallery_survey_of(g, &opt, &s, err));
        if (threshold[i] <= 0.8)
            assert_string_equal(s.person[s.alike[0].person[1]].name, "twin");
        arc_gallery_survey_free(ctx, &s);
    }
    arc_gallery_close(&g);
}

static void a_new_gallery_has_nothing(void **state) {
    (void)state;
    arc_gallery_survey s;
    arc_gallery *g = open_gallery(ctx, in_folder("new.gal"), true);
    ok(arc_gallery_survey_of(g, NULL, &s, err));
    assert_true(s.people == 0 && s.alikes == 0 && s.outliers == 0 && isnan(s.quality_median));
    arc_gallery_survey_free(ctx, &s);
    arc_gallery_close(&g);
}

static int stop_at_four(void *last, const char *stage, int64_t done, int64_t total) {
    assert_string_equal(stage, "compare");
    assert_int_equal(total, PEOPLE + 2);
    assert_int_equal(done, ++*(int64_t *)last);
    return done == 4;
}

static void it_can_be_cancelled(void **state) {
    (void)state;
    arc_gallery_survey_options opt;
    arc_gallery_survey s;
    int64_t last = 0;
    arc_gallery *g = odd_gallery(ctx, in_folder("cancelled.gal"));
    arc_gallery_survey_options_default(&opt);
    opt.progress = stop_at_four;
    opt.progress_ctx = &last;
    assert_int_equal(arc_gallery_survey_of(g, &opt, &s, NULL), ARC_ECANCEL);
    assert_true(last == 4 && s.people == 0 && !s.person && !s.alike && !s.outlier);
    arc_gallery_survey_options_default(&opt);
    for (opt.neighbours = 0; opt.neighbours <= 1000; opt.neighbours += 1000)
        assert_int_equal(arc_gallery_survey_of(g, &opt, &s, NULL), ARC_EINVAL);
    arc_gallery_close(&g);
}

static void memory_may_be_refused(void **state) {
    (void)state;
    arc_test_heap heap = {0};
    arc_context *poor = arc_test_context(&heap, 1);
    arc_gallery *g = odd_gallery(poor, in_folder("poor.gal"));
    arc_gallery_survey_options opt;
    arc_gallery_survey s;
    int rounds = 0;
    arc_gallery_survey_options_default(&opt);
    opt.threshold = 0.9; /* outliers and look-alikes are both found */
    for (bool more = true; more; rounds++) {
        heap.fail_at = heap.requests + 1 + rounds;
        const arc_status st = arc_gallery_survey_of(g, &opt, &s, NULL);
        more = heap.requests >= heap.fail_at;
        heap.fail_at = 0;
        assert_true(st == ARC_OK || st == ARC_ENOMEM);
        assert_true(st == ARC_OK || (s.people == 0 && !s.person));
        assert_true(more || st == ARC_OK);
        if (st == ARC_OK)
            assert_as_compared(g, &s);
        arc_gallery_survey_free(poor, &s);
    }
    assert_true(rounds > 20);
    arc_gallery_close(&g);
    arc_context_close(&poor);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_odd_is_found),      cmocka_unit_test(thresholds_are_kept),
        cmocka_unit_test(a_new_gallery_has_nothing), cmocka_unit_test(it_can_be_cancelled),
        cmocka_unit_test(memory_may_be_refused),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
