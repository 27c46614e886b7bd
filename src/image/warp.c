/* Affine warp with a black border: exact bilinear in double, or bit for bit OpenCV 4's fixed point (1/32 pixel, 15-bit
 * weights). */
#include "base/base.h"
#include "image/image.h"
#include <arcface/face.h>
#include <float.h>
#include <math.h>

#define AB_BITS 10
#define INTER_BITS 5
#define INTER_SIZE (1 << INTER_BITS)

/* Crop to image, computed in the order in which OpenCV does. false: singular. */
static bool invert(const double m[2][3], double out[2][3]) {
    double det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    if (det == 0 || !isfinite(det))
        return false;
    double d = 1.0 / det;
    out[0][0] = m[1][1] * d;
    out[0][1] = m[0][1] * -d;
    out[1][0] = m[1][0] * -d;
    out[1][1] = m[0][0] * d;
    out[0][2] = -out[0][0] * m[0][2] - out[0][1] * m[1][2];
    out[1][2] = -out[1][0] * m[0][2] - out[1][1] * m[1][2];
    for (int i = 0; i < 6; i++)
        if (!isfinite(out[i / 3][i % 3]))
            return false;
    return true;
}

static const uint8_t *pixel(const arc_image *image, int64_t x, int64_t y) {
    static const uint8_t black[3] = {0, 0, 0};
    if (x < 0 || y < 0 || x >= image->width_px || y >= image->height_px)
        return black;
    return image->data + (ptrdiff_t)y * image->stride_bytes + (ptrdiff_t)x * 3;
}

static void row_exact(const arc_image *image, const double inv[2][3], int y, arc_image *out) {
    uint8_t *to = out->data + y * out->stride_bytes;
    for (int x = 0; x < out->width_px; x++, to += 3) {
        double sx = inv[0][0] * x + inv[0][1] * y + inv[0][2], sy = inv[1][0] * x + inv[1][1] * y + inv[1][2];
        if (!(sx > -1 && sy > -1 && sx < image->width_px && sy < image->height_px)) {
            to[0] = to[1] = to[2] = 0;
            continue;
        }
        int ix = (int)floor(sx), iy = (int)floor(sy);
        double fx = sx - ix, fy = sy - iy;
        const uint8_t *p00 = pixel(image, ix, iy), *p01 = pixel(image, ix + 1, iy);
        const uint8_t *p10 = pixel(image, ix, iy + 1), *p11 = pixel(image, ix + 1, iy + 1);
        for (int c = 0; c < 3; c++) {
            double top = p00[c] + (p01[c] - p00[c]) * fx, bottom = p10[c] + (p11[c] - p10[c]) * fx;
            to[c] = (uint8_t)lrint(top + (bottom - top) * fy);
        }
    }
}

/* OpenCV's saturate_cast<int>: half to even, clamped. */
static int64_t round_int(double v) {
    return v >= INT32_MAX ? INT32_MAX : v <= INT32_MIN ? INT32_MIN : (int64_t)lrint(v);
}

static int64_t clamp_short(int64_t v) {
    return ARC_MAX((int64_t)INT16_MIN, ARC_MIN(v, (int64_t)INT16_MAX));
}

static void row_opencv(const arc_image *image, const double inv[2][3], int y, arc_image *out) {
    const double one = 1 << AB_BITS;
    const int64_t half = (1 << AB_BITS) / INTER_SIZE / 2;
    int64_t x0 = round_int((inv[0][1] * y + inv[0][2]) * one) + half;
    int64_t y0 = round_int((inv[1][1] * y + inv[1][2]) * one) + half;
    uint8_t *to = out->data + y * out->stride_bytes;
    for (int x = 0; x < out->width_px; x++, to += 3) {
        int64_t fx = (x0 + round_int(inv[0][0] * x * one)) >> (AB_BITS - INTER_BITS);
        int64_t fy = (y0 + round_int(inv[1][0] * x * one)) >> (AB_BITS - INTER_BITS);
        int64_t sx = clamp_short(fx >> INTER_BITS), sy = clamp_short(fy >> INTER_BITS);
        int i = (int)(fx & (INTER_SIZE - 1)), j = (int)(fy & (INTER_SIZE - 1));
        /* The weights sum to 32768 = 2^15. */
        int w00 = 32 * (32 - i) * (32 - j), w01 = 32 * i * (32 - j), w10 = 32 * (32 - i) * j, w11 = 32 * i * j;
        const uint8_t *p00 = pixel(image, sx, sy), *p01 = pixel(image, sx + 1, sy);
        const uint8_t *p10 = pixel(image, sx, sy + 1), *p11 = pixel(image, sx + 1, sy + 1);
        for (int c = 0; c < 3; c++)
            to[c] = (uint8_t)((w00 * p00[c] + w01 * p01[c] + w10 * p10[c] + w11 * p11[c] + 16384) >> 15);
    }
}

arc_status arc_align_warp(const arc_image *image, const double matrix[2][3], arc_warp how, arc_image *out, arc_error *err) {
    if (!arc_image_valid(image) || !arc_image_valid(out))
        return arc_fail(err, ARC_EINVAL, "the warp needs a picture and a crop that hold pixels");
    double inv[2][3];
    if (!invert(matrix, inv))
        return arc_fail(err, ARC_EINVAL, "the warp matrix has no inverse");
    out->format = image->format;
    for (int y = 0; y < out->height_px; y++) {
        if (how == ARC_WARP_OPENCV)
            row_opencv(image, (const double(*)[3])inv, y, out);
        else
            row_exact(image, (const double(*)[3])inv, y, out);
    }
    return ARC_OK;
}
