/* The five-point templates and the least-squares similarity from landmarks to a template (Umeyama 1991; in two dimensions it has
 * a closed form, which never mirrors), all in double; and both with the warp in one step. */
#include "base/base.h"
#include <arcface/face.h>
#include <math.h>

void arc_template_get(arc_template t, int *width_px, int *height_px, float points_px[5][2]) {
    /* InsightFace's 112 x 112 points: left eye, right eye, nose, left and right mouth corner. */
    static const double base[5][2] = {
        {38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}};
    double scale = 1, shift_x = 0;
    int width = 112, height = 112;
    switch (t) {
    case ARC_TEMPLATE_112X96:
        width = 96;
        shift_x = -8;
        break;
    case ARC_TEMPLATE_128: /* the 112 template in the middle, at the same scale */
        width = height = 128;
        shift_x = 8;
        break;
    case ARC_TEMPLATE_224:
        width = height = 224;
        scale = 2;
        break;
    case ARC_TEMPLATE_96:
    case ARC_TEMPLATE_144:
    case ARC_TEMPLATE_160:
    case ARC_TEMPLATE_192:
    case ARC_TEMPLATE_256: {
        static const int side[] = {96, 144, 160, 192, 256};
        width = height = side[t - ARC_TEMPLATE_96];
        scale = width / 112.0;
        break;
    }
    case ARC_TEMPLATE_112:
    default:
        break;
    }
    if (width_px)
        *width_px = width;
    if (height_px)
        *height_px = height;
    for (int i = 0; points_px && i < 5; i++) {
        points_px[i][0] = (float)(base[i][0] * scale + shift_x);
        points_px[i][1] = (float)(base[i][1] * scale);
    }
}

static double residual_of(const float p[5][2], const float q[5][2], const double m[2][3]) {
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        double dx = m[0][0] * (double)p[i][0] + m[0][1] * (double)p[i][1] + m[0][2] - (double)q[i][0];
        double dy = m[1][0] * (double)p[i][0] + m[1][1] * (double)p[i][1] + m[1][2] - (double)q[i][1];
        sum += dx * dx + dy * dy;
    }
    return sqrt(sum / 5);
}

arc_status arc_align_estimate(const float landmark_px[5][2], arc_template t, double matrix[2][3], double *residual_px,
                              arc_error *err) {
    float q[5][2];
    arc_template_get(t, NULL, NULL, q);
    for (int i = 0; i < 6; i++)
        matrix[i / 3][i % 3] = 0;
    if (residual_px)
        *residual_px = 0;
    double pm[2] = {0, 0}, qm[2] = {0, 0};
    for (int i = 0; i < 5; i++)
        for (int c = 0; c < 2; c++) {
            if (!isfinite(landmark_px[i][c]))
                return arc_fail(err, ARC_EINVAL, "landmark %d is not a number; the face cannot be aligned", i);
            pm[c] += (double)landmark_px[i][c] / 5;
            qm[c] += (double)q[i][c] / 5;
        }
    double dot = 0, cross = 0, spread = 0;
    for (int i = 0; i < 5; i++) {
        double px = (double)landmark_px[i][0] - pm[0], py = (double)landmark_px[i][1] - pm[1];
        double qx = (double)q[i][0] - qm[0], qy = (double)q[i][1] - qm[1];
        dot += px * qx + py * qy;
        cross += px * qy - py * qx;
        spread += px * px + py * py;
    }
    double a = dot / spread, b = cross / spread;
    /* spread of a hundredth of a pixel: five points in one place */
    if (!(spread > 1e-4) || !isfinite(a) || !isfinite(b) || (a == 0 && b == 0))
        return arc_fail(err, ARC_EINVAL, "the five landmarks fall together; the face cannot be aligned");
    matrix[0][0] = a;
    matrix[0][1] = -b;
    matrix[0][2] = qm[0] - (a * pm[0] - b * pm[1]);
    matrix[1][0] = b;
    matrix[1][1] = a;
    matrix[1][2] = qm[1] - (b * pm[0] + a * pm[1]);
    if (residual_px)
        *residual_px = residual_of(landmark_px, (const float(*)[2])q, (const double(*)[3])matrix);
    return ARC_OK;
}

arc_status arc_align_face(arc_context *ctx, const arc_image *image, const float landmark_px[5][2], arc_template t, arc_warp how,
                          arc_image *crop, double *residual_px, arc_error *err) {
    double matrix[2][3];
    int width_px, height_px;
    *crop = (arc_image){0};
    arc_template_get(t, &width_px, &height_px, NULL);
    arc_status st = arc_align_estimate(landmark_px, t, matrix, residual_px, err);
    if (st == ARC_OK)
        st = arc_image_new(ctx, width_px, height_px, crop, err);
    if (st == ARC_OK)
        st = arc_align_warp(image, (const double(*)[3])matrix, how, crop, err);
    if (st != ARC_OK)
        arc_image_free(ctx, crop);
    return st;
}
