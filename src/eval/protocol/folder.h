/* eval: folders of identities, embedded: what their three protocols (all pairs, searches, searches among distractors) share. */
#ifndef ARC_EVAL_PROTOCOL_FOLDER_H
#define ARC_EVAL_PROTOCOL_FOLDER_H

#include "eval/eval_internal.h"

typedef struct arc_folder_set {
    arc_arena arena;
    const char **path; /* [images], sorted by identity, then by name */
    int *identity;     /* [images] */
    int64_t images, capacity;
    int identities;
} arc_folder_set;

/* The data of one evaluation of a folder. */
typedef struct arc_folder_work {
    arc_context *ctx;
    arc_folder_set set;
    arc_rows rows;
    arc_evaluation *e;
    arc_evaluate_options opt;
} arc_folder_work;

arc_status arc_folder_work_open(arc_folder_work *w, arc_context *ctx, const char *protocol, const arc_evaluate_options *opt,
                                arc_error *err);
/* Gives the evaluation to the caller, or frees it after a failure; frees everything else. */
void arc_folder_work_close(arc_folder_work *w, arc_status st, arc_evaluation **out);
/* Appends the pictures of dir/x/; with `loose` also those directly in dir. The set begins zeroed but for its arena. */
arc_status arc_folder_add(arc_folder_set *f, const arc_alloc *a, const char *dir, bool loose, arc_error *err);
void arc_folder_close(const arc_alloc *a, arc_folder_set *f);
/* Embeds all pictures into unit rows and fills the provenance. */
arc_status arc_folder_embed(arc_folder_work *w, const arc_model *model, const char *name, const char *rule, arc_error *err);
arc_status arc_folder_missing_note(const arc_folder_work *w, arc_error *err);

#endif
