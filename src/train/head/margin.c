/* train: the margin losses, for one sample or one row at a time. Cosines to the own class are few and computed in double;
 * cosines to other classes are many and computed in float. */
#include "train/head/margin.h"
#include <math.h>

#define PI 3.14159265358979323846
#define LEAST_SINE 1e-4 /* d theta / d cosine is -1 / sin theta; this bounds it near 0 and 180 degrees */
#define ADAFACE_EPSILON 1e-3
#define ADAFACE_LEAST_NORM 0.001
#define ADAFACE_MOST_NORM 100.0
#define CURRICULUM_AVERAGE 0.01

static const struct {
    const char *name;
    double m1, m2, m3;
} named[] = {
    [ARC_LOSS_SOFTMAX] = {"softmax", 1, 0, 0},       [ARC_LOSS_ARCFACE] = {"arcface", 1, 0.5, 0},
    [ARC_LOSS_COSFACE] = {"cosface", 1, 0, 0.35},    [ARC_LOSS_SPHEREFACE] = {"sphereface", 1.35, 0, 0},
    [ARC_LOSS_COMBINED] = {"combined", 1, 0.3, 0.2}, [ARC_LOSS_ADAFACE] = {"adaface", 1, 0.4, 0},
    [ARC_LOSS_MAGFACE] = {"magface", 1, 0, 0},       [ARC_LOSS_CURRICULAR] = {"curricularface", 1, 0.5, 0},
};

void arc_margin_default(arc_margin *m, arc_loss_kind loss) {
    *m = (arc_margin){.loss = loss,
                      .m1 = named[loss].m1,
                      .m2 = named[loss].m2,
                      .m3 = named[loss].m3,
                      .scale = loss == ARC_LOSS_SOFTMAX ? 20 : 64,
                      .concentration = 0.333,
                      .norm_average = 0.01,
                      .lower_norm = 10,
                      .upper_norm = 110,
                      .lower_margin = 0.45,
                      .upper_margin = 0.8,
                      .regulariser = 35,
                      .easy_margin = true};
}

const char *arc_margin_name(arc_loss_kind loss) {
    return named[loss].name;
}

void arc_margin_state_init(arc_margin_state *state) {
    *state = (arc_margin_state){.norm_mean = 20, .norm_deviation = 100};
}

static double clip(double x, double lo, double hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

static double safe_norm(double norm) {
    return clip(norm, ADAFACE_LEAST_NORM, ADAFACE_MOST_NORM);
}

void arc_margin_observe(const arc_margin *m, arc_margin_state *state, size_t n, const double *norm, const double *cosine) {
    double mean = 0, squares = 0;
    if (m->loss == ARC_LOSS_ADAFACE) {
        for (size_t i = 0; i < n; i++)
            mean += safe_norm(norm[i]) / (double)n;
        for (size_t i = 0; i < n; i++)
            squares += (safe_norm(norm[i]) - mean) * (safe_norm(norm[i]) - mean);
        const double deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : state->norm_deviation;
        state->norm_mean += m->norm_average * (mean - state->norm_mean);
        state->norm_deviation += m->norm_average * (deviation - state->norm_deviation);
    } else if (m->loss == ARC_LOSS_CURRICULAR) {
        for (size_t i = 0; i < n; i++)
            mean += clip(cosine[i], -1, 1) / (double)n;
        state->curriculum += CURRICULUM_AVERAGE * (mean - state->curriculum);
    }
}

/* ---- the own class ---- */

/* cos(m1 theta + m2), with the wrap rule beyond pi. */
static arc_margin_target angular(const arc_margin *m, double cosine, double m1, double m2) {
    const double theta = acos(cosine), angle = m1 * theta + m2;
    const double sine = fmax(sqrt(fmax(1 - cosine * cosine, 0)), LEAST_SINE);
    const arc_margin_wrap wrap = m->wrap != ARC_WRAP_AUTO ? m->wrap : m1 == 1 ? ARC_WRAP_FALLBACK : ARC_WRAP_MIRROR;
    arc_margin_target t = {.value = cos(angle), .slope = m1 * sin(angle) / sine};
    if (angle > PI && wrap == ARC_WRAP_FALLBACK)
        t = (arc_margin_target){.value = cosine - m2 * sin(PI - m2), .slope = 1};
    else if (angle > PI && wrap == ARC_WRAP_MIRROR)
        t = (arc_margin_target){.value = -2 - t.value, .slope = -t.slope};
    if (m1 == 1 && m2 == 0)
        t = (arc_margin_target){.value = cosine, .slope = 1};
    if (m->straight_through)
        t.slope = 1;
    return t;
}

static arc_margin_target adaface(const arc_margin *m, const arc_margin_state *s, double cosine, double norm) {
    const double z = (safe_norm(norm) - s->norm_mean) / (s->norm_deviation + ADAFACE_EPSILON);
    const double k = clip(z * m->concentration, -1, 1);
    const double angle = acos(cosine) - m->m2 * k, held = clip(angle, ADAFACE_EPSILON, PI - ADAFACE_EPSILON);
    const double sine = fmax(sqrt(fmax(1 - cosine * cosine, 0)), LEAST_SINE);
    arc_margin_target t = {.value = cos(held) - (m->m2 + m->m2 * k), .slope = held == angle ? sin(angle) / sine : 0};
    if (m->straight_through)
        t.slope = 1;
    return t;
}

static arc_margin_target magface(const arc_margin *m, double cosine, double norm) {
    const double a = clip(norm, m->lower_norm, m->upper_norm), inside = a == norm;
    const double rise = (m->upper_margin - m->lower_margin) / (m->upper_norm - m->lower_norm);
    const double margin = rise * (a - m->lower_norm) + m->lower_margin;
    const double theta = acos(cosine), angle = theta + margin, sine = fmax(sqrt(fmax(1 - cosine * cosine, 0)), LEAST_SINE);
    arc_margin_target t = {.value = cos(angle), .slope = sin(angle) / sine, .norm_slope = -sin(angle) * rise * inside};
    if (m->easy_margin ? cosine <= 0 : angle > PI)
        t = (arc_margin_target){.value = m->easy_margin ? cosine : cosine - margin * sin(PI - margin),
                                .slope = 1,
                                .norm_slope =
                                    m->easy_margin ? 0 : -(sin(PI - margin) - margin * cos(PI - margin)) * rise * inside};
    if (m->straight_through)
        t.slope = 1;
    t.penalty = m->regulariser * (a / (m->upper_norm * m->upper_norm) + 1 / a);
    t.penalty_slope = m->regulariser * (1 / (m->upper_norm * m->upper_norm) - 1 / (a * a)) * inside;
    return t;
}

static double edge(const arc_margin *m) {
    return m->loss == ARC_LOSS_ADAFACE ? 1 - ADAFACE_EPSILON : 1;
}

arc_margin_target arc_margin_apply(const arc_margin *m, const arc_margin_state *state, double cosine, double norm) {
    const double held = clip(cosine, -edge(m), edge(m));
    arc_margin_target t;
    switch (m->loss) {
    case ARC_LOSS_ADAFACE:
        t = adaface(m, state, held, norm);
        break;
    case ARC_LOSS_MAGFACE:
        t = magface(m, held, norm);
        break;
    default:
        t = angular(m, held, m->m1, m->m2);
        t.value -= m->m3;
    }
    if (held != cosine)
        t.slope = 0;
    return t;
}

/* ---- other classes ---- */

double arc_margin_hard(const arc_margin *m, double cosine) {
    if (m->loss != ARC_LOSS_CURRICULAR)
        return 2;
    const double c = clip(cosine, -1, 1);
    return c * cos(m->m2) - sqrt(fmax(1 - c * c, 0)) * sin(m->m2);
}

void arc_margin_negatives(const arc_margin *m, const arc_margin_state *state, size_t n, const float *cosine, const float *hard,
                          float *value, float *slope) {
    const float hi = (float)edge(m), filter = m->filter > 0 ? (float)m->filter : 2.0f, t = (float)state->curriculum;
    for (size_t i = 0; i < n; i++) {
        float v = cosine[i], d = 1;
        if (!(v <= hi && v >= -hi)) { /* NaN stays NaN */
            d = 0;
            v = v > hi ? hi : v < -hi ? -hi : v;
        }
        if (v > filter)
            v = d = 0;
        if (v > hard[i]) {
            d *= t + 2 * v;
            v *= t + v;
        }
        value[i] = v;
        if (slope)
            slope[i] = d;
    }
}
