/* generate: what a picture begins as. The statistics of a normalisation do not know where in the picture something is, so from
 * noise alone faces form too high, too low, or two in one; the model's alignment template says where the parts of a face are. */
#include "generate/generate.h"
#include <math.h>

/* A soft spot: colour added at its middle, by channels red, green, blue; sides in parts of the distance between the eyes. */
typedef struct spot {
    double x, y, wide, high;
    float colour[3];
} spot;

static void add_spot(const arc_generate_size *s, bool bgr, const spot *at, double strength, float *picture) {
    for (size_t y = 0; y < s->height; y++)
        for (size_t x = 0; x < s->width; x++) {
            const double dx = ((double)x - at->x) / at->wide, dy = ((double)y - at->y) / at->high;
            const double share = strength * exp(-(dx * dx + dy * dy) * (dx * dx + dy * dy));
            for (size_t c = 0; c < ARC_GENERATE_CHANNELS; c++)
                picture[c * arc_generate_plane(s) + y * s->width + x] += (float)share * at->colour[bgr ? 2 - c : c];
        }
}

void arc_generate_sketch(const arc_generate_size *size, const arc_contract *contract, double strength, float *x) {
    int width, height;
    float p[5][2];
    arc_template_get(contract->align, &width, &height, p);
    const double right = (double)size->width / width, down = (double)size->height / height;
    for (int i = 0; i < 5; i++) {
        p[i][0] *= (float)right;
        p[i][1] *= (float)down;
    }
    const double eyes = fabs((double)(p[1][0] - p[0][0])), middle = (double)(p[0][0] + p[1][0] + p[3][0] + p[4][0]) / 4;
    const double eye_y = (double)(p[0][1] + p[1][1]) / 2, mouth_y = (double)(p[3][1] + p[4][1]) / 2;
    const spot part[] = {
        {middle, (eye_y + mouth_y) / 2, 1.15 * eyes, 1.5 * eyes, {0.55f, 0.2f, 0.05f}},
        {(double)p[0][0], eye_y, 0.28 * eyes, 0.14 * eyes, {-0.9f, -0.7f, -0.6f}},
        {(double)p[1][0], eye_y, 0.28 * eyes, 0.14 * eyes, {-0.9f, -0.7f, -0.6f}},
        {(double)p[2][0], (double)p[2][1] + 0.1 * eyes, 0.25 * eyes, 0.1 * eyes, {-0.4f, -0.35f, -0.3f}},
        {middle, mouth_y, 0.5 * eyes, 0.12 * eyes, {-0.4f, -0.5f, -0.4f}},
    };
    const size_t picture = ARC_GENERATE_CHANNELS * arc_generate_plane(size);
    for (size_t i = 0; strength > 0 && i < size->images; i++) {
        for (size_t k = 0; k < picture; k++)
            x[i * picture + k] -= 0.2f * (float)strength;
        for (size_t k = 0; k < ARC_COUNT(part); k++)
            add_spot(size, contract->bgr, &part[k], strength, x + i * picture);
    }
}
