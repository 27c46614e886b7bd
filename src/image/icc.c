/* ICC profiles through lcms2: perceptual intent, to sRGB. No table of a profile may be large; otherwise its memory comes from
 * the C library, as that of the codecs: a small block that it is refused it does not survive. */
#include "image/icc.h"
#include <lcms2.h>
#include <lcms2_plugin.h>
#include <math.h>
#include <string.h>

#define TABLE_BYTES_MAX ((size_t)16 << 20) /* at once; a printer's profile has tables of 1 to 3 MB */
#define PROFILE_BYTES_MAX ((size_t)16 << 20)
#define SRGB_STEPS 1.5 /* of 255, within which a profile's curves are taken for sRGB's */
#define SRGB_COLOURANT 0.0025

struct arc_colour {
    arc_alloc alloc;
    cmsContext context;
    cmsHTRANSFORM transform;
    bool no_memory;
};

/* ---- memory ---- */

/* Its size lies one unit in front of a block. */
static void *on_malloc(cmsContext context, cmsUInt32Number bytes) {
    arc_colour *c = cmsGetContextUserData(context);
    if (bytes > TABLE_BYTES_MAX)
        return NULL;
    uint8_t *block = arc_mem_raw(&arc_alloc_libc, 1, ARC_ALIGN + (size_t)bytes);
    if (!block) {
        c->no_memory = true;
        return NULL;
    }
    memcpy(block, &bytes, sizeof bytes);
    return block + ARC_ALIGN;
}

static void on_free(cmsContext context, void *p) {
    (void)context;
    if (p)
        arc_mem_free(&arc_alloc_libc, (uint8_t *)p - ARC_ALIGN);
}

static void *on_realloc(cmsContext context, void *p, cmsUInt32Number bytes) {
    void *grown = on_malloc(context, bytes);
    cmsUInt32Number old;
    if (!grown || !p)
        return grown;
    memcpy(&old, (uint8_t *)p - ARC_ALIGN, sizeof old);
    memcpy(grown, p, ARC_MIN(old, bytes));
    on_free(context, p);
    return grown;
}

static cmsContext open_context(arc_colour *c) {
    cmsPluginMemHandler memory = {
        .base = {.Magic = cmsPluginMagicNumber, .ExpectedVersion = 2060, .Type = cmsPluginMemHandlerSig},
        .MallocPtr = on_malloc,
        .FreePtr = on_free,
        .ReallocPtr = on_realloc,
    };
    return cmsCreateContext(&memory, c);
}

/* ---- is it sRGB? ---- */

double arc_srgb_value(double light) {
    return light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

static bool has_srgb_curve(cmsHPROFILE profile, cmsTagSignature tag) {
    const cmsToneCurve *curve = cmsReadTag(profile, tag);
    if (!curve)
        return false;
    for (int i = 0; i <= 32; i++) {
        const double value = i / 32.0, light = cmsEvalToneCurveFloat(curve, (float)value);
        if (!(fabs(arc_srgb_value(light) - value) < SRGB_STEPS / 255))
            return false;
    }
    return true;
}

static bool has_colourant(cmsHPROFILE profile, cmsTagSignature tag, const double want[3]) {
    const cmsCIEXYZ *xyz = cmsReadTag(profile, tag);
    return xyz && fabs(xyz->X - want[0]) < SRGB_COLOURANT && fabs(xyz->Y - want[1]) < SRGB_COLOURANT &&
           fabs(xyz->Z - want[2]) < SRGB_COLOURANT;
}

/* sRGB, or gray with its curve. */
static bool is_srgb(cmsHPROFILE profile) {
    static const double want[3][3] = {{0.4361, 0.2225, 0.0139}, {0.3851, 0.7169, 0.0971}, {0.1431, 0.0606, 0.7141}}; /* at D50 */
    if (cmsGetColorSpace(profile) == cmsSigGrayData)
        return cmsIsTag(profile, cmsSigGrayTRCTag) && has_srgb_curve(profile, cmsSigGrayTRCTag);
    return cmsGetColorSpace(profile) == cmsSigRgbData && cmsIsMatrixShaper(profile) &&
           has_colourant(profile, cmsSigRedColorantTag, want[0]) && has_colourant(profile, cmsSigGreenColorantTag, want[1]) &&
           has_colourant(profile, cmsSigBlueColorantTag, want[2]) && has_srgb_curve(profile, cmsSigRedTRCTag) &&
           has_srgb_curve(profile, cmsSigGreenTRCTag) && has_srgb_curve(profile, cmsSigBlueTRCTag);
}

/* ---- the conversion ---- */

static cmsHPROFILE profile_of_matrix(cmsContext context, const arc_icc_matrix *m) {
    const cmsCIExyY white = {m->xy[0][0], m->xy[0][1], 1};
    const cmsCIExyYTRIPLE primaries = {
        {m->xy[1][0], m->xy[1][1], 1}, {m->xy[2][0], m->xy[2][1], 1}, {m->xy[3][0], m->xy[3][1], 1}};
    cmsToneCurve *curve = cmsBuildTabulatedToneCurveFloat(context, (cmsUInt32Number)m->points, m->curve);
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = curve ? cmsCreateRGBProfileTHR(context, &white, &primaries, curves) : NULL;
    cmsFreeToneCurve(curve);
    return profile;
}

/* lcms2's word for pixels that lie so, seen by a profile of that colour space; 0: it belongs to another kind of picture. */
static cmsUInt32Number format_of(arc_pixels layout, cmsColorSpaceSignature space, bool gray) {
    const bool deep = layout == ARC_PIXELS_RGB16 || layout == ARC_PIXELS_RGBA16;
    const bool alpha = layout == ARC_PIXELS_RGBA8 || layout == ARC_PIXELS_RGBA16;
    const cmsUInt32Number bytes = BYTES_SH(deep ? 2 : 1);
    if (layout == ARC_PIXELS_CMYK8 || layout == ARC_PIXELS_CMYK8_INVERTED)
        return space != cmsSigCmykData ? 0 : layout == ARC_PIXELS_CMYK8 ? TYPE_CMYK_8 : TYPE_CMYK_8_REV;
    if (space == cmsSigRgbData)
        return COLORSPACE_SH(PT_RGB) | CHANNELS_SH(3) | EXTRA_SH(alpha ? 1 : 0) | bytes;
    if (space == cmsSigGrayData && gray) /* of three equal channels it takes the first */
        return COLORSPACE_SH(PT_GRAY) | CHANNELS_SH(1) | EXTRA_SH(alpha ? 3 : 2) | bytes;
    return 0;
}

static cmsHTRANSFORM transform_of(const arc_colour *c, cmsHPROFILE profile, arc_pixels layout, bool gray) {
    const cmsUInt32Number from = format_of(layout, cmsGetColorSpace(profile), gray);
    const bool cmyk = layout == ARC_PIXELS_CMYK8 || layout == ARC_PIXELS_CMYK8_INVERTED;
    const cmsUInt32Number to = cmyk ? TYPE_RGB_8 : format_of(layout, cmsSigRgbData, false);
    /* matrix profiles of 16 bits would be put into a coarse table otherwise, which loses the shadows */
    const cmsUInt32Number flags = (T_BYTES(to) == 2 && cmsIsMatrixShaper(profile)) ? cmsFLAGS_NOOPTIMIZE : 0;
    cmsHPROFILE srgb = from ? cmsCreate_sRGBProfileTHR(c->context) : NULL;
    if (!srgb)
        return NULL;
    cmsHTRANSFORM transform = cmsCreateTransformTHR(c->context, profile, from, srgb, to, INTENT_PERCEPTUAL, flags);
    cmsCloseProfile(srgb);
    return transform;
}

static void open_transform(arc_colour *c, const arc_colours *says, const arc_icc_matrix *matrix, arc_pixels layout) {
    if (!matrix && says->icc_bytes > PROFILE_BYTES_MAX)
        return;
    cmsHPROFILE profile = matrix ? profile_of_matrix(c->context, matrix)
                                 : cmsOpenProfileFromMemTHR(c->context, says->icc, (cmsUInt32Number)says->icc_bytes);
    if (!profile)
        return;
    if (!is_srgb(profile))
        c->transform = transform_of(c, profile, layout, says->gray);
    cmsCloseProfile(profile);
}

arc_status arc_icc_open(const arc_alloc *a, const arc_colours *says, const arc_icc_matrix *matrix, arc_pixels layout,
                        const char *name, arc_colour **out, arc_error *err) {
    arc_colour *c = arc_mem_new(a, 1, sizeof *c);
    *out = NULL;
    if (!c)
        return arc_fail_nomem(err, name);
    c->alloc = *a;
    c->context = open_context(c);
    if (c->context)
        open_transform(c, says, matrix, layout);
    const bool no_memory = c->no_memory;
    if (!no_memory && c->transform)
        *out = c;
    else
        arc_icc_free(&c);
    return no_memory ? arc_fail_nomem(err, name) : ARC_OK;
}

void arc_icc_free(arc_colour **colour) {
    arc_colour *c = *colour;
    *colour = NULL;
    if (!c)
        return;
    if (c->transform)
        cmsDeleteTransform(c->transform);
    if (c->context)
        cmsDeleteContext(c->context);
    const arc_alloc alloc = c->alloc;
    arc_mem_free(&alloc, c);
}

void arc_icc_convert(const arc_colour *colour, const void *from, void *to, size_t pixels) {
    cmsDoTransform(colour->transform, from, to, (cmsUInt32Number)pixels);
}
