/* What files say about their colours, by profile, code points or chromaticities; icc.c converts. */
#include "image/colour.h"
#include "image/icc.h"
#include <arcface/image.h>
#include <math.h>

void arc_colours_adobe_rgb(arc_colours *says) {
    static const double xy[4][2] = {{0.3127, 0.3290}, {0.64, 0.33}, {0.21, 0.71}, {0.15, 0.06}};
    says->has_xy = true;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++)
            says->xy[i][k] = xy[i][k];
    says->gamma = 563.0 / 256;
}

#ifdef ARC_WITH_LCMS

#define CURVE_POINTS 4096
#define WHITE_NITS 203.0      /* of HDR curves: what becomes white (ITU-R BT.2408) */
#define BRIGHTEST_NITS 1000.0 /* what is still told apart from it */

/* White, red, green, blue of code points in ITU-T H.273, table 2. */
static const struct {
    int code;
    double xy[4][2];
} known_primaries[] = {
    {1, {{0.3127, 0.3290}, {0.640, 0.330}, {0.300, 0.600}, {0.150, 0.060}}},  /* BT.709, sRGB */
    {4, {{0.310, 0.316}, {0.67, 0.33}, {0.21, 0.71}, {0.14, 0.08}}},          /* BT.470 M */
    {5, {{0.3127, 0.3290}, {0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}}},        /* BT.601, 625 lines */
    {6, {{0.3127, 0.3290}, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},  /* BT.601, 525 lines */
    {7, {{0.3127, 0.3290}, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},  /* SMPTE 240M */
    {8, {{0.310, 0.316}, {0.681, 0.319}, {0.243, 0.692}, {0.145, 0.049}}},    /* film */
    {9, {{0.3127, 0.3290}, {0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}}},  /* BT.2020 */
    {11, {{0.314, 0.351}, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}},   /* DCI-P3 */
    {12, {{0.3127, 0.3290}, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}}, /* Display P3 */
    {22, {{0.3127, 0.3290}, {0.630, 0.340}, {0.295, 0.605}, {0.155, 0.077}}}, /* EBU 3213 */
};

enum { TRANSFER_GAMMA22 = 4, TRANSFER_GAMMA28 = 5, TRANSFER_LINEAR = 8, TRANSFER_PQ = 16, TRANSFER_DCI = 17, TRANSFER_HLG = 18 };

static double srgb_light(double value) {
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

/* Brighter than white is compressed smoothly to what fits below it (Reinhard's curve). */
static double to_display(double nits) {
    const double light = nits / WHITE_NITS, most = BRIGHTEST_NITS / WHITE_NITS;
    return fmin(light * (1 + light / (most * most)) / (1 + light), 1);
}

static double pq_nits(double value) {
    const double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128, c1 = 3424.0 / 4096, c2 = 2413.0 / 4096 * 32,
                 c3 = 2392.0 / 4096 * 32;
    const double p = pow(value, 1 / m2);
    return 10000 * pow(fmax(p - c1, 0) / (c2 - c3 * p), 1 / m1);
}

static double hlg_nits(double value) {
    const double a = 0.17883277, b = 1 - 4 * a, c = 0.5 - a * log(4 * a);
    const double scene = value <= 0.5 ? value * value / 3 : (exp((value - c) / a) + b) / 12;
    return 1000 * pow(scene, 1.2); /* a display of 1000 nits, channel by channel */
}

static double light_of(const arc_colours *says, double value) {
    if (says->gamma > 0)
        return pow(value, says->gamma);
    switch (says->transfer) {
    case TRANSFER_GAMMA22:
        return pow(value, 2.2);
    case TRANSFER_GAMMA28:
        return pow(value, 2.8);
    case TRANSFER_LINEAR:
        return value;
    case TRANSFER_PQ:
        return to_display(pq_nits(value));
    case TRANSFER_DCI:
        return pow(value, 2.6);
    case TRANSFER_HLG:
        return to_display(hlg_nits(value));
    default: /* sRGB's; BT.709's and its like too, which are a camera's: a display shows them as sRGB */
        return srgb_light(value);
    }
}

static const double (*primaries_of(const arc_colours *says))[2] {
    if (says->has_xy)
        return says->xy;
    for (size_t i = 1; i < ARC_COUNT(known_primaries); i++)
        if (known_primaries[i].code == says->primaries)
            return known_primaries[i].xy;
    return known_primaries[0].xy;
}

static bool is_srgb_curve(const arc_colours *says) {
    if (says->gamma > 0)
        return false;
    switch (says->transfer) {
    case TRANSFER_GAMMA22:
    case TRANSFER_GAMMA28:
    case TRANSFER_LINEAR:
    case TRANSFER_PQ:
    case TRANSFER_DCI:
    case TRANSFER_HLG:
        return false;
    default:
        return true;
    }
}

static bool is_srgb_primaries(const double xy[4][2]) {
    for (int i = 0; i < 4; i++)
        if (!(fabs(xy[i][0] - known_primaries[0].xy[i][0]) < 0.002 && fabs(xy[i][1] - known_primaries[0].xy[i][1]) < 0.002))
            return false;
    return true;
}

static bool are_chromaticities(const double xy[4][2]) {
    for (int i = 0; i < 4; i++)
        if (!(xy[i][0] >= 0 && xy[i][0] <= 1 && xy[i][1] > 0 && xy[i][1] <= 1))
            return false;
    return true;
}

arc_status arc_colour_open(const arc_alloc *a, const arc_colours *says, arc_pixels layout, const char *name, arc_colour **out,
                           arc_error *err) {
    *out = NULL;
    if (says->icc_bytes > 0)
        return arc_icc_open(a, says, NULL, layout, name, out, err);
    const bool cmyk = layout == ARC_PIXELS_CMYK8 || layout == ARC_PIXELS_CMYK8_INVERTED;
    arc_colours own = *says;
    const double(*xy)[2] = primaries_of(says);
    if (is_srgb_curve(says))
        own.gamma = 0, own.transfer = 0;
    if (cmyk || !are_chromaticities(xy) || (is_srgb_curve(says) && is_srgb_primaries(xy)))
        return ARC_OK;
    float *curve = arc_mem_raw(a, CURVE_POINTS, sizeof *curve);
    if (!curve)
        return arc_fail_nomem(err, name);
    for (int i = 0; i < CURVE_POINTS; i++)
        curve[i] = (float)light_of(&own, (double)i / (CURVE_POINTS - 1));
    const arc_icc_matrix matrix = {xy, curve, CURVE_POINTS};
    const arc_status st = arc_icc_open(a, says, &matrix, layout, name, out, err);
    arc_mem_free(a, curve);
    return st;
}

int arc_image_has_profiles(void) {
    return 1;
}

void arc_colour_free(arc_colour **colour) {
    arc_icc_free(colour);
}

void arc_colour_convert(const arc_colour *colour, const void *from, void *to, size_t pixels) {
    if (colour)
        arc_icc_convert(colour, from, to, pixels);
}

#else

arc_status arc_colour_open(const arc_alloc *a, const arc_colours *says, arc_pixels layout, const char *name, arc_colour **out,
                           arc_error *err) {
    (void)a, (void)says, (void)layout, (void)name, (void)err;
    *out = NULL;
    return ARC_OK;
}

int arc_image_has_profiles(void) {
    return 0;
}

void arc_colour_free(arc_colour **colour) {
    (void)colour;
}

void arc_colour_convert(const arc_colour *colour, const void *from, void *to, size_t pixels) {
    (void)colour, (void)from, (void)to, (void)pixels;
}

#endif
