/* Which input of a graph is the picture, which output the embedding and which its norm, by written rules (docs/FORMATS.md). */
#include "model/edges.h"
#include "model/model.h"
#include "op/op.h"
#include <stdio.h>
#include <string.h>

#define MIN_DIM 64 /* shorter output rows are attributes (gender, age), not embeddings */
#define MAX_DIM 4096
#define MAX_WALK 16

static const arc_value *input_of(const arc_graph *g, const arc_node *n, int i) {
    return i < n->inputs && n->input[i] >= 0 ? &g->value[n->input[i]] : NULL;
}

/* ---- outputs ---- */

/* Width of the last layer, walking back from the output over nodes that keep it: for graphs whose output shape is not
 * declared. */
static int64_t width_behind(const arc_graph *g, int value) {
    for (int steps = 0; steps < MAX_WALK && value >= 0 && g->value[value].producer >= 0; steps++) {
        const arc_node *n = &g->node[g->value[value].producer];
        const arc_value *w = input_of(g, n, 1);
        if (arc_node_is(n, ARC_KIND_BATCH_NORM) && w && w->data && w->shape.rank == 1)
            return w->shape.dim[0];
        if (arc_node_is(n, ARC_KIND_GEMM) && w && w->data && w->shape.rank == 2)
            return w->shape.dim[arc_attr_int(n, "transB", 0) ? 0 : 1];
        if (arc_node_is(n, ARC_KIND_MATMUL) && w && w->data && w->shape.rank == 2)
            return w->shape.dim[1];
        if (arc_node_is(n, ARC_KIND_CONV) && w && w->data && w->shape.rank == 4)
            return w->shape.dim[0]; /* a convolution over the whole 7x7 map, then Flatten or Reshape */
        value = n->inputs > 0 ? n->input[0] : -1;
    }
    return -1;
}

/* All but one of the dims behind the batch are 1. Rank 1: the row of a single picture. */
static int64_t width_of(const arc_shape *s) {
    int64_t width = 1;
    if (s->rank == 1)
        return s->dim[0];
    for (int i = 1; i < s->rank; i++) {
        if (s->dim[i] != 1 && width != 1)
            return 0; /* a map or a row of tokens */
        if (s->dim[i] != 1)
            width = s->dim[i];
    }
    return width;
}

int64_t arc_edges_width(const arc_graph *g, int output) {
    const arc_value *v = &g->value[g->output[output]];
    const int64_t width = v->shape.rank < 0 ? -1 : width_of(&v->shape);
    return width < 0 && (v->shape.rank < 0 || v->shape.rank <= 2) ? width_behind(g, g->output[output]) : width;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool has_word(const char *name, const char *const *word, size_t words) {
    char text[256];
    size_t n = 0;
    for (; name[n] && n + 1 < sizeof text; n++)
        text[n] = lower(name[n]);
    text[n] = '\0';
    for (size_t i = 0; i < words; i++)
        if (strstr(text, word[i]))
            return true;
    return false;
}

/* Whether `value` is computed from `from` by a short chain of layers. */
static bool comes_from(const arc_graph *g, int value, int from) {
    for (int steps = 0; steps < MAX_WALK && value >= 0 && g->value[value].producer >= 0; steps++) {
        const arc_node *n = &g->node[g->value[value].producer];
        for (int i = 0; i < n->inputs; i++)
            if (n->input[i] == from)
                return true;
        value = n->inputs > 0 ? n->input[0] : -1;
    }
    return false;
}

static int score_of(const arc_graph *g, int output) {
    static const char *const good[] = {"embed", "feat", "fc1"};
    static const char *const other[] = {"logit", "prob", "class", "land", "norms"};
    const char *name = g->value[g->output[output]].name;
    const int64_t width = arc_edges_width(g, output);
    int score = has_word(name, good, ARC_COUNT(good)) ? 8 : 0;
    score -= has_word(name, other, ARC_COUNT(other)) ? 8 : 0;
    for (int i = 0; i < g->outputs; i++)
        if (i != output && arc_edges_is_row(g, i) && comes_from(g, g->output[i], g->output[output]))
            score += 4; /* logits are computed from the embedding */
    return score + (width == 512 ? 2 : width == 128 || width == 256 || width == 1024 ? 1 : 0);
}

bool arc_edges_is_row(const arc_graph *g, int output) {
    const int64_t width = arc_edges_width(g, output);
    const arc_dtype t = g->value[g->output[output]].dtype;
    return (t == ARC_F32 || t == ARC_NO_DTYPE) && width >= MIN_DIM && width <= MAX_DIM;
}

int arc_edges_embedding(const arc_graph *g) {
    int best = -1, best_score = 0;
    if (g->outputs == 1)
        return arc_edges_is_row(g, 0) ? 0 : -1;
    for (int i = 0; i < g->outputs; i++) {
        if (!arc_edges_is_row(g, i) || arc_edges_width(g, i) % 32 != 0)
            continue;
        const int score = score_of(g, i);
        if (best < 0 || score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

int arc_edges_norm(const arc_graph *g, int embedding) {
    static const char *const words[] = {"norm", "quality", "magn"};
    int single = -1, singles = 0;
    for (int i = 0; i < g->outputs; i++) {
        const arc_value *v = &g->value[g->output[i]];
        const bool one =
            i != embedding && v->shape.rank >= 1 && (v->shape.rank == 1 ? v->shape.dim[0] <= 1 : width_of(&v->shape) == 1);
        if (one && has_word(v->name, words, ARC_COUNT(words)))
            return i;
        single = one ? i : single;
        singles += one;
    }
    return singles == 1 && g->outputs == 2 ? single : -1;
}

/* ---- inputs ---- */

arc_picture_layout arc_edges_layout(const arc_shape *s) {
    if (s->rank < 0)
        return ARC_PICTURE_PLANES; /* nothing is declared: what most files are */
    const int64_t *d = s->rank == 4 ? s->dim + 1 : s->dim;
    if (s->rank != 4 && s->rank != 3)
        return ARC_PICTURE_NONE;
    if (d[0] == 3)
        return ARC_PICTURE_PLANES;
    if (d[2] == 3)
        return ARC_PICTURE_LAST;
    if (d[0] == 1 && d[1] != 1)
        return ARC_PICTURE_GRAY;
    if (d[2] == 1 && d[1] != 1)
        return ARC_PICTURE_GRAY_LAST;
    return s->rank == 4 && d[0] < 0 ? ARC_PICTURE_PLANES : ARC_PICTURE_NONE;
}

bool arc_edges_is_points(const arc_graph *g, int input) {
    const arc_value *v = &g->value[g->input[input]];
    const arc_shape *s = &v->shape;
    return (v->dtype == ARC_F32 || v->dtype == ARC_NO_DTYPE) &&
           ((s->rank == 3 && s->dim[1] == 5 && s->dim[2] == 2) || (s->rank == 2 && s->dim[1] == 10));
}

int arc_edges_picture(const arc_graph *g) {
    for (int i = 0; i < g->inputs; i++)
        if (!arc_edges_is_points(g, i) && arc_edges_layout(&g->value[g->input[i]].shape) != ARC_PICTURE_NONE)
            return i;
    return -1;
}

/* ---- what is said of both ---- */

static void explain_picture(const arc_graph *g, int picture, bool named, char *out, size_t bytes) {
    static const char *const layouts[] = {[ARC_PICTURE_PLANES] = "three channels first",
                                          [ARC_PICTURE_LAST] = "three channels last",
                                          [ARC_PICTURE_GRAY] = "one channel first",
                                          [ARC_PICTURE_GRAY_LAST] = "one channel last"};
    const arc_value *v = &g->value[g->input[picture]];
    const arc_picture_layout layout = arc_edges_layout(&v->shape);
    const char *how = v->shape.rank < 0            ? "no shape is declared"
                      : layout == ARC_PICTURE_NONE ? "it looks like no picture"
                                                   : layouts[layout];
    snprintf(out, bytes, "'%.80s': %s, %s%s%s", v->name,
             named            ? "named by the caller"
             : g->inputs == 1 ? "the only input"
                              : "the first input that is a picture",
             how, v->shape.rank == 3 ? ", without a batch" : "",
             v->dtype != ARC_F32 && v->dtype != ARC_NO_DTYPE ? ", whole numbers" : "");
}

static void explain_embedding(const arc_graph *g, int embedding, bool named, char *out, size_t bytes) {
    int used = snprintf(out, bytes, "'%.80s': %s", g->value[g->output[embedding]].name,
                        named             ? "named by the caller or the file's metadata"
                        : g->outputs == 1 ? "the only output"
                                          : "the highest sum of the rules");
    if (named || g->outputs == 1)
        return;
    for (int i = 0; i < g->outputs && used > 0 && (size_t)used < bytes; i++) {
        const bool row = arc_edges_is_row(g, i) && arc_edges_width(g, i) % 32 == 0;
        used += snprintf(out + used, bytes - (size_t)used, row ? "; '%.40s' %d" : "; '%.40s' is no embedding",
                         g->value[g->output[i]].name, score_of(g, i));
    }
}

void arc_edges_explain(const arc_graph *g, int picture, int embedding, bool input_named, bool output_named, arc_edges_why *why) {
    if (picture >= 0)
        explain_picture(g, picture, input_named, why->input, sizeof why->input);
    if (embedding >= 0)
        explain_embedding(g, embedding, output_named, why->output, sizeof why->output);
}
