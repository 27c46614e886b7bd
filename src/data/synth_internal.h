/* What the units that draw a face share: the canvas, the head in space, and small arithmetic that is the same on every machine. */
#ifndef ARC_SYNTH_INTERNAL_H
#define ARC_SYNTH_INTERNAL_H

#include "data/synth.h"

/* ---- synth_canvas.c: shapes with exact edges on planes of float ---- */

typedef struct arc_point {
    float x, y;
} arc_point;

typedef struct arc_canvas {
    int size, stride;         /* stride: of `cover`, in floats */
    float *plane[3];          /* [size*size], 0..255 */
    float *cover;             /* [size][stride] edges of the shape that is being filled; zero between shapes */
    float *skin, *eye, *head; /* [size*size] masks 0..1: what belongs to the face, one eye, skin or hair */
} arc_canvas;

#define ARC_SHAPE_MAX 256
typedef struct arc_shape {
    arc_point at[ARC_SHAPE_MAX];
    int count;
} arc_shape;

void arc_canvas_init(arc_canvas *c, int size, void *memory);
void arc_shape_add(arc_shape *s, arc_point p);
/* Replaces control points by a smooth closed (open) curve through them, `steps` points from each to the next. */
void arc_shape_smooth(arc_shape *s, int steps, bool closed);
/* A curve's control points become a band: half widths in px at the ends and the middle. */
void arc_shape_band(arc_shape *s, float from, float middle, float to);
void arc_shape_ellipse(arc_shape *s, arc_point centre, float a, float b, float turn);

/* clip, keep: masks or NULL. keep gets the shape's coverage: replaced, or raised to it. */
typedef struct arc_paint {
    float colour[3], alpha;
    const float *clip;
    float *keep;
    bool raise;
} arc_paint;
void arc_canvas_fill(arc_canvas *c, const arc_shape *s, const arc_paint *paint);
/* A soft spot: alpha falls to 0 at the ellipse. */
void arc_canvas_spot(arc_canvas *c, arc_point centre, float a, float b, float turn, const arc_paint *paint);

/* One pass of (t, 1-2t, t) in both directions. */
void arc_plane_soften(float *plane, int size, float t);

/* ---- synth_draw.c: the head in space ---- */

typedef struct arc_head {
    const arc_synth_identity *who;
    const arc_synth_view *view;
    arc_canvas *canvas;
    float sine[2], cosine[2]; /* yaw, pitch */
    float matrix[2][3];       /* projected -> picture px */
    float scale;              /* of the matrix */
} arc_head;
arc_point arc_head_at(const arc_head *h, float x, float y, float z);
/* z of the face's surface there. */
float arc_head_surface(const arc_head *h, float x, float y);
arc_point arc_head_on(const arc_head *h, float x, float y);           /* arc_head_at on the surface */
arc_point arc_head_rim(const arc_head *h, float x, float y, float z); /* silhouettes: heads don't get narrow when they turn */
void arc_head_landmark(const arc_head *h, int k, float out[3]);

void arc_synth_back(const arc_head *h);
void arc_synth_hair_behind(const arc_head *h);
void arc_synth_skin(const arc_head *h);
void arc_synth_marks(const arc_head *h);
void arc_synth_beard(const arc_head *h);
void arc_synth_hair_front(const arc_head *h);
void arc_synth_eyes(const arc_head *h);
void arc_synth_brows(const arc_head *h);
void arc_synth_nose(const arc_head *h);
void arc_synth_mouth(const arc_head *h);
void arc_synth_glasses(const arc_head *h);
void arc_synth_cover(const arc_head *h);
void arc_synth_finish(const arc_head *h, uint8_t *rgb);

/* ---- small arithmetic ---- */

void arc_synth_turn(float radian, float *sine, float *cosine);
static inline float arc_mix(float a, float b, float t) {
    return a + (b - a) * t;
}
static inline float arc_clamp(float v, float least, float most) {
    return v < least ? least : v > most ? most : v;
}
static inline float arc_between(arc_rng *r, float least, float most) {
    return least + (most - least) * arc_rng_uniform(r);
}
static inline arc_paint arc_paint_of(const float colour[3], float times, float alpha) {
    return (arc_paint){.colour = {arc_clamp(colour[0] * times, 0, 255), arc_clamp(colour[1] * times, 0, 255),
                                  arc_clamp(colour[2] * times, 0, 255)},
                       .alpha = alpha};
}

#endif
