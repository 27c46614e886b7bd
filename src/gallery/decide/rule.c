/* gallery/decide: the threshold of a search, from a calibration of pairs and the number of comparisons. */
#include "gallery/decide/decide.h"
#include <math.h>

#define SUPPORT 10.0 /* impostor pairs above a threshold from which on its rates count as measured */

/* Log FAR falls ever faster towards high cosines, so a straight line from where it is still measured gives thresholds that are
 * rather too high. */
static double extrapolate(const arc_calibration *c, double far) {
    const double last = c->far_points ? c->far_score[c->far_points - 1] : 1, impostor = (double)c->impostor;
    if (impostor < 10 * SUPPORT)
        return last;
    const double few = arc_calibration_score(c, SUPPORT / impostor), more = arc_calibration_score(c, 10 * SUPPORT / impostor);
    const double score = few + (few - more) * log10(SUPPORT / impostor / far);
    return ARC_MIN(1.0, ARC_MAX(last, score));
}

/* What `comparisons` of this FAR add up to. */
static double together(double far, int64_t comparisons) {
    return -expm1(log1p(-far) * (double)comparisons);
}

static arc_search_rule begin(const arc_verify_rule *model, int64_t comparisons, double threshold, arc_rule_source source) {
    return (arc_search_rule){.threshold = threshold,
                             .source = source,
                             .comparisons = ARC_MAX((int64_t)1, comparisons),
                             .far = NAN,
                             .fpir = NAN,
                             .impostor = model->calibrated ? model->calibration.impostor : 0};
}

void arc_search_rule_of(const arc_verify_rule *model, int64_t comparisons, double fpir, arc_search_rule *out) {
    const arc_calibration *c = &model->calibration;
    *out = begin(model, comparisons, model->threshold, ARC_RULE_CONTRACT);
    if (!model->calibrated)
        return;
    const double own = c->gallery > 0 ? c->fpir : ARC_FPIR_DEFAULT, wished = fpir > 0 && fpir < 1 ? fpir : own;
    const double far = -expm1(log1p(-wished) / (double)out->comparisons);
    const double least = c->far_points ? c->far_rate[c->far_points - 1] : 1;
    out->source = ARC_RULE_CALIBRATION;
    out->fpir = wished;
    out->far = far;
    out->supported = far * (double)c->impostor >= SUPPORT;
    out->extrapolated = far < least;
    if (out->comparisons == c->gallery && wished == c->fpir && !out->extrapolated)
        out->threshold = c->search_threshold;
    else
        out->threshold = out->extrapolated ? extrapolate(c, far) : arc_calibration_score(c, far);
}

void arc_search_rule_given(const arc_verify_rule *model, int64_t comparisons, double threshold, arc_search_rule *out) {
    const arc_calibration *c = &model->calibration;
    *out = begin(model, comparisons, threshold, ARC_RULE_GIVEN);
    if (!model->calibrated)
        return;
    out->far = arc_calibration_far(c, threshold);
    out->fpir = together(out->far, out->comparisons);
    out->supported = out->far * (double)c->impostor >= SUPPORT;
}
