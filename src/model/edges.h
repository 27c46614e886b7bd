/* edges: what the inputs and outputs of a graph are. */
#ifndef ARC_MODEL_EDGES_H
#define ARC_MODEL_EDGES_H

#include "graph/graph.h"

/* How an input holds a picture. */
typedef enum arc_picture_layout {
    ARC_PICTURE_NONE,     /* it holds none */
    ARC_PICTURE_PLANES,   /* [N,3,H,W] or [3,H,W] */
    ARC_PICTURE_LAST,     /* [N,H,W,3] or [H,W,3] */
    ARC_PICTURE_GRAY,     /* [N,1,H,W] or [1,H,W] */
    ARC_PICTURE_GRAY_LAST /* [N,H,W,1] or [H,W,1] */
} arc_picture_layout;
arc_picture_layout arc_edges_layout(const arc_shape *s);

int arc_edges_picture(const arc_graph *g);               /* the input that takes the picture; -1: none does */
bool arc_edges_is_points(const arc_graph *g, int input); /* [N,5,2] or [N,10]: five points of the face */

/* Numbers of an output for one picture; 0: a map; -1: not known. */
int64_t arc_edges_width(const arc_graph *g, int output);
bool arc_edges_is_row(const arc_graph *g, int output); /* it may be an embedding */
int arc_edges_embedding(const arc_graph *g);           /* -1: no output may be one */
int arc_edges_norm(const arc_graph *g, int embedding); /* one number a picture beside the embedding; -1: none */

/* By which rule each was found; "" where there is nothing to say. */
typedef struct arc_edges_why {
    char input[256], output[512];
} arc_edges_why;
/* Fills `why` for the input `picture` and the output `embedding` of a graph that is as its file has it; named: by the caller. */
void arc_edges_explain(const arc_graph *g, int picture, int embedding, bool input_named, bool output_named, arc_edges_why *why);

/* adapt.c: gives the graph the form that all of the project works on, in place: the picture is input 0, float32 [N,3,H,W]; the
 * embedding is output 0 and its norm output 1. Layers that lead to what the file takes are called arcface.input.*. The names
 * overrule the rules; NULL leaves it to them; *why is filled. Graphs that have that form, and detectors, stay as they are.
 * Errors: EINVAL for a name that the graph does not have, ENOMEM. */
arc_status arc_graph_adapt(arc_graph *g, const char *input, const char *output, arc_edges_why *why, arc_error *err);

#define ARC_ADAPT_GRAY "arcface.input.gray"
#define ARC_ADAPT_LAST "arcface.input.last"
#define ARC_ADAPT_CAST "arcface.input.cast"
#define ARC_ADAPT_SINGLE "arcface.input.single"
bool arc_adapt_has(const arc_graph *g, const char *layer); /* one of these */

#endif
