/* gallery/decide: from cosines to an answer. */
#include "gallery/decide/decide.h"
#include <math.h>
#include <stdlib.h>

static double weighted_mean(const double *cosine, const double *quality, int64_t count) {
    double known = 0, sum = 0;
    for (int64_t i = 0; quality && i < count; i++)
        if (!isnan(quality[i])) {
            known++;
            sum += quality[i];
        }
    const double unknown = known > 0 ? sum / known : 1;
    double weights = 0, total = 0, plain = 0;
    for (int64_t i = 0; i < count; i++) {
        const double w = quality && !isnan(quality[i]) ? quality[i] : unknown;
        weights += w;
        total += w * cosine[i];
        plain += cosine[i];
    }
    return weights > 0 ? total / weights : plain / (double)count;
}

double arc_fuse(arc_fusion how, const double *cosine, const double *quality, int64_t count) {
    if (how != ARC_FUSE_MAX)
        return weighted_mean(cosine, how == ARC_FUSE_QUALITY ? quality : NULL, count);
    double best = cosine[0];
    for (int64_t i = 1; i < count; i++)
        best = ARC_MAX(best, cosine[i]);
    return best;
}

/* What decides: the score, where there is one. */
static double decisive(const arc_match *m) {
    return isnan(m->score) ? m->cosine : m->score;
}

static int by_rank(const void *a, const void *b) {
    const arc_match *x = a, *y = b;
    if (x->negative != y->negative)
        return x->negative ? 1 : -1;
    if (decisive(x) != decisive(y))
        return decisive(x) > decisive(y) ? -1 : 1;
    return (x->identity > y->identity) - (x->identity < y->identity);
}

static void judge(const arc_verify_rule *model, const arc_search_rule *rule, arc_match *m) {
    m->score = NAN;
    m->own_threshold = m->threshold;
    if (isnan(m->threshold))
        m->threshold = rule->threshold;
    /* comparisons with NAN are false: no negatives, not ruled out */
    m->negative = m->negative_cosine >= m->best_cosine && m->negative_cosine >= m->threshold;
    m->accepted = m->cosine >= m->threshold && !m->negative;
    m->probability = model->calibrated ? arc_calibration_probability(&model->calibration, m->cosine) : NAN;
    m->far = model->calibrated ? arc_calibration_far(&model->calibration, m->cosine) : NAN;
}

/* Order and decision, once every match is judged. */
static void conclude(const arc_search_rule *rule, arc_answer *answer) {
    if (answer->matches > 1)
        qsort(answer->match, (size_t)answer->matches, sizeof *answer->match, by_rank);
    answer->rule = *rule;
    answer->known = answer->compared == 0                              ? ARC_EMPTY
                    : answer->matches > 0 && answer->match[0].accepted ? ARC_KNOWN
                                                                       : ARC_UNKNOWN;
    answer->margin_to_second =
        answer->matches > 1 && !answer->match[1].negative ? decisive(&answer->match[0]) - decisive(&answer->match[1]) : NAN;
}

void arc_decide(const arc_verify_rule *model, const arc_search_rule *rule, arc_answer *answer) {
    for (int i = 0; i < answer->matches; i++)
        judge(model, rule, &answer->match[i]);
    conclude(rule, answer);
}

void arc_decide_by_scores(const arc_search_rule *rule, arc_answer *answer) {
    for (int i = 0; i < answer->matches; i++) {
        arc_match *m = &answer->match[i];
        m->threshold = rule->threshold;
        m->accepted = m->score >= m->threshold && !(m->cosine < m->own_threshold) && !m->negative;
    }
    conclude(rule, answer);
}
