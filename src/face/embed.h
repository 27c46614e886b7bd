/* face: what other rooms need of an embedder beyond <arcface/face.h>. */
#ifndef ARC_FACE_EMBED_H
#define ARC_FACE_EMBED_H

#include <arcface/face.h>

const arc_contract *arc_embedder_contract(const arc_embedder *embedder);

/* What a model may take and give beside crops and embeddings. */
typedef struct arc_embed_extra {
    const float (*points)[5][2]; /* [count], pixels of the crop, for models that take points; NULL: the template's */
    float *norm;                 /* [count] as in arc_result_face; NULL: it is not wanted */
    float *plain; /* [count][dim], with flip: the embeddings without the mirrored view; NULL: they are not wanted */
} arc_embed_extra;
/* Where the crop of this template shows the points of a face, out: [5][2]; the template's own for a face without landmarks. */
void arc_embed_points(const arc_face *face, arc_template align, float out[5][2]);
/* The same points, [5][2], in the mirror image of the crop: left and right exchanged. */
void arc_embed_mirror_points(const float points[5][2], int width_px, float out[5][2]);
/* arc_embed_crops with them. */
arc_status arc_embed_faces(arc_embedder *embedder, const arc_image *crops, const arc_embed_extra *extra, int count, bool flip,
                           float *out, arc_error *err);

#endif
