/* model: a calibration as metadata of the model: lists of "score:rate" and the numbers that the threshold was derived from. */
#include "model/model.h"
#include <arcface/calibrate.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define KEY "arcface.calibration."
#define TEXT_BYTES 2048

double arc_calibration_far(const arc_calibration *c, double score) {
    if (c->far_points == 0)
        return 1;
    if (score <= c->far_score[0])
        return c->far_rate[0];
    for (int i = 1; i < c->far_points; i++)
        if (score <= c->far_score[i]) {
            const double t = (score - c->far_score[i - 1]) / (c->far_score[i] - c->far_score[i - 1]);
            return exp(log(c->far_rate[i - 1]) + t * (log(c->far_rate[i]) - log(c->far_rate[i - 1])));
        }
    return c->far_rate[c->far_points - 1];
}

double arc_calibration_score(const arc_calibration *c, double far) {
    if (c->far_points == 0)
        return 1;
    if (far >= c->far_rate[0])
        return c->far_score[0];
    for (int i = 1; i < c->far_points; i++)
        if (c->far_rate[i] <= far) {
            const double before = log(c->far_rate[i - 1]), here = log(c->far_rate[i]);
            return c->far_score[i - 1] + (c->far_score[i] - c->far_score[i - 1]) * (log(far) - before) / (here - before);
        }
    return c->far_score[c->far_points - 1];
}

double arc_calibration_probability(const arc_calibration *c, double score) {
    if (c->knots == 0)
        return 1 / (1 + exp(-(c->logistic[0] + c->logistic[1] * score)));
    if (score <= c->knot_score[0])
        return c->knot_probability[0];
    for (int i = 1; i < c->knots; i++)
        if (score <= c->knot_score[i]) {
            const double t = (score - c->knot_score[i - 1]) / (c->knot_score[i] - c->knot_score[i - 1]);
            return c->knot_probability[i - 1] + t * (c->knot_probability[i] - c->knot_probability[i - 1]);
        }
    return c->knot_probability[c->knots - 1];
}

static void put_list(char *text, const double *score, const double *value, int count) {
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s", i ? "," : "");
        used += (size_t)arc_number_write(text + used, TEXT_BYTES - used, score[i]);
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, ":");
        used += (size_t)arc_number_write(text + used, TEXT_BYTES - used, value[i]);
    }
}

/* Scores must rise and values must be within 0..1. */
static bool read_list(const char *text, double *score, double *value, int *count) {
    *count = 0;
    while (*text) {
        const char *end;
        if (*count == ARC_CALIBRATION_POINTS)
            return false;
        score[*count] = arc_number_read(text, &end);
        if (end == text || *end != ':')
            return false;
        text = end + 1;
        value[*count] = arc_number_read(text, &end);
        if (end == text || !(value[*count] >= 0 && value[*count] <= 1) || !isfinite(score[*count]) ||
            (*count && score[*count] <= score[*count - 1]))
            return false;
        ++*count;
        if (*end == ',')
            end++;
        else if (*end)
            return false;
        text = end;
    }
    return true;
}

static bool read_numbers(const char *text, double *out, int count) {
    for (int i = 0; i < count; i++) {
        const char *end;
        out[i] = arc_number_read(text, &end);
        if (end == text || !isfinite(out[i]) || *end != (i + 1 < count ? ',' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

static void put_numbers(char *text, const double *x, size_t count) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s", i ? "," : "");
        used += (size_t)arc_number_write(text + used, TEXT_BYTES - used, x[i]);
    }
}

/* empty: no gallery was given, so what an earlier calibration said about one is removed */
static void put_search(char *text, const arc_calibration *c) {
    const double numbers[] = {(double)c->gallery, c->fpir, c->search_far, c->search_threshold, c->search_supported};
    *text = '\0';
    if (c->gallery > 0)
        put_numbers(text, numbers, ARC_COUNT(numbers));
}

static bool read_search(const char *text, arc_calibration *out) {
    double n[5];
    if (!text || !*text)
        return true;
    if (!read_numbers(text, n, 5) || !(n[0] >= 1 && n[0] < 0x1p53) || !(n[1] > 0 && n[1] < 1) || !(n[2] > 0 && n[2] < 1))
        return false;
    out->gallery = (int64_t)n[0];
    out->fpir = n[1];
    out->search_far = n[2];
    out->search_threshold = n[3];
    out->search_supported = n[4] != 0;
    return true;
}

arc_status arc_model_calibrate(arc_model *model, const arc_calibration *c, arc_error *err) {
    char text[TEXT_BYTES];
    arc_status st;
    arc_graph *g = model->graph;
    const double numbers[] = {c->far,
                              c->threshold,
                              c->threshold_interval.low,
                              c->threshold_interval.high,
                              (double)c->genuine,
                              (double)c->impostor,
                              c->logistic[0],
                              c->logistic[1]};
    put_numbers(text, numbers, ARC_COUNT(numbers));
    ARC_TRY(arc_graph_set_meta(g, KEY "threshold", text));
    put_search(text, c);
    ARC_TRY(arc_graph_set_meta(g, KEY "search", text));
    put_list(text, c->far_score, c->far_rate, c->far_points);
    ARC_TRY(arc_graph_set_meta(g, KEY "far", text));
    put_list(text, c->knot_score, c->knot_probability, c->knots);
    ARC_TRY(arc_graph_set_meta(g, KEY "probability", text));
    ARC_TRY(arc_graph_set_meta(g, KEY "set", c->set_sha256));
    model->contract.threshold = (float)c->threshold;
done:
    return st == ARC_OK ? ARC_OK : arc_fail_nomem(err, "the model's metadata");
}

static arc_status damaged(const char *key, arc_error *err) {
    return arc_fail(err, ARC_EFORMAT, "metadata " KEY "%s is damaged; calibrate the model again", key);
}

arc_status arc_model_calibration(const arc_model *model, arc_calibration *out, bool *found, arc_error *err) {
    double n[8];
    *out = (arc_calibration){0};
    const char *threshold = arc_graph_meta(model->graph, KEY "threshold"), *far = arc_graph_meta(model->graph, KEY "far");
    const char *probability = arc_graph_meta(model->graph, KEY "probability"), *set = arc_graph_meta(model->graph, KEY "set");
    *found = threshold != NULL;
    if (!threshold)
        return ARC_OK;
    if (!read_numbers(threshold, n, 8))
        return damaged("threshold", err);
    if (!far || !read_list(far, out->far_score, out->far_rate, &out->far_points))
        return damaged("far", err);
    for (int i = 0; i < out->far_points; i++)
        if (!(out->far_rate[i] > 0))
            return damaged("far", err);
    if (!probability || !read_list(probability, out->knot_score, out->knot_probability, &out->knots))
        return damaged("probability", err);
    if (!read_search(arc_graph_meta(model->graph, KEY "search"), out))
        return damaged("search", err);
    out->far = n[0];
    out->threshold = n[1];
    out->threshold_interval = (arc_interval){n[2], n[3]};
    out->genuine = (int64_t)n[4];
    out->impostor = (int64_t)n[5];
    out->logistic[0] = n[6];
    out->logistic[1] = n[7];
    snprintf(out->set_sha256, sizeof out->set_sha256, "%s", set ? set : "");
    return ARC_OK;
}
