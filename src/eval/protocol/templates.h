/* eval: pools the embeddings of pictures to templates, in one pass over the pictures in template order. template_pairs.c
 * verifies them. */
#ifndef ARC_EVAL_PROTOCOL_TEMPLATES_H
#define ARC_EVAL_PROTOCOL_TEMPLATES_H

#include "eval/eval_internal.h"
#include <arcface/evaluate_template.h>

typedef struct arc_pooled {
    int number, media;
    int64_t index;
} arc_pooled;
/* Sorts by template, media, index; returns the number of templates. */
int64_t arc_pooled_sort(arc_pooled *p, int64_t n);

typedef struct arc_pooling {
    const arc_alloc *alloc;
    arc_templates out;
    double *sum; /* of the current media */
    int media, pictures;
} arc_pooling;
arc_status arc_pooling_begin(arc_pooling *p, const arc_alloc *a, int64_t templates, int dim, arc_error *err);
/* Adds a picture; pictures come in the order of arc_pooled_sort. feature NULL: missing. */
void arc_pooling_put(arc_pooling *p, int number, int media, const float *feature, double weight);
void arc_pooling_end(arc_pooling *p, arc_templates *out);
void arc_pooling_abort(arc_pooling *p);
/* The row of a template number, or among the rows begin..end-1 only; -1: none. */
int64_t arc_templates_find(const arc_templates *t, int number);
int64_t arc_templates_find_among(const arc_templates *t, int number, int64_t begin, int64_t end);

#endif
