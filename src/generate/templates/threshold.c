/* generate: the cosine from which a model accepts. */
#include "generate/templates/templates.h"
#include <arcface/calibrate.h>
#include <math.h>

/* The lowest score whose FAR is at most `far`; the curve falls. */
static double score_at(const arc_calibration *c, double far) {
    double low = -1, high = 1;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (arc_calibration_far(c, middle) <= far)
            high = middle;
        else
            low = middle;
    }
    return high;
}

arc_status arc_threshold_of(const arc_model *model, double given, double far, double *threshold, arc_threshold_source *source,
                            double *rate, arc_error *err) {
    arc_calibration c;
    bool calibrated;
    const arc_status st = arc_model_calibration(model, &c, &calibrated, err);
    *rate = 0;
    if (st != ARC_OK)
        return st;
    if (!isnan(given)) {
        if (!(given >= -1 && given <= 1))
            return arc_fail(err, ARC_EINVAL, "threshold %g: a cosine is from -1 to 1", given);
        *threshold = given;
        *source = ARC_THRESHOLD_GIVEN;
    } else if (far > 0) {
        if (!calibrated)
            return arc_fail(err, ARC_EINVAL,
                            "a threshold at FAR %g needs a calibrated model (arcface calibrate), or name the threshold itself",
                            far);
        *threshold = score_at(&c, far);
        *source = ARC_THRESHOLD_FAR;
    } else {
        *threshold = calibrated ? c.threshold : (double)arc_model_contract(model)->threshold;
        *source = calibrated ? ARC_THRESHOLD_CALIBRATED : ARC_THRESHOLD_CONTRACT;
    }
    if (calibrated)
        *rate = arc_calibration_far(&c, *threshold);
    return ARC_OK;
}
