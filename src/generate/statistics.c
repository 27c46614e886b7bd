/* generate: the statistics that the network should see, and how far those of a batch are from them (Deng et al. 2021, equation 8;
 * Yin et al. 2020 for lengths). Deviations are square roots of variances, batch and target alike. */
#include "generate/generate.h"
#include <math.h>
#include <string.h>

static bool is_restored(const char *name) {
    const size_t n = strlen(name), end = strlen(ARC_GENERATE_RESTORED);
    return n > end && strcmp(name + n - end, ARC_GENERATE_RESTORED) == 0;
}

arc_status arc_generate_statistics_new(arc_generate_statistics *s, const arc_alloc *a, arc_learner *l, arc_error *err) {
    *s = (arc_generate_statistics){.places = arc_learner_norms(l)};
    for (size_t i = 0; i < s->places; i++)
        s->channels += arc_learner_norm(l, i)->channels;
    s->first = arc_mem_new(a, s->places, sizeof *s->first);
    s->folded = arc_mem_new(a, s->places, sizeof *s->folded);
    s->mean = arc_mem_new(a, s->channels, sizeof *s->mean);
    s->deviation = arc_mem_new(a, s->channels, sizeof *s->deviation);
    if (!s->first || !s->folded || !s->mean || !s->deviation)
        return arc_fail_nomem(err, "the statistics of a network");
    size_t at = 0;
    for (size_t i = 0; i < s->places; i++) {
        const arc_learn_norm *n = arc_learner_norm(l, i);
        s->first[i] = at;
        s->folded[i] = is_restored(n->name);
        for (size_t c = 0; c < n->channels; c++, at++) {
            s->mean[at] = n->running_mean->value[c];
            s->deviation[at] = (float)sqrt(fmax((double)n->running_variance->value[c], 0) + ARC_GENERATE_LEAST_VARIANCE);
        }
    }
    return ARC_OK;
}

void arc_generate_statistics_free(arc_generate_statistics *s, const arc_alloc *a) {
    arc_mem_free(a, s->first);
    arc_mem_free(a, s->folded);
    arc_mem_free(a, s->mean);
    arc_mem_free(a, s->deviation);
    *s = (arc_generate_statistics){0};
}

static double deviation_of(const arc_learn_norm *n, size_t c) {
    return sqrt(fmax((double)n->variance[c], 0) + ARC_GENERATE_LEAST_VARIANCE);
}

/* Squared differences, of deviations too; relative: of numbers of which the target's deviation is 1. */
static double squared(const arc_learn_norm *n, const float *mean, const float *deviation, bool relative, double weight) {
    double loss = 0;
    for (size_t c = 0; c < n->channels; c++) {
        const double sigma = deviation_of(n, c), unit = relative ? 1 / ((double)deviation[c] * (double)deviation[c]) : 1;
        const double m = (double)n->mean[c] - (double)mean[c], v = sigma - (double)deviation[c];
        loss += weight * unit * (m * m + v * v);
        n->d_mean[c] = (float)(2 * weight * unit * m);
        n->d_variance[c] = (float)(weight * unit * v / sigma); /* d sigma / d variance = 1 / (2 sigma) */
    }
    return loss;
}

/* The length of the difference of means, and that of variances. */
static double lengths(const arc_learn_norm *n, const float *mean, const float *deviation, double weight) {
    double m = 0, v = 0;
    for (size_t c = 0; c < n->channels; c++) {
        n->d_mean[c] = n->mean[c] - mean[c];
        n->d_variance[c] = n->variance[c] - (deviation[c] * deviation[c] - (float)ARC_GENERATE_LEAST_VARIANCE);
        m += (double)n->d_mean[c] * (double)n->d_mean[c];
        v += (double)n->d_variance[c] * (double)n->d_variance[c];
    }
    const double by_mean = m > 0 ? weight / sqrt(m) : 0, by_variance = v > 0 ? weight / sqrt(v) : 0;
    for (size_t c = 0; c < n->channels; c++) {
        n->d_mean[c] = (float)(by_mean * (double)n->d_mean[c]);
        n->d_variance[c] = (float)(by_variance * (double)n->d_variance[c]);
    }
    return weight * (sqrt(m) + sqrt(v));
}

double arc_generate_compare(const arc_generate_statistics *s, arc_learner *l, const arc_generate_options *o) {
    double loss = 0;
    for (size_t i = 0; i < s->places; i++) {
        const arc_learn_norm *n = arc_learner_norm(l, i);
        const float *mean = s->mean + s->first[i], *deviation = s->deviation + s->first[i];
        const double weight = o->bn_weight * (i == 0 ? o->first_bn : 1) * (s->folded[i] ? o->folded : 1);
        loss += o->distance == ARC_GENERATE_NORM ? lengths(n, mean, deviation, weight)
                                                 : squared(n, mean, deviation, o->distance == ARC_GENERATE_RELATIVE, weight);
    }
    return loss;
}
