/* drawn: faces drawn from random numbers, for training and tests without photographs. An identity is what stays the same about
 * a person: shapes of head and features, colours of skin, hair and eyes, hair style, beard, marks. A view is what differs from
 * picture to picture and never depends on the identity: pose, expression, light, background, glasses, things in front of the
 * face, blur, noise. Both are made from a seed and numbers alone, so every machine draws the same pixels. data/drawn_set.c
 * writes whole data sets.
 *
 * Faces are aligned as by a detector with a small error: by the similarity that maps five slightly moved landmarks to the
 * ArcFace template. */
#ifndef ARC_DRAWN_DRAWN_H
#define ARC_DRAWN_DRAWN_H

#include "base/base.h"

/* Lengths are in pixels of the 112 x 112 template, from a point between its eyes and mouth: x to the right, y down, z towards
 * the viewer. */
typedef struct arc_drawn_identity {
    float skin[3], lip[3], hair[3], iris[3]; /* 0..255 */
    struct {
        float width, cheek, jaw, jaw_y, chin_width, chin_y, crown_y; /* half widths */
        float ear, age;
    } head;
    struct {
        float x, y, width, height, tilt, iris, crease, lash, bag;
    } eye;
    struct {
        float up, length, thick, arch, tilt, dark;
    } brow;
    struct {
        float tip_y, width, bridge, nostril, tip_z;
    } nose;
    struct {
        float y, width, upper, lower, bow, rest;
    } mouth;
    struct {
        int style; /* index into the table in hair.c */
        float volume, line_y, part, length, wave, streak;
    } hair_shape;
    struct {
        int style; /* 0 none, 1 stubble, 2 moustache, 3 goatee, 4 full */
        float dense;
    } beard;
    struct {
        int moles, freckles;
        float at[6][3]; /* x, y, radius */
        uint64_t freckle_key;
    } marks;
} arc_drawn_identity;

typedef struct arc_drawn_view {
    float yaw, pitch; /* radians */
    float smile, open, blink, raise, gaze[2], squeeze;
    float jitter[5][2];                               /* of the landmarks, in px */
    float light[3], ambient, gain, contrast, tint[3]; /* light: unit vector towards it */
    bool gray;
    float back[2][3], back_turn;
    int back_spots;
    float cloth[3];
    int glasses; /* 0 none, 1 frames, 2 dark */
    float glass_size, glass_round, glass_colour[3];
    int cover; /* 0 nothing, 1 a bar from the side, 2 a mask, 3 a cap, 4 the shape of a hand from below */
    float cover_at, cover_turn, cover_colour[3];
    float blur, low_res, noise; /* blur: passes; low_res: 1 = none */
    float hair_shift;
    uint64_t key; /* seed of what is random within the picture */
} arc_drawn_view;

void arc_drawn_identity_make(arc_drawn_identity *out, uint64_t seed, uint64_t identity);
/* nuisance 0..1 (to 2): how much views differ; 0: a frontal portrait, the same for every view. */
void arc_drawn_view_make(arc_drawn_view *out, uint64_t seed, uint64_t identity, uint64_t view, float nuisance);

/* Where the face is: aligned, or anywhere in a larger picture. */
typedef struct arc_drawn_place {
    int size_px;                          /* of the square picture */
    bool free;                            /* false: aligned to the template, scaled to size_px */
    float x_px, y_px, scale, turn_radian; /* free: position of the face's origin, and picture pixels per template pixel */
} arc_drawn_place;

#define ARC_DRAWN_MAX_SIZE_PX 1024
/* Memory that one drawing needs. */
size_t arc_drawn_work_bytes(int size_px);
/* rgb: [size, size, 3]. landmark_px: the positions of the five landmarks. work: arc_drawn_work_bytes, aligned to 64. */
void arc_drawn_draw(const arc_drawn_identity *who, const arc_drawn_view *view, const arc_drawn_place *place, void *work,
                    uint8_t *rgb, float landmark_px[5][2]);

#endif
