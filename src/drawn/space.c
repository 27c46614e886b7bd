/* drawn: the head in space: its surface and landmarks, their projection, and their place in the picture. */
#include "drawn/drawn_internal.h"
#include <arcface/face.h>
#include <assert.h>
#include <math.h>

#define PIVOT_Z (-30.0f) /* the neck, about which the head turns */
#define CAMERA_Z 420.0f  /* distance of the camera, for some perspective */

static arc_drawn_point project(const arc_drawn_head *h, float x, float y, float z) {
    const float yaw_x = x * h->cosine[0] + (z - PIVOT_Z) * h->sine[0];
    const float yaw_z = (z - PIVOT_Z) * h->cosine[0] - x * h->sine[0];
    const float pitch_y = y * h->cosine[1] - yaw_z * h->sine[1] * 0.8f;
    const float near = CAMERA_Z / (CAMERA_Z - (yaw_z + PIVOT_Z));
    return (arc_drawn_point){yaw_x * near, pitch_y * near};
}

static arc_drawn_point placed(const arc_drawn_head *h, arc_drawn_point p) {
    return (arc_drawn_point){h->matrix[0][0] * p.x + h->matrix[0][1] * p.y + h->matrix[0][2],
                             h->matrix[1][0] * p.x + h->matrix[1][1] * p.y + h->matrix[1][2]};
}

arc_drawn_point arc_drawn_head_at(const arc_drawn_head *h, float x, float y, float z) {
    return placed(h, project(h, x, y, z));
}

float arc_drawn_head_surface(const arc_drawn_head *h, float x, float y) {
    const float u = x / (h->who->head.width * 1.12f), v = (y + 8) / 74;
    return 24 * sqrtf(ARC_MAX(1 - u * u - v * v, 0.0f)) - 22;
}

arc_drawn_point arc_drawn_head_on(const arc_drawn_head *h, float x, float y) {
    return arc_drawn_head_at(h, x, y, arc_drawn_head_surface(h, x, y));
}

arc_drawn_point arc_drawn_head_rim(const arc_drawn_head *h, float x, float y, float z) {
    arc_drawn_point p = project(h, x, y, z);
    p.x += 0.75f * x * (1 - h->cosine[0]);
    return placed(h, p);
}

void arc_drawn_head_landmark(const arc_drawn_head *h, int k, float out[3]) {
    const arc_drawn_identity *p = h->who;
    const float side = k == 0 || k == 3 ? -1 : 1, smile = h->view->smile, open = h->view->open;
    if (k < 2) {
        out[0] = side * p->eye.x;
        out[1] = p->eye.y;
        out[2] = arc_drawn_head_surface(h, out[0], out[1]) - 1;
    } else if (k == 2) {
        out[0] = 0;
        out[1] = p->nose.tip_y;
        out[2] = p->nose.tip_z;
    } else {
        out[0] = side * (p->mouth.width * (1 + 0.16f * smile - 0.12f * open));
        out[1] = p->mouth.y + p->mouth.rest * -0.5f - 1.6f * smile + 1.2f * open;
        out[2] = arc_drawn_head_surface(h, out[0], out[1]) + 1;
    }
}

/* The least-squares similarity that maps the five projected and slightly moved points to the template, as after a detector
 * with a small error. */
static void align(arc_drawn_head *h, int size_px) {
    float from[5][2], to[5][2];
    double matrix[2][3];
    int width, height;
    arc_error err;
    arc_template_get(ARC_TEMPLATE_112, &width, &height, to);
    for (int k = 0; k < 5; k++) {
        float at[3];
        arc_drawn_head_landmark(h, k, at);
        const arc_drawn_point p = project(h, at[0], at[1], at[2]);
        from[k][0] = p.x + h->view->jitter[k][0];
        from[k][1] = p.y + h->view->jitter[k][1];
    }
    const arc_status st = arc_align_estimate((const float(*)[2])from, ARC_TEMPLATE_112, matrix, NULL, &err);
    assert(st == ARC_OK); /* the points of a face never coincide */
    (void)st;
    const float scale = (float)size_px / 112;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++)
            h->matrix[i][k] = (float)matrix[i][k] * scale;
}

void arc_drawn_head_place(arc_drawn_head *h, const arc_drawn_place *place) {
    if (place->free) {
        float sine, cosine;
        arc_drawn_turn(place->turn_radian, &sine, &cosine);
        const float s = place->scale;
        const float m[2][3] = {{s * cosine, -s * sine, place->x_px}, {s * sine, s * cosine, place->y_px}};
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 3; k++)
                h->matrix[i][k] = m[i][k];
    } else {
        align(h, place->size_px);
    }
    h->scale = sqrtf(h->matrix[0][0] * h->matrix[0][0] + h->matrix[1][0] * h->matrix[1][0]);
}
