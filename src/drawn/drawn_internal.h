/* drawn: what the files that draw a face share: the canvas, the head in space, and arithmetic that gives the same bits on
 * every machine. */
#ifndef ARC_DRAWN_DRAWN_INTERNAL_H
#define ARC_DRAWN_DRAWN_INTERNAL_H

#include "drawn/drawn.h"

/* ---- canvas.c: shapes with exact edges on planes of float ---- */

typedef struct arc_drawn_point {
    float x, y;
} arc_drawn_point;

typedef struct arc_drawn_canvas {
    int size, stride;         /* stride: of `cover`, in floats */
    float *plane[3];          /* [size*size], 0..255 */
    float *cover;             /* [size][stride] edges of the shape that is being filled; zeros between shapes */
    float *skin, *eye, *head; /* [size*size] masks 0..1: the face, one eye, skin or hair */
} arc_drawn_canvas;

#define ARC_DRAWN_SHAPE_MAX 256
typedef struct arc_drawn_outline {
    arc_drawn_point at[ARC_DRAWN_SHAPE_MAX];
    int count;
} arc_drawn_outline;

void arc_drawn_canvas_init(arc_drawn_canvas *c, int size, void *memory);
void arc_drawn_outline_add(arc_drawn_outline *s, arc_drawn_point p);
/* Replaces the control points by a smooth curve through them, closed or open, with `steps` points from each to the next. */
void arc_drawn_outline_smooth(arc_drawn_outline *s, int steps, bool closed);
/* Turns the control points of a curve into a band; half widths in px at both ends and in the middle. */
void arc_drawn_outline_band(arc_drawn_outline *s, float from, float middle, float to);
void arc_drawn_outline_ellipse(arc_drawn_outline *s, arc_drawn_point centre, float a, float b, float turn);

/* clip, keep: masks or NULL. keep receives the shape's coverage: set to it, or raised to at least it. */
typedef struct arc_drawn_paint {
    float colour[3], alpha;
    const float *clip;
    float *keep;
    bool raise;
} arc_drawn_paint;
void arc_drawn_canvas_fill(arc_drawn_canvas *c, const arc_drawn_outline *s, const arc_drawn_paint *paint);
/* A spot with a soft edge: alpha falls to 0 at the ellipse. */
void arc_drawn_canvas_spot(arc_drawn_canvas *c, arc_drawn_point centre, float a, float b, float turn,
                           const arc_drawn_paint *paint);

/* One pass of a blur by (t, 1-2t, t) in both directions. */
void arc_drawn_plane_blur(float *plane, int size, float t);

/* ---- space.c: the head in space ---- */

typedef struct arc_drawn_head {
    const arc_drawn_identity *who;
    const arc_drawn_view *view;
    arc_drawn_canvas *canvas;
    float sine[2], cosine[2]; /* yaw, pitch */
    float matrix[2][3];       /* projected point -> picture px */
    float scale;              /* of the matrix */
} arc_drawn_head;
arc_drawn_point arc_drawn_head_at(const arc_drawn_head *h, float x, float y, float z);
/* The z of the face's surface at (x, y). */
float arc_drawn_head_surface(const arc_drawn_head *h, float x, float y);
arc_drawn_point arc_drawn_head_on(const arc_drawn_head *h, float x, float y); /* arc_drawn_head_at on the surface */
arc_drawn_point arc_drawn_head_rim(const arc_drawn_head *h, float x, float y,
                                   float z); /* for silhouettes: a head does not get narrower when it turns */
void arc_drawn_head_landmark(const arc_drawn_head *h, int k, float out[3]);
/* Computes the matrix; who, view and the angles must be set. */
void arc_drawn_head_place(arc_drawn_head *h, const arc_drawn_place *place);

/* ---- head.c, hair.c, features.c, finish.c: the parts that draw.c calls, from back to front ---- */

void arc_drawn_back(const arc_drawn_head *h);
void arc_drawn_hair_behind(const arc_drawn_head *h);
void arc_drawn_skin(const arc_drawn_head *h);
void arc_drawn_marks(const arc_drawn_head *h);
void arc_drawn_beard(const arc_drawn_head *h);
void arc_drawn_hair_front(const arc_drawn_head *h);
void arc_drawn_eyes(const arc_drawn_head *h);
void arc_drawn_brows(const arc_drawn_head *h);
void arc_drawn_nose(const arc_drawn_head *h);
void arc_drawn_mouth(const arc_drawn_head *h);
void arc_drawn_glasses(const arc_drawn_head *h);
void arc_drawn_cover(const arc_drawn_head *h);
void arc_drawn_finish(const arc_drawn_head *h, uint8_t *rgb);

/* ---- small arithmetic ---- */

void arc_drawn_turn(float radian, float *sine, float *cosine);
static inline float arc_drawn_mix(float a, float b, float t) {
    return a + (b - a) * t;
}
static inline float arc_drawn_clamp(float v, float least, float most) {
    return v < least ? least : v > most ? most : v;
}
static inline float arc_drawn_between(arc_rng *r, float least, float most) {
    return least + (most - least) * arc_rng_uniform(r);
}
static inline arc_drawn_paint arc_drawn_paint_of(const float colour[3], float times, float alpha) {
    return (arc_drawn_paint){.colour = {arc_drawn_clamp(colour[0] * times, 0, 255), arc_drawn_clamp(colour[1] * times, 0, 255),
                                        arc_drawn_clamp(colour[2] * times, 0, 255)},
                             .alpha = alpha};
}

#endif
