/* drawn: makes every number of an identity and of a view from the seed. */
#include "drawn/drawn_internal.h"
#include <string.h>

#define IDENTITY_STREAM 0x6964656e74697479u
#define VIEW_STREAM 0x7669657773u

/* A random number around 0 with deviation 1, without logarithms: the same bits on every machine. */
static float bell(arc_rng *r) {
    float sum = 0;
    for (int i = 0; i < 6; i++)
        sum += arc_rng_uniform(r);
    return (sum - 3) * 1.41421356f;
}

static bool chance(arc_rng *r, float p) {
    return arc_rng_uniform(r) < p;
}

static void mix3(float *out, const float *a, const float *b, float t) {
    for (int k = 0; k < 3; k++)
        out[k] = arc_drawn_mix(a[k], b[k], t);
}

static void colours(arc_drawn_identity *p, arc_rng *r) {
    static const float skins[4][3] = {{244, 208, 188}, {222, 172, 138}, {168, 116, 82}, {84, 54, 40}};
    static const float hairs[7][3] = {{24, 20, 20},  {58, 38, 26},    {104, 66, 38},  {196, 152, 88},
                                      {136, 66, 36}, {168, 166, 164}, {226, 206, 156}};
    static const float irises[5][3] = {{52, 32, 20}, {96, 62, 30}, {70, 104, 150}, {78, 112, 74}, {124, 130, 134}};
    static const float red[3] = {196, 60, 66};
    const float tone = arc_drawn_between(r, 0, 2.999f), warm = bell(r) * 5, flush = arc_drawn_between(r, 0.12f, 0.6f);
    mix3(p->skin, skins[(int)tone], skins[(int)tone + 1], tone - (float)(int)tone);
    p->skin[0] = arc_drawn_clamp(p->skin[0] + warm, 30, 250);
    p->skin[2] = arc_drawn_clamp(p->skin[2] - warm, 20, 240);
    mix3(p->lip, p->skin, red, flush);
    const float kind = arc_drawn_between(r, 0, 7) * (chance(r, 0.22f * tone) ? 0.3f : 1); /* dark skin mostly has dark hair */
    memcpy(p->hair, hairs[ARC_MIN((int)kind, 6)], sizeof p->hair);
    const float shade = arc_drawn_between(r, 0.75f, 1.25f);
    for (int k = 0; k < 3; k++)
        p->hair[k] = arc_drawn_clamp(p->hair[k] * shade + bell(r) * 6, 8, 245);
    const int eye = ARC_MIN((int)arc_drawn_between(r, 0, 5), 4);
    mix3(p->iris, irises[eye], irises[(eye + 1) % 5], arc_drawn_between(r, 0, 0.5f));
}

static void features(arc_drawn_identity *p, arc_rng *r) {
    p->eye.x = 17.6f + bell(r) * 0.8f;
    p->eye.y = -20.3f + bell(r) * 0.9f;
    p->eye.width = arc_drawn_between(r, 5.4f, 8.4f);
    p->eye.height = arc_drawn_between(r, 2.1f, 4.4f);
    p->eye.tilt = arc_drawn_between(r, -0.22f, 0.22f);
    p->eye.iris = arc_drawn_between(r, 2.5f, 3.5f);
    p->eye.crease = arc_drawn_between(r, 0, 1);
    p->eye.lash = arc_drawn_between(r, 0.35f, 1.1f);
    p->eye.bag = arc_drawn_between(r, 0, 1);
    p->brow.up = arc_drawn_between(r, 5.8f, 11.5f);
    p->brow.length = arc_drawn_between(r, 7.5f, 12.5f);
    p->brow.thick = arc_drawn_between(r, 0.6f, 2.3f);
    p->brow.arch = arc_drawn_between(r, -0.3f, 3.2f);
    p->brow.tilt = arc_drawn_between(r, -0.2f, 0.25f);
    p->brow.dark = arc_drawn_between(r, 0.45f, 1);
    p->nose.tip_y = 0.2f + bell(r) * 2.2f;
    p->nose.width = arc_drawn_between(r, 5.2f, 11.5f);
    p->nose.bridge = arc_drawn_between(r, 1.6f, 4.2f);
    p->nose.nostril = arc_drawn_between(r, 0.7f, 1.7f);
    p->nose.tip_z = arc_drawn_between(r, 9, 19);
    p->mouth.y = 20.4f + bell(r) * 1.6f;
    p->mouth.width = arc_drawn_between(r, 10.2f, 18.5f);
    p->mouth.upper = arc_drawn_between(r, 1.1f, 4.2f);
    p->mouth.lower = arc_drawn_between(r, 1.8f, 6);
    p->mouth.bow = arc_drawn_between(r, 0, 1.4f);
    p->mouth.rest = arc_drawn_between(r, -1.8f, 1.5f);
}

static void shape(arc_drawn_identity *p, arc_rng *r) {
    p->head.width = arc_drawn_between(r, 34.5f, 44);
    p->head.cheek = arc_drawn_between(r, 0.93f, 1.06f);
    p->head.jaw = arc_drawn_between(r, 0.66f, 0.98f);
    p->head.jaw_y = arc_drawn_between(r, 16, 27);
    p->head.chin_width = arc_drawn_between(r, 0.22f, 0.6f);
    p->head.chin_y = arc_drawn_between(r, 36, 49);
    p->head.crown_y = arc_drawn_between(r, -86, -73);
    p->head.ear = arc_drawn_between(r, 4, 9.5f);
    p->head.age = arc_drawn_between(r, 0, 1);
    p->hair_shape.style = ARC_MIN((int)arc_drawn_between(r, 0, 10), 9);
    p->hair_shape.volume = arc_drawn_between(r, 2, 11);
    p->hair_shape.line_y = arc_drawn_between(r, -58, -42);
    p->hair_shape.part = arc_drawn_between(r, -0.8f, 0.8f);
    p->hair_shape.length = arc_drawn_between(r, 0, 1);
    p->hair_shape.wave = arc_drawn_between(r, 0, 1);
    p->hair_shape.streak = arc_drawn_between(r, 0.7f, 1.5f);
    p->beard.style = chance(r, 0.6f) ? 0 : 1 + ARC_MIN((int)arc_drawn_between(r, 0, 4), 3);
    p->beard.dense = arc_drawn_between(r, 0.25f, 0.9f);
}

static void marks(arc_drawn_identity *p, arc_rng *r) {
    p->marks.moles = (int)arc_drawn_between(r, 0, 4.5f);
    for (int i = 0; i < 6; i++) {
        p->marks.at[i][0] = arc_drawn_between(r, -0.8f, 0.8f) * p->head.width;
        p->marks.at[i][1] = arc_drawn_between(r, -38, 34);
        p->marks.at[i][2] = arc_drawn_between(r, 0.7f, 1.9f);
    }
    p->marks.freckles = chance(r, 0.22f) ? (int)arc_drawn_between(r, 20, 60) : 0;
    p->marks.freckle_key = arc_rng_hash(r->key, r->counter++);
}

void arc_drawn_identity_make(arc_drawn_identity *out, uint64_t seed, uint64_t identity) {
    arc_rng r;
    memset(out, 0, sizeof *out);
    arc_rng_seed(&r, arc_rng_hash(seed, IDENTITY_STREAM), identity);
    colours(out, &r);
    features(out, &r);
    shape(out, &r);
    marks(out, &r);
}

/* ---- views ---- */

static void pose(arc_drawn_view *v, arc_rng *r, float much) {
    v->yaw = arc_drawn_clamp(bell(r) * 0.22f, -0.55f, 0.55f) * much;
    v->pitch = arc_drawn_clamp(bell(r) * 0.10f, -0.3f, 0.3f) * much;
    v->smile = arc_drawn_between(r, -0.3f, 1) * much;
    v->open = (chance(r, 0.35f) ? arc_drawn_between(r, 0, 1) : 0) * much;
    v->blink = chance(r, 0.08f * much) ? arc_drawn_between(r, 0.5f, 1) : arc_drawn_between(r, 0, 0.25f) * much;
    v->squeeze = arc_drawn_between(r, 0, 0.3f) * much;
    v->raise = arc_drawn_between(r, -0.6f, 1) * much;
    v->gaze[0] = bell(r) * 0.35f * much;
    v->gaze[1] = bell(r) * 0.2f * much;
    for (int k = 0; k < 5; k++)
        for (int i = 0; i < 2; i++)
            v->jitter[k][i] = bell(r) * 0.7f * much;
}

static void light(arc_drawn_view *v, arc_rng *r, float much) {
    const float side = bell(r) * 0.5f * much, up = arc_drawn_clamp(0.35f + bell(r) * 0.3f * much, -0.5f, 1.2f);
    const float length = side * side + up * up + 1;
    float root = 1.2f; /* the square root of the length, by Newton's method */
    for (int i = 0; i < 10; i++)
        root = 0.5f * (root + length / root);
    v->light[0] = side / root;
    v->light[1] = -up / root;
    v->light[2] = 1 / root;
    v->ambient = arc_drawn_clamp(0.62f + bell(r) * 0.12f * much, 0.35f, 0.9f);
    v->gain = arc_drawn_clamp(1 + bell(r) * 0.16f * much, 0.5f, 1.45f);
    v->contrast = arc_drawn_clamp(1 + bell(r) * 0.12f * much, 0.65f, 1.35f);
    const float warm = bell(r) * 0.05f * much, green = bell(r) * 0.02f * much;
    v->tint[0] = 1 + warm;
    v->tint[1] = 1 + green;
    v->tint[2] = 1 - warm;
    v->gray = chance(r, 0.04f * much);
}

static void surroundings(arc_drawn_view *v, arc_rng *r, float much) {
    for (int i = 0; i < 2; i++) {
        const float grey = arc_drawn_between(r, 15, 235), colourful = arc_drawn_between(r, 0, 0.8f);
        for (int k = 0; k < 3; k++)
            v->back[i][k] =
                arc_drawn_mix(128, arc_drawn_mix(grey, arc_drawn_between(r, 10, 245), colourful), ARC_MIN(much, 1.0f));
    }
    v->back_turn = arc_drawn_between(r, 0, 6.28f);
    v->back_spots = much > 0 ? (int)arc_drawn_between(r, 0, 6) : 0;
    for (int k = 0; k < 3; k++)
        v->cloth[k] = arc_drawn_between(r, 10, 240);
    v->glasses = chance(r, 0.13f * much) ? 1 + chance(r, 0.15f) : 0;
    v->glass_size = arc_drawn_between(r, 0.85f, 1.2f);
    v->glass_round = arc_drawn_between(r, 0, 1);
    v->cover = chance(r, 0.09f * much) ? 1 + (int)arc_drawn_between(r, 0, 3.999f) : 0;
    v->cover_at = arc_drawn_between(r, 0, 1);
    v->cover_turn = arc_drawn_between(r, -0.6f, 0.6f);
    for (int k = 0; k < 3; k++) {
        v->glass_colour[k] = arc_drawn_between(r, 10, 150);
        v->cover_colour[k] = arc_drawn_between(r, 15, 235);
    }
}

static void camera(arc_drawn_view *v, arc_rng *r, float much) {
    v->blur = chance(r, 0.45f * much) ? arc_drawn_between(r, 0.3f, 2.2f) : 0;
    v->low_res = chance(r, 0.15f * much) ? arc_drawn_between(r, 0.35f, 0.8f) : 1;
    v->noise = arc_drawn_between(r, 0, 1) * arc_drawn_between(r, 0, 9) * much;
    v->hair_shift = bell(r) * 1.2f * much;
    v->key = arc_rng_hash(r->key, r->counter++);
}

void arc_drawn_view_make(arc_drawn_view *out, uint64_t seed, uint64_t identity, uint64_t view, float nuisance) {
    arc_rng r;
    memset(out, 0, sizeof *out);
    if (nuisance > 0)
        arc_rng_seed(&r, arc_rng_hash(arc_rng_hash(seed, VIEW_STREAM), identity), view);
    else
        arc_rng_seed(&r, VIEW_STREAM, 0);
    pose(out, &r, nuisance);
    light(out, &r, nuisance);
    surroundings(out, &r, nuisance);
    camera(out, &r, nuisance);
}
