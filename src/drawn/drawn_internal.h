/* What the units that draw a face share: the canvas, the head in space, and small arithmetic that is the same on every machine. */
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
    float *cover;             /* [size][stride] edges of the shape that is being filled; zero between shapes */
    float *skin, *eye, *head; /* [size*size] masks 0..1: what belongs to the face, one eye, skin or hair */
} arc_drawn_canvas;

#define ARC_DRAWN_SHAPE_MAX 256
typedef struct arc_drawn_outline {
    arc_drawn_point at[ARC_DRAWN_SHAPE_MAX];
    int count;
} arc_drawn_outline;

void arc_drawn_canvas_init(arc_drawn_canvas *c, int size, void *memory);
void arc_drawn_outline_add(arc_drawn_outline *s, arc_drawn_point p);
/* Replaces control points by a smooth closed (open) curve through them, `steps` points from each to the next. */
void arc_drawn_outline_smooth(arc_drawn_outline *s, int steps, bool closed);
/* A curve's control points become a band: half widths in px at the ends and the middle. */
void arc_drawn_outline_band(arc_drawn_outline *s, float from, float middle, float to);
void arc_drawn_outline_ellipse(arc_drawn_outline *s, arc_drawn_point centre, float a, float b, float turn);

/* clip, keep: masks or NULL. keep gets the shape's coverage: replaced, or raised to it. */
typedef struct arc_drawn_paint {
    float colour[3], alpha;
    const float *clip;
    float *keep;
    bool raise;
} arc_drawn_paint;
void arc_drawn_canvas_fill(arc_drawn_canvas *c, const arc_drawn_outline *s, const arc_drawn_paint *paint);
/* A soft spot: alpha falls to 0 at the ellipse. */
void arc_drawn_canvas_spot(arc_drawn_canvas *c, arc_drawn_point centre, float a, float b, float turn,
                           const arc_drawn_paint *paint);

/* One pass of (t, 1-2t, t) in both directions. */
void arc_drawn_plane_soften(float *plane, int size, float t);

/* ---- space.c: the head in space ---- */

typedef struct arc_drawn_head {
    const arc_drawn_identity *who;
    const arc_drawn_view *view;
    arc_drawn_canvas *canvas;
    float sine[2], cosine[2]; /* yaw, pitch */
    float matrix[2][3];       /* projected -> picture px */
    float scale;              /* of the matrix */
} arc_drawn_head;
arc_drawn_point arc_drawn_head_at(const arc_drawn_head *h, float x, float y, float z);
/* z of the face's surface there. */
float arc_drawn_head_surface(const arc_drawn_head *h, float x, float y);
arc_drawn_point arc_drawn_head_on(const arc_drawn_head *h, float x, float y); /* arc_drawn_head_at on the surface */
arc_drawn_point arc_drawn_head_rim(const arc_drawn_head *h, float x, float y,
                                   float z); /* silhouettes: heads don't get narrow when they turn */
void arc_drawn_head_landmark(const arc_drawn_head *h, int k, float out[3]);
/* Sets the matrix; who, view and the turns are set before. */
void arc_drawn_head_place(arc_drawn_head *h, const arc_drawn_place *place);

/* ---- head.c, hair.c, features.c, finish.c: what draw.c paints, back to front ---- */

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
