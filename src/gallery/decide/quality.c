/* gallery/decide: quality of a face's picture. Each part is mapped to 0..1 by a fixed curve; all of them is their weighted
 * geometric mean. */
#include "gallery/decide/quality.h"
#include <math.h>
#include <string.h>

#define WIDTH 112.0        /* width of the crops that lengths are told in */
#define EYES_PX 35.2       /* between the eyes in such a crop */
#define RESIDUAL_PX 6.0    /* at which alignment is 1/2 */
#define SHARPNESS 0.02     /* variance of the Laplacian in that of the grey values, at which sharpness is 1/2 */
#define NOSE_DEPTH_PX 15.0 /* of a crop: the nose's tip lies 27 mm before the eyes, which are 63 mm apart */
#define NOSE_DOWN_PX 3.7   /* below the template's nose: with it half of celeba-224's faces look up, half down */
#define SHORT_NORM 0.6     /* of the typical norm, at which the norm is 1/2; pictures without a face have 0.35 to 0.6 of it */

/* Weights were fitted by bench/quality_curves.py to what pictures of 119 people of celeba-224 are worth to w600k_mbf, medians and
 * 5 % are those of its 2,974 pictures: docs/GALLERY.md has the curves of the other 120 people. Beside the
 * other parts, how well landmarks fit the template adds nothing. */
const arc_quality_part arc_quality_parts[ARC_QUALITY_PARTS] = {
    [ARC_QUALITY_DETECTOR] = {"detector", 0.03, 0.834, 0.736},   [ARC_QUALITY_ALIGNMENT] = {"alignment", 0, 0.762, 0.478},
    [ARC_QUALITY_SHARPNESS] = {"sharpness", 0.04, 0.875, 0.544}, [ARC_QUALITY_SIZE] = {"size", 0.09, 0.716, 0.304},
    [ARC_QUALITY_POSE] = {"pose", 0.06, 0.940, 0.672},           [ARC_QUALITY_NORM] = {"norm", 0.79, 0.871, 0.745},
};

static const double degrees = 180 / 3.14159265358979323846;

/* Solves the symmetric 3 x 3 system m x = b by Cramer's rule. */
static void solve3(const double m[3][3], const double b[3], double x[3]) {
    double inverse[3][3], det = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            inverse[j][i] = m[(i + 1) % 3][(j + 1) % 3] * m[(i + 2) % 3][(j + 2) % 3] -
                            m[(i + 1) % 3][(j + 2) % 3] * m[(i + 2) % 3][(j + 1) % 3];
    for (int i = 0; i < 3; i++)
        det += m[0][i] * inverse[i][0];
    for (int i = 0; i < 3; i++)
        x[i] = (inverse[i][0] * b[0] + inverse[i][1] * b[1] + inverse[i][2] * b[2]) / det;
}

/* Rows of the weak perspective camera, [2][3], that maps the five points of a head (x to the right, y down, z to the viewer) to
 * the landmarks. */
static void fit_camera(const float landmark_px[5][2], double row[2][3]) {
    float flat[5][2];
    double point[5][3], moment[3][3] = {{0}}, mean[3] = {0}, at[2] = {0};
    arc_template_get(ARC_TEMPLATE_112, NULL, NULL, flat);
    for (int i = 0; i < 5; i++) {
        point[i][0] = (double)flat[i][0];
        point[i][1] = (double)flat[i][1] + (i == 2 ? NOSE_DOWN_PX : 0);
        point[i][2] = i == 2 ? NOSE_DEPTH_PX : 0;
        for (int c = 0; c < 3; c++)
            mean[c] += point[i][c] / 5;
        for (int c = 0; c < 2; c++)
            at[c] += (double)landmark_px[i][c] / 5;
    }
    for (int i = 0; i < 5; i++)
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++)
                moment[a][b] += (point[i][a] - mean[a]) * (point[i][b] - mean[b]);
    for (int c = 0; c < 2; c++) {
        double right[3] = {0};
        for (int i = 0; i < 5; i++)
            for (int a = 0; a < 3; a++)
                right[a] += (point[i][a] - mean[a]) * ((double)landmark_px[i][c] - at[c]);
        solve3((const double(*)[3])moment, right, row[c]);
    }
}

static void measure_pose(const arc_face *face, arc_quality *q) {
    double row[2][3], length[2];
    fit_camera(face->landmark_px, row);
    for (int c = 0; c < 2; c++) {
        length[c] = sqrt(row[c][0] * row[c][0] + row[c][1] * row[c][1] + row[c][2] * row[c][2]);
        if (!(length[c] > 0))
            return; /* landmarks that fall together, or are not finite */
        for (int a = 0; a < 3; a++)
            row[c][a] /= length[c];
    }
    /* the nose's direction, which is the third column of the turn */
    const double right = row[0][2], down = row[1][2], towards = row[0][0] * row[1][1] - row[0][1] * row[1][0];
    q->roll_deg = degrees * atan2(row[1][0], row[0][0]);
    /* seen upright, as `looks to the right` is meant */
    const double turn = -q->roll_deg / degrees, across = right * cos(turn) - down * sin(turn),
                 along = right * sin(turn) + down * cos(turn);
    q->yaw_deg = degrees * atan2(across, fabs(towards));
    q->pitch_deg = degrees * atan2(-along, hypot(across, towards));
    q->pose = fabs(towards) / sqrt(right * right + down * down + towards * towards);
}

static double grey_at(const arc_image *image, int x, int y) {
    const uint8_t *p = image->data + (ptrdiff_t)y * image->stride_bytes + (ptrdiff_t)x * 3;
    const int bgr = image->format == ARC_BGR8;
    return 0.299 * p[bgr ? 2 : 0] + 0.587 * p[1] + 0.114 * p[bgr ? 0 : 2];
}

static double variance(double sum, double squares, double count) {
    return ARC_MAX(0.0, squares / count - sum / count * (sum / count));
}

/* Over eyes, nose and mouth; pixels are as far apart as in a crop that is 112 wide, whatever the template. */
static double sharpness_of(const arc_image *crop) {
    const int step = ARC_MAX(1, (int)lround(crop->width_px / WIDTH));
    const int x0 = ARC_MAX(step, crop->width_px / 5), x1 = crop->width_px - x0;
    const int y0 = ARC_MAX(step, crop->height_px / 3), y1 = crop->height_px - ARC_MAX(step, crop->height_px / 10);
    double sum = 0, squares = 0, edges = 0, edge_squares = 0, count = 0;
    for (int y = y0; y < y1; y += step)
        for (int x = x0; x < x1; x += step) {
            const double here = grey_at(crop, x, y);
            const double edge = grey_at(crop, x - step, y) + grey_at(crop, x + step, y) + grey_at(crop, x, y - step) +
                                grey_at(crop, x, y + step) - 4 * here;
            sum += here;
            squares += here * here;
            edges += edge;
            edge_squares += edge * edge;
            count++;
        }
    if (count < 1)
        return 0;
    /* + 1: a plain area has no structure, whatever its rounding */
    const double ratio = variance(edges, edge_squares, count) / (variance(sum, squares, count) + 1);
    return ratio / (ratio + SHARPNESS);
}

static void measure_place(const arc_result_face *face, arc_quality *q) {
    const arc_face *f = &face->face;
    const double width = face->crop.data ? face->crop.width_px : WIDTH;
    double matrix[2][3], residual_px;
    if (arc_align_estimate(f->landmark_px, ARC_TEMPLATE_112, matrix, &residual_px, NULL) != ARC_OK)
        return;
    q->residual_px = residual_px;
    q->alignment = 1 / (1 + (residual_px / RESIDUAL_PX) * (residual_px / RESIDUAL_PX));
    q->eyes_px = EYES_PX / hypot(matrix[0][0], matrix[1][0]);
    q->size = ARC_MIN(1.0, q->eyes_px / (EYES_PX * width / WIDTH));
    measure_pose(f, q);
}

arc_quality arc_quality_unknown(void) {
    return (arc_quality){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

void arc_quality_values(const arc_quality *q, double value[ARC_QUALITY_PARTS]) {
    const double all[ARC_QUALITY_PARTS] = {q->detector, q->alignment, q->sharpness, q->size, q->pose, q->norm};
    memcpy(value, all, sizeof all);
}

static double combine(const arc_quality *q) {
    double value[ARC_QUALITY_PARTS], sum = 0, weights = 0;
    arc_quality_values(q, value);
    for (int i = 0; i < ARC_QUALITY_PARTS; i++)
        if (!isnan(value[i])) {
            sum += arc_quality_parts[i].weight * log(ARC_MAX(value[i], 1e-6));
            weights += arc_quality_parts[i].weight;
        }
    return weights > 0 ? exp(sum / weights) : NAN;
}

/* 0 for the median of ordinary pictures, 1 where the worst 5 % begin. */
static double unusual(const arc_quality_part *p, double value) {
    return isnan(value) || p->weight <= 0 ? -INFINITY : log(p->typical / ARC_MAX(value, 1e-6)) / log(p->typical / p->low);
}

int arc_quality_weakest(const arc_quality *q) {
    double value[ARC_QUALITY_PARTS], most = -INFINITY;
    int weakest = -1;
    arc_quality_values(q, value);
    for (int i = 0; i < ARC_QUALITY_PARTS; i++) {
        const double here = unusual(&arc_quality_parts[i], value[i]);
        if (here > most && (i != ARC_QUALITY_NORM || most < 1)) { /* the norm is the last */
            most = here;
            weakest = i;
        }
    }
    return weakest;
}

void arc_face_quality(const arc_result_face *face, arc_face_origin from, double typical_norm, arc_quality *out) {
    *out = arc_quality_unknown();
    if (from == ARC_FACE_DETECTED)
        out->detector = ARC_MIN(1.0, (double)face->face.score);
    if (from != ARC_FACE_CROP)
        measure_place(face, out);
    if (face->crop.data)
        out->sharpness = sharpness_of(&face->crop);
    if (typical_norm > 0 && face->norm > 0)
        out->norm = 1 / (1 + pow(SHORT_NORM * typical_norm / (double)face->norm, 4));
    out->combined = combine(out);
}
