/* What a gallery's answers amount to, rank 1 and the rate of detection and identification (DIR) at a rate of false alarms (FPIR),
 * against arc_identify on the same embeddings: equal to the last hit. */
#include "gallery_support.h"
#include <arcface/evaluate_search.h>
#include <math.h>

enum { PEOPLE = 40, ENROLLED = 24, PICTURES = 6, MOST = PEOPLE * PICTURES };

/* The same search twice: templates and probes, whose they are, and how many. */
typedef struct searched {
    float template[MOST][DIM], probe[MOST][DIM];
    int template_of[MOST], probe_of[MOST], templates, probes;
} searched;

/* Half of ENROLLED people's pictures are templates; the rest, and all pictures of the others, are probes. Pictures of one person
 * differ so much that some searches fail. */
static void draw_unlike(int person, int k, float out[DIM]) {
    arc_rng noise;
    draw_template(person, k, out);
    arc_rng_seed(&noise, 13, (uint64_t)person << 20 | (uint64_t)k);
    for (int i = 0; i < DIM; i++)
        out[i] += 0.6F * arc_rng_normal(&noise);
}

static void deal(searched *s) {
    for (int p = 0; p < PEOPLE; p++)
        for (int k = 0; k < PICTURES; k++) {
            const bool in_gallery = p < ENROLLED && k < PICTURES / 2;
            draw_unlike(p, k, in_gallery ? s->template[s->templates] : s->probe[s->probes]);
            if (in_gallery)
                s->template_of[s->templates++] = p;
            else
                s->probe_of[s->probes++] = p;
        }
}

static arc_gallery *gallery_of(arc_context *own, const searched *s, const char *path) {
    arc_gallery *g = new_gallery(own, path);
    arc_template_in in[MOST] = {{0}};
    char name[MOST][16];
    for (int i = 0; i < s->templates; i++) {
        snprintf(name[i], sizeof name[i], "%d", s->template_of[i]);
        in[i] = (arc_template_in){.name = name[i], .embedding = s->template[i], .quality = NAN};
    }
    ok(arc_gallery_add(g, in, s->templates, NULL, err));
    return g;
}

static bool is_mated(const searched *s, int probe) {
    for (int i = 0; i < s->templates; i++)
        if (s->template_of[i] == s->probe_of[probe])
            return true;
    return false;
}

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void expect_equal_rates(arc_context *own, const searched *s, const char *path) {
    arc_answer answer[MOST];
    arc_identification d;
    double right[MOST], alarm[MOST];
    int rights = 0, alarms = 0, mated = 0;
    arc_gallery *g = gallery_of(own, s, path);
    ok(arc_gallery_identify(g, s->probe[0], s->probes, NULL, answer, err));
    ok(arc_identify(own, s->template[0], s -> template_of, s -> templates, s -> probe[0], s -> probe_of, s -> probes, DIM, &d,
                    err));
    for (int i = 0; i < s->probes; i++) {
        const arc_match *m = answer[i].match;
        char name[16];
        snprintf(name, sizeof name, "%d", s->probe_of[i]);
        mated += is_mated(s, i);
        if (!is_mated(s, i))
            alarm[alarms++] = m[0].cosine;
        else if (strcmp(m[0].name, name) == 0 && m[0].cosine > m[1].cosine)
            right[rights++] = m[0].cosine;
    }
    assert_true(d.mated == mated && d.nonmated == alarms);
    assert_int_equal(d.cmc[0].hits, rights);
    qsort(alarm, (size_t)alarms, sizeof *alarm, falling);
    for (int k = 0; k < d.open_sets; k++) {
        const double above = alarm[(int)(d.open_set[k].far_target * alarms)]; /* the threshold is higher than this alarm */
        int found = 0, raised = 0;
        for (int i = 0; i < rights; i++)
            found += right[i] > above;
        for (int i = 0; i < alarms; i++)
            raised += alarm[i] > above;
        assert_int_equal(d.open_set[k].tar.hits, found);
        assert_int_equal(d.open_set[k].far.hits, raised);
    }
    arc_identification_free(own, &d);
    arc_answers_free(own, answer, s->probes);
    arc_gallery_close(&g);
}

static void test_drawn_people(void **state) {
    static searched s;
    arc_context *own = arc_test_context(NULL, 2);
    arc_identification d;
    (void)state;
    deal(&s);
    ok(arc_identify(own, s.template[0], s.template_of, s.templates, s.probe[0], s.probe_of, s.probes, DIM, &d, err));
    assert_true(d.cmc[0].hits > d.mated / 2 && d.cmc[0].hits < d.mated); /* neither hopeless nor without a mistake */
    assert_true(d.open_set[1].tar.hits < d.cmc[0].hits && d.open_set[1].tar.hits > 0);
    arc_identification_free(own, &d);
    expect_equal_rates(own, &s, in_folder("drawn.gal"));
    arc_context_close(&own);
}

/* In the plane of the first two numbers, angles in degrees. Templates: person 1 at 0 and 60, person 2 at 40 and 90. */
static void put(float out[DIM], double degrees) {
    memset(out, 0, DIM * sizeof *out);
    out[0] = (float)cos(degrees * acos(-1) / 180);
    out[1] = (float)sin(degrees * acos(-1) / 180);
}

static void test_by_hand(void **state) {
    static searched s;
    const double template_at[] = {0, 60, 40, 90}, probe_at[] = {62, 48, 93, 33, 170, 130};
    const int template_of[] = {1, 1, 2, 2}, probe_of[] = {1, 1, 2, 2, 3, 3};
    arc_context *own = arc_test_context(NULL, 1);
    arc_identification d;
    (void)state;
    s.templates = 4;
    s.probes = 6;
    for (int i = 0; i < 4; i++) {
        put(s.template[i], template_at[i]);
        s.template_of[i] = template_of[i];
    }
    for (int i = 0; i < 6; i++) {
        put(s.probe[i], probe_at[i]);
        s.probe_of[i] = probe_of[i];
    }
    ok(arc_identify(own, s.template[0], s.template_of, 4, s.probe[0], s.probe_of, 6, DIM, &d, err));
    /* 62, 93 and 33 are nearest to their own, 48 to the other; the strangers are 80 and 40 away from anybody */
    assert_true(d.mated == 4 && d.nonmated == 2 && d.cmc[0].hits == 3 && d.cmc[1].hits == 4);
    assert_true(d.open_set[1].tar.hits == 3 && d.open_set[1].far.hits == 0);
    arc_identification_free(own, &d);
    expect_equal_rates(own, &s, in_folder("hand.gal"));
    arc_context_close(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drawn_people), cmocka_unit_test(test_by_hand)};
    return cmocka_run_group_tests_name("gallery_rates", tests, NULL, NULL);
}
