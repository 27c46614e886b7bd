/* layers: the table of a network's layers: counted here (layers.c), timed by bench, and told by layers_text.c and
 * layers_json.c. */
#ifndef ARC_MODEL_LAYERS_H
#define ARC_MODEL_LAYERS_H

#include "base/text.h"
#include "model/model.h"
#include <arcface/profile.h>

/* A profile without times: a row for each node, in the graph's order. input: in the order of the graph's inputs; NULL: shapes are
 * not known. Ownership: arc_profile_free. Errors: ENOMEM, ESHAPE. */
arc_status arc_layers_count(arc_context *ctx, const arc_model *m, const arc_shape *input, arc_flops_convention convention,
                            arc_profile **out, arc_error *err);
/* What lives as long as the profile. */
arc_arena *arc_layers_arena(arc_profile *p);
/* Adds steps, [steps], which the profile's arena owns: finds the rows of each and adds rows for those that no node asked for.
 * Errors: ENOMEM. */
arc_status arc_layers_set_steps(arc_profile *p, const arc_graph *g, arc_profile_step *step, int steps, arc_error *err);

/* A row by what it is sorted by. */
typedef struct arc_layer_place {
    double key;
    int row;
} arc_layer_place;
/* All rows in that order, [p->rows]. */
void arc_layers_order(const arc_profile *p, arc_profile_sort sort, arc_layer_place *order);
/* Bytes that the row moves, and operations for each of them; 0 where neither is known. */
int64_t arc_layer_bytes(const arc_profile_row *r);
double arc_layer_intensity(const arc_profile_row *r);
/* The step whose time stands beside this row; NULL: none does. */
const arc_profile_step *arc_layer_timed(const arc_profile *p, int row);
/* "1x64x56x56"; "?" where it is not known. */
void arc_layer_shape(int rank, const int64_t *dim, char *text, size_t bytes);

/* layers_text.c: the rows `order`, [count], with a line of heads; the steps, a line each. */
void arc_layers_put_text(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count);
void arc_layers_put_steps(arc_text *t, const arc_profile *p);
/* layers_json.c: an array of an object a row; an object a step; the whole profile as an object on several lines; rows as lines
 * of comma-separated values with a line of heads. */
void arc_layers_put_json(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count);
void arc_layers_put_step_json(arc_text *t, const arc_profile *p, int index);
void arc_layers_put_profile_json(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count);
void arc_layers_put_csv(arc_text *t, const arc_profile *p, const arc_layer_place *order, int count);

#endif
