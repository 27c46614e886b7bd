/* gallery/migrate: a move of all templates to embeddings of the next generation, whatever makes them: crops and a model, or a
 * function of the old embeddings. What is stored of it, in the gallery's small values:
 *
 *     "migrate"     the binding that the gallery is to have, as JSON; there while a move is going on
 *     "migrate-at"  how far it is: a stage, the id of the last template that was looked at in it, and what was done
 *     "migrate-map" the map, once one was learned
 *     "migrate-old" the generation whose embeddings are to be removed, after the cut-over */
#ifndef ARC_GALLERY_MOVE_H
#define ARC_GALLERY_MOVE_H

#include "gallery/gallery_internal.h"
#include <arcface/face.h>
#include <arcface/gallery_migrate.h>
#include <arcface/protect.h>

typedef struct arc_move {
    arc_gallery *g;
    const arc_gallery_migrate_options *opt;
    arc_gallery_migrate_report report;
    arc_binding target;              /* what the gallery will be bound to */
    arc_embedder *embedder;          /* NULL: a rotation, for which crops are not looked at */
    const arc_protection *from, *to; /* of a rotation; NULL: plain. With an embedder, `to` rotates what it makes */
    float *matrix;                   /* [dim][target.dim], learned when the first template needs it */
    bool matrix_kept;                /* the gallery has it */
    int64_t total;
} arc_move;

/* ---- batch.c ---- */

typedef enum arc_move_stage { ARC_MOVE_CROPS, ARC_MOVE_REST, ARC_MOVE_DONE } arc_move_stage;

/* Templates of one batch: copies, because the transaction that they were read in ends before they are embedded. */
typedef struct arc_move_batch {
    int rows, room;
    int64_t after; /* looked at are those behind it, up to `last` */
    int64_t last;
    bool ended;            /* there are none behind `last` */
    int64_t *id;           /* [room] */
    float *old;            /* [room][dim] */
    float *made;           /* [room][target.dim] */
    arc_image *crop;       /* [room], at the first stage */
    arc_template_row *row; /* [room] */
    arc_arena values;
} arc_move_batch;

arc_status arc_move_batch_begin(arc_move_batch *b, const arc_move *m, arc_error *err);
void arc_move_batch_end(arc_move_batch *b, const arc_move *m);
/* Within a transaction: fills it with templates behind `after` that this stage is for. */
arc_status arc_move_batch_list(arc_move_batch *b, arc_move *m, arc_move_stage stage, arc_error *err);
/* Makes the new embeddings; in no transaction, or in any. */
arc_status arc_move_batch_embed(arc_move_batch *b, arc_move *m, arc_move_stage stage, arc_error *err);
/* Within a transaction that writes: stores them for those templates that are still there. */
arc_status arc_move_batch_store(arc_move_batch *b, arc_move *m, arc_error *err);

/* ---- learn.c ---- */

/* Within a transaction: learns m->matrix from templates that have both embeddings, measures it, and refuses what is too bad. */
arc_status arc_move_learn(arc_move *m, arc_error *err);
/* The new embedding of an old one, by matrix or rotation. */
void arc_move_map(const arc_move *m, const float *old, float *out);
/* [dim]: an embedding of any generation, opened into `buffer`. */
arc_status arc_move_open(const arc_move *m, int generation, int dim, const arc_template_row *row, arc_buffer *buffer,
                         const float **out, arc_error *err);

/* ---- kept_map.c: within a transaction, which writes for the last two ---- */

/* m->matrix and what was measured of it, if a move to this target has learned one already; else NULL as before. */
arc_status arc_move_recall_map(arc_move *m, arc_error *err);
/* Stores it, if there is one that the gallery does not have yet. */
arc_status arc_move_keep_map(arc_move *m, arc_error *err);
arc_status arc_move_forget_map(arc_gallery *g, arc_error *err);

/* ---- move.c ---- */

/* From the beginning, or from where it was left, to the cut-over. target.generation is set. */
arc_status arc_move_run(arc_move *m, arc_error *err);
/* Removes the embeddings of the last generation from all files, if there are any left. */
arc_status arc_move_clean(arc_gallery *g, arc_error *err);
arc_status arc_move_check_options(const arc_gallery_migrate_options *opt, arc_error *err);

#endif
