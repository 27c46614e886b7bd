/* data: the transforms of augmentation, on 8-bit pixels. Plain arithmetic without functions of the C library, so that every
 * machine gives the same bits. augment.c decides which of them happen. */
#include "data/augment_transforms.h"
#include "base/base.h"
#include "image/image.h"
#include <string.h>

static float between(arc_rng *rng, float least, float most) {
    return least + (most - least) * arc_rng_uniform(rng);
}

static int whole(arc_rng *rng, int least, int most) {
    return least + (int)(arc_rng_u32(rng) % (uint32_t)(most - least + 1));
}

static uint8_t byte(float v) {
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5f);
}

static size_t count(const arc_picture *p) {
    return (size_t)p->height * (size_t)p->width;
}

void arc_transform_flip(arc_picture *p) {
    for (int y = 0; y < p->height; y++) {
        uint8_t *a = p->rgb + (size_t)y * (size_t)p->width * 3, *b = a + ((size_t)p->width - 1) * 3;
        for (; a < b; a += 3, b -= 3)
            for (int c = 0; c < 3; c++) {
                const uint8_t t = a[c];
                a[c] = b[c];
                b[c] = t;
            }
    }
}

/* Shows only a part of 0.2..1 of the area, at its place; the rest becomes black. AdaFace does not move the part, so the face
 * stays aligned. */
void arc_transform_crop(arc_picture *p, arc_rng *rng) {
    const float area = between(rng, 0.2f, 1), aspect = between(rng, 0.75f, 1.333f);
    float side = 1; /* the square root of the area, by Newton's method */
    for (int i = 0; i < 8; i++)
        side = 0.5f * (side + area / side);
    const int w = ARC_MIN(p->width, ARC_MAX(1, (int)((float)p->width * side * aspect)));
    const int h = ARC_MIN(p->height, ARC_MAX(1, (int)((float)p->height * side / aspect)));
    const int x = whole(rng, 0, p->width - w), y = whole(rng, 0, p->height - h);
    for (int row = 0; row < p->height; row++) {
        uint8_t *line = p->rgb + (size_t)row * (size_t)p->width * 3;
        if (row < y || row >= y + h) {
            memset(line, 0, (size_t)p->width * 3);
            continue;
        }
        memset(line, 0, (size_t)x * 3);
        memset(line + (size_t)(x + w) * 3, 0, (size_t)(p->width - x - w) * 3);
    }
}

/* Bilinear, with pixel centres at half positions; scaling down averages the pixels that fall into one. */
static void shrink(const uint8_t *from, int h, int w, uint8_t *to, int th, int tw) {
    for (int y = 0; y < th; y++)
        for (int x = 0; x < tw; x++) {
            const int y0 = y * h / th, y1 = ARC_MAX((y + 1) * h / th, y0 + 1), x0 = x * w / tw,
                      x1 = ARC_MAX((x + 1) * w / tw, x0 + 1);
            unsigned sum[3] = {0}, n = (unsigned)((y1 - y0) * (x1 - x0));
            for (int sy = y0; sy < y1; sy++)
                for (int sx = x0; sx < x1; sx++)
                    for (int c = 0; c < 3; c++)
                        sum[c] += from[((size_t)sy * (size_t)w + (size_t)sx) * 3 + (size_t)c];
            for (int c = 0; c < 3; c++)
                to[((size_t)y * (size_t)tw + (size_t)x) * 3 + (size_t)c] = (uint8_t)((sum[c] + n / 2) / n);
        }
}

static void enlarge(const uint8_t *from, int h, int w, uint8_t *to, int th, int tw) {
    for (int y = 0; y < th; y++) {
        const float sy = ARC_MAX(0.0f, ((float)y + 0.5f) * (float)h / (float)th - 0.5f);
        const int y0 = ARC_MIN((int)sy, h - 1), y1 = ARC_MIN(y0 + 1, h - 1);
        for (int x = 0; x < tw; x++) {
            const float sx = ARC_MAX(0.0f, ((float)x + 0.5f) * (float)w / (float)tw - 0.5f);
            const int x0 = ARC_MIN((int)sx, w - 1), x1 = ARC_MIN(x0 + 1, w - 1);
            const float fy = sy - (float)y0, fx = sx - (float)x0;
            for (int c = 0; c < 3; c++) {
                const float a = from[(y0 * w + x0) * 3 + c], b = from[(y0 * w + x1) * 3 + c];
                const float d = from[(y1 * w + x0) * 3 + c], e = from[(y1 * w + x1) * 3 + c];
                const float top = a + (b - a) * fx, bottom = d + (e - d) * fx;
                to[(y * tw + x) * 3 + c] = byte(top + (bottom - top) * fy);
            }
        }
    }
}

void arc_transform_low_res(arc_picture *p, arc_rng *rng, float least, float most) {
    const float scale = between(rng, least, most);
    const int h = ARC_MAX(1, (int)((float)p->height * scale)), w = ARC_MAX(1, (int)((float)p->width * scale));
    shrink(p->rgb, p->height, p->width, p->scratch, h, w);
    enlarge(p->scratch, h, w, p->rgb, p->height, p->width);
}

/* Smooths by 1-2-1 or 1-4-6-4-1 along one direction; edge pixels are repeated. */
static void smooth(const uint8_t *from, uint8_t *to, int lines, int n, size_t line_stride, size_t pixel_stride, bool wide) {
    for (int i = 0; i < lines; i++)
        for (int j = 0; j < n; j++)
            for (size_t c = 0; c < 3; c++) {
                const uint8_t *line = from + (size_t)i * line_stride + c;
                const unsigned m = line[(size_t)j * pixel_stride];
                const unsigned a = line[(size_t)ARC_MAX(j - 1, 0) * pixel_stride],
                               b = line[(size_t)ARC_MIN(j + 1, n - 1) * pixel_stride];
                unsigned v = (a + 2 * m + b + 2) / 4;
                if (wide) {
                    const unsigned a2 = line[(size_t)ARC_MAX(j - 2, 0) * pixel_stride],
                                   b2 = line[(size_t)ARC_MIN(j + 2, n - 1) * pixel_stride];
                    v = (a2 + 4 * a + 6 * m + 4 * b + b2 + 8) / 16;
                }
                to[(size_t)i * line_stride + (size_t)j * pixel_stride + c] = (uint8_t)v;
            }
}

void arc_transform_blur(arc_picture *p, arc_rng *rng) {
    const bool wide = arc_rng_uniform(rng) < 0.5f;
    const size_t row = (size_t)p->width * 3;
    smooth(p->rgb, p->scratch, p->height, p->width, row, 3, wide);
    smooth(p->scratch, p->rgb, p->width, p->height, 3, row, wide);
}

static float luma(const uint8_t *q) {
    return 0.299f * (float)q[0] + 0.587f * (float)q[1] + 0.114f * (float)q[2];
}

static void scale_all(arc_picture *p, float by, float around) {
    for (size_t i = 0; i < 3 * count(p); i++)
        p->rgb[i] = byte(around + ((float)p->rgb[i] - around) * by);
}

static void saturate(arc_picture *p, float by) {
    uint8_t *q = p->rgb;
    for (size_t i = 0; i < count(p); i++, q += 3) {
        const float gray = luma(q);
        for (int c = 0; c < 3; c++)
            q[c] = byte(gray + ((float)q[c] - gray) * by);
    }
}

static float mean_luma(const arc_picture *p) {
    uint64_t sum[3] = {0};
    for (size_t i = 0; i < count(p); i++)
        for (size_t c = 0; c < 3; c++)
            sum[c] += p->rgb[3 * i + c];
    const float n = (float)count(p);
    return (0.299f * (float)sum[0] + 0.587f * (float)sum[1] + 0.114f * (float)sum[2]) / n;
}

void arc_transform_jitter(arc_picture *p, arc_rng *rng, float by) {
    const float brightness = between(rng, 1 - by, 1 + by), contrast = between(rng, 1 - by, 1 + by),
                saturation = between(rng, 1 - by, 1 + by);
    const int first = whole(rng, 0, 2), turn = whole(rng, 1, 2);
    for (int i = 0; i < 3; i++)
        switch ((first + i * turn) % 3) {
        case 0:
            scale_all(p, brightness, 0);
            break;
        case 1:
            scale_all(p, contrast, mean_luma(p));
            break;
        default:
            saturate(p, saturation);
        }
}

/* Rotates colours about the gray axis (Rodrigues), then changes the saturation. Angles are small: sine and cosine are computed
 * by their series. */
void arc_transform_hue(arc_picture *p, arc_rng *rng) {
    const float angle = between(rng, 0, 20) * 0.01745329252f, by = between(rng, 1, 1.2f), a2 = angle * angle;
    const float sine = angle * (1 - a2 / 6 * (1 - a2 / 20)), cosine = 1 - a2 / 2 * (1 - a2 / 12);
    const float same = cosine + (1 - cosine) / 3, less = (1 - cosine) / 3 - sine * 0.5773502692f,
                more = (1 - cosine) / 3 + sine * 0.5773502692f;
    uint8_t *q = p->rgb;
    for (size_t i = 0; i < count(p); i++, q += 3) {
        const float r = q[0], g = q[1], b = q[2];
        q[0] = byte(same * r + less * g + more * b);
        q[1] = byte(more * r + same * g + less * b);
        q[2] = byte(less * r + more * g + same * b);
    }
    saturate(p, by);
}

void arc_transform_gray(arc_picture *p) {
    saturate(p, 0);
}

void arc_transform_cutout(arc_picture *p, arc_rng *rng) {
    const int most = ARC_MAX(ARC_MIN(p->height, p->width) / 2, 1), side = whole(rng, ARC_MIN(8, most), most);
    const int x = whole(rng, 0, p->width - side), y = whole(rng, 0, p->height - side);
    for (int row = y; row < y + side; row++)
        memset(p->rgb + ((size_t)row * (size_t)p->width + (size_t)x) * 3, 128, (size_t)side * 3);
}

/* From the bridge of the nose downwards, wider at the top and rounded below: where the template has nose, mouth and chin. */
void arc_transform_mask(arc_picture *p, arc_rng *rng) {
    float colour[3], edge = between(rng, 0.54f, 0.66f);
    for (int c = 0; c < 3; c++)
        colour[c] = between(rng, 20, 245);
    for (int y = (int)(edge * (float)p->height); y < p->height; y++) {
        const float v = (float)y / (float)p->height, down = (v - edge) / (1.02f - edge);
        const float half = 0.40f - 0.16f * down * down, shade = 1 - 0.25f * down;
        for (int x = 0; x < p->width; x++) {
            const float u = ((float)x + 0.5f) / (float)p->width - 0.5f;
            if (u > half || u < -half)
                continue;
            const float fold = 1 - 0.5f * u * u / (half * half);
            uint8_t *q = p->rgb + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                q[c] = byte(colour[c] * shade * fold);
        }
    }
}

arc_status arc_transform_jpeg(arc_picture *p, const arc_context *ctx, arc_rng *rng, arc_error *err) {
    const arc_image image = {p->rgb, p->width, p->height, (ptrdiff_t)p->width * 3, ARC_RGB8};
    arc_buffer packed;
    arc_buffer_init(&packed, &ctx->alloc, (size_t)1 << 28);
    arc_status st = arc_encode_memory(&image, &ctx->alloc, whole(rng, 2, 20), false, &packed, err);
    if (st == ARC_OK)
        st = arc_image_decode_into(ctx, packed.data, packed.bytes, "augmentation", p->rgb, p->width, p->height, err);
    arc_buffer_free(&packed);
    return st;
}
