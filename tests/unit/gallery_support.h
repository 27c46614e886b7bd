/* For the tests of galleries: a gallery in the test's folder, and drawn embeddings: everybody is a direction, and a template lies
 * near it. */
#ifndef ARC_GALLERY_SUPPORT_H
#define ARC_GALLERY_SUPPORT_H

#include "base/base.h"
#include "folder.h"
#include "support.h"
#include <arcface/gallery_search.h>
#include <string.h>

enum { DIM = 64 };

#define ok(call)                                                                                                                 \
    do {                                                                                                                         \
        arc_error ok_err = {0}, *const err = &ok_err;                                                                            \
        if ((call) != ARC_OK)                                                                                                    \
            fail_msg("%s: %s", #call, ok_err.text);                                                                              \
    } while (0)

/* The k-th template of a person: [DIM], of length 3. */
static inline void draw_template(int person, int k, float out[DIM]) {
    arc_rng direction, noise;
    arc_rng_seed(&direction, 11, (uint64_t)person);
    arc_rng_seed(&noise, 12, (uint64_t)person << 20 | (uint64_t)k);
    double sum = 0;
    for (int i = 0; i < DIM; i++) {
        out[i] = arc_rng_normal(&direction) + 0.4F * arc_rng_normal(&noise);
        sum += (double)out[i] * (double)out[i];
    }
    for (int i = 0; i < DIM; i++)
        out[i] = (float)((double)out[i] * 3 / sqrt(sum));
}

static inline arc_gallery *open_gallery(arc_context *ctx, const char *location, bool create) {
    arc_gallery_options options;
    arc_gallery *g = NULL;
    arc_gallery_options_default(&options);
    options.create = create;
    options.actor = "tester";
    ok(arc_gallery_open(ctx, location, &options, &g, err));
    return g;
}

static inline arc_gallery *new_gallery(arc_context *ctx, const char *location) {
    arc_gallery *g = open_gallery(ctx, location, true);
    ok(arc_gallery_bind_foreign(g, "drawn", DIM, 0.5, err));
    return g;
}

/* Templates k to k + count - 1 of a person who is called "person N". */
static inline arc_status try_enroll(arc_gallery *g, int person, int k, int count, int64_t *ids, arc_error *err) {
    float x[16][DIM];
    char name[32];
    arc_template_in in[16] = {{0}};
    assert_true(count <= 16);
    snprintf(name, sizeof name, "person %d", person);
    for (int i = 0; i < count; i++) {
        draw_template(person, k + i, x[i]);
        in[i].name = name;
        in[i].embedding = x[i];
        in[i].quality = 0.5F + 0.03F * (float)i;
    }
    return arc_gallery_add(g, in, count, ids, err);
}

static inline void enroll(arc_gallery *g, int person, int k, int count) {
    ok(try_enroll(g, person, k, count, NULL, err));
}

static inline int64_t person_id(arc_gallery *g, int person) {
    char name[32];
    int64_t id;
    bool found;
    snprintf(name, sizeof name, "person %d", person);
    ok(arc_gallery_find(g, name, &id, &found, err));
    return found ? id : 0;
}

static inline int print_problem(void *arg, const char *sentence) {
    (void)arg;
    printf("check says: %s\n", sentence);
    return 0;
}

static inline void assert_gallery_whole(arc_gallery *g) {
    int64_t problems;
    ok(arc_gallery_check(g, print_problem, NULL, &problems, err));
    assert_int_equal(problems, 0);
}

static inline arc_gallery_facts facts_of(arc_gallery *g) {
    arc_gallery_facts facts;
    ok(arc_gallery_facts_of(g, &facts, err));
    return facts;
}

/* Who is the k-th picture of this person? NULL: nobody who is known. The name is good until the next call. */
static inline const char *who_is(arc_context *ctx, arc_gallery *g, int person, int k) {
    static char name[ARC_GALLERY_NAME_BYTES + 1];
    float x[DIM];
    arc_answer answer;
    draw_template(person, k, x);
    ok(arc_gallery_identify(g, x, 1, NULL, &answer, err));
    const bool known = answer.known == ARC_KNOWN;
    if (known)
        snprintf(name, sizeof name, "%s", answer.match[0].name);
    arc_answers_free(ctx, &answer, 1);
    return known ? name : NULL;
}

#endif
