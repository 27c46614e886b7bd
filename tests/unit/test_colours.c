/* Colours other than sRGB: profiles, code points and chromaticities in each container, against the definition computed in double;
 * what is sRGB, says nothing or cannot be read keeps its values. */
#include "picture_support.h"
#include "shared_context.h"

#ifdef ARC_WITH_LCMS

#include <lcms2.h>

enum { PATCH = 16, COLUMNS = 8, ROWS = 4, WIDE = PATCH * COLUMNS, HIGH = PATCH * ROWS };

/* Patches, as lossy codecs keep what is flat. */
static const uint8_t patch_rgb[ROWS * COLUMNS][3] = {
    {0, 0, 0},       {255, 255, 255}, {128, 128, 128}, {30, 30, 30},    {200, 30, 30},   {30, 200, 30},   {30, 30, 200},
    {250, 10, 10},   {10, 250, 10},   {10, 10, 250},   {224, 172, 140}, {198, 134, 102}, {120, 72, 50},   {255, 219, 190},
    {90, 180, 60},   {60, 90, 180},   {180, 60, 90},   {250, 250, 10},  {10, 250, 250},  {250, 10, 250},  {64, 64, 64},
    {192, 192, 192}, {12, 12, 12},    {100, 150, 200}, {200, 150, 100}, {150, 200, 100}, {100, 200, 150}, {77, 33, 11},
    {240, 120, 0},   {0, 120, 240},   {120, 240, 0},   {120, 0, 240}};

/* ---- the definition: chromaticities and curves, computed without any library ---- */

typedef struct space {
    double xy[3][2]; /* white is D65 in all */
    double gamma;    /* 0: sRGB's curve */
    int primaries;   /* code point of ITU-T H.273, 0: has none */
} space;

static const double d65[2] = {0.3127, 0.3290};
static const space srgb = {{{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}, 0, 1};
static const space display_p3 = {{{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}, 0, 12};
static const space adobe_rgb = {{{0.64, 0.33}, {0.21, 0.71}, {0.15, 0.06}}, 563.0 / 256, 0};

static void invert(double m[3][3], double out[3][3]) {
    double det = 0;
    for (int i = 0; i < 3; i++)
        det += m[0][i] * (m[1][(i + 1) % 3] * m[2][(i + 2) % 3] - m[1][(i + 2) % 3] * m[2][(i + 1) % 3]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out[j][i] = (m[(i + 1) % 3][(j + 1) % 3] * m[(i + 2) % 3][(j + 2) % 3] -
                         m[(i + 1) % 3][(j + 2) % 3] * m[(i + 2) % 3][(j + 1) % 3]) /
                        det;
}

static void apply(double m[3][3], const double in[3], double out[3]) {
    for (int i = 0; i < 3; i++)
        out[i] = m[i][0] * in[0] + m[i][1] * in[1] + m[i][2] * in[2];
}

/* Linear RGB to XYZ. */
static void matrix_of(const space *s, double out[3][3]) {
    double columns[3][3], inverse[3][3], weight[3];
    const double white[3] = {d65[0] / d65[1], 1, (1 - d65[0] - d65[1]) / d65[1]};
    for (int k = 0; k < 3; k++) {
        columns[0][k] = s->xy[k][0] / s->xy[k][1];
        columns[1][k] = 1;
        columns[2][k] = (1 - s->xy[k][0] - s->xy[k][1]) / s->xy[k][1];
    }
    invert(columns, inverse);
    apply(inverse, white, weight);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            out[i][k] = columns[i][k] * weight[k];
}

static double light_of(const space *s, double value) {
    if (s->gamma > 0)
        return pow(value, s->gamma);
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

/* Values 0..1 of a space to sRGB's, 0..255; alone: of one channel, no clipping of others. */
static void to_srgb(const space *s, const double value[3], double out[3]) {
    double from[3][3], to[3][3], inverse[3][3], light[3], xyz[3], own[3];
    matrix_of(s, from);
    matrix_of(&srgb, to);
    invert(to, inverse);
    for (int i = 0; i < 3; i++)
        light[i] = light_of(s, value[i]);
    apply(from, light, xyz);
    apply(inverse, xyz, own);
    for (int i = 0; i < 3; i++) {
        const double l = fmax(fmin(own[i], 1), 0);
        out[i] = 255 * (l <= 0.0031308 ? 12.92 * l : 1.055 * pow(l, 1 / 2.4) - 0.055);
    }
}

/* ---- profiles ---- */

typedef struct profile {
    uint8_t *data;
    size_t bytes;
} profile;

static profile saved(cmsHPROFILE p) {
    profile out = {0};
    cmsUInt32Number bytes = 0;
    assert_true(cmsSaveProfileToMem(p, NULL, &bytes));
    out.data = malloc(bytes);
    out.bytes = bytes;
    assert_true(cmsSaveProfileToMem(p, out.data, &bytes));
    cmsCloseProfile(p);
    return out;
}

static profile profile_of(const space *s) {
    static const cmsFloat64Number parameters[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    cmsToneCurve *curve = s->gamma > 0 ? cmsBuildGamma(NULL, s->gamma) : cmsBuildParametricToneCurve(NULL, 4, parameters);
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    const cmsCIExyY white = {d65[0], d65[1], 1};
    const cmsCIExyYTRIPLE primaries = {
        {s->xy[0][0], s->xy[0][1], 1}, {s->xy[1][0], s->xy[1][1], 1}, {s->xy[2][0], s->xy[2][1], 1}};
    cmsHPROFILE p = cmsCreateRGBProfile(&white, &primaries, curves);
    cmsFreeToneCurve(curve);
    return saved(p);
}

static profile gray_profile(double gamma) {
    cmsToneCurve *curve = cmsBuildGamma(NULL, gamma);
    cmsHPROFILE p = cmsCreateGrayProfile(cmsD50_xyY(), curve);
    cmsFreeToneCurve(curve);
    return saved(p);
}

/* ---- pictures ---- */

static made patches(uint16_t *values, int channels, int bits) {
    const double most = (1 << bits) - 1;
    for (int y = 0; y < HIGH; y++)
        for (int x = 0; x < WIDE; x++)
            for (int c = 0; c < channels; c++)
                values[(y * WIDE + x) * channels + c] =
                    c == 3 ? (uint16_t)most
                           : (uint16_t)(patch_rgb[y / PATCH * COLUMNS + x / PATCH][channels == 1 ? 1 : c] / 255.0 * most + 0.5);
    return (made){.width = WIDE, .height = HIGH, .channels = channels, .bits = bits, .values = values};
}

static arc_status decode(const arc_buffer *file, bool ignore, arc_image *image, arc_image_info *info, arc_error *err) {
    arc_image_options opt;
    arc_image_options_default(&opt);
    opt.ignore_profile = ignore;
    return arc_image_decode(ctx, file->data, file->bytes, "patches", &opt, image, info, err);
}

/* The middle of each patch. `s`: what the values are. */
static void check_patches(const char *what, const arc_buffer *file, const space *s, bool gray, double allowed) {
    arc_image image;
    arc_image_info info;
    arc_error err = {0};
    if (decode(file, false, &image, &info, &err) != ARC_OK)
        fail_msg("%s: %s", what, err.text);
    if (info.converted != (s != &srgb))
        fail_msg("%s: converted is %d", what, info.converted);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        const uint8_t *p = patch_rgb[i];
        const double value[3] = {p[gray ? 1 : 0] / 255.0, p[1] / 255.0, p[gray ? 1 : 2] / 255.0};
        const uint8_t *got =
            image.data + (i / COLUMNS * PATCH + PATCH / 2) * image.stride_bytes + (i % COLUMNS * PATCH + PATCH / 2) * 3;
        double want[3];
        to_srgb(s, value, want);
        for (int c = 0; c < 3; c++)
            if (fabs(got[c] - want[c]) > allowed)
                fail_msg("%s: patch %d (%d %d %d) has %d %d %d instead of %.2f %.2f %.2f", what, i, p[0], p[1], p[2], got[0],
                         got[1], got[2], want[0], want[1], want[2]);
    }
    arc_image_free(ctx, &image);
    assert_int_equal(decode(file, true, &image, &info, NULL), ARC_OK);
    assert_false(info.converted);
    arc_image_free(ctx, &image);
}

/* A lossy value's error grows with the slope of the conversion, most in the shadows. */
static double allowed_of(const made_container *c, int bits) {
    return c->lossy ? 3.0 * c->lossy : bits > 8 ? 0.8 : 1.5;
}

static void profiles_in_every_container(void **state) {
    (void)state;
    static const space *const spaces[] = {&display_p3, &adobe_rgb, &srgb};
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 4);
    int checked = 0;
    for (size_t i = 0; i < ARC_COUNT(spaces); i++) {
        profile p = profile_of(spaces[i]);
        for (size_t k = 0; k < ARC_COUNT(made_containers); k++) {
            const made_container *c = &made_containers[k];
            for (int bits = 8; c->profile && bits <= c->most_bits; bits += c->most_bits == 12 ? 2 : 8)
                for (int channels = 3; channels <= (c->alpha ? 4 : 3); channels++) {
                    made picture = patches(values, channels, bits);
                    arc_buffer file;
                    char what[64];
                    snprintf(what, sizeof what, "%s, profile %zu, %d bits, %d channels", c->kind, i, bits, channels);
                    picture.icc = p.data;
                    picture.icc_bytes = p.bytes;
                    arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
                    if (c->write(&picture, &file)) {
                        check_patches(what, &file, spaces[i], false, allowed_of(c, bits));
                        checked++;
                    }
                    arc_buffer_free(&file);
                }
        }
        free(p.data);
    }
    assert_true(checked >= 3 * 6);
    free(values);
}

/* An sRGB profile, one of another kind of picture and one that is damaged cost nothing of the values. */
static void values_are_kept(void **state) {
    (void)state;
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 3);
    profile profiles[4] = {profile_of(&srgb), gray_profile(1.8), saved(cmsCreate_sRGBProfile()), profile_of(&display_p3)};
    for (size_t i = 140; i < profiles[3].bytes; i++)
        profiles[3].data[i] = 0xff; /* the directory */
    for (size_t k = 0; k < ARC_COUNT(made_containers); k++) {
        const made_container *c = &made_containers[k];
        for (int i = 0; i < 4 && c->profile; i++) {
            made picture = patches(values, 3, 8);
            arc_buffer plain, file;
            arc_image want, got;
            arc_image_info info;
            arc_error err = {0};
            arc_buffer_init(&plain, &arc_alloc_libc, 1 << 24);
            arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
            bool written = c->write(&picture, &plain);
            picture.icc = profiles[i].data;
            picture.icc_bytes = profiles[i].bytes;
            if (strcmp(c->kind, "jxl") == 0 && i % 2 == 1)
                written = false; /* its encoder refuses such a profile */
            if (written && c->write(&picture, &file)) {
                assert_int_equal(decode(&plain, false, &want, NULL, NULL), ARC_OK);
                if (decode(&file, false, &got, &info, &err) != ARC_OK)
                    fail_msg("%s, profile %d: %s", c->kind, i, err.text);
                if (info.converted || memcmp(got.data, want.data, WIDE * HIGH * 3) != 0)
                    fail_msg("%s: profile %d changes values", c->kind, i);
                arc_image_free(ctx, &want);
                arc_image_free(ctx, &got);
            }
            arc_buffer_free(&plain);
            arc_buffer_free(&file);
        }
    }
    for (int i = 0; i < 4; i++)
        free(profiles[i].data);
    free(values);
}

static void gray_profiles_and_curves(void **state) {
    (void)state;
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE);
    const space gray = {{{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}, 1.8, 0};
    profile p = gray_profile(1.8);
    for (size_t k = 0; k < ARC_COUNT(made_containers); k++) {
        const made_container *c = &made_containers[k];
        for (int bits = 8; c->gray && c->profile && bits <= c->most_bits; bits += 8) {
            made picture = patches(values, 1, bits);
            arc_buffer file;
            picture.icc = p.data;
            picture.icc_bytes = p.bytes;
            arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
            if (c->write(&picture, &file))
                check_patches(c->kind, &file, &gray, true, c->lossy ? 3 : 1.5);
            arc_buffer_free(&file);
        }
    }
    free(p.data);
    free(values);
}

static void code_points(void **state) {
    (void)state;
    static const space bt2020 = {{{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}}, 0, 9};
    static const space linear = {{{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}, 1, 1};
    static const struct {
        const space *space;
        int transfer;
    } table[] = {{&display_p3, 13}, {&bt2020, 14}, {&linear, 8}, {&srgb, 13}, {&srgb, 1}, {&srgb, 2}};
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 3);
    for (size_t i = 0; i < ARC_COUNT(table); i++)
        for (size_t k = 0; k < ARC_COUNT(made_containers) * 2; k++) {
            const made_container *c = &made_containers[k / 2];
            const int bits = k % 2 ? 16 : 8;
            const bool heif = strcmp(c->kind, "heif") == 0 || strcmp(c->kind, "avif") == 0;
            if ((!heif && strcmp(c->kind, "png") != 0) || bits > c->most_bits)
                continue;
            made picture = patches(values, 3, bits);
            arc_buffer file;
            char what[64];
            picture.primaries = table[i].space->primaries;
            picture.transfer = table[i].transfer;
            snprintf(what, sizeof what, "%s, code points %d %d, %d bits", c->kind, picture.primaries, picture.transfer, bits);
            arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
            if (c->write(&picture, &file)) /* what is linear is steep in the shadows: a step there is 13 */
                check_patches(what, &file, table[i].space, false, heif && table[i].space == &linear ? 50 : allowed_of(c, bits));
            arc_buffer_free(&file);
        }
    free(values);
}

/* What cameras write that are set to Adobe RGB; a profile counts before it. */
static void adobe_rgb_by_exif(void **state) {
    (void)state;
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 3);
    made picture = patches(values, 3, 8);
    profile p3 = profile_of(&display_p3);
    picture.adobe_rgb = true;
    for (int i = 0; i < 2; i++) {
        arc_buffer file;
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        picture.icc = i ? p3.data : NULL;
        picture.icc_bytes = i ? p3.bytes : 0;
        made_jpeg(&picture, &file);
        check_patches(i ? "profile and EXIF" : "EXIF", &file, i ? &display_p3 : &adobe_rgb, false, 12);
        arc_buffer_free(&file);
    }
    free(p3.data);
    free(values);
}

/* Bright light of HDR pictures: white at 203 nits or 75 % of the signal is light gray here, and nothing is lost at its end. */
static void hdr_curves_rise_to_white(void **state) {
    (void)state;
    for (int transfer = 16; transfer <= 18; transfer += 2) {
        uint16_t values[256 * 3];
        arc_buffer file;
        arc_image image;
        arc_image_info info;
        for (int i = 0; i < 256 * 3; i++)
            values[i] = (uint16_t)(i / 3);
        const made picture = {
            .width = 256, .height = 1, .channels = 3, .bits = 8, .values = values, .primaries = 9, .transfer = transfer};
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        made_png(&picture, &file);
        assert_int_equal(decode(&file, false, &image, &info, NULL), ARC_OK);
        assert_true(info.converted);
        for (int x = 1; x < 256; x++)
            assert_true(image.data[3 * x] >= image.data[3 * x - 3] && abs(image.data[3 * x] - image.data[3 * x + 1]) <= 1);
        const int at_white = transfer == 16 ? 148 : 191; /* 203 nits */
        assert_in_range(image.data[3 * at_white], 175, 205);
        assert_in_range(image.data[3 * 255], 254, 255);
        assert_int_equal(image.data[0], 0);
        arc_image_free(ctx, &image);
        arc_buffer_free(&file);
    }
}

/* PNG: exponent and chromaticities, and which of several statements counts. */
static void png_statements(void **state) {
    (void)state;
    enum { GAMMA = 1, CHROMATICITIES = 2, SRGB = 4, PROFILE = 8, CODE_POINTS = 16 };
    static const struct {
        int says;
        uint32_t gamma; /* * 100000 */
        const space *want;
    } table[] = {
        {GAMMA | CHROMATICITIES, 45470, &adobe_rgb}, /* 256/563, taken for sRGB's curve */
        {GAMMA, 45455, &srgb},
        {CHROMATICITIES | GAMMA | SRGB, 100000, &srgb},
        {CHROMATICITIES | GAMMA | PROFILE, 100000, &display_p3},
        {CHROMATICITIES | GAMMA | PROFILE | CODE_POINTS, 100000, &srgb},
        {GAMMA, 100000, NULL},
    };
    const space linear = {{{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}, 1, 0};
    space adobe_primaries = adobe_rgb;
    adobe_primaries.gamma = 0;
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 3);
    profile p3 = profile_of(&display_p3);
    for (size_t i = 0; i < ARC_COUNT(table); i++) {
        const made picture = patches(values, 3, 8);
        const space *want = !table[i].want ? &linear : table[i].want == &adobe_rgb ? &adobe_primaries : table[i].want;
        arc_buffer file;
        char what[32];
        uint8_t chunk[32];
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        made_png_head(&file, &picture);
        if (table[i].says & CODE_POINTS)
            made_png_chunk(&file, "cICP", (uint8_t[4]){1, 13, 0, 1}, 4);
        if (table[i].says & PROFILE)
            made_png_profile(&file, p3.data, p3.bytes);
        if (table[i].says & SRGB)
            made_png_chunk(&file, "sRGB", (uint8_t[1]){0}, 1);
        made_be32(chunk, table[i].gamma);
        if (table[i].says & GAMMA)
            made_png_chunk(&file, "gAMA", chunk, 4);
        for (int k = 0; k < 8; k++)
            made_be32(chunk + 4 * k, (uint32_t)lround((k < 2 ? d65[k] : adobe_rgb.xy[k / 2 - 1][k % 2]) * 100000));
        if (table[i].says & CHROMATICITIES)
            made_png_chunk(&file, "cHRM", chunk, 32);
        made_png_pixels(&file, &picture, -1);
        made_png_chunk(&file, "IEND", NULL, 0);
        snprintf(what, sizeof what, "statements %zu", i);
        check_patches(what, &file, want, false, 1.5);
        arc_buffer_free(&file);
    }
    free(p3.data);
    free(values);
}

/* ---- inks ---- */

/* A made-up press: CMYK to Lab by RGB, each ink the opposite of a channel. */
static cmsInt32Number press(const cmsUInt16Number in[], cmsUInt16Number out[], void *arg) {
    cmsHTRANSFORM to_lab = arg;
    cmsUInt16Number rgb[3];
    for (int i = 0; i < 3; i++)
        rgb[i] =
            (cmsUInt16Number)((65535.0 - in[i]) * (65535.0 - in[3]) / 65535 * 0.8 + 6553); /* inks aren't full, paper is gray */
    cmsDoTransform(to_lab, rgb, out, 1);
    return 1;
}

static profile press_profile(void) {
    cmsHPROFILE p = cmsCreateProfilePlaceholder(NULL), rgb = cmsCreate_sRGBProfile(), lab = cmsCreateLab4Profile(NULL);
    cmsHTRANSFORM to_lab =
        cmsCreateTransform(rgb, TYPE_RGB_16, lab, TYPE_LabV2_16, INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_NOOPTIMIZE);
    cmsPipeline *pipeline = cmsPipelineAlloc(NULL, 4, 3);
    cmsStage *table = cmsStageAllocCLut16bit(NULL, 9, 4, 3, NULL);
    cmsSetProfileVersion(p, 2.4);
    cmsSetDeviceClass(p, cmsSigOutputClass);
    cmsSetColorSpace(p, cmsSigCmykData);
    cmsSetPCS(p, cmsSigLabData);
    assert_true(cmsStageSampleCLut16bit(table, press, to_lab, 0));
    assert_true(cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(NULL, 4, NULL)));
    assert_true(cmsPipelineInsertStage(pipeline, cmsAT_END, table));
    assert_true(cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(NULL, 3, NULL)));
    assert_true(cmsWriteTag(p, cmsSigAToB0Tag, pipeline));
    cmsPipelineFree(pipeline);
    cmsDeleteTransform(to_lab);
    cmsCloseProfile(rgb);
    cmsCloseProfile(lab);
    return saved(p);
}

/* Values at the nodes of the table, where nothing is interpolated; the darkest ink becomes black. */
static void inks_by_their_profile(void **state) {
    (void)state;
    uint16_t values[64 * 16 * 4];
    profile p = press_profile();
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 64; x++)
            for (int c = 0; c < 4; c++)
                values[(y * 64 + x) * 4 + c] = (uint16_t)((x / 16 == c) * 255);
    made picture = {.width = 64, .height = 16, .channels = 4, .bits = 8, .values = values, .icc = p.data, .icc_bytes = p.bytes};
    for (int kind = 0; kind < 2; kind++) {
        arc_buffer file;
        arc_image image;
        arc_image_info info;
        arc_error err = {0};
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        if (kind == 0)
            made_jpeg(&picture, &file);
#ifdef ARC_WITH_TIFF
        if (kind == 1)
            made_tiff_of(&picture, true, &file);
#endif
        if (file.bytes > 0) {
            if (decode(&file, false, &image, &info, &err) != ARC_OK)
                fail_msg("%s", err.text);
            assert_true(info.converted);
            for (int x = 8; x < 64; x += 16)
                for (int c = 0; c < 3; c++) {
                    double ink[4]; /* JPEG stores what is not inked */
                    for (int k = 0; k < 4; k++)
                        ink[k] = (x / 16 == k) != (kind == 0);
                    const double value = (1 - ink[c]) * (1 - ink[3]) * 0.8 + 0.1, black = light_of(&srgb, 0.1);
                    const double light = (light_of(&srgb, value) - black) / (1 - black);
                    const double want = light <= 0.0031308 ? 255 * 12.92 * light : 255 * (1.055 * pow(light, 1 / 2.4) - 0.055);
                    const int got = image.data[8 * image.stride_bytes + 3 * x + c];
                    if (fabs(got - want) > (kind == 0 ? 4 : 2))
                        fail_msg("kind %d: at %d, channel %d: %d instead of %.1f", kind, x, c, got, want);
                }
            arc_image_free(ctx, &image);
            picture.icc = NULL;
            arc_buffer plain;
            arc_buffer_init(&plain, &arc_alloc_libc, 1 << 24);
            if (kind == 0) {
                made_jpeg(&picture, &plain);
                assert_int_equal(decode(&plain, false, &image, &info, &err), ARC_OK);
                assert_false(info.converted);
                arc_image_free(ctx, &image);
            }
            picture.icc = p.data;
            arc_buffer_free(&plain);
        }
        arc_buffer_free(&file);
    }
    free(p.data);
}

/* A scanner's profile with a table of that many nodes a channel, all of them black. */
static profile table_profile(int nodes) {
    const size_t clut = (size_t)nodes * (size_t)nodes * (size_t)nodes * 3, at = 144, tag = 48 + 3 * 256 + clut + 3 * 256;
    const profile p = {calloc(1, at + tag), at + tag};
    uint8_t *d = p.data;
    made_be32(d, (uint32_t)p.bytes);
    made_be32(d + 8, 0x02400000);
    memcpy(d + 12, "scnrRGB Lab ", 12);
    memcpy(d + 36, "acsp", 4);
    made_be32(d + 68, 0xf6d6); /* D50 */
    made_be32(d + 72, 0x10000);
    made_be32(d + 76, 0xd32d);
    made_be32(d + 128, 1);
    memcpy(d + 132, "A2B0", 4);
    made_be32(d + 136, (uint32_t)at);
    made_be32(d + 140, (uint32_t)tag);
    memcpy(d + at, "mft1", 4);
    d[at + 8] = d[at + 9] = 3;
    d[at + 10] = (uint8_t)nodes;
    for (size_t i = 0; i < 9; i += 4)
        made_be32(d + at + 12 + 4 * i, 0x10000);
    for (size_t i = 0; i < 3 * 256; i++)
        d[at + 48 + i] = d[at + tag - 3 * 256 + i] = (uint8_t)i;
    return p;
}

/* Its numbers take twice the memory that they take in the file: a table of 24 MB is refused, as if there were none, one of 6 MB
 * is not. */
static void tables_of_profiles_are_bounded(void **state) {
    (void)state;
#ifdef ARC_WITH_TIFF
    uint16_t values[3 * 4] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9};
    static const int nodes[2] = {100, 160};
    for (int i = 0; i < 2; i++) {
        profile p = table_profile(nodes[i]);
        const made picture = {
            .width = 2, .height = 2, .channels = 3, .bits = 8, .values = values, .icc = p.data, .icc_bytes = p.bytes};
        arc_buffer file;
        arc_image image;
        arc_image_info info;
        arc_error err = {0};
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 26);
        made_tiff(&picture, &file);
        if (decode(&file, false, &image, &info, &err) != ARC_OK)
            fail_msg("%s", err.text);
        assert_int_equal(info.converted, i == 0);
        arc_image_free(ctx, &image);
        arc_buffer_free(&file);
        free(p.data);
    }
#else
    skip();
#endif
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    uint16_t *values = malloc(sizeof *values * HIGH * WIDE * 3);
    made picture = patches(values, 3, 8);
    arc_test_heap heap = {0};
    arc_context *c = arc_test_context(&heap, 1);
    profile p = profile_of(&display_p3);
    for (size_t i = 0; i < ARC_COUNT(made_containers); i++) {
        arc_test_walk walk = {.heap = &heap};
        arc_buffer file;
        arc_buffer_init(&file, &arc_alloc_libc, 1 << 24);
        picture.icc = p.data;
        picture.icc_bytes = p.bytes;
        if (made_containers[i].profile && made_containers[i].write(&picture, &file)) {
            arc_status st;
            do {
                arc_image image;
                arc_test_walk_begin(&walk);
                st = arc_image_decode(c, file.data, file.bytes, "patches", NULL, &image, NULL, NULL);
                arc_image_free(c, &image);
            } while (arc_test_walk_again(&walk, st));
        }
        arc_buffer_free(&file);
    }
    free(p.data);
    free(values);
    arc_context_close(&c);
    assert_int_equal(heap.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_in_every_container),
        cmocka_unit_test(values_are_kept),
        cmocka_unit_test(adobe_rgb_by_exif),
        cmocka_unit_test(gray_profiles_and_curves),
        cmocka_unit_test(code_points),
        cmocka_unit_test(hdr_curves_rise_to_white),
        cmocka_unit_test(png_statements),
        cmocka_unit_test(inks_by_their_profile),
        cmocka_unit_test(tables_of_profiles_are_bounded),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}

#else

int main(void) {
    printf("skipped: this build has no lcms2\n");
    return 77;
}

#endif
