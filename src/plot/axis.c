/* plot: axes: from the range of the data to a range with round ends and ticks. */
#include "plot/plot_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* P. J. Acklam's rational approximation of the normal quantile: one formula for the middle, one for both tails. */
double arc_plot_probit(double p) {
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                               1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                               -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
    if (!(p > 0 && p < 1))
        return NAN;
    bool upper = p > 0.5;
    double tail = upper ? 1 - p : p;
    if (tail < 0.02425) {
        double q = sqrt(-2 * log(tail));
        double z = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
                   ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
        return upper ? -z : z;
    }
    double q = p - 0.5, r = q * q;
    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

double arc_plot_scaled(arc_plot_scale scale, double value) {
    switch (scale) {
    case ARC_PLOT_LOG:
        return value > 0 && isfinite(value) ? log10(value) : NAN;
    case ARC_PLOT_PROBIT:
        return arc_plot_probit(value);
    default:
        return isfinite(value) ? value : NAN;
    }
}

/* The largest of 1, 2, 5 times a power of ten that is at most x. */
static double round_step(double x) {
    double power = pow(10, floor(log10(x)));
    double factor = x / power;
    return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
}

static void add_tick(arc_plot_range *range, double at, const char *format, ...) ARC_PRINTF(3, 4);
static void add_tick(arc_plot_range *range, double at, const char *format, ...) {
    if (range->ticks == ARC_PLOT_MAX_TICKS)
        return;
    arc_plot_tick *tick = &range->tick[range->ticks++];
    tick->at = at;
    va_list args;
    va_start(args, format);
    vsnprintf(tick->text, sizeof tick->text, format, args);
    va_end(args);
}

static void linear_ticks(arc_plot_range *range, bool own_ends) {
    double span = range->max - range->min;
    double step = round_step(span / 4);
    if (!own_ends) {
        range->min = floor(range->min / step + 1e-9) * step;
        range->max = ceil(range->max / step - 1e-9) * step;
    }
    double first = ceil(range->min / step - 1e-9);
    int decimals = (int)ARC_MAX(0.0, ARC_MIN(9.0, -floor(log10(step) + 1e-9)));
    bool large = fabs(range->max) >= 1e6 || fabs(range->min) >= 1e6 || step < 1e-6;
    for (double k = first; k * step <= range->max + step * 1e-9; k++) {
        double at = k == 0 ? 0 : k * step;
        if (large)
            add_tick(range, at, "%g", at);
        else
            add_tick(range, at, "%.*f", decimals, at);
    }
}

static void log_ticks(arc_plot_range *range, bool own_ends) {
    if (!own_ends) {
        range->min = pow(10, floor(log10(range->min) + 1e-9));
        range->max = pow(10, ceil(log10(range->max) - 1e-9));
    }
    int first = (int)ceil(log10(range->min) - 1e-9), last = (int)floor(log10(range->max) + 1e-9);
    int stride = ARC_MAX(1, (last - first + 8) / 8);
    for (int decade = first; decade <= last; decade += stride) {
        double at = pow(10, decade);
        if (decade >= -3 && decade <= 4)
            add_tick(range, at, "%.*f", decade < 0 ? -decade : 0, at);
        else
            add_tick(range, at, "1e%d", decade);
    }
    /* over one or two decades, powers of ten alone are too few ticks */
    for (int decade = first - 1; last - first < 2 && decade <= last; decade++)
        for (int digit = 2; digit <= 5; digit += 3) {
            double at = digit * pow(10, decade);
            if (at > range->min && at < range->max)
                add_tick(range, at, "%g", at);
        }
}

static void probit_ticks(arc_plot_range *range) {
    static const double rates[] = {1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999};
    for (size_t i = 0; i < ARC_COUNT(rates); i++)
        if (rates[i] >= range->min * (1 - 1e-9) && rates[i] <= range->max * (1 + 1e-9))
            add_tick(range, rates[i], "%g%%", rates[i] * 100);
}

/* The range of an axis without data, and the smallest range of an axis. */
static void widen(arc_plot_range *range) {
    if (range->min < range->max)
        return;
    double at = range->min;
    switch (range->scale) {
    case ARC_PLOT_LOG:
        range->min = at / 2;
        range->max = at * 2;
        break;
    case ARC_PLOT_PROBIT:
        range->min = ARC_MAX(at / 2, 1e-6);
        range->max = ARC_MIN(at * 2, 0.999);
        break;
    default:
        range->min = at - (at == 0 ? 1 : fabs(at) * 0.1);
        range->max = at + (at == 0 ? 1 : fabs(at) * 0.1);
    }
}

void arc_plot_range_settle(arc_plot_range *range, const arc_plot_axis *axis, double lowest, double highest, bool with_zero) {
    *range = (arc_plot_range){.scale = axis->scale};
    bool own_ends = axis->min < axis->max && isfinite(axis->min) && isfinite(axis->max) &&
                    !isnan(arc_plot_scaled(axis->scale, axis->min)) && !isnan(arc_plot_scaled(axis->scale, axis->max));
    if (own_ends) {
        range->min = axis->min;
        range->max = axis->max;
    } else if (lowest <= highest) {
        range->min = with_zero && axis->scale == ARC_PLOT_LINEAR ? ARC_MIN(lowest, 0.0) : lowest;
        range->max = with_zero && axis->scale == ARC_PLOT_LINEAR ? ARC_MAX(highest, 0.0) : highest;
    } else {
        range->min = axis->scale == ARC_PLOT_LINEAR ? 0 : axis->scale == ARC_PLOT_LOG ? 0.1 : 0.01;
        range->max = axis->scale == ARC_PLOT_PROBIT ? 0.5 : 1;
    }
    widen(range);
    if (range->scale == ARC_PLOT_LINEAR)
        linear_ticks(range, own_ends);
    else if (range->scale == ARC_PLOT_LOG)
        log_ticks(range, own_ends);
    else
        probit_ticks(range);
    range->low = arc_plot_scaled(range->scale, range->min);
    range->high = arc_plot_scaled(range->scale, range->max);
}

double arc_plot_position(const arc_plot_range *range, double value) {
    return (arc_plot_scaled(range->scale, value) - range->low) / (range->high - range->low);
}
